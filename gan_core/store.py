"""RunStore: a run is a directory that a person with a shell can read.

    <root>/<digest>/
      config.json      written once
      history.jsonl    appended, one record a line; a torn last line is ignored
      samples/         000250.png (image sheets) or 000250.npy (2-D points)
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
import io
import json
import math
import os
import re
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gan_core.config import ConfigError, RunConfig
from gan_core.records import (
    OUTCOMES,
    EvalRecord,
    History,
    Outcome,
    SampleRecord,
    StepRecord,
    from_line,
    to_line,
)

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None
    import msvcrt

STATES = ("queued", "starting", "running", "finished", "stopped", "diverged", "failed")
LIVE_STATES = frozenset(STATES[:3])

CACHED_RUNS = 64
CACHED_RECORDS = 500_000  # about 200 MB
EXPORTED_SHEETS = 40
SHEET_COLUMNS, SHEET_SCALE, SEPARATOR_GREY = 8, 2, 72

_DIGEST = re.compile(r"[0-9a-f]{16}")
_SAMPLES = re.compile(r"(\d{6,})\.(?:png|npy)")


class StoreError(ValueError):
    """A file of the store that cannot be used; one sentence naming the file and what is wrong."""


@dataclass(frozen=True)
class RunStatus:
    """Where a run stands, as its worker last told."""

    state: str  # one of STATES
    step: int = 0
    steps: int = 0  # the target
    steps_per_second: float = 0.0  # over the last few seconds; 0 while unknown
    seconds: float = 0.0  # of training in total, over all sittings
    seconds_left: float | None = None
    device: str = ""
    reason: str = ""  # one sentence for people
    updated: float = 0.0  # Unix time

    @property
    def live(self) -> bool:
        return self.state in LIVE_STATES

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str, name: str = "status.json") -> RunStatus:
        """Missing fields take their default, unknown ones are ignored.

        Raises StoreError, naming the file `name`, on anything that is not a status.
        """
        try:
            content = json.loads(text)
            if content["state"] not in STATES:
                raise ValueError(f"its state is {content['state']!r}")
            left = content.get("seconds_left")
            return cls(
                state=content["state"],
                step=int(content.get("step", 0)),
                steps=int(content.get("steps", 0)),
                steps_per_second=_finite(content.get("steps_per_second", 0.0)),
                seconds=_finite(content.get("seconds", 0.0)),
                seconds_left=None if left is None else _finite(left),
                device=str(content.get("device", "")),
                reason=str(content.get("reason", "")),
                updated=_finite(content.get("updated", 0.0)),
            )
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            raise StoreError(f"{name} is not a run's status: {error}.") from None


@dataclass(frozen=True)
class RunSnapshot:
    """One immutable look at a run."""

    digest: str
    config: RunConfig
    history: History
    status: RunStatus
    samples: tuple[int, ...]  # steps that have a sheet (images) or points
    place: int = 0  # in the queue: 1 is next, 0 is not queued

    @property
    def live(self) -> bool:
        """Whether the run is queued, starting or running."""
        return self.status.live

    def standing(self, status: RunStatus, place: int = 0) -> RunSnapshot:
        """The same records under another status; the history's outcome follows it."""
        outcome = None
        if status.state in OUTCOMES:
            outcome = Outcome(status.state, status.step, status.reason, status.seconds)
        history = self.history
        if history.outcome != outcome:
            history = History(history.steps, history.evaluations, outcome)
        return dataclasses.replace(self, history=history, status=status, place=place)


