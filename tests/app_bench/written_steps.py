"""WrittenSteps: when each step of a live run was in the run's folder, for the age of what is shown.
"""

from __future__ import annotations

import bisect
import os
import re
import threading
import time
from pathlib import Path

BEAT = 0.05  # seconds between two looks at the folders
TAIL = 4096  # bytes in which the last records of a history are
_RECORD = re.compile(rb'^\{"\w+": (\d+).*\}$', re.M)  # a whole line; its step comes first


class WrittenSteps:
    """A context. While it lasts, a thread follows the histories of all runs in a store."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._steps: dict[str, tuple[list[int], list[float]]] = {}  # by run: steps, and when
        self._sizes: dict[str, int] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> WrittenSteps:
        self._thread.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self._done.set()
        self._thread.join()

    def age(self, digest: str, known: int, now: float) -> float | None:
        """Seconds for which there had been something newer than step `known` of a run at `now`, in
        time.time(); None where there was nothing newer."""
        steps, times = self._steps.get(digest, ([], []))
        place = bisect.bisect_right(steps, known)
        return max(0.0, now - times[place]) if place < len(times) else None

    def rate(self, begin: float, end: float) -> float:
        """Steps that all runs together made a second between two times."""
        made = 0
        for steps, times in self._steps.values():
            first, last = (bisect.bisect_right(times, at) - 1 for at in (begin, end))
            made += steps[last] - steps[max(first, 0)] if last >= 0 else 0
        return made / (end - begin)

    def _follow(self) -> None:
        while not self._done.wait(BEAT):
            for name in os.listdir(self._store):
                self._read(name, self._store / name / "history.jsonl")

    def _read(self, digest: str, path: Path) -> None:
        try:
            status = path.stat()
            if status.st_size == self._sizes.get(digest):
                return
            with path.open("rb") as history:
                history.seek(max(0, status.st_size - TAIL))
                found = _RECORD.findall(history.read())
        except OSError:  # not begun, or evicted
            return
        self._sizes[digest] = status.st_size
        steps, times = self._steps.setdefault(digest, ([], []))
        if found and (not steps or int(found[-1]) > steps[-1]):
            times.append(min(status.st_mtime, time.time()))
            steps.append(int(found[-1]))
