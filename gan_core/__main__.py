"""The command line: `python -m gan_core run | record | verify | bench`.

    python -m gan_core run --preset mode_collapse-broken --set steps=500 seed=3 --json

Results go to stdout, progress and complaints to stderr. Exit codes: 0 done (a divergence is a
result), 1 failed or not as expected, 2 bad input, 130 interrupted. Torch is imported only where
something is trained, so that bad input is refused at once.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from gan_core import challenges
from gan_core.config import DEFAULT, KNOBS, SECTIONS, ConfigError, RunConfig, parse_value
from gan_core.reporting import Result, ended, in_words, json_text, say, train_into
from gan_core.settings import Settings, SettingsError
from gan_core.store import RunStore, StoreError

RECORDED_FOLDER = Path(__file__).parent / "data" / "recorded"
INTERRUPTED = 130  # what a shell reports of a process that Ctrl-C ended
NETWORKS = ("mlp", "mlp_reference")  # what `bench` compares unless told otherwise
MAX_SEEDS = 100


class UsageError(ValueError):
    """Something on the command line that cannot be used; the message is one sentence."""


# --- the machine ----------------------------------------------------------------------------------


def prepare(options: Namespace, settings: Settings) -> Any:
    """Set the number of threads and give the torch device. Raises UsageError.

    A worker of the app does the same: sums in another order, as another number of threads makes
    them, differ in the last bits, and a GAN's trajectory amplifies them.
    """
    threads = options.threads or settings.threads
    if "torch" not in sys.modules:  # the libraries below it read these when they are loaded
        os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(threads)
    import torch

    from gan_core.trainer import DeviceError, pick_device

    torch.set_num_threads(threads)
    try:
        return pick_device(options.device or settings.device)
    except DeviceError as error:
        raise UsageError(str(error)) from None


# --- one run --------------------------------------------------------------------------------------


@contextlib.contextmanager
def store_at(folder: Path | None) -> Iterator[RunStore]:
    """The store in `folder`, or one that is gone afterwards."""
    if folder is not None:
        yield RunStore(folder)
        return
    with tempfile.TemporaryDirectory(prefix="gan-lab-") as temporary:
        yield RunStore(temporary)


def run(options: Namespace, settings: Settings) -> int:
    """Train one config and report."""
    config = chosen_config(options)
    device = prepare(options, settings)
    with store_at(options.store) as store:
        result = train_into(store, config, device)
    print(json_text(result.to_dict()) if options.json else in_words(result))
    if result.outcome.kind == "failed":
        say(result.outcome.reason)
    return {"failed": 1, "stopped": INTERRUPTED}.get(result.outcome.kind, 0)


def chosen_config(options: Namespace) -> RunConfig:
    """The preset, changed by the file, changed by --set: all at once, because settings that fit
    together may pass through pairs that do not."""
    known = challenges.presets()
    if options.preset is not None and options.preset not in known:
        raise UsageError(f"--preset must be one of {', '.join(known)}, not {options.preset!r}.")
    base = known[options.preset].config if options.preset else DEFAULT
    changes = read_config_file(options.config) if options.config else {}
    for assignment in options.set:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise UsageError(f"--set takes FIELD=VALUE, not {assignment!r}.")
        changes[name.strip()] = parse_value(name.strip(), text)
    return base.replace(**changes)


def read_config_file(path: Path) -> dict[str, Any]:
    """The fields that a JSON file sets, checked only together with the rest."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"--config: {path} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--config: {path} is not valid JSON: {error}.") from None
    if not isinstance(values, dict):
        raise UsageError(f"--config: {path} must hold a JSON object of field names and values.")
    return values


# --- the runs that ship with the project ----------------------------------------------------------


def record(options: Namespace, settings: Settings) -> int:
    """Train the recorded runs, going on where an earlier call was interrupted, and export them."""
    names = options.names or list(challenges.RECORDED)
    refuse_unknown("NAME", names, challenges.RECORDED)
    device = prepare(options, settings)
    store = RunStore(options.store or settings.store)
    for name in names:
        config = challenges.RECORDED[name]
        say(f"{name}: {config.steps} steps")
        outcome = train_into(store, config, device).outcome
        if outcome.kind in ("failed", "stopped"):
            say(f"{name}: {ended(outcome)}")
            return INTERRUPTED if outcome.kind == "stopped" else 1
        print(store.export(config.digest(), options.destination), flush=True)
    return 0