class RunStore:
    """Runs below the folder `root`, of which at most `megabytes` are kept by `evict`.

    Safe to use from several threads and processes. A digest comes from a URL: whatever is not 16
    lower hexadecimal digits is "no such run" and never reaches the file system.
    """

    def __init__(self, root: str | os.PathLike[str], megabytes: float = 2000) -> None:
        self.root = Path(root).absolute()
        self.megabytes = megabytes
        self._readers: OrderedDict[str, _RunReader] = OrderedDict()
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
                _write(folder / "config.json", config.to_json().encode())
        except OSError as error:
            raise StoreError(f"{folder} cannot be written: {error.strerror or error}.") from None
        return digest

    def exists(self, digest: str) -> bool:
        return _is_digest(digest) and (self.root / digest / "config.json").is_file()

    def digests(self) -> list[str]:
        """All runs, the most recently used first."""
        used = {digest: _modified(self.root / digest) for digest in self._names()}
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
        return _read_config(self._folder(digest) / "config.json")

    def status(self, digest: str) -> RunStatus | None:
        """None if there is no such run or nothing is known of it; StoreError if corrupt."""
        if not self.exists(digest):
            return None
        return _read_status(self.root / digest / "status.json")

    def snapshot(self, digest: str) -> RunSnapshot | None:
        """The run as it is now, or None if there is no such run.

        Costs a few `stat` calls unless something changed. Raises StoreError if config.json is
        corrupt; damage elsewhere costs only what is damaged.
        """
        if not _is_digest(digest):
            return None
        with self._readers_lock:
            reader = self._readers.setdefault(digest, _RunReader(self.root / digest))
            self._readers.move_to_end(digest)
        snapshot = reader.snapshot()
        with self._readers_lock:
            if snapshot is None:
                self._readers.pop(digest, None)
            self._bound_readers()
        return snapshot

    def sheet(self, digest: str, step: int) -> bytes:
        """The PNG sheet of samples at `step`; StoreError if there is none."""
        path = self._sample_path(digest, step, "png")
        try:
            return path.read_bytes()
        except OSError as error:
            raise StoreError(f"{path} cannot be read: {error.strerror}.") from None

    def points(self, digest: str, step: int) -> np.ndarray:
        """The 2-D points at `step`, float32 (n, 2); StoreError if there are none."""
        path = self._sample_path(digest, step, "npy")
        try:
            points = np.load(path, allow_pickle=False)
        except OSError as error:
            raise StoreError(f"{path} cannot be read: {error.strerror or error}.") from None
        except (ValueError, EOFError) as error:
            raise StoreError(f"{path} is not an array of points: {error}.") from None
        if not isinstance(points, np.ndarray) or points.ndim != 2:
            raise StoreError(f"{path} is not an array of points.")
        return points

    # --- writing: only by whoever holds the lock ------------------------------------------------

    def append(
        self, digest: str, records: Iterable[StepRecord | EvalRecord | SampleRecord]
    ) -> None:
        """Add records to the history, and samples to their folder.

        Samples come first: whoever reads of an evaluation finds its samples.
        """
        folder, lines = self._folder(digest), []
        for record in records:
            if isinstance(record, SampleRecord):
                self._write_samples(digest, record)
            else:
                lines.append(to_line(record) + "\n")
        if not lines:
            return
        with open(folder / "history.jsonl", "a+b") as file:
            if file.tell() and not _ends_line(file):
                lines.insert(0, "\n")  # a killed writer left half a line: keep ours apart from it
            file.write("".join(lines).encode())

    def _write_samples(self, digest: str, record: SampleRecord) -> None:
        if record.samples.ndim == 3:
            _write(self._sample_path(digest, record.step, "png"), sheet_png(record.samples))
            return
        buffer = io.BytesIO()
        np.save(buffer, record.samples.astype(np.float32), allow_pickle=False)
        _write(self._sample_path(digest, record.step, "npy"), buffer.getvalue())

    def rewind(self, digest: str, step: int) -> None:
        """Forget everything recorded after `step`; −1 forgets the untrained generator too."""
        folder = self._folder(digest)
        path = folder / "history.jsonl"
        if path.exists():
            with open(path, "rb") as file:
                kept = [line for line in file if _recorded_until(line, step)]
            _write(path, b"".join(kept))
        for sample_step, sample in _samples(folder):
            if sample_step > step:
                sample.unlink(missing_ok=True)
        for leftover in folder.glob(".*.tmp"):  # of a process killed while it wrote
            leftover.unlink(missing_ok=True)

    def write_status(self, digest: str, status: RunStatus) -> None:
        """Replace status.json; `updated` is set to now."""
        status = dataclasses.replace(status, updated=time.time())
        _write(self.root / _checked(digest) / "status.json", status.to_json().encode())

    def checkpoint_path(self, digest: str) -> Path:
        """Where the checkpoint is, if there is one; replace it through `replacing`."""
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
        try:
            file = self._acquire(self.root / _checked(digest) / "lock", wait)
        except FileNotFoundError:
            raise StoreError(f"There is no run {digest!r} in {self.root}.") from None
        except OSError as error:
            raise StoreError(f"{self.root / digest} cannot be written: {error.strerror}.") from None
        with file:
            yield

    def locked(self, digest: str) -> bool:
        """Whether some process is training the run."""
        try:
            self._acquire(self.root / _checked(digest) / "lock", wait=0.0).close()
        except StoreError:
            return True
        except OSError:  # no such run, or a read-only store, which nobody trains in
            return False
        return False

    @staticmethod
    def _acquire(path: Path, wait: float) -> io.BufferedWriter:
        deadline = time.monotonic() + wait
        while True:
            file = open(path, "ab")  # noqa: SIM115 (open for as long as the lock is held)
            # A file that was unlinked while we waited belongs to a deleted run.
            if _try_lock(file) and _same_file(file, path):
                return file
            file.close()
            if time.monotonic() >= deadline:
                raise StoreError(f"{path} is held: another process is training this run.")
            time.sleep(0.05)

    # --- room on the disk ----------------------------------------------------------------------

    def size(self) -> int:
        """Bytes of all runs."""
        return sum(_size(self.root / digest) for digest in self._names())

    def evict(self, keep: Collection[str] = ()) -> list[str]:
        """Remove the longest unused runs until the store fits its limit; returns their digests.

        Runs in `keep`, and runs that a process is training, stay.
        """
        for leftover in self.root.glob(".removed-*"):  # of a process killed while it removed
            shutil.rmtree(leftover, ignore_errors=True)
        sizes = {digest: _size(self.root / digest) for digest in self._names()}
        excess = sum(sizes.values()) - self.megabytes * 1_000_000
        removed = []
        for digest in sorted(sizes, key=lambda name: _modified(self.root / name)):
            if excess <= 0:
                break
            if digest in keep:
                continue
            with contextlib.suppress(StoreError, OSError):
                self.delete(digest)
                removed.append(digest)
                excess -= sizes[digest]
        return removed

    def export(self, digest: str, destination: str | os.PathLike[str], points: int = 600) -> Path:
        """Copy a run, thinned, into the store at `destination`; returns the run's folder there.

        About `points` step records and 40 samples are kept, evenly spaced, first and last
        included. Checkpoint, log and lock stay behind. Raises StoreError if there is no such run.
        """
        source = self._folder(digest)
        snapshot = self.snapshot(digest)
        thin = snapshot.history.thinned(points)
        other = RunStore(destination)
        other.delete(digest)
        folder = other.root / digest
        (folder / "samples").mkdir(parents=True)
        shutil.copyfile(source / "config.json", folder / "config.json")
        other.append(digest, sorted([*thin.steps, *thin.evaluations], key=lambda each: each.step))
        samples = sorted(_samples(source))
        for _, path in (samples[i] for i in _spread(len(samples), EXPORTED_SHEETS)):
            shutil.copyfile(path, folder / "samples" / path.name)
        _write(folder / "status.json", snapshot.status.to_json().encode())
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

    def _sample_path(self, digest: str, step: int, ending: str) -> Path:
        return self._folder(digest) / "samples" / f"{int(step):06d}.{ending}"

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


