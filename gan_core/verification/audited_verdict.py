"""What the product says of a run: the one place at which an audit asks it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.verdict import verdict
from gan_core.runs.history import History

GREEN, IMPROVING = "healthy", "improving"
FAILING = ("failing", "diverged", "failed")


@dataclass(frozen=True)
class Told:
    """The state that a verdict gives a run, and the changes of its first remedy, if it has one.
    What improves is told to train on: that has no changes."""

    state: str
    remedy: dict[str, Any] | None


def told(history: History, config: RunConfig) -> Told:
    """What a viewer of this run is told."""
    judged = verdict(history, config)
    if judged.state == IMPROVING:
        return Told(judged.state, {})
    return Told(judged.state, dict(judged.remedies[0].changes) if judged.remedies else None)
