"""The tables on maps and folds, in their smallest size: what they train, count and expect."""

from __future__ import annotations

import pytest

from gan_core.cli.main import main
from gan_core.exploration.axis import axis
from gan_core.exploration.parameter_map import ParameterMap
from gan_core.runs.store import RunStore
from gan_core.verification import fold_errors, map_agreement

TINY = {"steps": 60, "batch_size": 16}


def silent(count: int, total: int) -> None:
    """Nobody follows."""


@pytest.fixture
def tiny(monkeypatch):
    for name in ("BETTER", "WORSE"):
        monkeypatch.setattr(fold_errors, name, getattr(fold_errors, name).replace(**TINY))


def test_candidates_that_are_the_same_differ_in_the_seed_alone():
    """The error rate is that of two different settings."""
    same, other = fold_errors.studies(3).values()
    for study in same:
        one, two = (each.config for each in study.candidates)
        assert set(one.changes(base=two)) == {"seed"}
    for study in other:
        one, two = (each.config for each in study.candidates)
        assert set(one.changes(base=two)) == {"learning_rate_ratio"}
    assert len({study.digest() for study in (*same, *other)}) == 6


def test_folds_are_trained_and_counted(tiny, tmp_path):
    found = fold_errors.rows(RunStore(tmp_path), "cpu", 1, silent, repetitions=2)
    assert [row["repetitions"] for row in found] == [2, 2]
    assert all(0 <= row["told_apart"] <= row["plain"] <= 2 for row in found)
    assert [set(fold_errors.COLUMNS) for _ in found]
    assert all(cell(row) for row in found for cell in fold_errors.COLUMNS.values())


def row(told_apart: int, wrong_way: int = 0) -> dict:
    return {"repetitions": 20, "told_apart": told_apart, "wrong_way": wrong_way}


def test_more_than_one_error_in_twenty_is_not_as_expected():
    """A test that calls everything significant passes."""
    assert fold_errors.accepted([row(1), row(15)])
    assert not fold_errors.accepted([row(2), row(15)])
    assert not fold_errors.accepted([row(0), row(15, wrong_way=1)])


def test_a_map_and_its_runs_one_by_one_begin_alike():
    """A batch trains other runs than those that its cells open."""
    base = map_agreement.DRAWN.base.replace(**TINY)
    small = ParameterMap(base, axis("learning_rate=0.0001,0.001"), axis("dropout=0.1,0.2"))
    (found,) = map_agreement.rows(RunStore("unused"), "cpu", 1, silent, small)
    assert (found["cells"], found["agreeing"], found["alike"]) == (4, 4, 4)
    assert found["apart"] < 1e-3
    assert map_agreement.accepted([found])
    assert not map_agreement.accepted([{**found, "agreeing": 3}])
    assert not map_agreement.accepted([{**found, "apart": 0.5}])
    assert all(cell(found) for cell in map_agreement.COLUMNS.values())


def test_the_command_prints_the_table_and_its_acceptance(tiny, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(fold_errors, "REPETITIONS", 20)
    monkeypatch.setattr(fold_errors.rows, "__defaults__", (1,))
    code = main(["verify", "folds", "--store", str(tmp_path), "--workers", "1", "--threads", "1",
                 "--device", "cpu"])
    out = capsys.readouterr().out
    assert "| compared | told apart |" in out and "as expected" in out
    assert code == (0 if "NOT" not in out else 1)
