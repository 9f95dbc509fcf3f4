"""Metrics: each number against a derivation, a paper, or data whose answer is known."""

from __future__ import annotations

import dataclasses
import math
import re

import numpy as np
import pytest
import torch

from gan_core.data.datasets import scaled
from gan_core.evaluation import classifier, metrics
from gan_core.evaluation.metrics import (
    evaluate_images,
    evaluate_points,
    histogram_metrics,
    image_reference,
    mean_pairwise_distance,
)


def first_coordinate(points: torch.Tensor) -> torch.Tensor:
    """A discriminator of points that calls the right half real."""
    return points[:, :1]


@pytest.fixture(scope="module")
def evaluations(mnist, bright_is_real, model):
    """Evaluations of image sets whose right answer is known, by name."""
    ones = mnist.train[mnist.labels == 1][-2000:]  # none of the pool that copies are searched in
    gray = torch.Generator().manual_seed(0)
    sets = {
        "held_out": scaled(mnist.held_out[2000:4000]),
        "train": scaled(mnist.train[-2000:]),
        "copied": scaled(mnist.train[:2000]),
        "ones": scaled(ones),
        "one_image": scaled(mnist.train[:1]).repeat(2000, 1),
        "noise": torch.rand(2000, 784, generator=gray) * 2 - 1,
    }
    return {name: evaluate_images(images, bright_is_real, mnist, model)
            for name, images in sets.items()}


# --- shares --------------------------------------------------------------------------------------


def test_entropy_and_kl_of_known_shares():
    """Otherwise the entropy curve would not end at ln 10 for a generator of all digits."""
    uniform = histogram_metrics(np.full(10, 0.1))
    assert uniform["class_entropy"] == pytest.approx(math.log(10))
    assert uniform["kl_uniform"] == pytest.approx(0.0, abs=1e-12)
    single = histogram_metrics(np.eye(10)[3])
    assert single["class_entropy"] == 0.0 and single["kl_uniform"] == pytest.approx(math.log(10))
    half = histogram_metrics(np.array([0.5, 0.5, 0.0, 0.0]))
    assert half["kl_uniform"] == pytest.approx(math.log(2))


@pytest.mark.parametrize(("modes", "mean", "spread"), [(8, 0.0014, 0.0007), (25, 0.0048, 0.0015)])
def test_kl_floor_of_a_perfect_sampler(modes, mean, spread):
    """2n·KL is χ² with K − 1 degrees: floors (K − 1)/2n and √(2(K − 1))/2n at n = 2500. Otherwise
    a perfect generator would seem to miss something."""
    assert (modes - 1) / 5000 == pytest.approx(mean, abs=1e-4)
    random = np.random.default_rng(0)
    draws = random.multinomial(2500, np.full(modes, 1 / modes), size=400) / 2500
    divergences = np.array([histogram_metrics(shares)["kl_uniform"] for shares in draws])
    assert divergences.mean() == pytest.approx(mean, abs=4 * spread / 20)
    assert divergences.std() == pytest.approx(spread, rel=0.2)


# --- distances -----------------------------------------------------------------------------------


def test_distances_by_hand():
    """A 3-4-5 triangle: otherwise diversity would be off by a factor."""
    corners = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])
    assert mean_pairwise_distance(corners) == pytest.approx((3 + 4 + 5) / 3)
    assert mean_pairwise_distance(torch.ones(20, 784)) == pytest.approx(0.0, abs=0.01)


# --- points: PacGAN's definitions ----------------------------------------------------------------


