"""Folds as pictures: the first images that each of them holds out. Torch-free."""

from __future__ import annotations

import functools
import io

import numpy as np
from PIL import Image

from gan_core.assets import ASSETS
from gan_core.config.folds import held_out

SHOWN = 20  # images of each fold
SIDE, GAP = 28, 2  # pixels


@functools.lru_cache(maxsize=16)
def digits(folds: int) -> tuple[bytes, list[int]]:
    """A PNG with a row of MNIST's digits for each of `folds` folds, the first on top; and how many
    each fold holds out."""
    with np.load(ASSETS / "mnist.npz", allow_pickle=False) as bundle:
        images = bundle["train_images"]
    rows = [held_out(len(images), folds, fold) for fold in range(folds)]
    sheet = np.full((folds * (SIDE + GAP) - GAP, SHOWN * (SIDE + GAP) - GAP), 255, np.uint8)
    for fold, chosen in enumerate(rows):
        for place, row in enumerate(chosen[:SHOWN]):
            top, left = fold * (SIDE + GAP), place * (SIDE + GAP)
            sheet[top : top + SIDE, left : left + SIDE] = images[row]
    stream = io.BytesIO()
    Image.fromarray(sheet).save(stream, "PNG")
    return stream.getvalue(), list(map(len, rows))
