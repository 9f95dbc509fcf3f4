"""The layout for a projector without a browser: its place in the address, its buttons, its keys."""

from __future__ import annotations

import urllib.parse

import pytest

from gan_core.config.presets import CHALLENGES
from pages.components import controls, page_frame, server, state, viewer
from tests.support import app_pages
from tests.support.app_pages import (
    HOME,
    PAGES,
    address_of,
    button,
    choose,
    open_sections,
    opened,
    shown,
    words,
)

pytestmark = pytest.mark.usefixtures("page_server")
NAME = "mode_collapse"


def projected(app, name: str = NAME) -> bool:
    """Whether state, address and viewer agree that the page is laid out for a projector."""
    found = {app.session_state[f"{name}/state"].projected,
             address_of(app).get("projector") == "1",
             app_pages.viewer(app, "runs")["projector"],
             app_pages.viewer(app, "status")["projector"],
             any(page_frame.PROJECTED.strip() == html.proto.body.strip()
                 for html in app.get("html")),
             any(one.label == "Leave projector" for one in app.button)}
    assert len(found) == 1, "half of the page is laid out for a projector"
    return found.pop()


@pytest.mark.parametrize("name", PAGES)
def test_a_projected_page_holds_what_is_projected_and_nothing_else(name: str) -> None:
    """A class sees three screens of explanations below the sheets; or no buttons."""
    app = opened(name, projector="1")
    assert not app.exception and not app.warning
    assert projected(app, name)
    assert not app.get("vega_lite_chart") and not app.header
    labels = {one.label for one in app.main.button}
    assert {button(app, "Train").label, "Leave projector"} <= labels
    assert not labels & {"Pin", "Change now"}
    assert PAGES[name].question in words(app)
    assert not projected(opened(name), name)


def test_it_is_entered_and_left_by_a_button() -> None:
    """Whoever opens it cannot get out, or finds other sliders than before."""
    app = opened(NAME)
    app.slider(key=controls.key(NAME, "dropout")).set_value(0.4).run()
    button(app, "Projector").click().run()
    assert not app.exception and projected(app)
    button(app, "Leave projector").click().run()
    assert not app.exception and not projected(app)
    assert app.slider(key=controls.key(NAME, "dropout")).value == 0.4
    assert address_of(app)["dropout"] == "0.4"


def test_it_survives_a_reload_and_what_is_pressed() -> None:
    """A reload before the class, and the page is small again."""
    app = opened(NAME, projector="1")
    choose(app, NAME, "fixed")
    assert projected(app)
    again = opened(NAME, **address_of(app))
    assert projected(again) and shown(again, NAME) == PAGES[NAME].presets["fixed"].config


def test_it_survives_a_look_at_another_page() -> None:
    """The menu knows no parameters: coming back, the layout is half gone."""
    app = opened(NAME, projector="1")
    for page in (HOME, PAGES[NAME].page):
        app.query_params.clear()
        app.switch_page(str(page)).run()
        assert not app.exception
    assert projected(app)


@pytest.mark.parametrize("value", ["0", "2", "", "yes", "1 ", "<b>"])
def test_a_bad_value_is_refused_in_one_sentence(value: str) -> None:
    """A mistyped link hides the sidebar, and says nothing."""
    app = opened(NAME, projector=value)
    assert not app.exception and len(app.warning) == 1
    assert app.warning[0].value.count("must be") == 1
    assert "projector must be 1, or left out." in app.warning[0].value
    assert not app.session_state[f"{NAME}/state"].projected
    assert not any(one.label == "Leave projector" for one in app.button)
    assert not app_pages.viewer(app, "runs")["projector"]


def test_a_copied_link_is_for_everyone() -> None:
    """The teacher's link opens without a sidebar on each student's laptop."""
    app = opened(NAME, projector="1", dirac="game:r1")
    mine = app.session_state[f"{NAME}/state"]
    query = dict(urllib.parse.parse_qsl(state.link(mine).partition("?")[2]))
    assert "projector" not in query and query["dirac"] == "game:r1"


# --- keys ----------------------------------------------------------------------------------------


def pressed(monkeypatch, name: str, key: object, **parts: str) -> state.State:
    """The state of a page after the viewer has told of a key."""
    challenge = CHALLENGES[name]
    mine = state.State(name, challenge, challenge.presets[challenge.start].config, asks=True,
                       part_parameters=parts)
    monkeypatch.setattr(viewer.st, "session_state", {f"{name}/runs": {"key": key}})
    monkeypatch.setattr(server, "viewer", lambda: "a projector")
    viewer._pressed(mine, f"{name}/runs")
    return mine


@pytest.mark.parametrize(("key", "preset"), [("b", "broken"), ("f", "fixed"), ("h", "healthy")])
def test_a_key_shows_a_preset(key: str, preset: str, monkeypatch) -> None:
    """B shows the remedy, or the sliders stay where they were."""
    mine = pressed(monkeypatch, NAME, key, projector="1")
    wanted = CHALLENGES[NAME].presets[preset].config
    assert mine.shown == mine.pending == wanted
    assert mine.fresh and not mine.asks and mine.projected


def test_a_key_without_a_preset_does_nothing(monkeypatch) -> None:
    """Home has no failure of its own: B breaks the page."""
    assert "broken" not in CHALLENGES["baseline"].presets
    for key in ("b", "f", "x", "", None, 7):
        mine = pressed(monkeypatch, "baseline", key, projector="1")
        assert mine.pending is None and mine.projected and mine.asks


def test_escape_leaves_the_projector(monkeypatch) -> None:
    """The page stays as it is, or only a part of it changes."""
    mine = pressed(monkeypatch, NAME, "escape", projector="1", dirac="game:r1")
    assert not mine.projected and mine.moved
    assert mine.part_parameters == {"dirac": "game:r1"}
    again = pressed(monkeypatch, NAME, "escape")  # twice, or a message that came late
    assert not again.projected


def test_sections_that_were_open_are_not_drawn_on_a_projector() -> None:
    """They are drawn for nobody, on every rerun."""
    app = open_sections(opened(NAME), NAME, "measurements")
    assert app_pages.viewer(app, "measurements")
    button(app, "Projector").click().run()
    assert not app_pages.viewer(app, "measurements")
    button(app, "Leave projector").click().run()
    assert app_pages.viewer(app, "measurements"), "it was open before"
