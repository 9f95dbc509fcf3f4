"""Films of runs, kept for a while: a class that takes the same one along has it made once."""

from __future__ import annotations

import threading
from collections import OrderedDict

from gan_core.export.film import Reel, film

MOST_FILMS = 12  # that are kept, of about two megabytes each
PATIENCE = 5.0  # seconds for the films before one's own


class Busy(Exception):
    """Too many films are being made already."""


class Films:
    """Any thread may ask; they are made one after another, since each takes a core for a second."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[object, ...], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, reels: list[Reel], by_time: bool) -> bytes:
        """The film of these runs as they are now. Raises Busy, or as `film` does."""
        # What a film shows, and nothing that an address can vary besides.
        key = (by_time, *((reel.title, reel.snapshot.digest, reel.steps) for reel in reels))
        if not self._lock.acquire(timeout=PATIENCE):
            raise Busy
        try:
            if key not in self._kept:
                self._kept[key] = film(reels, by_time)
            self._kept.move_to_end(key)
            while len(self._kept) > MOST_FILMS:
                self._kept.popitem(last=False)
            return self._kept[key]
        finally:
            self._lock.release()


FILMS = Films()
