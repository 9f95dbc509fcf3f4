"""Vanishing gradients: D makes no mistake, and G's loss has hardly any gradient left. Torch-free.

Arjovsky & Bottou, "Towards Principled Methods for Training Generative Adversarial Networks" (2017).
"""

from __future__ import annotations

import numpy as np

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.findings import Finding, Remedy, Threshold
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


def _limit(name: str) -> float:
    return THRESHOLDS[name].value


def vanishing_gradient(history: History, config: RunConfig) -> Finding | None:
    """D makes no mistake, and the loss that trains G passes hardly any gradient on."""
    if len(history.steps) < 2 * WINDOW:
        return None
    norm, saturation = history.column("grad_norm_g"), _saturation(history, config)
    gone = (
        (_accuracy(history) >= _limit("perfect_accuracy"))
        & (saturation < _limit("saturation"))
        & (norm < _limit("gradient_drop") * _largest(norm))
    )
    if gone[-WINDOW:].mean() < 0.5:
        return None
    since = int(history.column("step")[start_of_last_stretch(gone)])
    return Finding(
        "vanishing_gradient", "severe", since, _evidence(history, config), _remedies(config))


def _accuracy(history: History) -> np.ndarray:
    """D's accuracy over real and generated examples at each step."""
    return (history.column("accuracy_real") + history.column("accuracy_fake")) / 2


def _saturation(history: History, config: RunConfig) -> np.ndarray:
    """Mean |∂L_G/∂logit| at each step of the loss that trains G, or of its closest kin."""
    loss = "minimax" if config.loss == "minimax" else "non_saturating"
    return history.column(f"saturation_{loss}")


def _evidence(history: History, config: RunConfig) -> str:
    norm = history.column("grad_norm_g")
    largest, now = _largest(norm), last_median(norm)
    return (
        f"D is right on {_accuracy(history)[-WINDOW:].mean():.1%} of examples, and G's gradient is "
        f"{_times_smaller(largest, now)} at its largest ({largest:.2g} → {now:.2g}). D catches "
        f"nearly every fake, so the {config.loss.replace('_', '-')} loss sends G practically no "
        f"signal ({last_median(_saturation(history, config)):.2g} per logit; 0.5 at equilibrium)."
    )


def _largest(values: np.ndarray, block: int = 10) -> float:
    """The largest median of ten consecutive values.

    The largest and not the first: a strong D wins within ten steps, and at step 1 the gradient
    is gone already.
    """
    whole = len(values) // block * block
    return float(np.median(values[:whole].reshape(-1, block), axis=1).max())


def gradient_left(history: History) -> float:
    """G's gradient norm, median of the last window, ÷ its largest; NaN in a run without one, and
    where G never had a gradient."""
    norm = history.column("grad_norm_g")
    if len(norm) < WINDOW or not _largest(norm) > 0:
        return float("nan")
    return last_median(norm) / _largest(norm)


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
