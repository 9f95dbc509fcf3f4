"""How long a run took to be good: seconds of training until a quality was reached. Torch-free."""

from __future__ import annotations

from collections.abc import Callable

from gan_core.runs.records import EvalRecord, History

FRECHET = (300.0, 200.0, 100.0)  # distances on the digit classifier's features


def _all_modes(evaluation: EvalRecord) -> bool:
    """Of images only where they are like digits at all: noise, too, is nearest to one of them."""
    metrics = evaluation.metrics
    like = metrics.get("frechet", 0.0) <= FRECHET[0]
    return like and metrics["modes"] >= metrics["modes_total"]


def _within(distance: float) -> Callable[[EvalRecord], bool]:
    return lambda evaluation: evaluation.metrics["frechet"] <= distance


ALL_MODES = "modes"
GOALS: dict[str, Callable[[EvalRecord], bool]] = {
    ALL_MODES: _all_modes,
    **{f"frechet {distance:g}": _within(distance) for distance in FRECHET},
}


def time_to_quality(history: History) -> dict[str, float | None]:
    """Seconds until the first evaluation that meets each of GOALS; None where none has yet.

    Evaluations are included in the seconds, and come every 250 steps: nothing in between is known.
    Goals of metrics that the run's data does not have are left out.
    """
    measured = [each for each in history.evaluations if each.seconds > 0]
    goals = {ALL_MODES: GOALS[ALL_MODES]} if _points(history) else GOALS
    return {name: next((each.seconds for each in measured if met(each)), None)
            for name, met in goals.items()}


def _points(history: History) -> bool:
    return bool(history.evaluations) and "frechet" not in history.evaluations[0].metrics
