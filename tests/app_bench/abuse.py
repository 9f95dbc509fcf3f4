"""`python -m tests.app_bench.abuse`: one person against everybody else, with real trainings.

    python -m tests.app_bench.abuse [--tabs N] [--presses N] [--json]

One person opens sixty tabs, asks in each for another one of the largest settings, watches all of
them, and presses Train and Stop two hundred times; the store holds hundreds of runs that nobody
trained, as of somebody who played with sliders. Meanwhile somebody else comes, presses Train once,
and waits. Told are the seconds until the other's run has taken its first steps, what the greedy
person was refused, whether a run that was finished before is still there, and whether every worker
lived. Ends with 1 where the other waited for more than a minute, or anything went wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from gan_core.config.run_config import RunConfig
from gan_core.runs.eviction import MOST_RUNS
from gan_core.runs.status import RunStatus
from gan_core.runs.store import RunStore
from gan_core.serving.run_folders import EVICTION_SECONDS
from tests.app_bench.crowd import STEPS, place, same_preset
from tests.app_bench.server import Server, children
from tests.app_bench.visitor import Visitor

LARGEST = (  # what takes the most memory, or the most time
    RunConfig(architecture="dcgan_reference", batch_size=1024),
    RunConfig(architecture="dcgan", batch_size=512),
    RunConfig(batch_size=1024, discriminator_steps=10),
)
FINISHED = RunConfig(dataset="ring", steps=100)
READY = 300.0  # seconds until the workers are, or the other visitor's run is
LONGEST = 60.0  # seconds that the other may wait
STUBS = 300  # runs that nobody trained
STUB_BYTES = 1_000_000  # of each: together as much as the store may hold
MOST = 500  # tabs and presses


class Greedy:
    """One person's tabs. Each is watched by a thread of its own, which alone speaks for the tab:
    a tab that nobody looks at would give its run up after a while."""

    def __init__(self, person: Visitor, url: str, tabs: int, presses: int) -> None:
        self.pressed = 0
        self.refused = 0
        self.problems = Counter[str]()
        self._person, self._url, self._tabs = person, url, tabs
        self._left = presses
        self._lock = threading.Lock()
        self._all_asked, self._over = threading.Event(), threading.Event()
        self._asked = threading.Semaphore(0)  # released by each tab that has asked for its run
        self._threads = [threading.Thread(target=self._tab, args=[number, config], daemon=True)
                         for number, config in zip(
                             range(tabs), itertools.cycle(LARGEST), strict=False)]

    def __enter__(self) -> Greedy:
        for thread in self._threads:
            thread.start()
        for _ in self._threads:
            if not self._asked.acquire(timeout=READY):
                self.problems["a tab never asked for its run"] += 1
        self._all_asked.set()
        return self

    def __exit__(self, *problem: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(READY)

    def wait(self) -> None:
        """Until all presses are made."""
        deadline = time.monotonic() + READY
        while self._left and time.monotonic() < deadline:
            time.sleep(0.1)

    def _tab(self, number: int, config: RunConfig) -> None:
        try:
            with contextlib.closing(Visitor(self._url, person=self._person)) as tab:
                self._begin(tab, config.replace(seed=1000 + number, steps=STEPS))
                while not self._over.is_set():
                    self._press(tab)
                    self._watch(tab, 1.0)
                self.problems.update(tab.problems)
        except Exception as problem:  # it is counted; the other tabs go on
            self.problems[f"{type(problem).__name__}: {problem}"[:100]] += 1
            self._asked.release()

    def _begin(self, tab: Visitor, config: RunConfig) -> None:
        try:
            tab.open(*place(config))
            tab.press("Train")
            self.refused += not tab.watched.startswith("runs/")
        finally:
            self._asked.release()

    def _press(self, tab: Visitor) -> None:
        """Stop where something runs, Train where nothing does, once all tabs have asked: a place
        that is given back before would be another tab's. The tabs take turns by themselves."""
        with self._lock:
            if not self._left or not self._all_asked.is_set():
                return
            self._left -= 1
        for label in ("Stop", "Train"):
            with contextlib.suppress(LookupError):  # there is no such button now
                tab.press(label)
                with self._lock:
                    self.pressed += 1
                return

    def _watch(self, tab: Visitor, seconds: float) -> None:
        end = time.monotonic() + seconds
        with contextlib.suppress(TimeoutError):
            tab.watch(lambda: self._over.is_set() or time.monotonic() >= end, seconds)


