"""What is coming, before it is there: early signs of a failure in a run that still goes on.

A warning is no finding: it may pass. `python -m gan_core verify warnings` measures how many steps
before the finding it comes, and how often nothing follows. Torch-free.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.findings import Threshold
from gan_core.diagnosis.quality import quality_of
from gan_core.diagnosis.quality_words import percent
from gan_core.diagnosis.shares import shown
from gan_core.runs.history import History
from gan_core.runs.records import EvalRecord

THRESHOLDS = {
    "warning_window": Threshold(
        100, "steps whose medians are compared with those of the window before", "convention"),
    "warning_swing": Threshold(
        0.3, "swing of D's scores within a window from which on a growing one is a warning",
        "tuned on seeds 0 to 4; a finding needs 0.5"),
    "warning_growth": Threshold(
        1.3, "growth from one window to the next that counts as growing", "tuned on seeds 0 to 4"),
    "warning_share": Threshold(
        0.45, "share of the samples that one mode may take while the others lose",
        "tuned on seeds 0 to 4: an even share of ten digits is 0.1"),
    "warning_gap": Threshold(
        0.85, "difference between D's scores of real and generated examples from which on a "
        "growing one is a warning", "tuned on seeds 0 to 4: healthy runs keep below 0.7"),
    "warning_gradient": Threshold(
        0.15, "G's gradient ÷ its largest below which a falling one is a warning",
        "tuned on seeds 0 to 4; a finding needs 0.05"),
}
WINDOW = int(THRESHOLDS["warning_window"].value)


def _limit(name: str) -> float:
    return THRESHOLDS[name].value


@dataclass(frozen=True)
class EarlyWarning:
    """What the sign is called, the symptoms that it announces, and the sentence about it."""

    sign: str
    announces: frozenset[str]
    text: str


def early_warnings(history: History, config: RunConfig) -> list[EarlyWarning]:
    """The signs that the last steps and evaluations show."""
    if len(history.steps) < 2 * WINDOW:
        return []
    signs = (check(history, config) for check in CHECKS)
    return [sign for sign in signs if sign is not None]


def coming(history: History, config: RunConfig, state: str) -> list[EarlyWarning]:
    """What is to be told of a run that goes on, by the `state` of its verdict: what has been found
    is no longer coming."""
    return early_warnings(history, config) if state in UNDECIDED else []


UNDECIDED = ("healthy", "too_early", "improving")


def _windows(history: History, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The values of a step metric in the last window and in the one before."""
    values = history.column(name)
    return values[-2 * WINDOW : -WINDOW], values[-WINDOW:]


def _growing_swing(history: History, config: RunConfig) -> EarlyWarning | None:
    before, now = (_swing(real - fake) for real, fake in zip(
        _windows(history, "score_real"), _windows(history, "score_fake"), strict=True))
    if not (now > _limit("warning_swing") and now > _limit("warning_growth") * before):
        return None
    return EarlyWarning(
        "growing swing", frozenset({"instability", "divergence"}),
        f"D's scores swing more and more: by {now:.2f} in the last {WINDOW} steps, by {before:.2f} "
        "in those before.")


def _swing(gap: np.ndarray) -> float:
    smooth = np.convolve(gap, np.ones(10) / 10, mode="valid")
    low, high = np.percentile(smooth, [5, 95])
    return float(high - low)


def _one_mode(history: History, config: RunConfig) -> EarlyWarning | None:
    evaluations = [e for e in history.evaluations[-2:] if e.step > 0]
    if len(evaluations) < 2 or config.card.modes < 3:
        return None
    before, now = (shown(e) for e in evaluations)
    top = int(np.argmax(now))
    takes_over = now[top] > _limit("warning_share") and now[top] > before[top]
    lost = quality_of(evaluations[1], config.card).supported \
        < quality_of(evaluations[0], config.card).supported
    if not (takes_over and lost):
        return None
    return EarlyWarning(
        "one mode takes over", frozenset({"mode_collapse", "mode_rotation"}),
        f"{_called(top, evaluations[1], config)} takes over: {now[top]:.0%} of the samples, "
        f"{before[top]:.0%} at the evaluation before, and others have gone.")


def _called(mode: int, evaluation: EvalRecord, config: RunConfig) -> str:
    """A mode's name; older evaluations know only which one samples are nearest to."""
    noun = config.card.mode_noun
    if evaluation.version == 1:
        return f"What is nearest to {noun} {mode}"
    return f"{noun.capitalize()} {mode}"


def _parting_scores(history: History, config: RunConfig) -> EarlyWarning | None:
    before, now = (float(np.median(real - fake)) for real, fake in zip(
        _windows(history, "score_real"), _windows(history, "score_fake"), strict=True))
    if not (now > _limit("warning_gap") and now > before):
        return None
    return EarlyWarning(
        "scores part", frozenset({"no_learning", "vanishing_gradient", "mode_collapse"}),
        f"D's scores of real and generated examples drift apart: they differ by {now:.2f}, and "
        f"differed by {before:.2f} {WINDOW} steps ago. Soon D will reject whatever G makes.")


def _fading_gradient(history: History, config: RunConfig) -> EarlyWarning | None:
    before, now = (float(np.median(part)) for part in _windows(history, "grad_norm_g"))
    largest = history.running(
        "largest_gradient_seen", ("grad_norm_g",), _largest, 0.0)
    if not (now < _limit("warning_gradient") * largest and now < before):
        return None
    return EarlyWarning(
        "gradient fades", frozenset({"vanishing_gradient", "no_learning", "mode_collapse"}),
        f"G's gradient fades: {percent(now / largest)} of its largest is left, and "
        f"{percent(before / largest)} was {WINDOW} steps ago.")


def _largest(largest: float, norms: np.ndarray) -> float:
    """The largest median of ten consecutive values so far."""
    whole = len(norms) // 10 * 10
    if not whole:
        return largest
    return max(largest, float(np.median(norms[:whole].reshape(-1, 10), axis=1).max()))


CHECKS: tuple[Callable[[History, RunConfig], EarlyWarning | None], ...] = (
    _growing_swing, _one_mode, _parting_scores, _fading_gradient)
