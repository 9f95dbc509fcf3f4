"""Locks: one holder at a time, on every file system; looking at one writes nothing."""

from __future__ import annotations

import errno
import json
import os
import time

import pytest

from gan_core.system import locks

fcntl = pytest.importorskip("fcntl", reason="Windows has other locks")


@pytest.fixture(params=["locks", errno.ENOLCK, errno.ENOTSUP])
def path(request, tmp_path, monkeypatch):
    """A file to lock, on a file system with locks and on ones without."""
    if request.param != "locks":
        def flock(file, operation):
            raise OSError(request.param, os.strerror(request.param))

        monkeypatch.setattr(fcntl, "flock", flock)
    return tmp_path / "lock"


def test_one_holder_at_a_time(path):
    """Two writers would tear a history; where files cannot be locked nobody could train at all."""
    assert not locks.is_held(path)
    with locks.lock(path, wait=0.0):
        assert locks.is_held(path)
        with pytest.raises(TimeoutError):
            locks.lock(path, wait=0.1)
    assert not locks.is_held(path)
    locks.lock(path, wait=0.0).close()


def test_looking_writes_nothing(path):
    """A page looks at runs of a store that it must not change, several times a second."""
    assert not locks.is_held(path) and os.listdir(path.parent) == []
    locks.lock(path, wait=0.0).close()
    before = path.stat().st_mtime_ns, os.listdir(path.parent)
    assert not locks.is_held(path)
    assert (path.stat().st_mtime_ns, os.listdir(path.parent)) == before


@pytest.mark.parametrize("holder", ["dead", "elsewhere"])
def test_a_stale_owner_is_taken_over(holder, tmp_path, monkeypatch):
    """A machine that was switched off would keep a run from being trained for ever."""
    def flock(file, operation):
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    owner = tmp_path / "lock.owner"
    machine = locks._machine() if holder == "dead" else "another one"
    owner.write_text(json.dumps({"machine": machine, "process": 2**22 + 1}))
    (tmp_path / "lock").touch()
    if holder == "elsewhere":
        with pytest.raises(TimeoutError):
            locks.lock(tmp_path / "lock", wait=0.0)
        old = time.time() - 2 * locks.STALE_SECONDS
        os.utime(owner, (old, old))
    with locks.lock(tmp_path / "lock", wait=0.0):
        assert locks.is_held(tmp_path / "lock")
    assert sorted(os.listdir(tmp_path)) == ["lock"]


def test_a_lock_in_a_folder_that_is_made_anew_is_not_the_old_one(tmp_path):
    """Whoever opened the file before the folder was removed would share the run with its heir."""
    folder = tmp_path / "run"
    folder.mkdir()
    with locks.lock(folder / "lock", wait=0.0):
        folder.rename(tmp_path / "removed")
        folder.mkdir()
        with locks.lock(folder / "lock", wait=0.0):
            assert locks.is_held(folder / "lock")
    with pytest.raises(FileNotFoundError):
        locks.lock(tmp_path / "none" / "lock", wait=0.0)
