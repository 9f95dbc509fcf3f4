"""The folders of a queue's runs: made before a run waits, mended, and removed for room. Torch-free.

Nothing here holds the queue's lock while it touches a file.
"""

from __future__ import annotations

import dataclasses
import math
import threading
import time
from collections.abc import Callable, Collection

from gan_core.config.run_config import RunConfig
from gan_core.runs.eviction import evict
from gan_core.runs.snapshots import RunSnapshot
from gan_core.runs.status import RunStatus, StoreError
from gan_core.runs.store import RunStore
from gan_core.serving.run_lists import RunLists
from gan_core.serving.unwritten_outcomes import UnwrittenOutcomes

EVICTION_SECONDS = 30.0  # a look at every file of the store
FRESH_SECONDS = 3.0  # a status younger than this has a living writer

CUT_OFF = "its training was cut off, as when the server is restarted; press Continue"


class RunFolders:
    """What a queue does to its store. Any thread may use it."""

    def __init__(self, store: RunStore, outcomes: UnwrittenOutcomes) -> None:
        self.store, self.outcomes = store, outcomes
        self.lists = RunLists(store.root)
        # Taken, before the queue's lock, by whoever makes folders of runs or removes them.
        self.making = threading.Lock()
        self._evicted = -math.inf  # monotonic time

    def trained(self, config: RunConfig) -> bool:
        """Whether a run needs no more training; not one that is damaged."""
        digest = config.digest()
        try:
            status = self.store.status(digest)
            if status is None or (status.state != "diverged" and status.step < config.steps):
                return False  # without a look at a history, which may be long
            stored = self.store.snapshot(digest)
        except StoreError:
            return False
        return stored is not None and stored.holds(config.steps)

    def make(self, config: RunConfig) -> RunStatus | None:
        """Make or mend a run's folder; the status that is there. Raises StoreError."""
        digest = self.store.create(config)
        self.store.touch(digest)
        return self.store.status(digest)

    def shown(self, digest: str, stored: RunSnapshot | None) -> RunSnapshot | None:
        """What is to be shown of a run that is not in the queue, of which `stored` is stored."""
        shown = self.outcomes.shown(digest, stored)
        if shown is None or not shown.status.live or not self._abandoned(shown):
            return shown
        return shown.with_status(dataclasses.replace(
            shown.status, state="stopped", reason=CUT_OFF, seconds_left=None))

    def _abandoned(self, shown: RunSnapshot) -> bool:
        """Whether a live status has no writer any more; another process may have one."""
        fresh = abs(time.time() - shown.status.updated) < FRESH_SECONDS
        return not fresh and not self.store.locked(shown.digest)

    def settle(self) -> None:
        """Write down how runs ended that no worker has any more."""
        with self.making:
            self.outcomes.settle()

    def make_room(self, in_use: Callable[[], Collection[str]]) -> None:
        """Remove runs beyond the store's limits, from time to time, but for those that are `in_use`
        right before."""
        now = time.monotonic()
        if now - self._evicted >= EVICTION_SECONDS:
            self._evicted = now
            self.lists.forget_the_gone()
            evict(self.store, in_use, self.making, wanted=self.lists.kept)
