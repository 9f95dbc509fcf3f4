"""The one number by which a page compares two runs, and in which its remedy must be better.

Torch-free; NaN where a run is too young, or has no such number.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from gan_core.diagnosis.instability import score_swing
from gan_core.diagnosis.number_words import part
from gan_core.diagnosis.shares import counted_modes
from gan_core.diagnosis.vanishing_gradients import gradient_left
from gan_core.runs.history import History


@dataclass(frozen=True)
class Headline:
    """A number of a whole run, with how it is written.

    `label` reads well within a sentence; `value_of` computes the number from a history; `form`
    formats it, times `scale`.
    """

    label: str
    form: str
    value_of: Callable[[History], float]
    lower_is_better: bool = True
    scale: float = 1.0
    least: float = 0.0  # smaller ones differ by nothing that matters
    part: bool = False  # it is a part of something, which small ones are called: 1/340
    timed: bool = False  # it is the machine's, and of runs that share it the whole batch's

    def text(self, value: float) -> str:
        """A value in words."""
        if math.isnan(value):
            return "–"
        if 0 <= value < self.least:
            return part(self.least) if self.part else f"less than {self.least:g}"
        if self.part and 0 < value < 0.01:
            return part(value)
        return "beyond measure" if math.isinf(value) else self.form.format(self.scale * value)

    def improved(self, value: float, before: float) -> bool:
        """Whether `value` is better than `before`; never if either is NaN."""
        return value < before if self.lower_is_better else value > before


def _metric(history: History, name: str) -> float:
    last = history.evaluations[-1] if history.evaluations else None
    return last.metrics.get(name, math.nan) if last is not None else math.nan


def _modes(history: History) -> float:
    if not history.evaluations:
        return math.nan
    shown, possible = counted_modes(history.evaluations[-1].metrics)
    return shown / possible if possible else math.nan


def _swing(history: History) -> float:
    """Infinite for a run that diverged: it does not settle any more."""
    if history.outcome is not None and history.outcome.kind == "diverged":
        return math.inf
    return score_swing(history)


def _missed(history: History) -> float:
    return _metric(history, "accuracy_train") - _metric(history, "accuracy_held_out")


def _step_seconds(history: History) -> float:
    """Between the first evaluation and the last: without what a run needs to begin."""
    if len(history.evaluations) < 2:
        return math.nan
    first, last = history.evaluations[0], history.evaluations[-1]
    return (last.seconds - first.seconds) / max(last.step - first.step, 1)


HEADLINES: dict[str, Headline] = {
    "frechet": Headline("Fréchet distance", "{:.0f}", lambda history: _metric(history, "frechet")),
    "modes": Headline("share of modes present", "{:.0f} %", _modes, False, 100.0),
    "swing": Headline("swing of D's scores over the last 300 steps", "{:.2f}", _swing),
    "gradient_left": Headline(
        "G's gradient ÷ its largest", "{:.2g}", gradient_left, False, least=1e-6, part=True),
    "missed": Headline(
        "D accepts new images less often by", "{:.0f} points", _missed,
        True, 100.0),
    "step_seconds": Headline(
        "time of a step", "{:.0f} ms", _step_seconds, True, 1000.0, timed=True),
}
