"""Is the verdict right about other people's runs? State, cause and first remedy of each case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from gan_core.config.cases import CASES
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.verdict import Verdict, verdict
from gan_core.verification.cells import Columns
from gan_core.verification.results import Result, Results, Row, by_name


def configs() -> dict[str, RunConfig]:
    return {name: case.config for name, case in CASES.items()}


def rows(results: Results) -> list[Row]:
    """One row a case."""
    return [_row(name, runs) for name, runs in by_name(results).items()]


def _row(name: str, runs: list[Result]) -> Row:
    verdicts = [verdict(run.history, run.config) for run in runs]
    return {
        "case": CASES[name].label, "report": CASES[name].report, "runs": len(runs),
        "states": _counted(each.state for each in verdicts),
        "causes": _counted(each.cause or "–" for each in verdicts),
        "remedies": _counted(_first_remedy(each) for each in verdicts),
        "right": {part: sum(check(name, each) for each in verdicts)
                  for part, check in RIGHT.items()},
    }


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(Counter(values))


def _first_remedy(each: Verdict) -> str:
    return each.remedies[0].label if each.remedies else "–"


def right_state(name: str, each: Verdict) -> bool:
    return each.state in CASES[name].states


def right_cause(name: str, each: Verdict) -> bool:
    causes = CASES[name].causes
    return not causes or each.cause in causes


def right_remedy(name: str, each: Verdict) -> bool:
    """The first remedy changes a setting of the cause."""
    knobs = CASES[name].knobs
    return not knobs or bool(each.remedies and set(each.remedies[0].changes) & set(knobs))


RIGHT: dict[str, Callable[[str, Verdict], bool]] = {
    "state": right_state, "cause": right_cause, "remedy": right_remedy}


def _listed(key: str) -> Callable[[Row], str]:
    return lambda row: ", ".join(
        value if count == row["runs"] else f"{value}: {count}"
        for value, count in row[key].items())


COLUMNS: Columns = {
    "situation": lambda row: f"{row['case']} ({row['report']})",
    "state": _listed("states"),
    "cause": _listed("causes"),
    "first remedy": _listed("remedies"),
    "right state, cause, remedy": lambda row: ", ".join(
        f"{row['right'][part]} of {row['runs']}" for part in RIGHT),
}


def accepted(rows: list[Row]) -> bool:
    """All three are right in every run."""
    return all(count == row["runs"] for row in rows for count in row["right"].values())
