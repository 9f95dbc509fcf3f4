"""What a look at a live run costs: of which runs, and what is said of them. No test asserts a wall
time; `tests/diagnosis/test_growing_runs.py` counts what a look touches."""

from __future__ import annotations

import itertools
import json

import pytest
import torch

from gan_core.benchmarks import look_cost
from gan_core.cli.main import main
from gan_core.diagnosis.diagnose import diagnose
from gan_core.runs.history import History

FOUND = {"healthy": [], "swinging": ["instability"], "vanishing gradient": ["vanishing_gradient"]}


@pytest.fixture(autouse=True)
def _threads_restored():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_runs_show_what_they_are_called():
    """The costliest looks, at a failure that never ends, would be missing."""
    assert set(FOUND) == set(look_cost.KINDS)
    for kind, symptoms in FOUND.items():
        history = History.of(look_cost.made_up_records(kind, 6000))
        findings = diagnose(history, look_cost.CONFIG)
        assert [found.symptom for found in findings] == symptoms
        assert all(found.since < 400 for found in findings)
        assert [e.step for e in history.evaluations] == [*range(0, 5001, 250), 6000]


def test_every_look_has_fifty_new_steps(monkeypatch):
    """A look without news costs nothing, and one at a whole run is the first."""
    monkeypatch.setattr(look_cost, "LOOKS", 3)
    lengths = []
    monkeypatch.setattr(look_cost, "diagnose",
                        lambda history, config: lengths.append(history.last_step))
    clock = itertools.accumulate([1, 5, 1, 2, 1, 9, 1, 3]).__next__  # looks of 5, 2, 9 and 3 s
    milliseconds = look_cost.look_milliseconds("healthy", 500, clock)
    assert lengths == [500, 550, 600, 650]
    assert milliseconds == {"first": 5000.0, "next": 3000.0}


def test_bench_reports_looks(monkeypatch, capsys):
    """`bench` would fail after minutes, at its last part."""
    monkeypatch.setattr(look_cost, "LOOKS", 1)
    monkeypatch.setattr(look_cost, "RUN_STEPS", (60, 90))
    command = ["bench", "--device", "cpu", "--threads", "1", "--network", "looks"]
    assert main([*command, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)["looks"]
    assert set(figures["runs"]) == set(look_cost.KINDS) == set(figures["ratio"])
    for kind, of_run in figures["runs"].items():
        assert set(of_run) == {"60", "90"}
        assert figures["ratio"][kind] == pytest.approx(
            of_run["90"]["next"] / of_run["60"]["next"])
    assert main(command) == 0
    words = capsys.readouterr().out
    assert "50 steps after the last one" in words and "90 steps" in words
