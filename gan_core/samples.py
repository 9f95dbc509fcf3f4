"""Samples as files of a run: 000250.png is a sheet of images, 000250.npy are 2-D points.

Those of the averaged generator have the same names in a folder of their own.
"""

from __future__ import annotations

import io
import math
import os
import re
from pathlib import Path

import numpy as np
from PIL import Image

SHEET_COLUMNS, SHEET_SCALE, SEPARATOR_GREY = 8, 2, 72

FOLDER, AVERAGED_FOLDER = "samples", "samples_ema"

_NAME = re.compile(r"(\d{6,})\.(?:png|npy)")


def sample_folder(run: Path, averaged: bool = False) -> Path:
    """Where a run keeps what G, or the averaged generator, made."""
    return run / (AVERAGED_FOLDER if averaged else FOLDER)


def sample_path(run: Path, step: int, ending: str, averaged: bool = False) -> Path:
    return sample_folder(run, averaged) / f"{int(step):06d}.{ending}"


def sample_files(run: Path, averaged: bool = False) -> list[tuple[int, Path]]:
    """Steps and files of a run's samples, in order of step."""
    folder = sample_folder(run, averaged)
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    found = ((_NAME.fullmatch(name), name) for name in names)
    return sorted((int(match[1]), folder / name) for match, name in found if match)


def sample_steps(run: Path, averaged: bool = False) -> tuple[int, ...]:
    """Steps that have samples, in order."""
    return tuple(dict.fromkeys(step for step, _ in sample_files(run, averaged)))


def sheet_png(images: np.ndarray) -> bytes:
    """Images, uint8 (n, h, w), eight a row with lines between, each pixel doubled, as grey PNG."""
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
    buffer = io.BytesIO()
    picture.resize(size, Image.Resampling.NEAREST).save(buffer, "PNG")
    return buffer.getvalue()


def points_npy(points: np.ndarray) -> bytes:
    """Points, (n, 2), as a .npy file of float32."""
    buffer = io.BytesIO()
    np.save(buffer, points.astype(np.float32), allow_pickle=False)
    return buffer.getvalue()


def read_points(path: Path) -> np.ndarray:
    """Points, float32 (n, 2). Raises OSError if there is no file, ValueError on anything else."""
    with open(path, "rb") as file:
        points = np.lib.format.read_array(file, allow_pickle=False)
    if points.ndim != 2:
        raise ValueError(f"its shape is {points.shape}")
    return points
