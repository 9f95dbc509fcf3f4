"""Admission: how much a tab, a person, and all of them together may ask of the queue. Torch-free.

Two bounds keep places for whoever has none: of one person only so many runs wait, however many tabs
they open; and where many wait already, only those are taken on who have none in the queue.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

from gan_core.config.batching import MOST_RUNS
from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError
from gan_core.cost.memory import refuse_too_large
from gan_core.serving.jobs import Job
from gan_core.serving.run_words import wait_text
from gan_core.serving.scheduler import Scheduler
from gan_core.system.settings import Settings

MOST_OF_A_VIEWER = 4  # live runs, or batches of them, that one tab may have asked for
MOST_OF_A_PERSON = 8  # and all tabs of one person
MOST_ALIKE = 3 * MOST_RUNS  # runs in such batches: two of a study, and others beside them
MOST_PRICES = 8  # prices that are being measured for one person
MOST_BEFORE_NEWCOMERS = 100  # jobs that may wait where their people have others; then a first one
MOST_WAITING = 500  # jobs that may wait in all


class QueueFull(ValueError):
    """A run that is refused because too many are there already; the message says so, and when there
    is a place again where that is known."""


def refuse_unfit(config: RunConfig, settings: Settings) -> None:
    """Raises ConfigError on a run that this server does not train, as it is too long or too large.
    """
    if config.steps > settings.max_steps:
        raise ConfigError(
            "steps",
            f"steps must be a number from 1 to {settings.max_steps} on this server, "
            f"not {config.steps}.",
        )
    refuse_too_large(config, settings.memory, settings.workers)


def refuse_too_many(
    scheduler: Scheduler, viewer: str, groups: Sequence[Hashable], prices: bool = False,
    next_start: Callable[[], float | None] = lambda: None,
) -> None:
    """Raises QueueFull if the viewer or the queue may not have one more job in each of `groups`.

    `next_start()` is how many seconds it takes until a waiting job begins, None if that is not
    known.
    Runs and prices are counted apart: measuring must not keep a viewer from training. As many runs
    as can be trained together count as one. Watching somebody else's run counts nothing.
    """
    if not groups:
        return
    of_person = scheduler.asked_for_by_person(viewer)
    kind = [job for job in of_person if (job.request is not None) == prices]
    if prices:
        _refuse_beyond(MOST_PRICES, "prices", "", kind, groups)
    else:
        of_tab = [job for job in kind if viewer in job.viewers]
        _refuse_beyond(MOST_OF_A_VIEWER, "runs", "", of_tab, groups)
        _refuse_beyond(MOST_OF_A_PERSON, "runs", ", in all your tabs together", kind, groups)
    waiting = len(scheduler.waiting())
    if of_person and waiting + len(groups) > MOST_BEFORE_NEWCOMERS:
        raise QueueFull(
            f"{waiting} runs are waiting already, and further places are kept for people who have "
            "none in the queue; try again when one of yours has ended."
        )
    if waiting + len(groups) > MOST_WAITING:
        raise QueueFull(
            f"{waiting} runs are waiting for a worker already, and this server takes "
            f"{MOST_WAITING}: {_place(waiting, len(groups))}. {_when_free(next_start())}"
        )


def _when_free(seconds: float | None) -> str:
    """When there is a place again, as far as that is known."""
    if seconds is None:
        return "A place becomes free whenever a run ends."
    return f"The next place becomes free in {wait_text(seconds)}."


def _place(waiting: int, more: int) -> str:
    return f"yours would be number {waiting + 1}" if more == 1 else f"{more} more are too many"


def _refuse_beyond(
    most: int, what: str, where: str, jobs: Iterable[Job], groups: Sequence[Hashable]
) -> None:
    after = Counter(groups)
    after.update(job.group for job in jobs)
    if _batches(after) > most or after.total() > most * MOST_ALIKE // MOST_OF_A_VIEWER:
        raise QueueFull(
            f"You already have {most} {what} in training or in the queue{where}; stop one of them, "
            "or wait until one has finished."
        )


def _batches(runs: Mapping[Hashable, int]) -> int:
    """How many batches so many runs of each group make."""
    return sum(math.ceil(count / MOST_RUNS) for count in runs.values())
