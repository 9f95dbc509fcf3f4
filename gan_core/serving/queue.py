"""JobQueue: shares a pool of warm training processes among all viewers of the pages.

A run is named by the digest of its config, so equal settings share one training, whoever submits
them. Each viewer of a run holds a lease that watching renews; a run that nobody watches any more is
stopped, with a checkpoint, and can be continued. Prices are measured in the same queue, by the same
rules. Torch-free: the workers are processes of their own, and nothing that happens to one reaches
the web server or another run.
"""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import threading
import time
from collections.abc import Hashable, Sequence

from gan_core.config.batching import batch_key
from gan_core.config.run_config import RunConfig
from gan_core.cost.prices import PriceRequest
from gan_core.runs.snapshots import RunSnapshot, empty_snapshot
from gan_core.runs.status import RunStatus, StoreError
from gan_core.runs.store import RunStore
from gan_core.serving.admission import QueueFull, refuse_too_many, refuse_unfit
from gan_core.serving.dispatcher import Dispatcher
from gan_core.serving.housekeeping import Housekeeper
from gan_core.serving.jobs import Job, waiting_status
from gan_core.serving.people import People
from gan_core.serving.pool import PoolState
from gan_core.serving.price_requests import PriceRequests, PriceState
from gan_core.serving.run_folders import RunFolders
from gan_core.serving.run_lists import RunLists
from gan_core.serving.scheduler import Clock, Scheduler
from gan_core.serving.unwritten_outcomes import UnwrittenOutcomes
from gan_core.serving.waiting_time import WaitingTimes
from gan_core.system.settings import Settings

UNWATCHED = "nobody was watching; press Continue to go on"
HIDDEN_SECONDS = 150.0  # a lease of a hidden tab, whose timers browsers hold back to one a minute
RETURN_SECONDS = 75.0  # of such a lease after the connection: it may be lost, not closed
RELEASED = "you switched to another run; press Continue to go on"
STOPPED = "stopped by hand"


