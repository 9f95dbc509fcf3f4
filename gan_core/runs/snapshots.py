"""A run as a reader sees it: status, config, history and samples, read as they grow.

A page looks at a run several times a second, forty pages at many runs: a RunReader remembers what
it has read and reads only what is new. Reading never writes. Torch-free.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from gan_core.config.run_config import ConfigError, RunConfig
from gan_core.runs.records import OUTCOMES, EvalRecord, History, Outcome, StepRecord, from_line
from gan_core.runs.samples import VIEWS, view_steps
from gan_core.system.files import stamp

STATES = ("queued", "starting", "running", "finished", "stopped", "diverged", "failed")
LIVE_STATES = frozenset(STATES[:3])


class StoreError(ValueError):
    """A file of the store that cannot be used; one sentence naming the file and what is wrong."""


@dataclass(frozen=True)
class RunStatus:
    """Where a run stands, as its worker last told."""

    state: str  # one of STATES
    step: int = 0
    steps: int = 0  # the target
    steps_per_second: float = 0.0  # over the last few seconds; 0 while unknown
    seconds: float = 0.0  # of training in total, over all sittings
    seconds_left: float | None = None
    device: str = ""
    reason: str = ""  # one sentence for people
    updated: float = 0.0  # Unix time

    @property
    def live(self) -> bool:
        return self.state in LIVE_STATES

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str, name: str = "status.json") -> RunStatus:
        """Missing fields take their default, unknown ones are ignored.

        Raises StoreError, naming the file `name`, on anything that is not a status.
        """
        try:
            content = json.loads(text)
            if content["state"] not in STATES:
                raise ValueError(f"its state is {content['state']!r}")
            return cls(content["state"], **{
                field: read(content[field]) for field, read in _FIELDS.items() if field in content
            })
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            raise StoreError(f"{name} is not a run's status: {error}.") from None


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is not a finite number")
    return number


_FIELDS = {  # of a status, and how each is read
    "step": int,
    "steps": int,
    "steps_per_second": _finite,
    "seconds": _finite,
    "seconds_left": lambda value: None if value is None else _finite(value),
    "device": str,
    "reason": str,
    "updated": _finite,
}


@dataclass(frozen=True)
class RunSnapshot:
    """One immutable look at a run."""

    digest: str
    config: RunConfig
    history: History
    status: RunStatus
    views: Mapping[str, tuple[int, ...]]  # of samples.VIEWS: the steps that have a file, in order
    place: int = 0  # in the queue: 1 is next, 0 is not queued

    @property
    def samples(self) -> tuple[int, ...]:
        """Steps that have a sheet (images) or points."""
        return self.views.get("samples", ())

    def last_view(self, view: str, step: int) -> int | None:
        """The last step at or before `step` that has a file of `view`."""
        return max((taken for taken in self.views.get(view, ()) if taken <= step), default=None)

    @property
    def live(self) -> bool:
        """Whether the run is queued, starting or running."""
        return self.status.live

    def holds(self, steps: int) -> bool:
        """Whether all that a run of so many steps gives is there, a divergence before included."""
        state, reached = self.status.state, self.history.last_step
        return state == "diverged" or reached > steps or (state == "finished" and reached == steps)

    def standing(self, status: RunStatus, place: int = 0) -> RunSnapshot:
        """The same records under another status; the history's outcome follows it."""
        outcome = None
        if status.state in OUTCOMES:
            outcome = Outcome(status.state, status.step, status.reason, status.seconds)
        history = self.history
        if history.outcome != outcome:
            # The same one at every look: what is made of it once need not be made again.
            history = history.derived(
                ("outcome", outcome), lambda: History(self.history.steps,
                                                      self.history.evaluations, outcome))
        return dataclasses.replace(self, history=history, status=status, place=place)

    def until(self, steps: int) -> RunSnapshot:
        """The run as a viewer who asked for `steps` should see it, whoever asked for more.

        Whatever became of it later, a run that has gone beyond `steps` was finished there. Its
        seconds are then those of the last evaluation until there, the last time that is known.
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
        views = {view: tuple(step for step in taken if step <= steps)
                 for view, taken in self.views.items()}
        return dataclasses.replace(
            self, config=config, history=history, views=views
        ).standing(finished)


# --- single files --------------------------------------------------------------------------------


def read_config(run: Path) -> RunConfig:
    """Raises StoreError on a config.json that is missing or corrupt."""
    path = run / "config.json"
    try:
        return RunConfig.from_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}.") from None
    except (ConfigError, UnicodeDecodeError) as error:
        raise StoreError(f"{path} is not a run's settings: {error}") from None


def read_status(run: Path) -> RunStatus | None:
    """None without a status.json; StoreError if it is corrupt."""
    path = run / "status.json"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{path} cannot be read: {error}.") from None
    return RunStatus.from_json(text, str(path))


# --- a run while it grows ------------------------------------------------------------------------


class RunReader:
    """Remembers what was read of one run and reads only what is new; for any thread."""

    def __init__(self, run: Path) -> None:
        self._run = run
        self._history = _HistoryReader(run / "history.jsonl")
        self._stamps: tuple[Any, ...] = ()
        self._snapshot: RunSnapshot | None = None
        self._lock = threading.Lock()

    @property
    def records(self) -> int:
        """How many step records are kept in memory."""
        return self._history.records

    def snapshot(self) -> RunSnapshot | None:
        """The run as it is now, None if there is none; StoreError if config.json is corrupt."""
        with self._lock:
            # Taken before reading: what changes meanwhile is noticed at the next look.
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
            config = read_config(self._run)
        except StoreError:
            if self._run.exists():
                raise
            return None  # removed a moment ago
        history = self._history.read()
        status = self._status(config, history)
        return RunSnapshot(
            self._run.name, config, history, status, view_steps(self._run)
        ).standing(status)

    def _status(self, config: RunConfig, history: History) -> RunStatus:
        with contextlib.suppress(StoreError):
            if status := read_status(self._run):
                return status
        return RunStatus(
            "stopped", history.last_step, config.steps,
            reason="How far this run came is not known for certain; press Continue to go on.",
        )


class _HistoryReader:
    """Follows a growing history.jsonl from byte to byte."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._forget()

    @property
    def records(self) -> int:
        return len(self._steps)

    def _forget(self) -> None:
        self._offset = 0
        self._tail = b""  # the bytes just before the offset
        self._steps: list[StepRecord] = []
        self._evaluations: list[EvalRecord] = []
        self._history = History()

    def read(self) -> History:
        try:
            with open(self._path, "rb") as file:
                new = self._new_bytes(file)
        except FileNotFoundError:
            self._forget()
            return self._history
        except OSError as error:
            raise StoreError(f"{self._path} cannot be read: {error.strerror}.") from None
        whole = new[: new.rfind(b"\n") + 1]  # what follows is torn, or being written
        if whole:
            self._offset += len(whole)
            self._tail = (self._tail + whole)[-256:]
            self._take(whole)
        return self._history

    def _new_bytes(self, file: BinaryIO) -> bytes:
        file.seek(self._offset - len(self._tail))
        if file.read(len(self._tail)) != self._tail:  # another history took the place of this one
            self._forget()
            file.seek(0)
        return file.read()

    def _take(self, whole: bytes) -> None:
        for line in whole.splitlines():
            with contextlib.suppress(ValueError, OverflowError):  # a damaged line costs itself only
                record = from_line(line)
                kept = self._steps if isinstance(record, StepRecord) else self._evaluations
                kept.append(record)
        self._history = History(self._steps, self._evaluations)
