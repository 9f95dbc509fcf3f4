"""Bursts: what is recorded of a step is what was measured, however many steps were fetched at once.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from gan_core.training import trainer as trainer_module
from gan_core.training.burst import Burst, step_records
from gan_core.training.losses import Loss
from gan_core.training.trainer import train
from tests.support.runs import TINY, last_gradients, norm, run, steps_of

pytestmark = pytest.mark.usefixtures("plain_step")


def test_step_records_by_hand():
    """Otherwise the curves would not be what their captions say. Recomputed in 64 bits from the
    logits the losses saw, and from the gradients that moved the networks."""
    trainer = train(TINY.replace(steps=1, learning_rate=1e-3), device="cpu")
    logits, gradients = {}, last_gradients(trainer)
    settings = trainer.gan_step.settings

    def discriminator_loss(real, fake, targets):
        logits.update(real=real.detach().double(), fake=fake.detach().double())
        return settings.loss.discriminator(real, fake, targets)

    def generator_loss(fake, real):
        logits.update(of_g=fake.detach().double())
        return settings.loss.generator(fake, real)

    trainer.gan_step.settings = dataclasses.replace(
        settings, loss=Loss(discriminator_loss, generator_loss))
    record = steps_of(trainer)[0]
    real, fake, of_g = logits["real"], logits["fake"], logits["of_g"]
    expected = {
        "loss_d": -(real.sigmoid().log().mean() + (1 - fake.sigmoid()).log().mean()),
        "loss_g": -of_g.sigmoid().log().mean(),
        "accuracy_real": (real > 0).double().mean(),
        "accuracy_fake": (fake < 0).double().mean(),
        "score_real": real.sigmoid().mean(),
        "score_fake": fake.sigmoid().mean(),
        "saturation_minimax": of_g.sigmoid().mean(),
        "saturation_non_saturating": (-of_g).sigmoid().mean(),
    }
    for name, value in expected.items():
        assert getattr(record, name) == pytest.approx(value.item(), rel=1e-5), name
    assert record.grad_norm_d == pytest.approx(norm(gradients["discriminator"]), rel=1e-5)
    assert record.grad_norm_g == pytest.approx(norm(gradients["generator"]), rel=1e-5)
    assert real.shape == fake.shape == of_g.shape == (8, 1)
    assert not torch.equal(fake, of_g)  # the updated D scores G's samples


CLOCKED = [
    *({"batch_size": size} for size in (5, 7, 8)),
    {"loss": "wasserstein"}, {"loss": "relativistic", "batch_size": 6, "packing": 3},
    {"loss": "least_squares", "batch_size": 7}, {"freeze_generator": 12},
    {"freeze_generator": 1, "loss": "wasserstein", "batch_size": 5}, {"r1": 1.0},
]


def test_records_do_not_depend_on_the_clock(monkeypatch, quick_evaluations):
    """A slow machine reports sooner, in shorter bursts; the numbers must not show it. Where only
    differences of logits count they are measured from the batch's own middle, and a frozen G is
    measured by other numbers."""
    monkeypatch.setattr(trainer_module, "BURST_SECONDS", 9.0)
    configs = [TINY.replace(steps=30, **changes) for changes in CLOCKED]
    expected = [steps_of(run(config)) for config in configs]
    for burst, seconds in ((1, 9.0), (25, 0.0), (7, 9.0)):
        monkeypatch.setattr(trainer_module, "BURST", burst)
        monkeypatch.setattr(trainer_module, "BURST_SECONDS", seconds)
        differing = [changes for changes, config, steps in zip(
            CLOCKED, configs, expected, strict=True) if steps_of(run(config)) != steps]
        assert not differing, (burst, seconds)


def test_a_burst_holds_one_run_or_several():
    """Otherwise a run of a batch would be shown another run's curves. Numbers come first, then
    logits, in rows of steps."""
    burst = Burst()
    for step in (0.0, 10.0):
        burst.add((torch.tensor(step), torch.tensor(step + 1),
                   torch.tensor([[step + 2], [step + 3]])))
    assert len(burst) == 2
    assert burst.fetch().tolist() == [[0.0, 1.0, 2.0, 3.0], [10.0, 11.0, 12.0, 13.0]]
    assert len(burst) == 0
    numbers = torch.tensor([0.0, 100.0])
    burst.add((numbers, torch.tensor([[[2.0], [3.0]], [[102.0], [103.0]]])))
    assert burst.fetch().tolist() == [[[0.0, 2.0, 3.0]], [[100.0, 102.0, 103.0]]]


def test_a_burst_keeps_no_graphs():
    """Otherwise 25 steps' activations would fill the memory."""
    weight, burst = torch.ones(1, requires_grad=True), Burst()
    burst.add(((2 * weight).sum(), (2 * weight)[:, None]))
    (values,) = burst._steps
    assert not any(value.requires_grad for value in values)


def test_infinite_logits_of_both_signs_end_the_records_without_a_warning() -> None:
    """A run that diverges fails on processors whose sums say that ∞ − ∞ is nothing."""
    values = np.array([[1.0] * 5 + [2.0, 1.0, 1.0], [1.0] * 5 + [np.inf, -np.inf, 0.0]])
    records, lost = step_records(values, 7, 1, None)
    assert [record.step for record in records] == [7] and lost == 8
