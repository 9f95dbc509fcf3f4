"""Layers that PyTorch does not have, or has slower."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, fold, pad

from gan_core.config.choices import STDDEV_GROUP


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


class _Kinked(torch.autograd.Function):
    """LeakyReLU whose derivative does not depend on its input, as far as autograd is to know."""

    @staticmethod
    def forward(ctx, x: Tensor, slope: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.slope = slope
        return nn.functional.leaky_relu(x, slope)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        return torch.ops.aten.leaky_relu_backward(gradient, x.detach(), ctx.slope, False), None


class KinkedLeakyReLU(nn.LeakyReLU):
    """LeakyReLU for a network that a gradient penalty differentiates twice.

    Its second derivative is zero wherever there is one, and PyTorch passes those zeros back through
    the network, a sixteenth of the products of such a step; here they end.
    """

    def forward(self, x: Tensor) -> Tensor:
        return _Kinked.apply(x, self.negative_slope)


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


def channels_last(x: Tensor) -> Tensor:
    """A copy of (n, c, h, w) with a pixel's channels side by side, as convolutions like it best.

    They pass the layout on, as do pointwise layers and BatchNorm2d. `Tensor.contiguous` would leave
    images of one channel as they are, whose strides do not tell the one layout from the other.
    """
    return torch.empty_like(x, memory_format=torch.channels_last).copy_(x)


class ChannelsLast(nn.Module):
    """The same numbers (n, c, h, w) in `channels_last` layout."""

    def forward(self, x: Tensor) -> Tensor:
        return channels_last(x)


# Row a says which rows of a 3×3 kernel meet the same pixel, once its image is twice as large.
_MEETING = torch.tensor([[0.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 1.0, 0.0], [1.0, 0.0, 0.0]])


class UpsampledConv2d(nn.Conv2d):
    """nn.Upsample(scale_factor=2) and a 3×3 convolution with padding 1: (n, c, 2h, 2w).

    Of the nine pixels under the kernel only four differ before the image was enlarged, so that
    their weights can be added up first: a transposed convolution of stride 2 whose kernel, 4×4, has
    sums of the weights, with 16 products a pixel instead of 36. Exact at the borders too.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(channels_in, channels_out, 3, padding=1)
        sums = torch.kron(_MEETING, _MEETING).t().contiguous()  # of rows and of columns: (9, 16)
        self.sums: Tensor
        self.register_buffer("sums", sums, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        kernel = (self.weight.flatten(2) @ self.sums).unflatten(2, (4, 4)).transpose(0, 1)
        assert self.bias is not None
        # A bias given along costs several times as much when its gradient is summed on a CPU.
        return conv_transpose2d(x, kernel, stride=2, padding=1).add_(self.bias[:, None, None])


def _to_one_channel(x: Tensor, kernel: Tensor, stride: int) -> Tensor:
    """A transposed convolution of (n, c, h, w) with `kernel` (c, k, k) and padding 1.

    A matrix product gives what each pixel adds to each place under the kernel, and `fold` adds it
    up: convolutions are made for many channels, and compute eight or more where one is asked for.
    """
    shares = conv2d(x, kernel.flatten(1).t()[:, :, None, None]).flatten(2)
    size = (stride * x.shape[2], stride * x.shape[3])
    return fold(shares, size, (kernel.shape[1], kernel.shape[2]), padding=1, stride=stride)


class OneChannelConv2d(nn.Conv2d):
    """A 3×3 convolution with padding 1 to a single channel: (n, 1, h, w)."""

    def __init__(self, channels_in: int) -> None:
        super().__init__(channels_in, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        # What a pixel gives to its left neighbour, that one takes from its right: hence the flip.
        if x.device.type != "cpu":
            return super().forward(x)
        assert self.bias is not None
        return _to_one_channel(x, self.weight[0].flip(1, 2), stride=1) + self.bias


class OneChannelConvTranspose2d(nn.ConvTranspose2d):
    """A 4×4 transposed convolution of stride 2 with padding 1 to one channel: (n, 1, 2h, 2w)."""

    def __init__(self, channels_in: int) -> None:
        super().__init__(channels_in, 1, 4, stride=2, padding=1)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        if x.device.type != "cpu" or output_size is not None:
            return super().forward(x, output_size)
        assert self.bias is not None
        return _to_one_channel(x, self.weight[:, 0], stride=2) + self.bias


class Padded(nn.Module):
    """Images (n, m · 784) as (n, m, 32, 32), with two pixels of background around each."""

    def forward(self, x: Tensor) -> Tensor:
        images = channels_last(x.reshape(len(x), -1, 28, 28))
        return pad(images, (2, 2, 2, 2), value=-1.0)


class Cropped(nn.Module):
    """Images (n, 1, 32, 32) as (n, 784), without the two pixels around."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, 0, 2:-2, 2:-2].reshape(len(x), 784)
