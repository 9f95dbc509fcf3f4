"""Synthetic histories: what each symptom looks like, written down."""

from __future__ import annotations

import dataclasses
import math

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.diagnose import THRESHOLDS, Finding, diagnose
from gan_core.runs.history import History
from gan_core.runs.records import EvalRecord, Outcome, StepRecord

MINIMAX, NON_SATURATING = RunConfig(loss="minimax"), RunConfig()
HEALTHY_STEP = {
    "loss_d": 1.1, "loss_g": 1.2, "accuracy_real": 0.8, "accuracy_fake": 0.8, "score_real": 0.65,
    "score_fake": 0.35, "grad_norm_d": 2.0, "grad_norm_g": 1.0, "saturation_minimax": 0.35,
    "saturation_non_saturating": 0.65,
}
# D makes no mistake and G's gradient under the minimax loss is gone.
SILENT_STEP = {"accuracy_real": 1.0, "accuracy_fake": 1.0, "score_real": 0.999, "score_fake": 1e-6,
               "grad_norm_g": 1e-6, "saturation_minimax": 1e-6,
               "saturation_non_saturating": 0.999999}


def limit(name: str) -> float:
    return THRESHOLDS[name].value


def steps(
    count: int = 1000, after: int = 0, base: float = 2.0, **changes
) -> list[StepRecord]:
    """Healthy steps, with D's gradient at `base`; those later than `after` with `changes`."""
    plain = {**HEALTHY_STEP, "grad_norm_d": base}
    changed = {**plain, **changes}
    return [StepRecord(i, **(changed if i > after else plain)) for i in range(1, count + 1)]


def evaluations(count: int = 1000, after: int = -1, **changes) -> list[EvalRecord]:
    """Evaluations of a run that learns; those later than `after` with `changes`."""
    records = []
    for step in range(0, count + 1, 250):
        metrics = {"modes": 10.0, "modes_total": 10.0, "diversity": 0.95, "class_entropy": 2.2,
                   "kl_uniform": 0.1, "frechet": 1000 * 0.7 ** (step / 250), "density": 0.5,
                   "coverage": 0.5, "accuracy_train": 0.8, "accuracy_held_out": 0.8,
                   "overfit_gap": 0.1, "nearest_train_ratio": 1.0, "r_v": 0.05, "r_t": 0.6,
                   "accuracy_generated": 0.2}
        if step > after:
            metrics |= changes
        modes = max(int(metrics["modes"]), 1) if math.isfinite(metrics["modes"]) else 1
        shares = tuple([1 / modes] * modes + [0.0] * (10 - modes))
        records.append(EvalRecord(step, metrics, shares))
    return records


COLLAPSED = {"modes": 1.0, "diversity": 0.02, "frechet": 1500.0, "class_entropy": 0.0,
             "kl_uniform": math.log(10), "coverage": 0.01}
HEALTHY = History(steps(), evaluations(), Outcome("finished", 1000))
MEMORISED = {"accuracy_train": 0.95, "accuracy_held_out": 0.5, "r_v": 0.7, "overfit_gap": 4.0}


def swinging(count: int = 1000, after: int = 300, size: float = 0.9) -> list[StepRecord]:
    """D's score of reals swings by `size`, once in 200 steps."""
    records = steps(count)
    for i, record in enumerate(records[after:], start=after):
        score = 0.5 + size / 2 * math.sin(2 * math.pi * i / 200)
        records[i] = dataclasses.replace(record, score_real=score, score_fake=0.5)
    return records


