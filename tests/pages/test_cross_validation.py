"""The page of folds without a browser: its controls, its URL, and what is trained."""

from __future__ import annotations

from functools import partial

import pytest
from streamlit.testing.v1 import AppTest

from gan_core.exploration.shipped_folds import SHIPPED_FOLDS
from pages.components import controls, server
from pages.components.fold_choice import KEY, FoldChoice, in_url
from tests.support.app_pages import (
    address_of,
    button,
    jobs,
    markdown,
    opened_tool,
    said_in_error,
    viewer,
    wait_until,
)
from tests.support.queues import RING

pytestmark = pytest.mark.usefixtures("page_server")
SHORT = RING.replace(steps=60)
TINY = {"candidates": "|".join(map(controls.written, (SHORT, SHORT.replace(dropout=0.4)))),
        "folds": "2", "measure": "modes"}


opened = partial(opened_tool, "cross_validation")


def choice(app: AppTest) -> FoldChoice:
    return app.session_state[KEY]


@pytest.fixture(autouse=True)
def no_study_goes_on(page_server):
    yield
    server.studies().close()
    server.studies.clear()


def test_a_comparison_is_there_before_any_click():
    """A visitor finds an empty table, and learns nothing."""
    app = opened()
    assert not app.exception and choice(app).study == SHIPPED_FOLDS
    told = viewer(app, "map")
    assert told["first"]["share"] == 1 and address_of(app) == {}
    assert "On the test set" in markdown(app)
    assert "is better than" in markdown(app) or "cannot tell" in markdown(app)


def test_a_comparison_opens_by_its_link():
    app = opened(**TINY, halving="true")
    assert not app.exception and not app.warning
    study = choice(app).study
    assert [each.config for each in study.candidates] == [SHORT, SHORT.replace(dropout=0.4)]
    assert (study.folds, study.measure, study.halving) == (2, "modes", True)
    told = viewer(app, "map")
    assert told["columns"] == ["fold 0", "fold 1", "mean", "test set"] and len(told["rows"]) == 2
    assert "That is said when all folds are there" in markdown(app)


BAD = {
    "one candidate": ({**TINY, "candidates": controls.written(SHORT)}, "2 to 12 different"),
    "bad candidate": ({"candidates": "dropout:7|dropout:0.1"}, "dropout must be a number from 0"),
    "folds": ({**TINY, "folds": "40"}, "folds must be a whole number from 2 to 10"),
    "folds in words": ({**TINY, "folds": "five"}, "folds must be a whole number from 2 to 10"),
    "measure": ({**TINY, "measure": "beauty"}, "measure must be one of"),
    "halving": ({**TINY, "halving": "maybe"}, "halving must be true or false"),
    "two data sets": ({"candidates": "dataset:ring|dropout:0.1"}, "one data set"),
    "too long": ({"candidates": "steps:200000|steps:200000,dropout:0.1"},
                 "steps must be a number from 1 to"),
    "garbage": ({"candidates": "<b>|%00|../..", "folds": "-1"}, "candidates"),
}


@pytest.mark.parametrize("case", BAD)
def test_garbage_in_the_url_is_named_and_the_page_is_there(case):
    """A mistyped link shows a stack trace or a blank page."""
    query, words = BAD[case]
    app = opened(**query)
    assert not app.exception
    assert words in app.warning[0].value.replace("\\", "")
    assert viewer(app, "map")["first"]["cells"]


def test_controls_describe_the_comparison_and_the_url_follows():
    """A candidate is added, and the address opens the old comparison."""
    app = opened(**TINY)
    app.slider(key="folds/folds").set_value(4).run()
    app.toggle(key="folds/halving").set_value(True).run()
    app.number_input(key="folds/steps").set_value(90).run()
    assert not app.exception
    study = choice(app).study
    assert (study.folds, study.halving) == (4, True)
    assert {each.config.steps for each in study.candidates} == {90}
    again = opened(**address_of(app))
    assert in_url(choice(again).study) == in_url(study)
    assert choice(again).study.digest() == study.digest()
    app.multiselect(key="folds/candidates").set_value(
        [study.candidates[0].label, "Mode collapse: Break it"]).run()
    assert not app.exception and "one data set" in said_in_error(app)
    assert choice(app).study == study


def test_folds_are_trained_and_told_apart_or_not():
    """Press the button, and nothing is trained; or no sentence says what came of it."""
    app = opened(**TINY)
    button(app, "Train the folds").click().run()
    assert not app.exception and server.studies().state(choice(app).study).live
    wait_until(app, lambda: not server.studies().state(choice(app).study).live)
    app.run()
    told = viewer(app, "map")["first"]
    assert told["share"] == 1 and told["words"] == "All 5 runs are there."
    assert "Trained on all examples" in markdown(app)


@pytest.mark.parametrize(("dataset", "words", "wrong"), [
    ("ring", "the mixture that the data come from", "measured against it"),
    ("fashion_mnist", "Its samples are measured against it", "mixture"),
    ("mnist", "Row by row", "mixture"),
])
def test_what_a_fold_holds_out_is_said_of_these_data(dataset, words, wrong):
    """Garments are said to be measured against a mixture of points."""
    base = SHORT.replace(dataset=dataset)
    app = opened(candidates="|".join(
        map(controls.written, (base, base.replace(dropout=0.4)))), folds="3")
    assert not app.exception and not app.warning
    assert words in markdown(app) and wrong not in markdown(app)


def test_stop_ends_it():
    app = opened(**{**TINY, "candidates": "|".join(
        controls.written(SHORT.replace(steps=40_000, dropout=rate)) for rate in (0.0, 0.4))})
    button(app, "Train the folds").click().run()
    wait_until(app, lambda: bool(jobs()))
    button(app, "Stop").click().run()
    wait_until(app, lambda: not jobs())
    assert not app.exception and not server.studies().state(choice(app).study).live


def test_two_cells_of_a_map_can_be_compared():
    app = opened_tool("parameter_map", cells="0-0_1-1")
    text = markdown(app)
    link = text.split("Compare them by cross-validation](cross_validation?")[1].split(")")[0]
    import urllib.parse
    query = dict(urllib.parse.parse_qsl(link))
    again = opened(**query)
    assert not again.exception and not again.warning
    assert len(choice(again).study.candidates) == 2
