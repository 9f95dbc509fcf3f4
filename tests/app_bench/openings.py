"""What opening each page costs the server, and where that time goes.

Processor time of the web process, not seconds on the clock: on a busy machine these say how busy it
is. The first opening of a page also pays for what all visitors share from then on; it is told apart
from those of the visitors after it. The very first visit to a fresh process, which imports parts of
Streamlit, is left out, and so is the start of the workers.
"""

from __future__ import annotations

import importlib
import math
import os
import statistics
import tempfile
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from streamlit.testing.v1 import AppTest

from gan_core.config.run_config import RunConfig
from gan_core.exploration.axis import axis
from gan_core.exploration.cell_runs import CellRun
from gan_core.exploration.parameter_map import ParameterMap
from gan_core.exploration.study_results import StudyResults
from pages.components.runs_choice import MOST_COMPARED
from tests.app_bench.server import ROOT, Server
from tests.app_bench.visitor import Visitor
from tests.support.many_runs import made_up_runs

VISITORS = 20  # of each page, one after another, each with a tab of their own
SETTLE = 0.15  # seconds until the server has put away what a run leaves behind
CALM = 3  # times in a row that a fresh server must be found idle: it makes what all visitors share
READY = 300.0  # seconds in which workers must be ready
IDLE = 0.05  # of a core, the most that an idle server takes
# The largest map there is, with the most seeds.
LARGE = ParameterMap(RunConfig(dataset="ring", steps=1500), axis("learning_rate=1e-4..1e-2:12"),
                     axis("learning_rate_ratio=0.05..20:12"), 5)
MANY_RUNS = 2000
LONG = 3000  # steps of those that are compared
FILTERS = ("hinge", "", "collapse 10", "seed 7", "no failure ring", "nothing of the kind")
# What a page is made of, and the function that draws it; what lies within another is not counted
# there.
PARTS = {
    "frame": ("page_frame", "_frame"), "settings": ("controls", "controls"),
    "buttons": ("experiment", "_buttons"), "verdict": ("experiment", "_status"),
    "samples": ("experiment", "_runs"), "measurements": ("viewer", "measurements"),
    "claims": ("claims", "draw"), "phase portrait": ("dirac_gan", "_portrait"),
    "spread": ("spread_view", "_spread"), "prices": ("prices", "_part"),
}


def openings(server: Server, pages: Iterable[str]) -> dict[str, Any]:
    """Of each page: processor milliseconds of its first opening, of the visitors' after it, and of
    their reruns; elements and bytes that a visitor gets; and milliseconds of the page's parts."""
    _wait_until_calm(server)
    report = {page or "home": _of_page(server, page) for page in pages}
    report[f"a map of {len(LARGE.runs_by_cell)} cells"] = _of_page(
        server, "parameter_map", _fill(server))
    report[f"a table of {MANY_RUNS} runs"] = runs_of_a_full_store(server)
    compared = made_up_runs(server.store, MOST_COMPARED, steps=LONG, first=MANY_RUNS)
    report[f"{MOST_COMPARED} runs compared"] = _of_page(
        server, "runs", f"runs={'.'.join(compared)}")
    for page, parts in _by_part(pages).items():
        report[page or "home"]["parts_ms"] = parts
    return report


def _fill(server: Server) -> str:
    """Write made-up results of LARGE into the server's store; the query that opens it."""
    states = ("healthy", "failing", "too_early")
    StudyResults(server.store).replace(LARGE, [
        CellRun(run.digest, states[number % 3], "No failure found.", "",
                {"modes": number % 9 / 8, "quality": number % 10 / 10}, 5.0)
        for number, run in enumerate(LARGE.runs)])
    return urllib.parse.urlencode({
        "base": "dataset:ring,steps:1500", "x": str(LARGE.x), "y": str(LARGE.y),
        "seeds": LARGE.seeds})


def runs_of_a_full_store(server: Server, visitors: int = VISITORS) -> dict[str, Any]:
    """The page of runs where the store is full; and what each filter costs."""
    made_up_runs(server.store, MANY_RUNS, steps=2)
    report = _of_page(server, "runs", visitors=visitors)
    visitor, spent = Visitor(server.url), []
    visitor.open("runs")
    for number in range(visitors):
        time.sleep(SETTLE)
        before = _processor(server)
        visitor.write("Filter", FILTERS[number % len(FILTERS)])
        time.sleep(SETTLE)
        spent.append(_processor(server) - before)
    visitor.close()
    return {**report, "filter_p50_ms": _ms(statistics.median(spent)),
            "filter_p95_ms": _ms(_p95(spent))}


def _of_page(
    server: Server, page: str, query: str = "", visitors: int = VISITORS
) -> dict[str, Any]:
    opened, again = [], []
    for _ in range(1 + visitors):
        before = _processor(server)
        visitor = Visitor(server.url)
        run = visitor.open(page, query)
        time.sleep(SETTLE)
        between = _processor(server)
        visitor.rerun()
        time.sleep(SETTLE)
        again.append(_processor(server) - between)
        opened.append(between - before)
        visitor.close()
    first, *later = opened
    return {
        "first_ms": _ms(first), "p50_ms": _ms(statistics.median(later)), "p95_ms": _ms(_p95(later)),
        "rerun_p50_ms": _ms(statistics.median(again[1:])),
        "elements": run.messages + run.references, "bytes": run.bytes,
    }


def _wait_until_calm(server: Server) -> None:
    visitor = Visitor(server.url)
    visitor.open("")
    visitor.watch(lambda: visitor.ready, READY)
    visitor.close()
    calm = 0
    while calm < CALM:
        before = _processor(server)
        time.sleep(1)
        calm = calm + 1 if _processor(server) - before < IDLE else 0


def _processor(server: Server) -> float:
    """Seconds that the web process has had of the processor, by the clock that Linux keeps of every
    process (clock_getcpuclockid(3) makes its number so): /proc counts hundredths of a second."""
    return time.clock_gettime((~server.process.pid << 3) | 2)


def _by_part(pages: Iterable[str]) -> dict[str, dict[str, float]]:
    """Milliseconds of the script's thread for each of PARTS: of the second visitor in a process."""
    from pages.components import server

    report = {}
    with tempfile.TemporaryDirectory() as store, patch.dict(os.environ, GAN_LAB_STORE=store):
        for page in pages:
            _visit(page)
            with _timed() as spent:
                _visit(page)
            report[page] = {part: _ms(seconds) for part, seconds in spent.most_common()}
        server.queue().close()
    return report


def _visit(page: str) -> None:
    app = AppTest.from_file(ROOT / "streamlit_app.py", default_timeout=120)
    if page:
        app.switch_page(f"pages/{page}.py")
    app.run()


@contextmanager
def _timed() -> Iterator[Counter[str]]:
    """Seconds that the script's thread spends in each part of the pages drawn meanwhile."""
    spent: Counter[str] = Counter()
    with ExitStack() as patches:
        for part, (module, name) in PARTS.items():
            room = importlib.import_module(f"pages.components.{module}")
            patches.enter_context(
                patch.object(room, name, _counted(spent, part, getattr(room, name))))
        yield spent


def _counted(spent: Counter[str], part: str, draw: Callable[..., Any]) -> Callable[..., Any]:
    def drawn(*arguments: Any) -> Any:
        started = time.thread_time()
        try:
            return draw(*arguments)
        finally:
            spent[part] += time.thread_time() - started

    return drawn


def _ms(seconds: float) -> float:
    return round(1e3 * seconds, 1)


def _p95(values: list[float]) -> float:
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]
