"""Health: red when workers cannot start or the store takes no files, green again afterwards."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from gan_core.serving import health
from gan_core.serving.health import FULL, NO_WORKER, PROBE_SECONDS, Health, StoreProbe
from gan_core.serving.pool import PoolState
from tests.support.queues import Fakes, until

WELL = PoolState(2, 2, "fake", 0)


def test_workers_that_do_not_start_are_a_failure_until_one_does(fakes: Fakes) -> None:
    """A load balancer sends a class to a server that trains nothing, or never again."""
    (fakes.folder / "never-ready").touch()
    queue = fakes.queue()
    until(lambda: Health(queue.pool()).problems == [NO_WORKER])
    assert Health(queue.pool()).status == "failing"
    (fakes.folder / "never-ready").unlink()
    queue._dispatcher._pool._paused_until = 0.0  # not to wait for it
    until(lambda: Health(queue.pool()).status == "ok")


def test_a_server_that_has_just_begun_is_starting() -> None:
    """A server would be restarted for ever while it loads torch."""
    young = Health(PoolState(2, 0, "", 0))
    assert young.status == "starting" and not young.problems
    assert young.to_dict()["workers"] == {"wanted": 2, "ready": 0, "device": ""}
    assert Health(WELL).status == "ok"


class Disk:
    """Writes, or fails as it is told; and a clock that is wound by hand."""

    def __init__(self) -> None:
        self.error, self.now, self.written = 0, 100.0, 0

    def write(self, path: Path, content: bytes) -> None:
        self.written += 1
        if self.error:
            raise OSError(self.error, "it fails")
        path.write_bytes(content)

    def probe(self, root: Path) -> StoreProbe:
        return StoreProbe(root, self.write, lambda: self.now)


@pytest.mark.parametrize(("error", "said"), [
    (errno.ENOSPC, FULL), (errno.EDQUOT, FULL),
    (errno.EROFS, "The store cannot be written: it fails.")])
def test_a_store_that_takes_no_files_is_a_failure_until_it_does(
    tmp_path: Path, error: int, said: str
) -> None:
    """Runs are lost, and nobody who watches the server knows."""
    disk = Disk()
    probe = disk.probe(tmp_path / "runs")
    assert probe.problem() == ""
    disk.error, disk.now = error, disk.now + PROBE_SECONDS
    assert probe.problem() == said
    broken = Health(WELL, probe.problem())
    assert broken.status == "failing" and not broken.to_dict()["store"]["writable"]
    disk.error, disk.now = 0, disk.now + PROBE_SECONDS
    assert probe.problem() == ""
    assert not list((tmp_path / "runs").iterdir())


def test_many_who_ask_write_one_file(tmp_path: Path) -> None:
    """Health checks wear the disk out."""
    disk = Disk()
    probe = disk.probe(tmp_path)
    assert {probe.problem() for _ in range(50)} == {""} and disk.written == 1


def test_little_room_is_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last megabytes are given away, and the next checkpoint fails."""
    monkeypatch.setattr(health, "LEAST_FREE", 10**18)
    assert StoreProbe(tmp_path).problem() == FULL


def test_a_store_below_a_file_cannot_be_written(tmp_path: Path) -> None:
    """As root, permissions say nothing: only writing tells."""
    (tmp_path / "file").touch()
    assert "cannot be written" in StoreProbe(tmp_path / "file" / "runs").problem()
