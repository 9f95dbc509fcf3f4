"""Generators and discriminators. All take and give flat vectors; discriminators give logits.

`mlp` follows the experimental report: three linear layers each, ReLU and Tanh in G, LeakyReLU in
D. Its widths are ours (the report does not state them). `mlp_reference` is gan.py of
https://github.com/eriklindernoren/PyTorch-GAN (36d3c77), to the parameter, without the Sigmoid;
wgan.py and wgan_gp.py there have the same two networks. `dcgan_reference` is dcgan.py there.
`dcgan` follows Radford et al., "Unsupervised Representation Learning with DCGANs" (2016), made
small enough for a session on a CPU. `pacgan_2d` is that of Lin et al., "PacGAN" (2018).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from gan_core.config.run_config import RunConfig
from gan_core.training.layers import (
    ChannelsLast,
    Cropped,
    Dropout,
    KinkedLeakyReLU,
    Maxout,
    MinibatchStddev,
    OneChannelConv2d,
    OneChannelConvTranspose2d,
    Padded,
    UpsampledConv2d,
)

MakeDropout = Callable[..., nn.Module]
Pair = tuple[nn.Module, nn.Module]


def _hidden(sizes: list[int], activation: Callable[[int], list[nn.Module]]) -> list[nn.Module]:
    """Linear layers between consecutive sizes, each followed by `activation(its width)`."""
    layers: list[nn.Module] = []
    for width_in, width_out in pairwise(sizes):
        layers += [nn.Linear(width_in, width_out), *activation(width_out)]
    return layers


def _discriminator(sizes: list[int], dropout: MakeDropout, config: RunConfig) -> nn.Sequential:
    """LeakyReLU and dropout after each hidden layer; `sizes[0]` is one example's."""
    sizes = [sizes[0] * config.packing, *sizes[1:]]
    # With points the step is all overhead, of which a function in Python is more.
    twice = config.gradient_penalty > 0 and config.card.kind == "image"
    leaky = KinkedLeakyReLU if twice else nn.LeakyReLU

    def activation(width: int) -> list[nn.Module]:
        return [leaky(0.2), dropout()]

    if not config.minibatch_stddev:
        return nn.Sequential(*_hidden(sizes, activation), nn.Linear(sizes[-1], 1))
    # Before the last hidden layer, which can then weigh it against what else it sees.
    before, last = _hidden(sizes[:-1], activation), sizes[-1]
    return nn.Sequential(
        *before, MinibatchStddev(), nn.Linear(sizes[-2] + 1, last), *activation(last),
        nn.Linear(last, 1))


def mlp(config: RunConfig, dim: int, dropout: MakeDropout) -> Pair:
    """The report's pair for images, 128 units a layer for points (whose range Tanh would clip).

    More layers repeat the width next to the data; fewer leave out the one next to the latents.
    """

    def relu(width: int) -> list[nn.Module]:
        return [nn.ReLU()]

    points = config.card.kind == "points"
    far, near = (round(units * config.width) for units in ((128, 128) if points else (256, 512)))
    widths = [far, *[near] * (config.depth - 1)] if config.depth > 1 else [near]
    hidden = _hidden([config.latent_dim, *widths], relu)
    output = [nn.Linear(widths[-1], dim), *([] if points else [nn.Tanh()])]
    discriminator = _discriminator([dim, *reversed(widths)], dropout, config)
    return nn.Sequential(*hidden, *output), discriminator


def mlp_reference(config: RunConfig, dim: int, dropout: MakeDropout) -> Pair:
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
    return generator, _discriminator([dim, 512, 256], dropout, config)


def _images(channels: int, side: int) -> nn.Sequential:
    """Vectors as images, laid out as convolutions like it best."""
    return nn.Sequential(nn.Unflatten(1, (channels, side, side)), ChannelsLast())


