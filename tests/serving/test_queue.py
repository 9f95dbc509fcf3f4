"""The job queue: who is served when, and what happens when viewers, workers or the server go."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gan_core.config.batching import MOST_RUNS
from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError
from gan_core.cost.prices import Price, PriceRequest, PriceStore
from gan_core.runs.records import StepRecord
from gan_core.runs.store import RunStatus, RunStore
from gan_core.serving.pool import Pool, _environment
from gan_core.serving.admission import MOST_ALIKE, MOST_OF_A_VIEWER, QueueFull
from gan_core.serving.queue import JobQueue
from gan_core.system.settings import Settings

ROOT = Path(__file__).parents[2]
RING = RunConfig(dataset="ring", batch_size=16)

# Speaks the protocol without torch. Files beside the store tell it how its runs go: `go-<digest>`
# lets a run finish; `die` ends the process; `never-ready` keeps it from starting.
FAKE = """
import json, os, sys, threading, time
from pathlib import Path
root = Path(os.environ["GAN_LAB_STORE"])
if (root.parent / "never-ready").exists():
    sys.exit("no such device")
runs = {}
def tell(**content):
    print(json.dumps(content), flush=True)
def listen():
    for line in sys.stdin:
        with open(root.parent / "orders.jsonl", "a") as file:
            file.write(line)
        message = json.loads(line)
        for digest, steps in message.get("runs", {}).items(): runs[digest] = {"steps": steps}
        if "price" in message: runs[message["price"]] = {"steps": 0, "price": True}
        if "extend" in message: runs[message["extend"]]["steps"] = message["steps"]
        if "stop" in message: runs[message["stop"]]["reason"] = message["reason"]
    os._exit(0)
threading.Thread(target=listen, daemon=True).start()
print("a library's greeting", flush=True)
tell(event="ready", device="fake", pid=os.getpid())
while True:
    time.sleep(0.01)
    for digest, run in list(runs.items()):
        if (root.parent / f"die-{digest}").exists():
            (root.parent / f"die-{digest}").unlink()
            os.kill(os.getpid(), 9)
        outcome = "stopped" if "reason" in run else "finished"
        if (root.parent / f"fail-{digest}").exists():
            (root.parent / f"fail-{digest}").unlink()
            del runs[digest]
            tell(event="ended", run=digest, outcome="failed", step=0, reason="It failed.")
        elif outcome == "stopped" or (root.parent / f"go-{digest}").exists():
            del runs[digest]
            tell(event="ended", run=digest, outcome=outcome, step=run["steps"], reason="")
"""


def until(condition, seconds: float = 60.0):
    """Poll until the condition holds; returns what it gave."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return found


class Fakes:
    """A queue of fake workers in a folder of its own."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.store = RunStore(folder / "runs")
        self.queues: list[JobQueue] = []

    def queue(self, workers: int = 1, grace: float = 1000.0) -> JobQueue:
        settings = Settings(self.store.root, 2000, workers, 1, "cpu", 50_000, 900.0, grace)
        queue = JobQueue(self.store, settings, [sys.executable, "-c", FAKE])
        self.queues.append(queue)
        if not (self.folder / "never-ready").exists():
            until(lambda: queue.pool().ready == workers)
        return queue

    def finish(self, digest: str) -> None:
        (self.folder / f"go-{digest}").touch()

    def orders(self) -> list[dict]:
        path = self.folder / "orders.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def begun(self) -> list[str]:
        return [digest for runs in self.together() for digest in runs]

    def together(self) -> list[dict[str, int]]:
        """The steps of runs that were sent together, in the order of sending."""
        return [order["runs"] for order in self.orders() if "runs" in order]

    def priced(self) -> list[str]:
        return [order["price"] for order in self.orders() if "price" in order]

    def stopped(self) -> list[str]:
        return [order["stop"] for order in self.orders() if "stop" in order]


@pytest.fixture
def fakes(tmp_path: Path):
    fakes = Fakes(tmp_path)
    yield fakes
    for queue in fakes.queues:
        queue.close()


def seeded(seed: int) -> RunConfig:
    return RING.replace(seed=seed)


def apart(number: int) -> RunConfig:
    """A run that is trained by itself: no two of these have batches of one size."""
    return RING.replace(batch_size=17 + number)


def state(queue: JobQueue, digest: str) -> str:
    return queue.snapshot(digest).status.state


def test_equal_settings_share_one_run(fakes):
    """Forty students pressing the same preset would otherwise wait for forty trainings."""
    queue = fakes.queue()
    digests = {queue.submit(RING, f"viewer {number}") for number in range(40)}
    assert len(digests) == 1
    assert queue.pool().waiting == 0
    until(fakes.begun)
    assert len(fakes.begun()) == 1


def test_more_steps_extend_the_run_that_is_there(fakes):
    """A second training of the same run would waste what the first one has done."""
    queue = fakes.queue()
    running = queue.submit(RING.replace(steps=100), "a")
    waiting = queue.submit(seeded(1).replace(steps=100), "a")
    queue.submit(RING.replace(steps=500), "b")
    queue.submit(RING.replace(steps=200), "c")  # less is there already
    queue.submit(seeded(1).replace(steps=300), "b")
    until(lambda: {"extend": running, "steps": 500} in fakes.orders())
    assert not any(order.get("steps") == 200 for order in fakes.orders())
    assert queue.snapshot(running).status.steps == 500
    fakes.finish(running)
    until(lambda: fakes.begun() == [running, waiting])
    assert fakes.together()[-1] == {waiting: 300}


def test_viewers_take_turns(fakes):
    """One student who queues four runs must not hold up everybody else's first."""
    queue = fakes.queue()
    greedy = [queue.submit(apart(number), "greedy") for number in range(4)]
    modest = [queue.submit(apart(10 + number), f"modest {number}") for number in range(2)]
    order = [greedy[0], *modest, *greedy[1:]]
    assert [queue.snapshot(digest).place for digest in order] == [0, 1, 2, 3, 4, 5]
    assert queue.pool().waiting == 5
    assert queue.snapshot(modest[0]).live
    for digest in order:
        fakes.finish(digest)
    until(lambda: fakes.begun() == order)
    until(lambda: queue.pool().waiting == 0)


