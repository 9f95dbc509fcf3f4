"""What a training step costs: parameters, FLOPs, milliseconds by phase, and memory.

`phases` watches the step, `memory` counts its bytes; here are FLOPs, the clock and the sum of all.

FLOPs are those of matrix products and convolutions, two per multiplication and addition, as
torch.utils.flop_counter counts them. It leaves out everything elementwise (activations, biases,
normalisation, augmentation, losses), products of a matrix with one vector (spectral normalisation's
power iteration), random numbers, optimisers and evaluations.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from gan_core.benchmarks.memory import HOLDINGS, account_memory, allocated
from gan_core.benchmarks.step_phases import PARTS, PHASES, Meter, Watched, unheard
from gan_core.config.fields import KNOBS
from gan_core.config.run_config import RunConfig
from gan_core.training.devices import device_name
from gan_core.training.trainer import Training, evaluation_due, samples_due

ROUNDS = 3  # blocks of steps; the median one counts
STEPS = 50  # a block
WARM_UP = 5  # steps before the clock runs: allocators, caches and thread pools fill
LOOKS = 3  # evaluations, and sample sheets, that are timed

# What a config keeps when its remedies are taken away: the plain GAN at equal networks and batch.
KEPT = ("dataset", "architecture", "width", "depth", "latent_dim", "batch_size", "precision",
        "steps")


@dataclass(frozen=True)
class Cost:
    """What one step of `config` costs on one device, before any freezing of G.

    `flops` and `milliseconds` are by PHASES; the device is waited for at the end of each phase,
    which on a GPU makes their sum larger than `step_ms`, a step left to itself. `evaluation_ms` is
    a step's share of the evaluations and sample sheets of a session of `config.steps` steps.

    `memory` is by HOLDINGS, counted in bytes from the tensors themselves: the same on every device
    of a precision, and without temporary results. `device_peak` is what the device's allocator
    says of the same steps, those included; None on a CPU, where a process's size tells little.
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

    def parts(self, phases: dict[str, float]) -> dict[str, float]:
        """`flops` or `milliseconds` summed by part: D, penalty, G, rest."""
        return {part: sum(phases[name] for name, (whose, _) in PHASES.items() if whose == part)
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
    return RunConfig(**{name: getattr(config, name) for name in KEPT})


def relative(cost: Cost, base: Cost) -> dict[str, float]:
    """The price of a remedy: time, FLOPs and memory (but the data set) of a step, ÷ `base`'s."""
    def held(of: Cost) -> int:
        return sum(of.memory.values()) - of.memory["data"]

    return {
        "milliseconds": cost.step_ms / base.step_ms,
        "flops": sum(cost.flops.values()) / sum(base.flops.values()),
        "memory": held(cost) / held(base),
    }


# --- FLOPs ----------------------------------------------------------------------------------------


class Flops(TorchDispatchMode):
    """Adds up the FLOPs of what runs while it is entered, by the formulas of PyTorch's counter.

    Its FlopCounterMode also sorts them by module, and that fails on the gradient of a gradient.
    """

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(
        self, operation: Any, types: Any, arguments: tuple = (), named: dict | None = None
    ) -> Any:
        result = operation(*arguments, **(named or {}))
        formula = flop_registry.get(operation.overloadpacket)
        if formula is not None:
            self.total += formula(*arguments, **(named or {}), out_val=result)
        return result


def count_flops(training: Watched) -> dict[str, int]:
    """FLOPs of one step by phase; every step takes as many."""
    with Flops() as flops:
        meter = Meter(lambda: flops.total)
        training.mark = meter.mark
        training.train_step()
    training.mark = unheard
    return meter.found


# --- time -----------------------------------------------------------------------------------------


Clock = Callable[[], float]  # seconds


def _clock(device: torch.device, clock: Clock = time.perf_counter) -> float:
    """Milliseconds, with everything done that the device was asked to do."""
    if device.type != "cpu":
        getattr(torch, device.type).synchronize()
    return 1e3 * clock()


def _clocked(
    work: Callable[[], Any], device: torch.device, clock: Clock = time.perf_counter
) -> float:
    started = _clock(device, clock)
    work()
    return _clock(device, clock) - started


def time_phases(training: Watched, steps: int) -> dict[str, float]:
    """Milliseconds a step by phase, over `steps` steps."""
    meter = Meter(lambda: _clock(training.device))
    training.mark = meter.mark
    training.advance(steps)
    meter.mark("rest")
    training.mark = unheard
    return {phase: found / steps for phase, found in meter.found.items()}


def time_step(training: Watched, steps: int, clock: Clock = time.perf_counter) -> float:
    """Milliseconds a step, nothing watched and nothing waited for in between."""
    return _clocked(lambda: training.advance(steps), training.device, clock) / steps


def time_looks(training: Training, steps: int) -> float:
    """Milliseconds a step that looking adds to a session of `steps` steps."""
    return looks_per_step(time_look(training), steps)


def time_look(training: Training, clock: Clock = time.perf_counter) -> dict[str, float]:
    """Milliseconds of one "evaluation", with its samples, and of one sheet of "samples"."""
    began, found = training.step, {}
    for name, step in (("evaluation", 250), ("samples", 50)):
        training.step = step  # one where it is due
        look = lambda: training.timed(training._look)  # noqa: E731
        look()  # the first one also computes what it compares with, once a process
        found[name] = statistics.median(
            _clocked(look, training.device, clock) for _ in range(LOOKS))
    training.step = began
    return found


def looks_per_step(look: dict[str, float], steps: int) -> float:
    """Milliseconds a step that looks, each as long as `look` says, add to a session of `steps`."""
    evaluations = {step for step in range(steps + 1) if evaluation_due(step)} | {0, steps}
    sheets = {step for step in range(steps + 1) if samples_due(step)} - evaluations
    return (len(evaluations) * look["evaluation"] + len(sheets) * look["samples"]) / steps


# --- all of it ------------------------------------------------------------------------------------


def cost(config: RunConfig, device: torch.device, steps: int = STEPS) -> Cost:
    """What a step of `config` costs, timed over blocks of `steps` steps."""
    return costs([config], device, steps)[0]


def beside_plain(config: RunConfig, device: torch.device, steps: int = STEPS) -> tuple[Cost, Cost]:
    """The costs of `config` and of the plain GAN, the same one where it is plain itself."""
    found = costs(list(dict.fromkeys((config, plain(config)))), device, steps)
    return found[0], found[-1]


def costs(configs: Sequence[RunConfig], device: torch.device, steps: int = STEPS) -> list[Cost]:
    """The cost of each, to be compared: blocks of their steps alternate, because a machine's speed
    changes from minute to minute."""
    exact = [_counted(config, device) for config in configs]
    # A session as long as there are, and with G always moving, so that every step is like another.
    endless = {"steps": int(KNOBS["steps"].high), "freeze_generator": 0}
    trainings = [Watched(config.replace(**endless), device) for config in configs]
    looks = [time_looks(training, config.steps)
             for training, config in zip(trainings, configs, strict=True)]
    for training in trainings:
        training.advance(min(WARM_UP, steps))
    blocks = [[(time_phases(training, steps), time_step(training, steps))
               for training in trainings] for _ in range(ROUNDS)]
    return [
        Cost(**counted, evaluation_ms=look, **_median(own))
        for counted, look, own in zip(exact, looks, zip(*blocks, strict=True), strict=True)
    ]


def _counted(config: RunConfig, device: torch.device) -> dict[str, Any]:
    """What does not depend on the clock."""
    training = Watched(config.replace(freeze_generator=0), device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    before = allocated(device)
    flops, memory = count_flops(training), account_memory(training)
    peak = None
    if before is not None:  # the networks and the data were there already, among other things
        peak = memory["networks"] + memory["data"] + allocated(device) - before
    return {
        "config": config,
        "device": device_name(device),
        "precision": "bfloat16" if training.bfloat16 else "float32",
        "parameters": {"generator": sum(w.numel() for w in training.parameters_g),
                       "discriminator": sum(w.numel() for w in training.parameters_d)},
        "flops": flops,
        "memory": memory,
        "device_peak": peak,
    }


def _median(blocks: Sequence[tuple[dict[str, float], float]]) -> dict[str, Any]:
    """The phases of the block whose sum is the median, and the median step."""
    watched = sorted((phases for phases, _ in blocks), key=lambda phases: sum(phases.values()))
    return {"milliseconds": watched[len(watched) // 2],
            "step_ms": statistics.median(step for _, step in blocks)}


# --- the report -----------------------------------------------------------------------------------


def in_words(found: Cost, base: Cost, steps: int) -> str:
    """A table for people; `base` is the plain GAN's cost."""
    config, total = found.config, sum(found.milliseconds.values())
    lines = [
        f"{config.architecture} on {config.dataset}, batch {config.batch_size}, {found.precision}; "
        f"{found.device}; median of {ROUNDS} × {steps} steps",
        f"parameters: G {found.parameters['generator']:,}, "
        f"D {found.parameters['discriminator']:,}",
        "", f"{'a step':54}{'ms':>9}{'share':>8}{'GFLOP':>10}",
    ]
    for name, (part, words) in PHASES.items():
        own = found.milliseconds[name]
        lines.append(f"  {part:9}{words:43}{own:9.3f}{own / total:8.1%}"
                     f"{found.flops[name] / 1e9:10.4f}")
    memory = ", ".join(f"{HOLDINGS[name]} {held / 1e6:.2f}" for name, held in found.memory.items())
    price = relative(found, base)
    return "\n".join([
        *lines,
        f"  {'sum':52}{total:9.3f}{1:8.1%}{sum(found.flops.values()) / 1e9:10.4f}",
        f"a step left to itself {found.step_ms:.3f} ms, {found.images_per_second:,.0f} real "
        f"examples/s; evaluations add {found.evaluation_ms:.3f} ms a step over "
        f"{config.steps} steps",
        f"memory {sum(found.memory.values()) / 1e6:.2f} MB: {memory}" + (
            "" if found.device_peak is None else
            f"; the device's peak {found.device_peak / 1e6:.2f} MB"),
        f"÷ the plain GAN's: {price['milliseconds']:.2f} × time, {price['flops']:.2f} × FLOPs, "
        f"{price['memory']:.2f} × memory without the data set",
        "FLOPs are those of matrix products and convolutions alone.",
    ])
