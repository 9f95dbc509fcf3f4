"""Samples of a run as files: a folder for each view, a file for each step.

    samples/, samples_ema/   000250.png: a sheet of images; 000250.npy: 2-D points
    surface/                 000250.png: D's score over the plane, 48×48 greys
    neighbours/              000250.png: generated images beside the nearest real ones
    cards/                   000000.png: training images above images that D never sees
    nearest/                 000250.png: the training image nearest to each of the sheet
    walk/                    000250.png: what G makes between two latents of each row of the sheet
    grid/                    000250.npy: where G takes a square grid of latents, 2-D points

Torch-free.
"""

from __future__ import annotations

import errno
import functools
import io
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from gan_core.system import files

SHEET_COLUMNS, SHEET_SCALE, SEPARATOR_GREY = 8, 2, 72
PIXELS = 28  # a side of an image
MOST_BYTES = 4_000_000  # of a file of samples; a sheet of 64 images has some 30,000
MOST_PIXELS = 4_000_000  # of a picture; such a sheet has 215,000
TRIPLE = 3  # generated, the nearest training image, the nearest held-out image
CARD_ROWS, CARDS = 2, 10  # training images, unseen ones: one of each class

_NAME = re.compile(r"(\d{6,})\.(?:png|npy)")


# --- arrays as files -----------------------------------------------------------------------------


def sheet_png(images: np.ndarray) -> bytes:
    """Images, uint8 (n, h, w), eight in a row with lines between, pixels doubled, as grey PNG."""
    count, height, width = images.shape
    rows = math.ceil(count / SHEET_COLUMNS)
    sheet = np.full(
        (rows * (height + 1) - 1, SHEET_COLUMNS * (width + 1) - 1), SEPARATOR_GREY, np.uint8
    )
    for index, image in enumerate(images):
        row, column = divmod(index, SHEET_COLUMNS)
        top, left = row * (height + 1), column * (width + 1)
        sheet[top : top + height, left : left + width] = image
    picture = Image.fromarray(sheet)
    size = (picture.width * SHEET_SCALE, picture.height * SHEET_SCALE)
    return _png(picture.resize(size, Image.Resampling.NEAREST))


def grey_png(image: np.ndarray) -> bytes:
    """One image, uint8 (h, w), as grey PNG of the same size."""
    return _png(Image.fromarray(np.ascontiguousarray(image)))


@functools.lru_cache(maxsize=16)  # a page shows the same few sheets at every rerun
def first_rows(png: bytes, rows: int) -> bytes:
    """The first rows of images of a sheet, as PNG."""
    sheet = Image.open(io.BytesIO(png))
    height = rows * (PIXELS + 1) * SHEET_SCALE - SHEET_SCALE
    return _png(sheet.crop((0, 0, sheet.width, min(height, sheet.height))))


def points_npy(points: np.ndarray) -> bytes:
    """Points, (n, 2), as a .npy file of float32."""
    buffer = io.BytesIO()
    np.save(buffer, points.astype(np.float32), allow_pickle=False)
    return buffer.getvalue()


def surface_png(scores: np.ndarray) -> bytes:
    """Scores from 0 to 1, (h, w), as greys, black at 0 and white at 1."""
    return grey_png(np.rint(255 * scores).astype(np.uint8))


def neighbours_png(pictures: np.ndarray) -> bytes:
    """Triples of images, uint8 (n, 3, 28, 28), one in a row, as grey PNG of 28 n × 84 pixels."""
    return grey_png(pictures.swapaxes(1, 2).reshape(-1, TRIPLE * PIXELS))


def tiles_png(images: np.ndarray) -> bytes:
    """Images, uint8 (64, 28, 28), eight in a row without lines, as grey PNG of 224 × 224 pixels."""
    _, height, width = images.shape
    rows = images.reshape(-1, SHEET_COLUMNS, height, width).swapaxes(1, 2)
    return grey_png(rows.reshape(-1, SHEET_COLUMNS * width))


def cards_png(pictures: np.ndarray) -> bytes:
    """Images in rows, uint8 (2, 10, 28, 28): training, unseen; as grey PNG of 280 × 56 pixels."""
    rows, columns, height, width = pictures.shape
    return grey_png(pictures.swapaxes(1, 2).reshape(rows * height, columns * width))


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


# --- files for browsers --------------------------------------------------------------------------


def read_picture(path: Path, view: str) -> bytes:
    """A file of a view as a browser gets it: the bytes of a PNG, or of points as `points_npy`.

    Raises OSError if there is no such plain file in the run's own folder, ValueError on anything
    else than the view's content: browsers keep what they are sent.
    """
    if path.parent.is_symlink():
        raise OSError(errno.ELOOP, "its folder is a link", str(path))
    if path.suffix == ".npy":
        return points_npy(read_points(path))
    content = files.read(path, MOST_BYTES)
    grey = _grey(content)
    if view == "neighbours":
        _triples(grey)
    if view == "cards" and grey.shape != (CARD_ROWS * PIXELS, CARDS * PIXELS):
        raise ValueError(f"its shape is {grey.shape}")
    return content


# --- files as arrays -----------------------------------------------------------------------------


