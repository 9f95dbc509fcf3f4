"""Metrics: each number against a derivation, a paper, or data whose answer is known."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from gan_core import metrics
from gan_core.datasets import scaled
from gan_core.metrics import (
    density_coverage,
    evaluate_images,
    evaluate_points,
    frechet,
    histogram_metrics,
    mean_pairwise_distance,
    moments,
    nearest_distance,
    neighbour_radii,
)


@pytest.fixture(scope="module")
def judge() -> torch.nn.Module:
    """A discriminator that calls bright images real: logit = Σ pixels + 600."""
    layer = torch.nn.Linear(784, 1).requires_grad_(False)
    layer.weight.fill_(1.0)
    layer.bias.fill_(600.0)
    return layer


@pytest.fixture(scope="module")
def judged(mnist, judge):
    """Evaluations of image sets whose right answer is known, by name."""
    first = mnist.train[mnist.labels == 1][:2000]
    gray = torch.Generator().manual_seed(0)
    sets = {
        "held_out": scaled(mnist.held_out[2000:4000]),
        "train": scaled(mnist.train[-2000:]),
        "copied": scaled(mnist.train[:2000]),
        "ones": scaled(first),
        "one_image": scaled(mnist.train[:1]).repeat(2000, 1),
        "noise": torch.rand(2000, 784, generator=gray) * 2 - 1,
    }
    return {name: evaluate_images(images, judge, mnist, "mnist") for name, images in sets.items()}


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
    a perfect generator would be told that it misses something."""
    assert (modes - 1) / 5000 == pytest.approx(mean, abs=1e-4)
    random = np.random.default_rng(0)
    draws = random.multinomial(2500, np.full(modes, 1 / modes), size=400) / 2500
    found = np.array([histogram_metrics(shares)["kl_uniform"] for shares in draws])
    assert found.mean() == pytest.approx(mean, abs=4 * spread / 20)
    assert found.std() == pytest.approx(spread, rel=0.2)


# --- distances -----------------------------------------------------------------------------------


def test_frechet_of_a_set_with_itself_is_zero():
    """Otherwise a perfect generator would keep a distance."""
    random = np.random.default_rng(0)
    features = torch.from_numpy(random.standard_normal((500, 64)))
    assert frechet(moments(features), moments(features)) == pytest.approx(0.0, abs=1e-6)
    flat = (np.zeros(64), np.zeros((64, 64)))  # all samples alike: no covariance at all
    assert frechet(flat, flat) == 0.0


def test_frechet_of_known_gaussians():
    """N(0, I) and N(m, s²I) in d dimensions are |m|² + d(1 − s)² apart (Dowson & Landau, 1982)."""
    d, s, m = 5, 3.0, np.arange(5.0)
    first, second = (np.zeros(d), np.eye(d)), (m, s**2 * np.eye(d))
    expected = (m**2).sum() + d * (1 - s) ** 2
    assert frechet(first, second) == pytest.approx(expected)
    assert frechet(second, first) == pytest.approx(expected)


def test_frechet_of_covariances_that_do_not_commute():
    """In two dimensions tr (Σ₁Σ₂)^½ = √(tr Σ₁Σ₂ + 2 √(det Σ₁ det Σ₂)); else rotated clouds err."""
    one, other = np.array([[4.0, 0.0], [0.0, 1.0]]), np.array([[2.0, 1.0], [1.0, 3.0]])
    root = math.sqrt(np.trace(one @ other) + 2 * math.sqrt(np.linalg.det(one @ other)))
    expected = np.trace(one) + np.trace(other) - 2 * root
    zero = np.zeros(2)
    assert frechet((zero, one), (zero, other)) == pytest.approx(expected)


def test_moments_are_mean_and_unbiased_covariance():
    """Otherwise distances would not be comparable with any other implementation's."""
    features = torch.tensor([[0.0, 0.0], [2.0, 4.0], [4.0, 2.0]])
    mean, covariance = moments(features)
    assert mean.tolist() == [2.0, 2.0]
    assert covariance.tolist() == [[4.0, 2.0], [2.0, 4.0]] and mean.dtype == np.float64


