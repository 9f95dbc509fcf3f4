"""The scheduler: jobs that viewers wait for, whose turn it is, and what fits into memory.

Turns go round from person to person, and within a person from tab to tab. A run that would not fit
into memory beside those in training waits until it does, alone if need be; smaller ones overtake it
until its turn has come for good. Torch-free.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

from gan_core.config.batching import MOST_RUNS
from gan_core.config.run_config import RunConfig
from gan_core.cost.memory import IDLE_BYTES, ORDINARY_BYTES, peak_memory
from gan_core.cost.prices import PriceRequest
from gan_core.serving.jobs import Job
from gan_core.serving.people import People
from gan_core.serving.pool import Worker
from gan_core.serving.time_slices import first_waits, impatient, yielding
from gan_core.serving.turns import Turns

AT_ONCE = -math.inf  # the turn of a run that a worker is to go on with
MOST_OVERTAKING = 50  # waiting jobs behind one that does not fit that are looked at

Clock = Callable[[], float]


class _Claim(NamedTuple):
    """What makes it a waiting job's turn: a person's, and within that a tab's."""

    turn: float
    person: str
    turn_of_tab: float
    viewer: str


class Scheduler:
    """All jobs of a queue, and the order in which workers take them. The queue's lock guards it.

    `memory` is in bytes, for all `workers` together.
    """

    def __init__(
        self, people: People, workers: int = 1, memory: float = math.inf,
        clock: Clock = time.monotonic,
    ) -> None:
        self.jobs: dict[str, Job] = {}
        self._clock = clock
        self._people = people
        self._workers, self._memory = workers, memory
        self._turns = Turns()
        self._turns_of_tabs: defaultdict[str, Turns] = defaultdict(Turns)  # by person
        self._added = 0
        self._asked = 0  # how often a viewer has asked for a job
        self._order: list[Job] | None = None  # of those that wait; None when that has changed
        self._claims: dict[str, list[_Claim]] = {}  # by job, of those in that order

    # --- jobs come and go ------------------------------------------------------------------------

    def add(self, name: str, config: RunConfig, request: PriceRequest | None = None) -> Job:
        """A new job, which nobody waits for before a viewer joins it."""
        self._added += 1
        job = self.jobs[name] = Job(name, config, self._added, request, since=self._clock())
        self._order = None
        return job

    def join(self, job: Job, viewer: str) -> None:
        """The viewer asks for this job as well: whoever waits least decides when it is served."""
        if viewer in job.viewers:
            return
        person = self._people.person(viewer)
        if job.worker is None:
            waiting = {other for each in self.waiting() for other in each.viewers}
            if viewer not in waiting:
                self._turns_of_tabs[person].begin_to_wait(viewer)
            if all(self._people.person(other) != person for other in waiting):
                self._turns.begin_to_wait(person)
        self._asked += 1
        job.viewers[viewer] = self._asked
        self._order = None

    def leave(self, job: Job, viewer: str) -> None:
        """The viewer no longer asks for this job, and its lease ends."""
        job.leases.pop(viewer, None)
        if viewer in job.viewers:
            del job.viewers[viewer]
            self._order = None
            if not job.viewers:  # whoever has only watched it until now waits for it
                for other in job.leases:
                    self.join(job, other)

    def wait_again(self, job: Job, goes_on: bool) -> None:
        """A job that a worker has given back; it is served at once if it `goes_on`."""
        viewers, job.viewers = job.viewers, {}
        job.worker, job.goes_on, self._order = None, goes_on, None
        job.since = self._clock()
        for viewer, asked in viewers.items():
            self.join(job, viewer)
            job.viewers[viewer] = asked  # before what they have asked for later

    def remove(self, job: Job) -> None:
        """The job has ended."""
        del self.jobs[job.name]
        self._order = None

    # --- whose turn it is ------------------------------------------------------------------------

    def waiting(self) -> list[Job]:
        """Jobs without a worker, the next one first."""
        if self._order is None:
            self._claims = self._all_claims()
            self._order = sorted(
                (job for job in self.jobs.values() if job.worker is None),
                key=lambda job: (self._turn(job), job.since, job.number))
        return self._order

    def queue_position(self, job: Job) -> int:
        """Of a waiting job; the next one is at 1."""
        return self.waiting().index(job) + 1

    def jobs_of(self, worker: Worker) -> list[Job]:
        return [job for job in self.jobs.values() if job.worker is worker]

    def _turn(self, job: Job) -> float:
        if job.goes_on:
            return AT_ONCE
        return min((claim.turn for claim in self._claims.get(job.name, ())), default=math.inf)

    def _all_claims(self) -> dict[str, list[_Claim]]:
        """What each waiting job has, of the people who wait for it."""
        units: defaultdict[str, dict[str, list[list[Job]]]] = defaultdict(dict)
        for viewer, batches in self._units().items():
            units[self._people.person(viewer)][viewer] = batches
        claims: defaultdict[str, list[_Claim]] = defaultdict(list)
        for person, of_tabs in units.items():
            tabs = self._turns_of_tabs[person]
            in_turn = sorted(
                (tabs.next(viewer) + place, unit[0].viewers[viewer], viewer, unit)
                for viewer, batches in of_tabs.items()
                for place, unit in enumerate(batches))
            for place, (turn_of_tab, _, viewer, unit) in enumerate(in_turn):
                claim = _Claim(self._turns.next(person) + place, person, turn_of_tab, viewer)
                for job in unit:
                    claims[job.name].append(claim)
        return claims

    def _units(self) -> dict[str, list[list[Job]]]:
        """By viewer, what they wait for, in order: runs that are trained together take one turn."""
        wishes = sorted(
            (asked, viewer, job) for job in self.jobs.values()
            if job.worker is None and not job.goes_on for viewer, asked in job.viewers.items())
        units: defaultdict[str, list[list[Job]]] = defaultdict(list)
        open_units: dict[tuple[str, Hashable], list[Job]] = {}
        for _, viewer, job in wishes:
            unit = open_units.get((viewer, job.group))
            if unit is None or len(unit) == MOST_RUNS:
                units[viewer].append(unit := [])
                open_units[viewer, job.group] = unit
            unit.append(job)
        return units

    def asked_for_by_person(self, viewer: str) -> list[Job]:
        """What the person of this viewer has asked for, in any tab."""
        person = self._people.person(viewer)
        return [job for job in self.jobs.values()
                if any(self._people.person(other) == person for other in job.viewers)]

    # --- what a worker takes ---------------------------------------------------------------------

    def next_jobs(self, free_workers: int) -> list[Job]:
        """What the first of `free_workers` workers takes next, runs that are trained together;
        empty where nothing waits, or nothing that may be trained fits into memory now."""
        jobs = self._next_batch(self.waiting(), free_workers)
        return jobs if self._fits(jobs) else self._overtaking(jobs, free_workers)

    def _overtaking(self, large: Sequence[Job], free_workers: int) -> list[Job]:
        """What fits now, behind runs whose turn it is and that do not.

        Only while whoever waits for those is patient: small runs, which always fit, would keep a
        large one waiting for ever.
        """
        if self._impatient() & self.people_of(large):
            return []
        behind = [job for job in self.waiting() if job not in large][:MOST_OVERTAKING]
        while behind:
            jobs = self._next_batch(behind, free_workers)
            if self._fits(jobs):
                return jobs
            behind = [job for job in behind if job.group != jobs[0].group]
        return []

    def _impatient(self) -> set[str]:
        return impatient(self.jobs.values(), self._people, self._clock())

    def first_waits(self) -> dict[str, float]:
        """Since when the people wait of whom nothing is in training."""
        return first_waits(self.jobs.values(), self._people)

    def people_of(self, jobs: Sequence[Job]) -> set[str]:
        return {self._people.person(viewer) for job in jobs for viewer in job.viewers}

    def yielding(self) -> list[Job]:
        """What one worker trains that is to make room for others now; empty for nothing."""
        return yielding(self.jobs.values(), self._people, self._clock())

    def assign(self, jobs: Sequence[Job], worker: Worker) -> None:
        """Give `worker` these jobs; whoever's turn it was has used it up."""
        turn = self._turn(jobs[0])
        claims = {claim for job in jobs for claim in self._claims.get(job.name, ())
                  if claim.turn == turn}  # others go along with it
        for claim in claims:
            self._turns.serve(claim.person, claim.turn)
            self._turns_of_tabs[claim.person].serve(claim.viewer, claim.turn_of_tab)
        for job in jobs:
            job.worker, job.stopped, job.again, job.goes_on = worker, None, False, False
            job.yields, job.since = False, self._clock()
        self._order = None
        self._forget_turns()

    def _forget_turns(self) -> None:
        waiting = {viewer for job in self.waiting() for viewer in job.viewers}
        people = {self._people.person(viewer) for viewer in waiting}
        self._turns.forget(people)
        for person in [person for person in self._turns_of_tabs if person not in people]:
            del self._turns_of_tabs[person]

    def _next_batch(self, waiting: Sequence[Job], workers: int) -> list[Job]:
        """Those of the waiting jobs, in order, that the first of `workers` free workers takes.

        Runs that can be trained together are spread evenly over the workers, each of which has a
        core; no more of them are taken than fit into memory by themselves.
        """
        alike = [job for job in waiting if job.group == waiting[0].group]
        jobs = alike[: min(math.ceil(len(alike) / workers), MOST_RUNS)]
        while len(jobs) > 1 and _bytes(jobs) > self._memory:
            jobs.pop()
        return jobs

    # --- memory ----------------------------------------------------------------------------------

    def _fits(self, jobs: Sequence[Job]) -> bool:
        """Whether these may be trained now: beside the others, or alone."""
        in_training = self._in_training()
        if not in_training:
            return True
        resting = self._workers - len(in_training) - 1  # they, too, have loaded torch
        taken = sum(map(_bytes, in_training)) + max(resting, 0) * IDLE_BYTES
        return taken + _bytes(jobs) <= self._memory

    def trains_alone(self, jobs: Sequence[Job]) -> bool:
        """Whether these leave no room for an ordinary run beside them."""
        others = (self._workers - 1) * ORDINARY_BYTES
        return others > 0 and _bytes(jobs) + others > self._memory

    def _in_training(self) -> list[list[Job]]:
        """The jobs of each worker that has any."""
        by_worker: defaultdict[int, list[Job]] = defaultdict(list)
        for job in self.jobs.values():
            if job.worker is not None:
                by_worker[id(job.worker)].append(job)
        return list(by_worker.values())


def _bytes(jobs: Sequence[Job]) -> float:
    """That a worker takes at most while it trains these."""
    return peak_memory([config for job in jobs for config in job.configs])
