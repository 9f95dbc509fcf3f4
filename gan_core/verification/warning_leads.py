"""How early is a warning, and how often is it false? Known runs, looked at every 50 steps."""

from __future__ import annotations

import statistics

from gan_core.config.recipes import KNOWN
from gan_core.diagnosis.diagnose import diagnose
from gan_core.diagnosis.early_warning import early_warnings
from gan_core.verification.cells import Columns
from gan_core.verification.results import Result, Results, Row, by_name

LOOK = 50  # steps from one look of a viewer to the next


def rows(results: Results) -> list[Row]:
    """One row a recipe."""
    return [_row(name, runs) for name, runs in by_name(results).items()]


def _row(name: str, runs: list[Result]) -> Row:
    truth = frozenset(KNOWN[name].truth)
    seen = [_seen(run, truth) for run in runs]
    leads = [finding - warning for warning, finding, _ in seen
             if warning is not None and finding is not None and warning < finding]
    return {
        "recipe": name, "truth": sorted(truth), "runs": len(runs), "leads": leads,
        "warned": sum(warning is not None for warning, _, _ in seen),
        "looks": sum(_looks(run) for run in runs), "false_looks": sum(false for *_, false in seen),
        "false_runs": sum(false > 0 for *_, false in seen),
    }


def _looks(run: Result) -> int:
    return run.history.last_step // LOOK


def _seen(run: Result, truth: frozenset[str]) -> tuple[int | None, int | None, int]:
    """The step of the first warning of what is coming, that of its finding, and at how many looks
    something was announced that never came."""
    warned, found, false = None, None, 0
    for look in range(1, _looks(run) + 1):
        moment = run.history.until(look * LOOK)
        announced = frozenset[str]().union(
            *(sign.announces for sign in early_warnings(moment, run.config)))
        if found is None and truth & {f.symptom for f in diagnose(moment, run.config)}:
            found = look * LOOK
        if warned is None and announced & truth:
            warned = look * LOOK
        false += bool(announced and not announced & truth)
    return warned, found, false


def _lead(row: Row) -> str:
    if not row["leads"]:
        return "–"
    leads = row["leads"]
    return f"{statistics.median(leads):.0f} ({min(leads)} to {max(leads)})"


def _before(row: Row) -> str:
    return f"{len(row['leads'])} of {row['runs']}" if row["truth"] else "–"


def _false(row: Row) -> str:
    return f"{row['false_looks'] / max(row['looks'], 1):.1%}"


COLUMNS: Columns = {
    "recipe": lambda row: row["recipe"],
    "what comes": lambda row: " and ".join(row["truth"]) or "nothing",
    "warned before the finding": _before,
    "steps earlier, median (range)": _lead,
    "runs with a false alarm": lambda row: f"{row['false_runs']} of {row['runs']}",
    "looks with a false alarm": _false,
}

EARLY = 0.4  # of the failing runs that a viewer can look at before they end
FALSE = 0.05  # of the looks at healthy runs


def accepted(rows: list[Row]) -> bool:
    """Many failures are announced, and healthy runs seldom get a false alarm."""
    healthy = [row for row in rows if not row["truth"]]
    failing = [row for row in rows if row["truth"] and row["looks"] >= row["runs"]]
    looks = sum(row["looks"] for row in healthy)
    false = sum(row["false_looks"] for row in healthy)
    early, runs = sum(len(row["leads"]) for row in failing), sum(row["runs"] for row in failing)
    return early >= EARLY * max(runs, 1) and false <= FALSE * max(looks, 1)
