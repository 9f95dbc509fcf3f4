"""No learning: samples no better than chance, or standing still before they are good. Torch-free.

That it is so is read from the samples alone; `explanations` works out why.
"""

from __future__ import annotations

from collections.abc import Collection

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.findings import Finding, Threshold
from gan_core.diagnosis.improvement import improving
from gan_core.diagnosis.quality import Quality, quality_of
from gan_core.diagnosis.signs import dead_since
from gan_core.diagnosis.suspects import suspects
from gan_core.runs.history import History

THRESHOLDS = {
    "learning_steps": Threshold(
        750, "steps after which samples that are no better than chance are a finding",
        "calibrated: healthy runs draw recognisable digits, or points near modes, by then"),
    "held_back": Threshold(
        0.4, "excess of a setting from which on samples that are still poor fail, even if they "
        "improve", "calibrated: of the rings that improved so a quarter were no better after twice "
        "as many steps"),
}


def _limit(name: str) -> float:
    return THRESHOLDS[name].value


def no_learning(
    history: History, config: RunConfig, known: Collection[str] | None = None
) -> Finding | None:
    """Samples at chance, or standing still before they are good; `explained` says why.

    Samples that improve are no finding, unless they are poor and one of the settings that are
    `known` lies so far outside the usual that it will not let them become good.
    """
    since = _since(history, config, known)
    if since is None:
        return None
    return Finding("no_learning", "severe", since, "")


def _since(
    history: History, config: RunConfig, known: Collection[str] | None
) -> int | None:
    if not history.evaluations or len(history.steps) < 2:
        return None
    if (dead := dead_since(history)) is not None:
        return dead
    last = history.evaluations[-1]
    quality = quality_of(last, config.card)
    if last.step < _limit("learning_steps") or quality.good or not quality.known:
        return None
    better = improving(history, config.card)
    if better is None or (better and not (quality.poor and _held_back(config, known))):
        return None
    return _start(history, config, quality)


def _held_back(config: RunConfig, known: Collection[str] | None) -> bool:
    return any(suspect.excess >= _limit("held_back") for suspect in suspects(config, known))


def _start(history: History, config: RunConfig, quality: Quality) -> int:
    """The first evaluation since which samples have been no better than now."""
    since = history.evaluations[-1].step
    for evaluation in reversed(history.evaluations):
        then = quality_of(evaluation, config.card)
        if then.good or (quality.at_chance and not then.at_chance):
            break
        since = evaluation.step
    return since
