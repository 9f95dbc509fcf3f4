"""What one run trains: two networks with their optimisers, its data, and its random streams.

Every random number comes from the run's own streams, so a trajectory depends on the config alone,
whatever else draws numbers in this process.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from gan_core.config.run_config import RunConfig
from gan_core.data import datasets
from gan_core.data.datasets import Dataset
from gan_core.training import networks
from gan_core.training.augmentation import augment
from gan_core.training.layers import Dropout
from gan_core.training.optimizers import (
    Optimizer,
    optimizer_of_discriminator,
    optimizer_of_generator,
)
from gan_core.training.step import Gradients, clip_scale, gradient_norm
from gan_core.training.step_settings import Number

STREAMS = ("batches", "latents", "noise", "dropout")
FRESH_SEED = 2**31  # added to a run's seed, all below it, for the D that meets a frozen G


class RunNetwork:
    """One network of one run, its optimiser, and the moving average of its weights, if any."""

    def __init__(
        self, network: nn.Module, optimizer: Optimizer, averaged: nn.Module | None = None
    ) -> None:
        self.network = network
        self.optimizer = optimizer
        self.averaged = averaged
        self.parameters: list[Tensor] = list(network.parameters())

    def __call__(self, x: Tensor) -> Tensor:
        return self.network(x)

    def train(self, mode: bool = True) -> None:
        self.network.train(mode)

    def clip_gradients(self, gradients: Gradients, limit: float) -> tuple[Gradients, Tensor]:
        """Gradients at most `limit` long, 0 meaning any length, and their L2 norm before."""
        norm = gradient_norm(gradients)
        if limit > 0:
            gradients = torch._foreach_mul(list(gradients), clip_scale(norm, limit))
        return gradients, norm

    def apply_gradients(self, gradients: Gradients) -> None:
        self.optimizer.apply_gradients(gradients)

    @torch.no_grad()
    def clip_weights(self, limit: Number) -> None:
        """Keep every weight within ± `limit`."""
        bound = float(limit)  # of one run a plain number, never on the device
        for parameter in self.parameters:
            parameter.clamp_(-bound, bound)

    @torch.no_grad()
    def update_average(self, decay: float) -> None:
        """Move the average towards the weights; buffers (BatchNorm's statistics) are copied."""
        assert self.averaged is not None, "the step averages only where the settings ask for it"
        torch._foreach_lerp_(list(self.averaged.parameters()), self.parameters, 1.0 - decay)
        for mean, value in zip(self.averaged.buffers(), self.network.buffers(), strict=True):
            mean.copy_(value)


class RunDraws:
    """Batches and noise of one run, each kind from a stream of its own."""

    def __init__(self, config: RunConfig, data: Dataset, device: torch.device) -> None:
        self.config, self.data, self.device = config, data, device
        self.streams = {
            name: torch.Generator(device).manual_seed(config.seed * len(STREAMS) + offset)
            for offset, name in enumerate(STREAMS)
        }

    def reals(self) -> Tensor:
        """A batch (n, d) of training examples."""
        return self.data.batch(self.config.batch_size, self.streams["batches"])

    def latents(self) -> Tensor:
        """z ~ N(0, 1), shape (batch size, latent dimensions)."""
        shape = (self.config.batch_size, self.config.latent_dim)
        return torch.randn(shape, generator=self.streams["latents"], device=self.device)

    def normal(self, rows: int, columns: int) -> Tensor:
        """Noise from N(0, 1)."""
        return torch.randn(rows, columns, generator=self.streams["noise"], device=self.device)

    def uniform(self, rows: int, columns: int) -> Tensor:
        """Noise from [0, 1)."""
        return torch.rand(rows, columns, generator=self.streams["noise"], device=self.device)

    def augment(self, x: Tensor) -> Tensor:
        """Images (n, d) as DiffAugment shows them."""
        return augment(x, self.streams["noise"])


class TrainingState:
    """Networks, optimisers, data and random streams of `config` on `device`.

    `data` takes the place of the config's own data set, for whoever measures what a step costs.
    """

    def __init__(
        self, config: RunConfig, device: torch.device, data: Dataset | None = None
    ) -> None:
        self.config, self.device = config, device
        self.data = datasets.load(config, device) if data is None else data
        self.draws = RunDraws(config, self.data, device)
        generator, discriminator = networks.build(
            config, self.data.dim, device, self.draws.streams["dropout"])
        self.generator = RunNetwork(
            generator, optimizer_of_generator(config, generator.parameters()),
            _average_of(generator) if config.ema > 0 else None)
        self.discriminator = RunNetwork(
            discriminator, optimizer_of_discriminator(config, discriminator.parameters()))

    def apply(self, settings: RunConfig) -> None:
        """Learning rates and dropout as in `settings` from here on."""
        self.generator.optimizer.set_learning_rate(settings.generator_learning_rate)
        self.discriminator.optimizer.set_learning_rate(settings.discriminator_learning_rate)
        for layer in self.discriminator.network.modules():
            if isinstance(layer, Dropout):
                layer.rate = settings.dropout

    def unstack(self) -> None:
        """Give every weight a memory of its own, in the usual order, as after a checkpoint: a layer
        whose weights lie in another order rounds its products in another way."""
        networks = self.generator.network, self.generator.averaged, self.discriminator.network
        for network in filter(None, networks):
            for parameter in network.parameters():
                parameter.data = parameter.data.clone(memory_format=torch.contiguous_format)

    def renew_discriminator(self, settings: RunConfig) -> None:
        """Start D afresh, for a G that stands still: Arjovsky & Bottou (2017), figure 2."""
        _, fresh = networks.build(settings, self.data.dim, self.device,
                                  self.draws.streams["dropout"], settings.seed + FRESH_SEED)
        self.discriminator.network.load_state_dict(fresh.state_dict())
        self.discriminator.optimizer = optimizer_of_discriminator(
            settings, self.discriminator.network.parameters())


def _average_of(network: nn.Module) -> nn.Module:
    return copy.deepcopy(network).requires_grad_(False).eval()
