"""What tests of the queue share: fake workers, and runs to submit."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path

from gan_core.config.run_config import RunConfig
from gan_core.runs.status import RunStatus
from gan_core.runs.store import RunStore
from gan_core.serving.queue import JobQueue
from gan_core.system.settings import Settings
from tests.support.made_up_records import step

ROOT = Path(__file__).parents[2]
RING = RunConfig(dataset="ring", batch_size=16)
# Speaks the protocol without torch. Files beside the store decide how its runs go: `go-<digest>`
# lets a run finish; `die` ends the process; `never-ready` keeps it from starting, or
# makes it hang if it says so.
FAKE = """
import json, os, sys, threading, time
from pathlib import Path
root = Path(os.environ["GAN_LAB_STORE"])
if (root.parent / "never-ready").exists():
    while (root.parent / "never-ready").read_text() == "hangs": time.sleep(0.01)
    sys.exit("no such device")
runs = {}
def report(**content):
    print(json.dumps(content), flush=True)
def listen():
    for line in sys.stdin:
        with open(root.parent / "orders.jsonl", "a") as file:
            file.write(line)
        message = json.loads(line)
        for digest, steps in message.get("runs", {}).items(): runs[digest] = {"steps": steps}
        if "price" in message: runs[message["price"]] = {"steps": 0, "price": True}
        if "extend" in message: runs[message["extend"]]["steps"] = message["steps"]
        if message.get("stop") in runs: runs[message["stop"]]["reason"] = message["reason"]
    os._exit(0)
threading.Thread(target=listen, daemon=True).start()
print("a library's greeting", flush=True)
report(event="ready", device="fake", pid=os.getpid())
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
            report(event="ended", run=digest, outcome="failed", step=0, reason="It failed.")
        elif outcome == "stopped" or (root.parent / f"go-{digest}").exists():
            del runs[digest]
            report(event="ended", run=digest, outcome=outcome, step=run["steps"], reason="")
"""


def until(condition, seconds: float = 60.0):
    """Poll until the condition holds; returns what it gave."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return value


class Fakes:
    """A queue of fake workers in a folder of its own."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.store = RunStore(folder / "runs")
        self.queues: list[JobQueue] = []

    def queue(
        self, workers: int = 1, grace: float = 1000.0, memory: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> JobQueue:
        settings = Settings(
            self.store.root, 2000, workers, 1, "cpu", 50_000, 900.0, grace, memory=memory)
        queue = JobQueue(self.store, settings, [sys.executable, "-c", FAKE], clock)
        self.queues.append(queue)
        if not (self.folder / "never-ready").exists():
            until(lambda: queue.pool().ready == workers)
        return queue

    def trained(self, config: RunConfig, state: str, reached: int) -> str:
        """A run in the store with a record of the step that it has `reached`; its digest."""
        digest = self.store.create(config)
        self.store.append(digest, [step(reached)])
        self.store.write_status(digest, RunStatus(state, reached, config.steps))
        return digest

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


def seeded(seed: int) -> RunConfig:
    return RING.replace(seed=seed)


def apart(number: int) -> RunConfig:
    """A run that is trained by itself: no two of these have batches of one size."""
    return RING.replace(batch_size=17 + number)


def band(count: int, **changes) -> list[RunConfig]:
    return [RING.replace(seed=100 + number, **changes) for number in range(count)]


def state(queue: JobQueue, digest: str) -> str:
    return queue.snapshot(digest).status.state
