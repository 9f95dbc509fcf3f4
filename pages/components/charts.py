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

from gan_core.catalogue import LOSSES, DatasetCard
from gan_core.records import EvalRecord, History

POINTS = 300  # a series is thinned to so many points
HEIGHT = 230
PLANE = 285  # pixels of the square in which 2-D points are drawn
SCATTERED = 1500  # points drawn of a sample: more would hide each other
THIS, REFERENCE = "this run", "reference"
RUNS = [THIS, REFERENCE]
# Apart for colour-blind readers too, and 3 : 1 or more on white and on near-black.
BLUE, ORANGE, GREEN, GREY = "#2f86d6", "#d9701e", "#2a9d72", "#8a8f98"
NOTE = "#74797f"  # text: more than 4.3 : 1 on both


@dataclass(frozen=True)
class Lines:
    """A chart of per-step metrics; `series` pairs a metric with what a reader sees."""

    title: str
    note: str
    series: tuple[tuple[str, str], ...]
    axis: str
    domain: tuple[float, float]
    rules: tuple[float, ...] = ()  # dotted reference lines
    log: bool = False

    def described(self) -> str:
        return f"{self.title} by step, {' and '.join(label for _, label in self.series)}"


@dataclass(frozen=True)
class Curve:
    """A chart of one metric of the evaluations."""

    title: str
    note: str
    metric: str
    axis: str
    domain: tuple[float, float]
    rules: tuple[float, ...] = ()
    log: bool = False

    def described(self) -> str:
        return f"{self.title} by step, this run and the reference"


def lines(loss: str, reduction: str = "sum") -> tuple[Lines, ...]:
    """Losses, scores and gradients; the losses' frame and reference lines depend on the loss."""
    card = LOSSES[loss]
    d, g = card.equilibrium
    equilibrium = (d / 2 if reduction == "mean" else d, g)
    words = ", ".join(f"{network} {_written(value)}"
                      for network, value in zip("DG", equilibrium, strict=True))
    losses = Lines(
        f"Losses ({card.label[0].lower()}{card.label[1:]})",
        f"dotted: equilibrium, {words}; not comparable across losses",
        (("loss_d", "D"), ("loss_g", "G")),
        "loss",
        card.frame,
        tuple(dict.fromkeys(equilibrium)),
    )
    return losses, SCORES, GRADIENTS


def _written(value: float) -> str:
    """A loss at equilibrium as people write it."""
    one = math.log(2)
    return {2 * one: "2 ln 2", one: "ln 2", -one: "−ln 2"}.get(value, f"{value:g}")


SCORES = Lines(
    "What D thinks: σ(logit)",
    "mean over the batch; dotted: 0.5, D cannot tell real from generated",
    (("score_real", "real"), ("score_fake", "generated")),
    "score, 1 = real",
    (0.0, 1.0),
    (0.5,),
)
GRADIENTS = Lines(
    "Gradient norms",
    "over all parameters of one network, before the optimiser",
    (("grad_norm_d", "D"), ("grad_norm_g", "G")),
    "L2 norm, log scale",
    (1e-5, 1e2),
    log=True,
)


def curves(card: DatasetCard, features: Mapping[str, Any]) -> tuple[Curve, ...]:
    """What the evaluations of a data set are drawn as; `features` is what `extractor` tells of the
    classifier that measures it, empty where that is not known yet."""
    noun, total = card.mode_noun, float(card.modes)
    present = Curve(f"{noun.capitalize()}s present", card.mode_rule, "modes", f"{noun}s",
                    (0.0, total), (total,))
    if card.kind == "points":
        good = Curve("High quality", "share of samples within 3σ of a centre; dotted: 98.9 %, a "
                     "perfect sampler", "high_quality", "share", (0.0, 1.0), (0.9889,))
        even = Curve("Distance from an even mixture", "reverse KL divergence, 0 is even",
                     "kl_uniform", "KL (nats)", (0.0, math.log(total)))
        return present, good, even
    on, reals = "on its own classifier's features", ()
    if features:
        score = features["frechet_train_held_out"]
        on, reals = f"on {features['id']}; real ones have {score:.1f} (dotted)", (max(score, 1.0),)
    return (
        present,
        Curve("Diversity", "distance between two samples ÷ two real images (dotted: 1)",
              "diversity", "ratio", (0.0, 1.1), (1.0,)),
        Curve("Fréchet distance", f"to real {noun}s, {on}", "frechet", "distance, log scale",
              (1.0, 3000.0), reals, log=True),
    )


def lines_frame(chart: Lines, histories: Mapping[str, History]) -> pd.DataFrame:
    """One row per step, series and run: step, value, drawn (value, cut at the frame), series."""
    parts = [
        pd.DataFrame({"step": thin.column("step"), "value": thin.column(metric),
                      "series": label, "run": run})
        for run, history in histories.items()
        for thin in [history.thinned(POINTS)]
        for metric, label in chart.series
    ]
    return _cut(parts, ["step", "value", "series", "run"], chart.domain)


def curve_frame(chart: Curve, histories: Mapping[str, History]) -> pd.DataFrame:
    """One row per evaluation and run: step, value, drawn, run."""
    parts = []
    for run, history in histories.items():
        steps, values = history.evaluated(chart.metric)
        parts.append(pd.DataFrame({"step": steps, "value": values, "run": run}))
    return _cut(parts, ["step", "value", "run"], chart.domain)