def test_distances_by_hand():
    """A 3-4-5 triangle: otherwise diversity and copying would be off by a factor."""
    corners = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])
    assert mean_pairwise_distance(corners) == pytest.approx((3 + 4 + 5) / 3)
    assert nearest_distance(corners, torch.tensor([[0.0, 0.0], [9.0, 0.0]])) == pytest.approx(7 / 3)
    assert mean_pairwise_distance(torch.ones(20, 784)) == pytest.approx(0.0, abs=0.01)


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


def test_fakes_far_away_or_on_one_real_are_told_apart():
    """Otherwise collapse on a good picture would look like a good generator."""
    draw = torch.Generator().manual_seed(0)
    reals = torch.randn(500, 8, generator=draw)
    radii = neighbour_radii(reals)
    assert density_coverage(reals, radii, reals[:100] + 100) == (0.0, 0.0)
    centre = reals[reals.norm(dim=1).argmin()]
    density, coverage = density_coverage(reals, radii, centre.repeat(500, 1))
    assert density > 1 and coverage < 0.5


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
    found = evaluate_points(points, data)
    shares = [0.6, 0.2, 0.2]
    assert found.metrics["modes"] == 2 and found.metrics["modes_total"] == modes
    assert found.metrics["high_quality"] == pytest.approx(0.8)
    expected = sum(p * math.log(p * modes) for p in shares)  # Σ p̂ ln(K p̂)
    assert found.metrics["kl_uniform"] == pytest.approx(expected)
    assert found.histogram == pytest.approx([*shares, *[0.0] * (modes - 3)])


def test_a_perfect_sampler_of_points(mixture):
    """1 − e^(−9/2) = 98.89 % lie within 3σ in two dimensions; 100 000 draws know it to ± .03 %."""
    _, data = mixture
    found = evaluate_points(data.train, data).metrics
    assert found["high_quality"] == pytest.approx(1 - math.exp(-4.5), abs=0.0015)
    assert found["modes"] == found["modes_total"] == len(data.centres)
    assert found["kl_uniform"] < 0.001


def test_points_far_away_are_counted_and_survive(mixture):
    """A generator that shoots off must give a poor score, not an error."""
    _, data = mixture
    found = evaluate_points(torch.full((100, 2), 1e30), data).metrics
    assert found["modes"] == 0 and found["high_quality"] == 0


# --- images --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["held_out", "train"])
def test_real_images_look_perfect(judged, name):
    """Real images in place of G's are the ceiling a page may promise; values of this extractor."""
    found = judged[name].metrics
    assert found["modes"] == found["modes_total"] == 10
    assert found["class_entropy"] == pytest.approx(math.log(10), abs=0.02)
    assert found["diversity"] == pytest.approx(1.0, abs=0.05)
    assert found["density"] == pytest.approx(1.0, abs=0.12)
    assert found["coverage"] > 0.85
    assert found["frechet"] < 15
    assert found["nearest_train_ratio"] == pytest.approx(1.0, abs=0.03)


def test_held_out_images_have_the_coverage_of_an_identical_distribution(judged):
    """0.97 (Naeem et al., 2020): held-out images against other held-out images."""
    assert judged["held_out"].metrics["coverage"] == pytest.approx(0.97, abs=0.015)
    assert judged["held_out"].metrics["density"] == pytest.approx(1.0, abs=0.05)


def test_histogram_of_real_images_has_mnists_shares(judged):
    """Otherwise the bar chart would name the wrong digits: ones 11.2 %, fives 9.0 % of MNIST."""
    shares = judged["train"].histogram
    assert sum(shares) == pytest.approx(1.0)
    assert shares == pytest.approx([n / 60_000 for n in (
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949)], abs=0.025)


