"""What is kept of a run of a map: its verdict and the numbers by which maps are coloured.

Torch-free. A map outlives its runs: those of images take some twenty megabytes each, and are
evicted.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.headlines import HEADLINES, Headline
from gan_core.diagnosis.quality import quality_of
from gan_core.diagnosis.verdict import STATES, verdict
from gan_core.exploration.courses import Course, course_from, courses_of
from gan_core.runs.history import History
from gan_core.runs.snapshots import RunSnapshot


def _last(history: History, name: str) -> float:
    return history.evaluations[-1].metrics.get(name, math.nan) if history.evaluations else math.nan


# What a map may be coloured by, besides the verdict, and candidates be judged by.
MEASURES: dict[str, Headline] = {
    "modes": HEADLINES["modes"],
    "frechet": HEADLINES["frechet"],
    "diversity": Headline("diversity (1 is that of the data)", "{:.2f}",
                          lambda history: _last(history, "diversity"), False),
    "high_quality": Headline("samples within 3σ of a mode", "{:.0f} %",
                             lambda history: _last(history, "high_quality"), False, 100.0),
    "swing": HEADLINES["swing"],
    "gradient_left": HEADLINES["gradient_left"],
    "missed": HEADLINES["missed"],
    "step_seconds": HEADLINES["step_seconds"],
    "ema_frechet": Headline("Fréchet distance of the averaged generator", "{:.0f}",
                            lambda history: _last(history, "ema_frechet")),
}
QUALITY = "quality"  # above chance: 0 for noise, 1 for the data
MEASURES[QUALITY] = Headline("quality of the samples above chance", "{:.2f}",
                             lambda history: math.nan, False)

# By kind of data, those that say how good samples are; the first is the usual one.
JUDGED_BY = {"image": ("frechet", "ema_frechet", QUALITY, "modes", "diversity"),
             "points": (QUALITY, "modes", "high_quality")}


@dataclass(frozen=True)
class CellRun:
    """A run that was trained as far as its map asks: `state`, `headline` and `cause` of its
    verdict, `measures` by their names in MEASURES, without those that it does not have, its
    `seconds` of training, and, where its study keeps them, `courses` by their names in COURSES."""

    digest: str
    state: str
    headline: str
    cause: str
    measures: Mapping[str, float]
    seconds: float
    courses: Mapping[str, Course] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values; an infinite number, as of a run that diverged, is written as a word."""
        measures = {name: value if math.isfinite(value) else str(value)
                    for name, value in self.measures.items()}
        courses = {"courses": self.courses} if self.courses else {}
        plain = {name: value for name, value in vars(self).items() if name != "courses"}
        return {**plain, "measures": measures, **courses}

    @classmethod
    def from_dict(cls, content: Any) -> CellRun:
        """The inverse of `to_dict`. Raises ValueError on anything else."""
        try:
            run = cls(str(content["digest"]), str(content["state"]), str(content["headline"]),
                      str(content["cause"]),
                      {str(name): float(value) for name, value in content["measures"].items()},
                      float(content["seconds"]),
                      {str(name): course_from(course)
                       for name, course in content.get("courses", {}).items()})
        except (KeyError, TypeError, AttributeError, OverflowError) as error:
            raise ValueError(f"not a run of a map: {error!r}") from None
        if run.state not in STATES or any(map(math.isnan, (*run.measures.values(), run.seconds))):
            raise ValueError("not a run of a map: its state or a measure makes no sense")
        return run


def cell_run(
    snapshot: RunSnapshot, config: RunConfig, courses: bool = False
) -> CellRun | None:
    """What is kept of a run, with its `courses` if they are asked for; None while it is not as far
    as `config` asks, or where it failed for reasons of this machine."""
    seen = snapshot.until(config.steps)  # whoever trains it further, and whatever becomes of that
    if seen.status.state not in ("finished", "diverged") or not snapshot.holds(config.steps):
        return None
    judged, history = verdict(seen.history, config), seen.history
    return CellRun(
        config.digest(), judged.state, judged.headline, judged.cause, measured(history, config),
        round(seen.status.seconds, 2), courses_of(history, config) if courses else {})


def measured(history: History, config: RunConfig) -> dict[str, float]:
    """The MEASURES that a run has, four significant digits."""
    values = {name: measure.value_of(history) for name, measure in MEASURES.items()}
    if history.evaluations:
        values[QUALITY] = quality_of(history.evaluations[-1], config.card).above_chance
    return {name: _short(value) for name, value in values.items() if not math.isnan(value)}


def _short(value: float) -> float:
    return float(f"{value:.4g}")


# --- several seeds -------------------------------------------------------------------------------


def most_common_state(runs: Sequence[CellRun]) -> str:
    """The state of most seeds; of two as common, the worse one."""
    counts = Counter(run.state for run in runs)
    return max(counts, key=lambda state: (counts[state], STATES.index(state)))


def median(runs: Sequence[CellRun], measure: str) -> float:
    """Over the seeds that have the measure; NaN where none has."""
    values = sorted_values(runs, measure)
    return statistics.median(values) if values else math.nan


def sorted_values(runs: Sequence[CellRun], measure: str) -> list[float]:
    """The values of a measure, lowest first."""
    return sorted(run.measures[measure] for run in runs if measure in run.measures)