def _cut(parts: list[pd.DataFrame], columns: list[str], domain: tuple[float, float]):
    """One frame whose `drawn` stays inside the chart; `value` is what the tooltip tells."""
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    return frame.assign(drawn=frame["value"].astype(float).clip(*domain))


@functools.lru_cache(maxsize=128)
def lines_spec(chart: Lines, steps: int) -> dict[str, Any]:
    """Colour tells the series, the dash the run; x runs to `steps`."""
    labels = [label for _, label in chart.series]
    marks = (
        alt.Chart()
        .mark_line(strokeWidth=1.6)
        .encode(
            x=_steps_axis(steps),
            y=_value_axis(chart),
            color=alt.Color("series:N", title=None,
                            scale=alt.Scale(domain=labels, range=[BLUE, ORANGE])),
            strokeDash=_dash(),
            opacity=alt.Opacity("run:N", legend=None,
                                scale=alt.Scale(domain=RUNS, range=[1.0, 0.55])),
            tooltip=["run:N", "series:N", "step:Q", alt.Tooltip("value:Q", format=".4~g")],
        )
    )
    return specification(alt.layer(marks, *map(_rule, chart.rules)), chart.title, chart.note)


@functools.lru_cache(maxsize=128)
def curve_spec(chart: Curve, steps: int) -> dict[str, Any]:
    """One line a run; x runs to `steps`."""
    marks = (
        alt.Chart()
        .mark_line(point=alt.OverlayMarkDef(size=36), strokeWidth=2)
        .encode(
            x=_steps_axis(steps),
            y=_value_axis(chart),
            color=_run_colour(),
            strokeDash=_dash(),
            tooltip=["run:N", "step:Q", alt.Tooltip("value:Q", format=".4~g")],
        )
    )
    return specification(alt.layer(marks, *map(_rule, chart.rules)), chart.title, chart.note)


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
    axis = alt.Axis(format="%", values=[0, 0.01, 0.1, 0.25, 0.5, 1], labelOverlap=False)
    bars = (
        alt.Chart()
        .mark_bar()
        .encode(
            x=alt.X("mode:N", title=noun, sort=order, axis=alt.Axis(labelAngle=0),
                    scale=alt.Scale(domain=order)),
            xOffset=alt.XOffset("run:N", sort=RUNS, scale=alt.Scale(domain=RUNS)),
            y=alt.Y("share:Q", title="share of samples, √ scale", axis=axis,
                    scale=alt.Scale(type="sqrt", domain=[0, 1])),
            color=_run_colour(),
            tooltip=["run:N", "mode:N", alt.Tooltip("share:Q", format=".1%")],
        )
    )
    title = f"Nearest {noun} of each sample" if noun == "mode" else f"Which {noun}s G draws"
    note = f"dotted: {100 / total:.3g} % each, an even mixture"
    return specification(alt.layer(bars, _rule(1 / total)), title, note)


def points_frame(points: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(points[:SCATTERED], columns=["x", "y"])


@functools.lru_cache(maxsize=8)
def points_spec(extent: float) -> dict[str, Any]:
    """Generated 2-D points; both axes run from −extent to extent, points outside are cut off."""
    scale = alt.Scale(domain=[-extent, extent])
    chart = (
        alt.Chart()
        .mark_circle(size=9, color=ORANGE, opacity=0.5, clip=True)
        .encode(x=alt.X("x:Q", title=None, scale=scale), y=alt.Y("y:Q", title=None, scale=scale))
    )
    return specification(chart)


def _steps_axis(steps: int) -> alt.X:
    return alt.X("step:Q", title="step", scale=alt.Scale(domain=[0, steps], nice=False),
                 axis=alt.Axis(tickCount=5, format=",d"))


def _value_axis(chart: Lines | Curve) -> alt.Y:
    scale = alt.Scale(type="log" if chart.log else "linear", domain=list(chart.domain), nice=False)
    axis = alt.Axis(minExtent=38, format="~g", tickCount=5)
    return alt.Y("drawn:Q", title=chart.axis, scale=scale, axis=axis)


def _run_colour() -> alt.Color:
    return alt.Color("run:N", title=None, scale=alt.Scale(domain=RUNS, range=[GREEN, GREY]))


def _dash() -> alt.StrokeDash:
    return alt.StrokeDash("run:N", title=None,
                          scale=alt.Scale(domain=RUNS, range=[[1, 0], [4, 3]]))


def _rule(where: float) -> alt.Chart:
    data = alt.Data(values=[{"y": where}])
    return alt.Chart(data).mark_rule(color=GREY, strokeDash=[2, 3]).encode(y="y:Q")


def specification(chart: Any, title: str = "", note: str = "") -> dict[str, Any]:
    """A chart as a Vega-Lite specification without data, in the style that all charts share."""
    if title:
        chart = chart.properties(title=alt.TitleParams(title, subtitle=note))
    chart = chart.configure_legend(
        orient="top", direction="horizontal", offset=2, padding=0, titlePadding=0, rowPadding=0
    ).configure_title(
        fontSize=14, subtitleFontSize=12, subtitleColor=NOTE, anchor="start", offset=4
    )
    spec = chart.to_dict(validate=False)
    spec.pop("$schema", None)
    return spec
