"""Histories as charts, pure: (histories, bounds) -> (data frame, Vega-Lite specification)."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from gan_core.config.choices import LOSSES, DatasetCard
from gan_core.runs.history import History
from pages.components.chart_style import (
    FIRST,
    GENERATED,
    REAL,
    RUNS,
    SECOND,
    Marks,
    marked,
    rule,
    run_colour,
    run_dash,
    specification,
    steps_axis,
    value_axis,
)

POINTS = 300  # a series is thinned to so many points
EVALUATED = alt.OverlayMarkDef(size=36)  # evaluations are few, and the first has no line yet


@dataclass(frozen=True)
class Lines:
    """A chart of metrics; `series` pairs a metric with what a reader sees.

    `source` says where they come from, one of SOURCES. Steps on the axis are counted from
    `origin`, and `across` is what the axis is called.
    """

    title: str
    note: str
    series: tuple[tuple[str, str], ...]
    axis: str
    domain: tuple[float, float]
    rules: tuple[float, ...] = ()  # dotted reference lines
    log: bool = False
    colours: tuple[str, ...] = (FIRST, SECOND)
    source: str = "steps"
    origin: int = 0
    across: str = "step"

    def described(self) -> str:
        return f"{self.title} by {self.across}, {' and '.join(label for _, label in self.series)}"


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


def lines(loss: str, reduction: str = "sum") -> dict[str, Lines]:
    """Charts of every run by name; the losses' frame and reference lines depend on the loss."""
    card = LOSSES[loss]
    d, g = card.equilibrium
    equilibrium = (d / 2 if reduction == "mean" else d, g)
    words = ", ".join(f"{network} {_written(value)}"
                      for network, value in zip("DG", equilibrium, strict=True))
    losses = Lines(
        f"Losses: {card.label}",
        f"dotted: equilibrium, {words}; not comparable across losses",
        (("loss_d", "D"), ("loss_g", "G")),
        "loss",
        card.frame,
        tuple(dict.fromkeys(equilibrium)),
    )
    return {"losses": losses, "scores": SCORES, "gradients": GRADIENTS, "gauges": GAUGES}


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
    colours=(REAL, GENERATED),
)
GRADIENTS = Lines(
    "Gradient norms",
    "over all parameters of one network, before the optimiser",
    (("grad_norm_d", "D"), ("grad_norm_g", "G")),
    "L2 norm, log scale",
    (1e-5, 1e2),
    log=True,
)

GAUGES = Lines(
    "How hard D's judgement pushes G",
    "mean |∂L_G/∂logit| on one batch under either loss; dotted: 0.5, D cannot tell",
    (("saturation_minimax", "minimax"), ("saturation_non_saturating", "non-saturating")),
    "slope, log scale",
    (1e-5, 1.0),
    (0.5,),
    log=True,
)
MEMORISATION = Lines(
    "What D thinks of reals it knows and of new ones",
    "mean σ(logit) at evaluations; training above new: learned by heart",
    (("score_train", "training reals"), ("score_held_out", "new reals"),
     ("score_generated", "generated")),
    "score, 1 = real",
    (0.0, 1.0),
    (0.5,),
    colours=(REAL, SECOND, GENERATED),
    source="evaluations",
)


def frozen(freeze: int, discriminator_steps: int = 1) -> Lines:
    """The gradient that a G frozen after `freeze` steps would get, while a fresh D learns."""
    updates = "" if discriminator_steps == 1 else f", {discriminator_steps} D updates each"
    return Lines(
        "Gradient norms of the frozen G",
        "on the same D and the same batch, under either form of its loss",
        (("grad_norm_minimax", "minimax"), ("grad_norm_non_saturating", "non-saturating")),
        "L2 norm, log scale",
        (1e-6, 1e2),
        log=True,
        source="freeze",
        origin=freeze,
        across=f"{'steps' if updates else 'D steps'} since the freeze{updates}",
    )


def curves(card: DatasetCard, features: Mapping[str, Any]) -> dict[str, Curve]:
    """What the evaluations of a data set are drawn as, by name; `features` is what `extractor`
    knows of the classifier that measures it, empty where there is none yet."""
    noun, total = card.mode_noun, float(card.modes)
    points = card.kind == "points"
    present = Curve(
        f"{noun.capitalize()}s present", card.mode_rule if points else
        "nearest to at least 1 % of the samples, recognised or not", "modes", f"{noun}s",
        (0.0, total), (total,))
    supported = Curve(
        f"{noun.capitalize()}s supported", "at least 1 % of the samples "
        f"{'lie near it' if points else 'are recognised as it'}", "modes_supported", f"{noun}s",
        (0.0, total), (total,))
    if points:
        good = Curve("High quality", "share of samples within 3σ of a centre; dotted: 98.9 %, a "
                     "perfect sampler", "high_quality", "share", (0.0, 1.0), (0.9889,))
        even = Curve("Distance from an even mixture", "reverse KL divergence, 0 is even",
                     "kl_uniform", "KL (nats)", (0.0, math.log(total)))
        return {"modes": present, "diversity": good, "frechet": even, "supported": supported}
    reals: tuple[float, ...] = ()
    on = "on its own classifier's features"
    if features:
        score = features["frechet_train_held_out"]
        on, reals = f"on {features['id']}; real ones have {score:.1f} (dotted)", (max(score, 1.0),)
    return {
        "modes": present,
        "diversity": Curve(
            "Diversity", "distance between two samples ÷ two real images (dotted: 1)", "diversity",
            "ratio", (0.0, 1.1), (1.0,)),
        "frechet": Curve(
            "Fréchet distance", f"to real {noun}s, {on}", "frechet", "distance, log scale",
            (1.0, 3000.0), reals, log=True),
        "supported": supported,
    }


