"""Time slices: which run makes room for people of whom nothing is in training. Torch-free.

A run is not ended by that: it waits for its next turn, with its checkpoint, and goes on from it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from gan_core.serving.jobs import Job
from gan_core.serving.people import People

PATIENCE_SECONDS = 20.0  # somebody of whom nothing is in training waits so long before others yield
SLICE_SECONDS = 30.0  # whoever has got a worker keeps it for so long: a start costs a second


def impatient(jobs: Iterable[Job], people: People, now: float) -> set[str]:
    """The people who have waited for too long while nothing of theirs was in training."""
    first = first_waits(jobs, people)
    return {person for person, since in first.items() if now - since >= PATIENCE_SECONDS}


def first_waits(jobs: Iterable[Job], people: People) -> dict[str, float]:
    """Since when the people wait of whom nothing is in training."""
    waiting, training = dict[str, float](), set[str]()
    for job in jobs:
        for person in _people_of(job, people):
            if job.worker is not None:
                training.add(person)
            else:
                waiting[person] = min(job.since, waiting.get(person, job.since))
    return {person: since for person, since in waiting.items() if person not in training}


def yielding(jobs: Iterable[Job], people: People, now: float) -> list[Job]:
    """What one worker trains that is to make room now; empty where nothing need, or may.

    The first to yield is who has the most workers, then what the fewest people watch, then what has
    trained for the longest time.
    """
    jobs = list(jobs)
    workers = _by_worker(jobs)
    making_room = sum(any(job.yields for job in trained) for trained in workers)
    if making_room >= len(impatient(jobs, people, now)):
        return []
    held = Counter(person for trained in workers for person in _watching(trained, people))
    return max((trained for trained in workers if _may_yield(trained, now)), default=[],
               key=lambda trained: _readiness(trained, people, held))


def _readiness(trained: list[Job], people: People, held: Counter[str]) -> tuple[float, ...]:
    watching = _watching(trained, people)
    most = min((held[person] for person in watching), default=0)
    return most, -len(watching), -trained[0].since


def _may_yield(trained: list[Job], now: float) -> bool:
    """Not a price, which has no checkpoint, nor what ends already."""
    return all(job.request is None and job.stopped is None and now - job.since >= SLICE_SECONDS
               for job in trained)


def _by_worker(jobs: Iterable[Job]) -> list[list[Job]]:
    by_worker: defaultdict[int, list[Job]] = defaultdict(list)
    for job in jobs:
        if job.worker is not None:
            by_worker[id(job.worker)].append(job)
    return list(by_worker.values())


def _watching(trained: Iterable[Job], people: People) -> set[str]:
    return {person for job in trained for person in _people_of(job, people)}


def _people_of(job: Job, people: People) -> set[str]:
    return {people.person(viewer) for viewer in job.viewers}
