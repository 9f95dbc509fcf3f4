"""The numbers behind a verdict, each explained: up to five chips, the telling ones.

    for chip in chips(judged): print(chip.label, chip.value)   # D is right 100 %

A number that was not measured has no chip. Torch-free, no Markdown.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gan_core.diagnosis.chance import CHANCE_IMAGES, PERFECT_IMAGES, floor_and_ceiling
from gan_core.diagnosis.computational_cost import SESSION_STEPS, seconds_a_step
from gan_core.diagnosis.diagnose import THRESHOLDS
from gan_core.diagnosis.instability import score_swing
from gan_core.diagnosis.judged import Judged, gradient_since_frozen
from gan_core.diagnosis.mode_collapse import rotation
from gan_core.diagnosis.number_words import part, percentage, rounded, whole
from gan_core.diagnosis.quality import DISTANCE_OF_DATA, UNTRAINED_FRECHET, quality_of
from gan_core.diagnosis.shares import shown
from gan_core.diagnosis.step_windows import WINDOW
from gan_core.diagnosis.vanishing_gradients import gradient_left

MOST = 5
Make = Callable[["Judged"], "Chip | None"]


@dataclass(frozen=True)
class Chip:
    """A number: what it is called, its value with its unit, and what it is and when it is good."""

    label: str
    value: str
    help: str

    def to_dict(self) -> dict[str, str]:
        return {"label": self.label, "value": self.value, "help": self.help}


def chips(judged: Judged) -> tuple[Chip, ...]:
    """Of a run that fails, what its leading symptom is read from; of any other, how good it is."""
    state, first = judged.verdict.state, judged.first
    telling = OF_STATES.get(state) if first is None else OF_SYMPTOMS[first.symptom]
    if first is None and judged.frozen:
        telling = OF_FROZEN
    made = (make(judged) for make in telling or QUALITY)
    return tuple(chip for chip in made if chip is not None)[:MOST]


def every_chip(judged: Judged) -> tuple[Chip, ...]:
    """All numbers that were measured, whatever they say of this run: to be set beside another's."""
    makers = dict.fromkeys(make for telling in (QUALITY, OF_FROZEN, *OF_SYMPTOMS.values())
                           for make in telling if make is not _since)
    made = (make(judged) for make in makers)
    return tuple(chip for chip in made if chip is not None)


def _limit(name: str) -> float:
    return THRESHOLDS[name].value


# --- how good the samples are --------------------------------------------------------------------


def _metric(judged: Judged, name: str) -> float:
    return judged.last.metrics.get(name, math.nan) if judged.last is not None else math.nan


def _good(judged: Judged) -> Chip | None:
    """The share of samples that are digits, or lie near a mode."""
    name = "recognised" if judged.images else "near_modes"
    share, noun = _metric(judged, name), judged.noun
    if not math.isfinite(share):
        return None
    if judged.images:
        return Chip("recognised", percentage(share), (
            f"How many of G's samples a classifier recognises as {noun}s: of real ones it does "
            f"{percentage(PERFECT_IMAGES)}, of noise at most {percentage(CHANCE_IMAGES)}."))
    chance, perfect = floor_and_ceiling(judged.config.card)
    return Chip(f"near a {noun}", percentage(share), (
        f"How many of G's points lie near a {noun}. Chance alone puts {percentage(chance)} there, "
        f"and the data have {percentage(perfect)}."))


def _modes(judged: Judged) -> Chip | None:
    """How many of the modes are there."""
    if judged.last is None:
        return None
    quality, noun = quality_of(judged.last, judged.config.card), judged.noun
    value = f"{quality.counted} of {quality.possible}"
    if judged.images and judged.last.version == 1:
        return Chip(f"nearest {noun}s", value, (
            f"To how many {noun}s the samples are nearest. This older recording does not know "
            f"which of them can be recognised as {noun}s."))
    what = (f"Different {noun}s among the samples that are recognised" if judged.images else
            f"Different {noun}s that G's points lie near to")
    none = "" if not value.startswith("0") else (
        " None counts while hardly more samples are recognised than of noise." if judged.images else
        " None counts while hardly any point lies near enough to a centre.")
    return Chip(f"{noun}s", value, (
        f"{what}, of those that the training set has many of: all of them are best.{none}"))


def _frechet(judged: Judged) -> Chip | None:
    distance = _metric(judged, "frechet")
    if not math.isfinite(distance):
        return None
    return Chip("Fréchet distance", rounded(distance) if distance >= 10 else f"{distance:.1f}", (
        "How far all samples together are from real images. 0 would be perfect, good runs are "
        f"below {_limit('good_frechet'):.0f}, and a G that has learned nothing has about "
        f"{UNTRAINED_FRECHET:.0f}."))


def _distance(judged: Judged) -> Chip | None:
    """The same of points."""
    distance = _metric(judged, "centre_distance")
    if not math.isfinite(distance):
        return None
    return Chip("distance to a centre", f"{rounded(distance)} σ", (
        f"How far a point of G lies from the nearest {judged.noun}'s centre, on average, in "
        f"standard deviations of the data. The data themselves have {DISTANCE_OF_DATA:.1f} σ."))


def _variety(judged: Judged) -> Chip | None:
    diversity = _metric(judged, "diversity")
    if not 0 <= diversity <= 1:  # noise differs more than images do: that says nothing
        return None
    return Chip("variety", percentage(diversity), (
        "How much two samples differ, compared with two real images. 100 % is as varied as the "
        "data; near 0 % all samples are one picture."))


