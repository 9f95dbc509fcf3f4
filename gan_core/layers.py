"""Layers of discriminators that PyTorch does not have."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gan_core.catalogue import STDDEV_GROUP


class Dropout(nn.Module):
    """Dropout whose masks come from the run's own generator, so that a run is reproducible and
    resumable whatever else draws random numbers in this process. `channels` drops whole channels
    of (n, c, h, w)."""

    def __init__(self, rate: float, generator: torch.Generator, channels: bool = False) -> None:
        super().__init__()
        self.rate = rate
        self.generator = generator
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0.0:
            return x
        shape = (*x.shape[:2], 1, 1) if self.channels else x.shape
        kept = torch.rand(shape, generator=self.generator, device=x.device) >= self.rate
        return x * kept / (1.0 - self.rate)


class MinibatchStddev(nn.Module):
    """Appends to (…, n, f) how much each group of four examples differs: (…, n, f + 1).

    Karras et al., "Progressive Growing of GANs" (2018): the standard deviation of each feature
    over the group, averaged over features. Groups are consecutive, so that reals and fakes which
    pass together are never in one group; n must be a multiple of the group.
    """

    def forward(self, x: Tensor) -> Tensor:
        # In 32 bits: bfloat16 rounds nearly equal examples, the case it is for, to equal ones.
        groups = x.float().unflatten(-2, (-1, STDDEV_GROUP))
        # The small constant keeps the derivative finite where all examples are equal.
        spread = (groups.var(-2, unbiased=False) + 1e-8).sqrt().mean(-1)
        spread = spread.repeat_interleave(STDDEV_GROUP, -1)[..., None].to(x.dtype)
        return torch.cat([x, spread], -1)


class Maxout(nn.Module):
    """The largest of `pieces` linear maps for each unit: Goodfellow et al. (2013)."""

    def __init__(self, width_in: int, units: int, pieces: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width_in, units * pieces)
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        return self.largest(self.linear(x))

    def largest(self, pieces: Tensor) -> Tensor:
        """(…, units) from (…, units · pieces)."""
        return pieces.unflatten(-1, (-1, self.pieces)).amax(-1)


class Padded(nn.Module):
    """Images (n, m · 784) as (n, m, 32, 32), with two pixels of background around each."""

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.pad(x.reshape(len(x), -1, 28, 28), (2, 2, 2, 2), value=-1.0)


class Cropped(nn.Module):
    """Images (n, 1, 32, 32) as (n, 784), without the two pixels around."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, 0, 2:-2, 2:-2].reshape(len(x), 784)