class JobQueue:
    """The viewers' side of the queue: they submit, watch and stop runs, and have prices measured.

    Every method may be called from any thread, and none waits for a worker. `command` starts a
    worker in place of the real one, and `clock` says how long who has waited, for tests.
    """

    def __init__(
        self, store: RunStore, settings: Settings, command: Sequence[str] | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self.store = store
        self.settings = settings
        self.refusals = 0  # of runs and prices; whoever asks again is counted again
        # Guards scheduler, dispatcher, people, failures of prices. Whoever holds it reads and
        # writes no files and starts no process: every page waits for it at every refresh.
        self._lock = threading.RLock()
        self._people = People()
        self._scheduler = Scheduler(self._people, settings.workers, settings.memory, clock)
        self._waiting_times = WaitingTimes(
            self._scheduler, settings.workers, settings.max_seconds, clock)
        self._prices = PriceRequests(store.root)
        self._outcomes = UnwrittenOutcomes(store)
        self._folders = RunFolders(store, self._outcomes)
        self._dispatcher = Dispatcher(
            store.root, settings, command, self._lock, self._scheduler, self._prices,
            self._outcomes, on_change=self._on_change,
        )
        self._housekeeper = Housekeeper([
            self._dispatcher.hire, self._look_at_training, self._check_jobs,
            self._folders.settle, self._make_room])
        self._housekeeper.start()
        atexit.register(self.close)

    # --- viewers -------------------------------------------------------------------------------

    def arrive(self, viewer: str, person: str) -> None:
        """A tab of this person was opened, who shares what one person may ask of the queue."""
        with self._lock:
            self._people.arrive(viewer, person)

    @property
    def lists(self) -> RunLists:
        """Which runs each person has."""
        return self._folders.lists

    def runs(self) -> set[str]:
        """The digests of all runs that are in training or wait for it, here."""
        return self._names_of_jobs()

    def people(self) -> int:
        """How many people have tabs open."""
        with self._lock:
            return len(self._people)

    def leave(self, viewer: str) -> None:
        """The viewer's tab was closed: its leases run out, unless it comes back and watches.

        Never blocks, not even for the lock.
        """
        self._people.leave(viewer)

    # --- runs ----------------------------------------------------------------------------------

    def submit(self, config: RunConfig, viewer: str) -> str:
        """Have `config` trained to `config.steps`, sharing what others already train of it.

        Returns the run's digest. A run that is already there, or has diverged, is not trained
        again. Raises ConfigError if the server does not train that far or has not the memory,
        QueueFull if the run would be one too many, StoreError if the store cannot be written.
        """
        return self.submit_together([config], viewer)[0]

    def submit_together(self, configs: Sequence[RunConfig], viewer: str) -> list[str]:
        """`submit` several runs, such as the seeds of a band, as one batch where that is possible.

        If one is refused, none is taken on.
        """
        trained = {config.digest() for config in configs if self._folders.trained(config)}
        for config in configs:
            if config.digest() not in trained:
                refuse_unfit(config, self.settings)
        with self._folders.making:
            with self._lock:  # before anything is written
                self._refuse_too_many(viewer, [
                    batch_key(config) or config.digest() for config in configs
                    if config.digest() not in trained | self._scheduler.jobs.keys()])
            written = [self._folders.make(config) for config in configs]
            with self._lock:
                for config, status in zip(configs, written, strict=True):
                    self._submit(config, viewer, status, config.digest() in trained)
                self._dispatcher.assign()
        self._housekeeper.wake()
        return [config.digest() for config in configs]

    def _refuse_too_many(
        self, viewer: str, groups: Sequence[Hashable], prices: bool = False
    ) -> None:
        try:
            refuse_too_many(self._scheduler, viewer, groups, prices, self._waiting_times.soonest)
        except QueueFull:
            self.refusals += 1
            raise

    def watch(self, digest: str, viewer: str, seconds: float = 0.0, person: str = "") -> None:
        """Renew the viewer's lease; to be called while a page shows the run.

        A viewer that may be late next time asks for a lease of at least `seconds`. Whoever may
        have left meanwhile says whose tab it is: what the run takes then counts for that person.
        """
        self.store.touch(digest)
        with self._lock:
            if job := self._scheduler.jobs.get(digest):
                if person:
                    self._people.watches(viewer, person)
                self._lease(job, viewer, seconds)

    def release(self, digest: str, viewer: str) -> None:
        """The viewer now shows another run; a run that nobody else watches is stopped."""
        self._end_lease(digest, viewer, RELEASED)

    def stop(self, digest: str, viewer: str) -> bool:
        """Stop a run, unless others watch it: then only the viewer's lease ends.

        Returns False if others still watch it, True if it stops or has ended already.
        """
        return self._end_lease(digest, viewer, STOPPED)

    def snapshot(self, digest: str) -> RunSnapshot | None:
        """The run as it is now, with its place in the queue; None if there is no such run.

        Raises StoreError if the run's config.json is corrupt.
        """
        stored, problem = None, None
        try:
            stored = self.store.snapshot(digest)
        except StoreError as error:
            problem = error
        with self._lock:
            if job := self._scheduler.jobs.get(digest):
                # Even if its files cannot be read for a moment: it goes on, and can be stopped.
                shown = self._live_snapshot(job, stored or empty_snapshot(job.config, "starting"))
                return dataclasses.replace(shown, watching=len(job.leases))
        if problem is not None:
            raise problem
        return self._folders.shown(digest, stored)

    # --- prices --------------------------------------------------------------------------------

    def measure(self, request: PriceRequest, viewer: str, seconds: float = 0.0) -> None:
        """Have a price measured, sharing what others already wait for; it renews the lease, too,
        as `watch` does.

        A price that is known on this machine is not measured again. Raises QueueFull.
        """
        measured = self._prices.measured(request, self._dispatcher.device)
        with self._lock:
            job = self._scheduler.jobs.get(request.name)
            if job is None:
                if measured is not None:
                    return
                self._refuse_too_many(viewer, [request.name], prices=True)
                self._prices.forget_failure(request.name)
                job = self._scheduler.add(request.name, request.config, request)
            self._join(job, viewer)
            self._lease(job, viewer, seconds)
            self._dispatcher.assign()
        self._housekeeper.wake()

    def price(self, request: PriceRequest) -> PriceState:
        """What is known of a price on this machine."""
        with self._lock:
            live = request.name in self._scheduler.jobs
            failure = self._prices.failure(request.name)
        return PriceState(self._prices.measured(request, self._dispatcher.device), live, failure)

    def forget(self, request: PriceRequest) -> None:
        """Remove what is known of a price, so that it can be measured again."""
        with self._lock:
            self._prices.forget_failure(request.name)
        self._prices.remove(request)

    # --- the workers ---------------------------------------------------------------------------

    def pool(self) -> PoolState:
        """How many workers there are, and how many jobs wait for them."""
        with self._lock:
            return self._dispatcher.state()

    def close(self) -> None:
        """End the workers; runs in training are checkpointed. Takes up to five seconds."""
        atexit.unregister(self.close)
        self._housekeeper.dismiss()
        self._dispatcher.close()

    # --- jobs; the lock is held ----------------------------------------------------------------

    def _submit(
        self, config: RunConfig, viewer: str, stored: RunStatus | None, trained: bool
    ) -> None:
        digest = config.digest()
        if digest not in self._scheduler.jobs and not trained:
            self._outcomes.forget(digest)
            added = self._scheduler.add(digest, config)
            if stored is not None:
                added.before, added.reached = stored.updated, stored.step
        if job := self._scheduler.jobs.get(digest):
            self._join(job, viewer)
            self._dispatcher.extend(job, config.steps)

    def _join(self, job: Job, viewer: str) -> None:
        """The viewer waits for this job as well."""
        self._scheduler.join(job, viewer)
        self._lease(job, viewer)
        job.again = job.stopped is not None

    def _lease(self, job: Job, viewer: str, seconds: float = 0.0) -> None:
        end = time.monotonic() + max(seconds, self.settings.grace_seconds)
        # Never shorter: parts of one page renew the same lease, each for as long as it may be late.
        job.leases[viewer] = max(end, job.leases.get(viewer, end))

    def _end_lease(self, digest: str, viewer: str, reason: str) -> bool:
        """End the viewer's lease, and the run with the last one; whether nobody watches it now."""
        with self._lock:
            job = self._scheduler.jobs.get(digest)
            if job is None:
                return True
            self._scheduler.leave(job, viewer)
            if job.leases:
                return False
            self._dispatcher.stop(job, reason)
        self._folders.settle()
        return True

    def _live_snapshot(self, job: Job, stored: RunSnapshot) -> RunSnapshot:
        """What is stored of a run, with its place and the status that its job gives it."""
        if job.worker is not None:
            return stored.with_status(job.status(stored.status))
        place = self._scheduler.queue_position(job)
        # With nothing but a worker's start between it and its training, it does not queue.
        about_to_start = place <= self._dispatcher.starting
        state, place = ("starting", 0) if about_to_start else ("queued", place)
        steps = max(stored.status.steps, job.config.steps)
        wait = None if about_to_start else self._waiting_times.seconds(job)
        return stored.with_status(waiting_status(state, stored.status, steps), place, wait)

    # --- housekeeping --------------------------------------------------------------------------

    def _on_change(self) -> None:
        self._folders.settle()
        self._housekeeper.wake()

    def _look_at_training(self) -> None:
        """See how far the runs in training are, from which follows how long others wait."""
        with self._lock:
            training = [job.name for job in self._scheduler.jobs.values()
                        if job.worker is not None and job.request is None]
        statuses = {}
        for digest in training:
            with contextlib.suppress(StoreError):
                if (status := self.store.status(digest)) is not None:
                    statuses[digest] = status
        with self._lock:
            self._waiting_times.observe(statuses, self._dispatcher.device)

    def _check_jobs(self) -> None:
        now = time.monotonic()
        with self._lock:
            self._dispatcher.fail_without_workers()
            self._say_goodbye(now)
            for job in list(self._scheduler.jobs.values()):
                for viewer in [viewer for viewer, end in job.leases.items() if end <= now]:
                    self._scheduler.leave(job, viewer)
                if not job.leases:
                    self._dispatcher.stop(job, UNWATCHED)
            self._dispatcher.kill_stuck(now)
            self._dispatcher.assign()
            self._dispatcher.make_room()

    def _say_goodbye(self, now: float) -> None:
        """To viewers whose tab was closed: they may come back for a while, as after a reload; or
        only the connection is lost, and a hidden tab goes on watching once a minute."""
        end = now + max(self.settings.grace_seconds, RETURN_SECONDS)
        for viewer in self._people.leaving():
            leases = [job.leases for job in self._scheduler.jobs.values() if viewer in job.leases]
            for lease in leases:
                lease[viewer] = min(lease[viewer], end)
            if not leases:
                self._people.forget(viewer)

    def _make_room(self) -> None:
        self._folders.make_room(self._names_of_jobs)

    def _names_of_jobs(self) -> set[str]:
        with self._lock:
            return set(self._scheduler.jobs)
