"""What a URL opens, and what a reload, a link and a look at another page keep."""

from __future__ import annotations

import urllib.parse

import pytest

from gan_core.config.fields import KNOBS
from gan_core.config.run_config import RunConfig
from pages.components import controls, state
from tests.support.app_pages import (
    PAGES,
    QUICK,
    address_of,
    button,
    finished,
    opened,
    shown,
    slider_values,
    viewer,
    wait_for_run,
)

pytestmark = pytest.mark.usefixtures("page_server")


@pytest.mark.parametrize("name", PAGES)
def test_garbage_in_every_parameter_opens_the_page_and_says_so(name: str) -> None:
    """A mistyped link breaks the page, or is silently taken for something else."""
    garbage = dict.fromkeys(KNOBS, "<b>nonsense</b>")
    app = opened(name, **garbage, run="x:y,,:", reference="steps:-1", unknown="1")
    assert not app.exception
    warning = app.warning[0].value
    assert all(field in warning for field in (*KNOBS, "unknown", "run: ", "reference: "))
    assert all(viewer(app, "runs")["runs"].values()), "it lost what it shows before any click"
    assert slider_values(app, name) == PAGES[name].presets[PAGES[name].start].config


def test_a_reload_shows_the_same_run_and_reference() -> None:
    """After a reload, or in a second tab, the run is gone."""
    name = "mode_collapse"
    app = opened(name, **QUICK, seed="14")
    button(app, "Train").click().run()
    button(app, "Pin").click().run()
    app.slider(key=controls.key(name, "dropout")).set_value(0.4).run()
    query = address_of(app)
    again = opened(name, **query)
    assert shown(again, name).digest() == shown(app, name).digest()
    assert again.session_state[f"{name}/state"].pinned.digest() == shown(app, name).digest()
    assert again.slider(key=controls.key(name, "dropout")).value == 0.4


@pytest.mark.parametrize("name", PAGES)
def test_a_reload_of_the_starting_preset_shows_ones_own_run(name: str) -> None:
    """Who trains the page's own preset and reloads finds the recorded run instead."""
    app = opened(name)
    start = PAGES[name].presets[PAGES[name].start].config
    button(app, "Train").click().run()
    assert shown(app, name) == start
    wait_for_run(app, start, lambda it: it.history.last_step > 0)
    button(app, "Stop").click().run()
    query = address_of(app)
    mine = app.session_state[f"{name}/state"]
    link = dict(urllib.parse.parse_qsl(state.link(mine).partition("?")[2]))
    for again in (opened(name, **query), opened(name, **link)):
        assert shown(again, name) == start
        run = again.session_state[f"{name}/state"].shown_run()
        assert run is not None and not run.recorded


def test_moving_a_slider_first_and_reloading_keeps_the_recorded_run() -> None:
    """One touch of a slider and a reload, and the page is empty."""
    name = "mode_collapse"
    app = opened(name)
    app.slider(key=controls.key(name, "dropout")).set_value(0.4).run()
    query = address_of(app)
    again = opened(name, **query)
    assert all(viewer(again, "runs")["runs"].values()) and not again.warning
    assert again.slider(key=controls.key(name, "dropout")).value == 0.4


def test_a_copied_link_carries_every_value() -> None:
    """A link means something else once a default changes."""
    app = opened("mode_collapse", **QUICK, seed="15")
    mine = app.session_state["mode_collapse/state"]
    mine.pinned = RunConfig(dropout=0.4)
    link = state.link(mine).partition("?")[2]
    query = dict(urllib.parse.parse_qsl(link, keep_blank_values=True))
    assert set(KNOBS) <= set(query) and query["v"] == state.LINK_VERSION
    again = opened("mode_collapse", **query)
    assert shown(again, "mode_collapse") == mine.shown
    assert again.session_state["mode_collapse/state"].pinned == mine.pinned
    assert not again.warning


def test_a_linked_reference_that_is_not_here_can_be_trained() -> None:
    """Another run is passed off as the linked reference, and the linked one is out of reach."""
    reference = RunConfig(dataset="ring", batch_size=16, steps=120, seed=31)
    app = opened("mode_collapse", **QUICK, seed="30", reference=controls.written(reference))
    button(app, "Train the reference").click().run()
    wait_for_run(app, reference, finished)


def test_coming_back_from_another_page_finds_everything_as_it_was() -> None:
    """A look at another page loses the sliders or the run."""
    name = "mode_collapse"
    app = opened(name, **QUICK, seed="35", dropout="0.25")
    before = shown(app, name)
    app.query_params.clear()
    app.switch_page("streamlit_app.py").run()
    app.query_params.clear()
    app.switch_page(PAGES[name].page).run()
    assert not app.exception
    assert shown(app, name) == before
    assert app.slider(key=controls.key(name, "dropout")).value == 0.25


