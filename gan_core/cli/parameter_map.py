"""`map`: train a GAN for each pair of values of two settings, and say where training works."""

from __future__ import annotations

import argparse
import math
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from gan_core.cli.arguments import (
    Parser,
    UsageError,
    add_command,
    chosen_config,
    config_options,
    fields_help,
    json_option,
    machine_options,
    store_option,
    whole_number,
    workers_option,
)
from gan_core.cli.device import prepare_device
from gan_core.cli.output import INTERRUPTED, json_text, say
from gan_core.cli.run import store_at
from gan_core.cli.written_files import refuse_unwritable, write, writing
from gan_core.config.run_config import RunConfig
from gan_core.config.value_words import tick_text
from gan_core.exploration.axis import FORM, axis
from gan_core.exploration.cell_runs import MEASURES, CellRun, cell_run
from gan_core.exploration.map_looks import (
    COLOURINGS,
    STATE_WORDS,
    VERDICT,
    CellLook,
    looks,
)
from gan_core.exploration.map_picture import picture
from gan_core.exploration.map_tables import as_csv, as_data
from gan_core.exploration.parameter_map import MOST_SEEDS, ParameterMap
from gan_core.exploration.planner import Batch, batches
from gan_core.exploration.price import seconds
from gan_core.exploration.shipped_maps import SHIPPED, shipped_results
from gan_core.exploration.study import Results, Study
from gan_core.exploration.study_results import StudyResults
from gan_core.runs.store import RunStore
from gan_core.system.settings import Settings
from gan_core.verification.parallel_training import train_batches

LONGEST_BUDGET = 1_000_000  # seconds


def add_to(commands: argparse._SubParsersAction[Parser]) -> None:
    added = add_command(
        commands, "map", draw_map,
        "train a GAN for each pair of values of two settings, and say where training works",
        machine_options(), json_option(), store_option(), workers_option(), config_options(),
        epilog=fields_help(), formatter_class=argparse.RawDescriptionHelpFormatter)
    added.add_argument("--shipped", metavar="NAME", choices=SHIPPED,
                       help=f"a map that ships, instead of --x and --y: {', '.join(SHIPPED)}")
    added.add_argument("--write", action="store_true",
                       help="put the results of --shipped in the place from which they ship")
    for name in ("x", "y"):
        added.add_argument(f"--{name}", metavar="AXIS",
                           help=f"{FORM}; behind '@500 ' it is in force from step 500 on")
    added.add_argument("--seeds", type=whole_number(1, MOST_SEEDS), metavar="N",
                       help=f"runs of each cell, 1 to {MOST_SEEDS} (default 1)")
    added.add_argument("--budget", type=whole_number(1, LONGEST_BUDGET), metavar="SECONDS",
                       help="begin no more runs after so many seconds; the map is filled from "
                       "coarse to fine, and the same command goes on with it in the same store")
    added.add_argument("--colour", choices=COLOURINGS, default=VERDICT,
                       help="what table and picture show of each cell (default: verdict)")
    added.add_argument("--csv", type=Path, metavar="FILE", help="one line for each run")
    added.add_argument("--png", type=Path, metavar="FILE", help="the map as a picture")


def draw_map(options: Namespace, settings: Settings) -> int:
    """Train a map and report it."""
    drawn = _chosen_map(options)
    for name in ("csv", "png"):  # before hours of training, not after them
        if (path := getattr(options, name)) is not None:
            refuse_unwritable(f"--{name}", path)
    device = prepare_device(options, settings)
    began = time.monotonic()
    with store_at(options.store) as store:
        results = StudyResults(store.root)
        ended = _fill(drawn, store, results, device, options.workers or settings.workers,
                      options.budget or math.inf)
        known = results.read(drawn)
        _write_files(options, drawn, known)
        lacking = drawn.remaining(known)
        if options.write and not lacking:
            shipped_results().replace(
                drawn, [known[run.digest] for run in drawn.runs if run.digest in known])
        if options.json:
            print(json_text({**as_data(drawn, known),
                             "elapsed": round(time.monotonic() - began, 2)}))
        else:
            print(_in_words(drawn, known, options.colour))
    if not ended:
        return INTERRUPTED
    return 1 if lacking and (options.write or options.budget is None) else 0


