"""The history of a run: its step records, evaluations and outcome, as columns and as of any step.

Torch-free.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable
from typing import Any, TypeVar

import numpy as np

from gan_core.runs.records import EvalRecord, Outcome, Record, StepRecord

Result = TypeVar("Result")


class History:
    """The records of a run, in order of step; immutable."""

    def __init__(
        self,
        steps: Iterable[StepRecord] = (),
        evaluations: Iterable[EvalRecord] = (),
        outcome: Outcome | None = None,  # None while the run goes on
    ) -> None:
        self.steps = tuple(steps)
        self.evaluations = tuple(evaluations)
        self.outcome = outcome
        self._derived: dict[Hashable, Any] = {}

    @classmethod
    def of(cls, records: Iterable[Record]) -> History:
        """The history of what `train` yields; samples are not part of it."""
        records = list(records)
        return cls(
            (record for record in records if isinstance(record, StepRecord)),
            (record for record in records if isinstance(record, EvalRecord)),
            next((record for record in records if isinstance(record, Outcome)), None),
        )

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, History)
            and self.steps == other.steps
            and self.evaluations == other.evaluations
            and self.outcome == other.outcome
        )

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        return bool(self.steps or self.evaluations)

    @property
    def last_step(self) -> int:
        """The last step recorded; 0 for an empty history."""
        return max(
            self.steps[-1].step if self.steps else 0,
            self.evaluations[-1].step if self.evaluations else 0,
        )

    def column(self, name: str) -> np.ndarray:
        """Values of a step metric (or `step`), shape (number of step records,)."""
        return self.derived(("column", name), lambda: self._column(name))

    def _column(self, name: str) -> np.ndarray:
        column = np.asarray([getattr(record, name) for record in self.steps], dtype=float)
        column.flags.writeable = False  # shared by all callers
        return column

    def derived(self, key: Hashable, make: Callable[[], Result]) -> Result:
        """The result of `make`, which is called once for each `key`.

        For whatever is computed from this history alone: its records do not change, and a page asks
        for the same several times a second.
        """
        if key not in self._derived:
            self._derived[key] = make()
        return self._derived[key]

    def evaluated(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Steps and values of an evaluation metric, both shape (evaluations that have it,)."""
        points = [(record.step, record.metrics[name]) for record in self.evaluations
                  if name in record.metrics]
        array = np.asarray(points, dtype=float).reshape(-1, 2)
        return array[:, 0], array[:, 1]

    def evaluation_at(self, step: int) -> EvalRecord | None:
        """The latest evaluation at or before `step`."""
        return next((e for e in reversed(self.evaluations) if e.step <= step), None)

    def seconds_at(self, step: int) -> float:
        """Seconds of training until `step`, interpolated between evaluations; NaN without any."""
        if not self.evaluations:
            return math.nan
        steps, seconds = zip(*((e.step, e.seconds) for e in self.evaluations), strict=True)
        return float(np.interp(step, steps, seconds))

    def evaluated_within(self, seconds: float) -> EvalRecord | None:
        """The latest evaluation within the first `seconds` of training, or else the first one."""
        reached = (e for e in reversed(self.evaluations) if e.seconds <= seconds)
        return next(reached, self.evaluations[0] if self.evaluations else None)

    def until(self, step: int) -> History:
        """The history as it was after `step` steps; this same object if it ends by then."""
        ended = self.outcome.step if self.outcome else 0  # a divergence is one step past its last
        if max(self.last_step, ended) <= step:
            return self
        return self.derived(("until", step), lambda: History(
            (record for record in self.steps if record.step <= step),
            (record for record in self.evaluations if record.step <= step),
        ))

    def thinned(self, points: int, keep: Iterable[int] = ()) -> History:
        """With at most about `points` step records, evenly spaced, first and last included, plus
        those of the steps in `keep`.
        """
        if len(self.steps) <= points:
            return self
        even = np.linspace(0, len(self.steps) - 1, points).round().astype(int)
        required = np.flatnonzero(np.isin(self.column("step"), list(keep)))
        chosen = np.unique(np.concatenate([even, required]))
        return History((self.steps[i] for i in chosen), self.evaluations, self.outcome)
