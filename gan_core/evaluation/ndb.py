"""Number of statistically different bins: does G make every kind of picture as often as it occurs?

Richardson & Weiss, "On GANs and GMMs" (2018): k-means cuts the reals into bins, and each bin's
share of samples is tested against its share of reals.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

BINS = 100
ROUNDS = 20  # of Lloyd's algorithm: bins need be reasonable, not optimal
SIGNIFICANT = 1.959964  # |z| beyond which p < .05, two-sided


@dataclass(frozen=True)
class Bins:
    centres: Tensor  # (K, f)
    counts: Tensor  # (K,): reals of `total` in each bin
    total: int


def nearest_bin(features: Tensor, centres: Tensor) -> Tensor:
    """Which of `centres` (K, f) is nearest to each of `features` (n, f), one-hot (n, K)."""
    nearest = torch.cdist(features, centres).argmin(1)
    return torch.nn.functional.one_hot(nearest, len(centres)).to(features.dtype)


def k_means(features: Tensor, count: int = BINS, rounds: int = ROUNDS) -> Tensor:
    """Centres (K, f) of `features` (n, f) by Lloyd's algorithm, K = `count` or n if that is less.

    The same centres every time: the first ones are drawn with a seed of their own.
    """
    first = np.random.default_rng(0).permutation(len(features))[:count]
    centres = features[torch.from_numpy(first).to(features.device)]
    for _ in range(rounds):
        members = nearest_bin(features, centres)
        sizes = members.sum(0)[:, None]
        centres = torch.where(sizes > 0, members.T @ features / sizes.clamp(min=1), centres)
    return centres


def make_bins(features: Tensor) -> Bins:
    """Bins around reals (n, f), which are counted in them."""
    centres = k_means(features)
    return Bins(centres, nearest_bin(features, centres).sum(0), len(features))


def different_bins(bins: Bins, features: Tensor) -> float:
    """Share of `bins` whose share of samples (n, f) differs from that of reals, p < .05.

    The two-proportion z-test with pooled variance, as in Richardson & Weiss (2018).
    """
    counts, n = nearest_bin(features, bins.centres).sum(0), len(features)
    pooled = (counts + bins.counts) / (n + bins.total)
    error = (pooled * (1 - pooled) * (1 / n + 1 / bins.total)).sqrt()
    z = (counts / n - bins.counts / bins.total).abs() / error  # NaN in an empty bin: no difference
    return (z > SIGNIFICANT).float().mean().item()
