"""Is the verdict right about other people's runs? State, cause and first remedy of each case."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable

from gan_core.config.cases import CASES, REFUSED
from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError
from gan_core.diagnosis.verdict import Verdict, verdict
from gan_core.diagnosis.verdict_words import sentences
from gan_core.verification.cells import Columns
from gan_core.verification.results import Result, Results, Row, by_name


def configs() -> dict[str, RunConfig]:
    return {name: case.config for name, case in CASES.items()}


def rows(results: Results) -> list[Row]:
    """One row a case, and one a refusal where no case was left out."""
    of_cases = by_name(results)
    refused = [_refusal(name) for name in REFUSED] if set(of_cases) == set(CASES) else []
    return [*(_row(name, runs) for name, runs in of_cases.items()), *refused]


def _row(name: str, runs: list[Result]) -> Row:
    judged = [(run, verdict(run.history, run.config)) for run in runs]
    verdicts = [each for _, each in judged]
    return {
        "case": CASES[name].label, "report": CASES[name].report, "runs": len(runs),
        "states": _counted(each.state for each in verdicts),
        "causes": _counted(each.cause or "–" for each in verdicts),
        "remedies": _counted(_first_remedy(each) for each in verdicts),
        "right": {
            "state": sum(right_state(name, each) and right_words(name, run, each)
                         for run, each in judged),
            "cause": sum(right_cause(name, each) for each in verdicts),
            "remedy": sum(right_remedy(name, each) for each in verdicts)},
    }


def _refusal(name: str) -> Row:
    """Refused, with a reason that names the setting: once, since there is no run to repeat."""
    case, refused, named = REFUSED[name], False, False
    try:
        RunConfig(**case.settings)
    except ConfigError as error:
        refused, named = True, error.field_name == case.names
    return {
        "case": case.label, "report": case.report, "runs": 1,
        "states": {"refused" if refused else "accepted": 1},
        "causes": {case.names if named else "–": 1}, "remedies": {"–": 1},
        "right": {"state": int(refused), "cause": int(named), "remedy": int(refused)},
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


def right_words(name: str, run: Result, each: Verdict) -> bool:
    """Its sentences say what they must."""
    return bool(re.search(CASES[name].says, sentences(each, run.history, run.config)))


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
        f"{count} of {row['runs']}" for count in row["right"].values()),
}


def accepted(rows: list[Row]) -> bool:
    """All three are right in every run."""
    return all(count == row["runs"] for row in rows for count in row["right"].values())
