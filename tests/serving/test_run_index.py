"""What is known of every run without its history: read once, kept, renewed when it must be."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from gan_core.runs.status import RunStatus, write_status
from gan_core.runs.store import RunStore
from gan_core.serving import run_index, stored_verdicts
from gan_core.serving.run_index import RunIndex
from tests.support.many_runs import made_up_runs

PATIENCE = 60.0
MANY = 2000  # runs of a full store


@pytest.fixture(autouse=True)
def look_at_once(monkeypatch):
    """No test waits for the next look, nor for the thread's rests."""
    monkeypatch.setattr(run_index, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(run_index, "REST", 0.0)


def known(root: Path, **options) -> RunIndex:
    """An index all of whose verdicts are known."""
    index = RunIndex(root, **options)
    index.read_all(PATIENCE)
    assert index.not_read() == 0
    return index


def no_diagnosis(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(run: Path, opened: bool) -> None:
        raise AssertionError(f"the history of {run.name} was read")

    monkeypatch.setattr(stored_verdicts, "judge", fail)


def test_runs_are_listed_at_once_and_their_verdicts_come_later(tmp_path):
    """The page waits for the histories of all runs, or shows verdicts that nobody worked out."""
    made_up_runs(tmp_path, 4, verdicts=False)
    index = RunIndex(tmp_path)
    assert {entry.verdict for entry in index.entries().values()} == {None}
    index.read_all(PATIENCE)
    verdicts = [entry.verdict for entry in index.entries().values()]
    assert all(verdict.name and "modes" in verdict.measures for verdict in verdicts)


def test_a_verdict_is_worked_out_once_for_all_servers(tmp_path, monkeypatch):
    """Every restart reads two thousand histories again."""
    made_up_runs(tmp_path, 3, verdicts=False)
    before = {digest: entry.verdict for digest, entry in known(tmp_path).entries().items()}
    no_diagnosis(monkeypatch)
    again = RunIndex(tmp_path)
    assert {digest: entry.verdict for digest, entry in again.entries().items()} == before
    assert again.not_read() == 0


def test_working_out_a_verdict_is_no_use_of_the_run(tmp_path):
    """Runs that nobody has looked at for a month are evicted last, since a list read them."""
    (digest,) = made_up_runs(tmp_path, 1, verdicts=False)
    os.utime(tmp_path / digest, (1e9, 1e9))
    known(tmp_path)
    assert (tmp_path / digest / stored_verdicts.FILE).exists()
    assert (tmp_path / digest).stat().st_mtime == 1e9


def test_a_run_that_went_on_is_judged_again(tmp_path):
    """The table shows the verdict of the first thousand steps for ever."""
    (digest,) = made_up_runs(tmp_path, 1)
    index, run = known(tmp_path), tmp_path / digest
    assert index.entries()[digest].verdict.headline == "Made up."
    write_status(run, RunStatus("running", 60, 120))
    assert index.entries()[digest].verdict is None and index.not_read() == 0
    assert index.entries()[digest].config.steps == 120
    write_status(run, RunStatus("stopped", 80, 120))
    index.read_all(PATIENCE)
    assert index.entries()[digest].verdict.headline != "Made up."


def test_a_run_that_was_cut_off_is_judged_although_it_says_that_it_runs(tmp_path):
    """A server was killed, and its runs are "not read yet" for ever."""
    (digest,) = made_up_runs(tmp_path, 1)
    run = tmp_path / digest
    status = RunStatus("running", 60, 120, updated=time.time() - 3600)
    (run / "status.json").write_text(status.to_json())
    with RunStore(tmp_path).lock(digest):  # somebody trains it, who has nothing to say
        index = RunIndex(tmp_path)
        assert index.entries()[digest].verdict is None and index.not_read() == 0
    index.read_all(PATIENCE)
    assert index.entries()[digest].verdict.state in stored_verdicts.STATES


def test_another_rule_of_the_diagnosis_makes_kept_verdicts_void(tmp_path, monkeypatch):
    """The table goes on saying what the page of the run does not say any more."""
    (digest,) = made_up_runs(tmp_path, 1)
    monkeypatch.setattr(stored_verdicts, "rules", lambda: "other rules")
    assert RunIndex(tmp_path).entries()[digest].verdict is None


def test_the_rules_are_named_by_their_sources():
    """A threshold is changed, and nobody remembers to raise a number."""
    assert len(stored_verdicts.rules()) == 12
    assert stored_verdicts.rules() != stored_verdicts.hashlib.sha256(b"").hexdigest()[:12]


@pytest.mark.parametrize("damage", [
    b"", b"{", b"[1]", b"x" * 20_000, json.dumps({"basis": "?", "state": "great"}).encode()])
def test_a_damaged_verdict_is_worked_out_again(tmp_path, damage):
    """One torn file makes the page of runs fail."""
    (digest,) = made_up_runs(tmp_path, 1)
    (tmp_path / digest / stored_verdicts.FILE).write_bytes(damage)
    assert known(tmp_path).entries()[digest].verdict.state in stored_verdicts.STATES


@pytest.mark.skipif(os.name == "nt", reason="folders have no such modes")
def test_a_store_that_is_only_read_is_judged_in_memory(tmp_path):
    """The recorded runs, or a teacher's read-only store, have no verdicts in the table."""
    (digest,) = made_up_runs(tmp_path, 1, verdicts=False)
    index = known(tmp_path, keeps=False)
    assert index.entries()[digest].verdict is not None
    assert not (tmp_path / digest / stored_verdicts.FILE).exists()


def test_damaged_and_removed_runs_are_left_out(tmp_path):
    """One damaged run makes the table fail, or a removed one stays in it."""
    first, second, third = made_up_runs(tmp_path, 3)
    (tmp_path / first / "config.json").write_text("{")
    (tmp_path / second / "status.json").write_text("{")
    (tmp_path / "not-a-run").mkdir()
    index = known(tmp_path)
    assert set(index.entries()) == {third} and index.unreadable() == 2
    shutil.rmtree(tmp_path / third)
    assert not index.entries()


def test_a_history_that_cannot_be_read_is_tried_once(tmp_path, monkeypatch):
    """The thread reads a damaged run for ever, on cores that train."""
    made_up_runs(tmp_path, 1, verdicts=False)
    asked, judge = [], stored_verdicts.judge

    def fail(run: Path, opened: bool) -> stored_verdicts.StoredVerdict | None:
        return judge(run, opened) if run.parent != tmp_path else asked.append(run)

    monkeypatch.setattr(stored_verdicts, "judge", fail)
    index = RunIndex(tmp_path)
    index.read_all(PATIENCE)
    index.entries()
    time.sleep(0.05)
    assert len(asked) == 1 and index.not_read() == 0
    (entry,) = index.entries().values()
    assert entry.verdict is None and entry.hopeless


def test_two_thousand_runs_are_looked_at_in_a_moment(tmp_path):
    """The page of a full store takes longer than a second of the one web process."""
    made_up_runs(tmp_path, MANY, steps=2)
    index = RunIndex(tmp_path)
    began = time.thread_time()
    assert len(index.entries()) == MANY
    first = time.thread_time() - began
    began = time.thread_time()
    index.entries()
    again = time.thread_time() - began
    assert first < 1.0 and again < 0.2
