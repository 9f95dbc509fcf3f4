"""Do the presets do what their buttons say? *Healthy* has no finding, *Break it* shows the page's
own symptom, *Fix it* removes it and improves the page's headline. Counted over seeds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable

from gan_core.config.presets import CHALLENGES
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.diagnose import SYMPTOMS
from gan_core.diagnosis.headlines import HEADLINES
from gan_core.verification.cells import Columns
from gan_core.verification.results import Result, Results, Row

PRESETS = ("healthy", "broken", "fixed")
SHARE = 24 / 25  # of the runs of a column: so many must do what the button says

Runs = dict[str, dict[int, Result]]  # of one challenge, by preset and seed


def configs() -> dict[str, RunConfig]:
    """The three presets of every challenge that has a failure, by full name."""
    return {
        f"{name}-{preset}": challenge.presets[preset].config
        for name, challenge in CHALLENGES.items() if "broken" in challenge.presets
        for preset in PRESETS
    }


def rows(results: Results) -> list[Row]:
    """One row a challenge; of a preset that was left out, nothing is counted."""
    names = dict.fromkeys(name.rpartition("-")[0] for name, _ in results)
    return [_row(name, _runs_of(name, results)) for name in names]


def _runs_of(challenge: str, results: Results) -> Runs:
    return {
        preset: {seed: result for (name, seed), result in results.items()
                 if name == f"{challenge}-{preset}"}
        for preset in PRESETS
    }


def _row(name: str, runs: Runs) -> Row:
    accepted_runs = _accepted_runs(name, runs)
    return {
        "challenge": name, "headline": CHALLENGES[name].headline,
        "kept": {preset: sum(accepted_runs[preset]) for preset in PRESETS},
        "runs": {preset: len(runs[preset]) for preset in PRESETS},
        "values": {preset: [_headline(name, result) for result in runs[preset].values()]
                   for preset in PRESETS},
        "seconds": {preset: [result.outcome.seconds for result in runs[preset].values()]
                    for preset in PRESETS},
        "findings": {preset: [result.symptoms for result in runs[preset].values()]
                     for preset in PRESETS},
    }


def _accepted_runs(name: str, runs: Runs) -> dict[str, list[bool]]:
    """Of each preset, whether each run did what the button says."""
    broken = runs["broken"]
    return {
        "healthy": [_ended(run) and not run.findings for run in runs["healthy"].values()],
        "broken": [shows(name, run) for run in broken.values()],
        "fixed": [
            _ended(run) and not shows(name, run)
            and (seed not in broken or _improved(name, run, broken[seed]))
            for seed, run in runs["fixed"].items()
        ],
    }


def _ended(result: Result) -> bool:
    """A run that failed proves nothing."""
    return result.outcome.kind != "failed"


def shows(challenge: str, result: Result) -> bool:
    """Whether a run has a symptom that this challenge's page explains."""
    return any(SYMPTOMS[name].challenge == challenge for name in result.symptoms)


def _headline(challenge: str, result: Result) -> float:
    return HEADLINES[CHALLENGES[challenge].headline].value_of(result.history)


def _improved(challenge: str, fixed: Result, broken: Result) -> bool:
    return HEADLINES[CHALLENGES[challenge].headline].improved(
        _headline(challenge, fixed), _headline(challenge, broken))


def accepted(rows: list[Row]) -> bool:
    """Whether, in each of the three columns, at least SHARE of the runs are accepted."""
    return all(
        sum(row["kept"][preset] for row in rows)
        >= SHARE * sum(row["runs"][preset] for row in rows)
        for preset in PRESETS
    )


# --- cells ----------------------------------------------------------------------------------------


def _count(preset: str) -> Callable[[Row], str]:
    return lambda row: f"{row['kept'][preset]} of {row['runs'][preset]}"


def _values(preset: str) -> Callable[[Row], str]:
    def smallest_to_largest(row: Row) -> str:
        headline, values = HEADLINES[row["headline"]], row["values"][preset]
        known = [value for value in values if not math.isnan(value)]
        if not known:
            return "–"
        return f"{headline.text(min(known))} – {headline.text(max(known))}"

    return smallest_to_largest


def _seconds(row: Row) -> str:
    means = [statistics.mean(row["seconds"][preset]) for preset in PRESETS
             if row["seconds"][preset]]
    return " / ".join(f"{mean:.0f}" for mean in means)


COLUMNS: Columns = {
    "page": lambda row: CHALLENGES[row["challenge"]].title,
    "*Healthy*: no finding": _count("healthy"),
    "*Break it*: its symptom": _count("broken"),
    "*Fix it*: gone, headline better": _count("fixed"),
    "headline": lambda row: HEADLINES[row["headline"]].label,
    "healthy": _values("healthy"),
    "broken": _values("broken"),
    "fixed": _values("fixed"),
    "seconds a run": _seconds,
}
