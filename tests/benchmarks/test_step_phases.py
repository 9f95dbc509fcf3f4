"""The phases of a step: each ends when it is over, and is charged with what it took."""

from __future__ import annotations

import pytest
import torch

from gan_core.benchmarks.step_phases import PHASES, PhaseMeter, metered
from gan_core.config.choices import UPDATE_ORDERS
from gan_core.config.run_config import RunConfig
from gan_core.training.step import no_listener
from gan_core.training.trainer import Trainer

POINTS = RunConfig(dataset="ring", latent_dim=3, batch_size=8, width=0.25, depth=1,
                   precision="float32")


@pytest.mark.parametrize("order", UPDATE_ORDERS)
@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_phases_end_in_the_order_in_which_a_step_takes_them(order, penalty):
    """`cost` would charge one phase with another's time."""
    ended = []
    trainer = Trainer(POINTS.replace(update_order=order, r1=penalty), torch.device("cpu"))
    trainer.gan_step.on_phase_end = ended.append
    trainer.train_step()
    of_d = [name for name in ended if name.startswith("discriminator")]
    assert list(dict.fromkeys(of_d)) == [
        "discriminator_forward", "discriminator_backward", "discriminator_optimizer"]
    assert [name for name in ended if name.startswith("generator_")] == [
        "generator_forward", "generator_backward", "generator_optimizer"]
    assert ended.count("penalty") == (penalty > 0)
    if penalty:
        assert ended[ended.index("penalty") - 1 :][:3] == [
            "discriminator_forward", "penalty", "discriminator_backward"]
    assert (ended[0], ended[-1]) == ("generation", "rest")
    assert set(ended) <= set(PHASES)


def test_the_phases_add_up_to_the_time_between_first_and_last():
    """A clock that ticks once a reading: every tick is in one phase."""
    ticks = iter(range(10_000))
    meter = PhaseMeter(lambda: next(ticks))
    for phase in [*PHASES, *PHASES]:
        meter.charge(phase)
    assert meter.charged == dict.fromkeys(PHASES, 2)


def test_a_meter_leaves_the_trainer_as_it_was():
    """Even after an error: whoever trains on would wait for the device at every phase."""
    trainer = Trainer(POINTS, torch.device("cpu"))
    with pytest.raises(KeyboardInterrupt), metered(trainer, lambda: 0.0):
        raise KeyboardInterrupt
    assert trainer.gan_step.on_phase_end is no_listener
