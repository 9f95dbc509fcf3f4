"""What a training step costs: parameters, FLOPs, milliseconds by phase, and memory.

The step is the trainer's own, watched from outside: a `Watched` training says which phase has just
ended, and a meter charges that phase with what its reading (a clock, a count of FLOPs) has grown.

FLOPs are those of matrix products and convolutions, two per multiplication and addition, as
torch.utils.flop_counter counts them. It leaves out everything elementwise (activations, biases,
normalisation, augmentation, losses), products of a matrix with one vector (spectral normalisation's
power iteration), random numbers, optimisers and evaluations.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from gan_core.config import KNOBS, RunConfig
from gan_core.devices import device_name
from gan_core.game import Update
from gan_core.trainer import BURST, Training, evaluation_due, samples_due

ROUNDS = 3  # blocks of steps; the median one counts
STEPS = 50  # a block
WARM_UP = 5  # steps before the clock runs: allocators, caches and thread pools fill
LOOKS = 3  # evaluations, and sample sheets, that are timed

# What a config keeps when its remedies are taken away: the plain GAN at equal networks and batch.
KEPT = ("dataset", "architecture", "width", "depth", "latent_dim", "batch_size", "precision",
        "steps")

# Phase of a step -> the part it belongs to, and what it does.
PHASES: dict[str, tuple[str, str]] = {
    "generation": ("G", "makes samples, for D's updates and its own"),
    "discriminator_forward": ("D", "draws reals, judges reals and samples, loss"),
    "penalty": ("penalty", "its passes there, and back through them"),
    "discriminator_backward": ("D", "gradients of its weights"),
    "discriminator_optimizer": ("D", "moves"),
    "generator_forward": ("G", "D judges its samples, loss"),
    "generator_backward": ("G", "gradients through D"),
    "generator_optimizer": ("G", "moves"),
    "rest": ("rest", "averaged G, numbers brought to the host"),
}
PARTS = tuple(dict.fromkeys(part for part, _ in PHASES.values()))

# What a step holds at its peak, in exact bytes.
HOLDINGS = {
    "networks": "networks",
    "gradients": "gradients",
    "optimizers": "optimisers' state",
    "data": "data set and fixed latents",
    "activations": "saved for backward",
}


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


# --- a step, watched ------------------------------------------------------------------------------


def _unheard(phase: str) -> None:
    pass


class Watched(Training):
    """A training that calls `mark` with the name of a phase whenever one ends. It trains the same.

    The penalty's part of D's one backward pass ends where the loss's begins: autograd takes the
    latest operations first, and the penalty's come after the loss's.
    """

    def __init__(self, config: RunConfig, device: torch.device) -> None:
        super().__init__(config, device)
        self.mark: Callable[[str], None] = _unheard
        self._judge_d, self._judge_g = self.loss.discriminator, self.loss.generator
        self.loss = dataclasses.replace(
            self.loss, discriminator=self._discriminator_loss, generator=self._generator_loss)

    def _discriminator_loss(self, real: Tensor, fake: Tensor, label_smoothing: float) -> Tensor:
        loss = self._judge_d(real, fake, label_smoothing)
        self.mark("discriminator_forward")
        if self.penalties:
            loss.register_hook(lambda gradient: self.mark("penalty"))
        return loss

    def _generator_loss(self, fake: Tensor, real: Tensor | None) -> Tensor:
        loss = self._judge_g(fake, real)
        self.mark("generator_forward")
        return loss

    def train_step(self) -> None:
        super().train_step()
        self.mark("rest")

    def generate(self, latents: Tensor) -> Tensor:
        made = super().generate(latents)
        self.mark("generation")
        return made

    def update_discriminator(self, fake: Tensor, move: bool = True) -> Update:
        found = super().update_discriminator(fake, move)
        self.mark("discriminator_optimizer")
        return found

    def _move_discriminator(self) -> None:
        super()._move_discriminator()
        self.mark("discriminator_optimizer")

    def update_generator(self, fake: Tensor) -> Update:
        found = super().update_generator(fake)
        self.mark("generator_optimizer")
        return found

    def _limited_norm(self, parameters: list[nn.Parameter]) -> Tensor:
        mine = parameters is self.parameters_d
        self.mark("discriminator_backward" if mine else "generator_backward")
        return super()._limited_norm(parameters)


class Meter:
    """Charges each phase with what `read` has grown by while it lasted."""

    def __init__(self, read: Callable[[], float]) -> None:
        self.read = read
        self.found: dict[str, float] = dict.fromkeys(PHASES, 0)
        self.last = read()

    def mark(self, phase: str) -> None:
        now = self.read()
        self.found[phase] += now - self.last
        self.last = now


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
    training.mark = _unheard
    return meter.found


# --- memory ---------------------------------------------------------------------------------------


def _bytes(tensors: Iterable[Tensor]) -> int:
    """Bytes of the tensors' storages, each once."""
    storages = [tensor.untyped_storage() for tensor in tensors]
    return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())


