"""The Fréchet distance between Gaussians fitted to features: Dowson & Landau (1982).

Heusel et al., "GANs Trained by a Two Time-Scale Update Rule" (2017), use it on Inception features.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor


def frechet(first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray]) -> float:
    """Fréchet distance between two Gaussians (mean (d,), covariance (d, d)).

    |μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2 (Σ₁^½ Σ₂ Σ₁^½)^½), Dowson & Landau (1982).
    """
    (mean_1, covariance_1), (mean_2, covariance_2) = first, second
    values, vectors = np.linalg.eigh(covariance_1)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    product = np.linalg.eigvalsh(root @ covariance_2 @ root).clip(0)
    trace = np.trace(covariance_1) + np.trace(covariance_2) - 2 * np.sqrt(product).sum()
    return float(((mean_1 - mean_2) ** 2).sum() + max(trace, 0.0))


def moments(features: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of features (n, d), in float64."""
    array = features.float().cpu().numpy().astype(np.float64)
    return array.mean(0), np.cov(array, rowvar=False)
