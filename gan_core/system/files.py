"""Files that several processes share: replaced in one step, appended to, locked. Torch-free."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock  # a dependency of torch, though it needs no torch itself

RETRIES = 40  # every 25 ms, while a reader has the file open on Windows
POLL_SECONDS = 0.05  # between two attempts at a lock


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to; on leaving it takes the place of `path` in one atomic step."""
    temporary = path.with_name(f".{path.name}.{threading.get_native_id()}.tmp")
    try:
        yield temporary
        _replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def _replace(temporary: Path, path: Path) -> None:
    for attempt in range(RETRIES + 1):
        try:
            os.replace(temporary, path)
            return
        except PermissionError:  # Windows: a reader has the file open for a moment
            if os.name != "nt" or attempt == RETRIES:
                raise
            time.sleep(0.025)


def write(path: Path, content: bytes) -> None:
    """Replace the file by one with this content."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def append_lines(path: Path, lines: list[str]) -> None:
    """Add lines at the end; half a line that a killed writer left there is closed first."""
    with open(path, "a+b") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                lines = ["", *lines]
        file.write("".join(line + "\n" for line in lines).encode())


# --- locks ---------------------------------------------------------------------------------------


def lock(path: Path, wait: float) -> contextlib.AbstractContextManager[FileLock]:
    """Lock the file `path`; leaving the returned context, or the end of the process, unlocks it.

    Excludes other processes and other threads of this one. Raises TimeoutError if another holder
    keeps it for `wait` seconds, FileNotFoundError if its folder does not exist.
    """
    if not path.parent.is_dir():  # FileLock would make the folder
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    # The thread that unlocks a run need not be the one that locked it.
    return FileLock(path, thread_local=False).acquire(timeout=wait, poll_interval=POLL_SECONDS)


# --- what the file system says of a file ---------------------------------------------------------


def stamp(path: Path) -> tuple[int, ...]:
    """Inode, size and time of the last change, of which one changes when the file does.

    Empty if there is no such file.
    """
    try:
        entry = os.stat(path)
    except OSError:
        return ()
    return entry.st_ino, entry.st_size, entry.st_mtime_ns


def modified(path: Path) -> float:
    """Unix time of the last change; 0 if there is no such file."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def size(folder: Path) -> int:
    """Bytes of all files below a folder."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.stat(os.path.join(parent, name)).st_size
    return total