def test_a_third_run_waits_rather_than_slowing_two(fakes):
    """Three trainings on two cores would all be slower than one after another."""
    queue = fakes.queue(workers=2)
    first, second, third = (queue.submit(seeded(number), f"viewer {number}") for number in range(3))
    until(lambda: sorted(fakes.begun()) == sorted([first, second]))
    assert (state(queue, third), queue.snapshot(third).place) == ("queued", 1)
    fakes.finish(second)
    until(lambda: fakes.begun()[2:] == [third])
    assert queue.snapshot(first).live


def test_a_run_that_others_wait_for_counts_for_the_one_who_waited_least(fakes):
    """Joining a greedy viewer's run must not push one's own wish to the end."""
    queue = fakes.queue()
    greedy = [queue.submit(apart(number), "greedy") for number in range(4)]
    other = queue.submit(apart(20), "other")
    queue.submit(apart(3), "newcomer")
    places = {digest: queue.snapshot(digest).place for digest in [*greedy, other]}
    assert places[greedy[3]] < places[greedy[1]]


def test_states_before_the_worker_says_anything(fakes):
    """A student who has pressed Train must see at once that something happens."""
    queue = fakes.queue()
    running, waiting = queue.submit(RING, "a"), queue.submit(seeded(1), "b")
    assert (state(queue, running), queue.snapshot(running).place) == ("starting", 0)
    assert (state(queue, waiting), queue.snapshot(waiting).place) == ("queued", 1)
    assert queue.snapshot(waiting).live
    fakes.store.write_status(running, RunStatus("running", 7, 100))
    assert (state(queue, running), queue.snapshot(running).status.steps) == ("running", RING.steps)


def test_a_run_that_nobody_watches_is_stopped(fakes):
    """Closed tabs would otherwise keep the workers busy for the rest of the lesson."""
    queue = fakes.queue(grace=1.0)
    watched, unwatched = queue.submit(RING, "a"), queue.submit(seeded(1), "b")
    queue.leave("b")
    until(lambda: queue.watch(watched, "a") or queue.snapshot(unwatched).status.state == "stopped")
    assert "nobody was watching" in queue.snapshot(unwatched).status.reason
    assert not any("stop" in order for order in fakes.orders())
    until(lambda: watched in fakes.stopped())
    assert fakes.begun() == [watched]


def test_release_stops_a_run_that_nobody_else_watches(fakes):
    """A student who moves a slider and trains anew frees the worker at once."""
    queue = fakes.queue()
    running, waiting = queue.submit(RING, "a"), queue.submit(seeded(1), "a")
    queue.watch(running, "b")
    queue.release(running, "a")
    queue.release(waiting, "a")
    assert state(queue, waiting) == "stopped" and queue.pool().waiting == 0
    assert "turned to another run" in queue.snapshot(waiting).status.reason
    assert not any("stop" in order for order in fakes.orders())
    queue.release(running, "b")
    until(lambda: running in fakes.stopped())


