"""JobQueue: shares a pool of warm training processes among everybody who looks at the pages.

A run is named by the digest of its config, so equal settings share one training, whoever asks. Each
viewer of a run holds a lease that watching renews; a run that nobody watches any more is stopped,
with a checkpoint, and can be continued. Prices are measured in the same queue, by the same rules;
what is measured once is there for all. Torch-free: the workers are processes of their own, and
nothing that happens to one reaches the web server or another run.
"""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import math
import threading
import time
import traceback
from collections import Counter, deque
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from gan_core.config.batching import MOST_RUNS, batch_key
from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError
from gan_core.cost.prices import Price, PriceRequest, PriceStore
from gan_core.runs.eviction import evict
from gan_core.runs.store import RunSnapshot, RunStatus, RunStore, StoreError
from gan_core.serving.pool import Pool, PoolState, Worker
from gan_core.serving.scheduler import Job, Turns, order
from gan_core.system.settings import Settings

HOUSEKEEPING_SECONDS = 1.0
EVICTION_SECONDS = 30.0
FRESH_SECONDS = 3.0  # a status younger than this has a living writer
STUCK_SECONDS = 30.0  # a worker that has not obeyed a stop for this long is killed
MOST_OF_A_VIEWER = 4  # live runs, or batches of them, that one viewer may have asked for
MOST_ALIKE = 2 * MOST_RUNS  # runs in such batches
MOST_PRICES = 8  # and prices that are being measured for one
MOST_WAITING = 100  # runs that may wait in all
MOST_FAILURES = 200  # failed prices that are remembered

UNWATCHED = "nobody was watching; press Continue to go on"
RELEASED = "its viewer turned to another run; press Continue to go on"
RESTARTED = "the server was restarted; press Continue"


@dataclasses.dataclass(frozen=True)
class PriceLook:
    """A price as it is known now; `failure` is one sentence, "" where none has failed."""

    price: Price | None
    live: bool  # whether it is waited for
    failure: str = ""


class QueueFull(ValueError):
    """A run that is not taken on because too many are already; the message is one sentence."""


