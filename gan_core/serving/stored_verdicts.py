"""What a list of runs says of each: its verdict and its measures, kept beside the run. Torch-free.

    <store>/<digest>/verdict.json

A verdict takes the whole history, and a list of two thousand runs must not read two thousand
histories. So it is worked out once and kept, with what it rests on: the run as it was, and the
rules of the diagnosis. Where either has changed since, it is not used any more.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gan_core import diagnosis
from gan_core.diagnosis.diagnose import SYMPTOMS
from gan_core.diagnosis.judged import Judged
from gan_core.diagnosis.tones import tone
from gan_core.diagnosis.verdict import STATES, verdict
from gan_core.diagnosis.verdict_name import name
from gan_core.exploration import cell_runs
from gan_core.runs.snapshots import RunReader, RunSnapshot
from gan_core.runs.status import RunStatus, StoreError
from gan_core.system import files

FILE = "verdict.json"
FORMAT = 2  # of the file
MOST_BYTES = 10_000  # of one; it has some 500
MOST_LETTERS = 400  # of a sentence in it
WORDS = ("state", "name", "headline", "cause", "page")


@dataclass(frozen=True)
class StoredVerdict:
    """The verdict on a run that has ended: `state` is one of STATES, `name` at most three words,
    `headline` one sentence, `cause` as `Verdict` has it, `page` the challenge that explains it or
    ""; `measures` by their names in MEASURES, without those that the run does not have; `severe`
    whether it is among the gravest: its tone is that of an error."""

    state: str
    name: str
    headline: str
    cause: str
    page: str
    measures: Mapping[str, float]
    severe: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain values; an infinite number, as of a run that diverged, is written as a word."""
        return {**vars(self), "measures": {
            measure: value if math.isfinite(value) else str(value)
            for measure, value in self.measures.items()}}

    @classmethod
    def from_dict(cls, content: Any) -> StoredVerdict:
        """The inverse of `to_dict`. Raises ValueError on anything else."""
        try:
            words = {each: content[each] for each in WORDS}
            measures = {str(each): float(value) for each, value in content["measures"].items()}
        except (KeyError, TypeError, AttributeError, OverflowError) as error:
            raise ValueError(f"not a verdict: {error!r:.80}") from None
        if words["state"] not in STATES or not all(
                isinstance(each, str) and len(each) <= MOST_LETTERS for each in words.values()):
            raise ValueError("not a verdict: its words make no sense")
        if any(map(math.isnan, measures.values())):
            raise ValueError("not a verdict: a measure is no number")
        return cls(**words, severe=content.get("severe") is True, measures={
            each: value for each, value in measures.items() if each in cell_runs.MEASURES})


def worked_out(run: RunSnapshot) -> StoredVerdict:
    """The verdict on a run as it stands; costs a diagnosis."""
    judged = verdict(run.history, run.config)
    first = judged.findings[0] if judged.findings else None
    return StoredVerdict(
        judged.state, name(Judged(judged, run.history, run.config)),
        judged.headline[:MOST_LETTERS], judged.cause,
        SYMPTOMS[first.symptom].challenge if first is not None else "",
        cell_runs.measured(run.history, run.config), tone(judged) == "error")


def basis(run: Path, status: RunStatus | None) -> str:
    """What a verdict on the run in the folder `run` rests on, as it is now."""
    history = files.stamp(run / "history.jsonl")[1:]  # size and time: a copy has another inode
    known = (status.state, status.step) if status is not None else ("", 0)
    return "/".join(map(str, (FORMAT, rules(), *history, *known)))


@functools.cache
def rules() -> str:
    """Names the rules by which this version judges: another one where any of them was changed."""
    sources = [*sorted(Path(diagnosis.__file__).parent.rglob("*.py")), Path(cell_runs.__file__)]
    told = hashlib.sha256()
    for path in sources:
        with contextlib.suppress(OSError):  # an installation without its sources
            told.update(path.read_bytes())
    return told.hexdigest()[:12]


def read(run: Path, rests_on: str) -> StoredVerdict | None:
    """The verdict that is kept in the folder `run`; None where there is none that rests on this."""
    try:
        content = json.loads(files.read(run / FILE, MOST_BYTES))
        return StoredVerdict.from_dict(content) if content["basis"] == rests_on else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def keep(run: Path, judged: StoredVerdict, rests_on: str) -> None:
    """Keep a verdict in the folder `run`, if that can be written. The folder's time stays: it says
    when somebody last looked at the run."""
    content = json.dumps({"basis": rests_on, **judged.to_dict()}, indent=1).encode()
    with contextlib.suppress(OSError):
        before = os.stat(run)
        files.write(run / FILE, content)
        os.utime(run, ns=(before.st_atime_ns, before.st_mtime_ns))


def judge(run: Path, opened: bool = False) -> StoredVerdict | None:
    """Read the run in the folder `run` and work out its verdict; None where it cannot be read.
    Reads the whole history. `opened`: it came out of a file.

    Nobody trains it: one whose status says otherwise was cut off.
    """
    try:
        snapshot = RunReader(run, opened).snapshot()
    except StoreError:
        return None
    if snapshot is not None and snapshot.live:
        snapshot = snapshot.with_status(dataclasses.replace(snapshot.status, state="stopped"))
    return None if snapshot is None else worked_out(snapshot)
