"""Runs that were opened from files, kept apart from those that this installation has trained.

    <store>/opened/<key>/     a run's folder as in the store, without checkpoint

A file may say what it likes: who sends one can have changed its numbers. So a run's name here is
its `key`, made of all that is in its folder, never the digest of its settings; the same content has
the same key and is kept once. What is here is never put aside for another run of its key: that is
refused. A key has 64 bits, so that nobody finds another run for a key that is given; whoever makes
both runs can find two of one key, with some four billion tries, and have either opened where the
other one is not.

Nothing here is ever written to again, or trained on. When there are too many, or they take too
much, those used longest ago go, and last those that somebody has starred or named. Torch-free.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

from gan_core.runs.eviction import evict
from gan_core.runs.status import StoreError
from gan_core.runs.store import RunStore
from gan_core.system import files

FOLDER = "opened"  # of a store
MOST_RUNS = 1000  # that are kept; mostly it is their bytes that bound them
SHARE = 0.25  # of the store's limit that they may take together, beside the store's own runs
KEY_DIGITS = 16
LISTED = "opened-"  # begins the name of an opened run in a person's list, before its key
UNFINISHED = ".new-"  # begins the name of a folder that is being filled
FORGOTTEN_SECONDS = 3600.0  # such a folder is left by a process that was killed


def opened_runs(store: Path, megabytes: float = 2000) -> RunStore:
    """The opened runs of the store in the folder `store`, whose own limit is `megabytes`."""
    return RunStore(store / FOLDER, SHARE * megabytes, opened=True)


@contextlib.contextmanager
def preparing(runs: RunStore) -> Iterator[Path]:
    """An empty folder in which runs are put together, to be taken by `keep`; removed afterwards.

    Raises StoreError if there cannot be one.
    """
    _remove_forgotten(runs)
    folder = runs.root / f"{UNFINISHED}{secrets.token_hex(8)}"
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise cannot_take(runs, error) from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def cannot_take(runs: RunStore, error: OSError) -> StoreError:
    """What is said of a store that takes no opened runs: it names the folder that was asked for."""
    why = files.cause(error)
    return StoreError(f"{runs.root.parent}, the folder of runs, cannot take an opened run: {why}.",
                      f"its folder of runs cannot be written: {why}")


def keep(
    runs: RunStore, folders: Iterable[Path], listed: Callable[[], Collection[str]] = tuple
) -> list[str]:
    """Take in the folders of runs that belong together; their keys.

    Other opened runs make room for them; last those that are in `listed()`, by their names in
    people's lists. Raises StoreError.
    """
    keys = [_taken_in(runs, folder) for folder in folders]
    evict(runs, keep=lambda: keys, most=MOST_RUNS, wanted=lambda: {
        name.removeprefix(LISTED) for name in listed() if name.startswith(LISTED)})
    return keys


def _taken_in(runs: RunStore, run: Path) -> str:
    content = _content(run)
    key = content[:KEY_DIGITS]
    with contextlib.suppress(OSError):  # it is there already
        os.replace(run, runs.root / key)
    if not runs.exists(key):
        raise StoreError(f"{runs.root.parent}, the folder of runs, cannot take an opened run.",
                         "its folder of runs cannot be written")
    if run.exists() and _content(runs.root / key) != content:
        raise StoreError(f"{runs.root / key} is another run, whose content has the same key.",
                         "another run has the same key")
    runs.touch(key)
    return key


def _content(run: Path) -> str:
    """What names a run's content: of every file its name and bytes."""
    total = hashlib.sha256()
    for path in sorted(path for path in run.rglob("*") if path.is_file()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{path.relative_to(run).as_posix()} {content}\n".encode())
    return total.hexdigest()


def _remove_forgotten(runs: RunStore) -> None:
    for folder in runs.root.glob(f"{UNFINISHED}*"):
        if time.time() - files.modified(folder) > FORGOTTEN_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
