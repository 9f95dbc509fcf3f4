"""A map as it is drawn in the browser, what can be done with it, and the cells that were chosen."""

from __future__ import annotations

import math
import urllib.parse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from gan_core.config.presets import CHALLENGES
from gan_core.config.run_config import RunConfig
from gan_core.config.value_words import number_text, tick_text
from gan_core.exploration.cell_runs import MEASURES, CellRun
from gan_core.exploration.map_looks import COLOURINGS, VERDICT
from gan_core.exploration.map_tables import runs_of
from gan_core.exploration.parameter_map import Cell, ParameterMap
from gan_core.exploration.price import seconds
from gan_core.exploration.study import name_of
from gan_core.export.report.settings import typed
from gan_core.serving import map_channel
from gan_core.serving.run_words import wait_text
from gan_core.serving.study_jobs import AT_ONCE
from pages.components import controls, server, viewer_code
from pages.components.map_choice import MOST_CHOSEN, MapChoice
from pages.components.map_controls import axis_words
from pages.components.markdown import plain
from pages.components.state import opening
from pages.components.take_home import take_map_home

BUDGETS = {"no limit": math.inf, "1 minute": 60.0, "5 minutes": 300.0, "15 minutes": 900.0}
OPENS_ON = "baseline"  # the page on which a cell's run is opened
TOLD_MEASURES = 3  # measures that are told of a chosen cell, besides the verdict

grid = st.components.v2.component(
    "gan_lab_map", html=viewer_code.read("map.html"),
    css=viewer_code.read("viewer.css", "map.css"), js=viewer_code.read("loader.js"))


def map_view(choice: MapChoice) -> None:
    """Buttons, the map itself, and the chosen cells."""
    drawn = choice.drawn
    results, filling = server.studies().results(drawn), server.studies().state(drawn)
    _buttons(choice, results)
    told = map_channel.state(drawn, results, filling, choice.colouring)
    data: dict[str, Any] = {
        "part": "map", "code": viewer_code.ADDRESS, "viewer": server.ticket(),
        "name": name_of(drawn), "address": f"studies/{name_of(drawn)}",
        "colouring": choice.colouring, "first": told,
        "x": drawn.x.label, "y": drawn.y.label,
        "columns": axis_words(drawn.x), "rows": axis_words(drawn.y),
        "chosen": [list(cell) for cell in choice.chosen],
    }
    grid(key="map/view", data=data, on_chosen_change=partial(_choose, choice),
         on_ended_change=nothing)
    _cells(choice, results)


def nothing() -> None:
    """What a trigger needs to be heard of; the page runs again all the same."""


def _choose(choice: MapChoice) -> None:
    told = st.session_state["map/view"]["chosen"]
    if not told or told[0] != name_of(choice.drawn):  # of a map that was there before
        return
    inside = [(int(column), int(row)) for column, row in told[1]
              if 0 <= column < choice.drawn.columns and 0 <= row < choice.drawn.rows]
    choice.chosen = inside[-MOST_CHOSEN:]


# --- what can be done with it --------------------------------------------------------------------


def _buttons(choice: MapChoice, results: dict[str, CellRun]) -> None:
    drawn, studies = choice.drawn, server.studies()
    missing = drawn.wanted(results)
    price = _price(missing) if missing else ""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="map-buttons"):
        if studies.state(drawn).live:
            if st.button("Stop", icon=":material/stop:"):
                if not studies.stop(drawn, server.viewer()):
                    st.toast("Others are watching this map too, so it goes on.")
                st.rerun()
        elif missing:
            begun = len(missing) < len(drawn.runs)
            budget = st.selectbox("Budget", list(BUDGETS), key="map/budget", width=130,
                                  help="No more runs are begun after this time. The map is filled "
                                  "from coarse to fine, so it is useful at any time.")
            if st.button("Go on" if begun else "Fill", type="primary", icon=":material/grid_on:",
                         help=price):
                studies.fill(drawn, server.viewer(), BUDGETS[budget])
                st.rerun()
        st.session_state["map/colour"] = choice.colouring
        st.selectbox(
            "Colour", COLOURINGS, key="map/colour", width=240, on_change=_colour, args=(choice,),
            format_func=lambda name: "verdict" if name == VERDICT else MEASURES[name].label)
        take_map_home(drawn, choice.colouring)
    st.caption(price if price and not studies.state(drawn).live else _command(drawn))


