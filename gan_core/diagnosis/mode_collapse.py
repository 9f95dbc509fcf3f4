"""Mode collapse and mode rotation: modes that are missing, and modes that come and go. Torch-free.

`mode_collapse` is where a run is said to have collapsed; `THRESHOLDS` are what it goes by.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.findings import Finding, Remedy, Threshold
from gan_core.diagnosis.improvement import improving
from gan_core.diagnosis.limits_of_d import flat_at_the_data, taking_turns
from gan_core.diagnosis.quality import THRESHOLDS as OF_QUALITY
from gan_core.diagnosis.quality import all_alike, quality_of
from gan_core.diagnosis.shares import expected_modes, present_modes, shown
from gan_core.diagnosis.signs import curves, dead_since, sign_of
from gan_core.runs.history import History
from gan_core.runs.records import EvalRecord

THRESHOLDS = {
    "patience_steps": Threshold(
        500, "steps before a lack of modes is judged: every G begins with one mode",
        "calibrated: healthy MNIST runs show one digit at step 250 and six or more at 750"),
    "slow_steps": Threshold(
        2000, "steps after which missing modes are reported even if they were never there",
        "calibrated: at the report's rate of 0.0002 new digits still appear until then"),
    "alike_steps": Threshold(
        1000, "steps after which samples that have always been alike are a collapse",
        "calibrated: a DCGAN's first samples are alike until step 500"),
    "slow_travel": Threshold(
        0.8, "steps × G's learning rate before which such a report would come too early",
        "calibrated: in the report's baseline, at 0.0002, new digits still appear at step 4000"),
    "lost_modes": Threshold(
        2, "modes fewer than before that count as lost",
        "calibrated: between two evaluations a healthy run's count moves by one"),
    "severe_modes": Threshold(
        0.3, "share of modes at or below which the loss of modes is severe",
        "calibrated: collapsed runs keep 1 or 2 of 10 digits, healthy ones 9 or 10"),
    "few_modes": Threshold(
        0.6, "share of modes at or below which modes are missing",
        "calibrated: see severe_modes; between the two a run is one-sided, not collapsed"),
    "total_collapse": Threshold(
        0.06, "the same share below which samples are one picture, even one that shows no digit",
        "calibrated: at most 0.05 in total collapse; clouds of noise have 0.08 and more"),
    "learned": Threshold(
        0.05, "quality above chance that samples must have had once for modes to be lost",
        "calibrated: collapsed runs draw one digit well, runs that never learned draw noise"),
    "outruns": Threshold(
        1.4, "way that G's weights have moved ÷ the same of D's above which G outruns D",
        "calibrated: 1.4 and more where G leaps from mode to mode, at most 1.1 where samples "
        "merely drift; 1.4 of both where SGD moves neither"),
    "moves": Threshold(
        0.5, "way of G's weights ÷ their length that outrunning takes at least",
        "calibrated: 0.1 where neither network moves, 1.1 and more where G outruns D"),
    "rotation_evaluations": Threshold(
        4, "evaluations with most modes missing after which their coming and going is judged",
        "convention: fewer cannot tell a rotation from one change"),
    "rotation_share": Threshold(
        0.35, "share of evaluations in which modes both appear and vanish above which they rotate",
        "calibrated: rotating rings, seeds 0 to 4, change so in 3 of 8 evaluations or more"),
}


def _limit(name: str) -> float:
    return THRESHOLDS[name].value


# --- mode collapse -------------------------------------------------------------------------------


def mode_collapse(history: History, config: RunConfig) -> Finding | None:
    """Modes were lost, or all samples look alike, or after a long time most modes are missing."""
    collapsed = _collapsed_since(history, config)
    if collapsed is None:
        return None
    since, noticed = collapsed
    last = history.evaluations[-1]
    if len(expected_modes(last, config.card)) < 2:  # nothing else could be drawn
        return None
    possible = len(expected_modes(last, config.card))
    gone = modes_there(last, config) <= _limit("severe_modes") * possible
    alike = any(all_alike(e) for e in history.evaluations if e.step >= noticed)
    severe = alike or (gone and _lost(history, last, config))
    return Finding(
        "mode_collapse",
        "severe" if severe else "warning",
        since,
        _collapse_evidence(last, config),
        _collapse_remedies(config),
        noticed,
    )


def _collapsed_since(history: History, config: RunConfig) -> tuple[int, int] | None:
    """The step at which a collapse began, and that at which it was sure; it ends only when most
    modes are back, not when the one picture that all samples share merely changes."""
    since = noticed = None
    for evaluation in history.evaluations:
        if not evaluation.step:
            continue
        if not _few(evaluation, config) and not all_alike(evaluation):
            since = noticed = None
            continue
        since = evaluation.step if since is None else since
        patient = evaluation.step >= _limit("patience_steps")
        if noticed is None and patient and _fails(history, evaluation, config):
            noticed = evaluation.step
    return None if since is None or noticed is None else (since, noticed)


def _fails(history: History, evaluation: EvalRecord, config: RunConfig) -> bool:
    """Whether a lack of modes is a failure: not a young generator's, nor that of one that has never
    learned anything, which has no modes to lose."""
    if not _learned(history, evaluation, config):
        return False
    lost = _lost(history, evaluation, config)
    better = improving(history, config.card, evaluation) is not False
    never_varied = evaluation.step >= _limit("alike_steps") and not better
    if _alike(history, evaluation) and (lost or never_varied):
        return True
    # What is poorly drawn is not missing modes: it has not been learned yet.
    poor = not quality_of(evaluation, config.card).recognisable
    if poor and not lost and not _jumps(history, config):
        return False
    travel = evaluation.step * config.generator_learning_rate
    slow = evaluation.step >= _limit("slow_steps") and travel >= _limit("slow_travel")
    return (lost or slow) and not better


def _learned(history: History, evaluation: EvalRecord, config: RunConfig) -> bool:
    """Whether samples were ever better than chance; supposed where older records do not say. A G
    that leaps from mode to mode knows where they are, and samples that are all one picture are the
    plainest collapse, whatever they show, unless the losses ran away. An untrained G does not
    count: it draws everything in one place, which may be a mode's."""
    if _jumps(history, config):
        return True
    total = _diversity(history, evaluation) < _limit("total_collapse")
    if total and not _ran_away(history, config) and dead_since(history) is None:
        return True
    return any(not share < _limit("learned")  # true for NaN
               for share in _shares(history, config, evaluation.step))


