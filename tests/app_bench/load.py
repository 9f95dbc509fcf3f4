"""`python -m tests.app_bench.load`: what a class costs, on this machine and now.

    python -m tests.app_bench.load [--visitors N ...] [--wish NAME ...] [--browsers N]
                                   [--arrival SECONDS] [--watch SECONDS] [--json]

For each number of visitors a server of its own, on loopback. They arrive within 30 s, press Train,
and watch through the live channel as the viewer does. A row says how long a page takes to open, and
how old what is live is when it reaches its viewer: seconds for which the run's folder had held the
oldest of what an answer brought. Shares are of one core; the visitors' own is told apart, since it
is taken from the same cores. `--browsers` puts real tabs of Chromium beside them.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import signal
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from gan_core.system.settings import Settings, SettingsError
from tests.app_bench.chromium_tabs import ChromiumTabs, NoBrowser
from tests.app_bench.crowd import WISHES, Visit, Visitors
from tests.app_bench.server import Server, processor_seconds_beside
from tests.app_bench.visitor import Visitor
from tests.app_bench.written_steps import WrittenSteps

VISITORS = (1, 10, 30, 100)
ARRIVAL, WATCH = 30.0, 30.0  # seconds
SETTLE = 3.0  # seconds after the last arrival, until all are taken to be watching
READY = 300.0  # seconds in which the workers must be
MOST = 500  # visitors
LONGEST = 600.0  # seconds that --arrival and --watch may be
PROBLEMS = 5  # kinds of them that the table tells
Row = dict[str, Any]


def measure(
    wish: str, visitors: int, arrival: float, watch: float, browsers: int = 0, **settings: str
) -> Row:
    """One row: `visitors` arrive within `arrival` seconds and are watched for `watch` more; with
    them as many real tabs as `browsers` says. `settings` are those of the app."""
    with Server(GAN_LAB_MAX_STEPS="200000", **settings) as server:
        _warm_up(server)
        with WrittenSteps(server.store) as written, ChromiumTabs(browsers) as tabs:
            begin = time.monotonic() + 1.0
            end = begin + arrival + SETTLE + watch
            crowd = Visitors(server.url, WISHES[wish], visitors, begin, arrival, end)
            shares: Row = {}

            def meanwhile() -> None:
                tabs.visit(server.url, WISHES[wish], begin, arrival)
                shares.update(_shares(server, written, begin, arrival, end, tabs))
                tabs.collect()

            visits = crowd.visit_all(meanwhile)
            row = {"wish": wish, "visitors": visitors, "browsers": browsers,
                   **_figures(visits, written), **shares,
                   "web_megabytes": _rounded(server.most_web_megabytes()),
                   "worker_megabytes": [round(size) for size in server.worker_megabytes()]}
            if browsers:
                row["browser"] = _figures(tabs.visits, written)
            return row


def _warm_up(server: Server) -> None:
    """One visitor before all others, until the workers are ready: a teacher."""
    visitor = Visitor(server.url)
    visitor.open("")
    visitor.watch(lambda: visitor.ready, READY)
    visitor.close()


def _shares(
    server: Server, written: WrittenSteps, begin: float, arrival: float, end: float,
    tabs: ChromiumTabs,
) -> Row:
    """Of one core, while visitors arrive and while all watch; and what is trained meanwhile."""
    def reading() -> tuple[float, float, float, float, float]:
        return (time.monotonic(), time.time(), server.processor_seconds() or math.nan,
                time.process_time(), processor_seconds_beside(server))

    readings = [reading()]
    for at in (begin + arrival + SETTLE, end):
        tabs.wait(at)
        readings.append(reading())
    arriving, watching = (
        [(after - before) / (late[0] - early[0])
         for before, after in zip(early[2:], late[2:], strict=True)]
        for early, late in itertools.pairwise(readings))
    return {
        "web_share_arriving": _rounded(arriving[0]), "web_share": _rounded(watching[0]),
        "visitors_share": _rounded(watching[1]), "browsers_share": _rounded(watching[2]),
        "steps_per_second": _rounded(written.rate(readings[1][1], readings[2][1])),
    }


# --- figures -------------------------------------------------------------------------------------


def _figures(visits: Sequence[Visit], written: WrittenSteps) -> Row:
    news = [(look, known) for visit in visits for look, known in visit.news()]
    ages = [written.age(look.digest, known, look.began + look.seconds) for look, known in news]
    problems = sum((visit.problems for visit in visits), Counter())
    return {
        "open_s": spread(visit.opened for visit in visits if visit.opened),
        "train_s": spread(visit.trained for visit in visits if visit.trained),
        "look_s": spread(look.seconds for visit in visits for look in visit.looks),
        "age_s": spread(age for age in ages if age is not None),
        "looks": sum(len(visit.looks) for visit in visits),
        "refused": sum(visit.refused for visit in visits),
        "errors": problems.total(), "problems": dict(problems.most_common(PROBLEMS)),
    }


def spread(values: Iterable[float]) -> Row:
    """Median and 95th percentile; None where there is nothing."""
    ordered = sorted(values)
    if not ordered:
        return {"p50": None, "p95": None}
    return {"p50": _rounded(statistics.median(ordered)),
            "p95": _rounded(ordered[math.ceil(0.95 * len(ordered)) - 1])}


def _rounded(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else float(f"{value:.3g}")


# --- words ---------------------------------------------------------------------------------------

COLUMNS = ("wish", "visitors", "open p50", "p95", "age p50", "p95", "look p95", "errors", "refused",
           "web %", "arriving", "visitors' %", "steps/s", "web MB")


def in_words(report: Row) -> str:
    """The table for people, and what went wrong below it."""
    rows = [*map(_cells, report["rows"])]
    widths = [max(map(len, column)) for column in zip(COLUMNS, *rows, strict=True)]
    table = [" | ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
             for row in (COLUMNS, *rows)]
    notes = [f"{row['visitors']} visitors: {count} × {problem}"
             for row in report["rows"] for problem, count in row["problems"].items()]
    browsers = [f"{row['browsers']} tabs of Chromium beside {row['visitors']} visitors: "
                f"open p95 {_text(row['browser']['open_s']['p95'])} s, "
                f"age p95 {_text(row['browser']['age_s']['p95'])} s, errors "
                f"{row['browser']['errors']}, their share {_percent(row['browsers_share'])} %"
                for row in report["rows"] if row["browsers"]]
    return "\n".join([report["about"], "", *table, *browsers, *notes])


def _cells(row: Row) -> tuple[str, ...]:
    spreads = [row[name][point] for name, point in (
        ("open_s", "p50"), ("open_s", "p95"), ("age_s", "p50"), ("age_s", "p95"),
        ("look_s", "p95"))]
    return (row["wish"], str(row["visitors"]), *map(_text, spreads), str(row["errors"]),
            str(row["refused"]), _percent(row["web_share"]), _percent(row["web_share_arriving"]),
            _percent(row["visitors_share"]), _text(row["steps_per_second"]),
            _text(row["web_megabytes"]))


def _text(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f}"


# --- the command ---------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.app_bench.load", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--visitors", nargs="+", type=int, default=list(VISITORS), metavar="N",
                        help="how many, one row each (default: 1 10 30 100)")
    parser.add_argument("--wish", nargs="+", choices=WISHES, default=list(WISHES), metavar="NAME",
                        help=f"what they press: {', '.join(map(repr, WISHES))} (default: both)")
    parser.add_argument("--browsers", type=int, default=0, metavar="N",
                        help="real tabs of Chromium beside them (default: 0)")
    parser.add_argument("--arrival", type=float, default=ARRIVAL, metavar="SECONDS",
                        help="within which they arrive (default: 30)")
    parser.add_argument("--watch", type=float, default=WATCH, metavar="SECONDS",
                        help="for which all are watched after that (default: 30)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    return parser


def main() -> None:
    parser = _parser()
    options = parser.parse_args()
    if not all(1 <= count <= MOST for count in options.visitors):
        parser.error(f"--visitors must be whole numbers from 1 to {MOST}.")
    if not (0 <= options.browsers <= MOST and 0 <= options.arrival <= LONGEST
            and 1 <= options.watch <= LONGEST):
        parser.error(f"--browsers, --arrival and --watch must be numbers up to {MOST}, {LONGEST:g} "
                     f"and {LONGEST:g}; --watch from 1.")
    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        parser.error(str(error))
    # An orderly end, which takes the server along.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))
    report: Row = {
        "about": f"workers {settings.workers}, threads {settings.threads}; arriving within "
                 f"{options.arrival:g} s, watching for {options.watch:g} s; seconds; shares of one "
                 "core; the visitors' share is taken from the same cores",
        "workers": settings.workers, "threads": settings.threads, "rows": [],
    }
    try:
        for wish in options.wish:
            for count in options.visitors:
                print(f"measuring {count} visitors, {wish} …", file=sys.stderr, flush=True)
                report["rows"].append(
                    measure(wish, count, options.arrival, options.watch, options.browsers))
    except NoBrowser as error:
        parser.error(str(error))
    print(json.dumps(report, ensure_ascii=False, indent=1) if options.json else in_words(report))


if __name__ == "__main__":
    main()
