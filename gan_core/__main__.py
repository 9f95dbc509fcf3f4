"""The command line: `python -m gan_core run | record | verify | claims | bench | cost | prices`.

    python -m gan_core run --preset mode_collapse-broken --set steps=500 seed=3 --json

Results go to stdout, progress and complaints to stderr. Exit codes: 0 done (a divergence is a
result), 1 failed or not as expected, 2 bad input, 130 interrupted. Torch is imported only where
something is trained, so that bad input is refused at once.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from gan_core.assets import RECORDED_RUNS
from gan_core.benchmarks.cases import CONTESTS, PARTS
from gan_core.config import presets, recipes
from gan_core.config.run_config import DEFAULT, KNOBS, SECTIONS, ConfigError, RunConfig, parse_value
from gan_core.cost import price_list
from gan_core.evidence import measured_runs
from gan_core.evidence.claims import CLAIMS, needed
from gan_core.runs.store import RunStore, StoreError
from gan_core.system import files
from gan_core.system.settings import Settings, SettingsError
from gan_core.verification.results import ended, in_words, json_text, say, train_into
from gan_core.verification.tables import TABLES, configs, markdown, train_all, write_into

INTERRUPTED = 130  # what a shell reports of a process that Ctrl-C ended
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

    from gan_core.training.devices import DeviceError, pick_device

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
    known = recipes.named()
    if options.preset is not None and options.preset not in known:
        raise UsageError(f"--preset must be one of {', '.join(known)}, not {options.preset!r}.")
    base = known[options.preset] if options.preset else DEFAULT
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
    recorded = {**presets.RECORDED, **presets.BAND}
    names = options.names or list(recorded)
    refuse_unknown("NAME", names, recorded)
    device = prepare(options, settings)
    store = RunStore(options.store or settings.store)
    for name in names:
        config = recorded[name]
        say(f"{name}: {config.steps} steps")
        outcome = train_into(store, config, device).outcome
        if outcome.kind in ("failed", "stopped"):
            say(f"{name}: {ended(outcome)}")
            return INTERRUPTED if outcome.kind == "stopped" else 1
        pictures = 2 if name in presets.BAND else None
        print(store.export(config.digest(), options.destination, pictures=pictures), flush=True)
    return 0


def refuse_unknown(what: str, names: list[str], known: Any) -> None:
    for name in names:
        if name not in known:
            raise UsageError(f"{what} must be one of {', '.join(known)}, not {name!r}.")


# --- the tables of docs/verification.md -----------------------------------------------------------


def verify(options: Namespace, settings: Settings) -> int:
    """Train what the tables need, over seeds, and print or write them."""
    refuse_unknown("TABLE", options.tables, TABLES)
    if options.write and (options.only or options.seeds):
        raise UsageError("--write takes whole tables: leave out --only and --seeds.")
    refuse_unknown("--only", options.only, [n for t in options.tables for n in TABLES[t].runs()])
    device = prepare(options, settings)
    store = RunStore(options.store or settings.store)
    workers, kept = options.workers or settings.workers, True
    found: dict[str, list[dict[str, Any]]] = {}
    for name in options.tables:
        table = TABLES[name]
        wanted = configs(table, parse_seeds(options.seeds or table.seeds), options.only)
        if not train_all(wanted.values(), store, device, workers):
            return INTERRUPTED
        rows = table.rows({key: train_into(store, c, device) for key, c in wanted.items()})
        found[name], good = rows, table.as_promised(rows)
        kept = kept and good
        text = markdown(table, rows)
        if not options.json:
            verdict = "as promised" if good else "NOT as promised"
            print(f"{table.title}\n\n{text}\n\n{name}: {verdict}\n")
        if options.write:
            _write(options.write, name, text)
    if options.json:
        print(json_text(found))
    return 0 if kept else 1


def _write(path: Path, name: str, text: str) -> None:
    try:
        write_into(path, name, text)
    except OSError as error:
        raise UsageError(f"--write: {path} cannot be written: {error.strerror}.") from None
    except ValueError as error:
        raise UsageError(f"--write: {error}") from None


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


# --- the claims of the source documents -----------------------------------------------------------


def claims(options: Namespace, settings: Settings) -> int:
    """Train what the claims need, judge them, and print or write the verdicts."""
    refuse_unknown("CLAIM", options.claims, CLAIMS)
    chosen = {name: CLAIMS[name] for name in options.claims or CLAIMS}
    stores = [RunStore(options.store or settings.store), RunStore(RECORDED_RUNS)]
    wanted = needed(chosen.values())
    found = measured_runs.gather(wanted, stores)
    missing = [config for config in wanted if measured_runs.key(config) not in found]
    if missing and not options.no_training:
        device = prepare(options, settings)
        if not train_all(missing, stores[0], device, options.workers or settings.workers):
            return INTERRUPTED
        found |= measured_runs.gather(missing, stores)
    known = {**_still_needed(options.data), **found}
    told = measured_runs.as_data(chosen, known)
    print(json_text(told) if options.json else measured_runs.in_words(told))
    if options.write:
        measured_runs.write(known, options.data)
        _write(options.write, "claims", measured_runs.table(CLAIMS, known))
    return 1 if any(each["verdict"] == measured_runs.OPEN for each in told.values()) else 0


def _still_needed(path: Path) -> dict[str, measured_runs.Measured]:
    """What was measured before, as far as a claim rests on it today."""
    keys = {measured_runs.key(config) for config in needed(CLAIMS.values())}
    return {name: run for name, run in measured_runs.read(path).items() if name in keys}


# --- what a step costs ----------------------------------------------------------------------------


def bench(options: Namespace, settings: Settings) -> int:
    """Compare, or with --profile or --quality tell why and to what end."""
    known = tuple(CONTESTS) if options.profile else (*CONTESTS, *PARTS)
    names = options.network or known
    refuse_unknown("--network", names, known)
    device = prepare(options, settings)
    check_processor_time(options, settings, device)
    if options.quality:
        from gan_core.benchmarks import race_to_quality

        found = race_to_quality.measure(device, say)
        print(json_text(found) if options.json else race_to_quality.in_words(found))
        return 0
    from gan_core.benchmarks import comparison, profiling

    if options.profile:
        found = profiling.profile_all(names, device, say)
        report = {**comparison.machine(device), "profiles": found}
        words = f"{comparison.headline(report)}\n\n{profiling.in_words(found)}"
    else:
        report = comparison.benchmark(
            names, device, options.steps, say, options.processor_time)
        words = comparison.in_words(report)
    print(json_text(report) if options.json else words)
    return 0


def check_processor_time(options: Namespace, settings: Settings, device: Any) -> None:
    threads = options.threads or settings.threads
    if options.processor_time and (device.type, threads) != ("cpu", 1):
        raise UsageError("--processor-time takes a CPU and one thread: --device cpu --threads 1.")


def cost(options: Namespace, settings: Settings) -> int:
    """One config's step, and its price relative to the plain GAN's."""
    config = chosen_config(options)
    device = prepare(options, settings)
    from gan_core.benchmarks import step_cost as account
    from gan_core.data.downloads import DatasetError

    try:
        found, base = account.beside_plain(config, device, options.steps)
    except DatasetError as error:
        say(str(error))
        return 1
    report = {"cost": found.to_dict(), "plain": base.to_dict(),
              "relative": account.relative(found, base)}
    print(json_text(report) if options.json else account.in_words(found, base, options.steps))
    return 0


def prices(options: Namespace, settings: Settings) -> int:
    """Measure what the page "Computational cost" shows before anybody has measured it there."""
    if options.write and options.only:
        raise UsageError("--write takes all prices: leave out --only.")
    if options.write and not options.write.parent.is_dir():  # before minutes of measuring
        raise UsageError(f"--write: there is no folder {options.write.parent}.")
    refuse_unknown("--only", options.only, price_list.GROUPS)
    device = prepare(options, settings)
    check_processor_time(options, settings, device)
    from gan_core.benchmarks.price_measurement import price

    found = []
    for request in price_list.requests(options.only or price_list.GROUPS):
        found.append(price(request, device, block_seconds=options.milliseconds / 1e3,
                           processor_time=options.processor_time))
        say(f"{request.name}: {found[-1].step_ms:.1f} ms a step")
    if options.write:
        files.write(options.write, price_list.to_json(found).encode())
    else:
        print(price_list.to_json(found), end="")
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
    return "\n".join([*lines, "", "presets: " + ", ".join(recipes.named())])


def parser() -> Parser:
    machine = Parser(add_help=False, allow_abbrev=False)
    machine.add_argument("--device", help="auto, cpu, cuda or mps (default: GAN_LAB_DEVICE)")
    machine.add_argument(
        "--threads", type=whole_number(1, 256), metavar="N",
        help="compute threads, 1 to 256; the default is that of the app's workers, which makes "
        "histories the same to the bit as the app's")
    spoken = Parser(add_help=False, allow_abbrev=False)
    spoken.add_argument("--json", action="store_true", help="one JSON object on stdout")
    busy = Parser(add_help=False, allow_abbrev=False)
    busy.add_argument("--processor-time", action="store_true",
                      help="count the time of this process alone: for a machine that is busy")
    stored = Parser(add_help=False, allow_abbrev=False)
    stored.add_argument("--store", type=Path, metavar="DIR", help="folder of runs to go on with")
    chosen = Parser(add_help=False, allow_abbrev=False)
    chosen.add_argument("--preset", metavar="NAME", help="begin with a preset of the pages")
    chosen.add_argument("--config", type=Path, metavar="FILE", help="JSON object of fields")
    chosen.add_argument("--set", nargs="+", action="extend", default=[], metavar="FIELD=VALUE")

    whole = Parser(prog="python -m gan_core", description="Train, break and mend a GAN.",
                   allow_abbrev=False)
    commands = whole.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)

    def command(work: Callable, help: str, *parents: Parser, **more: Any) -> Parser:
        added = commands.add_parser(work.__name__, help=help, description=help, parents=parents,
                                    allow_abbrev=False, **more)
        added.set_defaults(work=work)
        return added

    command(run, "train one GAN and tell what went wrong with it", machine, spoken, stored, chosen,
            epilog=fields_help(), formatter_class=argparse.RawDescriptionHelpFormatter)

    shipped = command(record, "train the runs that ship with the project and export them "
                      "(store default: GAN_LAB_STORE)", machine, stored)
    shipped.add_argument("names", nargs="*", metavar="NAME",
                         help="of " + ", ".join([*presets.RECORDED, *presets.BAND]))
    shipped.add_argument("--destination", type=Path, default=RECORDED_RUNS, metavar="DIR")

    checked = command(verify, "train what the tables of docs/verification.md tell of, over seeds, "
                      "and check what they promise (store default: GAN_LAB_STORE)",
                      machine, spoken, stored)
    checked.add_argument("tables", nargs="*", default=["presets"], metavar="TABLE",
                         help="of " + ", ".join(TABLES) + " (default presets)")
    checked.add_argument("--seeds", help="like 0-4 or 0,2,5 (default: 5-9 for the presets and "
                         "the diagnosis, which were settled on 0-4, and 0-4 for most others)")
    checked.add_argument("--only", nargs="+", default=[], metavar="NAME",
                         help="some runs of a table, as the table names them")
    checked.add_argument("--workers", type=whole_number(1, 64), metavar="N",
                         help="runs trained at a time (default: GAN_LAB_WORKERS)")
    checked.add_argument("--write", type=Path, metavar="FILE",
                         help="put the tables in their places in this document")

    judged = command(claims, "train what the claims of the two source documents need, over seeds, "
                     "and judge them (store default: GAN_LAB_STORE)", machine, spoken, stored)
    judged.add_argument("claims", nargs="*", metavar="CLAIM",
                        help="of " + ", ".join(CLAIMS) + " (default all)")
    judged.add_argument("--workers", type=whole_number(1, 64), metavar="N",
                        help="runs trained at a time (default: GAN_LAB_WORKERS)")
    judged.add_argument("--no-training", action="store_true",
                        help="judge by the runs that are there; exit code 1 if some are missing")
    judged.add_argument("--write", type=Path, metavar="FILE",
                        help="put the table in its place in this document, and what was measured "
                        "into --data")
    judged.add_argument("--data", type=Path, default=measured_runs.EVIDENCE, metavar="FILE",
                        help="what was measured, as the pages read it")

    speed = command(bench, "compare our training step with the textbook's and with its bound, and "
                    "many runs at once with one", machine, busy, spoken)
    speed.add_argument("--steps", type=whole_number(1, 10_000), default=1000, metavar="N",
                       help="steps a block at most, 1 to 10000 (default 1000); as many as fit into "
                       "the time of a block")
    everything = [*CONTESTS, *PARTS]
    speed.add_argument("--network", nargs="+", metavar="NAME",
                       help="of " + ", ".join(everything))
    instead = speed.add_mutually_exclusive_group()
    instead.add_argument("--profile", action="store_true",
                         help="instead, tell where a step's time goes, for every network, loss and "
                         "penalty")
    instead.add_argument("--quality", action="store_true",
                         help="instead, train our baseline and gan.py until all ten digits are "
                         "there with a Fréchet distance below 100: many minutes")

    priced = command(cost, "tell what a training step costs, phase by phase, and relative to the "
                     "plain GAN", machine, spoken, chosen)
    priced.add_argument("--steps", type=whole_number(1, 10_000), default=50, metavar="N",
                        help="steps a timed block, 1 to 10000 (default 50)")

    listed = command(prices, "measure the prices that ship for the page Computational cost: "
                     "networks, remedies beside the plain GAN, growth", machine, busy)
    listed.add_argument("--only", nargs="+", default=[], metavar="NAME",
                        help="of " + ", ".join(price_list.GROUPS))
    listed.add_argument("--milliseconds", type=whole_number(1, 60_000), default=2000, metavar="N",
                        help="a timed block, 1 to 60000 (default 2000); the median of three counts")
    listed.add_argument("--write", type=Path, metavar="FILE",
                        help="instead of printing them; the page reads gan_core/assets/prices.json")
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
