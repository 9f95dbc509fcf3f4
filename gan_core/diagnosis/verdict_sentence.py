"""A verdict in one sentence, as a teacher says it. Torch-free, no Markdown.

    print(sentence(judged))  # D catches every fake, so the minimax loss sends G practically …

The sentence has no numbers but counts: those stand in the chips (`verdict_chips`) and in the
evidence (`verdict_words`). A failure is told as its reason, by cause, and its effect, by symptom.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gan_core.config.choices import ARCHITECTURES
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.causes import OUTRUN, UNLIMITED
from gan_core.diagnosis.findings import Finding
from gan_core.diagnosis.improvement import improving
from gan_core.diagnosis.judged import Judged, gradient_since_frozen
from gan_core.diagnosis.mode_collapse import modes_there
from gan_core.diagnosis.no_learning import HELD_BACK, NEVER, STILL, WORSE
from gan_core.diagnosis.number_words import counted
from gan_core.diagnosis.quality import Quality, all_alike, quality_of
from gan_core.diagnosis.shares import expected_modes
from gan_core.diagnosis.signs import curves, dead_since
from gan_core.diagnosis.step_windows import WINDOW
from gan_core.diagnosis.verdict import PATIENCE
from gan_core.runs.records import EvalRecord


def sentence(judged: Judged) -> str:
    """What is wrong with a run and why, or that nothing is."""
    return SENTENCES[judged.verdict.state](judged)


# --- runs that fail ------------------------------------------------------------------------------

# By cause, or by what is said of it more closely: the reason, and room for the effect.
REASONS = {
    "rate_too_small":
        "The learning rate is so small that the networks hardly change, and {effect}.",
    "rate_too_large": "The learning rate is so large that every step overshoots, and {effect}.",
    "discriminator_ahead": "D learns so much faster than G that G cannot keep up, and {effect}.",
    "discriminator_too_weak": "D is too weak to show G what is wrong, and {effect}.",
    "constraint_too_strong":
        "D is held back so tightly that it cannot point G to the real data, and {effect}.",
    "noise_too_strong":
        "What D is shown is so disturbed that it cannot see the real data, and {effect}.",
    "latent_too_small":
        "G gets too few random numbers to make different samples from, and {effect}.",
    "batch_too_small": "The batch is so small that every step follows chance, and {effect}.",
    "momentum": "So much momentum carries both networks past their goal, and {effect}.",
    "optimizer": "The optimiser does not suit this GAN, and {effect}.",
    "capacity": "The networks are too small for this task, and {effect}.",
    "few_data": "There are so few training examples that D can learn them by heart, and {effect}.",
    "unknown": "{Effect}, and the curves do not show why.",
    OUTRUN: "G learns so much faster than D that {its_effect}.",
    UNLIMITED: "Nothing limits how far D's scores can run away, and {effect}.",
    "hardly anything limits how steep the critic is":
        "Hardly anything limits how far D's scores can run away, and {effect}.",
    "D's optimiser does not suit its learning rate":
        "D's optimiser does not suit its learning rate, and {effect}.",
    "G takes too many steps for each of D's":
        "G takes so many steps for each of D's that {its_effect}.",
}
REJECTS = "D is so far ahead that it rejects whatever G tries, and {effect}."
TOO_DEEP = "The networks are too deep to train well, and {effect}."
PLAIN = "{Effect}."  # where no setting explains it
ALWAYS_RIGHT = 0.97  # D's accuracy, as in `signs`


def _failing(judged: Judged) -> str:
    first = judged.first
    if first is None:  # no failure is without a finding
        return "This run fails."
    effect = EFFECTS[first.symptom](judged, first)
    if effect.endswith("."):  # a symptom that is its own reason
        return effect
    return _reason(judged, first).format(
        effect=effect.format(G="G"), its_effect=effect.format(G="it"),
        Effect=_capital(effect.format(G="G")))


def _reason(judged: Judged, first: Finding) -> str:
    if not first.cause:
        return PLAIN
    if first.because in REASONS:
        return REASONS[first.because]
    if first.cause == "discriminator_ahead" and (
            curves(judged.history).accuracy >= ALWAYS_RIGHT):
        return REJECTS
    if first.cause == "capacity" and _deep(judged.config):
        return TOO_DEEP
    return REASONS[first.cause]


def _deep(config: RunConfig) -> bool:
    """Whether the networks have unusually many layers, and can have them."""
    return "depth" in ARCHITECTURES[config.architecture].resizable and config.depth > 3


# --- effects: "{G}" is G, or "it" after a reason that names G ------------------------------------


def _no_learning(judged: Judged, first: Finding) -> str:
    if dead_since(judged.history) is not None:
        return "G no longer gets any signal to learn from"
    return {
        NEVER: "the samples are no better than noise",
        STILL: "the samples have stopped getting better",
        WORSE: "samples that were good have become worse",
        HELD_BACK: "the samples are still poor",
    }.get(first.title, "the samples are not good")


def _mode_collapse(judged: Judged, first: Finding) -> str:
    last = judged.history.evaluations[-1]
    if all_alike(last):
        return "{G} draws one picture for every latent"
    there, possible = int(modes_there(last, judged.config)), _possible(judged, last)
    if not there:
        return f"{{G}} draws no recognisable {judged.noun}" if judged.images else (
            f"{{G}} puts no samples near any {judged.noun}")
    few = f"only {counted(there)} of the {counted(possible)} {judged.noun}s"
    if judged.images and last.version == 1:  # it knows only what they are nearest to
        return f"the samples resemble {few}"
    if not judged.images and not _quality(judged).supported:
        return f"{{G}} sends its samples towards {few}"  # and none lies near enough
    return f"{{G}} draws {few}"


def _mode_rotation(judged: Judged, first: Finding) -> str:
    return f"{{G}} jumps from {judged.noun} to {judged.noun} instead of covering them all"


def _vanishing_gradient(judged: Judged, first: Finding) -> str:
    """It is its own reason: D is right, whatever made it so."""
    right = judged.history.column("accuracy_fake")[-WINDOW:]
    fakes = "every fake" if len(right) and np.median(right) >= 1 else "nearly every fake"
    loss = judged.config.loss.replace("_", "-")
    if judged.frozen:
        return (f"D catches {fakes} of the frozen G, so the {loss} loss would send G practically "
                "no signal.")
    return f"D catches {fakes}, so the {loss} loss sends G practically no signal."


def _overfitting(judged: Judged, first: Finding) -> str:
    real = f"real {judged.noun}s" if judged.images else "real examples"
    many = "few " if first.cause == "few_data" else ""
    return (f"D has learned its {many}training images by heart, so it takes many {real} that it "
            "never saw for fakes.")


def _instability(judged: Judged, first: Finding) -> str:
    return "D and G take turns in winning instead of settling"


def _divergence(judged: Judged, first: Finding) -> str:
    if judged.verdict.state == "diverged":
        return "the training has blown up: its numbers grew beyond all bounds"
    return "the gradients grow and grow instead of settling"


def _cost(judged: Judged, first: Finding) -> str:
    return "a step takes so long on this machine that a short session is out of reach"


Effect = Callable[[Judged, Finding], str]
EFFECTS: dict[str, Effect] = {  # by symptom; whole sentences end with a full stop
    "no_learning": _no_learning,
    "mode_collapse": _mode_collapse,
    "mode_rotation": _mode_rotation,
    "vanishing_gradient": _vanishing_gradient,
    "discriminator_overfitting": _overfitting,
    "instability": _instability,
    "divergence": _divergence,
    "computational_cost": _cost,
}


# --- runs that do not fail -----------------------------------------------------------------------


def _healthy(judged: Judged) -> str:
    so_far = " so far" if judged.live else ""
    if judged.first is not None:
        effect = EFFECTS[judged.first.symptom](judged, judged.first).format(G="G")
        return f"The samples are good{so_far}, but {effect.removesuffix('.')}."
    return f"The samples are good{so_far}: {_modes_shown(judged, _quality(judged))}."


def _modes_shown(judged: Judged, quality: Quality) -> str:
    """"ten digits, and none is missing"."""
    there, possible = quality.supported, quality.possible
    if there < possible:
        return f"{counted(there)} of the {counted(possible)} {judged.noun}s are there"
    if possible == judged.config.card.modes:
        return f"{counted(there)} {judged.noun}s, and none is missing"
    return f"all {counted(possible)} {judged.noun}s that the training set has many of are there"


def _improving(judged: Judged) -> str:
    if judged.first is not None:
        return _slow(judged)
    if not judged.live:
        return "The samples were still getting better when the run ended, and are not good yet."
    return "The samples are getting better, but they are not good yet."


def _too_early(judged: Judged) -> str:
    last = judged.trained
    if judged.frozen:
        return _stands_still(judged)
    if judged.first is not None:
        return _slow(judged)
    if last is None:
        return "It is too early to tell: no samples of a trained G have been measured yet."
    if last.step < PATIENCE:
        return _young(judged)
    if improving(judged.history, judged.config.card):
        return _not_convincing(judged)
    return _waiting(judged)


def _stands_still(judged: Judged) -> str:
    minimax, other = (gradient_since_frozen(judged.history, loss)
                      for loss in ("minimax", "non-saturating"))
    if minimax < 0.1 and other >= 1:
        return ("While G is frozen and D trains on, the minimax loss sends G ever less of a "
                "signal, and the non-saturating loss does not.")
    return "G is frozen, so its samples stay as they are while D trains on."


def _slow(judged: Judged) -> str:
    """What is known of a run whose steps take long: that."""
    first = judged.first
    return f"{_capital(EFFECTS[first.symptom](judged, first))}." if first is not None else ""


def _young(judged: Judged) -> str:
    if judged.live:
        return (f"Every generator begins with noise, so it is too early to tell before step "
                f"{PATIENCE:.0f}.")
    return (f"Every generator begins with noise, and this run ended before step {PATIENCE:.0f}: "
            "too early to tell.")


def _not_convincing(judged: Judged) -> str:
    """Samples get better, and are noise, or show too few modes to be sure of the others."""
    quality = _quality(judged)
    if quality.at_chance:
        return "The samples come nearer to the data, but they are no better than noise yet."
    there, possible = counted(quality.supported), counted(quality.possible)
    return (f"The samples get better, but they show only {there} of the {possible} "
            f"{judged.noun}s yet.")


def _waiting(judged: Judged) -> str:
    if _quality(judged).good:
        return "The samples are good, but it is too early to be sure."
    if judged.live:
        return "The samples are not good yet, and it is too early to call that a failure."
    return "The samples are not good yet, but this run is too short to call that a failure."


def _failed(judged: Judged) -> str:
    return "This run broke off for a technical reason, which says nothing about the GAN."


SENTENCES: dict[str, Callable[[Judged], str]] = {  # by state
    "healthy": _healthy, "too_early": _too_early, "improving": _improving, "failing": _failing,
    "diverged": _failing, "failed": _failed,
}


# --- words ---------------------------------------------------------------------------------------

def _quality(judged: Judged) -> Quality:
    return quality_of(judged.history.evaluations[-1], judged.config.card)


def _possible(judged: Judged, last: EvalRecord) -> int:
    return len(expected_modes(last, judged.config.card))


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]
