"""What the end of a run's curves shows when samples are not good: dead gradients, losses that ran
away, a D that is always right, weights that hardly move, a D that cannot tell. Torch-free.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

from gan_core.config.choices import LOSSES
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.causes import CAUSES, OUTRUN
from gan_core.diagnosis.findings import Threshold
from gan_core.diagnosis.number_words import rounded
from gan_core.diagnosis.quality_words import percent
from gan_core.diagnosis.step_windows import last_median
from gan_core.runs.history import History

THRESHOLDS = {
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


def _limit(name: str) -> float:
    return THRESHOLDS[name].value


@dataclass(frozen=True)
class Sign:
    """What the curves show, the sentence about it, the cause it points to by itself, and the causes
    that it does not contradict."""

    name: str
    evidence: str
    default: str
    causes: frozenset[str]
    because: str = ""  # `default` in words, "" for those of CAUSES


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
    recorded = bool(history.steps)
    median = {name: last_median(history.column(name)) if recorded else math.nan for name in (
        "accuracy_real", "accuracy_fake", "score_real", "score_fake", "loss_d", "loss_g",
        "grad_norm_d", "grad_norm_g")}
    last = history.evaluations[-1].metrics if history.evaluations else {}
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
    alive = history.last_where(
        "G has a gradient", lambda start, stop: norms[start:stop] != 0, len(norms))
    if len(norms) - 1 - alive < _limit("dead_steps"):
        return None
    return int(history.column("step")[alive + 1])


def pace(config: RunConfig, known: Collection[str] | None = None) -> float:
    """How fast D learns ÷ how fast G does, by rates and steps; what is not `known` is taken for
    equal."""
    rates, d_steps, g_steps = (
        getattr(config, name) if known is None or name in known else 1.0
        for name in ("learning_rate_ratio", "discriminator_steps", "generator_steps"))
    return rates * d_steps / g_steps


def outruns(config: RunConfig, known: Collection[str] | None = None) -> bool:
    """Whether G learns so much faster that a D which is always right is not ahead of it."""
    return pace(config, known) <= OUTRUNNING


OUTRUNNING = 0.34  # G three times as fast: rings then rotate, and digits collapse


def sign_of(
    history: History, config: RunConfig, known: Collection[str] | None = None
) -> Sign:
    """The first of the signs, in the order of what explains the others; `known` as for
    `diagnose`."""
    now = curves(history)
    ahead = _outrun if outruns(config, known) else _far_ahead
    for sign in (_dead, _runaway, ahead, _still, _blind):
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
        "rate_too_large", ANY - {"rate_too_small", "noise_too_strong", "constraint_too_strong"})


def _runaway(history: History, now: Curves, config: RunConfig) -> Sign | None:
    low, high = LOSSES[config.loss].frame
    most = _limit("runaway") * (high - low)
    if not (abs(now.loss_d) > most or abs(now.loss_g) > most):
        return None
    return Sign(
        "runaway", "The losses have run away: D's stands at "
        f"{rounded(now.loss_d)} and G's at {rounded(now.loss_g)}.",
        "rate_too_large", ANY - {"rate_too_small", "noise_too_strong", "constraint_too_strong"})


def _far_ahead(history: History, now: Curves, config: RunConfig) -> Sign | None:
    if not now.accuracy >= _limit("always_right"):
        return None
    return Sign(
        "far ahead",
        f"D is right on {percent(now.accuracy)} of examples: whatever G tries, D rejects.",
        "discriminator_ahead", ANY - {"discriminator_too_weak", "constraint_too_strong"})


def _outrun(history: History, now: Curves, config: RunConfig) -> Sign | None:
    if not now.accuracy >= _limit("always_right"):
        return None
    return Sign(
        "outrun", f"D is right on {percent(now.accuracy)} of examples, but G learns so much faster "
        "that it leaps past what D could teach it.",
        "discriminator_too_weak", ANY - {"discriminator_ahead", "constraint_too_strong"}, OUTRUN)


def _still(history: History, now: Curves, config: RunConfig) -> Sign | None:
    limit = _limit("still")
    if now.travel_g < limit:
        return Sign(
            "still", f"G's weights have moved by {now.travel_g:.1%} of their size since the "
            "start: it has hardly begun to learn.",
            "rate_too_small", frozenset({"rate_too_small", "optimizer", "constraint_too_strong"}))
    if now.travel_d < limit:
        return Sign(
            "D still", f"D's weights have moved by {now.travel_d:.1%} of their size since the "
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
