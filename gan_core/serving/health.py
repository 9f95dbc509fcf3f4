"""Whether this server can do its work: workers that start, and a store that takes files.

For `/healthz`, which a load balancer or a monitor asks every few seconds. Torch-free.
"""

from __future__ import annotations

import errno
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gan_core.serving.pool import PoolState
from gan_core.system import files

LEAST_FREE = 50_000_000  # bytes: a run of the report's MLP takes as much
PROBE = ".writable"
PROBE_BYTES = 65_536  # more than a full disk would take in passing
PROBE_SECONDS = 2.0  # an answer about the disk serves everybody who asks within this time


FULL = "The store's disk is full: no run can be kept."
UNWRITABLE = "The store cannot be written: {}."
NO_WORKER = "No worker starts; the files worker-*.log in the store say why."


@dataclass(frozen=True)
class Health:
    """What can be said of a server; `store` and `settings` are what is wrong with them, one
    sentence each, "" where nothing is. Names no folder: whoever asks may be a stranger."""

    pool: PoolState | None = None  # None where there is no queue
    store: str = ""
    settings: str = ""

    @property
    def problems(self) -> list[str]:
        no_worker = NO_WORKER if self.pool is not None and self.pool.failure else ""
        return [problem for problem in (self.settings, no_worker, self.store) if problem]

    @property
    def status(self) -> str:
        """failing, starting while no worker is ready yet, or ok."""
        if self.problems:
            return "failing"
        return "ok" if self.pool is not None and self.pool.ready else "starting"

    def to_dict(self) -> dict[str, Any]:
        """As `/healthz` answers."""
        answer: dict[str, Any] = {"status": self.status, "problems": self.problems}
        if (pool := self.pool) is not None:
            answer["workers"] = {"wanted": pool.workers, "ready": pool.ready,
                                 "device": pool.device}
            answer["runs"] = {"training": pool.training, "waiting": pool.waiting}
            answer["store"] = {"writable": not self.store}
        return answer


class StoreProbe:
    """Says whether a store takes files, by writing one; any thread may ask."""

    def __init__(
        self, root: Path, write: Callable[[Path, bytes], None] = files.write,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._root, self._write, self._clock = root, write, clock
        self._lock = threading.Lock()
        self._asked = float("-inf")
        self._problem = ""

    def problem(self) -> str:
        """One sentence, "" where the store takes files; at most PROBE_SECONDS old."""
        with self._lock:
            if self._clock() - self._asked >= PROBE_SECONDS:
                self._asked, self._problem = self._clock(), self._looked()
            return self._problem

    def _looked(self) -> str:
        path = self._root / PROBE
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            self._write(path, bytes(PROBE_BYTES))
            path.unlink(missing_ok=True)
            free = shutil.disk_usage(self._root).free
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            return FULL if full else UNWRITABLE.format(error.strerror or "unknown error")
        return FULL if free < LEAST_FREE else ""
