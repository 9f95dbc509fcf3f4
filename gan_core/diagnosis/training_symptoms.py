"""Symptoms in how D and G train: gradients that vanish, losses that swing or blow up, and a D that
learns its examples by heart. Torch-free."""

from __future__ import annotations

import numpy as np

from gan_core.config.choices import LOSSES
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.findings import Finding, Remedy, Threshold
from gan_core.runs.records import EvalRecord, History

THRESHOLDS = {
    "window": Threshold(
        100, "steps over which the median of a noisy per-step value is taken",
        "convention"),
    "perfect_accuracy": Threshold(
        0.98, "D's accuracy at or above which it rejects and accepts without error",
        "Arjovsky & Bottou (2017), section 2: D's accuracy tends to 1"),
    "saturation": Threshold(
        0.05, "mean |∂L_G/∂logit| below which the loss passes hardly any gradient on",
        "σ(−3) = 0.047: D gives samples less than 5 %; at equilibrium it is 0.5"),
    "gradient_drop": Threshold(
        0.05, "G's gradient norm relative to its largest below which it has vanished",
        "Arjovsky & Bottou (2017), figure 2: it falls by orders of magnitude"),
    "swing_window": Threshold(
        300, "steps over which swings of D's scores are looked at", "convention"),
    "swing_smoothing": Threshold(
        25, "steps over which D's scores are averaged before", "convention: 1600 examples at 64"),
    "swing": Threshold(
        0.5, "swing of the difference between D's scores of real and generated examples (95th − "
        "5th percentile) above which D and G take turns in winning",
        "calibrated: at most 0.35 in runs that learn"),
    "swing_returns": Threshold(
        2, "changes between high and low in that window: a swing comes back, a trend does not",
        "definition of an oscillation"),
    "memory_steps": Threshold(
        500, "steps before D's memory is judged: at first it hardly tells anything apart",
        "calibrated: with 300 images r_v stays below 0.2 until step 1000"),
    "validation_ratio": Threshold(
        0.4, "r_v at or above which D takes new reals rather for generated than for its own",
        "r_v: Karras et al. (2020); calibrated: 0.1 and less on all of MNIST"),
    "missed_reals": Threshold(
        0.15, "share of reals that D accepts among its training images but not among new ones",
        "calibrated: within 0.05 on all of MNIST"),
    "gradient_growth": Threshold(
        2, "growth in 500 steps above which a gradient norm is still exploding",
        "calibrated: 2-D mixtures of narrow modes train on at norms of 100 to 300"),
    "exploding_gradient": Threshold(
        100, "gradient norm above which training is about to diverge",
        "Chintala et al., ganhacks (2016), tip 10"),
}


def _limit(name: str) -> float:
    return THRESHOLDS[name].value


# --- vanishing gradient --------------------------------------------------------------------------


def vanishing_gradient(history: History, config: RunConfig) -> Finding | None:
    """D makes no mistake, and the loss that trains G passes hardly any gradient on."""
    window = int(_limit("window"))
    if len(history.steps) < 2 * window:
        return None
    gauge = "minimax" if config.loss == "minimax" else "non_saturating"
    saturation = history.column(f"saturation_{gauge}")
    norm = history.column("grad_norm_g")
    accuracy = (history.column("accuracy_real") + history.column("accuracy_fake")) / 2
    # Not of the first steps: a strong D wins within ten, and the gradient is gone before.
    start = _largest(norm)
    gone = (
        (accuracy >= _limit("perfect_accuracy"))
        & (saturation < _limit("saturation"))
        & (norm < _limit("gradient_drop") * start)
    )
    if gone[-window:].mean() < 0.5:
        return None
    since = int(history.column("step")[_last_stretch(gone, window)])
    now = float(np.median(norm[-window:]))
    loss = config.loss.replace("_", "-")
    evidence = (
        f"D is right on {accuracy[-window:].mean():.1%} of examples, and G's gradient is "
        f"{_times_smaller(start, now)} at its largest ({start:.2g} → {now:.2g}). The {loss} loss "
        f"passes on {np.median(saturation[-window:]):.2g} per logit instead of 0.5 at equilibrium."
    )
    return Finding("vanishing_gradient", "severe", since, evidence, _vanishing_remedies(config))


def _last_stretch(flags: np.ndarray, window: int) -> int:
    """Where the last stretch of mostly true flags begins."""
    share = np.convolve(flags, np.ones(window) / window, mode="valid") >= 0.5
    broken = np.flatnonzero(~share)
    return int(broken[-1] + 1) if broken.size else 0


def _largest(values: np.ndarray, block: int = 10) -> float:
    """The largest median of ten consecutive values."""
    whole = len(values) // block * block
    return float(np.median(values[:whole].reshape(-1, block), axis=1).max())


def gradient_left(history: History) -> float:
    """G's gradient norm, median of the last window, ÷ its largest; NaN in a run without one."""
    window, norm = int(_limit("window")), history.column("grad_norm_g")
    if len(norm) < window:
        return float("nan")
    return float(np.median(norm[-window:])) / max(_largest(norm), 1e-30)