def test_copied_training_images_are_detected(judged):
    """Distance 0 to the nearest training image, several units to the nearest held-out one."""
    assert judged["copied"].metrics["nearest_train_ratio"] < 0.02


def test_one_digit_is_a_collapse_of_modes_not_of_diversity(judged):
    """Otherwise a G that draws only ones, each different, would not be told from a healthy one."""
    found = judged["ones"].metrics
    assert found["modes"] == 1 and judged["ones"].histogram[1] > 0.98
    assert found["kl_uniform"] > 2.0 and found["coverage"] < 0.3
    assert found["diversity"] > 0.3


def test_one_image_is_a_total_collapse(judged):
    """Diversity 0 and one mode: the reading of the collapse page."""
    found = judged["one_image"].metrics
    assert found["diversity"] < 0.01 and found["modes"] == 1 and found["coverage"] < 0.05


def test_noise_is_far_from_digits(judged):
    """Otherwise an untrained generator would not score worst."""
    found = judged["noise"].metrics
    assert found["frechet"] > 20 * judged["held_out"].metrics["frechet"]
    assert found["coverage"] < 0.05


def test_metrics_order_what_people_order(judged):
    """Real beats one digit beats noise, by distance and by coverage."""
    frechets = [judged[name].metrics["frechet"] for name in ("held_out", "ones", "noise")]
    coverages = [judged[name].metrics["coverage"] for name in ("held_out", "ones", "noise")]
    assert frechets == sorted(frechets) and coverages == sorted(coverages, reverse=True)


def test_acceptance_by_hand(judge, mnist):
    """D's acceptance of reals it saw and never saw, and the gap of its logits."""
    bright, dark = torch.full((4, 784), 255, dtype=torch.uint8), torch.zeros(4, 784).byte()
    data = dataclasses.replace(mnist, train=bright, held_out=torch.cat([bright[:1], dark[:3]]))
    found = metrics.acceptance(judge, data)
    assert found["accuracy_train"] == 1.0 and found["accuracy_held_out"] == 0.25
    assert found["overfit_gap"] == pytest.approx(0.75 * 2 * 784)


def test_a_d_that_never_saw_either_shows_no_overfitting(judged):
    """Brightness was not learned from the training images: the gap must be noise, or the
    overfitting page would accuse every D. Its standard error is about 98 × √(2/1000) = 4.4."""
    found = judged["held_out"].metrics
    assert abs(found["overfit_gap"]) < 15
    assert found["accuracy_train"] == pytest.approx(found["accuracy_held_out"], abs=0.07)


def test_few_training_images_are_compared_with_as_few_held_out(mnist, judge):
    """A larger pool has nearer neighbours; else fifty images would never look copied."""
    few = dataclasses.replace(mnist, train=mnist.train[:50])
    fakes = scaled(mnist.train[-2000:])
    ratio = evaluate_images(fakes, judge, few, "mnist").metrics["nearest_train_ratio"]
    assert ratio == pytest.approx(1.0, abs=0.1)
    copies = scaled(mnist.train[:50]).repeat(40, 1)
    ratio = evaluate_images(copies, judge, few, "mnist").metrics["nearest_train_ratio"]
    assert ratio < 0.02


# --- what people look at -------------------------------------------------------------------------


def test_sheets_are_what_the_store_writes():
    """64 pictures of bytes, or all points: else the gallery could not draw them."""
    pictures = metrics.sheet(torch.linspace(-1, 1, 100 * 784).reshape(100, 784), "image")
    assert pictures.shape == (64, 28, 28) and pictures.dtype == np.uint8
    points = metrics.sheet(torch.randn(2500, 2), "points")
    assert points.shape == (2500, 2) and points.dtype == np.float32


def test_sample_counts_are_the_documented_ones():
    """≥ 2000 images for the digits' histogram; 2500 points as in PacGAN."""
    assert metrics.sample_count("image") >= 2000 and metrics.sample_count("points") == 2500
