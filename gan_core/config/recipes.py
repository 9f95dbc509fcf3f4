"""Named recipes: remedies, published settings, and runs whose symptoms are known. Torch-free.

`python -m gan_core run --preset NAME` trains any of them; `python -m gan_core verify` measures the
tables of docs/verification.md from them. Rates and lengths of remedies are ours, chosen for a short
session on seed 0; where the published ones differ, `note` says so.
"""

from __future__ import annotations

from dataclasses import dataclass

from gan_core.config.presets import (
    COLLAPSE,
    RING,
    ROTATING_RING,
    SHORT_SESSION,
    UNLIMITED,
    VANISHING,
    presets,
)
from gan_core.config.run_config import RunConfig


@dataclass(frozen=True)
class Recipe:
    """A config, what to call it, and how it departs from where it comes from."""

    label: str
    config: RunConfig
    note: str = ""


PLAIN = SHORT_SESSION

# Each remedy on MNIST with the report's MLP, as long as a short session: 1500 steps of G.
REMEDIES: dict[str, Recipe] = {
    "plain": Recipe("plain: non-saturating, Adam 0.001 (0.5, 0.999)", PLAIN),
    "label-smoothing": Recipe("label smoothing 0.1", PLAIN.replace(label_smoothing=0.1)),
    "dropout": Recipe("dropout 0.4 in D", PLAIN.replace(dropout=0.4)),
    "input-noise": Recipe("noise 0.1 on D's inputs", PLAIN.replace(input_noise=0.1)),
    "more-d-steps": Recipe("three D steps", PLAIN.replace(discriminator_steps=3)),
    "gradient-clip": Recipe(
        "gradients clipped to norm 1", PLAIN.replace(gradient_clip=1.0),
        "a heuristic: no published default for GANs"),
    "wgan": Recipe(
        "WGAN: RMSprop 0.0002, weights within ±0.01, five critic steps",
        PLAIN.replace(loss="wasserstein", optimizer="rmsprop", beta1=0.0, beta2=0.99,
                      learning_rate=2e-4, weight_clip=0.01, discriminator_steps=5),
        "published rate: 0.00005"),
    "wgan-gp": Recipe(
        "WGAN-GP: λ 10, Adam 0.0005 (0.5, 0.9), five critic steps",
        PLAIN.replace(loss="wasserstein", beta2=0.9, learning_rate=5e-4, gradient_penalty=10.0,
                      discriminator_steps=5),
        "published rate: 0.0001"),
    "hinge-spectral-norm": Recipe(
        "hinge, spectral normalisation, Adam 0.001 (0, 0.9), three D steps",
        PLAIN.replace(loss="hinge", spectral_norm=True, beta1=0.0, beta2=0.9,
                      discriminator_steps=3),
        "published: rate 0.0002, five D steps"),
    "r1": Recipe("R1, γ 1", PLAIN.replace(r1=1.0), "γ is tuned for each task; published: 10"),
    "relativistic-r1-r2": Recipe(
        "relativistic pairing, R1 and R2, γ 1, Adam 0.0005 (0, 0.99)",
        PLAIN.replace(loss="relativistic", r1=1.0, r2=1.0, learning_rate=5e-4, beta1=0.0,
                      beta2=0.99),
        "γ and rates are tuned for each task"),
    "packing": Recipe(
        "packing 2, 64 packs a batch", PLAIN.replace(packing=2, batch_size=128)),
    "minibatch-stddev": Recipe(
        "minibatch standard deviation", PLAIN.replace(minibatch_stddev=True)),
    "augmentation": Recipe(
        "DiffAugment: translation, cutout", PLAIN.replace(augment=True)),
    "ema": Recipe(
        "averaged G, 0.999 (its own figures)", PLAIN.replace(ema=0.999)),
    "dcgan": Recipe(
        "light DCGAN", PLAIN.replace(architecture="dcgan")),
}

# What others' repositories train, as published; for comparisons, and as checks of the trainer.
_PYTORCH_GAN = RunConfig(
    architecture="mlp_reference", update_order="generator_first", discriminator_loss="mean")
