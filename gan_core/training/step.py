"""The game between G and D: one step of training, as an algebra of tensors.

A step is a round of updates of both networks, in one of three orders; every mechanism of the config
stands at its place in `update_discriminator`, `update_generator` or `seen`. Nothing here waits for
the device: what is to be measured stays on it.

`Match` plays it for one run, `Ensemble` for several at once: then tensors have the runs as their
first dimension, and a number that differs from run to run is a tensor (r, 1, 1).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gan_core.training import networks
from gan_core.training.losses import Loss
from gan_core.training.penalties import AT_EXAMPLES, Judged

Gradients = Sequence[Tensor]  # of one network's parameters, in their order


@dataclass(frozen=True)
class Update:
    """What an update, or several, leave to be measured, still on the device."""

    numbers: tuple[Tensor, ...]  # ()
    logits: tuple[Tensor, ...]  # (k, 1)

    def __add__(self, other: Update) -> Update:
        return Update(self.numbers + other.numbers, self.logits + other.logits)


class Game(ABC):
    """The rules. Who plays sets the attributes, and says how to draw and how to move."""

    now: Any  # the settings in force: a RunConfig, or one whose numbers are tensors
    device: torch.device
    loss: Loss
    penalties: Sequence[tuple[float | Tensor, Callable[[Judged], Tensor]]]  # with weights
    generator: nn.Module
    discriminator: nn.Module
    parameters_g: list[Tensor]
    parameters_d: list[Tensor]
    bfloat16: bool
    step: int

    @abstractmethod
    def reals(self) -> Tensor:
        """A batch (n, d) of training examples."""

    @abstractmethod
    def latents(self) -> Tensor:
        """z ~ N(0, 1), shape (batch_size, latent_dim)."""

    @abstractmethod
    def normal(self, rows: int, columns: int) -> Tensor:
        """Noise from N(0, 1)."""

    @abstractmethod
    def uniform(self, rows: int, columns: int) -> Tensor:
        """Noise from [0, 1)."""

    @abstractmethod
    def augment(self, x: Tensor) -> Tensor:
        """Images (n, d) as DiffAugment shows them."""

    @abstractmethod
    def limited(self, gradients: Gradients) -> tuple[Gradients, Tensor]:
        """Gradients, clipped where the settings ask for it, and their L2 norm before."""

    @abstractmethod
    def move_generator(self, gradients: Gradients) -> None:
        """One update of G's weights."""

    @abstractmethod
    def move_discriminator(self, gradients: Gradients) -> None:
        """One update of D's weights, which are then clipped where the settings ask for it."""

    @abstractmethod
    def average(self, memory: float) -> None:
        """Move the averaged generator towards G; buffers (BatchNorm's statistics) are copied."""

    # --- one step --------------------------------------------------------------------------------

    def play_round(self) -> Update:
        """One training step: updates of D and of G, in the config's order."""
        found = self._round()
        self.step += 1
        if self.now.ema > 0:
            self.average(self._memory())
        return found

    def _round(self) -> Update:
        return ROUNDS[self.now.update_order](self)

    def _discriminator_first(self) -> Update:
        """G's first update reuses the fakes of D's last one, judged by the updated D."""
        for left in reversed(range(self.now.discriminator_steps)):
            fake = self._fakes(for_generator=left == 0)
            found_d = self.update_discriminator(fake)
        for update in range(self.now.generator_steps):
            if update > 0:
                fake = self._fakes()
            found_g = self.update_generator(fake)
        return found_d + found_g

    def _generator_first(self) -> Update:
        """D's first update reuses the fakes of G's last one, made before that update."""
        for _ in range(self.now.generator_steps):
            fake = self._fakes()
            found_g = self.update_generator(fake)
        for update in range(self.now.discriminator_steps):
            if update > 0:
                fake = self._fakes(for_generator=False)
            found_d = self.update_discriminator(fake)
        return found_d + found_g

    def _simultaneous(self) -> Update:
        """Both gradients are taken before either network moves."""
        fake = self._fakes()
        found_d, gradients = self.judge_batch(fake)
        found_g = self.update_generator(fake)
        self.move_discriminator(gradients)
        return found_d + found_g

    def update_discriminator(self, fake: Tensor) -> Update:
        """One update of D on a batch of reals and on `fake` (n, d).

        Returns loss without penalties, penalties, gradient norm; and logits of reals, of fakes.
        """
        found, gradients = self.judge_batch(fake)
        self.move_discriminator(gradients)
        return found

    def judge_batch(self, fake: Tensor) -> tuple[Update, Gradients]:
        """What an update of D finds, and the gradients that will move it."""
        inputs = self.seen(torch.cat([self.reals(), fake.detach()], -2))
        judged = self._judged(inputs)
        loss = self.loss.discriminator(*judged.logits, self.now.label_smoothing)
        if self.now.discriminator_loss == "mean":
            loss = loss / 2
        penalty = torch.zeros_like(loss)
        for weight, penalise in self.penalties:
            penalty = penalty + weight * penalise(judged)
        gradients, norm = self.differentiate(loss + penalty, self.parameters_d)
        return Update((loss, penalty, norm), judged.logits), gradients

    def update_generator(self, fake: Tensor) -> Update:
        """One update of G from its samples `fake` (n, d). Returns loss, gradient norm, logits."""
        logits = self.judge(self.seen(fake))
        loss = self.loss.generator(logits, self._paired_logits())
        gradients, norm = self.differentiate(loss, self.parameters_g)
        self.move_generator(gradients)
        return Update((loss, norm), (logits,))

    def differentiate(self, loss: Tensor, parameters: list[Tensor]) -> tuple[Gradients, Tensor]:
        """`limited` gradients of one network: autograd computes nothing for the other one."""
        return self.limited(torch.autograd.grad(loss.sum(), parameters))

    @torch.no_grad()
    def _paired_logits(self) -> Tensor | None:
        """D's logits of fresh reals, for losses that compare with them."""
        if not self.loss.pairs:
            return None
        return self.judge(self.seen(self.reals()))

    def _fakes(self, for_generator: bool = True) -> Tensor:
        """Fresh samples; those for D alone keep nothing for G's gradients."""
        with torch.set_grad_enabled(for_generator):
            return self.generate(self.latents())

    def generate(self, latents: Tensor) -> Tensor:
        """Samples (n, d), float32."""
        with self._precision():
            return self.generator(latents).float()

    def seen(self, x: Tensor) -> Tensor:
        """Examples (n, d) as D sees them while training: augmented, noisy, packed."""
        if self.now.augment:
            x = self.augment(x)
        if on(self.now.input_noise) and (left := self._noise_left()) > 0:
            x = x + self.now.input_noise * left * self.normal(*x.shape[-2:])
        return networks.packed(x, self.now.packing)

    def _noise_left(self) -> float:
        """The share of the noise on D's inputs that is left at this step."""
        fading = self.now.input_noise_steps
        return max(1.0 - self.step / fading, 0.0) if fading else 1.0

    def judge(self, inputs: Tensor) -> Tensor:
        """D's logits (k, 1), float32, of inputs (k, m · d) as `seen` gives them."""
        # A penalty differentiates twice, which eight bits of mantissa do not survive.
        with nullcontext() if self.penalties else self._precision():
            return self.discriminator(inputs).float()

    def _judged(self, inputs: Tensor) -> Judged:
        """Reals and fakes, judged in one pass; in two if D has layers that mix a batch, or if
        penalties are taken at them."""
        at_examples = any(penalise in AT_EXAMPLES for _, penalise in self.penalties)
        examples = tuple(part.requires_grad_(at_examples) for part in inputs.chunk(2, -2))
        # What draws or iterates in a pass would do so twice in two.
        once = on(self.now.dropout) or self.now.spectral_norm
        if self.now.mixes_batch or (at_examples and not once):
            logits = tuple(self.judge(part) for part in examples)
        else:
            logits = self.judge(torch.cat(examples, -2) if at_examples else inputs).chunk(2, -2)
        return Judged(self.judge, examples, logits, self.uniform)

    def _precision(self):
        if not self.bfloat16:
            return nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    def _memory(self) -> float:
        """How much of itself the averaged generator keeps at this step."""
        # A short memory at first: otherwise the untrained weights would weigh for long.
        return min(self.now.ema, (1 + self.step) / (10 + self.step))


ROUNDS = {
    "discriminator_first": Game._discriminator_first,
    "generator_first": Game._generator_first,
    "simultaneous": Game._simultaneous,
}


def on(number: float | Tensor) -> bool:
    """Whether a mechanism is in force; where its number differs from run to run, it is in all."""
    return isinstance(number, Tensor) or number > 0
