"""`mend`: train a GAN, try remedies side by side, take the best, and go on until it is healthy."""

from __future__ import annotations

import argparse
import math
import shlex
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gan_core.cli.arguments import (
    Parser,
    add_command,
    chosen_config,
    config_options,
    fields_help,
    json_option,
    machine_options,
    store_option,
    workers_option,
)
from gan_core.cli.device import prepare_device
from gan_core.cli.output import json_text, say, say_runs_trained
from gan_core.cli.progress import train_with_progress
from gan_core.cli.run import store_at
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.mending import MOST_ROUNDS, Round, best_run, rounds
from gan_core.diagnosis.remedy_trials import Trial, Tried, advice, effect, untouched
from gan_core.runs.store import RunStore
from gan_core.system.settings import Settings
from gan_core.verification.parallel_training import train_all

COLUMNS = ("what was changed", "what became of it", "quality", "modes", "Fréchet", "steps",
           "seconds", "samples")


def add_to(commands: argparse._SubParsersAction[Parser]) -> None:
    add_command(
        commands, "mend", mend, "train one GAN, and try remedies until it is healthy; exit code 1 "
        "if none of them helped",
        machine_options(), json_option(), store_option(), workers_option(), config_options(),
        epilog=fields_help(), formatter_class=argparse.RawDescriptionHelpFormatter)


def mend(options: Namespace, settings: Settings) -> int:
    """Mend one config and report the way it took."""
    config = chosen_config(options)
    device = prepare_device(options, settings)
    with store_at(options.store) as store:
        workshop = _Workshop(store, device, options.workers or settings.workers)
        start = untouched(workshop.train_one(config), config)
        tell = _tell_nothing if options.json else print
        tell(_headline(start))
        way = []
        for each in rounds(start, workshop.train, workshop.good_steps):
            way.append(each)
            tell(_in_words(len(way), each))
        end = best_run(start, way)
        tell(_conclusion(end, len(way)))
    if options.json:
        print(json_text(_as_data(start, way, end)))
    return 0 if end.verdict.state == "healthy" else 1


def _tell_nothing(text: str) -> None:
    """With --json stdout holds one object."""


@dataclass(frozen=True)
class _Workshop:
    """Where trials are trained."""

    store: RunStore
    device: Any
    workers: int

    def train_one(self, config: RunConfig) -> Any:
        """The history of a run of `config`. Raises KeyboardInterrupt."""
        result = train_with_progress(self.store, config, self.device)
        if result.outcome.kind == "stopped":
            raise KeyboardInterrupt
        return result.history

    def train(self, trials: Sequence[Trial]) -> list[Tried]:
        """What became of the trials, trained side by side. Raises KeyboardInterrupt."""
        configs = [trial.config for trial in trials]
        say(f"trying {', '.join(trial.title for trial in trials)}")
        if len(configs) > 1 and not train_all(
                configs, self.store, self.device, self.workers, say_runs_trained, batched=True):
            raise KeyboardInterrupt
        return [Tried(trial, self.train_one(trial.config)) for trial in trials]

    def good_steps(self, run: Tried) -> Sequence[int]:
        return list(self.store.good_checkpoints(run.trial.config.digest()))


# --- for people ----------------------------------------------------------------------------------


def _headline(run: Tried) -> str:
    return f"{run.verdict.headline} ({run.history.last_step} steps)"


def _in_words(number: int, each: Round) -> str:
    rows = [_row(each.broken, ""), *(_row(run, effect(each.broken, run)) for run in each.tried)]
    return "\n".join(["", f"round {number}", *_aligned([COLUMNS, *rows]),
                      advice(each.broken, each.tried)])


def _row(run: Tried, effect: str) -> tuple[str, ...]:
    quality = run.quality
    modes = f"{quality.supported}/{quality.possible}" if quality else ""
    return (run.trial.title, run.verdict.headline, _number(run.score, ".2f"), modes,
            _number(run.distance, ".0f"), str(run.history.last_step), _number(run.seconds, ".1f"),
            effect)


def _number(value: float, form: str) -> str:
    return f"{value:{form}}" if math.isfinite(value) else ""


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines of a table; columns without any content are left out."""
    columns = [column for column in zip(*rows, strict=True) if any(column[1:])]
    widths = [max(map(len, column)) for column in columns]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in zip(*columns, strict=True)]


def _conclusion(end: Tried, count: int) -> str:
    """Whether it is mended, and how to train it again."""
    after = f"after {count} round{'' if count == 1 else 's'}" if count else "as it is"
    healthy = end.verdict.state == "healthy"
    more = "" if healthy or count == MOST_ROUNDS else ", and nothing is left to try"
    return f"\n{'Healthy' if healthy else 'Not healthy'} {after}{more}.\n{_as_options(end)}"


def _as_options(run: Tried) -> str:
    """What the command line takes to train this run."""
    settings = run.trial.config.to_query().items()
    return " ".join(["--set", *(shlex.quote(f"{name}={value}") for name, value in settings)])


# --- for scripts ---------------------------------------------------------------------------------


def _as_data(start: Tried, way: Sequence[Round], end: Tried) -> dict[str, Any]:
    return {
        "config": end.trial.config.to_dict(),
        "digest": end.trial.config.digest(),
        "verdict": end.verdict.to_dict(),
        "start": _run_as_data(start),
        "rounds": [
            {"tried": [_run_as_data(run) for run in each.tried],
             "taken": each.taken.trial.config.digest() if each.taken else None}
            for each in way],
    }


def _run_as_data(run: Tried) -> dict[str, Any]:
    evaluations = run.history.evaluations
    return {
        "label": run.trial.label, "changes": run.trial.changes, "forked_at": run.trial.forked_at,
        "config": run.trial.config.to_dict(), "digest": run.trial.config.digest(),
        "verdict": run.verdict.to_dict(), "score": run.score, "seconds": run.seconds,
        "metrics": evaluations[-1].metrics if evaluations else {},
    }
