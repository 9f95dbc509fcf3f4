"""Time slices: whoever has trained for a while makes room for people who have waited."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace

import pytest

from gan_core.cost.prices import PriceRequest
from gan_core.runs.store import RunStore
from gan_core.serving.dispatcher import STUCK_SECONDS, YIELDED
from gan_core.serving.jobs import Job
from gan_core.serving.people import People
from gan_core.serving.queue import JobQueue
from gan_core.serving.scheduler import Scheduler
from gan_core.serving.time_slices import PATIENCE_SECONDS, SLICE_SECONDS
from gan_core.system.settings import Settings
from tests.support.left_behind import left_behind
from tests.support.queues import RING, apart, band, seeded, state, until

STOPPING = 2.0  # seconds from the question to make room until a worker has done so


class Class:
    """Workers that train for ever, second by second, and make room when they are asked to."""

    def __init__(self, workers: int = 1) -> None:
        self.people = People()
        self.now = 0.0
        self.scheduler = Scheduler(self.people, workers, clock=lambda: self.now)
        self.workers = [SimpleNamespace() for _ in range(workers)]
        self.begun: list[tuple[float, str]] = []

    def wants(self, viewer: str, person: str = "") -> Job:
        self.people.arrive(viewer, person or viewer)
        number = len(self.scheduler.jobs)
        job = self.scheduler.add(f"{person or viewer} {number}", apart(number))
        self.scheduler.join(job, viewer)
        return job

    def pass_time(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now += 1.0
            self._second()

    def _second(self) -> None:
        for job in list(self.scheduler.jobs.values()):
            if job.stopped is not None and self.now - job.stopped >= STOPPING:
                job.stopped, job.yields = None, False
                self.scheduler.wait_again(job, goes_on=False)
        for worker in self.workers:
            if not self.scheduler.jobs_of(worker) and (jobs := self.scheduler.next_jobs(1)):
                self.scheduler.assign(jobs, worker)
                self.begun += [(self.now, job.name) for job in jobs]
        for job in self.scheduler.yielding():
            job.stopped, job.yields = self.now, True

    def seconds_of(self, person: str) -> int:
        """How often a run of theirs was begun."""
        return sum(name.startswith(person) for _, name in self.begun)


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("arrival", [1.0, 29.0, 31.0, 500.0])
def test_somebody_else_trains_within_a_minute(workers, arrival):
    """One student with the workers of a whole class in long runs would keep it waiting for a
    quarter of an hour."""
    room = Class(workers)
    for number in range(8):
        room.wants(f"tab {number}", "greedy")
    room.pass_time(arrival)
    other = room.wants("other")
    room.pass_time(45)
    assert other.worker is not None


def test_turns_go_round_and_each_is_a_slice():
    """Runs would start and stop all the time, or one of three people never come to train."""
    room = Class()
    for name in ("a", "b", "c"):
        room.wants(name)
    room.pass_time(600)
    times = [time for time, _ in room.begun]
    assert min(later - earlier for earlier, later in pairwise(times)) >= SLICE_SECONDS
    counts = [room.seconds_of(name) for name in ("a", "b", "c")]
    assert max(counts) - min(counts) <= 1 and min(counts) >= 5


def test_two_workers_are_shared_by_two_people():
    """A student with eight runs would have a worker and a half of two, for ever."""
    room = Class(workers=2)
    for number in range(8):
        room.wants(f"tab {number}", "greedy")
    room.pass_time(100)
    modest = room.wants("modest")
    room.pass_time(60)
    assert modest.worker is not None
    room.pass_time(600)
    assert modest.worker is not None and room.seconds_of("modest") == 1, "it was never interrupted"


def test_nobody_makes_room_for_themselves():
    """A student's own second run would interrupt the first one every half a minute."""
    room = Class()
    first, _ = room.wants("a"), room.wants("a")
    room.pass_time(600)
    assert first.worker is not None and len(room.begun) == 1


def test_what_was_begun_goes_on_before_what_was_asked_for_later():
    """Eight runs of one student would all be half done for an hour."""
    room = Class()
    first, second = room.wants("a"), room.wants("a")
    room.pass_time(40)
    room.wants("b")
    room.pass_time(100)
    assert {name for _, name in room.begun} == {first.name, "b 2"}
    assert second.worker is None


def test_only_as_many_make_room_as_wait():
    """One newcomer would stop a whole class."""
    room = Class(workers=4)
    for name in "abcd":
        room.wants(name)
    room.pass_time(100)
    new = room.wants("new")
    room.pass_time(25)
    assert new.worker is not None and len(room.begun) == 5


def test_a_price_is_measured_to_its_end():
    """A measurement that is begun anew each time never ends."""
    room = Class()
    request = PriceRequest(RING)
    price = room.scheduler.add(request.name, RING, request)
    room.scheduler.join(price, "a")
    room.pass_time(1)
    room.wants("b")
    room.pass_time(100)
    assert price.worker is not None and price.stopped is None


# --- with workers that are processes --------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.setattr("gan_core.serving.housekeeping.SECONDS", 0.02)
    return Clock()


