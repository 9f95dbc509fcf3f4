"""Records: what a run wrote is what a page reads."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from gan_core.runs.history import History
from gan_core.runs.records import (
    STEP_METRICS,
    EvalRecord,
    Outcome,
    SampleRecord,
    StepRecord,
    from_line,
    to_line,
)

RECORDED = sorted((Path(__file__).parents[2] / "gan_core/assets/recorded").glob("*/history.jsonl"))


def step(number: int, value: float = 0.5, **changes) -> StepRecord:
    return StepRecord(number, **{**dict.fromkeys(STEP_METRICS, value), **changes})


def evaluation(number: int, modes: float = 3.0) -> EvalRecord:
    return EvalRecord(number, {"modes": modes}, (0.25, 0.75), seconds=1.5)


@pytest.mark.parametrize("value", [0.0, 1.0, -2.5, 1.23456e-12, 3.4e38, 0.123456])
def test_a_step_survives_its_line(value):
    """Otherwise a reloaded page would draw other curves than the live one."""
    assert from_line(to_line(step(7, value))) == step(7, value)


def test_six_digits_are_kept():
    """Otherwise a tiny gradient would read as zero, or history files would double in size."""
    read = from_line(to_line(step(1, 1.23456789e-9)))
    assert read.loss_d == 1.23457e-09
    assert len(to_line(StepRecord(1, *[1 / 3] * 10))) < 320


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_written_as_null_and_read_as_nan(value):
    """Otherwise the file would not be JSON, and other tools could not read it."""
    for record in (step(3, value), EvalRecord(3, {"modes": value}, (value,), seconds=value)):
        line = to_line(record)
        assert "null" in line and "NaN" not in line and "Infinity" not in line
        read = from_line(line)
        assert read.step == 3
        number = read.loss_d if isinstance(read, StepRecord) else read.metrics["modes"]
        assert math.isnan(number)


@pytest.mark.parametrize(("changes", "written"), [
    ({}, set()),
    ({"penalty": 0.25}, {"penalty"}),
    ({"grad_norm_minimax": 1e-5, "grad_norm_non_saturating": 16.0},
     {"grad_norm_minimax", "grad_norm_non_saturating"}),
    ({"grad_norm_minimax": 0.0, "grad_norm_non_saturating": math.inf},
     {"grad_norm_minimax", "grad_norm_non_saturating"}),
    ({"penalty": math.nan}, {"penalty"}),
])
def test_a_line_leaves_out_what_a_run_does_not_have(changes, written):
    """Otherwise every line of every plain run would carry three numbers that say nothing; what is
    left out must come back as what it was, and what is measured must not be left out."""
    record = StepRecord(5, *[0.5] * 10, **changes)
    line = to_line(record)
    optional = {"penalty", "grad_norm_minimax", "grad_norm_non_saturating"}
    assert {name for name in optional if f'"{name}"' in line} == written
    # NaN does not equal itself, and what is infinite is read as NaN.
    expected = [math.nan if math.isinf(value) else value for value in dataclasses.astuple(record)]
    assert dataclasses.astuple(from_line(line)) == pytest.approx(expected, abs=0, nan_ok=True)


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.parent.name)
def test_recorded_runs_are_read_whole(path):
    """Lines from before there were penalties say nothing of them: that must read as none, and not
    as a number that is not known."""
    lines = [line for line in path.read_text().splitlines() if '"evaluation"' not in line]
    assert len(lines) >= 10
    for line in lines:
        _, *values = dataclasses.astuple(from_line(line))
        assert all(map(math.isfinite, values[:10]))
        assert values[10] == 0.0 or '"penalty"' in line
        assert all(map(math.isnan, values[11:])) or '"grad_norm_minimax"' in line


def test_an_evaluation_survives_its_line():
    """Otherwise a reloaded verdict would have other numbers."""
    read = from_line(to_line(evaluation(250)))
    assert read == evaluation(250)
    assert read.seconds == 1.5


def test_a_line_of_an_older_version_is_read_with_gaps():
    """Otherwise a metric added later would make old runs unreadable."""
    read = from_line('{"step": 4, "loss_d": 1.5}')
    assert read.step == 4 and read.loss_d == 1.5 and math.isnan(read.grad_norm_g)
    assert read.penalty == 0.0 and math.isnan(read.grad_norm_minimax)


@pytest.mark.parametrize(
    "line",
    ["", "{", "5", "[]", "null", '"evaluation"', "{}", '{"step": "x"}', '{"step": null}',
     '{"step": 1e999}', '{"step": NaN}', '{"step": 1, "loss_d": []}', '{"evaluation": 1}',
     '{"evaluation": 1, "metrics": [], "histogram": [], "seconds": 0}',
     '{"evaluation": 1, "metrics": {"a": "b"}, "histogram": [], "seconds": 0}',
     '{"evaluation": 1e999, "metrics": {}, "histogram": [], "seconds": 0}',
     '{"step": 1, "loss_d": 0.5, "loss', "[" * 5000],
)
def test_a_damaged_line_is_a_value_error(line):
    """Otherwise one torn line would take the page down instead of being skipped."""
    with pytest.raises(ValueError):
        from_line(line)


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
    """Otherwise every look of every page would judge and draw a finished run again."""
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


@pytest.mark.parametrize(("at", "found"), [(0, 0), (1, 0), (2, 2), (99, 2)])
def test_evaluation_at_is_the_latest_by_then(history, at, found):
    """Otherwise the step slider would show numbers of the future."""
    assert history.evaluation_at(at).step == found
    assert History().evaluation_at(5) is None


def test_until_is_the_history_as_it_was(history):
    """Otherwise moving the step slider back would still show the end."""
    early = history.until(2)
    assert early.last_step == 2 and len(early.evaluations) == 2 and early.outcome is None
    assert history.until(0).steps == ()


def test_until_keeps_a_history_that_goes_no_further(history):
    """Otherwise every look at a finished run would read its curves out of the records anew."""
    assert history.until(3) is history and history.until(99) is history


def test_until_forgets_a_divergence_that_was_still_to_come():
    """A run that became NaN at step 4 was sound after step 3."""
    diverged = History([step(1), step(2), step(3)], outcome=Outcome("diverged", 4))
    assert diverged.until(3).outcome is None
    assert diverged.until(4) is diverged


@pytest.mark.parametrize("points", [2, 10, 99, 100, 500])
def test_thinned_keeps_both_ends(points):
    """Otherwise a long run's chart would end before the run did."""
    history = History([step(i) for i in range(1, 101)], [evaluation(5)], Outcome("finished", 100))
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
