"""A verdict with the run that it is on: what sentence, name, chips and evidence are made of.

Torch-free.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.findings import Finding
from gan_core.diagnosis.verdict import Verdict
from gan_core.runs.history import History
from gan_core.runs.records import EvalRecord


@dataclass(frozen=True)
class Judged:
    """A verdict with the run that it is on; `live` while that goes on."""

    verdict: Verdict
    history: History
    config: RunConfig
    live: bool = False

    @property
    def last(self) -> EvalRecord | None:
        """The last evaluation."""
        return self.history.evaluations[-1] if self.history.evaluations else None

    @property
    def trained(self) -> EvalRecord | None:
        """The last evaluation of a G that was trained at all."""
        return self.last if self.last is not None and self.last.step else None

    @property
    def first(self) -> Finding | None:
        """The finding that leads."""
        return self.verdict.findings[0] if self.verdict.findings else None

    @property
    def frozen(self) -> bool:
        """Whether G stands still because that was set."""
        return 0 < self.config.freeze_generator < self.history.last_step

    @property
    def noun(self) -> str:
        return self.config.card.mode_noun

    @property
    def images(self) -> bool:
        return self.config.card.kind == "image"


def gradient_since_frozen(history: History, loss: str) -> float:
    """The gradient that a frozen G would get under a loss, ÷ the first that was measured; NaN where
    there is none. Before the freeze none is measured."""
    values = history.column(f"grad_norm_{loss.replace('-', '_')}")
    values = values[~np.isnan(values)]
    return float(values[-1] / values[0]) if len(values) and values[0] > 0 else math.nan
