"""What was measured of the claims' runs: from finished runs into a file, and verdicts from it.

The file holds the summaries of each run, one line a run; verdicts are computed from it whenever
they are read, so that a threshold and its verdict cannot disagree. Torch-free.
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
from gan_core.evidence.run_summaries import SUMMARIES, summarise
from gan_core.runs.snapshots import RunSnapshot
from gan_core.runs.store import RunStore
from gan_core.system import files

EVIDENCE = ASSETS / "evidence.json"
NAMES = sorted([*SUMMARIES, *SYMPTOMS])


@dataclass(frozen=True)
class MeasuredRun:
    """On which device, on which day (as 2026-11-21), and the run's summaries by name."""

    device: str
    day: str
    values: dict[str, float]


Evidence = Mapping[str, MeasuredRun]  # by `run_key` of the run's config


def run_key(config: RunConfig) -> str:
    """Names a run of this length: the digest alone leaves the steps out."""
    return f"{config.digest()}@{config.steps}"


# --- the file -------------------------------------------------------------------------------------


def read(path: Path = EVIDENCE) -> dict[str, MeasuredRun]:
    """What the file holds; nothing if there is none, or if it was made with summaries that there
    are no more. One that lacks a new summary is read: only claims that rest on it are open."""
    if not path.exists():
        return {}
    content = json.loads(path.read_text(encoding="utf-8"))
    if not set(content["measures"]) <= set(NAMES):
        return {}
    return {name: MeasuredRun(run["device"], run["day"], run["values"])
            for name, run in content["runs"].items()}


def write(evidence: Evidence, path: Path = EVIDENCE) -> None:
    """One line a run, so that a new run changes one line. Raises OSError."""
    lines = ",\n".join(f" {json.dumps(name)}: {_line(run)}" for name, run in sorted(
        evidence.items()))
    files.write(path, f'{{"measures": {json.dumps(NAMES)},\n"runs": {{\n{lines}\n}}}}\n'.encode())


def _line(run: MeasuredRun) -> str:
    return json.dumps({"device": run.device, "day": run.day, "values": run.values},
                      ensure_ascii=False)


# --- from finished runs ---------------------------------------------------------------------------


def gather(configs: Iterable[RunConfig], stores: Iterable[RunStore]) -> dict[str, MeasuredRun]:
    """Summarise those of the runs that one of the stores holds to their end, by `run_key`; where
    several stores hold a run, the first one counts."""
    stores, measured = list(stores), {}
    for config in configs:
        snapshots = (store.snapshot(config.digest()) for store in stores)
        finished = next((snapshot for snapshot in snapshots
                         if snapshot and snapshot.holds(config.steps)), None)
        if finished is not None:
            measured[run_key(config)] = _measured(finished.until(config.steps))
    return measured


def _measured(snapshot: RunSnapshot) -> MeasuredRun:
    day = datetime.fromtimestamp(snapshot.status.updated, UTC).date().isoformat()
    history = snapshot.with_status(snapshot.status).history
    return MeasuredRun(snapshot.status.device, day, summarise(history, snapshot.config))


# --- verdicts -------------------------------------------------------------------------------------


def values(claim: Claim, evidence: Evidence) -> Values:
    """Of each run that was measured for every seed: by summary, one value a seed, NaN where a run
    does not have it."""
    complete: dict[str, dict[str, list[float]]] = {}
    for label, configs in claim.configs().items():
        runs = [evidence[run_key(config)] for config in configs if run_key(config) in evidence]
        if len(runs) == len(configs):
            complete[label] = {name: [run.values.get(name, math.nan) for run in runs]
                               for name in NAMES}
    return complete


def verdict(claim: Claim, evidence: Evidence) -> Verdict:
    """The verdict; OPEN, not measured yet, where a run of the claim is missing."""
    measured = values(claim, evidence)
    missing = tuple(label for label in claim.runs if label not in measured)
    return Verdict(OPEN, missing=missing) if missing else judge(claim, measured)


def count_verdicts(verdicts: Iterable[Verdict]) -> dict[str, int]:
    """How many verdicts there are of each word, in the order of WORDS."""
    words = [verdict.word for verdict in verdicts]
    return {word: words.count(word) for word in WORDS}


def markdown_table(claims: Mapping[str, Claim], evidence: Evidence) -> str:
    """All verdicts as a Markdown table."""
    lines = ["| claim | source | says | verdict | measured |", "|---|---|---|---|---|"]
    for name, claim in claims.items():
        result = verdict(claim, evidence)
        lines.append(f"| `{name}` | {SOURCES[claim.source]} | {claim.says} | {result.word} | "
                     f"{result.sentence} |")
    return "\n".join(lines)


def verdicts_as_data(claims: Mapping[str, Claim], evidence: Evidence) -> dict[str, dict[str, Any]]:
    """All verdicts with what they rest on, by the claim's name, for JSON."""
    return {name: _as_data(claim, verdict(claim, evidence)) for name, claim in claims.items()}


def _as_data(claim: Claim, result: Verdict) -> dict[str, Any]:
    return {
        "source": claim.source, "where": claim.where, "page": claim.page, "says": claim.says,
        "verdict": result.word, "sentence": result.sentence,
        "runs": {label: [run_key(config) for config in configs]
                 for label, configs in claim.configs().items()},
    }


def verdicts_in_words(verdicts: Mapping[str, Mapping[str, Any]]) -> str:
    """What `verdicts_as_data` gives, for people."""
    lines = [f"{name}: {claim['verdict']}\n  {claim['says']}\n  {claim['sentence']}"
             for name, claim in verdicts.items()]
    words = [claim["verdict"] for claim in verdicts.values()]
    return "\n".join([*lines, "", ", ".join(f"{words.count(word)} {word}" for word in WORDS)])
