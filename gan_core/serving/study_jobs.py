"""StudyJobs: has the studies that tabs ask for filled, batch after batch, through the queue.

A study's runs are runs like others: they share the queue, its limits and its turns with all that
everybody asks for, and few of them wait at a time, so that a map of hundreds leaves room. A study
is filled as long as a tab that asked for it is open, whichever page it shows. Torch-free.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Container
from dataclasses import dataclass, field

from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError
from gan_core.exploration.cell_runs import CellRun, cell_run
from gan_core.exploration.planner import batches
from gan_core.exploration.shipped_maps import shipped_results
from gan_core.exploration.study import Study
from gan_core.exploration.study_results import StudyResults
from gan_core.runs.status import StoreError
from gan_core.serving.admission import MOST_OF_A_VIEWER, QueueFull
from gan_core.serving.housekeeping import Housekeeper
from gan_core.serving.queue import HIDDEN_SECONDS, RETURN_SECONDS, JobQueue

AT_ONCE = MOST_OF_A_VIEWER // 2  # batches of a tab's study that are asked for; Train keeps the rest
MOST_KNOWN = 200  # studies whose addresses the live channel knows, the latest
UNWATCHED = "Nobody had the page open any more; start it again to go on."
SPENT = "The budget is used up; start it again to go on."


@dataclass(frozen=True)
class StudyState:
    """How a study stands: whether it is being filled, the digests of its runs in the queue, why it
    waits or has ended, runs that failed, and about how many seconds are left, None if unknown."""

    live: bool = False
    asked: frozenset[str] = frozenset()
    refusal: str = ""
    failed: int = 0
    seconds_left: float | None = None


@dataclass
class _Job:
    """A study that is being filled."""

    study: Study
    viewers: dict[str, float]  # who wants it, and until when where the tab is closed
    began: float
    remaining: int  # runs that were missing when it began
    deadline: float
    asked: dict[str, RunConfig] = field(default_factory=dict)  # in the queue, by digest
    failed: dict[str, str] = field(default_factory=dict)  # reasons, by digest
    refusal: str = ""


class StudyJobs:
    """All studies of one server. Any thread may call it; `open_tabs` says which tabs are open."""

    def __init__(
        self, queue: JobQueue, open_tabs: Container[str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._results = StudyResults(queue.store.root)
        self._queue, self._open_tabs, self._clock = queue, open_tabs, clock
        self._jobs: dict[str, _Job] = {}  # by the study's digest
        self._known: OrderedDict[str, Study] = OrderedDict()
        self._ended: dict[str, StudyState] = {}  # of known studies: how the last attempt ended
        self._lock = threading.RLock()
        self._housekeeper = Housekeeper([self.tend])
        self._housekeeper.start()

    def close(self) -> None:
        """Tend no study any more."""
        self._housekeeper.dismiss()

    # --- what tabs ask for -----------------------------------------------------------------------

    def know(self, study: Study) -> None:
        """Remember a study that a page shows, so that the live channel can tell of it."""
        key = study.digest()
        with self._lock:
            if self._known.get(key) != study:  # of equal ones the first, which knows its runs
                self._known[key] = study
            self._known.move_to_end(key)
            while len(self._known) > MOST_KNOWN:
                gone, _ = self._known.popitem(last=False)
                self._ended.pop(gone, None)

    def known(self, digest: str) -> Study | None:
        """The study of this name that a page of this server has shown, None if there is none."""
        with self._lock:
            return self._known.get(digest)

    def fill(self, study: Study, viewer: str, budget: float = math.inf) -> None:
        """Have the missing runs trained while the tab `viewer` is open; no more are begun after
        `budget` seconds."""
        self.know(study)
        now = self._clock()
        remaining = study.remaining(self.results(study))
        with self._lock:
            job = self._jobs.setdefault(
                study.digest(), _Job(study, {}, now, remaining, now + budget))
            job.study = study  # it may have more seeds than before
            job.deadline = max(job.deadline, now + budget)
            job.viewers[viewer] = math.inf
            self._ended.pop(study.digest(), None)
        self._housekeeper.wake()

    def stop(self, study: Study, viewer: str) -> bool:
        """The tab no longer asks for the study. Returns False if others still do."""
        with self._lock:
            job = self._jobs.get(study.digest())
            if job is None:
                return True
            job.viewers.pop(viewer, None)
            asked = list(job.asked)
            if not job.viewers:
                self._end(job)
        for digest in asked:
            self._queue.stop(digest, viewer)
        return not job.viewers

    def state(self, study: Study) -> StudyState:
        with self._lock:
            job = self._jobs.get(study.digest())
            if job is None:
                return self._ended.get(study.digest(), StudyState())
            return StudyState(True, frozenset(job.asked), job.refusal, len(job.failed),
                              self._seconds_left(job))

    def results(self, study: Study) -> dict[str, CellRun]:
        """What has been measured of a study, here or before it shipped, by the digests of its
        runs. Not to be changed."""
        shipped, own = shipped_results().read(study), self._results.read(study)
        return {**shipped, **own} if shipped and own else own or shipped

    def _seconds_left(self, job: _Job) -> float | None:
        """From how long each run has taken until now, all workers together."""
        remaining = job.study.remaining(self.results(job.study)) - len(job.failed)
        done = job.remaining - remaining
        if done <= 0:
            return None
        return (self._clock() - job.began) / done * max(remaining, 0)

    # --- filling it ------------------------------------------------------------------------------

    def tend(self) -> None:
        """Note what has been trained, and ask for more."""
        with self._lock:
            jobs = list(self._jobs.values())
        for job in jobs:
            self._tend(job, self._clock())

    def _tend(self, job: _Job, now: float) -> None:
        viewer = self._someone(job, now)
        if viewer is None:
            self._end(job, UNWATCHED)
            return
        self._collect(job)
        missing = [config for config in job.study.wanted(self.results(job.study))
                   if config.digest() not in job.asked.keys() | job.failed.keys()]
        if not missing or now >= job.deadline:
            if not job.asked:
                self._end(job, SPENT if missing else "")
            return
        self._ask(job, missing, viewer)

    def _someone(self, job: _Job, now: float) -> str | None:
        """A tab that wants the study, whose leases are renewed; a closed one may come back."""
        with self._lock:
            for viewer, until in list(job.viewers.items()):
                if viewer in self._open_tabs:
                    job.viewers[viewer] = math.inf
                elif math.isinf(until):
                    job.viewers[viewer] = now + RETURN_SECONDS
                elif until <= now:
                    del job.viewers[viewer]
            viewers, asked = list(job.viewers), list(job.asked)
        for viewer in viewers:
            for digest in asked:
                self._queue.watch(digest, viewer, HIDDEN_SECONDS)
        return viewers[0] if viewers else None

    def _collect(self, job: _Job) -> None:
        """Keep the results of runs that have ended, in the queue or before."""
        known, new = self.results(job.study), list[CellRun]()
        for digest, config in list(job.asked.items()):
            snapshot = None
            with contextlib.suppress(StoreError):
                snapshot = self._queue.snapshot(digest)
            if snapshot is not None and snapshot.live:
                continue
            run = None if snapshot is None else cell_run(snapshot, config)
            with self._lock:
                job.asked.pop(digest, None)
                if run is None and snapshot is not None and snapshot.status.state == "failed":
                    job.failed[digest] = snapshot.status.reason
            if run is not None and digest not in known:
                new.append(run)
        if new:
            try:
                self._results.add(job.study, new)
            except StoreError as error:
                job.refusal = f"The results cannot be stored: {error.cause}."

    def _ask(self, job: _Job, missing: list[RunConfig], viewer: str) -> None:
        """For as many batches as may wait at a time."""
        waiting = len(batches(job.asked.values()))
        for batch in batches(missing)[: max(AT_ONCE - waiting, 0)]:
            try:
                digests = self._queue.submit_together(batch, viewer)
            except QueueFull as error:
                job.refusal = f"Waiting for a place. {error}"
                return
            except ConfigError as error:  # this server trains none of them
                with self._lock:
                    job.failed |= {config.digest(): str(error) for config in batch}
                continue
            except StoreError as error:
                job.refusal = f"The runs cannot be stored: {error.cause}."
                return
            with self._lock:
                job.refusal = ""
                job.asked |= dict(zip(digests, batch, strict=True))

    def _end(self, job: _Job, why: str = "") -> None:
        with self._lock:
            if self._jobs.pop(job.study.digest(), None) is None:
                return
            failures = list(job.failed.values())
            words = why or (
                f"{_runs(len(failures))} failed: {failures[0]}" if failures else "")
            self._ended[job.study.digest()] = StudyState(
                False, frozenset(), words, len(failures))


def _runs(count: int) -> str:
    return "one run" if count == 1 else f"{count} runs"