def rotating(count: int = 1750, period: int = 1, at_once: int = 2) -> list[EvalRecord]:
    """`at_once` of ten digits at a time, others after every `period` evaluations from step 500."""
    records = evaluations(count)
    for i, record in enumerate(records[2:]):
        shares = [0.0] * 10
        for k in range(at_once):
            shares[(i // period * at_once + k) % 10] = 1 / at_once
        records[i + 2] = dataclasses.replace(record, histogram=tuple(shares))
    return records


def slow(step_seconds: float = 0.5, modes: float = 1.0, total: float = 0.0) -> History:
    """100 steps of `step_seconds`, or in `total` seconds, after a start of 20 s."""
    first, = evaluations(0, modes=modes)
    seconds = total or 100 * step_seconds
    return History(steps(99), [
        dataclasses.replace(first, seconds=20.0),
        dataclasses.replace(first, step=100, seconds=20.0 + seconds)])


SHOWN: dict[str, tuple[History, RunConfig]] = {
    "mode_collapse": (History(steps(), evaluations(after=250, **COLLAPSED)), NON_SATURATING),
    "vanishing_gradient": (History(steps(after=300, **SILENT_STEP), evaluations()), MINIMAX),
    "mode_rotation": (History(steps(1750), rotating()), NON_SATURATING),
    "discriminator_overfitting": (
        History(steps(), evaluations(after=500, **MEMORISED)),
        RunConfig(training_examples=1000)),
    "instability": (History(swinging(), evaluations()), NON_SATURATING),
    "no_learning": (
        History(steps(after=250, accuracy_real=1.0, accuracy_fake=1.0, loss_g=7.0),
                evaluations(after=250, frechet=1200.0)),
        RunConfig(learning_rate_ratio=20.0)),
    "computational_cost": (
        slow(), RunConfig(architecture="dcgan_reference")),
    "divergence": (
        History(steps(90), evaluations(0),
                Outcome("diverged", 91, "a loss or a gradient became infinite or NaN")),
        NON_SATURATING),
}


def symptoms(history: History, config: RunConfig = NON_SATURATING) -> list[str]:
    return [finding.symptom for finding in diagnose(history, config)]


def only_finding(history: History, config: RunConfig = NON_SATURATING) -> Finding:
    finding, = diagnose(history, config)
    return finding


STUCK = {"frechet": 340.0}  # near enough to the data, and no nearer than before


def collapse_with(**metrics) -> History:
    return History(steps(), evaluations(after=250, **{**STUCK, **metrics}))


def vanish_with(**metrics) -> History:
    return History(steps(after=300, **{**SILENT_STEP, **metrics}), evaluations())



def recognised(
    records: list[EvalRecord], share: float = 0.9, training: tuple[float, ...] = (0.1,) * 10
) -> list[EvalRecord]:
    """The evaluations of images as version 2 records them: `share` of the samples of each digit are
    recognised, and `training` is each digit's share of the training set."""
    return [_recognised(record, share, training) for record in records]


def _recognised(record: EvalRecord, share: float, training: tuple[float, ...]) -> EvalRecord:
    supported = tuple(share * part for part in record.histogram)
    metrics = {**record.metrics, "recognised": share,
               "quality_above_chance": (share - 0.02) / 0.96,
               "modes_supported": float(sum(part >= 0.01 for part in supported)),
               "modes_in_training": float(sum(part > 0 for part in training))}
    return dataclasses.replace(record, metrics=metrics, supported=supported, training=training)


def rising(count: int = 1000) -> list[EvalRecord]:
    """Evaluations of version 2 of a run that is not good yet, and of which ever more samples are
    recognised."""
    records = evaluations(count, frechet=600.0)
    return [_recognised(record, 0.04 + 0.2 * record.step / count, (0.1,) * 10)
            for record in records]


NOISE = {"modes": 4.0, "frechet": 1200.0, "diversity": 1.3}  # nearest to four digits, and none
SKEWED = (*(0.11,) * 9, 0.01)  # the training set's shares: nines are rare
ENDED = Outcome("finished", 1000)
JUDGED: dict[str, tuple[History, RunConfig]] = {  # a run of every state
    "healthy": (History(steps(), recognised(evaluations()), ENDED), NON_SATURATING),
    "too_early": (
        History(steps(5), recognised([dataclasses.replace(record, step=step) for step, record in
                                      zip((0, 5), evaluations(250, **NOISE), strict=True)], 0.0),
                Outcome("finished", 5)), NON_SATURATING),
    "improving": (History(steps(), rising(), ENDED), NON_SATURATING),
    "failing": (History(steps(), recognised(evaluations(**NOISE), 0.0), ENDED),
                RunConfig(learning_rate=1e-6)),
    "diverged": SHOWN["divergence"],
    "failed": (History(steps(90), evaluations(0), Outcome("failed", 90, "The worker was killed.")),
               NON_SATURATING),
}


def noise(count: int = 2000, kind: str = "image", shown: int = 0, **metrics) -> list[EvalRecord]:
    """Evaluations, of version 2, of samples that stay as they are: noise, but for `metrics`, of
    `shown` modes."""
    modes = 10 if kind == "image" else 8
    values = {"modes": 3.0, "modes_total": float(modes), "kl_uniform": 1.0,
              "quality_above_chance": 0.0, "modes_supported": float(shown), "travel_g": 0.8,
              "travel_d": 0.8}
    values |= ({"frechet": 1200.0, "recognised": 0.0, "diversity": 0.6} if kind == "image" else
               {"high_quality": 0.01, "near_modes": 0.05, "centre_distance": 40.0})
    supported = (1 / modes,) * shown + (0.0,) * (modes - shown)
    return [EvalRecord(step, {**values, **metrics}, (1 / modes,) * modes, 0.0, supported,
                       (1 / modes,) * modes)
            for step in range(0, count + 1, 250)]
