"""Everything of one run, or of two beside each other, as one zip.

    with archive([Reel("This run", snapshot, store)]) as file:
        shutil.copyfileobj(file, destination)

    README.txt   film.gif   report.html   charts/losses.svg …   of all runs
    run-<digest>/                              of the first; the other is in reference-<digest>/
      config.json  history.jsonl  status.json  samples/ …      as in the store: `open_archive`
      checkpoint.pt                            reads them again; the weights, where there are any
      history.csv  history.json  drawn/  gan.py  gan.ipynb  load_weights.py    made of these

What is made of the same runs is the same to the last byte. A run that goes on meanwhile is copied
as its snapshot shows it: no record without its evaluation, no picture after the last record.
Whatever cannot be read is left out, and README.txt names it. Torch-free.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, cast

from gan_core.config.run_config import RunConfig
from gan_core.export.archive.readme import readme
from gan_core.export.archive.weights import loader
from gan_core.export.charts import png, svg
from gan_core.export.charts.files import drawings
from gan_core.export.film import film
from gan_core.export.notebook import notebook
from gan_core.export.report.of_runs import report
from gan_core.export.script import script
from gan_core.export.sheets import Reel, still
from gan_core.export.tables import history_csv, history_json
from gan_core.runs.records import EvalRecord, StepRecord, to_line
from gan_core.runs.samples import VIEWS, ending, view_path
from gan_core.runs.snapshots import RunSnapshot
from gan_core.runs.status import RunStatus, StoreError
from gan_core.system import files

IN_MEMORY = 16_000_000  # bytes of a zip; a larger one is put together on the disk
AT_A_TIME = 1_000_000  # bytes of a file that is copied
FOLDERS = ("run", "reference")  # how the folders of the runs begin
STORED = (".png", ".npy", ".gif", ".pt")  # to pack them again gains next to nothing
EARLIEST = (1980, 1, 1, 0, 0, 0)  # that a zip can name
CUT_OFF = "this copy was made while the run went on"


def archive(
    reels: Sequence[Reel], page: str = "", *, by_time: bool = False, predicted: str = "",
    link: str = "", downloads: Path | None = None,
) -> BinaryIO:
    """The zip of one run, or of a run and its reference, as a file to be read from its beginning.

    `page`, `predicted` and `link` are what the report tells of; with `by_time` film and charts
    compare the runs after equal times. `downloads` is the folder of classifiers that are not
    bundled. Raises OSError where the disk is full.
    """
    with contextlib.ExitStack() as undo:
        file = cast(BinaryIO, undo.enter_context(tempfile.SpooledTemporaryFile(IN_MEMORY)))
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
            _Packing(packed, _written_at(reels[0].snapshot.status)).everything(
                reels, by_time, downloads, lambda whole, script: report(
                    whole, page, predicted=predicted, link=link, script=script,
                    downloads=downloads))
        file.seek(0)
        undo.pop_all()  # whoever has asked for it closes it
        return file


def folder_of(place: int, config: RunConfig) -> str:
    """The folder of the run at that place, 0 for the first, within the zip."""
    return f"{FOLDERS[place]}-{config.digest()}"


def as_copied(snapshot: RunSnapshot) -> RunStatus:
    """What a copy says of its run: nothing goes on in a copy."""
    status = snapshot.status
    if not status.live:
        return status
    return dataclasses.replace(
        status, state="stopped", step=snapshot.history.last_step, reason=CUT_OFF,
        steps_per_second=0.0, seconds_left=None)


def _written_at(status: RunStatus) -> tuple[int, int, int, int, int, int]:
    """The date of all files: when the run was last written, not when it was packed."""
    moment = datetime.fromtimestamp(status.updated, UTC)
    date = (moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)
    return date if EARLIEST[0] <= moment.year < 2100 else EARLIEST


@dataclass
class _Packing:
    """A zip that is being filled; `left_out` names what could not be read, and why."""

    packed: zipfile.ZipFile
    date: tuple[int, int, int, int, int, int]
    left_out: list[str] = field(default_factory=list)  # each with a full stop

    def everything(
        self, reels: Sequence[Reel], by_time: bool, downloads: Path | None,
        report_on: Callable[[Sequence[Reel], str], str],
    ) -> None:
        whole = [_as_far_as_it_is(reel) for reel in reels]
        weights = [self._run(folder_of(place, reel.snapshot.config), reel)
                   for place, reel in enumerate(whole)]
        if all(reel.steps for reel in whole):
            self._try("film.gif", lambda: film(whole, by_time))
        for name, drawing in drawings(whole, by_time, downloads).items():
            self._text(f"charts/{name}.svg", svg.svg(drawing))
            self._file(f"charts/{name}.png", png.png(drawing))
        own_script = f"{folder_of(0, whole[0].snapshot.config)}/gan.py"
        self._try("report.html", lambda: report_on(whole, own_script).encode())
        self._text("README.txt", readme(whole, self.packed.namelist(), weights, self.left_out))

    def _run(self, folder: str, reel: Reel) -> bool:
        """The folder of one run; whether there are weights in it."""
        snapshot = reel.snapshot
        config, device = snapshot.config, snapshot.status.device
        self._text(f"{folder}/config.json", config.to_json())
        self._text(f"{folder}/status.json", as_copied(snapshot).to_json())
        self._lines(f"{folder}/history.jsonl", _records(snapshot))
        for view, step in _pictures(snapshot):
            self._picture(folder, reel, view, step)
        self._text(f"{folder}/history.csv", history_csv(snapshot))
        self._text(f"{folder}/history.json", history_json(snapshot))
        self._try(f"{folder}/gan.py", lambda: script(config, device).encode())
        self._try(f"{folder}/gan.ipynb", lambda: notebook(config, device).encode())
        if not self._checkpoint(f"{folder}/checkpoint.pt", reel):
            return False
        self._try(f"{folder}/load_weights.py", lambda: loader(config).encode())
        return True

    def _picture(self, folder: str, reel: Reel, view: str, step: int) -> None:
        """A view's file at a step; points are drawn as well."""
        card, name = reel.snapshot.config.card, reel.snapshot.digest
        kind = ending(view, card.kind)
        if kind is None:
            return
        path = view_path(Path(folder), view, step, kind).as_posix()
        self._try(path, lambda: reel.store.picture(name, view, step, kind))
        if card.kind == "points" and view == "samples":
            drawn = view_path(Path(folder, "drawn"), view, step, "png").as_posix()
            self._try(drawn, lambda: still(reel, step))

    def _checkpoint(self, name: str, reel: Reel) -> bool:
        """The weights as they are at this moment, copied piece by piece."""
        if not reel.store.exists(reel.snapshot.digest):
            return False
        try:
            source = files.open_regular(reel.store.checkpoint_path(reel.snapshot.digest))
        except FileNotFoundError:
            return False
        except OSError as error:  # whose own words may have a path of this machine
            self.left_out.append(f"{name}: {files.cause(error)}.")
            return False
        with source, self.packed.open(self._entry(name), "w") as copy:
            shutil.copyfileobj(source, copy, AT_A_TIME)
        return True

    # --- files ----------------------------------------------------------------------------------

    def _try(self, name: str, make: Callable[[], bytes]) -> None:
        """A file, unless what it is made of cannot be read: then it is named in README.txt."""
        try:
            content = make()
        except StoreError as error:
            self.left_out.append(f"{name}: {error.cause}.")
        except ValueError as error:
            self.left_out.append(f"{name}: {error}")
        else:
            self._file(name, content)

    def _text(self, name: str, text: str) -> None:
        self._file(name, text.encode())

    def _file(self, name: str, content: bytes) -> None:
        self.packed.writestr(self._entry(name), content)

    def _lines(self, name: str, lines: Iterator[str]) -> None:
        with self.packed.open(self._entry(name), "w") as file, io.TextIOWrapper(
                cast(BinaryIO, file), encoding="utf-8", newline="\n") as text:
            text.writelines(f"{line}\n" for line in lines)

    def _entry(self, name: str) -> zipfile.ZipInfo:
        entry = zipfile.ZipInfo(name, self.date)
        entry.compress_type = (
            zipfile.ZIP_STORED if name.endswith(STORED) else zipfile.ZIP_DEFLATED)
        entry.create_system = 3  # Unix, whatever this machine is
        entry.external_attr = (stat.S_IFREG | 0o644) << 16
        return entry


def _as_far_as_it_is(reel: Reel) -> Reel:
    """The run whose settings ask for as many steps as it has records."""
    snapshot = reel.snapshot
    reached = max(snapshot.config.steps, snapshot.history.last_step)
    return dataclasses.replace(reel, snapshot=dataclasses.replace(
        snapshot, config=snapshot.config.replace(steps=reached)))


def _records(snapshot: RunSnapshot) -> Iterator[str]:
    """The lines of history.jsonl, as they were written: a step, then its evaluation."""
    records: list[StepRecord | EvalRecord] = [
        *snapshot.history.steps, *snapshot.history.evaluations]
    return map(to_line, sorted(records, key=lambda record: record.step))


def _pictures(snapshot: RunSnapshot) -> Iterator[tuple[str, int]]:
    """Views and steps of the pictures that belong to the records."""
    for view in VIEWS:
        for step in snapshot.views.get(view, ()):
            if step <= snapshot.history.last_step:
                yield view, step
