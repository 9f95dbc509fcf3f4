"""`run`: train one GAN, and say what went wrong with it."""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from argparse import Namespace
from collections.abc import Iterator, Sequence
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
from gan_core.diagnosis.findings import Remedy
from gan_core.diagnosis.judged import Judged
from gan_core.diagnosis.verdict_sentence import sentence
from gan_core.diagnosis.verdict_words import headline, sentences
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
    return "\n".join([*lines, *_verdict_lines(result)])


def _verdict_lines(result: Result) -> list[str]:
    """What the page says, and what it leaves out: the evidence of all findings but the first."""
    verdict, about = result.verdict, f" ({result.verdict.cause})" if result.verdict.cause else ""
    words = sentences(verdict, result.history, result.config)
    lines = [sentence(Judged(verdict, result.history, result.config)),
             f"verdict: {verdict.state}{about}", f"{headline(verdict)} {words}".strip(),
             *_remedy_lines(verdict.remedies)]
    for finding in verdict.findings[1:]:
        lines += [f"{finding.symptom} ({finding.severity}) since step {finding.since}: "
                  f"{finding.evidence}", *_remedy_lines(finding.remedies)]
    return lines


def _remedy_lines(remedies: Sequence[Remedy]) -> list[str]:
    return [f"  remedy: {remedy.label}, {remedy.why}" for remedy in remedies]
