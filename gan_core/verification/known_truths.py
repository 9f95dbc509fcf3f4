"""Is the diagnosis right? What it says of runs whose failure, or health, is known beforehand."""

from __future__ import annotations

from collections import Counter

from gan_core.config.recipes import KNOWN
from gan_core.diagnosis.diagnose import diagnose
from gan_core.verification.cells import Columns, mean_seconds
from gan_core.verification.results import Result, Results, Row, by_name

RIGHT = 0.95  # of the runs: at least this share must be diagnosed as they are


def rows(results: Results) -> list[Row]:
    """One row a recipe."""
    return [_row(name, runs) for name, runs in by_name(results).items()]


def _row(name: str, runs: list[Result]) -> Row:
    truth = set(KNOWN[name].truth)
    return {
        "recipe": name, "truth": sorted(truth), "runs": len(runs),
        "findings": dict(Counter(" and ".join(run.symptoms) or "none" for run in runs)),
        "right": sum(set(run.symptoms) == truth for run in runs),
        "misled": sum(bool(_shown_on_the_way(run) - truth) for run in runs),
        "seconds": [run.outcome.seconds for run in runs],
    }


def _shown_on_the_way(run: Result) -> set[str]:
    """Symptoms that a viewer was shown after some evaluation."""
    moments = (run.history.until(evaluation.step) for evaluation in run.history.evaluations)
    return {finding.symptom for moment in moments for finding in diagnose(moment, run.config)}


COLUMNS: Columns = {
    "recipe": lambda row: row["recipe"],
    "truth": lambda row: " and ".join(row["truth"]) or "healthy",
    "findings": lambda row: ", ".join(
        f"{symptoms}: {count}" for symptoms, count in row["findings"].items()),
    "that and nothing else": lambda row: f"{row['right']} of {row['runs']}",
    "something else on the way": lambda row: f"{row['misled']} of {row['runs']}",
    "seconds a run": mean_seconds,
}


def accepted(rows: list[Row]) -> bool:
    """At least 95 % of the runs are diagnosed as they are, and no healthy run has a finding."""
    right, runs = sum(row["right"] for row in rows), sum(row["runs"] for row in rows)
    healthy = all(row["right"] == row["runs"] for row in rows if not row["truth"])
    return right >= RIGHT * runs and healthy
