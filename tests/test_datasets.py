"""Data sets: what is called real is the data the pages name."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gan_core import datasets
from gan_core.config import DATASETS, RunConfig
from gan_core.datasets import as_bytes, grid_centres, load, ring_centres, scaled

# Counts of the published label files, as in every textbook table of MNIST.
TRAIN_COUNTS = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
TEST_COUNTS = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_mnist_is_complete(mnist):
    """Otherwise "all of MNIST" would not be what the run was trained on."""
    assert mnist.train.shape == (60_000, 784) and mnist.train.dtype == torch.uint8
    assert mnist.held_out.shape == (10_000, 784) and mnist.held_out.dtype == torch.uint8
    assert torch.bincount(mnist.labels).tolist() == TRAIN_COUNTS
    assert torch.bincount(mnist.held_out_labels).tolist() == TEST_COUNTS
    assert mnist.kind == "image" and mnist.dim == 784


def test_mnist_pixels_are_the_published_ones(mnist):
    """The mean and standard deviation every MNIST tutorial normalises with: 0.1307 and 0.3081."""
    pixels = mnist.train.double() / 255
    assert pixels.mean().item() == pytest.approx(0.1307, abs=5e-5)
    assert pixels.std().item() == pytest.approx(0.3081, abs=5e-5)
    assert int(mnist.labels[0]) == 5  # the well-known first image


def test_any_part_of_the_held_out_images_is_like_the_whole(mnist):
    """MNIST's test images come as a neat half and an untidy one. Were the first thousand the neat
    ones, D would seem to overfit, and perfect samples to miss a quarter of the data.

    The mean image of 2000 draws differs from that of the rest by noise alone: Σ over pixels of
    variance × (1/2000 + 1/8000); in the published order it is several times that."""
    pixels = mnist.held_out.double() / 255
    first, rest = pixels[:2000], pixels[2000:]
    distance = (first.mean(0) - rest.mean(0)).square().sum()
    expected = pixels.var(0).sum() * (1 / 2000 + 1 / 8000)
    assert distance < 2 * expected


@pytest.mark.parametrize("name", DATASETS)
def test_a_data_set_is_as_its_card_says(name, cpu):
    """Otherwise the page would count modes or examples that are not there."""
    card, data = DATASETS[name], datasets.whole(name, cpu)
    assert len(data.train) == len(data.labels) == card.examples
    assert len(data.held_out) == len(data.held_out_labels) >= 2500
    assert data.kind == card.kind
    assert data.labels.unique().tolist() == list(range(card.modes))


def test_ring_has_eight_different_centres_on_the_unit_circle():
    """`linspace(0, 2π, 8)` would give seven, and a perfect G would seem to miss one (PacGAN)."""
    centres = ring_centres()
    assert centres.shape == (8, 2)
    assert np.linalg.norm(centres, axis=1) == pytest.approx(1.0)
    gaps = np.linalg.norm(centres - np.roll(centres, 1, axis=0), axis=1)
    assert gaps == pytest.approx(2 * np.sin(np.pi / 8))  # the chord of 45°


def test_grid_has_twenty_five_different_centres():
    """{−4, −2, 0, 2, 4}² of PacGAN; a missing one would be a mode no G can capture."""
    centres = {tuple(centre) for centre in grid_centres()}
    assert centres == {(float(x), float(y)) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)}


def test_mixtures_have_the_published_width_and_balance(mixture):
    """σ = .01 (ring) and .05 (grid) in PacGAN: else "high quality" means something else.

    The measured σ of 200 000 coordinates has a relative error of 1/√400 000 = 0.16 %."""
    name, data = mixture
    published = {"ring": 0.01, "grid": 0.05}[name]
    residuals = data.train - data.centres[data.labels]
    assert data.sigma == published
    assert residuals.std().item() == pytest.approx(published, rel=0.01)
    assert residuals.mean().abs().item() < 5 * published / np.sqrt(2e5)
    counts = torch.bincount(data.labels).double()
    expected = len(data.labels) / len(data.centres)
    assert (counts - expected).abs().max() < 5 * np.sqrt(expected)
    nearest = torch.cdist(data.held_out, data.centres).argmin(1)
    assert torch.equal(nearest, data.held_out_labels)


def test_bytes_and_floats_are_inverse():
    """Otherwise pictures would be darker than what G made, or D would see other images."""
    every = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(as_bytes(scaled(every)), every)
    assert scaled(every)[[0, -1]].tolist() == [-1.0, 1.0]
    assert as_bytes(torch.tensor([-5.0, 5.0])).tolist() == [0, 255]
    points = torch.randn(3, 2)
    assert scaled(points) is points


@pytest.mark.parametrize("name", DATASETS)
def test_fewer_examples_are_a_fixed_nested_subset(name, cpu):
    """Otherwise "1000 images" would differ from run to run, and not be part of "2000 images"."""
    whole = datasets.whole(name, cpu)
    few, more = (load(RunConfig(dataset=name, training_examples=n), cpu) for n in (100, 250))
    again = load(RunConfig(dataset=name, training_examples=100, seed=9), cpu)
    assert torch.equal(few.train, again.train)
    assert torch.equal(few.train, more.train[:100]) and torch.equal(few.labels, more.labels[:100])
    assert len(more.train) == 250 and torch.equal(more.held_out, whole.held_out)
    assert few.labels.unique().numel() > DATASETS[name].modes / 2  # not the first class only
    rows = {tuple(row) for row in whole.train[whole.labels == few.labels[0]].tolist()}
    assert tuple(few.train[0].tolist()) in rows  # labels went along with their examples


@pytest.mark.parametrize("examples", [0, 60_000])
def test_zero_means_all_examples(examples, cpu, mnist):
    """Otherwise the default would train on nothing, or on a shuffled copy."""
    assert load(RunConfig(training_examples=examples), cpu) is mnist


def test_a_batch_is_reproducible_and_scaled(mnist):
    """Otherwise the same seed would not give the same run."""
    draws = [mnist.batch(8, torch.Generator().manual_seed(3)) for _ in range(2)]
    assert torch.equal(*draws)
    assert draws[0].shape == (8, 784) and draws[0].dtype == torch.float32
    assert draws[0].min() == -1.0 and 0.5 < draws[0].max() <= 1.0


def test_a_batch_draws_every_example_equally_often(cpu):
    """Otherwise some training images would never be seen. 10 000 draws of 50: 200 ± 14 each."""
    data = load(RunConfig(dataset="ring", training_examples=50), cpu)
    batch = data.batch(10_000, torch.Generator().manual_seed(0))
    drawn = torch.cdist(batch.double(), data.train.double()).argmin(1)
    counts = torch.bincount(drawn, minlength=50)
    assert counts.min() > 130 and counts.max() < 270
