"""What several runs are compared by: curves over one axis, thinned, as browsers draw them; pure.

Runs that differ in their seed alone are one group: their mean, and a band from the lowest to the
highest. A mean is taken where all of them are known, at common places of the axis.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gan_core.diagnosis.shares import counted_modes
from gan_core.runs.history import History
from gan_core.runs.records import STEP_METRICS
from gan_core.runs.snapshots import RunSnapshot

MOST_POINTS = 600  # of a curve, and as many again of the part that is zoomed into
SIGNIFICANT = 4  # digits of a value that is sent
# Apart from each other for colour-blind readers as far as eight can be, 3 : 1 on white and on
# near-black, and none the green or red of verdicts. Each has a dash of its own as well.
COLOURS = ("#2f86d6", "#d9701e", "#9a5fc4", "#1496ad", "#c2528b", "#a07a1f", "#7a7f88", "#5b6fd6")
DASHES = ("", "7 3", "2 3", "9 3 2 3", "", "7 3", "2 3", "9 3 2 3")

Points = tuple[np.ndarray, np.ndarray]  # places on the axis, and the values there, both (n,)
Zoom = tuple[float, float]  # a part of the axis, from and to


@dataclass(frozen=True)
class Chart:
    """One chart: `of` is a metric of steps or of evaluations; `domain` is fixed, or where it is
    None as wide as what is shown."""

    title: str
    note: str
    axis: str
    of: str
    log: bool = False
    domain: tuple[float, float] | None = None


CHARTS: dict[str, Chart] = {
    "loss_d": Chart("D's loss", "not comparable between different losses", "loss", "loss_d"),
    "loss_g": Chart("G's loss", "not comparable between different losses", "loss", "loss_g"),
    "gradient": Chart("G's gradient", "norm over all parameters, before the optimiser",
                      "L2 norm, log scale", "grad_norm_g", log=True),
    "frechet": Chart("Fréchet distance", "of images, at each evaluation: lower is better",
                     "distance, log scale", "frechet", log=True),
    "modes": Chart("Modes", "recognised digits, or modes of the plane, as the table counts them",
                   "modes", "modes"),
    "high_quality": Chart("High quality", "of points: share of samples within 3σ of a mode",
                          "share", "high_quality", domain=(0.0, 1.0)),
    "diversity": Chart("Diversity", "of images: distance between two samples; 1: that of the data",
                       "ratio", "diversity"),
    "real": Chart("D's score of real examples", "σ(logit), mean over the batch; 1 is real",
                  "score", "score_real", domain=(0.0, 1.0)),
    "fake": Chart("D's score of generated ones", "σ(logit), mean over the batch; 1 is real",
                  "score", "score_fake", domain=(0.0, 1.0)),
    "gradient_d": Chart("D's gradient", "norm over all parameters, before the optimiser",
                        "L2 norm, log scale", "grad_norm_d", log=True),
}
FIRST_CHARTS = ("loss_d", "loss_g", "gradient", "frechet", "modes", "high_quality")


# --- one run's curve ------------------------------------------------------------------------------


def points(run: RunSnapshot, chart: Chart, by_time: bool) -> Points:
    """A run's curve by step, or by seconds of training; without what is not finite."""
    history = run.history
    if chart.of in STEP_METRICS:
        steps, values = history.column("step"), history.column(chart.of)
    elif chart.of == "modes":  # the count of the table: older recordings know the nearest alone
        steps, values = np.array([(each.step, counted_modes(each.metrics)[0])
                                  for each in history.evaluations], float).reshape(-1, 2).T
    else:
        steps, values = history.evaluated(chart.of)
    known = np.isfinite(values) & ((values > 0) if chart.log else True)
    steps, values = np.asarray(steps, float)[known], np.asarray(values, float)[known]
    places = seconds_of(history, steps) if by_time else steps
    return places[there := np.isfinite(places)], values[there]


def seconds_of(history: History, steps: np.ndarray) -> np.ndarray:
    """Seconds of training at these steps, between evaluations by proportion."""
    if not history.evaluations:
        return np.full(steps.shape, math.nan)
    at, seconds = zip(*((e.step, e.seconds) for e in history.evaluations), strict=True)
    return np.interp(steps, at, seconds)


