"""Predict before the answer: what a page asks of somebody who sees it for the first time."""

from __future__ import annotations

import pytest

from pages.components import controls
from tests.support.app_pages import (
    PAGES,
    QUICK,
    button,
    choose,
    opened,
    shown,
    viewer,
)

pytestmark = pytest.mark.usefixtures("page_server")


@pytest.mark.parametrize("name", PAGES)
def test_a_first_visit_is_asked_for_a_prediction(name: str) -> None:
    """The answer stands there before anybody has thought about the question; or an answer is given
    the wrong outcome."""
    app = opened(name)
    assert not app.exception
    asks, asked = viewer(app, "runs")["asks"], PAGES[name].prediction
    assert asks["name"] == name and asks["question"] == asked.question
    assert [each["answer"] for each in asks["answers"]] == [answer for answer, _ in asked.options]
    assert len(asks["answers"]) == 3
    for each in asks["answers"]:
        assert f"You predicted *{each['answer']}*" in each["told"]
    right = [each for each in asks["answers"] if ": right (" in each["told"]]
    assert len(right) == 1
    assert all(f"it is *{right[0]['answer']}*" in each["told"] for each in asks["answers"]
               if each not in right)


@pytest.mark.parametrize("query", [
    {"dropout": "0.4"}, {"v": "1"}, {"run": "recorded"}, {"reference": "dropout:0.4"},
    {"nonsense": "1"}, {"dirac": "game:r1"}, {"projector": "1", "dropout": "0.4"}])
def test_a_link_is_not_asked(query: dict[str, str]) -> None:
    """A teacher's link opens with a question in place of the run."""
    app = opened("training_instability", **query)
    assert not app.exception and viewer(app, "runs")["asks"] is None


def test_a_projector_asks_a_class_as_well() -> None:
    """On a projector, where a class could vote, nothing is asked."""
    app = opened("mode_collapse", projector="1")
    assert viewer(app, "runs")["asks"]["name"] == "mode_collapse"


def test_what_others_append_to_an_address_is_no_link() -> None:
    """A newcomer who comes from a newsletter is not asked."""
    assert viewer(opened("mode_collapse", utm_source="mail"), "runs")["asks"] is not None


def test_it_never_returns_unasked() -> None:
    """Every press brings the question back."""
    name = "mode_collapse"
    app = opened(name)
    choose(app, name, "fixed")
    assert viewer(app, "runs")["asks"] is None
    choose(app, name, "broken")
    assert viewer(app, "runs")["asks"] is None
    app.slider(key=controls.key(name, "dropout")).set_value(0.1).run()
    assert viewer(app, "runs")["asks"] is None


@pytest.mark.parametrize("pressed", ["Train", "Apply remedy"])
def test_whoever_trains_is_not_asked(pressed: str) -> None:
    """The question covers the samples of the run that one has just begun."""
    name = "mode_collapse"
    app = opened(name)
    button(app, pressed).click().run()
    assert not app.exception and viewer(app, "runs")["asks"] is None
    button(app, "Stop").click().run()
    assert viewer(app, "runs")["asks"] is None


def test_a_run_of_ones_own_is_not_asked_about() -> None:
    app = opened("mode_collapse", **QUICK, seed="84")
    assert viewer(app, "runs")["asks"] is None
    assert shown(app, "mode_collapse").seed == 84