def _times_smaller(start: float, now: float) -> str:
    if now <= start * 1e-6:
        return "more than a million times smaller than"
    return f"{float(f'{start / now:.2g}'):,.0f}".replace(",", " ") + " times smaller than"


def _vanishing_remedies(config: RunConfig) -> tuple[Remedy, ...]:
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


# --- instability ---------------------------------------------------------------------------------


def instability(history: History, config: RunConfig) -> Finding | None:
    """D and G take turns in winning: D's scores swing instead of settling."""
    steps = history.column("step")
    if len(steps) < 2 or steps[-1] < 2 * _limit("swing_window"):
        return None
    smoothed, window, smooth = _score_gap(history)
    if len(smoothed) < window:
        return None
    wild = _swing(smoothed, window) > _limit("swing")  # false for NaN as well
    if not wild[-1] or _turns_back(smoothed[-window:]) < _limit("swing_returns"):
        return None
    calm = np.flatnonzero(~wild)
    since = int(steps[(int(calm[-1] + 1) if calm.size else 0) + smooth - 1])
    low, high = np.percentile(smoothed[-window:], [5, 95])
    evidence = (
        f"Over the last {_limit('swing_window'):.0f} steps the difference between D's scores of "
        f"real and of generated examples swung between {low:.2f} and {high:.2f}: D and G take "
        f"turns in winning. D's loss had a standard deviation of "
        f"{history.column('loss_d')[-window:].std():.2g}."
    )
    return Finding("instability", "warning", since, evidence, _calming_remedies(config))


def _score_gap(history: History) -> tuple[np.ndarray, int, int]:
    """The smoothed difference of D's scores, and in records the windows of swing and smoothing."""
    steps = history.column("step")
    spacing = (steps[-1] - steps[0]) / (len(steps) - 1)  # recorded runs keep every third step or so
    window, smooth = (max(round(_limit(name) / spacing), 1)
                      for name in ("swing_window", "swing_smoothing"))
    gap = history.column("score_real") - history.column("score_fake")
    return np.convolve(gap, np.ones(smooth) / smooth, mode="valid"), window, smooth


def score_swing(history: History) -> float:
    """How far the smoothed difference of D's scores moved in the last swing window; NaN in a run
    that is shorter."""
    if len(history.steps) < 2:
        return float("nan")
    smoothed, window, _ = _score_gap(history)
    if len(smoothed) < window:
        return float("nan")
    low, high = np.percentile(smoothed[-window:], [5, 95])
    return float(high - low)


def _turns_back(values: np.ndarray) -> int:
    """How often values go from their upper to their lower third, or back: once in a mere rise."""
    low, high = np.percentile(values, [5, 95])
    third = (high - low) / 3
    sides = np.where(values > high - third, 1, np.where(values < low + third, -1, 0))
    sides = sides[sides != 0]
    return int((sides[1:] != sides[:-1]).sum())


