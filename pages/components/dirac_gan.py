"""The Dirac-GAN as an instant experiment: one fragment of sliders, phase plane, eigenvalues, words.

Its values live in the session state under `page/dirac/…` and, where they are not the defaults, in
the URL's parameter `dirac`: `game:r1,gamma:0.3,…`. Nothing here trains: `gan_core.dirac` computes
every picture in some hundredths of a second, so moving a slider reruns this fragment alone.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import streamlit as st

from gan_core.dirac import METHODS, DiracGame, trajectory
from pages.components import dirac_charts
from pages.components.chart_style import table
from pages.components.dirac_choices import (
    CHOICES,
    DEFAULTS,
    EXPLANATIONS,
    SLIDERS,
    STARTS,
    Values,
    counterpart,
    game_of,
    read,
    verdict_text,
    written,
)
from pages.components.draw_chart import draw_chart
from pages.components.markdown import plain
from pages.components.state import State, keep

PARAMETER = "dirac"


def portrait(page: str) -> None:
    """Draw the Dirac-GAN on `page`, below its `experiment`, which reads the URL."""
    st.fragment(_portrait)(page)


def draw_first() -> None:
    """Compute what the portrait shows before anything is moved; it is kept for all visitors."""
    _drawing(game_of(DEFAULTS), STARTS[DEFAULTS["start"]], DEFAULTS["steps"])


def _portrait(page: str) -> None:
    state: State = st.session_state[f"{page}/state"]
    _arrive(page, state)
    problem = st.empty()
    with st.container(horizontal=True, gap="medium"):
        left = st.container(width=dirac_charts.SIDE[0] + 10)
        with st.container(width="stretch"):
            values = _widgets(page)
            _remember(page, state, values)
            if complaint := st.session_state[_key(page, "problem")]:
                problem.warning(plain(complaint), icon=":material/link_off:")
            game, start = game_of(values), STARTS[values["start"]]
            explanation = EXPLANATIONS[values["game"]]
            with st.container(height=110, border=False):
                st.markdown(f"{explanation.words} *{explanation.source}*")
            _to_the_ring(state, game)
        drawn = _drawing(game, start, values["steps"])
        with left:
            _show("plane", drawn.charts["plane"])
    tone, words = drawn.verdict
    with st.container(height=92, border=False):
        getattr(st, tone)(words)
    with st.container(horizontal=True, gap="small"):
        with st.container(width="stretch"):
            _show("distance", drawn.charts["distance"])
        for name in ("flow", "multipliers"):
            _show(name, drawn.charts[name])


def _to_the_ring(state: State, game: DiracGame) -> None:
    """From one point to eight Gaussians: the page's sliders take over what networks have too."""
    config = counterpart(game)
    if st.button("Set the sliders to this, on the 2-D ring", icon=":material/arrow_upward:",
                 disabled=config is None,
                 help="Method, order and ratio of the learning rates; then press Train. The step "
                 "size has no counterpart: Adam scales the steps of networks."):
        state.pending = config
        st.rerun()


def _key(page: str, name: str) -> str:
    return f"{page}/dirac/{name}"


def _arrive(page: str, state: State) -> None:
    """Move the widgets to the URL's values, where those are new; note what is wrong with them.

    Streamlit forgets widgets that a page does not draw: back from another page they are set anew.
    """
    text, known = state.part_parameters.get(PARAMETER, ""), _key(page, "text")
    if text != st.session_state.get(known) or _key(page, "game") not in st.session_state:
        values, problem = read(text)
        for name, value in values.items():
            st.session_state[_key(page, name)] = value
        st.session_state[_key(page, "problem")] = problem
        st.session_state[known] = written(values)
        keep(state, PARAMETER, written(values))


def _remember(page: str, state: State, values: Values) -> None:
    """Write what the widgets say into the URL, if it has changed."""
    text = written(values)
    if text != st.session_state[_key(page, "text")]:
        st.session_state[_key(page, "text")] = text
        st.session_state[_key(page, "problem")] = ""
        keep(state, PARAMETER, text)


def _choose(page: str, game: str | None = None) -> None:
    """The game was chosen, by its widget or by a button: its published values come with it."""
    game = game or st.session_state[_key(page, "game")]
    for name, value in {"game": game, **METHODS[game].published}.items():
        st.session_state[_key(page, name)] = value


def _widgets(page: str) -> Values:
    game, mend = st.columns([1.25, 1], vertical_alignment="bottom")
    with game:
        values = {**DEFAULTS, "game": _choice(page, "game", "Training method")}
    with mend:
        _mend(page, values["game"])
    parameters = list(METHODS[values["game"]].published)
    with st.container(height=78, border=False):
        for name, column in zip(parameters, st.columns(2), strict=False):
            with column:
                values[name] = _slider(page, name)
        if not parameters:
            st.caption("No parameters of its own.")
    rows = (("order", "ratio"), ("step_size", "steps"))
    labels = {"order": "Order of updates", "ratio": "Learning rates D : G", "start": "Start"}
    for row in (*rows, ("start",)):
        for name, column in zip(row, st.columns(2), strict=False):
            with column:
                values[name] = (_choice(page, name, labels[name]) if name in CHOICES
                                else _slider(page, name))
    return values


