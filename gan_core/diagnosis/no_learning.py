"""No learning: samples no better than chance, or standing still before they are good; and why.

What the curves show comes first: gradients that are dead, a D that is always right, a D that cannot
tell, weights that hardly move. Then the settings that would explain it, where they are known.
Torch-free.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from gan_core.config.choices import LOSSES
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.findings import Finding, Remedy, Threshold
from gan_core.diagnosis.improvement import improving
from gan_core.diagnosis.quality import Quality, quality_of
from gan_core.diagnosis.quality_words import quality_words
from gan_core.diagnosis.step_windows import last_median
from gan_core.diagnosis.suspects import Suspect, suspects
from gan_core.runs.history import History

THRESHOLDS = {
    "learning_steps": Threshold(
        750, "steps after which samples that are no better than chance are a finding",
        "calibrated: healthy runs draw recognisable digits, or points near modes, by then"),
    "dead_steps": Threshold(
        20, "steps in a row with a gradient of exactly zero after which a network is dead",
        "convention: a network that still learns has no gradient of exactly zero"),
    "always_right": Threshold(
        0.97, "D's accuracy from which on it is far ahead of G",
        "Arjovsky & Bottou (2017), section 2: D's accuracy tends to 1"),
    "cannot_tell": Threshold(
        0.15, "difference between D's scores of real and generated examples below which it cannot "
        "tell them apart", "calibrated: healthy runs keep 0.2 to 0.5"),
    "still": Threshold(
        0.03, "way that a network's weights have moved since the start, ÷ their length, below "
        "which they hardly moved", "calibrated: G moves by 0.3 and more in a healthy session"),
    "runaway": Threshold(
        10, "losses of so many times the width of their usual range have run away",
        "convention"),
}

CAUSES: dict[str, str] = {  # of no_learning, and what people are told of each
    "rate_too_small": "the learning rate is too small",
    "rate_too_large": "the learning rate is too large",
    "discriminator_ahead": "D is too far ahead",
    "discriminator_too_weak": "D is too weak",
    "constraint_too_strong": "D is held too flat",
    "noise_too_strong": "noise hides the data",
    "latent_too_small": "the latent space is too small",
    "batch_too_small": "the batch is too small",
    "momentum": "there is too much momentum",
    "optimizer": "the optimiser is a poor choice here",
    "capacity": "the networks are too small or too deep",
    "few_data": "there are too few training examples",
    "unknown": "the cause is not clear",
}


def _limit(name: str) -> float:
    return THRESHOLDS[name].value


# --- what the curves show ------------------------------------------------------------------------


@dataclass(frozen=True)
class Sign:
    """What the curves show, the sentence about it, the cause it points to by itself, and the causes
    that it does not contradict."""

    name: str
    evidence: str
    default: str
    causes: frozenset[str]


ANY = frozenset(CAUSES)


@dataclass(frozen=True)
class Curves:
    """The end of a run in numbers; NaN where something was not recorded."""

    accuracy: float
    score_gap: float
    loss_d: float
    loss_g: float
    norm_d: float
    norm_g: float
    travel_d: float
    travel_g: float


def curves(history: History) -> Curves:
    """Medians of the last window of steps."""
    median = {name: last_median(history.column(name)) for name in (
        "accuracy_real", "accuracy_fake", "score_real", "score_fake", "loss_d", "loss_g",
        "grad_norm_d", "grad_norm_g")}
    last = history.evaluations[-1].metrics
    return Curves(
        (median["accuracy_real"] + median["accuracy_fake"]) / 2,
        median["score_real"] - median["score_fake"],
        median["loss_d"], median["loss_g"], median["grad_norm_d"], median["grad_norm_g"],
        last.get("travel_d", math.nan), last.get("travel_g", math.nan))


def dead_since(history: History) -> int | None:
    """The step since which a gradient of G is exactly zero; None if G still has one.

    Under the hinge loss D's own gradient is zero while it is right beyond its margin: that is no
    death.
    """
    norms = history.column("grad_norm_g")
    alive = np.flatnonzero(norms[-5000:] != 0)
    zeros = len(norms[-5000:]) - (int(alive[-1]) + 1 if alive.size else 0)
    if zeros < _limit("dead_steps"):
        return None
    return int(history.column("step")[len(norms) - zeros])


def sign_of(history: History, config: RunConfig) -> Sign:
    """The first of the signs, in the order of what explains the others."""
    now = curves(history)
    for sign in (_dead, _runaway, _far_ahead, _still, _blind):
        if (shown := sign(history, now, config)) is not None:
            return shown
    right = "" if math.isnan(now.accuracy) else f"D is right on {now.accuracy:.0%} of examples."
    return Sign("none", right, "unknown", ANY)


def _dead(history: History, now: Curves, config: RunConfig) -> Sign | None:
    since = dead_since(history)
    if since is None:
        return None
    return Sign(
        "dead", f"Since step {since} G's gradient is exactly zero: nothing that D says reaches it.",
        "rate_too_large",
        frozenset({"rate_too_large", "momentum", "discriminator_ahead", "optimizer", "capacity"}))


def _runaway(history: History, now: Curves, config: RunConfig) -> Sign | None:
    low, high = LOSSES[config.loss].frame
    most = _limit("runaway") * (high - low)
    if not (abs(now.loss_d) > most or abs(now.loss_g) > most):
        return None
    return Sign(
        "runaway", f"The losses have run away: {now.loss_d:.3g} of D and {now.loss_g:.3g} of G.",
        "rate_too_large", ANY - {"rate_too_small", "noise_too_strong", "constraint_too_strong"})


def _far_ahead(history: History, now: Curves, config: RunConfig) -> Sign | None:
    if not now.accuracy >= _limit("always_right"):
        return None
    return Sign(
        "far ahead", f"D is right on {now.accuracy:.1%} of examples, and G's loss is "
        f"{now.loss_g:.2g}: whatever G tries, D rejects.",
        "discriminator_ahead", ANY - {"discriminator_too_weak", "constraint_too_strong"})


def _still(history: History, now: Curves, config: RunConfig) -> Sign | None:
    limit = _limit("still")
    if now.travel_g < limit:
        return Sign(
            "still", f"G's weights have moved by {now.travel_g:.1%} of their length since the "
            "start: it has hardly begun to learn.",
            "rate_too_small", frozenset({"rate_too_small", "optimizer", "constraint_too_strong"}))
    if now.travel_d < limit:
        return Sign(
            "D still", f"D's weights have moved by {now.travel_d:.1%} of their length since the "
            "start: G learns from a D that knows nothing.",
            "discriminator_too_weak",
            frozenset({"discriminator_too_weak", "rate_too_small", "optimizer",
                       "constraint_too_strong"}))
    return None


def _blind(history: History, now: Curves, config: RunConfig) -> Sign | None:
    if not abs(now.score_gap) < _limit("cannot_tell"):
        return None
    return Sign(
        "blind", f"D scores real and generated examples nearly alike (their scores differ by "
        f"{now.score_gap:.2f}), although the samples are not good: it does not see what is wrong.",
        "discriminator_too_weak", ANY - {"discriminator_ahead"})


# --- the finding ---------------------------------------------------------------------------------


def no_learning(history: History, config: RunConfig) -> Finding | None:
    """Samples at chance, or standing still before they are good; `explained` says why."""
    since = _since(history, config)
    if since is None:
        return None
    return Finding("no_learning", "severe", since, "")


def _explained(
    finding: Finding, history: History, config: RunConfig, known: Collection[str] | None
) -> Finding:
    sign = sign_of(history, config)
    suspected = suspects(config, known)
    agreeing = [s for s in suspected if s.cause in sign.causes]
    cause = agreeing[0].cause if agreeing else sign.default
    last = history.evaluations[-1]
    evidence = " ".join(filter(None, (
        sign.evidence, quality_words(last, config.card),
        _cause_words(cause, agreeing, known))))
    severe = sign.name in ("dead", "runaway") or quality_of(last, config.card).at_chance
    return dataclasses.replace(
        finding, severity="severe" if severe else "warning", evidence=evidence, cause=cause,
        remedies=_remedies(agreeing, sign, config))


def _since(history: History, config: RunConfig) -> int | None:
    if not history.evaluations or len(history.steps) < 2:
        return None
    if (dead := dead_since(history)) is not None:
        return dead
    last = history.evaluations[-1]
    quality = quality_of(last, config.card)
    if last.step < _limit("learning_steps") or quality.good or improving(history, config.card):
        return None
    return _start(history, config, quality)


def _start(history: History, config: RunConfig, quality: Quality) -> int:
    """The first evaluation since which samples have been no better than now."""
    since = history.evaluations[-1].step
    for evaluation in reversed(history.evaluations):
        then = quality_of(evaluation, config.card)
        if then.good or (quality.at_chance and not then.at_chance):
            break
        since = evaluation.step
    return since


def _cause_words(
    cause: str, agreeing: list[Suspect], known: Collection[str] | None
) -> str:
    if agreeing:
        return f"Most likely {CAUSES[cause]}."
    unsaid = "" if known is None else " Its settings are not known here: only the curves speak."
    if cause == "unknown":
        return f"Which setting is to blame cannot be read from the curves.{unsaid}"
    return f"As far as the curves show, {CAUSES[cause]}.{unsaid}"


# --- remedies ------------------------------------------------------------------------------------


def _remedies(agreeing: list[Suspect], sign: Sign, config: RunConfig) -> tuple[Remedy, ...]:
    """The knobs of the causes first; then what helps many runs that show this sign."""
    remedies = [suspect.remedy for suspect in agreeing[:3]]
    remedies += GENERAL.get(sign.name, _general)(config)
    return tuple({str(sorted(r.changes.items())): r for r in remedies}.values())


def _general(config: RunConfig) -> list[Remedy]:
    points = config.card.kind == "points"
    remedies = []
    if points and config.r1 == 0 and config.gradient_penalty == 0:
        remedies.append(Remedy(
            "R1 penalty, γ 0.1", {"r1": 0.1}, "a D that is flat at the data lets G stay there"))
    if not points and config.discriminator_steps < 2 and config.learning_rate < 5e-4:
        remedies.append(Remedy(
            "Learning rate 0.001", {"learning_rate": 1e-3},
            "faster, and still steady with the report's networks"))
    return remedies


def _when_ahead(config: RunConfig) -> list[Remedy]:
    """Never more D: it is right already."""
    remedies = []
    if config.loss == "minimax":
        remedies.append(Remedy(
            "Non-saturating loss", {"loss": "non_saturating"},
            "its gradient is largest exactly when D rejects every sample"))
    if config.r1 == 0 and config.gradient_penalty == 0 and not config.mixes_batch:
        weight = 0.1 if config.card.kind == "points" else 10.0
        remedies.append(Remedy(
            f"R1 penalty, γ {weight:g}", {"r1": weight},
            "a D that is not steep lets G find its way"))
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
        return _explained(finding, history, config, known)
    causes = EXPLAINS.get(finding.symptom, frozenset())
    explaining = [suspect for suspect in suspects(config, known) if suspect.cause in causes]
    remedies = (*(s.remedy for s in explaining[:2]), *finding.remedies)
    unique = tuple({str(sorted(r.changes.items())): r for r in remedies}.values())
    return dataclasses.replace(
        finding, remedies=unique, cause=explaining[0].cause if explaining else finding.cause)


# Which causes explain which other symptoms.
EXPLAINS: dict[str, frozenset[str]] = {
    "divergence": frozenset({"rate_too_large", "momentum", "discriminator_ahead"}),
    "mode_collapse": frozenset({
        "rate_too_large", "momentum", "discriminator_too_weak", "discriminator_ahead",
        "batch_too_small", "latent_too_small", "optimizer", "capacity", "constraint_too_strong"}),
    "mode_rotation": frozenset({
        "rate_too_large", "momentum", "discriminator_too_weak", "batch_too_small"}),
    "discriminator_overfitting": frozenset({"few_data"}),
    "vanishing_gradient": frozenset({"discriminator_ahead"}),
    "instability": frozenset({"rate_too_large", "momentum"}),
}
