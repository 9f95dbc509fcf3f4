"""Which modes an evaluation shows, which its training set has, and which are rare in it.

Evaluations of version 2 know which samples are good ones of a mode; older ones know only to which
mode each sample is nearest. Torch-free.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from gan_core.config.choices import DatasetCard
from gan_core.runs.records import EvalRecord

SUPPORT = 0.01  # share of samples from which on a mode counts as supported
RARE = 0.5  # a mode with less than this part of an even share of the training set is rare in it


def present_modes(evaluation: EvalRecord) -> frozenset[int]:
    """Modes with at least 1 % of the samples: of images those that are recognised, of points those
    that are nearest. Whether points lie within 3σ is a matter of precision, and comes and goes
    while G learns."""
    points = "high_quality" in evaluation.metrics
    shares = evaluation.histogram if points else shown(evaluation)
    return frozenset(mode for mode, share in enumerate(shares) if share >= SUPPORT)


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


def rare_modes(evaluation: EvalRecord) -> list[int]:
    """Modes that the training set has, but rarely, rarest first."""
    present = [(share, mode) for mode, share in enumerate(evaluation.training) if share > 0]
    even = RARE / max(len(present), 1)
    return [mode for share, mode in sorted(present) if share < even]


def expected_modes(evaluation: EvalRecord, card: DatasetCard) -> frozenset[int]:
    """Modes of the training set that are not rare in it: those that a G should draw."""
    return training_modes(evaluation, card) - frozenset(rare_modes(evaluation))


def shown(evaluation: EvalRecord) -> np.ndarray:
    """Each mode's share of samples: of good ones where that is known, (modes,)."""
    return np.asarray(evaluation.supported or evaluation.histogram)
