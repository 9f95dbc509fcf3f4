"""`bench`: how fast a training step is beside the published loops; where its time goes; how long
training takes until the samples are good; what a look at a run costs; how large a process grows."""

from __future__ import annotations

import argparse
from argparse import Namespace
from collections.abc import Callable
from typing import Any

from gan_core.benchmarks.cases import CASES, REPORT_PARTS
from gan_core.cli.arguments import (
    Parser,
    add_command,
    json_option,
    machine_options,
    processor_time_option,
    refuse_unknown,
    whole_number,
)
from gan_core.cli.device import check_processor_time, prepare_device
from gan_core.cli.output import json_text, say
from gan_core.system.settings import Settings

Report = dict[str, Any]
ALL = (*CASES, *REPORT_PARTS)


def add_to(commands: argparse._SubParsersAction[Parser]) -> None:
    parser = add_command(
        commands, "bench", bench, "compare our training step with the textbook's and with the "
        "bound of its matrix products, many runs at once with one, and looks at long runs with "
        "looks at short ones",
        machine_options(), processor_time_option(), json_option())
    parser.add_argument("--steps", type=whole_number(1, 10_000), default=1000, metavar="N",
                        help="steps a block at most, 1 to 10000 (default 1000); as many as fit "
                        "into the time of a block")
    parser.add_argument("--network", nargs="+", metavar="NAME", help="of " + ", ".join(ALL))
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--profile", dest="measure", action="store_const", const=profile,
                         help="instead, say where a step's time goes, for every network, loss and "
                         "penalty")
    instead.add_argument("--quality", dest="measure", action="store_const", const=race,
                         help="instead, train our best session, a light DCGAN and gan.py until all "
                         "ten digits are there at a small Fréchet distance: up to 40 minutes")
    instead.add_argument("--memory", dest="measure", action="store_const", const=memory,
                         help="instead, train some runs, the largest among them, for a few steps "
                         "each, and print the memory of a process beside what is reckoned")
    parser.add_argument("--seeds", type=whole_number(1, 20), default=5, metavar="N",
                        help="with --quality: fresh seeds of ours, 1 to 20 (default 5)")
    parser.add_argument("--limit", type=whole_number(1, 100_000), default=1500, metavar="SECONDS",
                        help="with --quality: how long gan.py may train (default 1500)")
    parser.set_defaults(measure=compare)


def bench(options: Namespace, settings: Settings) -> int:
    """Measure what was asked for, and report."""
    names = tuple(CASES) if options.measure is profile else ALL
    refuse_unknown("--network", options.network or (), names)
    options.network = options.network or names
    device = prepare_device(options, settings)
    check_processor_time(options, settings, device)
    measure: Callable[[Namespace, Any], tuple[Report, str]] = options.measure
    report, words = measure(options, device)
    print(json_text(report) if options.json else words)
    return 0


def compare(options: Namespace, device: Any) -> tuple[Report, str]:
    """Our step beside the published loops: the report, and in words."""
    from gan_core.benchmarks import comparison

    report = comparison.benchmark(
        options.network, device, options.steps, say, options.processor_time)
    return report, comparison.in_words(report)


def profile(options: Namespace, device: Any) -> tuple[Report, str]:
    """Where a step's time goes: the report, and in words."""
    from gan_core.benchmarks import environment, profiling

    profiles = profiling.profile_all(options.network, device, say)
    report = {**environment.describe(device), "profiles": profiles}
    return report, f"{environment.in_words(report)}\n\n{profiling.in_words(profiles)}"


def memory(options: Namespace, device: Any) -> tuple[Report, str]:
    """What training processes take at their peak: the report, and in words."""
    from gan_core.benchmarks import environment, peak_memory

    rows = peak_memory.measure(device, say)
    report = {**environment.describe(device), "runs": rows}
    return report, f"{environment.in_words(report)}\n\n{peak_memory.in_words(rows)}"


def race(options: Namespace, device: Any) -> tuple[Report, str]:
    """Seconds until the samples are good, beside gan.py: the report, and in words."""
    from gan_core.benchmarks import race_to_quality

    report = race_to_quality.race(device, options.seeds, options.limit, say)
    return report, race_to_quality.in_words(report)
