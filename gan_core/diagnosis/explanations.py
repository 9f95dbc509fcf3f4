"""Why a run fails: what the curves show first, then the settings that would explain it.

A remedy changes the setting that explains a failure; those that help many runs come after it. None
makes a D stronger that is already right. Torch-free.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Sequence

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.causes import CAUSES, OUTRUN, UNLIMITED
from gan_core.diagnosis.findings import Finding, Remedy, Threshold
from gan_core.diagnosis.limits_of_d import flat_at_the_data, limited, taking_turns
from gan_core.diagnosis.quality import quality_of
from gan_core.diagnosis.quality_words import quality_words
from gan_core.diagnosis.signs import ANY, Sign, curves, outruns, pace, sign_of
from gan_core.diagnosis.suspects import Suspect, suspects
from gan_core.diagnosis.suspects.networks import fitting_batch, larger_batch
from gan_core.runs.history import History

THRESHOLDS = {
    "right_enough": Threshold(
        0.9, "D's accuracy from which on no remedy may strengthen it",
        "calibrated: three D steps took runs whose D was right on 95 % from five digits to one"),
    "both_at_fault": Threshold(
        0.4, "excess of two settings from which on they are mended together",
        "calibrated: of public reports with two such settings neither alone was enough"),
}


def _limit(name: str) -> float:
    return THRESHOLDS[name].value


def _no_learning_explained(
    finding: Finding, history: History, config: RunConfig, known: Collection[str] | None
) -> Finding:
    sign = sign_of(history, config, known)
    agreeing = [suspect for suspect in _helpful(suspects(config, known, history.last_step),
                                                history, config) if suspect.cause in sign.causes]
    cause, because = sign.default, sign.because or _plainly(sign.default)
    if agreeing:
        first = agreeing[0]
        cause, because = first.cause, _because(first) if sign.because else first.because
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
    single = [suspect.remedy for suspect in agreeing[:3]]
    remedies = [*_at_once(agreeing, config), *single]
    remedies += GENERAL.get(sign.name, _general)(config)
    return _unique(remedies, config)


def _at_once(explaining: Sequence[Suspect], config: RunConfig) -> list[Remedy]:
    """Two changes together, where either alone would leave a fault: two settings that are both far
    outside the usual, or one beside what narrow modes ask for. At most two knobs, so that it can
    still be told what helped."""
    parts = [suspect.remedy for suspect in explaining[:2]
             if suspect.excess >= _limit("both_at_fault")]
    if len(parts) < 2 and explaining and config.card.kind == "points":
        parts = [explaining[0].remedy, *_for_narrow_modes(explaining[0], config)]
    names = [name for part in parts for name in part.changes]
    if len(parts) < 2 or len(names) > MOST_KNOBS:
        return []
    first, second = parts
    return [Remedy(f"{first.label} and {second.label}", {**first.changes, **second.changes},
                   f"{first.why}; {second.why}")]


def _for_narrow_modes(suspect: Suspect, config: RunConfig) -> list[Remedy]:
    """What else the data ask for: a few examples of each mode in a batch, or a D that something
    limits. Noise limits it by itself, while it lasts."""
    small = 2 * config.batch_size < fitting_batch(config)
    if small and "batch_size" not in suspect.remedy.changes:
        return [larger_batch(config)]
    if suspect.cause == "noise_too_strong" or limited(config):
        return []
    return [flat_at_the_data(config)]


MOST_KNOBS = 2


def _unique(remedies: Iterable[Remedy], config: RunConfig) -> tuple[Remedy, ...]:
    """Without those that come to the same settings as an earlier one."""
    first: dict[str, Remedy] = {}
    for remedy in remedies:
        changed = {name: value for name, value in remedy.changes.items()
                   if getattr(config, name) != value}
        first.setdefault(str(sorted(changed.items())), remedy)
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
    if config.generator_steps < 2 and pace(config) >= 1:
        remedies.append(Remedy(
            "Two G steps per round", {"generator_steps": 2, **taking_turns(config)},
            "G catches up with D"))
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
    if config.discriminator_steps < 3:
        return [Remedy("Three D steps per round",
                       {"discriminator_steps": 3, **taking_turns(config)},
                       "D must see what is wrong before G can mend it")]
    return []


def _when_outrun(config: RunConfig) -> list[Remedy]:
    remedies = _when_weak(config)
    if config.learning_rate_ratio < 1:
        remedies.append(Remedy("Equal learning rates", {"learning_rate_ratio": 1.0},
                               "G no longer outruns D"))
    if config.generator_steps > 1:
        remedies.append(Remedy("One G step per round", {"generator_steps": 1},
                               "D then keeps up with G"))
    return remedies


GENERAL = {"dead": _when_wild, "runaway": _when_wild, "far ahead": _when_ahead,
           "outrun": _when_outrun,
           "still": _when_slow, "D still": _when_slow, "blind": _when_weak}


def explained(
    finding: Finding, history: History, config: RunConfig, known: Collection[str] | None
) -> Finding:
    """The finding with its cause, and the setting that explains it in front of its remedies."""
    if finding.symptom == "no_learning":
        finding = _no_learning_explained(finding, history, config, known)
    else:
        finding = _with_suspects(finding, history, config, known)
    if not history.steps or curves(history).accuracy < _limit("right_enough"):
        return finding
    helpful = tuple(r for r in finding.remedies if not _strengthens(r, config))
    if finding.remedies and not helpful:  # a failure is never left without anything to try
        helpful = tuple(_when_ahead(config))
    return dataclasses.replace(finding, remedies=helpful)


def _helpful(
    suspected: Iterable[Suspect], history: History, config: RunConfig
) -> list[Suspect]:
    """Those whose remedy may be offered, so that the cause that is named is one to be mended."""
    right = bool(history.steps) and curves(history).accuracy >= _limit("right_enough")
    return [suspect for suspect in suspected
            if not (right and _strengthens(suspect.remedy, config))]


def _with_suspects(
    finding: Finding, history: History, config: RunConfig, known: Collection[str] | None
) -> Finding:
    causes = EXPLAINS.get(finding.symptom, frozenset())
    suspected = _helpful(suspects(config, known, history.last_step), history, config)
    explaining = [suspect for suspect in suspected
                  if suspect.cause in causes or _swings(finding, suspect)]
    if not explaining:
        return finding
    first = explaining[0]
    before = () if _swings(finding, first) else (
        *_at_once(explaining, config), *(s.remedy for s in explaining[:2]))
    return dataclasses.replace(
        finding, remedies=_unique((*before, *finding.remedies), config), cause=first.cause,
        because=_because(first))


def _because(suspect: Suspect) -> str:
    """The cause in words: a D that was outrun is not weak where it is right on the one picture that
    is left."""
    outrun = suspect.cause == "discriminator_too_weak" and set(suspect.knobs) & PACE
    return OUTRUN if outrun else suspect.because


def _swings(finding: Finding, suspect: Suspect) -> bool:
    """Whether a critic without a limit explains swings: what calms these it knows itself best."""
    return finding.symptom == "instability" and suspect.words == UNLIMITED


def _strengthens(remedy: Remedy, config: RunConfig) -> bool:
    """Whether a remedy makes D stronger. Where G learns much faster than D, a D that is always
    right is not strong: it has one picture to reject."""
    if outruns(config):
        return False
    return any(sign * remedy.changes[name] > sign * getattr(config, name)
               for name, sign in STRENGTHENING.items() if name in remedy.changes)


PACE = {"learning_rate_ratio", "generator_steps"}  # by which G outruns D

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
