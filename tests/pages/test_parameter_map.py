"""The page of maps without a browser: its controls, its URL, and what is trained."""

from __future__ import annotations

from functools import partial

import pytest
from streamlit.testing.v1 import AppTest

from gan_core.exploration.axis import axis
from gan_core.exploration.map_looks import COLOURINGS
from gan_core.exploration.parameter_map import ParameterMap
from gan_core.exploration.shipped_maps import SHIPPED
from pages.components import map_lessons, server
from pages.components.map_choice import KEY, MapChoice
from pages.components.map_view import command
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
TINY = {"base": "dataset:ring,batch_size:16,steps:60", "x": "learning_rate=0.001,0.01",
        "y": "dropout=0,0.4", "seeds": "1"}


opened = partial(opened_tool, "parameter_map")


def choice(app: AppTest) -> MapChoice:
    return app.session_state[KEY]


@pytest.fixture(autouse=True)
def no_map_goes_on(page_server):
    yield
    server.studies().close()
    server.studies.clear()


def test_a_shipped_map_is_there_before_any_click():
    """A visitor finds an empty grid."""
    app = opened()
    assert not app.exception
    told = viewer(app, "map")
    assert all(cell[4] for cell in told["first"]["cells"]) and told["first"]["share"] == 1
    assert address_of(app) == {}


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_map_opens_by_its_link_and_teaches_something(name):
    app = opened(map=name)
    assert not app.exception and choice(app).shipped == name
    assert app.selectbox(key="map/which").value == name
    assert map_lessons.lesson_text(name).strip() in markdown(app)
    assert name in map_lessons.LESSONS


def test_a_map_of_ones_own_opens_by_its_link():
    """A teacher's link opens another map, or the shipped one."""
    app = opened(**TINY, colour="modes", cells="0-1_1-0")
    assert not app.exception and not app.warning
    assert choice(app).drawn == ParameterMap(
        RING.replace(steps=60), axis(TINY["x"]), axis(TINY["y"]), 1)
    told = viewer(app, "map")
    assert (told["colouring"], told["chosen"]) == ("modes", [[0, 1], [1, 0]])
    assert (told["columns"], told["rows"]) == (["0.001", "0.01"], ["0", "0.4"])
    assert markdown(app).count("Open this run") == 2
    assert "Open both runs side by side" in markdown(app)


BAD = {
    "no such map": ({"map": "all"}, "map must be one of rate-ratio"),
    "no such field": ({**TINY, "x": "smoothness=0,1"}, "x cannot vary 'smoothness'"),
    "no values": ({**TINY, "y": "dropout"}, "y must be FIELD=LOW..HIGH:N"),
    "no y": ({"x": "dropout=0,0.1"}, "y must be FIELD=LOW..HIGH:N"),
    "bad base": ({**TINY, "base": "dropout:7"}, "dropout must be a number from 0 to 0.8"),
    "too long": ({**TINY, "base": "steps:200000,dataset:ring"}, "steps must be a number from 1 to"),
    "seeds": ({**TINY, "seeds": "9"}, "seeds must be a whole number from 1 to 5"),
    "seeds in words": ({**TINY, "seeds": "two"}, "seeds must be a whole number from 1 to 5"),
    "colour": ({"colour": "red"}, "colour must be one of verdict"),
    "beyond the last seed": ({**TINY, "base": "dataset:ring,seed:2147483647", "seeds": "2"},
                             "seed must be a whole number"),
    "seeds of many digits": ({**TINY, "seeds": "001" + "0" * 5000}, "seeds must be a whole"),
    "cells outside": ({**TINY, "cells": "7-7"}, "cells must name one or two cells"),
    "cells in words": ({"cells": "<script>"}, "cells must name one or two cells"),
    "nothing fits": ({**TINY, "x": "architecture=dcgan,mlp_reference"}, "allowed here"),
}


