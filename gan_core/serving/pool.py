"""Pool: keeps the training processes running, as many as the settings say. Torch-free.

A worker is a process of its own: nothing that happens to it reaches the web server or another run.
One that ends is replaced. If workers fail to start, there is a pause before the next attempt.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from gan_core.system.settings import Settings

CLOSE_SECONDS = 5.0
MOST_FAILED_STARTS = 3
PAUSE_SECONDS = 30.0  # without new workers, after so many failed starts


@dataclass(frozen=True)
class PoolState:
    """The workers, for the page."""

    workers: int  # as the settings say
    ready: int  # of which torch is loaded
    device: str  # "" until the first worker is ready
    waiting: int  # jobs in the queue
    training: int = 0  # jobs that workers have
    failure: str = ""  # why no worker starts, one sentence; "" where one is ready or may be soon


class Worker:
    """One training process and the pipes to and from it."""

    def __init__(self, slot: int, command: Sequence[str], settings: Settings, root: Path) -> None:
        self.slot = slot
        self.ready = False
        self.stderr = root / f"worker-{slot}.log"
        with open(self.stderr, "wb") as stderr:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                bufsize=0,
                env=_environment(settings, root),
            )
        # With a buffer size of 0 both pipes are raw files.
        self.stdin = cast(io.RawIOBase, self.process.stdin)
        self.stdout = cast(io.RawIOBase, self.process.stdout)
        # A worker that no longer reads must not block whoever writes to it.
        with contextlib.suppress(AttributeError, OSError):  # Windows
            os.set_blocking(self.stdin.fileno(), False)

    def send(self, **message: Any) -> None:
        """Never blocks; a worker that cannot take a message is dead, or is killed."""
        line = json.dumps(message).encode() + b"\n"
        try:
            if self.stdin.write(line) == len(line):
                return
        except (OSError, ValueError):
            pass
        self.kill()

    def hang_up(self) -> None:
        """Ask the process to end, with a checkpoint."""
        with contextlib.suppress(OSError):
            self.stdin.close()

    def kill(self) -> None:
        with contextlib.suppress(OSError):
            self.process.kill()

    def wait_for_death(self) -> str:
        """Wait for the end of the process; returns its cause in words."""
        code = self.process.wait()
        if code >= 0:
            return f"exit code {code}"
        if -code == signal.SIGKILL:
            return "killed, perhaps for lack of memory"
        return signal.strsignal(-code) or f"signal {-code}"

    def last_error_line(self) -> str:
        """The last line that the process wrote to stderr; "" if it wrote none."""
        lines = self.stderr.read_text(errors="replace").split("\n")
        return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")


def _environment(settings: Settings, root: Path) -> dict[str, str]:
    """The settings as environment variables, and the path to this package."""
    package = str(Path(__file__).resolve().parents[2])
    path = os.environ.get("PYTHONPATH")
    # Threads that wait for each other spin by default. As soon as another program uses one of
    # their cores, the others spin until that thread runs again: steps take 10 to 50 times as long.
    wait_policy = {"OMP_WAIT_POLICY": "PASSIVE"} if settings.threads > 1 else {}
    return {
        **wait_policy,
        **os.environ,
        "GAN_LAB_STORE": str(root),
        "GAN_LAB_STORE_MB": str(settings.store_megabytes),
        "GAN_LAB_THREADS": str(settings.threads),
        "GAN_LAB_DEVICE": settings.device,
        "PYTHONPATH": package + os.pathsep + path if path else package,
    }


class Pool:
    """The workers of one queue, whose `lock` guards them.

    `on_message(worker, message)` is called with each message of a worker, `on_death(worker, death)`
    when one has ended, unless the pool is closed; both with the lock held, from a thread of that
    worker.
    """

    def __init__(
        self,
        settings: Settings,
        root: Path,
        command: Sequence[str] | None,
        lock: threading.RLock,
        on_message: Callable[[Worker, dict[str, Any]], None],
        on_death: Callable[[Worker, str], None],
    ) -> None:
        self.workers: dict[int, Worker] = {}  # by slot
        self.device = ""
        self.failure = ""  # why the last worker did not start, one sentence
        self.closed = False
        self._settings = settings
        self._root = root
        self._command = command or [sys.executable, "-m", "gan_core.serving.worker"]
        self._lock = lock
        self._on_message, self._on_death = on_message, on_death
        self._failed_starts = 0
        self._paused_until = 0.0
        if settings.crowded:  # allowed, as somebody has set both variables
            print(settings.crowded, file=sys.stderr)

    @property
    def ready(self) -> list[Worker]:
        """Workers that have loaded torch."""
        return [worker for worker in self.workers.values() if worker.ready]

    @property
    def given_up(self) -> bool:
        """Whether there are no workers and will be none for a while."""
        return not self.workers and time.monotonic() < self._paused_until

    def hire(self) -> None:
        """Start the workers that are missing, unless too many have just failed to start."""
        for slot in range(self._settings.workers):
            with self._lock:
                if self.closed or time.monotonic() < self._paused_until:
                    return
                if slot not in self.workers:
                    self._start(slot)

    def close(self) -> None:
        """End the workers; runs in training are checkpointed. Takes up to five seconds."""
        with self._lock:
            self.closed = True
            workers = list(self.workers.values())
            for worker in workers:
                worker.hang_up()
        deadline = time.monotonic() + CLOSE_SECONDS
        for worker in workers:
            try:
                worker.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.process.wait()

    def _start(self, slot: int) -> None:
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            worker = Worker(slot, self._command, self._settings, self._root)
        except OSError as error:
            self._fail(f"({error})", MOST_FAILED_STARTS)
            return
        self.workers[slot] = worker
        threading.Thread(target=self._listen, args=[worker], daemon=True,
                         name=f"worker-{slot}").start()

    def _fail(self, why: str, starts: int = 1) -> None:
        """Count failed starts; after too many, there is a pause."""
        self.failure = f"The training process does not start {why.rstrip('.')}."
        self._failed_starts += starts
        if self._failed_starts >= MOST_FAILED_STARTS:
            self._failed_starts = 0
            self._paused_until = time.monotonic() + PAUSE_SECONDS

    def _listen(self, worker: Worker) -> None:
        """The reader thread of one worker, until its process ends."""
        with io.BufferedReader(worker.stdout) as lines:
            for line in lines:
                # A line that is not a message, as a library may print it, is ignored.
                with contextlib.suppress(ValueError, TypeError, KeyError), self._lock:
                    self._receive(worker, json.loads(line))
        death = worker.wait_for_death()
        with self._lock:
            self._replace(worker, death)

    def _receive(self, worker: Worker, message: dict[str, Any]) -> None:
        if message["event"] == "ready":
            worker.ready, self.device, self._failed_starts = True, message["device"], 0
            self.failure = ""
        self._on_message(worker, message)

    def _replace(self, worker: Worker, death: str) -> None:
        del self.workers[worker.slot]
        worker.hang_up()
        if self.closed:
            return
        if not worker.ready:
            line = worker.last_error_line()
            self._fail(f"({death}): {line}" if line else f"({death})")
        self._on_death(worker, death)