def test_stop_spares_a_run_that_others_watch(fakes):
    """One student's Stop must not end the teacher's run."""
    queue = fakes.queue()
    digest = queue.submit(RING, "student")
    queue.submit(RING, "teacher")
    assert queue.stop(digest, "student") is False
    assert queue.stop(digest, "teacher") is True
    until(lambda: digest in fakes.stopped())
    until(lambda: digest not in queue._scheduler.jobs)
    assert queue.stop(digest, "teacher") is True  # ended a moment ago: nobody else watches it
    assert queue.stop("0" * 16, "teacher") is True


def test_a_run_asked_for_again_while_it_stops_goes_on(fakes):
    """Stop and Continue in quick succession would otherwise lose the Continue."""
    queue = fakes.queue()
    digest = queue.submit(RING, "a")
    queue.stop(digest, "a")
    queue.submit(RING, "a")
    until(lambda: fakes.begun() == [digest, digest])


def test_what_is_trained_already_is_not_trained_again(fakes):
    """A link that a whole class opens must cost nothing."""
    queue = fakes.queue()
    cases = [("finished", 3000, 3000), ("finished", 3000, 100), ("stopped", 3000, 100),
             ("diverged", 50, 3000)]
    for seed, (kind, reached, asked) in enumerate(cases):
        digest = fakes.store.create(seeded(seed))
        fakes.store.write_status(digest, RunStatus(kind, reached, 3000))
        assert queue.submit(seeded(seed).replace(steps=asked), "a") == digest
        assert state(queue, digest) == kind
    fakes.store.write_status(digest, RunStatus("failed", 50, 3000))
    queue.submit(seeded(3), "a")
    until(lambda: fakes.begun() == [digest])


def test_one_viewer_cannot_fill_the_queue(fakes):
    """One student's tab could otherwise keep the workers busy for the rest of the lesson."""
    queue = fakes.queue()
    mine = [queue.submit(apart(number), "a") for number in range(MOST_OF_A_VIEWER)]
    with pytest.raises(QueueFull, match=r"^You already have 4 runs .*\.$"):
        queue.submit(apart(50), "a")
    assert not fakes.store.exists(apart(50).digest())  # nor does it fill the disk
    queue.submit(apart(3).replace(steps=9000), "a")  # one's own run goes further
    queue.submit(apart(50), "b")
    queue.submit(apart(50), "a")  # sharing costs nothing
    finished = fakes.store.create(apart(51))
    fakes.store.write_status(finished, RunStatus("finished", RING.steps, RING.steps))
    assert queue.submit(apart(51), "a") == finished
    for digest in mine:
        queue.release(digest, "a")
    assert queue.snapshot(queue.submit(apart(52), "a")).live


def test_the_queue_is_bounded(fakes, monkeypatch):
    """Made-up viewers could otherwise fill memory and disk with waiting runs."""
    monkeypatch.setattr("gan_core.serving.admission.MOST_WAITING", 3)
    queue = fakes.queue()
    for number in range(4):  # one of them is in training
        queue.submit(seeded(number), f"viewer {number}")
    with pytest.raises(QueueFull, match=r"^3 runs are waiting .*\.$"):
        queue.submit(seeded(50), "late")
    queue.submit(seeded(3), "late")


def test_the_server_has_its_own_limit_of_steps(fakes):
    """One visitor could otherwise occupy a worker for hours."""
    queue = fakes.queue()
    with pytest.raises(ConfigError, match="from 1 to 50000 on this server, not 50001") as error:
        queue.submit(RING.replace(steps=50_001), "a")
    assert error.value.field_name == "steps"


def test_a_worker_that_dies_takes_only_its_own_run_along(fakes):
    """The system kills processes when memory runs out; the class must go on."""
    queue = fakes.queue(workers=2)
    doomed, safe = queue.submit(RING, "a"), queue.submit(seeded(1), "b")
    (fakes.folder / f"die-{doomed}").touch()
    until(lambda: state(queue, doomed) == "failed")
    reason = queue.snapshot(doomed).status.reason
    assert reason == (
        "The training process ended unexpectedly (killed, perhaps for lack of memory); "
        "press Continue to go on from the last checkpoint."
    )
    assert queue.snapshot(safe).live
    until(lambda: queue.pool().ready == 2)
    queue.submit(RING, "a")
    until(lambda: fakes.begun().count(doomed) == 2)
    assert fakes.begun().count(safe) == 1


