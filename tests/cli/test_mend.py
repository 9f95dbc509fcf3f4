"""`mend`: the way from a broken run to a healthy one, for people and for scripts."""

from __future__ import annotations

import json

import pytest

from gan_core.cli.main import main
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis import remedy_trials
from gan_core.diagnosis.verdict import Verdict
from gan_core.runs.store import RunStore
from tests.cli.calls import TINY

MACHINE = ("--device", "cpu", "--threads", "1", "--workers", "1")
# Diverges within a few steps, and its remedies are so short that none makes good samples.
EXPLOSIVE = ("dataset=ring", "optimizer=sgd", "learning_rate=1", "learning_rate_ratio=100",
             "batch_size=16", "steps=60", "beta1=0.9")
ROUND = {"tried", "taken"}
TRIED = {"label", "changes", "forked_at", "config", "digest", "verdict", "score", "seconds",
         "metrics"}


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    """Trials of 60 steps, and nothing is trained on."""
    monkeypatch.setattr(remedy_trials, "LEAST_STEPS", {"image": 60, "points": 60})
    monkeypatch.setattr(remedy_trials, "FURTHER", {"image": 60, "points": 60})


def mend(*arguments: str) -> int:
    return main(["mend", *MACHINE, *arguments])


def test_the_way_is_one_json_object_that_scripts_can_rely_on(capsys, tmp_path):
    """A script that mends runs breaks, or a run that was found is not in the store."""
    code = mend("--json", "--store", str(tmp_path), "--set", *EXPLOSIVE)
    report = json.loads(capsys.readouterr().out)
    assert set(report) == {"config", "digest", "verdict", "start", "rounds"}
    assert report["digest"] == RunConfig.from_dict(report["config"]).digest()
    assert report["start"]["verdict"]["state"] == "diverged"
    first = report["rounds"][0]
    assert set(first) == ROUND and 1 <= len(first["tried"]) <= 3
    assert all(set(tried) == TRIED for tried in first["tried"])
    assert first["taken"] in {tried["digest"] for tried in first["tried"]}
    assert code == (0 if report["verdict"]["state"] == "healthy" else 1)
    store = RunStore(tmp_path)
    for tried in first["tried"]:
        assert store.snapshot(tried["digest"]).holds(60)


def test_without_ideas_it_exits_with_1_and_says_so(capsys):
    """A script takes a broken run for a mended one."""
    assert mend("--set", *TINY) == 1
    out = capsys.readouterr().out
    assert "Not healthy after 1 round, and nothing is left to try." in out
    assert "--set dataset=ring batch_size=16 steps=60" in out


def test_a_healthy_run_needs_no_round(capsys, monkeypatch):
    """Whoever's run is healthy waits for remedies that it does not need."""
    healthy = Verdict("healthy", "No failure found.")
    monkeypatch.setattr(remedy_trials, "verdict", lambda history, config: healthy)
    assert mend("--set", *TINY) == 0
    assert "Healthy as it is." in capsys.readouterr().out


def test_people_read_what_was_tried_and_which_to_take(capsys):
    """The table leaves out what was changed, or what became of it."""
    mend("--set", *EXPLOSIVE)
    out = capsys.readouterr().out
    table = out.split("round 1\n")[1].splitlines()
    assert table[0].startswith("what was changed") and "as it is" in table[1]
    assert "Divergence" in table[1] and ("better" in out or "no clear change" in out)
    assert "Take: " in out or "None of them helped." in out


def test_ctrl_c_exits_with_130(capsys, monkeypatch):
    """A shell script goes on with the next run although somebody wanted it to end."""
    def interrupted(*arguments, **options):
        return False

    monkeypatch.setattr("gan_core.cli.mend.train_all", interrupted)
    assert mend("--set", *EXPLOSIVE) == 130
