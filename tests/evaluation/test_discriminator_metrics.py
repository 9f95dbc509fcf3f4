"""Metrics of D's scores: of reals it learned from, of reals it never saw, and of samples."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from gan_core.data.datasets import Dataset, scaled
from gan_core.evaluation.metrics import SCORED, acceptance, scored_rows, validation_ratio


@pytest.fixture(scope="module")
def line() -> Dataset:
    """A data set of one coordinate, which is D's logit: training reals at 3, held-out ones at 1."""
    return Dataset(torch.full((50, 1), 3.0), torch.full((40, 1), 1.0))


def test_acceptance_by_hand(bright_is_real, mnist):
    """D's acceptance of reals it saw, never saw, and of fakes, and the gap of its logits."""
    bright, dark = torch.full((4, 784), 255, dtype=torch.uint8), torch.zeros(4, 784).byte()
    data = dataclasses.replace(mnist, train=bright, held_out=torch.cat([bright[:1], dark[:3]]))
    values = acceptance(bright_is_real, data, scaled(torch.cat([bright[:2], dark[:2]])))
    assert values["accuracy_train"] == 1.0 and values["accuracy_held_out"] == 0.25
    assert values["accuracy_generated"] == 0.5
    assert values["overfit_gap"] == pytest.approx(0.75 * 2 * 784)


def test_scores_are_those_of_the_sigmoid(line):
    """Otherwise the three curves would not be the report's D(x)."""
    values = acceptance(lambda x: x, line, torch.full((40, 1), -1.0))
    for name, logit in {"train": 3.0, "held_out": 1.0, "generated": -1.0}.items():
        assert values[f"score_{name}"] == pytest.approx(1 / (1 + math.exp(-logit)))
    assert values["r_t"] == 1.0 and values["overfit_gap"] == 2.0
    assert values["r_v"] == pytest.approx(2.0 / 4.0)


def test_least_squares_is_undecided_at_one_half(line):
    """Targets 0 and 1: at 0 it would call nearly everything real."""
    fakes = torch.full((40, 1), 0.3)
    assert acceptance(lambda x: x, line, fakes, 0.5)["accuracy_generated"] == 0.0
    assert acceptance(lambda x: x, line, fakes, 0.0)["accuracy_generated"] == 1.0
    assert acceptance(lambda x: x, line, fakes, 3.5)["r_t"] == -1.0


@pytest.mark.parametrize("shift", [-1000.0, 0.0, 1000.0])
def test_a_critic_without_a_zero_is_measured_by_what_it_separates(line, shift):
    """A Wasserstein or relativistic critic may drift by any constant, and all the curves with it:
    its zero says nothing, so it is undecided midway between new reals and fakes."""
    fakes = torch.tensor([[-1.0], [-2.0], [-3.0], [2.0]]).repeat(240, 1)
    values = acceptance(lambda x: x + shift, line, fakes, None)
    assert values["accuracy_train"] == values["accuracy_held_out"] == 1.0
    assert values["accuracy_generated"] == 0.25
    assert values["score_held_out"] == pytest.approx(1 / (1 + math.exp(-1.0)))  # midway: 0
    assert values["r_v"] == pytest.approx(2.0 / 4.0, rel=1e-3)


@pytest.mark.parametrize("packing", [1, 2, 3, 4, 6])
def test_a_d_of_packs_scores_whole_packs_in_whole_groups(mnist, packing):
    """A D of m samples gives n/m logits, and with a minibatch standard deviation wants groups of
    four packs: five training images must not break it, nor the shares depend on m."""
    passes = []

    def packed_score(x: torch.Tensor) -> torch.Tensor:
        packs = x.reshape(-1, packing * 784)
        passes.append(len(packs))
        groups = packs.reshape(-1, 4, packing * 784)
        return groups.mean((1, 2)).repeat_interleave(4)[:, None] + 2.0

    few = dataclasses.replace(mnist, train=mnist.train[:5])
    values = acceptance(packed_score, few, scaled(mnist.train[-100:]))
    assert passes == [SCORED // packing] * 3
    assert values["accuracy_train"] == values["accuracy_held_out"] == 1.0
    assert values["score_train"] == pytest.approx(values["score_held_out"], abs=0.05)


@pytest.mark.parametrize("count", [1, 3, 5, 240, 959, 5000])
def test_every_training_image_is_scored_about_equally_often(count):
    """Otherwise the score of five training images would be that of the first."""
    rows = scored_rows(torch.arange(count, dtype=torch.float32)[:, None])
    counts = torch.bincount(rows[:, 0].long())
    assert len(rows) == SCORED and len(counts) == min(count, SCORED)
    assert counts.max() - counts.min() <= 1


def test_few_images_are_not_lined_up_with_themselves():
    """Groups of four from five images, consecutive or at equal strides: a D that sees the
    spread of a group would see a collapse where there is none."""
    rows = scored_rows(torch.arange(5.0)[:, None])[:, 0]
    for groups in (rows.reshape(-1, 4), rows.reshape(4, -1).T):
        alike = (groups == groups[:, :1]).all(1).float().mean().item()
        assert alike < 0.05  # (1/5)³ = 0.008 by chance


def drawn(*means: float) -> list[torch.Tensor]:
    """Logits of training reals, held-out reals and fakes with these means, spread 1."""
    draw = torch.Generator().manual_seed(0)
    return [torch.randn(960, 1, generator=draw) + mean for mean in means]


def test_r_v_of_a_d_that_learned_by_heart_and_of_one_that_understood():
    """1: new reals are as fakes to it; 0: they are as training reals (Karras et al., 2020)."""
    assert validation_ratio(*drawn(5, -5, -5)) == pytest.approx(1.0, abs=0.02)
    assert validation_ratio(*drawn(5, 5, -5)) == pytest.approx(0.0, abs=0.02)
    assert validation_ratio(*drawn(5, 0, -5)) == pytest.approx(0.5, abs=0.02)


def test_r_v_of_a_d_that_learned_nothing_is_zero():
    """An untrained D, or one fooled by G, has learned no image by heart; noise ÷ noise would
    show peaks of any height at the first step."""
    assert validation_ratio(*drawn(0, 0, 0)) == 0.0
    assert validation_ratio(*drawn(0, 0, 1)) == 0.0  # fakes are more real to it than reals
    assert validation_ratio(*torch.zeros(3, 960, 1)) == 0.0


def test_a_d_that_broke_is_not_called_healthy():
    """A run that meets NaN has diverged: its r_v is NaN, not 0."""
    broken = torch.full((960, 1), math.nan)
    assert math.isnan(validation_ratio(broken, broken, broken))