def test_workers_that_do_not_start_are_given_up_with_their_last_words(fakes):
    """A wrong GAN_LAB_DEVICE would otherwise mean processes without end and silence."""
    (fakes.folder / "never-ready").touch()
    queue = fakes.queue()
    digest = queue.submit(RING, "a")
    until(lambda: state(queue, digest) == "failed")
    reason = queue.snapshot(digest).status.reason
    assert reason == "The training process does not start (exit code 1): no such device."
    assert queue.pool().ready == 0


def test_a_restarted_server_offers_to_continue(fakes):
    """Runs of the server before would otherwise look as if they were training for ever."""
    digest = fakes.store.create(RING)
    status = RunStatus("running", 40, 3000, updated=time.time() - 60)
    (fakes.store.root / digest / "status.json").write_text(status.to_json())
    queue = fakes.queue()
    snapshot = queue.snapshot(digest)
    assert (snapshot.status.state, snapshot.live) == ("stopped", False)
    assert "restarted" in snapshot.status.reason and snapshot.status.step == 40
    queue.submit(RING, "a")
    assert queue.snapshot(digest).live


def test_a_run_that_another_process_trains_is_left_as_it_is(fakes):
    """The command line may train into the same store."""
    digest = fakes.store.create(RING)
    fakes.store.write_status(digest, RunStatus("running", 40, 3000))
    queue = fakes.queue()
    assert state(queue, digest) == "running"
    old = RunStatus("running", 40, 3000, updated=1.0)
    (fakes.store.root / digest / "status.json").write_text(old.to_json())
    with fakes.store.lock(digest):
        assert state(queue, digest) == "running"
    assert state(queue, digest) == "stopped"


def test_no_run_no_snapshot(fakes):
    """A mistyped link must not become an error page."""
    queue = fakes.queue()
    assert queue.snapshot("0" * 16) is None
    assert queue.snapshot("../../etc") is None
    queue.watch("../../etc", "a")
    queue.release("../../etc", "a")


def test_the_store_is_kept_within_its_limit(fakes):
    """A server that runs for a term would otherwise fill the disk."""
    old = fakes.store.create(seeded(9))
    (fakes.store.root / old / "checkpoint.pt").write_bytes(bytes(100_000))
    os.utime(fakes.store.root / old, (1000, 1000))
    fakes.store.megabytes = 0.05
    queue = fakes.queue()
    digest = queue.submit(RING, "a")
    until(lambda: not fakes.store.exists(old))
    assert queue.snapshot(digest).live


@pytest.mark.parametrize(
    ("threads", "chosen", "expected"),
    [(1, None, None), (2, None, "PASSIVE"), (2, "ACTIVE", "ACTIVE"), (1, "ACTIVE", "ACTIVE")],
)
def test_threads_of_a_worker_sleep_when_idle(monkeypatch, tmp_path, threads, chosen, expected):
    """Spinning ones would make every step many times slower on a machine that does more."""
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if chosen:
        monkeypatch.setenv("OMP_WAIT_POLICY", chosen)
    settings = Settings(tmp_path, 2000, 1, threads, "cpu", 50_000, 900.0, 25.0)
    assert _environment(settings, tmp_path).get("OMP_WAIT_POLICY") == expected


def test_whoever_asks_for_more_threads_than_cores_is_told(tmp_path, capsys):
    """The server's terminal is where the one who set the variables looks."""
    settings = Settings(tmp_path, 2000, 64, 256, "cpu", 50_000, 900.0, 25.0)
    ignore = lambda *message: None  # noqa: E731
    Pool(settings, tmp_path, None, threading.RLock(), ignore, ignore)
    assert "16384 threads share" in capsys.readouterr().err


def test_closing_ends_the_workers(fakes):
    """A stopped server would otherwise leave processes behind."""
    queue = fakes.queue(workers=2)
    processes = [worker.process for worker in queue._dispatcher._pool.workers.values()]
    queue.close()
    assert all(process.poll() is not None for process in processes)
    queue.close()  # atexit may come after it


# --- runs that are trained together ---------------------------------------------------------------


def band(count: int, **changes) -> list[RunConfig]:
    return [RING.replace(seed=100 + number, **changes) for number in range(count)]


