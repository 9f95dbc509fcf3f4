"""Are samples better than chance, and which modes do they support? The second half of a metric.

- `recognised`, images: share of samples that the recogniser takes for a digit at all.
- `near_modes`, points: share of samples within an eighth of the way from a centre to the next.
- `quality_above_chance`: that share on a scale from 0, what noise and blurred data score, to 1,
  what the data score (`diagnosis.chance`).
- `modes_supported`: modes with at least 1 % of the good samples and 0.25 % of all. Unlike `modes`,
  which a single stray sample can raise, or a smudge that is nearest to some digit.
- `modes_in_training`: modes of which the training set has an example.
- `mode_spread`: how far good samples of a mode lie from their mean ÷ the same of real examples,
  mean over the modes supported; near 1 for the data, 0 for copies of one example each.
- `centre_distance`, points: mean distance to the nearest centre, in σ; 1.25 for the data.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gan_core.config.choices import DatasetCard
from gan_core.data.datasets import Dataset, scaled
from gan_core.diagnosis.chance import above_chance, near
from gan_core.diagnosis.shares import supported_modes

Recognise = Callable[[Tensor], Tensor]  # images (n, d) to bools (n,)


@dataclass(frozen=True)
class Quality:
    """`supported` is each mode's share of good samples among all samples, `training` its share of
    what D is shown as real."""

    metrics: dict[str, float]
    supported: tuple[float, ...]
    training: tuple[float, ...]


@torch.no_grad()
def image_quality(
    images: Tensor, classes: Tensor, recognises: Recognise, data: Dataset, card: DatasetCard
) -> Quality:
    """Of `images` (n, d) in [−1, 1], which the classifier calls `classes` (n,)."""
    good = torch.cat([recognises(part) for part in images.split(250)])
    return _quality(images, good, classes, data, card, {"recognised": good.float().mean().item()})


@torch.no_grad()
def point_quality(points: Tensor, data: Dataset, card: DatasetCard) -> Quality:
    """Of `points` (n, 2)."""
    if data.centres is None:
        raise ValueError("points are measured against the centres of their data set's modes.")
    distances, nearest = torch.cdist(points, data.centres).min(1)
    mean = (distances.double().mean() / data.sigma).clamp(max=1e9).item()
    good = distances < near(card)
    return _quality(points, good, nearest, data, card, {
        "near_modes": good.float().mean().item(), "centre_distance": mean})


def _quality(
    examples: Tensor, good: Tensor, modes: Tensor, data: Dataset, card: DatasetCard,
    metrics: dict[str, float],
) -> Quality:
    counts = torch.bincount(modes[good], minlength=card.modes).cpu().numpy()
    supported, training = counts / len(good), training_shares(data, card.modes)
    there = supported_modes(supported.tolist())
    return Quality(
        {
            **metrics,
            "quality_above_chance": above_chance(float(supported.sum()), card),
            "modes_supported": float(len(there)),
            "mode_spread": _mode_spread(examples[good], modes[good], sorted(there), data, card),
            "modes_in_training": float(sum(share > 0 for share in training)),
        },
        tuple(supported.tolist()),
        training,
    )


def _mode_spread(
    examples: Tensor, modes: Tensor, there: list[int], data: Dataset, card: DatasetCard
) -> float:
    """Of good samples (k, d) of `modes` (k,), over those modes that are `there`; 0 without any."""
    if not there:
        return 0.0
    real = _spreads_of_reals(data.held_out, data.held_out_labels, card.modes)
    return (_spreads(examples, modes, card.modes) / real)[there].mean().item()


@functools.lru_cache(maxsize=8)  # tensors are keys by identity, and stay alive in it
def _spreads_of_reals(held_out: Tensor, labels: Tensor, modes: int) -> Tensor:
    return _spreads(scaled(held_out), labels, modes)


def _spreads(examples: Tensor, modes: Tensor, count: int) -> Tensor:
    """Mean distance of examples (n, d) from the mean of their mode, (count,). On the CPU: a GPU
    adds up in another order each time, and a run would not come out the same twice."""
    examples, modes = examples.float().cpu(), modes.cpu()
    sizes = torch.bincount(modes, minlength=count).clamp(min=1)
    sums = examples.new_zeros(count, examples.shape[1]).index_add_(0, modes, examples)
    distances = (examples - (sums / sizes[:, None])[modes]).norm(dim=1)
    return torch.bincount(modes, weights=distances, minlength=count).float() / sizes


def training_shares(data: Dataset, modes: int) -> tuple[float, ...]:
    """How often D is shown each of the modes as real."""
    shares = _shares(data.labels, modes)
    if data.by_class is None:
        return shares
    present = sum(share > 0 for share in shares)
    return tuple(float(share > 0) / present for share in shares)


@functools.lru_cache(maxsize=8)  # labels are keys by identity, and stay alive in it
def _shares(labels: Tensor, modes: int) -> tuple[float, ...]:
    counts = np.bincount(labels.cpu().numpy(), minlength=modes)
    return tuple((counts / counts.sum()).tolist())
