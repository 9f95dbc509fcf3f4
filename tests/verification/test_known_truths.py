"""The table of the diagnosis: it counts what is named, at the end and on the way."""

from __future__ import annotations

from gan_core.config.recipes import KNOWN
from gan_core.config.run_config import DEFAULT
from gan_core.diagnosis.diagnose import SYMPTOMS
from gan_core.runs.history import History
from gan_core.runs.records import EvalRecord, Outcome
from gan_core.verification import known_truths
from gan_core.verification.results import Result
from tests.verification.made_results import DIAGNOSE, finding, result


def truth_rows(monkeypatch, diagnosed) -> list[dict]:
    """What the table says if the diagnosis of a run with `truth` is diagnosed(truth)."""
    made = {(name, seed): result(recipe.config.replace(seed=seed))
            for name, recipe in KNOWN.items() for seed in range(5)}
    truths = {recipe.config.replace(seed=seed).digest(): recipe.truth
              for recipe in KNOWN.values() for seed in range(5)}
    monkeypatch.setattr(
        DIAGNOSE, lambda _, config: list(map(finding, diagnosed(truths[config.digest()]))))
    return known_truths.rows(made)


def test_the_confusion_table_counts_what_is_named_and_nothing_else(monkeypatch):
    """A diagnosis that names everything must not pass as right."""
    accepted = known_truths.accepted
    assert accepted(truth_rows(monkeypatch, list))
    assert not accepted(truth_rows(monkeypatch, lambda truth: []))
    assert not accepted(truth_rows(monkeypatch, lambda truth: list(SYMPTOMS)))
    assert not accepted(truth_rows(monkeypatch, lambda truth: list(truth) or ["mode_collapse"]))


def test_what_was_shown_on_the_way_is_counted():
    """A run that ends well may have been called broken while a student watched."""
    collapsed = {"modes": 1.0, "modes_total": 10.0, "diversity": 0.01, "frechet": 1500.0}
    fine = {"modes": 10.0, "modes_total": 10.0, "diversity": 0.9, "frechet": 100.0}
    made = [EvalRecord(step, dict(collapsed if step == 750 else fine), (0.1,) * 10)
            for step in range(0, 1501, 250)]
    run = Result(DEFAULT, History((), made), Outcome("finished", 1500, seconds=1.0), "CPU")
    row, = known_truths.rows({("healthy", 5): run})
    assert (row["right"], row["misled"]) == (1, 1)


def test_every_truth_is_a_symptom():
    """A misspelt truth could never be diagnosed."""
    for name, recipe in KNOWN.items():
        assert set(recipe.truth) <= set(SYMPTOMS), name
