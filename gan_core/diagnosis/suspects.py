"""Settings far outside the range in which GANs are usually trained, and what each would explain.

A suspect is no finding: only where the curves show a failure that a setting would cause is it
named. `excess` says how far outside it lies, about 1 for each factor of ten. Torch-free.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from gan_core.config.choices import ARCHITECTURES, SAME
from gan_core.config.fields import AS_G
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.causes import CAUSES, UNLIMITED
from gan_core.diagnosis.chance import between_modes
from gan_core.diagnosis.findings import Remedy
from gan_core.diagnosis.limits_of_d import (
    flat_at_the_data,
    gradient_penalty,
    unlimited_critic,
    weakly_limited_critic,
)

MOMENTUM = 0.65  # β₁ above which it is unusual for a GAN
NOTABLE = 0.25  # excess from which on a setting is suspected


@dataclass(frozen=True)
class Suspect:
    """A setting, by the `knobs` that make it, and the cause of failure that it would be; in `words`
    where those of the cause are not close enough."""

    knobs: tuple[str, ...]
    cause: str
    excess: float
    remedy: Remedy
    words: str = ""

    @property
    def because(self) -> str:
        """What people are told of it."""
        return self.words or CAUSES[self.cause]


Find = Callable[[RunConfig], Suspect | None]


def suspects(
    config: RunConfig, known: Collection[str] | None = None, step: int | None = None
) -> list[Suspect]:
    """The most unusual first, as they are at a step, by default the last one; of settings that are
    not `known` nothing is said."""
    tried = [*(find(config) for find in FIND), _noise(config, step or config.steps)]
    found = [suspect for suspect in tried if suspect is not None]
    return sorted(
        (s for s in found if s.excess >= NOTABLE
         and (known is None or all(knob in known for knob in s.knobs))),
        key=lambda suspect: -suspect.excess)


def _decades(value: float, limit: float) -> float:
    """By how many factors of ten `value` is beyond `limit`; negative within it."""
    return math.log10(max(value, 1e-12) / limit)


# --- learning rates ------------------------------------------------------------------------------

# From slow but sure to fast but fit for a short session; the plain gradient of SGD needs more.
USUAL_RATES = {"adam": (1e-4, 4e-3), "rmsprop": (5e-5, 4e-3), "sgd": (1e-2, 0.2)}
FITTING_RATE = {"adam": 1e-3, "rmsprop": 5e-4, "sgd": 0.05}


def _networks(config: RunConfig) -> tuple[tuple[str, float], tuple[str, float]]:
    """The optimiser and the rate of G, and those of D."""
    return ((config.optimizer, config.generator_learning_rate),
            (config.optimizer_of_discriminator, config.discriminator_learning_rate))


def _too_slow(optimizer: str, rate: float) -> float:
    """By how many factors of ten a rate is below what is usual for the optimiser."""
    return _decades(USUAL_RATES[optimizer][0], rate)


def _too_fast(optimizer: str, rate: float) -> float:
    return _decades(rate, USUAL_RATES[optimizer][1])


def _rate_suspect(config: RunConfig, cause: str, excess: float, why: str) -> Suspect:
    rate = FITTING_RATE[config.optimizer]
    changes: dict[str, Any] = {"learning_rate": rate}
    label = f"Learning rate {rate:g}"
    if not 0.3 <= config.learning_rate_ratio <= 3:
        changes["learning_rate_ratio"] = 1.0
        label += " for both networks"
    return Suspect(("learning_rate",), cause, excess, Remedy(label, changes, why))


def _slow(config: RunConfig) -> Suspect | None:
    return _rate_suspect(
        config, "rate_too_small", min(_too_slow(*network) for network in _networks(config)),
        "at so small a rate the weights hardly move within a session")


def _slow_optimizer(config: RunConfig) -> Suspect | None:
    if config.optimizer != "sgd":
        return None
    own = [rate for optimizer, rate in _networks(config) if optimizer == "sgd"]
    excess = 0.1 + max(_too_slow("sgd", max(own)), _too_fast("sgd", max(own)), 0.2)
    changes: dict[str, Any] = {"optimizer": "adam", "learning_rate": 1e-3}
    if config.discriminator_optimizer == "sgd":
        changes["discriminator_optimizer"] = SAME
    return Suspect(
        ("optimizer",), "optimizer", excess,
        Remedy("Adam with rate 0.001", changes,
               "Adam scales each weight's step; plain gradients of a GAN are far too small or "
               "too large for one rate"))


def _own_optimizer_of_d(config: RunConfig) -> Suspect | None:
    """D has an optimiser of its own, which the shared rate does not suit."""
    d = _networks(config)[1]
    if d[0] == config.optimizer:
        return None
    return Suspect(
        ("discriminator_optimizer",), "optimizer", 0.3 + max(_too_slow(*d), _too_fast(*d)),
        Remedy("G's optimiser for D too", {"discriminator_optimizer": SAME},
               "the learning rate suits that one"),
        "D's optimiser does not suit its learning rate")


def _fast(config: RunConfig) -> Suspect | None:
    slower, faster = sorted(_too_fast(*network) for network in _networks(config))
    # Where only one of two rates is large, the ratio is what is wrong.
    return _rate_suspect(
        config, "rate_too_large", faster if slower > _decades(1, 20) else faster - 0.5,
        "smaller steps do not jump over what they are looking for")


# --- balance -------------------------------------------------------------------------------------


def _unequal_rates(config: RunConfig) -> Suspect | None:
    """Either network may be the one that is too fast; where the other hardly moves, both need
    another rate."""
    ratio, optimizer = config.learning_rate_ratio, config.optimizer
    slower = min(config.generator_learning_rate, config.discriminator_learning_rate)
    changes: dict[str, Any] = {"learning_rate_ratio": 1.0}
    label = "Equal learning rates"
    if slower < USUAL_RATES[optimizer][0] / 3:
        changes["learning_rate"] = FITTING_RATE[optimizer]
        label += f" of {FITTING_RATE[optimizer]:g}"
    cause, why = (
        ("discriminator_ahead", "D then runs less far ahead of G") if ratio > 1
        else ("discriminator_too_weak", "G no longer outruns D"))
    return Suspect(
        ("learning_rate_ratio",), cause, _decades(max(ratio, 1 / ratio), 2.5),
        Remedy(label, changes, why))


def _many_d_steps(config: RunConfig) -> Suspect | None:
    steps = config.discriminator_steps / config.generator_steps
    if steps <= 1:
        return None
    usual = 15 if config.loss == "wasserstein" else 3.5  # a critic is to be trained far
    return Suspect(
        ("discriminator_steps",), "discriminator_ahead",
        _decades(steps, usual) + _faster_besides(config.learning_rate_ratio),
        Remedy("One D step per round", {"discriminator_steps": 1}, "D then runs less far ahead"))


def _many_g_steps(config: RunConfig) -> Suspect | None:
    steps = config.generator_steps / config.discriminator_steps
    if steps <= 1:
        return None
    return Suspect(
        ("generator_steps",), "discriminator_too_weak",
        _decades(steps, 2.0) + _faster_besides(1 / config.learning_rate_ratio),
        Remedy("One G step per round", {"generator_steps": 1}, "D then keeps up with G"),
        "G takes too many steps for each of D's")


def _faster_besides(ratio: float) -> float:
    """What a higher rate adds for the network that also takes more steps: `ratio` is its rate ÷ the
    other's. Half, so that the larger of the two comes first."""
    return 0.5 * _decades(max(ratio, 1.0), 1.0)


