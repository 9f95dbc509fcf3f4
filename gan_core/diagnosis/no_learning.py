"""No learning: samples no better than chance, or standing still before they are good. Torch-free.

That it is so is read from the samples alone; `explanations` works out why.
"""

from __future__ import annotations

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.findings import Finding, Threshold
from gan_core.diagnosis.improvement import improving
from gan_core.diagnosis.quality import Quality, quality_of
from gan_core.diagnosis.signs import dead_since
from gan_core.runs.history import History

THRESHOLDS = {
    "learning_steps": Threshold(
        750, "steps after which samples that are no better than chance are a finding",
        "calibrated: healthy runs draw recognisable digits, or points near modes, by then"),
}


def _limit(name: str) -> float:
    return THRESHOLDS[name].value


def no_learning(history: History, config: RunConfig) -> Finding | None:
    """Samples at chance, or standing still before they are good; `explained` says why."""
    since = _since(history, config)
    if since is None:
        return None
    return Finding("no_learning", "severe", since, "")


def _since(history: History, config: RunConfig) -> int | None:
    if not history.evaluations or len(history.steps) < 2:
        return None
    if (dead := dead_since(history)) is not None:
        return dead
    last = history.evaluations[-1]
    quality = quality_of(last, config.card)
    if last.step < _limit("learning_steps") or quality.good or not quality.known:
        return None
    if improving(history, config.card) is not False:
        return None
    return _start(history, config, quality)


def _start(history: History, config: RunConfig, quality: Quality) -> int:
    """The first evaluation since which samples have been no better than now."""
    since = history.evaluations[-1].step
    for evaluation in reversed(history.evaluations):
        then = quality_of(evaluation, config.card)
        if then.good or (quality.at_chance and not then.at_chance):
            break
        since = evaluation.step
    return since
