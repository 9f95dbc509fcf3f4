"""The table of remedies: what each of them improves on a plain GAN, and what it costs."""

from __future__ import annotations

import math

from gan_core.config.recipes import REMEDIES, Recipe
from gan_core.verification.cells import Columns, mean_and_spread
from gan_core.verification.results import Result, Results, Row, by_name


def rows(results: Results) -> list[Row]:
    """One row a remedy."""
    return [_row(REMEDIES[name], runs) for name, runs in by_name(results).items()]


def _row(remedy: Recipe, runs: list[Result]) -> Row:
    # An averaged generator is the remedy itself: its own samples are measured, not the raw one's.
    prefix = "ema_" if remedy.config.ema > 0 else ""
    metrics = {
        key: [run.metrics.get(prefix + key, math.nan) for run in runs]
        for key in ("modes", "coverage", "density", "frechet")
    }
    return {
        "remedy": remedy.label, "note": remedy.note, "runs": len(runs), **metrics,
        "seconds": [run.outcome.seconds for run in runs],
        "findings": sum(bool(run.findings) for run in runs),
    }


COLUMNS: Columns = {
    "remedy": lambda row: row["remedy"] + (f" ({row['note']})" if row["note"] else ""),
    "digits": lambda row: mean_and_spread(row["modes"], 1),
    "coverage": lambda row: mean_and_spread(row["coverage"], 2),
    "density": lambda row: mean_and_spread(row["density"], 2),
    "Fréchet": lambda row: mean_and_spread(row["frechet"], 0),
    "seconds": lambda row: mean_and_spread(row["seconds"], 0),
    "runs with a finding": lambda row: f"{row['findings']} of {row['runs']}",
}


def accepted(rows: list[Row]) -> bool:
    """Always: a remedy may turn out not to help, and the table then shows it."""
    return True