# --- the optimiser -------------------------------------------------------------------------------


def _momentum(config: RunConfig) -> Suspect | None:
    longest = max(config.beta1, config.beta1_of_discriminator)
    changes = {name: value for name, value in (("beta1", 0.5), ("discriminator_beta1", AS_G))
               if getattr(config, name) > MOMENTUM}
    return Suspect(
        tuple(changes) or ("beta1",), "momentum", _decades(1 - MOMENTUM, 1 - longest),
        Remedy("β₁ 0.5", changes,
               "long momentum overshoots: G and D answer to what the other was, not to what it is"))


def _short_memory(config: RunConfig) -> Suspect | None:
    if all(optimizer == "sgd" for optimizer, _ in _networks(config)):
        return None
    return Suspect(
        ("beta2",), "optimizer", _decades(1 - config.beta2, 0.15),
        Remedy("β₂ 0.99", {"beta2": 0.99},
               "with a short memory of squared gradients every step is as long as the rate allows"))


def _clipped_gradients(config: RunConfig) -> Suspect | None:
    if config.gradient_clip == 0 or config.optimizer != "sgd":  # Adam divides by the norm anyway
        return None
    return Suspect(
        ("gradient_clip",), "rate_too_small", _decades(0.1, config.gradient_clip),
        Remedy("No gradient clipping", {"gradient_clip": 0.0}, "gradients keep their length"))


