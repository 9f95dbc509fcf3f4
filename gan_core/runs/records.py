"""What a run tells the world: step records, evaluations, an outcome, and the history of them.

One record is one line of JSON in a run's `history.jsonl`. Torch-free.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

Made = TypeVar("Made")

OUTCOMES = ("finished", "stopped", "diverged", "failed")


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One training step, measured on the batch it trained on.

    Scores are σ(logit), the output of the report's Sigmoid layer. `accuracy_*` is the share of the
    batch on which D is right. Gradient norms are L2 norms over all parameters of one network,
    before the optimiser. `saturation_*` is mean |∂L_G/∂logit| that each form of the GAN loss
    gives on this batch: σ(s) for minimax, σ(−s) for non-saturating, whichever is training. For
    losses other than these two s is counted from the logit at which D is undecided. `penalty` is
    what penalties add to D's loss. While G is frozen `grad_norm_minimax` and
    `grad_norm_non_saturating` are the norms that G's gradient has under either loss; NaN before.
    """

    step: int
    loss_d: float
    loss_g: float
    accuracy_real: float
    accuracy_fake: float
    score_real: float
    score_fake: float
    grad_norm_d: float
    grad_norm_g: float
    saturation_minimax: float
    saturation_non_saturating: float
    penalty: float = 0.0
    grad_norm_minimax: float = math.nan
    grad_norm_non_saturating: float = math.nan


STEP_METRICS = tuple(entry.name for entry in dataclasses.fields(StepRecord))[1:]
_DEFAULTS = {  # what most runs do not have, and so is not written into each of their lines
    entry.name: entry.default for entry in dataclasses.fields(StepRecord)
    if entry.default is not dataclasses.MISSING
}


@dataclass(frozen=True, slots=True)
class EvalRecord:
    """Quality of the generator after `step` steps, from fixed latents.

    `histogram` is the share of samples in each class or mode. `seconds` is training time so far,
    evaluations included; a clock is not part of equality.
    """

    step: int
    metrics: dict[str, float]
    histogram: tuple[float, ...] = ()
    seconds: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class SampleRecord:
    """What a look shows after `step` steps; stored as a file beside the history.

    `samples` holds, for each `view`:
    - samples: what G makes of the fixed latents, uint8 (64, 28, 28) for images, float32 (n, 2) for
      2-D points;
    - averaged: the same of the generator whose weights are averaged over time;
    - surface, for points: D's score σ(logit − c) over the plane, float32 (48, 48), top row first;
    - neighbours, for images: triples of a generated, the nearest training and the nearest held-out
      image, uint8 (16, 3, 28, 28).
    """

    step: int
    samples: np.ndarray = field(compare=False, repr=False)
    view: str = "samples"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: `kind` is one of OUTCOMES, `reason` one sentence for people."""

    kind: str
    step: int
    reason: str = ""
    seconds: float = field(default=0.0, compare=False)


Record = StepRecord | EvalRecord | SampleRecord | Outcome


def to_line(record: StepRecord | EvalRecord) -> str:
    """One line of JSON, six significant digits, without the newline. NaN becomes null.

    What a StepRecord has a default for is left out where it has that value.
    """
    if isinstance(record, StepRecord):
        values = {name: getattr(record, name) for name in STEP_METRICS}
        content = {name: _rounded(value) for name, value in values.items()
                   if repr(value) != repr(_DEFAULTS.get(name))}  # NaN does not equal NaN
        return json.dumps({"step": record.step, **content})
    return json.dumps(
        {
            "evaluation": record.step,
            "seconds": _rounded(record.seconds),
            "metrics": {name: _rounded(value) for name, value in record.metrics.items()},
            "histogram": [_rounded(value) for value in record.histogram],
        }
    )


def from_line(line: str) -> StepRecord | EvalRecord:
    """The record a line holds. Raises ValueError on anything that `to_line` does not write."""
    try:
        content = json.loads(line)
        if "evaluation" in content:
            return EvalRecord(
                step=int(content["evaluation"]),
                metrics={name: _read(value) for name, value in content["metrics"].items()},
                histogram=tuple(_read(value) for value in content["histogram"]),
                seconds=_read(content["seconds"]),
            )
        values = {name: _read(content[name]) for name in STEP_METRICS if name in content}
        missing = {name: _DEFAULTS.get(name, math.nan)
                   for name in STEP_METRICS if name not in content}
        return StepRecord(step=int(content["step"]), **values, **missing)
    except (KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"not a record: {error!r}") from None


def _rounded(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _read(value: float | None) -> float:
    return math.nan if value is None else float(value)


class History:
    """An immutable view of a run's records, in order of step."""

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

    __hash__ = None

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
        column.flags.writeable = False  # shared by everyone who asks
        return column

    def derived(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """What `make` makes of this history, made once under `key` and kept for all who ask: its
        records do not change, and pages ask again at every look."""
        if key not in self._derived:
            self._derived[key] = make()
        return self._derived[key]

    def evaluated(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Steps and values of an evaluation metric, both shape (evaluations that have it,)."""
        found = [(record.step, record.metrics[name]) for record in self.evaluations
                 if name in record.metrics]
        array = np.asarray(found, dtype=float).reshape(-1, 2)
        return array[:, 0], array[:, 1]

    def evaluation_at(self, step: int) -> EvalRecord | None:
        """The latest evaluation at or before `step`."""
        return next((e for e in reversed(self.evaluations) if e.step <= step), None)

    def seconds_at(self, step: int) -> float:
        """Seconds of training until `step`, by the evaluations around it; NaN without any."""
        if not self.evaluations:
            return math.nan
        steps, seconds = zip(*((e.step, e.seconds) for e in self.evaluations), strict=True)
        return float(np.interp(step, steps, seconds))

    def evaluated_within(self, seconds: float) -> EvalRecord | None:
        """The latest evaluation that training reached in so many seconds, or the first."""
        reached = (e for e in reversed(self.evaluations) if e.seconds <= seconds)
        return next(reached, self.evaluations[0] if self.evaluations else None)

    def until(self, step: int) -> History:
        """The history as it was after `step` steps; itself where it goes no further."""
        ended = self.outcome.step if self.outcome else 0  # a divergence is one step past its last
        if max(self.last_step, ended) <= step:
            return self
        return self.derived(("until", step), lambda: History(
            (record for record in self.steps if record.step <= step),
            (record for record in self.evaluations if record.step <= step),
        ))

    def thinned(self, points: int, keep: Iterable[int] = ()) -> History:
        """At most about `points` step records, evenly spaced, first and last kept, and those of the
        steps in `keep`."""
        if len(self.steps) <= points:
            return self
        even = np.linspace(0, len(self.steps) - 1, points).round().astype(int)
        kept = np.flatnonzero(np.isin(self.column("step"), list(keep)))
        chosen = np.unique(np.concatenate([even, kept]))
        return History((self.steps[i] for i in chosen), self.evaluations, self.outcome)
