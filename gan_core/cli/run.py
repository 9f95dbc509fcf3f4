"""`run`: train one GAN, and say what went wrong with it."""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from gan_core.cli.arguments import (
    Parser,
    add_command,
    chosen_config,
    config_options,
    fields_help,
    json_option,
    machine_options,
    store_option,
)
from gan_core.cli.device import prepare_device
from gan_core.cli.output import INTERRUPTED, how_it_ended, json_text, say
from gan_core.cli.progress import train_with_progress
from gan_core.diagnosis.diagnose import Finding
from gan_core.runs.store import RunStore
from gan_core.system.settings import Settings
from gan_core.verification.results import Result

EXIT_CODES = {"failed": 1, "stopped": INTERRUPTED}  # by outcome; every other one is a result: 0


def add_to(commands: argparse._SubParsersAction[Parser]) -> None:
    add_command(
        commands, "run", run, "train one GAN and say what went wrong with it",
        machine_options(), json_option(), store_option(), config_options(),
        epilog=fields_help(), formatter_class=argparse.RawDescriptionHelpFormatter)


def run(options: Namespace, settings: Settings) -> int:
    """Train one config and report."""
    config = chosen_config(options)
    device = prepare_device(options, settings)
    with store_at(options.store) as store:
        result = train_with_progress(store, config, device)
    print(json_text(result.to_dict()) if options.json else in_words(result))
    if result.outcome.kind == "failed":
        say(result.outcome.reason)
    return EXIT_CODES.get(result.outcome.kind, 0)


@contextlib.contextmanager
def store_at(folder: Path | None) -> Iterator[RunStore]:
    """The store in `folder`, or without one a store that is deleted afterwards."""
    if folder is not None:
        yield RunStore(folder)
        return
    with tempfile.TemporaryDirectory(prefix="gan-lab-") as temporary:
        yield RunStore(temporary)


def in_words(result: Result) -> str:
    """The report for people."""
    outcome, extractor = result.outcome, result.extractor
    lines = [
        how_it_ended(outcome),
        f"{outcome.seconds:.1f} s, {result.steps_per_second:.1f} steps/s, {result.device}, "
        f"run {result.config.digest()}",
        "  ".join(f"{name} {value:.4g}" for name, value in result.metrics.items()),
    ]
    if extractor:
        lines.append(f"Fréchet distance on {extractor['id']}, where real images score "
                     f"{extractor['frechet_train_held_out']:.1f}")
    findings = [line for finding in result.findings for line in _finding_lines(finding)]
    return "\n".join([*lines, *(findings or ["nothing found wrong"])])


def _finding_lines(finding: Finding) -> list[str]:
    return [
        f"{finding.symptom} ({finding.severity}) since step {finding.since}: {finding.evidence}",
        *(f"  remedy: {remedy.label}, {remedy.why}" for remedy in finding.remedies),
    ]
