"""What a run made and how it went: samples beside the reference's, and the charts of both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pandas as pd
import pyarrow as pa
import streamlit as st

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.feature_extractor import extractor
from gan_core.runs.history import History
from gan_core.serving.run_words import day
from pages.components import history_charts, modes_chart, samples, server, verdict
from pages.components.actions import submit
from pages.components.chart_style import HEIGHT, REFERENCE, RUNS, THIS, Marks, joined, table
from pages.components.config_text import caption, marks
from pages.components.server import StoredRun
from pages.components.state import State

LOOK_BACK = {
    "step": "Look back: both runs at this step; at the right end, the newest samples",
    "time": "Look back: this run at this step, the reference after as much time of training",
}
Chart = tuple[str, pa.Table, dict[str, Any], str]  # name, data, specification, alternative text


def _slider(state: State) -> str:
    """The key of the slider of steps: every run has its own, which begins at its right end."""
    return f"{state.page}/at/{state.shown.digest()}/{max(state.shown.steps, 1)}"


def step_looked_back_to(state: State) -> int | None:
    """The step that the visitor looks back to; None at the right end."""
    at = st.session_state.get(_slider(state), state.shown.steps)
    return at if at < state.shown.steps else None


# --- samples -------------------------------------------------------------------------------------


def show_samples(state: State, shown: StoredRun | None, reference: StoredRun | None) -> None:
    """Both runs' samples at one step, their histograms, and the difference in words.

    At the right end of the slider a live run shows its newest samples; the reference always shows
    the same step, so that what differs is the settings and not the length of training.
    """
    total, at = max(state.shown.steps, 1), step_looked_back_to(state)
    step = at if at is not None else shown.snapshot.history.last_step if shown else total
    theirs = _reference_step(state, shown, reference, step)
    averaged = st.session_state.get(f"{state.page}/averaged", False)
    left, right, beside = st.columns(3)
    with left:
        _caption("this", "This run", state.shown, shown, step, reference)
        samples.show(shown, step, "this", averaged)
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
    if any(run is not None and run.snapshot.config.ema > 0 for run in (shown, reference)):
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
    state: State, shown: StoredRun | None, reference: StoredRun | None, step: int
) -> int:
    """The reference's step beside `step` of the shown run: the same, or what it reached in the same
    time of training."""
    if not state.challenge.by_time or shown is None or reference is None:
        return step
    reached = reference.snapshot.history.evaluated_within(
        shown.snapshot.history.seconds_at(step))
    return reached.step if reached is not None else step


def _reference_samples(
    state: State, reference: StoredRun | None, step: int, averaged: bool
) -> None:
    if reference is not None or state.pinned is None:
        samples.show(reference, step, "reference", averaged)
    elif st.button("Train the reference", help="It has not been trained on this server."):
        submit(state, state.pinned)
        st.rerun()


def _caption(
    slot: str, title: str, config: RunConfig | None, run: StoredRun | None, step: int,
    other: StoredRun | None,
) -> None:
    """Two lines: which run at which step, and its settings, what sets it apart from the other run
    first."""
    if run is not None:
        config = run.snapshot.config
    at, label = "", ""
    if run is not None and (taken := samples.nearest_sample(run.snapshot, step)) is not None:
        at = f" · step {taken}"
    if run is not None and run.recorded:
        label = f" · :orange-badge[recorded {day(run.snapshot)}]"
    beside = other.snapshot.config if other is not None else None
    words = caption(config, beside) if config is not None else "pin a run to keep it here"
    with st.container(key=f"caption-{slot}"):
        st.markdown(f"**{title}**{at}{label}  \n{words}")


def _histogram(state: State, *runs: tuple[StoredRun | None, int]) -> None:
    card = state.shown.card
    evaluations = {
        name: evaluation
        for name, (run, step) in zip(RUNS, runs, strict=True)
        if run is not None and run.snapshot.config.dataset == state.shown.dataset
        and (evaluation := run.snapshot.history.evaluation_at(step)) is not None
    }
    old = tuple(name for name, evaluation in evaluations.items() if evaluation.version == 1)
    rest = not old or len(old) < len(evaluations)
    st.vega_lite_chart(
        table(history_charts.histogram_frame(evaluations, card.mode_noun)),
        history_charts.histogram_spec(card.modes, card.mode_noun, old, rest),
        height=310, key="chart-histogram",
        alt=f"Share of generated samples per {card.mode_noun}, this run and the reference",
    )


# --- charts --------------------------------------------------------------------------------------


def show_charts(state: State, shown: StoredRun | None, reference: StoredRun | None) -> None:
    """Charts over the shown run's steps, the page's own first; the reference as far as it can be
    compared."""
    steps, config = state.shown.steps, state.shown
    histories = {
        name: run.snapshot.history.until(steps)
        for name, run in ((THIS, shown), (REFERENCE, reference))
        if run is not None and run.snapshot.config.dataset == config.dataset
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


HEIGHTS = {"rotation": modes_chart.HEIGHT}


def _all_charts(config: RunConfig, histories: Mapping[str, History]) -> Iterator[Chart]:
    steps, events = config.steps, marks(config)
    features = extractor(config.dataset, server.settings().data)
    curves = history_charts.curves(config.card, features)
    supported = curves.pop("supported")
    for name, curve in curves.items():
        yield _curve(name, curve, histories, steps, events)
    for name, lines in _lines(config).items():
        yield (name, joined_table(history_charts.lines_frame, lines, histories),
               history_charts.lines_spec(lines, steps, events), lines.described())
    yield _rotation(config, histories.get(THIS, History()))
    # Last, so that nothing moves; older recordings have nothing to draw there.
    evaluations = [record for history in histories.values() for record in history.evaluations]
    if not evaluations or any(supported.metric in record.metrics for record in evaluations):
        yield _curve("supported", supported, histories, steps, events)


def _curve(
    name: str, curve: history_charts.Curve, histories: Mapping[str, History], steps: int,
    events: Marks,
) -> Chart:
    return (name, joined_table(history_charts.curve_frame, curve, histories),
            history_charts.curve_spec(curve, steps, events), curve.described())


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


def _lines(config: RunConfig) -> dict[str, history_charts.Lines]:
    """Those of every run, and those that only this one has."""
    lines = {**history_charts.lines(config.loss, config.discriminator_loss),
             "memory": history_charts.MEMORISATION}
    if config.freeze_generator:
        lines["frozen"] = history_charts.frozen(config.freeze_generator, config.discriminator_steps)
    return lines


def _rotation(config: RunConfig, history: History) -> Chart:
    noun, total = config.card.mode_noun, config.card.modes
    cells = history.derived("rotation", lambda: table(modes_chart.modes_frame(history)))
    return ("rotation", cells,
            modes_chart.modes_spec(total, noun, config.steps, marks(config)),
            f"Which {noun}s G draws, by step, this run")
