"""`python -m tests.app_bench.abuse`: one person against everybody else, with real trainings.

    python -m tests.app_bench.abuse [--tabs N] [--presses N] [--json]

One person opens sixty tabs, asks in each for another one of the largest settings, and presses Train
and Stop two hundred times. Meanwhile somebody else comes, presses Train once, and waits. Told are
the seconds until the other's run has taken its first steps, what the greedy person was refused,
whether a run that was finished before is still there, and whether every worker lived.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

from gan_core.config.run_config import RunConfig
from gan_core.runs.store import RunStore
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
MOST = 500  # tabs and presses


def measure(tabs: int, presses: int) -> dict[str, Any]:
    """What came of one such person, at a server of its own with a small store."""
    with Server(GAN_LAB_MAX_STEPS="200000", GAN_LAB_STORE_MB="300") as server:
        first = Visitor(server.url)
        first.open("")
        first.watch(lambda: first.ready, READY)
        _finish(first)
        workers = children(server.process.pid)
        greedy = _tabs_of(first, tabs, server)
        pressing = threading.Thread(target=_press_all, args=[greedy, presses])
        pressing.start()
        other, waited = _other(server)
        pressing.join()
        row = {
            "tabs": tabs, "presses": presses,
            "refused": sum(not visitor.watched.startswith("runs/") for visitor in greedy),
            "other_waited_s": waited, "workers_lived": children(server.process.pid) == workers,
            "worker_megabytes": list(map(round, server.worker_megabytes())),
            "finished_is_there": _holds(server, FINISHED),
            "problems": sorted({problem for visitor in (first, other, *greedy)
                                for problem in visitor.problems}),
        }
        for visitor in (first, other, *greedy):
            visitor.close()
    return row


def _finish(visitor: Visitor) -> None:
    """Train a small run to its end."""
    visitor.open(*place(FINISHED))
    visitor.press("Train")
    visitor.watch(lambda: visitor.step >= FINISHED.steps, READY)


def _tabs_of(person: Visitor, tabs: int, server: Server) -> list[Visitor]:
    """Tabs of one person, in each of which Train was pressed for another large run."""
    opened = []
    for number, config in zip(range(tabs), itertools.cycle(LARGEST), strict=False):
        tab = Visitor(server.url, person=person)
        tab.open(*place(config.replace(seed=1000 + number, steps=STEPS)))
        tab.press("Train")
        opened.append(tab)
    return opened


def _press_all(tabs: Sequence[Visitor], presses: int) -> None:
    """Stop where something runs, Train where nothing does, one tab after the other."""
    for tab in itertools.islice(itertools.cycle(tabs), presses):
        for label in ("Stop", "Train"):
            with contextlib.suppress(LookupError):  # there is no such button now
                tab.press(label)
                break


def _other(server: Server) -> tuple[Visitor, float]:
    """Somebody else, and the seconds from Train until the run has taken its first steps."""
    other = Visitor(server.url)
    other.open(*place(same_preset(0).replace(steps=STEPS)))
    began = time.monotonic()
    other.press("Train")
    with contextlib.suppress(TimeoutError):
        other.watch(lambda: other.step > 0, READY)
    return other, round(time.monotonic() - began, 1)


def _holds(server: Server, config: RunConfig) -> bool:
    snapshot = RunStore(server.store).snapshot(config.digest())
    return snapshot is not None and snapshot.holds(config.steps)


def in_words(row: dict[str, Any]) -> str:
    """The figures for people."""
    return "\n".join([
        f"One person with {row['tabs']} tabs and {row['presses']} presses; {row['refused']} tabs "
        "were refused a run.",
        f"Somebody else's run took its first steps after {row['other_waited_s']:g} s.",
        f"Workers: {'all lived' if row['workers_lived'] else 'some ended'}, "
        f"{', '.join(f'{size} MB' for size in row['worker_megabytes'])}.",
        f"The run that was finished before is {'there' if row['finished_is_there'] else 'gone'}.",
        f"Problems: {', '.join(row['problems']) or 'none'}.",
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
    sys.exit(not (row["workers_lived"] and row["finished_is_there"] and not row["problems"]))


if __name__ == "__main__":
    main()
