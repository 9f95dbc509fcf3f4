"""A run's measurements as a table (CSV) and as data (JSON), for pandas, a spreadsheet or a script.

    pandas.read_csv(io.StringIO(history_csv(snapshot)), index_col="step")

The table has one row for each step of which anything is known, in order of step: first what was
measured of the step, then what was measured of G at an evaluation, whose columns are empty in all
other rows. `COLUMNS` says what each column is. What is known of single images or of the training
set (`training`, `scores_training`, `scores_unseen`, `sheet_modes`, `sheet_scores`) is in the JSON
alone. Torch-free.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gan_core.runs.records import ADDED_NUMBERS, STEP_METRICS, EvalRecord
from gan_core.runs.snapshots import RunSnapshot

FORMAT, VERSION = "gan-challenges-lab history", 1
# A name of a column: of a run that was opened from a file, any string may be the name of a metric,
# and a spreadsheet takes "=…" for a formula.
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")

COLUMNS = {
    "step": "steps of training until then; 0 is the untrained G",
    "loss_d": "D's loss on the batch of this step",
    "loss_g": "G's loss on the batch of this step",
    "accuracy_real": "share of the real batch that D takes for real",
    "accuracy_fake": "share of the generated batch that D takes for generated",
    "score_real": "D's mean score, σ(logit), of the real batch; 1 means real",
    "score_fake": "D's mean score of the generated batch",
    "grad_norm_d": "L2 norm of D's gradient over all its parameters, before the optimiser",
    "grad_norm_g": "the same of G",
    "saturation_minimax": "mean |∂L_G/∂logit| that the minimax loss gives on this batch",
    "saturation_non_saturating": "the same of the non-saturating loss",
    "penalty": "what penalties add to D's loss",
    "grad_norm_minimax": "norm of a frozen G's gradient under the minimax loss; empty before",
    "grad_norm_non_saturating": "the same under the non-saturating loss",
    "seconds": "training time until this evaluation, evaluations included",
    "share_0": "share of the samples nearest to mode 0; share_1 and so on of the others",
    "supported_0": "share of the samples that are recognised as, or lie near to, mode 0; and so on",
}
"""What the columns of `history_csv` are; a column with another name is an evaluation's metric."""


# --- CSV -----------------------------------------------------------------------------------------


def history_csv(snapshot: RunSnapshot) -> str:
    """What was measured of the steps, and of G at evaluations, one row a step, numbers as they are
    stored: six significant digits. What is not known, or not finite, is an empty cell. Lists of
    single images are in `history_json` alone."""
    columns = _columns(snapshot)
    lines = map(",".join, zip(*columns.values(), strict=True))
    return "\n".join([",".join(columns), *lines, ""])


def _columns(snapshot: RunSnapshot) -> dict[str, list[str]]:
    """Cells by the name of their column."""
    history = snapshot.history
    of_steps = [int(step) for step in history.column("step").tolist()]
    steps = sorted({*of_steps, *(record.step for record in history.evaluations)})
    place = {step: at for at, step in enumerate(steps)}
    columns = {"step": list(map(str, steps))}
    for name in STEP_METRICS:
        columns[name] = _placed(len(steps), map(place.__getitem__, of_steps),
                                history.column(name).tolist())
    places = [place[record.step] for record in history.evaluations]
    for name, values in _of_evaluations(history.evaluations).items():
        columns[name] = _placed(len(steps), places, values)
    return columns


def _of_evaluations(records: Sequence[EvalRecord]) -> dict[str, list[float]]:
    """What evaluations measured, by the name of its column."""
    columns = {"seconds": [record.seconds for record in records]}
    for name in metric_names(records):
        columns[name] = [record.metrics.get(name, math.nan) for record in records]
    for name, values in (("share", [record.histogram for record in records]),
                         ("supported", [record.supported for record in records])):
        for mode in range(max(map(len, values), default=0)):
            columns[f"{name}_{mode}"] = [each[mode] if mode < len(each) else math.nan
                                         for each in values]
    return columns


def metric_names(records: Iterable[EvalRecord]) -> list[str]:
    """The metrics that any of the evaluations has, in the order in which they first appear."""
    names = dict.fromkeys(name for record in records for name in record.metrics)
    return [name for name in names if _NAME.fullmatch(name) and name not in COLUMNS]


def _placed(count: int, places: Iterable[int], values: Iterable[float]) -> list[str]:
    """`count` cells, of which those at `places` hold the values."""
    cells = [""] * count
    for at, value in zip(places, values, strict=True):
        cells[at] = f"{value:.6g}" if math.isfinite(value) else ""
    return cells


# --- JSON ----------------------------------------------------------------------------------------


def history_json(snapshot: RunSnapshot) -> str:
    """The run's settings, its state and its history as one JSON object.

    `steps` holds each metric of the steps as a list, by name, as `pandas.DataFrame` takes it;
    `evaluations` one object for each evaluation. What is not known, or not finite, is null.
    """
    return json.dumps(_data(snapshot), ensure_ascii=False, allow_nan=False) + "\n"


def _data(snapshot: RunSnapshot) -> dict[str, Any]:
    status, history = snapshot.status, snapshot.history
    return {
        "format": FORMAT,
        "version": VERSION,
        "digest": snapshot.config.digest(),
        "config": snapshot.config.to_dict(),
        "state": status.state,
        "reason": status.reason,
        "step": status.step,
        "seconds": _number(status.seconds),
        "device": status.device,
        "steps": {"step": [int(step) for step in history.column("step").tolist()],
                  **{name: list(map(_number, history.column(name).tolist()))
                     for name in STEP_METRICS}},
        "evaluations": list(map(_evaluation, history.evaluations)),
    }


def _evaluation(record: EvalRecord) -> dict[str, Any]:
    return {
        "step": record.step,
        "seconds": _number(record.seconds),
        "metrics": _numbers(record.metrics),
        "histogram": list(map(_number, record.histogram)),
        **{name: list(map(_number, getattr(record, name))) for name in ADDED_NUMBERS
           if getattr(record, name)},
    }


def _numbers(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: _number(value) for name, value in values.items()}


def _number(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None