def test_a_band_is_spread_evenly_over_the_workers(fakes):
    """Eight seeds would wait for each other, or leave one of two cores idle."""
    queue = fakes.queue(workers=2)
    digests = queue.submit_together(band(7), "a")
    until(lambda: len(fakes.begun()) == 7)
    assert sorted(len(runs) for runs in fakes.together()) == [3, 4]
    assert set(fakes.begun()) == set(digests)
    assert {state(queue, digest) for digest in digests} == {"starting"}
    assert queue.pool().waiting == 0


def test_a_worker_that_is_still_starting_has_its_share(fakes):
    """The first band after a server's start would be trained on one core."""
    queue = fakes.queue(workers=2)
    running = queue.submit(apart(0), "a")
    until(lambda: running in fakes.begun())
    (fakes.folder / f"die-{running}").touch()
    until(lambda: queue.pool().ready == 1)  # the other one is started anew
    queue.submit_together(band(4), "a")
    until(lambda: len(fakes.together()) == 3)
    assert [len(runs) for runs in fakes.together()] == [1, 2, 2]


def test_runs_that_differ_in_structure_and_images_go_one_by_one(fakes):
    """They cannot be trained in one pass, or would only wait for each other."""
    queue = fakes.queue()
    busy = queue.submit(apart(50), "a")
    hinge, batches = band(2, loss="hinge"), band(2, batch_size=32)
    images = [RunConfig(seed=seed) for seed in range(2)]
    for viewer, configs in (("a", hinge), ("b", batches), ("c", images)):
        queue.submit_together(configs, viewer)
    for digest in (busy, *(config.digest() for config in (*hinge, *batches, *images))):
        fakes.finish(digest)
    until(lambda: queue.pool().waiting == 0)
    names = [[config.digest() for config in configs] for configs in (hinge, batches)]
    sent = [sorted(runs) for runs in fakes.together()]
    assert sent[0] == [busy] and all(sorted(runs) in sent for runs in names)
    assert all([config.digest()] in sent for config in images) and len(sent) == 5


def test_alike_runs_of_other_viewers_ride_along(fakes):
    """A second student's seeds would wait for the first one's, and cost as much once more."""
    queue = fakes.queue()
    busy = queue.submit(apart(50), "a")
    first = queue.submit_together(band(3), "a")
    image = queue.submit(RunConfig(), "b")
    riding = queue.submit(RING, "b")
    for digest in (busy, *first, image, riding):
        fakes.finish(digest)
    until(lambda: len(fakes.together()) == 3)
    assert {frozenset(runs) for runs in fakes.together()[1:]} == {
        frozenset([*first, riding]), frozenset([image])}


def test_a_band_takes_one_turn(fakes):
    """Who has trained a band would wait behind everybody else's fourth run."""
    queue = fakes.queue()
    queue.submit(apart(50), "other")
    queue.submit_together(band(8), "a")
    own = queue.submit(RunConfig(), "a")
    others = [queue.submit(apart(number), "b") for number in range(4)]
    assert queue.snapshot(own).place < queue.snapshot(others[2]).place


def test_a_band_counts_as_one_of_a_viewers_runs(fakes):
    """Eight seeds would be refused, or Train be refused while they train."""
    queue = fakes.queue()
    queue.submit_together(band(8), "a")
    for number in range(MOST_OF_A_VIEWER - 1):
        queue.submit(apart(number), "a")
    with pytest.raises(QueueFull, match="You already have 4 runs"):
        queue.submit(apart(50), "a")
    queue.submit_together(band(MOST_RUNS), "a")  # it has room
    with pytest.raises(QueueFull, match="You already have 4 runs"):
        queue.submit_together(band(MOST_RUNS + 1), "a")


def test_no_more_runs_are_trained_together_than_are_good_for_them(fakes):
    """One worker would be given everybody's runs, and each crawl."""
    queue = fakes.queue()
    busy = queue.submit(apart(50), "a")
    digests = queue.submit_together(band(MOST_RUNS + 3), "a")
    fakes.finish(busy)
    until(lambda: len(fakes.together()) == 2)
    assert list(fakes.together()[1]) == digests[:MOST_RUNS]
    for digest in digests[:MOST_RUNS]:
        fakes.finish(digest)
    until(lambda: len(fakes.together()) == 3)
    assert list(fakes.together()[2]) == digests[MOST_RUNS:]


def test_one_visitors_batches_are_bounded(fakes):
    """Otherwise one visitor's seeds would fill the queue for everybody."""
    queue = fakes.queue()
    with pytest.raises(QueueFull, match="already have"):
        queue.submit_together(band(MOST_ALIKE + 1), "a")
    assert len(queue.submit_together(band(MOST_ALIKE), "a")) == MOST_ALIKE


