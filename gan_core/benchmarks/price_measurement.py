"""Prices by the clock: what a step costs, measured within seconds; it can be ended in between.

`cost` is the whole account of a config, for the command line. This is the short one that the pages
ask for: FLOPs and memory are exact, the time is the median of a few blocks of steps. Two configs
that are to be compared take their blocks in turn, because a machine's speed changes from minute to
minute.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

import torch

from gan_core.benchmarks import step_cost
from gan_core.benchmarks.memory import account_memory
from gan_core.benchmarks.step_phases import Watched
from gan_core.config.fields import KNOBS
from gan_core.config.run_config import RunConfig
from gan_core.cost.prices import SIDE, Price, PriceRequest
from gan_core.data.datasets import Dataset
from gan_core.training.devices import device_name

BLOCKS = 3  # the median one counts
BLOCK_SECONDS = 0.7  # a block is as many steps as fit, and at least one
MEMORY_STEPS = 2  # the optimisers' state is there after the first
RANDOM_IMAGES = 512

ShouldStop = Callable[[], "str | None"]


class Interrupted(Exception):
    """Somebody asked to stop; the message is the reason."""


class Resized(Watched):
    """A training on random images of another side: they cost what real ones would."""

    def __init__(self, config: RunConfig, device: torch.device, side: int) -> None:
        self.side = side
        super().__init__(config, device)

    def _load(self) -> Dataset:
        size, device = (RANDOM_IMAGES, self.side**2), self.device
        random = torch.randint(256, size, dtype=torch.uint8,
                               generator=torch.Generator().manual_seed(0)).to(device)
        return Dataset(random, random)


def price(
    request: PriceRequest, device: torch.device, should_stop: ShouldStop = lambda: None,
    block_seconds: float = BLOCK_SECONDS, processor_time: bool = False,
) -> Price:
    """Measure what `request` asks for.

    With `processor_time` the time counts that one thread has computed: on a busy machine it is
    close to what an idle one would take, where the wall clock tells of the others' work.

    `should_stop` is asked before each block and gives the reason to stop, or None. Raises
    Interrupted then, DatasetError where the data cannot be had, ValueError for a side that the
    networks cannot have.
    """
    if request.side != SIDE and (request.config.architecture != "dcgan" or request.side % 4):
        raise ValueError(f"side must be {SIDE}, or a multiple of 4 with the architecture dcgan, "
                         f"not {request.side}")
    clock = time.process_time if processor_time else time.perf_counter
    accounts = [_Account(request.config, request.side, device, should_stop, clock)]
    if request.base is not None:
        accounts.append(_Account(request.base, SIDE, device, should_stop, clock))
    for _ in range(BLOCKS):
        for account in accounts:
            account.time_block(block_seconds)
    own, *bases = accounts
    return Price(
        request, device_name(device) + (", processor time" if processor_time else ""),
        "bfloat16" if own.training.bfloat16 else "float32",
        own.parameters, own.flops, own.step_ms, own.memory, _ratios(own, *bases))


class _Account:
    """What is found out about one config."""

    def __init__(
        self, config: RunConfig, side: int, device: torch.device, should_stop: ShouldStop,
        clock: step_cost.Clock,
    ) -> None:
        self.should_stop, self.clock = should_stop, clock
        endless = config.replace(steps=int(KNOBS["steps"].high), freeze_generator=0)
        self.training = training = (
            Watched(endless, device) if side == SIDE else Resized(endless, device, side))
        self._go_on()
        self.flops = sum(step_cost.count_flops(training).values())
        self._go_on()
        held = account_memory(training, MEMORY_STEPS)
        self.memory = sum(held.values()) - held["data"]
        self.parameters = {"generator": _count(training.parameters_g),
                           "discriminator": _count(training.parameters_d)}
        self.blocks: list[float] = []  # milliseconds a step
        self.step_ms = step_cost.time_step(training, 1, clock)  # tells how many make a block

    def time_block(self, seconds: float) -> None:
        self._go_on()
        steps = max(int(1e3 * seconds / self.step_ms), 1)
        self.blocks.append(step_cost.time_step(self.training, steps, self.clock))
        self.step_ms = statistics.median(self.blocks)

    def _go_on(self) -> None:
        if (reason := self.should_stop()) is not None:
            raise Interrupted(reason)


def _count(parameters: Sequence[torch.Tensor]) -> int:
    return sum(weight.numel() for weight in parameters)


def _ratios(own: _Account, base: _Account | None = None) -> dict[str, float]:
    if base is None:
        return {}
    return {"time": own.step_ms / base.step_ms, "flops": own.flops / base.flops,
            "memory": own.memory / base.memory}
