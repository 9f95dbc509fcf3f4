"""Runs that were opened from files, kept apart from those that this installation has trained.

    <store>/opened/<key>/     a run's folder as in the store, without checkpoint

A file may say what it likes: who sends one can have changed its numbers. So a run's name here is
its `key`, made of all that is in its folder, never the digest of its settings; the same content has
the same key and is kept once, and nobody can put another run in its place. Nothing here is ever
written to again, or trained on. The oldest go when there are too many. Torch-free.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from gan_core.runs.eviction import evict
from gan_core.runs.status import StoreError
from gan_core.runs.store import RunStore
from gan_core.system import files

FOLDER = "opened"  # of a store
MOST_RUNS = 60  # that are kept
SHARE = 0.25  # of the store's limit that they may take together, beside the store's own runs
KEY_DIGITS = 16
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
        raise StoreError.of_file(folder, "written", error) from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def keep(runs: RunStore, run: Path) -> str:
    """Take in the folder of a run; its key. The opened runs used longest ago make room for it."""
    key = content_key(run)
    with contextlib.suppress(OSError):  # it is there already, and the same to the last byte
        os.replace(run, runs.root / key)
    if not runs.exists(key):
        raise StoreError(f"{runs.root / key} cannot be written.", "the folder cannot be written")
    runs.touch(key)
    evict(runs, keep=lambda: {key}, most=MOST_RUNS)
    return key


def content_key(run: Path) -> str:
    """The name of a run's content: of every file its name and bytes."""
    total = hashlib.sha256()
    for path in sorted(path for path in run.rglob("*") if path.is_file()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{path.relative_to(run).as_posix()} {content}\n".encode())
    return total.hexdigest()[:KEY_DIGITS]


def _remove_forgotten(runs: RunStore) -> None:
    for folder in runs.root.glob(f"{UNFINISHED}*"):
        if time.time() - files.modified(folder) > FORGOTTEN_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
