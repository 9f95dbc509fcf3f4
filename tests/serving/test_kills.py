"""kill -9 of workers and of servers in mid-run: the run ends as one that nobody disturbed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gan_core.config.run_config import RunConfig
from gan_core.runs.store import RunStore
from tests.app_bench.server import children
from tests.support.left_behind import left_behind
from tests.support.queues import ROOT, seeded, until

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes in /proc")
FEW, MANY = ("worker", "server"), ("worker", "server", "worker") * 2 + ("worker", "server")
STEPS = 500  # for each kill: a run that ends before the last of them shows nothing
SECONDS = 600.0
# A server whose only visitor presses Continue whenever the run has ended too early.
SERVER = """
import sys, time
from pathlib import Path
from gan_core.config.run_config import RunConfig
from gan_core.runs.store import RunStore
from gan_core.serving.queue import JobQueue
from gan_core.system.settings import Settings
root, config = Path(sys.argv[1]), RunConfig.from_json(sys.argv[2])
queue = JobQueue(RunStore(root), Settings(root, 2000, 1, 1, "cpu", 200000, 900, 900))
while not (snapshot := queue.snapshot(queue.submit(config, "a"))).holds(config.steps):
    while queue.snapshot(snapshot.digest).live:
        time.sleep(0.05)
queue.close()
"""


class Disturbed:
    """A run in `root` whose processes are killed."""

    def __init__(self, root: Path, config: RunConfig) -> None:
        self.store, self.config = RunStore(root), config
        self.digest = config.digest()
        self.serve()

    def serve(self) -> None:
        self.server = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(self.store.root), self.config.to_json()],
            env={**os.environ, "PYTHONPATH": str(ROOT)})

    @property
    def step(self) -> int:
        if not self.store.exists(self.digest):
            return -1
        return self.store.snapshot(self.digest).history.last_step

    def kill(self, kind: str) -> None:
        """kill -9, in the midst of training; whoever is left goes on."""
        if kind == "worker":
            for child in children(self.server.pid):
                os.kill(child, signal.SIGKILL)
            return
        self.server.kill()
        self.server.wait()
        self.serve()


def test_a_run_whose_processes_are_killed_ends_as_if_nobody_had(
    tmp_path: Path, long: bool
) -> None:
    """A crash or an update of the server in mid-run changes what the run shows."""
    kills, chance = MANY if long else FEW, random.Random(5)
    config = seeded(900).replace(steps=STEPS * (len(kills) + 1))
    calm, shaken = (Disturbed(tmp_path / name, config) for name in ("calm", "shaken"))
    try:
        for kind in kills:
            reached = shaken.step
            until(lambda reached=reached: shaken.step > reached + 20, SECONDS)
            time.sleep(chance.uniform(0, 0.5))
            assert shaken.step < config.steps, "the run is too short for this machine"
            shaken.kill(kind)
        assert [each.server.wait(SECONDS) for each in (calm, shaken)] == [0, 0]
    finally:
        for each in (calm, shaken):
            each.server.kill()
            each.server.wait()
    expected, found = (left_behind(each.store, each.digest) for each in (calm, shaken))
    assert [record.step for record in found["steps"]] == list(range(1, config.steps + 1))
    assert found == expected
