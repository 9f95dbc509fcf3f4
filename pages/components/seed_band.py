"""The shown recipe under several seeds, trained on demand: a live part of a page of its own.

It stands beside the page's other fragments, refreshes every two seconds while something trains, and
renews the leases of all runs it shows.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa
import streamlit as st

from gan_core.config.batching import batch_key
from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError
from gan_core.runs.history import History
from gan_core.runs.store import StoreError
from gan_core.serving.admission import MOST_OF_A_VIEWER, QueueFull
from gan_core.serving.queue import HIDDEN_SECONDS
from pages.components import seed_band_chart, server
from pages.components.chart_style import RUNS, table
from pages.components.experiment import UNREADABLE
from pages.components.markdown import plain
from pages.components.server import StoredRun
from pages.components.state import State

TICK = 2.0  # seconds between two refreshes
HEIGHT = 290
AT_ONCE = MOST_OF_A_VIEWER - 1  # of runs that go one by one; Train keeps one place
SEEDS = 5
SEEDS_TOGETHER = 8  # trained in one pass they cost no more than three or four one by one


@dataclass
class Wish:
    """Seeds of one recipe that this tab wants trained, and what it has asked the queue for."""

    recipe: RunConfig  # under seed 0
    asked: set[str] = field(default_factory=set)  # digests; none is asked for twice
    refusal: str = ""


_Run = tuple[str, int, History]  # this run or the reference, a seed, and what it recorded


@dataclass(frozen=True)
class _Data:
    """What the chart showed at the last refresh, and of what."""

    asked: tuple[seed_band_chart.Metric, RunConfig]
    runs: list[_Run]
    table: pa.Table
    domain: tuple[float, float]


def band(state: State) -> None:
    """Draw the band over the seeds of the shown run, from 0, and over those of its reference."""
    seeds = SEEDS if batch_key(state.shown) is None else SEEDS_TOGETHER
    try:
        busy = _busy(state, _seeds(state.shown, seeds))
        st.fragment(_band, run_every=TICK if busy else None)(state, seeds, busy)
    except StoreError:
        st.error(UNREADABLE)


def _band(state: State, count: int, was_busy: bool) -> None:
    try:
        _tend(state, count)
        shown, beside = _seeds(state.shown, count), _beside(state, count)
        _watch([*shown, *beside])
        busy = _busy(state, shown)
        _controls(state, shown, busy)
        _chart(state, shown, beside)
        _words(shown, beside)
        if busy != was_busy:
            st.rerun()  # the timer begins or ends
    except StoreError:
        st.error(UNREADABLE)


# --- runs ----------------------------------------------------------------------------------------


def _seeds(recipe: RunConfig, count: int) -> list[StoredRun | None]:
    return [server.stored_run(recipe.replace(seed=seed), recorded_first=True)
            for seed in range(count)]


def _beside(state: State, count: int) -> list[StoredRun | None]:
    """The seeds of the reference, where it is another recipe on the same data."""
    other = state.pinned
    if other is None and (reference := state.reference_run()) is not None:
        other = reference.snapshot.config
    if other is None or other.dataset != state.shown.dataset or (
        other.replace(seed=0).digest() == state.shown.replace(seed=0).digest()
    ):
        return []
    return _seeds(other, count)


def _watch(shown: list[StoredRun | None]) -> None:
    """Renew the leases, for longer than a refresh: a hidden tab may ask for one once a minute."""
    for run in shown:
        if run is not None and not run.recorded:
            server.queue().watch(run.snapshot.digest, server.viewer(), HIDDEN_SECONDS)


def _busy(state: State, shown: list[StoredRun | None]) -> bool:
    """Whether a refresh from now may show something new."""
    wish = _wish(state)
    return any(run is not None and run.live for run in shown) or (
        wish is not None and any(_still_to_ask(wish, shown)))


# --- wishes --------------------------------------------------------------------------------------


def _key(state: State, name: str) -> str:
    return f"{state.page}/band/{name}"


def _wish(state: State) -> Wish | None:
    return st.session_state.get(_key(state, "wish"))


def _still_to_ask(wish: Wish, shown: list[StoredRun | None]) -> list[RunConfig]:
    """What is still to be asked for."""
    missing = [wish.recipe.replace(seed=seed) for seed, run in enumerate(shown)
               if run is None or not (run.live or seed_band_chart.trained(run.snapshot))]
    return [config for config in missing if config.digest() not in wish.asked]


def _tend(state: State, count: int) -> None:
    """Ask the queue for as many of the wanted seeds as it takes just now."""
    wish = _wish(state)
    if wish is None:
        return
    if wish.recipe != state.shown.replace(seed=0):
        _drop(state)
        return
    shown = _seeds(wish.recipe, count)
    missing = _still_to_ask(wish, shown)
    if batch_key(wish.recipe) is None:
        free = AT_ONCE - sum(run is not None and run.live for run in shown)
        missing = missing[:max(free, 0)]
    try:
        if missing:
            wish.asked.update(server.queue().submit_together(missing, server.viewer()))
        wish.refusal = ""
    except QueueFull as error:
        wish.refusal = f"Waiting for a place. {error}"
    except ConfigError as error:
        _refuse(state, str(error))
    except StoreError as error:
        _refuse(state, f"The runs cannot be stored: {error.cause}.")


def _refuse(state: State, why: str) -> None:
    _drop(state)
    st.session_state[_key(state, "refusal")] = why


def _begin(state: State) -> None:
    st.session_state[_key(state, "wish")] = Wish(state.shown.replace(seed=0))
    st.session_state[_key(state, "refusal")] = ""


def _drop(state: State) -> None:
    """Give the wish up; its runs stop, unless the page shows them elsewhere or others watch."""
    wish = st.session_state.pop(_key(state, "wish"), None)
    if wish is None:
        return
    on_page = {config.digest() for config in (state.shown, state.pinned) if config is not None}
    for digest in wish.asked - on_page:
        server.queue().stop(digest, server.viewer())


# --- what is drawn -------------------------------------------------------------------------------


def _controls(state: State, shown: list[StoredRun | None], busy: bool) -> None:
    snapshots = [run.snapshot if run else None for run in shown]
    act, choose, state_of_seeds = st.columns([1.1, 1.4, 2.5], vertical_alignment="bottom")
    with act:
        if _wish(state) is not None and busy:
            st.button("Stop these seeds", icon=":material/stop:", width="stretch",
                      on_click=_drop, args=(state,))
        else:
            st.button(f"Train {len(shown)} seeds", icon=":material/groups:", width="stretch",
                      disabled=all(map(seed_band_chart.trained, snapshots)), on_click=_begin,
                      args=(state,),
                      help="Trains the recipe of the run shown above under seeds 0 to "
                      f"{len(shown) - 1}; those that are there already are not trained again.")
    with choose:
        st.selectbox("Metric", seed_band_chart.NAMES, key=_key(state, "metric"),
                     format_func=lambda name: seed_band_chart.metric(name, state.shown).label)
    with state_of_seeds, st.container(height=50, border=False):
        share, words = seed_band_chart.progress(snapshots)
        wish = _wish(state)
        refusal = wish.refusal if wish else st.session_state.get(_key(state, "refusal"), "")
        st.progress(share, text=plain(f"{words}. {refusal}" if refusal else words))


def _chart(state: State, shown: list[StoredRun | None], beside: list[StoredRun | None]) -> None:
    config = state.shown
    drawn = seed_band_chart.metric(st.session_state[_key(state, "metric")], config)
    histories = {
        name: {seed: run.snapshot.history for seed, run in enumerate(seeds) if run is not None}
        for name, seeds in zip(RUNS, (shown, beside), strict=True)
    }
    data, domain = _data(state, drawn, histories)
    st.vega_lite_chart(
        data,
        seed_band_chart.band_spec(
            f"{drawn.label}, {len(shown)} seeds", _note(drawn), drawn.axis, domain, drawn.log,
            config.steps),
        height=HEIGHT, key=_key(state, "chart"),
        alt=f"{drawn.label} by step: median, lowest and highest of the seeds, this run and the "
        "reference",
    )


def _data(
    state: State, drawn: seed_band_chart.Metric, histories: dict[str, dict[int, History]]
) -> tuple[pa.Table, tuple[float, float]]:
    """The chart's table and its domain; those of the last refresh if nothing has changed since."""
    where, asked = _key(state, "drawn"), (drawn, state.shown)
    runs = [(run, seed, history) for run, by_seed in histories.items()
            for seed, history in by_seed.items()]
    last: _Data | None = st.session_state.get(where)
    if last is None or last.asked != asked or not _same(last.runs, runs):
        frame = seed_band_chart.band_frame(drawn, state.shown.steps, histories)
        domain = seed_band_chart.framed(drawn, state.shown, frame)
        last = _Data(asked, runs, table(seed_band_chart.inside(frame, domain)), domain)
        st.session_state[where] = last
    return last.table, last.domain


def _same(before: list[_Run], now: list[_Run]) -> bool:
    """Whether these are the same histories; comparing their records would take too long."""
    return len(before) == len(now) and all(
        one[:2] == other[:2] and one[2] is other[2]
        for one, other in zip(before, now, strict=True))


def _note(drawn: seed_band_chart.Metric) -> str:
    return f"thick: median; area: lowest to highest; {drawn.note}"


def _words(shown: list[StoredRun | None], beside: list[StoredRun | None]) -> None:
    lines = [
        seed_band_chart.numbers(name, [run.snapshot if run else None for run in seeds])
        for name, seeds in (("This run", shown), ("Reference", beside))
    ]
    with st.container(height=96, border=False):
        st.markdown("  \n".join(filter(None, lines)) or "No seed has been trained to its end yet.")
