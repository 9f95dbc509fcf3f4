"""`gan-lab` or `python -m gan_core`, followed by a command: run, mend, map, record, verify, …

    python -m gan_core run --preset mode_collapse-broken --set steps=500 seed=3 --json

Exit codes: 0 done (a divergence is a result), 1 failed or not as expected, 2 bad input, 130
interrupted. Torch is imported only where something is trained: bad input is refused at once.
"""

from __future__ import annotations

import io
import sys
from argparse import Namespace
from pathlib import Path

from gan_core.cli import (
    app,
    bench,
    claims,
    cost,
    export,
    folds,
    mend,
    open_run,
    parameter_map,
    prices,
    record,
    run,
    verify,
)
from gan_core.cli.arguments import Parser, UsageError
from gan_core.cli.output import INTERRUPTED, say
from gan_core.config.validation import ConfigError
from gan_core.runs.status import StoreError
from gan_core.system.settings import Settings, SettingsError

COMMANDS = (run, mend, parameter_map, folds, export, open_run, record, verify, claims, bench, cost,
            prices, app)


def main(arguments: list[str] | None = None) -> int:
    """Run a command, by default the one that the process was called with; returns the exit code."""
    if arguments is None:
        _replace_what_a_terminal_cannot_show()
    try:
        options = parse(arguments)
        settings = Settings.from_environment()
        if settings.without_home and getattr(options, "store", True) is None:
            say(settings.without_home)
        return options.work(options, settings)
    except (UsageError, ConfigError, SettingsError, StoreError) as error:
        say(str(error))
    except OSError as error:
        say(f"{error.filename or 'a file'} cannot be used: {error.strerror or error}.")
        return 1
    except KeyboardInterrupt:
        say("interrupted.")
        return INTERRUPTED
    return 2


def parse(arguments: list[str] | None) -> Namespace:
    """The options of a command; what it does not know is refused, unless it passes it on.

    Raises UsageError.
    """
    whole = parser()
    options, unknown = whole.parse_known_args(arguments)
    if unknown and "passed_on" not in options:
        whole.error(f"unrecognized arguments: {' '.join(unknown)}")
    options.passed_on = unknown
    return options


def parser() -> Parser:
    """The parser of all commands, named as the program was called."""
    whole = Parser(prog=_program(), description="Train, break and mend a GAN.", allow_abbrev=False)
    commands = whole.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)
    for command in COMMANDS:
        command.add_to(commands)
    return whole


def _program() -> str:
    return "gan-lab" if Path(sys.argv[0]).stem == "gan-lab" else "python -m gan_core"


def _replace_what_a_terminal_cannot_show() -> None:
    """A terminal without β or █ is no reason to stop."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