REFERENCES: dict[str, Recipe] = {
    "gan": Recipe("PyTorch-GAN gan.py", _PYTORCH_GAN),
    "dcgan": Recipe(
        "PyTorch-GAN dcgan.py",
        _PYTORCH_GAN.replace(architecture="dcgan_reference", dropout=0.25),
        "32×32 by adding background instead of enlarging"),
    "wgan": Recipe(
        "PyTorch-GAN wgan.py",
        RunConfig(architecture="mlp_reference", loss="wasserstein", optimizer="rmsprop",
                  learning_rate=5e-5, beta1=0.0, beta2=0.99, weight_clip=0.01,
                  discriminator_steps=5)),
    "wgan-gp": Recipe(
        "PyTorch-GAN wgan_gp.py",
        RunConfig(architecture="mlp_reference", loss="wasserstein", gradient_penalty=10.0,
                  discriminator_steps=5)),
}

# PacGAN's two-dimensional experiment (Lin et al., 2018, table 1), shortened. On the grid PacGAN's
# networks draw no mode after as many steps as an hour allows; small ones do.
PACKS = (1, 2, 4)
_PACGAN = RunConfig(
    dataset="ring", architecture="pacgan_2d", latent_dim=2, learning_rate=5e-4, beta1=0.8,
    update_order="simultaneous", steps=3000)
_ON = {
    "ring": _PACGAN,
    "grid": _PACGAN.replace(dataset="grid", architecture="mlp", steps=20_000),
}
PACKING: dict[str, Recipe] = {
    f"{data}-{'pacgan' + str(m) if m > 1 else 'gan'}": Recipe(
        f"{data}, {'PacGAN' + str(m) if m > 1 else 'GAN'}",
        # The published batch counts what D scores: 100 packs of m examples.
        config.replace(packing=m, batch_size=100 * m),
        "published: rate 0.0001, 400 000 steps")
    for data, config in _ON.items() for m in PACKS
}

# Arjovsky & Bottou (2017), figure 2: G is trained for a while and frozen, a fresh D is trained
# against it, and the gradient that G would get is measured.
FROZEN_AT = 1000
_FROZEN = RunConfig(freeze_generator=FROZEN_AT, steps=FROZEN_AT + 2000)
FROZEN: dict[str, Recipe] = {
    "plain": Recipe("D at 0.0002", _FROZEN),
    "fast-d": Recipe("D ten times as fast", _FROZEN.replace(learning_rate_ratio=10.0)),
    "label-smoothing": Recipe("label smoothing 0.1", _FROZEN.replace(label_smoothing=0.1)),
}


@dataclass(frozen=True)
class Known:
    """A run whose symptoms are known: `truth` holds them, none for a healthy run."""

    config: RunConfig
    truth: tuple[str, ...] = ()


# The runs on which the diagnosis is tested: calibrated on seeds 0 to 9, reported on 25 to 29.
KNOWN: dict[str, Known] = {
    "healthy": Known(SHORT_SESSION),
    "healthy-ring": Known(RING.replace(r1=0.1)),
    "collapsed": Known(COLLAPSE, ("mode_collapse",)),
    # A fast G, and no penalty, jumps from mode to mode of the ring.
    "rotating-ring": Known(ROTATING_RING, ("mode_collapse", "mode_rotation")),
    "vanishing": Known(VANISHING, ("vanishing_gradient",)),
    "overfitting": Known(
        RunConfig(learning_rate=4e-4, learning_rate_ratio=0.4, discriminator_steps=3,
                  training_examples=300, steps=1750),
        ("discriminator_overfitting",)),
    "unstable": Known(UNLIMITED, ("instability",)),
    "diverged": Known(
        RunConfig(loss="wasserstein", optimizer="sgd", learning_rate=0.1, steps=500),
        ("divergence",)),
    "diverged-ring": Known(
        RING.replace(optimizer="sgd", learning_rate=0.5), ("divergence",)),
}


def named() -> dict[str, RunConfig]:
    """Every config with a name: the presets of the pages, and `group-recipe` for all of GROUPS."""
    configs = {name: preset.config for name, preset in presets().items()}
    for group, recipes in GROUPS.items():
        configs |= {f"{group}-{name}": recipe.config for name, recipe in recipes.items()}
    return configs


GROUPS: dict[str, dict[str, Recipe] | dict[str, Known]] = {
    "remedy": REMEDIES,
    "reference": REFERENCES,
    "packing": PACKING,
    "frozen": FROZEN,
    "known": KNOWN,
}
