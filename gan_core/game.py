"""The game between G and D: their state, and one step of training.

A step is a round of updates of both networks, in one of three orders; every mechanism of the config
stands at its place in `update_discriminator`, `update_generator` or `seen`. Nothing here waits for
the device: what is to be measured stays on it.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gan_core import datasets, networks
from gan_core.augmentation import augment
from gan_core.config import RunConfig
from gan_core.devices import use_bfloat16
from gan_core.layers import Dropout
from gan_core.losses import LOSSES, minimax, non_saturating
from gan_core.penalties import PENALTIES, Judged

FRESH_SEED = 2**31  # added to a run's seed, all below it, for the D that meets a frozen G


def _optimizer(
    config: RunConfig, network: nn.Module, learning_rate: float
) -> torch.optim.Optimizer:
    # fused: one pass over all parameters; the default loop is several times slower everywhere.
    parameters = network.parameters()
    if config.optimizer == "adam":
        betas = (config.beta1, config.beta2)
        return torch.optim.Adam(parameters, learning_rate, betas, fused=True)
    if config.optimizer == "rmsprop":
        return torch.optim.RMSprop(
            parameters, learning_rate, alpha=config.beta2, momentum=config.beta1
        )
    return torch.optim.SGD(parameters, learning_rate, momentum=config.beta1, fused=True)


def _set_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = learning_rate


@dataclass(frozen=True)
class Update:
    """What an update, or several, leave to be measured, still on the device."""

    numbers: tuple[Tensor, ...]  # ()
    logits: tuple[Tensor, ...]  # (k, 1)

    def __add__(self, other: Update) -> Update:
        return Update(self.numbers + other.numbers, self.logits + other.logits)


class Game:
    """Both networks, their optimisers, the data and the run's own random numbers."""

    def __init__(self, config: RunConfig, device: torch.device) -> None:
        self.config = config
        self.device = device
        self.data = self._load()
        self.random = {
            stream: torch.Generator(device).manual_seed(config.seed * 4 + offset)
            for offset, stream in enumerate(("batches", "latents", "noise", "dropout"))
        }
        self.generator, self.discriminator = networks.build(
            config, self.data.dim, device, self.random["dropout"]
        )
        self.optimizer_g = _optimizer(config, self.generator, config.generator_learning_rate)
        self.optimizer_d = _optimizer(
            config, self.discriminator, config.discriminator_learning_rate
        )
        self.averaged = self._averaged_generator()
        self.parameters_g = list(self.generator.parameters())
        self.parameters_d = list(self.discriminator.parameters())
        self.bfloat16 = use_bfloat16(config, device)
        self.step = 0
        self.turning_points = {step for step, _ in config.stages[1:]}
        self._turn(config.at(0))

    def _turn(self, settings: RunConfig) -> None:
        """From here on `settings` are in force: `now`, beside the `config` of the whole run."""
        self.now = settings
        self.loss = LOSSES[settings.loss]
        self.penalties = [
            (getattr(settings, name), penalty)
            for name, penalty in PENALTIES.items() if getattr(settings, name) > 0
        ]
        _set_rate(self.optimizer_g, settings.generator_learning_rate)
        _set_rate(self.optimizer_d, settings.discriminator_learning_rate)
        for layer in self.discriminator.modules():
            if isinstance(layer, Dropout):
                layer.rate = settings.dropout

    def _load(self) -> datasets.Dataset:
        return datasets.load(self.config, self.device)

    # --- one step --------------------------------------------------------------------------------

    def play_round(self) -> Update:
        """One training step: updates of D and of G, in the config's order."""
        if self.step in self.turning_points:
            self._turn(self.config.at(self.step))
        if self.step == self.now.freeze_generator > 0:
            self._freeze()
        if self.step >= self.now.freeze_generator > 0:
            found = self._frozen_round()
        else:
            found = ROUNDS[self.now.update_order](self)
        self.step += 1
        if self.averaged is not None:
            self._average()
        return found

    def _discriminator_first(self) -> Update:
        """G's first update reuses the fakes of D's last one, judged by the updated D."""
        for _ in range(self.now.discriminator_steps):
            fake = self.generate(self.latents())
            found_d = self.update_discriminator(fake)
        for update in range(self.now.generator_steps):
            if update > 0:
                fake = self.generate(self.latents())
            found_g = self.update_generator(fake)
        return found_d + found_g

    def _generator_first(self) -> Update:
        """D's first update reuses the fakes of G's last one, made before that update."""
        for _ in range(self.now.generator_steps):
            fake = self.generate(self.latents())
            found_g = self.update_generator(fake)
        for update in range(self.now.discriminator_steps):
            if update > 0:
                fake = self.generate(self.latents())
            found_d = self.update_discriminator(fake)
        return found_d + found_g

    def _simultaneous(self) -> Update:
        """Both gradients are taken before either network moves."""
        fake = self.generate(self.latents())
        found_d = self.update_discriminator(fake, move=False)
        found_g = self.update_generator(fake)  # which leaves D's gradients as they are
        self._move_discriminator()
        return found_d + found_g

    def update_discriminator(self, fake: Tensor, move: bool = True) -> Update:
        """One update of D on a batch of reals and on `fake` (n, d).

        Returns loss without penalties, penalties, gradient norm; and logits of reals, of fakes.
        """
        real = self.data.batch(self.now.batch_size, self.random["batches"])
        inputs = self.seen(torch.cat([real, fake.detach()]))
        if self.penalties:
            inputs.requires_grad_()
        logits = self.judge_both(inputs)
        logits_real, logits_fake = logits.chunk(2)
        loss = self.loss.discriminator(logits_real, logits_fake, self.now.label_smoothing)
        if self.now.discriminator_loss == "mean":
            loss = loss / 2
        penalty = torch.zeros((), device=self.device)
        judged = Judged(self.judge, inputs, logits, self.random["noise"])
        for weight, penalise in self.penalties:
            penalty = penalty + weight * penalise(judged)
        self.optimizer_d.zero_grad()
        if self.penalties:
            (loss + penalty).backward(inputs=self.parameters_d)  # not to the images
        else:
            loss.backward()
        norm = self._limited_norm(self.parameters_d)
        if move:
            self._move_discriminator()
        return Update((loss, penalty, norm), (logits_real, logits_fake))

    def _move_discriminator(self) -> None:
        self.optimizer_d.step()
        if self.now.weight_clip > 0:
            with torch.no_grad():
                for parameter in self.parameters_d:
                    parameter.clamp_(-self.now.weight_clip, self.now.weight_clip)

    def update_generator(self, fake: Tensor) -> Update:
        """One update of G from its samples `fake` (n, d). Returns loss, gradient norm, logits."""
        logits = self.judge(self.seen(fake))
        loss = self.loss.generator(logits, self._paired_logits())
        self.optimizer_g.zero_grad()
        loss.backward(inputs=self.parameters_g)  # D's own gradients would go unused
        norm = self._limited_norm(self.parameters_g)
        self.optimizer_g.step()
        return Update((loss, norm), (logits,))

    @torch.no_grad()
    def _paired_logits(self) -> Tensor | None:
        """D's logits of fresh reals, for losses that compare with them."""
        if not self.loss.pairs:
            return None
        real = self.data.batch(self.now.batch_size, self.random["batches"])
        return self.judge(self.seen(real))

    def _limited_norm(self, parameters: list[nn.Parameter]) -> Tensor:
        """The norm of a network's gradient, before it is clipped where the config asks for it."""
        if self.now.gradient_clip > 0:
            return nn.utils.clip_grad_norm_(parameters, self.now.gradient_clip)
        return gradient_norm([parameter.grad for parameter in parameters])

    def latents(self) -> Tensor:
        """z ~ N(0, 1), shape (batch_size, latent_dim)."""
        shape = (self.now.batch_size, self.now.latent_dim)
        return torch.randn(shape, generator=self.random["latents"], device=self.device)

    def generate(self, latents: Tensor) -> Tensor:
        """Samples (n, d), float32."""
        with self._precision():
            return self.generator(latents).float()

    def seen(self, x: Tensor) -> Tensor:
        """Examples (n, d) as D sees them while training: augmented, noisy, packed."""
        if self.now.augment:
            x = augment(x, self.random["noise"])
        if (spread := self._noise()) > 0:
            noise = torch.randn(x.shape, generator=self.random["noise"], device=self.device)
            x = x + spread * noise
        return networks.packed(x, self.now.packing)

    def _noise(self) -> float:
        """The standard deviation of the noise on D's inputs at this step."""
        fading = self.now.input_noise_steps
        left = max(1.0 - self.step / fading, 0.0) if fading else 1.0
        return self.now.input_noise * left

    def judge(self, inputs: Tensor) -> Tensor:
        """D's logits (k, 1), float32, of inputs (k, m · d) as `seen` gives them."""
        # A penalty differentiates twice, which eight bits of mantissa do not survive.
        with nullcontext() if self.penalties else self._precision():
            return self.discriminator(inputs).float()

    def judge_both(self, inputs: Tensor) -> Tensor:
        """`judge` of reals and fakes: in one pass unless D has layers that mix a batch."""
        if self.now.mixes_batch:
            return torch.cat([self.judge(part) for part in inputs.chunk(2)])
        return self.judge(inputs)

    def _precision(self):
        if not self.bfloat16:
            return nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    # --- an average of G, and a G that stands still -----------------------------------------------

    def _averaged_generator(self) -> nn.Module | None:
        if self.config.ema == 0:
            return None
        return copy.deepcopy(self.generator).requires_grad_(False).eval()

    @torch.no_grad()
    def _average(self) -> None:
        """Moves the averaged generator towards G; buffers (BatchNorm's statistics) are copied."""
        # A short memory at first: otherwise the untrained weights would weigh for long.
        decay = min(self.now.ema, (1 + self.step) / (10 + self.step))
        averaged = list(self.averaged.parameters())
        torch._foreach_lerp_(averaged, self.parameters_g, 1.0 - decay)
        for mean, value in zip(self.averaged.buffers(), self.generator.buffers(), strict=True):
            mean.copy_(value)

    def _freeze(self) -> None:
        """From here on G stands still and a fresh D learns: Arjovsky & Bottou (2017), figure 2."""
        _, fresh = networks.build(self.now, self.data.dim, self.device, self.random["dropout"],
                                  self.now.seed + FRESH_SEED)
        self.discriminator.load_state_dict(fresh.state_dict())
        self.optimizer_d = _optimizer(
            self.now, self.discriminator, self.now.discriminator_learning_rate)

    def _frozen_round(self) -> Update:
        """Updates of D alone; then the gradient that G would get, under both forms of the loss."""
        self.generator.eval()
        for _ in range(self.now.discriminator_steps):
            with torch.no_grad():
                fake = self.generate(self.latents())
            found_d = self.update_discriminator(fake)
        logits = self.judge(self.seen(self.generate(self.latents())))
        loss = self.loss.generator(logits, self._paired_logits())
        # Both forms read a logit as log-odds, so it must be 0 where D is undecided.
        middle = self.loss.centre
        if middle is None:
            middle = torch.cat(found_d.logits).detach().mean()
        odds = logits - middle
        norms = [
            gradient_norm(torch.autograd.grad(each, self.parameters_g, retain_graph=True))
            for each in (loss, minimax(odds), non_saturating(odds))
        ]
        self.generator.train()
        return found_d + Update((loss, *norms), (logits,))


ROUNDS = {
    "discriminator_first": Game._discriminator_first,
    "generator_first": Game._generator_first,
    "simultaneous": Game._simultaneous,
}


def gradient_norm(gradients: Sequence[Tensor]) -> Tensor:
    """L2 norm over all gradients, () on their device; no synchronisation."""
    return nn.utils.get_total_norm(gradients)
