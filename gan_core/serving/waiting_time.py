"""Waiting time: when a waiting run's turn comes, as far as that is known. Torch-free.

It follows from how long the runs before it still take, and that from what steps of such runs took
on this server, or on the same device when the prices that ship were measured. Of runs of which
neither is known, nothing is said; nor of those whose turn comes after runs that made room for
others, which have turns of their own in between.
"""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Hashable, Mapping, Sequence

from gan_core.config.batching import MOST_RUNS, shape
from gan_core.config.run_config import RunConfig
from gan_core.cost import price_list
from gan_core.cost.prices import SIDE
from gan_core.runs.status import RunStatus
from gan_core.serving.jobs import Job
from gan_core.serving.scheduler import Clock, Scheduler
from gan_core.serving.time_slices import PATIENCE_SECONDS, SLICE_SECONDS

FRESH_SECONDS = 1.0  # an answer serves everybody who asks within this time
MOST_KINDS = 500  # of runs whose steps are remembered, the latest


class WaitingTimes:
    """When the turn of each waiting run comes. The queue's lock guards it, but for `recorded`.

    `max_seconds` is how long a run may train at a time.
    """

    def __init__(
        self, scheduler: Scheduler, workers: int, max_seconds: float,
        clock: Clock = time.monotonic,
    ) -> None:
        self._scheduler = scheduler
        self._workers, self._max_seconds, self._clock = workers, max_seconds, clock
        self._step_seconds: dict[Hashable, float] = {}  # by kind of run
        self._left: dict[str, float] = {}  # by run in training: the time at which it ends
        self._starts: dict[str, float] = {}  # by waiting job, where known: the time of its turn
        self._of: Sequence[Job] = ()  # the order that those are of
        self._computed = -math.inf
        self._device = ""

    # --- what is known of steps ------------------------------------------------------------------

    def observe(self, statuses: Mapping[str, RunStatus], device: str) -> None:
        """What is stored of runs in training, by digest, and on which device they train."""
        if device != self._device:
            self._device = device
            self._step_seconds = recorded(device)
        now, self._left = self._clock(), {}
        self._computed = -math.inf
        for name, status in statuses.items():
            job = self._scheduler.jobs.get(name)
            if job is None or job.worker is None or not status.live:
                continue
            job.reached = status.step
            together = len(self._scheduler.jobs_of(job.worker))
            if status.steps_per_second > 0:
                self._remember(_kind(job.config, together), 1 / status.steps_per_second)
            if (left := self._seconds([job], together)) is not None:
                self._left[name] = now + left

    def _remember(self, kind: Hashable, seconds: float) -> None:
        self._step_seconds.pop(kind, None)
        self._step_seconds[kind] = seconds
        while len(self._step_seconds) > MOST_KINDS:
            del self._step_seconds[next(iter(self._step_seconds))]

    def _seconds(self, jobs: Sequence[Job], together: int) -> float | None:
        """How long runs that are trained together take; None where that is not known."""
        longest = 0.0
        for job in jobs:
            step = None
            if job.request is None:
                step = self._step_seconds.get(_kind(job.config, together))
            if step is None:
                return None
            longest = max(longest, step * (job.config.steps - job.reached))
        return min(longest, self._max_seconds)

    # --- when whose turn comes -------------------------------------------------------------------

    def seconds(self, job: Job) -> float | None:
        """Until a waiting job's turn comes, as things stand; None where that is not known."""
        now, order = self._clock(), self._scheduler.waiting()
        if order is not self._of or now - self._computed >= FRESH_SECONDS:
            self._of, self._computed = order, now
            self._starts = self._all_starts(now)
        start = self._starts.get(job.name)
        return None if start is None else max(0.0, start - now)

    def soonest(self) -> float | None:
        """Seconds until any waiting job's turn comes; None where that is not known of any."""
        known = map(self.seconds, self._scheduler.waiting())
        return min((seconds for seconds in known if seconds is not None), default=None)

    def _all_starts(self, now: float) -> dict[str, float]:
        """Of the waiting jobs, as far as everything before them is known."""
        first = self._scheduler.first_waits()
        free, left = self._free(now, first), set(first)
        waiting, starts = list(self._of), dict[str, float]()
        while waiting and free is not None and (left or not first):
            batch = [job for job in waiting if job.group == waiting[0].group][:MOST_RUNS]
            alone = self._scheduler.trains_alone(batch)
            start = max(free) if alone else heapq.heappop(free)
            starts |= {job.name: start for job in batch}
            left -= self._scheduler.people_of(batch)
            seconds = self._seconds(batch, len(batch))
            if seconds is None:
                break
            if left:  # it makes room for them
                seconds = min(seconds, SLICE_SECONDS)
            if alone:
                free = [start + seconds] * self._workers
            else:
                heapq.heappush(free, start + seconds)
            taken = {job.name for job in batch}
            waiting = [job for job in waiting if job.name not in taken]
        return starts

    def _free(self, now: float, first: Mapping[str, float]) -> list[float] | None:
        """The times at which workers are free, as a heap; None where that is not known of one.

        A worker makes room for people who wait for their `first` run, since the times given.
        """
        patient = min(first.values(), default=math.inf) + PATIENCE_SECONDS
        ends: dict[int, float] = {}  # by worker
        for job in self._scheduler.jobs.values():
            if job.worker is None:
                continue
            if job.name not in self._left:
                return None
            worker = id(job.worker)
            room = max(now, patient, job.since + SLICE_SECONDS)
            ends[worker] = max(ends.get(worker, now), min(self._left[job.name], room))
        free = [*ends.values(), *[now] * max(0, self._workers - len(ends))]
        heapq.heapify(free)
        return free


def recorded(device: str) -> dict[Hashable, float]:
    """Seconds of a step by kind of run, from the prices that ship, where they are of `device`."""
    seconds: dict[Hashable, float] = {}
    for price in price_list.recorded().values():
        if price.device == device and price.request.side == SIDE:
            seconds.setdefault(_kind(price.request.config, 1), price.step_ms / 1e3)
    return seconds


def _kind(config: RunConfig, together: int) -> Hashable:
    """Runs of a kind take equally long for a step; `together` of them are trained as one batch."""
    return shape(config), together
