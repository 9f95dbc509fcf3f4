"""One session of training of one run, written into the store while it goes. Torch comes late.

A session lasts from the moment the run is locked until it is finished, stopped, diverged or failed.
Records are flushed as they come, and checkpoints follow at a bounded share of the time.
"""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gan_core.config.run_config import RunConfig
from gan_core.runs.records import Outcome, Record
from gan_core.runs.store import RunStore, StoreError
from gan_core.training.failures import failure_text
from gan_core.training.good_checkpoints import GoodCheckpoints
from gan_core.training.resume import resumed_run
from gan_core.training.run_writer import RunWriter

if TYPE_CHECKING:
    from gan_core.training.trainer import Trainer

CHECKPOINT_SHARE = 20  # a checkpoint that takes a second comes at most every 20 seconds

ShouldStop = Callable[[], "str | None"]


def never() -> None:
    """No reason to stop."""


def ignore(record: Record) -> None:
    """Nobody follows the records."""


@dataclass(frozen=True)
class SessionRequest:
    """A run to be trained to `config.steps`.

    `should_stop` is asked between any two records and gives the reason to stop, or None. `target`
    gives the number of steps asked for by now; where it grows past `config.steps`, training goes
    on to there. `on_record` is called with every record.
    """

    config: RunConfig
    should_stop: ShouldStop = never
    target: Callable[[], int] | None = None
    on_record: Callable[[Record], None] = ignore


class _Stopped(Exception):
    """Somebody asked to stop while data was being fetched; the message is the reason."""


