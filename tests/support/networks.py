"""Small sets of networks that tests build, and what they count in them."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from gan_core.config.choices import ARCHITECTURES, DATASETS
from gan_core.config.run_config import RunConfig
from gan_core.training.networks import build

PAIRS = [(architecture, dataset) for architecture, card in ARCHITECTURES.items()
         for dataset in DATASETS if DATASETS[dataset].kind in card.kinds]
FIRST = dict(reversed(PAIRS))  # a data set for each architecture
# Options of D that every architecture, or those which say so, must work with.
OPTIONS = [
    (architecture, options) for architecture, card in ARCHITECTURES.items()
    for options in ({}, {"packing": 2}, {"minibatch_stddev": True},
                    {"packing": 2, "minibatch_stddev": True})
    if "minibatch_stddev" in card.resizable or "minibatch_stddev" not in options
]


def dim_of(dataset: str) -> int:
    return 784 if DATASETS[dataset].kind == "image" else 2


def made(cpu, seed: int = 0, stream: int = 0, **settings):
    """G and D, of a data set that fits unless one is named."""
    settings.setdefault("dataset", FIRST[settings.get("architecture", "mlp")])
    config = RunConfig(seed=seed, **settings)
    return build(config, dim_of(config.dataset), cpu, torch.Generator().manual_seed(stream))


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def parameter_count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def by_layer(network: nn.Module) -> list[int]:
    """Parameters of each layer that has its own."""
    counts = (sum(p.numel() for p in layer.parameters(recurse=False))
              for layer in network.modules())
    return [count for count in counts if count]


def linear(*sizes: int) -> int:
    """Parameters of linear layers between consecutive sizes: weights and biases."""
    return sum((width + 1) * out for width, out in pairwise(sizes))


def conv(channels_in: int, channels_out: int, side: int) -> int:
    return channels_out * (channels_in * side**2 + 1)
