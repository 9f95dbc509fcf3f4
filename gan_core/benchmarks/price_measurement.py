"""Prices by the clock: what a step costs, measured within seconds; it can be ended in between.

`step_cost` is the whole account of a config, for the command line. This is the short one that the
pages ask for: FLOPs and memory are exact, the time is the median of a few blocks of steps. Two
configs that are to be compared take their blocks in turn, because a machine's speed changes from
minute to minute.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

import torch

from gan_core.benchmarks import step_cost
from gan_core.benchmarks.interleaved_timing import Clock
from gan_core.benchmarks.memory import account_memory
from gan_core.config.run_config import RunConfig
from gan_core.cost.prices import SIDE, Price, PriceRequest
from gan_core.data.datasets import Dataset
from gan_core.training.devices import device_name
from gan_core.training.trainer import Trainer

BLOCKS = 3  # the median one counts
BLOCK_SECONDS = 0.7  # a block is as many steps as fit, and at least one
MEMORY_STEPS = 2  # the optimisers' state is there after the first
RANDOM_IMAGES = 512

ShouldStop = Callable[[], "str | None"]


class Interrupted(Exception):
    """Somebody asked to stop; the message is the reason."""


def random_images(side: int, device: torch.device) -> Dataset:
    """Images of another side than MNIST's: they cost what real ones would."""
    generator = torch.Generator().manual_seed(0)
    size = (RANDOM_IMAGES, side**2)
    images = torch.randint(256, size, dtype=torch.uint8, generator=generator).to(device)
    return Dataset(images, images)


def price(
    request: PriceRequest, device: torch.device, should_stop: ShouldStop = lambda: None,
    block_seconds: float = BLOCK_SECONDS, processor_time: bool = False,
) -> Price:
    """Measure what `request` asks for.

    With `processor_time` the time counts that one thread has computed: on a busy machine it is
    close to what an idle one would take, where the wall clock counts the others' work as well.

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
        "bfloat16" if own.trainer.bfloat16 else "float32",
        own.parameters, own.flops, own.step_ms, own.memory, _ratios(own, *bases))


class _Account:
    """What is measured of one config."""

    def __init__(
        self, config: RunConfig, side: int, device: torch.device, should_stop: ShouldStop,
        clock: Clock,
    ) -> None:
        self.should_stop, self.clock = should_stop, clock
        data = None if side == SIDE else random_images(side, device)
        self.trainer = trainer = Trainer(step_cost.every_step_alike(config), device, data=data)
        self._stop_if_asked()
        self.flops = sum(step_cost.count_flops(trainer).values())
        self._stop_if_asked()
        memory = account_memory(trainer, MEMORY_STEPS)
        self.memory = sum(memory.values()) - memory["data"]
        self.parameters = {"generator": _count(trainer.state.generator.parameters),
                           "discriminator": _count(trainer.state.discriminator.parameters)}
        self.blocks: list[float] = []  # milliseconds a step
        self.step_ms = step_cost.time_step(trainer, 1, clock)  # from it, how many make a block

    def time_block(self, seconds: float) -> None:
        self._stop_if_asked()
        steps = max(int(1e3 * seconds / self.step_ms), 1)
        self.blocks.append(step_cost.time_step(self.trainer, steps, self.clock))
        self.step_ms = statistics.median(self.blocks)

    def _stop_if_asked(self) -> None:
        if (reason := self.should_stop()) is not None:
            raise Interrupted(reason)


def _count(parameters: Sequence[torch.Tensor]) -> int:
    return sum(weight.numel() for weight in parameters)


def _ratios(own: _Account, base: _Account | None = None) -> dict[str, float]:
    if base is None:
        return {}
    return {"time": own.step_ms / base.step_ms, "flops": own.flops / base.flops,
            "memory": own.memory / base.memory}