def _alike(history: History, evaluation: EvalRecord) -> bool:
    return any(all_alike(e) for e in _with_the_one_before(history, evaluation))


def _diversity(history: History, evaluation: EvalRecord) -> float:
    return min(e.metrics.get("diversity", 1.0)
               for e in _with_the_one_before(history, evaluation))


def _with_the_one_before(history: History, evaluation: EvalRecord) -> list[EvalRecord]:
    """The evaluation, and the one before it, of a G that was trained: while the one picture that
    all samples share changes into another, they differ a little."""
    until = [e for e in history.evaluations if 0 < e.step <= evaluation.step]
    return until[-2:]


def _shares(history: History, config: RunConfig, until: int) -> list[float]:
    """Quality above chance, at each evaluation of a G that was trained."""
    return [quality_of(e, config.card).above_chance
            for e in history.evaluations if 0 < e.step <= until]


def _jumps(history: History, config: RunConfig) -> bool:
    return config.card.kind == "points" and _rotates(history, config) is not None


def _rotates(history: History, config: RunConfig) -> Rotation | None:
    """The rotation of a G that has found modes, or that outruns D: a cloud that merely drifts past
    them has learned nothing, and losses that ran away throw samples about."""
    seen = rotation(history)
    if seen is None or _ran_away(history, config):
        return None
    found = any(not share < OF_QUALITY["chance"].value  # true for NaN
                for share in _shares(history, config, history.last_step))
    return seen if found or _outruns(history) else None


