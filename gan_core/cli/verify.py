"""`verify`: train what the tables of docs/verification.md need, and check what they expect."""

from __future__ import annotations

import argparse
from argparse import Namespace
from pathlib import Path
from typing import Any

from gan_core.cli.arguments import (
    Parser,
    UsageError,
    add_command,
    json_option,
    machine_options,
    refuse_unknown,
    store_option,
    whole_number,
    workers_option,
)
from gan_core.cli.device import prepare_device
from gan_core.cli.output import INTERRUPTED, json_text, say_runs_trained, write_table
from gan_core.cli.progress import train_with_progress
from gan_core.cli.written_files import refuse_unwritable
from gan_core.config.fields import KNOBS
from gan_core.runs.store import RunStore
from gan_core.system.settings import Settings
from gan_core.verification import audit_draws, fold_errors, map_agreement
from gan_core.verification.parallel_training import train_all
from gan_core.verification.results import Result, Results, Row
from gan_core.verification.tables import TABLES, configs, markdown

AUDIT = "audit"  # a table by itself: it draws its own runs
# More of them, which train what they need by themselves.
ALONE = {"folds": fold_errors, "maps": map_agreement}
MAX_SEEDS = 100
HIGHEST_SEED = int(KNOBS["seed"].high or 0)


def add_to(commands: argparse._SubParsersAction[Parser]) -> None:
    parser = add_command(
        commands, "verify", verify, "train the runs of the tables in docs/verification.md, over "
        "seeds, and check that they show what is expected (store default: GAN_LAB_STORE)",
        machine_options(), json_option(), store_option(), workers_option())
    parser.add_argument("tables", nargs="*", default=["presets"], metavar="TABLE",
                        help=f"of {', '.join(TABLES)} (default presets); {AUDIT}, "
                        f"{' and '.join(ALONE)} each by itself")
    parser.add_argument("--seeds", help="like 0-4 or 0,2,5 (default: what nothing was tuned "
                        "on, 25-29 for the presets and the diagnosis; 0-4 for most "
                        f"others; of the audit's draws {audit_draws.REPORTING_SEED}, that of the "
                        "report)")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME",
                        help="some runs of a table, by the names that the table gives them; of the "
                        f"audit: {', '.join(audit_draws.GROUPS)}")
    parser.add_argument("--remedies", type=whole_number(0, 10_000), metavar="N",
                        help="audit: on how many bad runs their first remedy is tried (default "
                        "all); each takes five runs more")
    parser.add_argument("--write", type=Path, metavar="FILE",
                        help="put the tables in their places in this document")


def verify(options: Namespace, settings: Settings) -> int:
    """Train what the tables need, over seeds, and print or write them."""
    check(options)
    device = prepare_device(options, settings)
    if options.tables == [AUDIT]:
        return _audit(options, settings, device)
    if options.tables[0] in ALONE:
        return _alone(options.tables[0], options, settings, device)
    rows: dict[str, list[Row]] = {}
    for name in options.tables:
        results = _trained(name, options, settings, device)
        if results is None:
            return INTERRUPTED
        rows[name] = TABLES[name].rows(results)
        _report(name, rows[name], options)
    if options.json:
        print(json_text(rows))
    return 0 if all(TABLES[name].accepted(rows[name]) for name in rows) else 1


def check(options: Namespace) -> None:
    """Raises UsageError."""
    refuse_unknown("TABLE", options.tables, [*TABLES, AUDIT, *ALONE])
    audited = AUDIT in options.tables
    for name in (AUDIT, *ALONE):
        if name in options.tables and len(options.tables) > 1:
            raise UsageError(f"{name} is a table by itself: name no other beside it.")
    alone = [name for name in options.tables if name in ALONE]
    if alone and (options.only or options.seeds):
        raise UsageError(f"{alone[0]} takes neither --seeds nor --only: it has runs of its own.")
    if options.remedies is not None and not audited:
        raise UsageError(f"--remedies is for {AUDIT}.")
    if options.write and (options.only or options.seeds or options.remedies is not None):
        raise UsageError("--write takes whole tables: leave out --only, --seeds and --remedies.")
    if options.write:
        refuse_unwritable("--write", options.write)
    names = audit_draws.GROUPS if audited else [
        run for table in options.tables if table in TABLES for run in TABLES[table].runs()]
    refuse_unknown("--only", options.only, names)


def _audit(options: Namespace, settings: Settings, device: Any) -> int:
    from gan_core.cli.audit import audit  # loads torch

    seeds = parse_seeds(options.seeds or str(audit_draws.REPORTING_SEED))
    return audit(seeds, options, settings, device)


def _alone(name: str, options: Namespace, settings: Settings, device: Any) -> int:
    table, store = ALONE[name], RunStore(options.store or settings.store)
    rows = table.rows(store, device, options.workers or settings.workers, say_runs_trained)
    if rows is None:
        return INTERRUPTED
    text, expected = markdown(table.COLUMNS, rows), table.accepted(rows)
    print(json_text({name: rows}) if options.json
          else f"{text}\n\n{name}: {'as expected' if expected else 'NOT as expected'}\n")
    if options.write:
        write_table(options.write, name, text)
    return 0 if expected else 1


def _trained(name: str, options: Namespace, settings: Settings, device: Any) -> Results | None:
    """The results of a table's runs; None if training was interrupted."""
    store = RunStore(options.store or settings.store)
    seeds = parse_seeds(options.seeds or TABLES[name].seeds)
    workers = options.workers or settings.workers
    results: dict[tuple[str, int], Result] = {}
    for runs_of in (lambda results: configs(TABLES[name], seeds, options.only),
                    TABLES[name].follow_up):
        runs = runs_of(results)
        if not train_all(runs.values(), store, device, workers, say_runs_trained):
            return None
        results |= {key: train_with_progress(store, config, device)
                    for key, config in runs.items()}
    return results


def _report(name: str, rows: list[Row], options: Namespace) -> None:
    table = TABLES[name]
    text = markdown(table.columns, rows)
    if not options.json:
        acceptance = "as expected" if table.accepted(rows) else "NOT as expected"
        print(f"{table.title}\n\n{text}\n\n{name}: {acceptance}\n")
    if options.write:
        write_table(options.write, name, text)


def parse_seeds(text: str) -> list[int]:
    """`0-4`, `3` or `0,2,5-7` as seeds. Raises UsageError."""
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        valid = first.isdecimal() and (last.isdecimal() or not dash) and part.isascii()
        low, high = (int(first), int(last or first)) if valid else (1, 0)
        if not low <= high <= HIGHEST_SEED or high - low >= MAX_SEEDS:
            raise UsageError(f"--seeds takes at most {MAX_SEEDS} whole numbers from 0 to "
                             f"{HIGHEST_SEED} like 0-4 or 0,2,5, not {text[:40]!r}.")
        seeds += range(low, high + 1)
    return list(dict.fromkeys(seeds))
