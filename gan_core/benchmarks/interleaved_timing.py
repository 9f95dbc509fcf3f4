"""Interleaved timing: blocks of each contender's steps alternate, and the median block counts.

A machine's speed changes from minute to minute, and in alternating blocks it changes for all
contenders alike. A block is as many steps as fit into a given time, because one network takes a
thousand times as long as another.
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


def synchronised_time(device: torch.device, clock: Clock = time.perf_counter) -> float:
    """What the clock says once the device has done everything that it was asked to do."""
    if device.type != "cpu":
        getattr(torch, device.type).synchronize()
    return clock()


def seconds_of(
    work: Callable[[], Any], device: torch.device, clock: Clock = time.perf_counter
) -> float:
    """Seconds that `work` takes, on the device as well."""
    started = synchronised_time(device, clock)
    work()
    return synchronised_time(device, clock) - started


def step_seconds(
    contenders: Mapping[str, Contender], device: torch.device, most_steps: int,
    clock: Clock = time.perf_counter,
) -> dict[str, float]:
    """Median seconds a step of every contender, over ROUNDS blocks of at most `most_steps`.

    On a busy machine, time.process_time as the `clock` leaves out what other processes compute; it
    is meaningful on a CPU with one thread only.
    """
    sizes = {name: block_size(contender, device, most_steps, clock)
             for name, contender in contenders.items()}
    blocks: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, contender in contenders.items():
            blocks[name].append(_seconds_per_step(contender, sizes[name], device, clock))
    return {name: statistics.median(seconds) for name, seconds in blocks.items()}


def _seconds_per_step(
    contender: Contender, steps: int, device: torch.device, clock: Clock
) -> float:
    return seconds_of(lambda: contender.advance(steps), device, clock) / steps


def block_size(
    contender: Contender, device: torch.device, most_steps: int, clock: Clock = time.perf_counter
) -> int:
    """Warm the contender up; how many of its steps fit into a block, at least one."""
    started, fastest = time.perf_counter(), float("inf")
    for _ in range(min(WARM_UP, most_steps)):
        fastest = min(fastest, _seconds_per_step(contender, 1, device, clock))
        if time.perf_counter() - started > BLOCK_SECONDS:
            break
    return max(1, min(most_steps, int(BLOCK_SECONDS / fastest)))