def _colour(choice: MapChoice) -> None:
    choice.colouring = st.session_state["map/colour"]


def _price(missing: list[RunConfig]) -> str:
    each = "One run" if len(missing) == 1 else f"{number_text(len(missing))} runs"
    are = "is" if len(missing) == 1 else "are"
    return (f"{each} of {number_text(missing[0].steps)} steps {are} still to be trained. "
            f"{price_words(missing)}")


def price_words(missing: Sequence[RunConfig], times: float = 1.0) -> str:
    """How long these runs take, or so many times as much, before any has been trained."""
    workers = min(server.settings().workers, AT_ONCE)
    words = wait_text(times * seconds(missing, workers))
    return (f"{words[0].upper()}{words[1:]}, on a machine like the one on which this was measured "
            f"and with {workers} at work.")


def _command(drawn: ParameterMap) -> str:
    return f"The same on the command line: `{command(drawn)}`"


def command(drawn: ParameterMap) -> str:
    """What draws this map on the command line."""
    settings = {**drawn.base.to_query(), "steps": str(drawn.base.steps)}
    return typed(["python", "-m", "gan_core", "map", "--x", str(drawn.x), "--y", str(drawn.y),
                  "--seeds", str(drawn.seeds), "--set",
                  *(f"{name}={value}" for name, value in settings.items()), "--store", "DIR"])


# --- the chosen cells ----------------------------------------------------------------------------


def _cells(choice: MapChoice, results: dict[str, CellRun]) -> None:
    """Side by side; with a link that opens their runs so."""
    with st.container(key="map-cells"):
        if not choice.chosen:
            st.caption("Press a cell to see what its runs came to, and another one to have both "
                       "side by side. The arrow keys move from cell to cell.")
            return
        for column, cell in zip(st.columns(2), choice.chosen, strict=False):
            with column:
                _cell(choice.drawn, results, cell)
        allowed = [cell for cell in choice.chosen if cell not in choice.drawn.refused]
        if len(allowed) == 2:
            one, other = (choice.drawn.config(cell) for cell in allowed)
            links = [f"[Open both runs side by side]({path_of_runs()}?{opening(one, other)})"]
            if one.dataset == other.dataset:
                folds = urllib.parse.urlencode({"candidates": "|".join(
                    map(controls.written, (one, other)))})
                links.append(f"[Compare them by cross-validation](cross_validation?{folds})")
            st.markdown(" · ".join(links))


def _cell(drawn: ParameterMap, results: dict[str, CellRun], cell: Cell) -> None:
    column, row = cell
    x = tick_text(drawn.x.field, drawn.x.values[column])
    y = tick_text(drawn.y.field, drawn.y.values[row])
    st.markdown(f"**{plain(drawn.x.label)} {plain(x)}, {plain(drawn.y.label)} {plain(y)}**")
    if cell in drawn.refused:
        st.markdown(plain(drawn.refused[cell]))
        return
    found = runs_of(drawn, results, cell)
    for seed, run in found:
        st.markdown(f"Seed {seed}: {plain(run.headline)} {plain(_measures(run))}")
    if not found:
        st.markdown("Not trained yet.")
    st.markdown(f"[Open this run]({path_of_runs()}?{opening(drawn.config(cell))})")


def _measures(run: CellRun) -> str:
    told = [f"{measure.label} {measure.text(run.measures[name])}"
            for name, measure in MEASURES.items() if name in run.measures]
    words = "; ".join(told[:TOLD_MEASURES])
    return f"{words[0].upper()}{words[1:]}." if words else ""


def path_of_runs() -> str:
    """The page on which a run of a study is opened, relative to any other."""
    file = CHALLENGES[OPENS_ON].page
    return "./" if file == "streamlit_app.py" else Path(file).stem
