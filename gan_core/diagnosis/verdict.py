"""The one verdict on a run: page, command line, JSON and records all say it. Torch-free.

A verdict is green only where samples are good. A run that is not good yet is *improving* only if
that was checked; if it does not improve, it fails, and a finding says why.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.diagnose import BESIDES, THRESHOLDS, diagnose, title_of
from gan_core.diagnosis.findings import Finding, Remedy
from gan_core.diagnosis.improvement import improving
from gan_core.diagnosis.quality import quality_of
from gan_core.runs.history import History

STATES = ("healthy", "too_early", "improving", "failing", "diverged", "failed")
PATIENCE = THRESHOLDS["patience_steps"].value  # every G begins with one mode


@dataclass(frozen=True)
class Verdict:
    """`state` is one of STATES; `headline` one short sentence; `cause` what is behind a failure:
    one of `causes.CAUSES` or a symptom, "" where nothing fails; `findings` with their
    evidence, the leading one first."""

    state: str
    headline: str
    cause: str = ""
    findings: tuple[Finding, ...] = ()

    @property
    def remedies(self) -> tuple[Remedy, ...]:
        """Of the leading finding."""
        return self.findings[0].remedies if self.findings else ()

    def to_dict(self) -> dict[str, Any]:
        return {"state": self.state, "headline": self.headline, "cause": self.cause}


def verdict(
    history: History, config: RunConfig, known: Collection[str] | None = None
) -> Verdict:
    """The verdict on a run as far as it has come; `known` as for `diagnose`."""
    if history.outcome is not None and history.outcome.kind == "failed":
        return Verdict("failed", "The run failed.", "failed")
    findings = tuple(diagnose(history, config, known))
    if history.outcome is not None and history.outcome.kind == "diverged":
        return _failing("diverged", findings)
    return _of_findings(history, config, findings)


def _of_findings(history: History, config: RunConfig, findings: tuple[Finding, ...]) -> Verdict:
    last = history.evaluations[-1] if history.evaluations else None
    good = last is not None and quality_of(last, config.card).good
    # Slow steps say nothing about the samples: alone they are no failure of the training.
    failures = [f for f in findings if f.symptom not in BESIDES]
    if any(f.severity == "severe" for f in failures) or (failures and not good):
        return _failing("failing", findings)
    if last is None or last.step < PATIENCE:
        return Verdict("too_early", _besides(_waiting(history, config), findings), "", findings)
    if good:
        return Verdict("healthy", _healthy(findings), "", findings)
    if _convincing(history, config):
        words = "Not there yet, but improving."
        return Verdict("improving", _besides(words, findings), "", findings)
    return Verdict("too_early", _besides(_waiting(history, config), findings), "", findings)


def _convincing(history: History, config: RunConfig) -> bool:
    """Whether a run improves, its samples are better than noise already, and they show most modes.
    Before that they may come nearer to the data for a while, and stay noise or become fewer."""
    last = [quality_of(each, config.card) for each in history.evaluations[-2:]]
    return (improving(history, config.card) is True and not _frozen(history, config)
            and not all(quality.at_chance for quality in last) and not last[-1].narrow)


def _waiting(history: History, config: RunConfig) -> str:
    if _frozen(history, config):
        return f"G stands still since step {config.freeze_generator}, where it was frozen."
    return "Too early to tell."


def _frozen(history: History, config: RunConfig) -> bool:
    """Whether G stands still because that was set."""
    return 0 < config.freeze_generator < history.last_step


def _healthy(findings: tuple[Finding, ...]) -> str:
    return _besides("Good samples." if findings else "No failure found.", findings)


def _besides(words: str, findings: tuple[Finding, ...]) -> str:
    """With what was found although the run does not fail."""
    if not findings:
        return words
    joint = "; also" if " but " in words else ", but"
    return f"{words.removesuffix('.')}{joint} {title_of(findings[0]).lower()}."


def _failing(state: str, findings: tuple[Finding, ...]) -> Verdict:
    first = findings[0]
    cause = first.cause or first.symptom
    headline = ": ".join(filter(None, (title_of(first), first.because)))
    return Verdict(state, f"{headline}.", cause, findings)
