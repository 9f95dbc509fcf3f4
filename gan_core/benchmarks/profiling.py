"""Where a training step's time goes, operator by operator, and whether the host waits for a device.

PyTorch's profiler gives the time of every operator without those it calls; the rest of a step is
outside operators: in Python, in autograd's nodes and in dispatch. Profiling itself takes time, most
where operators are small: the shares are of a profiled step, and how much longer that takes than an
ordinary one is reported with them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode

from gan_core.benchmarks.cases import CASES
from gan_core.benchmarks.interleaved_timing import TrainingSteps, seconds_of
from gan_core.config.choices import ARCHITECTURES, LOSSES
from gan_core.config.run_config import RunConfig
from gan_core.training.trainer import Trainer

PROFILE_SECONDS = 1.0  # of steps that are profiled, and before them of steps that are not
MOST_STEPS = 20  # the profiler's records of more would take longer to add up than to make
SLOWEST = 5  # operators that are named

OUTSIDE = "outside operators"
# Group -> names of its operators, without their "aten::"; the first that fits.
GROUPS: dict[str, str] = {
    "optimiser": r"Optimizer\..*|_fused_.*|_foreach_(?!norm).*",
    "matrix products": r"(b?add)?b?(mm|mv)_?|v?dot|ger|.*conv.*",
    "random draws and data": r"rand.*|normal_?|uniform_|random_|bernoulli_|index|index_select",
    "norms and reductions": r".*norm.*|sum|mean|var.*|std.*|amax|max|min|_softmax",
    "casts, copies and views":
        r".*copy.*|to|clone|contiguous|cat|stack|fill_|zero_|empty.*|zeros.*|ones.*|full.*|resize_|"
        r"as_strided.*|t|transpose|permute|view|_unsafe_view|reshape|.*flatten|expand.*|narrow|"
        r"slice.*|select.*|chunk|split.*|.*squeeze|detach_?|lift_fresh|resolve_.*|constant_pad_nd|"
        r"item|_local_scalar_dense|result_type|matrix_H|repeat.*|alias|set_",
    "elementwise": r".*",
}

# Penalty -> kind of data -> weights as published.
PENALTIES: dict[str, dict[str, dict[str, float]]] = {
    "gradient penalty": {"image": {"gradient_penalty": 10.0}, "points": {"gradient_penalty": 0.1}},
    "R1": {"image": {"r1": 1.0}, "points": {"r1": 1.0}},
    "R1 + R2": {"image": {"r1": 1.0, "r2": 1.0}, "points": {"r1": 1.0, "r2": 1.0}},
}


def group_of(name: str) -> str:
    """The group of GROUPS that the profiler's event `name` belongs to, or OUTSIDE."""
    if not name.startswith(("aten::", "Optimizer.")):
        return OUTSIDE  # autograd's nodes, whose own time is dispatch
    bare = name.removeprefix("aten::")
    return next(group for group, names in GROUPS.items() if re.fullmatch(names, bare))


def cases(names: Sequence[str]) -> Iterator[tuple[str, RunConfig]]:
    """The cases in `names`, each with every loss, and with every penalty that D allows."""
    for name in (name for name in CASES if name in names):
        config = CASES[name].config
        if config.loss != RunConfig().loss:  # it stands for one loss
            yield name, config
            continue
        for loss in LOSSES:
            yield f"{name}, {loss}", config.replace(loss=loss)
        if not ARCHITECTURES[config.architecture].batch_norm_in_d:
            for label, weights in PENALTIES.items():
                yield f"{name}, {label}", config.replace(**weights[config.card.kind])


def profiled(config: RunConfig, device: torch.device) -> dict[str, Any]:
    """Milliseconds of a step by group, the slowest operators, and what profiling adds."""
    trainer = Trainer(config, device)
    steps = TrainingSteps(trainer)
    steps.advance(2)
    count = _steps_that_fit(steps, device)
    step_ms = 1e3 * seconds_of(lambda: steps.advance(count), device) / count
    profiled_ms, operators = _profile(steps, count, device)
    groups = dict.fromkeys(GROUPS, 0.0)
    for name, milliseconds in operators.items():
        groups[group_of(name)] += milliseconds
    slowest = sorted(operators, key=operators.__getitem__, reverse=True)[:SLOWEST]
    return {
        "step_ms": step_ms,
        "profiled_ms": profiled_ms,
        "milliseconds": {**groups, OUTSIDE: max(profiled_ms - sum(groups.values()), 0.0)},
        "slowest": {name: operators[name] for name in slowest},
        "synchronisations": synchronisations(trainer),
    }


