"""What a look at a live run costs: the diagnosis of runs of 500 to 50 000 steps as they go on.

A page diagnoses a run about once a second, when it has some fifty steps more than before. The runs
are made up; their findings differ, since a failure that has lasted since the beginning is the most
that there is to look at.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np

from gan_core.benchmarks.interleaved_timing import Clock
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.diagnose import diagnose
from gan_core.runs.history import History
from gan_core.runs.records import STEP_METRICS, EvalRecord, StepRecord
from gan_core.training.evaluator import evaluation_due

RUN_STEPS = (500, 5_000, 50_000)
NEW_STEPS = 50
LOOKS = 30

HEALTHY = {"loss_d": 1.1, "loss_g": 1.2, "accuracy_real": 0.8, "accuracy_fake": 0.8,
           "score_real": 0.65, "score_fake": 0.35, "grad_norm_d": 2.0, "grad_norm_g": 1.0,
           "saturation_minimax": 0.35, "saturation_non_saturating": 0.65}
SILENT = {"accuracy_real": 1.0, "accuracy_fake": 1.0, "grad_norm_g": 1e-6,
          "saturation_minimax": 1e-6}  # after the first steps
EVALUATED = {"modes": 10.0, "modes_total": 10.0, "diversity": 0.9, "frechet": 50.0}
KINDS = ("healthy", "swinging", "vanishing gradient")
CONFIG = RunConfig(loss="minimax")


def looks(clock: Clock = time.perf_counter) -> dict[str, Any]:
    """Milliseconds of the first look at each kind of run, and of the looks that follow; `ratio` is
    that of the longest run ÷ that of the shortest, later looks."""
    look_milliseconds(KINDS[0], NEW_STEPS, clock)  # what a process does only once
    runs = {kind: {str(steps): look_milliseconds(kind, steps, clock) for steps in RUN_STEPS}
            for kind in KINDS}
    shortest, longest = str(RUN_STEPS[0]), str(RUN_STEPS[-1])
    return {"new_steps": NEW_STEPS, "runs": runs,
            "ratio": {kind: of_run[longest]["next"] / of_run[shortest]["next"]
                      for kind, of_run in runs.items()}}


def look_milliseconds(kind: str, steps: int, clock: Clock) -> dict[str, float]:
    """Of the `first` look at a run of so many steps, and the median of the `next` ones."""
    records = made_up_records(kind, steps + NEW_STEPS * LOOKS)
    known = [record for record in records if record.step <= steps]
    history, milliseconds = History(), []
    for look in range(LOOKS + 1):
        begin, end = steps + NEW_STEPS * (look - 1), steps + NEW_STEPS * look
        new = known if look == 0 else [r for r in records if begin < r.step <= end]
        started = clock()
        history = history.grown(new)
        diagnose(history, CONFIG)
        milliseconds.append(1e3 * (clock() - started))
    return {"first": milliseconds[0], "next": statistics.median(milliseconds[1:])}


def made_up_records(kind: str, count: int) -> list[StepRecord | EvalRecord]:
    """A run of `count` steps that has failed since the beginning, unless its `kind` is healthy."""
    steps, random = np.arange(1, count + 1), np.random.default_rng(0)
    columns = {name: HEALTHY.get(name, 0.0) * random.uniform(0.9, 1.1, count)
               for name in STEP_METRICS}
    if kind == "swinging":
        columns["score_real"] = 0.5 + 0.45 * np.sin(2 * np.pi * steps / 200)
    elif kind == "vanishing gradient":
        columns |= {name: np.where(steps <= 20, columns[name], value)
                    for name, value in SILENT.items()}
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    records: list[StepRecord | EvalRecord] = [EvalRecord(0, EVALUATED, (0.1,) * 10)]
    for step, row in enumerate(rows, 1):
        records.append(StepRecord(step, *row))
        if evaluation_due(step):
            records.append(EvalRecord(step, EVALUATED, (0.1,) * 10, seconds=step / 50))
    return records


def looks_in_words(figures: dict[str, Any]) -> list[str]:
    lines = [f"a look at a live run, {figures['new_steps']} steps after the last one (the first "
             "look): ms of its diagnosis"]
    for kind, of_run in figures["runs"].items():
        if len(lines) == 1:
            lines.append(f"  {'':18}" + "".join(f"{steps + ' steps':>16}" for steps in of_run)
                         + "  longest ÷ shortest")
        costs = (f"{cost['next']:.2f} ({cost['first']:.1f})" for cost in of_run.values())
        lines.append(f"  {kind:18}" + "".join(f"{cost:>16}" for cost in costs)
                     + f"{figures['ratio'][kind]:20.2f}")
    return lines
