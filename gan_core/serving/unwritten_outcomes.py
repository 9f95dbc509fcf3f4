"""How runs ended, where no worker could write it down: what a page is told instead. Torch-free.

A run that is dropped while it waits, or whose worker dies, gets its status here. Where it cannot be
written, as on a full disk or in a folder that was removed, how the run ended is remembered, and
shown until something else is written there, or the run is asked for again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from dataclasses import dataclass

from gan_core.config.run_config import RunConfig
from gan_core.runs.snapshots import RunSnapshot, empty_snapshot
from gan_core.runs.status import StoreError
from gan_core.runs.store import RunStore

MOST = 500  # outcomes that are remembered, the latest


@dataclass(frozen=True)
class UnwrittenOutcome:
    """How a run ended: `state` is stopped or failed, `reason` one sentence for people.

    Once it is `settled`, as much as possible is written; `replaced` is then when the status was
    written that it replaces, None where there was none. A status of another time is newer.
    """

    config: RunConfig
    state: str
    reason: str
    settled: bool = False
    replaced: float | None = None

    def of(self, stored: RunSnapshot | None) -> RunSnapshot:
        """The run as it is shown; nothing needs to be stored of it."""
        stored = stored or empty_snapshot(self.config)
        return stored.with_status(dataclasses.replace(
            stored.status, state=self.state, reason=self.reason, seconds_left=None))

    def settled_over(self, stored: RunSnapshot | None) -> UnwrittenOutcome:
        """To be remembered in place of what is stored."""
        return dataclasses.replace(self, settled=True, replaced=_written(stored))


class UnwrittenOutcomes:
    """The outcomes of one queue's runs. Any thread may use it."""

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._outcomes: dict[str, UnwrittenOutcome] = {}
        self._lock = threading.Lock()

    def note(self, config: RunConfig, state: str, reason: str) -> None:
        """A run has ended; `settle` will write it down."""
        with self._lock:
            self._outcomes[config.digest()] = UnwrittenOutcome(config, state, reason)
            while len(self._outcomes) > MOST:
                del self._outcomes[next(iter(self._outcomes))]

    def forget(self, digest: str) -> None:
        """The run is asked for again."""
        with self._lock:
            self._outcomes.pop(digest, None)

    def shown(self, digest: str, stored: RunSnapshot | None) -> RunSnapshot | None:
        """What is to be shown of a run of which `stored` is stored."""
        with self._lock:
            outcome = self._outcomes.get(digest)
            if outcome is None:
                return stored
            if outcome.settled and outcome.replaced != _written(stored):
                del self._outcomes[digest]  # somebody has written there since
                return stored
        return outcome.of(stored)

    def settle(self) -> None:
        """Write down how runs ended; nobody may begin one of them meanwhile."""
        with self._lock:
            unsettled = {digest: outcome for digest, outcome in self._outcomes.items()
                         if not outcome.settled}
        for digest, outcome in unsettled.items():
            remembered = self._settled(digest, outcome)
            with self._lock:
                if self._outcomes.get(digest) is not outcome:
                    continue
                if remembered is None:
                    del self._outcomes[digest]
                else:
                    self._outcomes[digest] = remembered

    def _settled(self, digest: str, outcome: UnwrittenOutcome) -> UnwrittenOutcome | None:
        """What is still to be remembered once as much as possible is written."""
        stored = None
        with contextlib.suppress(OSError, StoreError):
            stored = self._store.snapshot(digest)
            if stored is None:
                return outcome.settled_over(None)
            if outcome.state == "stopped" and not stored.history.steps:
                self._store.delete(digest)  # of a run that nobody trained nothing is left
                return outcome.settled_over(None)
            if (stored.status.state, stored.status.reason) == (outcome.state, outcome.reason):
                return None  # its worker could write it
            with self._store.lock(digest, wait=0.0):
                self._store.write_status(digest, outcome.of(stored).status)
            return None
        return outcome.settled_over(stored)


def _written(stored: RunSnapshot | None) -> float | None:
    """When the status was written that is stored; None where no run is."""
    return None if stored is None else stored.status.updated
