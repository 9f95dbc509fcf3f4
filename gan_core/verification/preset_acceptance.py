"""Do the presets keep what their buttons say? *Healthy* shows nothing, *Break it* the page's own
symptom, *Fix it* removes it and improves the page's headline. Summed up over seeds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping
from typing import Any

from gan_core.config.presets import CHALLENGES
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.diagnose import SYMPTOMS
from gan_core.diagnosis.headlines import HEADLINES
from gan_core.verification.results import Result

Row = dict[str, Any]
Results = Mapping[tuple[str, int], Result]

PROMISED = ("healthy", "broken", "fixed")
SHARE = 24 / 25  # of the runs of a column that must be as promised


def runs() -> dict[str, RunConfig]:
    """The three presets of every challenge that has a failure, by full name."""
    return {
        f"{name}-{preset}": challenge.presets[preset].config
        for name, challenge in CHALLENGES.items() if "broken" in challenge.presets
        for preset in PROMISED
    }


def rows(results: Results) -> list[Row]:
    """One row a challenge; of a preset that was left out, nothing is counted."""
    names = dict.fromkeys(name.rpartition("-")[0] for name, _ in results)
    return [_row(name, _seeds(results, name)) for name in names]


def _seeds(results: Results, challenge: str) -> dict[str, dict[int, Result]]:
    return {
        preset: {seed: result for (name, seed), result in results.items()
                 if name == f"{challenge}-{preset}"}
        for preset in PROMISED
    }


def _row(name: str, found: dict[str, dict[int, Result]]) -> Row:
    headline, broken = CHALLENGES[name].headline, found["broken"]
    values = {preset: {seed: HEADLINES[headline].of(result.history)
                       for seed, result in of.items()} for preset, of in found.items()}
    kept = {
        "healthy": [_done(result) and not result.findings
                    for result in found["healthy"].values()],
        "broken": [shows(name, result) for result in broken.values()],
        "fixed": [
            _done(result) and not shows(name, result) and (
                seed not in broken or HEADLINES[headline].improved(
                    values["fixed"][seed], values["broken"][seed]))
            for seed, result in found["fixed"].items()
        ],
    }
    return {
        "challenge": name, "headline": headline,
        "kept": {preset: sum(told) for preset, told in kept.items()},
        "runs": {preset: len(told) for preset, told in kept.items()},
        "values": {preset: list(of.values()) for preset, of in values.items()},
        "seconds": {preset: [result.outcome.seconds for result in of.values()]
                    for preset, of in found.items()},
        "findings": {preset: [_symptoms(result) for result in of.values()]
                     for preset, of in found.items()},
    }


def _done(result: Result) -> bool:
    """A run that failed proves nothing."""
    return result.outcome.kind != "failed"


def _symptoms(result: Result) -> list[str]:
    return [finding.symptom for finding in result.findings]


def shows(challenge: str, result: Result) -> bool:
    """Whether a run has a symptom that this challenge's page explains."""
    return any(SYMPTOMS[name].page == challenge for name in _symptoms(result))


def kept(table: list[Row]) -> bool:
    """Whether, in each of the three columns, at least SHARE of the runs are as promised."""
    return all(
        sum(row["kept"][preset] for row in table) >= SHARE * sum(
            row["runs"][preset] for row in table)
        for preset in PROMISED
    )


def _count(preset: str) -> Callable[[Row], str]:
    return lambda row: f"{row['kept'][preset]} of {row['runs'][preset]}"


def _values(preset: str) -> Callable[[Row], str]:
    def told(row: Row) -> str:
        headline, values = HEADLINES[row["headline"]], row["values"][preset]
        known = [value for value in values if not math.isnan(value)]
        if not known:
            return "–"
        return f"{headline.told(min(known))} – {headline.told(max(known))}"

    return told


def _seconds(row: Row) -> str:
    means = [statistics.mean(row["seconds"][preset]) for preset in PROMISED
             if row["seconds"][preset]]
    return " / ".join(f"{mean:.0f}" for mean in means)


COLUMNS: dict[str, Callable[[Row], str]] = {
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
