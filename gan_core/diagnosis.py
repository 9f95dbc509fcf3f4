"""What went wrong, and how we know: findings as pure functions of a run's history. Torch-free.

    for finding in diagnose(history, config): print(finding.evidence)

A finding names its symptom, since which step it holds, its evidence in words and numbers, and
remedies as config changes. Symptoms co-occur: a generator that stands still shows one digit, a
collapsed one is easily rejected. So a symptom that follows from an earlier one is not raised again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gan_core.config import RunConfig
from gan_core.records import EvalRecord, History

TITLES = {
    "mode_collapse": "Mode collapse",
    "vanishing_gradient": "Vanishing gradient",
    "divergence": "Divergence",
}


@dataclass(frozen=True)
class Threshold:
    value: float
    meaning: str
    source: str


THRESHOLDS = {
    "patience_steps": Threshold(
        500, "steps before a lack of modes is judged: every G begins with one mode",
        "calibrated: healthy MNIST runs show one digit at step 250 and six or more at 750"),
    "slow_steps": Threshold(
        2000, "steps after which missing modes are reported even if they were never there",
        "calibrated: at the report's rate of 0.0002 digits are still being found until then"),
    "lost_modes": Threshold(
        2, "modes fewer than before that count as lost",
        "calibrated: between two evaluations a healthy run's count moves by one"),
    "severe_modes": Threshold(
        0.3, "share of modes at or below which the loss of modes is severe",
        "calibrated: collapsed runs keep 1 or 2 of 10 digits, healthy ones 9 or 10"),
    "few_modes": Threshold(
        0.6, "share of modes at or below which modes are missing",
        "calibrated: see severe_modes; between the two a run is one-sided, not collapsed"),
    "diversity": Threshold(
        0.1, "mean pairwise distance ÷ that of real images below which all samples look alike",
        "calibrated: 0.7 and above in healthy runs, at most 0.05 in total collapse"),
    "improvement": Threshold(
        0.9, "a Fréchet distance or KL below this share of its value 500 steps ago still improves",
        "calibrated: a learning MNIST run improves by 10 to 40 % in 500 steps"),
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
        0.05, "G's gradient norm relative to its start below which it has vanished",
        "Arjovsky & Bottou (2017), figure 2: it falls by orders of magnitude"),
    "exploding_gradient": Threshold(
        100, "gradient norm above which training is about to diverge",
        "Chintala et al., ganhacks (2016), tip 10"),
}


def _limit(name: str) -> float:
    return THRESHOLDS[name].value


@dataclass(frozen=True)
class Remedy:
    """A change of the config that is known to help; `why` in one short sentence."""

    label: str
    changes: dict[str, Any]
    why: str


@dataclass(frozen=True)
class Finding:
    symptom: str
    severity: str  # "warning" or "severe"
    since: int  # the step from which it holds
    evidence: str
    remedies: tuple[Remedy, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        return {
            "symptom": self.symptom,
            "severity": self.severity,
            "since": self.since,
            "evidence": self.evidence,
            "remedies": [
                {"label": remedy.label, "changes": remedy.changes, "why": remedy.why}
                for remedy in self.remedies
            ],
        }


def diagnose(history: History, config: RunConfig) -> list[Finding]:
    """Findings in order of their beginning; none for a healthy or too young run."""
    found = [check(history, config) for check in CHECKS.values()]
    findings = sorted((f for f in found if f is not None), key=lambda finding: finding.since)
    return [f for f in findings if not _follows(f, findings)]


def _follows(finding: Finding, findings: list[Finding]) -> bool:
    """A lack of modes that begins after G's gradient vanished follows from it: G stands still."""
    return finding.symptom == "mode_collapse" and any(
        other.symptom == "vanishing_gradient" and other.since <= finding.since
        for other in findings
    )


# --- mode collapse -------------------------------------------------------------------------------


def mode_collapse(history: History, config: RunConfig) -> Finding | None:
    """Modes were lost, or all samples look alike, or after a long time most modes are missing."""
    since = _collapsed_since(history)
    if since is None:
        return None
    last = history.evaluations[-1]
    gone = last.metrics["modes"] <= _limit("severe_modes") * last.metrics["modes_total"]
    alike = any(_alike(e) for e in history.evaluations if e.step >= since)
    severe = alike or (gone and _lost(history, last))
    return Finding(
        "mode_collapse",
        "severe" if severe else "warning",
        since,
        _collapse_evidence(last, config),
        _collapse_remedies(config),
    )


