"""Which modes an evaluation shows, which its training set has, and which are rare in it.

Evaluations of version 2 know which samples are good ones of a mode; older ones know only to which
mode each sample is nearest. Torch-free.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from gan_core.config.choices import DatasetCard
from gan_core.runs.records import EvalRecord

PRESENT = 0.01  # share of samples from which on a mode is there
STRAY = 0.0025  # of all samples: five images of 2000, or six points, are no accident
RARE = 0.5  # a mode with less than this part of an even share of the training set is rare in it


def present_modes(evaluation: EvalRecord) -> frozenset[int]:
    """Modes with at least 1 % of the samples: of images those that are recognised, of points those
    that are nearest. Whether points lie near a mode is a matter of precision, and comes and goes
    while G learns."""
    if evaluation.supported and "high_quality" not in evaluation.metrics:
        return supported_modes(evaluation.supported)
    return frozenset(mode for mode, share in enumerate(evaluation.histogram) if share >= PRESENT)


def supported_modes(supported: Sequence[float]) -> frozenset[int]:
    """Modes with at least 1 % of the good samples, and more than a stray one, of each mode's
    share of good samples among all."""
    least = max(PRESENT * sum(supported), STRAY)
    return frozenset(mode for mode, share in enumerate(supported) if share >= least)


def training_modes(evaluation: EvalRecord, card: DatasetCard) -> frozenset[int]:
    """Modes of which the training set has examples; all of them if that was not recorded."""
    if not evaluation.training:
        return frozenset(range(card.modes))
    return frozenset(mode for mode, share in enumerate(evaluation.training) if share > 0)


def counted_modes(metrics: Mapping[str, float]) -> tuple[float, float]:
    """How many modes samples show, and how many they could: of good samples and of the training
    set, or of all samples and all modes where that is all that was measured."""
    shown, possible = metrics.get("modes", math.nan), metrics.get("modes_total", math.nan)
    return metrics.get("modes_supported", shown), metrics.get("modes_in_training", possible)


def drawn_modes(evaluation: EvalRecord) -> np.ndarray:
    """Which modes G draws, for a chart over time: of images the shares that are recognised, where
    that is known; of points the nearest modes: while they rotate, few of them lie near a mode."""
    if "recognised" in evaluation.metrics:
        return shown(evaluation)
    return np.asarray(evaluation.histogram)


def rare_modes(evaluation: EvalRecord) -> list[int]:
    """Modes that the training set has, but rarely, rarest first."""
    present = [(share, mode) for mode, share in enumerate(evaluation.training) if share > 0]
    even = RARE / max(len(present), 1)
    return [mode for share, mode in sorted(present) if share < even]


def expected_modes(evaluation: EvalRecord, card: DatasetCard) -> frozenset[int]:
    """Modes of the training set that are not rare in it: those that a G should draw."""
    return training_modes(evaluation, card) - frozenset(rare_modes(evaluation))


def imbalance(evaluation: EvalRecord) -> float:
    """KL divergence of the modes' shares among samples from those in the training set, of the modes
    that it has; among good samples where that is known. NaN without any."""
    drawn = shown(evaluation)
    training = np.asarray(evaluation.training or np.ones(len(drawn)))
    drawn, training = drawn[training > 0], training[training > 0]
    if not drawn.sum() > 0:
        return math.nan
    drawn, training = drawn / drawn.sum(), training / training.sum()
    there = drawn > 0
    return float((drawn[there] * np.log(drawn[there] / training[there])).sum())


def shown(evaluation: EvalRecord) -> np.ndarray:
    """Each mode's share of samples: of good ones where that is known, (modes,)."""
    return np.asarray(evaluation.supported or evaluation.histogram)
