"""RunWriter: writes one run's records and status into its store while it trains. Torch-free.

Records reach the disk together with whatever was measured at the same step, at least every quarter
of a second; status.json says how far the run is and how fast it goes.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import replace

from gan_core.runs.records import EvalRecord, Outcome, Record, SampleRecord, StepRecord
from gan_core.runs.store import RunStatus, RunStore

REPORT_SECONDS = 0.25  # between two states of a run that a page can see
RATE_REPORTS = 20  # the rate is that of the last 20 reports: about five seconds


class RunWriter:
    """`status` is what status.json says; `last_evaluation` the step of the history's last one."""

    def __init__(self, store: RunStore, digest: str) -> None:
        self.store, self.digest = store, digest
        before = store.existing_snapshot(digest).status
        self.status = RunStatus("starting", before.step, seconds=before.seconds,
                                device=before.device)
        self.last_evaluation = -1
        self._buffer: list[StepRecord | EvalRecord | SampleRecord] = []
        self._visible = False  # whether the buffer holds a picture or an evaluation
        self._reported = 0.0
        self._progress: deque[tuple[float, int]] = deque(maxlen=RATE_REPORTS)

    def add(self, record: Record) -> None:
        """Keep a record until the next flush; an outcome is the session's to write."""
        if isinstance(record, Outcome):
            return
        if isinstance(record, EvalRecord):
            # A process that ended after its last checkpoint has already written this one.
            if record.step <= self.last_evaluation:
                return
            self.last_evaluation = record.step
        self._buffer.append(record)
        if isinstance(record, StepRecord):
            self.status = replace(self.status, step=record.step)
        self._visible |= isinstance(record, EvalRecord | SampleRecord)

    def report_due(self) -> bool:
        return self._visible or time.monotonic() - self._reported >= REPORT_SECONDS

    def flush(self) -> None:
        self.store.append(self.digest, self._buffer)
        self._buffer.clear()

    def write_status(
        self, state: str, steps: int, reason: str = "", seconds: float | None = None
    ) -> None:
        """`steps` is how far the run is to go; `seconds` of training, None before it begins."""
        self.status = replace(self.status, state=state, steps=steps, reason=reason)
        if seconds is not None:
            rate, left = self._pace(steps)
            self.status = replace(
                self.status, seconds=round(seconds, 3), steps_per_second=rate, seconds_left=left)
        if state != "running":
            self.status = replace(self.status, seconds_left=None)
        self.store.write_status(self.digest, self.status)
        self._reported = time.monotonic()
        self._visible = False

    def _pace(self, steps: int) -> tuple[float, float | None]:
        """Steps a second over the last reports, and seconds left, None where they are unknown."""
        now, step = time.monotonic(), self.status.step
        self._progress.append((now, step))
        since, first = self._progress[0]
        if step <= first:
            return self.status.steps_per_second, None
        rate = (step - first) / max(now - since, 1e-6)
        return round(rate, 2), round(max(steps - step, 0) / rate, 1)
