"""Data sets, held on the device as one tensor each; a batch is one index operation.

MNIST: Y. LeCun, C. Cortes, C. J. C. Burges, http://yann.lecun.com/exdb/mnist/ (CC BY-SA 3.0), all
70 000 images bundled. Fashion-MNIST comes from `downloads`. Ring and grid are drawn as their cards
in `catalogue` say. Long-tailed classes: Cui et al., "Class-Balanced Loss Based on Effective Number
of Samples" (2019).
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gan_core.assets import ASSETS
from gan_core.config.choices import DATASETS
from gan_core.config.run_config import RunConfig
from gan_core.data.downloads import fashion_mnist

SUBSET_SEED = 1000  # every run with the same `training_examples` sees the same subset
FOLD_SEED, SKEW_SEED = (SUBSET_SEED, 1), (SUBSET_SEED, 2)  # apart from the subset's own draw


# --- drawing -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ByClass:
    """Rows sorted by class: to draw a class, and then one of its rows, takes no loop."""

    rows: Tensor  # (n,)
    starts: Tensor  # (classes that are there,): where in `rows` each begins
    sizes: Tensor  # (classes that are there,)

    @classmethod
    def of(cls, labels: Tensor) -> ByClass:
        sizes = torch.bincount(labels)
        starts = sizes.cumsum(0) - sizes
        there = sizes > 0
        return cls(labels.argsort(stable=True), starts[there], sizes[there])

    def draw(self, size: int, generator: torch.Generator) -> Tensor:
        """`size` rows: of a class drawn uniformly, an example drawn uniformly."""
        settings = {"generator": generator, "device": self.rows.device}
        classes = torch.randint(len(self.sizes), (size,), **settings)
        # Each class has its own bound, which randint cannot take; the remainder of a number up to
        # 2³¹ favours no row by more than one in 20 000.
        places = torch.randint(2**31 - 1, (size,), **settings) % self.sizes[classes]
        return self.rows[self.starts[classes] + places]


@dataclass(frozen=True)
class Dataset:
    """Training and held-out reals on one device, flattened.

    `train` (n, d) and `held_out` (m, d) are uint8 for images, float32 for points; `labels` (n,)
    and `held_out_labels` (m,) are their classes or modes. For points, `centres` (modes, 2) and
    `sigma` describe the mixture. With `by_class`, batches show every class equally often.
    `held_out_alike` holds fewer of the rare classes where training does: a D that has hardly seen a
    class rejects it, which is not the same as knowing the others by heart.
    """

    train: Tensor
    held_out: Tensor
    labels: Tensor | None = None
    held_out_labels: Tensor | None = None
    centres: Tensor | None = None
    sigma: float = 0.0
    by_class: ByClass | None = None
    held_out_alike: Tensor | None = None

    @property
    def unseen(self) -> Tensor:
        """Held-out reals in the training set's shares of classes: what D is judged on."""
        return self.held_out if self.held_out_alike is None else self.held_out_alike

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
        if self.by_class is not None:
            rows = self.by_class.draw(size, generator)
        else:
            rows = torch.randint(
                len(self.train), (size,), generator=generator, device=self.train.device
            )
        # index_select copies whole rows: with bytes several times as fast as train[rows].
        return scaled(self.train.index_select(0, rows))

    def only(self, rows: np.ndarray) -> Dataset:
        """With these training examples alone, in this order."""
        index = torch.from_numpy(rows).to(self.train.device)
        return dataclasses.replace(self, train=self.train[index], labels=self.labels[index])


def scaled(examples: Tensor) -> Tensor:
    """Bytes 0…255 as floats in [−1, 1], the range of G's Tanh; floats pass unchanged."""
    if examples.dtype != torch.uint8:
        return examples
    return examples.float().div_(127.5).sub_(1.0)


def as_bytes(images: Tensor) -> Tensor:
    """The inverse of `scaled` for G's output in [−1, 1], rounded."""
    return images.float().add(1.0).mul(127.5).round().clamp(0, 255).to(torch.uint8)


# --- the data sets -------------------------------------------------------------------------------


def _mnist() -> dict:
    with np.load(ASSETS / "mnist.npz", allow_pickle=False) as bundle:
        # The test images come in two halves by two groups of writers, the first the neater one
        # (LeCun's page); shuffled, any part of them is like the whole.
        order = np.random.default_rng(SUBSET_SEED).permutation(len(bundle["test_images"]))
        return {
            "train": torch.from_numpy(bundle["train_images"].reshape(-1, 784)),
            "held_out": torch.from_numpy(bundle["test_images"].reshape(-1, 784)[order]),
            "labels": torch.from_numpy(bundle["train_labels"].astype(np.int64)),
            "held_out_labels": torch.from_numpy(bundle["test_labels"].astype(np.int64)[order]),
        }


