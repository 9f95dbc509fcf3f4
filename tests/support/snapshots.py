"""Made-up runs for what is drawn and said of runs."""

from __future__ import annotations

import dataclasses

from gan_core.config.run_config import RunConfig
from gan_core.runs.history import History
from gan_core.runs.records import EvalRecord, StepRecord
from gan_core.runs.store import RunSnapshot, RunStatus

STEP = StepRecord(1, 1.2, 0.8, 0.7, 0.8, 0.6, 0.4, 1.5, 0.9, 0.4, 0.6)


def evaluation(
    step: int, modes: int = 10, frechet: float = 100.0, diversity: float = 0.9
) -> EvalRecord:
    """Of digits, `modes` of which are drawn equally often."""
    shares = tuple([1 / modes] * modes + [0.0] * (10 - modes))
    return EvalRecord(step, {"modes": float(modes), "modes_total": 10.0, "frechet": frechet,
                             "diversity": diversity}, shares)


def snapshot(state: str = "finished", *, steps: int = 1000, config: RunConfig | None = None,
             place: int = 0, reason: str = "", **quality: float) -> RunSnapshot:
    """A run of `steps` steps that are all alike; `quality` goes to its evaluations."""
    config = config or RunConfig(steps=steps)
    history = History(
        [dataclasses.replace(STEP, step=i + 1) for i in range(steps)],
        [evaluation(step, **quality) for step in range(0, steps + 1, 250)],
    )
    status = RunStatus(state, steps, config.steps, 50.0, 20.0, 12.0, "CPU, 1 thread", reason)
    views = {"samples": (0, 50)}
    return RunSnapshot(config.digest(), config, history, status, views, place).with_status(
        status, place)
