"""`cost`: what a training step of one config costs, by phase, and relative to the plain GAN."""

from __future__ import annotations

import argparse
from argparse import Namespace

from gan_core.cli.arguments import (
    Parser,
    add_command,
    chosen_config,
    config_options,
    json_option,
    machine_options,
    whole_number,
)
from gan_core.cli.device import prepare_device
from gan_core.cli.output import json_text, say
from gan_core.system.settings import Settings


def add_to(commands: argparse._SubParsersAction[Parser]) -> None:
    parser = add_command(
        commands, "cost", cost, "say what a training step costs, phase by phase, and relative to "
        "the plain GAN", machine_options(), json_option(), config_options())
    parser.add_argument("--steps", type=whole_number(1, 10_000), default=50, metavar="N",
                        help="steps a timed block, 1 to 10000 (default 50)")


def cost(options: Namespace, settings: Settings) -> int:
    """Measure one config's step beside the plain GAN's."""
    config = chosen_config(options)
    device = prepare_device(options, settings)
    from gan_core.benchmarks import step_cost
    from gan_core.data.downloads import DatasetError

    try:
        measured, plain = step_cost.beside_plain(config, device, options.steps)
    except DatasetError as error:
        say(str(error))
        return 1
    report = {"cost": measured.to_dict(), "plain": plain.to_dict(),
              "relative": step_cost.relative(measured, plain)}
    print(json_text(report) if options.json else step_cost.in_words(measured, plain, options.steps))
    return 0
