"""A store of many made-up runs, with histories that look like a run's, for what lists them."""

from __future__ import annotations

import json
import math
import random
import time
from pathlib import Path

from gan_core.config.run_config import RunConfig
from gan_core.runs.records import EvalRecord, StepRecord, to_line
from gan_core.runs.status import RunStatus
from gan_core.serving import stored_verdicts

CHANGES = (  # what made-up runs try, one or two of each
    {"learning_rate_ratio": 0.1}, {"learning_rate_ratio": 10.0}, {"beta1": 0.0},
    {"dropout": 0.4}, {"loss": "minimax"}, {"loss": "hinge"}, {"spectral_norm": True},
    {"learning_rate": 0.001}, {"batch_size": 128}, {"discriminator_steps": 3},
)


def made_up_runs(
    root: Path, count: int, steps: int = 60, verdicts: bool = True, first: int = 0
) -> list[str]:
    """Write so many runs, of images and of points, each with a verdict of its own unless those are
    still to be worked out; their digests, the newest first. `first` is the number of the first:
    each number has settings of its own."""
    chance, now, digests = random.Random(0), time.time(), []
    for number in range(first, first + count):
        config = _config(number, steps)
        run = root / config.digest()
        run.mkdir(parents=True)
        (run / "config.json").write_text(config.to_json())
        (run / "history.jsonl").write_text("".join(
            to_line(record) + "\n" for record in made_up_records(config, chance)))
        status = RunStatus("finished", steps, steps, 100.0, 0.6 + number % 50, None, "a processor",
                           updated=now - 60.0 * number)
        (run / "status.json").write_text(status.to_json())
        if verdicts:
            failing = number % 3 == 1
            content = {
                "basis": stored_verdicts.basis(run, status),
                "state": "failing" if failing else "healthy",
                "name": "Mode collapse" if failing else "No failure",
                "headline": "Made up.", "cause": "", "page": "", "measures": {
                    "modes": number % 11 / 10, "quality": number % 7 / 6,
                    **({"frechet": 100.0 + number, "diversity": 0.5}
                       if config.dataset == "mnist" else {"high_quality": number % 9 / 8})}}
            (run / stored_verdicts.FILE).write_text(json.dumps(content))
        digests.append(config.digest())
    return digests


def _config(number: int, steps: int) -> RunConfig:
    one, other = CHANGES[number % len(CHANGES)], CHANGES[(number // 10) % len(CHANGES)]
    return RunConfig(**{"dataset": "mnist" if number % 2 else "ring", "steps": steps, **other,
                        **one, "seed": number})


def made_up_records(
    config: RunConfig, chance: random.Random
) -> list[StepRecord | EvalRecord]:
    """A history of as many steps as the config has, with an evaluation every twenty steps."""
    records: list[StepRecord | EvalRecord] = []
    total = float(config.card.modes)
    for step in range(config.steps + 1):
        if step:
            loss = 1.4 + 0.3 * math.sin(step / 9) + 0.1 * chance.random()
            records.append(StepRecord(step, loss, 0.8 + 0.2 * chance.random(), 0.6, 0.6, 0.6, 0.4,
                                      0.5, 0.1 + 0.05 * chance.random(), 0.4, 0.6))
        if step % 20 == 0:
            metrics = {"modes": min(total, step / 10), "modes_total": total,
                       **({"frechet": 1000.0 / (1 + step), "diversity": 0.6}
                          if config.card.kind == "image" else {"high_quality": step / 100})}
            records.append(EvalRecord(step, metrics, (1 / total,) * int(total), step / 50))
    return records
