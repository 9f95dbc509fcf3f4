"""A run as its viewers read it: its progress, and the verdict with what is coming. No Markdown.

The page and the live channel say the same words. Torch-free.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gan_core.diagnosis.diagnose import SYMPTOMS, Finding, Remedy
from gan_core.diagnosis.early_warning import coming
from gan_core.diagnosis.judged import Judged
from gan_core.diagnosis.number_words import whole
from gan_core.diagnosis.tones import tone
from gan_core.diagnosis.verdict import verdict as judge
from gan_core.diagnosis.verdict_chips import Chip, chips
from gan_core.diagnosis.verdict_name import name
from gan_core.diagnosis.verdict_sentence import sentence
from gan_core.diagnosis.verdict_words import headline, sentences
from gan_core.runs.snapshots import RunSnapshot

FASTEST = 1e6  # steps a second; a run that is said to be faster has lost its seconds


@dataclass(frozen=True)
class SpokenVerdict:
    """A verdict in sentences. `tone` is one of info, success, warning, error; `warnings` are the
    first signs of what has not been found yet; `pages` name the challenges that explain it."""

    state: str  # one of diagnosis.verdict.STATES
    cause: str
    tone: str
    headline: str
    sentences: str  # the full evidence
    sentence: str  # what is wrong and why, for a student: one
    name: str  # in at most three words, for a projector
    chips: tuple[Chip, ...]  # the numbers, at most five
    warnings: tuple[str, ...]
    findings: tuple[Finding, ...]
    pages: tuple[str, ...]

    @property
    def remedies(self) -> tuple[Remedy, ...]:
        """Of the leading finding."""
        return self.findings[0].remedies if self.findings else ()

    def to_dict(self) -> dict[str, Any]:
        """What a screen shows of it."""
        return {
            "state": self.state, "tone": self.tone, "name": self.name, "sentence": self.sentence,
            "headline": self.headline, "sentences": self.sentences,
            "chips": [chip.to_dict() for chip in self.chips], "warnings": list(self.warnings),
        }


def spoken_verdict(snapshot: RunSnapshot) -> SpokenVerdict:
    """The verdict on a run as it stands now, with its numbers; worked out once for all viewers."""
    key = ("spoken verdict", snapshot.config, snapshot.live)
    return snapshot.history.derived(key, lambda: _spoken(snapshot))


def _spoken(snapshot: RunSnapshot) -> SpokenVerdict:
    history, config = snapshot.history, snapshot.config
    judged = judge(history, config)
    about = Judged(judged, history, config, snapshot.live)
    pages = dict.fromkeys(SYMPTOMS[finding.symptom].challenge for finding in judged.findings)
    return SpokenVerdict(
        judged.state, judged.cause, tone(judged), headline(judged, snapshot.live),
        sentences(judged, history, config), sentence(about), name(about), chips(about),
        _warnings(snapshot, judged.state), judged.findings, tuple(pages))


def _warnings(snapshot: RunSnapshot, state: str) -> tuple[str, ...]:
    """What the run shows the first signs of, while it goes on and nothing has been found."""
    if not snapshot.live:
        return ()
    return tuple(sign.text for sign in coming(snapshot.history, snapshot.config, state))


def progress(snapshot: RunSnapshot | None, recorded: bool) -> tuple[float, str]:
    """How far a run is, from 0 to 1, and in words."""
    if snapshot is None:
        return 0.0, "Not trained yet."
    status = snapshot.status
    share = min(1.0, status.step / status.steps) if status.steps else 0.0
    where = f"step {whole(status.step)} of {whole(status.steps)}"
    if snapshot.opened:
        return share, (f"Opened from a file, which says: {_state(snapshot).lower()} · {where} · "
                       f"trained {day(snapshot)} on {status.device}")
    if recorded:
        return share, f"Recorded {day(snapshot)} on {status.device} · {where}"
    if status.state == "queued":
        again = f" again, at {where}" if status.step else ""
        return share, (f"Waiting for its turn{again}: place {snapshot.place} in the queue, "
                       f"{wait_text(snapshot.wait)}.")
    if status.state == "starting":
        activity = status.reason or "starting …"  # while data is downloaded, how far that is
        return share, activity[0].upper() + activity[1:]
    words = [_state(snapshot), where]
    if 0 < (rate := _rate(snapshot)) < FASTEST:
        words.append(f"{rate:.0f} steps/s" if rate >= 10 else f"{rate:.2g} steps/s")
    if status.state == "running" and status.seconds_left is not None:
        words.append(f"{seconds_text(status.seconds_left)} left")
    elif status.state != "running":
        words.append(seconds_text(status.seconds))
    return share, " · ".join([*words, *([status.device] if status.device else [])])


def _rate(snapshot: RunSnapshot) -> float:
    """Steps a second: of a live run lately, of another one over all; 0 where it is not known."""
    status = snapshot.status
    if snapshot.live:
        return status.steps_per_second
    return status.step / status.seconds if status.seconds > 0 else 0.0


def day(snapshot: RunSnapshot) -> str:
    """The day a run was trained, as 2026-11-21."""
    return datetime.fromtimestamp(snapshot.status.updated, UTC).date().isoformat()


def wait_text(seconds: float | None) -> str:
    """A time that is known roughly, in words; it changes seldom while it passes."""
    if seconds is None:
        return "how long is not known yet"
    if seconds < 7.5:
        return "a few seconds"
    if seconds < 57.5:
        return f"about {5 * round(seconds / 5)} seconds"
    if seconds < 3570:
        minutes = round(seconds / 60) or 1
        return f"about {minutes} minutes" if minutes > 1 else "about a minute"
    return "about an hour or longer"


def seconds_text(seconds: float) -> str:
    """Seconds, or minutes from 90 seconds on."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"


def _state(snapshot: RunSnapshot) -> str:
    status = snapshot.status
    if status.state == "stopped" and status.reason:
        return f"Stopped: {status.reason}"
    return {"running": "Training", "finished": "Finished", "stopped": "Stopped",
            "diverged": "Diverged", "failed": "Failed"}[status.state]
