"""How long a run took until its samples were good: seconds of training. Torch-free."""

from __future__ import annotations

from collections.abc import Callable

from gan_core.runs.history import History
from gan_core.runs.records import EvalRecord

FRECHET = (300.0, 200.0, 100.0)  # goals: distances on the digit classifier's features


def _all_modes(evaluation: EvalRecord) -> bool:
    """All modes are there; of images, they must also look like digits: the classifier puts noise,
    too, into one of its classes."""
    metrics = evaluation.metrics
    like_data = metrics.get("frechet", 0.0) <= FRECHET[0]
    return like_data and metrics["modes"] >= metrics["modes_total"]


def _within(distance: float) -> Callable[[EvalRecord], bool]:
    return lambda evaluation: evaluation.metrics["frechet"] <= distance


ALL_MODES = "modes"
GOALS: dict[str, Callable[[EvalRecord], bool]] = {
    ALL_MODES: _all_modes,
    **{f"frechet {distance:g}": _within(distance) for distance in FRECHET},
}


def time_to_quality(history: History) -> dict[str, float | None]:
    """Seconds until the first evaluation that meets each of GOALS; None where none has yet.

    The seconds include evaluations, which come every 250 steps: nothing in between is known.
    Goals of metrics that the run's data does not have are left out.
    """
    timed = [evaluation for evaluation in history.evaluations if evaluation.seconds > 0]
    goals = {ALL_MODES: GOALS[ALL_MODES]} if _is_of_points(history) else GOALS
    return {name: next((evaluation.seconds for evaluation in timed if meets(evaluation)), None)
            for name, meets in goals.items()}


def _is_of_points(history: History) -> bool:
    return bool(history.evaluations) and "frechet" not in history.evaluations[0].metrics
