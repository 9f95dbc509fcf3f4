"""What viewers read of a run, in one text."""

from __future__ import annotations

from dataclasses import dataclass

from gan_core.diagnosis.diagnose import Remedy
from gan_core.runs.snapshots import RunSnapshot
from gan_core.serving.run_words import spoken_verdict


@dataclass(frozen=True)
class Said:
    """A verdict's tone, its headline, everything it says, and its remedies."""

    tone: str
    headline: str
    text: str
    remedies: tuple[Remedy, ...]


def said_of(snapshot: RunSnapshot) -> Said:
    spoken = spoken_verdict(snapshot)
    text = " ".join(filter(None, (spoken.headline, spoken.sentences, *spoken.warnings)))
    return Said(spoken.tone, spoken.headline, text, spoken.remedies)
