"""A step watched: every phase ends once it is over, and is charged with what is its own."""

from __future__ import annotations

import pytest
import torch

from gan_core.benchmarks.step_phases import PHASES, Meter, Watched
from gan_core.config.choices import UPDATE_ORDERS
from gan_core.config.run_config import RunConfig

POINTS = RunConfig(dataset="ring", latent_dim=3, batch_size=8, width=0.25, depth=1,
                   precision="float32")


@pytest.mark.parametrize("order", UPDATE_ORDERS)
@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_phases_end_in_the_order_in_which_a_step_takes_them(order, penalty):
    ended = []
    training = Watched(POINTS.replace(update_order=order, r1=penalty), torch.device("cpu"))
    training.mark = ended.append
    training.train_step()
    own = {
        whose: [name for name in ended if name.startswith(whose)]
        for whose in ("discriminator", "generator_")
    }
    assert list(dict.fromkeys(own["discriminator"])) == [
        "discriminator_forward", "discriminator_backward", "discriminator_optimizer"]
    assert own["generator_"] == ["generator_forward", "generator_backward", "generator_optimizer"]
    assert ended.count("penalty") == (penalty > 0)
    if penalty:
        assert ended[ended.index("penalty") - 1 :][:3] == [
            "discriminator_forward", "penalty", "discriminator_backward"]
    assert (ended[0], ended[-1]) == ("generation", "rest")
    assert set(ended) <= set(PHASES)


def test_the_phases_add_up_to_the_time_between_first_and_last():
    """A clock that ticks once a reading: every tick is in one phase."""
    ticks = iter(range(10_000))
    meter = Meter(lambda: next(ticks))
    for phase in [*PHASES, *PHASES]:
        meter.mark(phase)
    assert meter.found == dict.fromkeys(PHASES, 2)
