"""What an audit trains: single faults and random configs, drawn from a seed. Torch-free.

A single fault is a healthy run with one knob pushed away from where it was, from a little to all
the way, so that good, middling and bad runs all occur; where a knob cannot move alone, the least
set that can. Shapes come from short lists, so that many faults train as one batch. A random config
may have any knob that belongs to 2-D data anywhere in its range.

Everything here was settled before the verdict was tuned. Draws of TUNING_SEEDS may be looked at;
the draw of REPORTING_SEED is for the report. docs/verification.md names each draw looked at.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from gan_core.config.fields import KNOB_DEFAULTS, KNOBS
from gan_core.config.knobs import Knob
from gan_core.config.presets import RING, SHORT_SESSION
from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError

TUNING_SEEDS = tuple(range(10))
REPORTING_SEED = 20_261_128

# Untouched, these are labelled good: docs/verification.md has the figures. 2-D points need larger
# batches and two latent dimensions to become sharp in so few steps, the grid one more layer.
_HEALTHY_RING = RING.replace(r1=0.1, batch_size=128, latent_dim=2, beta2=0.99, steps=2000)
BASES: dict[str, RunConfig] = {
    "ring": _HEALTHY_RING,
    "grid": _HEALTHY_RING.replace(dataset="grid", depth=3, steps=4000),
    "mnist": SHORT_SESSION.replace(
        beta1=0.0, beta2=0.99, learning_rate_ratio=0.3, discriminator_steps=2, steps=1000),
}
RANDOM = "random"
GROUPS = (*BASES, RANDOM)
COUNTS = {"ring": 240, "grid": 60, "mnist": 60, RANDOM: 60}


@dataclass(frozen=True)
class Drawn:
    """A run of an audit: its group, what was done to the base, and its config."""

    group: str
    fault: str  # the knob that was pushed, or "random"
    config: RunConfig


# --- single faults --------------------------------------------------------------------------------

Changes = dict[str, Any]
Fault = Callable[[Random], Changes]


def _log(low: float, high: float) -> Callable[[Random], float]:
    """Log-uniform from `low` to `high`, to three digits."""
    return lambda random: float(f"{math.exp(random.uniform(math.log(low), math.log(high))):.3g}")


def _even(low: float, high: float) -> Callable[[Random], float]:
    return lambda random: float(f"{random.uniform(low, high):.3g}")


def _one_of(*values: Any) -> Callable[[Random], Any]:
    return lambda random: random.choice(values)


def _knob(name: str, draw: Callable[[Random], Any], **besides: Any) -> Fault:
    """One knob drawn, with `besides` where it cannot move alone."""
    return lambda random: {name: draw(random), **besides}


# The base's own penalty goes where another limit is tried or D shall have none, and its second D
# step where the order of updates allows one only.
FAULTS: dict[str, Fault] = {
    "learning_rate low": _knob("learning_rate", _log(1e-6, 3e-4)),
    "learning_rate high": _knob("learning_rate", _log(3e-3, 1.0)),
    "learning_rate_ratio low": _knob("learning_rate_ratio", _log(0.01, 0.1)),
    "learning_rate_ratio high": _knob("learning_rate_ratio", _log(5.0, 100.0)),
    "beta1 high": _knob("beta1", _even(0.85, 0.99)),
    "beta2 low": _knob("beta2", _even(0.0, 0.8)),
    "label_smoothing": _knob("label_smoothing", _even(0.1, 0.5)),
    "r1": _knob("r1", _log(0.5, 100.0)),
    "dropout": _knob("dropout", _even(0.3, 0.8)),
    "input_noise": _knob("input_noise", _log(0.03, 1.0)),
    "gradient_penalty": _knob("gradient_penalty", _log(0.5, 100.0), r1=0.0),
    "weight_clip": _knob("weight_clip", _log(0.003, 1.0), r1=0.0),
    "batch_size": _knob("batch_size", _one_of(4, 8)),
    "latent_dim": _knob("latent_dim", _one_of(1, 2)),
    "width": _knob("width", _one_of(0.25)),
    "depth": _knob("depth", _one_of(1, 5)),
    "optimizer": _knob("optimizer", _one_of("sgd", "rmsprop")),
    "discriminator_steps": _knob("discriminator_steps", _one_of(5, 10)),
    "generator_steps": _knob("generator_steps", _one_of(5, 10)),
    "training_examples": _knob("training_examples", _one_of(1, 5, 20, 50)),
    "loss": _knob("loss", _one_of("minimax", "least_squares", "hinge")),
    "loss without limit": _knob("loss", _one_of("wasserstein"), r1=0.0),
    "spectral_norm": _knob("spectral_norm", _one_of(True), r1=0.0),
    "update_order": _knob("update_order", _one_of("simultaneous"), discriminator_steps=1),
}


def single_faults(seed: int, group: str) -> list[Drawn]:
    """The faults of a base in turn, until the group has as many runs as COUNTS says."""
    random, base = Random(f"{seed} {group}"), BASES[group]
    runs: dict[RunConfig, Drawn] = {}
    while len(runs) < COUNTS[group]:
        for fault in FAULTS:
            config = _with_fault(fault, random, base)
            if config is not None and len(runs) < COUNTS[group]:
                runs.setdefault(config, Drawn(group, fault, config))
    return list(runs.values())


def _with_fault(fault: str, random: Random, base: RunConfig) -> RunConfig | None:
    """The base with a fault and a training seed of its own; None if that is no change."""
    changes = FAULTS[fault](random)
    seed = _training_seed(random)
    if all(getattr(base, name) == value for name, value in changes.items()):
        return None
    return base.replace(**changes, seed=seed)


def _training_seed(random: Random) -> int:
    return random.randrange(1000, 10**6)  # far from the seeds on which presets were settled


# --- random configs -------------------------------------------------------------------------------

# Not drawn: what the 2-D data refuse (`augment`), what only measures or repeats (`folds`,
# `freeze_generator`, `schedule`, `precision`), and how long and from which seed.
NOT_DRAWN = {"dataset", "augment", "folds", "fold", "freeze_generator", "schedule", "precision",
             "steps", "seed"}
RANDOM_STEPS = 1500
MOST_WORK = 3000  # the healthy ring has 512
HEAVIER = {"pacgan_2d": 10}  # how much larger networks are than the MLP of width and depth 1


def random_configs(seed: int) -> list[Drawn]:
    """Valid configs of the ring or the grid, few or all of whose knobs were drawn."""
    random = Random(f"{seed} {RANDOM}")
    configs = (config for config in _valid(random) if work(config) <= MOST_WORK)
    return [Drawn(RANDOM, RANDOM, next(configs)) for _ in range(COUNTS[RANDOM])]


def _valid(random: Random) -> Iterator[RunConfig]:
    while True:
        try:
            yield _any_config(random)
        except ConfigError:
            continue


def _any_config(random: Random) -> RunConfig:
    """May raise ConfigError. How many of the knobs are drawn differs from config to config: with
    all of them drawn hardly any run would be healthy."""
    base = BASES["ring"].replace(dataset=random.choice(("ring", "grid")))
    share = random.uniform(0.05, 1.0)
    drawn = {name: _any_value(name, knob, random) for name, knob in KNOBS.items()
             if name not in NOT_DRAWN and random.random() < share}
    return base.replace(**drawn, steps=RANDOM_STEPS, seed=_training_seed(random))


def _any_value(name: str, knob: Knob, random: Random) -> Any:
    """Over the whole range of a knob, on its own scale."""
    if knob.choices is not None:
        return random.choice(list(knob.choices))
    if knob.low is None or knob.high is None:
        return random.random() < 0.5
    if knob.ticks:
        return random.choice(knob.ticks)
    whole = isinstance(KNOB_DEFAULTS[name], int)
    if knob.scale == "linear":
        value = random.uniform(knob.low, knob.high)
    else:
        value = math.exp(random.uniform(math.log(knob.low), math.log(knob.high)))
    return round(value) if whole else float(f"{value:.3g}")


def work(config: RunConfig) -> float:
    """What a step costs, roughly, in no unit: the size of the networks times what passes them."""
    size = HEAVIER.get(config.architecture, config.width * config.depth)
    return size * config.batch_size * (config.discriminator_steps + config.generator_steps)


def draw(seed: int) -> list[Drawn]:
    """All runs of an audit; the same for the same seed."""
    return [*(drawn for group in BASES for drawn in single_faults(seed, group)),
            *random_configs(seed)]
