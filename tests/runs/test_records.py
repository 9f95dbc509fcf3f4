"""Records: what a run wrote is what a page reads."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest

from gan_core.runs.records import (
    STEP_METRICS,
    EvalRecord,
    StepRecord,
    from_line,
    to_line,
)

RECORDED = sorted((Path(__file__).parents[2] / "gan_core/assets/recorded").glob("*/history.jsonl"))


def step(number: int, value: float = 0.5, **changes) -> StepRecord:
    return StepRecord(number, **{**dict.fromkeys(STEP_METRICS, value), **changes})


def evaluation(number: int, modes: float = 3.0) -> EvalRecord:
    return EvalRecord(number, {"modes": modes, "modes_total": 8.0}, (0.25, 0.75), seconds=1.5)


def test_a_step_survives_its_line():
    """Otherwise a reloaded page would draw other curves than the live one."""
    values = [0.0, 1.0, -2.5, 1.23456e-12, 3.4e38, 0.123456]
    assert [from_line(to_line(step(7, value))) for value in values] == [
        step(7, value) for value in values]


def test_six_digits_are_kept():
    """Otherwise a tiny gradient would read as zero, or history files would double in size."""
    read = from_line(to_line(step(1, 1.23456789e-9)))
    assert read.loss_d == 1.23457e-09
    assert len(to_line(StepRecord(1, *[1 / 3] * 10))) < 320


def test_what_is_not_finite_is_written_as_null_and_read_as_nan():
    """Otherwise the file would not be JSON, and other tools could not read it."""
    for value in (math.nan, math.inf, -math.inf):
        metrics = {"modes": value, "modes_total": 8.0}
        for record in (step(3, value), EvalRecord(3, metrics, (value,), seconds=value)):
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


def test_recorded_runs_are_read_whole():
    """The pages would show gaps in the runs that ship. Lines from before there were penalties say
    nothing of them: that must read as none, and not as a number that is not known."""
    assert len(RECORDED) >= 15
    assert not [path.parent.name for path in RECORDED if len(_steps(path)) < 10]
    assert not [(path.parent.name, line) for path in RECORDED for line in _steps(path)
                if not _is_whole(line)]


def _steps(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if '"evaluation"' not in line]


def _is_whole(line: str) -> bool:
    _, *values = dataclasses.astuple(from_line(line))
    return (all(map(math.isfinite, values[:10]))
            and (values[10] == 0.0 or '"penalty"' in line)
            and (all(map(math.isnan, values[11:])) or '"grad_norm_minimax"' in line))


def test_an_evaluation_survives_its_line():
    """Otherwise a reloaded verdict would have other numbers."""
    read = from_line(to_line(evaluation(250)))
    assert read == evaluation(250)
    assert read.seconds == 1.5


def test_scores_of_cards_survive_their_line():
    """A reloaded page would show cards without scores; a run without cards must not write any."""
    scored = dataclasses.replace(
        evaluation(250), scores_training=(0.75,) * 10, scores_unseen=(0.125,) * 10)
    assert from_line(to_line(scored)) == scored
    assert "scores" not in to_line(evaluation(250))
    assert from_line(to_line(evaluation(250))).scores_unseen == ()


def test_a_line_of_an_older_version_is_read_with_gaps():
    """Otherwise a metric added later would make old runs unreadable."""
    read = from_line('{"step": 4, "loss_d": 1.5}')
    assert read.step == 4 and read.loss_d == 1.5 and math.isnan(read.grad_norm_g)
    assert read.penalty == 0.0 and math.isnan(read.grad_norm_minimax)


DAMAGED = [
    "", "{", "5", "[]", "null", '"evaluation"', "{}", '{"step": "x"}', '{"step": null}',
    '{"step": 1e999}', '{"step": NaN}', '{"step": 1, "loss_d": []}', '{"evaluation": 1}',
    '{"evaluation": 1, "metrics": [], "histogram": [], "seconds": 0}',
    '{"evaluation": 1, "metrics": {"a": "b"}, "histogram": [], "seconds": 0}',
    '{"evaluation": 1e999, "metrics": {}, "histogram": [], "seconds": 0}',
    '{"step": 1, "loss_d": 0.5, "loss', "[" * 5000,
]


def test_a_damaged_line_is_a_value_error():
    """Otherwise one torn line would take the page down instead of being skipped."""
    for line in DAMAGED:
        with pytest.raises(ValueError):
            print("accepted:", line[:80], from_line(line))
