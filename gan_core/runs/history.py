"""The history of a run: its step records, evaluations and outcome, as columns and as of any step.

Torch-free.
"""

from __future__ import annotations

import contextlib
import math
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, TypeVar

import numpy as np

from gan_core.runs.record_log import RecordLog, Steps
from gan_core.runs.records import EvalRecord, Outcome, Record, StepRecord

Result = TypeVar("Result")

DERIVED = 64  # results that are kept of a history, those used last; a page asks for some twenty
BLOCK = 500  # steps that `running` takes at a time: few pieces for a long run, little left over


class History:
    """The records of a run, in order of step; immutable.

    `grown` gives the history of a run that went on. It shares the records and what is known of
    them, so that a page can look at a long run once a second.
    """

    def __init__(
        self,
        steps: Iterable[StepRecord] = (),
        evaluations: Iterable[EvalRecord] = (),
        outcome: Outcome | None = None,  # None while the run goes on
    ) -> None:
        log = RecordLog(steps, evaluations)
        self._show(log, len(log.steps), len(log.evaluations), outcome)

    def _show(self, log: RecordLog, steps: int, evaluations: int, outcome: Outcome | None) -> None:
        self._log = log
        self.steps = Steps(log.steps, steps)
        self.evaluations = tuple(log.evaluations[:evaluations])
        self.outcome = outcome
        self._derived: OrderedDict[Hashable, Any] = OrderedDict()

    @classmethod
    def _of_log(
        cls, log: RecordLog, steps: int, evaluations: int, outcome: Outcome | None = None
    ) -> History:
        history = cls.__new__(cls)
        history._show(log, steps, evaluations, outcome)
        return history

    @classmethod
    def of(cls, records: Iterable[Record]) -> History:
        """The history of what `train` yields; samples are not part of it."""
        records = list(records)
        return cls(
            (record for record in records if isinstance(record, StepRecord)),
            (record for record in records if isinstance(record, EvalRecord)),
            next((record for record in records if isinstance(record, Outcome)), None),
        )

    def grown(self, records: Iterable[Record]) -> History:
        """The history with the records that follow, which costs what these cost.

        Two continuations of one history know nothing of each other.
        """
        more = History.of(records)
        length = self._length
        if self._log.append(length, more.steps, more.evaluations):
            return self._of_log(self._log, length[0] + len(more.steps),
                                length[1] + len(more.evaluations), more.outcome)
        return History([*self.steps, *more.steps], [*self.evaluations, *more.evaluations],
                       more.outcome)

    def with_outcome(self, outcome: Outcome | None) -> History:
        """The same records of a run that ended so, or that goes on."""
        return self._of_log(self._log, *self._length, outcome)

    @property
    def _length(self) -> tuple[int, int]:
        return len(self.steps), len(self.evaluations)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, History)
            and self.steps == other.steps
            and self.evaluations == other.evaluations
            and self.outcome == other.outcome
        )

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[type[History], tuple[Any, ...]]:
        """Copies and other processes get the records alone."""
        return History, (tuple(self.steps), self.evaluations, self.outcome)

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
        return self._log.column(name, len(self.steps))

    def evaluated(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Steps and values of an evaluation metric, both shape (evaluations that have it,)."""
        points = [(record.step, record.metrics[name]) for record in self.evaluations
                  if name in record.metrics]
        array = np.asarray(points, dtype=float).reshape(-1, 2)
        return array[:, 0], array[:, 1]

    # --- what is known of a history, and of the shorter ones before it ---------------------------

    def derived(self, key: Hashable, make: Callable[[], Result]) -> Result:
        """The result of `make`, which is called once for each `key`, as long as no DERIVED other
        ones are asked for.

        For whatever is computed from this history alone: its records do not change, and a page asks
        for the same several times a second. `grown` forgets it; `running` and `last_where` do not.
        """
        try:
            self._derived.move_to_end(key)
            return self._derived[key]
        except KeyError:  # new, or dropped by another thread a moment ago
            result = self._derived[key] = make()
        if len(self._derived) > DERIVED:
            with contextlib.suppress(KeyError):
                self._derived.popitem(last=False)
        return result

    def running(
        self, key: Hashable, columns: Sequence[str], update: Callable[..., Result], initial: Result
    ) -> Result:
        """A value that goes on from step to step, of which only new steps are looked at.

            history.running("largest loss", ["loss_d"],
                            lambda largest, losses: np.maximum(largest, losses.max()), -np.inf)

        `update(value, *arrays)` takes the value so far and the next values of each of the columns,
        at least one, and gives the value after these. It must be a pure function that changes
        none of its arguments; `key` must name it and all numbers that it uses.

        It gets BLOCK steps at a time, counted from the first one, and in the end those left over,
        whenever somebody looked at the run: so a live run and a stored one have the same value to
        the last bit.
        """
        arrays = [self.column(name) for name in columns]

        def after_block(value: Result, block: int) -> Result:
            part = slice(block * BLOCK, (block + 1) * BLOCK)
            return update(value, *(array[part] for array in arrays))

        blocks, rest = divmod(len(self.steps), BLOCK)
        value = self._log.after_blocks(key, blocks, initial, after_block)
        return after_block(value, blocks) if rest else value

    def last_where(
        self, key: Hashable, found: Callable[[int, int], np.ndarray], end: int
    ) -> int:
        """The last place before `end` where `found` holds, or −1 if it holds nowhere.

            norms = history.column("grad_norm_g")
            history.last_where("gradient of 100", lambda start, stop: norms[start:stop] >= 100,
                               len(norms))

        `found(start, stop)` says of each place from `start` on and before `stop` whether it holds
        there. That must not change when the run grows, and `key` must name it and all numbers that
        it uses. Asked from the end backwards, as far as no history of this run has been asked yet.
        """
        return self._log.last_where(key, found, end)

    # --- as of another moment --------------------------------------------------------------------

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
        evaluations = tuple(record for record in self.evaluations if record.step <= step)
        first = self.evaluations[: len(evaluations)]
        if not self._log.in_order(len(self.steps)) or evaluations != first:  # a damaged file
            return self.derived(("until", step), lambda: History(
                (record for record in self.steps if record.step <= step), evaluations))
        length = (bisect_right(self.steps, step, key=lambda record: record.step), len(evaluations))
        return self._log.cut(length, lambda: self._of_log(self._log, *length))

    def thinned(self, points: int, keep: Iterable[int] = ()) -> History:
        """With at most about `points` step records, evenly spaced, first and last included, plus
        those of the steps in `keep`.
        """
        if len(self.steps) <= points:
            return self
        keep = tuple(keep)
        return self.derived(("thinned", points, keep), lambda: self._thinned(points, keep))

    def _thinned(self, points: int, keep: tuple[int, ...]) -> History:
        chosen = np.linspace(0, len(self.steps) - 1, points).round().astype(int)
        if keep:
            required = np.flatnonzero(np.isin(self.column("step"), keep))
            chosen = np.concatenate([chosen, required])
        return History((self.steps[i] for i in np.unique(chosen)), self.evaluations, self.outcome)
