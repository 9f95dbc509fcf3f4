"""How a measure went over the steps of a run, in a few numbers: what bands over runs are drawn of.

Torch-free.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.headlines import HEADLINES
from gan_core.runs.history import History

WINDOW = 25  # steps over which a number of single steps is averaged
POINTS = 24  # steps at which such a course is kept
SIGNIFICANT = 4  # digits of a value that is kept

Course = tuple[tuple[int, ...], tuple[float, ...]]  # steps, and the values there
Curve = tuple[np.ndarray, np.ndarray]  # the same, both shape (n,)


def _headline(name: str) -> Callable[[History, RunConfig], Curve]:
    """A page's headline, as of each evaluation and of POINTS steps in between, where it counts
    single steps."""

    def values(history: History, config: RunConfig) -> Curve:
        steps = {record.step for record in history.evaluations}
        if name in OF_STEPS:
            steps |= set(_grid(config.steps))
        known = np.array(sorted(step for step in steps if step <= history.last_step), dtype=int)
        measure = HEADLINES[name].value_of
        return known, np.array([measure(history.until(int(step))) for step in known], dtype=float)

    return values


def _mean(value: Callable[[History], np.ndarray]) -> Callable[[History, RunConfig], Curve]:
    """The mean of the last WINDOW steps, at POINTS steps."""

    def values(history: History, config: RunConfig) -> Curve:
        raw, steps = value(history), history.column("step")
        window = min(WINDOW, config.steps)
        if len(raw) < window:
            return np.empty(0), np.empty(0)
        means = np.convolve(raw, np.full(window, 1 / window), "valid")
        chosen = np.isin(steps[window - 1:], _grid(config.steps))
        return steps[window - 1:][chosen], means[chosen]

    return values


def _distance(history: History, config: RunConfig) -> Curve:
    """Of the samples from the data: what evaluations say of the quality of a kind of data."""
    return history.evaluated("frechet" if config.card.kind == "image" else "kl_uniform")


def _grid(steps: int) -> list[int]:
    return [int(step) for step in np.unique(
        np.linspace(min(WINDOW, steps), steps, POINTS).round().astype(int))]


OF_STEPS = ("swing", "gradient_left")  # headlines that change between two evaluations
# What bands are drawn of, by name: the pages' headlines, and what every run has.
COURSES: dict[str, Callable[[History, RunConfig], Curve]] = {
    **{name: _headline(name) for name in HEADLINES if name != "frechet"},
    "distance": _distance,
    "loss_d": _mean(lambda history: history.column("loss_d")),
    "loss_g": _mean(lambda history: history.column("loss_g")),
    "gap": _mean(lambda history: history.column("score_real") - history.column("score_fake")),
    "grad_norm_g": _mean(lambda history: history.column("grad_norm_g")),
}


def courses_of(history: History, config: RunConfig) -> dict[str, Course]:
    """All courses of a run that has come as far as its config asks, without those that it has not;
    infinite values, as of a run that diverges, are left out."""
    found: dict[str, Course] = {}
    for name, values_of in COURSES.items():
        steps, values = values_of(history, config)
        # A damaged file may repeat a step, or go back.
        known = np.isfinite(values) & (np.diff(steps, prepend=-1) > 0)
        if known.any():
            found[name] = (tuple(int(step) for step in steps[known]),
                           tuple(float(f"{value:.{SIGNIFICANT}g}") for value in values[known]))
    return found


def course_from(content: Any) -> Course:
    """A course from plain values. Raises ValueError, TypeError on anything else."""
    steps, values = content
    course = tuple(map(int, steps)), tuple(map(float, values))
    rising = all(later > step for step, later in pairwise(course[0]))
    if len(course[0]) != len(course[1]) or not rising or not all(map(math.isfinite, course[1])):
        raise ValueError("a course must have rising steps, and a value for each.")
    return course
