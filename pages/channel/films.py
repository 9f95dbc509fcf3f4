"""Films of runs, kept for a while: a class that takes the same one along has it made once."""

from __future__ import annotations

import threading
from collections import OrderedDict

from gan_core.export.film import Reel, film
from gan_core.serving import live_channel

MOST_FILMS = 12  # that are kept, of about two megabytes each


class Films:
    """Any thread may ask; they are made one after another, since each takes a core for a second."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[object, ...], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, reels: list[Reel], by_time: bool) -> bytes:
        """The film of these runs as they are now. Raises as `film` does."""
        key = (by_time, *((reel.title, reel.snapshot.digest, live_channel.tag(reel.snapshot))
                          for reel in reels))
        with self._lock:
            if key not in self._kept:
                self._kept[key] = film(reels, by_time)
            self._kept.move_to_end(key)
            while len(self._kept) > MOST_FILMS:
                self._kept.popitem(last=False)
            return self._kept[key]


FILMS = Films()
