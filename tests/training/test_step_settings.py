"""What a step reads of its config: of one run, and of several that train as one batch."""

from __future__ import annotations

import pytest
import torch

from gan_core.training.losses import LOSSES
from gan_core.training.penalties import PENALTIES
from gan_core.training.step_settings import StepSettings, in_force
from tests.support.runs import TINY


def test_only_penalties_with_a_weight_act():
    """Otherwise every step would pay for three penalties."""
    settings = StepSettings.of(TINY.replace(loss="hinge", r2=2.0))
    assert settings.loss is LOSSES["hinge"]
    assert settings.penalties == ((2.0, PENALTIES["r2"]),)
    assert StepSettings.of(TINY).penalties == ()


def test_numbers_that_differ_between_runs_become_tensors(cpu):
    """Otherwise a sweep's runs would all be trained with the first one's number."""
    runs = [StepSettings.of(TINY.replace(label_smoothing=value, r1=weight, dropout=0.1))
            for value, weight in ((0.0, 1.0), (0.25, 3.0))]
    together = StepSettings.of_runs(runs, cpu)
    assert torch.equal(together.label_smoothing, torch.tensor([0.0, 0.25])[:, None, None])
    ((weights, penalty),) = together.penalties
    assert torch.equal(weights, torch.tensor([1.0, 3.0])) and penalty is PENALTIES["r1"]
    # In the same number format as where it differs: a run must not be rounded by its company.
    assert torch.equal(together.dropout, torch.tensor([0.1, 0.1])[:, None, None])
    assert together.input_noise == 0.0 and together.ema == 0.0  # what acts in none stays a number


@pytest.mark.parametrize(("number", "acts"), [(0.0, False), (0.1, True), (torch.zeros(2), True)])
def test_a_mechanism_that_differs_between_runs_acts_in_all(number, acts):
    """Otherwise asking for it would wait for the device at every step."""
    assert in_force(number) is acts
