"""Crowd: visitors who arrive within a while, press Train, and watch until the time is over."""

from __future__ import annotations

import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from gan_core.config.presets import CHALLENGES
from gan_core.config.run_config import RunConfig
from pages.components.state import LINK_VERSION
from tests.app_bench.connection import PATIENCE
from tests.app_bench.live_feed import Look
from tests.app_bench.visitor import Visitor

PAGE = "mode_collapse"
PRESETS = [CHALLENGES[PAGE].presets[name].config for name in ("broken", "fixed")]
STEPS = 50_000  # more than anybody waits for: what is watched is live until the end


def same_preset(number: int) -> RunConfig:
    """Every other visitor presses Break it, the others Fix it: two trainings, watched by all."""
    return PRESETS[number % len(PRESETS)]


def other_seeds(number: int) -> RunConfig:
    """Everybody presses Break it with a seed of their own: two trainings, the others wait."""
    return PRESETS[0].replace(seed=1000 + number)


WISHES: dict[str, Callable[[int], RunConfig]] = {
    "same preset": same_preset, "different seeds": other_seeds}


def place(config: RunConfig) -> tuple[str, str]:
    """The page and the query that show this run's settings."""
    return PAGE, urllib.parse.urlencode({"v": LINK_VERSION, **config.to_query(full=True)})


def address(config: RunConfig) -> str:
    """The page with these settings for a long run, relative to the app."""
    return "?".join(place(config.replace(steps=STEPS)))


@dataclass
class Visit:
    """What one visitor met."""

    opened: float = 0.0  # seconds from the address to the last part of the page; 0 if it never came
    trained: float = 0.0  # seconds from Train to the answer
    looks: list[Look] = field(default_factory=list)
    refused: bool = False  # the page said in a sentence that there is no place now
    problems: Counter[str] = field(default_factory=Counter)

    def news(self) -> Iterator[tuple[Look, int]]:
        """The looks that brought something new of a live run, with the step known before."""
        known: dict[str, int] = {}
        for look in self.looks:
            before = known.get(look.digest)
            if before is not None and look.step > before:
                yield look, before
            known[look.digest] = look.step


@dataclass(frozen=True)
class Visitors:
    """The visits of a crowd at the app at `url`; they arrive from `begin` on within `arrival`
    seconds and stay until `end`, both in time.monotonic()."""

    url: str
    wish: Callable[[int], RunConfig]
    count: int
    begin: float
    arrival: float
    end: float

    def visit_all(self, meanwhile: Callable[[], None]) -> list[Visit]:
        """All visits, each in a thread of its own; `meanwhile` runs in this one."""
        visits = [Visit() for _ in range(self.count)]
        threads = [threading.Thread(target=self._visit, args=[number, visit], daemon=True)
                   for number, visit in enumerate(visits)]
        for thread in threads:
            thread.start()
        meanwhile()
        for thread in threads:
            thread.join(max(0.0, self.end + 2 * PATIENCE - time.monotonic()))
        for thread, visit in zip(threads, visits, strict=True):
            if thread.is_alive():
                visit.problems["it never ended"] += 1
        return visits

    def _visit(self, number: int, visit: Visit) -> None:
        arrival = self.begin + self.arrival * number / max(1, self.count)
        time.sleep(max(0.0, arrival - time.monotonic()))
        try:
            self._stay(number, visit)
        except Exception as problem:  # it is counted; the others go on
            visit.problems[f"{type(problem).__name__}: {problem}"[:100]] += 1

    def _stay(self, number: int, visit: Visit) -> None:
        page, query = place(self.wish(number).replace(steps=STEPS))
        began = time.monotonic()
        visitor = Visitor(self.url, with_files=True)
        try:
            visitor.open(page, query)
            visit.opened = time.monotonic() - began
            visit.trained = visitor.press("Train").seconds
            visit.refused = not visitor.watched.startswith("runs/")
            left = self.end - time.monotonic()
            visitor.watch(lambda: time.monotonic() >= self.end, max(0.0, left) + 1)
        finally:
            visit.looks = visitor.looks
            for problem in visitor.problems:
                visit.problems[problem] += 1
            visitor.close()
