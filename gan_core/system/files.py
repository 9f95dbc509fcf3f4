"""Files that several processes share: read whole, replaced in one step, appended to. Torch-free."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import secrets
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

RETRIES = 40  # every 25 ms, while a reader has the file open on Windows

CAUSES = {  # what keeps a file from being used, in words; of other errors the system's own
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EACCES: "permission is missing",
    errno.EPERM: "permission is missing",
    errno.EROFS: "the file system is read-only",
    errno.ENOENT: "it is missing",
    errno.EFBIG: "it is too large",
}


def cause(error: OSError) -> str:
    """Why a file cannot be used: a clause without a path, like "the disk is full"."""
    words = CAUSES.get(error.errno or 0) or error.strerror or str(error) or type(error).__name__
    return words[0].lower() + words[1:].rstrip(".")


# --- reading -------------------------------------------------------------------------------------


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading. Raises OSError, also on what is no plain file of this folder: a pipe
    would keep its reader waiting for ever, a link would show what lies elsewhere."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)
                         | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
    file = os.fdopen(descriptor, "rb")
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "it is not a plain file", str(path))
    return file


def read(path: Path, most: int) -> bytes:
    """The content of a plain file. Raises OSError, also if it has more than `most` bytes."""
    with open_regular(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    return content


# --- writing -------------------------------------------------------------------------------------


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to; on leaving it takes the place of `path` in one atomic step."""
    # Containers that share a folder count their processes and threads alike: by chance, then.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
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


def write(path: Path, content: bytes | memoryview) -> None:
    """Replace the file by one with this content."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def append_lines(path: Path, lines: list[str]) -> None:
    """Add all lines at the end, or none; half a line that a killed writer left is closed first.

    Raises OSError; the file is then as it was, and the lines can be added once more.
    """
    with open(path, "a+b", buffering=0) as file:
        end = file.seek(0, os.SEEK_END)
        if end:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                lines = ["", *lines]
        try:
            _write_all(file, "".join(line + "\n" for line in lines).encode())
        except BaseException:
            with contextlib.suppress(OSError):
                file.truncate(end)
            raise


def _write_all(file: io.FileIO, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]


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