def _outruns(history: History) -> bool:
    """Whether G has moved much further than D; supposed where that was not recorded."""
    now = curves(history)
    if math.isnan(now.travel_g) or math.isnan(now.travel_d):
        return True
    return now.travel_g >= max(_limit("moves"), _limit("outruns") * now.travel_d)


def _ran_away(history: History, config: RunConfig) -> bool:
    return sign_of(history, config).name == "runaway"


def modes_there(evaluation: EvalRecord, config: RunConfig) -> float:
    """Modes that are there, of those that a G should draw."""
    if evaluation.histogram and (evaluation.supported or "high_quality" in evaluation.metrics):
        return float(len(present_modes(evaluation) & expected_modes(evaluation, config.card)))
    return float(quality_of(evaluation, config.card).supported)


def _few(evaluation: EvalRecord, config: RunConfig) -> bool:
    possible = len(expected_modes(evaluation, config.card))
    return modes_there(evaluation, config) <= _limit("few_modes") * possible and possible > 1


def _lost(history: History, evaluation: EvalRecord, config: RunConfig) -> bool:
    """Whether there were clearly more modes, or much more variety, at some time before."""
    before = [e for e in history.evaluations if 0 < e.step < evaluation.step]
    learned = [e for e in before if not quality_of(e, config.card).at_chance
               or config.card.kind == "points"]
    most = max((modes_there(e, config) for e in learned), default=0.0)
    widest = max((e.metrics.get("diversity", 0.0) for e in learned), default=0.0)
    return (
        modes_there(evaluation, config) <= most - _limit("lost_modes")
        or evaluation.metrics.get("diversity", 1.0) < widest / 3
    )


def _collapse_evidence(last: EvalRecord, config: RunConfig) -> str:
    noun, total = config.card.mode_noun, len(expected_modes(last, config.card))
    modes, shares = int(modes_there(last, config)), shown(last)
    if all_alike(last) and not modes:
        alike = last.metrics["diversity"]
        return (f"All samples are nearly the same picture: two of them differ {alike:.0%} as much "
                "as two real images do.")
    words = f"{_drawn(last, config)} {modes} of {total} {noun}s"
    if shares.any() and modes:
        top = int(np.argmax(shares))
        words += f"; {shares[top]:.0%} of them {_is(last, config)} {noun} {top}"
    if last.metrics.get("diversity", math.nan) <= 1:  # noise differs more than images do
        words += (
            f". Two samples differ {last.metrics['diversity']:.0%} as much as two real images do"
        )
    return words + "."


def _is(last: EvalRecord, config: RunConfig) -> str:
    """Of an older evaluation nobody knows which samples can be recognised."""
    return "are nearest to" if last.version == 1 and config.card.kind == "image" else "show"


def _drawn(last: EvalRecord, config: RunConfig) -> str:
    """How modes are counted: by what G draws, or only by what its samples are nearest to."""
    near = quality_of(last, config.card).supported or last.version == 1
    if config.card.kind == "points" and not near:
        return "No sample lies near enough to a centre to count; they are nearest to"
    unknown = config.card.kind == "image" and last.version == 1
    return "The samples are nearest to" if unknown else "G makes"


