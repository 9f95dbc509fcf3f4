"""Runs in a store that tests stop, and compare with others."""

from __future__ import annotations

from collections.abc import Callable

from gan_core.runs.store import RunSnapshot


def stop_after(count: int) -> Callable[[], str | None]:
    """A should_stop that stops at the count-th record."""
    asked = iter(range(count))
    return lambda: None if next(asked, None) is not None else "enough"


def same_records(snapshot: RunSnapshot, other: RunSnapshot) -> bool:
    """Whether two runs look the same to whoever reads their stores."""
    return (
        snapshot.history.steps == other.history.steps
        and snapshot.history.evaluations == other.history.evaluations
        and snapshot.samples == other.samples
    )
