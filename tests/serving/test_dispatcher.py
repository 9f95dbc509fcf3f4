"""The dispatcher: what becomes of runs whose workers die or do not start."""

from __future__ import annotations

from tests.support.queues import RING, band, seeded, state, until


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