def test_a_band_is_refused_as_a_whole(fakes, monkeypatch):
    """Seeds that nobody is told of would be trained, and fill the disk."""
    monkeypatch.setattr("gan_core.serving.admission.MOST_WAITING", 3)
    queue = fakes.queue()
    queue.submit(apart(50), "a")
    with pytest.raises(QueueFull, match="runs are waiting"):
        queue.submit_together(band(4), "a")
    with pytest.raises(ConfigError, match="steps"):
        queue.submit_together([*band(2), RING.replace(steps=60_000)], "a")
    assert queue.pool().waiting == 0
    assert not any(fakes.store.exists(config.digest()) for config in band(4))
    queue.submit_together(band(3), "a")


def test_what_is_there_of_a_band_is_not_trained_again(fakes):
    """A band whose first seed the page has trained already would train it once more."""
    queue = fakes.queue()
    digest = fakes.store.create(band(1)[0])
    fakes.store.write_status(digest, RunStatus("finished", RING.steps, RING.steps))
    digests = queue.submit_together(band(3), "a")
    until(fakes.begun)
    assert digests[0] == digest and fakes.begun() == digests[1:]


def test_one_of_a_band_ends_by_itself(fakes):
    """Stop on one seed would end the others; a seed that ends would free a worker that is busy."""
    queue = fakes.queue()
    first, second, third = queue.submit_together(band(3), "a")
    until(lambda: len(fakes.begun()) == 3)
    assert queue.stop(first, "a")
    until(lambda: first not in queue._scheduler.jobs)
    assert fakes.stopped() == [first]
    queue.watch(second, "b")
    queue.release(second, "a")
    assert fakes.stopped() == [first], "another viewer watches it"
    waiting = queue.submit(apart(0), "b")
    fakes.finish(third)
    until(lambda: third not in queue._scheduler.jobs)
    assert queue.snapshot(waiting).place == 1 and waiting not in fakes.begun()
    fakes.finish(second)
    until(lambda: waiting in fakes.begun())


def test_one_of_a_band_is_extended(fakes):
    """Continue on one seed would train all of them further, or none."""
    queue = fakes.queue()
    first, second = queue.submit_together(band(2, steps=100), "a")
    queue.submit(band(1, steps=300)[0], "a")
    until(lambda: {"extend": first, "steps": 300} in fakes.orders())
    assert queue.snapshot(first).status.steps == 300
    assert queue.snapshot(second).status.steps == 100


def test_a_worker_that_dies_fails_all_of_its_runs(fakes):
    """Seeds would look as if they were training for ever."""
    queue = fakes.queue()
    digests = queue.submit_together(band(3), "a")
    until(lambda: len(fakes.begun()) == 3)
    (fakes.folder / f"die-{digests[1]}").touch()
    until(lambda: all(state(queue, digest) == "failed" for digest in digests))
    assert {queue.snapshot(digest).status.reason for digest in digests} == {
        "The training process ended unexpectedly (killed, perhaps for lack of memory); "
        "press Continue to go on from the last checkpoint."}
    assert queue.submit_together(band(3), "a") == digests
    until(lambda: fakes.together() == [fakes.together()[0]] * 2)


def test_a_third_run_waits_while_two_workers_are_busy(fakes):
    """Three trainings on two cores would all be slow."""
    queue = fakes.queue(workers=2)
    digests = [queue.submit(apart(number), f"viewer {number}") for number in range(3)]
    until(lambda: len(fakes.begun()) == 2)
    assert (state(queue, digests[2]), queue.snapshot(digests[2]).place) == ("queued", 1)
    fakes.finish(digests[0])
    until(lambda: digests[2] in fakes.begun())


# --- prices ---------------------------------------------------------------------------------------

ASKED = PriceRequest(RING)


def answer(request: PriceRequest, device: str = "fake", step_ms: float = 2.0) -> Price:
    ratios = {"time": 1.0, "flops": 1.0, "memory": 1.0} if request.base else {}
    return Price(request, device, "float32", {"generator": 5, "discriminator": 3}, 1000, step_ms,
                 4000, ratios, 1e9)


