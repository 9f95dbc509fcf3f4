"""How a cell of a table is written: values over seeds as text."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping

from gan_core.verification.results import Row

Columns = Mapping[str, Callable[[Row], str]]  # by heading: how a row's cell is written


def mean_and_spread(values: list[float], digits: int, error: bool = False) -> str:
    """Mean ± standard deviation over runs, or with `error` ± standard error of the mean."""
    if not values or any(math.isnan(value) for value in values):
        return "–"
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    deviation = statistics.stdev(values)
    if error:
        deviation /= math.sqrt(len(values))
    return f"{statistics.mean(values):.{digits}f} ± {deviation:.{digits}f}"


def smallest_to_largest(values: list[float]) -> str:
    """For values that span orders of magnitude, where a mean ± says little."""
    return f"{min(values):.1e} – {max(values):.1e}"


def mean_seconds(row: Row) -> str:
    return f"{statistics.mean(row['seconds']):.0f}"
