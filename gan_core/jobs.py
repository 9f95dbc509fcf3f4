"""JobQueue: shares a pool of warm training processes among everybody who looks at the pages.

A run is named by the digest of its config, so equal settings share one training, whoever asks. Each
viewer of a run holds a lease that watching renews; a run that nobody watches any more is stopped,
with a checkpoint, and can be continued. Torch-free: the workers are processes of their own, and
nothing that happens to one reaches the web server or another run.
"""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import io
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gan_core.config import ConfigError, RunConfig
from gan_core.settings import Settings
from gan_core.store import RunSnapshot, RunStatus, RunStore, StoreError

HOUSEKEEPING_SECONDS = 1.0
EVICTION_SECONDS = 30.0
FRESH_SECONDS = 3.0  # a status younger than this has a living writer
STUCK_SECONDS = 30.0  # a worker that has not obeyed a stop for this long is killed
CLOSE_SECONDS = 5.0
MOST_FAILED_STARTS = 3
PAUSE_SECONDS = 30.0  # without new workers, after so many failed starts

UNWATCHED = "nobody was watching; press Continue to go on"
RESTARTED = "the server was restarted; press Continue"


@dataclass(frozen=True)
class PoolState:
    """The workers, for the page."""

    workers: int  # wanted
    ready: int  # of which torch is loaded
    device: str  # "" until the first worker is ready
    waiting: int  # jobs in the queue


@dataclass(eq=False)
class _Job:
    digest: str
    config: RunConfig  # its steps are the target
    number: int  # order of submission
    turn: float = math.inf  # of its most deserving viewer; the lowest turn is served first
    leases: dict[str, float] = field(default_factory=dict)  # viewer -> monotonic time of expiry
    worker: _Worker | None = None  # None while it waits
    assigned: float = 0.0  # Unix time
    stopped: float | None = None  # monotonic time of a stop its worker has not yet confirmed
    again: bool = False  # asked for once more after that stop


class _Worker:
    """One training process and the two ends of its pipes."""

    def __init__(self, slot: int, command: Sequence[str], settings: Settings, root: Path) -> None:
        self.slot = slot
        self.ready = False
        self.job: _Job | None = None
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
        # A worker that no longer reads must not hold up the one who writes to it.
        with contextlib.suppress(AttributeError, OSError):
            os.set_blocking(self.process.stdin.fileno(), False)

    def send(self, **message: Any) -> None:
        """Never blocks; a worker that cannot take a message is dead, or made so."""
        line = json.dumps(message).encode() + b"\n"
        try:
            if self.process.stdin.write(line) == len(line):
                return
        except (OSError, ValueError):
            pass
        self.kill()

    def hang_up(self) -> None:
        with contextlib.suppress(OSError):
            self.process.stdin.close()

    def kill(self) -> None:
        with contextlib.suppress(OSError):
            self.process.kill()

    def death(self) -> str:
        """How the process ended, in words."""
        code = self.process.wait()
        if code >= 0:
            return f"exit code {code}"
        if code == -getattr(signal, "SIGKILL", 9):
            return "killed, perhaps for lack of memory"
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
        return f"signal {-code}"

    def last_words(self) -> str:
        """The last line that the process wrote to stderr."""
        try:
            lines = self.stderr.read_text(errors="replace").split("\n")
        except OSError:
            return ""
        return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")


