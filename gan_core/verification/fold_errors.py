"""How often do five folds tell two candidates apart that are the same, or two that differ?

On the ring, many times under other seeds: the first is the error that a test with ALPHA 0.05 may
make once in twenty, the second its power. Beside it stands what a plain paired t-test would say,
which takes overlapping folds for independent ones.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from typing import Any

from gan_core.config.presets import RING
from gan_core.config.run_config import RunConfig
from gan_core.exploration.cell_runs import QUALITY, CellRun, cell_run
from gan_core.exploration.cross_validation import Candidate, CrossValidation
from gan_core.exploration.fold_statistics import ALPHA, corrected_test, two_sided_p
from gan_core.runs.store import RunStore
from gan_core.verification.cells import Columns
from gan_core.verification.parallel_training import train_all
from gan_core.verification.results import Row

FOLDS, STEPS, REPETITIONS = 5, 1500, 20
FIRST_SEED = 100
BETTER = RING.replace(steps=STEPS, learning_rate_ratio=2.0)
WORSE = RING.replace(steps=STEPS)
MOST_ERRORS = 1  # of twenty


def studies(repetitions: int = REPETITIONS) -> dict[str, list[CrossValidation]]:
    """By what is compared: the same settings under two seeds, and two settings under one seed."""
    seeds = [FIRST_SEED + 2 * number for number in range(repetitions)]
    same = [_of_two(BETTER.replace(seed=seed), BETTER.replace(seed=seed + 1)) for seed in seeds]
    other = [_of_two(BETTER.replace(seed=seed), WORSE.replace(seed=seed)) for seed in seeds]
    return {"the same but for the seed": same, "D twice as fast, and as fast as G": other}


def _of_two(one: RunConfig, other: RunConfig) -> CrossValidation:
    return CrossValidation((Candidate("A", one), Candidate("B", other)), FOLDS, QUALITY)


def rows(
    store: RunStore, device: Any, workers: int, on_trained: Callable[[int, int], None],
    repetitions: int = REPETITIONS,
) -> list[Row] | None:
    """Train what is missing, and count; None if interrupted."""
    compared = studies(repetitions)
    configs = [study.config(candidate, fold) for of_kind in compared.values()
               for study in of_kind for candidate in range(2) for fold in range(FOLDS)]
    if not train_all(configs, store, device, workers, on_trained, batched=True):
        return None
    return [_row(name, of_kind, store) for name, of_kind in compared.items()]


def _row(name: str, of_kind: list[CrossValidation], store: RunStore) -> Row:
    differences = [each for study in of_kind if (each := _differences(study, store))]
    corrected = [corrected_test(each, FOLDS) for each in differences]
    return {
        "compared": name, "repetitions": len(differences),
        "told_apart": sum(test.tells_apart for test in corrected),
        "wrong_way": sum(test.tells_apart and test.mean < 0 for test in corrected),
        "plain": sum(_plain_p(each) < ALPHA for each in differences),
        "gap": statistics.fmean(test.mean for test in corrected),
        "deviation": statistics.fmean(test.deviation for test in corrected),
    }


def _differences(study: CrossValidation, store: RunStore) -> list[float]:
    """Fold by fold; empty where a run failed."""
    results: dict[str, CellRun] = {}
    for config in (study.config(candidate, fold) for candidate in range(2)
                   for fold in range(FOLDS)):
        snapshot = store.snapshot(config.digest())
        if snapshot is not None and (run := cell_run(snapshot, config)) is not None:
            results[run.digest] = run
    values = study.standing(results).values
    whole = all(len(of_candidate) == FOLDS for of_candidate in values)
    return [values[0][fold] - values[1][fold] for fold in range(FOLDS)] if whole else []


def _plain_p(differences: list[float]) -> float:
    """Of a paired t-test that takes the folds for independent."""
    mean, error = statistics.fmean(differences), statistics.stdev(differences)
    if error == 0.0:
        return 0.0 if mean else 1.0
    return two_sided_p(mean * math.sqrt(len(differences)) / error, len(differences) - 1)


COLUMNS: Columns = {
    "compared": lambda row: row["compared"],
    "told apart": lambda row: f"{row['told_apart']} of {row['repetitions']}",
    "the wrong way round": lambda row: str(row["wrong_way"]),
    "by a plain t-test": lambda row: f"{row['plain']} of {row['repetitions']}",
    "mean difference": lambda row: f"{row['gap']:.3f}",
    "its sd over folds": lambda row: f"{row['deviation']:.3f}",
}


def accepted(rows: list[Row]) -> bool:
    """The same is told apart in at most one of twenty; what differs, never the wrong way round."""
    same, other = rows
    most = MOST_ERRORS * same["repetitions"] // REPETITIONS
    return same["told_apart"] <= most and other["wrong_way"] == 0
