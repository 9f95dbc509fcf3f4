"""Bands over runs that differ in their seed, or a little in one setting; pure.

The line is the median, the area reaches from the lowest run to the highest. No Streamlit here.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd

from gan_core.config.choices import LOSSES
from gan_core.config.presets import Challenge
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.headlines import HEADLINES
from gan_core.exploration.courses import WINDOW, Course
from gan_core.export.charts.table import GRADIENTS
from pages.components.chart_style import run_colour, specification, steps_axis, value_axis

ZOOMS = (1 / 8, 1 / 4, 1 / 2)  # of a linear frame, where the values need no more
COLUMNS = ["kind", "run", "member", "step", "value", "low", "high", "runs"]

Courses = Mapping[str, Course]  # by seed, or by the value of a setting, as people read them


@dataclass(frozen=True)
class Metric:
    """What bands are drawn of: which course, and its chart's words and frame."""

    course: str
    label: str
    note: str
    axis: str
    domain: Callable[[RunConfig], tuple[float, float]]
    log: bool = False
    scale: float = 1.0


def _loss_frame(config: RunConfig) -> tuple[float, float]:
    return LOSSES[config.loss].frame


_MEAN = f"mean over {WINDOW} steps"
_LOSS = f"{_MEAN}; not comparable across losses"
METRICS: dict[str, Metric] = {
    "loss_d": Metric("loss_d", "D's loss", _LOSS, "loss", _loss_frame),
    "loss_g": Metric("loss_g", "G's loss", _LOSS, "loss", _loss_frame),
    "gap": Metric("gap", "D's score gap",
                  f"σ(logit), real minus generated; 0: D cannot tell; {_MEAN}", "gap",
                  lambda config: (-1.0, 1.0)),
    "grad_norm_g": Metric("grad_norm_g", "G's gradient norm", f"over all parameters; {_MEAN}",
                          "L2 norm, log scale", lambda config: GRADIENTS.domain, log=True),
}
# What evaluations say of the quality of a kind of data.
DISTANCES: dict[str, Metric] = {
    "image": Metric("distance", "Fréchet distance", "to real images, at each evaluation",
                    "distance, log scale", lambda config: (1.0, 3000.0), log=True),
    "points": Metric("distance", "Distance from an even mixture",
                     "reverse KL divergence, at each evaluation", "KL (nats)",
                     lambda config: (0.0, math.log(config.card.modes))),
}


def _headline(
    name: str, note: str, axis: str, domain: tuple[float, float], log: bool = False
) -> Metric:
    headline = HEADLINES[name]
    label = f"{headline.label[0].upper()}{headline.label[1:]}"
    return Metric(name, label, note, axis, lambda config: domain, log, headline.scale)


# The pages' headlines, but the Fréchet distance, which is a distance.
HEADLINE_METRICS = {
    "modes": _headline("modes", "of those that the data have, at each evaluation", "%",
                       (0.0, 100.0)),
    "swing": _headline("swing", "0: they stand still", "swing", (0.0, 2.0)),
    "gradient_left": _headline("gradient_left", "1: as large as ever", "share, log scale",
                               (1e-7, 1.0), log=True),
    "missed": _headline("missed", "beside its training images, at each evaluation", "points",
                        (-25.0, 100.0)),
    "step_seconds": _headline("step_seconds", "on the machine that trained it", "ms, log scale",
                              (1.0, 10_000.0), log=True),
}
DISTANCE = "distance"


def names(challenge: Challenge) -> list[str]:
    """What a page's bands may be drawn of, its headline first."""
    first = [challenge.headline] if challenge.headline in HEADLINE_METRICS else []
    return [*first, DISTANCE, *METRICS]


def metric(name: str, config: RunConfig) -> Metric:
    """One of `names`, as it is measured on the config's data."""
    if name == DISTANCE:
        return DISTANCES[config.card.kind]
    return HEADLINE_METRICS.get(name) or METRICS[name]


# --- chart ---------------------------------------------------------------------------------------