def test_pacgan_metrics_by_hand(mixture):
    """High quality: < 3σ from the nearest centre; a mode is captured by one such sample."""
    _, data = mixture
    modes, sideways = len(data.centres), torch.tensor([data.sigma, 0.0])
    points = torch.stack([
        data.centres[0], data.centres[0], data.centres[0],
        data.centres[1] + 2.9 * sideways,
        data.centres[2] + 3.1 * sideways,
    ])
    evaluation = evaluate_points(points, first_coordinate, data)
    shares = [0.6, 0.2, 0.2]
    assert evaluation.metrics["modes"] == 2 and evaluation.metrics["modes_total"] == modes
    assert evaluation.metrics["high_quality"] == pytest.approx(0.8)
    expected = sum(p * math.log(p * modes) for p in shares)  # Σ p̂ ln(K p̂)
    assert evaluation.metrics["kl_uniform"] == pytest.approx(expected)
    assert evaluation.histogram == pytest.approx([*shares, *[0.0] * (modes - 3)])


def test_a_perfect_sampler_of_points(mixture):
    """1 − e^(−9/2) = 98.89 % lie within 3σ in two dimensions; 100 000 draws know it to ± .03 %."""
    _, data = mixture
    values = evaluate_points(data.train, first_coordinate, data).metrics
    assert values["high_quality"] == pytest.approx(1 - math.exp(-4.5), abs=0.0015)
    assert 1 - math.exp(-4.5) == pytest.approx(0.9889, abs=5e-5)
    assert values["modes"] == values["modes_total"] == len(data.centres)
    assert values["kl_uniform"] < 0.001


def test_the_floor_of_kl_holds_for_points_as_they_are_evaluated(mixture):
    """Forty perfect generators: 0.0014 ± 0.0007 on the ring, 0.0048 ± 0.0015 on the grid."""
    name, data = mixture
    mean, spread = {"ring": (0.0014, 0.0007), "grid": (0.0048, 0.0015)}[name]
    sets = data.train[: 40 * 2500].split(metrics.sample_count("points"))
    results = [evaluate_points(points, first_coordinate, data).metrics for points in sets]
    kl = np.array([each["kl_uniform"] for each in results])
    assert kl.mean() == pytest.approx(mean, abs=4 * spread / math.sqrt(len(sets)))
    assert kl.max() < mean + 6 * spread
    assert max(each["high_quality"] for each in results) <= 0.9889 + 4 * 0.0021  # √(pq/2500)


def test_d_scores_points_as_well(mixture):
    """Otherwise the acceptance of reals and fakes could be shown for images alone."""
    _, data = mixture
    left, right = torch.tensor([-5.0, 0.0]).repeat(2500, 1), torch.tensor([5.0, 0.0])
    values = evaluate_points(left, first_coordinate, data).metrics
    assert values["accuracy_generated"] == 0.0
    assert values["accuracy_train"] == pytest.approx(values["accuracy_held_out"], abs=0.08)
    values = evaluate_points(right.repeat(2500, 1), first_coordinate, data).metrics
    assert values["accuracy_generated"] == 1.0
    assert evaluate_points(left, first_coordinate, data, -6.0).metrics["accuracy_generated"] == 1.0


def test_points_far_away_are_counted_and_survive(mixture):
    """A generator that shoots off must give a poor score, not an error."""
    _, data = mixture
    values = evaluate_points(torch.full((100, 2), 1e30), first_coordinate, data).metrics
    assert values["modes"] == 0 and values["high_quality"] == 0


# --- images --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["held_out", "train"])
def test_real_images_are_the_ceiling(evaluations, name):
    """Real images in place of G's are the ceiling a page may promise; values of this extractor."""
    values = evaluations[name].metrics
    assert values["modes"] == values["modes_total"] == 10
    assert values["class_entropy"] == pytest.approx(math.log(10), abs=0.02)
    assert values["diversity"] == pytest.approx(1.0, abs=0.05)
    assert values["density"] == pytest.approx(1.0, abs=0.12)
    assert values["coverage"] > 0.85
    assert values["frechet"] < 15
    assert values["nearest_train_ratio"] == pytest.approx(1.0, abs=0.03)


def test_held_out_images_have_the_coverage_of_an_identical_distribution(evaluations):
    """0.97 (Naeem et al., 2020): held-out images against other held-out images."""
    assert evaluations["held_out"].metrics["coverage"] == pytest.approx(0.97, abs=0.015)
    assert evaluations["held_out"].metrics["density"] == pytest.approx(1.0, abs=0.05)