def test_equal_questions_share_one_measurement(fakes):
    """Forty students who press Measure would otherwise keep the workers busy for minutes."""
    queue = fakes.queue()
    for number in range(40):
        queue.measure(ASKED, f"viewer {number}")
    until(fakes.priced)
    assert queue.price(ASKED).live and queue.price(ASKED).price is None
    PriceStore(fakes.store.root).write(answer(ASKED))
    fakes.finish(ASKED.name)
    until(lambda: not queue.price(ASKED).live)
    assert queue.price(ASKED).price == answer(ASKED)
    queue.measure(ASKED, "late")
    assert fakes.priced() == [ASKED.name] and not queue.price(ASKED).live
    order = next(order for order in fakes.orders() if "price" in order)
    assert PriceRequest.from_dict(order["request"]) == ASKED


def test_prices_wait_their_turn_among_runs(fakes):
    """One student's price list must not hold up everybody else's first run."""
    queue = fakes.queue()
    running = queue.submit(RING, "a")
    requests = [PriceRequest(apart(number)) for number in range(1, 4)]
    for request in requests:
        queue.measure(request, "greedy")
    modest = queue.submit(apart(9), "modest")
    assert queue.snapshot(modest).place == 2
    with pytest.raises(QueueFull, match="You already have 8 prices"):
        for number in range(20, 30):
            queue.measure(PriceRequest(apart(number)), "greedy")
    queue.submit(apart(31), "greedy")  # which they must not keep from training
    fakes.finish(running)
    until(lambda: fakes.priced() == [requests[0].name])


def test_a_price_that_nobody_waits_for_is_dropped(fakes):
    """Closed tabs would otherwise have the machine measure for nobody."""
    queue = fakes.queue(grace=1.0)
    waiting = PriceRequest(seeded(1))
    queue.measure(ASKED, "a")
    queue.measure(waiting, "a")
    until(lambda: not queue.price(waiting).live)
    until(lambda: fakes.stopped() == [ASKED.name])
    until(lambda: not queue.price(ASKED).live)
    assert queue.price(ASKED).failure == queue.price(waiting).failure == ""
    assert fakes.priced() == [ASKED.name]


def test_a_failed_price_is_told_and_can_be_asked_for_again(fakes):
    """The row would say "measuring" for ever, or the failure stay when it no longer holds."""
    queue = fakes.queue()
    queue.measure(ASKED, "a")
    until(fakes.priced)
    (fakes.folder / f"fail-{ASKED.name}").touch()
    until(lambda: queue.price(ASKED).failure == "It failed.")
    queue.measure(ASKED, "a")
    assert queue.price(ASKED).live and queue.price(ASKED).failure == ""
    (fakes.folder / f"die-{ASKED.name}").touch()
    until(lambda: queue.price(ASKED).failure)
    assert queue.price(ASKED).failure == (
        "The training process ended unexpectedly (killed, perhaps for lack of memory); "
        "measure again.")


def test_failures_are_not_kept_without_end(fakes, monkeypatch):
    """A server that runs for a term would otherwise remember every failure."""
    monkeypatch.setattr("gan_core.serving.price_requests.MOST_FAILURES", 2)
    queue = fakes.queue()
    requests = [PriceRequest(seeded(number)) for number in range(3)]
    for request in requests:
        (fakes.folder / f"fail-{request.name}").touch()
        queue.measure(request, "a")
        until(lambda request=request: queue.price(request).failure)
    assert [bool(queue.price(request).failure) for request in requests] == [False, True, True]


def test_the_price_of_another_machine_is_none_of_this_one(fakes):
    """A store copied from a laptop would tell the server's visitors the laptop's times."""
    queue = fakes.queue()
    PriceStore(fakes.store.root).write(answer(ASKED, "another processor"))
    assert queue.price(ASKED).price is None
    queue.measure(ASKED, "a")
    until(fakes.priced)


def test_a_forgotten_price_is_measured_anew(fakes):
    """A time taken while the machine was busy would stay for ever."""
    queue = fakes.queue()
    PriceStore(fakes.store.root).write(answer(ASKED))
    queue.forget(ASKED)
    assert queue.price(ASKED).price is None
    queue.measure(ASKED, "a")
    until(fakes.priced)


# --- with real workers ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    root = tmp_path_factory.mktemp("real") / "runs"
    settings = Settings(root, 2000, 2, 1, "cpu", 200_000, 900.0, 1000.0)
    queue = JobQueue(RunStore(root), settings)
    yield queue
    queue.close()


def reached(queue: JobQueue, digest: str, step: int) -> bool:
    return queue.snapshot(digest).history.last_step >= step


