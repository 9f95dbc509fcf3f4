"""How many pictures of each kind the recogniser takes for digits: digits, what is none, and what
people too would call either. All are made from test digits, on which nothing was trained.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from gan_core.data.datasets import scaled, whole
from gan_core.evaluation import recogniser
from gan_core.evaluation.non_digits import (
    NON_DIGITS,
    POOLED,
    Draw,
    Kind,
    blurred,
    noisy,
    soft,
    speckled,
)

BLOCK = 100  # pictures that share one draw of how strong a distortion is


def _blurred_by(sigma: float) -> Kind:
    return lambda x, pool, draw: blurred(x, sigma)


def _averages(digits: int) -> Kind:
    return lambda x, pool, draw: draw.rows(pool, len(x), digits).mean(1)


BETWEEN: dict[str, Kind] = {
    "digits with noise": lambda x, pool, draw: noisy(x, draw),
    "digits with wrong pixels": lambda x, pool, draw: speckled(x, draw),
    "digits blurred by up to one pixel": lambda x, pool, draw: soft(x, draw),
    **{f"digits blurred by {sigma:g} pixels": _blurred_by(sigma) for sigma in (1.5, 2.0)},
    "averages of two digits": _averages(2),
    "averages of three digits": _averages(3),
}


@torch.no_grad()
def shares_recognised(pictures: int, seed: int) -> Iterator[tuple[str, int, float]]:
    """Of each kind: its name, how many pictures of it were made, and the share recognised."""
    cpu = torch.device("cpu")
    model, digits, draw = recogniser.load(cpu), scaled(whole("mnist", cpu).held_out), Draw(seed)
    real = torch.cat([model.recognises(part) for part in digits.split(1000)])
    yield "real test digits", len(real), real.float().mean().item()
    for name, make in {**NON_DIGITS, **BETWEEN}.items():
        yield name, pictures, _share(model, make, digits, draw, pictures // BLOCK)


def _share(
    model: recogniser.Recogniser, make: Kind, digits: Tensor, draw: Draw, blocks: int
) -> float:
    made = (make(draw.rows(digits, BLOCK), draw.rows(digits, POOLED), draw) for _ in range(blocks))
    return torch.cat([model.recognises(block) for block in made]).float().mean().item()
