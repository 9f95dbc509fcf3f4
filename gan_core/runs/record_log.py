"""The records of a run, in one place that only grows, and what was found out about them on the way.

A page looks at a live run about once a second, and each time the run is a little longer. Histories
of all lengths share one log: a history is a length, and what was computed of the records below it
stays known when the run grows. So a look costs what is new, not what the run has become.

Any thread may read while another one appends: what lies below a length never changes. Torch-free.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar, overload

import numpy as np

from gan_core.runs.records import EvalRecord, StepRecord

Value = TypeVar("Value")

FACTS = 256  # what is kept of a log: the facts used last, of which a diagnosis has some forty
CUTS = 16  # and the cuts used last: visitors who asked for fewer steps than the run has by now


class Steps(Sequence[StepRecord]):
    """The first `length` step records of a log; equals a tuple of the same records."""

    __slots__ = ("_length", "_records")

    def __init__(self, records: list[StepRecord], length: int) -> None:
        self._records = records
        self._length = length

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> StepRecord: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[StepRecord, ...]: ...
    def __getitem__(self, index: int | slice) -> StepRecord | tuple[StepRecord, ...]:
        places = range(self._length)[index]  # raises IndexError, and counts from the end
        if isinstance(places, int):
            return self._records[places]
        return tuple(self._records[place] for place in places)

    def __iter__(self) -> Iterator[StepRecord]:
        return islice(self._records, self._length)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Steps | tuple) or len(self) != len(other):
            return False
        return self.same_as(other) or tuple(self) == tuple(other)

    def same_as(self, other: object) -> bool:
        """Whether `other` shows the same records of the same log."""
        return (isinstance(other, Steps) and self._records is other._records
                and self._length == other._length)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))


class _Column:
    """One metric of the steps so far, in an array with room for more: a longer array takes its
    place now and then, and who reads the old one keeps it."""

    def __init__(self) -> None:
        self._values = np.empty(0)
        self._known = 0

    def read(self, name: str, steps: list[StepRecord], length: int) -> np.ndarray:
        if length > self._known:
            new = [getattr(record, name) for record in steps[self._known : length]]
            self._make_room(length)
            self._values[self._known : length] = np.asarray(new, dtype=float)
            self._known = length
        view = self._values[:length]
        view.flags.writeable = False  # shared by all callers
        return view

    def _make_room(self, length: int) -> None:
        if length > len(self._values):
            # Exact for a run that is read once; a growing one is copied ever more seldom.
            room = np.empty(length + self._known // 2)
            room[: self._known] = self._values[: self._known]
            self._values = room


class RecordLog:
    """Step records and evaluations, appended to by whoever continues the whole of it."""

    def __init__(self, steps: Iterable[StepRecord], evaluations: Iterable[EvalRecord]) -> None:
        self.steps = list(steps)
        self.evaluations = list(evaluations)
        self._columns: dict[str, _Column] = {}
        self._in_order = 1  # so many steps are known to be in order
        self._facts: OrderedDict[Hashable, Any] = OrderedDict()
        self._cuts: OrderedDict[Hashable, Any] = OrderedDict()
        # Of one thread it may be taken twice: what computes a fact may ask for another one.
        self._lock = threading.RLock()

    def append(
        self, length: tuple[int, int], steps: Iterable[StepRecord],
        evaluations: Iterable[EvalRecord],
    ) -> bool:
        """Add records after the first `length` steps and evaluations.

        False, and nothing is added, if others follow these already: another continuation.
        """
        with self._lock:
            if length != (len(self.steps), len(self.evaluations)):
                return False
            self.steps.extend(steps)
            self.evaluations.extend(evaluations)
            return True

    def column(self, name: str, length: int) -> np.ndarray:
        """A metric of the first `length` steps, read-only."""
        with self._lock:
            column = self._columns.get(name) or _Column()
            values = column.read(name, self.steps, length)
            self._columns[name] = column  # only now: there is no column of an unknown name
            return values

    def in_order(self, length: int) -> bool:
        """Whether the first `length` steps never go back, as they may in a damaged file."""
        with self._lock:
            if self._in_order < length:
                new = self.column("step", length)[self._in_order - 1 :]
                back = np.flatnonzero(new[1:] < new[:-1])
                self._in_order += int(back[0]) if back.size else len(new) - 1
            return self._in_order >= length

    # --- what is known, and stays known when the run grows ---------------------------------------

    def cut(self, length: tuple[int, int], make: Callable[[], Value]) -> Value:
        """The history of the first `length` steps and evaluations, the same object each time."""
        with self._lock:
            return _kept(self._cuts, length, make, CUTS)

    def after_blocks(
        self, key: Hashable, count: int, initial: Value, update: Callable[[Value, int], Value],
    ) -> Value:
        """The value after `count` blocks; `update` makes the next one of a value and a block."""
        with self._lock:
            values = _kept(self._facts, ("blocks", key), lambda: [initial], FACTS)
            while len(values) <= count:
                values.append(update(values[-1], len(values) - 1))
            return values[count]

    def last_where(
        self, key: Hashable, found: Callable[[int, int], np.ndarray], end: int
    ) -> int:
        """The last place before `end` where `found` holds, or −1."""
        with self._lock:
            known = _kept(self._facts, ("last", key), lambda: [-1, 0], FACTS)
            last, seen = known  # between `last` and `seen` it holds nowhere
            if last < end <= seen:
                return last
            if end <= last:  # of a shorter history; what is known of a longer one is worth more
                return _searched(found, 0, end)
            newest = _searched(found, seen, end)
            known[:] = max(last, newest), end
            return max(last, newest)


def _kept(
    kept: OrderedDict[Hashable, Any], key: Hashable, make: Callable[[], Value], most: int
) -> Value:
    """What is kept under `key`, or else what `make` gives; of more than `most` keys the one used
    longest ago is dropped."""
    if key not in kept:
        kept[key] = make()
        if len(kept) > most:
            kept.popitem(last=False)
    kept.move_to_end(key)
    return kept[key]


def _searched(found: Callable[[int, int], np.ndarray], start: int, end: int) -> int:
    """The last place from `start` on and before `end` where `found` holds, or −1; looks at few
    places first, since the last one is often near."""
    size = 8
    while end > start:
        begin = max(start, end - size)
        places = np.flatnonzero(found(begin, end))
        if places.size:
            return begin + int(places[-1])
        end, size = begin, min(4 * size, 2048)
    return -1