def test_a_run_that_makes_room_waits_and_goes_on(fakes, clock):
    """A student's run would be stopped for others, and never go on; or its page say *Stopped*."""
    queue = fakes.queue(clock=clock)
    long, other = queue.submit(RING, "greedy"), queue.submit(apart(0), "other")
    until(lambda: fakes.begun() == [long])
    clock.now += SLICE_SECONDS
    until(lambda: fakes.begun() == [long, other])
    assert fakes.stopped() == [long]
    assert fakes.orders()[-2]["reason"] == YIELDED
    waiting = queue.snapshot(long)
    assert (waiting.status.state, waiting.place, waiting.status.reason) == ("queued", 1, "")
    fakes.finish(other)
    until(lambda: fakes.begun() == [long, other, long])
    fakes.finish(long)
    until(lambda: not queue._scheduler.jobs)


def test_a_real_run_that_made_room_ends_as_if_it_had_not(tmp_path, clock):
    """A run would show something else because others were waiting."""
    shared, alone = RunStore(tmp_path / "shared"), RunStore(tmp_path / "alone")
    long = seeded(110).replace(steps=2000)
    queue = JobQueue(shared, one_worker(shared), clock=clock)
    try:
        digest = queue.submit(long, "greedy")
        for number in range(2):
            at = 300 * (number + 1)
            until(lambda at=at: queue.snapshot(digest).history.last_step > at, 120)
            other = queue.submit(apart(number).replace(steps=20), f"other {number}")
            clock.now += SLICE_SECONDS
            until(lambda other=other: state(queue, other) == "finished", 120)
        until(lambda: not queue._scheduler.jobs, 240)
    finally:
        queue.close()
    queue = JobQueue(alone, one_worker(alone))
    try:
        queue.submit(long, "calm")
        until(lambda: not queue._scheduler.jobs, 240)
    finally:
        queue.close()
    found, expected = left_behind(shared, digest), left_behind(alone, digest)
    log = (shared.root / digest / "log.txt").read_text(encoding="utf-8")
    assert log.count("training from step") == 3, "it was not interrupted twice"
    assert len(found["steps"]) == 2000
    assert found == expected


def one_worker(store: RunStore) -> Settings:
    return Settings(store.root, 2000, 1, 1, "cpu", 200_000, 900.0, 1000.0)


def test_a_band_makes_room_as_a_whole(fakes, clock):
    """Seven of eight seeds would keep the worker."""
    queue = fakes.queue(clock=clock)
    seeds = queue.submit_together(band(3), "a")
    other = queue.submit(apart(0), "b")
    until(lambda: len(fakes.begun()) == 3)
    clock.now += SLICE_SECONDS
    until(lambda: other in fakes.begun())
    assert sorted(fakes.stopped()) == sorted(seeds)
    assert {state(queue, digest) for digest in seeds} == {"queued"}


def test_stop_ends_a_run_that_makes_room(fakes, clock):
    """Stop, pressed at that moment, would have the run go on a minute later."""
    queue = fakes.queue(clock=clock)
    digest, other = queue.submit(RING, "a"), queue.submit(apart(0), "b")
    until(fakes.begun)
    with queue._lock:  # nothing of a worker is heard meanwhile
        clock.now += SLICE_SECONDS
        queue._dispatcher.make_room()
        assert queue._scheduler.jobs[digest].yields
        queue._scheduler.leave(queue._scheduler.jobs[digest], "a")
        queue._dispatcher.stop(queue._scheduler.jobs[digest], "stopped by hand")
    until(lambda: other in fakes.begun())
    assert digest not in queue._scheduler.jobs
    assert [order["reason"] for order in fakes.orders() if "stop" in order] == [
        YIELDED, "stopped by hand"]


def one_that_others_wait_for(fakes, clock):
    """A queue with one run in training and another person's waiting."""
    queue = fakes.queue(clock=clock)
    digest = queue.submit(RING, "a")
    queue.submit(apart(0), "b")
    until(fakes.begun)
    return queue, digest


def test_a_run_that_ends_by_itself_just_then_does_not_wait(fakes, clock):
    """A finished run would stand in the queue for minutes before it says so."""
    queue, digest = one_that_others_wait_for(fakes, clock)
    with queue._lock:
        clock.now += SLICE_SECONDS
        queue._dispatcher.make_room()
        worker = queue._scheduler.jobs[digest].worker
        queue._dispatcher._on_message(worker, {
            "event": "ended", "run": digest, "outcome": "finished", "step": RING.steps,
            "reason": ""})
        assert digest not in queue._scheduler.jobs


def test_a_long_step_does_not_cost_the_run_that_makes_room(fakes, clock):
    """The largest settings would be killed, with what they have trained, because others wait."""
    queue, digest = one_that_others_wait_for(fakes, clock)
    with queue._lock:
        clock.now += SLICE_SECONDS
        queue._dispatcher.make_room()
        job = queue._scheduler.jobs[digest]
        queue._dispatcher.kill_stuck(job.stopped + 2 * STUCK_SECONDS)
        assert not job.worker.killed


def test_patience_comes_first():
    """Every press of Train would stop somebody else's run at once."""
    room = Class()
    room.wants("a")
    room.pass_time(500)
    room.wants("b")
    room.pass_time(PATIENCE_SECONDS - 1)
    assert len(room.begun) == 1
    room.pass_time(5)
    assert len(room.begun) == 2