def _mixture(name: str) -> dict:
    card, random = DATASETS[name], np.random.default_rng(SUBSET_SEED)
    centres, sigma = np.array(card.centres), card.sigma
    draw = {"train": card.examples, "held_out": 10_000}
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


def _fashion_mnist() -> dict:
    return {key: value.reshape(-1, 784) if value.dim() == 3 else value
            for key, value in fashion_mnist().items()}


SOURCES: dict[str, Callable[[], dict]] = {
    "mnist": _mnist,
    "fashion_mnist": _fashion_mnist,
    "ring": lambda: _mixture("ring"),
    "grid": lambda: _mixture("grid"),
}


@functools.cache
def whole(name: str, device: torch.device) -> Dataset:
    """All of data set `name` on `device`, read once per process."""
    parts = SOURCES[name]()
    return Dataset(
        **{key: value.to(device) if isinstance(value, Tensor) else value
           for key, value in parts.items()}
    )


# --- what a run trains on ------------------------------------------------------------------------


def load(config: RunConfig, device: torch.device) -> Dataset:
    """The data set of `config`, cut as it says. Raises DatasetError if it cannot be had.

    First the fold is taken out, to be held out instead of the test set; what is left is made
    unbalanced by `class_skew`, then cut down to `training_examples`. No cut depends on the seed.
    """
    data = whole(config.dataset, device)
    for cut in (_folded, _skewed, _subset):
        data = cut(data, config)
    if config.balanced_sampling:
        data = dataclasses.replace(data, by_class=ByClass.of(data.labels))
    return data


def _folded(data: Dataset, config: RunConfig) -> Dataset:
    if not config.folds:
        return data
    fold = config.fold
    examples, labels = _folds(config.dataset, config.folds, data.train.device)
    return dataclasses.replace(
        data,
        train=torch.cat(examples[:fold] + examples[fold + 1 :]),
        labels=torch.cat(labels[:fold] + labels[fold + 1 :]),
        held_out=examples[fold],
        held_out_labels=labels[fold],
    )


@functools.cache
def _folds(name: str, folds: int, device: torch.device) -> tuple[tuple[Tensor, ...], ...]:
    """Examples and labels of each fold. The tensors are the same objects at every call, by which
    the metrics know that they have measured them already."""
    return tuple(part.tensor_split(folds) for part in _shuffled(name, device))


@functools.cache
def _shuffled(name: str, device: torch.device) -> tuple[Tensor, Tensor]:
    """Training examples and labels in a fixed order; all folds of all cuts are views of it."""
    data = whole(name, device)
    shuffled = data.only(np.random.default_rng(FOLD_SEED).permutation(len(data.train)))
    return shuffled.train, shuffled.labels


def skewed_counts(counts: np.ndarray, skew: float) -> np.ndarray:
    """Of class k of K, the share (1 − skew)^(k / (K − 1)) of its examples, at least one."""
    shares = (1 - skew) ** (np.arange(len(counts)) / (len(counts) - 1))
    # In floating point, a tenth of 6000 would be 599.99….
    return np.maximum(np.floor(counts * shares + 1e-6), 1).astype(np.int64)


def _skewed(data: Dataset, config: RunConfig) -> Dataset:
    if not config.class_skew:
        return data
    alike = torch.from_numpy(_skewed_rows(data.held_out_labels, config))
    skewed = data.only(_skewed_rows(data.labels, config))
    return dataclasses.replace(skewed, held_out_alike=data.held_out[alike.to(data.held_out.device)])


def _skewed_rows(labels: Tensor, config: RunConfig) -> np.ndarray:
    """Rows of the examples, with labels (n,), that the skew leaves, in order."""
    labels = labels.cpu().numpy()
    counts = np.bincount(labels, minlength=DATASETS[config.dataset].modes)
    kept = skewed_counts(counts, config.class_skew)
    order = np.random.default_rng(SKEW_SEED).permutation(len(labels))
    # Of a fixed order the first ones: with more skew, no example comes in that was not there.
    rows = [order[labels[order] == k][:count] for k, count in enumerate(kept)]
    return np.sort(np.concatenate(rows))


def _subset(data: Dataset, config: RunConfig) -> Dataset:
    count = config.training_examples
    if not 0 < count < len(data.train):
        return data
    return data.only(np.random.default_rng(SUBSET_SEED).permutation(len(data.train))[:count])
