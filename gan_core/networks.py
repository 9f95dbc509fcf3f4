"""Generators and discriminators. All take and give flat vectors; discriminators give logits.

`mlp` follows the experimental report: three linear layers each, ReLU and Tanh in G, LeakyReLU in
D. Its widths are ours (the report does not state them). `mlp_reference` is gan.py of
https://github.com/eriklindernoren/PyTorch-GAN (36d3c77), to the parameter, without the Sigmoid.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn

from gan_core.config import RunConfig


class Dropout(nn.Module):
    """Dropout whose masks come from the run's own generator, so that a run is reproducible and
    resumable whatever else draws random numbers in this process."""

    def __init__(self, rate: float, generator: torch.Generator) -> None:
        super().__init__()
        self.rate = rate
        self.generator = generator

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0.0:
            return x
        kept = torch.rand(x.shape, generator=self.generator, device=x.device) >= self.rate
        return x * kept / (1.0 - self.rate)


def _hidden(sizes: list[int], activation: Callable[[int], list[nn.Module]]) -> list[nn.Module]:
    """Linear layers between consecutive sizes, each followed by `activation(its width)`."""
    layers: list[nn.Module] = []
    for width_in, width_out in pairwise(sizes):
        layers += [nn.Linear(width_in, width_out), *activation(width_out)]
    return layers


def _discriminator(sizes: list[int], dropout: Callable[[], nn.Module]) -> nn.Sequential:
    hidden = _hidden(sizes, lambda _: [nn.LeakyReLU(0.2), dropout()])
    return nn.Sequential(*hidden, nn.Linear(sizes[-1], 1))


def mlp(
    config: RunConfig, dim: int, dropout: Callable[[], nn.Module]
) -> tuple[nn.Module, nn.Module]:
    """The report's pair for images, 128 units a layer for points (whose range Tanh would clip)."""
    relu = lambda _: [nn.ReLU()]  # noqa: E731
    if config.card.kind == "points":
        hidden = _hidden([config.latent_dim, 128, 128], relu)
        return nn.Sequential(*hidden, nn.Linear(128, dim)), _discriminator([dim, 128, 128], dropout)
    hidden = _hidden([config.latent_dim, 256, 512], relu)
    generator = nn.Sequential(*hidden, nn.Linear(512, dim), nn.Tanh())
    return generator, _discriminator([dim, 512, 256], dropout)


def mlp_reference(
    config: RunConfig, dim: int, dropout: Callable[[], nn.Module]
) -> tuple[nn.Module, nn.Module]:
    """1 510 032 and 533 505 parameters at latent size 100."""

    def normalised(width: int) -> list[nn.Module]:
        # The reference passes 0.8 where BatchNorm1d takes eps; kept, since its plots depend on it.
        return [nn.BatchNorm1d(width, eps=0.8), nn.LeakyReLU(0.2)]

    generator = nn.Sequential(
        nn.Linear(config.latent_dim, 128),
        nn.LeakyReLU(0.2),
        *_hidden([128, 256, 512, 1024], normalised),
        nn.Linear(1024, dim),
        nn.Tanh(),
    )
    return generator, _discriminator([dim, 512, 256], dropout)


NETWORKS = {"mlp": mlp, "mlp_reference": mlp_reference}


def build(
    config: RunConfig, dim: int, device: torch.device, dropout_generator: torch.Generator
) -> tuple[nn.Module, nn.Module]:
    """G and D on `device`, initialised from `config.seed` alone (PyTorch's default initialisation).

    Weights are drawn on the CPU, so that every kind of device starts from the same ones.
    """

    def dropout() -> nn.Module:
        return Dropout(config.dropout, dropout_generator)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        generator, discriminator = NETWORKS[config.architecture](config, dim, dropout)
    return generator.to(device), discriminator.to(device)
