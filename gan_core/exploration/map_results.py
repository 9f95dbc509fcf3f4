"""The measured runs of maps, as files of a store: `<store>/maps/<digest>.jsonl`. Torch-free.

The first line is the map, every other one a run that was measured. Lines are only added; a torn or
foreign one is ignored, and the run is measured again.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gan_core.exploration.cell_runs import CellRun
from gan_core.exploration.parameter_map import ParameterMap
from gan_core.runs.status import StoreError
from gan_core.system import files

FOLDER = "maps"
MOST_BYTES = 2_000_000  # of one file; a map of 144 cells and five seeds takes some 350,000


@dataclass
class _Known:
    stamp: tuple[int, ...] = ()
    runs: dict[str, CellRun] = field(default_factory=dict)


class MapResults:
    """The results in one store; any thread may use them, and several processes one store."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.folder = Path(root).absolute() / FOLDER
        self._known: dict[str, _Known] = {}
        self._lock = threading.Lock()

    def path(self, drawn: ParameterMap) -> Path:
        return self.folder / f"{drawn.digest()}.jsonl"

    def read(self, drawn: ParameterMap) -> dict[str, CellRun]:
        """What has been measured of a map, by the digests of its runs; read again only where the
        file has changed. Not to be changed."""
        path = self.path(drawn)
        seen = files.stamp(path)
        with self._lock:
            known = self._known.get(path.stem)
            if known is None or known.stamp != seen:
                known = _Known(seen, {run.digest: run for run in _runs_in(path)} if seen else {})
                self._known[path.stem] = known
            return known.runs

    def add(self, drawn: ParameterMap, runs: list[CellRun]) -> None:
        """Keep the results of runs. Raises StoreError where they cannot be written."""
        path = self.path(drawn)
        lines = [json.dumps(run.to_dict()) for run in runs]
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                lines.insert(0, json.dumps({"map": drawn.to_dict()}))
            files.append_lines(path, lines)
        except OSError as error:
            raise StoreError.of_file(path, "written", error) from None

    def replace(self, drawn: ParameterMap, runs: list[CellRun]) -> None:
        """Keep these results, in the order of the map, instead of others. Raises StoreError."""
        known = {run.digest: run for run in runs}
        lines = [json.dumps({"map": drawn.to_dict()}),
                 *(json.dumps(known[run.digest].to_dict()) for run in drawn.runs
                   if run.digest in known)]
        path = self.path(drawn)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            files.write(path, "".join(line + "\n" for line in lines).encode())
        except OSError as error:
            raise StoreError.of_file(path, "written", error) from None


def _runs_in(path: Path) -> Iterator[CellRun]:
    try:
        text = files.read(path, MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return
    for line in text.splitlines():
        with contextlib.suppress(ValueError, RecursionError):
            yield CellRun.from_dict(json.loads(line))
