"""The gradient that reaches a frozen generator while a fresh D learns, under two losses of G.

After Arjovsky and Bottou (2017), figures 2 and 3: the minimax gradient vanishes, the other grows.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable

import numpy as np

from gan_core.config.recipes import FROZEN, FROZEN_AT
from gan_core.verification.cells import Columns, smallest_to_largest
from gan_core.verification.results import Result, Results, Row, by_name

D_STEPS = (1, 100, 1000, 2000)  # of the fresh D, after which the norms are shown


def rows(results: Results) -> list[Row]:
    """Two rows a discriminator: one for each loss of G."""
    return [
        {"label": FROZEN[name].label, "loss": loss, "runs": len(runs),
         "norms": [[_norm_after(run, loss, steps) for run in runs] for steps in D_STEPS]}
        for name, runs in by_name(results).items() for loss in ("minimax", "non_saturating")
    ]


def _norm_after(run: Result, loss: str, d_steps: int) -> float:
    """Median norm over the last ten of `d_steps` updates of the fresh D; NaN if it has fewer."""
    norms = run.history.column(f"grad_norm_{loss}")[FROZEN_AT : FROZEN_AT + d_steps]
    return float(np.median(norms[-10:])) if len(norms) == d_steps else math.nan


def _norms(index: int) -> Callable[[Row], str]:
    return lambda row: smallest_to_largest(row["norms"][index])


COLUMNS: Columns = {
    "D": lambda row: row["label"],
    "loss of G": lambda row: row["loss"].replace("_", "-"),
    **{f"after {steps} D step{'s' if steps > 1 else ''}": _norms(index)
       for index, steps in enumerate(D_STEPS)},
}


def accepted(rows: list[Row]) -> bool:
    """Under the minimax loss the norm falls a hundredfold, under the other it does not fall."""
    first = [statistics.mean(row["norms"][0]) for row in rows]
    last = [statistics.mean(row["norms"][-1]) for row in rows]
    return all(
        after < before / 100 if row["loss"] == "minimax" else after > before
        for row, before, after in zip(rows, first, last, strict=True)
    )
