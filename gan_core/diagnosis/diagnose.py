"""What went wrong, and how we know: findings as pure functions of a run's history. Torch-free.

    for finding in diagnose(history, config): print(finding.evidence)

A finding names its symptom, since which step it holds, its evidence in words and numbers, and
remedies as config changes. Symptoms co-occur: a generator that stands still shows one digit, a
collapsed one is easily rejected. So a symptom that follows from an earlier one is not raised again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from dataclasses import dataclass

from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError
from gan_core.diagnosis import (
    computational_cost,
    discriminator_overfitting,
    explanations,
    improvement,
    instability,
    mode_collapse,
    no_learning,
    quality,
    signs,
    step_windows,
    vanishing_gradients,
)
from gan_core.diagnosis.findings import Finding, Remedy, Threshold
from gan_core.runs.history import History

__all__ = ["SYMPTOMS", "THRESHOLDS", "Finding", "Remedy", "Symptom", "diagnose"]

FAMILIES = (quality, improvement, no_learning, signs, explanations, mode_collapse,
            vanishing_gradients, discriminator_overfitting, instability, computational_cost,
            step_windows)
THRESHOLDS: dict[str, Threshold] = {
    name: threshold for family in FAMILIES for name, threshold in family.THRESHOLDS.items()}


Known = Collection[str] | None  # names of the settings that are known; None: all are


@dataclass(frozen=True)
class Symptom:
    """What people call it, the check that finds it, and the challenge whose page explains it.

    With `while_frozen` it can also arise in a D that trains on against a frozen G; the other
    symptoms are looked for only in the steps before the freeze. With `by_settings` the check also
    takes which settings are known.
    """

    title: str
    check: Callable[..., Finding | None]
    challenge: str
    while_frozen: bool = False
    by_settings: bool = False


SYMPTOMS: dict[str, Symptom] = {
    "no_learning": Symptom(
        "No learning", no_learning.no_learning, "training_instability", by_settings=True),
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
# symptom -> symptoms that explain it, whenever they were noticed
EXPLAINED_BY = {
    "no_learning": {"divergence", "vanishing_gradient", "discriminator_overfitting",
                    "mode_collapse", "mode_rotation", "instability"},
    "mode_rotation": {"divergence"},
    "mode_collapse": {"divergence"},
}
LEADING = ("divergence", "no_learning")  # causes of what else is seen, whatever its date
BESIDES = ("computational_cost",)  # no failure to learn: said last

# Swings are seen at the step at which they begin, a collapse only at the next evaluation.
LATENCY = {"instability": 250}


def title_of(finding: Finding) -> str:
    """What people call a finding."""
    return finding.title or SYMPTOMS[finding.symptom].title


def diagnose(
    history: History, config: RunConfig, known: Known = None
) -> list[Finding]:
    """Findings, causes before their effects; none for a healthy or too young run.

    Remedies are for the settings in force at the end of the history. `known` names the settings
    that are known, if not all are: of the others `config` holds guesses, which explain nothing.
    """
    key = ("findings", config, None if known is None else frozenset(known))
    return list(history.derived(key, lambda: _diagnosed(history, config, known)))


def _diagnosed(
    history: History, config: RunConfig, known: Known
) -> list[Finding]:
    config = config.at(history.last_step)
    frozen = config.freeze_generator
    before_freeze = history.until(frozen) if frozen else history
    results = [symptom.check(history if symptom.while_frozen else before_freeze, config,
                             *([known] if symptom.by_settings else []))
               for symptom in SYMPTOMS.values()]
    findings = [f for f in results if f is not None]
    remaining = [f for f in findings if not _follows(f, findings)]
    explained = [explanations.explained(f, history, config, known) for f in remaining]
    explained.sort(key=lambda finding: (
        finding.symptom in BESIDES, finding.symptom not in LEADING, finding.sure))
    return [_with_possible_remedies(f, config) for f in explained]


def _follows(finding: Finding, findings: list[Finding]) -> bool:
    causes = FOLLOWS_FROM.get(finding.symptom, set())
    latest = finding.sure + LATENCY.get(finding.symptom, 0)
    return any(
        (other.symptom in causes and other.sure <= latest)
        or other.symptom in EXPLAINED_BY.get(finding.symptom, ())
        for other in findings)


def _with_possible_remedies(finding: Finding, config: RunConfig) -> Finding:
    """The finding without remedies that the rest of the config refuses or has already."""
    remedies = tuple(remedy for remedy in finding.remedies if _fits(remedy, config))
    return dataclasses.replace(finding, remedies=remedies)


def _fits(remedy: Remedy, config: RunConfig) -> bool:
    try:
        return config.replace(**remedy.changes) != config
    except ConfigError:
        return False
