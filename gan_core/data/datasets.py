"""Data sets, held on the device as one tensor each; a batch is one index operation.

To add a data set, add two entries under its name:
1. its card in `DATASETS` of `gan_core/config/choices.py`: label, kind, examples, modes and what
   counts as one; of points also the centres, their spread and the extent of the plane;
2. in `SOURCES` below, a function that returns its examples as a `Dataset`.

Images are measured on a classifier of their own, named on the card: `evaluation/classifier.py`
trains it. A data set that must be downloaded has a file of its own, as `fashion_mnist.py`.

MNIST: Y. LeCun, C. Cortes, C. J. C. Burges, http://yann.lecun.com/exdb/mnist/ (CC BY-SA 3.0), all
70 000 images bundled. Ring and grid are drawn as their cards say. Long-tailed classes: Cui et al.,
"Class-Balanced Loss Based on Effective Number of Samples" (2019).
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from gan_core.assets import ASSETS
from gan_core.config import folds
from gan_core.config.choices import DATASETS
from gan_core.config.run_config import RunConfig
from gan_core.data import fashion_mnist

SUBSET_SEED = 1000  # every run with the same `training_examples` sees the same subset
SKEW_SEED = (SUBSET_SEED, 2)  # independent of the subset's draw, and of that of the folds


# --- drawing -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ByClass:
    """Rows sorted by class, so that drawing a class, and then one of its rows, takes no loop."""

    rows: Tensor  # (n,)
    starts: Tensor  # (classes with rows,): where in `rows` each begins
    sizes: Tensor  # (classes with rows,)

    @classmethod
    def of(cls, labels: Tensor) -> ByClass:
        sizes = torch.bincount(labels)
        starts = sizes.cumsum(0) - sizes
        present = sizes > 0
        return cls(labels.argsort(stable=True), starts[present], sizes[present])

    def draw(self, size: int, generator: torch.Generator) -> Tensor:
        """`size` rows, (size,): each of a class drawn uniformly, and uniformly within the class."""
        device = self.rows.device
        classes = torch.randint(len(self.sizes), (size,), generator=generator, device=device)
        # Each class has its own bound, which randint cannot take; the remainder of a number up to
        # 2³¹ favours no row by more than one in 20 000.
        places = torch.randint(2**31 - 1, (size,), generator=generator, device=device)
        return self.rows[self.starts[classes] + places % self.sizes[classes]]


def _no_labels() -> Tensor:
    return torch.empty(0, dtype=torch.int64)


@dataclass(frozen=True)
class Dataset:
    """Training and held-out reals on one device, flattened.

    `train` (n, d) and `held_out` (m, d) are uint8 for images, float32 for points; `labels` (n,)
    and `held_out_labels` (m,) are their classes or modes, empty where nobody needs them. For
    points, `centres` (modes, 2) and `sigma` describe the mixture. With `by_class`, batches show
    every class equally often. `held_out_alike` has fewer of the rare classes where `train` has: a D
    that has hardly seen a class rejects it, which is not the same as knowing the others by heart.
    """

    train: Tensor
    held_out: Tensor
    labels: Tensor = field(default_factory=_no_labels)
    held_out_labels: Tensor = field(default_factory=_no_labels)
    centres: Tensor | None = None
    sigma: float = 0.0
    by_class: ByClass | None = None
    held_out_alike: Tensor | None = None

    @property
    def unseen(self) -> Tensor:
        """Held-out reals with the training set's shares of classes, for D's held-out accuracy."""
        return self.held_out if self.held_out_alike is None else self.held_out_alike

    @property
    def dim(self) -> int:
        """Numbers in one example: 784 pixels, or 2 coordinates."""
        return self.train.shape[1]

    @property
    def kind(self) -> str:
        """"image" or "points"."""
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

    def to(self, device: torch.device) -> Dataset:
        """The same with all tensors on `device`."""
        tensors = {name: value.to(device) for name, value in vars(self).items()
                   if isinstance(value, Tensor)}
        return dataclasses.replace(self, **tensors)  # type: ignore[arg-type]

    def only(self, rows: np.ndarray) -> Dataset:
        """With these rows of the training examples alone, in this order."""
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


# --- the data sets: a function for each, and the table of them -----------------------------------


def _mnist() -> Dataset:
    with np.load(ASSETS / "mnist.npz", allow_pickle=False) as bundle:
        # The test images come in two halves by two groups of writers, the first the neater one
        # (LeCun's page); shuffled, any part of them is like the whole.
        order = np.random.default_rng(SUBSET_SEED).permutation(len(bundle["test_images"]))
        return Dataset(
            train=torch.from_numpy(bundle["train_images"].reshape(-1, 784)),
            held_out=torch.from_numpy(bundle["test_images"].reshape(-1, 784)[order]),
            labels=torch.from_numpy(bundle["train_labels"].astype(np.int64)),
            held_out_labels=torch.from_numpy(bundle["test_labels"].astype(np.int64)[order]),
        )


def _mixture(name: str) -> Dataset:
    """A mixture of Gaussians, drawn as its card says."""
    card, random = DATASETS[name], np.random.default_rng(SUBSET_SEED)
    centres, sigma = np.array(card.centres), card.sigma
    sizes = {"train": card.examples, "held_out": 10_000}
    modes = {part: random.integers(len(centres), size=size) for part, size in sizes.items()}
    points = {
        part: torch.from_numpy(centres[mode] + sigma * random.standard_normal((len(mode), 2)))
        for part, mode in modes.items()
    }
    return Dataset(
        train=points["train"].float(),
        held_out=points["held_out"].float(),
        labels=torch.from_numpy(modes["train"]),
        held_out_labels=torch.from_numpy(modes["held_out"]),
        centres=torch.from_numpy(centres).float(),
        sigma=sigma,
    )


def _fashion_mnist() -> Dataset:
    parts = fashion_mnist.read_or_download()
    return Dataset(
        train=parts["train"].reshape(-1, 784),
        held_out=parts["held_out"].reshape(-1, 784),
        labels=parts["labels"],
        held_out_labels=parts["held_out_labels"],
    )


SOURCES: dict[str, Callable[[], Dataset]] = {
    "mnist": _mnist,
    "fashion_mnist": _fashion_mnist,
    "ring": lambda: _mixture("ring"),
    "grid": lambda: _mixture("grid"),
}


@functools.cache
def whole(name: str, device: torch.device) -> Dataset:
    """All of data set `name` on `device`, read once per process."""
    return SOURCES[name]().to(device)


# --- what a run trains on ------------------------------------------------------------------------


def load(config: RunConfig, device: torch.device) -> Dataset:
    """The data set of `config`, cut as it says. Raises DatasetError if it cannot be downloaded.

    First the fold is taken out, to be held out instead of the test set; the rest is made unbalanced
    by `class_skew`, then cut down to `training_examples`. No cut depends on the seed.
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
def _folds(
    name: str, count: int, device: torch.device
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Examples and labels of each fold.

    The tensors are the same objects at every call: metrics cache by object what they computed.
    """
    examples, labels = _shuffled(name, device)
    return examples.tensor_split(count), labels.tensor_split(count)


@functools.cache
def _shuffled(name: str, device: torch.device) -> tuple[Tensor, Tensor]:
    """Training examples and labels in a fixed order; all folds of all cuts are views of it."""
    data = whole(name, device)
    shuffled = data.only(folds.shuffled(len(data.train)))
    return shuffled.train, shuffled.labels


def skewed_counts(counts: np.ndarray, skew: float) -> np.ndarray:
    """How many examples remain of each class: (1 − skew)^(k / (K − 1)) of class k, at least one."""
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
    """The rows that the skew leaves of examples with `labels`, (n,), in order."""
    classes = labels.cpu().numpy()
    counts = np.bincount(classes, minlength=DATASETS[config.dataset].modes)
    remaining = skewed_counts(counts, config.class_skew)
    order = np.random.default_rng(SKEW_SEED).permutation(len(classes))
    # The first ones of a fixed order: a larger skew leaves a subset of what a smaller one leaves.
    rows = [order[classes[order] == k][:count] for k, count in enumerate(remaining)]
    return np.sort(np.concatenate(rows))


def _subset(data: Dataset, config: RunConfig) -> Dataset:
    count = config.training_examples
    if not 0 < count < len(data.train):
        return data
    return data.only(np.random.default_rng(SUBSET_SEED).permutation(len(data.train))[:count])
