"""Settings of runs as the rows of a report's tables, and the command that repeats a run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from gan_core.config.fields import KNOBS
from gan_core.config.knobs import SECTIONS
from gan_core.config.run_config import DEFAULT, RunConfig
from gan_core.config.validation import as_text
from gan_core.config.value_words import tick_text

_PLAIN = re.compile(r"[A-Za-z0-9_=.+-]+")  # which no shell reads as anything else


def differing(configs: Sequence[RunConfig]) -> list[list[str]]:
    """The settings in which two runs differ, or in which one differs from the defaults: what each
    is called, and its values."""
    compared = list(configs) if len(configs) > 1 else [configs[0], DEFAULT]
    return [_row(name, compared) for name in KNOBS
            if len({getattr(config, name) for config in compared}) > 1]


def shared(configs: Sequence[RunConfig]) -> dict[str, Any]:
    """What all of several runs have in common that is not the default; of one run nothing."""
    if len(configs) < 2:
        return {}
    return {name: value for name, value in configs[0].changes().items()
            if name not in ("steps", "seed")
            and all(getattr(config, name) == value for config in configs)}


def all_settings(configs: Sequence[RunConfig]) -> list[list[str]]:
    """Every setting, in the order of the pages' sections."""
    return [_row(name, configs) for section in SECTIONS for name, knob in KNOBS.items()
            if knob.section == section]


def _row(name: str, configs: Sequence[RunConfig]) -> list[str]:
    return [KNOBS[name].label, *(tick_text(name, getattr(config, name)) for config in configs)]


def setting_words(changes: Mapping[str, Any]) -> str:
    """What a remedy changes: "Dropout in D: 0.4, Loss: Hinge"."""
    return ", ".join(f"{KNOBS[name].label}: {tick_text(name, value)}"
                     for name, value in changes.items() if name in KNOBS)


def command(config: RunConfig) -> str:
    """What trains this run on the command line."""
    values = {**config.changes(), "steps": config.steps, "seed": config.seed}
    settings = [f"{name}={as_text(value)}" for name, value in values.items()]
    return typed(["python", "-m", "gan_core", "run", "--set", *settings])


def typed(words: Sequence[str]) -> str:
    """A command as it is typed, on Windows too: whose cmd knows no single quotes. No value of a
    setting holds what a shell reads within double ones."""
    return " ".join(word if _PLAIN.fullmatch(word) else f'"{word}"' for word in words)