def refuse_unknown(what: str, names: list[str], known: Any) -> None:
    for name in names:
        if name not in known:
            raise UsageError(f"{what} must be one of {', '.join(known)}, not {name!r}.")


# --- do the presets show what they promise? -------------------------------------------------------


def shows_symptom(challenge: str, result: Result) -> bool:
    # A challenge is named after its symptom, give or take a word: "vanishing_gradients".
    return any(finding.symptom in challenge for finding in result.findings)


def mended(challenge: str, result: Result) -> bool:
    metrics = result.metrics
    enough = bool(metrics) and metrics["modes"] >= 0.9 * metrics["modes_total"]
    return enough and not shows_symptom(challenge, result)


# What a preset of this name promises; others promise nothing.
EXPECTATIONS: dict[str, Callable[[str, Result], bool]] = {
    "healthy": lambda challenge, result: not result.findings,
    "broken": shows_symptom,
    "fixed": mended,
}

VERIFIED_COLUMNS = (
    "preset", "seed", "seconds", "modes", "Fréchet", "diversity", "findings", "as expected",
)


def verify(options: Namespace, settings: Settings) -> int:
    """Train presets over seeds; a Markdown row a run, and how many are as expected."""
    known = {
        f"{challenge}-{preset}": (challenge, preset)
        for challenge, card in challenges.CHALLENGES.items() if card.page
        for preset in card.presets
    }
    names = options.presets or list(known)
    refuse_unknown("--presets", names, known)
    seeds = parse_seeds(options.seeds)
    device = prepare(options, settings)
    store = RunStore(options.store or settings.store)
    show = say if options.json else print
    show(_row(VERIFIED_COLUMNS) + "\n" + _row(["---"] * len(VERIFIED_COLUMNS)))
    rows = []
    for name in names:
        for seed in seeds:
            config = challenges.presets()[name].config.replace(seed=seed)
            result = train_into(store, config, device)
            if result.outcome.kind == "stopped":
                return INTERRUPTED
            rows.append(_verified(name, seed, *known[name], result))
            show(_row(_cells(rows[-1])))
    return _conclude(rows, names, options.json)


def _verified(name: str, seed: int, challenge: str, preset: str, result: Result) -> dict[str, Any]:
    expected = EXPECTATIONS.get(preset)
    good = result.outcome.kind != "failed"
    return {
        "preset": name,
        "seed": seed,
        "seconds": result.outcome.seconds,
        **{key: result.metrics.get(key, math.nan) for key in ("modes", "frechet", "diversity")},
        "findings": [finding.symptom for finding in result.findings],
        "as_expected": good and expected(challenge, result) if expected else None,
    }


def _cells(row: dict[str, Any]) -> list[str]:
    return [
        row["preset"], str(row["seed"]), f"{row['seconds']:.0f}", f"{row['modes']:.0f}",
        f"{row['frechet']:.1f}", f"{row['diversity']:.2f}", ", ".join(row["findings"]) or "none",
        {True: "yes", False: "**no**", None: "–"}[row["as_expected"]],
    ]


def _row(cells: Any) -> str:
    return "| " + " | ".join(cells) + " |"


def _conclude(rows: list[dict[str, Any]], names: list[str], as_json: bool) -> int:
    verdicts = {name: [r["as_expected"] for r in rows if r["preset"] == name] for name in names}
    promised = {name: found for name, found in verdicts.items() if None not in found}
    if as_json:
        summary = {name: {"as_expected": sum(found), "of": len(found)}
                   for name, found in promised.items()}
        print(json_text({"runs": rows, "presets": summary}))
    else:
        print()
        for name, found in verdicts.items():
            count = f"as expected in {sum(found)} of {len(found)}" if name in promised else (
                "promises nothing")
            print(f"{name}: {count}")
    return 0 if all(all(found) for found in promised.values()) else 1


def parse_seeds(text: str) -> list[int]:
    """`0-4`, `3` or `0,2,5-7` as seeds."""
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        plain = first.isdecimal() and (last.isdecimal() or not dash) and part.isascii()
        low, high = (int(first), int(last or first)) if plain else (1, 0)
        if not low <= high <= KNOBS["seed"].high or high - low >= MAX_SEEDS:
            raise UsageError(f"--seeds takes at most {MAX_SEEDS} whole numbers from 0 to "
                             f"{KNOBS['seed'].high} like 0-4 or 0,2,5, not {text[:40]!r}.")
        seeds += range(low, high + 1)
    return list(dict.fromkeys(seeds))


# --- what a step costs ----------------------------------------------------------------------------


