"""One network that outruns the other, by its rate or by its steps. Torch-free."""

from __future__ import annotations

from typing import Any

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.findings import Remedy
from gan_core.diagnosis.limits_of_d import taking_turns
from gan_core.diagnosis.suspects.rates import FITTING_RATE
from gan_core.diagnosis.suspects.suspect import Find, Suspect, decades


def _unequal_rates(config: RunConfig) -> Suspect | None:
    """Either network may be the one that is too fast; where the other hardly moves, both need
    another rate."""
    ratio, optimizer = config.learning_rate_ratio, config.optimizer
    slower = min(config.generator_learning_rate, config.discriminator_learning_rate)
    changes: dict[str, Any] = {"learning_rate_ratio": 1.0}
    label = "Equal learning rates"
    if slower < FITTING_RATE[optimizer] / 5:
        changes["learning_rate"] = FITTING_RATE[optimizer]
        label += f" of {FITTING_RATE[optimizer]:g}"
    cause, why = (
        ("discriminator_ahead", "D then runs less far ahead of G") if ratio > 1
        else ("discriminator_too_weak", "G no longer outruns D"))
    remedy = Remedy(label, changes, why)
    if "learning_rate" not in changes and _steps_are_enough(config):
        remedy = Remedy(
            "Three D steps per round", {"discriminator_steps": 3, **taking_turns(config)},
            "D then keeps up with a G that learns so fast")
    # A D that is slower than G has made up for it where it takes more steps: G five times as fast
    # beside two D steps is the best that was found for digits.
    more_steps = max(config.discriminator_steps / config.generator_steps, 1.0)
    faster = ratio if ratio > 1 else 1 / ratio / more_steps
    return Suspect(("learning_rate_ratio",), cause, decades(faster, 2.5), remedy)


def _steps_are_enough(config: RunConfig) -> bool:
    """Whether more D steps mend what a faster G does, and better than equal rates: of digits, for
    a G up to ten times as fast as a D of a fitting rate. Measured where it is ten times as fast:
    three steps took the collapse to ten digits, equal rates, which slow G down, to hardly any."""
    return (config.card.kind == "image" and config.discriminator_steps == 1
            and 0.1 <= config.learning_rate_ratio < 1)


def _many_d_steps(config: RunConfig) -> Suspect | None:
    steps = config.discriminator_steps / config.generator_steps
    if steps <= 1:
        return None
    usual = 15 if config.loss == "wasserstein" else 3.5  # a critic is to be trained far
    return Suspect(
        ("discriminator_steps",), "discriminator_ahead",
        decades(steps, usual) + _faster_besides(config.learning_rate_ratio),
        Remedy("One D step per round", {"discriminator_steps": 1}, "D then runs less far ahead"))


def _many_g_steps(config: RunConfig) -> Suspect | None:
    steps = config.generator_steps / config.discriminator_steps
    if steps <= 1:
        return None
    return Suspect(
        ("generator_steps",), "discriminator_too_weak",
        decades(steps, 2.0) + _faster_besides(1 / config.learning_rate_ratio),
        Remedy("One G step per round", {"generator_steps": 1}, "D then keeps up with G"),
        "G takes too many steps for each of D's")


def _faster_besides(ratio: float) -> float:
    """What a higher rate adds for the network that also takes more steps: `ratio` is its rate ÷ the
    other's. Half, so that the larger of the two comes first."""
    return 0.5 * decades(max(ratio, 1.0), 1.0)


FIND: tuple[Find, ...] = (_unequal_rates, _many_d_steps, _many_g_steps)