def lines_frame(chart: Lines, histories: Mapping[str, History]) -> pd.DataFrame:
    """One row per step, series and run: step, value, drawn (value, cut at the frame), series."""
    parts = []
    for run, history in histories.items():
        for metric, label in chart.series:
            steps, values = SOURCES[chart.source](history, metric)
            parts.append(pd.DataFrame({"step": steps, "value": values, "series": label,
                                       "run": run}))
    return _cut(parts, ["step", "value", "series", "run"], chart.domain)


def _by_step(history: History, metric: str) -> tuple[np.ndarray, np.ndarray]:
    thin = history.thinned(POINTS)
    return thin.column("step"), thin.column(metric)


def _since_freeze(history: History, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Without the steps before the freeze, where the metric is NaN; the first one left is 1."""
    steps, values = history.column("step"), history.column(metric)
    known = np.flatnonzero(np.isfinite(values))
    if not len(known):
        return steps[:0], values[:0]
    chosen = known[np.unique(np.linspace(0, len(known) - 1, POINTS).round().astype(int))]
    return steps[chosen] - steps[known[0]] + 1, values[chosen]


SOURCES = {"steps": _by_step, "evaluations": History.evaluated, "freeze": _since_freeze}


def curve_frame(chart: Curve, histories: Mapping[str, History]) -> pd.DataFrame:
    """One row per evaluation and run: step, value, drawn, run."""
    parts = []
    for run, history in histories.items():
        steps, values = history.evaluated(chart.metric)
        parts.append(pd.DataFrame({"step": steps, "value": values, "run": run}))
    return _cut(parts, ["step", "value", "run"], chart.domain)


def _cut(
    parts: list[pd.DataFrame], columns: list[str], domain: tuple[float, float]
) -> pd.DataFrame:
    """One frame whose `drawn` stays inside the chart; `value` is what the tooltip says."""
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    return frame.assign(drawn=frame["value"].astype(float).clip(*domain))


@functools.lru_cache(maxsize=128)
def lines_spec(chart: Lines, steps: int, marks: Marks = ()) -> dict[str, Any]:
    """Colour means the series, the dash the run; x runs to step `steps` of the run."""
    labels, steps = [label for _, label in chart.series], steps - chart.origin
    drawn = (
        alt.Chart()
        .mark_line(strokeWidth=1.6, point=chart.source == "evaluations" and EVALUATED)
        .encode(
            x=steps_axis(steps, chart.across),
            y=value_axis(chart.axis, chart.domain, chart.log),
            color=alt.Color("series:N", title=None,
                            scale=alt.Scale(domain=labels, range=list(chart.colours))),
            strokeDash=run_dash(),
            opacity=alt.Opacity("run:N", legend=None,
                                scale=alt.Scale(domain=RUNS, range=[1.0, 0.55])),
            tooltip=["run:N", "series:N", "step:Q", alt.Tooltip("value:Q", format=".4~g")],
        )
    )
    shifted = tuple((step - chart.origin, label) for step, label in marks)
    layers = (drawn, *map(rule, chart.rules), *marked(shifted, steps))
    return specification(alt.layer(*layers), chart.title, chart.note)


@functools.lru_cache(maxsize=128)
def curve_spec(
    chart: Curve, steps: int, marks: Marks = (), across: str = "step"
) -> dict[str, Any]:
    """One line a run; x runs to `steps`, and is called `across`."""
    drawn = (
        alt.Chart()
        .mark_line(point=EVALUATED, strokeWidth=2)
        .encode(
            x=steps_axis(steps, across),
            y=value_axis(chart.axis, chart.domain, chart.log),
            color=run_colour(),
            strokeDash=run_dash(),
            tooltip=["run:N", "step:Q", alt.Tooltip("value:Q", format=".4~g")],
        )
    )
    layers = (drawn, *map(rule, chart.rules), *marked(marks, steps))
    return specification(alt.layer(*layers), chart.title, chart.note)


def histogram_words(
    total: int, noun: str, old: Sequence[str] = (), some_new: bool = True
) -> tuple[str, str]:
    """Title and note of the histogram. `old` are the runs whose evaluations know only to which mode
    each sample is nearest, `some_new` whether there are others."""
    if old and not some_new:
        return f"Nearest {noun} of each sample", _even(total)
    title = "Samples near each mode" if noun == "mode" else f"Which {noun}s G draws"
    if old:
        return title, f"{old[0]}: nearest {noun} (older recording)"
    return title, _even(total)


def _even(total: int) -> str:
    return f"dotted: {100 / total:.3g} % each, an even mixture"
