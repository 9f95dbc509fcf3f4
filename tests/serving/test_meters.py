"""What Prometheus reads: counts, gauges and one histogram in its text format."""

from __future__ import annotations

import re

from gan_core.serving.meters import BOUNDS, Meters
from gan_core.serving.pool import PoolState

LINE = re.compile(r'gan_lab_[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.e+-]+')


def samples(meters: Meters) -> dict[str, float]:
    """The exposition as names with labels, and values; every line is checked."""
    text = meters.exposition(
        PoolState(2, 1, "fake", 3, 1), stored_runs=7, tabs=4, people=3, refusals=1)
    assert text.endswith("\n")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert all(map(LINE.fullmatch, lines)), lines
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_what_is_counted_is_there_by_its_name() -> None:
    """A monitor shows nothing, or the wrong thing."""
    meters = Meters()
    for seconds in (0.0004, 0.003, 7.0):
        meters.answered("live", 200, seconds)
    meters.answered("live", 404, 0.0001)
    read = samples(meters)
    assert read['gan_lab_workers{state="ready"}'] == 1
    assert read['gan_lab_jobs{state="waiting"}'] == 3 and read["gan_lab_visitors"] == 4
    assert read["gan_lab_people"] == 3
    assert read["gan_lab_runs_stored"] == 7 and read["gan_lab_refusals_total"] == 1
    assert read['gan_lab_requests_total{route="live",status="200"}'] == 3
    bins = [read[f'gan_lab_request_seconds_bucket{{route="live",le="{bound}"}}']
            for bound in (*(f"{bound:g}" for bound in BOUNDS), "+Inf")]
    assert bins == [2, 3, 3, 3, 3, 3, 4]
    assert read['gan_lab_request_seconds_count{route="live"}'] == 4


def test_a_server_without_a_queue_counts_what_it_can() -> None:
    """A monitor that asks too early gets an error."""
    text = Meters().exposition(None, 0, 0, 0, 0)
    assert "gan_lab_visitors 0" in text and "gan_lab_workers" not in text
