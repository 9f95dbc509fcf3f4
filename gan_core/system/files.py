"""Files that several processes share: replaced in one step, appended whole, locked. Torch-free."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None
    import msvcrt

PATIENCE = 40  # times 25 ms, for whoever has a file open on Windows


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
    for attempt in range(PATIENCE + 1):
        try:
            return os.replace(temporary, path)
        except PermissionError:  # Windows: a reader has the file open for a moment
            if os.name != "nt" or attempt == PATIENCE:
                raise
            time.sleep(0.025)


def write(path: Path, content: bytes) -> None:
    """Replace the file by one with this content."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def append_lines(path: Path, lines: list[str]) -> None:
    """Add lines at the end, apart from half a line that a killed writer may have left there."""
    with open(path, "a+b") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                lines = ["", *lines]
        file.write("".join(line + "\n" for line in lines).encode())


# --- locks ---------------------------------------------------------------------------------------


def lock(path: Path, wait: float) -> BinaryIO:
    """The file `path`, open and locked; closing it, or the end of the process, gives it back.

    Raises TimeoutError if another holder keeps it for `wait` seconds.
    """
    deadline = time.monotonic() + wait
    while True:
        file = open(path, "ab")  # noqa: SIM115 (open for as long as the lock is held)
        # A file that was unlinked while we waited is nobody's any more.
        if _try_lock(file) and stamp(path)[:1] == (os.fstat(file.fileno()).st_ino,):
            return file
        file.close()
        if time.monotonic() >= deadline:
            raise TimeoutError(f"{path} is held by another process")
        time.sleep(0.05)


def _try_lock(file: BinaryIO) -> bool:
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        return True
    except OSError:
        return False


# --- what is known without reading ---------------------------------------------------------------


def stamp(path: Path) -> tuple[int, ...]:
    """What changes when a file does: inode, size, time; empty if there is no such file."""
    try:
        found = os.stat(path)
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns


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
