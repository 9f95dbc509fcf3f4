"""A verdict in sentences: the page and the command line say the same ones. Torch-free, no Markdown.

    print(headline(verdict), sentences(verdict, history, config))
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.chance import floor_and_ceiling
from gan_core.diagnosis.diagnose import title_of
from gan_core.diagnosis.improvement import Gain, gain, improving
from gan_core.diagnosis.judged import Judged, gradient_since_frozen
from gan_core.diagnosis.no_learning import patience_of
from gan_core.diagnosis.number_words import part, rounded, whole
from gan_core.diagnosis.quality import quality_of
from gan_core.diagnosis.quality_words import percent, quality_words
from gan_core.diagnosis.shares import rare_modes, shown
from gan_core.diagnosis.step_windows import WINDOW
from gan_core.diagnosis.verdict import PATIENCE, Verdict
from gan_core.runs.history import History


def headline(verdict: Verdict, live: bool = False) -> str:
    """The verdict's headline; of a good run that still goes on, "so far"."""
    if live and verdict.state == "healthy":
        return f"{verdict.headline.removesuffix('.')} so far."
    return verdict.headline


def sentences(verdict: Verdict, history: History, config: RunConfig) -> str:
    """What the headline rests on: since when, the evidence, what else was found, and how good the
    samples are."""
    judged = Judged(verdict, history, config)
    return " ".join(filter(None, (say(judged) for say in SAID[verdict.state])))


# --- what was found ------------------------------------------------------------------------------


def _since(judged: Judged) -> str:
    """Since when, unless the evidence says so itself."""
    if not judged.verdict.findings:
        return ""
    first = judged.verdict.findings[0]
    if f"step {first.since}" in first.evidence:
        return ""
    return f"Seen since step {whole(first.since)}." if first.since else "Seen from the start."


def _evidence(judged: Judged) -> str:
    return judged.verdict.findings[0].evidence if judged.verdict.findings else ""


def _others(judged: Judged) -> str:
    others = [f"{title_of(finding).lower()} (since step {whole(finding.since)})"
              for finding in judged.verdict.findings[1:]]
    return f"Also found: {listed(others)}." if others else ""


def _reason(judged: Judged) -> str:
    return judged.history.outcome.reason if judged.history.outcome is not None else ""


# --- how good the samples are --------------------------------------------------------------------


def _quality(judged: Judged) -> str:
    """What the evidence does not say already."""
    last, card = judged.last, judged.config.card
    if last is None:
        return ""
    evidence = _evidence(judged)
    if (words := quality_words(last, card)) in evidence:
        return ""
    # Of a run that fails it is enough to know how good the samples are: the evidence is long.
    return words if judged.verdict.state != "failing" else quality_words(last, card, count=False)


def _balance(judged: Judged) -> str:
    """How often D is right, if it scores anything."""
    history = judged.history
    right = (history.column("accuracy_real") + history.column("accuracy_fake"))[-WINDOW:] / 2
    if not len(right) or not np.isfinite(right).all():
        return ""
    return f"D is right on {right.mean():.0%} of real and generated examples."


def _rare(judged: Judged) -> str:
    """Which modes are rare in the training set, and how often G draws these."""
    rare = sorted(rare_modes(judged.last)) if judged.last is not None else []
    if judged.last is None or not rare:
        return ""
    noun, drawn = judged.config.card.mode_noun.capitalize(), shown(judged.last)
    names, one = listed([str(mode) for mode in rare]), len(rare) == 1
    training, samples = (listed([percent(shares[mode]) for mode in rare])
                         for shares in (judged.last.training, drawn))
    words = f"{noun if one else f'{noun}s'} {names} {'is' if one else 'are'} rare: {training} of "
    if not any(drawn[mode] for mode in rare):
        return f"{words}the training set; G {'does not draw it' if one else 'draws none of them'}."
    return (f"{words}the training set; G draws {'it' if one else 'them'} in {samples} of its "
            "samples.")


