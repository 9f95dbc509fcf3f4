"""Statistically different bins: reals against reals differ by chance, collapses do not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gan_core.evaluation.ndb import BINS, Bins, different_bins, k_means, make_bins


def clouds(count: int, centres: int, seed: int) -> torch.Tensor:
    """Points (count, 2) in equally likely, well separated clouds."""
    draw = torch.Generator().manual_seed(seed)
    which = torch.randint(centres, (count,), generator=draw)
    return torch.stack([10.0 * which, torch.zeros(count)], 1) + torch.randn(
        count, 2, generator=draw)


def test_a_perfect_generator_differs_as_often_as_the_test_allows():
    """5 % of 100 bins, over twelve perfect generators (Richardson & Weiss, 2018); otherwise every
    run would seem to lack something, or none."""
    draw = torch.Generator().manual_seed(0)
    shares = []
    for _ in range(12):
        reals, fakes = torch.randn(7000, 16, generator=draw).split([5000, 2000])
        shares.append(different_bins(make_bins(reals), fakes))
    assert np.mean(shares) == pytest.approx(0.05, abs=0.02)  # standard error about 0.006
    assert max(shares) < 0.15


def test_a_collapsed_generator_differs_in_nearly_every_bin():
    """1 where every bin that reals fill stays empty, or holds everything."""
    reals = torch.randn(10_000, 16, generator=torch.Generator().manual_seed(0))
    assert different_bins(make_bins(reals), reals[:1].repeat(2000, 1)) > 0.95


def test_a_generator_that_misses_half_differs_in_its_bins():
    """Half of the bins lose their samples, the other half have twice as many."""
    reals = clouds(10_000, 10, seed=0)
    bins = make_bins(reals)
    assert different_bins(bins, clouds(2000, 10, seed=1)) < 0.15
    assert different_bins(bins, clouds(2000, 5, seed=1)) > 0.8


def test_the_test_of_two_proportions_by_hand():
    """100 of 1000 reals against 60, and then 61, of 1000 samples: pooled p = .08, standard error
    .01213, z = 3.30; 80 against 100 gives z = 1.56. An empty bin differs from nothing."""
    centres = torch.tensor([[0.0], [10.0], [20.0]])
    bins = Bins(centres, torch.tensor([100.0, 900.0, 0.0]), 1000)

    def share(count: int) -> float:
        return different_bins(bins, centres[[0] * count + [1] * (1000 - count)])

    assert share(60) == pytest.approx(2 / 3)
    assert share(80) == 0.0 and share(100) == 0.0
    # 1.96 lies between 74 (z = 2.06) and 75 (z = 1.98), and 76 (z = 1.90).
    assert share(75) == pytest.approx(2 / 3) and share(76) == 0.0


def test_k_means_finds_clouds_and_always_the_same():
    """Else two workers would measure by different bins."""
    reals = clouds(2000, 5, seed=0)
    centres = k_means(reals)
    assert centres.shape == (BINS, 2) and torch.equal(centres, k_means(reals))
    spread = (reals - centres[torch.cdist(reals, centres).argmin(1)]).square().sum(1).mean().item()
    assert spread < 0.2  # 2 without bins inside the clouds; 20 bins a cloud cut it by about 20


def test_fewer_reals_than_bins_are_a_bin_each():
    """Otherwise a small held-out part would end in an error."""
    reals = torch.arange(7.0)[:, None]
    bins = make_bins(reals)
    assert bins.centres.shape == (7, 1) and bins.counts.tolist() == [1.0] * 7
    assert different_bins(bins, reals) == 0.0
