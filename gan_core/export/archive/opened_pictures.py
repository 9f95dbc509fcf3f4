"""The pictures of a run that somebody has sent: only what a training can have drawn, and no more.

A picture must have the size that the engine gives those of its view: a page and a film lay out what
they show by it. Torch-free.
"""

from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path

from gan_core.export.archive.sound_zip import ArchiveError
from gan_core.runs.samples import (
    CARD_ROWS,
    CARDS,
    MOST_PIXELS,
    PIXELS,
    SHEET_COLUMNS,
    SHEET_SCALE,
    TRIPLE,
    read_picture,
)

MOST_POINTS = 5000  # of a view; samples have 2500, the grid 289
MOST_NEIGHBOURS = 16  # triples of images, one in a row
SURFACE = 48  # a side
SHEET = ((PIXELS + 1) * SHEET_COLUMNS - 1) * SHEET_SCALE  # with lines between its images
TILES = PIXELS * SHEET_COLUMNS  # without
SIZES = {  # of PNGs: the width, and the heights that there are
    "samples": (SHEET, (SHEET,)),
    "averaged": (SHEET, (SHEET,)),
    "surface": (SURFACE, (SURFACE,)),
    "neighbours": (TRIPLE * PIXELS, tuple(PIXELS * n for n in range(1, MOST_NEIGHBOURS + 1))),
    "cards": (CARDS * PIXELS, (CARD_ROWS * PIXELS,)),
    "nearest": (TILES, (TILES,)),
    "walk": (TILES, (TILES,)),
}
KINDS = {  # by their ending
    "png": f"a grey PNG of at most {MOST_PIXELS // 1_000_000} million pixels",
    "npy": "an array of numbers with two columns, a row for each point",
}
PNG = b"\x89PNG\r\n\x1a\n"
CHUNKS = (b"IHDR", b"IDAT", b"IEND")  # of a grey picture; others hold words or profiles


def sound_picture(name: str, file: Path, view: str) -> bytes:
    """The content of a picture of a view, in `file`; of points, what was understood of them.

    Raises ArchiveError, in which it has the `name`, on anything else than such a view's picture.
    """
    kind = file.suffix[1:]
    try:
        content = read_picture(file, view)
    except Exception:  # decoders of foreign bytes raise what they like
        raise ArchiveError(f"{name} is not a sound picture: it must be {KINDS[kind]}.") from None
    if kind == "png":
        _check_pixels_alone(name, content)
        _check_size(name, content, view)
    else:
        _check_count(name, content, view)
    return content


def _check_pixels_alone(name: str, content: bytes) -> None:
    """That a PNG is its pixels alone: no words in it, nothing before or behind it."""
    place = len(PNG)
    while content.startswith(PNG) and place + 12 <= len(content):
        length, kind = struct.unpack_from(">L4s", content, place)
        end = place + 12 + length
        data = content[place + 4 : end - 4]
        if kind not in CHUNKS or end > len(content) or (
                zlib.crc32(data) != int.from_bytes(content[end - 4 : end], "big")):
            break
        if kind == b"IEND" and end == len(content):
            return
        place = end
    raise ArchiveError(f"{name} is not a plain picture; a PNG must hold its pixels and nothing "
                       "besides.")


def _check_size(name: str, content: bytes, view: str) -> None:
    width, height = struct.unpack_from(">LL", content, len(PNG) + 8)
    wide, heights = SIZES[view]
    if width != wide or height not in heights:
        high = f"{heights[0]}" if len(heights) == 1 else (
            f"a multiple of {heights[0]} up to {heights[-1]}")
        raise ArchiveError(f"{name} has {width} × {height} pixels; a picture of this view must be "
                           f"{wide} wide and {high} high.")


def _check_count(name: str, content: bytes, view: str) -> None:
    """The rows, by the bytes behind the header of what `points_npy` makes: eight for each."""
    header = 10 + int.from_bytes(content[8:10], "little")
    count = (len(content) - header) // 8
    if not 1 <= count <= MOST_POINTS:
        raise ArchiveError(f"{name} has {count} points; there must be from 1 to {MOST_POINTS}.")
    if view == "grid" and math.isqrt(count) ** 2 != count:
        raise ArchiveError(f"{name} has {count} points; a grid must be a square, such as of "
                           "17 × 17.")
