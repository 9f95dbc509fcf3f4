"""Data sets, held on the device as one tensor each; a batch is one index operation.

MNIST: Y. LeCun, C. Cortes, C. J. C. Burges, http://yann.lecun.com/exdb/mnist/ (CC BY-SA 3.0), all
70 000 images bundled. Ring and grid: the mixtures of Lin et al., "PacGAN" (2018), section 4.1.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gan_core.config import DATASETS, RunConfig

DATA = Path(__file__).parent / "data"
SUBSET_SEED = 1000  # every run with the same `training_examples` sees the same subset


@dataclass(frozen=True)
class Dataset:
    """Training and held-out reals on one device, flattened.

    `train` (n, d) and `held_out` (m, d) are uint8 for images, float32 for points; `labels` (n,)
    and `held_out_labels` (m,) are their classes or modes. For points, `centres` (modes, 2) and
    `sigma` describe the mixture.
    """

    train: Tensor
    held_out: Tensor
    labels: Tensor | None = None
    held_out_labels: Tensor | None = None
    centres: Tensor | None = None
    sigma: float = 0.0

    @property
    def dim(self) -> int:
        return self.train.shape[1]

    @property
    def kind(self) -> str:
        return "image" if self.centres is None else "points"

    def batch(self, size: int, generator: torch.Generator) -> Tensor:
        """`size` training examples drawn with replacement, scaled to what the networks see.

        Drawing with replacement, unlike an epoch's shuffle, has no state beyond the generator's.
        """
        rows = torch.randint(
            len(self.train), (size,), generator=generator, device=self.train.device
        )
        return scaled(self.train[rows])


def scaled(examples: Tensor) -> Tensor:
    """Bytes 0…255 as floats in [−1, 1], the range of G's Tanh; floats pass unchanged."""
    if examples.dtype != torch.uint8:
        return examples
    return examples.float().div_(127.5).sub_(1.0)


def as_bytes(images: Tensor) -> Tensor:
    """The inverse of `scaled` for G's output in [−1, 1], rounded."""
    return images.float().add(1.0).mul(127.5).round().clamp(0, 255).to(torch.uint8)


def ring_centres() -> np.ndarray:
    """Eight centres on the unit circle, shape (8, 2)."""
    angles = 2 * np.pi * np.arange(8) / 8  # linspace(0, 2π, 8) would count one centre twice
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def grid_centres() -> np.ndarray:
    """{−4, −2, 0, 2, 4}², shape (25, 2)."""
    ticks = np.arange(-4.0, 5.0, 2.0)
    return np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)


def _mnist() -> dict:
    with np.load(DATA / "mnist.npz", allow_pickle=False) as bundle:
        # The test images come in two halves by two groups of writers, the first the neater one
        # (LeCun's page); shuffled, any part of them is like the whole.
        order = np.random.default_rng(SUBSET_SEED).permutation(len(bundle["test_images"]))
        return {
            "train": torch.from_numpy(bundle["train_images"].reshape(-1, 784)),
            "held_out": torch.from_numpy(bundle["test_images"].reshape(-1, 784)[order]),
            "labels": torch.from_numpy(bundle["train_labels"].astype(np.int64)),
            "held_out_labels": torch.from_numpy(bundle["test_labels"].astype(np.int64)[order]),
        }


def _mixture(name: str, centres: np.ndarray, sigma: float) -> dict:
    random = np.random.default_rng(SUBSET_SEED)
    draw = {"train": DATASETS[name].examples, "held_out": 10_000}
    modes = {part: random.integers(len(centres), size=size) for part, size in draw.items()}
    points = {
        part: torch.from_numpy(centres[mode] + sigma * random.standard_normal((len(mode), 2)))
        for part, mode in modes.items()
    }
    return {
        "train": points["train"].float(),
        "held_out": points["held_out"].float(),
        "labels": torch.from_numpy(modes["train"]),
        "held_out_labels": torch.from_numpy(modes["held_out"]),
        "centres": torch.from_numpy(centres).float(),
        "sigma": sigma,
    }


SOURCES: dict[str, Callable[[], dict]] = {
    "mnist": _mnist,
    "ring": lambda: _mixture("ring", ring_centres(), 0.01),
    "grid": lambda: _mixture("grid", grid_centres(), 0.05),
}


@functools.cache
def whole(name: str, device: torch.device) -> Dataset:
    """All of data set `name` on `device`, read once per process."""
    parts = SOURCES[name]()
    return Dataset(
        **{key: value.to(device) if isinstance(value, Tensor) else value
           for key, value in parts.items()}
    )


def load(config: RunConfig, device: torch.device) -> Dataset:
    """The data set of `config`, its training part cut down to `training_examples`."""
    data, count = whole(config.dataset, device), config.training_examples
    if not 0 < count < len(data.train):
        return data
    order = np.random.default_rng(SUBSET_SEED).permutation(len(data.train))[:count]
    rows = torch.from_numpy(order).to(device)
    return dataclasses.replace(data, train=data.train[rows], labels=data.labels[rows])
