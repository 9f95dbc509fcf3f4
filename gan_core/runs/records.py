"""The records of a run: training steps, evaluations, samples and the outcome.

A step or an evaluation is one line of JSON in the run's `history.jsonl`, samples are files beside
it, the outcome stands in `status.json`. Torch-free.
"""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

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
_DEFAULTS = {  # of metrics that most runs do not have; a line leaves them out
    entry.name: entry.default for entry in dataclasses.fields(StepRecord)
    if entry.default is not dataclasses.MISSING
}


@dataclass(frozen=True, slots=True)
class EvalRecord:
    """Metrics of the generator after `step` steps, from fixed latents.

    `histogram` is the share of samples in each class or mode. `seconds` is training time so far,
    evaluations included; a clock is not part of equality. From `version` 2 on it is known which
    samples are good ones: `supported` is their share in each mode, `training` each mode's share of
    the training set. `scores_training` and `scores_unseen` are D's scores σ(logit − c) of the ten
    training images and the ten unseen ones of the view "cards"; empty where there are no cards.
    `sheet_modes` is the class of each image of the sample sheet, −1 where none is recognised, and
    `sheet_scores` D's score of each; empty for points, the scores also where D scores several
    images together.
    """

    step: int
    metrics: dict[str, float]
    histogram: tuple[float, ...] = ()
    seconds: float = field(default=0.0, compare=False)
    supported: tuple[float, ...] = ()
    training: tuple[float, ...] = ()
    scores_training: tuple[float, ...] = ()
    scores_unseen: tuple[float, ...] = ()
    sheet_modes: tuple[float, ...] = ()
    sheet_scores: tuple[float, ...] = ()

    @property
    def version(self) -> int:
        """1 for evaluations that older versions of this project wrote."""
        return 2 if self.supported else 1


@dataclass(frozen=True, slots=True)
class SampleRecord:
    """What can be seen of G and D after `step` steps; stored as a file beside the history.

    `samples` holds, depending on the `view`:
    - samples: G's samples from the fixed latents, uint8 (64, 28, 28) for images, float32 (n, 2) for
      2-D points;
    - averaged: samples of the averaged generator, whose weights are a running mean of G's;
    - surface, for points: D's score σ(logit − c) over the plane, float32 (48, 48), top row first;
    - neighbours, for images: triples of a generated, the nearest training and the nearest held-out
      image, uint8 (16, 3, 28, 28);
    - cards, for images, at step 0 alone: one training image of each class, and one that D never
      sees, uint8 (2, 10, 28, 28);
    - nearest, for images: the training image nearest to each of the sheet, uint8 (64, 28, 28);
    - walk, for images: what G makes on the way from the first latent of each of the sheet's rows to
      its last, uint8 (64, 28, 28);
    - grid, for points: where G takes a square grid of latents, float32 (GRID², 2).
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


MOST_STEPS = 10**9  # a longer run is damage
COUNTED = ("modes", "modes_total")  # metrics that every evaluation has
# Of an EvalRecord, empty where they are not known; version 1 has none of them.
ADDED_NUMBERS = ("supported", "training", "scores_training", "scores_unseen", "sheet_modes",
                 "sheet_scores")

Record = StepRecord | EvalRecord | SampleRecord | Outcome


def to_line(record: StepRecord | EvalRecord) -> str:
    """One line of JSON, six significant digits, without the newline. NaN becomes null.

    A field of a StepRecord that has its default is left out.
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
            **{name: [_rounded(value) for value in getattr(record, name)]
               for name in ADDED_NUMBERS if getattr(record, name)},
        }
    )


def from_line(line: str | bytes) -> StepRecord | EvalRecord:
    """The record in a line. Raises ValueError on anything that `to_line` does not write."""
    try:
        content = json.loads(line, parse_constant=_refuse)
        if "evaluation" in content:
            return _evaluation(content)
        return _step(content)
    except (KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"not a record: {error!r}") from None


def _evaluation(content: dict[str, Any]) -> EvalRecord:
    metrics = {name: _number(value) for name, value in content["metrics"].items()}
    if missing := [name for name in COUNTED if name not in metrics]:
        raise ValueError(f"the evaluation lacks {missing[0]}")
    return EvalRecord(
        step=_whole(content["evaluation"]),
        metrics=metrics,
        histogram=tuple(_number(value) for value in content["histogram"]),
        seconds=_number(content["seconds"]),
        **{name: tuple(_number(value) for value in content.get(name, ()))
           for name in ADDED_NUMBERS},
    )


def _step(content: dict[str, Any]) -> StepRecord:
    """A metric that an older version did not write takes its default, or NaN."""
    values = {
        name: _number(content[name]) if name in content else _DEFAULTS.get(name, math.nan)
        for name in STEP_METRICS
    }
    return StepRecord(step=_whole(content["step"]), **values)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _whole(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MOST_STEPS:
        raise ValueError(f"{value!r:.40} is not a step")
    return value


def _rounded(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _number(value: Any) -> float:
    """NaN for what was not finite. Raises ValueError on anything else that is not a number."""
    if value is None:
        return math.nan
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError(f"{value!r:.40} is not a number")
    return float(value)
