"""What a config can choose from: data sets, networks, losses and the rest, as cards. Torch-free.

Ring and grid: the mixtures of Lin et al., "PacGAN" (2018), section 4.1.

A card says what is known without torch; `data.datasets`, `training.networks` and `training.losses`
hold the thing itself. Adding one is a function there and a line here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

Centres = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class DatasetCard:
    """What is known of a data set without loading it; `data.datasets` does that."""

    label: str
    kind: str  # "image" or "points"
    examples: int  # training examples
    modes: int  # classes or mixture components
    mode_noun: str  # what one mode is called
    mode_rule: str  # what counts as a mode that is there
    extent: float = 0.0  # points lie within ±this
    centres: Centres = ()  # of the mixture that points come from
    sigma: float = 0.0  # its standard deviation in either direction
    classifier: str = ""  # of images: how the files of the classifier behind the metrics begin


def _ring(count: int) -> Centres:
    """Centres on the unit circle, evenly spaced."""
    angles = 2 * np.pi * np.arange(count) / count  # linspace(0, 2π, 8) counts one centre twice
    return tuple(zip(np.cos(angles).tolist(), np.sin(angles).tolist(), strict=True))


def _grid(ticks: tuple[float, ...]) -> Centres:
    """Every pair of two ticks."""
    return tuple((x, y) for y in ticks for x in ticks)


DATASETS: dict[str, DatasetCard] = {
    "mnist": DatasetCard("MNIST digits", "image", 60_000, 10, "digit", "a share of at least 1 %",
                         classifier="digit"),
    "ring": DatasetCard("2-D ring of 8 Gaussians", "points", 100_000, 8, "mode",
                        "at least one sample within 3σ", 1.6, _ring(8), 0.01),
    "grid": DatasetCard("2-D grid of 25 Gaussians", "points", 100_000, 25, "mode",
                        "at least one sample within 3σ", 5.0, _grid((-4.0, -2.0, 0.0, 2.0, 4.0)),
                        0.05),
    "fashion_mnist": DatasetCard("Fashion-MNIST (downloaded once)", "image", 60_000, 10, "garment",
                                 "a share of at least 1 %", classifier="fashion"),
}


@dataclass(frozen=True)
class ArchitectureCard:
    """What is known of a pair of networks without building it; `training.networks` does that."""

    label: str
    kinds: frozenset[str]  # kinds of data it fits
    resizable: frozenset[str] = frozenset()  # of `width`, `depth`, `minibatch_stddev`
    batch_norm_in_d: bool = False
    convolutional: bool = False


IMAGE, POINTS = frozenset({"image"}), frozenset({"points"})
ARCHITECTURES: dict[str, ArchitectureCard] = {
    "mlp": ArchitectureCard("MLP of the report", IMAGE | POINTS,
                            frozenset({"width", "depth", "minibatch_stddev"})),
    "mlp_reference": ArchitectureCard("MLP of PyTorch-GAN (gan.py, wgan.py, wgan_gp.py)", IMAGE,
                                      frozenset({"minibatch_stddev"})),
    "dcgan": ArchitectureCard("Light DCGAN", IMAGE, frozenset({"width", "minibatch_stddev"}),
                              convolutional=True),
    "dcgan_reference": ArchitectureCard("DCGAN of PyTorch-GAN (dcgan.py)", IMAGE,
                                        batch_norm_in_d=True, convolutional=True),
    "pacgan_2d": ArchitectureCard("PacGAN's networks for 2-D data", POINTS),
}


@dataclass(frozen=True)
class LossCard:
    """What is known of a loss without torch; `training.losses` computes it."""

    label: str
    equilibrium: tuple[float, float]  # losses of D and of G when D cannot tell real from generated
    frame: tuple[float, float]  # the range in which a healthy run's losses stay
    targets: bool = False  # whether D has targets, which smoothing and flips move


_LN2 = math.log(2)
LOSSES: dict[str, LossCard] = {
    "minimax": LossCard("Minimax", (2 * _LN2, -_LN2), (-6.0, 4.0), targets=True),
    "non_saturating": LossCard("Non-saturating", (2 * _LN2, _LN2), (0.0, 8.0), targets=True),
    "least_squares": LossCard("Least squares (LSGAN)", (0.25, 0.125), (0.0, 1.0), targets=True),
    "hinge": LossCard("Hinge", (2.0, 0.0), (-6.0, 6.0)),
    "wasserstein": LossCard("Wasserstein (WGAN)", (0.0, 0.0), (-12.0, 12.0)),
    "relativistic": LossCard("Relativistic pairing (RpGAN)", (_LN2, _LN2), (0.0, 6.0)),
}
OPTIMIZERS = {"adam": "Adam", "rmsprop": "RMSprop", "sgd": "SGD"}
SAME = "same"  # as D's optimiser: none of its own
DISCRIMINATOR_OPTIMIZERS = {
    SAME: "Same optimiser for D and G",
    **{name: f"{label} for D" for name, label in OPTIMIZERS.items()},
}
PRECISIONS = {
    "auto": "Automatic: bfloat16 for images where the processor has it",
    "float32": "32-bit floats",
    "bfloat16": "bfloat16 matrix products",
}
UPDATE_ORDERS = {
    "discriminator_first": "D, then G against the new D",
    "generator_first": "G, then D on the same samples (PyTorch-GAN)",
    "simultaneous": "Both from the same point (PacGAN)",
}
REDUCTIONS = {
    "sum": "Real term + generated term",
    "mean": "Their average (PyTorch-GAN)",
}
STDDEV_GROUP = 4  # examples whose spread minibatch standard deviation shows to D
