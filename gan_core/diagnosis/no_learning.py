"""No learning: samples no better than chance, or standing still before they are good. Torch-free.

That it is so is read from the samples; `explanations` works out why.
"""

from __future__ import annotations

from collections.abc import Collection

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.findings import Finding, Threshold
from gan_core.diagnosis.improvement import improving
from gan_core.diagnosis.quality import quality_of
from gan_core.diagnosis.signs import Sign, dead_since, sign_of
from gan_core.diagnosis.suspects import suspects
from gan_core.runs.history import History

THRESHOLDS = {
    "learning_steps": Threshold(
        750, "steps after which samples that are no better than chance are a finding",
        "calibrated: healthy runs draw recognisable digits, or points near modes, by then"),
    "steps_for_a_mode": Threshold(
        75, "steps more for each mode of 2-D data, before which only a setting far outside the "
        "usual, or curves that leave no hope, make it a finding",
        "calibrated: healthy rings are good by step 1250, healthy grids of 25 modes by 2500"),
    "held_back": Threshold(
        0.4, "excess of a setting from which on samples that are still poor fail, even if they "
        "improve", "calibrated: of the rings that improved so a quarter were no better after twice "
        "as many steps"),
}


def _limit(name: str) -> float:
    return THRESHOLDS[name].value


NEVER, STILL, WORSE = "No learning", "Learning stands still", "Samples got worse"
HELD_BACK = "Learning is held back"


def no_learning(
    history: History, config: RunConfig, known: Collection[str] | None = None
) -> Finding | None:
    """Samples that are not good and do not get better; `explained` says why.

    Samples that improve are no finding, unless they are poor and what the curves show agrees with
    one of the settings that are `known`, which lies so far outside the usual that it will not let
    them become good.
    """
    if not history.evaluations or len(history.steps) < 2:
        return None
    if (dead := dead_since(history)) is not None:
        return Finding("no_learning", "severe", dead, "", title=NEVER)
    if not _fails(history, config, known):
        return None
    title, since = _course(history, config)
    return Finding("no_learning", "severe", since, "", title=title)


def _fails(history: History, config: RunConfig, known: Collection[str] | None) -> bool:
    trained = [e for e in history.evaluations if e.step]
    qualities = [quality_of(e, config.card) for e in trained[-2:]]
    # One evaluation alone goes up and down.
    if not trained or any(quality.good for quality in qualities) or not qualities[-1].known:
        return False
    step, better = trained[-1].step, improving(history, config.card)
    if step < _limit("learning_steps") or better is None:
        return False
    sign = sign_of(history, config, known)
    held_back = _held_back(sign, history, config, known)
    if better:
        return qualities[-1].poor and held_back
    was_good = any(quality_of(e, config.card).good for e in trained)
    return held_back or was_good or sign.name in HOPELESS or step >= patience_of(config)


HOPELESS = ("dead", "runaway", "still", "D still")  # signs


def patience_of(config: RunConfig) -> float:
    """Steps after which a run that was never good and does not improve has failed, whatever its
    settings."""
    modes = config.card.modes if config.card.kind == "points" else 0
    return _limit("learning_steps") + _limit("steps_for_a_mode") * modes


def _held_back(
    sign: Sign, history: History, config: RunConfig, known: Collection[str] | None
) -> bool:
    """Whether a setting explains what the curves show. Where they show nothing that agrees, it must
    lie twice as far outside the usual."""
    least = _limit("held_back") * (2 if sign.name == "none" else 1)
    return any(suspect.excess >= least and suspect.cause in sign.causes
               for suspect in suspects(config, known, history.last_step))


def _course(history: History, config: RunConfig) -> tuple[str, int]:
    """What became of the samples, and since when."""
    trained = [e for e in history.evaluations if e.step]
    qualities = [quality_of(e, config.card) for e in trained]
    good = [index for index, quality in enumerate(qualities) if quality.good]
    if good:
        return WORSE, trained[good[-1] + 1].step
    if all(quality.at_chance for quality in qualities):
        return NEVER, trained[0].step
    if improving(history, config.card):
        return HELD_BACK, trained[0].step
    gained = [e.step for e in trained if improving(history, config.card, e)]
    return STILL, gained[-1] if gained else trained[0].step
