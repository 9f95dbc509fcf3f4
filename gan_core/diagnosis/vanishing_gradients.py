"""Vanishing gradients: D makes no mistake, and G's loss has hardly any gradient left. Torch-free.

Arjovsky & Bottou, "Towards Principled Methods for Training Generative Adversarial Networks" (2017).
"""

from __future__ import annotations

import math

import numpy as np

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.findings import Finding, Remedy, Threshold
from gan_core.diagnosis.quality_words import percent
from gan_core.diagnosis.step_windows import WINDOW, last_median, start_of_last_stretch
from gan_core.runs.history import History

THRESHOLDS = {
    "perfect_accuracy": Threshold(
        0.98, "D's accuracy at or above which it rejects and accepts without error",
        "Arjovsky & Bottou (2017), section 2: D's accuracy tends to 1"),
    "saturation": Threshold(
        0.05, "mean |∂L_G/∂logit| below which the loss passes hardly any gradient on",
        "σ(−3) = 0.047: D gives samples less than 5 %; at equilibrium it is 0.5"),
    "gradient_drop": Threshold(
        0.05, "G's gradient norm relative to its largest below which it has vanished",
        "Arjovsky & Bottou (2017), figure 2: it falls by orders of magnitude"),
}


LAST = slice(-WINDOW, None)  # the last window of steps
TEN = 10  # steps over which a norm counts as G's; a block of `History.running` is whole tens


def _limit(name: str) -> float:
    return THRESHOLDS[name].value


def vanishing_gradient(history: History, config: RunConfig) -> Finding | None:
    """D makes no mistake, and the loss that trains G passes hardly any gradient on."""
    if len(history.steps) < 2 * WINDOW:
        return None
    largest, saturation = _largest(history), _saturation(config)
    if _gone(history, saturation, largest, LAST).mean() < 0.5:
        return None
    start = start_of_last_stretch(
        history, ("gradient gone", saturation, largest),
        lambda part: _gone(history, saturation, largest, part))
    since = int(history.column("step")[start])
    return Finding(
        "vanishing_gradient", "severe", since, _evidence(history, config), _remedies(config))


def _gone(history: History, saturation: str, largest: float, part: slice) -> np.ndarray:
    """At which steps D makes no mistake and G's gradient is a small part of its largest."""
    return (
        (_accuracy(history, part) >= _limit("perfect_accuracy"))
        & (history.column(saturation)[part] < _limit("saturation"))
        & (history.column("grad_norm_g")[part] < _limit("gradient_drop") * largest)
    )


def _accuracy(history: History, part: slice) -> np.ndarray:
    """D's accuracy over real and generated examples at each step."""
    real, fake = history.column("accuracy_real"), history.column("accuracy_fake")
    return (real[part] + fake[part]) / 2


def _saturation(config: RunConfig) -> str:
    """The column of mean |∂L_G/∂logit| of the loss that trains G, or of its closest kin."""
    return f"saturation_{'minimax' if config.loss == 'minimax' else 'non_saturating'}"


def _evidence(history: History, config: RunConfig) -> str:
    largest, now = _largest(history), last_median(history.column("grad_norm_g"))
    right = float(_accuracy(history, LAST).mean())
    return (
        f"D is right on {percent(right)} of examples. It catches nearly every fake, so the "
        f"{config.loss.replace('_', '-')} loss sends G practically no signal: G's gradient is "
        f"{_times_smaller(largest, now)} at its largest."
    )


def _largest(history: History) -> float:
    """The largest median of ten consecutive norms of G's gradient.

    The largest and not the first: a strong D wins within ten steps, and at step 1 the gradient
    is gone already.
    """
    return history.running("largest gradient", ["grad_norm_g"], _larger, -math.inf)


def _larger(largest: float, norms: np.ndarray) -> float:
    """`largest`, or a larger median of ten; `norms` begin where ten do, and fewer have no median.
    """
    tens = norms[: len(norms) // TEN * TEN].reshape(-1, TEN)
    return float(np.max(np.median(tens, axis=1), initial=largest))  # NaN stays


def gradient_left(history: History) -> float:
    """G's gradient norm, median of the last window, ÷ its largest; NaN in a run without one, and
    where G never had a gradient."""
    norm = history.column("grad_norm_g")
    if len(norm) < WINDOW or not _largest(history) > 0:
        return float("nan")
    return last_median(norm) / _largest(history)


def _times_smaller(largest: float, now: float) -> str:
    if now <= largest * 1e-6:
        return "more than a million times smaller than"
    return f"{float(f'{largest / now:.2g}'):,.0f}".replace(",", " ") + " times smaller than"


def _remedies(config: RunConfig) -> tuple[Remedy, ...]:
    remedies = []
    if config.loss == "minimax":
        remedies.append(Remedy(
            "Non-saturating loss", {"loss": "non_saturating"},
            "its gradient is largest exactly when D rejects every sample"))
    if config.discriminator_steps > 1:
        remedies.append(Remedy(
            "One D step per round", {"discriminator_steps": 1}, "D runs less far ahead"))
    if config.learning_rate_ratio > 1:
        remedies.append(Remedy(
            "Equal learning rates", {"learning_rate_ratio": 1.0}, "D runs less far ahead"))
    if config.label_smoothing == 0:
        remedies.append(Remedy(
            "Label smoothing 0.1", {"label_smoothing": 0.1},
            "D is not rewarded for being certain of real images"))
    return tuple(remedies)
