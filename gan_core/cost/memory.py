"""How much memory a training process takes at its peak, reckoned from the configs it trains.

A process that rests has loaded torch, MNIST and the digit classifier; a run adds its networks, with
gradients, optimisers' state and checkpoints, and what its steps keep of each example. The constants
are fitted to what processes on a CPU were seen to take: docs/verification.md has the table, `python
-m gan_core bench --memory` measures it again. Torch-free.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from gan_core.config.fields import KNOBS
from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError

IDLE_BYTES = 0.85e9  # a process that has been warmed up, and rests
EVALUATION_BYTES = 0.05e9  # what an evaluation adds, and …
EVALUATED = 180  # … so many examples' worth of a step
DATA_BYTES = {"mnist": 0.0, "ring": 0.02e9, "grid": 0.02e9}  # of other images than MNIST's:
OTHER_IMAGES = 0.15e9  # a second data set, and its classifier with its features
MARGIN = 1.15  # of what a run adds: in minutes a process grows beyond what its first steps take
BYTES_PER_PARAMETER = 40  # weights, gradients, Adam's two averages, checkpoints being written
PIXELS = 784


@dataclass(frozen=True)
class Size:
    """`parameters` of both networks together, and `bytes_per_example` that a plain step keeps of
    each example of a batch."""

    parameters: float
    bytes_per_example: float


def _mlp(config: RunConfig) -> Size:
    points = config.card.kind == "points"
    dim = 2 if points else PIXELS
    far, near = (round(units * config.width) for units in ((128, 128) if points else (256, 512)))
    widths = [far, *[near] * (config.depth - 1)] if config.depth > 1 else [near]
    layers = [config.latent_dim, *widths, dim]
    discriminator = [dim * config.packing, *reversed(widths), 1]
    parameters = sum(a * b for sizes in (layers, discriminator) for a, b in pairwise(sizes))
    # G keeps each layer once; D keeps it before and after its activation, of reals and of fakes.
    return Size(parameters, 4 * (sum(layers) + 2 * (dim + 2 * sum(widths))))


def _dcgan(config: RunConfig) -> Size:
    wide, narrow = 64 * config.width, 32 * config.width
    parameters = 49 * wide * (config.latent_dim + 1) + 16 * narrow * (2 * wide + 1 + config.packing)
    # G keeps about a quarter of it; D sees one input where several are packed.
    share = 0.25 + 0.75 / config.packing
    return Size(parameters, 280e3 * config.width * share)


# By architecture; what these are is in `training.networks`.
SIZES: dict[str, Callable[[RunConfig], Size]] = {
    "mlp": _mlp,
    "mlp_reference": lambda config: Size(1.93e6 + 128 * config.latent_dim, 45e3),
    "dcgan": _dcgan,
    "dcgan_reference": lambda config: Size(0.33e6 + 8192 * config.latent_dim, 900e3),
    "pacgan_2d": lambda config: Size(0.9e6 + 400 * config.latent_dim, 60e3),
}

# What else a step keeps of an example, as a share of what a plain step keeps.
MECHANISMS: dict[str, tuple[Callable[[RunConfig], bool], float]] = {
    "gradient_penalty": (lambda config: config.gradient_penalty > 0, 1.2),
    "r1": (lambda config: config.r1 > 0, 0.75),
    "r2": (lambda config: config.r2 > 0, 0.75),
    "dropout": (lambda config: config.dropout > 0, 0.3),
    "augment": (lambda config: config.augment, 0.1),
    "input_noise": (lambda config: config.input_noise > 0, 0.05),
    "relativistic": (lambda config: config.loss == "relativistic", 0.4),
    "simultaneous": (lambda config: config.update_order == "simultaneous", 0.3),
}


def peak_memory(configs: Sequence[RunConfig]) -> float:
    """Bytes of a process that trains runs of these configs together, at its peak; without any, of
    one that rests. Of a run that changes in mid-run, the most that any of its settings take."""
    if not configs:
        return IDLE_BYTES
    data = max(DATA_BYTES.get(config.dataset, OTHER_IMAGES) for config in configs)
    return IDLE_BYTES + data + sum(map(_of_run, configs))


def _of_run(config: RunConfig) -> float:
    return max(_of_stage(stage) for _, stage in config.stages)


def _of_stage(config: RunConfig) -> float:
    size = SIZES[config.architecture](config)
    share = 1 + sum(more for applies, more in MECHANISMS.values() if applies(config))
    steps = config.batch_size * size.bytes_per_example * share
    evaluation = EVALUATION_BYTES + EVALUATED * size.bytes_per_example
    return MARGIN * (BYTES_PER_PARAMETER * size.parameters + max(evaluation, steps))


ORDINARY_BYTES = peak_memory([RunConfig()])


# --- what a server has room for -------------------------------------------------------------------


def refuse_too_large(config: RunConfig, memory: float, workers: int = 1) -> None:
    """Raises ConfigError, with the field to blame and its range, on a run that does not fit into
    `memory` bytes even if all other `workers` rest. An ordinary run is always taken on."""
    room = max(memory - (workers - 1) * IDLE_BYTES, ORDINARY_BYTES)
    needed = peak_memory([config])
    if needed <= room:
        return
    reason = (f"this server has {room / 1e9:.1f} GB for a run, and this one would take about "
              f"{needed / 1e9:.1f} GB.")
    for name in ("batch_size", "width", "depth"):
        knob, value = KNOBS[name], getattr(config, name)
        if (most := _largest(config, name, room)) is not None:
            raise ConfigError(
                name, f"{name} must be a number from {knob.low:g} to {most:g} with these settings, "
                f"not {value:g}: {reason}")
    raise ConfigError("architecture", f"architecture must be a smaller one than "
                      f"{config.architecture} with these settings: {reason}")


def _largest(config: RunConfig, name: str, room: float) -> float | None:
    """The largest value of a field below the config's with which the run fits; None if none does.
    """
    for value in _below(config, name):
        try:
            smaller = config.replace(**{name: value})
        except ConfigError:  # it does not go together with the other settings
            continue
        if peak_memory([smaller]) <= room:
            return value
    return None


def _below(config: RunConfig, name: str) -> Iterable[float]:
    """Values of a field below the config's, the largest first."""
    low, value = KNOBS[name].low, getattr(config, name)
    assert low is not None, "numbers have bounds"
    if name == "width":
        hundredths = range(round(100 * value) - 5, round(100 * low) - 1, -5)
        return (number / 100 for number in hundredths)
    step = config.group if name == "batch_size" else 1
    return range(value - step, int(low) - 1, -step)
