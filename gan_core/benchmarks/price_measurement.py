"""Prices by the clock: what a step costs, measured within seconds; it can be stopped in between.

`step_cost` measures a config in full, for the command line. This is the short measurement that the
pages ask for: FLOPs and memory are exact, the time is the median of a few blocks of steps. Blocks
of two configs that are to be compared alternate, because a machine's speed changes from minute to
minute.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch

from gan_core.benchmarks import step_cost
from gan_core.benchmarks.environment import precision_of
from gan_core.benchmarks.interleaved_timing import Clock
from gan_core.benchmarks.memory import account_memory
from gan_core.config.run_config import RunConfig
from gan_core.cost.prices import SIDE, Price, PriceRequest
from gan_core.data.datasets import Dataset
from gan_core.training.devices import device_name
from gan_core.training.trainer import Trainer

BLOCKS = 3  # the median one counts
BLOCK_SECONDS = 0.7  # a block is as many steps as fit, and at least one
MEMORY_STEPS = 2  # the first one makes the optimisers' state
RANDOM_IMAGES = 512

ShouldStop = Callable[[], str | None]


class Interrupted(Exception):
    """Somebody asked to stop; the message is the reason."""


def random_images(side: int, device: torch.device) -> Dataset:
    """Images of another side than MNIST's; a step on them costs what it would on real ones."""
    generator = torch.Generator().manual_seed(0)
    size = (RANDOM_IMAGES, side**2)
    images = torch.randint(256, size, dtype=torch.uint8, generator=generator).to(device)
    return Dataset(images, images)


def price(
    request: PriceRequest, device: torch.device, should_stop: ShouldStop = lambda: None,
    block_seconds: float = BLOCK_SECONDS, processor_time: bool = False,
) -> Price:
    """Measure what `request` asks for.

    With `processor_time` only the time counts during which this thread computed: on a busy machine
    it is close to what an idle one would take, where the wall clock counts waiting as well.

    `should_stop` is called before every block; it returns the reason to stop, or None. Raises
    Interrupted then, DatasetError where the data cannot be had, ValueError for a side that the
    networks cannot have.
    """
    if request.side != SIDE and (request.config.architecture != "dcgan" or request.side % 4):
        raise ValueError(f"side must be {SIDE}, or a multiple of 4 with the architecture dcgan, "
                         f"not {request.side}")
    clock = time.process_time if processor_time else time.perf_counter
    measured = _StepMeasurement(request.config, request.side, device, should_stop, clock)
    base = None if request.base is None else _StepMeasurement(
        request.base, SIDE, device, should_stop, clock)
    for _ in range(BLOCKS):
        for measurement in (measured, base):
            if measurement is not None:
                measurement.time_block(block_seconds)
    return Price(
        request, device_name(device) + (", processor time" if processor_time else ""),
        precision_of(measured.trainer), measured.parameters, measured.flops, measured.step_ms,
        measured.memory, {} if base is None else _ratios(measured, base))


class _StepMeasurement:
    """FLOPs, memory, parameters and time of one config's step."""

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
        self.parameters = step_cost.count_parameters(trainer)
        self.blocks: list[float] = []  # milliseconds a step
        self.step_ms = step_cost.time_step(trainer, 1, clock)  # says how many fit into a block

    def time_block(self, seconds: float) -> None:
        self._stop_if_asked()
        steps = max(int(1e3 * seconds / self.step_ms), 1)
        self.blocks.append(step_cost.time_step(self.trainer, steps, self.clock))
        self.step_ms = statistics.median(self.blocks)

    def _stop_if_asked(self) -> None:
        if (reason := self.should_stop()) is not None:
            raise Interrupted(reason)


def _ratios(measured: _StepMeasurement, base: _StepMeasurement) -> dict[str, float]:
    return {"time": measured.step_ms / base.step_ms, "flops": measured.flops / base.flops,
            "memory": measured.memory / base.memory}
