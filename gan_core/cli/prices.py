"""`prices`: measure what the page "Computational cost" shows until a visitor measures there."""

from __future__ import annotations

import argparse
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gan_core.cli.arguments import (
    Parser,
    UsageError,
    add_command,
    machine_options,
    processor_time_option,
    refuse_unknown,
    whole_number,
)
from gan_core.cli.device import check_processor_time, prepare_device
from gan_core.cli.output import say
from gan_core.cli.written_files import refuse_unwritable, write
from gan_core.cost import price_list
from gan_core.cost.prices import Price
from gan_core.system.settings import Settings


def add_to(commands: argparse._SubParsersAction[Parser]) -> None:
    parser = add_command(
        commands, "prices", prices, "measure the prices that ship for the page Computational "
        "cost: networks, remedies beside the plain GAN, growth",
        machine_options(), processor_time_option())
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME",
                        help="of " + ", ".join(price_list.GROUPS))
    parser.add_argument("--milliseconds", type=whole_number(1, 60_000), default=2000, metavar="N",
                        help="length of a timed block, 1 to 60000 (default 2000); the median of "
                        "three counts")
    parser.add_argument("--write", type=Path, metavar="FILE",
                        help="instead of printing them; the page reads gan_core/assets/prices.json")


def prices(options: Namespace, settings: Settings) -> int:
    """Measure the price list, or some groups of it, and print or write it."""
    check(options)
    device = prepare_device(options, settings)
    check_processor_time(options, settings, device)
    measured = list(_measured(options, device))
    if options.write:
        write("--write", options.write, price_list.to_json(measured).encode())
    else:
        print(price_list.to_json(measured), end="")
    return 0


def check(options: Namespace) -> None:
    """Raises UsageError, before minutes of measuring."""
    if options.write and options.only:
        raise UsageError("--write takes all prices: leave out --only.")
    if options.write:
        refuse_unwritable("--write", options.write)
    refuse_unknown("--only", options.only, price_list.GROUPS)


def _measured(options: Namespace, device: Any) -> Iterator[Price]:
    from gan_core.benchmarks.price_measurement import price

    for request in price_list.requests(options.only or price_list.GROUPS):
        measured = price(request, device, block_seconds=options.milliseconds / 1e3,
                         processor_time=options.processor_time)
        say(f"{request.name}: {measured.step_ms:.1f} ms a step")
        yield measured