def measure(tabs: int, presses: int) -> dict[str, Any]:
    """What came of one such person, at a server of its own with a small store."""
    with ExitStack() as stack:
        server = stack.enter_context(Server(GAN_LAB_MAX_STEPS="200000", GAN_LAB_STORE_MB="300"))
        first, other = (
            stack.enter_context(contextlib.closing(Visitor(server.url))) for _ in range(2))
        first.open("")
        first.watch(lambda: first.ready, READY)
        _finish(first)
        workers = set(children(server.process.pid))
        stubs = _plant_stubs(server)
        greedy = stack.enter_context(Greedy(first, server.url, tabs, presses))
        waited = _first_step(other)
        greedy.wait()
        _wait_for_eviction(server, stubs)
        row: dict[str, Any] = {
            "tabs": tabs, "presses": greedy.pressed, "refused": greedy.refused,
            "other_waited_s": waited,
            "workers_lived": set(children(server.process.pid)) == workers,
            "worker_megabytes": list(map(round, server.worker_megabytes())),
            "stubs": len(stubs), "stubs_evicted": len(_gone(server, stubs)),
            "finished_is_there": _holds(server, FINISHED),
        }
        greedy.__exit__()
        row["problems"] = sorted({*first.problems, *other.problems, *greedy.problems})
    return row


def _finish(visitor: Visitor) -> None:
    """Train a small run to its end."""
    visitor.open(*place(FINISHED))
    visitor.press("Train")
    visitor.watch(lambda: visitor.step >= FINISHED.steps, READY)


def _plant_stubs(server: Server) -> list[str]:
    """Runs that nobody trained, used later than the finished one; together they fill the store."""
    store, stubs = RunStore(server.store), []
    for number in range(min(STUBS, MOST_RUNS)):
        digest = store.create(FINISHED.replace(seed=5000 + number))
        store.write_status(digest, RunStatus("stopped", steps=FINISHED.steps))
        (store.root / digest / "log.txt").write_bytes(bytes(STUB_BYTES))
        stubs.append(digest)
    return stubs


def _wait_for_eviction(server: Server, stubs: Sequence[str]) -> None:
    """Until room was made once at least; the store is beyond its limit from the beginning."""
    deadline = time.monotonic() + 3 * EVICTION_SECONDS
    while not _gone(server, stubs) and time.monotonic() < deadline:
        time.sleep(1.0)


def _gone(server: Server, digests: Sequence[str]) -> set[str]:
    return set(digests) - set(RunStore(server.store).folders())


def _first_step(other: Visitor) -> float | None:
    """The seconds from Train until the run has taken its first steps; None if it never did."""
    other.open(*place(same_preset(0).replace(steps=STEPS)))
    began = time.monotonic()
    other.press("Train")
    try:
        other.watch(lambda: other.step > 0, READY)
    except TimeoutError:
        return None
    return round(time.monotonic() - began, 1)


def _holds(server: Server, config: RunConfig) -> bool:
    snapshot = RunStore(server.store).snapshot(config.digest())
    return snapshot is not None and snapshot.holds(config.steps)


def failures(row: dict[str, Any]) -> list[str]:
    """What must not be, in words."""
    waited = row["other_waited_s"]
    wrong = {
        "the other's run never began": waited is None,
        f"the other waited for more than {LONGEST:g} s": waited is not None and waited > LONGEST,
        "a worker ended": not row["workers_lived"],
        "the finished run is gone": not row["finished_is_there"],
        "no room was made": not row["stubs_evicted"],
    }
    return [words for words, is_so in wrong.items() if is_so] + row["problems"]


def in_words(row: dict[str, Any]) -> str:
    """The figures for people."""
    waited = row["other_waited_s"]
    return "\n".join([
        f"One person with {row['tabs']} tabs and {row['presses']} presses; {row['refused']} tabs "
        "were refused a run.",
        "Somebody else's run never began." if waited is None else
        f"Somebody else's run took its first steps after {waited:g} s.",
        f"Workers: {'all lived' if row['workers_lived'] else 'some ended'}, "
        f"{', '.join(f'{size} MB' for size in row['worker_megabytes'])}.",
        f"Of {row['stubs']} runs that nobody trained {row['stubs_evicted']} were removed for room; "
        f"the run that was finished before is {'there' if row['finished_is_there'] else 'gone'}.",
        f"Failures: {', '.join(failures(row)) or 'none'}.",
    ])


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.app_bench.abuse", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--tabs", type=int, default=60, metavar="N", help="default: 60")
    parser.add_argument("--presses", type=int, default=200, metavar="N", help="default: 200")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args()
    if not (1 <= options.tabs <= MOST and 0 <= options.presses <= MOST):
        parser.error(f"--tabs must be from 1 to {MOST}, --presses from 0 to {MOST}.")
    row = measure(options.tabs, options.presses)
    print(json.dumps(row, indent=1) if options.json else in_words(row))
    sys.exit(bool(failures(row)))


if __name__ == "__main__":
    main()
