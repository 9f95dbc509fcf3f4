"""RunStore: a run is a directory that a person with a shell can read.

    <root>/<digest>/
      config.json      written once
      history.jsonl    appended, one record a line; a torn last line is ignored
      samples/         000250.png (image sheets) or 000250.npy (2-D points)
      samples_ema/     the same of the averaged generator, if the run has one
      surface/         000250.png: what D thinks over the plane, for 2-D points
      neighbours/      000250.png: the nearest real images, for images
      checkpoint.pt    latest, replaced atomically
      status.json      state, step, rate, time left; replaced atomically
      log.txt          the worker's own words
      lock             held by the process that trains the run

Processes share a store through its files alone: a worker writes, the web process and the command
line read. Reading never writes, so a store may be read-only. Torch-free.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gan_core.config.run_config import RunConfig
from gan_core.runs.records import EvalRecord, SampleRecord, StepRecord, from_line, to_line
from gan_core.runs.samples import (
    VIEWS,
    encoded,
    read_neighbours,
    read_points,
    read_surface,
    view_files,
    view_folder,
    view_path,
)
from gan_core.runs.snapshots import (
    RunReader,
    RunSnapshot,
    RunStatus,
    StoreError,
    read_config,
    read_status,
)
from gan_core.system import files

CACHED_RUNS = 64
CACHED_RECORDS = 500_000  # about 200 MB
MOST_RUNS = 2000  # more make listing the store slow, however small they are

_DIGEST = re.compile(r"[0-9a-f]{16}")


class RunStore:
    """Runs below the folder `root`; `evict` keeps at most MOST_RUNS of them, and `megabytes`.

    Safe to use from several threads and processes. A digest comes from a URL: whatever is not 16
    lower hexadecimal digits is "no such run" and never reaches the file system.
    """

    def __init__(self, root: str | os.PathLike[str], megabytes: float = 2000) -> None:
        self.root = Path(root).absolute()
        self.megabytes = megabytes
        self._readers: OrderedDict[str, RunReader] = OrderedDict()
        self._readers_lock = threading.Lock()

    # --- which runs there are ------------------------------------------------------------------

    def create(self, config: RunConfig) -> str:
        """Make the run's directory if there is none; returns its digest.

        Raises StoreError if the directory cannot be written.
        """
        digest = config.digest()
        folder = self.root / digest
        try:
            (folder / "samples").mkdir(parents=True, exist_ok=True)
            if not (folder / "status.json").exists():
                self.write_status(digest, RunStatus("queued", steps=config.steps))
            if not (folder / "config.json").exists():  # last: it makes the run exist
                files.write(folder / "config.json", config.to_json().encode())
        except OSError as error:
            raise StoreError(f"{folder} cannot be written: {error.strerror or error}.") from None
        return digest

    def exists(self, digest: str) -> bool:
        return _is_digest(digest) and (self.root / digest / "config.json").is_file()

    def digests(self) -> list[str]:
        """All runs, the most recently used first."""
        used = {digest: files.modified(self.root / digest) for digest in self._names()}
        return sorted((d for d in used if self.exists(d)), key=used.__getitem__, reverse=True)

    def delete(self, digest: str) -> None:
        """Remove a run; nothing happens if there is none.

        Raises StoreError if a process is training it.
        """
        if _is_digest(digest) and (self.root / digest).is_dir():
            with self.lock(digest, wait=0.0):
                self._remove(digest)

    def touch(self, digest: str) -> None:
        """Mark a run as used now, so that it is evicted later."""
        if self.exists(digest):
            with contextlib.suppress(OSError):  # a read-only store has nothing to evict
                os.utime(self.root / digest)

    # --- reading -------------------------------------------------------------------------------

    def config(self, digest: str) -> RunConfig:
        """Raises StoreError if there is no such run or its config.json is corrupt."""
        return read_config(self._folder(digest))

    def status(self, digest: str) -> RunStatus | None:
        """None if there is no such run or nothing is known of it; StoreError if corrupt."""
        return read_status(self.root / digest) if self.exists(digest) else None

    def snapshot(self, digest: str) -> RunSnapshot | None:
        """The run as it is now, or None if there is no such run.

        Costs a few `stat` calls unless something changed. Raises StoreError if config.json is
        corrupt; damage elsewhere costs only what is damaged.
        """
        if not _is_digest(digest):
            return None
        with self._readers_lock:
            reader = self._readers.setdefault(digest, RunReader(self.root / digest))
            self._readers.move_to_end(digest)
        snapshot = reader.snapshot()
        with self._readers_lock:
            if snapshot is None:
                self._readers.pop(digest, None)
            self._bound_readers()
        return snapshot

    def sheet(self, digest: str, step: int, averaged: bool = False) -> bytes:
        """The PNG sheet of samples at `step`, of G or of the averaged generator.

        Raises StoreError if there is none.
        """
        path = view_path(self._folder(digest), _maker(averaged), step, "png")
        return _read(path, Path.read_bytes, "a sheet")

    def points(self, digest: str, step: int, averaged: bool = False) -> np.ndarray:
        """The 2-D points at `step`, float32 (n, 2), of G or of the averaged generator.

        Raises StoreError if there are none.
        """
        path = view_path(self._folder(digest), _maker(averaged), step, "npy")
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

    # --- writing: only by whoever holds the lock ------------------------------------------------

    def append(
        self, digest: str, records: Iterable[StepRecord | EvalRecord | SampleRecord]
    ) -> None:
        """Add records to the history, and what a look shows to its folder.

        Samples come first: whoever reads of an evaluation finds its samples.
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
        """Forget everything recorded after `step`; −1 forgets the untrained generator too."""
        folder = self._folder(digest)
        path = folder / "history.jsonl"
        if path.exists():
            with open(path, "rb") as file:
                kept = [line for line in file if _recorded_until(line, step)]
            files.write(path, b"".join(kept))
        for view in VIEWS:
            for taken, file in view_files(folder, view):
                if taken > step:
                    file.unlink(missing_ok=True)
        for leftover in folder.rglob(".*.tmp"):  # of a process killed while it wrote
            leftover.unlink(missing_ok=True)

    def fork(
        self, source: str, digest: str, evaluations: Collection[int] = (),
        pictures: Collection[int] = (),
    ) -> None:
        """Give run `digest` the history and the samples of run `source`, to go on from there,
        without the evaluations and the pictures at these steps."""
        origin, folder = self._folder(source), self._folder(digest)
        with open(origin / "history.jsonl", "rb") as file:
            kept = [line for line in file if not _evaluated_at(line, evaluations)]
        files.write(folder / "history.jsonl", b"".join(kept))
        for view in VIEWS:
            for step, path in view_files(origin, view):
                if step in pictures:
                    continue
                kept = folder / path.relative_to(origin).parent
                kept.mkdir(exist_ok=True)
                shutil.copyfile(path, kept / path.name)

    def write_status(self, digest: str, status: RunStatus) -> None:
        """Replace status.json; `updated` is set to now."""
        status = dataclasses.replace(status, updated=time.time())
        files.write(self.root / _checked(digest) / "status.json", status.to_json().encode())

    def checkpoint_path(self, digest: str) -> Path:
        """Where the checkpoint is, if there is one; replace it through `files.replacing`."""
        return self._folder(digest) / "checkpoint.pt"

    def log(self, digest: str, text: str) -> None:
        """Add a dated line to log.txt."""
        with open(self._folder(digest) / "log.txt", "a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text.rstrip()}\n")

    # --- who may write -------------------------------------------------------------------------

    @contextlib.contextmanager
    def lock(self, digest: str, wait: float = 10.0) -> Iterator[None]:
        """Hold the run for this process; the lock vanishes with its process.

        Raises StoreError if there is no such run, or if another holder keeps it for `wait` seconds.
        """
        path = self.root / _checked(digest) / "lock"
        try:
            file = files.lock(path, wait)
        except FileNotFoundError:
            raise StoreError(f"There is no run {digest!r} in {self.root}.") from None
        except TimeoutError:
            raise StoreError(f"{path} is held: another process is training this run.") from None
        except OSError as error:
            raise StoreError(f"{path.parent} cannot be written: {error.strerror}.") from None
        with file:
            yield

    def locked(self, digest: str) -> bool:
        """Whether some process is training the run."""
        if self.exists(digest):
            try:
                files.lock(self.root / digest / "lock", wait=0.0).close()
            except OSError as error:  # otherwise a read-only store, which nobody trains in
                return isinstance(error, TimeoutError)
        return False

    # --- room on the disk ----------------------------------------------------------------------

    def size(self) -> int:
        """Bytes of all runs."""
        return sum(files.size(self.root / digest) for digest in self._names())

    def evict(self, keep: Collection[str] = ()) -> list[str]:
        """Remove the longest unused runs until the store fits its limits; returns their digests.

        Runs in `keep`, and runs that a process is training, stay.
        """
        for leftover in self.root.glob(".removed-*"):  # of a process killed while it removed
            shutil.rmtree(leftover, ignore_errors=True)
        sizes = {digest: files.size(self.root / digest) for digest in self._names()}
        excess = sum(sizes.values()) - self.megabytes * 1_000_000
        surplus = len(sizes) - MOST_RUNS
        removed = []
        for digest in sorted(sizes, key=lambda name: files.modified(self.root / name)):
            if excess <= 0 and surplus <= 0:
                break
            if digest in keep:
                continue
            with contextlib.suppress(StoreError):
                self.delete(digest)
                removed.append(digest)
                excess -= sizes[digest]
                surplus -= 1
        return removed

    def export(
        self, digest: str, destination: str | os.PathLike[str], points: int = 600,
        pictures: int | None = None,
    ) -> Path:
        """Copy a run, thinned, into the store at `destination`; returns the run's folder there.

        About `points` step records and of each view as many files as VIEWS says, or `pictures`,
        are kept, evenly spaced, first and last included. Checkpoint, log and lock stay behind.
        Raises StoreError if there is no such run.
        """
        source = self._folder(digest)
        snapshot = self.snapshot(digest)
        # Where settings change, and a freeze begins, the first step tells most.
        turns = [step + 1 for step, _ in snapshot.config.stages]
        thin = snapshot.history.thinned(points, [*turns, snapshot.config.freeze_generator + 1])
        other = RunStore(destination)
        other.delete(digest)
        folder = other.root / digest
        (folder / "samples").mkdir(parents=True)
        shutil.copyfile(source / "config.json", folder / "config.json")
        other.append(digest, sorted([*thin.steps, *thin.evaluations], key=lambda each: each.step))
        for view in VIEWS:
            _copy_view(source, folder, view, pictures or VIEWS[view].exported)
        files.write(folder / "status.json", snapshot.status.to_json().encode())
        return folder

    # --- inside --------------------------------------------------------------------------------

    def _names(self) -> list[str]:
        try:
            return [name for name in os.listdir(self.root) if _is_digest(name)]
        except OSError:
            return []

    def _folder(self, digest: str) -> Path:
        if not self.exists(digest):
            raise StoreError(f"There is no run {str(digest)[:40]!r} in {self.root}.")
        return self.root / digest

    def _remove(self, digest: str) -> None:
        folder = self.root / digest
        with self._readers_lock:
            self._readers.pop(digest, None)
        # Renamed first, so that no reader meets half a run; Windows refuses while the lock is open.
        grave = self.root / f".removed-{digest}-{os.getpid()}"
        with contextlib.suppress(OSError):
            folder = folder.rename(grave)
        shutil.rmtree(folder, ignore_errors=True)

    def _bound_readers(self) -> None:
        total = sum(reader.records for reader in self._readers.values())
        while len(self._readers) > CACHED_RUNS or (
            total > CACHED_RECORDS and len(self._readers) > 1
        ):
            _, oldest = self._readers.popitem(last=False)
            total -= oldest.records


