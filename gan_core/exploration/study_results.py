"""The measured runs of studies, as files of a store: `<store>/maps/<digest>.jsonl`. Torch-free.

The first line is the study, every other one a run that was measured. Lines are only added; a torn
or foreign one is ignored, and the run is measured again.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gan_core.exploration.cell_runs import CellRun
from gan_core.exploration.study import Study
from gan_core.runs.status import StoreError
from gan_core.system import files

MOST_KNOWN = 200  # studies whose results are kept in memory, the latest
MOST_BYTES = 2_000_000  # of one file; a map of 144 cells and five seeds takes some 350,000


@dataclass
class _Known:
    stamp: tuple[int, ...] = ()
    runs: dict[str, CellRun] = field(default_factory=dict)


class StudyResults:
    """The results in one store; any thread may use them, and several processes one store."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root).absolute()
        self._known: OrderedDict[Path, _Known] = OrderedDict()
        self._lock = threading.Lock()

    def path(self, study: Study) -> Path:
        return self.root / study.folder / f"{study.digest()}.jsonl"

    def read(self, study: Study) -> dict[str, CellRun]:
        """What has been measured of a study, by the digests of its runs; read again only where the
        file has changed. Not to be changed."""
        path = self.path(study)
        seen = files.stamp(path)
        with self._lock:
            known = self._known.get(path)
            if known is None or known.stamp != seen:
                known = _Known(seen, {run.digest: run for run in _runs_in(path)} if seen else {})
                self._known[path] = known
            self._known.move_to_end(path)
            while len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)
            return known.runs

    def add(self, study: Study, runs: list[CellRun]) -> None:
        """Keep the results of runs. Raises StoreError where they cannot be written."""
        path = self.path(study)
        lines = [json.dumps(run.to_dict()) for run in runs]
        if files.stamp(path)[1:2] > (MOST_BYTES - sum(map(len, lines)) - len(lines),):
            raise StoreError(f"{path} is too large to be a study's results; remove it.",
                             "the file of its results is too large")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                lines.insert(0, json.dumps({"study": study.to_dict()}))
            files.append_lines(path, lines)
        except OSError as error:
            raise StoreError.of_file(path, "written", error) from None

    def replace(self, study: Study, runs: list[CellRun]) -> None:
        """Keep these results, in this order, instead of others. Raises StoreError."""
        lines = [json.dumps({"study": study.to_dict()}),
                 *(json.dumps(run.to_dict()) for run in runs)]
        path = self.path(study)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
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
