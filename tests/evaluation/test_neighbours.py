"""Neighbours: copies are recognised, new pictures are not called copies."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from gan_core.data.datasets import scaled
from gan_core.evaluation import neighbours
from gan_core.evaluation.neighbours import (
    copying,
    density_coverage,
    most_copied,
    nearest_distances,
    nearest_neighbours,
    neighbour_radii,
    sheet_neighbours,
)
from gan_core.runs.samples import neighbour_distances

# --- density and coverage ------------------------------------------------------------------------

def test_density_and_coverage_of_identical_distributions():
    """About 1 and 1 − 2⁻⁵ = .97 for k = 5 (Naeem et al., 2020, lemma 2); else a perfect generator
    would be called poor."""
    draw = torch.Generator().manual_seed(0)
    reals, fakes = torch.randn(2, 2000, 16, generator=draw)
    density, coverage = density_coverage(reals, neighbour_radii(reals), fakes)
    assert density == pytest.approx(1.0, abs=0.05)
    assert coverage == pytest.approx(1 - 2**-5, abs=0.02)


def test_density_and_coverage_by_hand():
    """Reals at 0, 1, 10 with k = 1 have radii 1, 1, 9: one fake at 0.5, one at 50."""
    reals, fakes = torch.tensor([[0.0], [1.0], [10.0]]), torch.tensor([[0.5], [50.0]])
    radii = neighbour_radii(reals, k=1)
    assert radii.tolist() == [1.0, 1.0, 9.0]
    # 0.5 lies in the balls of 0 and 1 (9.5 away from 10): 2 hits of 2 fakes; 2 of 3 reals covered.
    assert density_coverage(reals, radii, fakes, k=1) == (1.0, pytest.approx(2 / 3))


def test_density_and_coverage_are_counts_of_distances():
    """Whatever is compared instead of distances, and in whatever blocks: limits rest on them."""
    draw = torch.Generator().manual_seed(0)
    reals = torch.rand(620, 64, generator=draw) * 9
    fakes = reals[:400] + torch.randn(400, 64, generator=draw)
    radii = neighbour_radii(reals)
    inside = torch.cdist(reals.double(), fakes.double()) < radii[:, None]
    density, coverage = density_coverage(reals, radii, fakes)
    assert density == pytest.approx(inside.sum().item() / (5 * 400), rel=1e-3)
    assert coverage == pytest.approx(inside.any(1).double().mean().item(), rel=1e-3)
    assert 0 < coverage < 1


def test_fakes_far_away_and_fakes_on_one_real_get_different_numbers():
    """Otherwise collapse on a good picture would look like a good generator."""
    draw = torch.Generator().manual_seed(0)
    reals = torch.randn(500, 8, generator=draw)
    radii = neighbour_radii(reals)
    assert density_coverage(reals, radii, reals[:100] + 100) == (0.0, 0.0)
    centre = reals[reals.norm(dim=1).argmin()]
    density, coverage = density_coverage(reals, radii, centre.repeat(500, 1))
    assert density > 1 and coverage < 0.5


# --- copying -------------------------------------------------------------------------------------


def normal_draws(seed: int, cells: int) -> list[torch.Tensor]:
    """Distances of 500 samples and 500 held-out reals from one distribution, and their cells."""
    draw = torch.Generator().manual_seed(seed)
    distances = torch.rand(2, 500, generator=draw)
    kinds = torch.randint(cells, (2, 500), generator=draw)
    return [*distances, *kinds]


@pytest.mark.parametrize("cells", [1, 10])
def test_copying_is_standard_normal_where_nothing_was_copied(cells):
    """The z-score of a Mann–Whitney U, however many cells: else no threshold would hold."""
    scores = np.array([copying(*normal_draws(seed, cells)) for seed in range(400)])
    assert scores.mean() == pytest.approx(0.0, abs=4 / math.sqrt(400))
    assert scores.std() == pytest.approx(1.0, abs=4 / math.sqrt(800))


def test_copying_is_negative_where_samples_are_nearer():
    """≪ 0 is copying, ≫ 0 is far from the data (Meehan et al., 2020); else the sign would lie."""
    generated, held_out, *cells = normal_draws(0, 10)
    assert copying(generated * 0.1, held_out, *cells) < -20
    assert copying(generated + 1.0, held_out, *cells) > 20
    one = torch.zeros(500, dtype=torch.long)
    extreme = 250_000 / 2 / math.sqrt(250_000 * 1001 / 12)  # U = 0 of 500 · 500 pairs
    assert copying(generated - 9, held_out, one, one) == pytest.approx(-extreme)


def test_copying_by_hand():
    """U counts pairs in which the sample is farther, ties half: 1 and 3 against 2 and 3 give
    U = 0 + 1.5 of 4, expectation 2, variance 2 · 2 · 5/12."""
    generated, held_out = torch.tensor([1.0, 3.0]), torch.tensor([2.0, 3.0])
    one = torch.zeros(2, dtype=torch.long)
    assert copying(generated, held_out, one, one) == pytest.approx(-0.5 / math.sqrt(20 / 12))


def test_only_what_is_of_one_kind_is_compared():
    """A G that draws only ones, whose neighbours are near, would otherwise pass for a thief."""
    near, far = torch.full((500,), 1.0), torch.full((250,), 9.0)
    draw = torch.Generator().manual_seed(0)
    generated = near + torch.rand(500, generator=draw)
    held_out = torch.cat([near[:250] + torch.rand(250, generator=draw), far])
    ones = torch.ones(500, dtype=torch.long)
    kinds = torch.arange(500) // 250
    assert copying(generated, held_out, ones * 0, ones * 0) < -5
    assert abs(copying(generated, held_out, ones * 0, kinds)) < 4
    assert copying(generated, held_out, ones + 1, kinds) == 0.0  # no kind in common


# --- nearest neighbours --------------------------------------------------------------------------


def test_nearest_distances_by_hand():
    """Otherwise the ratio of copying would be off by a factor."""
    corners = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])
    distances = nearest_distances(corners, torch.tensor([[0.0, 0.0], [9.0, 0.0]]))
    assert distances.tolist() == pytest.approx([0.0, 3.0, 4.0])


@pytest.mark.parametrize("chunk", [7, 100, 4096])
def test_neighbours_do_not_depend_on_how_the_pool_is_cut(mnist, monkeypatch, chunk):
    """All 60 000 images do not fit as floats at once; a neighbour at a seam must not be lost."""
    monkeypatch.setattr(neighbours, "CHUNK", chunk)
    pool, images = mnist.train[:500], mnist.held_out[:20]
    rows, distances = nearest_neighbours(images, pool, k=10)
    every = (scaled(images)[:, None] - scaled(pool)).norm(dim=2).sort(1)
    assert torch.equal(rows, every.indices[:, :10])
    assert torch.allclose(distances, every.values[:, :10])


def test_a_copy_is_at_distance_zero(mnist):
    """The gallery writes the distance under the picture: 0.04 under a copy would look wrong."""
    rows, distances = nearest_neighbours(scaled(mnist.train[100:110]), mnist.train)
    assert rows[:, 0].tolist() == list(range(100, 110))
    assert distances.tolist() == [[0.0]] * 10


def test_a_sheet_finds_its_neighbours_in_equal_numbers(mnist):
    """Sheets are stored as bytes; copies are searched among 300 reals, and compared with 300
    others, since more would be nearer whatever G did."""
    few = dataclasses.replace(mnist, train=mnist.train[:300])
    pictures = torch.cat([mnist.train[:32], mnist.train[-32:]]).reshape(64, 28, 28).numpy()
    nearest = sheet_neighbours(pictures, few)
    assert nearest.pool == 300 and nearest.held_out_rows.max() < 300
    assert nearest.train_rows[:32].tolist() == list(range(32))
    assert not nearest.train_distances[:32].any() and nearest.held_out_distances.min() > 1
    ratio = nearest.train_distances[32:].mean() / nearest.held_out_distances[32:].mean()
    assert ratio == pytest.approx(1.0, abs=0.1)


def test_a_sheets_neighbours_can_be_looked_up(mnist):
    """Otherwise the gallery would show other pictures than those that were measured."""
    pictures = mnist.held_out[:64].reshape(64, 28, 28).numpy()
    nearest = sheet_neighbours(pictures, mnist)
    assert nearest.pool == 2000 and len(nearest.train_rows) == 64
    shown = scaled(mnist.train[torch.from_numpy(nearest.train_rows)])
    distances = (shown - scaled(mnist.held_out[:64])).norm(dim=1)
    assert nearest.train_distances == pytest.approx(distances.numpy())
    assert not nearest.held_out_distances.any()  # they are held-out images themselves


def test_copies_come_first_beside_what_they_copy(mnist):
    """Otherwise the page would show sixteen harmless pictures, and the theft would go unseen."""
    few = dataclasses.replace(mnist, train=mnist.train[:300])
    pictures = mnist.held_out[-64:].clone()
    copied = torch.tensor([5, 41, 63])
    pictures[copied] = few.train[[7, 8, 9]]
    shown = most_copied(pictures.reshape(64, 28, 28).numpy(), few)
    assert shown.shape == (16, 3, 28, 28) and shown.dtype.name == "uint8"
    assert (shown[:3, 0] == pictures[copied].reshape(3, 28, 28).numpy()).all()
    assert (shown[:3, 1] == shown[:3, 0]).all() and (shown[:3, 2] != shown[:3, 0]).any((1, 2)).all()
    distances = neighbour_distances(shown)
    ratios = distances[:, 0] / distances[:, 1]
    assert (np.diff(ratios) >= -1e-6).all()
    # And they are the nearest there are.
    for part, pool in ((1, few.train), (2, mnist.held_out[:300])):
        nearest = (scaled(torch.from_numpy(shown[:, 0].reshape(16, 1, 784))) - scaled(pool)).norm(
            dim=2).amin(1)
        assert distances[:, part - 1] == pytest.approx(nearest.numpy(), rel=1e-5, abs=1e-5)


def test_a_generated_picture_may_be_a_new_real(mnist):
    """Distance 0 to a held-out image is the opposite of a copy, and no division by zero."""
    pictures = torch.cat([mnist.held_out[:32], mnist.train[:32]]).reshape(64, 28, 28).numpy()
    distances = neighbour_distances(most_copied(pictures, mnist))
    assert not distances[:, 0].any() and (distances[:, 1] > 0).all()
