"""The image: what its Dockerfile says, and that its command runs as a stranger with one volume."""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import signal
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gan_core.config.run_config import RunConfig
from gan_core.serving.health import FULL, NO_WORKER
from tests.app_bench.server import children
from tests.app_bench.visitor import Visitor
from tests.deploy.image import ROOT, VOLUME_MEGABYTES, Container, Dockerfile

FILES = [ROOT / name for name in ("Dockerfile", "compose.yaml", "deploy/nginx.conf")]
PATIENCE = 240.0
PAUSE = "PAUSE_SECONDS = 30.0"  # of gan_core/serving/pool.py


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.2)


# --- what it says --------------------------------------------------------------------------------


def test_nothing_runs_as_root() -> None:
    """Whoever breaks out of the app would own the machine."""
    image = Dockerfile.read()
    names = [name for name, _ in image.last]
    assert image.of("USER") == ["lab"] and names.index("USER") < names.index("CMD")
    assert "RUN" not in names[names.index("USER"):]


def test_all_that_is_written_is_in_the_volume() -> None:
    """Runs would be gone with the container, or a read-only one would not start."""
    image = Dockerfile.read()
    (volume,) = image.of("VOLUME")
    for name in ("GAN_LAB_STORE", "GAN_LAB_DATA", "TMPDIR"):
        assert (image.variables[name] + "/").startswith(f"{volume}/"), name


def test_packages_come_from_public_places_by_a_build_argument() -> None:
    """Everybody would download gigabytes of GPU libraries, or from a place that only one has."""
    image = Dockerfile.read()
    assert ("ARG", "TORCH=cpu") in image.before
    install = next(rest for name, rest in image.before if name == "RUN")
    assert install.index("https://download.pytorch.org/whl/${TORCH}") < install.index(
        "-r requirements.txt")
    hosts = {host for path in FILES for host in re.findall(r"https?://([\w.-]+)", path.read_text())}
    assert hosts <= {"download.pytorch.org", "gan_lab"}


def test_the_builder_is_sent_what_is_copied_and_little_else() -> None:
    """The build would fail, or take along whatever lies about in a clone."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    kept = [line[1:] for line in lines if line.startswith("!")]
    copied = {*Dockerfile.read().copied, "requirements.txt"}
    assert "*" in lines and set(kept) == copied
    assert all((ROOT / name).exists() for name in copied)
    for name in (".git", "tests", "docs", "runs"):
        assert not any(fnmatch.fnmatch(name, pattern) for pattern in kept), name


def test_compose_keeps_the_runs_and_nothing_else_can_be_written() -> None:
    """An update of the app would throw the class's runs away."""
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    lab, (volume,) = compose["services"]["lab"], Dockerfile.read().of("VOLUME")
    assert lab["volumes"] == [f"runs:{volume}"] and "runs" in compose["volumes"]
    assert lab["read_only"] and lab["cap_drop"] == ["ALL"]
    assert set(lab["build"]["args"]) == {"TORCH"}


# --- what it does --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def container() -> Iterator[Container]:
    if sys.platform != "linux" or not shutil.which("unshare"):
        pytest.skip("needs Linux with unshare")
    made = Container()
    pool = made.app / "gan_core/serving/pool.py"
    assert PAUSE in pool.read_text()  # not to wait half a minute for the next attempt
    pool.write_text(pool.read_text().replace(PAUSE, "PAUSE_SECONDS = 1.0"))
    with made:
        if made.skipped:
            pytest.skip(made.skipped)
        yield made


def test_it_trains_as_a_stranger_with_nothing_but_its_volume(container: Container) -> None:
    """The image starts on the machine of whoever wrote it, and nowhere else."""
    config = RunConfig(dataset="ring", steps=100, batch_size=16)
    visitor = Visitor(container.url)
    visitor.open("mode_collapse", urllib.parse.urlencode({"v": "1", **config.to_query(full=True)}))
    visitor.press("Train")
    visitor.watch(lambda: "Finished" in visitor.words, PATIENCE)
    visitor.close()
    assert container.check() == ""
    assert container.seen(f"runs/{config.digest()}/checkpoint.pt").is_file()
    assert "Traceback" not in container.log.read_text()
    rights = re.findall(r"Cap(?:Prm|Eff):\t(\w+)",
                        Path(f"/proc/{container.process.pid}/status").read_text())
    assert os.getuid() or all(int(right, 16) == 0 for right in rights)


def test_it_is_unhealthy_while_its_volume_is_full(container: Container) -> None:
    """Runs are lost, and whoever watches the server does not know."""
    assert container.check() == ""
    filler = container.seen("filler")
    filler.write_bytes(bytes((VOLUME_MEGABYTES - 40) * 1_000_000))
    until(lambda: container.check() == FULL)
    filler.unlink()
    until(lambda: container.check() == "")


def test_it_is_unhealthy_while_no_worker_starts(container: Container) -> None:
    """A class is sent to a server that trains nothing, or never again."""
    until(lambda: children(container.process.pid))
    worker = container.app / "gan_core/serving/worker.py"
    aside = worker.rename(worker.with_suffix(".aside"))
    for child in children(container.process.pid):
        os.kill(child, signal.SIGKILL)
    until(lambda: container.check() == NO_WORKER)
    aside.rename(worker)
    until(lambda: container.check() == "")