class _RunReader:
    """Remembers what was read of one run and reads only what is new."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._history = _HistoryReader(folder / "history.jsonl")
        self._stamps: tuple[Any, ...] = ()
        self._snapshot: RunSnapshot | None = None
        self._lock = threading.Lock()

    @property
    def records(self) -> int:
        return self._history.records

    def snapshot(self) -> RunSnapshot | None:
        with self._lock:
            # Taken before reading: what changes meanwhile is noticed at the next look.
            names = ("config.json", "status.json", "history.jsonl", "samples")
            stamps = tuple(_stamp(self._folder / name) for name in names)
            if stamps[0] is None:
                return None
            if stamps != self._stamps:
                self._snapshot = self._read()
                self._stamps = stamps
            return self._snapshot

    def _read(self) -> RunSnapshot | None:
        try:
            config = _read_config(self._folder / "config.json")
        except StoreError:
            if self._folder.exists():
                raise
            return None  # removed a moment ago
        history = self._history.read()
        status = self._status(config, history)
        samples = tuple(sorted({step for step, _ in _samples(self._folder)}))
        snapshot = RunSnapshot(self._folder.name, config, history, status, samples)
        return snapshot.standing(status)

    def _status(self, config: RunConfig, history: History) -> RunStatus:
        try:
            status = _read_status(self._folder / "status.json")
        except StoreError:
            status = None
        return status or RunStatus(
            "stopped", history.last_step, config.steps,
            reason="How far this run came is not known for certain; press Continue to go on.",
        )


class _HistoryReader:
    """Follows a growing history.jsonl from byte to byte."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._forget()

    @property
    def records(self) -> int:
        return len(self._steps)

    def _forget(self) -> None:
        self._inode = 0
        self._offset = 0
        self._tail = b""  # the bytes just before the offset
        self._steps: list[StepRecord] = []
        self._evaluations: list[EvalRecord] = []
        self._history = History()

    def read(self) -> History:
        try:
            with open(self._path, "rb") as file:
                new = self._new_bytes(file)
        except FileNotFoundError:
            self._forget()
            return self._history
        except OSError as error:
            raise StoreError(f"{self._path} cannot be read: {error.strerror}.") from None
        whole = new[: new.rfind(b"\n") + 1]  # what follows is torn, or being written
        if whole:
            self._offset += len(whole)
            self._tail = (self._tail + whole)[-256:]
            self._take(whole)
        return self._history

    def _new_bytes(self, file: io.BufferedReader) -> bytes:
        # An inode number may be used again, so the bytes read last must be there still, too.
        file.seek(self._offset - len(self._tail))
        if os.fstat(file.fileno()).st_ino != self._inode or (
            file.read(len(self._tail)) != self._tail
        ):
            self._forget()
            self._inode = os.fstat(file.fileno()).st_ino
        file.seek(self._offset)
        return file.read()

    def _take(self, whole: bytes) -> None:
        for line in whole.splitlines():
            with contextlib.suppress(ValueError, OverflowError):  # a damaged line costs itself only
                record = from_line(line)
                kept = self._steps if isinstance(record, StepRecord) else self._evaluations
                kept.append(record)
        self._history = History(self._steps, self._evaluations)


