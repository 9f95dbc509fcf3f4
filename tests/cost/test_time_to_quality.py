"""Time to quality: the seconds a student waited until the samples were good."""

from __future__ import annotations

from gan_core.cost.time_to_quality import ALL_MODES, GOALS, time_to_quality
from gan_core.runs.history import History
from gan_core.runs.records import EvalRecord


def evaluation(step: int, seconds: float, modes: float, frechet: float | None) -> EvalRecord:
    metrics = {"modes": modes, "modes_total": 10.0}
    if frechet is not None:
        metrics["frechet"] = frechet
    return EvalRecord(step, metrics, (), seconds)


RUN = History([], [evaluation(0, 0.5, 1, 1500.0), evaluation(250, 4.0, 6, 290.0),
                   evaluation(500, 8.0, 10, 310.0), evaluation(750, 12.0, 10, 150.0)])


def test_each_goal_counts_from_when_it_was_first_met():
    """The table would praise a slow run, or tell a quality that was never there: what is drawn at
    step 500 is nearest to all ten digits, and not like any."""
    assert time_to_quality(RUN) == {
        ALL_MODES: 12.0, "frechet 300": 4.0, "frechet 200": 12.0, "frechet 100": None}


def test_a_run_without_evaluations_has_met_nothing():
    """A page that opens before the first evaluation would show an error."""
    assert time_to_quality(History()) == dict.fromkeys(GOALS)


def test_points_have_no_frechet_distance():
    """A 2-D run would show "not reached" for what is not measured."""
    ring = History([], [evaluation(0, 0.2, 3, None), evaluation(250, 1.0, 10, None)])
    assert time_to_quality(ring) == {ALL_MODES: 1.0}


def test_a_metric_that_is_missing_or_nan_meets_no_goal():
    """Damage in a file would be reported as quality."""
    nan = float("nan")
    torn = History([], [evaluation(0, 0.2, nan, nan), evaluation(250, 1.0, nan, nan)])
    assert set(time_to_quality(torn).values()) == {None}
