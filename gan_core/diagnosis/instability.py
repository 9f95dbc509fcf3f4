"""Unstable training: D's scores that swing, and losses or gradients that run away. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gan_core.config.choices import LOSSES, SAME
from gan_core.config.fields import AS_G
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.findings import Finding, Remedy, Threshold
from gan_core.diagnosis.limits_of_d import flat_at_the_data, gradient_penalty, unlimited_critic
from gan_core.diagnosis.number_words import rounded
from gan_core.diagnosis.step_windows import WINDOW, last_median, start_of_last_stretch
from gan_core.runs.history import History

THRESHOLDS = {
    "swing_window": Threshold(
        300, "steps over which swings of D's scores are measured", "convention"),
    "swing_smoothing": Threshold(
        25, "steps over which D's scores are averaged first", "convention: 1600 examples at 64"),
    "swing": Threshold(
        0.5, "swing of the difference between D's scores of real and generated examples (95th − "
        "5th percentile) above which training is unstable",
        "calibrated: at most 0.35 in runs that learn"),
    "swing_returns": Threshold(
        2, "changes between high and low in that window: a swing comes back, a trend does not",
        "definition of an oscillation"),
    "gradient_growth": Threshold(
        2, "growth in 500 steps above which a gradient norm is still exploding",
        "calibrated: 2-D mixtures of narrow modes train on at norms of 100 to 300"),
    "exploding_gradient": Threshold(
        100, "gradient norm above which training is about to diverge",
        "Chintala et al., ganhacks (2016), tip 10"),
}


def _limit(name: str) -> float:
    return THRESHOLDS[name].value


# --- instability ---------------------------------------------------------------------------------


def instability(history: History, config: RunConfig) -> Finding | None:
    """D's scores swing instead of settling: now D is ahead, now G."""
    steps = history.column("step")
    if len(steps) < 2 or steps[-1] < 2 * _limit("swing_window"):
        return None
    gap = _score_gap(history)
    if len(gap) < gap.window:
        return None
    start, last = _start_of_swings(history, gap), gap.last_window()
    if start == len(gap) or _reversals(last) < _limit("swing_returns"):
        return None
    since = int(steps[start + gap.smooth - 1])
    low, high = np.percentile(last, [5, 95])
    evidence = (
        f"Over the last {_limit('swing_window'):.0f} steps the difference between D's scores of "
        f"real and of generated examples swung between {low:.2f} and {high:.2f}: D and G take "
        f"turns in winning. D's loss went up and down by about "
        f"{rounded(history.column('loss_d')[-gap.window:].std())}."
    )
    return Finding("instability", "warning", since, evidence, _calming_remedies(config))


@dataclass(frozen=True)
class ScoreGap:
    """D's score of reals minus that of fakes, averaged over `smooth` records, each value at the
    last of them; swings are measured over `window` values."""

    real: np.ndarray
    fake: np.ndarray
    window: int
    smooth: int

    def __len__(self) -> int:
        return max(len(self.real) - self.smooth + 1, 0)

    def part(self, start: int, stop: int) -> np.ndarray:
        """The values from `start` on and before `stop`."""
        records = slice(start, stop + self.smooth - 1)
        gap = self.real[records] - self.fake[records]
        return np.convolve(gap, np.ones(self.smooth) / self.smooth, mode="valid")

    def last_window(self) -> np.ndarray:
        return self.part(len(self) - self.window, len(self))


def _score_gap(history: History) -> ScoreGap:
    steps = history.column("step")
    # Recorded runs store every third step; a damaged file may repeat one.
    spacing = max((steps[-1] - steps[0]) / (len(steps) - 1), 1.0)
    window, smooth = (max(round(_limit(name) / spacing), 1)
                      for name in ("swing_window", "swing_smoothing"))
    return ScoreGap(history.column("score_real"), history.column("score_fake"), window, smooth)


def score_swing(history: History) -> float:
    """How far the smoothed difference of D's scores moved in the last swing window; NaN in a run
    that is shorter."""
    if len(history.steps) < 2:
        return float("nan")
    gap = _score_gap(history)
    if len(gap) < gap.window:
        return float("nan")
    low, high = np.percentile(gap.last_window(), [5, 95])
    return float(high - low)


def _reversals(values: np.ndarray) -> int:
    """How often values go from their upper to their lower third, or back: once in a mere rise."""
    low, high = np.percentile(values, [5, 95])
    third = (high - low) / 3
    sides = np.where(values > high - third, 1, np.where(values < low + third, -1, 0))
    sides = sides[sides != 0]
    return int((sides[1:] != sides[:-1]).sum())


