"""The dispatcher: hands the scheduler's jobs to workers and hears from them how they end.

How a run ends goes to `outcomes`, which writes it down later, without the queue's lock. Torch-free.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gan_core.serving.jobs import Job, worker_message
from gan_core.serving.pool import Pool, PoolState, Worker
from gan_core.serving.price_requests import PriceRequests
from gan_core.serving.scheduler import Scheduler
from gan_core.serving.unwritten_outcomes import UnwrittenOutcomes
from gan_core.system.settings import Settings

STUCK_SECONDS = 30.0  # a worker that has not obeyed a stop for this long is killed
# What is written of a run that waits once more; read where the server ended before it went on.
YIELDED = "it made room for others who waited; press Continue to go on"


class Dispatcher:
    """The workers' side of the queue. Whoever calls it holds `lock`, but for `hire` and `close`.

    `on_change` is called, without the lock, when jobs have ended or a worker has died: there are
    outcomes to be settled and workers to be hired.
    """

    def __init__(
        self,
        root: Path,
        settings: Settings,
        command: Sequence[str] | None,
        lock: threading.RLock,
        scheduler: Scheduler,
        prices: PriceRequests,
        outcomes: UnwrittenOutcomes,
        on_change: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._lock = lock
        self._scheduler = scheduler
        self._prices = prices
        self._outcomes = outcomes
        self._on_change = on_change
        self._pool = Pool(settings, root, command, lock, self._on_message, self._on_death)

    # --- the pool ------------------------------------------------------------------------------

    @property
    def device(self) -> str:
        """The device on which workers train; "" while it is not known."""
        return self._pool.device

    @property
    def starting(self) -> int:
        """How many workers are missing or still loading torch."""
        return self._settings.workers - len(self._pool.ready)

    @property
    def closed(self) -> bool:
        return self._pool.closed

    def state(self) -> PoolState:
        waiting, ready = len(self._scheduler.waiting()), len(self._pool.ready)
        return PoolState(
            workers=self._settings.workers,
            ready=ready,
            device=self._pool.device,
            waiting=waiting,
            training=len(self._scheduler.jobs) - waiting,
            failure="" if ready else self._pool.failure,
        )

    def hire(self) -> None:
        """Start the workers that are missing."""
        self._pool.hire()

    def close(self) -> None:
        """End the workers; runs in training are checkpointed. Takes up to five seconds."""
        self._pool.close()

    # --- jobs ----------------------------------------------------------------------------------

    def assign(self) -> None:
        """Give each idle worker its next jobs."""
        busy = {job.worker for job in self._scheduler.jobs.values()}
        idle = [worker for worker in self._pool.ready if worker not in busy]
        while idle and self._scheduler.waiting():
            # A worker that is still loading torch has its share as well.
            free = sum(worker not in busy for worker in self._pool.workers.values())
            if not (jobs := self._scheduler.next_jobs(free)):
                return  # what waits is too large to be trained beside the others
            busy.add(worker := idle.pop(0))
            self._scheduler.assign(jobs, worker)
            worker.send(**worker_message(jobs, self._settings.max_seconds))

    def extend(self, job: Job, steps: int) -> None:
        """Raise the target of a run, if this is further than it goes already."""
        if steps <= job.config.steps:
            return
        job.config = job.config.replace(steps=steps)
        if job.worker is not None:
            job.worker.send(extend=job.name, steps=steps)

    def stop(self, job: Job, reason: str) -> None:
        """A waiting job ends at once; of one in training, the worker is asked to stop it."""
        job.again = False
        if job.worker is None:
            self._remove(job, "stopped", reason)
        elif job.stopped is None or job.yields:
            self._send_stop(job, reason)
            job.yields = False

    def make_room(self) -> None:
        """Have one worker give back what it trains where somebody has waited for too long."""
        for job in self._scheduler.yielding():
            self._send_stop(job, YIELDED)
            job.yields = job.again = True

    @staticmethod
    def _send_stop(job: Job, reason: str) -> None:
        job.stopped = time.monotonic()
        if job.worker is not None:
            job.worker.send(stop=job.name, reason=reason)

    def fail_without_workers(self) -> None:
        """End the waiting jobs if workers do not start."""
        if self._pool.given_up:
            for job in self._scheduler.waiting():
                self._remove(job, "failed", self._pool.failure)

    def kill_stuck(self, now: float) -> None:
        """Kill workers that have not obeyed a stop for STUCK_SECONDS."""
        for job in self._scheduler.jobs.values():
            stuck = job.stopped is not None and now - job.stopped > STUCK_SECONDS
            # Who makes room may be at a long step: that must not cost the run.
            if job.worker is not None and stuck and not job.yields:
                job.worker.kill(f"it did not stop for {STUCK_SECONDS:g} s after it was asked to")

    def _on_message(self, worker: Worker, message: dict[str, Any]) -> None:
        with self._lock:
            job = self._scheduler.jobs.get(message.get("run", ""))
            if message["event"] == "ended" and job is not None and job.worker is worker:
                self._ended(job, message)
            self.assign()
        self._on_change()

    def _ended(self, job: Job, message: dict[str, Any]) -> None:
        """The worker has ended a job, and written the status of a run, if it could."""
        outcome, reason = message["outcome"], message["reason"]
        early = job.ended_early(message)
        again = job.again and (outcome == "stopped" or not job.yields)
        if job.leases and (early or again):
            goes_on = early and not job.again
            job.stopped, job.again, job.yields, job.resumed = None, False, False, True
            self._scheduler.wait_again(job, goes_on)
            return
        self._scheduler.remove(job)
        if job.request is not None:
            self._price_ended(job.name, outcome, reason)
        elif outcome == "failed" or (outcome == "stopped" and not message["step"]):
            self._outcomes.note(job.config, outcome, reason)

    def _on_death(self, worker: Worker, death: str) -> None:
        with self._lock:
            for job in self._scheduler.jobs_of(worker):
                remedy = ("press Continue to go on from the last checkpoint"
                          if job.request is None else "measure again")
                self._remove(
                    job, "failed", f"The training process ended unexpectedly ({death}); {remedy}.")
        self._on_change()

    def _remove(self, job: Job, state: str, reason: str) -> None:
        """End a job that no worker has any more."""
        self._scheduler.remove(job)
        if job.request is not None:
            self._price_ended(job.name, state, reason)
        else:
            self._outcomes.note(job.config, state, reason)

    def _price_ended(self, name: str, outcome: str, reason: str) -> None:
        if outcome == "failed":
            self._prices.failed(name, reason)