def _chosen_map(options: Namespace) -> ParameterMap:
    """The map that the options describe. Raises UsageError, ConfigError."""
    if options.shipped is not None:
        if any((options.x, options.y, options.set, options.preset, options.config, options.seeds)):
            raise UsageError("--shipped names a whole map: no other option can change it.")
        return SHIPPED[options.shipped].drawn
    if options.write:
        raise UsageError("--write takes --shipped NAME: other maps do not ship.")
    if not options.x or not options.y:
        raise UsageError("map takes --x AXIS and --y AXIS, or --shipped NAME; see map --help.")
    return ParameterMap(
        chosen_config(options), axis(options.x, "--x"), axis(options.y, "--y"),
        options.seeds or 1)


# --- training ------------------------------------------------------------------------------------


def _fill(
    drawn: ParameterMap, store: RunStore, results: StudyResults, device: Any, workers: int,
    budget: float,
) -> bool:
    """Train what is missing of a map; False if interrupted."""
    keep(drawn, store, results, (run.config for run in drawn.runs))
    known = results.read(drawn)
    missing = list(dict.fromkeys(
        run.config for run in drawn.runs if run.digest not in known))
    refused = f"; {len(drawn.refused)} cells are not allowed" if drawn.refused else ""
    say(f"{len(drawn.runs)} runs of {drawn.base.steps} steps, {len(missing)} of them to be trained"
        f"{refused}")
    if not missing:
        return True
    say(f"about {seconds(missing, workers):.0f} s with {workers} at a time, on a machine like the "
        "one that this was measured on")
    began, count, interrupted = time.monotonic(), 0, False
    trained = train_batches(_within(batches(missing), began + budget), store, device, workers)
    for batch, ended in trained:
        keep(drawn, store, results, batch)
        interrupted = not ended
        if interrupted:
            break
        count += len(batch)
        passed = time.monotonic() - began
        left = passed / count * (len(missing) - count)
        say(f"{count} of {len(missing)} runs, {passed:.0f} s, about {left:.0f} s left")
    lacking = [run for run in drawn.runs if run.digest not in results.read(drawn)]
    if lacking and not interrupted:
        why = "the budget is used up" if count < len(missing) else "some runs failed"
        say(f"{len(lacking)} runs are missing: {why}")
    return not interrupted


def _within(planned: Iterable[Batch], end: float) -> Iterator[Batch]:
    """The batches, until the time is over."""
    yield from takewhile(lambda batch: time.monotonic() < end, planned)


def keep(
    study: Study, store: RunStore, results: StudyResults, configs: Iterable[RunConfig]
) -> None:
    """Note what the store has of these runs, and the study has not."""
    known = results.read(study)
    new: list[CellRun] = []
    for config in configs:
        if config.digest() in known or (snapshot := store.snapshot(config.digest())) is None:
            continue
        if (run := cell_run(snapshot, config, study.keeps_courses)) is not None:
            new.append(run)
    if new:
        results.add(study, new)


# --- what is said of it --------------------------------------------------------------------------


def _write_files(options: Namespace, drawn: ParameterMap, results: Results) -> None:
    if options.csv is not None:
        write("--csv", options.csv, as_csv(drawn, results).encode())
    if options.png is not None:
        image = picture(drawn, results, options.colour)
        with writing("--png", options.png) as temporary:
            image.save(temporary, "PNG")


def _in_words(drawn: ParameterMap, results: Results, colour: str) -> str:
    """The map as a table, its first row at the bottom, and what it comes to."""
    look_of = looks(drawn, results, colour)
    rows = [["", *(tick_text(drawn.x.field, value) for value in drawn.x.values)]]
    for row in reversed(range(drawn.rows)):
        cells = [_cell_text(look_of[column, row]) for column in range(drawn.columns)]
        rows.append([tick_text(drawn.y.field, drawn.y.values[row]), *cells])
    shown = "verdict" if colour == VERDICT else MEASURES[colour].label
    return "\n".join([f"{shown}; across: {drawn.x.label}; up: {drawn.y.label}", *aligned(rows),
                      _counts(results)])


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines of a table, each column to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)).rstrip()
            for row in rows]


def _cell_text(look: CellLook) -> str:
    words = look.words or "–"
    return f"{words} ({look.below})" if look.below else words


def _counts(results: Results) -> str:
    counts = Counter(run.state for run in results.values())
    return ", ".join(f"{counts[state]} {words}" for state, words in STATE_WORDS.items()
                     if counts[state])
