"""What a suspected setting is, and how far outside the usual a value lies. Torch-free."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.causes import CAUSES
from gan_core.diagnosis.findings import Remedy


@dataclass(frozen=True)
class Suspect:
    """A setting, by the `knobs` that make it, and the cause of failure that it would be; in `words`
    where those of the cause are not close enough."""

    knobs: tuple[str, ...]
    cause: str
    excess: float
    remedy: Remedy
    words: str = ""

    @property
    def because(self) -> str:
        """What people are told of it."""
        return self.words or CAUSES[self.cause]


Find = Callable[[RunConfig], Suspect | None]


def decades(value: float, limit: float) -> float:
    """By how many factors of ten `value` is beyond `limit`; negative within it."""
    return math.log10(max(value, 1e-12) / limit)
