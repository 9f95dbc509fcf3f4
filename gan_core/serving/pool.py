"""Pool: keeps the training processes running, as many as the settings say. Torch-free.

A worker is a process of its own: nothing that happens to it reaches the web server or another run.
One that ends is replaced. If workers fail to start, there is a pause before the next attempt, and
the server's terminal and every page say why.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from gan_core.system.files import cause
from gan_core.system.settings import Settings

DOES_NOT_START = "The training process does not start {}."
CLOSE_SECONDS = 5.0
MOST_FAILED_STARTS = 3
START_SECONDS = 180.0  # until a worker is ready; a slow disk takes a minute to read torch
PAUSE_SECONDS = 30.0  # without new workers, after so many failed starts
LOG_SECONDS = 30 * 86_400.0  # for which the log of a worker that has ended is kept


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
        self.started = time.monotonic()
        self.killed = ""  # why this server killed it
        self.log = _log_path(root, slot)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
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
        """Never blocks; a worker that cannot take a message has died, or is killed."""
        line = json.dumps(message).encode() + b"\n"
        try:
            if self.stdin.write(line) == len(line):
                return
        except (OSError, ValueError):
            pass
        self.kill("it took no more orders")

    def hang_up(self) -> None:
        """Ask the process to end, with a checkpoint."""
        with contextlib.suppress(OSError):
            self.stdin.close()

    def kill(self, why: str) -> None:
        """End the process at once; `why` is a clause for people."""
        self.killed = self.killed or why
        with contextlib.suppress(OSError):
            self.process.kill()

    def wait_for_death(self) -> str:
        """Wait for the end of the process; returns its cause in words."""
        code = self.process.wait()
        if self.killed and code == -signal.SIGKILL:
            return self.killed
        if code >= 0:
            return f"exit code {code}"
        if -code == signal.SIGKILL:
            return "killed, perhaps for lack of memory"
        return signal.strsignal(-code) or f"signal {-code}"

    def last_error_line(self) -> str:
        """The last line that the process wrote to stderr; "" if none can be read."""
        try:
            lines = self.log.read_text(errors="replace").split("\n")
        except OSError:
            return ""
        return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")


def _log_path(root: Path, slot: int) -> Path:
    """Of this server alone: another one may have workers on the same store."""
    return root / f"worker-{socket.gethostname()}-{os.getpid()}-{slot}.log"


def _remove_old_logs(root: Path) -> None:
    oldest = time.time() - LOG_SECONDS
    for log in root.glob("worker-*.log"):
        with contextlib.suppress(OSError):
            if log.stat().st_mtime < oldest:
                log.unlink()


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
        "GAN_LAB_NICE": str(settings.nice),
        "PYTHONPATH": package + os.pathsep + path if path else package,
    }


class Pool:
    """The workers of one queue, whose `lock` guards them.

    `on_message(worker, message)` is called with each message of a worker, `on_death(worker, death)`
    when one has ended, unless the pool is closed; both from a thread of that worker, without the
    lock. A worker whose message cannot be dealt with is killed: what it does is no longer known.
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
        for warning in filter(None, (settings.crowded, settings.without_home)):
            print(warning, file=sys.stderr)  # allowed: somebody may want it so

    @property
    def ready(self) -> list[Worker]:
        """Workers that have loaded torch."""
        return [worker for worker in self.workers.values() if worker.ready]

    @property
    def given_up(self) -> bool:
        """Whether there are no workers and will be none for a while."""
        return not self.workers and time.monotonic() < self._paused_until

    def hire(self) -> None:
        """Start the workers that are missing, unless too many have just failed to start; end those
        that hang while they start, which are then replaced.

        Only one thread may call it. It holds no lock while the system starts a process.
        """
        self._end_hanging()
        for slot in self._missing_slots():
            if time.monotonic() >= self._paused_until:
                self._start(slot)

    def _missing_slots(self) -> list[int]:
        with self._lock:
            if self.closed:
                return []
            return [slot for slot in range(self._settings.workers) if slot not in self.workers]

    def _end_hanging(self) -> None:
        """What is said of them is said at once: one that waits for a disk may not even die."""
        latest, why = time.monotonic() - START_SECONDS, f"not ready within {START_SECONDS:.0f} s"
        with self._lock:  # or one that becomes ready meanwhile would be killed
            for worker in self.workers.values():
                if not worker.ready and worker.started < latest:
                    self.failure = DOES_NOT_START.format(f"({why})")
                    worker.kill(why)

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
                worker.kill("the server was shut down")
                worker.process.wait()

    def _start(self, slot: int) -> None:
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            _remove_old_logs(self._root)
            worker = Worker(slot, self._command, self._settings, self._root)
        except OSError as error:
            place = error.filename or self._command[0]
            self._fail(f"({Path(place).name}: {cause(error)})", MOST_FAILED_STARTS)
            print(f"{self.failure} The path is {place}.", file=sys.stderr, flush=True)
            return
        with self._lock:
            if self.closed:
                worker.hang_up()
            else:
                self.workers[slot] = worker
        threading.Thread(target=self._listen, args=[worker], daemon=True,
                         name=f"worker-{slot}").start()

    def _fail(self, why: str, starts: int = 1) -> None:
        """Count failed starts; after too many, there is a pause."""
        with self._lock:
            self.failure = DOES_NOT_START.format(why.rstrip("."))
            self._failed_starts += starts
            if self._failed_starts >= MOST_FAILED_STARTS:
                self._failed_starts = 0
                self._paused_until = time.monotonic() + PAUSE_SECONDS

    def _listen(self, worker: Worker) -> None:
        """The reader thread of one worker, until its process ends."""
        with io.BufferedReader(worker.stdout) as lines:
            for line in lines:
                if (message := _message(line)) is not None:
                    self._receive(worker, message)
        self._replace(worker, worker.wait_for_death())

    def _receive(self, worker: Worker, message: dict[str, Any]) -> None:
        try:
            if message["event"] == "ready":
                with self._lock:
                    worker.ready, self.device = True, message["device"]
                    self._failed_starts, self.failure = 0, ""
            self._on_message(worker, message)
        except Exception:
            traceback.print_exc()
            worker.kill("the server could not deal with its message; the server's log says why")

    def _replace(self, worker: Worker, death: str) -> None:
        with self._lock:
            self.workers.pop(worker.slot, None)
        worker.hang_up()
        if self.closed:
            return
        if worker.ready:
            _say(f"A training process ended ({death}); another one takes its place.", worker.log)
        else:
            line = worker.last_error_line()
            self._fail(f"({death}): {line}" if line else f"({death})")
            _say(self.failure, worker.log)
        self._on_death(worker, death)


def _message(line: bytes) -> dict[str, Any] | None:
    """None for a line that is no message, as a library may print it."""
    with contextlib.suppress(ValueError, RecursionError):
        message = json.loads(line)
        if isinstance(message, dict) and isinstance(message.get("event"), str):
            return message
    return None


def _say(text: str, log: Path) -> None:
    """On the server's terminal, where its owner looks."""
    print(f"{text} Its log is {log}.", file=sys.stderr, flush=True)
