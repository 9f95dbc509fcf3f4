"""Interleaved timing: blocks of each contender's steps alternate, and the median block counts.

A machine's speed changes from minute to minute; what is measured in turn changes together. A block
is as many steps as fit into a given time, because one network takes a thousand times as long as
another.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch

from gan_core.training.burst import BURST

ROUNDS = 3
BLOCK_SECONDS = 2.5
WARM_UP = 10  # steps before the clock runs: allocators, caches and thread pools fill

Clock = Callable[[], float]  # seconds


class Contender(Protocol):
    """Something that takes steps."""

    def advance(self, steps: int) -> None: ...


class Training(Protocol):
    """A trainer, or an ensemble."""

    def train_step(self) -> None: ...
    def fetch_burst(self) -> Any: ...


class TrainingSteps:
    """Training steps as a session takes them, with their measurements fetched in bursts, and
    without samples or evaluations."""

    def __init__(self, training: Training) -> None:
        self.training = training

    def advance(self, steps: int) -> None:
        for step in range(1, steps + 1):
            self.training.train_step()
            if step % BURST == 0 or step == steps:
                self.training.fetch_burst()


def wait_for(device: torch.device) -> None:
    """Until everything is done that the device was asked to do."""
    if device.type != "cpu":
        getattr(torch, device.type).synchronize()


def reading(device: torch.device, clock: Clock = time.perf_counter) -> float:
    """The clock in seconds, with everything done that the device was asked to do."""
    wait_for(device)
    return clock()


def seconds_of(
    work: Callable[[], Any], device: torch.device, clock: Clock = time.perf_counter
) -> float:
    """Seconds that `work` takes, on the device as well."""
    started = reading(device, clock)
    work()
    return reading(device, clock) - started


def step_seconds(
    contenders: Mapping[str, Contender], device: torch.device, most_steps: int,
    clock: Clock = time.perf_counter,
) -> dict[str, float]:
    """Median seconds a step of each, over ROUNDS blocks of at most `most_steps`.

    Of a busy machine, time.process_time as the `clock` leaves out what others computed meanwhile;
    only with one thread on a CPU does it mean anything.
    """
    sizes = {name: block_size(contender, device, most_steps, clock)
             for name, contender in contenders.items()}
    blocks: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, contender in contenders.items():
            seconds = seconds_of(
                lambda run=contender, size=sizes[name]: run.advance(size), device, clock)
            blocks[name].append(seconds / sizes[name])
    return {name: statistics.median(seconds) for name, seconds in blocks.items()}


def block_size(
    contender: Contender, device: torch.device, most_steps: int, clock: Clock = time.perf_counter
) -> int:
    """Warm it up, and say how many of its steps fit into a block; at least one."""
    started, fastest = time.perf_counter(), float("inf")
    for _ in range(min(WARM_UP, most_steps)):
        fastest = min(fastest, seconds_of(lambda: contender.advance(1), device, clock))
        if time.perf_counter() - started > BLOCK_SECONDS:
            break
    return max(1, min(most_steps, int(BLOCK_SECONDS / fastest)))
