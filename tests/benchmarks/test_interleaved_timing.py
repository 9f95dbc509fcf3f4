"""Speeds are compared in turn, in blocks that fit a time, on a clock that the tests hold."""

from __future__ import annotations

import pytest
import torch

from gan_core.benchmarks import interleaved_timing
from gan_core.training.trainer import BURST

CPU = torch.device("cpu")


class World:
    """A clock, and contenders that move it."""

    def __init__(self) -> None:
        self.now, self.log = 0.0, []

    def clock(self) -> float:
        return self.now

    def contender(self, name: str, seconds: float) -> interleaved_timing.Contender:
        world = self

        class Contender:
            def advance(self, steps: int) -> None:
                world.now += steps * seconds
                world.log.append((name, steps))

        return Contender()


@pytest.fixture
def world(monkeypatch) -> World:
    world = World()
    monkeypatch.setattr(interleaved_timing.time, "perf_counter", world.clock)
    return world


def test_blocks_alternate_and_hold_what_fits_the_time(world):
    """A slow network must not take hours, nor a fast one be timed over microseconds."""
    both = {"fast": world.contender("fast", 1e-3), "slow": world.contender("slow", 10.0)}
    found = interleaved_timing.step_seconds(both, CPU, 400, world.clock)
    assert found == pytest.approx({"fast": 1e-3, "slow": 10.0})
    assert world.log[-2 * interleaved_timing.ROUNDS:] == [("fast", 400), ("slow", 1)] * interleaved_timing.ROUNDS
    assert world.log.count(("slow", 1)) == interleaved_timing.ROUNDS + 1  # warmed up by one step alone


def test_the_median_block_counts(world):
    """One block during which the machine was busy must not decide."""
    contender = world.contender("busy", 0.01)
    original, blocks_done = contender.advance, []

    def advance(steps: int) -> None:
        original(steps)
        if steps > 1:
            blocks_done.append(steps)
            world.now += 100.0 * (len(blocks_done) == 2)

    contender.advance = advance
    found = interleaved_timing.step_seconds({"it": contender}, CPU, 100, world.clock)
    assert found["it"] == pytest.approx(0.01)


def test_steps_fetch_their_measurements_as_a_session_does():
    """Otherwise ours would be timed without something that every session does."""
    log = []
    steps = interleaved_timing.Steps(lambda: log.append("step"), lambda: log.append("measure"))
    steps.advance(BURST + 2)
    assert log == ["step"] * BURST + ["measure", "step", "step", "measure"]
