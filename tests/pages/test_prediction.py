"""Predict before you run: the question, and its answer afterwards."""

from __future__ import annotations

import math

import pytest

from gan_core.config.presets import CHALLENGES
from gan_core.diagnosis.headlines import HEADLINES
from pages.components import controls, prediction
from tests.support.app_pages import PAGES, QUICK, finished, opened, train, viewer, wait_for_run
from tests.support.snapshots import snapshot

pytestmark = pytest.mark.usefixtures("page_server")


def answered(app) -> str:
    """What the verdict says of a prediction that was made beside the sliders."""
    return viewer(app, "status")["prediction"]


@pytest.mark.parametrize("name", PAGES)
def test_a_prediction_is_asked_for_and_answered(name: str) -> None:
    """A page asks nothing before the run, or forgets the answer afterwards."""
    app = opened(name)
    asked = PAGES[name].prediction
    radio = next(one for one in app.radio if one.label == asked.question)
    assert radio.options == [answer for answer, _ in asked.options]
    assert answered(app) == ""
    radio.set_value(asked.options[0][0]).run()
    assert not app.exception
    assert answered(app) == "", "the recorded run gave the answer away"
    start = PAGES[name].presets[PAGES[name].start].config
    app.session_state[f"{PAGES[name].title}/predictions"] = {start.digest(): asked.options[0][0]}
    app.run()
    assert f"You predicted *{asked.options[0][0]}*" in answered(app)


def test_a_prediction_is_about_one_run() -> None:
    """The prediction for one experiment is held against the next ones."""
    name = "training_instability"
    app = opened(name, **QUICK, seed="41")
    asked = PAGES[name].prediction
    next(one for one in app.radio if one.label == asked.question).set_value(
        asked.options[0][0]).run()
    first = train(app, name)
    assert next(one for one in app.radio if one.label == asked.question).value is None
    wait_for_run(app, first, finished)
    app.run()
    assert f"You predicted *{asked.options[0][0]}*" in answered(app)
    app.slider(key=controls.key(name, "dropout")).set_value(0.2).run()
    second = train(app, name)
    wait_for_run(app, second, finished)
    app.run()
    assert answered(app) == ""


@pytest.mark.parametrize("name", CHALLENGES)
def test_a_prediction_is_answered_by_what_was_measured(name):
    """The page praises a wrong prediction, or blames a right one."""
    challenge = CHALLENGES[name]
    headline, options = HEADLINES[challenge.headline], challenge.prediction.options
    assert [most for _, most in options] == sorted(most for _, most in options)
    assert options[-1][1] == math.inf and len(options) >= 3
    run = snapshot()
    value = headline.value_of(run.history)
    for answer, _ in options:
        text = prediction.outcome(challenge, run, answer)
        assert answer in text
        if value == value:
            assert (": right (" in text) == (challenge.prediction.right(value) == answer)
            assert headline.text(value) in text
