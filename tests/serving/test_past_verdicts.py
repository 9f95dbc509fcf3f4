"""The verdicts on a run's way: as it was told then, worked out once, the last one that of now."""

from __future__ import annotations

import dataclasses
import json
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest

from gan_core.config.run_config import RunConfig
from gan_core.runs.history import History
from gan_core.runs.snapshots import RunSnapshot
from gan_core.serving import live_channel, past_verdicts
from gan_core.serving.live_channel import Question, as_far_as
from gan_core.serving.past_verdicts import MOST_MOMENTS, PastVerdicts, as_evaluated, moments
from tests.diagnosis.histories import COLLAPSED, evaluations, steps
from tests.support.snapshots import evaluation, snapshot


@pytest.fixture
def worked_out(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The last steps of all runs of which a verdict is asked."""
    asked: list[int] = []
    speak = past_verdicts.spoken_verdict

    def spoken(run: RunSnapshot) -> Any:
        asked.append(run.history.last_step)
        return speak(run)

    monkeypatch.setattr(past_verdicts, "spoken_verdict", spoken)
    return asked


def collapsing(state: str = "finished") -> RunSnapshot:
    """A run that is well until step 500 and has collapsed at 750."""
    history = History(steps(1500), evaluations(1500, after=500, **COLLAPSED))
    run = dataclasses.replace(snapshot(state, config=RunConfig(steps=1500)), history=history)
    return run.with_status(dataclasses.replace(run.status, step=1500))


def told(run: RunSnapshot, steps: int | None = None) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(PastVerdicts().answer(as_evaluated(run, steps)))
    return answer


def test_each_moment_has_the_verdict_that_was_told_then() -> None:
    """A run is said to have collapsed while its pictures are still good."""
    content = told(collapsing())
    assert content["steps"] == [250, 500, 750, 1000, 1250, 1500]
    names = [verdict["name"] for verdict in content["verdicts"]]
    assert names[0] == "Too early" and names[-1] == "Mode collapse"
    assert names.index("Mode collapse") == 2
    assert content["before"]["name"] == "Too early"


def test_earlier_moments_are_told_as_of_a_run_that_goes_on() -> None:
    """"This run ended at step 250" is said of one that did not."""
    for verdict in told(collapsing())["verdicts"][:-1]:
        assert "ended" not in verdict["sentence"] and "too short" not in verdict["sentence"]
    good = told(snapshot(steps=1000))["verdicts"]
    assert good[-2]["name"] == "Good so far" and good[-1]["name"] == "No failure"


@pytest.mark.parametrize("state", ["finished", "running", "diverged", "failed", "stopped"])
def test_the_last_verdict_is_that_of_now(state: str) -> None:
    """Playback at its right end contradicts the verdict beside it."""
    run = collapsing(state)
    for steps_asked in (None, 500, 1000, 1500, 3000):
        now = live_channel.state(as_far_as(run, steps_asked), Question())["verdict"]
        last = told(run, steps_asked)["verdicts"][-1]
        assert last == {name: now[name] for name in last}, steps_asked


def test_a_run_that_is_past_its_last_evaluation_ends_where_it_is() -> None:
    """A divergence between two evaluations is never played back."""
    run = snapshot("diverged", steps=620)
    assert told(run)["steps"] == [250, 500, 620]
    assert told(run)["verdicts"][-1]["name"] == "Diverged"
    waiting = dataclasses.replace(snapshot("queued"), history=History())
    assert told(waiting)["steps"] == [0]


def test_a_verdict_is_worked_out_once(worked_out: list[int]) -> None:
    """Each visitor of a class costs a diagnosis of each evaluation."""
    kept = PastVerdicts()
    run = collapsing()
    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(lambda _: kept.answer(run), range(30)))
    assert len(answers) == 1 and len(worked_out) == 7  # six evaluations, and before them


def test_steps_of_an_address_cost_no_diagnosis_each(worked_out: list[int]) -> None:
    """Whoever asks for ever other steps keeps the server busy, and fills its memory."""
    kept, run = PastVerdicts(), collapsing()
    for steps_asked in [*range(1001, 1250), *range(1501, 1700)]:
        kept.answer(as_evaluated(run, steps_asked))
    assert len(worked_out) <= 4 + 6 + 1  # until 1000 and to the end, and before them
    assert len(kept._answers._values) == 2


def test_a_run_that_grows_keeps_what_was_said(worked_out: list[int]) -> None:
    """At each new evaluation of a long run all earlier ones are judged again."""
    kept = PastVerdicts()
    run = snapshot("running", steps=750, config=RunConfig(steps=2000))
    kept.answer(run)
    worked_out.clear()
    more = [dataclasses.replace(run.history.steps[-1], step=751), evaluation(1000)]
    kept.answer(dataclasses.replace(run, history=run.history.grown(more)))
    assert sorted(worked_out) == [750, 1000]  # 750 was not an earlier moment before


def test_a_run_that_was_trained_again_is_judged_again() -> None:
    """After a rewind on another device the verdicts are those of the lost records."""
    kept = PastVerdicts()
    good, bad = snapshot(steps=1000), snapshot(steps=1000, modes=1, diversity=0.01, frechet=1000.0)
    assert good.digest == bad.digest
    first = json.loads(kept.answer(good))["verdicts"][2]
    again = json.loads(kept.answer(dataclasses.replace(bad, place=1)))["verdicts"][2]
    assert first["name"] == "Good so far" != again["name"]


def test_long_runs_are_thinned_evenly() -> None:
    """An answer grows without bound, or every evaluation more chooses others."""
    run = snapshot(steps=1)
    for count in (1, 59, 60, 61, 188, 1000):
        records = [evaluation(250 * each) for each in range(count + 1)]
        chosen = moments(dataclasses.replace(run, history=History(run.history.steps, records)))
        assert len(chosen) <= MOST_MOMENTS and chosen[0] in (250, 250 * count)
        assert chosen[-1] == 250 * count
        gaps = {after - before for before, after in pairwise(chosen[:-1])}
        assert len(gaps) <= 1
