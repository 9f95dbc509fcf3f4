"""A stand-in for Fashion-MNIST: its shapes and its files' format, with pictures of bars."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np


def files() -> dict[str, bytes]:
    """Fashion-MNIST's four files in its shapes: of class k, a bright bar at row 2k."""
    contents = {}
    for part, count in (("train", 60_000), ("t10k", 10_000)):
        labels = np.arange(count) % 10
        images = np.zeros((count, 28, 28), np.uint8)
        images[np.arange(count), 2 * labels] = 255
        contents[f"{part}-images-idx3-ubyte"] = idx(images)
        contents[f"{part}-labels-idx1-ubyte"] = idx(labels)
    return contents


def idx(array: np.ndarray) -> bytes:
    """In the format of MNIST's files: magic number, shape, bytes (LeCun's page)."""
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


def put(contents: dict[str, bytes], folder: Path) -> Path:
    """The files where a data folder has them; returns the folder they are in."""
    raw = folder / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for name, content in contents.items():
        (raw / name).write_bytes(content)
    return raw
