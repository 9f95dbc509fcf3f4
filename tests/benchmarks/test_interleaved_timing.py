"""Speeds are compared in alternating blocks of a given time, on a clock that the tests move."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from gan_core.benchmarks import interleaved_timing
from gan_core.training.burst import BURST

CPU = torch.device("cpu")
ROUNDS = interleaved_timing.ROUNDS


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
    seconds = interleaved_timing.step_seconds(both, CPU, 400, world.clock)
    assert seconds == pytest.approx({"fast": 1e-3, "slow": 10.0})
    assert world.log[-2 * ROUNDS:] == [("fast", 400), ("slow", 1)] * ROUNDS
    assert world.log.count(("slow", 1)) == ROUNDS + 1  # warmed up by one step alone


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
    seconds = interleaved_timing.step_seconds({"it": contender}, CPU, 100, world.clock)
    assert seconds["it"] == pytest.approx(0.01)


def test_steps_fetch_their_measurements_as_a_session_does():
    """Otherwise ours would be timed without something that every session does."""
    log = []
    trainer = SimpleNamespace(train_step=lambda: log.append("step"),
                              fetch_burst=lambda: log.append("fetch"))
    interleaved_timing.TrainingSteps(trainer).advance(BURST + 2)
    assert log == ["step"] * BURST + ["fetch", "step", "step", "fetch"]
