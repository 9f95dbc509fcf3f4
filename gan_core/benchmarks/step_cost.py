"""What a training step costs: parameters, FLOPs, milliseconds by phase, and memory.

`step_phases` meters the step, `memory` counts its bytes, `matrix_products` its FLOPs; this
file adds the clock, and reports everything.

FLOPs are those of matrix products and convolutions, two per multiplication and addition, as
torch.utils.flop_counter counts them. They leave out everything elementwise (activations, biases,
normalisation, augmentation, losses), products of a matrix with one vector (spectral normalisation's
power iteration), random numbers, optimisers and evaluations.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from gan_core.benchmarks.environment import precision_of
from gan_core.benchmarks.interleaved_timing import (
    Clock,
    TrainingSteps,
    seconds_of,
    synchronised_time,
)
from gan_core.benchmarks.matrix_products import MatrixProducts
from gan_core.benchmarks.memory import MEMORY_PARTS, account_memory, allocated
from gan_core.benchmarks.step_phases import PARTS, PHASES, metered
from gan_core.config.fields import LONGEST_RUN
from gan_core.config.run_config import RunConfig
from gan_core.training.devices import device_name
from gan_core.training.evaluator import evaluation_due, samples_due
from gan_core.training.trainer import Trainer

ROUNDS = 3  # blocks of steps; the median one counts
STEPS = 50  # a block
WARM_UP = 5  # steps before the clock runs: allocators, caches and thread pools fill
OBSERVATIONS = 3  # evaluations, and sample sheets, that are timed

# What the plain GAN has in common with a config: networks, batch and session, but no remedy.
OF_THE_PLAIN_GAN = ("dataset", "architecture", "width", "depth", "latent_dim", "batch_size",
                    "precision", "steps")


@dataclass(frozen=True)
class Cost:
    """What one step of `config` costs on one device, with the settings that it begins with: before
    any change in mid-run and before G is frozen.

    `flops` and `milliseconds` are by PHASES; the host waits for the device at the end of a phase,
    which on a GPU makes their sum larger than `step_ms`, that of an ordinary step. `evaluation_ms`
    is a step's share of the evaluations and sample sheets of a session of `config.steps` steps.

    `memory` is by MEMORY_PARTS, counted in bytes from the tensors themselves: the same on every
    device of a precision, and without temporary results. `device_peak` is what the device's
    allocator reports of the same steps, temporary results included; None on a CPU, where a
    process's size says little.
    """

    config: RunConfig
    device: str
    precision: str
    parameters: dict[str, int]  # of "generator" and "discriminator"
    flops: dict[str, int]
    milliseconds: dict[str, float]
    step_ms: float
    evaluation_ms: float
    memory: dict[str, int]
    device_peak: int | None

    @property
    def images_per_second(self) -> float:
        """Real examples that D learns from, in steps alone."""
        return 1e3 * self.config.batch_size * self.config.discriminator_steps / self.step_ms

    def parts(self, phases: Mapping[str, float]) -> dict[str, float]:
        """`flops` or `milliseconds` summed by part: D, penalty, G, rest."""
        return {part: sum(phases[name] for name, (of_part, _) in PHASES.items() if of_part == part)
                for part in PARTS}

    def to_dict(self) -> dict[str, Any]:
        """Plain values: every field, and the sums."""
        return {
            **dataclasses.asdict(self),
            "config": self.config.to_dict(),
            "flops_total": sum(self.flops.values()),
            "milliseconds_total": sum(self.milliseconds.values()),
            "milliseconds_by_part": self.parts(self.milliseconds),
            "flops_by_part": self.parts(self.flops),
            "memory_total": sum(self.memory.values()),
            "images_per_second": self.images_per_second,
        }


def plain(config: RunConfig) -> RunConfig:
    """The same networks and batch without any remedy: what a remedy's price is relative to."""
    return RunConfig(**{name: getattr(config, name) for name in OF_THE_PLAIN_GAN})


def relative(cost: Cost, base: Cost) -> dict[str, float]:
    """The price of a remedy: time, FLOPs and memory (no data set) of a step, ÷ `base`'s."""
    def without_data(of: Cost) -> int:
        return sum(of.memory.values()) - of.memory["data"]

    return {
        "milliseconds": cost.step_ms / base.step_ms,
        "flops": sum(cost.flops.values()) / sum(base.flops.values()),
        "memory": without_data(cost) / without_data(base),
    }