class Session:
    """A run from the moment it is locked to its `outcome`, which is None until then.

    `index` is its place among the runs that were asked for together, `lock` what is closed when it
    ends, `interrupted` says whether Ctrl-C was pressed.
    """

    def __init__(
        self, store: RunStore, request: SessionRequest, index: int, lock: contextlib.ExitStack,
        device: Any, checkpoint_seconds: float, interrupted: ShouldStop,
    ) -> None:
        self.store, self.request, self.index, self.lock = store, request, index, lock
        self.device, self.interrupted = device, interrupted
        self.checkpoint_seconds = checkpoint_seconds
        self.config = request.config
        self.digest = self.config.digest()
        self.goal = self.config.steps  # of the trainer at work
        self.trainer: Trainer | None = None
        self.outcome: Outcome | None = None
        self.writer = RunWriter(store, self.digest)
        self.good = GoodCheckpoints(store.root / self.digest, self.config.card)
        self._saved = time.monotonic()
        self._save_cost = 0.0

    @property
    def active_trainer(self) -> Trainer:
        """The trainer, once the session has begun."""
        assert self.trainer is not None, "begin() comes first"
        return self.trainer

    def target(self) -> int:
        """How many steps are asked for by now."""
        return max(self.config.steps, self.request.target() if self.request.target else 0)

    def reason_to_stop(self) -> str | None:
        return self.request.should_stop() or self.interrupted()

    # --- how it begins ----------------------------------------------------------------------------

    def begin(self) -> None:
        """Get ready to train; the session may end here already."""
        try:
            self._write_status("starting")
            self._prepare()
            self.goal = self.target()
            self._resume()
        except _Stopped as stop:
            self._end(Outcome("stopped", self.writer.status.step, str(stop)))
        except KeyboardInterrupt:
            self.interrupt()
        except Exception as error:
            self.fail(error)

    def _prepare(self) -> None:
        """Fetch what the run needs and this machine has not got; the status says how far it is.

        Before the checkpoint is opened: a classroom without internet must not lose a run.
        """
        from gan_core.data.downloads import progress_to
        from gan_core.training.trainer import prepare

        with progress_to(self._report_download):
            prepare(self.config, self.device)

    def _report_download(self, text: str) -> None:
        if (reason := self.reason_to_stop()) is not None:
            raise _Stopped(reason)
        if self.writer.report_due():
            self._write_status("starting", text)

    def _resume(self) -> None:
        from gan_core.training.devices import device_name

        config = self.config.replace(steps=self.goal)
        run = resumed_run(self.store, config, self.device)
        self.trainer = run.trainer
        self.writer.last_evaluation = run.last_evaluation
        device = device_name(run.trainer.device)
        self.writer.status = replace(self.writer.status, step=run.step, device=device)
        self.store.log(
            self.digest, f"training from step {run.step} to {config.steps} on {device}")

    def wait(self) -> None:
        """Others of its batch, at another step, come first."""
        try:
            self._write_status("starting", "waiting for the others of its batch")
        except Exception as error:  # it costs this run alone
            self.fail(error)

    # --- how it goes on ---------------------------------------------------------------------------

    def write(self, record: Record) -> bool:
        """Write a record; True if the training ends with it, also because it cannot be written.

        If there is no outcome then, the target has grown: there is a new trainer to follow.
        """
        try:
            return self._write_record(record)
        except Exception as error:  # it costs this run alone
            self.fail(error)
            return True

    def _write_record(self, record: Record) -> bool:
        self.request.on_record(record)
        if isinstance(record, Outcome):
            self._reach(record)
            return True
        self._add(record)
        self._keep_if_good(record)
        if self._stop_if_asked():
            return True
        self._save_if_due()
        return False

    def _add(self, record: Record) -> None:
        self.writer.add(record)
        # What was measured at the same step reaches readers together.
        if not self.active_trainer.waiting and self.writer.report_due():
            self.writer.flush()
            self._write_status("running")

    def _reach(self, outcome: Outcome) -> None:
        if outcome.kind != "finished" or self.target() <= self.goal:
            self._close(outcome)
            return
        from gan_core.training.trainer import train

        self.writer.flush()
        self.goal = self.target()
        self.trainer = train(self.config.replace(steps=self.goal), device=self.device,
                             resume_from=self.active_trainer.checkpoint())

    def _write_status(self, state: str, reason: str = "") -> None:
        seconds = None if self.trainer is None else self.trainer.seconds
        self.writer.write_status(state, self.target(), reason, seconds)

    # --- checkpoints ------------------------------------------------------------------------------

    def _save_if_due(self) -> None:
        pause = max(self.checkpoint_seconds, CHECKPOINT_SHARE * self._save_cost)
        if time.monotonic() - self._saved >= pause:
            self.writer.flush()  # the history is never behind the checkpoint
            self._save()

    def _keep_if_good(self, record: Record) -> None:
        self.good.note(record)
        # With all that was measured at its step in the history: readers get that together.
        if self.good.due and not self.active_trainer.waiting:
            self.writer.flush()
            self.good.keep(self.active_trainer)

    def _save(self) -> None:
        from gan_core.training import checkpoint

        started = time.monotonic()
        path = self.store.checkpoint_path(self.digest)
        checkpoint.write(self.active_trainer.checkpoint(), path)
        self._saved = time.monotonic()
        self._save_cost = self._saved - started

    # --- how it ends ------------------------------------------------------------------------------

    def stop_if_asked(self) -> None:
        """End, if somebody wants it to."""
        try:
            self._stop_if_asked()
        except Exception as error:  # it costs this run alone
            self.fail(error)

    def _stop_if_asked(self) -> bool:
        """Whether it ends."""
        if (reason := self.reason_to_stop()) is None:
            return False
        # Every record made so far, so that a change in mid-run can start at exactly this step.
        for record in self.active_trainer.take_waiting():
            self.request.on_record(record)
            self._add(record)
        self._close(Outcome("stopped", self.writer.status.step, reason))
        return True

    def _close(self, outcome: Outcome) -> None:
        """End, with a checkpoint of this moment."""
        self.writer.flush()
        if outcome.kind != "diverged":  # its networks are no longer worth keeping
            self._save()
        self._end(outcome)

    def interrupt(self) -> None:
        """End without a checkpoint: the state may be in the middle of a step."""
        self._end(Outcome("stopped", self.writer.status.step, "interrupted"))

    def _end(self, outcome: Outcome) -> None:
        self.writer.status = replace(self.writer.status, step=outcome.step)
        self._write_status(outcome.kind, outcome.reason)
        self.outcome = replace(outcome, seconds=self.writer.status.seconds)

    def fail(self, error: Exception) -> None:
        """End by a failure; whatever can still be written is."""
        reason = failure_text(error, "training")
        # The disk itself may be what failed.
        with contextlib.suppress(OSError, StoreError):
            self.store.log(self.digest, "".join(traceback.format_exception(error)))
        with contextlib.suppress(OSError, StoreError):
            self.writer.flush()
        with contextlib.suppress(OSError, StoreError):
            self._write_status("failed", reason)
        status = self.writer.status
        self.outcome = Outcome("failed", status.step, reason, status.seconds)
