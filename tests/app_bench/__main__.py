"""`python -m tests.app_bench`: what the interface costs, on this machine and now.

    python -m tests.app_bench [--only PART ...] [--runs N] [--json]

What opening each page costs the server, and where that time goes; server time and bytes of reruns
and of looks at a live run, the time from Train to the first
picture, memory after many runs, and the speed of a run in the app against the command line. The
visitor is a program: what a browser needs to draw a page is left out. Where a browser shares the
cores with the training, it takes more of them than is measured here.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import statistics
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from gan_core.config.presets import CHALLENGES
from gan_core.config.run_config import RunConfig
from gan_core.runs.store import RunStore
from gan_core.system.settings import Settings, SettingsError
from pages.components.page_frame import TOOLS
from pages.components.state import LINK_VERSION
from tests.app_bench.openings import openings
from tests.app_bench.server import ROOT, Server
from tests.app_bench.visitor import Look, Run, Visitor

PAGES = ("", *(name for name in CHALLENGES if name != "baseline"), *TOOLS)
RERUNS = 20  # of each page
SHORT = 100  # steps of the runs of which only the presence counts
LONG = 1000  # steps of those whose speed does
FIRST_PICTURES = 5
ROUNDS = 3
SESSION_SECONDS = 600.0  # seconds that a run may take at most
Report = dict[str, Any]


def reruns(server: Server, runs: int) -> Report:
    """Of each page: its reruns as a whole, while a run is trained beside it and none is shown."""
    report = {}
    visitor = _visitor(server)
    for page in PAGES:
        opened = visitor.open(page)
        visitor.rerun()
        before = server.processor_seconds()
        again = [visitor.rerun() for _ in range(RERUNS)]
        report[page or "home"] = {
            "opened_ms": round(1e3 * opened.seconds), "opened_bytes": opened.bytes,
            **_figures(again),
            "processor_ms": _rounded(_since(server, before), 1e3 / RERUNS),
        }
    visitor.close()
    return report


def looks(server: Server, runs: int) -> Report:
    """Looks at a live run through the live channel, of images and of points; and what the page
    still runs meanwhile."""
    report = {}
    for name, dataset in {"images": "mnist", "points": "ring"}.items():
        visitor = _visitor(server)
        visitor.open("mode_collapse", _link(RunConfig(dataset=dataset, steps=LONG, seed=1000)))
        visitor.press("Train")
        before, began = server.processor_seconds(), time.monotonic()
        runs_before, looks_before = len(visitor.runs), len(visitor.looks)
        visitor.watch(lambda visitor=visitor: "Finished" in visitor.words, SESSION_SECONDS)
        share = _rounded(_since(server, before), 1 / (time.monotonic() - began))
        watched = visitor.looks[looks_before:]
        report[name] = {
            "looks": _figures([look for look in watched if not look.pictures]),
            "with_a_picture": _figures([look for look in watched if look.pictures]),
            "reruns": len(visitor.runs) - runs_before,
            "processor_share": share,  # of one core, for the web process while the run was watched
        }
        visitor.close()
    return report


def first_picture(server: Server, runs: int) -> Report:
    """Seconds from Train to the first picture of a run, with a worker that is ready."""
    visitor, store, parts = _visitor(server), RunStore(server.store), []
    for seed in range(FIRST_PICTURES):
        config = RunConfig(steps=SHORT, seed=2000 + seed)
        visitor.open("", _link(config))
        pressed, clock = time.perf_counter(), time.time()
        visitor.press("Train")
        answered = time.perf_counter() - pressed
        visitor.watch(lambda: any("step 0, this" in words for words in visitor.pictured))
        shown = time.perf_counter() - pressed
        folder = store.root / config.digest()
        made = (folder / "samples" / "000000.png").stat().st_mtime - clock
        parts.append({"answered": answered, "made": made, "shown": shown})
        visitor.watch(lambda: "Finished" in visitor.words, SESSION_SECONDS)
    visitor.close()
    return {name: _rounded(statistics.median(part[name] for part in parts)) for name in parts[0]}


def memory(server: Server, runs: int) -> Report:
    """Megabytes after so many runs, watched one after another in one tab; every fourth in 2-D."""
    visitor = _visitor(server)
    for seed in range(runs):
        dataset = "ring" if seed % 4 == 3 else "mnist"
        visitor.open("mode_collapse", _link(RunConfig(dataset=dataset, steps=SHORT,
                                                      seed=3000 + seed)))
        visitor.press("Train")
        visitor.watch(lambda: "Finished" in visitor.words, SESSION_SECONDS)
    visitor.close()
    return {"runs": runs, "web_megabytes": _rounded(server.web_megabytes()),
            "worker_megabytes": [round(megabytes) for megabytes in server.worker_megabytes()]}


def overhead(server: Server, runs: int) -> Report:
    """Steps/s of equal runs in the app, watched live, and on the command line, in turns."""
    visitor, store = _visitor(server), RunStore(server.store)
    rates: dict[str, list[float]] = {"app": [], "command_line": []}
    for seed in range(ROUNDS):
        config = RunConfig(steps=LONG, seed=4000 + seed)
        visitor.open("", _link(config))
        visitor.press("Train")
        visitor.watch(lambda: "Finished" in visitor.words, SESSION_SECONDS)
        rates["app"].append(config.steps / store.status(config.digest()).seconds)
        rates["command_line"].append(_on_the_command_line(config))
    visitor.close()
    app, alone = (statistics.median(rates[name]) for name in rates)
    return {"app": _rounded(app), "command_line": _rounded(alone), "ratio": _rounded(app / alone)}


def _on_the_command_line(config: RunConfig) -> float:
    """Steps/s of a run in a process of its own, with as many threads as a worker has."""
    done = subprocess.run(
        [sys.executable, "-m", "gan_core", "run", "--json", "--set", f"steps={config.steps}",
         f"seed={config.seed}"],
        cwd=ROOT, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    result = json.loads(done.stdout)
    return result["steps"] / result["seconds"]


PARTS: dict[str, Callable[[Server, int], Report]] = {
    "openings": lambda server, runs: openings(server, PAGES),  # first: it tells the first visitor's
    "reruns": reruns, "looks": looks, "first_picture": first_picture, "overhead": overhead,
    "memory": memory,
}


# --- figures --------------------------------------------------------------------------------------


def _link(config: RunConfig) -> str:
    """The query of a page that shows this run."""
    return urllib.parse.urlencode({"v": LINK_VERSION, **config.to_query(full=True)})


def _visitor(server: Server) -> Visitor:
    """A visitor of a server whose workers are ready."""
    visitor = Visitor(server.url)
    visitor.open("")
    visitor.watch(lambda: visitor.ready)
    visitor.rerun()
    return visitor


def _figures(runs: Sequence[Run | Look]) -> Report:
    if not runs:
        return {"count": 0}
    seconds = sorted(run.seconds for run in runs)
    return {
        "count": len(runs),
        "p50_ms": _rounded(statistics.median(seconds), 1e3),
        "p95_ms": _rounded(seconds[math.ceil(0.95 * len(seconds)) - 1], 1e3),
        "bytes": round(statistics.median(run.bytes for run in runs)),
        "pictures_bytes": round(statistics.median(run.pictures for run in runs)),
    }


def _since(server: Server, before: float | None) -> float | None:
    now = server.processor_seconds()
    return None if now is None or before is None else now - before


def _rounded(value: float | None, scale: float = 1.0) -> float | None:
    return None if value is None else float(f"{scale * value:.3g}")


def in_words(report: Report) -> str:
    """The report for people: a block a part, a line a figure."""
    lines = [report["about"]]
    for name in PARTS:
        if name in report:
            lines += ["", name.replace("_", " "), *_lines(report[name])]
    return "\n".join(lines)


def _lines(figures: Report) -> Iterable[str]:
    for name, value in figures.items():
        words = value
        if isinstance(value, dict):
            words = ", ".join(f"{key} {figure}" for key, figure in value.items())
        yield f"  {name:26} {words}"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.app_bench", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART",
                        help=", ".join(PARTS))
    parser.add_argument("--runs", type=int, default=20, metavar="N", help="runs before memory is "
                        "read (default: 20)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args()
    if options.runs < 1:
        parser.error(f"--runs must be a whole number from 1, not {options.runs}.")
    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        parser.error(str(error))
    # An orderly end, which takes the server along.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))
    report: Report = {
        "about": f"workers {settings.workers}, threads {settings.threads}; a visitor without a "
                 "screen: what a browser needs to draw is left out",
        "workers": settings.workers, "threads": settings.threads,
    }
    with Server() as server:
        for name in options.only:
            print(f"measuring {name} …", file=sys.stderr, flush=True)
            report[name] = PARTS[name](server, options.runs)
    print(json.dumps(report, ensure_ascii=False, indent=1) if options.json else in_words(report))


if __name__ == "__main__":
    main()