def kept(places: np.ndarray, values: np.ndarray, zoom: Zoom | None = None) -> np.ndarray:
    """Which points of a curve are drawn, about MOST_POINTS: of each stretch of it the first, the
    lowest and the highest, so that a spike of a single step is still there. Of the part that is
    zoomed into as many again, with the points to both sides of it."""
    whole = _extremes(values)
    if zoom is None or len(whole) == len(values):
        return whole
    start = max(0, int(np.searchsorted(places, zoom[0])) - 1)
    end = int(np.searchsorted(places, zoom[1], side="right")) + 1
    return np.union1d(whole, start + _extremes(values[start:end]))


def _extremes(values: np.ndarray) -> np.ndarray:
    count = len(values)
    if count <= MOST_POINTS:
        return np.arange(count)
    size = math.ceil(count / (MOST_POINTS // 3))
    starts = np.arange(0, count, size)
    stretches = np.pad(values, (0, len(starts) * size - count), mode="edge").reshape(-1, size)
    chosen = [starts, starts + stretches.argmin(axis=1), starts + stretches.argmax(axis=1),
              np.array([count - 1])]
    return np.unique(np.minimum(np.concatenate(chosen), count - 1))


# --- several runs --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """What one colour stands for: a run, or several that differ in their seed alone. `label` is
    what they are called without their seeds, of which `words` tell."""

    label: str
    runs: Sequence[RunSnapshot]

    @property
    def seeds(self) -> int:
        return len(self.runs)

    def words(self, known: int | None = None) -> str:
        """What the line is called where so many of its seeds are known, None for all."""
        if self.seeds == 1:
            return self.label
        some = f"{known} of " if known is not None and known < self.seeds else ""
        return f"{self.label}, {some}{self.seeds} seeds".removeprefix(", ")


def band(
    curves: Sequence[Points], zoom: Zoom | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Places, and there the mean, the lowest and the highest of several curves, each of shape (n,),
    as far as all of them reach."""
    curves = [curve for curve in curves if len(curve[0])]
    if not curves:
        return (np.empty(0),) * 4
    start, end = max(c[0][0] for c in curves), min(c[0][-1] for c in curves)
    # Where any of them has an extreme: a spike of one seed lies between the points of another.
    places = np.unique(np.concatenate([at[kept(at, values, zoom)] for at, values in curves]))
    places = places[(places >= start) & (places <= end)]
    values = np.stack([np.interp(places, *curve) for curve in curves])
    mean, low, high = values.mean(axis=0), values.min(axis=0), values.max(axis=0)
    if len(places):
        chosen = np.union1d(kept(places, low, zoom), kept(places, high, zoom))
        places, mean, low, high = (each[chosen] for each in (places, mean, low, high))
    return places, mean, low, high


def drawn(
    name: str, lines: Iterable[Line], by_time: bool, zoom: Zoom | None = None
) -> dict[str, Any]:
    """A chart as the browser draws it: for each line places and values, and for several seeds the
    lowest and highest value of each place. Lines without values are empty. A line some of whose
    seeds are not in this chart has a label of its own. `thinned`: a part of it has more points."""
    chart, longest = CHARTS[name], 0
    told: list[dict[str, Any]] = []
    for line in lines:
        curves = [points(run, chart, by_time) for run in line.runs]
        known = [curve for curve in curves if len(curve[0])]
        longest = max(longest, *(len(at) for at, _ in curves))
        if line.seeds == 1:
            ((at, values),) = curves
            chosen = kept(at, values, zoom)
            told.append({"at": _plain(at[chosen]), "value": _plain(values[chosen])})
        else:
            places, mean, low, high = band(known, zoom)
            told.append({"at": _plain(places), "value": _plain(mean), "low": _plain(low),
                         "high": _plain(high)})
            if 0 < len(known) < line.seeds:
                told[-1]["label"] = line.words(len(known))
    return {
        "name": name, "title": chart.title, "note": chart.note, "axis": chart.axis,
        "log": chart.log, "domain": chart.domain, "lines": told,
        "dots": chart.of not in STEP_METRICS, "thinned": longest > MOST_POINTS,
    }


def _plain(values: np.ndarray) -> list[float]:
    return [float(f"{value:.{SIGNIFICANT}g}") if abs(value) < 1000 else round(float(value), 1)
            for value in values]
