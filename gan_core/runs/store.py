"""RunStore: a run is a directory that a person with a shell can read.

    <root>/<digest>/
      config.json      written once
      history.jsonl    appended, one record a line; a torn last line is ignored
      samples/         000250.png (image sheets) or 000250.npy (2-D points)
      samples_ema/     the same of the averaged generator, if the run has one
      surface/         000250.png: D's score over the plane, for 2-D points
      neighbours/      000250.png: the nearest real images, for images
      cards/           000000.png: training images and unseen ones, which D scores
      checkpoint.pt    latest, replaced atomically
      good/            000750.pt: the last checkpoints whose samples were good
      status.json      state, step, rate, time left; replaced atomically
      log.txt          dated lines of the worker, and tracebacks
      lock             held by the process that trains the run

`<root>` is what `system/settings.py` reads from GAN_LAB_STORE. Processes share a store through its
files alone: a worker writes, the web process and the command line read. Reading never writes, so a
store may be read-only. `eviction` makes room in it, `thinned_copy` makes small copies of its runs.
Torch-free.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from gan_core.config.run_config import RunConfig
from gan_core.runs.good_checkpoints import good_checkpoints, remove_later
from gan_core.runs.history_file import copy_without, cut_after
from gan_core.runs.records import EvalRecord, SampleRecord, StepRecord, to_line
from gan_core.runs.repair import make_sound
from gan_core.runs.samples import (
    VIEWS,
    encoded,
    read_neighbours,
    read_picture,
    read_points,
    read_sheet,
    read_surface,
    view_files,
    view_path,
)
from gan_core.runs.snapshots import RunSnapshot, SnapshotCache, read_config
from gan_core.runs.status import RunStatus, StoreError, read_status, write_status
from gan_core.system import files, locks

Content = TypeVar("Content")

REMOVED = ".removed-"  # begins the name of a run's folder while it is being removed
_DIGEST = re.compile(r"[0-9a-f]{16}")


class RunStore:
    """Runs below the folder `root`; with more than `megabytes` of them `evict` removes some.

    Safe to use from several threads and processes. A digest comes from a URL: whatever is not 16
    lower hexadecimal digits is "no such run" and never reaches the file system.

    With `opened` it holds runs that came out of files, as `opened_runs` puts them there: none is
    named by its settings, so that none is ever taken for a run that this installation trained.
    """

    def __init__(
        self, root: str | os.PathLike[str], megabytes: float = 2000, opened: bool = False
    ) -> None:
        self.root = Path(root).absolute()
        self.megabytes = megabytes
        self.opened = opened
        self._cache = SnapshotCache(self.root, opened)

    # --- which runs there are ------------------------------------------------------------------

    def create(self, config: RunConfig) -> str:
        """Make the run's directory, or mend a damaged one; returns its digest.

        Raises StoreError if the directory cannot be written.
        """
        digest = config.digest()
        folder = self.root / digest
        try:
            make_sound(folder, config)
        except OSError as error:
            why = files.cause(error)
            raise StoreError(f"{folder} cannot be written: {why}.", why) from None
        return digest

    def exists(self, digest: str) -> bool:
        return _is_digest(digest) and (self.root / digest / "config.json").is_file()

    def digests(self) -> list[str]:
        """All runs, the most recently used first."""
        used = {digest: files.modified(self.root / digest) for digest in self.folders()}
        return sorted((d for d in used if self.exists(d)), key=used.__getitem__, reverse=True)

    def folders(self) -> list[str]:
        """Names of all folders that are called like a run, even one without a config, unsorted."""
        try:
            return [name for name in os.listdir(self.root) if _is_digest(name)]
        except OSError:
            return []

    def delete(self, digest: str) -> None:
        """Remove a run; nothing happens if there is none.

        Raises StoreError if a process is training it.
        """
        if not _is_digest(digest) or not (self.root / digest).is_dir():
            return
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(locks.lock(self._lock_path(digest), wait=0.0))
            except TimeoutError:
                raise self._in_training(digest) from None
            except OSError:
                pass  # whoever cannot lock a damaged run cannot train it either
            self._remove(digest)

    def touch(self, digest: str) -> None:
        """Mark a run as used now, so that it is evicted later."""
        if self.exists(digest):
            with contextlib.suppress(OSError):  # a read-only store has nothing to evict
                os.utime(self.root / digest)

    # --- reading -------------------------------------------------------------------------------

    def config(self, digest: str) -> RunConfig:
        """Raises StoreError if there is no such run or its config.json is corrupt."""
        return read_config(self._folder(digest), not self.opened)

    def status(self, digest: str) -> RunStatus | None:
        """None if there is no such run or it has no status.json; StoreError if that is corrupt."""
        return read_status(self.root / digest) if self.exists(digest) else None

    def snapshot(self, digest: str) -> RunSnapshot | None:
        """The run as it is now, or None if there is no such run.

        Costs a few `stat` calls unless something changed. Raises StoreError if config.json is
        corrupt; damage elsewhere costs only what is damaged.
        """
        return self._cache.snapshot(digest) if _is_digest(digest) else None

    def existing_snapshot(self, digest: str) -> RunSnapshot:
        """`snapshot` of a run that must be there: raises StoreError if there is no such run."""
        snapshot = self.snapshot(digest)
        if snapshot is None:
            raise self._missing(digest)
        return snapshot

    def sheet(self, digest: str, step: int, averaged: bool = False) -> bytes:
        """The PNG sheet of samples at `step`, of G or of the averaged generator.

        Raises StoreError if there is none.
        """
        path = view_path(self._folder(digest), _samples_view(averaged), step, "png")
        return _read(path, read_sheet, "a sheet")

    def points(self, digest: str, step: int, averaged: bool = False) -> np.ndarray:
        """The 2-D points at `step`, float32 (n, 2), of G or of the averaged generator.

        Raises StoreError if there are none.
        """
        path = view_path(self._folder(digest), _samples_view(averaged), step, "npy")
        return _read(path, read_points, "an array of points")

    def surface(self, digest: str, step: int) -> np.ndarray:
        """D's score over the plane at `step`, float32 (48, 48) from 0 to 1, the top row first.

        Raises StoreError if there is none.
        """
        path = view_path(self._folder(digest), "surface", step, "png")
        return _read(path, read_surface, "a surface")

    def neighbours(self, digest: str, step: int) -> np.ndarray:
        """The pictures at `step` that look most copied, the most suspicious first: each with its
        nearest training and its nearest held-out image, uint8 (n, 3, 28, 28).

        Raises StoreError if there are none.
        """
        path = view_path(self._folder(digest), "neighbours", step, "png")
        return _read(path, read_neighbours, "a sheet of neighbours")

    def picture(self, digest: str, view: str, step: int, ending: str) -> bytes:
        """The file of a view at `step` as a browser gets it, checked as the views above.

        Raises StoreError if there is none, or if it is damaged.
        """
        path = view_path(self._folder(digest), view, step, ending)
        return _read(path, partial(read_picture, view=view), "a sound picture")

    # --- writing: only by whoever holds the lock -----------------------------------------------

    def append(
        self, digest: str, records: Iterable[StepRecord | EvalRecord | SampleRecord]
    ) -> None:
        """Add records to the history, and samples to their folders.

        Samples are written first, so that whoever reads an evaluation can open its samples.
        """
        folder, lines = self._folder(digest), []
        for record in records:
            if isinstance(record, SampleRecord):
                _write_view(folder, record)
            else:
                lines.append(to_line(record))
        if lines:
            files.append_lines(folder / "history.jsonl", lines)

    def rewind(self, digest: str, step: int) -> None:
        """Remove all records, samples and good checkpoints after `step`; −1 removes those of the
        untrained G too."""
        folder = self._folder(digest)
        remove_later(folder, step)
        cut_after(folder / "history.jsonl", step)
        for view in VIEWS:
            for shown, path in view_files(folder, view):
                if shown > step:
                    path.unlink(missing_ok=True)
        for leftover in folder.rglob(".*.tmp"):  # of a process killed while it wrote
            leftover.unlink(missing_ok=True)

    def fork(
        self, source: str, digest: str, evaluations: Collection[int] = (),
        pictures: Collection[int] = (),
    ) -> None:
        """Copy the history and the samples of run `source` into run `digest`, which goes on from
        there, without the evaluations and the pictures at these steps.
        """
        origin, folder = self._folder(source), self._folder(digest)
        copy_without(origin / "history.jsonl", folder / "history.jsonl", evaluations)
        for view in VIEWS:
            for step, path in view_files(origin, view):
                if step in pictures:
                    continue
                copy = folder / path.relative_to(origin)
                copy.parent.mkdir(exist_ok=True)
                shutil.copyfile(path, copy)

    def write_status(self, digest: str, status: RunStatus) -> None:
        """Replace status.json; `updated` is set to now. Raises OSError, StoreError."""
        write_status(self.root / _checked(digest), status)

    def checkpoint_path(self, digest: str) -> Path:
        """Where the checkpoint is, if there is one; replace it through `files.replacing`."""
        return self._folder(digest) / "checkpoint.pt"

    def good_checkpoints(self, digest: str) -> dict[int, Path]:
        """The last checkpoints at which the run's samples were good, by step, the newest first."""
        return good_checkpoints(self._folder(digest)) if self.exists(digest) else {}

    def log(self, digest: str, text: str) -> None:
        """Add a dated line to log.txt."""
        with open(self._folder(digest) / "log.txt", "a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text.rstrip()}\n")

    # --- who may write -------------------------------------------------------------------------

    @contextlib.contextmanager
    def lock(self, digest: str, wait: float = 10.0) -> Iterator[None]:
        """Lock the run: only whoever holds the lock may write. It ends with its process.

        Raises StoreError if there is no such run, or if another holder keeps it for `wait` seconds.
        """
        path = self._lock_path(digest)
        try:
            lock = locks.lock(path, wait)
        except FileNotFoundError:
            raise self._missing(digest) from None
        except TimeoutError:
            raise self._in_training(digest) from None
        except OSError as error:
            raise StoreError.of_file(path, "written", error) from None
        with lock:
            yield

    def locked(self, digest: str) -> bool:
        """Whether some process is training the run."""
        return self.exists(digest) and locks.is_held(self._lock_path(digest))

    # --- inside --------------------------------------------------------------------------------

    def _folder(self, digest: str) -> Path:
        if not self.exists(digest):
            raise self._missing(digest)
        return self.root / digest

    def _lock_path(self, digest: str) -> Path:
        return self.root / _checked(digest) / "lock"

    def _missing(self, digest: str) -> StoreError:
        return StoreError(f"There is no run {str(digest)[:40]!r} in {self.root}.",
                          "its folder was removed")

    def _in_training(self, digest: str) -> StoreError:
        return StoreError(f"{self._lock_path(digest)} is held: another process is training this "
                          "run.", "another process is training this run")

    def _remove(self, digest: str) -> None:
        folder = self.root / digest
        self._cache.forget(digest)
        # Renamed first, so that no reader meets half a run; Windows refuses while the lock is open.
        renamed = self.root / f"{REMOVED}{digest}-{secrets.token_hex(8)}"
        with contextlib.suppress(OSError):
            folder = folder.rename(renamed)
        shutil.rmtree(folder, ignore_errors=True)


def _samples_view(averaged: bool) -> str:
    """The view of the samples of G, or of the averaged generator."""
    return "averaged" if averaged else "samples"


def _read(path: Path, read: Callable[[Path], Content], what: str) -> Content:
    """A file's content, by `read`. Raises StoreError if it cannot be read or is not `what`."""
    try:
        return read(path)
    except OSError as error:
        raise StoreError.of_file(path, "read", error) from None
    except ValueError as error:
        raise StoreError(
            f"{path} is not {what}: {error}.", f"{path.name} is not {what}") from None


def _write_view(run: Path, record: SampleRecord) -> None:
    ending, content = encoded(record.view, record.samples)
    path = view_path(run, record.view, record.step, ending)
    path.parent.mkdir(exist_ok=True)  # no run has every view
    files.write(path, content)


def _is_digest(digest: object) -> bool:
    return isinstance(digest, str) and _DIGEST.fullmatch(digest) is not None


def _checked(digest: str) -> str:
    if not _is_digest(digest):
        raise StoreError(f"There is no run {str(digest)[:40]!r}.")
    return digest
