"""`python -m tests.app_bench.fuzz`: addresses that nobody should type, and how long they take.

    python -m tests.app_bench.fuzz [--links N] [--pages N] [--requests N] [--json]

Links are read as a page reads them; pages are opened by such links, and routes asked, on a server
of its own, on loopback. The draws are the same each time. Ends with 1 where anything raised, where
an answer has a status of the server's own failure, or where the server logged a traceback.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable
from typing import Any

from gan_core.config.presets import CHALLENGES
from pages.components import runs_choice, state
from tests.app_bench.connection import Connection
from tests.app_bench.load import spread
from tests.app_bench.server import Server
from tests.app_bench.visitor import Visitor
from tests.support import fuzzing

MOST = 1_000_000
Report = dict[str, Any]


def read_links(count: int) -> Report:
    """Each as a tab reads it that has just been opened, and one of the page of runs."""
    chance, failures, seconds = random.Random(1), Counter[str](), []
    for _ in range(count):
        page, query = fuzzing.page(chance), fuzzing.parameters(chance)
        of_runs = fuzzing.runs_parameters(chance)
        began = time.perf_counter()
        try:
            state._opened(page, CHALLENGES[page], query, None)
            runs_choice.read(of_runs)
        except Exception as problem:  # it is counted; the next link is read
            failures[f"{page}: {type(problem).__name__}: {problem}"[:100]] += 1
        seconds.append(time.perf_counter() - began)
    return {"count": count, "seconds": spread(seconds), "failures": dict(failures)}


def open_pages(server: Server, count: int) -> Report:
    """Each by a visitor who comes for the first time."""
    chance, failures, seconds = random.Random(2), Counter[str](), []
    for place in range(count):
        page, query = fuzzing.page(chance), fuzzing.parameters(chance)
        if place % 5 == 0:
            page, query = "runs", fuzzing.runs_parameters(chance)
        words = urllib.parse.urlencode(query, errors="replace")
        visitor = Visitor(server.url)
        seconds.append(visitor.open("" if page == "baseline" else page, words).seconds)
        failures.update(visitor.problems)
        visitor.close()
    return {"count": count, "seconds": spread(seconds), "failures": dict(failures)}


def ask_routes(server: Server, count: int) -> Report:
    chance, failures, seconds = random.Random(0), Counter[str](), []
    connection, statuses = Connection(server.url), Counter[int]()
    for _ in range(count):
        address = fuzzing.route(chance, [fuzzing.RECORDED_RUN])
        began = time.perf_counter()
        answer = connection.get(address)
        seconds.append(time.perf_counter() - began)
        statuses[answer.status] += 1
        if answer.status >= 500 or b"root:" in answer.content or b"Traceback" in answer.content:
            failures[f"{answer.status}: {address[:80]}"] += 1
    connection.close()
    return {"count": count, "seconds": spread(seconds), "failures": dict(failures),
            "statuses": {str(status): number for status, number in sorted(statuses.items())}}


def fuzz(links: int, pages: int, requests: int) -> Report:
    report: Report = {"links": read_links(links)}
    with Server(GAN_LAB_WORKERS="1", GAN_LAB_THREADS="1") as server:
        asks: dict[str, Callable[[], Report]] = {
            "pages": lambda: open_pages(server, pages),
            "requests": lambda: ask_routes(server, requests)}
        for name, ask in asks.items():
            report[name] = ask()
        logged = server.log.read_text(errors="replace").count("Traceback")
    report["tracebacks"] = logged
    report["failures"] = logged + sum(
        sum(report[name]["failures"].values()) for name in ("links", "pages", "requests"))
    return report


def in_words(report: Report) -> str:
    lines = []
    for name in ("links", "pages", "requests"):
        part = report[name]
        p50, p95 = (None if value is None else f"{1e3 * value:.3g}"
                    for value in part["seconds"].values())
        lines.append(f"{name:9} {part['count']:6}   p50 {p50} ms   p95 {p95} ms   "
                     f"{part.get('statuses', '')}")
        lines += [f"  {count} × {failure}" for failure, count in part["failures"].items()]
    return "\n".join([*lines, f"tracebacks in the server's log: {report['tracebacks']}"])


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.app_bench.fuzz", description=(__doc__ or "").split("\n")[0])
    for name, default in (("links", 10_000), ("pages", 300), ("requests", 2000)):
        parser.add_argument(f"--{name}", type=int, default=default, metavar="N",
                            help=f"default: {default}")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args()
    if not all(0 <= count <= MOST for count in (options.links, options.pages, options.requests)):
        parser.error(f"--links, --pages and --requests must be whole numbers up to {MOST}.")
    report = fuzz(options.links, options.pages, options.requests)
    print(json.dumps(report, ensure_ascii=False, indent=1) if options.json else in_words(report))
    return 1 if report["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
