"""How both runs went: which charts the viewer draws, and the others, which are drawn anew whenever
the page runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import streamlit as st

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.feature_extractor import extractor
from gan_core.runs.history import History
from pages.components import history_charts, modes_chart, server
from pages.components.chart_style import HEIGHT, REFERENCE, THIS, Marks, joined, table
from pages.components.config_text import marks
from pages.components.draw_chart import draw_chart
from pages.components.history_charts import Curve, Lines
from pages.components.server import StoredRun
from pages.components.state import State

Chart = tuple[str, pa.Table, dict[str, Any], str]  # name, data, specification, alternative text


QUALITY = "frechet"  # the chart beside the clocks


def key_charts(state: State) -> dict[str, Curve | Lines]:
    """The charts that say most of the page's failure, by name: the viewer draws them, live."""
    drawn = _drawn(state.shown)
    return {name: drawn[name] for name in state.challenge.charts if name in drawn}


def evidence_chart(state: State) -> Curve | Lines | None:
    """The chart beside the sheets, on a page that has one there."""
    return _drawn(state.shown).get(evidence_name(state))


def evidence_name(state: State) -> str:
    """The name of that chart, or of what else is there."""
    return QUALITY if state.challenge.evidence == "clocks" else state.challenge.evidence


def show_charts(state: State, shown: StoredRun | None, reference: StoredRun | None) -> None:
    """The other charts over the shown run's steps, the page's own first; the reference as far as it
    can be compared."""
    made = other_charts(state, shown, reference)
    for start in range(0, len(made), 2):
        for column, (name, frame, spec, alt) in zip(
            st.columns(2), made[start : start + 2], strict=False
        ):
            with column:
                draw_chart(frame, spec, height=HEIGHTS.get(name, HEIGHT), alt=alt,
                                   key=f"chart-{name}")


def other_charts(
    state: State, shown: StoredRun | None, reference: StoredRun | None
) -> list[Chart]:
    """What `show_charts` shows, in its order."""
    steps, config = state.shown.steps, state.shown
    if state.challenge.by_time:  # until the longer run's end, whose steps may be many more
        steps = max([steps, *(run.snapshot.config.steps for run in (reference,) if run)])
    histories = {
        name: run.snapshot.history.until(steps)
        for name, run in ((THIS, shown), (REFERENCE, reference))
        if run is not None and run.snapshot.config.dataset == config.dataset
    }
    first = state.challenge.charts
    axis = Axis.of(histories, steps, state.challenge.by_time)
    return sorted(_other_charts(config, histories, {*first, evidence_name(state)}, axis),
                  key=lambda chart: first.index(chart[0]) if chart[0] in first else len(first))


HEIGHTS = {"rotation": modes_chart.HEIGHT}


def _drawn(config: RunConfig) -> dict[str, Curve | Lines]:
    """What is drawn of a run as curves and lines, by name."""
    features = extractor(config.dataset, server.settings().data)
    return {**history_charts.curves(config.card, features), **_lines(config)}


@dataclass(frozen=True)
class Axis:
    """The axis that charts share: steps, or where runs are compared by time, seconds."""

    end: int
    by_time: bool = False

    @staticmethod
    def of(histories: Mapping[str, History], steps: int, by_time: bool) -> Axis:
        """Until step `steps`, or until the longest of the runs has ended."""
        if not by_time:
            return Axis(steps)
        ends = [history.evaluations[-1].seconds for history in histories.values()
                if history.evaluations]
        return Axis(math.ceil(max(ends, default=1.0)), by_time=True)

    @property
    def title(self) -> str:
        return "seconds of training" if self.by_time else "step"

    def placed(self, frame: pd.DataFrame, history: History) -> pd.DataFrame:
        """The frame with its column `step` as places on this axis; between two evaluations a run
        is taken to have gone on evenly."""
        if not self.by_time or not history.evaluations:
            return frame
        steps, seconds = zip(*((record.step, record.seconds) for record in history.evaluations),
                             strict=True)
        return frame.assign(step=np.interp(frame["step"].astype(float), steps, seconds))


def _other_charts(
    config: RunConfig, histories: Mapping[str, History], without: Collection[str], axis: Axis
) -> Iterator[Chart]:
    events = () if axis.by_time else marks(config)
    drawn = {name: chart for name, chart in _drawn(config).items() if name not in without}
    supported = drawn.pop("supported", None)
    for name, chart in drawn.items():
        if isinstance(chart, Curve):
            yield _curve(name, chart, histories, axis, events)
        else:
            if axis.by_time:
                chart = replace(chart, across=axis.title, origin=0)
            yield (name, joined_table(history_charts.lines_frame, chart, histories, axis),
                   history_charts.lines_spec(chart, axis.end, events), chart.described())
    yield _rotation(config, histories.get(THIS, History()))
    # Last, so that nothing moves; older recordings have nothing to draw there.
    evaluations = [record for history in histories.values() for record in history.evaluations]
    if isinstance(supported, Curve) and (
        not evaluations or any(supported.metric in record.metrics for record in evaluations)
    ):
        yield _curve("supported", supported, histories, axis, events)


def _curve(
    name: str, curve: Curve, histories: Mapping[str, History], axis: Axis, events: Marks,
) -> Chart:
    return (name, joined_table(history_charts.curve_frame, curve, histories, axis),
            history_charts.curve_spec(curve, axis.end, events, axis.title), curve.described())


def joined_table(
    frame: Callable[[Any, Mapping[str, History]], pd.DataFrame], chart: Any,
    histories: Mapping[str, History], axis: Axis,
) -> pa.Table:
    """What a chart shows of all runs, of which only those are read again that have grown."""
    def part(run: str, history: History) -> pa.Table:
        return history.derived(
            (chart, run, axis.by_time),
            lambda: table(axis.placed(frame(chart, {run: history}), history)))

    if not histories:
        return table(frame(chart, {}))
    return joined(part(run, history) for run, history in histories.items())


def _lines(config: RunConfig) -> dict[str, Lines]:
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
