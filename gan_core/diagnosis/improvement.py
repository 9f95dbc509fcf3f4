"""Does a run still get better, or does it stand still? Checked, not supposed. Torch-free."""

from __future__ import annotations

import math

import numpy as np

from gan_core.config.choices import DatasetCard
from gan_core.diagnosis.findings import Threshold
from gan_core.diagnosis.quality import quality_of
from gan_core.runs.history import History
from gan_core.runs.records import EvalRecord

THRESHOLDS = {
    "improvement": Threshold(
        0.9, "a distance to the data below this share of its value before still improves",
        "calibrated: a learning MNIST run improves by 10 to 40 % in 500 steps"),
    "quality_gain": Threshold(
        0.05, "gain of quality above chance that is an improvement",
        "calibrated: between two evaluations of a run that stands still it moves by 0.02"),
    "improvement_steps": Threshold(
        500, "steps over which a run must improve, or a quarter of a longer run",
        "calibrated: one evaluation alone goes up and down"),
}


def _limit(name: str) -> float:
    return THRESHOLDS[name].value


def improving(history: History, card: DatasetCard, at: EvalRecord | None = None) -> bool:
    """Whether samples are clearly better than a while before, and at least as good as at any time.

    Of the last two evaluations of each time the better one counts: one alone goes up and down.
    """
    evaluations = [e for e in history.evaluations if at is None or e.step <= at.step]
    if len(evaluations) < 2:
        return True
    last = evaluations[-1].step
    back = max(_limit("improvement_steps"), last / 4)
    before = [e for e in evaluations if e.step <= last - back]
    if not before:
        return True
    now = evaluations[-2:]
    return _clearly_better(now, before, card)


def _clearly_better(now: list[EvalRecord], before: list[EvalRecord], card: DatasetCard) -> bool:
    gain = _best(now, card) - _best(before, card)
    nearer = _nearest(now) < _limit("improvement") * _nearest(before)
    modes = _most(now, card) > _most(before, card)
    lost = gain < -_limit("quality_gain") or _most(now, card) < _most(before, card) - 1
    return (gain > _limit("quality_gain") or nearer or (modes and gain > 0)) and not lost


def _best(evaluations: list[EvalRecord], card: DatasetCard) -> float:
    values = [quality_of(e, card).above_chance for e in evaluations]
    return max((v for v in values if not math.isnan(v)), default=0.0)


def _most(evaluations: list[EvalRecord], card: DatasetCard) -> int:
    """The most modes that good samples supported."""
    return max(quality_of(e, card).supported if e.supported else 0 for e in evaluations)


def _nearest(evaluations: list[EvalRecord]) -> float:
    """The smallest distance to the data: of images Fréchet's, of points that to the centres."""
    names = ("frechet", "centre_distance", "kl_uniform")
    name = next((n for n in names if n in evaluations[-1].metrics), names[-1])
    values = [e.metrics.get(name, math.nan) for e in evaluations]
    return float(np.nanmin(values)) if values else math.nan