# --- FLOPs ----------------------------------------------------------------------------------------


def count_flops(trainer: Trainer) -> dict[str, int]:
    """FLOPs of one step by phase; every step of the same settings takes as many."""
    with MatrixProducts() as products, metered(trainer, lambda: products.flops) as meter:
        trainer.train_step()
    return {phase: int(flops) for phase, flops in meter.charged.items()}


# --- time -----------------------------------------------------------------------------------------


def time_phases(trainer: Trainer, steps: int) -> dict[str, float]:
    """Milliseconds a step by phase, over `steps` steps."""
    with metered(trainer, lambda: synchronised_time(trainer.device)) as meter:
        TrainingSteps(trainer).advance(steps)
        meter.charge("rest")
    return {phase: 1e3 * seconds / steps for phase, seconds in meter.charged.items()}


def time_step(trainer: Trainer, steps: int, clock: Clock = time.perf_counter) -> float:
    """Milliseconds of an ordinary step, whose phases are not metered, over `steps` steps."""
    training = TrainingSteps(trainer)
    return 1e3 * seconds_of(lambda: training.advance(steps), trainer.device, clock) / steps


def time_observations(trainer: Trainer, clock: Clock = time.perf_counter) -> dict[str, float]:
    """Milliseconds of one "evaluation", with its samples, and of one sheet of "samples"."""
    return {"evaluation": _observation_ms(trainer, evaluation=True, clock=clock),
            "samples": _observation_ms(trainer, evaluation=False, clock=clock)}


def _observation_ms(trainer: Trainer, *, evaluation: bool, clock: Clock) -> float:
    def observe() -> None:
        trainer.evaluator.records(
            trainer.step, pictures=True, evaluation=evaluation, seconds=time.perf_counter)

    observe()  # the first one also computes the features of the reals, once a process
    return 1e3 * statistics.median(
        seconds_of(observe, trainer.device, clock) for _ in range(OBSERVATIONS))


def observations_per_step(milliseconds: dict[str, float], steps: int) -> float:
    """Milliseconds that evaluations and sheets of samples, which take `milliseconds`, add to a step
    of a session of `steps`."""
    evaluations = {step for step in range(steps + 1) if evaluation_due(step)} | {0, steps}
    sheets = {step for step in range(steps + 1) if samples_due(step)} - evaluations
    total = (len(evaluations) * milliseconds["evaluation"]
             + len(sheets) * milliseconds["samples"])
    return total / steps


# --- all of it ------------------------------------------------------------------------------------


def cost(config: RunConfig, device: torch.device, steps: int = STEPS) -> Cost:
    """What a step of `config` costs, timed over blocks of `steps` steps."""
    return costs([config], device, steps)[0]


def beside_plain(config: RunConfig, device: torch.device, steps: int = STEPS) -> tuple[Cost, Cost]:
    """The costs of `config` and of the plain GAN: the same object if `config` is the plain GAN."""
    measured = costs(list(dict.fromkeys((config, plain(config)))), device, steps)
    return measured[0], measured[-1]


def costs(configs: Sequence[RunConfig], device: torch.device, steps: int = STEPS) -> list[Cost]:
    """The costs of `configs`, to be compared: blocks of their steps alternate, because a machine's
    speed changes from minute to minute."""
    counts = [_counts(config, device) for config in configs]
    trainers = [Trainer(every_step_alike(config), device) for config in configs]
    observations = [observations_per_step(time_observations(trainer), config.steps)
                    for trainer, config in zip(trainers, configs, strict=True)]
    for trainer in trainers:
        TrainingSteps(trainer).advance(min(WARM_UP, steps))
    blocks = [[(time_phases(trainer, steps), time_step(trainer, steps)) for trainer in trainers]
              for _ in range(ROUNDS)]
    return [
        Cost(**counted, evaluation_ms=observing, **_median(blocks_of_one))
        for counted, observing, blocks_of_one in zip(
            counts, observations, zip(*blocks, strict=True), strict=True)
    ]


