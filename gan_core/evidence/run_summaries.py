"""A whole run in single numbers, on which the claims' verdicts rest: one function a number.

"In the end" means over the last tenth of a run's steps, so that runs of different lengths, and
recorded ones of which not every step is stored, are summarised alike. Torch-free.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.diagnose import SYMPTOMS, diagnose
from gan_core.runs.history import History
from gan_core.runs.records import STEP_METRICS

Compute = Callable[[History, RunConfig], float]

PARTS = 10  # a run is cut into tenths


@dataclass(frozen=True)
class Summary:
    """One number of a run: `label` as people read it; `form` formats its value; `of` computes it
    from a history, NaN where the history does not hold what it needs."""

    label: str
    form: str
    of: Compute


def summarise(history: History, config: RunConfig) -> dict[str, float]:
    """Every summary that the run has, four significant digits; a symptom is 1 if the diagnosis
    finds it, else 0."""
    values = {name: summary.of(history, config) for name, summary in SUMMARIES.items()}
    diagnosed = {finding.symptom for finding in diagnose(history, config)}
    values |= {symptom: float(symptom in diagnosed) for symptom in SYMPTOMS}
    return {name: float(f"{value:.4g}") for name, value in values.items() if math.isfinite(value)}


def _metric(name: str) -> Compute:
    """A metric of the last evaluation."""

    def of(history: History, config: RunConfig) -> float:
        metrics = history.evaluations[-1].metrics if history.evaluations else {}
        return metrics.get(name, math.nan)

    return of


def _share(choose: Callable[[tuple[float, ...]], float]) -> Compute:
    def of(history: History, config: RunConfig) -> float:
        shares = history.evaluations[-1].histogram if history.evaluations else ()
        return choose(shares) if shares else math.nan

    return of


def _tenths(history: History, column: str) -> list[np.ndarray]:
    """A step metric, cut into tenths; nothing for a run that is too short."""
    values = history.column(column)
    return np.array_split(values, PARTS) if len(values) >= PARTS else []


def _end(column: str) -> Compute:
    def of(history: History, config: RunConfig) -> float:
        tenths = _tenths(history, column)
        return float(np.median(tenths[-1])) if tenths else math.nan

    return of


def _accuracy(history: History, config: RunConfig) -> float:
    """D's accuracy in the end, over real and generated examples."""
    ends = [_tenths(history, f"accuracy_{kind}") for kind in ("real", "fake")]
    return float(np.mean([end[-1].mean() for end in ends])) if all(ends) else math.nan


def _rejected(history: History, config: RunConfig) -> float:
    tenths = _tenths(history, "accuracy_fake")
    return float(tenths[-1].mean()) if tenths else math.nan


def _first_fall(history: History, config: RunConfig) -> float:
    """D's loss in the first tenth ÷ its loss at the first step."""
    tenths = _tenths(history, "loss_d")
    return float(np.median(tenths[0]) / tenths[0][0]) if tenths else math.nan


def _calm(column: str) -> Compute:
    """How much a loss swings in the last three tenths ÷ in the first three."""

    def of(history: History, config: RunConfig) -> float:
        swings = [float(np.std(tenth)) for tenth in _tenths(history, column)]
        return sum(swings[-3:]) / sum(swings[:3]) if sum(swings[:3]) > 0 else math.nan

    return of


def _swing(column: str) -> Compute:
    """Standard deviation of a loss within the tenths of the second half, on average."""

    def of(history: History, config: RunConfig) -> float:
        tenths = _tenths(history, column)
        return float(np.mean([np.std(tenth) for tenth in tenths[5:]])) if tenths else math.nan

    return of


def _drift(history: History, config: RunConfig) -> float:
    """How far G's loss moves from the middle of the run to its end."""
    tenths = _tenths(history, "loss_g")
    return float(abs(np.median(tenths[-1]) - np.median(tenths[5]))) if tenths else math.nan


def _fall(column: str) -> Compute:
    """A gradient's norm in the end ÷ in the tenth in which it was largest."""

    def of(history: History, config: RunConfig) -> float:
        norms = [float(np.median(tenth)) for tenth in _tenths(history, column)]
        return norms[-1] / max(norms) if norms and max(norms) > 0 else math.nan

    return of


def _weakest(history: History, config: RunConfig) -> float:
    """Where in the run G's gradient was smallest: 0 in the first tenth, 0.9 in the last."""
    norms = [float(np.median(tenth)) for tenth in _tenths(history, "grad_norm_g")]
    return int(np.argmin(norms)) / PARTS if norms else math.nan


def _signal(history: History, config: RunConfig) -> float:
    """Mean |∂L_G/∂logit| in the end, under the loss that trains G; the two GAN losses only."""
    column = f"saturation_{config.loss}"
    return _end(column)(history, config) if column in STEP_METRICS else math.nan


