"""Samples as files of a run: 000250.png is a sheet of images, 000250.npy are 2-D points."""

from __future__ import annotations

import io
import math
import os
import re
from pathlib import Path

import numpy as np
from PIL import Image

SHEET_COLUMNS, SHEET_SCALE, SEPARATOR_GREY = 8, 2, 72

_NAME = re.compile(r"(\d{6,})\.(?:png|npy)")


def sample_path(run: Path, step: int, ending: str) -> Path:
    return run / "samples" / f"{int(step):06d}.{ending}"


def sample_files(run: Path) -> list[tuple[int, Path]]:
    """Steps and files of a run's samples, in order of step."""
    try:
        names = os.listdir(run / "samples")
    except OSError:
        return []
    found = ((_NAME.fullmatch(name), name) for name in names)
    return sorted((int(match[1]), run / "samples" / name) for match, name in found if match)


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
