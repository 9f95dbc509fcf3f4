"""Measuring a price: exact where it can be, short, and stopped when nobody waits. No wall times."""

from __future__ import annotations

import pytest
import torch

from gan_core.benchmarks import price_measurement, step_cost
from gan_core.benchmarks.memory import account_memory
from gan_core.config.run_config import RunConfig
from gan_core.cost.prices import PriceRequest
from gan_core.training.trainer import Trainer

CPU = torch.device("cpu")
RING = RunConfig(dataset="ring", batch_size=16, precision="float32")
DCGAN = RunConfig(architecture="dcgan", batch_size=4, width=0.25, precision="float32")


def price(request: PriceRequest, should_stop=lambda: None):
    return price_measurement.price(request, CPU, should_stop, block_seconds=0.01)


def test_a_price_is_the_cost_that_the_command_line_reports():
    """The page and `python -m gan_core cost` would report different FLOPs, weights or bytes."""
    config = RING.replace(r1=1, ema=0.9, discriminator_steps=2)
    measured, trainer = price(PriceRequest(config)), Trainer(config, CPU)
    assert measured.flops == sum(step_cost.count_flops(trainer).values())
    memory = account_memory(trainer)
    assert measured.memory == sum(memory.values()) - memory["data"]
    assert measured.parameters == step_cost.count_parameters(trainer)
    assert measured.precision == "float32"
    assert "CPU" in measured.device
    assert measured.ratios == {}


def test_blocks_of_a_remedy_and_of_its_base_alternate(monkeypatch):
    """If the base came first, a machine that slows down would make the remedy look dear."""
    order = []
    monkeypatch.setattr(step_cost, "time_step", lambda trainer, steps, clock: (
        order.append(trainer.config.r1), 2.0 + trainer.config.r1)[1])
    measured = price(PriceRequest(RING.replace(r1=1), RING))
    assert order[2:] == [1.0, 0.0] * price_measurement.BLOCKS
    assert measured.ratios["time"] == 1.5
    assert measured.ratios["flops"] > 1


def test_the_median_block_counts_and_a_block_is_as_many_steps_as_fit(monkeypatch):
    """One hiccup of the machine would decide, or a slow network be measured for minutes."""
    milliseconds, blocks = iter([100.0, 90.0, 500.0, 80.0]), []
    monkeypatch.setattr(step_cost, "time_step", lambda trainer, steps, clock: (
        blocks.append(steps), next(milliseconds))[1])
    measured = price_measurement.price(PriceRequest(RING), CPU, block_seconds=1.0)
    assert measured.step_ms == 90.0
    assert blocks[:2] == [1, 10]
    assert min(blocks) == 1


def test_processor_time_is_called_so():
    """Times that leave out waiting would pass for those that a visitor waits."""
    measured = price_measurement.price(
        PriceRequest(RING), CPU, block_seconds=0.01, processor_time=True)
    assert measured.device.endswith("processor time")
    assert measured.step_ms > 0
    assert "processor time" not in price(PriceRequest(RING)).device


def test_it_ends_when_nobody_waits_for_it():
    """A worker would go on measuring for a tab that was closed."""
    reasons = iter([None, None, None, "enough"])
    with pytest.raises(price_measurement.Interrupted, match="enough"):
        price(PriceRequest(RING), lambda: next(reasons))


def test_images_of_another_side_cost_their_pixels():
    """The curve of the side would be that of other networks: all layers see four times as many."""
    small, large = (price(PriceRequest(DCGAN, side=side)).flops for side in (28, 56))
    assert large == 4 * small


def test_random_images_of_mnists_side_would_cost_what_mnist_does():
    """The point at 28 pixels would not lie on the curve of the others."""
    images = price_measurement.random_images(28, CPU)
    assert (step_cost.count_flops(Trainer(DCGAN, CPU, data=images))
            == step_cost.count_flops(Trainer(DCGAN, CPU)))


def test_a_side_that_the_networks_cannot_have_is_refused():
    """It would end in a stack trace about shapes."""
    for config, side in [(DCGAN, 30), (RING, 56), (RunConfig(), 56)]:
        with pytest.raises(ValueError, match="side must be 28, or a multiple of 4"):
            price(PriceRequest(config, side=side))


def test_measuring_leaves_runs_as_they_are():
    """The same worker trains runs: they must come out to the last bit as without it."""
    price(PriceRequest(RING.replace(dropout=0.2), RING))
    after = Trainer(RING, CPU)
    after.train_step()
    torch.rand(3)
    again = Trainer(RING, CPU)
    again.train_step()
    for one, other in zip(after.state.generator.parameters, again.state.generator.parameters,
                          strict=True):
        assert torch.equal(one, other)
