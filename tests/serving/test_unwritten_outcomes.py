"""How runs ended: a reason reaches the page, also where it could not be written."""

from __future__ import annotations

import shutil

from gan_core.runs.status import RunStatus
from tests.support.made_up_records import step
from tests.support.queues import RING, apart, state, until


def fail(fakes, digest: str) -> None:
    """The worker that trains the run reports a failure, and writes nothing."""
    (fakes.folder / f"fail-{digest}").touch()


def ended(fakes, queue, digest: str) -> RunStatus:
    until(lambda: digest not in queue._scheduler.jobs)
    return queue.snapshot(digest).status


def test_a_reason_is_kept_that_no_worker_could_write(fakes):
    """A full disk in mid-run reads as a restart of the server, hours of waiting later."""
    queue = fakes.queue()
    digest = queue.submit(RING, "a")
    fakes.store.append(digest, [step(600)])
    fakes.store.write_status(digest, RunStatus("running", 600, 1200))
    fail(fakes, digest)
    status = ended(fakes, queue, digest)
    assert (status.state, status.reason, status.step) == ("failed", "It failed.", 600)
    assert fakes.store.status(digest).state == "failed", "the next server knows nothing of it"


def test_a_run_that_cannot_go_on_does_not_look_finished(fakes):
    """*Finished · step 600 of 1,200* for ever, and nobody learns why Continue does nothing."""
    queue = fakes.queue()
    digest = fakes.trained(RING.replace(steps=600), "finished", 600)
    with fakes.store.lock(digest):  # as if another process trained it, or no lock could be had
        queue.submit(RING.replace(steps=1200), "a")
        fail(fakes, digest)
        status = ended(fakes, queue, digest)
        assert (status.state, status.reason, status.step) == ("failed", "It failed.", 600)
        assert fakes.store.status(digest).state == "finished", "another process may write there"
    fakes.store.write_status(digest, RunStatus("running", 700, 1200))
    assert state(queue, digest) == "running", "what others write since is newer"


def test_a_run_whose_folder_was_removed_says_so(fakes):
    """*Not trained yet*, although the visitor has seen it train."""
    queue = fakes.queue()
    digest = queue.submit(RING, "a")
    shutil.rmtree(fakes.store.root / digest)
    assert queue.snapshot(digest).live, "a worker is at it"
    fail(fakes, digest)
    assert ended(fakes, queue, digest).reason == "It failed."
    assert queue.snapshot(digest).config == RING
    queue.submit(RING, "a")
    assert queue.snapshot(digest).live and fakes.store.exists(digest)


def test_a_run_that_is_dropped_before_its_first_step_leaves_nothing(fakes):
    """Whoever plays with sliders fills the store with empty runs."""
    queue = fakes.queue()
    busy, waiting = queue.submit(apart(0), "a"), queue.submit(apart(1), "a")
    queue.release(waiting, "a")
    assert not fakes.store.exists(waiting) and fakes.store.exists(busy)
    status = queue.snapshot(waiting).status
    assert status.state == "stopped" and "switched to another run" in status.reason
    queue.submit(apart(1), "a")
    assert state(queue, waiting) == "queued"


def test_a_run_that_another_server_removed_is_ordered_with_its_config(fakes):
    """Its visitor waits for minutes, and then nothing is trained."""
    queue, other = fakes.queue(), fakes.queue()
    for each in (queue, other):  # one server's visitors, and the other one's
        each.submit(apart(0 if each is queue else 9), "a")
        each.submit(apart(1), "b")
    digest = apart(1).digest()
    other.release(digest, "b")
    assert not fakes.store.exists(digest) and queue.snapshot(digest).live
    fakes.finish(apart(0).digest())
    order = until(lambda: next(
        (order for order in fakes.orders() if digest in order.get("runs", ())), None))
    assert order["configs"][digest] == apart(1).to_dict()


def test_a_trained_run_that_is_dropped_while_it_waits_stays(fakes):
    """Continue and a change of mind would delete what was trained."""
    queue = fakes.queue()
    queue.submit(apart(0), "a")
    digest = fakes.trained(apart(1).replace(steps=600), "finished", 600)
    queue.submit(apart(1).replace(steps=1200), "a")
    queue.stop(digest, "a")
    assert fakes.store.status(digest).state == "stopped"
    assert fakes.store.snapshot(digest).history.last_step == 600


def test_what_is_remembered_is_bounded(fakes, monkeypatch):
    """A server that runs for a term would grow with every failure."""
    monkeypatch.setattr("gan_core.serving.unwritten_outcomes.MOST", 3)
    queue = fakes.queue()
    for number in range(6):
        queue._outcomes.note(apart(number), "failed", "because")
    assert len(queue._outcomes._outcomes) == 3
    assert queue.snapshot(apart(5).digest()).status.reason == "because"
