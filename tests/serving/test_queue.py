"""The queue: runs that viewers submit, share, watch, stop and continue."""

from __future__ import annotations

import os
import time

import pytest

from gan_core.config.validation import ConfigError
from gan_core.runs.store import RunStatus
from tests.support.queues import RING, apart, band, seeded, state, until


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


def test_states_before_the_worker_says_anything(fakes):
    """A student who has pressed Train must see at once that something happens."""
    queue = fakes.queue()
    running, waiting = queue.submit(RING, "a"), queue.submit(seeded(1), "b")
    assert (state(queue, running), queue.snapshot(running).place) == ("starting", 0)
    assert (state(queue, waiting), queue.snapshot(waiting).place) == ("queued", 1)
    assert queue.snapshot(waiting).live
    fakes.store.write_status(running, RunStatus("running", 7, 100))
    assert (state(queue, running), queue.snapshot(running).status.steps) == ("running", RING.steps)


def test_a_run_that_nobody_watches_is_stopped(fakes, monkeypatch):
    """Closed tabs would otherwise keep the workers busy for the rest of the lesson."""
    monkeypatch.setattr("gan_core.serving.housekeeping.SECONDS", 0.05)
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
    assert "switched to another run" in queue.snapshot(waiting).status.reason
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
        digest = fakes.trained(seeded(seed), kind, reached)
        assert queue.submit(seeded(seed).replace(steps=asked), "a") == digest
        assert state(queue, digest) == kind
    fakes.store.write_status(digest, RunStatus("failed", 50, 3000))
    queue.submit(seeded(3), "a")
    until(lambda: fakes.begun() == [digest])


def test_the_server_has_its_own_limit_of_steps(fakes):
    """One visitor could otherwise occupy a worker for hours."""
    queue = fakes.queue()
    with pytest.raises(ConfigError, match="from 1 to 50000 on this server, not 50001") as error:
        queue.submit(RING.replace(steps=50_001), "a")
    assert error.value.field_name == "steps"


def test_a_restarted_server_offers_to_continue(fakes):
    """Runs of the server before would otherwise look as if they were training for ever."""
    digest = fakes.store.create(RING)
    status = RunStatus("running", 40, 3000, updated=time.time() - 60)
    (fakes.store.root / digest / "status.json").write_text(status.to_json())
    queue = fakes.queue()
    snapshot = queue.snapshot(digest)
    assert (snapshot.status.state, snapshot.live) == ("stopped", False)
    assert "cut off" in snapshot.status.reason and snapshot.status.step == 40
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


def test_what_is_there_of_a_band_is_not_trained_again(fakes):
    """A band whose first seed the page has trained already would train it once more."""
    queue = fakes.queue()
    digest = fakes.trained(band(1)[0], "finished", RING.steps)
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


def test_a_clock_that_is_set_back_does_not_hide_a_run(fakes):
    """A virtual machine that wakes up shows *starting* until its clock has caught up."""
    queue = fakes.queue()
    digest = queue.submit(RING, "a")
    assert state(queue, digest) == "starting"
    earlier = RunStatus("running", 7, RING.steps, updated=time.time() - 3600)
    (fakes.store.root / digest / "status.json").write_text(earlier.to_json())
    assert state(queue, digest) == "running"


def test_a_submit_does_not_scan_the_store(fakes, monkeypatch):
    """With hundreds of runs each press of Train would keep the disk busy for a while."""
    scans = []
    monkeypatch.setattr(
        "gan_core.serving.run_folders.evict", lambda *given, **wanted: scans.append(given))
    queue = fakes.queue()
    for number in range(5):
        queue.submit(apart(number), f"viewer {number}")
        until(lambda: not queue._housekeeper.awake)
    assert len(scans) == 1, "only the one at the start"


def test_a_duty_that_fails_does_not_keep_the_server_from_the_others(fakes, monkeypatch, capfd):
    """A store that cannot be scanned would leave every run without its end."""
    monkeypatch.setattr("gan_core.serving.housekeeping.SECONDS", 0.02)
    queue = fakes.queue()
    monkeypatch.setattr(queue._dispatcher._pool, "hire", lambda: {}["broken"])
    digest = queue.submit(RING, "a")
    queue._scheduler.jobs[digest].leases["a"] = 0.0
    until(lambda: digest in fakes.stopped())
    assert "KeyError: 'broken'" in capfd.readouterr().err


def test_a_damaged_run_can_be_submitted(fakes):
    """A corrupt config.json would make a run that nobody can ever train again."""
    queue = fakes.queue()
    digest = fakes.trained(RING, "finished", RING.steps)
    (fakes.store.root / digest / "config.json").write_text("{")
    queue.submit(RING, "a")
    assert fakes.store.config(digest) == RING


def test_a_live_run_says_how_many_watch_it(fakes):
    """A class's pages would all run again at the moment at which their run ends."""
    queue = fakes.queue()
    digest = queue.submit(RING, "a")
    queue.submit(RING, "b")
    queue.watch(digest, "c")
    assert queue.snapshot(digest).watching == 3
    queue.release(digest, "b")
    assert queue.snapshot(digest).watching == 2
    fakes.finish(digest)
    until(lambda: not queue._scheduler.jobs)
    assert queue.snapshot(digest).watching == 0
