"""Histories as charts, pure: (histories, bounds) -> (data frame, Vega-Lite specification).

Charts are authored in Altair and converted once per specification. While a run is live only the
data frame changes, which lets the browser update a chart in place: domains, titles and sizes stay.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from gan_core.records import EvalRecord, History

POINTS = 300  # a series is thinned to so many points
HEIGHT = 230
THIS, REFERENCE = "this run", "reference"
RUNS = [THIS, REFERENCE]
# Blue and orange keep their difference for colour-blind readers, and 3 : 1 on white and on black.
BLUE, ORANGE, GREY = "#2f86d6", "#d9701e", "#8a8f98"


@dataclass(frozen=True)
class Lines:
    """A chart of per-step metrics: metric -> what a reader sees."""

    title: str
    series: Mapping[str, str]
    axis: str
    domain: tuple[float, float] | None = None
    log: bool = False
    rules: tuple[float, ...] = ()  # dotted reference lines
    note: str = ""  # what they mean, under the title

    def __hash__(self) -> int:
        return hash(self.title)


LOSSES = Lines(
    "Losses",
    {"loss_d": "D", "loss_g": "G"},
    "loss (nats)",
    (0.0, 6.0),
    rules=(2 * math.log(2), math.log(2)),
    note="dotted: at equilibrium D has 2 ln 2 = 1.386, a non-saturating G ln 2 = 0.693",
)
SCORES = Lines(
    "What D thinks: σ(logit)",
    {"score_real": "real", "score_fake": "generated"},
    "mean score, 1 = real",
    (0.0, 1.0),
    rules=(0.5,),
    note="dotted: 0.5, D cannot tell real from generated",
)
GRADIENTS = Lines(
    "Gradient norms",
    {"grad_norm_d": "D", "grad_norm_g": "G"},
    "L2 norm, log scale",
    (1e-5, 1e2),
    log=True,
    note="over all parameters of one network, before the optimiser",
)


def lines_frame(chart: Lines, histories: Mapping[str, History]) -> pd.DataFrame:
    """One row per step, series and run: step, value, series, run."""
    parts = []
    for run, history in histories.items():
        thin = history.thinned(POINTS)
        for metric, label in chart.series.items():
            values = thin.column(metric)
            if chart.domain is not None:  # a clipped line would leave the frame of the chart
                values = values.clip(*chart.domain)
            parts.append(
                pd.DataFrame(
                    {"step": thin.column("step"), "value": values, "series": label, "run": run}
                )
            )
    columns = ["step", "value", "series", "run"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


@functools.lru_cache(maxsize=128)
def lines_spec(chart: Lines, steps: int) -> dict[str, Any]:
    """Colour tells the series, the dash the run; x runs to `steps`."""
    scale = alt.Scale(
        type="log" if chart.log else "linear", domain=list(chart.domain or ()), clamp=True
    )
    axis = alt.Axis(minExtent=34, format="~g", tickCount=5)
    lines = (
        alt.Chart()
        .mark_line(strokeWidth=1.6)
        .encode(
            x=_steps_axis(steps),
            y=alt.Y("value:Q", title=chart.axis, scale=scale, axis=axis),
            color=alt.Color(
                "series:N",
                title=None,
                scale=alt.Scale(domain=list(chart.series.values()), range=[BLUE, ORANGE]),
            ),
            strokeDash=_dash(),
            opacity=_faded(),
            tooltip=["run:N", "series:N", "step:Q", alt.Tooltip("value:Q", format=".4~g")],
        )
    )
    return _spec(alt.layer(lines, *map(_rule, chart.rules)), chart.title, chart.note)


def modes_frame(histories: Mapping[str, History]) -> pd.DataFrame:
    """One row per evaluation: step, modes, run."""
    rows = []
    for run, history in histories.items():
        steps, modes = history.evaluated("modes")
        rows += [(step, mode, run) for step, mode in zip(steps, modes, strict=True)]
    return pd.DataFrame(rows, columns=["step", "modes", "run"])


@functools.lru_cache(maxsize=128)
def modes_spec(total: int, noun: str, steps: int) -> dict[str, Any]:
    axis = alt.Axis(minExtent=34, tickMinStep=1, tickCount=5)
    chart = (
        alt.Chart()
        .mark_line(point=alt.OverlayMarkDef(size=40), strokeWidth=2, interpolate="step-after")
        .encode(
            x=_steps_axis(steps),
            y=alt.Y("modes:Q", title=f"{noun}s present", axis=axis,
                    scale=alt.Scale(domain=[0, total])),
            color=_run_colour(),
            strokeDash=_dash(),
            tooltip=["run:N", "step:Q", "modes:Q"],
        )
    )
    note = "share of at least 1 %" if noun == "digit" else "at least one sample within 3σ"
    return _spec(chart, f"{noun.capitalize()}s present", note)


def histogram_frame(evaluations: Mapping[str, EvalRecord]) -> pd.DataFrame:
    """One row per class and run: mode, share, run."""
    rows = [
        (str(mode), share, run)
        for run, evaluation in evaluations.items()
        for mode, share in enumerate(evaluation.histogram)
    ]
    return pd.DataFrame(rows, columns=["mode", "share", "run"])


@functools.lru_cache(maxsize=32)
def histogram_spec(total: int, noun: str) -> dict[str, Any]:
    order = [str(mode) for mode in range(total)]
    bars = (
        alt.Chart()
        .mark_bar()
        .encode(
            x=alt.X("mode:N", title=noun, sort=order, axis=alt.Axis(labelAngle=0),
                    scale=alt.Scale(domain=order)),
            xOffset=alt.XOffset("run:N", sort=RUNS, scale=alt.Scale(domain=RUNS)),
            y=alt.Y("share:Q", title="share of samples",
                    scale=alt.Scale(type="sqrt", domain=[0, 1]),
                    axis=alt.Axis(format="%", values=[0, 0.01, 0.1, 0.25, 0.5, 1])),
            color=_run_colour(),
            tooltip=["run:N", "mode:N", alt.Tooltip("share:Q", format=".1%")],
        )
    )
    even = f"dotted: {1 / total:.3g} each, as in an even mixture"
    return _spec(alt.layer(bars, _rule(1 / total)), f"Which {noun}s G draws", even)


def points_frame(points: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(points, columns=["x", "y"])


@functools.lru_cache(maxsize=8)
def points_spec(extent: float) -> dict[str, Any]:
    """Generated 2-D points; both axes run from −extent to extent."""
    scale = alt.Scale(domain=[-extent, extent], clamp=True)
    chart = (
        alt.Chart()
        .mark_circle(size=9, color=ORANGE, opacity=0.5)
        .encode(x=alt.X("x:Q", title=None, scale=scale), y=alt.Y("y:Q", title=None, scale=scale))
    )
    return _spec(chart, "")


def _steps_axis(steps: int) -> alt.X:
    return alt.X("step:Q", title="step", scale=alt.Scale(domain=[0, steps], nice=False),
                 axis=alt.Axis(tickCount=5, format=",d"))


def _run_colour() -> alt.Color:
    return alt.Color("run:N", title=None, scale=alt.Scale(domain=RUNS, range=[ORANGE, GREY]))


def _dash() -> alt.StrokeDash:
    return alt.StrokeDash("run:N", title=None,
                          scale=alt.Scale(domain=RUNS, range=[[1, 0], [4, 3]]))


def _faded() -> alt.Opacity:
    return alt.Opacity("run:N", legend=None, scale=alt.Scale(domain=RUNS, range=[1.0, 0.6]))


def _rule(where: float) -> alt.Chart:
    data = alt.Data(values=[{"y": where}])
    return alt.Chart(data).mark_rule(color=GREY, strokeDash=[2, 3]).encode(y="y:Q")


def _spec(chart: Any, title: str, note: str = "") -> dict[str, Any]:
    if title:
        subtitle = {"subtitle": note, "subtitleColor": GREY} if note else {}
        chart = chart.properties(title=alt.TitleParams(title, **subtitle))
    chart = chart.configure_legend(
        orient="top", direction="horizontal", offset=2, padding=0, titlePadding=0, rowPadding=0
    ).configure_title(fontSize=14, subtitleFontSize=11, anchor="start", offset=4)
    spec = chart.to_dict(validate=False)
    spec.pop("$schema", None)
    return spec