def test_histogram_of_real_images_has_mnists_shares(evaluations):
    """Otherwise the bar chart would name the wrong digits: ones 11.2 %, fives 9.0 % of MNIST."""
    shares = evaluations["train"].histogram
    assert sum(shares) == pytest.approx(1.0)
    assert shares == pytest.approx([n / 60_000 for n in (
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949)], abs=0.025)


def test_copied_training_images_are_detected(evaluations):
    """Distance 0 to the nearest training image, several units to the nearest held-out one."""
    assert evaluations["copied"].metrics["nearest_train_ratio"] < 0.02
    assert evaluations["copied"].metrics["copying"] < -20


@pytest.mark.parametrize("name", ["held_out", "train", "ones"])
def test_new_pictures_are_not_called_copies(evaluations, name):
    """Neither of all digits nor of one: ones lie close together, and a G that draws only ones
    would be taken for a thief if it were not compared with real ones."""
    assert abs(evaluations[name].metrics["copying"]) < 4


def test_bins_differ_for_a_collapsed_generator_and_not_for_a_perfect_one(evaluations):
    """Held-out images are in their bins as often as the test allows; ones leave the others' empty.
    The reference's bins were counted with these very images, so fewer than 5 % differ by chance."""
    assert evaluations["held_out"].metrics["ndb"] < 0.1
    assert evaluations["ones"].metrics["ndb"] > 0.9
    assert evaluations["one_image"].metrics["ndb"] > 0.9


def test_one_digit_is_a_collapse_of_modes_not_of_diversity(evaluations):
    """Otherwise a G that draws only ones, each different, would seem healthy."""
    values = evaluations["ones"].metrics
    assert values["modes"] == 1 and evaluations["ones"].histogram[1] > 0.98
    assert values["kl_uniform"] > 2.0 and values["coverage"] < 0.3
    assert values["diversity"] > 0.3


def test_one_image_is_a_total_collapse(evaluations):
    """Diversity 0 and one mode: the reading of the collapse page."""
    values = evaluations["one_image"].metrics
    assert values["diversity"] < 0.01 and values["modes"] == 1 and values["coverage"] < 0.05


def test_noise_is_far_from_digits(evaluations):
    """Otherwise an untrained generator would not score worst."""
    values = evaluations["noise"].metrics
    assert values["frechet"] > 20 * evaluations["held_out"].metrics["frechet"]
    assert values["coverage"] < 0.05


def test_metrics_order_what_people_order(evaluations):
    """Real beats one digit beats noise, by distance and by coverage."""
    frechets = [evaluations[name].metrics["frechet"] for name in ("held_out", "ones", "noise")]
    coverages = [evaluations[name].metrics["coverage"] for name in ("held_out", "ones", "noise")]
    assert frechets == sorted(frechets) and coverages == sorted(coverages, reverse=True)


def test_a_d_that_never_saw_either_shows_no_overfitting(evaluations):
    """Brightness was not learned from the training images: the gap must be noise, or the
    overfitting page would accuse every D. Its standard error is about 98 × √(2/1000) = 4.4."""
    values = evaluations["held_out"].metrics
    assert abs(values["overfit_gap"]) < 15
    assert values["accuracy_train"] == pytest.approx(values["accuracy_held_out"], abs=0.07)


def test_few_training_images_are_compared_with_as_few_held_out(mnist, bright_is_real, model):
    """A larger pool has nearer neighbours; else fifty images would never look copied."""
    few = dataclasses.replace(mnist, train=mnist.train[:50])
    fakes = scaled(mnist.train[-2000:])
    ratio = evaluate_images(fakes, bright_is_real, few, model).metrics["nearest_train_ratio"]
    assert ratio == pytest.approx(1.0, abs=0.1)
    copies = scaled(mnist.train[:50]).repeat(40, 1)
    ratio = evaluate_images(copies, bright_is_real, few, model).metrics["nearest_train_ratio"]
    assert ratio < 0.02


