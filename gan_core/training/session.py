"""One stretch of training of one run, written into the store while it goes. Torch comes late.

Records are flushed as they come, checkpoints follow at a bounded share of the time, and the status
tells readers how far the run is and what became of it.
"""

from __future__ import annotations

import contextlib
import time
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from gan_core.config.run_config import RunConfig
from gan_core.runs.history import History
from gan_core.runs.records import EvalRecord, Outcome, Record, SampleRecord, StepRecord
from gan_core.runs.store import RunStatus, RunStore, StoreError
from gan_core.system.files import replacing

REPORT_SECONDS = 0.25  # between two looks that a page can take at a run
RATE_REPORTS = 20  # the rate is that of the last 20 reports: about five seconds
CHECKPOINT_SHARE = 20  # a checkpoint that takes a second comes at most every 20 seconds

ShouldStop = Callable[[], "str | None"]


@dataclass(frozen=True)
class Wanted:
    """A run to be trained to `config.steps`.

    `should_stop` is asked between any two records and gives the reason to stop, or None. `target`
    gives the number of steps wanted now; where it grows past `config.steps`, training goes on to
    there.
    """

    config: RunConfig
    should_stop: ShouldStop = lambda: None
    target: Callable[[], int] | None = None
    on_record: Callable[[Record], None] = lambda record: None


class _Stopped(Exception):
    """Somebody asked to stop while data was being fetched; the message is the reason."""


