"""`record`: train the recorded runs that ship with the project, and export them."""

from __future__ import annotations

import argparse
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gan_core.assets import RECORDED_RUNS
from gan_core.cli.arguments import (
    Parser,
    UsageError,
    add_command,
    machine_options,
    refuse_unknown,
    store_option,
    workers_option,
)
from gan_core.cli.device import prepare_device
from gan_core.cli.folds import fill
from gan_core.cli.output import INTERRUPTED, how_it_ended, say
from gan_core.cli.progress import train_with_progress
from gan_core.config import presets
from gan_core.exploration.shipped_maps import shipped_results
from gan_core.exploration.shipped_spreads import shipped_spreads
from gan_core.exploration.study_results import StudyResults
from gan_core.runs.store import RunStore
from gan_core.runs.thinned_copy import copy_thinned
from gan_core.system.settings import Settings


def add_to(commands: argparse._SubParsersAction[Parser]) -> None:
    parser = add_command(
        commands, "record", record, "train the runs that ship with the project and export them "
        "(store default: GAN_LAB_STORE)", machine_options(), store_option(),
        workers_option())
    parser.add_argument("names", nargs="*", metavar="NAME",
                        help="of " + ", ".join(presets.RECORDED) + "; with --spreads of "
                        + ", ".join(shipped_spreads()))
    parser.add_argument("--spreads", action="store_true", help="instead: of each page's runs, what "
                        "other seeds and small changes of a setting make of them")
    parser.add_argument("--destination", type=Path, default=RECORDED_RUNS, metavar="DIR",
                        help="folder of the copies of runs")


def record(options: Namespace, settings: Settings) -> int:
    """Train the recorded runs, each from where an earlier call was interrupted, and export them."""
    configs: Mapping[str, object] = shipped_spreads() if options.spreads else presets.RECORDED
    refuse_unknown("NAME", options.names, configs)
    if options.spreads and options.destination != RECORDED_RUNS:
        raise UsageError("--destination is for runs: spreads go to the place from which they ship.")
    device = prepare_device(options, settings)
    store = RunStore(options.store or settings.store)
    if options.spreads:
        return _record_spreads(options, store, device, options.workers or settings.workers)
    return _record_runs(options, store, device)


def _record_runs(options: Namespace, store: RunStore, device: Any) -> int:
    for name in options.names or presets.RECORDED:
        config = presets.RECORDED[name]
        say(f"{name}: {config.steps} steps")
        outcome = train_with_progress(store, config, device).outcome
        if outcome.kind in ("failed", "stopped"):
            say(f"{name}: {how_it_ended(outcome)}")
            return INTERRUPTED if outcome.kind == "stopped" else 1
        print(copy_thinned(store, config.digest(), options.destination), flush=True)
    return 0


def _record_spreads(options: Namespace, store: RunStore, device: Any, workers: int) -> int:
    """One after another; the results of each are kept as soon as it is complete."""
    results = StudyResults(store.root)
    for name, spread in shipped_spreads().items():
        if options.names and name not in options.names:
            continue
        say(f"{name}: {spread.total} runs of {spread.recipe.steps} steps")
        if not fill(spread, store, results, device, workers):
            return INTERRUPTED
        known = results.read(spread)
        if spread.remaining(known):
            say(f"{name}: some runs failed")
            return 1
        shipped_results().replace(spread, [known[digest] for digest in spread.digests])
    return 0
