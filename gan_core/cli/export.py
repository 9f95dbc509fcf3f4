"""`export`: take a run home as a script, a notebook, a zip, a report or a film.

Script and notebook are written from the settings alone. The others show a run: the one in the
store, else the recorded one, else one that is trained for it.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import shutil
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from gan_core.assets import RECORDED_RUNS
from gan_core.cli.arguments import (
    Parser,
    UsageError,
    add_command,
    chosen_config,
    config_options,
    fields_help,
    machine_options,
    store_option,
)
from gan_core.cli.device import prepare_device
from gan_core.cli.output import INTERRUPTED, say
from gan_core.cli.progress import train_with_progress
from gan_core.cli.run import store_at
from gan_core.cli.written_files import refuse_unwritable, writing
from gan_core.config.presets import CHALLENGES
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.number_words import whole
from gan_core.export.archive.zip_of_runs import archive
from gan_core.export.code.section import NoText
from gan_core.export.film import film
from gan_core.export.notebook import notebook
from gan_core.export.report.of_runs import report
from gan_core.export.script import script
from gan_core.export.sheets import Reel
from gan_core.runs.opened_runs import opened_runs
from gan_core.runs.status import StoreError
from gan_core.runs.store import RunStore
from gan_core.system.settings import Settings

TITLE = "This run"
PIECE = 1_000_000  # bytes of a zip that are copied at a time
OF_SETTINGS: dict[str, Callable[[RunConfig, str], str]] = {"script": script, "notebook": notebook}
OF_RUNS = ("zip", "report", "film")
HELP = {
    "script": "one PyTorch script that trains the run again, without this project",
    "notebook": "the same as a Jupyter notebook",
    "zip": "everything of the run; `open` and the app open it again",
    "report": "one HTML file with verdict, sheets, charts and settings, to be read offline",
    "film": "its sheets of samples one after another, as a GIF",
}
_DIGEST = re.compile(r"[0-9a-f]{16}")


class _Ended(Exception):
    """The run was not trained to its end; `code` is the exit code."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self.code = code


def add_to(commands: argparse._SubParsersAction[Parser]) -> None:
    parser = add_command(
        commands, "export", export, "take a run home: as a script, a notebook, a zip, a report or "
        "a film; a run that is neither in the store nor recorded is trained first",
        machine_options(), store_option(), config_options(),
        epilog=fields_help(), formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--digest", metavar="D", help="a run by its name, sixteen hexadecimal "
                        "digits, in place of its settings: as it is in the store")
    for name, words in HELP.items():
        parser.add_argument(f"--{name}", type=Path, metavar="FILE", help=words)


def export(options: Namespace, settings: Settings) -> int:
    """Write what is asked for, and print the names of the files."""
    wanted: dict[str, Path] = {name: path for name in HELP
                               if (path := getattr(options, name)) is not None}
    _check(options, wanted)
    try:
        with _found(options, settings, wanted) as (config, reel):
            for name, path in wanted.items():
                _write(name, path, config, reel, settings)
                print(path, flush=True)
    except _Ended as ended:
        return ended.code
    except NoText as error:
        raise UsageError(str(error)) from None
    return 0


# --- what is asked for ---------------------------------------------------------------------------


def _check(options: Namespace, wanted: dict[str, Path]) -> None:
    """Raises UsageError on what cannot be done, before anything is trained for it."""
    if not wanted:
        names = ", ".join(f"--{name} FILE" for name in HELP)
        raise UsageError(f"export needs at least one of {names}.")
    for name, path in wanted.items():
        refuse_unwritable(f"--{name}", path)
    if len({os.path.realpath(path) for path in wanted.values()}) < len(wanted):
        raise UsageError(f"{' and '.join(f'--{name}' for name in wanted)} must name different "
                         "files.")
    if options.digest is None:
        return
    if not _DIGEST.fullmatch(options.digest):
        raise UsageError("--digest must be sixteen hexadecimal digits, not "
                         f"{options.digest[:40]!r}.")
    if options.preset is not None or options.config is not None or options.set:
        raise UsageError("--digest names a run as it is; leave out --preset, --config and --set.")