def _tensors(holder: Any) -> list[Tensor]:
    """The tensors in a dataclass, a dictionary, or either within."""
    if isinstance(holder, Tensor):
        return [holder]
    inside = holder if isinstance(holder, dict) else getattr(holder, "__dict__", {})
    return [tensor for value in inside.values() for tensor in _tensors(value)]


class Saved:
    """Counts, while it is entered, what autograd keeps for backward passes: bytes at their peak.

    Each storage counts once, and those of `own` (weights) not at all.
    """

    def __init__(self, own: Iterable[Tensor]) -> None:
        self.own = {tensor.untyped_storage().data_ptr() for tensor in own}
        self.uses: Counter[int] = Counter()
        self.now = self.peak = 0
        self.hooks = torch.autograd.graph.saved_tensors_hooks(
            lambda tensor: _Kept(self, tensor), lambda kept: kept.tensor)

    def __enter__(self) -> Saved:
        self.hooks.__enter__()
        return self

    def __exit__(self, *problem: Any) -> None:
        self.hooks.__exit__(*problem)

    def use(self, tensor: Tensor, change: int) -> None:
        storage = tensor.untyped_storage()
        place = storage.data_ptr()
        if place in self.own:
            return
        before = self.uses[place] > 0
        self.uses[place] += change
        self.now += ((self.uses[place] > 0) - before) * storage.nbytes()
        self.peak = max(self.peak, self.now)


class _Kept:
    """A tensor for as long as autograd keeps it."""

    def __init__(self, saved: Saved, tensor: Tensor) -> None:
        # Detached: an operation that keeps its own result would otherwise keep itself alive.
        self.saved, self.tensor = saved, tensor.detach()
        saved.use(tensor, 1)

    def __del__(self) -> None:
        self.saved.use(self.tensor, -1)


def account_memory(training: Training) -> dict[str, int]:
    """Bytes by HOLDINGS at the peak of a session's steps."""
    networks = [training.generator, training.discriminator]
    networks += [] if training.averaged is None else [training.averaged]
    weights = [tensor for network in networks
               for tensor in (*network.parameters(), *network.buffers())]
    with Saved(weights) as saved:
        _advance(training, BURST)  # whatever a burst keeps is then there
    learned = training.parameters_g + training.parameters_d
    states = [training.optimizer_g.state, training.optimizer_d.state]
    return {
        "networks": _bytes(weights),
        "gradients": _bytes(weight.grad for weight in learned if weight.grad is not None),
        "optimizers": _bytes(tensor for state in states for tensor in _tensors(state)),
        "data": _bytes([*_tensors(training.data), training.fixed_latents]),
        "activations": saved.peak,
    }


def _allocated(device: torch.device) -> int | None:
    """Bytes that the device's allocator has handed out at most; None where it does not tell."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if device.type == "mps":  # it keeps what it once took, which is as good as a peak
        return torch.mps.driver_allocated_memory()
    return None


# --- time -----------------------------------------------------------------------------------------


def _clock(device: torch.device) -> float:
    """Milliseconds, with everything done that the device was asked to do."""
    if device.type != "cpu":
        getattr(torch, device.type).synchronize()
    return 1e3 * time.perf_counter()


def _clocked(work: Callable[[], Any], device: torch.device) -> float:
    started = _clock(device)
    work()
    return _clock(device) - started


def _advance(training: Training, steps: int) -> None:
    """Steps as a session takes them, their measurements fetched in bursts."""
    for step in range(1, steps + 1):
        training.train_step()
        if step % BURST == 0 or step == steps:
            training._measure()


def time_phases(training: Watched, steps: int) -> dict[str, float]:
    """Milliseconds a step by phase, over `steps` steps."""
    meter = Meter(lambda: _clock(training.device))
    training.mark = meter.mark
    _advance(training, steps)
    meter.mark("rest")
    training.mark = _unheard
    return {phase: found / steps for phase, found in meter.found.items()}


def time_step(training: Watched, steps: int) -> float:
    """Milliseconds a step, nothing watched and nothing waited for in between."""
    return _clocked(lambda: _advance(training, steps), training.device) / steps


def time_looks(training: Training, steps: int) -> float:
    """Milliseconds a step that looking adds to a session of `steps` steps."""
    evaluations = {step for step in range(steps + 1) if evaluation_due(step)} | {0, steps}
    sheets = {step for step in range(steps + 1) if samples_due(step)} - evaluations
    began, total = training.step, 0.0
    for step, count in ((250, len(evaluations)), (50, len(sheets))):
        training.step = step  # one where it is due
        look = lambda: training._timed(training._look)  # noqa: E731
        look()  # the first one also computes what it compares with, once a process
        total += count * statistics.median(_clocked(look, training.device) for _ in range(LOOKS))
    training.step = began
    return total / steps


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
        _advance(training, min(WARM_UP, steps))
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
    before = _allocated(device)
    flops, memory = count_flops(training), account_memory(training)
    peak = None
    if before is not None:  # the networks and the data were there already, among other things
        peak = memory["networks"] + memory["data"] + _allocated(device) - before
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
