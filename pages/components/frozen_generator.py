"""The frozen generator's gradients: recorded runs side by side, and what they lost in numbers."""

from __future__ import annotations

import functools
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import pyarrow as pa
import streamlit as st

from gan_core.config.presets import RECORDED
from gan_core.config.run_config import RunConfig
from gan_core.config.value_words import ratio_text
from gan_core.export.charts import table as chart_table
from gan_core.export.charts.table import Lines
from gan_core.runs.history import History
from pages.components import server
from pages.components.chart_style import (
    HEIGHT,
    rule,
    specification,
    steps_axis,
    table,
    value_axis,
)
from pages.components.draw_chart import draw_chart

SHOWN = ("frozen", "frozen-fast")  # of the recorded runs
LOSSES = {"minimax": "minimax", "non_saturating": "non-saturating"}
POINTS = 300  # of a line
WINDOW = 10  # D steps over which a norm is the median


def frozen() -> None:
    """Both recorded runs, one beside the other."""
    for column, name in zip(st.columns(len(SHOWN)), SHOWN, strict=True):
        snapshot = server.recorded().snapshot(RECORDED[name].digest())
        with column:
            if snapshot is None:
                st.caption("This recorded run is missing.")
            else:
                _draw(name, snapshot.config, snapshot.history)


def draw_first() -> None:
    """Make both charts, which are kept for all visitors."""
    for name in SHOWN:
        if (snapshot := server.recorded().snapshot(RECORDED[name].digest())) is not None:
            _chart(snapshot.config, snapshot.history)


def _chart(config: RunConfig, history: History) -> tuple[pa.Table, dict[str, Any], str]:
    """The data of both norms, the specification and the words of their chart."""
    chart = chart_table.frozen(config.freeze_generator, config.discriminator_steps)
    data = history.derived(chart, lambda: table(norms_frame(chart, history)))
    return data, norms_spec(chart, history.last_step - chart.origin), chart.described()


def norms_frame(chart: Lines, history: History) -> pd.DataFrame:
    """One row per step and loss: step, counted from the freeze on, value, drawn (value, cut at the
    frame), series."""
    steps, parts = history.column("step"), []
    for metric, label in chart.series:
        values = history.column(metric)
        known = np.flatnonzero(np.isfinite(values))  # before the freeze it is NaN
        places = np.linspace(0, len(known) - 1, POINTS).round().astype(int)
        chosen = known[np.unique(places)] if len(known) else known
        first = steps[known[0]] - 1 if len(known) else 0
        parts.append(pd.DataFrame({"step": steps[chosen] - first, "value": values[chosen],
                                   "series": label}))
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(drawn=frame["value"].astype(float).clip(*chart.domain))


@functools.lru_cache(maxsize=16)
def norms_spec(chart: Lines, steps: int) -> dict[str, Any]:
    """One line a loss; x runs to `steps` after the freeze."""
    labels = [label for _, label in chart.series]
    drawn = alt.Chart().mark_line(strokeWidth=1.6).encode(
        x=steps_axis(steps, chart.across),
        y=value_axis(chart.axis, chart.domain, chart.log),
        color=alt.Color("series:N", title=None,
                        scale=alt.Scale(domain=labels, range=list(chart.colours))),
        tooltip=["series:N", "step:Q", alt.Tooltip("value:Q", format=".4~g")])
    return specification(alt.layer(drawn, *map(rule, chart.rules)), chart.title, chart.note)


def _draw(name: str, config: RunConfig, history: History) -> None:
    now = config.at(history.last_step)
    st.markdown(f"**Fresh D at {now.discriminator_learning_rate:g}** ({_rates(now)})")
    data, spec, words = _chart(config, history)
    draw_chart(data, spec, height=HEIGHT, key=f"chart-{name}-norms",
                       alt=f"{words}, {_rates(now)}")
    st.markdown("; ".join(_fall(history, loss) for loss in LOSSES) + ".")


def _rates(config: RunConfig) -> str:
    words = ratio_text(config.learning_rate_ratio)
    return "G's rate" if words == "equal" else words


def _fall(history: History, loss: str) -> str:
    """First and last norm, and the factor between them."""
    norms = history.column(f"grad_norm_{loss}")
    norms = norms[np.isfinite(norms)]
    first, last = float(norms[0]), float(np.median(norms[-WINDOW:]))
    factor = first / last if last < first else last / first
    way = "smaller" if last < first else "larger"
    times = f"{float(f'{factor:.2g}'):,.0f}".replace(",", " ")
    return f"{LOSSES[loss]}: {first:.2g} → {last:.2g}, **{times} times {way}**"
