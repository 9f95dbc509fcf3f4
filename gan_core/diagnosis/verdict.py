"""The one verdict on a run: page, command line, JSON and records all say it. Torch-free.

A verdict is green only where samples are good. A run that is not good yet is *improving* only if
that was checked; if it does not improve, it fails, and a finding says why.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.causes import CAUSES
from gan_core.diagnosis.diagnose import SYMPTOMS, THRESHOLDS, diagnose
from gan_core.diagnosis.findings import Finding, Remedy
from gan_core.diagnosis.improvement import improving
from gan_core.diagnosis.quality import quality_of
from gan_core.runs.history import History

STATES = ("healthy", "too_early", "improving", "failing", "diverged", "failed")
PATIENCE = THRESHOLDS["patience_steps"].value  # every G begins with one mode


@dataclass(frozen=True)
class Verdict:
    """`state` is one of STATES; `headline` one short sentence; `cause` what is behind a failure:
    one of `no_learning.CAUSES` or a symptom, "" where nothing fails; `findings` with their
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
    if any(f.severity == "severe" for f in findings) or (findings and not good):
        return _failing("failing", findings)
    if last is None or last.step < PATIENCE:
        return Verdict("too_early", _waiting(history, config), findings=findings)
    if good:
        return Verdict("healthy", _healthy(findings), findings=findings)
    if improving(history, config.card):
        return Verdict("improving", "Not there yet, but improving.", findings=findings)
    return Verdict("too_early", _waiting(history, config), findings=findings)


def _waiting(history: History, config: RunConfig) -> str:
    frozen = config.freeze_generator
    if 0 < frozen < history.last_step:
        return f"G stands still since step {frozen}, as was set."
    return "Too early to tell."


def _healthy(findings: tuple[Finding, ...]) -> str:
    if not findings:
        return "No failure found."
    return f"Good samples, but {SYMPTOMS[findings[0].symptom].title.lower()}."


def _failing(state: str, findings: tuple[Finding, ...]) -> Verdict:
    first = findings[0]
    cause = first.cause or first.symptom
    headline = SYMPTOMS[first.symptom].title
    if cause in CAUSES and cause != "unknown":
        headline += f": {CAUSES[cause]}"
    return Verdict(state, f"{headline}.", cause, findings)
