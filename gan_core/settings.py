"""Settings of one installation, read from environment variables (all optional). Torch-free."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

DATA = "~/.cache/gan-lab/data"


class SettingsError(ValueError):
    """An environment variable that cannot be used; the message is one sentence."""


def usable_cores() -> int:
    """Cores this process may run on: fewer than the machine has inside many containers."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows
        return os.cpu_count() or 1


@dataclass(frozen=True)
class Settings:
    store: Path
    store_megabytes: int  # the store's size limit
    workers: int  # training processes
    threads: int  # compute threads of each worker
    device: str  # "auto" or a torch device name
    max_steps: int  # a run is not trained further than this
    max_seconds: float  # nor for longer than this at a stretch
    grace_seconds: float  # how long an unwatched run goes on
    data: Path = field(default_factory=lambda: Path(DATA).expanduser())  # what is downloaded

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Raises SettingsError on a value that is not a number in its range."""
        environ = os.environ if environ is None else environ

        def number(name: str, default: float, low: float, high: float) -> float:
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
                raise SettingsError(
                    f"{name} must be {kind} from {low:g} to {high:g}, not {text!r}."
                )
            return value

        cores = usable_cores()
        # Two trainers whose threads compete for the same cores run several times slower than one
        # thread each: workers × threads never exceeds the cores unless somebody asks for it.
        workers = int(number("GAN_LAB_WORKERS", min(cores, 4), 1, 64))
        threads = int(number("GAN_LAB_THREADS", max(1, cores // workers), 1, 256))
        return cls(
            store=Path(environ.get("GAN_LAB_STORE") or "~/.cache/gan-lab/runs").expanduser(),
            store_megabytes=int(number("GAN_LAB_STORE_MB", 2000, 50, 10_000_000)),
            workers=workers,
            threads=threads,
            device=environ.get("GAN_LAB_DEVICE", "auto").strip() or "auto",
            max_steps=int(number("GAN_LAB_MAX_STEPS", 50_000, 1, 200_000)),
            max_seconds=number("GAN_LAB_MAX_SECONDS", 900.0, 5, 86_400),
            grace_seconds=number("GAN_LAB_GRACE_SECONDS", 25.0, 1, 3600),
            data=Path(environ.get("GAN_LAB_DATA") or DATA).expanduser(),
        )
