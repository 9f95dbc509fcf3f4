"""`open`: take in the runs of a zip that was exported elsewhere, and judge them."""

from __future__ import annotations

import argparse
from argparse import Namespace
from pathlib import Path
from typing import Any

from gan_core.cli.arguments import Parser, UsageError, add_command, json_option
from gan_core.cli.output import json_text, say
from gan_core.cli.run import in_words
from gan_core.export.archive.opening import OpenedRun, open_archive, side_by_side
from gan_core.export.archive.sound_zip import ArchiveError
from gan_core.runs.opened_runs import cannot_take, opened_runs
from gan_core.runs.records import Outcome
from gan_core.runs.store import RunStore
from gan_core.serving.run_lists import RunLists
from gan_core.system import files
from gan_core.system.settings import Settings
from gan_core.verification.results import Result

WITHOUT_WEIGHTS = "its weights were left out: nothing in a file is run or unpickled"


def add_to(commands: argparse._SubParsersAction[Parser]) -> None:
    parser = add_command(
        commands, "open", open_run, "open the zip of a run that was exported elsewhere: it is "
        "checked strictly, kept apart from runs that were trained here, and shown by the app",
        json_option())
    parser.add_argument("file", type=Path, metavar="FILE", help="a zip made by export or the app")
    parser.add_argument("--store", type=Path, metavar="DIR",
                        help="folder of runs (default: GAN_LAB_STORE, that of the app)")


def open_run(options: Namespace, settings: Settings) -> int:
    """Take the runs in, and report on each."""
    runs = opened_runs(options.store or settings.store, settings.store_megabytes)
    opened = _opened(options.file, runs)
    told = [(run, _result(run, runs)) for run in opened]
    if options.json:
        print(json_text({"opened": [_as_data(run, result) for run, result in told],
                         "address": _address(opened)}))
        return 0
    for run, result in told:
        print(f"opened from a file as {run.key}\n{in_words(result)}")
    if any(run.weights_left_out for run in opened):
        say(WITHOUT_WEIGHTS)
    say(f"in the app, an address that ends in {_address(opened)} shows it")
    return 0


def _opened(path: Path, runs: RunStore) -> list[OpenedRun]:
    if path.exists() and not path.is_file() and not path.is_dir():  # a pipe keeps waiting
        raise UsageError(f"{path} is a device, a pipe or a socket; name a zip.")
    store = runs.root.parent
    try:
        file = open(path, "rb")  # noqa: SIM115
    except IsADirectoryError:
        raise UsageError(f"{path} is a folder; name a zip.") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be used: {files.cause(error)}.") from None
    with file:
        try:
            return open_archive(file, runs, RunLists(store).kept)
        except ArchiveError as error:
            raise UsageError(f"{path} was not opened. {error}") from None
        except OSError as error:  # of the store: a file that cannot be read is an ArchiveError
            raise UsageError(f"{path} was not opened. {cannot_take(runs, error)}") from None


def _result(run: OpenedRun, runs: RunStore) -> Result:
    snapshot = runs.existing_snapshot(run.key)
    status, history = snapshot.status, snapshot.history
    outcome = history.outcome or Outcome(status.state, status.step, status.reason, status.seconds)
    return Result(snapshot.config, history, outcome, status.device)


def _as_data(run: OpenedRun, result: Result) -> dict[str, Any]:
    return {**result.to_dict(), "key": run.key, "weights_left_out": run.weights_left_out}


def _address(opened: list[OpenedRun]) -> str:
    """The end of an address of the app that shows the runs."""
    return f"?opened={','.join(run.key for run in side_by_side(opened))}"
