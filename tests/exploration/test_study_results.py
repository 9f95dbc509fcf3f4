"""Results of maps on disk: kept run by run, read again, damage skipped."""

from __future__ import annotations

import json
import math

import pytest

from gan_core.exploration.cell_runs import CellRun, cell_run, median, most_common_state
from gan_core.exploration.map_tables import as_csv, as_data
from gan_core.exploration.study_results import StudyResults
from gan_core.runs.records import EvalRecord
from gan_core.runs.status import RunStatus, StoreError
from gan_core.runs.store import RunStore
from tests.exploration.made_up_maps import RING, SMALL, filled, result
from tests.support.made_up_records import evaluation, step


def test_results_are_kept_and_read_again(tmp_path):
    """A killed server begins the map anew."""
    first, second = SMALL.runs[:2]
    results = StudyResults(tmp_path)
    assert results.read(SMALL) == {}
    results.add(SMALL, [result(first.digest, modes=0.5)])
    other = StudyResults(tmp_path)
    other.add(SMALL, [result(second.digest, "diverged", swing=math.inf)])
    known = results.read(SMALL)
    assert set(known) == {first.digest, second.digest}
    assert known[second.digest].measures == {"swing": math.inf}
    text = results.path(SMALL).read_text(encoding="utf-8")
    assert json.loads(text.splitlines()[0])["study"]["x"] == str(SMALL.x)
    for line in text.splitlines():  # no Infinity, which is no JSON
        json.loads(line, parse_constant=lambda word: pytest.fail(word))


DAMAGE = ['{"digest": "a"', "null", "[1]", '{"digest": "a", "state": "fine"}', "\x00\xff",
          '{"digest": "a", "state": "healthy", "headline": "", "cause": "", "measures": 3, '
          '"seconds": 1}',
          '{"digest": "a", "state": "healthy", "headline": "", "cause": "", "measures": '
          '{"modes": NaN}, "seconds": 1}', "9" * 5000, "[" * 100_000]


def test_damage_costs_one_run_and_not_the_map(tmp_path):
    """A torn line hides all results, or ends the page in a traceback."""
    results = StudyResults(tmp_path)
    results.add(SMALL, [result(SMALL.runs[0].digest)])
    with open(results.path(SMALL), "a", encoding="utf-8") as file:
        file.write("\n".join(DAMAGE) + "\n")
    results.add(SMALL, [result(SMALL.runs[1].digest)])
    assert set(StudyResults(tmp_path).read(SMALL)) == {run.digest for run in SMALL.runs[:2]}


def test_a_store_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "maps").write_text("a file in the way")
    with pytest.raises(StoreError, match="cannot be written"):
        StudyResults(tmp_path).add(SMALL, [result(SMALL.runs[0].digest)])


def test_a_file_that_grew_too_large_is_told(tmp_path, monkeypatch):
    """It is read no more, so its runs are trained again and again, and it grows for ever."""
    results = StudyResults(tmp_path)
    results.add(SMALL, [result(SMALL.runs[0].digest)])
    monkeypatch.setattr("gan_core.exploration.study_results.MOST_BYTES", 300)
    with pytest.raises(StoreError, match="too large"):
        results.add(SMALL, [result(SMALL.runs[1].digest)])


# --- what is kept of a run -----------------------------------------------------------------------


def stored(store: RunStore, steps: int, state: str) -> str:
    digest = store.create(RING)
    store.append(digest, [step(steps), evaluation(steps)])
    store.write_status(digest, RunStatus(state, steps, RING.steps, seconds=3.0))
    return digest


def test_a_run_is_measured_when_it_is_as_far_as_its_map_asks(tmp_path):
    """Half a run's verdict stands in the map for ever."""
    store = RunStore(tmp_path)
    digest = stored(store, 40, "stopped")
    assert cell_run(store.snapshot(digest), RING) is None
    store.append(digest, [step(100), evaluation(100)])
    store.write_status(digest, RunStatus("finished", 100, 100, seconds=3.0))
    run = cell_run(store.snapshot(digest), RING)
    assert (run.digest, run.seconds, run.measures["modes"]) == (digest, 3.0, 1.0)
    assert CellRun.from_dict(json.loads(json.dumps(run.to_dict()))) == run


def test_a_run_that_failed_is_tried_again(tmp_path):
    """A full disk leaves a hole that is called a result."""
    store = RunStore(tmp_path)
    assert cell_run(store.snapshot(stored(store, 40, "failed")), RING) is None


def test_a_run_that_somebody_trains_further_is_as_far_as_is_asked(tmp_path):
    """A cell waits for hours, or is called failed, since its run goes on for somebody else."""
    store = RunStore(tmp_path)
    for state in ("running", "failed"):
        digest = stored(store, 400, state)
        store.write_status(digest, RunStatus(state, 400, 50_000, seconds=3.0))
        assert cell_run(store.snapshot(digest), RING) is not None, state


def test_a_run_that_diverged_is_a_result(tmp_path):
    """A map waits for ever for a run that ended in NaN."""
    store = RunStore(tmp_path)
    run = cell_run(store.snapshot(stored(store, 40, "diverged")), RING)
    assert run.state == "diverged" and run.measures["swing"] == math.inf


def test_several_seeds_come_to_one_cell():
    runs = [result("a", "healthy", modes=1.0), result("b", "failing", modes=0.2),
            result("c", "failing", modes=0.4)]
    assert most_common_state(runs) == "failing" and median(runs, "modes") == 0.4
    assert most_common_state(runs[:2]) == "failing", "of two as common, the worse one"
    assert math.isnan(median(runs, "frechet"))


def test_an_evaluation_without_numbers_is_no_measure(tmp_path):
    store = RunStore(tmp_path)
    digest = store.create(RING)
    store.append(digest, [step(100), EvalRecord(100, {}, (0.5, 0.5), seconds=1.0)])
    store.write_status(digest, RunStatus("finished", 100, 100))
    run = cell_run(store.snapshot(digest), RING)
    assert run is not None and not any(map(math.isnan, run.measures.values()))


# --- as data -------------------------------------------------------------------------------------


def test_a_map_as_data_and_as_a_table():
    """A spreadsheet lacks seeds, or JSON cells are in another order than the axes."""
    results = filled(SMALL, modes=0.75)
    del results[SMALL.runs_by_cell[1, 2][1].digest]
    data = as_data(SMALL, results)
    assert (data["runs"], data["measured"]) == (12, 11)
    assert [(cell["x"], cell["y"]) for cell in data["cells"]] == [
        (x, y) for y in SMALL.y.values for x in SMALL.x.values]
    assert [len(cell["runs"]) for cell in data["cells"]] == [2, 2, 2, 2, 2, 1]
    lines = as_csv(SMALL, results).splitlines()
    assert len(lines) == 12 and lines[0].startswith("learning_rate,dropout,seed,run,state")
    assert lines[1].startswith("0.001,0.0,0,") and ",0.75," in lines[1]
