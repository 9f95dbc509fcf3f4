"""Data sets: what is called real is the data the pages name."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from itertools import chain, pairwise

import numpy as np
import pytest
import torch

from gan_core.config.choices import DATASETS
from gan_core.config.run_config import RunConfig
from gan_core.data import datasets
from gan_core.data.datasets import (
    ByClass,
    as_bytes,
    load,
    scaled,
    skewed_counts,
)
from tests.support import fashion

# Counts of the published label files, as in every textbook table of MNIST.
TRAIN_COUNTS = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
TEST_COUNTS = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


@pytest.fixture(autouse=True, scope="module")
def _fashion_without_the_internet(tmp_path_factory):
    """Tests over the table of data sets find a Fashion-MNIST that was downloaded before."""
    folder = tmp_path_factory.mktemp("data")
    fashion.put(fashion.files(), folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GAN_LAB_DATA", str(folder))
        yield


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
    centres = np.array(DATASETS["ring"].centres)
    assert centres.shape == (8, 2)
    assert np.linalg.norm(centres, axis=1) == pytest.approx(1.0)
    gaps = np.linalg.norm(centres - np.roll(centres, 1, axis=0), axis=1)
    assert gaps == pytest.approx(2 * np.sin(np.pi / 8))  # the chord of 45°


def test_grid_has_twenty_five_different_centres():
    """{−4, −2, 0, 2, 4}² of PacGAN; a missing one would be a mode no G can capture."""
    centres = set(DATASETS["grid"].centres)
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


# --- unbalanced classes --------------------------------------------------------------------------


def counts(data) -> list[int]:
    return torch.bincount(data.labels).tolist()


@pytest.mark.parametrize("name", DATASETS)
def test_a_skew_leaves_the_share_that_was_asked_for(name, cpu):
    """The rarest class has 1 − skew of what it had, the others lie in between geometrically (Cui
    et al., 2019); else "one class is 100 times rarer" would be wrong. In decimal numbers, whose
    rounding is not that of the code."""
    whole = datasets.whole(name, cpu)
    last = len(counts(whole)) - 1
    rows = Counter(map(bytes, whole.train[whole.labels == last].numpy()))
    for skew in ("0.01", "0.5", "0.9", "0.99"):
        data = load(RunConfig(dataset=name, class_skew=float(skew)), cpu)
        expected = [int(count * (1 - Decimal(skew)) ** (Decimal(k) / last) + Decimal("1e-9"))
                    for k, count in enumerate(counts(whole))]
        assert counts(data) == expected, skew
        assert expected[0] == counts(whole)[0]  # the first class is as it was
        assert not Counter(map(bytes, data.train[data.labels == last].numpy())) - rows


def test_every_class_keeps_an_example():
    """Otherwise the rarest mode would be no mode of the data, and G blamed for missing it."""
    assert skewed_counts(np.array([100, 100, 100]), 0.99).tolist() == [100, 10, 1]
    assert skewed_counts(np.array([20, 20, 20]), 0.99).tolist() == [20, 2, 1]


@pytest.mark.parametrize("name", DATASETS)
def test_a_skew_is_fixed_nested_and_of_the_training_alone(name, cpu):
    """Otherwise two seeds would differ in their data as well, more skew would bring in examples
    that less skew had not, and the metrics compare with something else than the true data."""
    whole = datasets.whole(name, cpu)
    some, more = (load(RunConfig(dataset=name, class_skew=s), cpu) for s in (0.5, 0.9))
    again = load(RunConfig(dataset=name, class_skew=0.5, seed=7), cpu)
    assert torch.equal(some.train, again.train) and torch.equal(some.labels, again.labels)
    assert not Counter(map(bytes, more.train.numpy())) - Counter(map(bytes, some.train.numpy()))
    assert more.held_out is whole.held_out and more.held_out_labels is whole.held_out_labels


def test_fewer_examples_are_taken_of_what_the_skew_leaves(cpu):
    """Otherwise "1000 images, skewed" would have all classes alike, or fewer than 1000 images.

    1000 of the 26 000 or so that are left: the first digit's share within 5σ of its own."""
    skewed = load(RunConfig(class_skew=0.9), cpu)
    few = load(RunConfig(class_skew=0.9, training_examples=1000), cpu)
    assert len(few.train) == 1000
    share = counts(skewed)[0] / len(skewed.train)
    assert abs(counts(few)[0] - 1000 * share) < 5 * np.sqrt(1000 * share)
    all_of_it = load(RunConfig(class_skew=0.9, training_examples=50_000), cpu)
    assert torch.equal(all_of_it.train, skewed.train)


# --- balanced batches ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", DATASETS)
def test_balanced_batches_show_every_class_equally_often(name, cpu):
    """Otherwise the remedy for rare classes would not be one. Rarest and commonest class differ by
    a hundred; χ² of K − 1 degrees of freedom is below K − 1 + 5 √(2 (K − 1)) but for chance."""
    data = load(RunConfig(dataset=name, class_skew=0.99, balanced_sampling=True), cpu)
    rows = data.by_class.draw(20_000, torch.Generator().manual_seed(0))
    drawn = torch.bincount(data.labels[rows]).double()
    expected = 20_000 / len(drawn)
    freedom = DATASETS[name].modes - 1
    assert len(drawn) == freedom + 1
    assert ((drawn - expected) ** 2 / expected).sum() < freedom + 5 * np.sqrt(2 * freedom)


