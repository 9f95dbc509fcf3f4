"""`claims`: train what the claims of the two source documents need, and give the verdicts."""

from __future__ import annotations

import argparse
from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path

from gan_core.assets import RECORDED_RUNS
from gan_core.cli.arguments import (
    Parser,
    add_command,
    json_option,
    machine_options,
    refuse_unknown,
    store_option,
    workers_option,
)
from gan_core.cli.device import prepare_device
from gan_core.cli.output import INTERRUPTED, json_text, say_runs_trained, write_table
from gan_core.cli.written_files import refuse_unwritable
from gan_core.config.run_config import RunConfig
from gan_core.evidence import measured_runs
from gan_core.evidence.claim_verdicts import OPEN
from gan_core.evidence.claims import CLAIMS, runs_needed
from gan_core.evidence.measured_runs import MeasuredRun, run_key
from gan_core.runs.store import RunStore
from gan_core.system.settings import Settings
from gan_core.verification.parallel_training import train_all


def add_to(commands: argparse._SubParsersAction[Parser]) -> None:
    parser = add_command(
        commands, "claims", claims, "train what the claims of the two source documents need, over "
        "seeds, and give a verdict on each (store default: GAN_LAB_STORE)",
        machine_options(), json_option(), store_option(), workers_option())
    parser.add_argument("claims", nargs="*", metavar="CLAIM",
                        help="of " + ", ".join(CLAIMS) + " (default all)")
    parser.add_argument("--no-training", action="store_true",
                        help="use only runs that are already trained; exit code 1 if some are "
                        "missing")
    parser.add_argument("--write", type=Path, metavar="FILE",
                        help="put the table in its place in this document, and what was measured "
                        "into --data")
    parser.add_argument("--data", type=Path, default=measured_runs.EVIDENCE, metavar="FILE",
                        help="what was measured, as the pages read it")


def claims(options: Namespace, settings: Settings) -> int:
    """Train what the claims need, and print or write their verdicts."""
    refuse_unknown("CLAIM", options.claims, CLAIMS)
    chosen = {name: CLAIMS[name] for name in options.claims or CLAIMS}
    if options.write:  # before hours of training
        refuse_unwritable("--write", options.write)
        refuse_unwritable("--data", options.data)
    measured = _measured(runs_needed(chosen.values()), options, settings)
    if measured is None:
        return INTERRUPTED
    evidence = {**_still_needed(options.data), **measured}
    verdicts = measured_runs.verdicts_as_data(chosen, evidence)
    print(json_text(verdicts) if options.json else measured_runs.verdicts_in_words(verdicts))
    if options.write:
        measured_runs.write(evidence, options.data)
        write_table(options.write, "claims", measured_runs.markdown_table(CLAIMS, evidence))
    return 1 if any(verdict["verdict"] == OPEN for verdict in verdicts.values()) else 0


def _measured(
    configs: Iterable[RunConfig], options: Namespace, settings: Settings
) -> dict[str, MeasuredRun] | None:
    """What the runs measured, by `run_key`, trained where they are missing and training is
    allowed; None if it was interrupted."""
    configs = list(configs)
    stores = [RunStore(options.store or settings.store), RunStore(RECORDED_RUNS)]
    measured = measured_runs.gather(configs, stores)
    missing = [config for config in configs if run_key(config) not in measured]
    if missing and not options.no_training:
        device = prepare_device(options, settings)
        workers = options.workers or settings.workers
        if not train_all(missing, stores[0], device, workers, say_runs_trained):
            return None
        measured |= measured_runs.gather(missing, stores)
    return measured


def _still_needed(path: Path) -> dict[str, MeasuredRun]:
    """What was measured before, as far as a claim rests on it today."""
    keys = {run_key(config) for config in runs_needed(CLAIMS.values())}
    return {name: run for name, run in measured_runs.read(path).items() if name in keys}
