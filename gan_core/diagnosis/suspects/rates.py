"""Learning rates far from what suits the optimiser. Torch-free."""

from __future__ import annotations

from typing import Any

from gan_core.config.choices import SAME
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.findings import Remedy
from gan_core.diagnosis.limits_of_d import unlimited_critic
from gan_core.diagnosis.suspects.suspect import Find, Suspect, decades

# From slow but sure to fast but fit for a short session; the plain gradient of SGD needs more.
USUAL_RATES = {"adam": (1e-4, 4e-3), "rmsprop": (5e-5, 4e-3), "sgd": (1e-2, 0.2)}
FITTING_RATE = {"adam": 1e-3, "rmsprop": 5e-4, "sgd": 0.05}


def networks(config: RunConfig) -> tuple[tuple[str, float], tuple[str, float]]:
    """The optimiser and the rate of G, and those of D."""
    return ((config.optimizer, config.generator_learning_rate),
            (config.optimizer_of_discriminator, config.discriminator_learning_rate))


def too_slow(optimizer: str, rate: float) -> float:
    """By how many factors of ten a rate is below what is usual for the optimiser."""
    return decades(USUAL_RATES[optimizer][0], rate)


def too_fast(optimizer: str, rate: float) -> float:
    return decades(rate, USUAL_RATES[optimizer][1])


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
        config, "rate_too_small", min(too_slow(*network) for network in networks(config)),
        "at so small a rate the weights hardly move within a session")


def _slow_optimizer(config: RunConfig) -> Suspect | None:
    if config.optimizer != "sgd":
        return None
    own = [rate for optimizer, rate in networks(config) if optimizer == "sgd"]
    excess = 0.1 + max(too_slow("sgd", max(own)), too_fast("sgd", max(own)), 0.2)
    if unlimited_critic(config):  # plain gradients of one have any length
        excess += 1.0
    changes: dict[str, Any] = {"optimizer": "adam", "learning_rate": 1e-3}
    if config.discriminator_optimizer == "sgd":
        changes["discriminator_optimizer"] = SAME
    return Suspect(
        ("optimizer",), "optimizer", excess,
        Remedy("Adam with rate 0.001", changes,
               "Adam finds a step for each weight; plain gradients of a GAN are far too small or "
               "too large for one rate"))


def _own_optimizer_of_d(config: RunConfig) -> Suspect | None:
    """D has an optimiser of its own, which the shared rate does not suit."""
    d = networks(config)[1]
    if d[0] == config.optimizer:
        return None
    return Suspect(
        ("discriminator_optimizer",), "optimizer", 0.3 + max(too_slow(*d), too_fast(*d)),
        Remedy("G's optimiser for D too", {"discriminator_optimizer": SAME},
               "the learning rate suits that one"),
        "D's optimiser does not suit its learning rate")


def _fast(config: RunConfig) -> Suspect | None:
    slower, faster = sorted(too_fast(*network) for network in networks(config))
    # Where only one of two rates is large, the ratio is what is wrong.
    return _rate_suspect(
        config, "rate_too_large", faster if slower > decades(1, 20) else faster - 0.5,
        "smaller steps do not jump over what they are looking for")


FIND: tuple[Find, ...] = (_slow, _slow_optimizer, _own_optimizer_of_d, _fast)