def bench(options: Namespace, settings: Settings) -> int:
    refuse_unknown("--network", options.network, NETWORKS)
    device = prepare(options, settings)
    from gan_core import benchmark

    report = benchmark.benchmark(options.network, device, options.steps, say)
    print(json_text(report) if options.json else benchmark.in_words(report))
    return 0


# --- arguments ------------------------------------------------------------------------------------


class Parser(argparse.ArgumentParser):
    """Complains in one sentence."""

    def error(self, message: str) -> Any:
        raise UsageError(f"{message.rstrip('.')}; {self.prog} --help tells more.")


def whole_number(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and low <= int(text[:20]) <= high):
            raise argparse.ArgumentTypeError(
                f"must be a whole number from {low} to {high}, not {text[:40]!r}")
        return int(text)

    return read


def fields_help() -> str:
    """Every field with its label, range and default."""
    lines = ["fields of --set and --config:"]
    for section, title in SECTIONS.items():
        lines += ["", f"  {title}"]
        lines += [
            f"    {name:22}{knob.label}: {knob.allowed()}; default {getattr(DEFAULT, name)}"
            for name, knob in KNOBS.items() if knob.section == section
        ]
    return "\n".join([*lines, "", "presets: " + ", ".join(challenges.presets())])


def parser() -> Parser:
    machine = Parser(add_help=False, allow_abbrev=False)
    machine.add_argument("--device", help="auto, cpu, cuda or mps (default: GAN_LAB_DEVICE)")
    machine.add_argument(
        "--threads", type=whole_number(1, 256), metavar="N",
        help="compute threads, 1 to 256; the default is that of the app's workers, which makes "
        "histories the same to the bit as the app's")
    spoken = Parser(add_help=False, allow_abbrev=False)
    spoken.add_argument("--json", action="store_true", help="one JSON object on stdout")
    stored = Parser(add_help=False, allow_abbrev=False)
    stored.add_argument("--store", type=Path, metavar="DIR", help="folder of runs to go on with")

    whole = Parser(prog="python -m gan_core", description="Train, break and mend a GAN.",
                   allow_abbrev=False)
    commands = whole.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)

    def command(work: Callable, help: str, *parents: Parser, **more: Any) -> Parser:
        added = commands.add_parser(work.__name__, help=help, description=help, parents=parents,
                                    allow_abbrev=False, **more)
        added.set_defaults(work=work)
        return added

    one = command(run, "train one GAN and tell what went wrong with it", machine, spoken, stored,
                  epilog=fields_help(), formatter_class=argparse.RawDescriptionHelpFormatter)
    one.add_argument("--preset", metavar="NAME", help="begin with a preset of the pages")
    one.add_argument("--config", type=Path, metavar="FILE", help="JSON object of fields")
    one.add_argument("--set", nargs="+", action="extend", default=[], metavar="FIELD=VALUE")

    shipped = command(record, "train the runs that ship with the project and export them "
                      "(store default: GAN_LAB_STORE)", machine, stored)
    shipped.add_argument("names", nargs="*", metavar="NAME",
                         help="of " + ", ".join(challenges.RECORDED))
    shipped.add_argument("--destination", type=Path, default=RECORDED_FOLDER, metavar="DIR")

    checked = command(verify, "train presets over seeds and check that they show what they promise "
                      "(store default: GAN_LAB_STORE)", machine, spoken, stored)
    checked.add_argument("--seeds", default="0-4", help="like 0-4 or 0,2,5 (default 0-4)")
    checked.add_argument("--presets", nargs="+", metavar="NAME",
                         help="default: all of the challenges that have a page")

    speed = command(bench, "compare a training step with the textbook's and with its bound",
                    machine, spoken)
    speed.add_argument("--steps", type=whole_number(1, 10_000), default=250, metavar="N",
                       help="steps a block, 1 to 10000 (default 250: one evaluation a block)")
    speed.add_argument("--network", nargs="+", default=list(NETWORKS), metavar="NAME",
                       help="of " + ", ".join(NETWORKS))
    return whole


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    try:
        options = parser().parse_args(arguments)
        return options.work(options, Settings.from_environment())
    except (UsageError, ConfigError, SettingsError, StoreError) as error:
        say(str(error))
    except OSError as error:
        say(f"{error.filename or 'a file'} cannot be used: {error.strerror or error}.")
        return 1
    except KeyboardInterrupt:
        say("interrupted.")
        return INTERRUPTED
    return 2


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # a terminal without β or █ is no reason to stop
    sys.exit(main())