class JobQueue:
    """Runs wait here for a worker, fairly; every method may be called from any thread.

    No method waits for a worker. `command` starts a worker in place of the real one, for tests.
    """

    def __init__(
        self, store: RunStore, settings: Settings, command: Sequence[str] | None = None
    ) -> None:
        self.store = store
        self.settings = settings
        self._command = list(command or [sys.executable, "-m", "gan_core.worker"])
        self._lock = threading.RLock()
        self._jobs: dict[str, _Job] = {}
        self._workers: dict[int, _Worker] = {}  # by slot
        self._submitted = 0
        self._turn = 0.0  # of the job that a worker got last
        self._turns: dict[str, float] = {}  # viewer -> turn of the next job
        self._device = ""
        self._failed_starts = 0
        self._failure = ""
        self._paused_until = 0.0
        self._left: deque[str] = deque()
        self._evicted = 0.0
        self._wake = threading.Event()
        self._closed = False
        self._housekeeper = threading.Thread(target=self._keep_house, daemon=True, name="jobs")
        self._housekeeper.start()
        atexit.register(self.close)

    # --- what viewers ask for ------------------------------------------------------------------

    def submit(self, config: RunConfig, viewer: str) -> str:
        """Have `config` trained to `config.steps`, sharing what others already train of it.

        Returns the run's digest. A run that is already there, or has diverged, is not trained
        again. Raises ConfigError if the server does not train that far, StoreError if the store
        cannot be written.
        """
        if config.steps > self.settings.max_steps:
            raise ConfigError(
                "steps",
                f"steps must be a number from 1 to {self.settings.max_steps} on this server, "
                f"not {config.steps}.",
            )
        digest = self.store.create(config)
        self.store.touch(digest)
        with self._lock:
            job = self._jobs.get(digest)
            if job is None and self._trained(config):
                return digest
            if job is None:
                self._submitted += 1
                job = self._jobs[digest] = _Job(digest, config, self._submitted)
            self._queue_up(job, viewer)
            self._lease(job, viewer)
            self._extend(job, config.steps)
            job.again = job.stopped is not None
            self._assign()
        self._evicted = 0.0  # look at the store's size soon
        self._wake.set()
        return digest

    def watch(self, digest: str, viewer: str) -> None:
        """Renew the viewer's lease; to be called while a page shows the run."""
        self.store.touch(digest)
        with self._lock:
            if job := self._jobs.get(digest):
                self._lease(job, viewer)

    def release(self, digest: str, viewer: str) -> None:
        """The viewer has turned to something else; a run that nobody else watches is stopped."""
        self._drop(digest, viewer, UNWATCHED)

    def stop(self, digest: str, viewer: str) -> bool:
        """Stop a run, unless others watch it: then only the viewer's lease ends.

        Returns whether it stops.
        """
        return self._drop(digest, viewer, "stopped by hand")

    def leave(self, viewer: str) -> None:
        """The viewer's tab was closed: its leases run out, unless it comes back and watches.

        Never blocks, not even for the lock.
        """
        self._left.append(viewer)

    def snapshot(self, digest: str) -> RunSnapshot | None:
        """The run as it is now, with its place in the queue; None if there is no such run.

        Raises StoreError if the run's config.json is corrupt.
        """
        stored = self.store.snapshot(digest)
        if stored is None:
            return None
        with self._lock:
            if job := self._jobs.get(digest):
                return stored.standing(*self._status(job, stored.status))
        if stored.status.live and self._abandoned(stored):
            status = dataclasses.replace(
                stored.status, state="stopped", reason=RESTARTED, seconds_left=None
            )
            return stored.standing(status)
        return stored

    def pool(self) -> PoolState:
        with self._lock:
            return PoolState(
                workers=self.settings.workers,
                ready=sum(worker.ready for worker in self._workers.values()),
                device=self._device,
                waiting=len(self._waiting()),
            )

    def close(self) -> None:
        """End the workers; runs in training are checkpointed. Takes up to five seconds."""
        atexit.unregister(self.close)
        with self._lock:
            self._closed = True
            workers = list(self._workers.values())
            for worker in workers:
                worker.hang_up()
        self._wake.set()
        deadline = time.monotonic() + CLOSE_SECONDS
        for worker in workers:
            try:
                worker.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.process.wait()

    # --- jobs; the lock is held ----------------------------------------------------------------

    def _trained(self, config: RunConfig) -> bool:
        try:
            status = self.store.status(config.digest())
        except StoreError:
            return False
        if status is None:
            return False
        return status.state == "diverged" or status.step > config.steps or (
            status.state == "finished" and status.step == config.steps
        )

    def _queue_up(self, job: _Job, viewer: str) -> None:
        """Give a waiting job the turn of this viewer, if that is sooner than its own.

        Each job takes its viewer's next turn, but nobody's turn lies in the past: so a viewer with
        five jobs does not hold up another one's first, nor does a row of newcomers starve anybody.
        """
        if job.worker is None and viewer not in job.leases:
            turn = max(self._turn, self._turns.get(viewer, 0.0))
            self._turns[viewer] = turn + 1
            job.turn = min(job.turn, turn)

    def _lease(self, job: _Job, viewer: str) -> None:
        job.leases[viewer] = time.monotonic() + self.settings.grace_seconds

    def _extend(self, job: _Job, steps: int) -> None:
        if steps <= job.config.steps:
            return
        job.config = job.config.replace(steps=steps)
        if job.worker is not None:
            job.worker.send(extend=job.digest, steps=steps)

    def _drop(self, digest: str, viewer: str, reason: str) -> bool:
        with self._lock:
            job = self._jobs.get(digest)
            if job is None:
                return False
            job.leases.pop(viewer, None)
            if job.leases:
                return False
            if job.worker is None and viewer in self._turns:
                self._turns[viewer] = min(self._turns[viewer], job.turn)  # it was not used
            self._stop(job, reason)
            return True

    def _stop(self, job: _Job, reason: str) -> None:
        job.again = False
        if job.worker is None:
            self._forget(job, "stopped", reason)
        elif job.stopped is None:
            job.stopped = time.monotonic()
            job.worker.send(stop=job.digest, reason=reason)

    def _forget(self, job: _Job, state: str, reason: str) -> None:
        """Take a job that no worker has off the list and say so in its status."""
        del self._jobs[job.digest]
        with contextlib.suppress(OSError, StoreError):
            before = self.store.status(job.digest) or RunStatus("queued", steps=job.config.steps)
            self.store.write_status(
                job.digest,
                dataclasses.replace(before, state=state, reason=reason, seconds_left=None),
            )

    def _waiting(self) -> list[_Job]:
        """Waiting jobs, the next one first."""
        waiting = [job for job in self._jobs.values() if job.worker is None]
        return sorted(waiting, key=lambda job: (job.turn, job.number))

    def _assign(self) -> None:
        for worker in self._workers.values():
            if not worker.ready or worker.job is not None:
                continue
            job = next(iter(self._waiting()), None)
            if job is None:
                return
            job.worker, worker.job, job.assigned = worker, job, time.time()
            job.stopped, job.again = None, False
            self._turn = max(self._turn, job.turn)
            worker.send(run=job.digest, steps=job.config.steps,
                        max_seconds=self.settings.max_seconds)

    def _status(self, job: _Job, stored: RunStatus) -> tuple[RunStatus, int]:
        """The queue's truth about a job, and its place."""
        steps = max(stored.steps, job.config.steps)
        if job.worker is None:
            place = self._waiting().index(job) + 1
            booting = self.settings.workers - sum(w.ready for w in self._workers.values())
            # With nothing but a worker's start between it and its training, it is not queueing.
            state, place = ("starting", 0) if place <= booting else ("queued", place)
        elif stored.updated < job.assigned:  # its worker has not said anything yet
            state, place = "starting", 0
        else:
            # Trained to a target that has moved on meanwhile, or stopped and asked for again.
            goes_on = job.again or (stored.state == "finished" and stored.step < job.config.steps)
            state = "running" if goes_on and not stored.live else stored.state
            return dataclasses.replace(stored, state=state, steps=steps), 0
        return dataclasses.replace(
            stored, state=state, steps=steps, reason="", seconds_left=None
        ), place

    def _abandoned(self, stored: RunSnapshot) -> bool:
        """Whether a live status has no writer any more; another process may have one."""
        fresh = abs(time.time() - stored.status.updated) < FRESH_SECONDS
        return not fresh and not self.store.locked(stored.digest)

    # --- workers -------------------------------------------------------------------------------

    def _listen(self, worker: _Worker) -> None:
        """The reader thread of one worker, until its process ends."""
        with io.BufferedReader(worker.process.stdout) as lines:
            for line in lines:
                # A line that is not the protocol's is not worth losing the worker for.
                with contextlib.suppress(ValueError, TypeError, KeyError), self._lock:
                    self._hear(worker, json.loads(line))
        death = worker.death()
        with self._lock:
            self._bury(worker, death)
        self._wake.set()

    def _hear(self, worker: _Worker, message: dict[str, Any]) -> None:
        if message["event"] == "ready":
            worker.ready, self._device, self._failed_starts = True, message.get("device", ""), 0
        elif message["event"] == "ended" and worker.job is not None:
            self._end(worker, message)
        self._assign()

    def _end(self, worker: _Worker, message: dict[str, Any]) -> None:
        job, worker.job = worker.job, None
        job.worker = None
        short = message["outcome"] == "finished" and message["step"] < job.config.steps
        if (job.again or short) and job.leases:
            job.stopped, job.again = None, False  # it waits for a worker once more
        else:
            del self._jobs[job.digest]

    def _bury(self, worker: _Worker, death: str) -> None:
        self._workers.pop(worker.slot, None)
        worker.hang_up()
        if self._closed:
            return
        if not worker.ready:
            self._failed_starts += 1
            words = worker.last_words()
            self._failure = f"the training process does not start ({death})" + (
                f": {words}" if words else ""
            )
            if self._failed_starts >= MOST_FAILED_STARTS:
                self._failed_starts = 0
                self._paused_until = time.monotonic() + PAUSE_SECONDS
        if (job := worker.job) is not None:
            job.worker = None
            self._forget(
                job, "failed",
                f"the training process ended unexpectedly ({death}); press Continue to go on "
                "from the last checkpoint",
            )

    def _hire(self) -> None:
        """Start the workers that are missing."""
        for slot in range(self.settings.workers):
            with self._lock:
                if self._closed or slot in self._workers:
                    continue
                try:
                    self.store.root.mkdir(parents=True, exist_ok=True)
                    worker = _Worker(slot, self._command, self.settings, self.store.root)
                except OSError as error:
                    self._failure = f"the training process does not start ({error})"
                    self._paused_until = time.monotonic() + PAUSE_SECONDS
                    return
                self._workers[slot] = worker
            threading.Thread(target=self._listen, args=[worker], daemon=True,
                             name=f"worker-{slot}").start()

    # --- housekeeping --------------------------------------------------------------------------

    def _keep_house(self) -> None:
        while not self._closed:
            try:
                self._round()
            except Exception:  # whatever goes wrong in one round, the next one must come
                traceback.print_exc()
            self._wake.wait(HOUSEKEEPING_SECONDS)
            self._wake.clear()

    def _round(self) -> None:
        now = time.monotonic()
        if now >= self._paused_until:
            self._hire()
        with self._lock:
            if now < self._paused_until and not self._workers:
                for job in self._waiting():
                    self._forget(job, "failed", self._failure)
            self._shorten_leases(now)
            for job in list(self._jobs.values()):
                self._check(job, now)
            self._assign()
            self._turns = {v: turn for v, turn in self._turns.items() if turn > self._turn}
            keep = set(self._jobs)
        if now - self._evicted >= EVICTION_SECONDS or self._evicted == 0.0:
            self._evicted = now
            self.store.evict(keep)

    def _shorten_leases(self, now: float) -> None:
        while self._left:
            viewer = self._left.popleft()
            for job in self._jobs.values():
                if viewer in job.leases:
                    job.leases[viewer] = min(
                        job.leases[viewer], now + self.settings.grace_seconds
                    )

    def _check(self, job: _Job, now: float) -> None:
        job.leases = {viewer: end for viewer, end in job.leases.items() if end > now}
        if not job.leases:
            self._stop(job, UNWATCHED)
        if job.worker is not None and job.stopped is not None and (
            now - job.stopped > STUCK_SECONDS
        ):
            job.worker.kill()


def _environment(settings: Settings, root: Path) -> dict[str, str]:
    """What a worker needs to know, and where it finds this package."""
    package = str(Path(__file__).resolve().parent.parent)
    path = os.environ.get("PYTHONPATH")
    return {
        **os.environ,
        "GAN_LAB_STORE": str(root),
        "GAN_LAB_STORE_MB": str(settings.store_megabytes),
        "GAN_LAB_THREADS": str(settings.threads),
        "GAN_LAB_DEVICE": settings.device,
        "PYTHONPATH": package + os.pathsep + path if path else package,
    }
