"""Prices: requests, stored prices, and the lists that the page shows. Nothing is timed."""

from __future__ import annotations

import dataclasses
import json
import math
import re

import pytest

from gan_core.config.recipes import PLAIN, REMEDIES
from gan_core.config.run_config import RunConfig
from gan_core.cost import price_list, published
from gan_core.cost.prices import RATIOS, SIDE, Price, PriceRequest, PriceStore

RING = RunConfig(dataset="ring", batch_size=16)
ASKED = PriceRequest(RING.replace(r1=1), RING)


def priced(request: PriceRequest = ASKED, flops: float = 1000.0, step_ms: float = 2.0) -> Price:
    """A price as a worker would write it."""
    ratios = dict.fromkeys(RATIOS, 1.5) if request.base else {}
    return Price(request, "CPU, 1 thread", "float32", {"generator": 5, "discriminator": 3},
                 int(flops), step_ms, 4_000_000, ratios, 1_795_326_195.0)


@pytest.fixture
def store(tmp_path) -> PriceStore:
    return PriceStore(tmp_path / "runs")


# --- one price ------------------------------------------------------------------------------------


@pytest.mark.parametrize("request_", [ASKED, PriceRequest(RING), PriceRequest(RING, side=56)])
def test_what_is_written_is_what_is_read(store, request_):
    """The page would show another price than the worker measured."""
    assert store.read(request_) is None
    store.write(priced(request_))
    assert store.read(request_) == priced(request_)
    store.remove(request_)
    store.remove(request_)
    assert store.read(request_) is None


@pytest.mark.parametrize("content", [
    b"", b"\xff\xfe", b"{", b"[]", b"null", b"[" * 100_000, b'{"request": 3}',
    json.dumps({**priced().to_dict(), "step_ms": 0}).encode(),
    json.dumps({**priced().to_dict(), "flops": math.inf}).encode(),
    json.dumps({**priced().to_dict(), "ratios": {}}).encode(),
    json.dumps({**priced().to_dict(), "request": {"config": {"r1": -1}}}).encode(),
])
def test_a_damaged_file_is_as_good_as_none(store, content):
    """A torn file would break the page, or show nonsense, until somebody removes it by hand."""
    store.write(priced())
    store.path(ASKED).write_bytes(content)
    assert store.read(ASKED) is None


def test_different_questions_have_different_names():
    """The answer to one question would be shown for another; steps and length do not matter."""
    questions = [PriceRequest(RING), PriceRequest(RING, side=56), ASKED,
                 PriceRequest(RING.replace(r1=1)), PriceRequest(RING, RING.replace(r1=1))]
    assert len({question.name for question in questions}) == len(questions)
    assert PriceRequest(RING.replace(steps=7)).name == PriceRequest(RING).name
    assert all(re.fullmatch(r"[0-9a-z-]+", question.name) for question in questions)


def test_images_per_second_count_every_d_step():
    """A critic that sees five batches a step would look five times as slow as it is."""
    five = PriceRequest(RING.replace(discriminator_steps=5))
    assert priced(five, step_ms=10.0).images_per_second == 16 * 5 / 0.01


# --- the lists ------------------------------------------------------------------------------------


def test_every_remedy_has_its_price_beside_the_plain_gan():
    """A remedy added to the recipes would be missing from the price list, or priced alone."""
    assert set(price_list.REMEDY_PRICES) == set(REMEDIES) - {"plain"}
    assert all(request.base == PLAIN for request in price_list.REMEDY_PRICES.values())


def test_growth_varies_one_thing_around_the_apps_default_size():
    """A slope over points that differ in more than one way would mean nothing."""
    for name, growth in price_list.GROWTH.items():
        assert len(growth.requests) >= 3 and growth.default not in growth.requests, name
        for size, request in growth.requests.items():
            changes = request.config.changes(base=request.base)
            changes |= {"side": request.side} if request.side != SIDE else {}
            assert changes == {name: size}, name
        assert growth.default == {**RunConfig().to_dict(), "side": SIDE}[name], name


def test_growth_is_relative_to_the_apps_default_size():
    """The curve would not pass through 1 × where the page says it does."""
    growth = price_list.GROWTH["width"]
    prices = {size: dataclasses.replace(priced(request), ratios=dict.fromkeys(RATIOS, size**2))
              for size, request in growth.requests.items()}
    assert growth.costs(prices, "time") == {0.25: 0.0625, 0.5: 0.25, 1.0: 1.0, 2.0: 4.0, 4.0: 16.0}


def test_the_slope_is_that_of_a_power_law():
    """The sentence "doubling costs …" would be wrong."""
    sizes = [1.0, 2.0, 5.0, 16.0]
    rise, height = price_list.power_law(sizes, [3 * size**1.7 for size in sizes])
    assert rise == pytest.approx(1.7) and math.exp(height) == pytest.approx(3)
    with pytest.raises(ValueError, match="two different sizes"):
        price_list.power_law([2.0, 2.0], [1.0, 2.0])


# --- the recorded figures -------------------------------------------------------------------------


def test_all_prices_ship_measured_on_one_machine():
    """The page would open with gaps, or compare the times of two machines."""
    prices = price_list.recorded()
    assert set(prices) == {request.name for request in price_list.requests()}
    assert len({price.device for price in prices.values()}) == 1
    for request in price_list.requests():
        assert dict(prices[request.name].ratios).keys() == (set(RATIOS) if request.base else set())


def test_recorded_prices_agree_with_what_can_be_derived():
    """Exact figures: FLOPs are proportional to the batch and to the square of the side; five
    critic steps cost more than twice a plain step, and label smoothing adds no product."""
    prices = price_list.recorded()
    for name, power in (("batch_size", 1), ("side", 2)):
        growth = price_list.GROWTH[name]
        for size, request in growth.requests.items():
            flops = prices[request.name].ratios["flops"]
            assert flops == pytest.approx((size / growth.default) ** power)
    ratios = {name: prices[request.name].ratios
              for name, request in price_list.REMEDY_PRICES.items()}
    assert ratios["wgan"]["flops"] > 2 and ratios["label-smoothing"]["flops"] == 1


def test_the_file_of_recorded_prices_is_read_as_it_was_written(tmp_path):
    """`python -m gan_core prices --write` would write what the page cannot read."""
    path = tmp_path / "prices.json"
    assert price_list.recorded(path) == {}
    path.write_text(price_list.to_json([priced(), priced(PriceRequest(RING))]))
    price_list.recorded.cache_clear()
    prices = price_list.recorded(path)
    assert list(prices.values()) == [priced(), priced(PriceRequest(RING))]
    assert price_list.day(prices[ASKED.name]) == "2026-11-22"


# --- published models -----------------------------------------------------------------------------


def test_gpu_days_are_hardware_times_duration():
    """The column that compares models would not follow from what the source says."""
    for model in published.MODELS:
        count = int(model.hardware.split(" × ")[0])
        days = re.search(r"(\d+) days", model.duration)
        hours = re.search(r"(\d+) hours", model.duration)
        total = int(days[1]) + (int(hours[1]) / 24 if hours else 0)
        assert model.gpu_days == pytest.approx(count * total), model
        assert model.link.startswith("https://") and 2014 <= model.year <= 2026, model


def test_recorded_prices_cannot_be_changed_by_a_reader():
    """One visitor's table would change everybody's: they share the recorded prices."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        next(iter(price_list.recorded().values())).step_ms = 1.0
