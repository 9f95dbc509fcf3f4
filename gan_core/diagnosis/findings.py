"""What a diagnosis consists of: findings, their remedies, and the thresholds they rest on.

Each symptom's file holds its thresholds, as data with their sources; `docs/verification.md` shows
how well they hold. Torch-free.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Threshold:
    value: float
    meaning: str
    source: str


@dataclass(frozen=True)
class Remedy:
    """A change of the config that is known to help; `why` in one short sentence."""

    label: str
    changes: dict[str, Any]
    why: str


@dataclass(frozen=True)
class Finding:
    symptom: str
    severity: str  # "warning" or "severe"
    since: int  # the step at which it began
    evidence: str
    remedies: tuple[Remedy, ...] = field(default=())
    noticed: int | None = None  # the step at which it was sure, if that was later
    cause: str = ""  # one of `causes.CAUSES`, where it could be worked out
    because: str = ""  # the same in words, which may say it more closely
    title: str = ""  # what people call it, where that says more than the symptom's own title

    @property
    def sure(self) -> int:
        """The step from which on it is a finding: cause and effect are told apart by it."""
        return self.since if self.noticed is None else self.noticed

    def to_dict(self) -> dict[str, Any]:
        return {
            "symptom": self.symptom,
            "severity": self.severity,
            "since": self.since,
            "evidence": self.evidence,
            "cause": self.cause,
            "remedies": [
                {"label": remedy.label, "changes": remedy.changes, "why": remedy.why}
                for remedy in self.remedies
            ],
        }