# --- limits on D, and what hides the data --------------------------------------------------------


def _penalty(name: str, label: str, points: float, images: float) -> Find:
    """A penalty is too strong where it keeps D flatter than the data ask for: points of narrow
    modes need steep slopes. `points` and `images` are where that begins."""

    def find(config: RunConfig) -> Suspect | None:
        on_points = config.card.kind == "points"
        limit, usual = (points, 0.1) if on_points else (images, images / 10)
        return Suspect(
            (name,), "constraint_too_strong", _decades(getattr(config, name), limit),
            Remedy(f"{label} {usual:g}", {name: usual},
                   "D may be steep enough to show G where the data is"))

    return find


def _narrow_clip(config: RunConfig) -> Suspect | None:
    if config.weight_clip == 0:
        return None
    points = config.card.kind == "points"
    limit = 0.08 if points else 0.008
    penalty = flat_at_the_data(config) if points else gradient_penalty(config)
    if config.mixes_batch:
        remedy = Remedy(f"Weights within ±{limit:g}", {"weight_clip": limit}, "D may be steeper")
    else:
        remedy = Remedy(
            f"{penalty.label}, instead of clipping", {"weight_clip": 0.0, **penalty.changes},
            "it limits D's slope without making its weights useless")
    return Suspect(("weight_clip",), "constraint_too_strong",
                   _decades(limit, config.weight_clip) + 0.3, remedy)


def _spectral_norm_on_points(config: RunConfig) -> Suspect | None:
    if not config.spectral_norm or config.card.kind != "points":
        return None
    penalty = flat_at_the_data(config)
    label, changes = "No spectral normalisation", {"spectral_norm": False}
    if config.r1 == 0 and config.gradient_penalty == 0:
        label, changes = f"{penalty.label}, instead of spectral normalisation", {
            **changes, **penalty.changes}
    return Suspect(("spectral_norm",), "constraint_too_strong", 0.5,
                   Remedy(label, changes, "a D of slope 1 cannot see modes that are this narrow"))


def _unlimited_critic(config: RunConfig) -> Suspect | None:
    if not unlimited_critic(config):
        return None
    remedy = flat_at_the_data(config) if config.card.kind == "points" else gradient_penalty(config)
    return Suspect(("loss", "r1", "gradient_penalty", "weight_clip", "spectral_norm"),
                   "discriminator_ahead", 1.0, remedy, UNLIMITED)


def _weakly_limited_critic(config: RunConfig) -> Suspect | None:
    if not weakly_limited_critic(config):
        return None
    return Suspect(("r1",), "discriminator_ahead", 0.5, flat_at_the_data(config),
                   "hardly anything limits how steep the critic is")


