"""History: what pages and verdicts read of a run, as of any step."""

from __future__ import annotations

import gc
import math
import weakref

import numpy as np
import pytest

from gan_core.runs.history import DERIVED, History
from gan_core.runs.records import (
    STEP_METRICS,
    EvalRecord,
    Outcome,
    SampleRecord,
    StepRecord,
)


def step(number: int, value: float = 0.5, **changes) -> StepRecord:
    return StepRecord(number, **{**dict.fromkeys(STEP_METRICS, value), **changes})


def evaluation(number: int, modes: float = 3.0) -> EvalRecord:
    return EvalRecord(number, {"modes": modes}, (0.25, 0.75), seconds=1.5)


@pytest.fixture
def history() -> History:
    records = [SampleRecord(0, np.zeros(1)), evaluation(0), step(1), step(2), evaluation(2, 5.0),
               step(3, 0.75), Outcome("finished", 3)]
    return History.of(records)


def test_records_are_sorted_into_their_kinds(history):
    """Otherwise charts would miss steps, evaluations or the end."""
    assert [record.step for record in history.steps] == [1, 2, 3]
    assert [record.step for record in history.evaluations] == [0, 2]
    assert history.outcome == Outcome("finished", 3)


def test_columns_hold_one_value_a_step(history):
    """Otherwise a curve would be drawn against the wrong axis."""
    assert history.column("step").tolist() == [1, 2, 3]
    assert history.column("loss_d").tolist() == [0.5, 0.5, 0.75]
    assert History().column("loss_d").shape == (0,)


def test_what_follows_from_a_history_is_made_once(history):
    """Otherwise every refresh of every page would diagnose and draw a finished run again."""
    made = []
    for key in ("verdict", "verdict", "chart"):
        assert history.derived(key, lambda key=key: made.append(key) or len(made)) in (1, 2)
    assert made == ["verdict", "chart"]
    assert history.until(2) is history.until(2)


def test_a_column_cannot_be_written_to(history):
    """Otherwise one chart's rescaling would change every later verdict of the run."""
    with pytest.raises(ValueError):
        history.column("loss_d")[0] = 9.0


def test_evaluated_skips_evaluations_without_the_metric(history):
    """Otherwise a metric added later would make an old run's chart fail."""
    steps, values = history.evaluated("modes")
    assert steps.tolist() == [0, 2] and values.tolist() == [3.0, 5.0]
    steps, values = history.evaluated("frechet")
    assert steps.shape == values.shape == (0,)


def test_last_step_counts_both_kinds():
    """Otherwise progress would stand still while a run is evaluated."""
    assert History().last_step == 0
    assert History([step(4)]).last_step == 4
    assert History([step(4)], [evaluation(5)]).last_step == 5


def test_evaluation_at_is_the_latest_by_then(history):
    """Otherwise the step slider would show numbers of the future."""
    assert [history.evaluation_at(at).step for at in (0, 1, 2, 99)] == [0, 0, 2, 2]
    assert History().evaluation_at(5) is None


def test_until_is_the_history_as_it_was(history):
    """Otherwise moving the step slider back would still show the end."""
    early = history.until(2)
    assert early.last_step == 2 and len(early.evaluations) == 2 and early.outcome is None
    assert history.until(0).steps == ()


def test_until_keeps_a_history_that_goes_no_further(history):
    """Otherwise every refresh of a finished run would collect its curves from the records again."""
    assert history.until(3) is history and history.until(99) is history


def test_until_forgets_a_divergence_that_was_still_to_come():
    """A run that became NaN at step 4 was sound after step 3."""
    diverged = History([step(1), step(2), step(3)], outcome=Outcome("diverged", 4))
    assert diverged.until(3).outcome is None
    assert diverged.until(4) is diverged


def test_thinned_has_both_ends():
    """Otherwise a long run's chart would end before the run did."""
    history = History([step(i) for i in range(1, 101)], [evaluation(5)], Outcome("finished", 100))
    for points in (2, 10, 99, 100, 500):
        thin = history.thinned(points)
        assert len(thin.steps) == min(points, 100)
        assert thin.steps[0].step == 1 and thin.steps[-1].step == 100
        assert thin.evaluations == history.evaluations and thin.outcome == history.outcome


def test_equality_ignores_the_clock(history):
    """Otherwise two runs with the same numbers would count as different."""
    slow = EvalRecord(2, {"modes": 5.0}, (0.25, 0.75), seconds=99.0)
    assert slow == evaluation(2, 5.0)
    same = History(history.steps, history.evaluations, Outcome("finished", 3, seconds=7))
    assert same == history
    assert same != History(history.steps, history.evaluations)
    assert history != 5


def test_an_empty_history_is_false(history):
    """Otherwise a page would draw charts before there is anything to draw."""
    assert not History() and history and History([], [evaluation(0)])


def test_evaluations_are_found_by_the_time_they_took():
    """Two runs of unlike networks would be compared at equal steps, where one took minutes."""
    history = History((), [EvalRecord(step, {}, seconds=1.0 + step / 10) for step in (0, 20, 40)])
    assert history.seconds_at(10) == pytest.approx(2.0)
    assert history.seconds_at(40) == history.seconds_at(90) == pytest.approx(5.0)
    assert [history.evaluated_within(s).step for s in (0.0, 2.9, 3.0, 99.0)] == [0, 0, 20, 40]
    assert math.isnan(History().seconds_at(3)) and History().evaluated_within(1.0) is None


def test_what_is_derived_is_bounded() -> None:
    """Each link with another number of steps would cost the server megabytes for good."""
    class Chart:
        pass

    history = History()
    charts = [weakref.ref(history.derived(("chart", steps), Chart)) for steps in range(500)]
    gc.collect()
    assert sum(chart() is not None for chart in charts) <= DERIVED
    last = charts[-1]()
    assert history.derived(("chart", 499), Chart) is last, "the latest is still known"
