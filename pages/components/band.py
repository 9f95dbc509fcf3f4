"""The shown recipe under several seeds, trained on demand: a live part of a page of its own.

It stands beside the page's other fragments, looks every two seconds while something trains, and
renews the leases of all runs it shows.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa
import streamlit as st

from gan_core.config.batching import batch_key
from gan_core.config.run_config import ConfigError, RunConfig
from gan_core.runs.records import History
from gan_core.runs.store import StoreError
from gan_core.serving.queue import MOST_OF_A_VIEWER, QueueFull
from pages.components import lab, spread
from pages.components.drawing import RUNS, table
from pages.components.experiment import UNREADABLE
from pages.components.frame import plain
from pages.components.lab import Look
from pages.components.state import State

TICK = 2.0  # seconds between two looks
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
    """What the chart showed at the last look, and of what."""

    asked: tuple[spread.Metric, RunConfig]
    runs: list[_Run]
    table: pa.Table
    domain: tuple[float, float]


def band(state: State) -> None:
    """Draw the band over the seeds of the shown run, from 0, and over those of its reference."""
    seeds = SEEDS if batch_key(state.shown) is None else SEEDS_TOGETHER
    try:
        busy = _busy(state, _looks(state.shown, seeds))
        st.fragment(_band, run_every=TICK if busy else None)(state, seeds, busy)
    except StoreError:
        st.error(UNREADABLE)


def _band(state: State, count: int, was_busy: bool) -> None:
    try:
        _tend(state, count)
        looks, beside = _looks(state.shown, count), _beside(state, count)
        _watch([*looks, *beside])
        busy = _busy(state, looks)
        _controls(state, looks, busy)
        _chart(state, looks, beside)
        _words(looks, beside)
        if busy != was_busy:
            st.rerun()  # the timer begins or ends
    except StoreError:
        st.error(UNREADABLE)


# --- runs ----------------------------------------------------------------------------------------


def _looks(recipe: RunConfig, count: int) -> list[Look | None]:
    return [lab.look(recipe.replace(seed=seed), recorded_first=True) for seed in range(count)]


def _beside(state: State, count: int) -> list[Look | None]:
    """The seeds of the reference, where it is another recipe on the same data."""
    other = state.pinned
    if other is None and (look := state.look_at_reference()) is not None:
        other = look.snapshot.config
    if other is None or other.dataset != state.shown.dataset or (
        other.replace(seed=0).digest() == state.shown.replace(seed=0).digest()
    ):
        return []
    return _looks(other, count)


def _watch(looks: list[Look | None]) -> None:
    for look in looks:
        if look is not None and not look.recorded:
            lab.queue().watch(look.snapshot.digest, lab.viewer())


def _busy(state: State, looks: list[Look | None]) -> bool:
    """Whether a look from now may show something new."""
    wish = _wish(state)
    return any(look is not None and look.live for look in looks) or (
        wish is not None and any(_wanted(wish, looks)))


# --- wishes --------------------------------------------------------------------------------------


def _key(state: State, name: str) -> str:
    return f"{state.page}/band/{name}"


def _wish(state: State) -> Wish | None:
    return st.session_state.get(_key(state, "wish"))


def _wanted(wish: Wish, looks: list[Look | None]) -> list[RunConfig]:
    """What is still to be asked for."""
    missing = [wish.recipe.replace(seed=seed) for seed, look in enumerate(looks)
               if look is None or not (look.live or spread.trained(look.snapshot))]
    return [config for config in missing if config.digest() not in wish.asked]


def _tend(state: State, count: int) -> None:
    """Ask the queue for as many of the wanted seeds as it takes just now."""
    wish = _wish(state)
    if wish is None:
        return
    if wish.recipe != state.shown.replace(seed=0):
        _drop(state)
        return
    looks = _looks(wish.recipe, count)
    wanted = _wanted(wish, looks)
    if batch_key(wish.recipe) is None:
        free = AT_ONCE - sum(look is not None and look.live for look in looks)
        wanted = wanted[:max(free, 0)]
    try:
        if wanted:
            wish.asked.update(lab.queue().submit_together(wanted, lab.viewer()))
        wish.refusal = ""
    except QueueFull as error:
        wish.refusal = f"Waiting for a place. {error}"
    except (ConfigError, StoreError) as error:
        _drop(state)
        refused = isinstance(error, ConfigError)
        st.session_state[_key(state, "refusal")] = str(error) if refused else UNWRITABLE


UNWRITABLE = "The runs cannot be stored: the server's disk may be full."


def _begin(state: State) -> None:
    st.session_state[_key(state, "wish")] = Wish(state.shown.replace(seed=0))
    st.session_state[_key(state, "refusal")] = ""


def _drop(state: State) -> None:
    """Give the wish up; its runs stop, unless the page shows them elsewhere or others watch."""
    wish = st.session_state.pop(_key(state, "wish"), None)
    if wish is None:
        return
    kept = {config.digest() for config in (state.shown, state.pinned) if config is not None}
    for digest in wish.asked - kept:
        lab.queue().stop(digest, lab.viewer())


# --- what is drawn -------------------------------------------------------------------------------


def _controls(state: State, looks: list[Look | None], busy: bool) -> None:
    snapshots = [look.snapshot if look else None for look in looks]
    act, choose, told = st.columns([1.1, 1.4, 2.5], vertical_alignment="bottom")
    with act:
        if _wish(state) is not None and busy:
            st.button("Stop these seeds", icon=":material/stop:", width="stretch",
                      on_click=_drop, args=(state,))
        else:
            st.button(f"Train {len(looks)} seeds", icon=":material/groups:", width="stretch",
                      disabled=all(map(spread.trained, snapshots)), on_click=_begin, args=(state,),
                      help="Trains the recipe of the run shown above under seeds 0 to "
                      f"{len(looks) - 1}; those that are there already are not trained again.")
    with choose:
        st.selectbox("Metric", spread.NAMES, key=_key(state, "metric"),
                     format_func=lambda name: spread.metric(name, state.shown).label)
    with told, st.container(height=50, border=False):
        share, words = spread.progress(snapshots)
        wish = _wish(state)
        refusal = wish.refusal if wish else st.session_state.get(_key(state, "refusal"), "")
        st.progress(share, text=plain(f"{words}. {refusal}" if refusal else words))


def _chart(state: State, looks: list[Look | None], beside: list[Look | None]) -> None:
    config = state.shown
    drawn = spread.metric(st.session_state[_key(state, "metric")], config)
    histories = {
        run: {seed: look.snapshot.history for seed, look in enumerate(found) if look is not None}
        for run, found in zip(RUNS, (looks, beside), strict=True)
    }
    data, domain = _data(state, drawn, histories)
    st.vega_lite_chart(
        data,
        spread.band_spec(f"{drawn.label}, {len(looks)} seeds", _note(drawn), drawn.axis, domain,
                         drawn.log, config.steps),
        height=HEIGHT, key=_key(state, "chart"),
        alt=f"{drawn.label} by step: median, lowest and highest of the seeds, this run and the "
        "reference",
    )


def _data(
    state: State, drawn: spread.Metric, histories: dict[str, dict[int, History]]
) -> tuple[pa.Table, tuple[float, float]]:
    """The chart's table and its domain; those of the last look where nothing has changed since."""
    where, asked = _key(state, "drawn"), (drawn, state.shown)
    runs = [(run, seed, history) for run, found in histories.items()
            for seed, history in found.items()]
    last: _Data | None = st.session_state.get(where)
    if last is None or last.asked != asked or not _same(last.runs, runs):
        frame = spread.band_frame(drawn, state.shown.steps, histories)
        domain = spread.framed(drawn, state.shown, frame)
        last = _Data(asked, runs, table(spread.inside(frame, domain)), domain)
        st.session_state[where] = last
    return last.table, last.domain


def _same(before: list[_Run], now: list[_Run]) -> bool:
    """Whether these are the same histories; comparing their records would take too long."""
    return len(before) == len(now) and all(
        one[:2] == other[:2] and one[2] is other[2]
        for one, other in zip(before, now, strict=True))


def _note(drawn: spread.Metric) -> str:
    return f"thick: median; area: lowest to highest; {drawn.note}"


def _words(looks: list[Look | None], beside: list[Look | None]) -> None:
    lines = [
        spread.numbers(name, [look.snapshot if look else None for look in found])
        for name, found in (("This run", looks), ("Reference", beside))
    ]
    with st.container(height=96, border=False):
        st.markdown("  \n".join(filter(None, lines)) or "No seed has been trained to its end yet.")
