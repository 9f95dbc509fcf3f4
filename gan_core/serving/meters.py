"""What the server counts of itself: requests, their seconds, refusals; as Prometheus reads it.

https://prometheus.io/docs/instrumenting/exposition_formats/ (text format 0.0.4). Torch-free.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from gan_core.serving.pool import PoolState

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BOUNDS = (0.001, 0.005, 0.02, 0.1, 0.5, 2.0)  # seconds; upper ends of the histogram's bins


class Meters:
    """Counts since the server began; any thread may add to them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: Counter[tuple[str, int]] = Counter()  # route and status
        self._within: Counter[tuple[str, float]] = Counter()  # route and bound
        self._seconds: defaultdict[str, float] = defaultdict(float)  # by route

    def answered(self, route: str, status: int, seconds: float) -> None:
        """A request was answered. `route` is one of a few names, never a visitor's words."""
        with self._lock:
            self._answers[route, status] += 1
            self._seconds[route] += seconds
            for bound in BOUNDS:
                if seconds <= bound:
                    self._within[route, bound] += 1

    def exposition(
        self, pool: PoolState | None, stored_runs: int, tabs: int, people: int, refusals: int
    ) -> str:
        """Everything in Prometheus's text format; without a pool, what needs none."""
        with self._lock:
            return "".join([
                *_of_pool(pool),
                _family("runs_stored", "gauge", "Runs in the store", {"": stored_runs}),
                _family("visitors", "gauge", "Open tabs", {"": tabs}),
                _family("people", "gauge", "People who have opened them", {"": people}),
                _family("refusals_total", "counter",
                        "Attempts to train or measure that were one too many", {"": refusals}),
                _family("requests_total", "counter", "Answers of the live routes",
                        {_labels(route=route, status=str(status)): count
                         for (route, status), count in self._answers.items()}),
                self._latencies(),
            ])

    def _latencies(self) -> str:
        lines = [_head("request_seconds", "histogram", "Server time of the live routes")]
        for route, seconds in self._seconds.items():
            count = sum(n for (of, _), n in self._answers.items() if of == route)
            bins = {f"{bound:g}": self._within[route, bound] for bound in BOUNDS} | {"+Inf": count}
            lines += [_sample("request_seconds_bucket", _labels(route=route, le=bound), n)
                      for bound, n in bins.items()]
            lines.append(_sample("request_seconds_sum", _labels(route=route), seconds))
            lines.append(_sample("request_seconds_count", _labels(route=route), count))
        return "".join(lines)


def _of_pool(pool: PoolState | None) -> Iterable[str]:
    if pool is None:
        return
    yield _family("workers", "gauge", "Training processes",
                  {_labels(state="wanted"): pool.workers, _labels(state="ready"): pool.ready})
    yield _family("jobs", "gauge", "Runs and prices that visitors wait for",
                  {_labels(state="training"): pool.training,
                   _labels(state="waiting"): pool.waiting})


def _family(name: str, kind: str, meaning: str, samples: Mapping[str, float]) -> str:
    return _head(name, kind, meaning) + "".join(
        _sample(name, labels, value) for labels, value in samples.items())


def _head(name: str, kind: str, meaning: str) -> str:
    return f"# HELP gan_lab_{name} {meaning}.\n# TYPE gan_lab_{name} {kind}\n"


def _sample(name: str, labels: str, value: float) -> str:
    return f"gan_lab_{name}{labels} {value:.10g}\n"


def _labels(**labels: str) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}"
