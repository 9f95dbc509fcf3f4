"""Why a run fails: what the curves show first, then the settings that would explain it.

A remedy changes the setting that explains a failure; those that help many runs come after it. None
makes a D stronger that is already right. Torch-free.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.causes import CAUSES, OUTRUN
from gan_core.diagnosis.findings import Finding, Remedy, Threshold
from gan_core.diagnosis.limits_of_d import flat_at_the_data
from gan_core.diagnosis.quality import quality_of
from gan_core.diagnosis.quality_words import quality_words
from gan_core.diagnosis.signs import ANY, Sign, curves, sign_of
from gan_core.diagnosis.suspects import Suspect, suspects
from gan_core.runs.history import History

THRESHOLDS = {
    "right_enough": Threshold(
        0.9, "D's accuracy from which on no remedy may strengthen it",
        "calibrated: three D steps took runs whose D was right on 95 % from five digits to one"),
}


def _limit(name: str) -> float:
    return THRESHOLDS[name].value


def _no_learning_explained(
    finding: Finding, history: History, config: RunConfig, known: Collection[str] | None
) -> Finding:
    sign = sign_of(history, config)
    suspected = suspects(config, known)
    agreeing = [s for s in suspected if s.cause in sign.causes]
    cause, because = ((agreeing[0].cause, agreeing[0].because) if agreeing
                      else (sign.default, _plainly(sign.default)))
    last = history.evaluations[-1]
    evidence = " ".join(filter(None, (
        sign.evidence, quality_words(last, config.card),
        _cause_words(because, agreeing, known))))
    severe = sign.name in ("dead", "runaway") or quality_of(last, config.card).at_chance
    return dataclasses.replace(
        finding, severity="severe" if severe else "warning", evidence=evidence, cause=cause,
        because=because, remedies=_remedies(agreeing, sign, config))


def _plainly(cause: str) -> str:
    """A cause in words, nothing if it is not known."""
    return "" if cause == "unknown" else CAUSES[cause]


def _cause_words(
    because: str, agreeing: list[Suspect], known: Collection[str] | None
) -> str:
    if agreeing:
        return f"Most likely {because}."
    unsaid = "" if known is None else " Its settings are not known here: only the curves speak."
    if not because:
        return f"Which setting is to blame cannot be read from the curves.{unsaid}"
    return f"As far as the curves show, {because}.{unsaid}"


# --- remedies ------------------------------------------------------------------------------------


def _remedies(agreeing: list[Suspect], sign: Sign, config: RunConfig) -> tuple[Remedy, ...]:
    """The knobs of the causes first; then what helps many runs that show this sign."""
    remedies = [suspect.remedy for suspect in agreeing[:3]]
    remedies += GENERAL.get(sign.name, _general)(config)
    return _unique(remedies)


def _unique(remedies: Iterable[Remedy]) -> tuple[Remedy, ...]:
    """Without those that change the same as an earlier one."""
    first: dict[str, Remedy] = {}
    for remedy in remedies:
        first.setdefault(str(sorted(remedy.changes.items())), remedy)
    return tuple(first.values())


def _general(config: RunConfig) -> list[Remedy]:
    points = config.card.kind == "points"
    remedies = []
    if points and config.r1 == 0 and config.gradient_penalty == 0:
        remedies.append(flat_at_the_data(config))
    if config.discriminator_steps < 2 and config.learning_rate < 5e-4:
        remedies.append(Remedy(
            "Learning rate 0.001", {"learning_rate": 1e-3},
            "faster, and still steady with these networks"))
    return remedies


def _when_ahead(config: RunConfig) -> list[Remedy]:
    """Never more D: it is right already."""
    remedies = []
    if config.loss == "minimax":
        remedies.append(Remedy(
            "Non-saturating loss", {"loss": "non_saturating"},
            "its gradient is largest exactly when D rejects every sample"))
    if config.r1 == 0 and config.gradient_penalty == 0 and not config.mixes_batch:
        remedies.append(flat_at_the_data(config))
    if config.generator_steps < 2 and config.update_order != "simultaneous":
        remedies.append(Remedy(
            "Two G steps per round", {"generator_steps": 2}, "G catches up with D"))
    return remedies


def _when_slow(config: RunConfig) -> list[Remedy]:
    return [Remedy("Ten times the learning rate",
                   {"learning_rate": min(10 * config.learning_rate, 1.0)},
                   "the weights hardly move")]


def _when_wild(config: RunConfig) -> list[Remedy]:
    return [Remedy("A tenth of the learning rate",
                   {"learning_rate": max(config.learning_rate / 10, 1e-6)},
                   "smaller steps do not jump over what they are looking for")]


def _when_weak(config: RunConfig) -> list[Remedy]:
    if config.discriminator_steps < 3 and config.update_order != "simultaneous":
        return [Remedy("Three D steps per round", {"discriminator_steps": 3},
                       "D must see what is wrong before G can mend it")]
    return []


GENERAL = {"dead": _when_wild, "runaway": _when_wild, "far ahead": _when_ahead,
           "still": _when_slow, "D still": _when_slow, "blind": _when_weak}


def explained(
    finding: Finding, history: History, config: RunConfig, known: Collection[str] | None
) -> Finding:
    """The finding with its cause, and the setting that explains it in front of its remedies."""
    if finding.symptom == "no_learning":
        finding = _no_learning_explained(finding, history, config, known)
    else:
        finding = _with_suspects(finding, config, known)
    if not history.steps or curves(history).accuracy < _limit("right_enough"):
        return finding
    helpful = tuple(r for r in finding.remedies if not _strengthens(r, config))
    return dataclasses.replace(finding, remedies=helpful)


def _with_suspects(
    finding: Finding, config: RunConfig, known: Collection[str] | None
) -> Finding:
    causes = EXPLAINS.get(finding.symptom, frozenset())
    explaining = [suspect for suspect in suspects(config, known) if suspect.cause in causes]
    if not explaining:
        return finding
    first = explaining[0]
    # A D that was outrun may well be right on the one picture that is left.
    because = OUTRUN if first.cause == "discriminator_too_weak" else first.because
    remedies = _unique((*(s.remedy for s in explaining[:2]), *finding.remedies))
    return dataclasses.replace(finding, remedies=remedies, cause=first.cause, because=because)


def _strengthens(remedy: Remedy, config: RunConfig) -> bool:
    """Whether a remedy makes D stronger. Where G learns faster than D by its rate, a D that is
    always right is not strong: it has one picture to reject."""
    if config.learning_rate_ratio < 1:
        return False
    return any(sign * remedy.changes[name] > sign * getattr(config, name)
               for name, sign in STRENGTHENING.items() if name in remedy.changes)


# Settings by which D gains on G: upwards, or downwards.
STRENGTHENING = {"discriminator_steps": 1, "learning_rate_ratio": 1, "generator_steps": -1,
                 "dropout": -1, "label_smoothing": -1}


# Which causes explain which other symptoms.
EXPLAINS: dict[str, frozenset[str]] = {
    "divergence": frozenset({"rate_too_large", "momentum", "discriminator_ahead", "optimizer"}),
    "mode_collapse": ANY - {"few_data"},
    "mode_rotation": ANY - {"few_data"},
    "discriminator_overfitting": frozenset({"few_data"}),
    "vanishing_gradient": frozenset({"discriminator_ahead"}),
    "instability": frozenset({"rate_too_large", "momentum"}),
}
