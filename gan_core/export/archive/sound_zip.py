"""A zip that somebody has sent: looked at before anything in it is unpacked.

Everything about it may be a lie. So its table of contents is bounded before it is read, a name is
taken only if it is one that is expected, and what is unpacked is counted as it comes. What is
refused is refused in one sentence that names it and what is allowed. Nothing is ever extracted by
the name that the zip gives it. Torch-free.
"""

from __future__ import annotations

import contextlib
import re
import stat
import struct
import time
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

MOST_BYTES = 1_000_000_000  # of the zip
MOST_FILES = 10_000
MOST_UNPACKED = 1_500_000_000  # of all its files together, by what it says of them
MOST_RATIO = 200  # by how much a file may be packed; text of numbers comes to 10
SMALL = 100_000  # bytes; a smaller file may be packed as it likes
LONGEST_NAME = 120
AT_A_TIME = 1_000_000  # bytes that are unpacked
MOST_SECONDS = 60.0  # of opening a file; the longest run takes some 20 on a slow machine

BEGINNING, END, LARGE = b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x07"
LARGE_RECORD = 20  # bytes, before the end of a zip of more than 4 GB, whose table is elsewhere
END_RECORD = struct.Struct("<4s4H2LH")  # the end of a zip: counts, size and place of its table
ENTRY_BYTES = 46 + 2 * LONGEST_NAME + 100  # of a file in that table, at most about
PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED = 0x1 | 0x40 | 0x2000  # flags of a file
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError,
              struct.error, OSError, ValueError, OverflowError)
_NAME = re.compile(r"[A-Za-z0-9_.\-]+(?:/[A-Za-z0-9_.\-]+)*/?")


class ArchiveError(ValueError):
    """A file that is not opened; the message is one sentence for whoever has sent it."""


@contextlib.contextmanager
def sound_zip(file: BinaryIO) -> Iterator[SoundZip]:
    """The zip in `file`, whose table of contents is sound. Raises ArchiveError."""
    _check_ends(file)
    with contextlib.ExitStack() as held:
        with _damage_refused("The zip"):
            checked = SoundZip(held.enter_context(zipfile.ZipFile(file)))
        yield checked


class SoundZip:
    """The files of a zip, by names that are safe to look at; folders are not among them."""

    def __init__(self, opened: zipfile.ZipFile) -> None:
        self._opened = opened
        self._files = _checked(opened.infolist())
        self._until = time.monotonic() + MOST_SECONDS

    @property
    def names(self) -> list[str]:
        return list(self._files)

    def size(self, name: str) -> int:
        """Bytes of a file, by what the zip says; unpacking it never gives more."""
        return self._files[name].file_size

    def check_time(self, name: str) -> None:
        """Raises ArchiveError, at the file of that name, once opening the zip has taken too long:
        whoever sends one must not keep a server busy."""
        if time.monotonic() > self._until:
            raise ArchiveError(f"{name} could not be checked in time: opening a file may take "
                               f"{MOST_SECONDS:g} seconds.")

    def read(self, name: str, most: int) -> bytes:
        """The content of a small file. Raises ArchiveError if it has more than `most` bytes."""
        return b"".join(self._pieces(name, most))

    def copy(self, name: str, destination: Path, most: int) -> None:
        """Unpack a file to a place of our own choice. Raises ArchiveError, OSError."""
        with open(destination, "xb") as copy:
            for piece in self._pieces(name, most):
                copy.write(piece)

    def _pieces(self, name: str, most: int) -> Iterator[bytes]:
        """What is in a file, piece by piece, as long as it is not more than `most` bytes."""
        total = 0
        self.check_time(name)
        with _damage_refused(name), self._opened.open(self._files[name]) as file:
            while piece := file.read(AT_A_TIME):
                total += len(piece)
                if total > most:
                    raise ArchiveError(f"{name} has more than {_size(most)}, the most that is "
                                       "allowed of such a file.")
                yield piece
            if total != self.size(name):
                raise ArchiveError(f"{name} is damaged: it has {_size(total)}, not the "
                                   f"{_size(self.size(name))} that the zip says.")


# --- before the table of contents is read --------------------------------------------------------


