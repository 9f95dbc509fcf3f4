"""What the product says of a run: the one place at which an audit asks it."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.diagnose import THRESHOLDS, Finding, diagnose
from gan_core.runs.history import History

GREEN = "healthy"
FAILING = ("failing", "diverged", "failed")


@dataclass(frozen=True)
class Told:
    """The state that a verdict gives a run, and the changes of its first remedy, if it has one."""

    state: str
    remedy: dict[str, Any] | None


def told(history: History, config: RunConfig) -> Told:
    """What a viewer of this run is told."""
    try:
        verdict = importlib.import_module("gan_core.diagnosis.verdict").verdict(history, config)
    except ModuleNotFoundError:  # before there was one verdict, pages put it together
        findings = diagnose(history, config)
        return Told(_state(history, findings), _first_remedy(findings))
    return Told(verdict.state, _first_remedy(verdict.findings))


def _first_remedy(findings: Any) -> dict[str, Any] | None:
    remedies = findings[0].remedies if findings else ()
    return dict(remedies[0].changes) if remedies else None


def _state(history: History, findings: list[Finding]) -> str:
    """As the pages said it."""
    if history.outcome is not None and history.outcome.kind in ("diverged", "failed"):
        return history.outcome.kind
    if findings:
        return "failing"
    last = history.evaluations[-1] if history.evaluations else None
    if last is None or last.step < THRESHOLDS["patience_steps"].value:
        return "too_early"
    few = last.metrics["modes"] <= THRESHOLDS["few_modes"].value * last.metrics["modes_total"]
    return "improving" if few else GREEN