def _start_of_swings(history: History, gap: ScoreGap) -> int:
    """The value of the gap from which on it swings; its length if it does not swing now.

    Swings are measured at every tenth of a window, counted from the end: at each value it would be
    slow. So what is known of a shorter history holds for one that is longer by whole tenths.
    """
    tenth = max(gap.window // 10, 1)
    first = gap.window + (len(gap) - gap.window) % tenth  # where the first window ends

    def calm(start: int, stop: int) -> np.ndarray:
        begin = first + start * tenth - gap.window
        return _calm(gap.part(begin, first + (stop - 1) * tenth), gap.window, tenth)

    key = ("calm", gap.window, gap.smooth, first)
    last_calm = history.last_where(key, calm, (len(gap) - first) // tenth + 1)
    return first + last_calm * tenth


def _calm(values: np.ndarray, window: int, stride: int) -> np.ndarray:
    """Whether a window of values does not swing, and those that begin each `stride` later: 95th −
    5th percentile at most the limit; NaN is calm as well.

    Percentiles of a long run take milliseconds: they are taken only where counting does not tell.
    """
    windows = np.lib.stride_tricks.sliding_window_view(values, window)[::stride]
    calm = ~_surely_swings(values, window)[::stride]
    low, high = np.percentile(windows[calm], [5, 95], axis=1)
    calm[calm] = ~(high - low > _limit("swing"))
    return calm


def _surely_swings(values: np.ndarray, window: int) -> np.ndarray:
    """Whether so many values of each window lie below one level and above another that its
    percentiles do, too; the levels are farther apart than the limit. NaN is on neither side."""
    middle, half = values.mean(), 0.5001 * _limit("swing")
    enough = int(0.05 * window) + 2  # a percentile lies between two values

    def many(outside: np.ndarray) -> np.ndarray:
        until = np.concatenate([[0], np.cumsum(outside)])
        return until[window:] - until[:-window] >= enough

    return many(values < middle - half) & many(values > middle + half)


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
    if len(history.steps) < WINDOW:
        return None
    norms = {name: history.column(f"grad_norm_{name.lower()}") for name in ("D", "G")}
    medians = {name: last_median(norm) for name, norm in norms.items()}
    exploding = {name: norm for name, norm in medians.items()
                 if norm > _limit("exploding_gradient") and _growing(norms[name])}
    if not exploding or not _runaway_loss(history, config):  # NaN is in no comparison
        return None
    worst = max(exploding, key=exploding.__getitem__)
    start = start_of_last_stretch(
        history, ("exploding gradient", worst),
        lambda part: norms[worst][part] > _limit("exploding_gradient"))
    since = int(history.column("step")[start])
    evidence = (
        f"The gradient of {worst} has grown to {rounded(medians[worst])}, the median of the last "
        f"{WINDOW} steps, and grows on; the losses have left the range of a training that works."
    )
    return Finding("divergence", "severe", since, evidence, _divergence_remedies(config))


def _growing(norms: np.ndarray) -> bool:
    """Whether the median of the last window is clearly above that of five windows before."""
    before = norms[-6 * WINDOW : -5 * WINDOW] if len(norms) >= 6 * WINDOW else norms[:WINDOW]
    return last_median(norms) > _limit("gradient_growth") * float(np.median(before))


def _runaway_loss(history: History, config: RunConfig) -> bool:
    """Whether a loss has left its frame: sharp modes alone make for large gradients."""
    low, high = LOSSES[config.loss].frame
    medians = [last_median(history.column(name)) for name in ("loss_d", "loss_g")]
    return any(not low <= median <= high for median in medians)


# --- remedies ------------------------------------------------------------------------------------


def _calming_remedies(config: RunConfig) -> tuple[Remedy, ...]:
    points, spectral_norm = config.card.kind == "points", Remedy(
        "Spectral normalisation", {"spectral_norm": True, "weight_clip": 0.0},
        "D's scores cannot become so steep that they throw G about")
    remedies = []
    if unlimited_critic(config):
        # Of images spectral normalisation was measured to calm it most; of points it hides modes.
        first = flat_at_the_data(config) if points else spectral_norm
        remedies = [first, gradient_penalty(config)]
    if max(config.generator_learning_rate, config.discriminator_learning_rate) > 2e-4:
        remedies.append(Remedy(
            "Learning rates of 0.0002", {"learning_rate": 2e-4, "learning_rate_ratio": 1.0},
            "smaller steps overshoot less"))
    if config.r1 == 0 and config.gradient_penalty == 0 and not unlimited_critic(config):
        remedies.append(Remedy(
            "R1 penalty, γ 1", {"r1": 1.0},
            "D stays calm around real data, so both can settle there"))
    if not (points or config.spectral_norm or spectral_norm in remedies):
        remedies.append(spectral_norm)
    if config.gradient_clip == 0 and not unlimited_critic(config):  # there it did not help
        remedies.append(Remedy(
            "Gradients clipped to norm 1", {"gradient_clip": 1.0}, "no single step goes far"))
    return tuple(remedies)


def _divergence_remedies(config: RunConfig) -> tuple[Remedy, ...]:
    rate = 1e-3 if config.card.kind == "points" else 2e-4
    remedies = []
    if unlimited_critic(config):
        remedies.append(flat_at_the_data(config) if config.card.kind == "points"
                        else gradient_penalty(config))
    if "sgd" in (config.optimizer, config.optimizer_of_discriminator):
        remedies.append(Remedy(
            f"Adam with β₁ = 0.5 and rate {rate:g}",
            {"optimizer": "adam", "discriminator_optimizer": SAME, "beta1": 0.5,
             "discriminator_beta1": AS_G, "beta2": 0.999, "learning_rate": rate,
             "learning_rate_ratio": 1.0},
            "Adam bounds the size of every step"))
    elif max(config.generator_learning_rate, config.discriminator_learning_rate) > 1e-3:
        remedies.append(Remedy(
            f"Learning rates of {rate:g}", {"learning_rate": rate, "learning_rate_ratio": 1.0},
            "small steps stay where the gradient is a good guide"))
    return tuple(remedies)