def _mend(page: str, game: str) -> None:
    """The way from the failure to its remedy in one click, and back."""
    goal, label = ("gan", "Plain GAN again") if game == "r1" else ("r1", "Mend it with R1")
    st.button(label, key=_key(page, "mend"), icon=":material/healing:", width="stretch",
              on_click=_choose, args=(page, goal))


def _choice(page: str, name: str, label: str) -> str:
    words, where = CHOICES[name], _key(page, name)
    if name == "ratio":
        return st.select_slider(label, list(words), format_func=words.__getitem__, key=where)
    return st.selectbox(label, list(words), format_func=words.__getitem__, key=where, args=(page,),
                        on_change=_choose if name == "game" else None)


def _slider(page: str, name: str) -> float:
    slider, where = SLIDERS[name], _key(page, name)
    # Of a parameter that was not drawn for a while Streamlit has forgotten the value.
    st.session_state.setdefault(where, DEFAULTS[name])
    return st.slider(slider.label, slider.low, slider.high, step=slider.step, key=where,
                     help=slider.help)


# --- what is drawn -------------------------------------------------------------------------------


class Picture(NamedTuple):
    """A chart; a width of None is that of the page."""

    data: pa.Table
    spec: dict[str, Any]
    size: tuple[int | None, int]
    alt: str


class Drawing(NamedTuple):
    """All that one game shows from one start; `verdict` is a tone and words."""

    verdict: tuple[str, str]
    charts: dict[str, Picture]


@functools.lru_cache(maxsize=32)  # the page also reruns for other reasons than a moved slider
def _drawing(game: DiracGame, start: tuple[float, float], steps: int) -> Drawing:
    path = trajectory(game, start, steps)
    # Simultaneous and alternating steps side by side, whichever of them the plane shows.
    other = "generator_first" if game.order == "simultaneous" else "simultaneous"
    games = {name: dataclasses.replace(game, order=name)
             for name in sorted({game.order, other}, reverse=True)}
    paths = {name: path if name == game.order else trajectory(one, start, steps)
             for name, one in games.items()}
    # Axes reach at least as far as for the plain GAN: a remedy beside its failure, on one scale.
    plain = dataclasses.replace(game, method="gan")
    side = max(map(dirac_charts.extent, (path, trajectory(plain, start, steps))))
    charts = {"plane": _plane(game, path, side), "distance": _distance(paths), **_spectra(games)}
    return Drawing(verdict_text(game, start, path), charts)


def _show(name: str, picture: Picture) -> None:
    width, height = picture.size
    draw_chart(picture.data, picture.spec, width=width or "stretch", height=height,
                       key=f"chart-dirac-{name}", alt=picture.alt)


def _plane(game: DiracGame, path: np.ndarray, side: float) -> Picture:
    return Picture(
        table(dirac_charts.plane_frame(game, path, side)),
        dirac_charts.plane_spec(side, len(path) - 1),
        dirac_charts.SIDE,
        f"Phase plane of the Dirac-GAN, {METHODS[game.method].label}: the flow as arrows, and "
        f"{len(path) - 1} {dirac_charts.ORDER_LABELS[game.order]} steps from their start",
    )


def _distance(paths: dict[str, np.ndarray]) -> Picture:
    frame = dirac_charts.distance_frame(paths)
    low, high = dirac_charts.decades(frame["drawn"])
    steps = int(frame["step"].max())
    return Picture(
        table(frame), dirac_charts.distance_spec(low, high, steps, tuple(paths)),
        (None, dirac_charts.SMALL[1]),
        f"Distance to the equilibrium by step, {' and '.join(frame['order'].unique())} updates",
    )


def _spectra(games: dict[str, DiracGame]) -> dict[str, Picture]:
    flow, steps = dirac_charts.spectrum_frames(games)
    drawn = {
        "flow": (flow, dirac_charts.flow_spec(dirac_charts.complex_extent(flow)),
                 "Eigenvalues of the flow in the complex plane, with the imaginary axis"),
        "multipliers": (steps, dirac_charts.steps_spec(dirac_charts.complex_extent(steps),
                                                       tuple(games)),
                        "Multipliers of the steps in the complex plane, with the unit circle"),
    }
    return {
        name: Picture(table(frame), spec, dirac_charts.SMALL,
                      f"{alt}{'' if len(frame) else ': there are none'}")
        for name, (frame, spec, alt) in drawn.items()
    }
