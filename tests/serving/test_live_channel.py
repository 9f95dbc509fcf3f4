"""The live channel's answers: what a viewer that keeps to the one rule ends up with."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import time
from typing import Any

import pytest

from gan_core.runs.history import History
from gan_core.runs.records import EvalRecord
from gan_core.runs.snapshots import RunSnapshot
from gan_core.serving import live_channel
from gan_core.serving.live_channel import Answers, BadQuestion, Question, as_far_as, question
from tests.support.snapshots import STEP, evaluation, snapshot

METRICS = ("loss_d", "loss_g", "modes")


def growing(*lengths: int) -> list[RunSnapshot]:
    """One run at several moments, as a reader sees it that reads only what is new."""
    whole, history, seen = snapshot("running", steps=max(lengths)), History(), 0
    records = [dataclasses.replace(STEP, step=step, loss_d=float(step))
               for step in range(1, max(lengths) + 1)]
    snapshots = []
    for length in lengths:
        new: list[Any] = records[seen:length]
        new += [evaluation(step) for step in range(0, max(lengths) + 1, 250)
                if seen <= step < length]
        history, seen = history.grown(new), length
        views = {"samples": tuple(range(0, length, 50))}
        snapshots.append(dataclasses.replace(whole, history=history, views=views))
    return snapshots


class Viewer:
    """Keeps what it is told, by the one rule."""

    def __init__(self) -> None:
        self.since = ""
        self.points: list[tuple[int, float]] = []
        self.evaluated: list[int] = []
        self.pictures: list[int] = []

    def look(self, run: RunSnapshot) -> dict[str, Any]:
        asked = question(metrics=",".join(METRICS), since=self.since)
        told = json.loads(Answers().answer(run, asked))
        begin, curves = told["from"], told["curves"]
        self.points = [p for p in self.points if p[0] <= begin] + list(
            zip(curves["step"], curves["loss_d"], strict=True))
        self.evaluated = [s for s in self.evaluated if s <= begin] + told["evaluations"]["step"]
        self.pictures = [s for s in self.pictures if s <= begin] + told["pictures"]["samples"]
        self.since = told["since"]
        return told


def test_a_viewer_who_looks_again_and_again_knows_what_a_newcomer_knows() -> None:
    """Curves have gaps or doubled points, or pictures are missing, after a while of watching."""
    lengths = [1, 2, 7, 50, 51, 250, 251, 299, 300, 301, 302, 480, 601, 1200, 1250, 2401, 2401]
    watching = Viewer()
    for run in growing(*lengths):
        newcomer = Viewer()
        newcomer.look(run)
        watching.look(run)
        for part in ("points", "evaluated", "pictures"):
            assert getattr(watching, part) == getattr(newcomer, part), (part, run.history.last_step)


def test_curves_are_thinned_and_end_with_the_newest_step() -> None:
    """A long run costs every viewer megabytes, or its curve lags behind its progress."""
    for run in growing(1, 299, 300, 301, 599, 601, 5000):
        viewer = Viewer()
        viewer.look(run)
        steps = [step for step, _ in viewer.points]
        assert len(steps) <= live_channel.MOST_POINTS + 1
        assert steps[0] == 1 and steps[-1] == run.history.last_step
        assert all(value == step for step, value in viewer.points)


def test_an_evaluation_that_is_written_after_its_step_arrives() -> None:
    """The evaluation or the picture of the newest step is never shown."""
    viewer = Viewer()
    (early,) = growing(250)
    viewer.look(early)
    late = dataclasses.replace(early, history=early.history.grown([evaluation(250)]),
                               views={"samples": (*early.samples, 250)})
    viewer.look(late)
    assert viewer.evaluated[-1] == 250 and viewer.pictures[-1] == 250


def test_a_run_that_was_wound_back_is_told_anew() -> None:
    """After a crash the curve shows steps that are gone."""
    viewer = Viewer()
    longer, (shorter,) = growing(800, 900)[1], growing(400)
    viewer.look(longer)
    assert viewer.look(shorter)["from"] == live_channel.BEFORE_ALL
    assert viewer.points[-1][0] == 400


def test_an_answer_says_what_the_page_says() -> None:
    """Two people at two screens read different verdicts on one run."""
    collapsed = snapshot(modes=1, diversity=0.01, frechet=1000.0)
    told = live_channel.state(collapsed, Question())
    verdict = told["verdict"]
    assert verdict["state"] == "failing" and verdict["tone"] == "error"
    assert verdict["headline"].startswith("Mode collapse") and verdict["sentences"]
    assert verdict["findings"][0]["remedies"][0]["label"]
    assert told["words"].startswith("Finished") and told["share"] == 1
    assert told["evaluations"]["shares"][-1][0] == 1 and told["evaluations"]["rest"][-1] is None
    assert not told["live"]


def test_what_is_not_recognised_is_the_rest() -> None:
    """Noise stands in the histogram as the digits that it is nearest to."""
    old = EvalRecord(250, {"modes": 2.0}, (0.6, 0.4))
    new = dataclasses.replace(old, step=500, supported=(0.2, 0.1), training=(0.5, 0.5))
    run = dataclasses.replace(snapshot(), history=History([STEP], [old, new]))
    told = live_channel.state(run, Question())["evaluations"]
    assert told["shares"] == [[0.6, 0.4], [0.2, 0.1]]
    assert told["rest"] == [None, pytest.approx(0.7)]


def test_scores_of_the_cards_are_told_beside_each_evaluation() -> None:
    """The cards show no scores, or those of another step."""
    old = EvalRecord(0, {"modes": 2.0}, (0.6, 0.4))
    new = dataclasses.replace(old, step=250, scores_training=(0.98765432,) * 10,
                              scores_unseen=(math.nan, *(0.25,) * 9))
    run = dataclasses.replace(snapshot(), history=History([STEP], [old, new]))
    told = live_channel.state(run, Question())["evaluations"]
    assert told["scores_training"] == [[], [0.9877] * 10]
    assert told["scores_unseen"] == [[], [None, *[0.25] * 9]]


def test_what_is_not_a_number_is_null() -> None:
    """A browser cannot read the answer about a run that diverged."""
    broken = dataclasses.replace(STEP, loss_d=math.nan, loss_g=math.inf)
    run = dataclasses.replace(snapshot(), history=History([broken]))
    told = json.loads(Answers().answer(run, Question(metrics=("loss_d", "loss_g"))))
    assert told["curves"] == {"step": [1], "loss_d": [None], "loss_g": [None]}


def test_a_run_is_told_as_far_as_its_viewer_asked() -> None:
    """A student who asked for 500 steps is told of somebody else's 1000."""
    run = snapshot(steps=1000)
    short = live_channel.state(as_far_as(run, 500), Question())
    assert (short["step"], short["steps"], short["last_step"]) == (500, 500, 500)
    further = live_channel.state(as_far_as(run, 3000), Question())
    assert (further["step"], further["steps"]) == (1000, 3000)
    assert as_far_as(run, None) is run


