"""MapJobs: has the maps that tabs ask for filled, batch after batch, through the queue. Torch-free.

A map's runs are runs like others: they share the queue, its limits and its turns with all that
everybody asks for, and few of them wait at a time, so that a map of hundreds leaves room. A map is
filled as long as a tab that asked for it is open, whichever page it shows.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Container
from dataclasses import dataclass, field

from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError
from gan_core.exploration.cell_runs import CellRun, cell_run
from gan_core.exploration.map_results import MapResults
from gan_core.exploration.parameter_map import ParameterMap
from gan_core.exploration.planner import batches
from gan_core.exploration.shipped_maps import shipped_results
from gan_core.runs.status import StoreError
from gan_core.serving.admission import MOST_OF_A_VIEWER, QueueFull
from gan_core.serving.housekeeping import Housekeeper
from gan_core.serving.queue import HIDDEN_SECONDS, RETURN_SECONDS, JobQueue

AT_ONCE = MOST_OF_A_VIEWER // 2  # batches of a tab's map that are asked for; Train keeps the rest
MOST_KNOWN = 200  # maps whose addresses the live channel knows, the latest


@dataclass(frozen=True)
class MapState:
    """How a map stands: whether it is being filled, the digests of its runs in the queue, why it
    waits or has ended, runs that failed, and about how many seconds are left, None if unknown."""

    live: bool = False
    asked: frozenset[str] = frozenset()
    refusal: str = ""
    failed: int = 0
    seconds_left: float | None = None


@dataclass
class _MapJob:
    """A map that is being filled."""

    drawn: ParameterMap
    viewers: dict[str, float]  # who wants it, and until when where the tab is closed
    began: float
    done_before: int  # runs that had been measured when it began
    deadline: float
    asked: dict[str, RunConfig] = field(default_factory=dict)  # in the queue, by digest
    failed: dict[str, str] = field(default_factory=dict)  # reasons, by digest
    refusal: str = ""


class MapJobs:
    """All maps of one server. Any thread may call it; `open_tabs` says which tabs are open."""

    def __init__(
        self, queue: JobQueue, open_tabs: Container[str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._results = MapResults(queue.store.root)
        self._queue, self._open_tabs, self._clock = queue, open_tabs, clock
        self._jobs: dict[str, _MapJob] = {}  # by the map's digest
        self._known: OrderedDict[str, ParameterMap] = OrderedDict()
        self._ended: dict[str, MapState] = {}  # of known maps: how the last attempt ended
        self._lock = threading.RLock()
        self._housekeeper = Housekeeper([self.tend])
        self._housekeeper.start()

    def close(self) -> None:
        """Tend no map any more."""
        self._housekeeper.dismiss()

    # --- what tabs ask for -----------------------------------------------------------------------

    def know(self, drawn: ParameterMap) -> ParameterMap:
        """Remember a map that a page shows, so that the live channel can tell of it; the same
        object for equal maps, whose runs are worked out once."""
        key = drawn.digest()
        with self._lock:
            before = self._known.get(key)
            if before == drawn:
                drawn = before
            self._known[key] = drawn
            self._known.move_to_end(key)
            while len(self._known) > MOST_KNOWN:
                gone, _ = self._known.popitem(last=False)
                self._ended.pop(gone, None)
            return drawn

    def known(self, digest: str) -> ParameterMap | None:
        """The map of this name that a page of this server has shown, None if there is none."""
        with self._lock:
            return self._known.get(digest)

    def fill(self, drawn: ParameterMap, viewer: str, budget: float = float("inf")) -> None:
        """Have the missing runs trained while the tab `viewer` is open; no more are begun after
        `budget` seconds."""
        drawn = self.know(drawn)
        now = self._clock()
        with self._lock:
            job = self._jobs.get(drawn.digest())
            if job is None:
                done = len(self._done(drawn))
                job = _MapJob(drawn, {}, now, done, now + budget)
                self._jobs[drawn.digest()] = job
            job.drawn = drawn if drawn.seeds > job.drawn.seeds else job.drawn
            job.deadline = max(job.deadline, now + budget)
            job.viewers[viewer] = float("inf")
            self._ended.pop(drawn.digest(), None)
        self._housekeeper.wake()

    def stop(self, drawn: ParameterMap, viewer: str) -> bool:
        """The tab no longer asks for the map. Returns False if others still do."""
        with self._lock:
            job = self._jobs.get(drawn.digest())
            if job is None:
                return True
            job.viewers.pop(viewer, None)
            asked = list(job.asked)
            if not job.viewers:
                self._end(job, "")
        for digest in asked:
            self._queue.stop(digest, viewer)
        return not job.viewers

    def state(self, drawn: ParameterMap) -> MapState:
        with self._lock:
            job = self._jobs.get(drawn.digest())
            if job is None:
                return self._ended.get(drawn.digest(), MapState())
            return MapState(True, frozenset(job.asked), job.refusal, len(job.failed),
                            self._seconds_left(job))

    def _seconds_left(self, job: _MapJob) -> float | None:
        """From how long each run has taken until now, all workers together."""
        done = len(self._done(job.drawn)) - job.done_before
        missing = len(job.drawn.runs) - len(self._done(job.drawn)) - len(job.failed)
        if done <= 0:
            return None
        return (self._clock() - job.began) / done * max(missing, 0)

    def _done(self, drawn: ParameterMap) -> set[str]:
        known = self.results(drawn)
        return {run.digest for run in drawn.runs if run.digest in known}

    def results(self, drawn: ParameterMap) -> dict[str, CellRun]:
        """What has been measured of a map, here or before it shipped, by the digests of its runs.
        Not to be changed."""
        shipped, own = shipped_results().read(drawn), self._results.read(drawn)
        return {**shipped, **own} if shipped and own else own or shipped

    # --- filling it ------------------------------------------------------------------------------

    def tend(self) -> None:
        """Note what has been trained, and ask for more."""
        with self._lock:
            jobs = list(self._jobs.values())
        for job in jobs:
            self._tend(job)

    def _tend(self, job: _MapJob) -> None:
        now = self._clock()
        viewer = self._someone(job, now)
        if viewer is None:
            with self._lock:
                self._end(job, "Nobody had the page open any more; press Fill to go on.")
            return
        self._collect(job)
        missing = self._missing(job)
        if not missing and not job.asked:
            with self._lock:
                self._end(job, "")
            return
        if missing and now >= job.deadline:
            if not job.asked:
                with self._lock:
                    self._end(job, "The budget is used up; press Fill to go on.")
            return
        self._ask(job, missing, viewer)

    def _someone(self, job: _MapJob, now: float) -> str | None:
        """A tab that wants the map, whose leases are renewed; a closed one may come back."""
        with self._lock:
            for viewer, until in list(job.viewers.items()):
                if viewer in self._open_tabs:
                    job.viewers[viewer] = float("inf")
                elif until == float("inf"):
                    job.viewers[viewer] = now + RETURN_SECONDS
                elif until <= now:
                    del job.viewers[viewer]
            viewers, asked = list(job.viewers), list(job.asked)
        for viewer in viewers:
            for digest in asked:
                self._queue.watch(digest, viewer, HIDDEN_SECONDS)
        return viewers[0] if viewers else None

    def _collect(self, job: _MapJob) -> None:
        """Keep the results of runs that have ended, in the queue or before."""
        known = self.results(job.drawn)
        new: list[CellRun] = []
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
                self._results.add(job.drawn, new)
            except StoreError as error:
                job.refusal = f"The results cannot be stored: {error.cause}."

    def _missing(self, job: _MapJob) -> list[RunConfig]:
        known = self.results(job.drawn)
        return [run.config for run in job.drawn.runs
                if run.digest not in known and run.digest not in job.asked
                and run.digest not in job.failed]

    def _ask(self, job: _MapJob, missing: list[RunConfig], viewer: str) -> None:
        """For as many batches as may wait at a time."""
        waiting = len(batches(job.asked.values()))
        for batch in batches(missing)[: max(AT_ONCE - waiting, 0)]:
            try:
                digests = self._queue.submit_together(batch, viewer)
            except QueueFull as error:
                job.refusal = f"Waiting for a place. {error}"
                return
            except ConfigError as error:
                with self._lock:
                    job.failed |= {config.digest(): str(error) for config in batch}
                    job.refusal = str(error)
                continue
            except StoreError as error:
                job.refusal = f"The runs cannot be stored: {error.cause}."
                return
            with self._lock:
                job.refusal = ""
                job.asked |= dict(zip(digests, batch, strict=True))

    def _end(self, job: _MapJob, why: str) -> None:
        key = job.drawn.digest()
        if self._jobs.pop(key, None) is None:
            return
        failures = list(job.failed.values())
        words = why or (f"{len(failures)} runs failed: {failures[0]}" if failures else "")
        self._ended[key] = MapState(False, frozenset(), words, len(failures))
