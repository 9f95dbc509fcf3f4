"""Settings of one installation, read from environment variables (all optional). Torch-free."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gan_core.system.machine import free_memory, has_gpu, usable_cores

STORE = "~/.cache/gan-lab/runs"
DATA = "~/.cache/gan-lab/data"
NUMBERS: dict[str, tuple[float, float, float]] = {  # default, lowest, highest; an int means whole
    "GAN_LAB_WORKERS": (0, 1, 64),
    "GAN_LAB_THREADS": (0, 1, 256),
    "GAN_LAB_STORE_MB": (2000, 50, 10_000_000),
    "GAN_LAB_MAX_STEPS": (50_000, 1, 200_000),
    "GAN_LAB_MAX_SECONDS": (900.0, 5, 86_400),
    "GAN_LAB_GRACE_SECONDS": (25.0, 1, 3600),
    "GAN_LAB_MEMORY_MB": (0, 500, 10_000_000),
    "GAN_LAB_NICE": (10, 0, 19),
}
MOST_WORKERS = 4
MOST_ON_A_GPU = 2  # one training keeps it half busy; each worker takes some of its memory
WORKER_BYTES = 1.5e9  # of memory that a worker takes at its peak
WEB_BYTES = 0.4e9  # of memory that the web process takes


class SettingsError(ValueError):
    """An environment variable that cannot be used; the message is one sentence."""


def shares(workers: int, threads: int, device: str) -> tuple[int, int]:
    """Number of workers and of threads of each; one that is given as 0 follows from the other.

    Two trainers whose threads compete for the same cores run several times slower than one thread
    each: workers × threads never exceeds the cores unless both are given.
    """
    cores = usable_cores()
    if not workers:
        most = MOST_ON_A_GPU if has_gpu(device) else MOST_WORKERS
        within_memory = int(min(free_memory() / WORKER_BYTES, most))
        workers = max(1, min(cores // max(threads, 1), within_memory))
    return workers, threads or max(1, cores // workers)


@dataclass(frozen=True)
class Settings:
    """One installation: where runs and data are, how many workers train, and how far."""

    store: Path
    store_megabytes: int  # the store's size limit
    workers: int  # training processes
    threads: int  # compute threads of each worker
    device: str  # "auto" or a torch device name
    max_steps: int  # a run is not trained further than this
    max_seconds: float  # nor for longer than this in one session
    grace_seconds: float  # an unwatched run goes on for this long
    data: Path = field(default_factory=lambda: _folder(DATA))  # downloaded data sets
    memory: float = math.inf  # bytes that the workers may take together
    nice: int = 10  # by how much workers yield to the web process; 0: not at all

    @property
    def crowded(self) -> str:
        """One sentence if the workers' threads are more than the cores, else ""."""
        threads, cores = self.workers * self.threads, usable_cores()
        if threads <= cores:
            return ""
        return (f"GAN_LAB_WORKERS × GAN_LAB_THREADS = {threads} threads share {cores} "
                f"core{'s' if cores > 1 else ''}: runs at the same time slow each other down.")

    @property
    def without_home(self) -> str:
        """One sentence if runs or data are kept in a temporary folder, else ""."""
        temporary = [str(folder) for folder in (self.store, self.data)
                     if folder.is_relative_to(_substitute_home())]
        if not temporary:
            return ""
        return (f"There is no home folder: {' and '.join(temporary)} will be used; GAN_LAB_STORE "
                "and GAN_LAB_DATA name other ones.")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Raises SettingsError on a value that is not a number in its range."""
        environ = os.environ if environ is None else environ
        numbers = {name: _number(name, environ) for name in NUMBERS}
        device = environ.get("GAN_LAB_DEVICE", "auto").strip() or "auto"
        workers, threads = shares(
            int(numbers["GAN_LAB_WORKERS"]), int(numbers["GAN_LAB_THREADS"]), device
        )
        return cls(
            store=_folder(environ.get("GAN_LAB_STORE") or STORE),
            store_megabytes=int(numbers["GAN_LAB_STORE_MB"]),
            workers=workers,
            threads=threads,
            device=device,
            max_steps=int(numbers["GAN_LAB_MAX_STEPS"]),
            max_seconds=numbers["GAN_LAB_MAX_SECONDS"],
            grace_seconds=numbers["GAN_LAB_GRACE_SECONDS"],
            data=_folder(environ.get("GAN_LAB_DATA") or DATA),
            memory=_memory(numbers["GAN_LAB_MEMORY_MB"], device),
            nice=int(numbers["GAN_LAB_NICE"]),
        )


def _memory(megabytes: float, device: str) -> float:
    """Bytes for all workers: as many as are said, or as are free beside the web process.

    On a GPU runs take its memory, which is not reckoned.
    """
    if megabytes:
        return megabytes * 1e6
    return math.inf if has_gpu(device) else max(0.0, free_memory() - WEB_BYTES)


def _folder(text: str) -> Path:
    """A folder that may be named from the home folder."""
    path = Path(text)
    try:
        return path.expanduser()
    except RuntimeError:  # some containers have no home folder, nor does anybody know their user
        return _substitute_home().joinpath(*path.parts[1:])


def _substitute_home() -> Path:
    user = os.getuid() if hasattr(os, "getuid") else 0
    return Path(tempfile.gettempdir()) / f"gan-lab-home-{user}"


def _number(name: str, environ: Mapping[str, str]) -> float:
    """A number of NUMBERS from the environment. Raises SettingsError."""
    default, low, high = NUMBERS[name]
    text = environ.get(name, "").strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    whole = isinstance(default, int)
    if not low <= value <= high or (whole and value != int(value)):
        kind = "a whole number" if whole else "a number"
        raise SettingsError(f"{name} must be {kind} from {low:g} to {high:g}, not {text!r}.")
    return value
