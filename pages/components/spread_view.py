"""The shown run's recipe under several seeds and with one setting changed a little, beside its
reference's: bands of the page's headline, recorded before any click, trained where they are not.

The part runs again by itself when a run more is there; what is in between the browser asks for.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import streamlit as st

from gan_core.config.fields import KNOBS
from gan_core.config.run_config import RunConfig
from gan_core.config.value_words import tick_text
from gan_core.exploration.cell_runs import CellRun, cell_run
from gan_core.exploration.spread import SEEDS, Spread, can_vary
from gan_core.exploration.spread_words import changes, moved, paired, told
from gan_core.exploration.study import Results, name_of
from gan_core.runs.store import StoreError
from gan_core.serving import spread_channel
from pages.components import server, spread_chart, viewer_code
from pages.components.chart_style import REFERENCE, THIS, table
from pages.components.draw_chart import draw_chart
from pages.components.experiment import UNREADABLE
from pages.components.folded import folded
from pages.components.map_view import nothing, price_words
from pages.components.spread_chart import Courses, Metric
from pages.components.state import State

HEIGHT = 270
# As a sentence calls them: their seeds are 0 to 4, whichever the shown run has.
SPOKEN = {THIS: "These settings", REFERENCE: "The reference"}

progress = st.components.v2.component(
    "gan_lab_study", html=viewer_code.read("study.html"),
    css=viewer_code.read("viewer.css", "map.css"), js=viewer_code.read("loader.js"))


@dataclass(frozen=True)
class _Part:
    """A recipe on the page: what it is called, its spread, and what is `known` of that: equal for
    the same runs, which do not change."""

    name: str
    spread: Spread
    digests: frozenset[str]
    known: Results = field(compare=False)

    @property
    def missing(self) -> list[RunConfig]:
        return self.spread.wanted(self.known)


_Parts = tuple[_Part, ...]


def spread(state: State) -> None:
    """The part of a page that tells settings from chance, drawn when it is opened."""
    section = folded(state.page, "spread", "Is it the settings, or the seed?",
                     ":material/ssid_chart:")
    if not section.open:
        return
    with section:
        _opened(state)


def _opened(state: State) -> None:
    st.markdown(
        f"Left: the same settings under {SEEDS} seeds. Right: one setting changed a little, under "
        "one seed. The line is the median, the band reaches from the lowest run to the highest. A "
        "difference that is smaller than the left band may be chance.")
    st.fragment(_spread)(state)


def _spread(state: State) -> None:
    try:
        varied = _choices(state)
        parts = tuple(_part(name, recipe, varied) for name, recipe in _recipes(state).items())
        _follow(state, parts)
        _buttons(state, parts)
        for part in parts:
            _progress(state, part)
        _charts(state, parts)
        _words(state, parts)
    except StoreError:
        st.error(UNREADABLE)


# --- what is compared ----------------------------------------------------------------------------


def _recipes(state: State) -> dict[str, RunConfig]:
    """The shown run's, and its reference's where that is another recipe on the same data."""
    found, other = {THIS: state.shown}, state.compared_to
    if other is None and (reference := state.reference_run()) is not None:
        other = reference.snapshot.config
    if other is not None and other.dataset == state.shown.dataset and (
        other.replace(seed=0).digest() != state.shown.replace(seed=0).digest()
    ):
        found[REFERENCE] = other
    return found


def _part(name: str, recipe: RunConfig, varied: str) -> _Part:
    """With what was measured as a spread, and with runs that have been trained anyway."""
    drawn = _spread_of(recipe.replace(seed=0), varied)
    known = server.studies().results(drawn)
    trained = {run.digest: run for config in drawn.wanted(known)
               if (run := _trained(config)) is not None}
    known = {**known, **trained} if trained else known
    return _Part(name, drawn, frozenset(known), known)


@functools.lru_cache(maxsize=128)
def _spread_of(recipe: RunConfig, varied: str) -> Spread:
    """One that many visitors share: it knows its runs, and their digests, which take a while."""
    return Spread(recipe, varied)


def _trained(config: RunConfig) -> CellRun | None:
    """A run of this server; of a recorded one only every third step is there, or fewer."""
    run = server.stored_run(config)
    if run is None or run.live or not run.own:
        return None
    snapshot = run.snapshot
    return snapshot.history.derived(
        ("spread", config.digest(), config.steps),
        lambda: cell_run(snapshot, config, courses=True))


# --- what can be done ----------------------------------------------------------------------------


def _key(state: State, name: str) -> str:
    return f"{state.page}/spread/{name}"


def _choices(state: State) -> str:
    """Draw what may be chosen; the setting that varies."""
    drawn, varied = st.columns(2)
    with drawn:
        st.selectbox("Metric", spread_chart.names(state.challenge), key=_key(state, "metric"),
                     format_func=lambda name: spread_chart.metric(name, state.shown).label)
    with varied:
        return st.selectbox("Setting that is changed a little", can_vary(state.shown),
                            key=_key(state, "varied"),
                            format_func=lambda name: KNOBS[name].label)


def _asked(state: State) -> list[Spread]:
    """What this tab has asked for on this page."""
    return st.session_state.setdefault(_key(state, "asked"), [])


def _follow(state: State, parts: _Parts) -> None:
    """Stop what was asked for and is no longer shown; where only the setting that varies has been
    changed, go on with that."""
    asked, shown = _asked(state), [part.spread for part in parts]
    for left in [spread for spread in asked if spread not in shown]:
        asked.remove(left)
        was_live = server.studies().state(left).live
        same = [spread for spread in shown if spread.recipe == left.recipe] if was_live else []
        seeds = {digest for spread in same for digest in spread.digests}  # they are wanted again
        server.studies().stop(left, server.viewer(), _on_page(state) | seeds)
        for spread in (spread for spread in same if spread not in asked):
            asked.append(spread)
            server.studies().fill(spread, server.viewer())


def _on_page(state: State) -> set[str]:
    """The digests of the runs that the page shows besides: they have a Stop of their own."""
    return {config.digest() for config in (state.shown, state.pinned) if config is not None}


def _buttons(state: State, parts: _Parts) -> None:
    """Train what is missing, or stop that."""
    studies = server.studies()
    if any(studies.state(part.spread).live for part in parts):
        st.button("Stop these runs", icon=":material/stop:", on_click=_stop, args=(state, parts))
        return
    missing = [config for part in parts for config in part.missing]
    if missing:
        runs = "One run is" if len(missing) == 1 else f"{len(missing)} runs are"
        price = f"{runs} still to be trained. {price_words(missing)}"
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.button("Train the other runs", icon=":material/groups:", on_click=_fill,
                      args=(state, parts))
            st.caption(price)


def _fill(state: State, parts: _Parts) -> None:
    for part in parts:
        if part.missing:
            _asked(state).append(part.spread)
            server.studies().fill(part.spread, server.viewer())


def _stop(state: State, parts: _Parts) -> None:
    _asked(state).clear()
    stopped = [server.studies().stop(part.spread, server.viewer(), _on_page(state))
               for part in parts]
    if not all(stopped):
        st.toast("Others are watching these runs too, so they go on.")


def _progress(state: State, part: _Part) -> None:
    """How far a recipe's runs are, as long as some are missing."""
    studies = server.studies()
    filling = studies.state(part.spread)
    if not filling.live and not part.missing:
        return
    studies.know(part.spread)
    # While it goes on the browser counts what the server has measured, and nothing else.
    known = studies.results(part.spread) if filling.live else part.known
    progress(key=_key(state, part.name), on_grown_change=nothing, data={
        "part": "study", "code": viewer_code.ADDRESS, "viewer": server.ticket(),
        "address": f"studies/{name_of(part.spread)}", "label": SPOKEN[part.name],
        "first": spread_channel.state(part.spread, known, filling)})


