"""A run as a reader sees it: status, config, history and samples, read while they grow.

A page reads a run several times a second, forty pages many runs: `SnapshotCache` remembers what was
read and reads only what is new. Reading never writes. Torch-free.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError
from gan_core.runs.history import History
from gan_core.runs.history_file import HistoryReader
from gan_core.runs.records import OUTCOMES, Outcome
from gan_core.runs.samples import VIEWS, view_steps
from gan_core.runs.status import RunStatus, StoreError, read_status
from gan_core.system import files
from gan_core.system.files import stamp

MOST_BYTES = 100_000  # of a config.json; it has some 1,500
WITHOUT_RECORDS = "the records of this run are missing; train it again"
CACHED_RUNS = 64
CACHED_RECORDS = 500_000  # about 200 MB
CACHED_OPENED_RECORDS = 100_000  # of runs out of files, of which anybody may send long ones


@dataclass(frozen=True)
class RunSnapshot:
    """A run as it was at one moment; immutable."""

    digest: str
    config: RunConfig
    history: History
    status: RunStatus
    views: Mapping[str, tuple[int, ...]]  # of samples.VIEWS: the steps that have a file, in order
    place: int = 0  # in the queue: 1 is next, 0 is not queued
    wait: float | None = None  # seconds until its turn comes, about; None where that is not known
    watching: int = 0  # tabs that keep it alive, while it is live
    opened: bool = False  # from a file: what it says nobody here has seen; `digest` names the file

    @property
    def samples(self) -> tuple[int, ...]:
        """Steps that have a sheet (images) or points."""
        return self.views.get("samples", ())

    def last_view(self, view: str, step: int) -> int | None:
        """The last step at or before `step` that has a file of `view`."""
        return max((at for at in self.views.get(view, ()) if at <= step), default=None)

    @property
    def live(self) -> bool:
        """Whether the run is queued, starting or running."""
        return self.status.live

    def holds(self, steps: int) -> bool:
        """Whether a run of `steps` steps needs no more training: it is there, or has diverged."""
        state, reached = self.status.state, self.history.last_step
        return state == "diverged" or reached > steps or (state == "finished" and reached == steps)

    def with_status(
        self, status: RunStatus, place: int = 0, wait: float | None = None
    ) -> RunSnapshot:
        """The same records with another status, from which the history's outcome follows."""
        outcome = None
        if status.state in OUTCOMES:
            outcome = Outcome(status.state, status.step, status.reason, status.seconds)
        history = self.history
        if history.outcome != outcome:
            # The same object for the same outcome: what is derived from it is computed only once.
            history = history.derived(
                ("outcome", outcome), lambda: self.history.with_outcome(outcome))
        return dataclasses.replace(self, history=history, status=status, place=place, wait=wait)

    def until(self, steps: int) -> RunSnapshot:
        """The run as a viewer sees it who asked for `steps`, whoever else asked for more.

        Whatever became of it later, a run that has gone beyond `steps` was finished there. Its
        seconds are then those of the last evaluation until there, the latest that are known.
        """
        config, status = self.config.replace(steps=steps), self.status
        reached = self.history.last_step  # of a divergence, the last step before it
        if reached < steps or (reached == steps and not (self.live and status.steps > steps)):
            status = dataclasses.replace(status, steps=steps)
            return dataclasses.replace(self, config=config, status=status)
        history, seconds = self.history.until(steps), status.seconds
        if reached > steps and history.evaluations:
            seconds = history.evaluations[-1].seconds
        finished = dataclasses.replace(
            status, state="finished", step=steps, steps=steps, seconds=seconds, seconds_left=None,
            reason="",
        )
        views = {view: tuple(step for step in of_view if step <= steps)
                 for view, of_view in self.views.items()}
        return dataclasses.replace(
            self, config=config, history=history, views=views
        ).with_status(finished)


def empty_snapshot(config: RunConfig, state: str = "queued", reason: str = "") -> RunSnapshot:
    """A run of which nothing is stored."""
    status = RunStatus(state, steps=config.steps, reason=reason)
    return RunSnapshot(config.digest(), config, History(), status, {}).with_status(status)


