"""Records of made-up runs, for tests of the store."""

from __future__ import annotations

import numpy as np

from gan_core.config.run_config import RunConfig
from gan_core.runs.records import EvalRecord, SampleRecord, StepRecord

CONFIG = RunConfig(dataset="ring", steps=100)


def step(number: int) -> StepRecord:
    return StepRecord(number, *(number / 8 + i for i in range(10)))


def evaluation(number: int) -> EvalRecord:
    return EvalRecord(number, {"modes": 8.0, "modes_total": 8.0}, (0.5, 0.5), seconds=1.0)


def images(number: int, value: int = 200, averaged: bool = False) -> SampleRecord:
    view = "averaged" if averaged else "samples"
    return SampleRecord(number, np.full((64, 28, 28), value, np.uint8), view)


SHAPES = {"samples": (5, 2), "surface": (48, 48), "neighbours": (16, 3, 28, 28),
          "cards": (2, 10, 28, 28), "nearest": (64, 28, 28), "walk": (64, 28, 28), "grid": (9, 2)}
FLOATS = ("samples", "surface", "grid")


def look(number: int, view: str) -> SampleRecord:
    """Something to keep for a view, other at every step."""
    if view == "averaged":
        return images(number, number % 256, averaged=True)
    kind = np.float32 if view in FLOATS else np.uint8
    return SampleRecord(number, np.full(SHAPES[view], number % 2, kind), view)
