"""Noisy per-step values over a window of steps, as several families of symptoms read them.

Torch-free.
"""

from __future__ import annotations

import numpy as np

from gan_core.diagnosis.findings import Threshold

THRESHOLDS = {
    "window": Threshold(
        100, "steps over which the median of a noisy per-step value is taken",
        "convention"),
}
WINDOW = int(THRESHOLDS["window"].value)


def start_of_last_stretch(flags: np.ndarray) -> int:
    """The index from which on the flags are true in at least half of every window."""
    often = np.convolve(flags, np.ones(WINDOW) / WINDOW, mode="valid") >= 0.5
    interrupted = np.flatnonzero(~often)
    return int(interrupted[-1] + 1) if interrupted.size else 0


def last_median(values: np.ndarray) -> float:
    """The median of the last window."""
    return float(np.median(values[-WINDOW:]))
