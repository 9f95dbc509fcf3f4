"""Films, reports and other files that are made of runs, kept for a while: a class that takes the
same one along has it made once."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator

from gan_core.export.film import film
from gan_core.export.sheets import Reel

MOST_BYTES = 48_000_000  # that are kept; a film has about two megabytes
MOST_OF_ONE = 12_000_000  # a larger file is made again
PATIENCE = 5.0  # seconds for the files before one's own
MOST_WAITING = 24  # threads of the server; whoever comes then is told at once


class Busy(Exception):
    """Too many files are being made already."""


class Files:
    """Any thread may ask; they are made one after another, since each takes a core for a second."""

    def __init__(self, waiting: int = MOST_WAITING, patience: float | None = None) -> None:
        self._patience = patience
        self._kept: OrderedDict[Hashable, bytes] = OrderedDict()
        self._looking = threading.Lock()  # held for a moment, by whoever looks at what is kept
        self._lock = threading.Lock()  # held while a file is made
        self._waiting = threading.Semaphore(waiting)

    def of(self, key: Hashable, make: Callable[[], bytes]) -> bytes:
        """The file that `make` makes, once for each `key`. Raises Busy, or as `make` does."""
        if (kept := self._of_before(key)) is not None:
            return kept
        with self.turn():
            if (kept := self._of_before(key)) is not None:  # whoever was before us wanted the same
                return kept
            self._keep(key, content := make())
            return content

    def _of_before(self, key: Hashable) -> bytes | None:
        """What is kept need not wait for what is being made."""
        with self._looking:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Whoever is within makes a file, and nobody else does. Raises Busy."""
        if not self._waiting.acquire(blocking=False):
            raise Busy
        try:
            if not self._lock.acquire(timeout=self._patience or PATIENCE):
                raise Busy
            try:
                yield
            finally:
                self._lock.release()
        finally:
            self._waiting.release()

    def _keep(self, key: Hashable, content: bytes) -> None:
        if len(content) > MOST_OF_ONE:
            return
        with self._looking:
            self._kept[key] = content
            while sum(map(len, self._kept.values())) > MOST_BYTES:
                self._kept.popitem(last=False)


FILMS = Files()
ZIPS = Files(waiting=3, patience=20.0)  # each takes some seconds: what is quick need not wait


def film_of(reels: list[Reel], by_time: bool) -> bytes:
    """The film of these runs as they are now."""
    return film(reels, by_time)