# --- what is drawn and said ----------------------------------------------------------------------


def _charts(state: State, parts: _Parts) -> None:
    metric = st.session_state[_key(state, "metric")]
    made = _made_charts(parts, metric, state.shown, _steps(state, parts))
    for place, (column, chart) in enumerate(zip(st.columns(2), made, strict=True)):
        data, spec, alt = chart
        with column:
            draw_chart(data, spec, height=HEIGHT, key=_key(state, f"chart-{place}"),
                               alt=alt)


@functools.lru_cache(maxsize=64)
def _made_charts(
    parts: _Parts, metric: str, shown: RunConfig, steps: int
) -> list[tuple[pa.Table, dict[str, Any], str]]:
    """Of seeds and of small changes: data, specification and alternative text. A class that opens
    a page sees the same ones."""
    drawn, varied = spread_chart.metric(metric, shown), parts[0].spread.varied
    values = sorted({value for part in parts for value in part.spread.values})
    low, high = (tick_text(varied, value) for value in (values[0], values[-1]))
    sides = [
        (f"Under {SEEDS} seeds",
         {part.name: _courses({f"seed {seed:g}": config
                               for seed, config in part.spread.seeds.items()}, part.known, drawn)
          for part in parts}),
        (f"With the {changes(parts[0].spread)} from {low} to {high}",
         {part.name: _courses({tick_text(varied, value): config
                               for value, config in part.spread.values.items()}, part.known, drawn)
          for part in parts}),
    ]
    frames = [spread_chart.band_frame(drawn, steps, courses) for _, courses in sides]
    domain = spread_chart.framed(drawn, shown, frames)
    return [
        (table(spread_chart.inside(frame, domain)),
         spread_chart.band_spec(title, f"{drawn.label}; {drawn.note}", drawn.axis, domain,
                                drawn.log, steps),
         f"{drawn.label}, {title.lower()}: median, lowest and highest by step, of this run and the "
         "reference")
        for (title, _), frame in zip(sides, frames, strict=True)]


def _steps(state: State, parts: _Parts) -> int:
    """To which step the charts go: where runs are compared by time, the longer one's."""
    if state.challenge.by_time:
        return max(part.spread.recipe.steps for part in parts)
    return state.shown.steps


def _courses(
    configs: Mapping[str, RunConfig], known: Results, drawn: Metric
) -> Courses:
    runs = {member: known[config.digest()] for member, config in configs.items()
            if config.digest() in known}
    return {member: run.courses[drawn.course] for member, run in runs.items()
            if drawn.course in run.courses}


def _words(state: State, parts: _Parts) -> None:
    st.markdown(_sentences(parts, state.challenge.headline))


@functools.lru_cache(maxsize=64)
def _sentences(parts: _Parts, headline: str) -> str:
    lines = [told(SPOKEN[part.name], part.spread, part.known, headline) for part in parts]
    closing = [moved(parts[0].spread, parts[0].known, headline)]
    if len(parts) > 1:
        closing.append(paired(parts[0].spread, parts[0].known, parts[1].spread, parts[1].known,
                              headline))
    lines.append(" ".join(filter(None, closing)))
    return "  \n".join(filter(None, lines))