# --- samples -----------------------------------------------------------------------------------


def sheet_png(images: np.ndarray) -> bytes:
    """Images, uint8 (n, h, w), eight a row with lines between, each pixel doubled, as grey PNG."""
    count, height, width = images.shape
    rows = math.ceil(count / SHEET_COLUMNS)
    sheet = np.full(
        (rows * (height + 1) - 1, SHEET_COLUMNS * (width + 1) - 1), SEPARATOR_GREY, np.uint8
    )
    for index, image in enumerate(images):
        row, column = divmod(index, SHEET_COLUMNS)
        top, left = row * (height + 1), column * (width + 1)
        sheet[top : top + height, left : left + width] = image
    picture = Image.fromarray(sheet)
    size = (picture.width * SHEET_SCALE, picture.height * SHEET_SCALE)
    buffer = io.BytesIO()
    picture.resize(size, Image.Resampling.NEAREST).save(buffer, "PNG")
    return buffer.getvalue()


def _samples(folder: Path) -> list[tuple[int, Path]]:
    """Steps and files below samples/."""
    try:
        names = os.listdir(folder / "samples")
    except OSError:
        return []
    found = ((_SAMPLES.fullmatch(name), name) for name in names)
    return [(int(match[1]), folder / "samples" / name) for match, name in found if match]


def _spread(count: int, most: int) -> list[int]:
    """At most `most` of the indices below `count`, evenly spaced, first and last included."""
    return sorted(set(np.linspace(0, count - 1, min(count, most)).round().astype(int).tolist()))


# --- files -------------------------------------------------------------------------------------


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to; on leaving it takes the place of `path` in one atomic step."""
    temporary = path.with_name(f".{path.name}.{threading.get_native_id()}.tmp")
    try:
        yield temporary
        _replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def _replace(temporary: Path, path: Path) -> None:
    for _ in range(40):
        try:
            os.replace(temporary, path)
            return
        except PermissionError:  # Windows: a reader has the file open for a moment
            if os.name != "nt":
                raise
            time.sleep(0.025)
    os.replace(temporary, path)


def _write(path: Path, content: bytes) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def _read_config(path: Path) -> RunConfig:
    try:
        return RunConfig.from_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}.") from None
    except (ConfigError, UnicodeDecodeError) as error:
        raise StoreError(f"{path} is not a run's settings: {error}") from None


def _read_status(path: Path) -> RunStatus | None:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{path} cannot be read: {error}.") from None
    return RunStatus.from_json(text, str(path))


def _recorded_until(line: bytes, step: int) -> bool:
    try:
        return line.endswith(b"\n") and from_line(line).step <= step
    except ValueError:
        return False


def _ends_line(file: io.BufferedRandom) -> bool:
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """What changes when a file does; None if there is no such file."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _size(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.stat(os.path.join(parent, name)).st_size
    return total


def _try_lock(file: io.BufferedWriter) -> bool:
    """An exclusive lock on an open file, which closing the file gives back."""
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        return True
    except OSError:
        return False


def _same_file(file: io.BufferedWriter, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except OSError:
        return False


def _is_digest(digest: Any) -> bool:
    return isinstance(digest, str) and _DIGEST.fullmatch(digest) is not None


def _checked(digest: str) -> str:
    if not _is_digest(digest):
        raise StoreError(f"There is no run {str(digest)[:40]!r}.")
    return digest


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is not a finite number")
    return number
