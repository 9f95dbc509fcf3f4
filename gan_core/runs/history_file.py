"""history.jsonl: read while it grows, cut back to a step, copied without some evaluations.

One record is one line. A torn last line is ignored; a damaged one costs only itself. Torch-free.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection
from pathlib import Path
from typing import BinaryIO

from gan_core.runs.history import History
from gan_core.runs.records import EvalRecord, StepRecord, from_line
from gan_core.runs.status import StoreError
from gan_core.system import files


def cut_after(path: Path, step: int) -> None:
    """Remove the records after `step`, and lines that are torn or damaged."""
    if path.exists():
        _copy_lines(path, path, lambda line: _recorded_until(line, step))


def copy_without(path: Path, destination: Path, evaluations: Collection[int]) -> None:
    """Copy all but the evaluations at these steps."""
    _copy_lines(path, destination, lambda line: not _evaluated_at(line, evaluations))


def _copy_lines(path: Path, destination: Path, chosen: Callable[[bytes], bool]) -> None:
    with open(path, "rb") as file:
        lines = [line for line in file if chosen(line)]
    files.write(destination, b"".join(lines))


def _recorded_until(line: bytes, step: int) -> bool:
    try:
        return line.endswith(b"\n") and from_line(line).step <= step
    except ValueError:
        return False


def _evaluated_at(line: bytes, steps: Collection[int]) -> bool:
    try:
        record = from_line(line)
    except ValueError:
        return False
    return isinstance(record, EvalRecord) and record.step in steps


class HistoryReader:
    """Follows a growing history.jsonl: what was read before is not read again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._forget()

    @property
    def records(self) -> int:
        """How many step records are in memory."""
        return len(self._history.steps)

    def _forget(self) -> None:
        self._offset = 0
        self._tail = b""  # the bytes just before the offset
        self._history = History()

    def read(self) -> History:
        """All records until now. Raises StoreError if the file cannot be read."""
        try:
            with files.open_regular(self._path) as file:
                new = self._new_bytes(file)
        except FileNotFoundError:
            self._forget()
            return self._history
        except OSError as error:
            raise StoreError.of_file(self._path, "read", error) from None
        whole = new[: new.rfind(b"\n") + 1]  # what follows is torn, or being written
        if whole:
            self._offset += len(whole)
            self._tail = (self._tail + whole)[-256:]
            self._take(whole)
        return self._history

    def _new_bytes(self, file: BinaryIO) -> bytes:
        file.seek(self._offset - len(self._tail))
        if file.read(len(self._tail)) != self._tail:  # another history took the place of this one
            self._forget()
            file.seek(0)
        return file.read()

    def _take(self, whole: bytes) -> None:
        new: list[StepRecord | EvalRecord] = []
        for line in whole.splitlines():
            with contextlib.suppress(ValueError, OverflowError):  # only the damaged line is lost
                new.append(from_line(line))
        self._history = self._history.grown(new)
