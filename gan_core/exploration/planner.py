"""Which runs train together: those that differ in numbers alone, in batches of fit size.

Torch-free.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable

from gan_core.config.batching import MOST_RUNS, batch_key
from gan_core.config.run_config import RunConfig

Batch = tuple[RunConfig, ...]


def batches(configs: Iterable[RunConfig], most: int = MOST_RUNS) -> list[Batch]:
    """The runs in batches of at most `most`; which batch begins with the earlier run comes first.

    The batches of one kind are of equal size as far as that goes: of seventeen runs, the
    seventeenth would otherwise take as long as a third of all the others.
    """
    by_key: dict[Hashable, list[tuple[int, RunConfig]]] = {}
    for place, config in enumerate(configs):
        by_key.setdefault(batch_key(config) or config.digest(), []).append((place, config))
    made: list[tuple[int, Batch]] = []
    for members in by_key.values():
        size = math.ceil(len(members) / math.ceil(len(members) / most))
        for begin in range(0, len(members), size):
            part = members[begin : begin + size]
            made.append((part[0][0], tuple(config for _, config in part)))
    return [batch for _, batch in sorted(made, key=lambda pair: pair[0])]
