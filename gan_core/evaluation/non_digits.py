"""Pictures that are no digit, and digits as a generator draws them: what a recogniser learns from.

Everything is made from real images x (n, 784) in [−1, 1] and a `pool` of them, with random numbers
of its own. Each kind says what a failing generator draws: noise, blobs, one flat grey, a digit so
blurred that nothing is left of it, several digits at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

SIDE = 28
POOLED = 1000  # real images from which pieces and averages are put together


class Draw:
    """Random numbers from a stream of their own."""

    def __init__(self, seed: int) -> None:
        self.stream = torch.Generator().manual_seed(seed)

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * torch.rand((), generator=self.stream).item()

    def whole(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return int(torch.randint(low, high + 1, (), generator=self.stream))

    def uniform(self, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self.stream)

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.stream)

    def rows(self, x: Tensor, *shape: int) -> Tensor:
        """Rows of x (n, d), drawn with replacement, (*shape, d)."""
        return x[torch.randint(0, len(x), shape, generator=self.stream)]


Kind = Callable[[Tensor, Tensor, Draw], Tensor]


def blurred(x: Tensor, sigma: float) -> Tensor:
    """x (n, 784), blurred by a Gaussian of `sigma` pixels; beyond the edge it is black."""
    reach = math.ceil(3 * sigma)
    places = torch.arange(-reach, reach + 1, device=x.device)
    weights = torch.exp(-((places / sigma) ** 2) / 2)
    weights /= weights.sum()
    images = x.reshape(-1, 1, SIDE, SIDE)
    across = conv2d(pad(images, (reach, reach, 0, 0), value=-1.0), weights.view(1, 1, 1, -1))
    down = conv2d(pad(across, (0, 0, reach, reach), value=-1.0), weights.view(1, 1, -1, 1))
    return down.reshape(-1, SIDE * SIDE)


def recontrasted(x: Tensor, draw: Draw) -> Tensor:
    return (x * draw.between(0.5, 3.0) + draw.between(-0.5, 0.5)).clamp(-1, 1)


# --- no digits -----------------------------------------------------------------------------------


def uniform_noise(x: Tensor, pool: Tensor, draw: Draw) -> Tensor:
    return draw.uniform(*x.shape) * 2 - 1


def normal_noise(x: Tensor, pool: Tensor, draw: Draw) -> Tensor:
    noise = draw.normal(*x.shape) * draw.between(0.05, 1.5) + draw.between(-1, 1)
    return noise.clamp(-1, 1)


def speckles(x: Tensor, pool: Tensor, draw: Draw) -> Tensor:
    """White points on black."""
    return (draw.uniform(*x.shape) < draw.between(0.01, 0.6)).float() * 2 - 1


def flat(x: Tensor, pool: Tensor, draw: Draw) -> Tensor:
    """One shade of grey, black and white included, nearly without noise."""
    shade = torch.full_like(x, draw.between(-1, 1)) + draw.normal(*x.shape) * draw.between(0, 0.05)
    return shade.clamp(-1, 1)


def blobs(x: Tensor, pool: Tensor, draw: Draw) -> Tensor:
    """Smooth noise, as a network draws that has learned that neighbours are alike."""
    smooth = blurred(draw.normal(*x.shape), draw.between(0.7, 4.0))
    return (smooth * draw.between(2, 20) + draw.between(-2, 1)).tanh()


def blurs(x: Tensor, pool: Tensor, draw: Draw) -> Tensor:
    return recontrasted(blurred(x, draw.between(2.8, 6.0)), draw)


def averages(x: Tensor, pool: Tensor, draw: Draw) -> Tensor:
    """Three to twelve digits, averaged: what a generator draws that has seen no difference yet. Two
    may be of one class, and their average a digit."""
    return draw.rows(pool, len(x), draw.whole(3, 12)).mean(1)


def strong_averages(x: Tensor, pool: Tensor, draw: Draw) -> Tensor:
    return recontrasted(draw.rows(pool, len(x), draw.whole(3, 40)).mean(1), draw)


def overlays(x: Tensor, pool: Tensor, draw: Draw) -> Tensor:
    """Three or four digits on top of each other."""
    return draw.rows(pool, len(x), draw.whole(3, 4)).amax(1)


def patchwork(x: Tensor, pool: Tensor, draw: Draw) -> Tensor:
    """Each square of the picture from another digit."""
    side = (4, 7)[draw.whole(0, 1)]
    across = SIDE // side
    parts = draw.rows(pool, len(x), across**2).reshape(len(x), across**2, SIDE, SIDE)
    square = torch.arange(SIDE) // side
    chosen = (square[:, None] * across + square).expand(len(x), 1, SIDE, SIDE)
    return parts.gather(1, chosen).reshape(x.shape)


def smudges(x: Tensor, pool: Tensor, draw: Draw) -> Tensor:
    """Normal random numbers with the mean and the covariance of some digits, without their form."""
    some = pool[: draw.whole(20, 200)]
    mixed = draw.normal(len(x), len(some)) @ (some - some.mean(0)) / math.sqrt(len(some))
    return (some.mean(0) + mixed * draw.between(0.5, 1.3)).clamp(-1, 1)


def shuffled(x: Tensor, pool: Tensor, draw: Draw) -> Tensor:
    return x[:, torch.randperm(x.shape[1], generator=draw.stream)]


def inverted(x: Tensor, pool: Tensor, draw: Draw) -> Tensor:
    return -x


NON_DIGITS: dict[str, Kind] = {
    "uniform noise": uniform_noise,
    "normal noise": normal_noise,
    "speckles": speckles,
    "one shade of grey": flat,
    "smooth noise": blobs,
    "blurred digits": blurs,
    "averages of digits": averages,
    "averages, more contrast": strong_averages,
    "digits on top of each other": overlays,
    "patchwork of digits": patchwork,
    "smudges with the covariance of digits": smudges,
    "shuffled pixels": shuffled,
    "inverted digits": inverted,
}


def non_digits(x: Tensor, pool: Tensor, draw: Draw) -> Tensor:
    """As many pictures as x has, of all kinds alike."""
    parts = zip(NON_DIGITS.values(), x.tensor_split(len(NON_DIGITS)), strict=True)
    return torch.cat([make(part, pool, draw) for make, part in parts])


# --- digits as a generator draws them ------------------------------------------------------------


def soft(x: Tensor, draw: Draw) -> Tensor:
    return blurred(x, draw.between(0.4, 1.0))


def contrasty(x: Tensor, draw: Draw) -> Tensor:
    return (x * draw.between(0.7, 2.0) + draw.between(-0.2, 0.3)).clamp(-1, 1)


def thick(x: Tensor, draw: Draw) -> Tensor:
    """Strokes half a pixel to a pixel wider."""
    return (blurred(x, draw.between(0.6, 0.9)) * 2 + draw.between(0.2, 0.8)).clamp(-1, 1)


def grainy(x: Tensor, draw: Draw) -> Tensor:
    """Strokes of uneven grey: each pixel keeps a part of its brightness."""
    kept = 1 - draw.between(0, 0.9) * draw.uniform(*x.shape)
    return (x + 1) * kept - 1


def broken(x: Tensor, draw: Draw) -> Tensor:
    """Strokes with holes: some pixels are black."""
    return torch.where(draw.uniform(*x.shape) < draw.between(0, 0.25), -1.0, x)


def hazy(x: Tensor, draw: Draw) -> Tensor:
    """On a grey ground of noise."""
    haze = draw.uniform(*x.shape) * draw.between(0, 0.7) - 1
    return torch.maximum(x, haze)


def noisy(x: Tensor, draw: Draw) -> Tensor:
    return (x + draw.normal(*x.shape) * draw.between(0, 0.4)).clamp(-1, 1)


def speckled(x: Tensor, draw: Draw) -> Tensor:
    """With single wrong pixels, grey or white, which generators of linear layers leave everywhere:
    more often in some places than in others."""
    where = draw.uniform(1, x.shape[1]) ** 2 * 3
    wrong = draw.uniform(*x.shape) < draw.between(0, 0.1) * where
    white = draw.uniform(*x.shape) ** draw.between(0.1, 1.0) * 2 - 1
    return torch.where(wrong, white, x)


IMPERFECTIONS = (soft, thick, contrasty, grainy, broken, hazy, noisy, speckled)
IMPERFECT = 0.3  # share of batches that have each of them


def as_drawn(x: Tensor, draw: Draw) -> Tensor:
    """x, shifted by up to two pixels, with some of the imperfections of generated digits."""
    shift = [draw.whole(-2, 2), draw.whole(-2, 2)]
    x = x.reshape(-1, SIDE, SIDE).roll(shift, (1, 2)).reshape(x.shape)
    for imperfect in IMPERFECTIONS:
        if draw.between(0, 1) < IMPERFECT:
            x = imperfect(x, draw)
    return x
