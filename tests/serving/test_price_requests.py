"""Prices in the queue: measured once, and by the same rules as runs."""

from __future__ import annotations

import pytest

from gan_core.cost.prices import Price, PriceRequest, PriceStore
from gan_core.serving.admission import QueueFull
from tests.support.queues import RING, apart, seeded, until

ASKED = PriceRequest(RING)


def answer(request: PriceRequest, device: str = "fake", step_ms: float = 2.0) -> Price:
    ratios = {"time": 1.0, "flops": 1.0, "memory": 1.0} if request.base else {}
    return Price(request, device, "float32", {"generator": 5, "discriminator": 3}, 1000, step_ms,
                 4000, ratios, 1e9)


def test_equal_questions_share_one_measurement(fakes):
    """Forty students who press Measure would otherwise keep the workers busy for minutes."""
    queue = fakes.queue()
    for number in range(40):
        queue.measure(ASKED, f"viewer {number}")
    until(fakes.priced)
    assert queue.price(ASKED).live and queue.price(ASKED).price is None
    PriceStore(fakes.store.root).write(answer(ASKED))
    fakes.finish(ASKED.name)
    until(lambda: not queue.price(ASKED).live)
    assert queue.price(ASKED).price == answer(ASKED)
    queue.measure(ASKED, "late")
    assert fakes.priced() == [ASKED.name] and not queue.price(ASKED).live
    order = next(order for order in fakes.orders() if "price" in order)
    assert PriceRequest.from_dict(order["request"]) == ASKED


def test_prices_wait_their_turn_among_runs(fakes):
    """One student's price list must not hold up everybody else's first run."""
    queue = fakes.queue()
    running = queue.submit(RING, "a")
    requests = [PriceRequest(apart(number)) for number in range(1, 4)]
    for request in requests:
        queue.measure(request, "greedy")
    modest = queue.submit(apart(9), "modest")
    assert queue.snapshot(modest).place == 2
    with pytest.raises(QueueFull, match="You already have 8 prices"):
        for number in range(20, 30):
            queue.measure(PriceRequest(apart(number)), "greedy")
    queue.submit(apart(31), "greedy")  # which they must not keep from training
    fakes.finish(running)
    until(lambda: fakes.priced() == [requests[0].name])


def test_a_price_that_nobody_waits_for_is_dropped(fakes, monkeypatch):
    """Closed tabs would otherwise have the machine measure for nobody."""
    monkeypatch.setattr("gan_core.serving.housekeeping.SECONDS", 0.05)
    queue = fakes.queue(grace=1.0)
    waiting = PriceRequest(seeded(1))
    queue.measure(ASKED, "a")
    queue.measure(waiting, "a")
    until(lambda: not queue.price(waiting).live)
    until(lambda: fakes.stopped() == [ASKED.name])
    until(lambda: not queue.price(ASKED).live)
    assert queue.price(ASKED).failure == queue.price(waiting).failure == ""
    assert fakes.priced() == [ASKED.name]


def test_a_failed_price_says_why_and_can_be_asked_for_again(fakes):
    """The row would say "measuring" for ever, or the failure stay when it no longer holds."""
    queue = fakes.queue()
    queue.measure(ASKED, "a")
    until(fakes.priced)
    (fakes.folder / f"fail-{ASKED.name}").touch()
    until(lambda: queue.price(ASKED).failure == "It failed.")
    queue.measure(ASKED, "a")
    assert queue.price(ASKED).live and queue.price(ASKED).failure == ""
    (fakes.folder / f"die-{ASKED.name}").touch()
    until(lambda: queue.price(ASKED).failure)
    assert queue.price(ASKED).failure == (
        "The training process ended unexpectedly (killed, perhaps for lack of memory); "
        "measure again.")


def test_failures_are_not_kept_without_end(fakes, monkeypatch):
    """A server that runs for a term would otherwise remember every failure."""
    monkeypatch.setattr("gan_core.serving.price_requests.MOST_FAILURES", 2)
    queue = fakes.queue()
    requests = [PriceRequest(seeded(number)) for number in range(3)]
    for request in requests:
        (fakes.folder / f"fail-{request.name}").touch()
        queue.measure(request, "a")
        until(lambda request=request: queue.price(request).failure)
    assert [bool(queue.price(request).failure) for request in requests] == [False, True, True]


def test_the_price_of_another_machine_is_none_of_this_one(fakes):
    """A store copied from a laptop would show the server's visitors the laptop's times."""
    queue = fakes.queue()
    PriceStore(fakes.store.root).write(answer(ASKED, "another processor"))
    assert queue.price(ASKED).price is None
    queue.measure(ASKED, "a")
    until(fakes.priced)


def test_a_forgotten_price_is_measured_anew(fakes):
    """A time taken while the machine was busy would stay for ever."""
    queue = fakes.queue()
    PriceStore(fakes.store.root).write(answer(ASKED))
    queue.forget(ASKED)
    assert queue.price(ASKED).price is None
    queue.measure(ASKED, "a")
    until(fakes.priced)
