"""status.json: whether a run is queued, running or over, how far it is and how fast. Torch-free."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STATES = ("queued", "starting", "running", "finished", "stopped", "diverged", "failed")
LIVE_STATES = frozenset(STATES[:3])


class StoreError(ValueError):
    """A run or a file of the store that cannot be used; the message is one sentence naming it."""


@dataclass(frozen=True)
class RunStatus:
    """Where a run stands, as its worker last wrote it."""

    state: str  # one of STATES
    step: int = 0
    steps: int = 0  # the target
    steps_per_second: float = 0.0  # over the last few seconds; 0 while unknown
    seconds: float = 0.0  # of training in total, over all sessions
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
            return cls(content["state"], **{
                field: convert(content[field])
                for field, convert in _FIELDS.items() if field in content
            })
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            raise StoreError(f"{name} is not a run's status: {error}.") from None


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is not a finite number")
    return number


_FIELDS: dict[str, Callable[[Any], Any]] = {  # of a status, and how each is read
    "step": int,
    "steps": int,
    "steps_per_second": _finite,
    "seconds": _finite,
    "seconds_left": lambda value: None if value is None else _finite(value),
    "device": str,
    "reason": str,
    "updated": _finite,
}


def read_status(run: Path) -> RunStatus | None:
    """None without a status.json; StoreError if it is corrupt."""
    path = run / "status.json"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{path} cannot be read: {error}.") from None
    return RunStatus.from_json(text, str(path))
