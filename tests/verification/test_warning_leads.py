"""How early warnings come: leads and false alarms counted by hand."""

from __future__ import annotations

import dataclasses

import pytest

from gan_core.config.recipes import KNOWN
from gan_core.diagnosis.early_warning import EarlyWarning
from gan_core.runs.history import History
from gan_core.runs.records import Outcome
from gan_core.verification import warning_leads
from tests.diagnosis.histories import steps
from tests.verification.made_results import finding, result


@pytest.fixture
def run(monkeypatch):
    """A run of 500 steps, warned of a collapse from step 200 on, which is found at step 400."""
    sign = EarlyWarning("sign", frozenset({"mode_collapse"}), "text")
    monkeypatch.setattr(warning_leads, "early_warnings",
                        lambda history, config: [sign] if history.last_step >= 200 else [])
    monkeypatch.setattr(warning_leads, "diagnose", lambda history, config: (
        [finding("mode_collapse")] if history.last_step >= 400 else []))

    def of(name: str):
        history = History(steps(500), (), Outcome("finished", 500))
        return dataclasses.replace(result(KNOWN[name].config), history=history)

    return of


def test_the_lead_is_counted_in_steps(run):
    """Whoever relies on a warning must know how much time is left."""
    row, = warning_leads.rows({("collapsed", 5): run("collapsed")})
    assert row["leads"] == [200] and row["false_looks"] == 0


def test_a_warning_of_what_never_comes_is_false(run):
    """False alarms teach people not to listen."""
    row, = warning_leads.rows({("healthy", 5): run("healthy")})
    assert (row["false_looks"], row["looks"], row["false_runs"]) == (7, 10, 1)
    good = {"truth": ["mode_collapse"], "runs": 5, "leads": [100, 50], "looks": 10,
            "false_looks": 0}
    at_once = {**good, "leads": [], "looks": 1}  # it diverges before anybody has looked
    assert warning_leads.accepted([good, at_once, {**row, "false_looks": 0}])
    assert not warning_leads.accepted([good, row])
    for few in ([100], []):
        assert not warning_leads.accepted([{**good, "leads": few}, {**row, "false_looks": 0}])
