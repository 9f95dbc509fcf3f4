"""What the page "Computational cost" prices: remedies, networks, and how cost grows. Torch-free.

`python -m gan_core prices` measures all of it into `assets/prices.json`, which ships; what a
visitor measures on the server's own machine takes its place.
"""

from __future__ import annotations

import functools
import json
import math
import statistics
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


NETWORK_PRICES: tuple[PriceRequest, ...] = tuple(map(network, IMAGE_NETWORKS))

# Every remedy beside the plain GAN of the short session, at batch 64.
REMEDY_PRICES: dict[str, PriceRequest] = {
    name: PriceRequest(recipe.config, PLAIN)
    for name, recipe in REMEDIES.items() if recipe.config != PLAIN
}


@dataclass(frozen=True)
class Growth:
    """A size that is varied while all else stays: `requests` by size, each beside the size
    `default`, which the app has where nobody changes it."""

    label: str
    subject: str  # as in "doubling the …"
    networks: str
    requests: Mapping[float, PriceRequest]
    default: float

    def costs(self, prices: Mapping[float, Price], ratio: str) -> dict[float, float]:
        """Each size's cost ÷ that of the default size; `ratio` is one of RATIOS."""
        return {size: prices[size].ratios[ratio] if size in prices else 1.0
                for size in sorted({*prices, self.default})}


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

GROUPS: dict[str, tuple[PriceRequest, ...]] = {  # what `assets/prices.json` holds
    "networks": NETWORK_PRICES,
    "remedies": tuple(REMEDY_PRICES.values()),
    **{name: tuple(growth.requests.values()) for name, growth in GROWTH.items()},
}


def requests(groups: Iterable[str] = tuple(GROUPS)) -> list[PriceRequest]:
    """Everything in these groups, each request once."""
    return list({
        request.name: request for group in groups for request in GROUPS[group]}.values())


# --- the recorded figures -------------------------------------------------------------------------


@functools.cache
def recorded(path: Path = RECORDED) -> dict[str, Price]:
    """The prices that ship, by the name of their request; none where the file cannot be read."""
    try:
        prices = [Price.from_dict(price) for price in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, RecursionError):
        return {}
    return {price.request.name: price for price in prices}


def to_json(prices: Sequence[Price]) -> str:
    """The file of recorded prices, one a line."""
    lines = ",\n".join(json.dumps(price.to_dict()) for price in prices)
    return f"[\n{lines}\n]\n"


def day(price: Price) -> str:
    """When a price was measured, as 2026-11-21."""
    return datetime.fromtimestamp(price.measured, UTC).date().isoformat()


# --- growth ---------------------------------------------------------------------------------------


def power_law(sizes: Sequence[float], costs: Sequence[float]) -> tuple[float, float]:
    """The power law that fits the costs best, cost = exp(height) · size^slope: slope and height
    (a logarithm) of the least-squares line through log cost against log size.

    Raises ValueError for fewer than two different sizes.
    """
    if len(set(sizes)) < 2:
        raise ValueError("a slope takes at least two different sizes")
    slope, height = statistics.linear_regression(
        [math.log(size) for size in sizes], [math.log(cost) for cost in costs])
    return slope, height
