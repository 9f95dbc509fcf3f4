"""A G that stands still while a fresh D learns: Arjovsky & Bottou (2017), figures 2 and 3."""

from __future__ import annotations

import copy
import math

import pytest
import torch

from gan_core.training.trainer import train
from tests.support.runs import (
    TINY,
    TINY_IMAGES,
    comparable,
    draws,
    networks_of,
    norm,
    parameters,
    run,
    step_of,
    steps_of,
)

FROZEN = TINY.replace(freeze_generator=20, steps=30, dropout=0.2)


def test_until_the_freeze_it_is_the_run_without_one():
    """Otherwise the frozen G would not be the one that the student has just watched."""
    plain, frozen = (run(FROZEN.replace(freeze_generator=at)) for at in (0, 20))
    assert comparable(frozen)[:22] == comparable(plain)[:22]  # two pictures and twenty steps
    steps = steps_of(frozen)
    for before in steps[:20]:
        assert math.isnan(before.grad_norm_minimax)
        assert math.isnan(before.grad_norm_non_saturating)
    for after, other in zip(steps[20:], steps_of(plain)[20:], strict=True):
        assert after.grad_norm_minimax > 0 and after.grad_norm_non_saturating > 0
        assert after.grad_norm_g == after.grad_norm_non_saturating  # the loss that trains
        assert after.loss_d != other.loss_d


def test_a_frozen_g_does_not_move_and_d_is_fresh():
    """The figure is about a D that knows nothing yet. BatchNorm's statistics belong to G as much as
    its weights."""
    trainer = train(FROZEN.replace(freeze_generator=3, architecture="pacgan_2d"), device="cpu")
    g, d = (each.network for each in networks_of(trainer).values())
    first = parameters(d)
    for _ in range(3):
        trainer.train_step()
    frozen, learned = copy.deepcopy(g.state_dict()), parameters(d)
    trainer.train_step()
    states = trainer.state.discriminator.optimizer.state.values()
    assert {int(state["step"]) for state in states} == {1}
    for old in (first, learned):  # four steps of 2e-4 away at most, if it were not another draw
        assert (parameters(d) - old).abs().mean() > 0.01
    for _ in range(4):
        trainer.train_step()
    assert all(torch.equal(frozen[name], value) for name, value in g.state_dict().items())
    assert g.training


@pytest.mark.parametrize("loss", ["minimax", "least_squares"])
def test_norms_of_a_frozen_g_are_its_gradients(loss):
    """Otherwise the curve that is the point of the experiment would show something else. By
    autograd, in 64 bits, on the last latents of the step."""
    trainer = train(TINY.replace(freeze_generator=2, loss=loss), device="cpu")
    for _ in range(4):
        step_of(trainer)
    _, latents = draws(trainer)
    latents()  # D's
    z = latents()
    record = step_of(trainer)
    g, d = (copy.deepcopy(each.network).double() for each in networks_of(trainer).values())
    centre = {"minimax": 0.0, "least_squares": 0.5}[loss]  # where D is undecided
    expected = {
        "grad_norm_minimax": lambda s: (1 - (s - centre).sigmoid()).log().mean(),
        "grad_norm_non_saturating": lambda s: -(s - centre).sigmoid().log().mean(),
        "grad_norm_g": {"minimax": lambda s: (1 - s.sigmoid()).log().mean(),
                        "least_squares": lambda s: ((s - 1) ** 2).mean() / 2}[loss],
    }
    for name, value in expected.items():
        gradients = torch.autograd.grad(value(d(g(z))), list(g.parameters()))
        assert getattr(record, name) == pytest.approx(norm(gradients), rel=1e-4), name


def test_the_minimax_gradient_vanishes_and_the_other_grows():
    """In small, what the page on vanishing gradients is about. Measured by us: 0.19 → 0.005 and
    0.19 → above 1 within a hundred steps of D."""
    trainer = train(TINY_IMAGES.replace(batch_size=32, freeze_generator=10), device="cpu")
    records = [step_of(trainer) for _ in range(130)]

    def mean(name: str, part: slice) -> float:
        values = [getattr(record, name) for record in records[part]]
        return sum(values) / len(values)

    early, late = slice(10, 15), slice(-5, None)
    assert mean("grad_norm_minimax", late) < mean("grad_norm_minimax", early) / 10
    assert mean("grad_norm_non_saturating", late) > 2 * mean("grad_norm_non_saturating", early)
