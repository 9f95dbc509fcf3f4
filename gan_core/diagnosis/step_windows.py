"""Noisy per-step values over a window of steps, as several families of symptoms read them.

Torch-free.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

import numpy as np

from gan_core.diagnosis.findings import Threshold
from gan_core.runs.history import History

THRESHOLDS = {
    "window": Threshold(
        100, "steps over which the median of a noisy per-step value is taken",
        "convention"),
}
WINDOW = int(THRESHOLDS["window"].value)


def start_of_last_stretch(
    history: History, key: Hashable, flags: Callable[[slice], np.ndarray]
) -> int:
    """The index from which on the flags are true in at least half of every window.

    `flags(part)` are those of a part of the steps; `key` names them, as in `History.last_where`.
    The history has a whole window at least.
    """
    def interrupted(start: int, stop: int) -> np.ndarray:
        part = flags(slice(start, stop + WINDOW - 1))
        return np.convolve(part, np.ones(WINDOW) / WINDOW, mode="valid") < 0.5

    windows = len(history.steps) - WINDOW + 1
    return history.last_where(("interrupted", key), interrupted, windows) + 1


def last_median(values: np.ndarray) -> float:
    """The median of the last window."""
    return float(np.median(values[-WINDOW:]))