def _noise(config: RunConfig, step: int) -> Suspect | None:
    """Noise that is still there at this step, or that has hardly faded yet."""
    fades = config.input_noise_steps
    if 0 < fades <= step / 2:
        return None
    limit = 0.075 * between_modes(config.card) if config.card.kind == "points" else 0.35
    left = config.input_noise * (max(1 - step / fades, 0.0) if fades else 1.0)
    # In half of a session, so that a shorter trial of this remedy sees it fade as well.
    fading = max(min(config.steps // 2, 1000), 1)
    return Suspect(
        ("input_noise", "input_noise_steps"), "noise_too_strong", _decades(left, limit),
        Remedy("Noise that fades", {"input_noise_steps": fading},
               "at first it lets real and generated overlap, later it would hide the data"))


def _heavy_dropout(config: RunConfig) -> Suspect | None:
    return Suspect(
        ("dropout",), "discriminator_too_weak", (config.dropout - 0.35) / 0.3,
        Remedy("Dropout 0.2", {"dropout": 0.2}, "D keeps enough units to learn with"))


def _moved_labels(name: str, label: str, usual: float) -> Find:
    def find(config: RunConfig) -> Suspect | None:
        return Suspect(
            (name,), "discriminator_too_weak", (getattr(config, name) - 0.2) / 0.3,
            Remedy(f"{label} {usual:g}", {name: usual},
                   "D is asked again to tell real from generated clearly"))

    return find


def _augmented_mlp(config: RunConfig) -> Suspect | None:
    if not config.augment or ARCHITECTURES[config.architecture].convolutional:
        return None
    return Suspect(
        ("augment",), "noise_too_strong", 0.6,
        Remedy("No augmentation", {"augment": False},
               "networks without convolutions learn nothing from shifted pictures"))


# --- networks, batches, data ---------------------------------------------------------------------


def _small_latent(config: RunConfig) -> Suspect | None:
    points = config.card.kind == "points"
    limit, fitting = (2, 16) if points else (8, 64)
    return Suspect(
        ("latent_dim",), "latent_too_small", 1.2 * _decades(limit, config.latent_dim),
        Remedy(f"{fitting} latent dimensions", {"latent_dim": fitting},
               "more numbers to tell samples apart"))


def _small_batch(config: RunConfig) -> Suspect | None:
    fitting = 64 * config.group if config.group > 1 else 64
    return Suspect(
        ("batch_size",), "batch_too_small", _decades(16 * config.packing, config.batch_size),
        Remedy(f"Batch size {fitting}", {"batch_size": fitting},
               "the gradient of few examples is mostly noise"))


def _small_networks(config: RunConfig) -> Suspect | None:
    if "width" not in _resizable(config):
        return None
    changes: dict[str, Any] = {"width": 1.0}
    label = "Full width"
    if config.depth < 2:
        changes["depth"] = 2
        label += ", two hidden layers"
    narrow = _decades(0.5, config.width) + (0.3 if config.depth < 2 else 0.0)
    return Suspect(("width",), "capacity", narrow,
                   Remedy(label, changes, "more units to draw with and to tell apart with"))


def _unusual_depth(config: RunConfig) -> Suspect | None:
    if "depth" not in _resizable(config) or 2 <= config.depth <= 3:
        return None
    excess = 0.3 if config.depth < 2 else 0.2 * (config.depth - 3)
    why = ("one hidden layer cannot form digits" if config.depth < 2 else
           "without normalisation a deep network trains badly")
    return Suspect(("depth",), "capacity", excess,
                   Remedy("Two hidden layers", {"depth": 2}, why))


def _resizable(config: RunConfig) -> frozenset[str]:
    return ARCHITECTURES[config.architecture].resizable


def _few_examples(config: RunConfig) -> Suspect | None:
    if config.training_examples == 0:
        return None
    limit = 200 if config.card.kind == "points" else 1000
    return Suspect(
        ("training_examples",), "few_data", _decades(limit, config.training_examples),
        Remedy("All training examples", {"training_examples": 0}, "too many to learn by heart"))


FIND: tuple[Find, ...] = (
    _slow, _slow_optimizer, _own_optimizer_of_d, _fast, _unequal_rates, _many_d_steps,
    _many_g_steps, _momentum,
    _short_memory, _clipped_gradients,
    _penalty("r1", "R1 penalty, γ", 3.0, 100.0), _penalty("r2", "R2 penalty, γ", 3.0, 100.0),
    _penalty("gradient_penalty", "Gradient penalty, λ", 0.5, 60.0), _narrow_clip,
    _unlimited_critic, _weakly_limited_critic, _spectral_norm_on_points, _heavy_dropout,
    _moved_labels("label_smoothing", "Label smoothing", 0.1),
    _moved_labels("fake_label_smoothing", "Smoothing of generated examples' labels", 0.0),
    _moved_labels("label_flips", "Flipped labels", 0.05), _augmented_mlp,
    _small_latent, _small_batch, _small_networks, _unusual_depth, _few_examples,
)
