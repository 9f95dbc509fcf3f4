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
from gan_core.diagnosis import (
    computational_cost,
    discriminator_overfitting,
    instability,
    mode_collapse,
    step_windows,
    vanishing_gradients,
)
from gan_core.diagnosis.findings import Finding, Remedy, Threshold
from gan_core.runs.history import History

__all__ = ["SYMPTOMS", "THRESHOLDS", "Finding", "Remedy", "Symptom", "diagnose"]

FAMILIES = (mode_collapse, vanishing_gradients, discriminator_overfitting, instability,
            computational_cost, step_windows)
THRESHOLDS: dict[str, Threshold] = {
    name: threshold for family in FAMILIES for name, threshold in family.THRESHOLDS.items()}


@dataclass(frozen=True)
class Symptom:
    """What people call it, the check that finds it, and the challenge whose page explains it.

    With `while_frozen` it can also arise in a D that trains on against a frozen G; the other
    symptoms are looked for only in the steps before the freeze.
    """

    title: str
    check: Callable[[History, RunConfig], Finding | None]
    challenge: str
    while_frozen: bool = False


SYMPTOMS: dict[str, Symptom] = {
    "mode_collapse": Symptom("Mode collapse", mode_collapse.mode_collapse, "mode_collapse"),
    "mode_rotation": Symptom("Mode rotation", mode_collapse.mode_rotation, "mode_collapse"),
    "vanishing_gradient": Symptom(
        "Vanishing gradient", vanishing_gradients.vanishing_gradient, "vanishing_gradients",
        while_frozen=True),
    "discriminator_overfitting": Symptom(
        "Discriminator overfitting", discriminator_overfitting.discriminator_overfitting,
        "discriminator_overfitting", while_frozen=True),
    "instability": Symptom(
        "Training instability", instability.instability, "training_instability"),
    "divergence": Symptom(
        "Divergence", instability.divergence, "training_instability", while_frozen=True),
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
    before_freeze = history.until(frozen) if frozen else history
    results = [symptom.check(history if symptom.while_frozen else before_freeze, config)
               for symptom in SYMPTOMS.values()]
    findings = sorted((f for f in results if f is not None), key=lambda finding: finding.since)
    return [_with_possible_remedies(f, config) for f in findings if not _follows(f, findings)]


def _follows(finding: Finding, findings: list[Finding]) -> bool:
    causes = FOLLOWS_FROM.get(finding.symptom, set())
    latest = finding.since + LATENCY.get(finding.symptom, 0)
    return any(other.symptom in causes and other.since <= latest for other in findings)


def _with_possible_remedies(finding: Finding, config: RunConfig) -> Finding:
    """The finding without remedies that the rest of the config refuses or has already."""
    remedies = tuple(remedy for remedy in finding.remedies if _fits(remedy, config))
    return dataclasses.replace(finding, remedies=remedies)


def _fits(remedy: Remedy, config: RunConfig) -> bool:
    try:
        return config.replace(**remedy.changes) != config
    except ConfigError:
        return False