@pytest.mark.parametrize("case", BAD)
def test_garbage_in_the_url_is_named_and_the_page_is_there(case):
    """A mistyped link shows a stack trace or a blank page."""
    query, words = BAD[case]
    app = opened(**query)
    assert not app.exception
    assert words in app.warning[0].value.replace("\\", "")
    assert viewer(app, "map")["first"]["cells"]


def test_controls_describe_the_map_and_the_url_follows():
    """A map is changed, and the address opens the old one."""
    app = opened(**TINY)
    app.text_input(key="map/x/values").set_value("0.001..0.01:3").run()
    assert choice(app).drawn.x.values == (0.001, 0.0032, 0.01)
    app.selectbox(key="map/y/field").set_value("r1").run()
    assert choice(app).drawn.y.field == "r1" and len(choice(app).drawn.y.values) > 2
    app.slider(key="map/seeds").set_value(2).run()
    assert not app.exception
    again = opened(**address_of(app))
    assert choice(again).drawn == choice(app).drawn


def test_values_that_cannot_be_used_are_told_and_the_map_stays():
    """A half-typed value takes the map away."""
    app = opened(**TINY)
    before = choice(app).drawn
    app.text_input(key="map/x/values").set_value("0.001..fast:3").run()
    assert not app.exception and "learning_rate must be a number" in said_in_error(app)
    assert choice(app).drawn == before and viewer(app, "map")["first"]["cells"]
    app.text_input(key="map/x/values").set_value("0.001,0.01").run()
    assert not app.error


def test_another_page_and_back_shows_the_same_map():
    """Streamlit forgets widgets that are not drawn; their map goes with them."""
    app = opened(**TINY)
    app.switch_page("pages/evidence.py").run()
    app.query_params.clear()
    app.switch_page("pages/parameter_map.py").run()
    assert not app.exception
    assert choice(opened(**address_of(app))).drawn == choice(app).drawn, "a reload shows another"
    assert choice(app).drawn.base.steps == 60
    assert app.text_input(key="map/x/values").value == "0.001, 0.01"


def test_every_colour_can_be_chosen_one_after_another_and_is_in_the_url():
    """Every second choice is lost."""
    app = opened()
    for colouring in (*COLOURINGS[1:], "verdict"):
        app.selectbox(key="map/colour").set_value(colouring).run()
        assert not app.exception and viewer(app, "map")["colouring"] == colouring
        assert address_of(app) == ({} if colouring == "verdict" else {"colour": colouring})


def test_fill_trains_every_cell_and_stop_ends_it(monkeypatch):
    """Press Fill, and nothing is trained; or it goes on for ever."""
    app = opened(**TINY)
    button(app, "Fill").click().run()
    assert not app.exception and server.studies().state(choice(app).drawn).live
    open_tabs = server.viewers()
    assert open_tabs
    wait_until(app, lambda: not server.studies().state(choice(app).drawn).live)
    app.run()
    told = viewer(app, "map")["first"]
    assert told["share"] == 1 and told["words"] == "All 4 runs are there."
    assert not {"Fill", "Go on", "Stop"} & {one.label for one in app.button}


def test_stop_ends_a_map():
    app = opened(**{**TINY, "base": "dataset:ring,batch_size:16,steps:40000"})
    button(app, "Fill").click().run()
    wait_until(app, lambda: bool(jobs()))
    button(app, "Stop").click().run()
    wait_until(app, lambda: not jobs())
    assert not app.exception and not server.studies().state(choice(app).drawn).live


def test_the_command_draws_the_same_map():
    """Who copies the command line from the page gets another map."""
    from gan_core.cli.main import parse
    from gan_core.cli.parameter_map import _chosen_map

    drawn = ParameterMap(RING.replace(steps=60, seed=3), axis("@30 dropout=0,0.4"),
                         axis("learning_rate=0.001,0.01"), 2)
    import shlex
    words = shlex.split(command(drawn).removesuffix(" --store DIR"))
    assert words[:3] == ["python", "-m", "gan_core"] and "'" not in command(drawn)
    assert _chosen_map(parse(words[3:])) == drawn
