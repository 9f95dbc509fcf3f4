"""What the metrics of an evaluation mean, in the words of docs/glossary.md."""

from __future__ import annotations

METRICS = {
    "modes": "modes that the samples have: a share of 1 % (images), or a sample within 3σ (2-D)",
    "modes_total": "modes that there are",
    "modes_supported":
        "modes with at least 1 % of the samples that are good ones of it: recognised "
        "(images), or near it (2-D)",
    "modes_in_training": "modes of which the training set has examples",
    "mode_spread":
        "how far good samples of a mode lie from their mean ÷ the same of real "
        "examples, mean over the modes supported; near 1 for the data, 0 for copies "
        "of one example each",
    "class_entropy": "entropy of the shares of the classes, in nats",
    "kl_uniform": "KL divergence of the shares from equal ones, in nats; 0 is balanced",
    "diversity": "mean distance between samples ÷ between real images; 1 is ideal",
    "frechet":
        "Fréchet distance between the features of samples and of real images; lower "
        "is better",
    "density": "how densely real images surround the samples; 1 for equal distributions",
    "coverage": "share of real images with a sample nearby; about 0.97 for equal distributions",
    "ndb": "share of 100 bins of the features that samples fill differently from real images",
    "nearest_train_ratio":
        "distance to the nearest training image ÷ to the nearest held-out image; far "
        "below 1 is copying",
    "copying":
        "z-score of the distances to training images against those of new images; far "
        "below 0 is copying",
    "recognised": "share of samples that the recogniser takes for a digit, or a garment, at all",
    "high_quality": "share of samples within 3σ of a mode",
    "near_modes":
        "share of samples within an eighth of the way from a centre to the next one, "
        "which on the plane looks like lying on it",
    "centre_distance":
        "mean distance of the samples to the nearest centre, in σ; 1.25 for the data",
    "quality_above_chance":
        "share of good samples, recognised or near a mode, on a scale from 0, what "
        "noise and blurred data score, to 1, what the data score",
    "accuracy_train": "share of training examples that D calls real",
    "accuracy_held_out": "share of held-out examples that D calls real",
    "accuracy_generated": "share of samples that D calls real: its error",
    "score_train": "mean score of training examples",
    "score_held_out": "mean score of held-out examples",
    "score_generated": "mean score of samples",
    "overfit_gap": "mean logit of training examples − of held-out examples",
    "r_v":
        "overfit_gap ÷ the gap in mean logit between training examples and samples; "
        "1 is complete overfitting",
    "travel_g": "way that G's weights have moved since the start, ÷ their length then",
    "travel_d": "way that D's weights have moved since the start, ÷ their length then",
    "r_t": "mean sign of the training examples' logits; 1 is complete overfitting",
}
AVERAGED = "ema_"  # before the name of a metric of the averaged generator


def meaning(name: str) -> str:
    """What a metric is; "" of one that nobody here knows, as a file of a stranger may hold."""
    known = METRICS.get(name.removeprefix(AVERAGED), "")
    return f"of the averaged generator: {known}" if known and name.startswith(AVERAGED) else known
