"""What a run made and how it went: samples beside the reference's, and the charts of both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pandas as pd
import pyarrow as pa
import streamlit as st

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.feature_extractor import extractor
from gan_core.runs.records import History
from pages.components import charts as drawn
from pages.components import gallery, lab, modes, verdict
from pages.components.actions import submit
from pages.components.drawing import HEIGHT, REFERENCE, RUNS, THIS, joined, table
from pages.components.lab import Look
from pages.components.state import State
from pages.components.words import described, marks

LOOK_BACK = {
    "step": "Look back: both runs at this step; at the right end, the newest samples",
    "time": "Look back: this run at this step, the reference after as much time of training",
}
Chart = tuple[str, pa.Table, dict[str, Any], str]  # name, data, specification, alternative text


def _slider(state: State) -> str:
    """The key of the slider of steps: every run has its own, which begins at its right end."""
    return f"{state.page}/at/{state.shown.digest()}/{max(state.shown.steps, 1)}"


def looked_at(state: State) -> int | None:
    """The step that the visitor looks back to; None at the right end."""
    at = st.session_state.get(_slider(state), state.shown.steps)
    return at if at < state.shown.steps else None


# --- samples -------------------------------------------------------------------------------------


def samples(state: State, shown: Look | None, reference: Look | None) -> None:
    """Both runs' samples at one step, their histograms, and the difference in words.

    At the right end of the slider a live run shows its newest samples; the reference always shows
    the same step, so that what differs is the settings and not the length of training.
    """
    total, at = max(state.shown.steps, 1), looked_at(state)
    step = at if at is not None else shown.snapshot.history.last_step if shown else total
    theirs = _reference_step(state, shown, reference, step)
    averaged = st.session_state.get(f"{state.page}/averaged", False)
    left, right, beside = st.columns(3)
    with left:
        _caption("this", "This run", state.shown, shown, step, reference)
        gallery.show(shown, step, "this", averaged)
    with right:
        _caption("reference", "Reference", state.pinned, reference, theirs, shown)
        _reference_samples(state, reference, theirs, averaged)
    with beside:
        _histogram(state, (shown, step), (reference, theirs))
    st.slider(
        LOOK_BACK["time" if state.challenge.by_time else "step"], 0, total,
        total, key=_slider(state), format="step %d", disabled=shown is None, on_change=_moved,
        args=(state,),
    )
    if any(look is not None and look.snapshot.config.ema > 0 for look in (shown, reference)):
        st.toggle(
            "Samples of the averaged generator", key=f"{state.page}/averaged",
            help="Where a run averages G's weights over time. Verdict and charts tell of G itself.")
    with st.container(key="difference"):
        words = ""
        if shown is not None and reference is not None:
            words = verdict.difference(
                shown.snapshot, reference.snapshot, state.challenge.headline,
                state.challenge.by_time)
        st.markdown(words or "&nbsp;")


def _moved(state: State) -> None:
    state.moved = state.follows


def _reference_step(
    state: State, shown: Look | None, reference: Look | None, step: int
) -> int:
    """The reference's step beside `step` of the shown run: the same, or what it reached in the same
    time of training."""
    if not state.challenge.by_time or shown is None or reference is None:
        return step
    reached = reference.snapshot.history.evaluated_within(
        shown.snapshot.history.seconds_at(step))
    return reached.step if reached is not None else step


def _reference_samples(state: State, reference: Look | None, step: int, averaged: bool) -> None:
    if reference is not None or state.pinned is None:
        gallery.show(reference, step, "reference", averaged)
    elif st.button("Train the reference", help="It has not been trained on this server."):
        submit(state, state.pinned)
        st.rerun()


def _caption(
    slot: str, title: str, config: RunConfig | None, look: Look | None, step: int,
    other: Look | None,
) -> None:
    """Two lines: which run at which step, and its settings, what sets it apart from the other run
    first."""
    if look is not None:
        config = look.snapshot.config
    at, label = "", ""
    if look is not None and (taken := gallery.nearest_sample(look.snapshot, step)) is not None:
        at = f" · step {taken}"
    if look is not None and look.recorded:
        label = f" · :orange-badge[recorded {verdict.day(look.snapshot)}]"
    beside = other.snapshot.config if other is not None else None
    words = described(config, beside) if config is not None else "pin a run to keep it here"
    with st.container(key=f"caption-{slot}"):
        st.markdown(f"**{title}**{at}{label}  \n{words}")


def _histogram(state: State, *looks: tuple[Look | None, int]) -> None:
    card = state.shown.card
    evaluations = {
        run: evaluation
        for run, (look, step) in zip(RUNS, looks, strict=True)
        if look is not None and look.snapshot.config.dataset == state.shown.dataset
        and (evaluation := look.snapshot.history.evaluation_at(step)) is not None
    }
    st.vega_lite_chart(
        table(drawn.histogram_frame(evaluations)),
        drawn.histogram_spec(card.modes, card.mode_noun),
        height=330, key="chart-histogram",
        alt=f"Share of generated samples per {card.mode_noun}, this run and the reference",
    )


# --- charts --------------------------------------------------------------------------------------


def charts(state: State, shown: Look | None, reference: Look | None) -> None:
    """Charts over the shown run's steps, the page's own first; the reference as far as it can be
    compared."""
    steps, config = state.shown.steps, state.shown
    histories = {
        run: look.snapshot.history.until(steps)
        for run, look in ((THIS, shown), (REFERENCE, reference))
        if look is not None and look.snapshot.config.dataset == config.dataset
    }
    first = state.challenge.charts
    made = sorted(_all_charts(config, histories),
                  key=lambda chart: first.index(chart[0]) if chart[0] in first else len(first))
    for start in range(0, len(made), 2):
        for column, (name, frame, spec, alt) in zip(
            st.columns(2), made[start : start + 2], strict=False
        ):
            with column:
                st.vega_lite_chart(frame, spec, height=HEIGHTS.get(name, HEIGHT), alt=alt,
                                   key=f"chart-{name}")


HEIGHTS = {"rotation": modes.HEIGHT}


def _all_charts(config: RunConfig, histories: Mapping[str, History]) -> Iterator[Chart]:
    steps, events = config.steps, marks(config)
    features = extractor(config.dataset, lab.settings().data)
    for name, curve in drawn.curves(config.card, features).items():
        yield (name, joined_table(drawn.curve_frame, curve, histories),
               drawn.curve_spec(curve, steps, events), curve.described())
    for name, lines in _lines(config).items():
        yield (name, joined_table(drawn.lines_frame, lines, histories),
               drawn.lines_spec(lines, steps, events), lines.described())
    yield _rotation(config, histories.get(THIS, History()))


def joined_table(
    frame: Callable[[Any, Mapping[str, History]], pd.DataFrame], chart: Any,
    histories: Mapping[str, History],
) -> pa.Table:
    """What a chart shows of all runs, of which only those are read again that have grown."""
    def part(run: str, history: History) -> pa.Table:
        return history.derived((chart, run), lambda: table(frame(chart, {run: history})))

    if not histories:
        return table(frame(chart, {}))
    return joined(part(run, history) for run, history in histories.items())


def _lines(config: RunConfig) -> dict[str, drawn.Lines]:
    """Those of every run, and those that only this one has."""
    lines = {**drawn.lines(config.loss, config.discriminator_loss), "memory": drawn.JUDGED}
    if config.freeze_generator:
        lines["frozen"] = drawn.frozen(config.freeze_generator, config.discriminator_steps)
    return lines


def _rotation(config: RunConfig, history: History) -> Chart:
    noun, total = config.card.mode_noun, config.card.modes
    cells = history.derived("rotation", lambda: table(modes.modes_frame(history)))
    return ("rotation", cells,
            modes.modes_spec(total, noun, config.steps, marks(config)),
            f"Which {noun}s G draws, by step, this run")
