"""The trainer's own step, watched from outside: which phase has just ended, and what it took.

A `Watched` training says which phase has just ended, and a meter charges that phase with what its
reading (a clock, a count of FLOPs) has grown.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor

from gan_core.config.run_config import RunConfig
from gan_core.training.step import Gradients
from gan_core.training.trainer import BURST, Training

# Phase of a step -> the part it belongs to, and what it does.
PHASES: dict[str, tuple[str, str]] = {
    "generation": ("G", "makes samples, for D's updates and its own"),
    "discriminator_forward": ("D", "draws reals, judges reals and samples, loss"),
    "penalty": ("penalty", "its passes there, and back through them"),
    "discriminator_backward": ("D", "gradients of its weights"),
    "discriminator_optimizer": ("D", "moves"),
    "generator_forward": ("G", "D judges its samples, loss"),
    "generator_backward": ("G", "gradients through D"),
    "generator_optimizer": ("G", "moves"),
    "rest": ("rest", "averaged G, numbers brought to the host"),
}
PARTS = tuple(dict.fromkeys(part for part, _ in PHASES.values()))


def unheard(phase: str) -> None:
    """Nobody listens."""


class Watched(Training):
    """A training that calls `mark` with the name of a phase whenever one ends. It trains the same.

    The penalty's part of D's one backward pass ends where the loss's begins: autograd takes the
    latest operations first, and the penalty's come after the loss's.
    """

    def __init__(self, config: RunConfig, device: torch.device) -> None:
        super().__init__(config, device)
        self.mark: Callable[[str], None] = unheard
        self._judge_d, self._judge_g = self.loss.discriminator, self.loss.generator
        self.loss = dataclasses.replace(
            self.loss, discriminator=self._discriminator_loss, generator=self._generator_loss)

    def _discriminator_loss(self, real: Tensor, fake: Tensor, label_smoothing: float) -> Tensor:
        loss = self._judge_d(real, fake, label_smoothing)
        self.mark("discriminator_forward")
        if self.penalties:
            loss.register_hook(lambda gradient: self.mark("penalty"))
        return loss

    def _generator_loss(self, fake: Tensor, real: Tensor | None) -> Tensor:
        loss = self._judge_g(fake, real)
        self.mark("generator_forward")
        return loss

    def advance(self, steps: int) -> None:
        """Steps as a session takes them, their measurements fetched in bursts."""
        for step in range(1, steps + 1):
            self.train_step()
            if step % BURST == 0 or step == steps:
                self._measure()

    def train_step(self) -> None:
        super().train_step()
        self.mark("rest")

    def generate(self, latents: Tensor) -> Tensor:
        made = super().generate(latents)
        self.mark("generation")
        return made

    def differentiate(self, loss: Tensor, parameters: list[Tensor]) -> tuple[Gradients, Tensor]:
        found = super().differentiate(loss, parameters)
        self.mark("discriminator_backward" if parameters is self.parameters_d
                  else "generator_backward")
        return found

    def move_discriminator(self, gradients: Gradients) -> None:
        super().move_discriminator(gradients)
        self.mark("discriminator_optimizer")

    def move_generator(self, gradients: Gradients) -> None:
        super().move_generator(gradients)
        self.mark("generator_optimizer")


class Meter:
    """Charges each phase with what `read` has grown by while it lasted."""

    def __init__(self, read: Callable[[], float]) -> None:
        self.read = read
        self.found: dict[str, float] = dict.fromkeys(PHASES, 0)
        self.last = read()

    def mark(self, phase: str) -> None:
        now = self.read()
        self.found[phase] += now - self.last
        self.last = now