def read_config(run: Path, named_by_it: bool = True) -> RunConfig:
    """Raises StoreError on a config.json that is missing, corrupt or, where the folder is
    `named_by_it`, of another run."""
    path = run / "config.json"
    try:
        config = RunConfig.from_json(files.read(path, MOST_BYTES).decode())
    except OSError as error:
        raise StoreError.of_file(path, "read", error) from None
    except (ConfigError, UnicodeDecodeError, RecursionError) as error:
        raise StoreError(
            f"{path} is not a run's settings: {error}", "its config.json is damaged") from None
    if named_by_it and config.digest() != run.name:
        raise StoreError(f"{path} holds the settings of another run, {config.digest()}.",
                         "its config.json holds the settings of another run")
    return config


# --- a run while it grows -----------------------------------------------------------------------


class RunReader:
    """One run, of which only what is new is read again. Any thread may use it."""

    def __init__(self, run: Path, opened: bool = False) -> None:
        self._run = run
        self._opened = opened
        self._history = HistoryReader(run / "history.jsonl")
        self._stamps: tuple[Any, ...] = ()
        self._snapshot: RunSnapshot | None = None
        self._lock = threading.Lock()

    @property
    def records(self) -> int:
        """How many step records are in memory."""
        return self._history.records

    def snapshot(self) -> RunSnapshot | None:
        """The run as it is now, None if there is none; StoreError if config.json is corrupt."""
        with self._lock:
            # Taken before reading: what changes meanwhile is noticed the next time.
            folders = [view.folder for view in VIEWS.values()]
            names = ("config.json", "status.json", "history.jsonl", *folders)
            stamps = tuple(stamp(self._run / name) for name in names)
            if not stamps[0]:
                return None
            if stamps != self._stamps:
                self._snapshot = self._read()
                self._stamps = stamps
            return self._snapshot

    def _read(self) -> RunSnapshot | None:
        try:
            config = read_config(self._run, not self._opened)
        except StoreError:
            if self._run.exists():
                raise
            return None  # removed a moment ago
        # First of all: whoever ends a run writes its last records before its status.
        written = self._written_status()
        history = self._history.read()
        status = self._status(written, config, history)
        return RunSnapshot(
            self._run.name, config, history, status, view_steps(self._run), opened=self._opened
        ).with_status(status)

    def _written_status(self) -> RunStatus | None:
        """None where there is none that can be read."""
        with contextlib.suppress(StoreError):
            return read_status(self._run)
        return None

    def _status(
        self, written: RunStatus | None, config: RunConfig, history: History
    ) -> RunStatus:
        if written is None:
            return RunStatus(
                "stopped", history.last_step, config.steps,
                reason="How far this run came is not known for certain; press Continue to go on.")
        if written.state in ("finished", "diverged") and written.step > 1 and not history:
            return dataclasses.replace(written, state="failed", step=0, reason=WITHOUT_RECORDS)
        return written


class SnapshotCache:
    """Snapshots of the runs below `root`; the most recently read runs stay in memory.

    Any thread may use it.
    """

    def __init__(self, root: Path, opened: bool = False) -> None:
        self._root = root
        self._opened = opened
        self._most_records = CACHED_OPENED_RECORDS if opened else CACHED_RECORDS
        self._readers: OrderedDict[str, RunReader] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._readers)

    def snapshot(self, digest: str) -> RunSnapshot | None:
        """The run as it is now, None if there is none; StoreError if config.json is corrupt."""
        with self._lock:
            reader = self._readers.setdefault(digest, RunReader(self._root / digest, self._opened))
            self._readers.move_to_end(digest)
        snapshot = reader.snapshot()  # without the lock: another run need not wait for it
        with self._lock:
            if snapshot is None:
                self._readers.pop(digest, None)
            self._drop_the_oldest()
        return snapshot

    def forget(self, digest: str) -> None:
        """The run is being removed."""
        with self._lock:
            self._readers.pop(digest, None)

    def _drop_the_oldest(self) -> None:
        total = sum(reader.records for reader in self._readers.values())
        while len(self._readers) > CACHED_RUNS or (
            total > self._most_records and len(self._readers) > 1
        ):
            _, oldest = self._readers.popitem(last=False)
            total -= oldest.records