def read_sheet(path: Path) -> bytes:
    """A sheet of images as the bytes of its PNG.

    Raises OSError if there is no file, ValueError on anything else: the bytes go to browsers.
    """
    content = files.read(path, MOST_BYTES)
    _grey(content)
    return content


def read_points(path: Path) -> np.ndarray:
    """Points, float32 (n, 2). Raises OSError if there is no file, ValueError on anything else."""
    content = files.read(path, MOST_BYTES)
    try:
        points = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    except MemoryError:
        raise ValueError("it says that it is larger than it is") from None
    if points.ndim != 2 or points.shape[1] != 2 or points.dtype.kind != "f":
        raise ValueError(f"its shape is {points.shape}, of {points.dtype}")
    return points


def read_surface(path: Path) -> np.ndarray:
    """D's scores, float32 (h, w), rounded to multiples of 1/255; the top row first.

    Raises OSError if there is no file, ValueError on anything else.
    """
    return _grey(files.read(path, MOST_BYTES)).astype(np.float32) / 255


def read_neighbours(path: Path) -> np.ndarray:
    """Triples, uint8 (n, 3, 28, 28): generated, nearest training and nearest held-out image.

    Raises OSError if there is no file, ValueError on anything else.
    """
    return _triples(_grey(files.read(path, MOST_BYTES)))


def _triples(grey: np.ndarray) -> np.ndarray:
    if grey.shape[0] % PIXELS or grey.shape[1] != TRIPLE * PIXELS:
        raise ValueError(f"its shape is {grey.shape}")
    return grey.reshape(-1, PIXELS, TRIPLE, PIXELS).swapaxes(1, 2)


@functools.lru_cache(maxsize=32)  # a page shows the same few at every refresh
def _grey(png: bytes) -> np.ndarray:
    """The pixels of a grey PNG, uint8 (h, w), read-only. Raises ValueError on anything else."""
    try:
        picture = Image.open(io.BytesIO(png), formats=["PNG"])
        if picture.width * picture.height > MOST_PIXELS:  # a few bytes may claim to be gigabytes
            raise ValueError(f"it has {picture.width} × {picture.height} pixels")
        pixels = np.asarray(picture)
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(str(error)) from None
    if pixels.ndim != 2 or pixels.dtype != np.uint8:
        raise ValueError(f"its shape is {pixels.shape}, of {pixels.dtype}")
    return pixels


def neighbour_distances(pictures: np.ndarray) -> np.ndarray:
    """Euclidean distances of generated images to their nearest training and held-out images,
    (n, 2), on the scale of [−1, 1]; of triples, uint8 (n, 3, 28, 28)."""
    scaled = pictures.astype(np.float64) / 127.5
    return np.sqrt(((scaled[:, 1:] - scaled[:, :1]) ** 2).sum((2, 3)))


# --- folders -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class View:
    """One view of a run, such as its samples: its folder and file formats.

    `formats` gives, by the array's number of dimensions, a file's ending and the function that
    makes its bytes. An exported run holds at most `exported` files of the view.
    """

    folder: str
    exported: int
    formats: Mapping[int, tuple[str, Callable[[np.ndarray], bytes]]]


PLAYED = 48  # sheets of an exported run: fewer, and its playback jumps
_SAMPLES = {2: ("npy", points_npy), 3: ("png", sheet_png)}
VIEWS = {
    "samples": View("samples", PLAYED, _SAMPLES),
    "averaged": View("samples_ema", PLAYED, _SAMPLES),
    "surface": View("surface", PLAYED, {2: ("png", surface_png)}),
    "neighbours": View("neighbours", 12, {4: ("png", neighbours_png)}),
    "cards": View("cards", 1, {4: ("png", cards_png)}),
    "nearest": View("nearest", 6, {3: ("png", tiles_png)}),
    "walk": View("walk", 6, {3: ("png", tiles_png)}),
    "grid": View("grid", PLAYED, {2: ("npy", points_npy)}),
}


def encoded(view: str, array: np.ndarray) -> tuple[str, bytes]:
    """The ending and the bytes of the file of `array`, for a view of VIEWS."""
    ending, write = VIEWS[view].formats[array.ndim]
    return ending, write(array)


def ending(view: str, kind: str) -> str | None:
    """The ending of a view's files, of data of the `kind` "image" or "points"; None where a run on
    such data has no such view."""
    formats = VIEWS[view].formats
    dimensions = (2,) if kind == "points" else (3, 4)
    return next((formats[each][0] for each in dimensions if each in formats), None)


def view_folder(run: Path, view: str) -> Path:
    return run / VIEWS[view].folder


def view_path(run: Path, view: str, step: int, ending: str) -> Path:
    return view_folder(run, view) / f"{int(step):06d}.{ending}"


def view_files(run: Path, view: str) -> list[tuple[int, Path]]:
    """Steps and files of a view of a run, in order of step; none where it has no such folder."""
    folder = view_folder(run, view)
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    matches = ((_NAME.fullmatch(name), name) for name in names)
    return sorted((int(match[1]), folder / name) for match, name in matches if match)


def view_steps(run: Path) -> dict[str, tuple[int, ...]]:
    """For each view that has files, their steps in order."""
    steps = {view: tuple(dict.fromkeys(step for step, _ in view_files(run, view)))
             for view in VIEWS}
    return {view: of_view for view, of_view in steps.items() if of_view}