def _progress(history: History, config: RunConfig) -> float:
    """Fréchet distance half-way ÷ in the end: 1 where G learned nothing more."""
    steps, values = history.evaluated("frechet")
    if len(steps) < 2 or values[-1] <= 0:
        return math.nan
    half = values[:-1][np.argmin(np.abs(steps[:-1] - steps[-1] / 2))]
    return float(half / values[-1])


def _frozen_fall(column: str) -> Compute:
    """A frozen G's norm after all of the fresh D's steps ÷ after its first one."""

    def of(history: History, config: RunConfig) -> float:
        norms = history.column(column)
        norms = norms[np.isfinite(norms)]
        return float(np.median(norms[-10:]) / norms[0]) if len(norms) >= 20 else math.nan

    return of


def _seconds(history: History, config: RunConfig) -> float:
    return history.outcome.seconds if history.outcome else math.nan


SUMMARIES: dict[str, Summary] = {
    "modes": Summary("modes", ".0f", _metric("modes")),
    "frechet": Summary("Fréchet distance", ".0f", _metric("frechet")),
    "diversity": Summary("diversity", ".2f", _metric("diversity")),
    "coverage": Summary("coverage", ".2f", _metric("coverage")),
    "density": Summary("density", ".2f", _metric("density")),
    "kl_uniform": Summary("KL to uniform", ".2f", _metric("kl_uniform")),
    "most": Summary("share of the most frequent mode", ".0%", _share(max)),
    "least": Summary("share of the rarest mode", ".1%", _share(min)),
    "accuracy": Summary("D's accuracy in the end", ".1%", _accuracy),
    "rejected": Summary("samples that D rejects in the end", ".0%", _rejected),
    "loss_d": Summary("D's loss in the end", ".2g", _end("loss_d")),
    "loss_g": Summary("G's loss in the end", ".2g", _end("loss_g")),
    "first_fall": Summary("D's loss in the first tenth ÷ at step 1", ".2f", _first_fall),
    "calm_d": Summary("swing of D's loss, last ÷ first three tenths", ".2f", _calm("loss_d")),
    "calm_g": Summary("swing of G's loss, last ÷ first three tenths", ".2f", _calm("loss_g")),
    "swing_d": Summary("swing of D's loss, second half", ".2f", _swing("loss_d")),
    "swing_g": Summary("swing of G's loss, second half", ".2f", _swing("loss_g")),
    "drift_g": Summary("change of G's loss over the second half", ".2f", _drift),
    "norm_g": Summary("G's gradient norm in the end", ".2g", _end("grad_norm_g")),
    "fall_g": Summary("G's gradient norm, end ÷ largest tenth", ".2g", _fall("grad_norm_g")),
    "fall_d": Summary("D's gradient norm, end ÷ largest tenth", ".2g", _fall("grad_norm_d")),
    "weakest": Summary("where G's gradient is smallest", ".1f", _weakest),
    "signal": Summary("size of ∂L_G/∂logit in the end", ".2g", _signal),
    "progress": Summary("Fréchet distance, half-way ÷ end", ".2f", _progress),
    "r_v": Summary("r_v (D's memory)", ".2f", _metric("r_v")),
    "accuracy_train": Summary("training images that D accepts", ".0%", _metric("accuracy_train")),
    "accuracy_held_out": Summary("new images that D accepts", ".0%", _metric("accuracy_held_out")),
    "nearest": Summary("distance to training ÷ new images", ".2f", _metric("nearest_train_ratio")),
    "minimax_fall": Summary(
        "minimax norm, frozen G, end ÷ start", ".1e", _frozen_fall("grad_norm_minimax")),
    "non_saturating_fall": Summary(
        "non-saturating norm, frozen G, end ÷ start", ".2g",
        _frozen_fall("grad_norm_non_saturating")),
    "seconds": Summary("seconds of training", ".0f", _seconds),
}


def label(name: str) -> str:
    """What people call a summary, or a symptom."""
    return SYMPTOMS[name].title if name in SYMPTOMS else SUMMARIES[name].label


def value_text(name: str, value: float) -> str:
    """One value of a summary as text."""
    return f"{value:{SUMMARIES[name].form}}" if name in SUMMARIES else f"{value:.0f}"


def range_text(name: str, values: list[float]) -> str:
    """Values over seeds as text: smallest to largest; of a symptom, how often it was found."""
    if name in SYMPTOMS:
        return f"{sum(values):.0f} of {len(values)}"
    low, high = value_text(name, min(values)), value_text(name, max(values))
    return low if low == high else f"{low} – {high}"
