"""Jobs and their order: what viewers wait for, and whose turn it is. Torch-free."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gan_core.config.batching import batch_key
from gan_core.config.run_config import RunConfig
from gan_core.cost.prices import PriceRequest
from gan_core.serving.pool import Worker


@dataclass(eq=False)
class Job:
    """A run that somebody wants trained, or a price that somebody wants measured."""

    name: str  # the run's digest, or the request's name
    config: RunConfig  # its steps are the target
    number: int  # order of submission
    request: PriceRequest | None = None  # of a price; None for a run
    turn: float = math.inf  # of its most deserving viewer; the lowest turn is served first
    leases: dict[str, float] = field(default_factory=dict)  # viewer -> monotonic time of expiry
    worker: Worker | None = None  # None while it waits
    assigned: float = 0.0  # Unix time
    stopped: float | None = None  # monotonic time of a stop its worker has not yet confirmed
    again: bool = False  # asked for once more after that stop

    @property
    def group(self) -> Hashable:
        """Equal for jobs that may be trained together, and any other job's own."""
        return (self.request is None and batch_key(self.config)) or self.name


def order(jobs: Sequence[Job], max_seconds: float) -> dict[str, Any]:
    """What a worker is told to do: one price, or runs to be trained together."""
    if jobs[0].request is not None:
        return {"price": jobs[0].name, "request": jobs[0].request.to_dict()}
    return {"runs": {job.name: job.config.steps for job in jobs}, "max_seconds": max_seconds}


class Turns:
    """Hands out turns, numbers of which the lowest is served first.

    Each job takes its viewer's next turn, but nobody's turn lies in the past: so a viewer with five
    jobs does not hold up another one's first, nor does a row of newcomers starve anybody.
    """

    def __init__(self) -> None:
        self._served = 0.0  # the latest turn that was served
        self._next: dict[str, float] = {}  # viewer -> turn of the next job, where in the future

    def take(self, viewer: str) -> float:
        turn = self._next.get(viewer, self._served)
        self._next[viewer] = turn + 1
        return turn

    def give_back(self, viewer: str, turn: float) -> None:
        """The viewer's job was not served after all."""
        if viewer in self._next:
            self._next[viewer] = max(self._served, min(self._next[viewer], turn))

    def serve(self, turn: float) -> None:
        self._served = max(self._served, turn)
        self._next = {viewer: turn for viewer, turn in self._next.items() if turn > self._served}