def test_within_a_class_every_example_is_drawn_equally_often():
    """Otherwise a part of a class would never be seen. Labels without a 1 or a 3, as a small
    subset may have; 21 000 draws: 7000 a class, each of a class's rows within 5σ of its part."""
    labels = torch.tensor([2, 0, 2, 4, 0, 2, 2, 4, 2])
    rows = ByClass.of(labels).draw(21_000, torch.Generator().manual_seed(1))
    drawn = torch.bincount(rows, minlength=len(labels)).double()
    expected = 7000 / torch.bincount(labels)[labels]
    assert ((drawn - expected).abs() < 5 * expected.sqrt()).all()


def test_a_balanced_batch_is_reproducible_and_scaled(cpu):
    """Otherwise the same seed would not give the same run."""
    data = load(RunConfig(class_skew=0.9, training_examples=500, balanced_sampling=True), cpu)
    draws = [data.batch(8, torch.Generator().manual_seed(3)) for _ in range(2)]
    assert torch.equal(*draws)
    assert draws[0].shape == (8, 784) and draws[0].min() == -1.0


def test_an_unbalanced_batch_is_drawn_as_ever(mnist):
    """Otherwise every recorded run would be another run now."""
    rows = torch.randint(60_000, (64,), generator=torch.Generator().manual_seed(5))
    drawn = mnist.batch(64, torch.Generator().manual_seed(5))
    assert torch.equal(drawn, scaled(mnist.train[rows]))


@pytest.mark.gpu
def test_a_balanced_batch_does_not_wait_for_the_device():
    """Otherwise every step would stand still until the GPU has caught up."""
    if not torch.cuda.is_available():
        pytest.skip("only CUDA tells of a synchronisation")
    device = torch.device("cuda")
    data = load(RunConfig(class_skew=0.9, balanced_sampling=True), device)
    generator = torch.Generator(device).manual_seed(0)
    torch.cuda.set_sync_debug_mode("error")
    try:
        batch = data.batch(64, generator)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert batch.device.type == "cuda"


# --- cross-validation ----------------------------------------------------------------------------


def hashes(examples: torch.Tensor, labels: torch.Tensor) -> list[int]:
    """A number for each example with its label, equal for equal ones."""
    content, size = examples.numpy().tobytes(), examples[0].numpy().nbytes
    return [hash((content[row * size : (row + 1) * size], label))
            for row, label in enumerate(labels.tolist())]


def pairs(examples: torch.Tensor, labels: torch.Tensor) -> Counter:
    """Examples with their labels, however often each."""
    return Counter(zip(map(bytes, examples.numpy()), labels.tolist(), strict=True))


@pytest.mark.parametrize("name", DATASETS)
def test_folds_cut_the_training_set_into_disjoint_parts(name, cpu):
    """Otherwise metrics would be measured on training examples, or hyper-parameters be chosen on
    the test set, and the report of them would be too good."""
    whole = datasets.whole(name, cpu)
    runs = [load(RunConfig(dataset=name, folds=3, fold=fold), cpu) for fold in range(3)]
    held_out = [hashes(run.held_out, run.held_out_labels) for run in runs]
    everything = sorted(hashes(whole.train, whole.labels))
    assert sorted(chain(*held_out)) == everything
    for run, part in zip(runs, held_out, strict=True):
        assert sorted(hashes(run.train, run.labels) + part) == everything
        assert abs(len(run.held_out) - DATASETS[name].examples / 3) < 1


def test_a_fold_is_shuffled(cpu):
    """Otherwise one part would hold other writers' digits than the others: it is like the whole,
    each digit within 5σ of a tenth of its training images."""
    for fold in range(10):
        data = load(RunConfig(folds=10, fold=fold), cpu)
        counted = torch.bincount(data.held_out_labels).double()
        expected = torch.tensor(TRAIN_COUNTS) / 10
        assert ((counted - expected).abs() < 5 * expected.sqrt()).all()


@pytest.mark.parametrize("changes", [{"seed": 5}, {"class_skew": 0.9}, {"training_examples": 99},
                                     {"balanced_sampling": True}])
def test_runs_of_one_fold_share_its_held_out_part(changes, cpu):
    """Metrics of a run would be measured against other examples than those of the run beside it,
    and each run keep its own copy of them and of all that is computed from them."""
    one = load(RunConfig(folds=5, fold=2), cpu)
    other = load(RunConfig(folds=5, fold=2, **changes), cpu)
    assert one.held_out is other.held_out and one.held_out_labels is other.held_out_labels
    assert load(RunConfig(folds=5, fold=3), cpu).held_out is not one.held_out


def test_skew_and_subset_are_of_what_the_fold_leaves(cpu):
    """Otherwise held-out examples would come back into the training."""
    fold = {"dataset": "ring", "folds": 4, "fold": 1}
    plain = load(RunConfig(**fold), cpu)
    skewed = load(RunConfig(**fold, class_skew=0.9), cpu)
    few = load(RunConfig(**fold, class_skew=0.9, training_examples=500), cpu)
    assert counts(skewed) == skewed_counts(np.array(counts(plain)), 0.9).tolist()
    assert len(few.train) == 500
    sets = [pairs(data.train, data.labels) for data in (few, skewed, plain)]
    assert all(not smaller - larger for smaller, larger in pairwise(sets))


def test_held_out_reals_for_d_have_the_same_shares_of_classes(cpu):
    """A D that has hardly seen a nine rejects it: that is not knowing the rest by heart."""
    data = datasets.load(RunConfig(class_skew=0.9), cpu)
    whole = datasets.load(RunConfig(), cpu)
    assert whole.unseen is whole.held_out
    assert len(data.unseen) < len(data.held_out) == len(whole.held_out)
    shares = torch.bincount(data.labels) / len(data.labels)
    expected = torch.bincount(whole.held_out_labels) * shares / torch.bincount(whole.labels)
    assert len(data.unseen) / len(whole.held_out) == pytest.approx(
        len(data.train) / len(whole.train), rel=0.02)
    assert expected[0] > 5 * expected[9]
