"""A run's history as CSV and as JSON: pandas and a spreadsheet read what was measured."""

from __future__ import annotations

import csv
import io
import json
import math
import time

import pandas
import pytest

from gan_core.config.presets import RECORDED
from gan_core.config.run_config import RunConfig
from gan_core.export import tables
from gan_core.export.tables import COLUMNS, history_csv, history_json
from gan_core.runs.history import History
from gan_core.runs.records import STEP_METRICS, EvalRecord, StepRecord
from gan_core.runs.snapshots import RunSnapshot, empty_snapshot
from pages.components import server


def recorded(name: str) -> RunSnapshot:
    snapshot = server.recorded().snapshot(RECORDED[name].digest())
    assert snapshot is not None
    return snapshot


def made_up(*records: StepRecord | EvalRecord) -> RunSnapshot:
    import dataclasses

    return dataclasses.replace(empty_snapshot(RunConfig()), history=History.of(records))


def frame(snapshot: RunSnapshot) -> pandas.DataFrame:
    return pandas.read_csv(io.StringIO(history_csv(snapshot)), index_col="step")


@pytest.mark.parametrize("name", ["collapse", "rotation", "frozen"])
def test_pandas_reads_every_number_back(name: str) -> None:
    """A column is shifted by one, rounded twice, or those of evaluations stand beside other steps.
    """
    snapshot, history = recorded(name), recorded(name).history
    read = frame(snapshot)
    for metric in STEP_METRICS:
        known = read[metric].reindex(history.column("step").astype(int))
        pandas.testing.assert_series_equal(
            known.reset_index(drop=True), pandas.Series(history.column(metric).astype(float)),
            check_names=False, rtol=1e-5)
    for record in history.evaluations:
        row = read.loc[record.step]
        assert row["seconds"] == pytest.approx(record.seconds, rel=1e-5)
        for metric, value in record.metrics.items():
            assert row[metric] == pytest.approx(value, rel=1e-5, nan_ok=True), metric
        for mode, share in enumerate(record.histogram):
            assert row[f"share_{mode}"] == pytest.approx(share, rel=1e-5)


def test_there_is_one_row_a_step_in_order() -> None:
    """A plot by row goes back and forth, or an evaluation at a step has a second row for it."""
    steps = frame(recorded("collapse")).index
    assert steps.is_monotonic_increasing and steps.is_unique
    assert steps[0] == 0, "the untrained G was evaluated too"


def test_every_column_of_a_step_is_explained() -> None:
    """A reader finds a column that nobody says the meaning of."""
    assert set(STEP_METRICS) <= COLUMNS.keys()
    header = history_csv(recorded("collapse")).partition("\n")[0].split(",")
    assert header[0] == "step" and header[1:1 + len(STEP_METRICS)] == list(STEP_METRICS)


def test_what_is_not_a_number_is_an_empty_cell_and_null() -> None:
    """A spreadsheet shows "nan" as text, and a parser of strict JSON refuses the file."""
    values = [math.nan, math.inf, -math.inf, *(1.0 for _ in range(7))]
    snapshot = made_up(StepRecord(1, *values),
                       EvalRecord(1, {"modes": math.nan, "modes_total": 8.0}))
    (row,) = csv.DictReader(io.StringIO(history_csv(snapshot)))
    assert [row[name] for name in STEP_METRICS[:4]] == ["", "", "", "1"]
    assert row["modes"] == "" and row["modes_total"] == "8"
    content = json.loads(history_json(snapshot), parse_constant=lambda word: pytest.fail(word))
    assert content["steps"]["loss_d"] == [None]
    assert content["evaluations"][0]["metrics"]["modes"] is None


@pytest.mark.parametrize("name", ["=cmd()", "a,b", 'x"y', "a\nb", "step", "loss_d", "A" * 99])
def test_a_metric_with_any_name_makes_no_formula_and_no_column(name: str) -> None:
    """A run that came out of a file starts a program in somebody's spreadsheet."""
    snapshot = made_up(EvalRecord(3, {"modes": 1.0, "modes_total": 8.0, name: 5.0}))
    rows = list(csv.reader(io.StringIO(history_csv(snapshot))))
    assert len(rows) == 2 and len(rows[0]) == len(rows[1]) == len(set(rows[0]))
    assert rows[0].count(name) == (1 if name in ("step", "loss_d") else 0)
    assert json.loads(history_json(snapshot))["evaluations"][0]["metrics"][name] == 5.0


def test_a_run_without_records_has_a_header_alone() -> None:
    """Of a run that waits the file cannot be made, or not be read."""
    snapshot = made_up()
    assert frame(snapshot).empty
    assert json.loads(history_json(snapshot))["evaluations"] == []


def test_the_json_holds_settings_and_columns() -> None:
    """Whoever loads it cannot tell which run it is of, nor make a table of it."""
    snapshot = recorded("collapse")
    content = json.loads(history_json(snapshot))
    assert content["format"] == tables.FORMAT and content["version"] == tables.VERSION
    assert RunConfig.from_dict(content["config"]) == snapshot.config
    assert len(pandas.DataFrame(content["steps"])) == len(snapshot.history.steps)
    assert content["evaluations"][-1]["supported"] == pytest.approx(
        list(snapshot.history.evaluations[-1].supported))


def test_the_longest_run_is_written_within_seconds() -> None:
    """A run of 200 000 steps keeps everybody else waiting."""
    records = [StepRecord(step, *(step / 7 + i for i in range(10))) for step in range(1, 200_001)]
    snapshot = made_up(*records)
    started = time.perf_counter()
    text = history_csv(snapshot)
    assert time.perf_counter() - started < 15 and text.count("\n") == 200_001