@pytest.mark.parametrize("centre", [0.0, 0.5, None])
def test_three_training_images_are_enough_to_evaluate(mnist, bright_is_real, model, centre):
    """The smallest sets show overfitting best; they must give numbers, not errors."""
    few = dataclasses.replace(mnist, train=mnist.train[:3])
    copies = scaled(mnist.train[:3]).repeat(700, 1)[:2000]
    values = evaluate_images(copies, bright_is_real, few, model, centre).metrics
    assert all(math.isfinite(value) for value in values.values())
    assert values["nearest_train_ratio"] < 0.02 and values["copying"] < -5


def test_two_folds_have_two_references(mnist, model):
    """Otherwise a run would be measured against reals it was trained on; and each reference is
    computed once, or every evaluation would take a second longer."""
    first, second = mnist.held_out[:3000], mnist.held_out[3000:6000]
    reference = image_reference(first, model)
    assert image_reference(first, model) is reference
    other = image_reference(second, model)
    assert other is not reference and not torch.equal(other.features, reference.features)


def test_evaluating_draws_no_random_number(mnist, bright_is_real, model):
    """Otherwise a run evaluated more often would be another run."""
    torch.manual_seed(1)
    before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()
    image_reference.cache_clear()
    evaluate_images(scaled(mnist.train[:2000]), bright_is_real, mnist, model)
    assert torch.equal(torch.get_rng_state(), before)
    assert (np.random.get_state()[1] == numpy_before).all()


def test_the_same_images_get_the_same_metrics(mnist, bright_is_real, model, evaluations):
    """Also with a reference made anew, as by another worker: else equal runs would differ."""
    image_reference.cache_clear()
    again = evaluate_images(scaled(mnist.held_out[2000:4000]), bright_is_real, mnist, model)
    assert again == evaluations["held_out"]


@pytest.mark.gpu
def test_a_gpu_measures_what_the_cpu_measures(mnist, evaluations, bright_is_real):
    """Otherwise runs of two machines could not be compared."""
    from gan_core.data.datasets import Dataset
    from gan_core.training.devices import pick_device

    device = pick_device()
    there = Dataset(mnist.train.to(device), mnist.held_out.to(device))
    images = scaled(mnist.held_out[2000:4000]).to(device)
    weight = torch.ones(784, 1, device=device)
    values = evaluate_images(
        images, lambda x: x @ weight + 600, there, classifier.load(device)).metrics
    expected = dict(evaluations["held_out"].metrics)
    # A feature's last bit can send a whole bin another way; about 0.05 it must stay.
    assert values.pop("ndb") == pytest.approx(expected.pop("ndb"), abs=0.08)
    assert values == pytest.approx(expected, rel=0.03, abs=0.03)


# --- what the docs say ---------------------------------------------------------------------------


def test_every_metric_is_explained(evaluations, mixture):
    """Otherwise a curve would appear that nobody can look up."""
    _, data = mixture
    points = evaluate_points(data.train[:2500], first_coordinate, data)
    explained = set(re.findall(r"`(\w+)`", metrics.__doc__))
    assert set(evaluations["held_out"].metrics) | set(points.metrics) == explained


# --- what people see -----------------------------------------------------------------------------


def test_sheets_are_what_the_store_writes():
    """64 pictures of bytes, or all points: else the gallery could not draw them."""
    pictures = metrics.sheet(torch.linspace(-1, 1, 100 * 784).reshape(100, 784), "image")
    assert pictures.shape == (64, 28, 28) and pictures.dtype == np.uint8
    points = metrics.sheet(torch.randn(2500, 2), "points")
    assert points.shape == (2500, 2) and points.dtype == np.float32


def test_sample_counts_are_the_documented_ones():
    """≥ 2000 images for the digits' histogram; 2500 points as in PacGAN."""
    assert metrics.sample_count("image") >= 2000 and metrics.sample_count("points") == 2500
