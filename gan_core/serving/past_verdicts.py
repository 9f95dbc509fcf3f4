"""The verdicts that a run was given on its way, for playback: one at each evaluation. Torch-free.

An earlier moment is judged as it was: the run went on then, so its words are those of a live run,
early warnings included. The last verdict is that on the run as it is, the one that `live` tells.
What was said of an evaluation stays true while a run grows: it is worked out once for all visitors.
"""

from __future__ import annotations

import dataclasses
import json
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

from gan_core.runs.snapshots import RunSnapshot
from gan_core.serving.live_channel import tag
from gan_core.serving.run_words import spoken_verdict

MOST_MOMENTS = 60  # of a run
MOST_VERDICTS = 2048  # that are kept, of some two kilobytes each
MOST_ANSWERS = 64  # of some hundred kilobytes

Value = TypeVar("Value")


def as_evaluated(run: RunSnapshot, steps: int | None) -> RunSnapshot:
    """A run as it was at its last evaluation until `steps`; itself where it ends before, or where
    that is None.

    `steps` comes from an address, and every number would be a diagnosis of its own.
    """
    if steps is None or run.history.last_step < steps:
        return run
    if run.history.last_step == steps:
        return run.until(steps)  # whoever trains it further
    last = run.history.evaluation_at(steps)
    return run.until(max(last.step, 1) if last is not None else 1)


def moments(run: RunSnapshot) -> list[int]:
    """The steps of a run's evaluations, evenly thinned, and the last step of all. What is chosen of
    a shorter run is chosen of a longer one as well, or every second of it."""
    end = run.history.last_step
    past = [each.step for each in run.history.evaluations if 0 < each.step < end]
    stride = 1 << max(0, math.ceil(math.log2((len(past) + 1) / MOST_MOMENTS)))
    return [*past[::stride], end]


class PastVerdicts:
    """What was said of runs, as JSON. Any thread may ask; one at a time works out what is new, and
    a class that asks at the same moment finds it then."""

    def __init__(self) -> None:
        self._verdicts = _Kept[dict[str, Any]](MOST_VERDICTS)
        self._answers = _Kept[bytes](MOST_ANSWERS)
        self._working_out = threading.Lock()

    def answer(self, run: RunSnapshot) -> bytes:
        """The verdicts on a run until where it is shown: `steps`, the `verdicts` from each on, and
        what was to be said `before` the first."""
        key = (run.digest, tag(run))
        known = self._answers.known(key)
        if known is not None:
            return known
        with self._working_out:
            return self._answers.get(key, lambda: json.dumps(
                self._told(run), allow_nan=False).encode())

    def _told(self, run: RunSnapshot) -> dict[str, Any]:
        steps = moments(run)
        verdicts = [self._at(run, step) for step in steps[:-1]]
        return {
            "steps": steps,
            "verdicts": [*verdicts, spoken_verdict(run).to_dict()],
            "before": self._at(run, 0),
        }

    def _at(self, run: RunSnapshot, step: int) -> dict[str, Any]:
        """The verdict at an evaluation, or before the first one."""
        evaluation = run.history.evaluation_at(step)
        # A run that was wound back and trained again may have become another one.
        key = (run.digest, step, repr(evaluation))
        return self._verdicts.get(key, lambda: spoken_verdict(_as_live(run, step)).to_dict())


def _as_live(run: RunSnapshot, step: int) -> RunSnapshot:
    """A run as it was when it had come so far, and went on."""
    status = dataclasses.replace(run.status, state="running", step=step, reason="")
    return dataclasses.replace(
        run, config=run.config.replace(steps=max(step, 1)), history=run.history.until(step),
        status=status)


class _Kept(Generic[Value]):
    """Values by key, those used last."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._lock = threading.Lock()

    def known(self, key: Hashable) -> Value | None:
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of a key; made, without the lock, where it is not known."""
        value = self.known(key)
        if value is None:
            value = make()
            with self._lock:
                self._values[key] = value
                while len(self._values) > self._most:
                    self._values.popitem(last=False)
        return value
