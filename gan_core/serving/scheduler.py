"""The scheduler: jobs that viewers wait for, and whose turn it is. Torch-free.

Start-time fair queueing: P. Goyal, H. M. Vin, H. Cheng, SIGCOMM 1996; a viewer is a flow, a run one
unit of work.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gan_core.config.batching import MOST_RUNS, batch_key
from gan_core.config.run_config import RunConfig
from gan_core.cost.prices import PriceRequest
from gan_core.runs.status import RunStatus
from gan_core.serving.pool import Worker


@dataclass(eq=False)
class Job:
    """A run to be trained, or a price to be measured, for the viewers that hold a lease of it."""

    name: str  # the run's digest, or the request's name
    config: RunConfig  # its steps are the target
    number: int  # order of submission
    request: PriceRequest | None = None  # of a price; None for a run
    turns: dict[str, float] = field(default_factory=dict)  # viewer -> the turn it took for this job
    leases: dict[str, float] = field(default_factory=dict)  # viewer -> monotonic time of expiry
    worker: Worker | None = None  # None while it waits
    before: float = 0.0  # when the run's status was written that is not of this job
    resumed: bool = False  # a worker has ended it, and another one goes on with it
    stopped: float | None = None  # monotonic time of a stop its worker has not yet confirmed
    again: bool = False  # asked for once more after that stop

    @property
    def turn(self) -> float:
        """The lowest of its viewers' turns; the job with the lowest is served first."""
        return min(self.turns.values(), default=math.inf)

    @property
    def group(self) -> Hashable:
        """Equal for runs that can be trained together; any other job is a group of its own."""
        if self.request is not None:
            return self.name
        return batch_key(self.config) or self.name

    def ended_early(self, message: dict[str, Any]) -> bool:
        """Whether a worker reports the end of a run whose target has been raised meanwhile."""
        return (self.request is None and message["outcome"] == "finished"
                and message["step"] < self.config.steps)

    def status(self, stored: RunStatus) -> RunStatus:
        """The status of a run that a worker has, given what is stored of it."""
        steps = max(stored.steps, self.config.steps)
        # Its worker has written nothing yet. No later time is asked for: clocks may be set back.
        if stored.updated == self.before or (self.resumed and not stored.live):
            return waiting_status("starting", stored, steps)
        # Trained to a target that was raised meanwhile, or stopped and asked for again.
        goes_on = self.again or (stored.state == "finished" and stored.step < self.config.steps)
        state = "running" if goes_on and not stored.live else stored.state
        return dataclasses.replace(stored, state=state, steps=steps)


def waiting_status(state: str, stored: RunStatus, steps: int) -> RunStatus:
    """The status of a run that is queued or starting: why it ended before no longer matters."""
    return dataclasses.replace(stored, state=state, steps=steps, reason="", seconds_left=None)


def worker_message(jobs: Sequence[Job], max_seconds: float) -> dict[str, Any]:
    """The message to a worker: to measure one price, or to train runs together."""
    if jobs[0].request is not None:
        return {"price": jobs[0].name, "request": jobs[0].request.to_dict()}
    return {"runs": {job.name: job.config.steps for job in jobs}, "max_seconds": max_seconds}


class Turns:
    """Hands out turns: numbers, of which the lowest is served first.

    Each job takes its viewer's next turn, but no turn lies in the past. So a viewer with five jobs
    does not delay another one's first, and a row of newcomers does not delay anybody for ever.
    """

    def __init__(self) -> None:
        self._served = 0.0  # the latest turn that was served
        self._next: dict[str, float] = {}  # viewer -> turn of the next job, where in the future
        self._returned: dict[str, set[float]] = {}  # viewer -> turns before that which are free

    def take(self, viewer: str) -> float:
        """The viewer's next turn: the lowest that was given back, or a new one."""
        if returned := self._returned.get(viewer):
            turn = min(returned)
            returned.remove(turn)
            return turn
        turn = self._next.get(viewer, self._served)
        self._next[viewer] = turn + 1
        return turn

    def give_back(self, viewer: str, turn: float) -> None:
        """The viewer's job was not served after all."""
        if turn >= self._served:
            self._returned.setdefault(viewer, set()).add(turn)

    def serve(self, turn: float) -> None:
        """A job with this turn goes to a worker."""
        self._served = max(self._served, turn)
        self._next = {viewer: turn for viewer, turn in self._next.items() if turn > self._served}
        ahead = {viewer: {turn for turn in turns if turn > self._served}
                 for viewer, turns in self._returned.items()}
        self._returned = {viewer: turns for viewer, turns in ahead.items() if turns}


class Scheduler:
    """All jobs of a queue, and the order in which workers take them. The queue's lock guards it."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self._turns = Turns()
        self._submitted = 0

    def add(self, name: str, config: RunConfig, request: PriceRequest | None = None) -> Job:
        """A new job, which takes its turn when a viewer joins it."""
        self._submitted += 1
        job = self.jobs[name] = Job(name, config, self._submitted, request)
        return job

    def waiting(self) -> list[Job]:
        """Jobs without a worker, the next one first."""
        waiting = [job for job in self.jobs.values() if job.worker is None]
        return sorted(waiting, key=lambda job: (job.turn, job.number))

    def queue_position(self, job: Job) -> int:
        """Of a waiting job; the next one is at 1."""
        return self.waiting().index(job) + 1

    def jobs_of(self, worker: Worker) -> list[Job]:
        return [job for job in self.jobs.values() if job.worker is worker]

    def join(self, job: Job, viewer: str) -> None:
        """The viewer waits for this job as well, at a turn of its own; the lowest one counts."""
        if job.worker is not None or viewer in job.turns:
            return
        turns_of_batch = [other.turns[viewer] for other in self.waiting()
                          if viewer in other.turns and other.group == job.group]
        # Runs that are trained together take one turn; the next batch takes another.
        batch_is_full = len(turns_of_batch) % MOST_RUNS == 0
        job.turns[viewer] = self._turns.take(viewer) if batch_is_full else max(turns_of_batch)

    def leave(self, job: Job, viewer: str) -> None:
        """The viewer no longer waits for this job: its lease ends, and its turn is free, unless
        another job of its batch waits for that."""
        job.leases.pop(viewer, None)
        if job.worker is not None:
            return  # it has been served
        turn = job.turns.pop(viewer, None)
        shared = any(other.turns.get(viewer) == turn for other in self.waiting())
        if turn is not None and not shared:
            self._turns.give_back(viewer, turn)

    def assign(self, worker: Worker, free_workers: int) -> list[Job]:
        """Give `worker` its next jobs, of those that wait for `free_workers` workers in all."""
        jobs = _next_batch(self.waiting(), free_workers)
        self._turns.serve(jobs[0].turn)  # the others go along with it
        for job in jobs:
            job.worker, job.stopped, job.again = worker, None, False
        return jobs


def _next_batch(waiting: Sequence[Job], workers: int) -> list[Job]:
    """Those of the waiting jobs, in their order, that the first of `workers` free workers takes.

    Runs that can be trained together are spread evenly over the workers, each of which has a core.
    """
    alike = [job for job in waiting if job.group == waiting[0].group]
    return alike[: min(math.ceil(len(alike) / workers), MOST_RUNS)]