def _collapsed_since(history: History) -> int | None:
    """The step since which a collapse holds; it ends only when most modes are back, not when the
    one picture that all samples share merely changes."""
    since = None
    for evaluation in history.evaluations:
        if evaluation.step < _limit("patience_steps"):
            continue
        if not _few(evaluation) and not _alike(evaluation):
            since = None
        elif since is None and _fails(history, evaluation):
            since = evaluation.step
    return since


def _fails(history: History, evaluation: EvalRecord) -> bool:
    """Whether a lack of modes is a failure, and not a young generator's."""
    if _alike(evaluation):
        return True
    due = _lost(history, evaluation) or evaluation.step >= _limit("slow_steps")
    return due and not _improving(history, evaluation)


def _few(evaluation: EvalRecord) -> bool:
    return evaluation.metrics["modes"] <= _limit("few_modes") * evaluation.metrics["modes_total"]


def _alike(evaluation: EvalRecord) -> bool:
    return evaluation.metrics.get("diversity", 1.0) < _limit("diversity")


def _lost(history: History, evaluation: EvalRecord) -> bool:
    """Whether there were clearly more modes, or much more variety, at some time before."""
    before = [e.metrics for e in history.evaluations if 0 < e.step < evaluation.step]
    most = max((metrics["modes"] for metrics in before), default=0.0)
    widest = max((metrics.get("diversity", 0.0) for metrics in before), default=0.0)
    return (
        evaluation.metrics["modes"] <= most - _limit("lost_modes")
        or evaluation.metrics.get("diversity", 1.0) < widest / 3
    )


def _improving(history: History, evaluation: EvalRecord) -> bool:
    """Whether the distance to the data is clearly smaller than 500 steps before."""
    name = "frechet" if "frechet" in evaluation.metrics else "kl_uniform"
    before = history.evaluation_at(evaluation.step - 500)
    if before is None:
        return True
    return evaluation.metrics[name] < _limit("improvement") * before.metrics[name]


def _collapse_evidence(last: EvalRecord, config: RunConfig) -> str:
    noun, total = config.card.mode_noun, int(last.metrics["modes_total"])
    modes = int(last.metrics["modes"])
    words = f"G makes {modes} of {total} {noun}s"
    if last.histogram and modes:
        top = int(np.argmax(last.histogram))
        words += f"; {last.histogram[top]:.0%} of its samples are {noun} {top}"
    if "diversity" in last.metrics:
        words += (
            f". Two samples differ {last.metrics['diversity']:.0%} as much as two real images do"
        )
    return words + "."


def _collapse_remedies(config: RunConfig) -> tuple[Remedy, ...]:
    remedies = []
    if config.discriminator_steps < 3:
        remedies.append(Remedy(
            "Three D steps per round", {"discriminator_steps": 3},
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
            {"discriminator_steps": steps, "input_noise": 0.1},
            "real and generated samples overlap, so that D cannot be perfectly sure"))
    return tuple(remedies)


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
    start = float(np.median(norm[: window // 2]))
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
        f"{_times_smaller(start, now)} at the start ({start:.2g} → {now:.2g}). The {loss} loss "
        f"passes on {np.median(saturation[-window:]):.2g} per logit instead of 0.5 at equilibrium."
    )
    return Finding("vanishing_gradient", "severe", since, evidence, _vanishing_remedies(config))


def _last_stretch(flags: np.ndarray, window: int) -> int:
    """Where the last stretch of mostly true flags begins."""
    share = np.convolve(flags, np.ones(window) / window, mode="valid") >= 0.5
    broken = np.flatnonzero(~share)
    return int(broken[-1] + 1) if broken.size else 0


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
                 if norm > _limit("exploding_gradient")}  # false for NaN as well
    if not exploding:
        return None
    worst = max(exploding, key=exploding.__getitem__)
    since = int(history.column("step")[
        _last_stretch(norms[worst] > _limit("exploding_gradient"), window)])
    evidence = (
        f"The gradient of {worst} has a norm of {medians[worst]:.3g}, median of the last {window} "
        f"steps; above {_limit('exploding_gradient'):g} training is about to blow up."
    )
    return Finding("divergence", "severe", since, evidence, _divergence_remedies(config))


def _divergence_remedies(config: RunConfig) -> tuple[Remedy, ...]:
    remedies = []
    if config.optimizer != "adam":
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


CHECKS: dict[str, Callable[[History, RunConfig], Finding | None]] = {
    "mode_collapse": mode_collapse,
    "vanishing_gradient": vanishing_gradient,
    "divergence": divergence,
}
