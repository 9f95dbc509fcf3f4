"""Discriminator overfitting: D knows its training images by heart. Torch-free.

Seen in D's scores of held-out images: Karras et al., "Training Generative Adversarial Networks with
Limited Data" (2020).
"""

from __future__ import annotations

from gan_core.config.choices import ARCHITECTURES
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.findings import Finding, Remedy, Threshold
from gan_core.runs.history import History
from gan_core.runs.records import EvalRecord

THRESHOLDS = {
    "memory_steps": Threshold(
        500, "steps before D can be found to overfit: at first it hardly knows reals from fakes",
        "calibrated: with 300 images r_v stays below 0.2 until step 1000"),
    "validation_ratio": Threshold(
        0.4, "r_v at or above which D scores new reals nearer to generated than to training images",
        "r_v: Karras et al. (2020); calibrated: 0.1 and less on all of MNIST"),
    "missed_reals": Threshold(
        0.15, "share of reals that D accepts among its training images but not among new ones",
        "calibrated: within 0.05 on all of MNIST"),
}
SCALE_END = 1.2  # of r_v: 1 is a new image that D scores as it scores generated ones


def _limit(name: str) -> float:
    return THRESHOLDS[name].value


def discriminator_overfitting(history: History, config: RunConfig) -> Finding | None:
    """D scores the images it trained on above new ones: it knows them by heart."""
    since = None
    for evaluation in history.evaluations:
        if not _knows_by_heart(evaluation):
            since = None
        elif since is None:
            since = evaluation.step
    if since is None:
        return None
    last = history.evaluations[-1].metrics
    evidence = (
        f"D calls {last['accuracy_train']:.0%} of its training images real, but only "
        f"{last['accuracy_held_out']:.0%} of images it never saw{_place(last['r_v'])}."
    )
    return Finding("discriminator_overfitting", "severe", since, evidence, _remedies(config))


def _place(r_v: float) -> str:
    """Where D places new images; "" beyond its scale, where the number says nothing: it divides by
    the distance between training and generated images, which may be next to 0."""
    if not 0 <= r_v <= SCALE_END:
        return ""
    return (": on its scale from training images (0) to generated ones (1) the new ones stand at "
            f"{r_v:.2f}")


def _knows_by_heart(evaluation: EvalRecord) -> bool:
    metrics = evaluation.metrics
    missed = metrics.get("accuracy_train", 0.0) - metrics.get("accuracy_held_out", 0.0)
    return (
        evaluation.step >= _limit("memory_steps")
        and metrics.get("r_v", 0.0) >= _limit("validation_ratio")
        and missed >= _limit("missed_reals")
    )


def _remedies(config: RunConfig) -> tuple[Remedy, ...]:
    remedies = []
    if config.dropout < 0.4:
        remedies.append(Remedy(
            "Dropout 0.4 in D", {"dropout": 0.4},
            "D cannot rely on the few units that recognise one image"))
    if not config.augment and ARCHITECTURES[config.architecture].convolutional:
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
