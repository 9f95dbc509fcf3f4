"""Does a run still get better, or does it stand still? Checked, not supposed. Torch-free."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from gan_core.config.choices import DatasetCard
from gan_core.diagnosis.findings import Threshold
from gan_core.diagnosis.quality import all_alike, quality_of
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


def improving(
    history: History, card: DatasetCard, at: EvalRecord | None = None
) -> bool | None:
    """Whether samples are clearly better than at any time up to a while before; None while there is
    nothing to compare with. Of a history, or of what it was up to `at`.

    Of the last two evaluations the better one must be clearly better, and the other no worse: one
    alone goes up and down.
    """
    compared = _compared(history, at)
    return None if compared is None else _clearly_better(*compared, card)


def _compared(
    history: History, at: EvalRecord | None = None
) -> tuple[list[EvalRecord], list[EvalRecord]] | None:
    """The last two evaluations and those a while before; None where there are not so many yet.

    An untrained G is not compared with: it draws everything in one place, which may be a mode's.
    """
    evaluations = [e for e in history.evaluations
                   if e.step and (at is None or e.step <= at.step)]
    if len(evaluations) < 2:
        return None
    last = evaluations[-1].step
    back = max(_limit("improvement_steps"), last / 4)
    before = [e for e in evaluations if e.step <= last - back]
    return (evaluations[-2:], before) if before else None


def _clearly_better(now: list[EvalRecord], before: list[EvalRecord], card: DatasetCard) -> bool:
    distance = _distance([*before, *now])
    gain = _best(now, card, _worth) - _best(before, card, _worth)
    nearer = _nearest(now, distance) < _limit("improvement") * _nearest(before, distance)
    lost = _worst(now, card) < _best(before, card, _worth) - _limit("quality_gain") \
        or _most(now, card) < _most(before, card) - 1 \
        or _farthest(now, distance) > _nearest(before, distance) / _limit("improvement")
    # One picture that all samples share is recognised, or not, by chance.
    alike = all(all_alike(e) for e in now)
    farther = _nearest(now, distance) > _nearest(before, distance)
    return (nearer or (gain > _limit("quality_gain") and not (alike or farther))) and not lost


Value = Callable[[EvalRecord, DatasetCard], float]


def _share(evaluation: EvalRecord, card: DatasetCard) -> float:
    """Quality above chance: which share of the samples is good."""
    return quality_of(evaluation, card).above_chance


def _worth(evaluation: EvalRecord, card: DatasetCard) -> float:
    """The same, of as many modes as there could be: all samples on one mode are worth little."""
    quality = quality_of(evaluation, card)
    return quality.above_chance * quality.supported / max(quality.possible, 1)


def _best(evaluations: list[EvalRecord], card: DatasetCard, value: Value) -> float:
    values = [value(e, card) for e in evaluations]
    return max((v for v in values if not math.isnan(v)), default=0.0)


def _worst(evaluations: list[EvalRecord], card: DatasetCard) -> float:
    values = [_worth(e, card) for e in evaluations]
    return min((v for v in values if not math.isnan(v)), default=0.0)


def _most(evaluations: list[EvalRecord], card: DatasetCard) -> int:
    """The most modes that good samples supported."""
    return max(quality_of(e, card).supported if e.supported else 0 for e in evaluations)


def _nearest(evaluations: list[EvalRecord], distance: str) -> float:
    """The smallest distance to the data, by the metric of this name; NaN where it is not known."""
    return min(_distances(evaluations, distance), default=math.nan)


def _farthest(evaluations: list[EvalRecord], distance: str) -> float:
    return max(_distances(evaluations, distance), default=math.nan)


def _distances(evaluations: list[EvalRecord], distance: str) -> list[float]:
    values = [e.metrics.get(distance, math.nan) for e in evaluations]
    return [value for value in values if not math.isnan(value)]


def _distance(evaluations: list[EvalRecord]) -> str:
    """The metric that is their distance to the data, of images Fréchet's, of points that to the
    centres: the first that all of them have, for an older recording may have been trained on."""
    names = ("frechet", "centre_distance", "kl_uniform")
    return next((name for name in names if all(name in e.metrics for e in evaluations)), names[-1])


# --- what has improved ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Gain:
    """What improved: `best_before` is its best value up to step `since`, `now` the better one of
    the last two evaluations.

    `what` is "quality" (above chance), "modes" (supported) or the name of the distance's metric.
    """

    what: str
    since: int
    best_before: float
    now: float


def gain(history: History, card: DatasetCard) -> Gain | None:
    """The first of quality, distance and modes that is better than a while before, by the rule of
    `improving`; None where nothing is, or where there is nothing to compare with."""
    compared = _compared(history)
    if compared is None or not _clearly_better(*compared, card):
        return None
    now, before = compared
    since, distance = before[-1].step, _distance([*before, *now])
    quality = Gain("quality", since, _best(before, card, _share), _best(now, card, _share))
    if quality.now - quality.best_before > _limit("quality_gain"):
        return quality
    nearer = Gain(distance, since, _nearest(before, distance), _nearest(now, distance))
    if nearer.now < _limit("improvement") * nearer.best_before:
        return nearer
    return Gain("modes", since, _most(before, card), _most(now, card))
