"""Runs out of a zip that `archive` has made, on this server or another: checked, then taken in.

    with open("run.zip", "rb") as file:
        opened = open_archive(file, opened_runs(store))

Read are settings, records, status and pictures, each as strictly as it can be; weights are known by
name and never touched; what was made for people (tables, report, film, scripts, charts) is made
again from the records where it is asked for, and never served from here. What a file says may be
false all the same: `opened_runs` says how such runs are kept apart. Torch-free.
"""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from gan_core.config.fields import KNOBS
from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError
from gan_core.diagnosis.judged import Judged
from gan_core.diagnosis.verdict import verdict
from gan_core.diagnosis.verdict_chips import chips
from gan_core.diagnosis.verdict_sentence import sentence
from gan_core.diagnosis.verdict_words import sentences
from gan_core.export.archive.opened_pictures import sound_picture
from gan_core.export.archive.opened_records import rewrite_records
from gan_core.export.archive.sound_zip import ArchiveError, SoundZip, sound_zip
from gan_core.runs.opened_runs import keep, preparing
from gan_core.runs.samples import MOST_BYTES as MOST_OF_A_PICTURE
from gan_core.runs.samples import VIEWS, ending
from gan_core.runs.snapshots import MOST_BYTES as MOST_OF_SETTINGS
from gan_core.runs.snapshots import RunSnapshot
from gan_core.runs.status import MOST_BYTES as MOST_OF_A_STATUS
from gan_core.runs.status import RunStatus, StoreError
from gan_core.runs.store import RunStore
from gan_core.system import files

MOST_RUNS = 2  # a run and its reference
MOST_OF_A_HISTORY = 150_000_000  # bytes; a run of 200 000 steps has some 70
MOST_KEPT = 250_000_000  # bytes of all that is read of a zip
MOST_MOMENTS = 8  # at which a run is judged, besides its end
LONGEST_WORDS = 200  # of a device, or a reason
CUT_OFF = "it was still training when the file was made"

# Of a run: `run-<digest>/…`, or `<digest>/…`, as whoever zips the folder of a store has it.
_IN_A_RUN = re.compile(r"((?:run-|reference-)?([0-9a-f]{16}))/(.+)")
_PICTURE = re.compile(r"([a-z_]+)/([0-9]{6,9})\.(png|npy)")
_LEFT_OUT = re.compile(  # of a run: weights, what training leaves behind, and what is for people
    r"checkpoint\.pt|good/[0-9]{6,9}\.pt|log\.txt|lock|lock\.owner|audit\.json|verdict\.json"
    r"|(?:[a-z_]+/)?\.[^/]+\.(?:damaged|tmp)(?:/.+)?"  # set aside, or of a process that was killed
    r"|history\.(?:csv|json)|gan\.(?:py|ipynb)|load_weights\.py|drawn/.+\.png")
_BESIDE = re.compile(r"README\.txt|report\.html|film\.gif|charts/[\w\-]+\.(?:svg|png)"
                     r"|__MACOSX/.+|(?:.+/)?\.DS_Store")
NEEDED = ("config.json", "history.jsonl", "status.json")
RUNS_CODE = (".pkl", ".pickle", ".pt", ".pth", ".npz", ".joblib")
FOLDERS = {view.folder: name for name, view in VIEWS.items()}


@dataclass(frozen=True)
class OpenedRun:
    """A run that was taken in: the key by which it is found, and its settings."""

    key: str
    config: RunConfig
    weights_left_out: bool


def side_by_side(runs: Sequence[OpenedRun]) -> Sequence[OpenedRun]:
    """The opened runs that one page of the app shows: it tells two runs apart by their settings."""
    return runs if len({run.config.digest() for run in runs}) == len(runs) else runs[:1]