class JobQueue:
    """Runs wait here for a worker, fairly; every method may be called from any thread.

    No method waits for a worker. `command` starts a worker in place of the real one, for tests.
    """

    def __init__(
        self, store: RunStore, settings: Settings, command: Sequence[str] | None = None
    ) -> None:
        self.store = store
        self.settings = settings
        self._lock = threading.RLock()
        self._jobs: dict[str, Job] = {}
        self._pool = Pool(settings, store.root, command, self._lock, self._hear, self._bury)
        self._turns = Turns()
        self._prices = PriceStore(store.root)
        self._failures: dict[str, str] = {}  # of prices, by name, since they were asked for last
        self._submitted = 0
        self._left: deque[str] = deque()
        self._evicted = 0.0
        self._wake = threading.Event()
        self._housekeeper = threading.Thread(target=self._keep_house, daemon=True, name="jobs")
        self._housekeeper.start()
        atexit.register(self.close)

    # --- what viewers ask for ------------------------------------------------------------------

    def submit(self, config: RunConfig, viewer: str) -> str:
        """Have `config` trained to `config.steps`, sharing what others already train of it.

        Returns the run's digest. A run that is already there, or has diverged, is not trained
        again. Raises ConfigError if the server does not train that far, QueueFull if the run would
        be one too many, StoreError if the store cannot be written.
        """
        return self.submit_together([config], viewer)[0]

    def submit_together(self, configs: Sequence[RunConfig], viewer: str) -> list[str]:
        """`submit` for runs such as the seeds of a band: those that the batched trainer can take
        together are trained so. If one is refused, none is taken on.
        """
        with self._lock:
            # Before anything is written.
            self._refuse_too_many(viewer, [batch_key(config) or config.digest()
                                           for config in configs if self._new_here(config)])
            try:
                return [self._submit(config, viewer) for config in configs]
            finally:
                self._assign()
                self._evicted = 0.0  # look at the store's size soon
                self._wake.set()

    def measure(self, request: PriceRequest, viewer: str) -> None:
        """Have a price measured, sharing what others already wait for; it renews the lease, too.

        What is known of this machine is not measured again. Raises QueueFull.
        """
        with self._lock:
            job = self._jobs.get(request.name)
            if job is None:
                if self._measured(request) is not None:
                    return
                self._refuse_too_many(viewer, [request.name], prices=True)
                self._failures.pop(request.name, None)
                job = self._new(request.name, request.config, request)
            self._join(job, viewer)
            self._assign()
        self._wake.set()

    def price(self, request: PriceRequest) -> PriceLook:
        """What is known of a price on this machine."""
        with self._lock:
            live, failure = request.name in self._jobs, self._failures.get(request.name, "")
        return PriceLook(self._measured(request), live, failure)

    def forget(self, request: PriceRequest) -> None:
        """Give up what is known of a price, so that it can be measured anew."""
        with self._lock:
            self._failures.pop(request.name, None)
        self._prices.remove(request)

    def watch(self, digest: str, viewer: str) -> None:
        """Renew the viewer's lease; to be called while a page shows the run."""
        self.store.touch(digest)
        with self._lock:
            if job := self._jobs.get(digest):
                self._lease(job, viewer)

    def release(self, digest: str, viewer: str) -> None:
        """The viewer has turned to something else; a run that nobody else watches is stopped."""
        self._drop(digest, viewer, RELEASED)

    def stop(self, digest: str, viewer: str) -> bool:
        """Stop a run, unless others watch it: then only the viewer's lease ends.

        Returns False if others still watch it, True if it stops or has ended already.
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
                ready=len(self._pool.ready),
                device=self._pool.device,
                waiting=len(self._waiting()),
            )

    def close(self) -> None:
        """End the workers; runs in training are checkpointed. Takes up to five seconds."""
        atexit.unregister(self.close)
        self._pool.close()
        self._wake.set()

    # --- jobs; the lock is held ----------------------------------------------------------------

    def _new_here(self, config: RunConfig) -> bool:
        """Whether a run is to be trained that nobody waits for yet. Raises ConfigError."""
        if config.steps > self.settings.max_steps:
            raise ConfigError(
                "steps",
                f"steps must be a number from 1 to {self.settings.max_steps} on this server, "
                f"not {config.steps}.",
            )
        return config.digest() not in self._jobs and not self._trained(config)

    def _submit(self, config: RunConfig, viewer: str) -> str:
        digest, new = config.digest(), self._new_here(config)
        self.store.create(config)
        self.store.touch(digest)
        if new:
            self._new(digest, config)
        if job := self._jobs.get(digest):
            self._join(job, viewer)
            self._extend(job, config.steps)
        return digest

    def _trained(self, config: RunConfig) -> bool:
        try:
            status = self.store.status(config.digest())
        except StoreError:
            return False
        return status is not None and (
            status.state == "diverged" or status.step > config.steps
            or (status.state == "finished" and status.step == config.steps)
        )

    def _measured(self, request: PriceRequest) -> Price | None:
        """The stored price, if it is this machine's: the store may have come from another."""
        found = self._prices.read(request)
        if found is None or self._pool.device not in ("", found.device):
            return None
        return found

    def _new(self, name: str, config: RunConfig, request: PriceRequest | None = None) -> Job:
        self._submitted += 1
        job = self._jobs[name] = Job(name, config, self._submitted, request)
        return job

    def _join(self, job: Job, viewer: str) -> None:
        """The viewer waits for this job as well."""
        self._queue_up(job, viewer)
        self._lease(job, viewer)
        job.again = job.stopped is not None

    def _refuse_too_many(self, viewer: str, new: Sequence[Hashable], prices: bool = False) -> None:
        """Raises QueueFull if this viewer or the queue may not have one more in each of the groups
        `new`, of runs or of prices.

        They are counted apart: measuring must not keep a visitor from training. As many runs as can
        be trained together count as one.
        """
        if not new:
            return
        own = Counter(new)
        own.update(job.group for job in self._jobs.values()
                   if viewer in job.leases and (job.request is not None) == prices)
        most, what = (MOST_PRICES, "prices") if prices else (MOST_OF_A_VIEWER, "runs")
        if _batches(own) > most or own.total() > MOST_ALIKE:
            raise QueueFull(
                f"You already have {most} {what} in training or in the queue; stop one of them, or "
                "wait until one has finished."
            )
        if len(self._waiting()) + len(new) > MOST_WAITING:
            raise QueueFull(
                f"{len(self._waiting())} runs are waiting for a worker already; try again in a few "
                "minutes."
            )

    def _queue_up(self, job: Job, viewer: str) -> None:
        """Give a waiting job the turn of this viewer, if that is sooner than its own."""
        if job.worker is not None or viewer in job.leases:
            return
        mates = [other.turn for other in self._waiting()
                 if viewer in other.leases and other.group == job.group]
        # Runs that are trained together take one turn; a batch more takes another.
        turn = self._turns.take(viewer) if len(mates) % MOST_RUNS == 0 else max(mates)
        job.turn = min(job.turn, turn)

    def _lease(self, job: Job, viewer: str) -> None:
        job.leases[viewer] = time.monotonic() + self.settings.grace_seconds

    def _extend(self, job: Job, steps: int) -> None:
        if steps <= job.config.steps:
            return
        job.config = job.config.replace(steps=steps)
        if job.worker is not None:
            job.worker.send(extend=job.name, steps=steps)

    def _drop(self, digest: str, viewer: str, reason: str) -> bool:
        """End the viewer's lease, and the run with the last one; whether nothing goes on."""
        with self._lock:
            job = self._jobs.get(digest)
            if job is None:
                return True
            job.leases.pop(viewer, None)
            if job.leases:
                return False
            if job.worker is None:
                self._turns.give_back(viewer, job.turn)
            self._stop(job, reason)
            return True

    def _stop(self, job: Job, reason: str) -> None:
        job.again = False
        if job.worker is None:
            self._forget(job, "stopped", reason)
        elif job.stopped is None:
            job.stopped = time.monotonic()
            job.worker.send(stop=job.name, reason=reason)

    def _forget(self, job: Job, state: str, reason: str) -> None:
        """Take a job that no worker has off the list and say so in its status."""
        del self._jobs[job.name]
        if job.request is not None:
            self._note(job.name, state, reason)
            return
        with contextlib.suppress(OSError, StoreError):
            before = self.store.status(job.name) or RunStatus("queued", steps=job.config.steps)
            self.store.write_status(
                job.name,
                dataclasses.replace(before, state=state, reason=reason, seconds_left=None),
            )

    def _note(self, name: str, outcome: str, reason: str) -> None:
        """Remember why a price could not be measured."""
        if outcome == "failed":
            self._failures[name] = reason
            while len(self._failures) > MOST_FAILURES:
                del self._failures[next(iter(self._failures))]

    def _waiting(self) -> list[Job]:
        """Waiting jobs, the next one first."""
        waiting = [job for job in self._jobs.values() if job.worker is None]
        return sorted(waiting, key=lambda job: (job.turn, job.number))

    def _assign(self) -> None:
        busy = {job.worker for job in self._jobs.values()}
        idle = [worker for worker in self._pool.ready if worker not in busy]
        while idle and (waiting := self._waiting()):
            # A worker that is still loading torch has its share as well.
            free = sum(worker not in busy for worker in self._pool.workers.values())
            jobs = _together(waiting, free)
            busy.add(worker := idle.pop(0))
            for job in jobs:
                job.worker, job.assigned = worker, time.time()
                job.stopped, job.again = None, False
            self._turns.serve(jobs[0].turn)  # the others ride along
            worker.send(**order(jobs, self.settings.max_seconds))

    def _status(self, job: Job, stored: RunStatus) -> tuple[RunStatus, int]:
        """The queue's truth about a job, and its place."""
        steps = max(stored.steps, job.config.steps)
        if job.worker is None:
            place = self._waiting().index(job) + 1
            booting = self.settings.workers - len(self._pool.ready)
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

    # --- what workers tell; the lock is held -----------------------------------------------------

    def _hear(self, worker: Worker, message: dict[str, Any]) -> None:
        job = self._jobs.get(message.get("run", ""))
        if message["event"] == "ended" and job is not None and job.worker is worker:
            job.worker = None
            if job.leases and (job.again or _short(job, message)):
                job.stopped, job.again = None, False  # it waits for a worker once more
            else:
                del self._jobs[job.name]
                if job.request is not None:
                    self._note(job.name, message["outcome"], message["reason"])
        self._assign()

    def _bury(self, worker: Worker, death: str) -> None:
        for job in [job for job in self._jobs.values() if job.worker is worker]:
            job.worker = None
            how = "press Continue to go on from the last checkpoint"
            if job.request is not None:
                how = "measure again"
            self._forget(
                job, "failed", f"The training process ended unexpectedly ({death}); {how}.")
        self._wake.set()

    # --- housekeeping --------------------------------------------------------------------------

    def _keep_house(self) -> None:
        while not self._pool.closed:
            try:
                self._round()
            except Exception:  # whatever goes wrong in one round, the next one must come
                traceback.print_exc()
            self._wake.wait(HOUSEKEEPING_SECONDS)
            self._wake.clear()

    def _round(self) -> None:
        now = time.monotonic()
        self._pool.hire()
        with self._lock:
            if self._pool.given_up:
                for job in self._waiting():
                    self._forget(job, "failed", self._pool.failure)
            self._shorten_leases(now)
            for job in list(self._jobs.values()):
                self._check(job, now)
            self._assign()
            keep = set(self._jobs)
        if now - self._evicted >= EVICTION_SECONDS or self._evicted == 0.0:
            self._evicted = now
            evict(self.store, keep)

    def _shorten_leases(self, now: float) -> None:
        while self._left:
            viewer = self._left.popleft()
            for job in self._jobs.values():
                if viewer in job.leases:
                    job.leases[viewer] = min(
                        job.leases[viewer], now + self.settings.grace_seconds
                    )

    def _check(self, job: Job, now: float) -> None:
        job.leases = {viewer: end for viewer, end in job.leases.items() if end > now}
        if not job.leases:
            self._stop(job, UNWATCHED)
        if job.worker is not None and job.stopped is not None and (
            now - job.stopped > STUCK_SECONDS
        ):
            job.worker.kill()


def _short(job: Job, message: dict[str, Any]) -> bool:
    """Whether a run was trained to a target that has moved on meanwhile."""
    return (job.request is None and message["outcome"] == "finished"
            and message["step"] < job.config.steps)


def _batches(runs: Mapping[Hashable, int]) -> int:
    """How often a worker has to begin for so many runs of each group."""
    return sum(math.ceil(count / MOST_RUNS) for count in runs.values())


def _together(waiting: Sequence[Job], workers: int) -> list[Job]:
    """Of the waiting jobs, in their order, those that one of so many free workers takes at once.

    Runs that can be trained together are spread evenly over the workers: each has a core.
    """
    alike = [job for job in waiting if job.group == waiting[0].group]
    return alike[: min(math.ceil(len(alike) / workers), MOST_RUNS)]
