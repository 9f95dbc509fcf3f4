"""Admission: how much one viewer, and all of them together, may ask of the queue. Torch-free."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence

from gan_core.config.batching import MOST_RUNS
from gan_core.serving.scheduler import Scheduler

MOST_OF_A_VIEWER = 4  # live runs, or batches of them, that one viewer may have asked for
MOST_ALIKE = 2 * MOST_RUNS  # runs in such batches
MOST_PRICES = 8  # prices that are being measured for one viewer
MOST_WAITING = 100  # jobs that may wait in all


class QueueFull(ValueError):
    """A run that is refused because too many are there already; the message is one sentence."""


def refuse_too_many(
    scheduler: Scheduler, viewer: str, groups: Sequence[Hashable], prices: bool = False
) -> None:
    """Raises QueueFull if the viewer or the queue may not have one more job in each of `groups`.

    Runs and prices are counted apart: measuring must not keep a viewer from training. As many runs
    as can be trained together count as one.
    """
    if not groups:
        return
    after = Counter(groups)
    after.update(job.group for job in scheduler.jobs.values()
                 if viewer in job.leases and (job.request is not None) == prices)
    most, what = (MOST_PRICES, "prices") if prices else (MOST_OF_A_VIEWER, "runs")
    if _batches(after) > most or after.total() > MOST_ALIKE:
        raise QueueFull(
            f"You already have {most} {what} in training or in the queue; stop one of them, or "
            "wait until one has finished."
        )
    waiting = len(scheduler.waiting())
    if waiting + len(groups) > MOST_WAITING:
        raise QueueFull(
            f"{waiting} runs are waiting for a worker already; try again in a few minutes."
        )


def _batches(runs: Mapping[Hashable, int]) -> int:
    """How many batches so many runs of each group make."""
    return sum(math.ceil(count / MOST_RUNS) for count in runs.values())
