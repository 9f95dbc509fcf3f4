"""Locks that exclude other processes, and other threads of this one; they end with their process.

A lock is that of the operating system on a file, which an open file holds. Some network homes have
none: there a claim beside the file, made by whoever comes first, takes its place. A claim is stale
when its process has died, or when another machine has not renewed it for STALE_SECONDS.
Torch-free.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import socket
import stat
import sys
import threading
import time
from pathlib import Path

POLL_SECONDS = 0.05  # between two attempts at a lock
RENEW_SECONDS = 10.0  # between two signs of life of a claim
STALE_SECONDS = 60.0

_HELD = {errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES}
_WITHOUT_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}


def lock(path: Path, wait: float) -> contextlib.ExitStack:
    """Lock the file `path`; leaving the returned context, from any thread, unlocks it.

    Raises TimeoutError if another holder keeps it for `wait` seconds, FileNotFoundError if its
    folder does not exist or is removed meanwhile, OSError if the file cannot be written.
    """
    deadline = time.monotonic() + wait
    while (lock := _attempt(path)) is None:
        if time.monotonic() >= deadline:
            raise TimeoutError(errno.ETIMEDOUT, "it is locked", str(path))
        time.sleep(POLL_SECONDS)
    return lock


if sys.platform == "win32":
    from filelock import FileLock, Timeout  # a dependency of torch, though it needs no torch

    def _attempt(path: Path) -> contextlib.ExitStack | None:
        if not path.parent.is_dir():  # FileLock would make the folder
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(FileLock(path, thread_local=False).acquire(timeout=0.0))
            except Timeout:
                return None
            return held.pop_all()

    def is_held(path: Path) -> bool:
        """Whether somebody holds the lock."""
        try:
            lock = _attempt(path)
        except OSError:  # a read-only store, where nobody trains
            return False
        if lock is None:
            return True
        lock.close()
        return False

else:
    import fcntl

    def _attempt(path: Path) -> contextlib.ExitStack | None:
        """The lock, None if somebody else holds it."""
        with contextlib.ExitStack() as held:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
            held.callback(os.close, file)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno in _HELD:
                    return None
                if error.errno not in _WITHOUT_LOCKS:
                    raise
                return _claimed(path)
            # The folder may have been removed, and made anew, since the file was opened.
            if not os.path.samestat(os.fstat(file), os.stat(path)):
                return None
            return held.pop_all()

    def is_held(path: Path) -> bool:
        """Whether somebody holds the lock; looking writes nothing."""
        try:
            file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        except OSError:  # nobody has ever locked it, or nobody here can
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno in _HELD or _is_claimed(_claim_path(path), time.time())
        finally:
            os.close(file)
        return False


# --- claims, where the file system has no locks --------------------------------------------------


def _claim_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.claim")


def _claimed(path: Path) -> contextlib.ExitStack | None:
    """A claim, which a thread renews until it is given up; None if another one stands."""
    claim, token = _claim_path(path), secrets.token_hex(8)
    if _is_claimed(claim, _file_time(path)):
        return None
    _remove_stale(claim)
    try:
        file = os.open(claim, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        return None
    with os.fdopen(file, "w") as text:
        json.dump({"machine": _machine(), "process": os.getpid(), "token": token}, text)
    held, given_up = contextlib.ExitStack(), threading.Event()
    held.callback(claim.unlink, missing_ok=True)
    held.callback(given_up.set)
    threading.Thread(target=_renew, args=[claim, given_up], daemon=True, name="claim").start()
    return held


def _renew(claim: Path, given_up: threading.Event) -> None:
    while not given_up.wait(RENEW_SECONDS):
        with contextlib.suppress(OSError):
            os.utime(claim)


def _is_claimed(claim: Path, now: float) -> bool:
    """Whether a claim stands whose holder is alive, as far as can be known."""
    try:
        renewed = claim.stat().st_mtime
    except OSError:
        return False
    return abs(now - renewed) < STALE_SECONDS and not _has_died(claim)


def _has_died(claim: Path) -> bool:
    """Whether the claim is of a process of this machine that has ended."""
    try:
        owner = json.loads(claim.read_text())
        return owner["machine"] == _machine() and not _is_alive(int(owner["process"]))
    except (OSError, ValueError, TypeError, KeyError):  # it is being written
        return False


def _remove_stale(claim: Path) -> None:
    """Of several who find it stale only one can rename it."""
    stale = claim.with_name(f".{claim.name}.{secrets.token_hex(8)}.tmp")
    with contextlib.suppress(OSError):
        os.rename(claim, stale)
        stale.unlink()


def _file_time(path: Path) -> float:
    """Now, by the clock of the file server, which dates claims."""
    os.utime(path)
    return os.stat(path)[stat.ST_MTIME]


def _machine() -> str:
    """This machine; in a container, the container, whose process numbers are its own."""
    try:
        return f"{socket.gethostname()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return socket.gethostname()


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it belongs to somebody else
        return True
    return True
