"""Room on the disk: runs go until a store fits its limits, those that nobody trained first.

Torch-free.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext

from gan_core.runs.good_checkpoints import remove_oldest
from gan_core.runs.status import StoreError, read_status
from gan_core.runs.store import REMOVED, RunStore
from gan_core.system import files

WAITING_SECONDS = 600.0  # a run that waits has been looked at since, or nobody waits for it
MOST_RUNS = 2000  # more make listing the store slow, however small they are
NOBODY_ELSE = nullcontext()  # makes folders of runs meanwhile


def size(store: RunStore) -> int:
    """Bytes of all runs."""
    return sum(_sizes(store).values())


def evict(
    store: RunStore, keep: Callable[[], Collection[str]] = tuple,
    making: AbstractContextManager[object] = NOBODY_ELSE, most: int | None = None,
    wanted: Callable[[], Collection[str]] = tuple,
) -> list[str]:
    """Remove runs until at most `most`, by default MOST_RUNS, and `store.megabytes`, are left;
    returns their digests.

    Those without records go first, the longest unused before others, and those in `wanted()` last,
    which people have starred or named; and before any run its good checkpoints: a run without them
    is still there to be seen. Runs in `keep()`, runs that a process is training, and runs that wait
    in the queue of another server, stay. Whether a run is one of them is asked right before it
    goes, within `making`, which whoever submits runs holds: a run may be asked for while others are
    removed.
    """
    _remove_leftovers(store)
    sizes, starred = _sizes(store), set(wanted())
    oldest_first = sorted(sizes, key=lambda digest: (
        digest in starred, _has_records(store, digest), _used(store, digest)))
    excess = sum(sizes.values()) - store.megabytes * 1_000_000
    surplus = len(sizes) - (MOST_RUNS if most is None else most)
    for digest in oldest_first:
        if excess > 0:
            with making:
                in_use = digest in keep() or _waits(store, digest)
                freed = 0 if in_use else _without_good_checkpoints(store, digest)
            sizes[digest] -= freed
            excess -= freed
    removed: list[str] = []
    for digest in oldest_first:
        if excess <= 0 and surplus <= 0:
            break
        with making, contextlib.suppress(StoreError):
            if digest in keep() or _waits(store, digest):
                continue
            store.delete(digest)
            removed.append(digest)
            excess -= sizes[digest]
            surplus -= 1
    return removed


def _without_good_checkpoints(store: RunStore, digest: str) -> int:
    """Remove them; returns the bytes that became free, 0 where a process is training the run."""
    if store.good_checkpoints(digest):
        with contextlib.suppress(StoreError), store.lock(digest, wait=0.0):
            return remove_oldest(store.root / digest, keep=0)
    return 0


def _has_records(store: RunStore, digest: str) -> bool:
    return files.stamp(store.root / digest / "history.jsonl")[1:2] > (0,)


def _used(store: RunStore, digest: str) -> float:
    """Unix time at which the run was last looked at or written."""
    return files.modified(store.root / digest)


def _waits(store: RunStore, digest: str) -> bool:
    """Whether a run is in some server's queue, whose visitors have looked at it lately."""
    if abs(time.time() - _used(store, digest)) > WAITING_SECONDS:
        return False
    with contextlib.suppress(StoreError):
        status = read_status(store.root / digest)
        return status is not None and status.live
    return False


def _remove_leftovers(store: RunStore) -> None:
    """Folders of a process that was killed while it removed a run."""
    for leftover in store.root.glob(f"{REMOVED}*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _sizes(store: RunStore) -> dict[str, int]:
    """Bytes of each run."""
    return {digest: files.size(store.root / digest) for digest in store.folders()}
