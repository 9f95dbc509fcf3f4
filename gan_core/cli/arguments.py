"""What the commands' arguments have in common: the parser, checks, groups of options, the config.

Every refusal is a UsageError whose message is one sentence.
"""

from __future__ import annotations

import argparse
import json
from argparse import Namespace
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NoReturn

from gan_core.config import recipes
from gan_core.config.fields import KNOBS
from gan_core.config.knobs import SECTIONS
from gan_core.config.run_config import DEFAULT, RunConfig
from gan_core.config.validation import parse_value
from gan_core.system.settings import Settings

Command = Callable[[Namespace, Settings], int]  # returns the exit code


class UsageError(ValueError):
    """Something on the command line that cannot be used; the message is one sentence."""


class Parser(argparse.ArgumentParser):
    """Complains in one sentence."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message.rstrip('.')}; see {self.prog} --help.")


def add_command(
    commands: argparse._SubParsersAction[Parser], name: str, work: Command, help: str,
    *parents: Parser, **more: Any,
) -> Parser:
    """The parser of a new command, with the options of `parents`; `work` is what it does."""
    added = commands.add_parser(
        name, help=help, description=help, parents=parents, allow_abbrev=False, **more)
    added.set_defaults(work=work)
    return added


# --- checks ---------------------------------------------------------------------------------------


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """Reads a whole number from `low` to `high`."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and low <= int(text[:20]) <= high):
            raise argparse.ArgumentTypeError(
                f"must be a whole number from {low} to {high}, not {text[:40]!r}")
        return int(text)

    return read


def refuse_unknown(argument: str, names: Iterable[str], known: Iterable[str]) -> None:
    """Raises UsageError for the first of the names that is not known."""
    known = tuple(known)
    for name in names:
        if name not in known:
            raise UsageError(f"{argument} must be one of {', '.join(known)}, not {name!r}.")


# --- groups of options that several commands take -------------------------------------------------


def machine_options() -> Parser:
    """--device and --threads."""
    group = Parser(add_help=False, allow_abbrev=False)
    group.add_argument("--device", help="auto, cpu, cuda or mps (default: GAN_LAB_DEVICE)")
    group.add_argument(
        "--threads", type=whole_number(1, 256), metavar="N",
        help="compute threads, 1 to 256; the default is that of the app's workers, so that "
        "histories are the same to the bit as the app's")
    return group


def json_option() -> Parser:
    group = Parser(add_help=False, allow_abbrev=False)
    group.add_argument("--json", action="store_true", help="one JSON object on stdout")
    return group


def processor_time_option() -> Parser:
    group = Parser(add_help=False, allow_abbrev=False)
    group.add_argument("--processor-time", action="store_true",
                       help="count this process's time alone: for a busy machine")
    return group


def store_option() -> Parser:
    group = Parser(add_help=False, allow_abbrev=False)
    group.add_argument("--store", type=Path, metavar="DIR",
                       help="folder of runs; unfinished ones in it are continued")
    return group


def workers_option() -> Parser:
    group = Parser(add_help=False, allow_abbrev=False)
    group.add_argument("--workers", type=whole_number(1, 64), metavar="N",
                       help="runs trained at a time (default: GAN_LAB_WORKERS)")
    return group


def config_options() -> Parser:
    """--preset, --config and --set, which `chosen_config` puts together."""
    group = Parser(add_help=False, allow_abbrev=False)
    group.add_argument("--preset", metavar="NAME",
                       help="begin with a run that the project knows by name")
    group.add_argument("--config", type=Path, metavar="FILE", help="JSON object of fields")
    group.add_argument("--set", nargs="+", action="extend", default=[], metavar="FIELD=VALUE")
    return group


# --- the config of one run ------------------------------------------------------------------------


def chosen_config(options: Namespace) -> RunConfig:
    """The preset, changed by the file, changed by --set. Raises UsageError, ConfigError.

    All changes are made at once: on the way from one valid config to another, one change after
    the other may pass through settings that do not fit together.
    """
    presets = recipes.named()
    if options.preset is not None:
        refuse_unknown("--preset", [options.preset], presets)
    base = presets[options.preset] if options.preset else DEFAULT
    changes = _read_config_file(options.config) if options.config else {}
    changes |= dict(map(_assignment, options.set))
    return base.replace(**changes)


def _assignment(text: str) -> tuple[str, Any]:
    """FIELD=VALUE as a field's name and value."""
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--set takes FIELD=VALUE, not {text!r}.")
    return name.strip(), parse_value(name.strip(), value)


def _read_config_file(path: Path) -> dict[str, Any]:
    """The fields that a JSON file sets; whether they are valid is checked with the rest."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"--config: {path} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--config: {path} is not valid JSON: {error}.") from None
    if not isinstance(values, dict):
        raise UsageError(f"--config: {path} must hold a JSON object of field names and values.")
    return values


def fields_help() -> str:
    """Every field with its label, range and default."""
    lines = ["fields of --set and --config:"]
    for section, title in SECTIONS.items():
        lines += ["", f"  {title}"]
        lines += [
            f"    {name:24}{knob.label}: {knob.allowed()}; default {getattr(DEFAULT, name)}"
            for name, knob in KNOBS.items() if knob.section == section
        ]
    return "\n".join([*lines, "", "presets: " + ", ".join(recipes.named())])
