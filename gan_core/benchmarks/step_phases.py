"""The phases of a training step, and a meter that charges every phase with what it took.

The step calls a listener whenever a phase ends; the meter reads a clock, or a count of FLOPs, and
charges the phase with the difference to the reading before. `step_cost.time_phases` and
`step_cost.count_flops` measure with it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from gan_core.training.step import no_listener
from gan_core.training.trainer import Trainer

# Phase of a step -> the part it belongs to, and what it does.
PHASES: dict[str, tuple[str, str]] = {
    "generation": ("G", "makes samples, for D's updates and its own"),
    "discriminator_forward": ("D", "draws reals, scores reals and samples, loss"),
    "penalty": ("penalty", "its passes there, and back through them"),
    "discriminator_backward": ("D", "gradients of its weights"),
    "discriminator_optimizer": ("D", "updates its weights"),
    "generator_forward": ("G", "D scores its samples, loss"),
    "generator_backward": ("G", "gradients through D"),
    "generator_optimizer": ("G", "updates its weights"),
    "rest": ("rest", "averaged G, numbers brought to the host"),
}
PARTS = tuple(dict.fromkeys(part for part, _ in PHASES.values()))


class PhaseMeter:
    """Charges a phase with the increase of `read()` while it lasted; the sums are in `charged`."""

    def __init__(self, read: Callable[[], float]) -> None:
        self.read = read
        self.charged: dict[str, float] = dict.fromkeys(PHASES, 0)
        self.last = read()

    def charge(self, phase: str) -> None:
        reading = self.read()
        self.charged[phase] += reading - self.last
        self.last = reading


@contextlib.contextmanager
def metered(trainer: Trainer, read: Callable[[], float]) -> Iterator[PhaseMeter]:
    """Meter the trainer's steps inside the with-statement; they compute the same as without."""
    meter = PhaseMeter(read)
    trainer.gan_step.on_phase_end = meter.charge
    try:
        yield meter
    finally:
        trainer.gan_step.on_phase_end = no_listener