@dataclass
class Sitting:
    """A run from the moment it is locked to its outcome."""

    store: RunStore
    wanted: Wanted
    index: int
    lock: contextlib.ExitStack
    device: Any
    checkpoint_seconds: float
    interrupted: ShouldStop

    def __post_init__(self) -> None:
        self.config = self.wanted.config
        self.digest = self.config.digest()
        self.goal = self.config.steps
        self.training: Any = None
        self.outcome: Outcome | None = None
        before = self.store.existing_snapshot(self.digest).status
        self.status = RunStatus("starting", before.step, seconds=before.seconds,
                                device=before.device)
        self.evaluated = -1  # the last evaluation in the history
        self._buffer: list[Record] = []
        self._news = False  # whether it holds something to look at
        self._reported = 0.0
        self._saved = time.monotonic()
        self._save_cost = 0.0
        self._progress: deque[tuple[float, int]] = deque(maxlen=RATE_REPORTS)

    @property
    def step(self) -> int:
        """Where its networks are."""
        return self.training.step

    def target(self) -> int:
        return max(self.config.steps, self.wanted.target() if self.wanted.target else 0)

    def should_stop(self) -> str | None:
        return self.wanted.should_stop() or self.interrupted()

    def begin(self) -> None:
        """Get ready to train; it may end here already."""
        try:
            self._tell("starting")
            self._prepare()
            self.goal = self.target()
            self.training = self._resumed(self.config.replace(steps=self.goal))
        except _Stopped as stop:
            self._end(Outcome("stopped", self.status.step, str(stop)))
        except KeyboardInterrupt:
            self.interrupt()
        except Exception as error:
            self.fail(error)

    def _prepare(self) -> None:
        """Fetch what the run needs and this machine has not got; the status tells how far it is.

        Before the checkpoint is looked at: a classroom without internet must not lose a run.
        """
        from gan_core.data.downloads import telling
        from gan_core.training.trainer import prepare

        with telling(self._words):
            prepare(self.config, self.device)

    def _words(self, text: str) -> None:
        if (reason := self.should_stop()) is not None:
            raise _Stopped(reason)
        if time.monotonic() - self._reported >= REPORT_SECONDS:
            self._tell("starting", text)

    def hear(self, record: Record) -> bool:
        """Write a record; whether the training ends with it, also because it cannot be written.

        If there is no outcome then, the target has moved on: there is a new training to follow.
        """
        try:
            return self._heard(record)
        except Exception as error:  # it costs this run alone
            self.fail(error)
            return True

    def _heard(self, record: Record) -> bool:
        self.wanted.on_record(record)
        if isinstance(record, Outcome):
            self._reach(record)
            return True
        self._take(record)
        if self.stops():
            return True
        self._save_if_due()
        return False

    def wait(self) -> None:
        """Others of its batch, at another step, come first."""
        self._tell("starting", "waiting for the others of its batch")

    def stops(self) -> bool:
        """End, if somebody wants it to; whether it does."""
        if (reason := self.should_stop()) is None:
            return False
        # Up to where the networks are: a change in mid-run can then set in just here.
        for made in self.training.made():
            self.wanted.on_record(made)
            self._take(made)
        self._close(Outcome("stopped", self.status.step, reason))
        return True

    def _reach(self, outcome: Outcome) -> None:
        if outcome.kind != "finished" or self.target() <= self.goal:
            self._close(outcome)
            return
        self._flush()
        self.goal = self.target()
        goes_on = self.config.replace(steps=self.goal)
        self.training = _train(goes_on, self.device, self.training.checkpoint())

    def _close(self, outcome: Outcome) -> None:
        """End, with a checkpoint of this moment."""
        self._flush()
        if outcome.kind != "diverged":  # its networks are no longer worth keeping
            self._save()
        self._end(outcome)

    def interrupt(self) -> None:
        """End without a checkpoint: the state may be in the middle of a step."""
        self._end(Outcome("stopped", self.status.step, "interrupted"))

    def _end(self, outcome: Outcome) -> None:
        self.status = replace(self.status, step=outcome.step)
        self._tell(outcome.kind, outcome.reason)
        self.outcome = replace(outcome, seconds=self.status.seconds)

    # --- what is written -----------------------------------------------------------------------

    def _take(self, record: Record) -> None:
        if isinstance(record, EvalRecord):
            # Between the checkpoint and the end of its process this one was already written.
            if record.step <= self.evaluated:
                return
            self.evaluated = record.step
        self._buffer.append(record)
        if isinstance(record, StepRecord):
            self.status = replace(self.status, step=record.step)
        self._news |= isinstance(record, EvalRecord | SampleRecord)
        if self.training.waiting:  # what was measured with it: readers get it in one go
            return
        if self._news or time.monotonic() - self._reported >= REPORT_SECONDS:
            self._flush()
            self._tell("running")
            self._news = False

    def _flush(self) -> None:
        self.store.append(self.digest, self._buffer)
        self._buffer.clear()

    def _tell(self, state: str, reason: str = "") -> None:
        """Write status.json."""
        steps = self.target()
        self.status = replace(self.status, state=state, steps=steps, reason=reason)
        if self.training is not None:
            self.status = replace(
                self.status, seconds=round(self.training.seconds, 3), **self._pace(steps)
            )
        if state != "running":
            self.status = replace(self.status, seconds_left=None)
        self.store.write_status(self.digest, self.status)
        self._reported = time.monotonic()

    def _pace(self, steps: int) -> dict[str, float | None]:
        now, step = time.monotonic(), self.status.step
        self._progress.append((now, step))
        since, first = self._progress[0]
        if step <= first:
            return {"seconds_left": None}
        rate = (step - first) / max(now - since, 1e-6)
        return {
            "steps_per_second": round(rate, 2),
            "seconds_left": round(max(steps - step, 0) / rate, 1),
        }

    # --- checkpoints ---------------------------------------------------------------------------

    def _save_if_due(self) -> None:
        pause = max(self.checkpoint_seconds, CHECKPOINT_SHARE * self._save_cost)
        if time.monotonic() - self._saved >= pause:
            self._flush()  # the history is never behind the checkpoint
            self._save()

    def _save(self) -> None:
        import torch

        started = time.monotonic()
        with replacing(self.store.checkpoint_path(self.digest)) as path:
            torch.save(self.training.checkpoint(), path)
        self._saved = time.monotonic()
        self._save_cost = self._saved - started

    def _resumed(self, config: RunConfig) -> Any:
        """A training that goes on from a checkpoint, or begins where there is none to use.

        A run whose settings change in mid-run can go on from one that is the same until then.
        """
        training = None
        for digest in (self.digest, *(origin.digest() for origin, _ in config.origins())):
            if training is None and self.store.exists(digest):
                training = self._from_run(digest, config)
        if training is None:
            self.store.rewind(self.digest, -1)
            self.status = replace(self.status, step=0)
            training = _train(config, self.device, None)
        self.status = replace(self.status, device=_device_name(training.device))
        self.store.log(self.digest, f"training from step {self.status.step} to {config.steps} on "
                                    f"{self.status.device}")
        return training

    def _from_run(self, digest: str, config: RunConfig) -> Any:
        """A training of `config` from the checkpoint of run `digest`; None if that is no use."""
        path = self.store.checkpoint_path(digest)
        if not path.exists():
            return None
        try:
            return self._from_checkpoint(digest, config)
        except Exception as error:
            if _out_of_memory(error):
                raise
            told = "starting over" if digest == self.digest else f"not going on from {digest}"
            self.store.log(self.digest, f"{told}: {path.name} is unusable: {error}")
            return None

    def _from_checkpoint(self, digest: str, config: RunConfig) -> Any:
        """Raises on any checkpoint that cannot be gone on from; the history is then untouched."""
        import torch

        path = self.store.checkpoint_path(digest)
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        recorded = checkpoint["recorded"]
        history: History = self.store.existing_snapshot(digest).history.until(recorded)
        if len(history.steps) != recorded:
            raise ValueError(f"the history holds {len(history.steps)} of its {recorded} steps")
        training = _train(config, self.device, checkpoint)
        if digest != self.digest:
            self.store.fork(digest, self.digest, *_only_at_its_end(history))
        self.store.rewind(self.digest, recorded)
        self.evaluated = history.evaluations[-1].step if history.evaluations else -1
        self.status = replace(self.status, step=recorded)
        return training

    # --- failures ------------------------------------------------------------------------------

    def fail(self, error: Exception) -> None:
        """End by a failure; whatever can still be written is."""
        what = failure(error, "training")
        # The disk itself may be what failed.
        with contextlib.suppress(OSError, StoreError):
            self.store.log(self.digest, "".join(traceback.format_exception(error)))
        with contextlib.suppress(OSError, StoreError):
            self._flush()
        with contextlib.suppress(OSError, StoreError):
            self._tell("failed", what)
        self.outcome = Outcome("failed", self.status.step, what, self.status.seconds)


