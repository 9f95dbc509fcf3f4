"""Measuring a price: exact where it can be, short, and no hindrance to anybody. No wall times."""

from __future__ import annotations

import pytest
import torch

from gan_core.benchmarks import price_measurement, step_cost
from gan_core.benchmarks.memory import account_memory
from gan_core.benchmarks.step_phases import Watched
from gan_core.config.run_config import RunConfig
from gan_core.cost.prices import PriceRequest
from gan_core.training.trainer import Training

CPU = torch.device("cpu")
RING = RunConfig(dataset="ring", batch_size=16, precision="float32")
DCGAN = RunConfig(architecture="dcgan", batch_size=4, width=0.25, precision="float32")


def price(request: PriceRequest, should_stop=lambda: None):
    return price_measurement.price(request, CPU, should_stop, block_seconds=0.01)


def test_a_price_is_that_of_the_whole_account():
    """The page and `python -m gan_core cost` would tell different FLOPs, weights or bytes."""
    config = RING.replace(r1=1, ema=0.9, discriminator_steps=2)
    found, whole = price(PriceRequest(config)), Watched(config, CPU)
    assert found.flops == sum(step_cost.count_flops(whole).values())
    held = account_memory(whole)
    assert found.memory == sum(held.values()) - held["data"]
    assert found.parameters["generator"] == sum(w.numel() for w in whole.parameters_g)
    assert found.parameters["discriminator"] == sum(w.numel() for w in whole.parameters_d)
    assert found.precision == "float32" and "CPU" in found.device and found.ratios == {}


def test_a_remedy_is_measured_in_turn_with_its_base(monkeypatch):
    """One after the other, a machine that slows down would make the second look dear."""
    order = []
    monkeypatch.setattr(step_cost, "time_step", lambda training, steps, clock: (
        order.append(training.config.r1), 2.0 + training.config.r1)[1])
    found = price(PriceRequest(RING.replace(r1=1), RING))
    assert order[2:] == [1.0, 0.0] * price_measurement.BLOCKS
    assert found.ratios["time"] == 1.5
    assert found.ratios["flops"] > 1


def test_the_median_block_counts_and_a_block_is_as_many_steps_as_fit(monkeypatch):
    """One hiccup of the machine would decide, or a slow network be measured for minutes."""
    told, asked = iter([100.0, 90.0, 500.0, 80.0]), []
    monkeypatch.setattr(step_cost, "time_step", lambda training, steps, clock: (
        asked.append(steps), next(told))[1])
    found = price_measurement.price(PriceRequest(RING), CPU, block_seconds=1.0)
    assert found.step_ms == 90.0
    assert asked[:2] == [1, 10] and min(asked) == 1


def test_processor_time_is_called_so():
    """Times that leave out the others' work would pass for what a visitor waits."""
    found = price_measurement.price(PriceRequest(RING), CPU, block_seconds=0.01, processor_time=True)
    assert found.device.endswith("processor time") and found.step_ms > 0
    assert "processor time" not in price(PriceRequest(RING)).device


def test_it_ends_when_nobody_waits_for_it():
    """A worker would go on measuring for a tab that was closed."""
    asked = iter([None, None, None, "enough"])
    with pytest.raises(price_measurement.Interrupted, match="enough"):
        price(PriceRequest(RING), lambda: next(asked))


def test_images_of_another_side_cost_their_pixels():
    """The curve of the side would be that of other networks: all layers see four times as many."""
    small, large = (price(PriceRequest(DCGAN, side=side)).flops for side in (28, 56))
    assert large == 4 * small


def test_random_images_of_mnists_side_would_cost_what_mnist_does():
    """The point at 28 pixels would not lie on the curve of the others."""
    own = step_cost.count_flops(price_measurement.Resized(DCGAN, CPU, 28))
    assert own == step_cost.count_flops(Watched(DCGAN, CPU))


@pytest.mark.parametrize(("config", "side"), [(DCGAN, 30), (RING, 56), (RunConfig(), 56)])
def test_a_side_that_the_networks_cannot_have_is_refused(config, side):
    """It would end in a stack trace about shapes."""
    with pytest.raises(ValueError, match="side must be 28, or a multiple of 4"):
        price(PriceRequest(config, side=side))


def test_measuring_leaves_runs_as_they_are():
    """The same worker trains runs: they must come out to the last bit as without it."""
    price(PriceRequest(RING.replace(dropout=0.2), RING))
    after = Training(RING, CPU)
    after.train_step()
    torch.rand(3)
    again = Training(RING, CPU)
    again.train_step()
    for mine, theirs in zip(after.parameters_g, again.parameters_g, strict=True):
        assert torch.equal(mine, theirs)
