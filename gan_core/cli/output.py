"""What the commands print: results to stdout as text or JSON, messages to stderr."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

from gan_core.cli.arguments import UsageError
from gan_core.cli.written_files import refuse_unwritable
from gan_core.runs.records import Outcome
from gan_core.verification.tables import write_into

INTERRUPTED = 130  # what a shell reports of a process that Ctrl-C ended


def say(text: str) -> None:
    """A line on stderr: stdout is for results."""
    print(text, file=sys.stderr, flush=True)


def json_text(content: Any) -> str:
    """JSON that every reader accepts: NaN and infinities become null."""
    return json.dumps(_without_nan(content), indent=1)


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def how_it_ended(outcome: Outcome) -> str:
    """How and when a run ended, and why where a reason is known."""
    reason = f": {outcome.reason}" if outcome.reason else ""
    return f"{outcome.kind} at step {outcome.step}{reason}"


def say_runs_trained(count: int, total: int) -> None:
    say(f"{count} of {total} runs trained")


def write_table(path: Path, name: str, text: str) -> None:
    """Put a table in its place in the document of --write. Raises UsageError."""
    refuse_unwritable("--write", path)
    try:
        write_into(path, name, text)
    except OSError as error:
        raise UsageError(f"--write: {path} cannot be written: {error.strerror}.") from None
    except ValueError as error:
        raise UsageError(f"--write: {error}") from None
