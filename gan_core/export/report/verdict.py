"""The verdict on a run as a report says it: the words of the pages, without Markdown."""

from __future__ import annotations

from dataclasses import dataclass

from gan_core.diagnosis.findings import Finding
from gan_core.diagnosis.judged import Judged
from gan_core.diagnosis.tones import tone
from gan_core.diagnosis.verdict import verdict
from gan_core.diagnosis.verdict_chips import Chip, chips, every_chip
from gan_core.diagnosis.verdict_name import name
from gan_core.diagnosis.verdict_sentence import sentence
from gan_core.diagnosis.verdict_words import headline, sentences
from gan_core.runs.snapshots import RunSnapshot


@dataclass(frozen=True)
class Spoken:
    """`name` in three words, `sentence` for a student, `headline` and `sentences` the evidence;
    `measured` are all numbers, of which `chips` tell most."""

    tone: str  # one of info, success, warning, error
    name: str
    sentence: str
    headline: str
    sentences: str
    chips: tuple[Chip, ...]
    measured: tuple[Chip, ...]
    findings: tuple[Finding, ...]


def spoken(snapshot: RunSnapshot) -> Spoken:
    """The verdict on a run as it is."""
    history, config = snapshot.history, snapshot.config
    judged = verdict(history, config)
    about = Judged(judged, history, config, snapshot.live)
    return Spoken(tone(judged), name(about), sentence(about), headline(judged, snapshot.live),
                  sentences(judged, history, config), chips(about), every_chip(about),
                  judged.findings)
