"""How good is G after so many steps? Measured from fixed latents against held-out reals.

Images, on the features of the bundled digit classifier:
- `modes`: digits with a share of at least 1 %; `class_entropy`, `kl_uniform` of the shares, nats.
- `density`, `coverage`: Naeem et al. (2020), k = 5; 1 and about 0.97 for identical distributions.
- `frechet`: Fréchet distance between Gaussians fitted to features. On this extractor only.
- `diversity`: mean pairwise pixel distance of samples ÷ that of held-out reals; 1 is ideal.
- `accuracy_train`, `accuracy_held_out`: share of training / held-out reals that D calls real;
  `overfit_gap`: mean logit on training reals − on held-out reals.
- `nearest_train_ratio`: mean pixel distance of samples to the nearest training image ÷ to the
  nearest held-out image, drawn in equal numbers; well below 1 means copying.

Points: `modes`, `high_quality` and reverse `kl_uniform` as in Lin et al., "PacGAN" (2018).
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from gan_core import classifier
from gan_core.datasets import Dataset, as_bytes, scaled, whole
from gan_core.frechet import frechet, moments

IMAGE_SAMPLES = 2000
POINT_SAMPLES = 2500
SHEET = 64  # pictures of the sample sheet; the first latents
NEIGHBOURS = 5
MODE_SHARE = 0.01
PAIRWISE = 500  # images whose pixel distances are compared
NEAREST_POOL = 2000  # reals among which a nearest neighbour is looked for


@dataclass(frozen=True)
class Evaluation:
    metrics: dict[str, float]
    histogram: tuple[float, ...]


def histogram_metrics(shares: np.ndarray) -> dict[str, float]:
    """Entropy and KL to uniform of `shares` (K,), which sum to 1, in nats."""
    present = shares[shares > 0]
    entropy = float(-(present * np.log(present)).sum())
    return {"class_entropy": entropy, "kl_uniform": math.log(len(shares)) - entropy}


def neighbour_radii(reals: Tensor, k: int = NEIGHBOURS) -> Tensor:
    """Distance of each real (n, d) to its k-th nearest other real, (n,)."""
    return torch.cdist(reals, reals).kthvalue(k + 1, dim=1).values  # the nearest is itself


def density_coverage(
    reals: Tensor, radii: Tensor, fakes: Tensor, k: int = NEIGHBOURS
) -> tuple[float, float]:
    """Density and coverage of fakes (m, d) around reals (n, d) with k-NN `radii` (n,)."""
    distances = torch.cdist(reals, fakes)
    inside = distances < radii[:, None]
    return inside.float().sum(0).mean().item() / k, inside.any(1).float().mean().item()


def mean_pairwise_distance(x: Tensor) -> float:
    """Mean Euclidean distance between two different rows of x (n, d)."""
    return torch.cdist(x, x).sum().item() / (len(x) * (len(x) - 1))


def nearest_distance(x: Tensor, pool: Tensor) -> float:
    """Mean over rows of x (n, d) of the distance to the nearest row of pool (m, d)."""
    return torch.cdist(x, pool).amin(1).mean().item()


@dataclass(frozen=True)
class ImageReference:
    """What held-out reals give: computed once per data set and device."""

    moments: tuple[np.ndarray, np.ndarray]
    features: Tensor  # (2000, 64)
    radii: Tensor  # (2000,)
    spread: float


@functools.cache
def image_reference(name: str, device: torch.device) -> ImageReference:
    held_out = whole(name, device).held_out
    with torch.no_grad():
        features = classifier.load(device).features(scaled(held_out))
    subset = features[:IMAGE_SAMPLES]
    spread = mean_pairwise_distance(scaled(held_out[:PAIRWISE]))
    return ImageReference(moments(features), subset, neighbour_radii(subset), spread)


def evaluate_images(
    images: Tensor, discriminator: nn.Module, data: Dataset, name: str
) -> Evaluation:
    """Metrics of generated `images` (2000, 784) in [−1, 1] and of D in evaluation mode."""
    device = images.device
    reference, model = image_reference(name, device), classifier.load(device)
    features = model.features(images)
    digits = model.head(features).argmax(1)
    shares = torch.bincount(digits, minlength=10).cpu().numpy() / len(images)
    density, coverage = density_coverage(reference.features, reference.radii, features)
    few, count = images[:PAIRWISE], min(NEAREST_POOL, len(data.train))
    nearest_train = nearest_distance(few, scaled(data.train[:count]))
    nearest_held_out = nearest_distance(few, scaled(data.held_out[:count]))
    return Evaluation(
        {
            "modes": float((shares >= MODE_SHARE).sum()),
            "modes_total": 10.0,
            **histogram_metrics(shares),
            "diversity": mean_pairwise_distance(few) / reference.spread,
            "frechet": frechet(moments(features), reference.moments),
            "density": density,
            "coverage": coverage,
            **acceptance(discriminator, data),
            "nearest_train_ratio": nearest_train / nearest_held_out,
        },
        tuple(shares.tolist()),
    )


def acceptance(discriminator: nn.Module, data: Dataset, count: int = 1000) -> dict[str, float]:
    """How D judges training reals and reals it never saw."""
    train = discriminator(scaled(data.train[:count])).float()
    held_out = discriminator(scaled(data.held_out[:count])).float()
    return {
        "accuracy_train": (train > 0).float().mean().item(),
        "accuracy_held_out": (held_out > 0).float().mean().item(),
        "overfit_gap": (train.mean() - held_out.mean()).item(),
    }


def evaluate_points(points: Tensor, data: Dataset) -> Evaluation:
    """Metrics of generated `points` (n, 2): a point within 3σ of a centre is of high quality, a
    mode with at least one such point is captured."""
    distances, nearest = torch.cdist(points, data.centres).min(1)
    good = distances < 3 * data.sigma
    modes = len(data.centres)
    shares = torch.bincount(nearest, minlength=modes).cpu().numpy() / len(points)
    return Evaluation(
        {
            "modes": float(nearest[good].unique().numel()),
            "modes_total": float(modes),
            "high_quality": good.float().mean().item(),
            "kl_uniform": histogram_metrics(shares)["kl_uniform"],
        },
        tuple(shares.tolist()),
    )


def sample_count(kind: str) -> int:
    """How many fixed latents an evaluation needs."""
    return IMAGE_SAMPLES if kind == "image" else POINT_SAMPLES


def sheet(samples: Tensor, kind: str) -> np.ndarray:
    """What people look at: 64 images as uint8 (64, 28, 28), or all points as float32 (n, 2)."""
    if kind == "image":
        return as_bytes(samples[:SHEET]).reshape(-1, 28, 28).cpu().numpy()
    return samples.float().cpu().numpy()
