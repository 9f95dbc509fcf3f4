"""The numbers behind a chart's lines: of which steps, thinned so that no extreme is lost."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from gan_core.export.charts.table import Curve, Lines
from gan_core.export.sheets import Reel

POINTS = 600  # of a line at most, about


@dataclass(frozen=True)
class Series:
    """One line of a chart: of `run` (0 this one, 1 its reference), what it is called, its colour,
    "" for its run's; `x` and `y` of one length, y with NaN where nothing is known."""

    run: int
    label: str
    colour: str
    x: np.ndarray
    y: np.ndarray
    dots: bool

    @property
    def known(self) -> bool:
        return bool(np.isfinite(self.y).any())


def series_of(chart: Lines | Curve, reels: list[Reel], by_time: bool) -> list[Series]:
    """The lines of a chart of which anything is known: first this run's, then its reference's."""
    found = []
    for run, reel in enumerate(reels):
        if isinstance(chart, Curve):
            named = [(chart.metric, reel.title, "")]
        else:
            named = [(metric, label, colour) for (metric, label), colour
                     in zip(chart.series, chart.colours, strict=False)]
        for metric, label, colour in named:
            x, y, dots = _values(chart, metric, reel)
            x = _seconds(reel, x) if by_time else x - getattr(chart, "origin", 0)
            x, y = thinned(x, y)
            found.append(Series(run, label, colour, x, y, dots))
    return [series for series in found if series.known]


def _values(chart: Lines | Curve, metric: str, reel: Reel) -> tuple[np.ndarray, np.ndarray, bool]:
    """Steps, values, and whether each of them stands by itself, as that of an evaluation does."""
    history = reel.snapshot.history
    if isinstance(chart, Curve) or chart.source == "evaluations":
        steps, values = history.evaluated(metric)
        return steps, _finite(values), True
    steps = np.asarray(history.column("step"), dtype=float)
    values = _finite(history.column(metric))
    if chart.source == "freeze":
        after = steps > chart.origin
        steps, values = steps[after], values[after]
    return steps, values, False


def _finite(values: np.ndarray) -> np.ndarray:
    """As 64-bit numbers, with NaN for what is infinite."""
    values = np.asarray(values, dtype=float)
    return np.where(np.isfinite(values), values, math.nan)


def _seconds(reel: Reel, steps: np.ndarray) -> np.ndarray:
    """Seconds of training until these steps; all NaN where no evaluation tells."""
    evaluations = reel.snapshot.history.evaluations
    if not evaluations:
        return np.full(len(steps), math.nan)
    known, seconds = zip(*((each.step, each.seconds) for each in evaluations), strict=True)
    return np.interp(steps, known, seconds)


def thinned(x: np.ndarray, y: np.ndarray, points: int = POINTS) -> tuple[np.ndarray, np.ndarray]:
    """At most about so many points. Of each stretch of the line the first, the lowest and the
    highest stay, so that a spike of a single step is still there."""
    if len(x) <= points:
        return x, y
    ends = np.linspace(0, len(x), points // 3 + 1).round().astype(int)
    chosen = {len(x) - 1}
    for start, stop in pairwise(ends.tolist()):
        part = y[start:stop]
        chosen.add(start)
        if np.isfinite(part).any():
            chosen |= {start + int(np.nanargmin(part)), start + int(np.nanargmax(part))}
    places = np.array(sorted(chosen))
    return x[places], y[places]


def pieces(x: np.ndarray, y: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """A line without its gaps: each stretch of which all is known."""
    known = np.isfinite(x) & np.isfinite(y)
    cuts = np.flatnonzero(np.diff(known.astype(int))) + 1
    return [(part_x, part_y) for part_x, part_y, part in zip(
        np.split(x, cuts), np.split(y, cuts), np.split(known, cuts), strict=True)
        if len(part) and part[0]]
