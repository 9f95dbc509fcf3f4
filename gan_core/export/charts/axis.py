"""Axes of charts: how far they reach, where their ticks are, and what stands at these.

A tick is a round number: 1, 2 or 5 times a power of ten; on a log axis, a power of ten.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

TICKS = 5  # about so many
ROBUST = (0.5, 99.5)  # percentiles: a single spike does not flatten all the rest
FURTHEST = 3.0  # times a linear chart's own frame, which is as far as it is widened
DECADES = (-12, 12)  # the powers of ten at which a log axis ends, whatever the values are


@dataclass(frozen=True)
class Axis:
    """From `low` to `high`; on a log axis both are powers of ten."""

    low: float
    high: float
    log: bool = False

    def place(self, values: np.ndarray) -> np.ndarray:
        """Where values lie, 0 at `low` and 1 at `high`; beyond them, at the edge. NaN stays."""
        held = np.clip(values, self.low, self.high)
        if self.log:
            span = math.log(self.high) - math.log(self.low)
            return (np.log(held) - math.log(self.low)) / span
        return (held - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        """Round numbers from `low` to `high`."""
        return _decades(self) if self.log else _round_numbers(self.low, self.high)

    def holds(self, values: np.ndarray) -> bool:
        """Whether none of the finite values lies beyond the axis."""
        finite = values[np.isfinite(values)]
        slack = 1e-9 * (self.high - self.low)
        return bool(((finite >= self.low - slack) & (finite <= self.high + slack)).all())


def tick_words(value: float) -> str:
    """A tick as people write it: "0.25", "−2", "20 000", "1e−5"."""
    if value and not 1e-4 < abs(value) < 1e7:
        exponent = math.floor(math.log10(abs(value)) + 1e-9)
        words = f"{value / 10.0**exponent:g}e{exponent}"
    else:
        words = f"{value:,.6f}".rstrip("0").rstrip(".").replace(",", " ")
    return words.replace("-", "−")


def step_axis(last: float) -> Axis:
    """From 0 to the last step, or second."""
    return Axis(0.0, last if last > 0 else 1.0)


def value_axis(
    frame: tuple[float, float], values: np.ndarray, rules: Iterable[float], log: bool
) -> Axis:
    """The chart's own frame, made wide enough for the values: all of them on a log axis, all but
    single spikes on a linear one, which also stays within some times its frame."""
    finite = values[np.isfinite(values)]
    finite = finite[finite > 0] if log else finite
    if not len(finite):
        return _log_axis(*frame) if log else Axis(*frame)
    if log:
        ends = [*finite, *rules]
        return _log_axis(min(ends), max(ends))
    low, high = np.percentile(finite, ROBUST)
    room = FURTHEST * (frame[1] - frame[0])
    low = min(frame[0], max(float(low), frame[0] - room))
    high = max(frame[1], min(float(high), frame[1] + room))
    return Axis(low, high)


def _log_axis(low: float, high: float) -> Axis:
    """At least two decades, from one power of ten to another one."""
    least, most = (10.0**power for power in DECADES)
    low, high = min(max(low, least), most), min(max(high, least), most)
    last = math.ceil(math.log10(high) - 1e-9)
    first = min(math.floor(math.log10(low) + 1e-9), last - 2)
    return Axis(10.0**first, 10.0**last, log=True)


def _decades(axis: Axis) -> list[float]:
    first, last = round(math.log10(axis.low)), round(math.log10(axis.high))
    every = math.ceil((last - first + 1) / (TICKS + 1))
    return [10.0**power for power in range(first, last + 1, every)]


def _round_numbers(low: float, high: float) -> list[float]:
    raw = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(times * power for times in (1, 2, 5, 10) if times * power >= raw * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]
