"""Locks that exclude other processes, and other threads of this one; they end with their process.

A lock is that of the operating system on a file, which an open file holds. Some network homes have
none: there an owner file beside it, made by whoever comes first, takes its place. It is stale when
its process has died, or has not renewed it for STALE_SECONDS. Torch-free.
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
RENEW_SECONDS = 10.0  # between two signs of life of an owner file
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
                return _owned(path)
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
            return error.errno in _HELD or _has_owner(_owner_path(path), time.time())
        finally:
            os.close(file)
        return False


# --- owner files, where the file system has no locks ---------------------------------------------


def _owner_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.owner")


def _owned(path: Path) -> contextlib.ExitStack | None:
    """An owner file, which a thread renews until it is given up; None if another one stands."""
    owner, now = _owner_path(path), _file_time(path)
    if _has_owner(owner, now):
        return None
    _remove_stale(owner, now)
    try:
        file = os.open(owner, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        return None
    with os.fdopen(file, "w") as text:
        json.dump({"machine": _machine(), "process": os.getpid()}, text)
    held, given_up = contextlib.ExitStack(), threading.Event()
    held.callback(owner.unlink, missing_ok=True)
    held.callback(given_up.set)
    threading.Thread(target=_renew, args=[owner, given_up], daemon=True, name="lock owner").start()
    return held


def _renew(owner: Path, given_up: threading.Event) -> None:
    while not given_up.wait(RENEW_SECONDS):
        with contextlib.suppress(OSError):
            os.utime(owner)


def _has_owner(owner: Path, now: float) -> bool:
    """Whether an owner file stands whose holder is alive, as far as can be known."""
    try:
        renewed = owner.stat().st_mtime
    except OSError:
        return False
    return abs(now - renewed) < STALE_SECONDS and not _has_died(owner)


def _has_died(owner: Path) -> bool:
    """Whether the owner file is of a process of this machine that has ended."""
    try:
        content = json.loads(owner.read_text())
        return content["machine"] == _machine() and not _is_alive(int(content["process"]))
    except (OSError, ValueError, TypeError, KeyError):  # it is being written
        return False


def _remove_stale(owner: Path, now: float) -> None:
    """Of several who find it stale only one can rename it; what came in its place goes back."""
    renamed = owner.with_name(f".{owner.name}.{secrets.token_hex(8)}.tmp")
    with contextlib.suppress(OSError):
        os.rename(owner, renamed)
        if _has_owner(renamed, now):
            os.rename(renamed, owner)
        else:
            renamed.unlink()


def _file_time(path: Path) -> float:
    """Now, by the clock of the file server, which dates owner files."""
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
