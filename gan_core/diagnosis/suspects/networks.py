"""Networks, batches and training sets that are too small. Torch-free."""

from __future__ import annotations

from typing import Any

from gan_core.config.choices import ARCHITECTURES
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.findings import Remedy
from gan_core.diagnosis.suspects.suspect import Find, Suspect, decades


def _small_latent(config: RunConfig) -> Suspect | None:
    points = config.card.kind == "points"
    limit, fitting = (2, 16) if points else (8, 64)
    return Suspect(
        ("latent_dim",), "latent_too_small", 1.2 * decades(limit, config.latent_dim),
        Remedy(f"{fitting} latent dimensions", {"latent_dim": fitting},
               "more numbers to tell samples apart"))


def _small_batch(config: RunConfig) -> Suspect | None:
    return Suspect(
        ("batch_size",), "batch_too_small", decades(16 * config.packing, config.batch_size),
        larger_batch(config))


def larger_batch(config: RunConfig) -> Remedy:
    """The batch that fits."""
    fitting = fitting_batch(config)
    return Remedy(f"Batch size {fitting}", {"batch_size": fitting},
                  "the gradient of few examples is mostly noise")


def fitting_batch(config: RunConfig) -> int:
    """64 examples, or of 2-D data some eight of each mode."""
    many = config.card.kind == "points" and config.card.modes > 8
    return (256 if many else 64) * max(config.group, 1)


def _small_networks(config: RunConfig) -> Suspect | None:
    if "width" not in _resizable(config):
        return None
    changes: dict[str, Any] = {"width": 1.0}
    label = "Full width"
    if config.depth < 2:
        changes["depth"] = 2
        label += ", two hidden layers"
    narrow = decades(0.5, config.width) + (0.3 if config.depth < 2 else 0.0)
    return Suspect(("width",), "capacity", narrow,
                   Remedy(label, changes, "more units to draw with and to tell apart with"))


def _unusual_depth(config: RunConfig) -> Suspect | None:
    if "depth" not in _resizable(config) or 2 <= config.depth <= 3:
        return None
    excess = 0.3 if config.depth < 2 else 0.2 * (config.depth - 3)
    why = ("one hidden layer cannot form digits" if config.depth < 2 else
           "without normalisation a deep network trains badly")
    return Suspect(("depth",), "capacity", excess,
                   Remedy("Two hidden layers", {"depth": 2}, why))


def _resizable(config: RunConfig) -> frozenset[str]:
    return ARCHITECTURES[config.architecture].resizable


def _few_examples(config: RunConfig) -> Suspect | None:
    if config.training_examples == 0:
        return None
    limit = 200 if config.card.kind == "points" else 1000
    return Suspect(
        ("training_examples",), "few_data", decades(limit, config.training_examples),
        Remedy("All training examples", {"training_examples": 0}, "too many to learn by heart"))


FIND: tuple[Find, ...] = (
    _small_latent, _small_batch, _small_networks, _unusual_depth, _few_examples)
