"""What a step of a config costs on one machine: the request, the price, and its file. Torch-free.

`benchmarks.price_measurement` measures, and the queue shares what it measured. A price is stored
as `<store>/costs/<name>.json`, one file for each request.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError
from gan_core.system import files

SIDE = 28  # pixels of MNIST's images
FOLDER = "costs"
NETWORKS = ("generator", "discriminator")
RATIOS = ("time", "flops", "memory")  # what is compared with the base


@dataclass(frozen=True)
class PriceRequest:
    """What a step of `config` costs: alone, or beside `base`, whose steps then alternate with its.

    `side` is that of the images that `config` is priced with, in pixels: other than 28, they are
    random ones. The base is priced with MNIST's. The config's `steps` does not matter.
    """

    config: RunConfig
    base: RunConfig | None = None
    side: int = SIDE

    @property
    def name(self) -> str:
        """Names the price's file: digests, and the side where it is not MNIST's."""
        parts = [self.config.digest(), *([self.base.digest()] if self.base else [])]
        return "-".join([*parts, *([f"{self.side}px"] if self.side != SIDE else [])])

    def to_dict(self) -> dict[str, Any]:
        """Plain values; of the configs, what differs from the default."""
        base = None if self.base is None else self.base.changes()
        return {"config": self.config.changes(), "base": base, "side": self.side}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> PriceRequest:
        """The inverse of `to_dict`. Raises ConfigError, KeyError, TypeError, ValueError."""
        base = content["base"]
        return cls(RunConfig.from_dict(content["config"]),
                   None if base is None else RunConfig.from_dict(base), int(content["side"]))


@dataclass(frozen=True)
class Price:
    """What was measured on `device`. Memory leaves the data set out; `ratios` are ÷ the base's, by
    RATIOS, and empty without a base."""

    request: PriceRequest
    device: str
    precision: str
    parameters: Mapping[str, int]  # by NETWORKS
    flops: int  # a step, of matrix products and convolutions
    step_ms: float
    memory: int  # bytes
    ratios: Mapping[str, float] = field(default_factory=dict)
    measured: float = field(default_factory=time.time)  # Unix time

    @property
    def images_per_second(self) -> float:
        """Real images that D is trained on."""
        config = self.request.config
        return 1e3 * config.batch_size * config.discriminator_steps / self.step_ms

    def to_dict(self) -> dict[str, Any]:
        return {**vars(self), "request": self.request.to_dict()}

    @classmethod
    def from_dict(cls, content: Any) -> Price:
        """The inverse of `to_dict`. Raises ValueError on anything else."""
        try:
            return cls(
                PriceRequest.from_dict(content["request"]), str(content["device"]),
                str(content["precision"]),
                {name: int(content["parameters"][name]) for name in NETWORKS},
                int(_positive(content["flops"])), _positive(content["step_ms"]),
                int(_positive(content["memory"])),
                {name: _positive(content["ratios"][name])
                 for name in RATIOS if content["request"]["base"] is not None},
                _positive(content["measured"]),
            )
        except (KeyError, TypeError, AttributeError, OverflowError, ConfigError) as error:
            raise ValueError(f"not a price: {error!r}") from None


def _positive(value: Any) -> float:
    number = float(value)
    if not 0 < number < math.inf:
        raise ValueError(f"not a price: {value!r} is not a positive number")
    return number


class PriceStore:
    """The prices in a store of runs; safe to use from several threads and processes."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.folder = Path(root).absolute() / FOLDER

    def path(self, request: PriceRequest) -> Path:
        return self.folder / f"{request.name}.json"

    def read(self, request: PriceRequest) -> Price | None:
        """None where there is none, or it cannot be read: then it is measured again."""
        try:
            return Price.from_dict(json.loads(self.path(request).read_text(encoding="utf-8")))
        except (OSError, ValueError, RecursionError):
            return None

    def write(self, price: Price) -> None:
        """Raises OSError where the store cannot be written."""
        self.folder.mkdir(parents=True, exist_ok=True)
        content = json.dumps(price.to_dict(), indent=1)
        files.write(self.path(price.request), content.encode())

    def remove(self, request: PriceRequest) -> None:
        with contextlib.suppress(OSError):
            self.path(request).unlink()