def dcgan(config: RunConfig, dim: int, dropout: MakeDropout) -> Pair:
    """From 7×7 to 28×28 by two transposed convolutions and back by two strided ones.

    No normalisation in D, so that it may see reals and fakes together and be penalised. Images of
    another side, a multiple of 4, begin at a quarter of it.
    """
    wide, narrow = round(64 * config.width), round(32 * config.width)
    side = math.isqrt(dim)
    small = side // 4
    generator = nn.Sequential(
        nn.Linear(config.latent_dim, wide * small**2, bias=False),
        _images(wide, small),
        nn.BatchNorm2d(wide),
        nn.ReLU(inplace=True),
        nn.ConvTranspose2d(wide, narrow, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(narrow),
        nn.ReLU(inplace=True),
        OneChannelConvTranspose2d(narrow),
        nn.Tanh(),
        nn.Flatten(),
    ).apply(_normal_weights)  # before D draws: what D looks like must not change how G starts
    discriminator = nn.Sequential(
        _images(config.packing, side),
        nn.Conv2d(config.packing, narrow, 4, stride=2, padding=1),
        nn.LeakyReLU(0.2),
        dropout(),
        nn.Conv2d(narrow, wide, 4, stride=2, padding=1),
        nn.LeakyReLU(0.2),
        dropout(),
        nn.Flatten(),
        *([MinibatchStddev()] if config.minibatch_stddev else []),
        nn.Linear(wide * small**2 + config.minibatch_stddev, 1),
    )
    return generator, discriminator.apply(_normal_weights)


def dcgan_reference(config: RunConfig, dim: int, dropout: MakeDropout) -> Pair:
    """1 049 985 and 98 113 parameters at latent size 100.

    It works on 32×32 pixels. The reference enlarges MNIST to that size; here two pixels of
    background are added around, and taken off G's images, so that metrics see 28×28 like others'.
    Its dropout of 0.25, of whole channels, is the `dropout` of the config.
    """

    def upsampled(channels_in: int, channels_out: int) -> list[nn.Module]:
        # Identity stands where the reference enlarges: weights keep the names they have there.
        return [nn.Identity(), UpsampledConv2d(channels_in, channels_out),
                nn.BatchNorm2d(channels_out, eps=0.8), nn.LeakyReLU(0.2, inplace=True)]

    generator = nn.Sequential(
        nn.Linear(config.latent_dim, 128 * 8 * 8),
        _images(128, 8),
        nn.BatchNorm2d(128),
        *upsampled(128, 128),
        *upsampled(128, 64),
        OneChannelConv2d(64),
        nn.Tanh(),
        Cropped(),
    ).apply(_normal_weights)
    layers: list[nn.Module] = [Padded()]
    for channels_in, channels_out in pairwise([config.packing, 16, 32, 64, 128]):
        layers += [nn.Conv2d(channels_in, channels_out, 3, stride=2, padding=1),
                   nn.LeakyReLU(0.2), dropout(channels=True)]
        if channels_out > 16:
            layers.append(nn.BatchNorm2d(channels_out, eps=0.8))
    discriminator = nn.Sequential(*layers, nn.Flatten(), nn.Linear(128 * 2 * 2, 1))
    return generator, discriminator.apply(_normal_weights)


def pacgan_2d(config: RunConfig, dim: int, dropout: MakeDropout) -> Pair:
    """G: four hidden layers of 400, normalised. D: three maxout layers of 200 units in 5 pieces."""

    def normalised(width_in: int) -> list[nn.Module]:
        return [nn.Linear(width_in, 400, bias=False), nn.BatchNorm1d(400), nn.ReLU()]

    generator = nn.Sequential(
        *normalised(config.latent_dim), *normalised(400), *normalised(400), *normalised(400),
        nn.Linear(400, dim)).apply(_all_normal)
    layers: list[nn.Module] = []
    for width_in in (dim * config.packing, 200, 200):
        layers += [Maxout(width_in, 200, 5), dropout()]
    discriminator = nn.Sequential(*layers, nn.Linear(200, 1))
    return generator, discriminator.apply(_all_normal)


def _normal_weights(layer: nn.Module) -> None:
    """DCGAN's initialisation: N(0, 0.02) for convolutions, N(1, 0.02) for normalisation."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(layer.weight, 0.0, 0.02)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)


def _all_normal(layer: nn.Module) -> None:
    """PacGAN's initialisation: N(0, 0.02) for weights, 0 for biases."""
    if isinstance(layer, nn.Linear):
        nn.init.normal_(layer.weight, 0.0, 0.02)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


NETWORKS: dict[str, Callable[[RunConfig, int, MakeDropout], Pair]] = {
    "mlp": mlp,
    "mlp_reference": mlp_reference,
    "dcgan": dcgan,
    "dcgan_reference": dcgan_reference,
    "pacgan_2d": pacgan_2d,
}


def build(
    config: RunConfig, dim: int, device: torch.device, dropout_generator: torch.Generator,
    seed: int | None = None,
) -> Pair:
    """G and D on `device`, initialised from `seed` alone (the config's unless given).

    Weights are drawn on the CPU, so that every kind of device starts from the same ones. Linear
    layers start as PyTorch's default has it where a pair does not say otherwise.
    """

    def dropout(channels: bool = False) -> nn.Module:
        return Dropout(config.dropout, dropout_generator, channels)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed if seed is None else seed)
        generator, discriminator = NETWORKS[config.architecture](config, dim, dropout)
        if config.spectral_norm:
            discriminator.apply(_spectrally_normalised)
    return generator.to(device), discriminator.to(device)


def _spectrally_normalised(layer: nn.Module) -> None:
    """Miyato et al. (2018): weights ÷ their largest singular value, one power iteration a pass."""
    if isinstance(layer, nn.Linear | nn.Conv2d):
        spectral_norm(layer)


def packed(x: Tensor, packing: int) -> Tensor:
    """Examples (n, d) as inputs of a D that scores `packing` of them at once, (n/m, m · d).

    Dimensions before these two stay.
    """
    return x.reshape(*x.shape[:-2], -1, packing * x.shape[-1])
