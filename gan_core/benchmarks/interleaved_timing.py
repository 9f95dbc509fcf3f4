"""Speeds to be compared: blocks of each contender's steps alternate, and the median block counts.

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

from gan_core.training.trainer import BURST

ROUNDS = 3
BLOCK_SECONDS = 2.5
WARM_UP = 10  # steps before the clock runs: allocators, caches and thread pools fill


Clock = Callable[[], float]  # seconds


class Contender(Protocol):
    """Something that takes steps."""

    def advance(self, steps: int) -> None: ...


class Steps:
    """Training steps as a session takes them, with their measurements fetched in bursts, and
    nothing looked at."""

    def __init__(self, train_step: Callable[[], Any], measure: Callable[[], Any]) -> None:
        self.train_step, self.measure = train_step, measure

    def advance(self, steps: int) -> None:
        for step in range(1, steps + 1):
            self.train_step()
            if step % BURST == 0 or step == steps:
                self.measure()


def clocked(
    work: Callable[[], Any], device: torch.device, clock: Clock = time.perf_counter
) -> float:
    """Seconds, with everything done that the device was asked to do."""
    _wait(device)
    started = clock()
    work()
    _wait(device)
    return clock() - started


def _wait(device: torch.device) -> None:
    if device.type != "cpu":
        getattr(torch, device.type).synchronize()


def step_seconds(
    contenders: Mapping[str, Contender], device: torch.device, most_steps: int,
    clock: Clock = time.perf_counter,
) -> dict[str, float]:
    """Median seconds a step of each, over ROUNDS blocks of at most `most_steps`.

    Of a busy machine, time.process_time as the `clock` leaves out what others computed meanwhile;
    only with one thread on a CPU does it mean anything.
    """
    sizes = {name: block_size(each, device, most_steps, clock)
             for name, each in contenders.items()}
    blocks: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, each in contenders.items():
            seconds = clocked(lambda run=each, size=sizes[name]: run.advance(size), device, clock)
            blocks[name].append(seconds / sizes[name])
    return {name: statistics.median(seconds) for name, seconds in blocks.items()}


def block_size(
    contender: Contender, device: torch.device, most_steps: int, clock: Clock
) -> int:
    """Warm it up, and tell how many of its steps fit into a block; at least one."""
    started, fastest = time.perf_counter(), float("inf")
    for _ in range(min(WARM_UP, most_steps)):
        fastest = min(fastest, clocked(lambda: contender.advance(1), device, clock))
        if time.perf_counter() - started > BLOCK_SECONDS:
            break
    return max(1, min(most_steps, int(BLOCK_SECONDS / fastest)))