@pytest.mark.parametrize("name", [
    "_gl", "_ga", "gad_source", "gclid", "fbclid", "igshid", "mc_cid", "mc_eid", "utm_source",
    "srsltid", "_hsenc", "mtm_campaign", "embed"])
def test_what_others_append_to_a_link_is_no_setting(name: str) -> None:
    """A link from a newsletter or a chat opens with a warning about settings nobody made."""
    app = opened("mode_collapse", **QUICK, **{name: "1.2*abc"})
    assert not app.warning and shown(app, "mode_collapse").dataset == "ring"


def test_ampersands_of_a_mail_client_are_understood() -> None:
    """`&amp;` in place of `&`: the link opens with other settings than were sent."""
    first, *rest = QUICK.items()
    app = opened("mode_collapse", **dict([first]), **{
        **{f"amp;{field}": value for field, value in rest}, "amp;amp;seed": "77",
        "amp;utm_source": "mail"})
    assert not app.warning
    config = shown(app, "mode_collapse")
    assert (config.dataset, config.batch_size, config.steps, config.seed) == ("ring", 16, 150, 77)


def test_a_link_that_was_opened_stays_in_the_address_bar() -> None:
    """Each link is a trap: Back leads to its own address, which is written anew at once."""
    query = {"v": "1", **RunConfig(dataset="ring", batch_size=16, steps=150).to_query(full=True),
             "nonsense": "1"}
    app = opened("mode_collapse", **query)
    assert address_of(app) == query
    app.slider(key=controls.key("mode_collapse", "dropout")).set_value(0.4).run()
    assert address_of(app) != query


def go_through_history(app, address: dict[str, str], monkeypatch) -> None:
    """Press Back or Forward, to an address that the tab has shown before."""
    app.query_params.clear()
    for field, value in address.items():
        app.query_params[field] = value
    with monkeypatch.context() as patch:
        patch.setattr(state, "went_through_history", lambda: True)
        app.run()
    assert not app.exception


def test_back_restores_the_settings_before(monkeypatch) -> None:
    """Four presses of Back do nothing, and the page cannot be left."""
    name, dropout = "mode_collapse", controls.key("mode_collapse", "dropout")
    app = opened(name, **QUICK)
    visited = [address_of(app)]
    for value in (0.1, 0.2, 0.3, 0.4, 0.5):
        app.slider(key=dropout).set_value(value).run()
        visited.append(address_of(app))
    assert len({str(address) for address in visited}) == 6

    def went_to(address: dict[str, str]) -> float:
        go_through_history(app, address, monkeypatch)
        assert address_of(app) == address, "it is written anew: a dead press"
        return app.slider(key=dropout).value

    values = [went_to(address) for address in reversed(visited[:-1])]
    assert values == [0.4, 0.3, 0.2, 0.1, 0.0]
    assert went_to(visited[3]) == 0.3, "forward again"
    assert went_to({}) == 0.0 and shown(app, name) != RunConfig(**{"dataset": "ring"})


def test_back_to_a_return_from_the_menu_keeps_the_settings(monkeypatch) -> None:
    """A look at another page and a press of Back, and the settings are those of the very start."""
    name, dropout = "mode_collapse", controls.key("mode_collapse", "dropout")
    app = opened(name)
    app.slider(key=dropout).set_value(0.4).run()
    moved = address_of(app)
    for page in ("streamlit_app.py", PAGES[name].page):  # by the menu, which knows no parameters
        app.query_params.clear()
        app.switch_page(page).run()
    assert address_of(app) == moved
    app.slider(key=dropout).set_value(0.3).run()

    def back_to(address: dict[str, str]) -> float:
        go_through_history(app, address, monkeypatch)
        return app.slider(key=dropout).value

    assert back_to(moved) == 0.4
    assert back_to({}) == 0.4 and address_of(app) == moved, "where the menu led to"
    assert back_to({}) == 0.0, "where the visitor arrived"


def test_a_message_that_crosses_a_new_address_is_no_visit() -> None:
    """Two sliders moved in quick succession: the second one's message still carries the address of
    before the first, and would undo it."""
    name = "mode_collapse"
    app = opened(name, **QUICK)
    before = address_of(app)
    app.slider(key=controls.key(name, "dropout")).set_value(0.4).run()
    app.query_params.clear()
    for field, value in before.items():
        app.query_params[field] = value
    app.slider(key=controls.key(name, "label_smoothing")).set_value(0.1).run()
    assert app.slider(key=controls.key(name, "dropout")).value == 0.4
    assert "dropout" in address_of(app) and "label_smoothing" in address_of(app)
