"""Snapshots: what one viewer sees of a run that others asked more, or less, of."""

from __future__ import annotations

import dataclasses
from itertools import product

import pytest

from gan_core.config.run_config import RunConfig
from gan_core.runs.history import History
from gan_core.runs.records import STEP_METRICS, EvalRecord, Outcome, StepRecord
from gan_core.runs.store import RunSnapshot, RunStatus

CONFIG = RunConfig(dataset="ring", steps=400)


def snapshot(state: str, reached: int, target: int) -> RunSnapshot:
    """A run with `reached` steps recorded; one that diverged did so at the next."""
    history = History(
        [StepRecord(step, **dict.fromkeys(STEP_METRICS, 0.5)) for step in range(1, reached + 1)],
        [EvalRecord(step, {"modes": 1.0}, seconds=step / 100)
         for step in range(0, reached + 1, 100)],
    )
    status = RunStatus(state, reached + (state == "diverged"), target, 50.0, 9.0,
                       3.0 if state == "running" else None, "CPU", "because")
    samples = tuple(range(0, reached + 1, 50))
    return RunSnapshot(
        CONFIG.digest(), CONFIG, history, status, {"samples": samples, "surface": samples[1:]},
        place=2,
    ).with_status(status, place=2)


@pytest.mark.parametrize("state", ["queued", "running", "stopped", "finished", "failed"])
def test_a_run_that_has_gone_beyond_was_finished_for_who_asked_for_less(state):
    """Otherwise one student's Continue would change what another one's link shows."""
    seen = snapshot(state, 300, 400).until(220)
    assert (seen.config, seen.digest) == (CONFIG.replace(steps=220), CONFIG.digest())
    assert seen.history.last_step == 220
    assert seen.history.evaluations[-1].step == 200
    assert seen.samples == (0, 50, 100, 150, 200)
    assert seen.views["surface"] == (50, 100, 150, 200)
    assert seen.history.outcome == Outcome("finished", 220)
    status = seen.status
    assert (status.state, status.step, status.steps) == ("finished", 220, 220)
    assert (status.seconds, status.seconds_left, status.reason) == (2.0, None, "")
    assert (seen.live, seen.place, status.device) == (False, 0, "CPU")


def test_a_run_that_has_not_gone_beyond_keeps_its_state():
    """Otherwise a run that is still on its way would look finished, or lose its reason."""
    for state, asked in product(["queued", "running", "stopped", "failed"], [101, 200, 900]):
        whole = snapshot(state, 100, 400)
        seen = whole.until(asked)
        assert seen.status == dataclasses.replace(whole.status, steps=asked)
        assert seen.config.steps == asked
        assert seen.history is whole.history
        assert (seen.views, seen.place) == (whole.views, 2)


@pytest.mark.parametrize(("state", "target", "seen"), [
    ("running", 400, "finished"), ("queued", 400, "finished"), ("running", 100, "running"),
    ("finished", 100, "finished"), ("stopped", 400, "stopped"),
])
def test_a_run_that_goes_on_for_others_is_finished_at_the_step_asked_for(state, target, seen):
    """Otherwise the page would poll for ever a run that has all that was asked for."""
    status = snapshot(state, 100, target).until(100).status
    assert (status.state, status.step, status.steps) == (seen, 100, 100)
    assert status.seconds == 9.0


def test_a_divergence_is_seen_from_the_step_before_on():
    """Weights may be seen to be broken right after the last finite step; until then the same config
    would have finished."""
    diverged = snapshot("diverged", 49, 400)
    for steps in (49, 50, 300):
        assert diverged.until(steps).history.outcome == Outcome("diverged", 50, "because")
    sound = diverged.until(48)
    assert (sound.status.state, sound.history.outcome.kind) == ("finished", "finished")


def test_without_an_evaluation_the_seconds_stay():
    """A torn history must not make a page fail."""
    whole = snapshot("running", 300, 400)
    bare = dataclasses.replace(whole, history=History(whole.history.steps))
    assert bare.until(200).status.seconds == 9.0


def test_a_view_is_the_last_one_at_or_before_the_step():
    """Otherwise samples of one moment would lie on the surface of another, or of the future."""
    seen = snapshot("finished", 100, 400)
    assert [seen.last_view("surface", step) for step in (0, 49, 50, 99, 999)] == [
        None, None, 50, 50, 100]
    assert seen.last_view("neighbours", 999) is None