def listed(words: Sequence[str]) -> str:
    """"a, b and c"."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


# --- of runs that are not there yet --------------------------------------------------------------


def _when(judged: Judged) -> str:
    """When there will be a verdict."""
    last = judged.last
    if last is None:
        return "No samples have been measured yet."
    if judged.frozen:
        return ""  # its samples stay what they were
    if last.step < PATIENCE:
        return f"Every generator begins with noise, so a verdict comes only after {PATIENCE} steps."
    if improving(judged.history, judged.config.card):
        quality = quality_of(last, judged.config.card)
        if quality.narrow and not quality.at_chance:
            noun = judged.config.card.mode_noun
            return (f"The samples get better, but they show too few {noun}s yet. Whether the "
                    "others come shows only in further training.")
        return ("The samples come nearer to the data, but they are no better than noise yet. "
                "Whether they will be shows only in further training.")
    until, standing = patience_of(judged.config), "not good, and not clearly better than"
    lasting = f": if that lasts until step {whole(until)}, it is a failure"
    return f"The samples are {standing} before{lasting if last.step < until else ''}."


def _improved(judged: Judged) -> str:
    """The number that has improved, then and, unless the samples' quality says so already, now."""
    gained = gain(judged.history, judged.config.card)
    if gained is None:
        return ""
    then, now = _gain_words(gained, judged.config)
    last = judged.history.evaluations[-1]
    if now in quality_words(last, judged.config.card):
        return f"Up to step {whole(gained.since)} {then}."
    return (f"Up to step {whole(gained.since)} {then}; the better of the last two evaluations has "
            f"{now}.")


def _gain_words(gained: Gain, config: RunConfig) -> tuple[str, str]:
    card = config.card
    if gained.what == "quality":
        chance, perfect = floor_and_ceiling(card)
        then, now = (max(0.0, chance + value * (perfect - chance))
                     for value in (gained.best_before, gained.now))
        good = (f"recognised as {card.mode_noun}s" if card.kind == "image"
                else f"near a {card.mode_noun}")
        some = "hardly any" if then < 0.001 else f"at most {percent(then)}"
        return f"{some} of the samples were {good}", percent(now)
    if gained.what == "modes":
        return f"at most {gained.best_before:.0f} {card.mode_noun}s were shown", f"{gained.now:.0f}"
    label, form = DISTANCES[gained.what]
    return f"the {label} was {form.format(gained.best_before)} at best", form.format(gained.now)


DISTANCES = {  # metric -> what people call it, and how it is written
    "frechet": ("Fréchet distance", "{:.0f}"),
    "centre_distance": ("mean distance to the nearest centre", "{:.1f} σ"),
    "kl_uniform": ("distance from an even mixture", "{:.2f}"),
}


def _further(judged: Judged) -> str:
    return "Train it further."


def _frozen(judged: Judged) -> str:
    """What the gradient of a frozen G does while D learns."""
    left = {loss: gradient_since_frozen(judged.history, loss)
            for loss in ("minimax", "non-saturating")}
    if not judged.frozen or not all(map(math.isfinite, left.values())):
        return ""
    minimax, other = map(_changed, left.values())
    return (f"G was frozen at step {whole(judged.config.freeze_generator)} while D trains on. "
            f"Since then the gradient that the minimax loss would give G has {minimax}, and that "
            f"of the non-saturating loss has {other}.")


def _changed(times: float) -> str:
    if times >= 1:
        return f"grown {rounded(times)} times"
    return f"fallen to {part(times)}"


Say = Callable[[Judged], str]
FOUND: tuple[Say, ...] = (_since, _evidence, _others)
SAID: dict[str, tuple[Say, ...]] = {  # by state
    "healthy": (*FOUND, _frozen, _quality, _rare, _balance),
    "too_early": (_frozen, _when, *FOUND, _quality),
    "improving": (*FOUND, _frozen, _quality, _improved, _rare, _further),
    "failing": (*FOUND, _frozen, _quality),
    "diverged": FOUND,
    "failed": (_reason,),
}
