"""How long a run still waits: from measured steps alone, and nothing where they are not known."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from gan_core.config.run_config import RunConfig
from gan_core.cost import price_list
from gan_core.cost.prices import PriceRequest
from gan_core.runs.snapshots import empty_snapshot
from gan_core.runs.status import RunStatus
from gan_core.serving.jobs import Job
from gan_core.serving.people import People
from gan_core.serving.run_words import progress, wait_text
from gan_core.serving.scheduler import Scheduler
from gan_core.serving.time_slices import SLICE_SECONDS
from gan_core.serving.waiting_time import WaitingTimes, recorded
from tests.support.queues import band, state, until
from tests.support.snapshots import snapshot

PLAIN = RunConfig(steps=1000)
STRANGE = RunConfig(architecture="dcgan", width=1.5, steps=1000)
LIMIT = 900.0


class Queue:
    """Jobs and workers without processes, at a time that the test sets."""

    def __init__(self, workers: int = 1, memory: float = float("inf")) -> None:
        self.now = 0.0
        self.scheduler = Scheduler(People(), workers, memory, lambda: self.now)
        self.times = WaitingTimes(self.scheduler, workers, LIMIT, lambda: self.now)

    def wants(
        self, config: RunConfig = PLAIN, request: PriceRequest | None = None, viewer: str = ""
    ) -> Job:
        name = f"job {len(self.scheduler.jobs)}"
        job = self.scheduler.add(name, config, request)
        self.scheduler.join(job, viewer or name)
        return job

    def train(self, *jobs: Job) -> None:
        self.scheduler.waiting()
        self.scheduler.assign(jobs, SimpleNamespace())

    def observe(self, job: Job, step: int, steps_per_second: float, device: str = "fake") -> None:
        self.times.observe(
            {job.name: RunStatus("running", step, 1000, steps_per_second)}, device)


def test_it_is_what_those_before_still_take():
    """A student would be told a time that has nothing to do with the queue."""
    queue = Queue()
    running, second, third = queue.wants(), queue.wants(), queue.wants()
    queue.train(running)
    queue.observe(running, 800, 10.0)
    assert queue.times.seconds(second) == 20.0
    assert queue.times.seconds(third) == 50.0, "the second makes room after half a minute"
    queue.now = 15.0
    assert queue.times.seconds(second) == 5.0
    queue.now = 50.0
    assert queue.times.seconds(second) == 0.0, "it takes longer than was thought, never less"


def test_two_workers_take_what_comes_next():
    """The time would be twice as long as it is."""
    queue = Queue(workers=2)
    running = [queue.wants(), queue.wants()]
    waiting = [queue.wants() for _ in range(3)]
    for job in running:
        queue.train(job)
    queue.times.observe({
        running[0].name: RunStatus("running", 900, 1000, 10.0),
        running[1].name: RunStatus("running", 500, 1000, 10.0)}, "fake")
    assert [queue.times.seconds(job) for job in waiting] == [10.0, 30.0, 40.0]


def test_nothing_is_said_that_is_not_known():
    """A student would wait for "about 40 seconds" that somebody made up."""
    queue = Queue()
    running, strange, plain = queue.wants(), queue.wants(STRANGE), queue.wants()
    queue.train(running)
    assert queue.times.seconds(strange) is None, "the first steps are not there yet"
    queue.observe(running, 500, 10.0)
    assert queue.times.seconds(strange) == 30.0
    assert queue.times.seconds(plain) is None, "nobody has trained the one before on this server"
    priced = queue.wants(request=PriceRequest(PLAIN))
    assert queue.times.seconds(priced) is None


def test_a_run_counts_by_what_is_left_of_it():
    """Continue would count as the whole run once more."""
    queue = Queue()
    running, further, last = queue.wants(), queue.wants(), queue.wants()
    further.reached = 900
    queue.train(running)
    queue.observe(running, 900, 10.0)
    assert queue.times.seconds(last) == 20.0


def test_no_run_takes_longer_than_a_session():
    """Behind a run of 50 000 steps of their own a student would be told of an hour."""
    queue = Queue()
    running, last = queue.wants(RunConfig(steps=50_000), viewer="a"), queue.wants(viewer="a")
    queue.train(running)
    queue.observe(running, 0, 10.0)
    assert queue.times.seconds(last) == LIMIT


def test_a_long_run_of_somebody_else_makes_room():
    """A student would be told of a quarter of an hour, and go away, and be served after 30 s."""
    queue = Queue()
    running, first = queue.wants(RunConfig(steps=50_000), viewer="a"), queue.wants(viewer="b")
    second = queue.wants(viewer="b")
    queue.train(running)
    queue.observe(running, 0, 10.0)
    assert queue.times.seconds(first) == SLICE_SECONDS
    assert queue.times.seconds(second) is None, "the run that made room has a turn in between"
    queue.now = 25.0
    queue.observe(running, 0, 10.0)
    assert queue.times.seconds(first) == SLICE_SECONDS - 25


def test_rates_of_runs_alike_serve_for_all_of_them():
    """Another seed or rate would be unknown, though it takes as long."""
    queue = Queue()
    running, alike, last = (
        queue.wants(), queue.wants(RunConfig(seed=9, learning_rate=0.001, steps=100)),
        queue.wants(STRANGE))
    queue.train(running)
    queue.observe(running, 1000, 10.0)
    assert queue.times.seconds(last) == 10.0
    assert queue.times.seconds(alike) == 0.0


def test_runs_of_one_batch_have_a_rate_of_their_own():
    """Eight seeds together take longer than one alone."""
    queue = Queue()
    jobs = [queue.wants(config.replace(steps=100)) for config in band(3)]
    queue.train(jobs[0])
    queue.observe(jobs[0], 50, 10.0)
    last = queue.wants(STRANGE)
    assert queue.times.seconds(jobs[1]) == queue.times.seconds(jobs[2]) == 5.0
    assert queue.times.seconds(last) is None, "two at once have not been seen"


def test_a_large_run_begins_when_all_others_have_ended():
    """A student would be promised the first free worker, which the memory does not allow."""
    queue = Queue(workers=2, memory=2.2e9)
    large = RunConfig(architecture="dcgan_reference", batch_size=1024, steps=1000)
    running = [queue.wants(), queue.wants()]
    waiting = queue.wants(large)
    for job in running:
        queue.train(job)
    queue.times.observe({
        running[0].name: RunStatus("running", 900, 1000, 10.0),
        running[1].name: RunStatus("running", 500, 1000, 10.0)}, "fake")
    assert queue.times.seconds(waiting) == 30.0, "or have made room"


def test_prices_that_ship_serve_on_their_own_device_alone():
    """A laptop would be told the times of the machine that the prices were measured on."""
    device = next(iter(price_list.recorded().values())).device
    assert recorded(device) and not recorded("another")
    queue = Queue()
    running, last = queue.wants(), queue.wants(STRANGE)
    queue.train(running)
    queue.observe(running, 0, 0.0, device)
    milliseconds = price_list.recorded()[price_list.network("mlp").name].step_ms
    assert queue.times.seconds(last) == pytest.approx(milliseconds)  # of 1000 steps


@pytest.mark.parametrize(("seconds", "words"), [
    (None, "how long is not known yet"), (0.0, "a few seconds"), (7.4, "a few seconds"),
    (8.0, "about 10 seconds"), (41.0, "about 40 seconds"), (57.0, "about 55 seconds"),
    (58.0, "about a minute"), (100.0, "about 2 minutes"), (900.0, "about 15 minutes"),
    (3599.0, "about an hour or longer"), (1e6, "about an hour or longer")])
def test_words(seconds, words):
    """A time to the second would be a promise."""
    assert wait_text(seconds) == words


def test_the_page_says_place_and_time():
    """Place 3 says nothing to somebody who does not know how long a run takes."""
    waiting = empty_snapshot(PLAIN)
    waiting = waiting.with_status(waiting.status, place=3, wait=42.0)
    assert progress(waiting, False)[1] == (
        "Waiting for its turn: place 3 in the queue, about 40 seconds.")


def test_a_run_that_made_room_says_where_it_will_go_on():
    """A student whose run makes room for others would think that it was lost."""
    waiting = snapshot("queued")
    waiting = waiting.with_status(waiting.status, place=1, wait=20.0)
    assert progress(waiting, False) == (1.0, (
        "Waiting for its turn again, at step 1 000 of 1 000: "
        "place 1 in the queue, about 20 seconds."))


def test_a_waiting_run_learns_its_time_from_what_workers_write(fakes, monkeypatch):
    """The words would never come to the page."""
    monkeypatch.setattr("gan_core.serving.housekeeping.SECONDS", 0.02)
    queue = fakes.queue()
    running = queue.submit(PLAIN, "a")
    waiting = queue.submit(PLAIN.replace(seed=1), "b")
    assert state(queue, waiting) == "queued" and queue.snapshot(waiting).wait is None
    until(lambda: running in fakes.begun())
    fakes.store.write_status(running, RunStatus("running", 500, 1000, 10.0))
    until(lambda: queue.snapshot(waiting).wait is not None)
    assert 0 < queue.snapshot(waiting).wait <= 50