def open_archive(
    file: BinaryIO, runs: RunStore, listed: Callable[[], Collection[str]] = tuple
) -> list[OpenedRun]:
    """Take in the run of a zip, and its reference if it has one; the run comes first. A run beside
    itself is one run; two runs of the same settings are two.

    Where there has to be room, opened runs that people keep in their lists, by what `listed` says,
    go last. Raises ArchiveError, one sentence, on anything that is not as `archive` makes it;
    StoreError if the runs cannot be stored. Nothing is kept then.
    """
    with sound_zip(file) as opened, preparing(runs) as room:
        contents = _contents(opened.names)
        _check_size(opened, contents.values())
        made = [(content, _unpacked(opened, name, content, room / name))
                for name, content in contents.items()]
        keys = keep(runs, [room / name / content.digest for name, content in contents.items()],
                    listed)
        found = [OpenedRun(key, config, any(part.endswith(".pt") for part in content.left_out))
                 for key, (content, config) in zip(keys, made, strict=True)]
        return list({run.key: run for run in reversed(found)}.values())[::-1]


# --- what is in it -------------------------------------------------------------------------------


@dataclass
class _Content:
    """Of one run's folder: the files to be read, and those to be left alone."""

    digest: str
    read: dict[str, str] = dataclasses.field(default_factory=dict)  # path in the zip, by name
    left_out: list[str] = dataclasses.field(default_factory=list)


def _contents(names: Iterable[str]) -> dict[str, _Content]:
    """The folders of runs, the run before its reference. Raises ArchiveError."""
    contents: dict[str, _Content] = {}
    for path in names:
        match = _IN_A_RUN.fullmatch(path)
        if match is None:
            if not _BESIDE.fullmatch(path):
                raise _unexpected(path)
            continue
        folder, digest, name = match.groups()
        content = contents.setdefault(folder, _Content(digest))
        if name in NEEDED or _is_picture(name):
            content.read[name] = path
        elif _LEFT_OUT.fullmatch(name) or _BESIDE.fullmatch(name):
            content.left_out.append(name)
        else:
            raise _unexpected(path)
    if not 1 <= len(contents) <= MOST_RUNS:
        raise ArchiveError(f"The zip holds {len(contents)} runs, each in a folder called run-… and "
                           f"sixteen hexadecimal digits; 1 or {MOST_RUNS} are allowed.")
    for folder, content in contents.items():
        if missing := [name for name in NEEDED if name not in content.read]:
            raise ArchiveError(f"{folder} lacks {missing[0]}; a run needs {', '.join(NEEDED)}.")
    return dict(sorted(contents.items(), key=lambda item: item[0].startswith("reference")))


def _check_size(opened: SoundZip, contents: Iterable[_Content]) -> None:
    """Of all that will be read, before any of it is."""
    total = sum(opened.size(path) for content in contents for path in content.read.values())
    if total > MOST_KEPT:
        raise ArchiveError(f"Records and pictures have {total / 1e6:.0f} MB when they are unpacked;"
                           f" at most {MOST_KEPT // 1_000_000} MB are allowed.")


def _is_picture(name: str) -> bool:
    match = _PICTURE.fullmatch(name)
    return match is not None and match[1] in FOLDERS


def _unexpected(path: str) -> ArchiveError:
    lower = path.lower()
    if lower.endswith(".zip"):
        return ArchiveError(f"{path} is a zip within the zip; only the files of runs are allowed.")
    if lower.endswith(RUNS_CODE):
        return ArchiveError(f"{path} is of a kind that can run code when it is read; of such files "
                            "only checkpoint.pt of a run is allowed, which is left out.")
    return ArchiveError(f"{path} is not a file of a run; allowed are the files that Take it home "
                        "puts into a zip, under their names.")


# --- one run -------------------------------------------------------------------------------------


def _unpacked(opened: SoundZip, name: str, content: _Content, room: Path) -> RunConfig:
    """Put a run together in the new folder `room`, all of it checked; its settings."""
    config = _config(opened, name, content)
    run = room / config.digest()
    run.mkdir(parents=True)
    files.write(run / "config.json", config.to_json().encode())
    status = _status(opened, name, content, config)
    files.write(run / "status.json", status.to_json().encode())
    sent = room / "history.jsonl"
    opened.copy(content.read["history.jsonl"], sent, MOST_OF_A_HISTORY)
    rewrite_records(f"{name}/history.jsonl", sent, run / "history.jsonl", config,
                    max(config.steps, status.steps), opened.check_time)
    sent.unlink()
    for picture in sorted(content.read.keys() - set(NEEDED)):
        _picture(opened, content.read[picture], picture, run, config)
    _judge(name, RunStore(room).existing_snapshot(config.digest()), opened.check_time)
    return config