def test_a_real_worker_killed_in_mid_run(real):
    """kill -9 must cost one run a moment, and nobody else anything; Continue makes it whole."""
    doomed = real.submit(seeded(100).replace(steps=100_000), "a")
    other = real.submit(seeded(101).replace(steps=100_000), "b")
    assert state(real, doomed) in ("starting", "queued")
    until(lambda: reached(real, doomed, 30) and reached(real, other, 30), 120)
    assert "CPU, 1 thread" in real.pool().device
    real._scheduler.jobs[doomed].worker.process.send_signal(signal.SIGKILL)
    until(lambda: state(real, doomed) == "failed")
    before = real.snapshot(other).history.last_step
    until(lambda: reached(real, other, before + 100))
    assert real.stop(other, "b")
    until(lambda: state(real, other) == "stopped")

    steps = real.snapshot(doomed).history.steps
    real.submit(seeded(100).replace(steps=100_000), "a")
    until(lambda: reached(real, doomed, len(steps) + 50), 120)
    again = real.snapshot(doomed).history.steps
    assert again[: len(steps)] == steps
    assert [record.step for record in again] == list(range(1, len(again) + 1))
    real.release(doomed, "a")
    until(lambda: state(real, doomed) == "stopped")
    assert "turned to another run" in real.snapshot(doomed).status.reason


def test_a_real_run_is_extended_while_it_trains(real):
    """Continue to 400 pressed during a run to 200 leads to one run of 400."""
    digest = real.submit(seeded(102).replace(steps=200), "a")
    real.submit(seeded(102).replace(steps=400), "b")
    until(lambda: state(real, digest) == "finished" and not real._scheduler.jobs, 120)
    snapshot = real.snapshot(digest)
    assert [record.step for record in snapshot.history.steps] == list(range(1, 401))
    assert isinstance(snapshot.history.steps[0], StepRecord)


def test_a_real_band_is_trained_and_one_of_it_stopped(real):
    """Seeds that are trained together are runs like others to those who look at them."""
    configs = [seeded(200 + number).replace(steps=1000) for number in range(4)]
    digests = real.submit_together([configs[0].replace(steps=100_000), *configs[1:]], "a")
    until(lambda: all(state(real, digest) == "finished" for digest in digests[1:]), 120)
    assert real.snapshot(digests[0]).live
    assert real.stop(digests[0], "a")
    until(lambda: state(real, digests[0]) == "stopped")
    for digest in digests[1:]:
        steps = real.snapshot(digest).history.steps
        assert [record.step for record in steps] == list(range(1, 1001))
    assert all(real.store.checkpoint_path(digest).is_file() for digest in digests)


def test_a_killed_server_leaves_runs_that_the_next_one_continues(tmp_path):
    """The machine's owner restarts the server; nothing is lost and no worker stays behind."""
    script = (
        "import sys, time; from pathlib import Path; from gan_core.config.run_config import RunConfig\n"
        "from gan_core.serving.queue import JobQueue; from gan_core.system.settings import Settings\n"
        "from gan_core.runs.store import RunStore\n"
        "root = Path(sys.argv[1]); settings = Settings(root, 2000, 1, 1, 'cpu', 200000, 900, 900)\n"
        "queue = JobQueue(RunStore(root), settings)\n"
        "queue.submit(RunConfig.from_json(sys.argv[2]), 'a'); time.sleep(600)"
    )
    config = seeded(103).replace(steps=100_000)
    server = subprocess.Popen([sys.executable, "-c", script, str(tmp_path), config.to_json()],
                              env={**os.environ, "PYTHONPATH": str(ROOT)})
    store, digest = RunStore(tmp_path), config.digest()
    try:
        until(lambda: store.exists(digest) and store.snapshot(digest).history.last_step > 50, 120)
    finally:
        server.kill()
        server.wait()
    until(lambda: not store.locked(digest))  # its worker has noticed and gone
    steps = store.snapshot(digest).history.steps
    settings = Settings(tmp_path, 2000, 1, 1, "cpu", 200_000, 900.0, 900.0)
    queue = JobQueue(store, settings)
    try:
        assert state(queue, digest) == "stopped"
        queue.submit(config, "a")
        until(lambda: reached(queue, digest, len(steps) + 50), 120)
        assert queue.snapshot(digest).history.steps[: len(steps)] == steps
    finally:
        queue.close()
    # A server that ends in good order leaves a run that says so, and can be continued.
    assert not store.locked(digest)
    after = store.snapshot(digest)
    assert after.status.state == "stopped" and "shut down" in after.status.reason
    assert after.history.last_step == after.status.step >= len(steps) + 50
    assert store.checkpoint_path(digest).is_file()
