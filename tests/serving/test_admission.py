"""Admission: what one viewer, or all of them, may ask of the queue."""

from __future__ import annotations

import pytest

from gan_core.config.batching import MOST_RUNS
from gan_core.config.validation import ConfigError
from gan_core.serving.admission import MOST_ALIKE, MOST_OF_A_VIEWER, QueueFull
from tests.support.queues import RING, apart, band, seeded


def test_one_viewer_cannot_fill_the_queue(fakes):
    """One student's tab could otherwise keep the workers busy for the rest of the lesson."""
    queue = fakes.queue()
    mine = [queue.submit(apart(number), "a") for number in range(MOST_OF_A_VIEWER)]
    with pytest.raises(QueueFull, match=r"^You already have 4 runs .*\.$"):
        queue.submit(apart(50), "a")
    assert not fakes.store.exists(apart(50).digest())  # nor does it fill the disk
    queue.submit(apart(3).replace(steps=9000), "a")  # one's own run goes further
    queue.submit(apart(50), "b")
    queue.submit(apart(50), "a")  # sharing costs nothing
    finished = fakes.trained(apart(51), "finished", RING.steps)
    assert queue.submit(apart(51), "a") == finished
    for digest in mine:
        queue.release(digest, "a")
    assert queue.snapshot(queue.submit(apart(52), "a")).live


def test_the_queue_is_bounded(fakes, monkeypatch):
    """Made-up viewers could otherwise fill memory and disk with waiting runs."""
    monkeypatch.setattr("gan_core.serving.admission.MOST_WAITING", 3)
    queue = fakes.queue()
    for number in range(4):  # one of them is in training
        queue.submit(seeded(number), f"viewer {number}")
    with pytest.raises(QueueFull, match=r"^3 runs are waiting .*\.$"):
        queue.submit(seeded(50), "late")
    queue.submit(seeded(3), "late")


def test_a_band_counts_as_one_of_a_viewers_runs(fakes):
    """Eight seeds would be refused, or Train be refused while they train."""
    queue = fakes.queue()
    queue.submit_together(band(8), "a")
    for number in range(MOST_OF_A_VIEWER - 1):
        queue.submit(apart(number), "a")
    with pytest.raises(QueueFull, match="You already have 4 runs"):
        queue.submit(apart(50), "a")
    queue.submit_together(band(MOST_RUNS), "a")  # it has room
    with pytest.raises(QueueFull, match="You already have 4 runs"):
        queue.submit_together(band(MOST_RUNS + 1), "a")


def test_one_visitors_batches_are_bounded(fakes):
    """Otherwise one visitor's seeds would fill the queue for everybody."""
    queue = fakes.queue()
    with pytest.raises(QueueFull, match="already have"):
        queue.submit_together(band(MOST_ALIKE + 1), "a")
    assert len(queue.submit_together(band(MOST_ALIKE), "a")) == MOST_ALIKE


def test_a_band_is_refused_as_a_whole(fakes, monkeypatch):
    """Seeds that the page does not show would be trained, and fill the disk."""
    monkeypatch.setattr("gan_core.serving.admission.MOST_WAITING", 3)
    queue = fakes.queue()
    queue.submit(apart(50), "a")
    with pytest.raises(QueueFull, match="runs are waiting"):
        queue.submit_together(band(4), "a")
    with pytest.raises(ConfigError, match="steps"):
        queue.submit_together([*band(2), RING.replace(steps=60_000)], "a")
    assert queue.pool().waiting == 0
    assert not any(fakes.store.exists(config.digest()) for config in band(4))
    queue.submit_together(band(3), "a")
