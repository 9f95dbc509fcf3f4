"""Long momentum, short memory and clipped gradients. Torch-free."""

from __future__ import annotations

from gan_core.config.fields import AS_G
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.findings import Remedy
from gan_core.diagnosis.suspects.rates import networks
from gan_core.diagnosis.suspects.suspect import Find, Suspect, decades

MOMENTUM = 0.65  # β₁ above which it is unusual for a GAN


def _momentum(config: RunConfig) -> Suspect | None:
    longest = max(config.beta1, config.beta1_of_discriminator)
    changes = {name: value for name, value in (("beta1", 0.5), ("discriminator_beta1", AS_G))
               if getattr(config, name) > MOMENTUM}
    return Suspect(
        tuple(changes) or ("beta1",), "momentum", 1.2 * decades(1 - MOMENTUM, 1 - longest),
        Remedy("β₁ 0.5", changes,
               "long momentum overshoots: G and D answer to what the other was, not to what it is"))


def _short_memory(config: RunConfig) -> Suspect | None:
    if all(optimizer == "sgd" for optimizer, _ in networks(config)):
        return None
    return Suspect(
        ("beta2",), "optimizer", decades(1 - config.beta2, 0.15),
        Remedy("β₂ 0.99", {"beta2": 0.99},
               "with so short a memory one odd gradient decides how long a step is"))


def _clipped_gradients(config: RunConfig) -> Suspect | None:
    if config.gradient_clip == 0 or config.optimizer != "sgd":  # Adam divides by the norm anyway
        return None
    return Suspect(
        ("gradient_clip",), "rate_too_small", decades(0.1, config.gradient_clip),
        Remedy("No gradient clipping", {"gradient_clip": 0.0}, "gradients keep their length"))


FIND: tuple[Find, ...] = (_momentum, _short_memory, _clipped_gradients)