def test_steps_from_an_address_cost_no_diagnosis_each() -> None:
    """Whoever asks for ever other steps fills the server's memory."""
    run = snapshot("stopped", steps=1000)
    live_channel.state(run, Question())
    known = len(run.history._derived)
    for steps in range(2000, 2050):
        live_channel.state(as_far_as(run, steps), Question())
    assert len(run.history._derived) == known


def test_the_tag_changes_with_what_viewers_see() -> None:
    """A browser shows an old state, or is sent the same again and again."""
    run = snapshot("running", steps=500)
    others = [
        dataclasses.replace(run, views={"samples": (0, 50, 100)}),
        dataclasses.replace(run, place=2),
        dataclasses.replace(run, status=dataclasses.replace(run.status, step=501)),
        dataclasses.replace(run, history=run.history.grown([evaluation(501)])),
    ]
    tags = [live_channel.tag(each) for each in (run, *others)]
    assert len(set(tags)) == len(tags)
    assert live_channel.tag(snapshot("running", steps=500)) == tags[0]


def test_answers_are_kept_for_a_class_and_bounded() -> None:
    """Forty students at one run cost forty answers; or the server keeps every answer for ever."""
    answers, run = Answers(most=3), snapshot("running", steps=100)
    first = answers.answer(run, Question())
    assert answers.answer(run, Question()) is first
    for step in range(10):
        answers.answer(run, question(since=f"{step}.1"))
    assert len(answers) == 3


@pytest.mark.parametrize("bad", [
    {"steps": "0"}, {"steps": "-1"}, {"steps": "1e3"}, {"steps": "٣"}, {"steps": "9" * 400},
    {"metrics": "a b"}, {"metrics": "x" * 41}, {"metrics": ",".join(f"m{'a' * n}" for n in range(
        25))}, {"metrics": ","}, {"since": "1"}, {"since": "1.1.1"}, {"since": "-2.1"},
    {"since": "1.-1"}, {"since": "9" * 9 + ".1"}])
def test_a_question_that_makes_no_sense_is_refused_in_one_sentence(bad: dict[str, str]) -> None:
    """A mistyped address ends in a stack trace."""
    with pytest.raises(BadQuestion, match=r"^(steps|metrics|since) must be .*\.$"):
        question(**bad)


def test_a_look_costs_the_same_however_long_the_run_is() -> None:
    """Long runs slow a class down: a look must cost what is new."""
    def seconds(steps: int) -> float:
        lengths = range(steps, steps + 50 * 12, 50)
        viewer, times = Viewer(), []
        for run in growing(*lengths):
            started = time.perf_counter()
            viewer.look(run)
            times.append(time.perf_counter() - started)
        return sorted(times[1:])[len(times) // 2]

    ratios = [seconds(20_000) / seconds(500) for _ in itertools.repeat(None, 3)]
    assert min(ratios) < 4, ratios
