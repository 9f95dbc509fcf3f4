"""One recipe under several seeds: the band of a metric, its chart, and its numbers in words; pure.

One run of a GAN proves little: its seed may have been lucky. No Streamlit here.
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from gan_core.config.choices import LOSSES
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.shares import counted_modes
from gan_core.diagnosis.verdict import verdict
from gan_core.runs.history import History
from gan_core.runs.store import RunSnapshot
from pages.components.chart_style import run_colour, specification, steps_axis, value_axis
from pages.components.history_charts import GRADIENTS

WINDOW = 25  # steps over which a metric of single steps is averaged
POINTS = 150  # steps at which bands are drawn
ZOOMS = (1 / 8, 1 / 4, 1 / 2)  # of a linear frame, where the values need no more
COLUMNS = ["kind", "run", "seed", "step", "value", "low", "high", "runs"]

Curve = tuple[np.ndarray, np.ndarray]  # steps and values, both shape (n,)


@dataclass(frozen=True)
class Metric:
    """What a band is drawn of. `values` reads it off a history; both axes' names and frame."""

    label: str
    note: str
    axis: str
    values: Callable[[History], Curve]
    domain: Callable[[RunConfig], tuple[float, float]]
    log: bool = False


def _per_step(value: Callable[[History], np.ndarray]) -> Callable[[History], Curve]:
    """The mean of the last WINDOW steps, from step WINDOW on."""

    def values(history: History) -> Curve:
        raw, steps = value(history), history.column("step")
        if len(raw) < WINDOW:
            return np.empty(0), np.empty(0)
        return steps[WINDOW - 1:], np.convolve(raw, np.full(WINDOW, 1 / WINDOW), "valid")

    return values


def _loss_frame(config: RunConfig) -> tuple[float, float]:
    return LOSSES[config.loss].frame


_MEAN = f"mean over {WINDOW} steps"
_LOSS = f"{_MEAN}; not comparable across losses"
METRICS: dict[str, Metric] = {
    "loss_d": Metric("D's loss", _LOSS, "loss",
                     _per_step(lambda history: history.column("loss_d")), _loss_frame),
    "loss_g": Metric("G's loss", _LOSS, "loss",
                     _per_step(lambda history: history.column("loss_g")), _loss_frame),
    "gap": Metric(
        "D's score gap", f"σ(logit), real minus generated; 0: D cannot tell; {_MEAN}", "gap",
        _per_step(lambda history: history.column("score_real") - history.column("score_fake")),
        lambda config: (-1.0, 1.0)),
    "grad_norm_g": Metric("G's gradient norm", f"over all parameters; {_MEAN}",
                          "L2 norm, log scale",
                          _per_step(lambda history: history.column("grad_norm_g")),
                          lambda config: GRADIENTS.domain, log=True),
}
# What evaluations say of the quality of a kind of data.
QUALITY: dict[str, Metric] = {
    "image": Metric("Fréchet distance", "to real images, at each evaluation", "distance, log scale",
                    lambda history: history.evaluated("frechet"), lambda config: (1.0, 3000.0),
                    log=True),
    "points": Metric("Distance from an even mixture", "reverse KL divergence, at each evaluation",
                     "KL (nats)", lambda history: history.evaluated("kl_uniform"),
                     lambda config: (0.0, math.log(config.card.modes))),
}
NAMES = (*METRICS, "quality")


def metric(name: str, config: RunConfig) -> Metric:
    """One of NAMES, as it is measured on the config's data."""
    return METRICS[name] if name in METRICS else QUALITY[config.card.kind]


# --- chart ---------------------------------------------------------------------------------------


def band_frame(
    drawn: Metric, steps: int, histories: Mapping[str, Mapping[int, History]]
) -> pd.DataFrame:
    """Medians with extremes over seeds, and every seed's own line, of `histories[run][seed]`.

    Columns are COLUMNS. `runs` is how many seeds a median is of: one that diverged, or is still in
    training, has ended before.
    """
    parts = [part for run, by_seed in histories.items()
             for part in _run_parts(drawn, steps, run, by_seed)]
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)
    return frame.reindex(columns=COLUMNS)


def framed(drawn: Metric, config: RunConfig, frame: pd.DataFrame) -> tuple[float, float]:
    """The part of the metric's frame that holds all of a band: few sizes, so it seldom changes."""
    low, high = drawn.domain(config)
    values = frame["value"].astype(float)
    sizes = [(low * zoom, high * zoom) for zoom in ZOOMS if not drawn.log]
    return next((size for size in sizes if values.between(*size).all()), (low, high))


def inside(frame: pd.DataFrame, domain: tuple[float, float]) -> pd.DataFrame:
    """The frame with what a chart of that domain draws of its values: drawn, from, to."""
    columns = {"drawn": "value", "from": "low", "to": "high"}
    return frame.assign(**{name: frame[of].astype(float).clip(*domain)
                           for name, of in columns.items()})


def _run_parts(
    drawn: Metric, steps: int, run: str, histories: Mapping[int, History]
) -> list[pd.DataFrame]:
    curves = {seed: _thinned(*drawn.values(history.until(steps)), steps)
              for seed, history in histories.items()}
    table = pd.DataFrame({seed: curve for seed, curve in curves.items() if len(curve)})
    if table.empty:
        return []
    band = pd.DataFrame({
        "kind": "median", "run": run, "seed": -1, "step": table.index,
        "value": table.median(axis=1),
        "low": table.min(axis=1), "high": table.max(axis=1), "runs": table.count(axis=1),
    })
    lines = [pd.DataFrame({"kind": "seed", "run": run, "seed": seed, "step": line.index,
                           "value": line})
             for seed, line in ((seed, table[seed].dropna()) for seed in table)]
    return [band, *lines]


