"""What went wrong, and how we know: findings as pure functions of a run's history. Torch-free.

    for finding in diagnose(history, config): print(finding.evidence)

A finding names its symptom, since which step it holds, its evidence in words and numbers, and
remedies as config changes. Symptoms co-occur: a generator that stands still shows one digit, a
collapsed one is easily rejected. So a symptom that follows from an earlier one is not raised again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError
from gan_core.diagnosis import computational_cost, mode_collapse, training_symptoms
from gan_core.diagnosis.findings import Finding, Remedy
from gan_core.runs.records import History

__all__ = ["SYMPTOMS", "THRESHOLDS", "Finding", "Remedy", "Symptom", "diagnose"]

THRESHOLDS = {
    **mode_collapse.THRESHOLDS, **training_symptoms.THRESHOLDS, **computational_cost.THRESHOLDS}


@dataclass(frozen=True)
class Symptom:
    """What people call it, the check that finds it, and the challenge whose page explains it.
    `of_d` says that it can be found in a D that trains against a frozen G; others are looked for
    until the freeze."""

    title: str
    check: Callable[[History, RunConfig], Finding | None]
    page: str
    of_d: bool = False


SYMPTOMS: dict[str, Symptom] = {
    "mode_collapse": Symptom("Mode collapse", mode_collapse.mode_collapse, "mode_collapse"),
    "mode_rotation": Symptom("Mode rotation", mode_collapse.mode_rotation, "mode_collapse"),
    "vanishing_gradient": Symptom(
        "Vanishing gradient", training_symptoms.vanishing_gradient, "vanishing_gradients",
        of_d=True),
    "discriminator_overfitting": Symptom(
        "Discriminator overfitting", training_symptoms.discriminator_overfitting,
        "discriminator_overfitting", of_d=True),
    "instability": Symptom(
        "Training instability", training_symptoms.instability, "training_instability"),
    "divergence": Symptom(
        "Divergence", training_symptoms.divergence, "training_instability", of_d=True),
    "computational_cost": Symptom(
        "High computational cost", computational_cost.computational_cost, "computational_cost"),
}

# symptom -> symptoms from which it follows, if they began no later
FOLLOWS_FROM = {
    "mode_collapse": {"vanishing_gradient", "discriminator_overfitting"},  # a G that gets no help
    "mode_rotation": {"vanishing_gradient", "discriminator_overfitting"},
    "instability": {"mode_collapse", "divergence"},  # D chases the one output that G has
}

# Swings are seen at the step at which they begin, a collapse only at the next evaluation.
LATENCY = {"instability": 250}


def diagnose(history: History, config: RunConfig) -> list[Finding]:
    """Findings in order of their beginning; none for a healthy or too young run.

    Remedies are for the settings in force at the end of the history.
    """
    return list(history.derived(("findings", config), lambda: _diagnosed(history, config)))


def _diagnosed(history: History, config: RunConfig) -> list[Finding]:
    config = config.at(history.last_step)
    frozen = config.freeze_generator
    playing = history.until(frozen) if frozen else history
    found = [symptom.check(history if symptom.of_d else playing, config)
             for symptom in SYMPTOMS.values()]
    findings = sorted((f for f in found if f is not None), key=lambda finding: finding.since)
    return [_possible(f, config) for f in findings if not _follows(f, findings)]


def _follows(finding: Finding, findings: list[Finding]) -> bool:
    causes = FOLLOWS_FROM.get(finding.symptom, set())
    latest = finding.since + LATENCY.get(finding.symptom, 0)
    return any(other.symptom in causes and other.since <= latest for other in findings)


def _possible(finding: Finding, config: RunConfig) -> Finding:
    """Without remedies that do not go together with the rest of the config."""
    remedies = tuple(remedy for remedy in finding.remedies if _fits(remedy, config))
    return dataclasses.replace(finding, remedies=remedies)


def _fits(remedy: Remedy, config: RunConfig) -> bool:
    try:
        return config.replace(**remedy.changes) != config
    except ConfigError:
        return False