def _collapse_remedies(config: RunConfig) -> tuple[Remedy, ...]:
    remedies = []
    if config.card.kind == "points":  # on MNIST neither was measured to help
        if config.r1 == 0 and config.learning_rate_ratio < 1:
            flat = flat_at_the_data(config)
            remedies.append(Remedy(
                f"Equal learning rates and {flat.label}",
                {"learning_rate_ratio": 1.0, **flat.changes}, f"G no longer outruns D; {flat.why}"))
        if config.r1 == 0:
            remedies.append(flat_at_the_data(config))
        if config.packing == 1:
            remedies.append(Remedy(
                "Packing 4", {"packing": 4}, "D sees that four samples lie in one place"))
    if config.discriminator_steps < 3:
        remedies.append(Remedy(
            "Three D steps per round", {"discriminator_steps": 3, **taking_turns(config)},
            "a D that keeps up punishes the one output G has settled on"))
    if config.learning_rate_ratio < 1:
        remedies.append(Remedy(
            "Equal learning rates", {"learning_rate_ratio": 1.0},
            "G no longer outruns D"))
    if config.input_noise == 0:
        # Noise alone does not bring the modes back; on top of more D steps it helps a little.
        steps = max(3, config.discriminator_steps)
        remedies.append(Remedy(
            "Three D steps and noise 0.1 on D's inputs" if steps == 3
            else "Noise 0.1 on D's inputs",
            {"discriminator_steps": steps, "input_noise": 0.1, **taking_turns(config)},
            "real and generated samples overlap, so that D cannot be perfectly sure"))
    return tuple(remedies)


# --- mode rotation -------------------------------------------------------------------------------


@dataclass(frozen=True)
class ModeChange:
    """The modes that appeared and vanished between two evaluations; `step` is the later one's."""

    step: int
    appeared: frozenset[int]
    vanished: frozenset[int]


def mode_changes(evaluations: Sequence[EvalRecord]) -> list[ModeChange]:
    """One for each evaluation after the first."""
    modes = [(evaluation.step, present_modes(evaluation)) for evaluation in evaluations]
    return [
        ModeChange(step, now - before, before - now)
        for (_, before), (step, now) in pairwise(modes)
    ]


@dataclass(frozen=True)
class Rotation:
    """Evaluations that lack most modes, and how the modes come and go in them."""

    stretch: list[EvalRecord]
    changes: int
    replaced: int  # changes in which modes both appeared and vanished
    visited: int
    at_once: float


def rotation(history: History) -> Rotation | None:
    """Of the last evaluations that lack most modes; None while the modes stay what they are."""
    stretch = _narrow_stretch(history)
    if len(stretch) < _limit("rotation_evaluations"):
        return None
    changes = mode_changes(stretch)
    replaced = sum(bool(change.appeared and change.vanished) for change in changes)
    visited = len(frozenset[int]().union(*(present_modes(e) for e in stretch)))
    at_once = float(np.mean([len(present_modes(e)) for e in stretch]))
    if replaced < _limit("rotation_share") * len(changes) or visited < 2 * at_once:
        return None
    return Rotation(stretch, len(changes), replaced, visited, at_once)


def mode_rotation(history: History, config: RunConfig) -> Finding | None:
    """While most modes are missing, which of them are there keeps changing."""
    seen = _rotates(history, config)
    if seen is None:
        return None
    noun, since = config.card.mode_noun, seen.stretch[0].step
    evidence = (
        f"In {seen.replaced} of {seen.changes} evaluations since step {since} some "
        f"{noun}s vanished and others appeared: {seen.at_once:.1f} at a time, {seen.visited} of "
        f"{config.card.modes} in turn{_counted_by(config)}."
    )
    return Finding("mode_rotation", "warning", since, evidence, _collapse_remedies(config))


def _counted_by(config: RunConfig) -> str:
    """Of points: while they leap, they may lie near no mode at all."""
    noun = config.card.mode_noun
    return "" if config.card.kind == "image" else f", each sample counted for its nearest {noun}"


def _narrow_stretch(history: History) -> list[EvalRecord]:
    """The last evaluations, beyond a young generator's, that all lack most modes."""
    stretch: list[EvalRecord] = []
    for evaluation in reversed(history.evaluations):
        share = len(present_modes(evaluation)) / max(len(evaluation.histogram), 1)
        young = evaluation.step < _limit("patience_steps")
        if young or not evaluation.histogram or share > _limit("few_modes"):
            break
        stretch.append(evaluation)
    return stretch[::-1]
