"""Does a map trained in batches say what its runs say one by one? And how much sooner?

The same 64 GANs of the ring twice: as the map trains them, and each by itself. A GAN amplifies
rounding, the sooner the larger its rate: where a batch rounded its runs in another way than a run
alone, one verdict in eight differed.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gan_core.config.presets import RING
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.verdict import verdict
from gan_core.exploration.axis import axis
from gan_core.exploration.parameter_map import ParameterMap
from gan_core.runs.snapshots import RunSnapshot
from gan_core.runs.store import RunStore
from gan_core.verification.cells import Columns
from gan_core.verification.parallel_training import train_all
from gan_core.verification.results import Row

DRAWN = ParameterMap(RING.replace(steps=1500), axis("learning_rate=1e-4..1e-2:8"),
                     axis("learning_rate_ratio=0.1..10:8"))
BEGIN, FIRST = 5, 50  # steps: all cells are compared over the first, and counted over the second
TOLERANCE = 1e-3  # of losses, which are about 1
LEAST_AGREEING = 0.95  # of cells


def rows(
    store: RunStore, device: Any, workers: int, on_trained: Callable[[int, int], None],
    drawn: ParameterMap = DRAWN,
) -> list[Row] | None:
    """Train both, in folders of their own, which are removed; None if interrupted."""
    configs = [run.config for run in drawn.runs]
    seconds = {}
    with tempfile.TemporaryDirectory(prefix="gan-lab-") as folder:
        stores = {batched: RunStore(Path(folder) / str(batched)) for batched in (True, False)}
        for batched, of_kind in stores.items():
            began = time.monotonic()
            if not train_all(configs, of_kind, device, workers, on_trained, batched=batched):
                return None
            seconds[batched] = time.monotonic() - began
        return [_row(configs, stores[True], stores[False], seconds)]


def _row(
    configs: list[RunConfig], batched: RunStore, single: RunStore, seconds: dict[bool, float]
) -> Row:
    agreeing, alike, apart = 0, 0, 0.0
    for config in configs:
        one, other = (store.existing_snapshot(config.digest()) for store in (batched, single))
        agreeing += _state(one, config) == _state(other, config)
        losses = [np.stack([snapshot.history.column(name)[:FIRST] for name in ("loss_d", "loss_g")])
                  for snapshot in (one, other)]
        differences = np.abs(losses[0] - losses[1]).max(0)
        apart = max(apart, float(differences[:BEGIN].max()))
        alike += bool(differences.max() <= TOLERANCE)
    return {"cells": len(configs), "agreeing": agreeing, "alike": alike, "apart": apart,
            "batched": seconds[True], "single": seconds[False]}


def _state(snapshot: RunSnapshot, config: RunConfig) -> str:
    return verdict(snapshot.history, config).state


COLUMNS: Columns = {
    "cells": lambda row: str(row["cells"]),
    "the same verdict": lambda row: f"{row['agreeing']} of {row['cells']}",
    f"losses of the first {BEGIN} steps differ by at most": lambda row: f"{row['apart']:.1e}",
    f"by at most {TOLERANCE:g} over {FIRST} steps": lambda row: f"{row['alike']} of {row['cells']}",
    "as a map, s": lambda row: f"{row['batched']:.0f}",
    "one by one, s": lambda row: f"{row['single']:.0f}",
    "ratio": lambda row: f"{row['single'] / row['batched']:.2f}",
}


def accepted(rows: list[Row]) -> bool:
    """Nothing about time, which is the machine's."""
    return all(row["agreeing"] >= LEAST_AGREEING * row["cells"] and row["apart"] <= TOLERANCE
               for row in rows)
