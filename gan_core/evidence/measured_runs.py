"""Measured evidence for the claims: gathered from finished runs, kept in a file, told. Torch-free.

The file holds what was measured, one line a run; verdicts are computed from it whenever they are
read, so that a threshold and its verdict cannot disagree.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gan_core.assets import ASSETS
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.diagnose import SYMPTOMS
from gan_core.evidence.claim_verdicts import OPEN, SOURCES, WORDS, Claim, Values, Verdict, judge
from gan_core.evidence.run_summaries import MEASURES, measure
from gan_core.runs.store import RunSnapshot, RunStore
from gan_core.system import files

EVIDENCE = ASSETS / "evidence.json"
NAMES = sorted([*MEASURES, *SYMPTOMS])


@dataclass(frozen=True)
class Measured:
    """A run as it was measured: where, when (a day as 2026-11-21), and its measures."""

    device: str
    day: str
    values: dict[str, float]


Evidence = Mapping[str, Measured]  # by `key` of the run's config


def key(config: RunConfig) -> str:
    """What names a run of this length: the digest alone leaves the steps out."""
    return f"{config.digest()}@{config.steps}"


# --- the file -------------------------------------------------------------------------------------


def read(path: Path = EVIDENCE) -> dict[str, Measured]:
    """What the file holds; nothing if there is none, or if it was made with other measures."""
    if not path.exists():
        return {}
    content = json.loads(path.read_text(encoding="utf-8"))
    if content["measures"] != NAMES:
        return {}
    return {name: Measured(run["device"], run["day"], run["values"])
            for name, run in content["runs"].items()}


def write(evidence: Evidence, path: Path = EVIDENCE) -> None:
    """One line a run, so that a new run changes one line. Raises OSError."""
    lines = ",\n".join(f" {json.dumps(name)}: {_line(run)}" for name, run in sorted(
        evidence.items()))
    files.write(path, f'{{"measures": {json.dumps(NAMES)},\n"runs": {{\n{lines}\n}}}}\n'.encode())


def _line(run: Measured) -> str:
    return json.dumps({"device": run.device, "day": run.day, "values": run.values},
                      ensure_ascii=False)


# --- gathering ------------------------------------------------------------------------------------


def gather(configs: Iterable[RunConfig], stores: Iterable[RunStore]) -> dict[str, Measured]:
    """Measure those of the runs that one of the stores holds to their end; the first one counts."""
    stores, found = list(stores), {}
    for config in configs:
        snapshots = (store.snapshot(config.digest()) for store in stores)
        held = next((each for each in snapshots if each and each.holds(config.steps)), None)
        if held is not None:
            found[key(config)] = _measured(held.until(config.steps))
    return found


def _measured(snapshot: RunSnapshot) -> Measured:
    day = datetime.fromtimestamp(snapshot.status.updated, UTC).date().isoformat()
    history = snapshot.standing(snapshot.status).history
    return Measured(snapshot.status.device, day, measure(history, snapshot.config))


# --- telling --------------------------------------------------------------------------------------


def values(claim: Claim, evidence: Evidence) -> Values:
    """Of each run that was measured for every seed: measure -> one value a seed, NaN where the run
    does not have it."""
    found: dict[str, dict[str, list[float]]] = {}
    for label, configs in claim.configs().items():
        runs = [evidence.get(key(config)) for config in configs]
        if all(runs):
            found[label] = {name: [run.values.get(name, math.nan) for run in runs]
                            for name in NAMES}
    return found


def verdict(claim: Claim, evidence: Evidence) -> Verdict:
    """The verdict; that the claim is not measured yet where a run of it is missing."""
    measured = values(claim, evidence)
    missing = tuple(label for label in claim.runs if label not in measured)
    return Verdict(OPEN, missing=missing) if missing else judge(claim, measured)


def summary(verdicts: Iterable[Verdict]) -> dict[str, int]:
    """How many verdicts there are of each word, in the order of WORDS."""
    words = [each.word for each in verdicts]
    return {word: words.count(word) for word in WORDS}


def table(claims: Mapping[str, Claim], evidence: Evidence) -> str:
    """All verdicts as a Markdown table."""
    rows = [f"| `{name}` | {SOURCES[claim.source]} | {claim.says} | {told.word} | {told.sentence} |"
            for name, claim in claims.items() for told in [verdict(claim, evidence)]]
    return "\n".join(["| claim | source | says | verdict | measured |", "|---|---|---|---|---|",
                      *rows])


def as_data(claims: Mapping[str, Claim], evidence: Evidence) -> dict[str, Any]:
    """All verdicts with what they rest on, for JSON."""
    return {
        name: {
            "source": claim.source, "where": claim.where, "page": claim.page, "says": claim.says,
            "verdict": told.word, "sentence": told.sentence,
            "runs": {label: [key(config) for config in configs]
                     for label, configs in claim.configs().items()},
        }
        for name, claim in claims.items() for told in [verdict(claim, evidence)]
    }


def in_words(told: Mapping[str, Any]) -> str:
    """What `as_data` gives, for people."""
    lines = [f"{name}: {each['verdict']}\n  {each['says']}\n  {each['sentence']}"
             for name, each in told.items()]
    words = [each["verdict"] for each in told.values()]
    return "\n".join([*lines, "", ", ".join(f"{words.count(word)} {word}" for word in WORDS)])
