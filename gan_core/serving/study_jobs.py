"""StudyJobs: has the studies that tabs ask for filled, batch after batch, through the queue.

A study's runs are runs like others: they share the queue, its limits and its turns with all that
everybody asks for, and few of them wait at a time, so that a map of hundreds leaves room. A study
is filled as long as a tab that asked for it is open, whichever page it shows, or a tab watches it.
Torch-free.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable, Container
from dataclasses import dataclass, field

from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError
from gan_core.exploration.cell_runs import CellRun, cell_run
from gan_core.exploration.planner import batches
from gan_core.exploration.shipped_maps import shipped_results
from gan_core.exploration.study import Study, name_of
from gan_core.exploration.study_results import StudyResults
from gan_core.runs.status import StoreError
from gan_core.serving.admission import MOST_OF_A_VIEWER, QueueFull
from gan_core.serving.housekeeping import Housekeeper
from gan_core.serving.queue import RETURN_SECONDS, JobQueue

AT_ONCE = MOST_OF_A_VIEWER // 2  # batches of a tab's studies that wait; Train keeps the rest
MOST_KNOWN = 200  # studies whose addresses the live channel knows, the latest
UNWATCHED = "Nobody had the page open any more; start it again to go on."
FAULT = "This server has made a mistake; its terminal says which."
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
    viewers: dict[str, float]  # which tabs want it, and until when
    began: float
    remaining: int  # runs that were missing when it began
    deadline: float
    askers: set[str] = field(default_factory=set)  # of these tabs; the others watch
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
        self._jobs: dict[str, _Job] = {}  # by the study's name
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
        name = name_of(study)
        with self._lock:
            self._known.setdefault(name, study)  # of equal ones the first, which knows its runs
            self._known.move_to_end(name)
            for old in list(self._known)[: max(len(self._known) - MOST_KNOWN, 0)]:
                if old not in self._jobs:
                    del self._known[old]
                    self._ended.pop(old, None)

    def known(self, name: str) -> Study | None:
        """The study of this name that a page of this server has shown, None if there is none."""
        with self._lock:
            return self._known.get(name)

    def fill(self, study: Study, viewer: str, budget: float = math.inf) -> None:
        """Have the missing runs trained while the tab `viewer` is open, or others watch; no more
        are begun after `budget` seconds."""
        self.know(study)
        now, name = self._clock(), name_of(study)
        remaining = study.remaining(self.results(study))
        with self._lock:
            job = self._jobs.setdefault(name, _Job(study, {}, now, remaining, now + budget))
            job.deadline = max(job.deadline, now + budget)
            job.viewers[viewer] = now + RETURN_SECONDS
            job.askers.add(viewer)
            self._ended.pop(name, None)
        self._housekeeper.wake()

    def watch(self, study: Study, viewer: str) -> None:
        """A tab looks at the study, and so keeps it going for a while, whoever asked for it."""
        with self._lock:
            if job := self._jobs.get(name_of(study)):
                until = self._clock() + RETURN_SECONDS
                job.viewers[viewer] = max(job.viewers.get(viewer, until), until)

    def stop(self, study: Study, viewer: str, keep: Container[str] = ()) -> bool:
        """The tab no longer asks for the study; of its runs, those whose digests are in `keep` go
        on, because the tab shows them elsewhere. Returns False if others still ask for it."""
        with self._lock:
            job = self._jobs.get(name_of(study))
            if job is None:
                return True
            job.viewers.pop(viewer, None)
            job.askers.discard(viewer)
            if job.viewers:
                return False
            self._end(job)
        self._stop_runs(job, viewer, keep)
        return True

    def state(self, study: Study) -> StudyState:
        with self._lock:
            job = self._jobs.get(name_of(study))
            if job is None:
                return self._ended.get(name_of(study), StudyState())
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
            try:
                self._tend(job, self._clock())
            except Exception:  # it costs this study alone
                traceback.print_exc()
                self._end(job, FAULT)

    def _tend(self, job: _Job, now: float) -> None:
        viewer = self._someone(job, now)
        if viewer is None:
            self._end(job, UNWATCHED)
            return
        for digest in list(job.asked):
            self._queue.watch(digest, viewer)
        try:
            self._collect(job)
        except StoreError as error:
            self._end(job, f"The results cannot be stored: {error.cause}.")
            self._stop_runs(job, viewer)
            return
        missing = [config for config in job.study.wanted(self.results(job.study))
                   if config.digest() not in job.asked.keys() | job.failed.keys()]
        if not missing or now >= job.deadline:
            if not job.asked:
                self._end(job, SPENT if missing else "")
            return
        self._ask(job, missing, viewer)

    def _someone(self, job: _Job, now: float) -> str | None:
        """A tab that wants the study: an open one that asked for it, or one that watches."""
        with self._lock:
            for viewer, until in list(job.viewers.items()):
                if viewer in job.askers and viewer in self._open_tabs:
                    job.viewers[viewer] = now + RETURN_SECONDS  # closed, it may come back so long
                elif until <= now:
                    del job.viewers[viewer]
            return next(iter(job.viewers), None)

    def _collect(self, job: _Job) -> None:
        """Keep the results of runs that have got so far, in the queue or before. Raises StoreError.
        """
        known, new = self.results(job.study), list[CellRun]()
        for digest, config in list(job.asked.items()):
            snapshot = None
            with contextlib.suppress(StoreError):
                snapshot = self._queue.snapshot(digest)
            run = (None if snapshot is None
                   else cell_run(snapshot, config, job.study.keeps_courses))
            if run is None and snapshot is not None and snapshot.live:
                continue
            with self._lock:
                job.asked.pop(digest, None)
                if run is None and snapshot is not None and snapshot.status.state == "failed":
                    job.failed[digest] = snapshot.status.reason
            if run is not None and digest not in known:
                new.append(run)
        if new:
            self._results.add(job.study, new)

    def _ask(self, job: _Job, missing: list[RunConfig], viewer: str) -> None:
        """For as many batches as may wait at a time, of all studies of this tab together."""
        with self._lock:
            waiting = [config for each in self._jobs.values() if viewer in each.viewers
                       for config in each.asked.values()]
        for batch in batches(missing)[: max(AT_ONCE - len(batches(waiting)), 0)]:
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
                ended = self._jobs.get(name_of(job.study)) is not job
            if ended:  # it was stopped meanwhile
                self._stop_runs(job, viewer)
                return

    def _stop_runs(self, job: _Job, viewer: str, keep: Container[str] = ()) -> None:
        for digest in list(job.asked):
            if digest not in keep:
                self._queue.stop(digest, viewer)

    def _end(self, job: _Job, why: str = "") -> None:
        name = name_of(job.study)
        with self._lock:
            if self._jobs.get(name) is not job:
                return
            del self._jobs[name]
            failures = list(job.failed.values())
            words = why or (
                f"{_runs(len(failures))} failed: {failures[0]}" if failures else "")
            self._ended[name] = StudyState(False, frozenset(), words, len(failures))


def _runs(count: int) -> str:
    return "One run" if count == 1 else f"{count} runs"
