"""One training step of a GAN, to be read from top to bottom: D's update, G's update, their order.

Goodfellow et al., "Generative Adversarial Nets" (2014), algorithm 1, with every mechanism of the
config at its place. Losses and penalties take plain tensors; networks, data and random numbers are
handed in. Nothing here waits for the device: measurements stay on it.

The same step trains one run (`trainer.Trainer`) or several at once (`ensemble.Ensemble`). In the
shapes below n is the batch size, d the numbers of one example, z those of one latent vector, m how
many examples D scores together (packing), k = n / m; of r runs every shape begins with r.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from gan_core.training.losses import Targets, minimax, non_saturating
from gan_core.training.networks import packed
from gan_core.training.penalties import AT_EXAMPLES, ScoredExamples
from gan_core.training.step_settings import Number, StepSettings, in_force

Gradients = Sequence[Tensor]  # of one network's parameters, in their order


class TrainedNetwork(Protocol):
    """A network with the optimiser that trains it: `state.RunNetwork` of one run,
    `stacked_network.StackedNetwork` of several."""

    parameters: list[Tensor]

    def __call__(self, x: Tensor) -> Tensor: ...
    def train(self, mode: bool = True) -> None: ...
    def clip_gradients(self, gradients: Gradients, limit: float) -> tuple[Gradients, Tensor]: ...
    def apply_gradients(self, gradients: Gradients) -> None: ...
    def clip_weights(self, limit: Number) -> None: ...
    def update_average(self, decay: float) -> None: ...


class Draws(Protocol):
    """Where batches and noise come from, data and the run's own random streams: `state.RunDraws`
    of one run, `stacked_network.StackedDraws` of several."""

    def reals(self) -> Tensor: ...
    def latents(self) -> Tensor: ...
    def normal(self, rows: int, columns: int) -> Tensor: ...
    def uniform(self, rows: int, columns: int) -> Tensor: ...
    def augment(self, x: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class DiscriminatorUpdate:
    """What an update of D leaves to be recorded, on the device: the loss without penalties, the
    penalties and the gradient's norm, () each; D's logits of reals and of fakes, (k, 1) each."""

    loss: Tensor
    penalty: Tensor
    gradient_norm: Tensor
    real_logits: Tensor
    fake_logits: Tensor


@dataclass(frozen=True)
class GeneratorUpdate:
    """What an update of G leaves to be recorded: loss and norm, (); D's logits of its samples,
    (k, 1). Of a frozen G also the norms that it would get under both forms of the GAN loss."""

    loss: Tensor
    gradient_norm: Tensor
    logits: Tensor
    norms_by_loss: tuple[Tensor, ...] = ()


@dataclass(frozen=True)
class StepMeasurements:
    """The last update of either network in a step."""

    discriminator: DiscriminatorUpdate
    generator: GeneratorUpdate

    def values(self) -> tuple[Tensor, ...]:
        """Numbers first, then logits of reals, of fakes, and of the fakes that trained G."""
        d, g = self.discriminator, self.generator
        return (d.loss, d.penalty, d.gradient_norm, g.loss, g.gradient_norm, *g.norms_by_loss,
                d.real_logits, d.fake_logits, g.logits)


def no_listener(phase: str) -> None:
    """Nobody times the phases of this step."""


class GanStep:
    """One training step: updates of D and of G, in the order of `settings`.

    Calling it trains one step and returns what is to be recorded of it. `settings` may be replaced
    between two steps. `on_phase_end` is called with the name of a phase whenever one ends:
    `benchmarks.step_phases` lists them and measures what each takes.
    """

    def __init__(
        self, generator: TrainedNetwork, discriminator: TrainedNetwork, draws: Draws,
        settings: StepSettings, autocast: Callable[[], AbstractContextManager] = nullcontext,
    ) -> None:
        self.generator, self.discriminator = generator, discriminator
        self.draws = draws
        self.settings = settings
        self.autocast = autocast  # the number format of the networks' passes
        self.on_phase_end: Callable[[str], None] = no_listener
        self.steps_done = 0

    def __call__(self, steps_done: int) -> StepMeasurements:
        self.steps_done = steps_done  # before this one
        if 0 < self.settings.freeze_generator <= steps_done:
            measurements = self.frozen_generator()
        else:
            measurements = UPDATE_ORDERS[self.settings.update_order](self)
        if self.settings.ema > 0:
            # The decay starts low, so that the average soon forgets the initial weights.
            after = steps_done + 1
            self.generator.update_average(min(self.settings.ema, (1 + after) / (10 + after)))
        return measurements

    # --- the orders of the updates ----------------------------------------------------------------

    def discriminator_first(self) -> StepMeasurements:
        """G's first update reuses the fakes of D's last one, scored by the updated D."""
        for remaining in reversed(range(self.settings.discriminator_steps)):
            fake = self.fakes(for_generator=remaining == 0)
            of_d = self.update_discriminator(fake)
        for update in range(self.settings.generator_steps):
            if update > 0:
                fake = self.fakes()
            of_g = self.update_generator(fake)
        return StepMeasurements(of_d, of_g)

    def generator_first(self) -> StepMeasurements:
        """D's first update reuses the fakes of G's last one, made before that update."""
        for _ in range(self.settings.generator_steps):
            fake = self.fakes()
            of_g = self.update_generator(fake)
        for update in range(self.settings.discriminator_steps):
            if update > 0:
                fake = self.fakes(for_generator=False)
            of_d = self.update_discriminator(fake)
        return StepMeasurements(of_d, of_g)

    def simultaneous(self) -> StepMeasurements:
        """Both networks learn from the other one as it was: D's gradients are computed before G
        moves and applied after G has learned. A config allows one update each here."""
        fake = self.fakes()
        of_d, gradients = self.discriminator_gradients(fake)
        of_g = self.update_generator(fake)
        self.apply_to_discriminator(gradients)
        return StepMeasurements(of_d, of_g)

    # --- a G that stands still --------------------------------------------------------------------

    def frozen_generator(self) -> StepMeasurements:
        """Updates of D alone; then the norm of the gradient that G would get, under its own loss
        and under both forms of the GAN loss: Arjovsky & Bottou (2017), figure 2."""
        self.generator.train(False)
        for _ in range(self.settings.discriminator_steps):
            of_d = self.update_discriminator(self.fakes(for_generator=False))
        logits = self.score(self.as_seen(self.generate(self.draws.latents())))
        loss = self.settings.loss.generator(logits, self.paired_logits())
        # Both forms read a logit as log-odds, so it must be 0 where D is undecided.
        centre: float | Tensor | None = self.settings.loss.centre
        if centre is None:
            centre = torch.cat([of_d.real_logits, of_d.fake_logits]).detach().mean()
        log_odds = logits - centre
        norm, *norms_by_loss = [
            gradient_norm(torch.autograd.grad(each, self.generator.parameters, retain_graph=True))
            for each in (loss, minimax(log_odds), non_saturating(log_odds))
        ]
        self.generator.train()
        return StepMeasurements(of_d, GeneratorUpdate(loss, norm, logits, tuple(norms_by_loss)))

    # --- D's update -------------------------------------------------------------------------------

    def update_discriminator(self, fake: Tensor) -> DiscriminatorUpdate:
        """One update of D on a batch of reals and on `fake` (n, d)."""
        update, gradients = self.discriminator_gradients(fake)
        self.apply_to_discriminator(gradients)
        return update

    def discriminator_gradients(self, fake: Tensor) -> tuple[DiscriminatorUpdate, Gradients]:
        """Loss, penalties and the gradients of D's weights, which do not move yet."""
        scored = self.score_batch(self.draws.reals(), fake.detach())
        real_logits, fake_logits = scored.logits
        loss = self.settings.loss.discriminator(
            real_logits, fake_logits, self.targets(real_logits.shape[-2]))
        self.on_phase_end("discriminator_forward")
        self.announce_end_of_penalty(loss)
        if self.settings.discriminator_loss == "mean":
            loss = loss / 2
        penalty = torch.zeros_like(loss)
        for weight, penalise in self.settings.penalties:
            penalty = penalty + weight * penalise(scored)
        gradients, norm = self.differentiate(loss + penalty, self.discriminator)
        self.on_phase_end("discriminator_backward")
        return DiscriminatorUpdate(loss, penalty, norm, *scored.logits), gradients

    def targets(self, count: int) -> Targets:
        """What D is asked to say of `count` reals and as many fakes: smoothed, then flipped."""
        targets = Targets(1.0 - self.settings.label_smoothing, self.settings.fake_label_smoothing)
        if in_force(self.settings.label_flips):
            targets = targets.flipped(self.draws.uniform(2 * count, 1) < self.settings.label_flips)
        return targets

    def apply_to_discriminator(self, gradients: Gradients) -> None:
        self.discriminator.apply_gradients(gradients)
        if in_force(self.settings.weight_clip):
            self.discriminator.clip_weights(self.settings.weight_clip)
        self.on_phase_end("discriminator_optimizer")

    def announce_end_of_penalty(self, loss: Tensor) -> None:
        """The backward pass runs in reverse order: the penalties' part is done when the gradient
        reaches the loss."""
        if self.settings.penalties and self.on_phase_end is not no_listener:
            loss.register_hook(lambda gradient: self.on_phase_end("penalty"))

    # --- G's update -------------------------------------------------------------------------------

    def update_generator(self, fake: Tensor) -> GeneratorUpdate:
        """One update of G through D's scores of its samples `fake` (n, d)."""
        logits = self.score(self.as_seen(fake))
        loss = self.settings.loss.generator(logits, self.paired_logits())
        self.on_phase_end("generator_forward")
        gradients, norm = self.differentiate(loss, self.generator)
        self.on_phase_end("generator_backward")
        self.generator.apply_gradients(gradients)
        self.on_phase_end("generator_optimizer")
        return GeneratorUpdate(loss, norm, logits)

    @torch.no_grad()
    def paired_logits(self) -> Tensor | None:
        """D's logits of fresh reals, for losses that compare with them."""
        if not self.settings.loss.pairs:
            return None
        return self.score(self.as_seen(self.draws.reals()))

    def differentiate(self, loss: Tensor, network: TrainedNetwork) -> tuple[Gradients, Tensor]:
        """Gradients of one network, clipped where that is asked for, and their norm before:
        autograd computes nothing for the other network."""
        gradients = torch.autograd.grad(loss.sum(), network.parameters)  # of r runs a loss is (r,)
        return network.clip_gradients(gradients, self.settings.gradient_clip)

    # --- samples, and how D sees and scores them --------------------------------------------------

    def fakes(self, for_generator: bool = True) -> Tensor:
        """Fresh samples (n, d); those for D alone keep nothing for G's gradients."""
        with torch.set_grad_enabled(for_generator):
            return self.generate(self.draws.latents())

    def generate(self, latents: Tensor) -> Tensor:
        """Samples (n, d), float32, from latents (n, z)."""
        with self.autocast():
            samples = self.generator(latents).float()
        self.on_phase_end("generation")
        return samples

    def as_seen(self, x: Tensor) -> Tensor:
        """Examples (n, d) as D sees them in training, (k, m · d): augmented, noisy, packed."""
        if self.settings.augment:
            x = self.draws.augment(x)
        if in_force(self.settings.input_noise) and (left := self.noise_left()) > 0:
            x = x + self.settings.input_noise * left * self.draws.normal(*x.shape[-2:])
        return packed(x, self.settings.packing)

    def noise_left(self) -> float:
        """The share of the noise on D's inputs that is left at this step."""
        fading = self.settings.input_noise_steps
        return max(1.0 - self.steps_done / fading, 0.0) if fading else 1.0

    def score(self, inputs: Tensor) -> Tensor:
        """D's logits (k, 1), float32, of inputs (k, m · d) as `as_seen` gives them."""
        # A penalty differentiates twice, which bfloat16's eight bits of precision do not survive.
        with nullcontext() if self.settings.penalties else self.autocast():
            return self.discriminator(inputs).float()

    def score_batch(self, real: Tensor, fake: Tensor) -> ScoredExamples:
        """Reals and fakes (n, d), scored in one pass of D; in two passes if D has BatchNorm, which
        would mix them, or if penalties are taken at the examples themselves."""
        inputs = self.as_seen(torch.cat([real, fake], -2))
        at_examples = any(penalty in AT_EXAMPLES for _, penalty in self.settings.penalties)
        real_inputs, fake_inputs = (
            part.requires_grad_(at_examples) for part in inputs.chunk(2, -2))
        examples = real_inputs, fake_inputs
        # In two passes dropout would draw two masks, and spectral normalisation iterate twice.
        one_pass = in_force(self.settings.dropout) or self.settings.spectral_norm
        if self.settings.mixes_batch or (at_examples and not one_pass):
            real_logits, fake_logits = self.score(real_inputs), self.score(fake_inputs)
        else:
            together = torch.cat(examples, -2) if at_examples else inputs
            real_logits, fake_logits = self.score(together).chunk(2, -2)
        return ScoredExamples(
            self.score, examples, (real_logits, fake_logits), self.draws.uniform)


UPDATE_ORDERS: dict[str, Callable[[GanStep], StepMeasurements]] = {
    "discriminator_first": GanStep.discriminator_first,
    "generator_first": GanStep.generator_first,
    "simultaneous": GanStep.simultaneous,
}


def gradient_norm(gradients: Gradients) -> Tensor:
    """L2 norm over all gradients, () on their device; no synchronisation."""
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(list(gradients))))


def clip_scale(norm: Tensor, limit: float) -> Tensor:
    """What a gradient of this norm is multiplied by so that it is at most `limit` long: the formula
    of torch.nn.utils.clip_grad_norm_."""
    return (limit / (norm + 1e-6)).clamp(max=1.0)