def _config(opened: SoundZip, folder: str, content: _Content) -> RunConfig:
    path = content.read["config.json"]
    try:
        config = RunConfig.from_json(opened.read(path, MOST_OF_SETTINGS).decode())
    except ConfigError as error:
        raise ArchiveError(f"{path}: {error}") from None
    except (UnicodeDecodeError, RecursionError, TypeError):
        raise ArchiveError(f"{path} is not a text of settings; it must be a JSON object.") from None
    if config.digest() != content.digest:
        raise ArchiveError(
            f"{path} holds the settings of run {config.digest()}, not of {content.digest} as its "
            "folder says; they were changed, or another version of the lab has written them.")
    return config


def _status(opened: SoundZip, folder: str, content: _Content, config: RunConfig) -> RunStatus:
    """Nothing goes on in a file, and nothing in it was written after now."""
    path = content.read["status.json"]
    try:
        status = RunStatus.from_json(opened.read(path, MOST_OF_A_STATUS).decode(), path)
    except StoreError as error:
        raise ArchiveError(str(error)) from None
    except UnicodeDecodeError:
        raise ArchiveError(f"{path} is not a text; it must be a JSON object.") from None
    longest = KNOBS["steps"].high or 0
    if max(status.step, status.steps) > longest:
        raise ArchiveError(f"{path}: step and steps must be at most {longest}.")
    for field in ("device", "reason"):
        words = getattr(status, field)
        if len(words) > LONGEST_WORDS or not words.isprintable():
            raise ArchiveError(f"{path}: {field} must be at most {LONGEST_WORDS} characters of "
                               "plain text.")
    if status.updated > time.time() + 86_400:
        raise ArchiveError(f"{path}: updated must be a time that has passed.")
    if not status.live:
        return status
    return dataclasses.replace(status, state="stopped", reason=CUT_OFF, steps_per_second=0.0,
                               seconds_left=None)


def _picture(
    opened: SoundZip, path: str, name: str, run: Path, config: RunConfig
) -> None:
    """One picture, which must be what its view's pictures are, and nothing besides."""
    folder, number, kind = _PICTURE.fullmatch(name).groups()  # type: ignore[union-attr]
    view, step = FOLDERS[folder], int(number)
    if ending(view, config.card.kind) != kind:
        raise ArchiveError(f"{path} does not belong to a run on {config.dataset}, of which "
                           f"{folder} holds {_expected(view, config)}.")
    if step > (KNOBS["steps"].high or 0):
        raise ArchiveError(f"{path} is of a step beyond {KNOBS['steps'].high}, the last that a run "
                           "can have.")
    (run / folder).mkdir(exist_ok=True)
    place = run / folder / f"{step:06d}.{kind}"
    if place.exists():
        raise ArchiveError(f"{path} is of a step that is there already.")
    opened.copy(path, place, MOST_OF_A_PICTURE)
    files.write(place, sound_picture(path, place, view))


def _expected(view: str, config: RunConfig) -> str:
    kind = ending(view, config.card.kind)
    return f"files .{kind}" if kind else "nothing"


def _judge(name: str, snapshot: RunSnapshot, check_time: Callable[[str], None]) -> None:
    """Have the run judged as a page will, on its way too: records that contradict each other in a
    way that nobody has thought of break this here, and no page."""
    evaluated = [record.step for record in snapshot.history.evaluations]
    stride = -(-len(evaluated) // MOST_MOMENTS) or 1
    try:
        for step in [*evaluated[::stride], snapshot.history.last_step]:
            check_time(f"{name}/history.jsonl")
            history = snapshot.history.until(step)
            judged = verdict(history, snapshot.config)
            about = Judged(judged, history, snapshot.config)
            sentence(about), chips(about), sentences(judged, history, snapshot.config)
    except ArchiveError:
        raise
    except Exception as error:
        raise ArchiveError(f"{name}/history.jsonl cannot be judged: its numbers contradict each "
                           f"other ({type(error).__name__}).") from None
