"""How well does the recogniser tell digits from what is none? Nothing is trained for this table."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gan_core.data.datasets import scaled, whole
from gan_core.evaluation import recogniser
from gan_core.evaluation.non_digits import (
    NON_DIGITS,
    Draw,
    blurred,
    noisy,
    soft,
    speckled,
)
from gan_core.verification.cells import Columns
from gan_core.verification.results import Results, Row

SEED, PICTURES, BLOCK = 2026, 5000, 100
REAL, OTHERS = 0.98, 0.02  # at least so many digits, at most so many of the others
NOT_ASKED = "patchwork of digits"  # of whose pieces some make a digit


def _averages(digits: int) -> Callable[[Tensor, Tensor, Draw], Tensor]:
    return lambda x, pool, draw: draw.rows(pool, len(x), digits).mean(1)


def _blurred_by(sigma: float) -> Callable[[Tensor, Tensor, Draw], Tensor]:
    return lambda x, pool, draw: blurred(x, sigma)


# Neither digits nor none: what people too would call either. Nothing is asked of these.
BETWEEN: dict[str, Callable[[Tensor, Tensor, Draw], Tensor]] = {
    "digits with noise, up to 0.35": lambda x, pool, draw: noisy(x, draw),
    "digits with up to 6 % wrong pixels": lambda x, pool, draw: speckled(x, draw),
    "digits blurred by up to one pixel": lambda x, pool, draw: soft(x, draw),
    **{f"digits blurred by {sigma:g} pixels": _blurred_by(sigma) for sigma in (1.5, 2.0)},
    "averages of two digits": _averages(2),
    "averages of three digits": _averages(3),
}


@torch.no_grad()
def rows(results: Results) -> list[Row]:
    """One row a kind of picture, all made from digits that nothing was trained on."""
    cpu = torch.device("cpu")
    model, digits, draw = recogniser.load(cpu), scaled(whole("mnist", cpu).held_out), Draw(SEED)
    real = torch.cat([model.recognises(part) for part in digits.split(1000)])
    kinds = {**NON_DIGITS, **BETWEEN}
    return [
        {"kind": "real test digits", "asked": "digit", "pictures": len(real),
         "recognised": real.float().mean().item()},
        *({"kind": name, "asked": "none" if name in NON_DIGITS and name != NOT_ASKED else "",
           "pictures": PICTURES, "recognised": _share(model, make, digits, draw)}
          for name, make in kinds.items()),
    ]


def _share(
    model: recogniser.Recogniser, make: Callable[[Tensor, Tensor, Draw], Tensor],
    digits: Tensor, draw: Draw,
) -> float:
    """Share recognised, over blocks that each draw their own strength."""
    blocks = [make(draw.rows(digits, BLOCK), draw.rows(digits, 1000), draw)
              for _ in range(PICTURES // BLOCK)]
    return torch.cat([model.recognises(block) for block in blocks]).float().mean().item()


COLUMNS: Columns = {
    "pictures": lambda row: row["kind"],
    "number": lambda row: str(row["pictures"]),
    "recognised as a digit": lambda row: f"{row['recognised']:.1%}",
    "asked for": lambda row: {"digit": "at least 98 %", "none": "at most 2 %", "": "–"}[
        row["asked"]],
}


def accepted(rows: list[Row]) -> bool:
    """At least 98 % of real digits, at most 2 % of each kind that is none."""
    return all(
        row["recognised"] >= REAL if row["asked"] == "digit" else
        row["recognised"] <= OTHERS if row["asked"] == "none" else True for row in rows)
