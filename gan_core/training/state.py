"""One match: a G against a D, with their optimisers, data and random numbers. What a run trains."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from gan_core.config.run_config import RunConfig
from gan_core.data import datasets
from gan_core.training import networks
from gan_core.training.augmentation import augment
from gan_core.training.devices import use_bfloat16
from gan_core.training.layers import Dropout
from gan_core.training.losses import LOSSES, minimax, non_saturating
from gan_core.training.optimizers import Optimizer, optimizer
from gan_core.training.penalties import PENALTIES
from gan_core.training.step import Game, Gradients, Update

FRESH_SEED = 2**31  # added to a run's seed, all below it, for the D that meets a frozen G


class Match(Game):
    """The game of one config on one device.

    `config` is that of the whole run, `now` the settings in force at this step.
    """

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
        self.optimizer_g = optimizer(
            config, self.generator.parameters(), config.generator_learning_rate)
        self.optimizer_d = self._optimizer_of_d()
        self.averaged = self._averaged_generator()
        self.parameters_g = list(self.generator.parameters())
        self.parameters_d = list(self.discriminator.parameters())
        self.bfloat16 = use_bfloat16(config, device)
        self.step = 0
        self.turning_points = {step for step, _ in config.stages[1:]}
        self._turn(config.at(0))

    def _load(self) -> datasets.Dataset:
        return datasets.load(self.config, self.device)

    def _optimizer_of_d(self) -> Optimizer:
        return optimizer(
            self.config, self.discriminator.parameters(), self.config.discriminator_learning_rate)

    def _turn(self, settings: RunConfig) -> None:
        """From here on `settings` are in force."""
        self.now = settings
        self.loss = LOSSES[settings.loss]
        self.penalties = [
            (getattr(settings, name), penalty)
            for name, penalty in PENALTIES.items() if getattr(settings, name) > 0
        ]
        self.optimizer_g.set_rate(settings.generator_learning_rate)
        self.optimizer_d.set_rate(settings.discriminator_learning_rate)
        for layer in self.discriminator.modules():
            if isinstance(layer, Dropout):
                layer.rate = settings.dropout

    def _round(self) -> Update:
        if self.step in self.turning_points:
            self._turn(self.config.at(self.step))
        if self.step == self.now.freeze_generator > 0:
            self._freeze()
        if self.step >= self.now.freeze_generator > 0:
            return self._frozen_round()
        return super()._round()

    # --- draws -----------------------------------------------------------------------------------

    def reals(self) -> Tensor:
        return self.data.batch(self.now.batch_size, self.random["batches"])

    def latents(self) -> Tensor:
        shape = (self.now.batch_size, self.now.latent_dim)
        return torch.randn(shape, generator=self.random["latents"], device=self.device)

    def normal(self, rows: int, columns: int) -> Tensor:
        return torch.randn(rows, columns, generator=self.random["noise"], device=self.device)

    def uniform(self, rows: int, columns: int) -> Tensor:
        return torch.rand(rows, columns, generator=self.random["noise"], device=self.device)

    def augment(self, x: Tensor) -> Tensor:
        return augment(x, self.random["noise"])

    # --- moves -----------------------------------------------------------------------------------

    def limited(self, gradients: Gradients) -> tuple[Gradients, Tensor]:
        norm = gradient_norm(gradients)
        if self.now.gradient_clip > 0:
            # The formula of torch.nn.utils.clip_grad_norm_.
            scale = (self.now.gradient_clip / (norm + 1e-6)).clamp(max=1.0)
            gradients = torch._foreach_mul(gradients, scale)
        return gradients, norm

    def move_generator(self, gradients: Gradients) -> None:
        self.optimizer_g.move(gradients)

    def move_discriminator(self, gradients: Gradients) -> None:
        self.optimizer_d.move(gradients)
        if self.now.weight_clip > 0:
            with torch.no_grad():
                for parameter in self.parameters_d:
                    parameter.clamp_(-self.now.weight_clip, self.now.weight_clip)

    # --- an average of G, and a G that stands still -----------------------------------------------

    def _averaged_generator(self) -> nn.Module | None:
        if self.config.ema == 0:
            return None
        return copy.deepcopy(self.generator).requires_grad_(False).eval()

    @torch.no_grad()
    def average(self, memory: float) -> None:
        averaged = list(self.averaged.parameters())
        torch._foreach_lerp_(averaged, self.parameters_g, 1.0 - memory)
        for mean, value in zip(self.averaged.buffers(), self.generator.buffers(), strict=True):
            mean.copy_(value)

    def _freeze(self) -> None:
        """From here on G stands still and a fresh D learns: Arjovsky & Bottou (2017), figure 2."""
        _, fresh = networks.build(self.now, self.data.dim, self.device, self.random["dropout"],
                                  self.now.seed + FRESH_SEED)
        self.discriminator.load_state_dict(fresh.state_dict())
        self.optimizer_d = self._optimizer_of_d()
        self.optimizer_d.set_rate(self.now.discriminator_learning_rate)

    def _frozen_round(self) -> Update:
        """Updates of D alone; then the gradient that G would get, under both forms of the loss."""
        self.generator.eval()
        for _ in range(self.now.discriminator_steps):
            found_d = self.update_discriminator(self._fakes(for_generator=False))
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


def gradient_norm(gradients: Gradients) -> Tensor:
    """L2 norm over all gradients, () on their device; no synchronisation."""
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
