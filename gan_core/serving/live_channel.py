"""What a live run's viewers are told: its state since a given record, as data. Torch-free.

A viewer asks about once a second and gets what is new: progress, the verdict in sentences, which
pictures there are, and the curves, thinned. It keeps to one rule: forget everything after step
`from` of the answer, and add what the answer holds. The answer's `since` goes into the next
question. The routes that carry this are the web server's (`pages/channel`).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gan_core.diagnosis.shares import drawn_modes, shown
from gan_core.runs.history import History
from gan_core.runs.records import STEP_METRICS, EvalRecord
from gan_core.runs.snapshots import RunSnapshot
from gan_core.serving.run_words import progress, spoken_verdict, wait_text

MOST_POINTS = 300  # of a curve
MOST_METRICS = 24  # that one viewer may ask for
DRAWN = "drawn"  # asked for like a metric: which modes G drew, at each evaluation
MOST_STEPS = 10_000_000  # beyond any run
MOST_ANSWERS = 256  # that are kept, of some ten kilobytes each
BEFORE_ALL = -1  # a step before the first record, which is of step 0

_SINCE = re.compile(r"(-1|[0-9]{1,8})\.([0-9]{1,8})")
_STEPS = re.compile(r"[0-9]{1,8}")
_METRIC = re.compile(r"[a-z_]{1,40}")


class BadQuestion(ValueError):
    """A question that cannot be answered; the message is one sentence."""


@dataclass(frozen=True)
class Since:
    """What a viewer has already: curves until `step`, of which every `stride`-th record."""

    step: int = BEFORE_ALL
    stride: int = 0  # 0: nothing yet

    def __str__(self) -> str:
        return f"{self.step}.{self.stride}"


@dataclass(frozen=True)
class Question:
    """What a viewer asks of a run: as far as `steps`, None for all of it; the metrics to draw,
    of steps and of evaluations; and what it has already."""

    steps: int | None = None
    metrics: tuple[str, ...] = ()
    since: Since = Since()


def question(steps: str = "", metrics: str = "", since: str = "") -> Question:
    """Read a question from the parameters of an address, "" for what is left out.

    `metrics` are separated by commas. Raises BadQuestion.
    """
    return Question(step("steps", steps), _metrics(metrics), _since(since))


def step(name: str, text: str, least: int = 1) -> int | None:
    """A step by the parameter `name` of an address, None where it is left out. Raises BadQuestion.
    """
    if not text:
        return None
    if not _STEPS.fullmatch(text) or not least <= int(text) <= MOST_STEPS:
        raise BadQuestion(f"{name} must be a whole number from {least} to {MOST_STEPS}.")
    return int(text)


def _metrics(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text.split(","))) if text else ()
    if len(names) > MOST_METRICS or not all(map(_METRIC.fullmatch, names)):
        raise BadQuestion(f"metrics must be at most {MOST_METRICS} names, separated by commas.")
    return names


def _since(text: str) -> Since:
    if not text:
        return Since()
    match = _SINCE.fullmatch(text)
    if match is None:
        raise BadQuestion("since must be what the last answer said.")
    return Since(int(match[1]), int(match[2]))


# --- answers -------------------------------------------------------------------------------------


def tag(snapshot: RunSnapshot) -> str:
    """A name of what a snapshot holds: another one where anything that viewers see has changed."""
    content = (dataclasses.astuple(snapshot.status), snapshot.place, wait_text(snapshot.wait),
               snapshot.config.steps,
               len(snapshot.history.steps), len(snapshot.history.evaluations),
               [(view, len(steps), steps[-1]) for view, steps in snapshot.views.items()])
    return hashlib.blake2b(repr(content).encode(), digest_size=12).hexdigest()


def as_far_as(snapshot: RunSnapshot, steps: int | None) -> RunSnapshot:
    """The run as a viewer sees it who asked for `steps`, None for all of it.

    As `RunSnapshot.until`, but the verdict on a run that is not as far stays the one that all its
    viewers share: `steps` comes from an address, and every number would be a diagnosis of its own.
    """
    if steps is None:
        return snapshot
    if snapshot.history.last_step < steps:
        return dataclasses.replace(
            snapshot, status=dataclasses.replace(snapshot.status, steps=steps))
    return snapshot.until(steps)


class Answers:
    """The answers given last, as JSON: a class that watches one run asks the same. Any thread may
    ask."""

    def __init__(self, most: int = MOST_ANSWERS) -> None:
        self._most = most
        self._kept: OrderedDict[tuple[str, str, Question], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def answer(self, snapshot: RunSnapshot, asked: Question, recorded: bool = False) -> bytes:
        """The state of a run since what the viewer has."""
        key = (snapshot.digest, tag(snapshot), asked)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = json.dumps(state(snapshot, asked, recorded), allow_nan=False).encode()
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return made


def state(snapshot: RunSnapshot, asked: Question, recorded: bool = False) -> dict[str, Any]:
    """The state of a run since what the viewer has; NaN and infinity are None.

    `curves` holds, of the metrics asked for that steps have, values by `step`; `evaluations` the
    same of those that evaluations have, with `seconds`, each mode's `shares` of the samples and the
    `rest`, None where an older evaluation does not know it, and D's `scores_training` and
    `scores_unseen` of the images on the run's cards, empty without cards; `pictures` the steps of
    each view that has files.
    """
    history = snapshot.history
    stride = _stride(len(history.steps))
    begin = _begin(history, asked.since, stride)
    return {
        "digest": snapshot.digest,
        "recorded": recorded,
        **_progress(snapshot, recorded),
        "verdict": _verdict(snapshot),
        "from": begin,
        "since": str(Since(_settled(history, stride), stride)),
        "stride": stride,
        "curves": _curves(history, asked.metrics, begin, stride),
        "evaluations": _evaluations(history.evaluations, asked.metrics, begin),
        "pictures": {view: [step for step in steps if step > begin]
                     for view, steps in snapshot.views.items()},
    }


def _progress(snapshot: RunSnapshot, recorded: bool) -> dict[str, Any]:
    status = snapshot.status
    share, words = progress(snapshot, recorded)
    return {
        "state": status.state, "live": snapshot.live, "step": status.step, "steps": status.steps,
        "last_step": snapshot.history.last_step, "place": snapshot.place, "device": status.device,
        "steps_per_second": number(status.steps_per_second), "seconds": number(status.seconds),
        "seconds_left": status.seconds_left, "share": share, "words": words,
        "watching": snapshot.watching,
    }


def _verdict(snapshot: RunSnapshot) -> dict[str, Any]:
    said = spoken_verdict(snapshot)
    return {
        **said.to_dict(), "cause": said.cause, "pages": list(said.pages),
        "findings": [finding.to_dict() for finding in said.findings],
    }


# --- curves --------------------------------------------------------------------------------------


def _stride(records: int) -> int:
    """Of how many records one is drawn: a power of two, so that what a viewer has stays in use."""
    return 1 << max(0, math.ceil(math.log2(records / MOST_POINTS))) if records else 1


def _begin(history: History, since: Since, stride: int) -> int:
    """The step after which the answer begins: what the viewer has, unless it has other records."""
    known = since.stride == stride and since.step <= history.last_step
    return since.step if known else BEFORE_ALL


def _settled(history: History, stride: int) -> int:
    """The last step on the grid of which everything is there: the newest step's evaluation and
    picture may still be on their way."""
    if len(history.steps) < 2:
        return BEFORE_ALL
    return history.steps[(len(history.steps) - 2) // stride * stride].step


def _curves(
    history: History, metrics: Iterable[str], begin: int, stride: int
) -> dict[str, list[float | None]]:
    """Every `stride`-th record after `begin`, and the newest."""
    steps = history.column("step")
    chosen = np.arange(0, len(steps), stride)
    if len(steps) and chosen[-1] != len(steps) - 1:
        chosen = np.append(chosen, len(steps) - 1)
    chosen = chosen[steps[chosen] > begin]
    drawn = [name for name in metrics if name in STEP_METRICS]
    return {"step": steps[chosen].astype(int).tolist(),
            **{name: _numbers(history.column(name)[chosen]) for name in drawn}}


def _evaluations(
    records: Sequence[EvalRecord], metrics: Iterable[str], begin: int
) -> dict[str, list[Any]]:
    new = [record for record in records if record.step > begin]
    drawn = [name for name in metrics if any(name in record.metrics for record in new)]
    return {
        "step": [record.step for record in new],
        "seconds": [number(record.seconds) for record in new],
        "shares": [_numbers(shown(record)) for record in new],
        "rest": [number(max(0.0, 1 - sum(record.supported))) if record.version > 1 else None
                 for record in new],
        **{name: [[number(score) for score in getattr(record, name)] for record in new]
           for name in ("scores_training", "scores_unseen")},
        **{name: [number(record.metrics.get(name, math.nan)) for record in new]
           for name in drawn},
        **({DRAWN: [_numbers(drawn_modes(record)) for record in new]} if DRAWN in metrics else {}),
    }


def _numbers(values: np.ndarray) -> list[float | None]:
    return list(map(number, values.tolist()))


def number(value: float) -> float | None:
    """Four significant digits: more than a screen shows, and half the bytes."""
    return float(f"{value:.4g}") if math.isfinite(value) else None
