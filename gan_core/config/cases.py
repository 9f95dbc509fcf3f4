"""Other people's failing runs, from public reports, as settings of this project. Torch-free.

`report` names the public thread; `right` are the causes that somebody who knows GANs would accept;
`python -m gan_core verify cases` holds the verdict and its first remedy against them. What cannot
be trained at all is in `REFUSED`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gan_core.config.run_config import RunConfig


@dataclass(frozen=True)
class Case:
    """A run, the states that a right verdict has, and the causes that it may name; `knobs` are
    those that the first remedy must change one of, none where nothing need be mended; `says` what
    its sentences must contain besides, a regular expression."""

    label: str
    report: str
    config: RunConfig
    causes: tuple[str, ...]
    knobs: tuple[str, ...]
    states: tuple[str, ...] = ("failing", "diverged")
    says: str = ""


@dataclass(frozen=True)
class Refusal:
    """Settings that no run may have, and the setting that the reason must name."""

    label: str
    report: str
    settings: dict[str, Any]
    names: str


_RATES = ("learning_rate", "learning_rate_ratio")
_RING = RunConfig(dataset="ring", learning_rate=1e-3, steps=3000)
_GRID = RunConfig(dataset="grid", learning_rate=1e-3, steps=3000)
_MNIST = RunConfig(learning_rate=1e-3)

CASES: dict[str, Case] = {
    "d-has-won": Case(
        "D's loss goes to 0, G's climbs, noise", "osh/KerasGAN#14",
        RunConfig(learning_rate=1e-6, learning_rate_ratio=100.0, steps=2500),
        ("discriminator_ahead",), _RATES),
    "d-ten-times-as-fast": Case(
        "D ten times as fast", "osh/KerasGAN#14, its rates",
        RunConfig(learning_rate=1e-4, learning_rate_ratio=10.0, batch_size=32, dropout=0.25,
                  steps=3000),
        ("discriminator_ahead",), _RATES),
    "losses-never-move": Case(
        "losses never move", "keras#4943", _RING.replace(learning_rate=1e-6),
        ("rate_too_small",), _RATES),
    "sgd-at-adams-rate": Case(
        "SGD at Adam's rate", "soumith/ganhacks#48",
        RunConfig(optimizer="sgd", learning_rate=2e-4, steps=2000),
        ("optimizer", "rate_too_small"), ("optimizer", "learning_rate")),
    "frozen-dark-pictures": Case(
        "frozen dark pictures", "keras#4585",
        RunConfig(learning_rate=0.1, beta1=0.9, steps=1500),
        ("rate_too_large",), _RATES),
    "losses-stuck": Case(
        "losses stuck at 1.39 and 0.69", "SHI-Labs/StyleNAT#11", _RING.replace(r1=100.0),
        ("constraint_too_strong",), ("r1",)),
    "wgan-losses-near-zero": Case(
        "WGAN, losses about 0", "DeepLearningImplementations#40",
        _RING.replace(loss="wasserstein", weight_clip=0.01, optimizer="rmsprop", beta1=0.0,
                      learning_rate=5e-4, discriminator_steps=5),
        ("constraint_too_strong",), ("weight_clip", "gradient_penalty")),
    "toy-mixture": Case(
        "toy mixture, batch of 4", "val-iisc/deligan#3", _GRID.replace(batch_size=4),
        ("batch_too_small",), ("batch_size",)),
    "toy-mixture-r1": Case(
        "toy mixture, R1 100", "val-iisc/deligan#3", _GRID.replace(r1=100.0),
        ("constraint_too_strong",), ("r1",)),
    "only-noise": Case(
        "losses flat, only noise", "wiseodd/generative-models#36",
        _RING.replace(input_noise=1.0, steps=2250),
        ("noise_too_strong",), ("input_noise", "input_noise_steps")),
    "only-noise-for-long": Case(
        "the same, for long", "wiseodd/generative-models#36",
        _RING.replace(input_noise=1.0, steps=8000),
        ("noise_too_strong",), ("input_noise", "input_noise_steps")),
    "d-too-weak": Case(
        "D too weak", "ganhacks#29",
        RunConfig(learning_rate=1e-6, learning_rate_ratio=0.01, steps=2500),
        ("discriminator_too_weak", "rate_too_small"), _RATES),
    "one-latent-number": Case(
        "one latent number", "chrisdonahue/wavegan#65",
        _MNIST.replace(latent_dim=1, steps=2000),
        ("latent_too_small",), ("latent_dim",)),
    "adams-momentum": Case(
        "Adam's own momentum", "ganhacks#20", RunConfig(beta1=0.9, steps=2500),
        ("momentum",), ("beta1",)),
    "one-image": Case(
        "one training image", "NVlabs/stylegan2-ada#20",
        _MNIST.replace(training_examples=1, steps=1500),
        ("few_data",), ("training_examples",)),
    "rate-too-high": Case(
        "rate too high", "tensorflow/playground#3", _GRID.replace(learning_rate=0.1, steps=2000),
        ("rate_too_large",), _RATES),
    "two-hundred-images": Case(
        "200 images, batches of 10", "jhayes14/GAN#6",
        _MNIST.replace(training_examples=200, batch_size=10, steps=3000),
        ("few_data", "discriminator_overfitting"),
        ("training_examples", "dropout", "augment", "label_smoothing")),
    "small-networks": Case(
        "small networks, all alike", "wiseodd/generative-models#14",
        _MNIST.replace(depth=1, width=0.25, beta1=0.9, batch_size=128, steps=4000),
        ("momentum", "capacity"), ("beta1", "width", "depth")),
    "rare-classes": Case(
        "rare classes", "pytorch/vision#8093", _MNIST.replace(class_skew=0.99, steps=2500),
        ("",), (), ("healthy", "improving"), says=r"Digits? .* (is|are) rare: "),
    # More greens that were false.
    "equal-rates-too-slow": Case(
        "mostly smudges at equal rates", "osh/KerasGAN#14, ratio 1",
        RunConfig(learning_rate=1e-4, batch_size=32, dropout=0.25, steps=3000),
        (), (), ("failing", "improving", "too_early")),
    "half-the-momentum": Case(
        "smudges with β₁ 0.5", "ganhacks#20, β₁ 0.5", RunConfig(steps=2500),
        (), (), ("failing", "improving", "too_early")),
}

REFUSED: dict[str, Refusal] = {
    "batch-normalised-critic": Refusal(
        "WGAN-GP with batch normalisation in D", "DeepLearningImplementations#31",
        {"architecture": "dcgan_reference", "loss": "wasserstein", "gradient_penalty": 10.0},
        "gradient_penalty"),
}