def _favourite(judged: Judged) -> Chip | None:
    """The mode that G draws most; nothing where none is there."""
    last = judged.last
    if last is None or last.version == 1 or not max(last.supported, default=0) > 0:
        return None
    top = int(np.argmax(shown(last)))
    share = shown(last)[top]
    return Chip("drawn most", f"{judged.noun} {top}: {percentage(share)}", (
        f"The {judged.noun} that G draws most often, and its share of all samples. An even share "
        f"would be {percentage(1 / judged.config.card.modes)}."))


# --- how training goes ---------------------------------------------------------------------------


def _right(judged: Judged) -> Chip | None:
    history = judged.history
    right = (history.column("accuracy_real") + history.column("accuracy_fake"))[-WINDOW:] / 2
    if not len(right) or not np.isfinite(right).all():
        return None
    return Chip("D is right", percentage(float(right.mean())), (
        f"How often D tells real from generated, over the last {WINDOW} steps. At 50 % it can only "
        "guess; at 100 % it catches every fake and G has a hard time."))


def _gradient(judged: Judged) -> Chip | None:
    left = gradient_left(judged.history)
    if not math.isfinite(left):
        return None
    return Chip("G's gradient", f"{part(left)} of its largest" if left else "exactly zero", (
        "How strong the signal is by which G learns, compared with the strongest of this run. "
        f"Below {percentage(_limit('gradient_drop'))} it has all but vanished."))


def _frozen_gradient(loss: str) -> Make:
    """What the gradient of a frozen G has become under a loss while D trained on."""
    def make(judged: Judged) -> Chip | None:
        left = gradient_since_frozen(judged.history, loss)
        if not math.isfinite(left):
            return None
        value = f"grew {rounded(left)} times" if left >= 1 else f"{part(left)} left"
        return Chip(f"{loss} gradient", value, (
            f"What the gradient that the {loss} loss would give to the frozen G has become, "
            "compared with the moment at which G was frozen."))

    return make


def _swing(judged: Judged) -> Chip | None:
    swing = score_swing(judged.history)
    if not math.isfinite(swing):
        return None
    return Chip("swing", f"{swing:.2f}", (
        f"How far D's scores moved up and down over the last {_limit('swing_window'):.0f} steps. "
        f"Steady runs stay at 0.35 and less; above {_limit('swing'):g} training is unstable."))


def _memory(judged: Judged) -> Chip | None:
    trained, unseen = (_metric(judged, f"accuracy_{name}") for name in ("train", "held_out"))
    if not (math.isfinite(trained) and math.isfinite(unseen)):
        return None
    return Chip("D calls real", f"training {percentage(trained)} / unseen {percentage(unseen)}", (
        "How many real images D takes for real: of those it was trained on, and of those it never "
        "saw. The two should be nearly equal."))


def _moved(judged: Judged) -> Chip | None:
    """How far a network's weights have come, where it is next to nothing."""
    for network in ("g", "d"):
        travel = _metric(judged, f"travel_{network}")
        if travel < _limit("still"):
            return Chip(f"{network.upper()}'s weights moved", percentage(travel), (
                f"How far {network.upper()}'s weights have come since the start, compared with "
                "their size. In a run that learns they move by 30 % and more."))
    return None


def _rotating(judged: Judged) -> Chip | None:
    seen = rotation(judged.history)
    if seen is None:
        return None
    return Chip("in turn", f"{seen.at_once:.1f} at a time, {seen.visited} in all", (
        f"How many {judged.noun}s G covers at one time, and how many it has visited one after "
        f"another. It should cover all {judged.config.card.modes} at once."))


def _since(judged: Judged) -> Chip | None:
    if judged.first is None:
        return None
    since = judged.first.since
    return Chip("since", f"step {whole(since)}" if since else "the start",
                "The step from which on this is seen.")


def _step_seconds(judged: Judged) -> Chip | None:
    seconds = _seconds(judged)
    return None if math.isnan(seconds) else Chip("time of a step", f"{rounded(seconds)} s", (
        "What one step takes on this machine, evaluations included. Above "
        f"{_limit('slow_step'):g} s a short session is out of reach."))


def _session_seconds(judged: Judged) -> Chip | None:
    seconds = _seconds(judged)
    return None if math.isnan(seconds) else Chip("a session", _minutes(SESSION_STEPS * seconds), (
        f"How long a short session of {SESSION_STEPS} steps like these would take. Most runs of "
        "these pages take less than a minute."))


def _seconds(judged: Judged) -> float:
    evaluations = judged.history.evaluations
    if len(evaluations) < 2:
        return math.nan
    return seconds_a_step(evaluations[0], evaluations[-1])


def _minutes(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _reached(judged: Judged) -> Chip | None:
    return Chip("reached", f"step {whole(judged.history.last_step)}",
                "The last step of this run that was recorded.")


# --- which chips tell what -----------------------------------------------------------------------

QUALITY: tuple[Make, ...] = (_good, _modes, _frechet, _distance, _right)
OF_STATES: dict[str, tuple[Make, ...]] = {  # where nothing was found
    "healthy": (_modes, _good, _frechet, _distance, _right),
    "failed": (_reached,),
}
OF_FROZEN = (_frozen_gradient("minimax"), _frozen_gradient("non-saturating"), _right, _good, _modes)
OF_SYMPTOMS: dict[str, tuple[Make, ...]] = {
    "no_learning": (_moved, *QUALITY, _since),
    "mode_collapse": (_modes, _favourite, _variety, _good, _since),
    "mode_rotation": (_rotating, _modes, _good, _distance, _since),
    "vanishing_gradient": (_right, _gradient, _good, _modes, _since),
    "discriminator_overfitting": (_memory, _right, _good, _frechet, _since),
    "instability": (_swing, _right, _modes, _good, _since),
    "divergence": (_since, _right, _good, _modes, _frechet),
    "computational_cost": (_step_seconds, _session_seconds, _good, _modes, _frechet),
}
