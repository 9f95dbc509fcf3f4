"""The queue with real workers: what a kill, a stop and a restart leave of a run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from gan_core.runs.records import StepRecord
from gan_core.runs.store import RunStore
from gan_core.serving.queue import JobQueue
from gan_core.system.settings import Settings
from tests.support.queues import ROOT, seeded, state, until


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
    assert "switched to another run" in real.snapshot(doomed).status.reason


def test_a_real_run_is_extended_while_it_trains(real):
    """Continue to 400 pressed during a run to 200 leads to one run of 400."""
    digest = real.submit(seeded(102).replace(steps=200), "a")
    real.submit(seeded(102).replace(steps=400), "b")
    until(lambda: state(real, digest) == "finished" and not real._scheduler.jobs, 120)
    snapshot = real.snapshot(digest)
    assert [record.step for record in snapshot.history.steps] == list(range(1, 401))
    assert isinstance(snapshot.history.steps[0], StepRecord)


def test_a_real_band_is_trained_and_one_of_it_stopped(real):
    """Seeds that are trained together are runs like others to those who watch them."""
    configs = [seeded(200 + number).replace(steps=200) for number in range(4)]
    digests = real.submit_together([configs[0].replace(steps=100_000), *configs[1:]], "a")
    until(lambda: all(state(real, digest) == "finished" for digest in digests[1:]), 120)
    assert real.snapshot(digests[0]).live
    assert real.stop(digests[0], "a")
    until(lambda: state(real, digests[0]) == "stopped")
    for digest in digests[1:]:
        steps = real.snapshot(digest).history.steps
        assert [record.step for record in steps] == list(range(1, 201))
    assert all(real.store.checkpoint_path(digest).is_file() for digest in digests)


def test_a_killed_server_leaves_runs_that_the_next_one_continues(tmp_path):
    """The machine's owner restarts the server; nothing is lost and no worker stays behind."""
    script = (
        "import sys, time; from pathlib import Path\n"
        "from gan_core.config.run_config import RunConfig\n"
        "from gan_core.runs.store import RunStore\n"
        "from gan_core.serving.queue import JobQueue\n"
        "from gan_core.system.settings import Settings\n"
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