def _steps_that_fit(steps: TrainingSteps, device: torch.device) -> int:
    seconds = seconds_of(lambda: steps.advance(1), device)
    return max(1, min(MOST_STEPS, int(PROFILE_SECONDS / seconds)))


def _profile(
    steps: TrainingSteps, count: int, device: torch.device
) -> tuple[float, dict[str, float]]:
    """Milliseconds of a profiled step, and of every operator in it."""
    on_gpu = device.type == "cuda"
    kinds = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    with profile(activities=kinds) as profiler:
        seconds = seconds_of(lambda: steps.advance(count), device)
    microseconds = "self_device_time_total" if on_gpu else "self_cpu_time_total"
    operators = {event.key: getattr(event, microseconds) / 1e3 / count
                 for event in profiler.key_averages() if group_of(event.key) != OUTSIDE}
    return 1e3 * seconds / count, operators


class Waits(TorchDispatchMode):
    """Counts operations that make the host wait for a number on the device, as far as Python sees
    them: a fused optimiser reads its counter, which lies on the host, without being seen."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(
        self, operation: Any, types: Any, arguments: tuple = (), named: dict | None = None
    ) -> Any:
        self.count += _waits(operation.overloadpacket, arguments)
        return operation(*arguments, **(named or {}))


aten = torch.ops.aten
# Numbers brought over, and results whose size depends on numbers.
WAITING = {aten._local_scalar_dense, aten.equal, aten.nonzero, aten.masked_select, aten._unique2,
           aten.unique_dim, aten.bincount}
INDEXING = {aten.index, aten.index_put, aten.index_put_}  # by a mask: as many as are true


def _waits(operation: Any, arguments: tuple) -> bool:
    if operation in INDEXING:
        return any(index is not None and index.dtype == torch.bool for index in arguments[1])
    return operation in WAITING


def synchronisations(trainer: Trainer) -> int:
    """How often the host waits for the device within the next step; it should be never."""
    with Waits() as waits:
        trainer.train_step()
    return waits.count


def profile_all(
    names: Sequence[str], device: torch.device, progress: Callable[[str], None] = print
) -> dict[str, Any]:
    """The profile of every case in `names`, by its label."""
    profiles, started = {}, time.perf_counter()
    for label, config in cases(names):
        progress(f"{time.perf_counter() - started:4.0f} s: {label}")
        profiles[label] = profiled(config, device)
    return profiles


def in_words(profiles: dict[str, Any]) -> str:
    """A line of shares for each case, and its slowest operators below."""
    columns = [*GROUPS, OUTSIDE]
    head = "".join(f"{_first_word(name):>12}" for name in columns)
    lines = ["shares of a step's time; ×: how much longer a profiled step takes; waits: how often "
             "the host waits for the device in a step",
             f"{'':34}{'ms':>8}{'×':>6}{head}{'waits':>7}"]
    for label, case in profiles.items():
        lines += _case_in_words(label, case, columns)
    return "\n".join(lines)


def _first_word(group: str) -> str:
    """Of a group's name, for the head of its column."""
    return re.split(r"[ ,]", group)[0]


def _case_in_words(label: str, case: dict[str, Any], columns: Sequence[str]) -> list[str]:
    total = sum(case["milliseconds"].values())
    shares = "".join(f"{case['milliseconds'][name] / total:12.1%}" for name in columns)
    slowest = ", ".join(f"{name.removeprefix('aten::')} {milliseconds:.3f}"
                        for name, milliseconds in case["slowest"].items())
    return [f"{label:34}{case['step_ms']:8.2f}{case['profiled_ms'] / case['step_ms']:6.2f}"
            f"{shares}{case['synchronisations']:7}", f"    slowest, ms: {slowest}"]
