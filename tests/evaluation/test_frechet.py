"""The Fréchet distance, against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from gan_core.evaluation.frechet import frechet, moments


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