def band_frame(drawn: Metric, steps: int, courses: Mapping[str, Courses]) -> pd.DataFrame:
    """Medians with extremes over runs, and every run's own line, of `courses[run][member]`, as far
    as `steps`.

    Columns are COLUMNS. `runs` is how many runs a median is of: one that diverged has ended before.
    """
    parts = [part for run, by_member in courses.items()
             for part in _run_parts(drawn, steps, run, by_member)]
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)
    return frame.reindex(columns=COLUMNS)


def framed(drawn: Metric, config: RunConfig, frames: list[pd.DataFrame]) -> tuple[float, float]:
    """The part of the metric's frame that holds all of some bands: few sizes, so that it seldom
    changes."""
    low, high = drawn.domain(config)
    values = pd.concat([frame["value"] for frame in frames]).astype(float)
    if drawn.log:
        return _decades(values[values > 0], low, high)
    sizes = [(low * zoom, high * zoom) for zoom in ZOOMS]
    return next((size for size in sizes if values.between(*size).all()), (low, high))


def _decades(values: pd.Series, low: float, high: float) -> tuple[float, float]:
    """Whole decades that hold the values, none below the metric's frame: there is nothing left."""
    if values.empty:
        return low, high
    bottom = max(low, 10.0 ** math.floor(math.log10(values.min())))
    return bottom, max(10.0 ** math.ceil(math.log10(values.max()) + 1e-9), 10 * bottom)


def inside(frame: pd.DataFrame, domain: tuple[float, float]) -> pd.DataFrame:
    """The frame with what a chart of that domain draws of its values: drawn, from, to."""
    columns = {"drawn": "value", "from": "low", "to": "high"}
    return frame.assign(**{name: frame[of].astype(float).clip(*domain)
                           for name, of in columns.items()})


def _run_parts(drawn: Metric, steps: int, run: str, courses: Courses) -> list[pd.DataFrame]:
    table = pd.DataFrame({
        member: pd.Series(values, index=at, dtype=float) * drawn.scale
        for member, (at, values) in courses.items()})
    table = table[table.index <= steps]
    if table.empty:
        return []
    band = pd.DataFrame({
        "kind": "median", "run": run, "member": "", "step": table.index,
        "value": table.median(axis=1),
        "low": table.min(axis=1), "high": table.max(axis=1), "runs": table.count(axis=1),
    })
    lines = [pd.DataFrame({"kind": "run", "run": run, "member": member, "step": line.index,
                           "value": line})
             for member, line in ((member, table[member].dropna()) for member in table)]
    return [band, *lines]


@functools.lru_cache(maxsize=64)
def band_spec(
    title: str, note: str, axis: str, domain: tuple[float, float], log: bool, steps: int
) -> dict[str, Any]:
    """Median lines in areas from the lowest run to the highest; thin lines are single runs."""
    x = steps_axis(steps)
    y, lowest = (value_axis(axis, domain, log, field) for field in ("drawn", "from"))
    # The areas are pale; their colour in the legend must not be.
    colour = run_colour().legend(symbolOpacity=1)
    median = alt.Chart().transform_filter("datum.kind === 'median'")
    area = median.mark_area(opacity=0.22).encode(x=x, y=lowest, y2="to:Q", color=colour)
    # A run of a few steps is a single point, which neither a line nor an area shows.
    whiskers = median.mark_rule(opacity=0.35).encode(x=x, y=lowest, y2="to:Q", color=colour)
    dots = alt.OverlayMarkDef(size=24)
    middle = median.mark_line(strokeWidth=2.4, point=dots).encode(x=x, y=y, color=colour, tooltip=[
        "run:N", "step:Q", alt.Tooltip("value:Q", title="median", format=".4~g"),
        alt.Tooltip("low:Q", title="lowest", format=".4~g"),
        alt.Tooltip("high:Q", title="highest", format=".4~g"),
        alt.Tooltip("runs:Q", title="runs"),
    ])
    single = alt.Chart().transform_filter("datum.kind === 'run'").mark_line(
        strokeWidth=0.8, opacity=0.6).encode(
            x=x, y=y, color=colour, detail="member:N",
            tooltip=["run:N", alt.Tooltip("member:N", title="with")])
    return specification(alt.layer(area, whiskers, single, middle), title, note)