def _page_of(config: RunConfig) -> str:
    """The challenge of which this is a preset; "" for none."""
    return next((name for name, page in CHALLENGES.items()
                 if config.digest() in {preset.config.digest()
                                        for preset in page.offered.values()}), "")


# --- the run -------------------------------------------------------------------------------------


@contextlib.contextmanager
def _found(
    options: Namespace, settings: Settings, wanted: dict[str, Path]
) -> Iterator[tuple[RunConfig, Reel | None]]:
    """The settings, and the run where one is asked for.

    Raises UsageError, StoreError, NoText and _Ended.
    """
    known = RunStore(options.store or settings.store)
    shown = wanted.keys() & set(OF_RUNS)
    if options.digest is not None:
        reel = _by_digest(options.digest, known)
        yield reel.snapshot.config, reel
        return
    config = chosen_config(options)
    for name in wanted.keys() & OF_SETTINGS.keys():  # before hours of training
        _made(name, config, None, settings).close()
    there = _stored(config, known) if shown else None
    if there is not None or not shown:
        yield config, there
        return
    with store_at(options.store) as store:
        yield config, _trained(options, settings, config, store)


def _by_digest(digest: str, known: RunStore) -> Reel:
    """A run as far as it is: of the store, recorded, or one that was opened from a file."""
    for store in (known, RunStore(RECORDED_RUNS), opened_runs(known.root)):
        snapshot = store.snapshot(digest)
        if snapshot is not None:
            return Reel(TITLE, snapshot, store)
    raise UsageError(f"--digest: there is no run {digest} in {known.root}, nor is it recorded.")


def _stored(config: RunConfig, known: RunStore) -> Reel | None:
    """The run where it needs no more training: in the store, or recorded."""
    for store, where in ((known, f"in {known.root}"), (RunStore(RECORDED_RUNS), "recorded")):
        snapshot = store.snapshot(config.digest())
        if snapshot is not None and snapshot.holds(config.steps):
            say(f"run {config.digest()} is {where}")
            return Reel(TITLE, snapshot.until(config.steps), store)
    return None


def _trained(
    options: Namespace, settings: Settings, config: RunConfig, store: RunStore
) -> Reel:
    say(f"run {config.digest()} {_as_it_is(config, store)}")
    outcome = train_with_progress(store, config, prepare_device(options, settings)).outcome
    if outcome.kind in ("failed", "stopped"):
        say(f"{outcome.reason or outcome.kind}; nothing was written.")
        raise _Ended(1 if outcome.kind == "failed" else INTERRUPTED)
    return Reel(TITLE, store.existing_snapshot(config.digest()).until(config.steps), store)


def _as_it_is(config: RunConfig, store: RunStore) -> str:
    """How far the run is, and what is done about it."""
    snapshot = store.snapshot(config.digest())
    if snapshot is None or not snapshot.history.last_step:
        return "is neither in the store nor recorded: it is trained"
    steps = f"has {whole(snapshot.history.last_step)} of {whole(config.steps)} steps"
    if store.checkpoint_path(config.digest()).exists():
        return f"{steps}: it is trained on"
    return f"{steps} and no checkpoint: it is trained from its start"


# --- files ---------------------------------------------------------------------------------------


def _write(
    name: str, path: Path, config: RunConfig, reel: Reel | None, settings: Settings
) -> None:
    """Make a file and put it in its place. Raises UsageError."""
    option = f"--{name}"
    try:
        with _made(name, config, reel, settings) as made, writing(option, path) as temporary, \
                open(temporary, "wb") as file:
            shutil.copyfileobj(made, file, PIECE)
    except (StoreError, UsageError):
        raise
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None


def _made(
    name: str, config: RunConfig, reel: Reel | None, settings: Settings
) -> BinaryIO:
    """The content of a file. Raises ValueError where there can be none, as of a film without
    samples, or of a script of a network that has no text."""
    if name in OF_SETTINGS:
        device = reel.snapshot.status.device if reel is not None else ""
        return io.BytesIO(OF_SETTINGS[name](config, device).encode())
    assert reel is not None, "_found looks for the run where one of these is asked for"
    if name == "zip":
        return archive([reel], _page_of(config), downloads=settings.data)
    if name == "report":
        text = report([reel], _page_of(config), downloads=settings.data)
        return io.BytesIO(text.encode())
    return io.BytesIO(film([reel]))