def _thinned(steps: np.ndarray, values: np.ndarray, goal: int) -> pd.Series:
    """Finite values by step, at about POINTS steps that all seeds share."""
    known = np.isfinite(values)
    curve = pd.Series(values[known], index=steps[known].astype(int))
    if len(steps) <= POINTS:
        return curve
    grid = np.unique(np.linspace(WINDOW, max(goal, WINDOW), POINTS).round().astype(int))
    return curve[curve.index.isin(grid)]


@functools.lru_cache(maxsize=64)
def band_spec(
    title: str, note: str, axis: str, domain: tuple[float, float], log: bool, steps: int
) -> dict[str, Any]:
    """Median lines in areas from the lowest to the highest seed; thin lines are single seeds."""
    x = steps_axis(steps)
    y, lowest = (value_axis(axis, domain, log, field) for field in ("drawn", "from"))
    # The areas are pale; their colour in the legend must not be.
    colour = run_colour().legend(symbolOpacity=1)
    median = alt.Chart().transform_filter("datum.kind === 'median'")
    area = median.mark_area(opacity=0.22).encode(x=x, y=lowest, y2="to:Q", color=colour)
    middle = median.mark_line(strokeWidth=2.4).encode(x=x, y=y, color=colour, tooltip=[
        "run:N", "step:Q", alt.Tooltip("value:Q", title="median", format=".4~g"),
        alt.Tooltip("low:Q", title="lowest", format=".4~g"),
        alt.Tooltip("high:Q", title="highest", format=".4~g"),
        alt.Tooltip("runs:Q", title="seeds"),
    ])
    single = alt.Chart().transform_filter("datum.kind === 'seed'").mark_line(
        strokeWidth=0.8, opacity=0.6).encode(x=x, y=y, color=colour, detail="seed:N")
    return specification(alt.layer(area, single, middle), title, note)


# --- words ---------------------------------------------------------------------------------------

# Of a kind of data: the metric that stands for the quality of samples, its name and its format.
FINAL = {"image": ("frechet", "Fréchet distance", ".0f"),
         "points": ("kl_uniform", "KL to an even mixture", ".2f")}


def trained(snapshot: RunSnapshot | None) -> bool:
    """Whether training has ended for good: the goal is reached, or the run has diverged."""
    return snapshot is not None and not snapshot.live and snapshot.holds(snapshot.config.steps)


def progress(snapshots: Sequence[RunSnapshot | None]) -> tuple[float, str]:
    """How far all seeds are together, from 0 to 1, and in words."""
    ready = sum(trained(snapshot) for snapshot in snapshots)
    words = [f"{ready} of {len(snapshots)} seeds trained"]
    states = Counter("in training" if snapshot.status.state == "running" else "waiting"
                     for snapshot in snapshots if snapshot is not None and snapshot.live)
    words += [f"{count} {state}" for state, count in sorted(states.items())]
    share = sum(map(_share, snapshots)) / len(snapshots)
    return share, " · ".join(words)


def _share(snapshot: RunSnapshot | None) -> float:
    if snapshot is None:
        return 0.0
    if trained(snapshot):
        return 1.0
    return min(1.0, snapshot.status.step / max(snapshot.config.steps, 1))


def numbers(name: str, snapshots: Sequence[RunSnapshot | None]) -> str:
    """The numbers of the seeds that are trained: how they end, their verdicts, how many diverged.

    `name` is what the runs are called; "" while no seed is trained.
    """
    over = [snapshot for snapshot in snapshots if snapshot is not None and trained(snapshot)]
    if not over:
        return ""
    parts = [f"**{name}**, {len(over)} of {len(snapshots)} seeds trained",
             _final(over), _verdicts(over), _diverged(over)]
    return "; ".join(part for part in parts if part) + "."


def _final(over: Sequence[RunSnapshot]) -> str:
    """The range over seeds of the last evaluations."""
    last = [snapshot.history.evaluations[-1] for snapshot in over if snapshot.history.evaluations]
    if not last:
        return ""
    key, label, form = FINAL[over[0].config.card.kind]
    modes = [counted_modes(evaluation.metrics)[0] for evaluation in last]
    distances = [evaluation.metrics[key] for evaluation in last]
    return (f"at the end: {over[0].config.card.mode_noun}s {_range(modes, '.0f')}, "
            f"{label} {_range(distances, form)}")


def _range(values: Sequence[float], form: str) -> str:
    low, high = (f"{extreme(values):{form}}" for extreme in (min, max))
    return low if low == high else f"{low} – {high}"


def _verdicts(over: Sequence[RunSnapshot]) -> str:
    """How many of the runs have which verdict."""
    headlines = [verdict(one.history, one.config).headline.removesuffix(".") for one in over]
    words = [f"{count} × {headline[0].lower()}{headline[1:]}"
             for headline, count in Counter(headlines).most_common()]
    return f"verdicts: {', '.join(words)}"


def _diverged(over: Sequence[RunSnapshot]) -> str:
    count = sum(snapshot.status.state == "diverged" for snapshot in over)
    if not count:
        return ""
    return f"{count} diverged, and {'its line ends' if count == 1 else 'their lines end'} there"
