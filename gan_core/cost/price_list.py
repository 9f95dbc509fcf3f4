"""What the page "Computational cost" prices: remedies, networks, and how cost grows. Torch-free.

`python -m gan_core prices` measures all of it into `data/prices.json`, which ships; what a visitor
has measured on the server's own machine takes its place.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gan_core.assets import ASSETS
from gan_core.config.choices import ARCHITECTURES
from gan_core.config.recipes import PLAIN, REMEDIES
from gan_core.config.run_config import RunConfig
from gan_core.cost.prices import SIDE, Price, PriceRequest

RECORDED = ASSETS / "prices.json"
IMAGE_NETWORKS = tuple(name for name, card in ARCHITECTURES.items() if "image" in card.kinds)
BATCHES = (16, 32, 64, 128, 256)


def network(architecture: str, batch_size: int = 64, precision: str = "auto") -> PriceRequest:
    """A plain GAN of these networks on MNIST."""
    return PriceRequest(RunConfig(
        architecture=architecture, batch_size=batch_size, precision=precision))


TABLE: tuple[PriceRequest, ...] = tuple(map(network, IMAGE_NETWORKS))

# Every remedy beside the plain GAN of the short session, at batch 64.
REMEDY_PRICES: dict[str, PriceRequest] = {
    name: PriceRequest(recipe.config, PLAIN)
    for name, recipe in REMEDIES.items() if recipe.config != PLAIN
}


@dataclass(frozen=True)
class Growth:
    """A size that is varied while all else stays: `requests` by size, each beside the size `at`."""

    label: str
    subject: str  # as in "doubling the …"
    networks: str
    requests: Mapping[float, PriceRequest]
    at: float  # the size that the app has by default

    def costs(self, prices: Mapping[float, Price], measure: str) -> dict[float, float]:
        """Each size's cost ÷ that of the size `at`; `measure` is one of RATIOS."""
        return {size: prices[size].ratios[measure] if size in prices else 1.0
                for size in sorted({*prices, self.at})}


_MLP, _DCGAN = RunConfig(), RunConfig(architecture="dcgan")
GROWTH: dict[str, Growth] = {
    "width": Growth(
        "Width", "width", "MLP of the report, batch 64",
        {width: PriceRequest(_MLP.replace(width=width), _MLP) for width in (0.25, 0.5, 2.0, 4.0)},
        1.0),
    "batch_size": Growth(
        "Batch size", "batch", "MLP of the report",
        {batch: PriceRequest(_MLP.replace(batch_size=batch), _MLP) for batch in (16, 32, 128, 256)},
        64),
    "side": Growth(  # the networks halve it twice: a multiple of 4
        "Side of the images (pixels)", "side", "light DCGAN, batch 64, random images",
        {side: PriceRequest(_DCGAN, _DCGAN, side) for side in (16, 56, 112)}, SIDE),
}

GROUPS: dict[str, tuple[PriceRequest, ...]] = {  # what `data/prices.json` holds
    "networks": TABLE,
    "remedies": tuple(REMEDY_PRICES.values()),
    **{name: tuple(growth.requests.values()) for name, growth in GROWTH.items()},
}


def requests(groups: Iterable[str] = tuple(GROUPS)) -> list[PriceRequest]:
    """Everything in these groups, each question once."""
    return list({each.name: each for group in groups for each in GROUPS[group]}.values())


# --- the recorded figures -------------------------------------------------------------------------


@functools.cache
def recorded(path: Path = RECORDED) -> dict[str, Price]:
    """The prices that ship, by the name of their request; none where the file cannot be read."""
    try:
        found = [Price.from_dict(each) for each in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, RecursionError):
        return {}
    return {price.request.name: price for price in found}


def to_json(prices: Sequence[Price]) -> str:
    """The file of recorded prices, one a line."""
    lines = ",\n".join(json.dumps(price.to_dict()) for price in prices)
    return f"[\n{lines}\n]\n"


def day(price: Price) -> str:
    """When a price was measured, as 2026-11-21."""
    return datetime.fromtimestamp(price.measured, UTC).date().isoformat()


# --- growth ---------------------------------------------------------------------------------------


def slope(sizes: Sequence[float], costs: Sequence[float]) -> tuple[float, float]:
    """Slope and height at size 1 (a logarithm) of the line of least squares through log cost
    against log size: cost = exp(height) · size^slope.

    Raises ValueError for fewer than two different sizes.
    """
    if len(set(sizes)) < 2:
        raise ValueError("a slope takes at least two different sizes")
    x, y = ([math.log(value) for value in values] for values in (sizes, costs))
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    rise = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    found = rise / sum((a - mean_x) ** 2 for a in x)
    return found, mean_y - found * mean_x