def _swing(values: np.ndarray, window: int) -> np.ndarray:
    """95th − 5th percentile of the window that ends at each value, NaN before there is one.

    Taken at every tenth of a window: percentiles of each would be slow in long runs.
    """
    found, stride = np.full(len(values), np.nan), max(window // 10, 1)
    ends = np.arange(len(values), window - 1, -stride)
    windows = np.lib.stride_tricks.sliding_window_view(values, window)[ends - window]
    low, high = np.percentile(windows, [5, 95], axis=1)
    for end, swing in zip(ends, high - low, strict=True):
        found[max(end - stride, 0) : end] = swing
    return found


def _calming_remedies(config: RunConfig) -> tuple[Remedy, ...]:
    limit, bound = _limiting_remedy(config), Remedy(
        "Spectral normalisation", {"spectral_norm": True, "weight_clip": 0.0},
        "a D of bounded slope cannot pull G far")
    # Of the two, the bound was measured to calm an unlimited critic more.
    remedies = [bound, limit] if _unlimited_critic(config) else []
    if max(config.generator_learning_rate, config.discriminator_learning_rate) > 2e-4:
        remedies.append(Remedy(
            "Learning rates of 0.0002", {"learning_rate": 2e-4, "learning_rate_ratio": 1.0},
            "smaller steps overshoot less"))
    if config.r1 == 0 and config.gradient_penalty == 0 and not _unlimited_critic(config):
        remedies.append(Remedy(
            "R1 penalty, γ 1", {"r1": 1.0}, "a D that is flat at the data lets both settle"))
    if not config.spectral_norm and bound not in remedies:
        remedies.append(bound)
    if config.gradient_clip == 0 and not _unlimited_critic(config):  # there it did not help
        remedies.append(Remedy(
            "Gradients clipped to norm 1", {"gradient_clip": 1.0}, "no single step goes far"))
    return tuple(remedies)


# --- discriminator overfitting -------------------------------------------------------------------


def discriminator_overfitting(history: History, config: RunConfig) -> Finding | None:
    """D tells the images it trained on from new ones: it knows them by heart."""
    since = None
    for evaluation in history.evaluations:
        if not _by_heart(evaluation):
            since = None
        elif since is None:
            since = evaluation.step
    if since is None:
        return None
    last = history.evaluations[-1].metrics
    evidence = (
        f"D calls {last['accuracy_train']:.0%} of its training images real, but only "
        f"{last['accuracy_held_out']:.0%} of images it never saw: on its scale from generated (1) "
        f"to training images (0) these stand at {last['r_v']:.2f}."
    )
    return Finding("discriminator_overfitting", "severe", since, evidence,
                   _memory_remedies(config))


def _by_heart(evaluation: EvalRecord) -> bool:
    metrics = evaluation.metrics
    missed = metrics.get("accuracy_train", 0.0) - metrics.get("accuracy_held_out", 0.0)
    return (
        evaluation.step >= _limit("memory_steps")
        and metrics.get("r_v", 0.0) >= _limit("validation_ratio")
        and missed >= _limit("missed_reals")
    )


def _memory_remedies(config: RunConfig) -> tuple[Remedy, ...]:
    remedies = []
    if config.dropout < 0.4:
        remedies.append(Remedy(
            "Dropout 0.4 in D", {"dropout": 0.4},
            "D cannot rely on the few units that recognise one image"))
    if not config.augment:
        remedies.append(Remedy(
            "Augment D's inputs", {"augment": True}, "D never sees the same image twice"))
    if config.training_examples > 0:
        remedies.append(Remedy(
            "All training images", {"training_examples": 0}, "too many to learn by heart"))
    if config.label_smoothing == 0:
        remedies.append(Remedy(
            "Label smoothing 0.1", {"label_smoothing": 0.1},
            "D is not rewarded for being certain of its training images"))
    return tuple(remedies)


# --- divergence ----------------------------------------------------------------------------------


def divergence(history: History, config: RunConfig) -> Finding | None:
    """A loss or gradient became NaN or infinite, or gradients explode."""
    outcome = history.outcome
    if outcome is not None and outcome.kind == "diverged":
        return Finding(
            "divergence", "severe", outcome.step,
            f"At step {outcome.step} {outcome.reason}. The curves end at the last finite step.",
            _divergence_remedies(config),
        )
    window = int(_limit("window"))
    if len(history.steps) < window:
        return None
    norms = {name: history.column(f"grad_norm_{name.lower()}") for name in ("D", "G")}
    medians = {name: float(np.median(norm[-window:])) for name, norm in norms.items()}
    exploding = {name: norm for name, norm in medians.items()
                 if norm > _limit("exploding_gradient") and _growing(norms[name], window)}
    if not exploding or not _runaway_loss(history, config, window):  # NaN is in no comparison
        return None
    worst = max(exploding, key=exploding.__getitem__)
    since = int(history.column("step")[
        _last_stretch(norms[worst] > _limit("exploding_gradient"), window)])
    evidence = (
        f"The gradient of {worst} has a norm of {medians[worst]:.3g}, median of the last {window} "
        f"steps, and grows; the losses have left the range of a training that works."
    )
    return Finding("divergence", "severe", since, evidence, _divergence_remedies(config))


def _growing(norms: np.ndarray, window: int) -> bool:
    """Whether the median of the last window is clearly above that of five windows before."""
    before = norms[-6 * window : -5 * window] if len(norms) >= 6 * window else norms[:window]
    return float(np.median(norms[-window:])) > _limit("gradient_growth") * float(np.median(before))


def _runaway_loss(history: History, config: RunConfig, window: int) -> bool:
    """Whether a loss has left its frame: sharp modes alone make for large gradients."""
    low, high = LOSSES[config.loss].frame
    medians = [float(np.median(history.column(name)[-window:])) for name in ("loss_d", "loss_g")]
    return any(not low <= median <= high for median in medians)


def _unlimited_critic(config: RunConfig) -> bool:
    """A Wasserstein critic must not be arbitrarily steep: its loss has no bottom otherwise."""
    limits = (config.gradient_penalty, config.weight_clip, config.r1, float(config.spectral_norm))
    return config.loss == "wasserstein" and not any(limits)


def _limiting_remedy(config: RunConfig) -> Remedy:
    weight = 0.1 if config.card.kind == "points" else 10.0
    return Remedy(
        f"Gradient penalty, λ {weight:g}", {"gradient_penalty": weight},
        "a critic of bounded slope has a loss that can settle")


def _divergence_remedies(config: RunConfig) -> tuple[Remedy, ...]:
    remedies = [_limiting_remedy(config)] if _unlimited_critic(config) else []
    if config.optimizer == "sgd":
        remedies.append(Remedy(
            "Adam with β₁ = 0.5 and rate 0.0002",
            {"optimizer": "adam", "beta1": 0.5, "beta2": 0.999, "learning_rate": 2e-4,
             "learning_rate_ratio": 1.0},
            "Adam bounds the size of every step"))
    elif max(config.generator_learning_rate, config.discriminator_learning_rate) > 1e-3:
        remedies.append(Remedy(
            "Learning rates of 0.0002", {"learning_rate": 2e-4, "learning_rate_ratio": 1.0},
            "smaller steps stay where the gradient is a good guide"))
    return tuple(remedies)