def every_step_alike(config: RunConfig) -> RunConfig:
    """What is measured of `config`: the longest session with the settings that it begins with and
    G always trained, so that FLOPs, bytes and times are of the same settings in every step."""
    return config.at(0).replace(steps=LONGEST_RUN, freeze_generator=0)


def _counts(config: RunConfig, device: torch.device) -> dict[str, Any]:
    """What does not depend on the clock."""
    trainer = Trainer(every_step_alike(config), device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    before = allocated(device)
    flops, memory = count_flops(trainer), account_memory(trainer)
    after, peak = allocated(device), None
    if before is not None and after is not None:
        # Networks and data were there before, and perhaps other things that are not this run's.
        peak = memory["networks"] + memory["data"] + after - before
    return {
        "config": config,
        "device": device_name(device),
        "precision": precision_of(trainer),
        "parameters": count_parameters(trainer),
        "flops": flops,
        "memory": memory,
        "device_peak": peak,
    }


def count_parameters(trainer: Trainer) -> dict[str, int]:
    """Of "generator" and "discriminator"."""
    networks = {"generator": trainer.state.generator, "discriminator": trainer.state.discriminator}
    return {name: sum(parameter.numel() for parameter in network.parameters)
            for name, network in networks.items()}


def _median(blocks: Sequence[tuple[dict[str, float], float]]) -> dict[str, Any]:
    """The phases of the block whose sum is the median, and the median step."""
    by_sum = sorted((phases for phases, _ in blocks), key=lambda phases: sum(phases.values()))
    return {"milliseconds": by_sum[len(by_sum) // 2],
            "step_ms": statistics.median(step for _, step in blocks)}


# --- the report -----------------------------------------------------------------------------------


def in_words(cost: Cost, base: Cost, steps: int) -> str:
    """A table for people; `base` is the plain GAN's cost."""
    config, parameters = cost.config, cost.parameters
    return "\n".join([
        f"{config.architecture} on {config.dataset}, batch {config.batch_size}, {cost.precision}; "
        f"{cost.device}; median of {ROUNDS} × {steps} steps",
        f"parameters: G {parameters['generator']:,}, D {parameters['discriminator']:,}",
        "",
        *_phases_in_words(cost),
        f"a step whose phases are not metered {cost.step_ms:.3f} ms, "
        f"{cost.images_per_second:,.0f} real examples/s; evaluations add "
        f"{cost.evaluation_ms:.3f} ms a step over {config.steps} steps",
        _memory_in_words(cost),
        _price_in_words(relative(cost, base)),
        "FLOPs are those of matrix products and convolutions alone.",
        *_before_the_first_change(config),
    ])


def _phases_in_words(cost: Cost) -> list[str]:
    total = sum(cost.milliseconds.values())
    lines = [f"{'a step':54}{'ms':>9}{'share':>8}{'GFLOP':>10}"]
    for name, (part, words) in PHASES.items():
        milliseconds = cost.milliseconds[name]
        lines.append(f"  {part:9}{words:43}{milliseconds:9.3f}{milliseconds / total:8.1%}"
                     f"{cost.flops[name] / 1e9:10.4f}")
    return [*lines, f"  {'sum':52}{total:9.3f}{1:8.1%}{sum(cost.flops.values()) / 1e9:10.4f}"]


def _memory_in_words(cost: Cost) -> str:
    parts = ", ".join(f"{MEMORY_PARTS[name]} {size / 1e6:.2f}"
                      for name, size in cost.memory.items())
    text = f"memory {sum(cost.memory.values()) / 1e6:.2f} MB: {parts}"
    if cost.device_peak is None:
        return text
    return f"{text}; the device's peak {cost.device_peak / 1e6:.2f} MB"


def _price_in_words(price: dict[str, float]) -> str:
    return (f"÷ the plain GAN's: {price['milliseconds']:.2f} × time, {price['flops']:.2f} × FLOPs, "
            f"{price['memory']:.2f} × memory without the data set")


def _before_the_first_change(config: RunConfig) -> list[str]:
    ends = [f"until step {config.stages[1][0]}"] if config.schedule else []
    if config.freeze_generator:
        ends.append(f"before G is frozen at step {config.freeze_generator}")
    if not ends:
        return []
    until = ", and ".join(ends)
    return [f"All figures are those of the settings that the run begins with, {until}."]