def _check_ends(file: BinaryIO) -> None:
    """Its size, how it begins, and what its end says of its table of contents."""
    size = file.seek(0, 2)
    if size > MOST_BYTES:
        raise ArchiveError(f"The file has {_size(size)}; at most {_size(MOST_BYTES)} are opened.")
    file.seek(0)
    beginning = file.read(len(BEGINNING))
    file.seek(max(0, size - END_RECORD.size - LARGE_RECORD))
    last = file.read()
    large, end = last[: -END_RECORD.size], last[-END_RECORD.size :]
    if len(end) < END_RECORD.size or beginning != BEGINNING or not end.startswith(END):
        raise ArchiveError("This is not a whole zip file without comments, as Take it home makes "
                           "one of a run.")
    _, disk, first_disk, here, count, table, place, comment = END_RECORD.unpack(end)
    if (disk or first_disk or here != count or comment or place + table > size
            or large.startswith(LARGE)):
        raise ArchiveError("The zip's table of contents is damaged.")
    if count > MOST_FILES or table > MOST_FILES * ENTRY_BYTES:
        raise ArchiveError(f"The zip says that it holds {count} files in a table of {_size(table)};"
                           f" at most {MOST_FILES} files are allowed.")


# --- the table of contents -----------------------------------------------------------------------


def _checked(entries: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """The files by name. Raises ArchiveError at the first that may not be there."""
    if len(entries) > MOST_FILES:
        raise ArchiveError(f"The zip holds {len(entries)} files; at most {MOST_FILES} are allowed.")
    taken: dict[str, zipfile.ZipInfo] = {}
    for entry in entries:
        _check_name(entry.orig_filename)
        if entry.filename.lower() in taken:
            raise ArchiveError(f"{entry.filename} is in the zip twice; a name may be there once.")
        _check_kind(entry)
        _check_size(entry)
        taken[entry.filename.lower()] = entry
    total = sum(entry.file_size for entry in entries)
    if total > MOST_UNPACKED:
        raise ArchiveError(f"The zip says that its files have {_size(total)} when they are "
                           f"unpacked; at most {_size(MOST_UNPACKED)} are allowed.")
    return {entry.filename: entry for entry in taken.values() if not entry.is_dir()}


def _check_name(name: str) -> None:
    shown = ascii(name)[1:-1][:LONGEST_NAME]
    if name.startswith(("/", "\\")) or name[1:2] == ":":
        raise ArchiveError(f"{shown} is the name of a place on a disk; names must begin with the "
                           "folder of a run.")
    if ".." in re.split(r"[/\\]", name):
        raise ArchiveError(f"{shown} leads out of its folder; names must stay within it.")
    if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
        raise ArchiveError(f"{shown} is not a name that is allowed: at most {LONGEST_NAME} "
                           "letters from a to z, digits, and the signs _ - . and /.")


def _check_kind(entry: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind == stat.S_IFLNK:
        raise ArchiveError(f"{entry.filename} is a link to another file; only plain files are "
                           "allowed.")
    if kind not in (0, stat.S_IFDIR if entry.is_dir() else stat.S_IFREG):
        raise ArchiveError(f"{entry.filename} is a device or a pipe; only plain files are allowed.")
    if entry.flag_bits & ENCRYPTED:
        raise ArchiveError(f"{entry.filename} is encrypted; only files without a password are "
                           "opened.")
    if entry.compress_type not in PACKINGS:
        raise ArchiveError(f"{entry.filename} is packed by method {entry.compress_type}; only 0 "
                           "(stored) and 8 (deflated) are allowed.")


def _check_size(entry: zipfile.ZipInfo) -> None:
    if entry.is_dir() and entry.file_size:
        raise ArchiveError(f"{entry.filename} is a folder with content of its own; only files "
                           "have any.")
    if entry.file_size > MOST_UNPACKED:
        raise ArchiveError(f"{entry.filename} says that it has {_size(entry.file_size)}; at most "
                           f"{_size(MOST_UNPACKED)} are allowed.")
    if entry.file_size > SMALL and entry.file_size > MOST_RATIO * entry.compress_size:
        ratio = entry.file_size / max(entry.compress_size, 1)
        raise ArchiveError(f"{entry.filename} would grow to {ratio:.0f} times its packed size; at "
                           f"most {MOST_RATIO} times is allowed.")


# --- words ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def _damage_refused(what: str) -> Iterator[None]:
    """Whatever Python says of a zip that it cannot read, as one sentence."""
    try:
        yield
    except ArchiveError:
        raise
    except UNREADABLE as error:
        raise ArchiveError(f"{what} is damaged and cannot be unpacked: "
                           f"{ascii(str(error))[1:-1][:80].rstrip('.')}.") from None


def _size(count: int) -> str:
    for unit, name in ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")):
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return f"{count} bytes"