def _maker(averaged: bool) -> str:
    """The view that shows what G, or the averaged generator, makes."""
    return "averaged" if averaged else "samples"


def _read(path: Path, read: Callable[[Path], Any], what: str) -> Any:
    """What `read` finds in a file. Raises StoreError if it cannot be read, or is not `what`."""
    try:
        return read(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise StoreError(f"{path} is not {what}: {error}.") from None


def _write_view(run: Path, record: SampleRecord) -> None:
    ending, content = encoded(record.view, record.samples)
    path = view_path(run, record.view, record.step, ending)
    path.parent.mkdir(exist_ok=True)  # no run has every view
    files.write(path, content)


def _copy_view(run: Path, destination: Path, view: str, most: int) -> None:
    """At most so many files of the view, evenly spaced."""
    taken = [path for _, path in view_files(run, view)]
    folder = view_folder(destination, view)
    count = min(len(taken), most)
    for index in np.linspace(0, len(taken) - 1, count).round().astype(int):
        folder.mkdir(exist_ok=True)
        shutil.copyfile(taken[index], folder / taken[index].name)


def _evaluated_at(line: bytes, steps: Collection[int]) -> bool:
    try:
        record = from_line(line)
    except ValueError:
        return False
    return isinstance(record, EvalRecord) and record.step in steps


def _recorded_until(line: bytes, step: int) -> bool:
    try:
        return line.endswith(b"\n") and from_line(line).step <= step
    except ValueError:
        return False


def _is_digest(digest: Any) -> bool:
    return isinstance(digest, str) and _DIGEST.fullmatch(digest) is not None


def _checked(digest: str) -> str:
    if not _is_digest(digest):
        raise StoreError(f"There is no run {str(digest)[:40]!r}.")
    return digest