def _only_at_its_end(history: History) -> tuple[set[int], set[int]]:
    """Steps at which a run was evaluated, and pictured, only because it ended there."""
    from gan_core.training.trainer import evaluation_due, samples_due

    ends = {each.step for each in history.evaluations if not evaluation_due(each.step)}
    return ends, {step for step in ends if not samples_due(step)}


def _train(config: RunConfig, device: Any, checkpoint: dict | None) -> Any:
    from gan_core.training.trainer import train

    return train(config, device=device, resume_from=checkpoint)


def _device_name(device: Any) -> str:
    from gan_core.training.devices import device_name

    return device_name(device)


def failure(error: Exception, work: str) -> str:
    """Why `work` (a noun) failed, in one sentence for people."""
    if _out_of_memory(error):
        return f"The {work} ran out of memory; a smaller batch needs less."
    if type(error).__name__ == "DatasetError":  # it is a sentence for people already
        return str(error)
    return f"The {work} failed: {type(error).__name__}: {_first_line(error)}."


def _out_of_memory(error: Exception) -> bool:
    # PyTorch has its own class for a GPU, and for the CPU a RuntimeError with this text.
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or "can't allocate memory" in str(error)
    )


def _first_line(error: Exception) -> str:
    """Without its full stop."""
    return next(iter(str(error).strip().splitlines()), "no message")[:300].rstrip(".")
