"""status.json: whether a run is queued, running or over, how far it is and how fast. Torch-free."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gan_core.system import files

LARGEST = 1e11  # of a number in it; seconds since 1970 have reached 2e9
MOST_BYTES = 100_000  # of a status.json; it has some 300

STATES = ("queued", "starting", "running", "finished", "stopped", "diverged", "failed")
LIVE_STATES = frozenset(STATES[:3])


class StoreError(ValueError):
    """A run or a file of the store that cannot be used; the message is one sentence naming it.

    `cause` is the reason alone, a clause without paths, for visitors of a page.
    """

    def __init__(self, message: str, cause: str = "") -> None:
        super().__init__(message)
        self.cause = cause or message.rstrip(".")

    @classmethod
    def of_file(cls, path: Path, use: str, error: OSError) -> StoreError:
        """`path` cannot be `use`d, as "read" or "written"."""
        why = files.cause(error)
        return cls(f"{path} cannot be {use}: {why}.", f"{path.name} cannot be {use}: {why}")


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
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
            raise StoreError(
                f"{name} is not a run's status: {error}.", "its status.json is damaged") from None


def _number(value: Any) -> float:
    """A number from 0 on that a page can print, or work out a date from."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r:.40} is not a number")
    if not 0 <= value <= LARGEST:
        raise ValueError(f"{value!r:.40} is not between 0 and {LARGEST:g}")
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r:.40} is not a text")
    return value


_FIELDS: dict[str, Callable[[Any], Any]] = {  # of a status, and how each is read
    "step": lambda value: int(_number(value)),
    "steps": lambda value: int(_number(value)),
    "steps_per_second": _number,
    "seconds": _number,
    "seconds_left": lambda value: None if value is None else _number(value),
    "device": _text,
    "reason": _text,
    "updated": _number,
}


def read_status(run: Path) -> RunStatus | None:
    """None without a status.json; StoreError if it is corrupt."""
    path = run / "status.json"
    try:
        text = files.read(path, MOST_BYTES).decode()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError.of_file(path, "read", error) from None
    except UnicodeDecodeError:
        raise StoreError(f"{path} is not a text.", "its status.json is damaged") from None
    return RunStatus.from_json(text, str(path))


def write_status(run: Path, status: RunStatus) -> None:
    """Replace status.json; `updated` is set to now. Raises OSError."""
    status = dataclasses.replace(status, updated=time.time())
    files.write(run / "status.json", status.to_json().encode())
