"""Room on the disk: the longest unused runs go until a store fits its limits. Torch-free."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Collection

from gan_core.runs.good_checkpoints import remove_oldest
from gan_core.runs.status import StoreError
from gan_core.runs.store import REMOVED, RunStore
from gan_core.system import files

MOST_RUNS = 2000  # more make listing the store slow, however small they are


def size(store: RunStore) -> int:
    """Bytes of all runs."""
    return sum(_sizes(store).values())


def evict(store: RunStore, keep: Collection[str] = ()) -> list[str]:
    """Remove runs until at most MOST_RUNS, and `store.megabytes`, are left; returns their digests.

    The longest unused go first, and before any run their good checkpoints: a run without them is
    still there to be seen. Runs in `keep`, and runs that a process is training, stay.
    """
    _remove_leftovers(store)
    sizes = _sizes(store)
    oldest_first = sorted(sizes, key=lambda name: files.modified(store.root / name))
    excess = sum(sizes.values()) - store.megabytes * 1_000_000
    surplus = len(sizes) - MOST_RUNS
    for digest in oldest_first:
        if excess > 0 and digest not in keep:
            freed = _without_good_checkpoints(store, digest)
            sizes[digest] -= freed
            excess -= freed
    removed: list[str] = []
    for digest in oldest_first:
        if excess <= 0 and surplus <= 0:
            break
        if digest in keep:
            continue
        with contextlib.suppress(StoreError):
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


def _remove_leftovers(store: RunStore) -> None:
    """Folders of a process that was killed while it removed a run."""
    for leftover in store.root.glob(f"{REMOVED}*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _sizes(store: RunStore) -> dict[str, int]:
    """Bytes of each run."""
    return {digest: files.size(store.root / digest) for digest in store.folders()}
