"""How good is G after so many steps? Measured from fixed latents against held-out reals.

Images, on the features of a classifier that was trained on the same data set:
- `modes` of `modes_total`: classes with a share of at least 1 %; `class_entropy` and `kl_uniform`
  of the shares, nats.
- `density`, `coverage`: Naeem et al. (2020), k = 5; 1 and about 0.97 for identical distributions.
- `frechet`: Fréchet distance between Gaussians fitted to features. On this extractor only.
- `ndb`: share of 100 bins of the features in which samples are significantly more or fewer than
  reals: Richardson & Weiss, "On GANs and GMMs" (2018), NDB/K there. About 0.05 for identical
  distributions; bins and their shares come from held-out reals.
- `diversity`: mean pairwise pixel distance of samples ÷ that of held-out reals; 1 is ideal.
- `nearest_train_ratio`: mean pixel distance of samples to the nearest training image ÷ to the
  nearest held-out image, drawn in equal numbers; well below 1 means copying.
- `copying`: z-score of samples' distances to the nearest training image against those of held-out
  images, each class by itself: Meehan et al. (2020). Far below zero, samples are nearer to the
  training images than new images are: copies, and also blurred pictures, or one typical one.

Points, as in Lin et al., "PacGAN" (2018): `modes` of `modes_total` have a sample of high quality,
`high_quality` is the share of such samples, `kl_uniform` the reverse KL in nats.

D's scores, of either kind, against the logit c at which it is undecided:
- `accuracy_train`, `accuracy_held_out`, `accuracy_generated`: share of training reals, of reals it
  never saw, and of samples that D calls real, logit > c. For samples that is D's error.
- `score_train`, `score_held_out`, `score_generated`: mean σ(logit − c) on the same.
- `overfit_gap`: mean logit on training reals − on held-out reals, in the loss's own unit.
- `r_v`: that gap ÷ (mean logit on training reals − on samples); `r_t`: mean sign(logit − c) on
  training reals. Karras et al., "Training GANs with Limited Data" (2020): 0 means no overfitting,
  1 complete overfitting; they hold r_t at 0.6. r_v is 0 while D separates nothing.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from gan_core.data.datasets import Dataset, as_bytes, scaled
from gan_core.evaluation.frechet import frechet, moments
from gan_core.evaluation.ndb import Bins, different_bins, make_bins
from gan_core.evaluation.neighbours import (
    COMPARED,
    copying,
    density_coverage,
    nearest_distances,
    neighbour_radii,
    pools,
)

IMAGE_SAMPLES = 2000
POINT_SAMPLES = 2500
SHEET = 64  # pictures of the sample sheet; the first latents
MODE_SHARE = 0.01
SCORED = 960  # examples that D scores: whole groups of four of up to six packed samples, or eight
CHUNK = 250  # images that pass the extractor at a time: what fits a core's cache is twice as fast

Score = Callable[[Tensor], Tensor]
"""Examples (n, d), scaled, to D's logits (k, 1) in evaluation mode; k = n/m if it packs m."""


class Extractor(Protocol):
    """What an image classifier must offer: `features` (n, f) of images (n, d) in [−1, 1], and
    `head`, their logits (n, classes)."""

    def features(self, images: Tensor) -> Tensor: ...
    def head(self, features: Tensor) -> Tensor: ...
    def __hash__(self) -> int: ...


@dataclass(frozen=True)
class Evaluation:
    """`classes` (n,) are what the classifier calls the samples, or the modes that they are nearest
    to."""

    metrics: dict[str, float]
    histogram: tuple[float, ...]
    classes: Tensor = field(compare=False)


# --- shares and distances ------------------------------------------------------------------------


def histogram_metrics(shares: np.ndarray) -> dict[str, float]:
    """Entropy and KL to uniform of `shares` (K,), which sum to 1, in nats."""
    present = shares[shares > 0]
    entropy = float(0.0 - (present * np.log(present)).sum())  # −0.0 would show its sign
    return {"class_entropy": entropy, "kl_uniform": math.log(len(shares)) - entropy}


def shares_of(classes: Tensor, count: int) -> np.ndarray:
    """Share of each of `count` classes among `classes` (n,), (count,)."""
    return torch.bincount(classes, minlength=count).cpu().numpy() / len(classes)


def mean_pairwise_distance(x: Tensor) -> float:
    """Mean Euclidean distance between two different rows of x (n, d)."""
    return torch.cdist(x, x).sum().item() / (len(x) * (len(x) - 1))


# --- D's scores ----------------------------------------------------------------------------------


def scored_rows(examples: Tensor) -> Tensor:
    """The SCORED examples, scaled, that D scores: the first ones, or fewer over and over.

    Shuffled, always alike: repeated in order, a D that scores groups could meet one example
    several times in each, which it takes for a collapse.
    """
    rows = np.random.default_rng(0).permutation(SCORED) % len(examples)
    return scaled(examples.index_select(0, torch.from_numpy(rows).to(examples.device)))


def acceptance(
    score: Score, data: Dataset, samples: Tensor, centre: float | None = 0.0
) -> dict[str, float]:
    """How D scores training reals, reals it never saw, and `samples` (n, d).

    `centre` as in `undecided`.
    """
    parts = {"train": data.train, "held_out": data.unseen, "generated": samples}
    logits = torch.stack([score(scored_rows(part)).float() for part in parts.values()])
    train, held_out, generated = logits
    above = logits - undecided(held_out, generated, centre)
    # All numbers in one transfer: on a GPU each costs a wait for whatever is being computed.
    accuracies, scores, (overfit_gap, r_v, r_t) = torch.stack([
        (above > 0).float().mean((1, 2)),
        above.sigmoid().mean((1, 2)),
        torch.stack([train.mean() - held_out.mean(), validation_ratio(train, held_out, generated),
                     above[0].sign().mean()]),
    ]).tolist()
    return {
        **{f"accuracy_{name}": share for name, share in zip(parts, accuracies, strict=True)},
        **{f"score_{name}": mean for name, mean in zip(parts, scores, strict=True)},
        "overfit_gap": overfit_gap,
        "r_v": r_v,
        "r_t": r_t,
    }


def undecided(held_out: Tensor, generated: Tensor, centre: float | None) -> float | Tensor:
    """The logit at which D is undecided, of its logits (k, 1) on new reals and on samples.

    `centre` is 0 for cross-entropy and hinge, ½ for least squares, and None where a logit means
    nothing by itself (Wasserstein, relativistic); then it is midway between the two means.
    """
    return (held_out.mean() + generated.mean()) / 2 if centre is None else centre


def validation_ratio(train: Tensor, held_out: Tensor, generated: Tensor) -> Tensor:
    """r_v, (), of logits (k, 1): 0 where D scores new reals like training reals, 1 like samples.

    0 as well where D does not score training reals above samples by five standard errors: it has
    learned no difference worth the name, so none by heart, and the quotient would be noise ÷ noise.
    Beyond that its own error is about 0.2 at most.
    """
    learned = train.mean() - generated.mean()
    error = ((train.var(correction=0) + generated.var(correction=0)) / len(train)).sqrt()
    ratio = (train.mean() - held_out.mean()) / learned
    return torch.where(learned <= 5 * error, 0.0, ratio)


# --- images --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ImageReference:
    """What held-out reals give: computed once per process, for each part that is held out."""

    moments: tuple[np.ndarray, np.ndarray]
    features: Tensor  # (2000, f)
    radii: Tensor  # (2000,)
    classes: Tensor  # (500,)
    spread: float
    bins: Bins


def features_of(model: Extractor, images: Tensor) -> Tensor:
    """Features (n, f) of images (n, d), uint8 or in [−1, 1]."""
    return torch.cat([model.features(scaled(part)) for part in images.split(CHUNK)])


@functools.lru_cache(maxsize=8)  # tensors and models are keys by identity, and stay alive in it
@torch.no_grad()
def image_reference(held_out: Tensor, model: Extractor) -> ImageReference:
    """Reference of `held_out` (m, d), uint8, on its own device.

    Whoever holds out another part must hand in the same tensor each time.
    """
    features = features_of(model, held_out)
    subset = features[:IMAGE_SAMPLES]
    return ImageReference(
        moments(features),
        subset,
        neighbour_radii(subset),
        model.head(features[:COMPARED]).argmax(1),
        mean_pairwise_distance(scaled(held_out[:COMPARED])),
        make_bins(features),
    )


@torch.no_grad()
def evaluate_images(
    images: Tensor, score: Score, data: Dataset, model: Extractor, centre: float | None = 0.0
) -> Evaluation:
    """Metrics of generated `images` (n, d) in [−1, 1], n = 2000 unless one is testing, and of D.

    `model` is the classifier of the data set; `centre` as in `acceptance`.
    """
    reference = image_reference(data.held_out, model)
    features = features_of(model, images)
    logits = model.head(features)
    classes = logits.argmax(1)
    shares = shares_of(classes, logits.shape[1])
    density, coverage = density_coverage(reference.features, reference.radii, features)
    return Evaluation(
        {
            "modes": float((shares >= MODE_SHARE).sum()),
            "modes_total": float(len(shares)),
            **histogram_metrics(shares),
            "diversity": mean_pairwise_distance(images[:COMPARED]) / reference.spread,
            "frechet": frechet(moments(features), reference.moments),
            "density": density,
            "coverage": coverage,
            "ndb": different_bins(reference.bins, features),
            **copying_metrics(images[:COMPARED], classes[:COMPARED], data, reference.classes),
            **acceptance(score, data, images, centre),
        },
        tuple(shares.tolist()),
        classes,
    )


def copying_metrics(
    images: Tensor, classes: Tensor, data: Dataset, held_out_classes: Tensor
) -> dict[str, float]:
    """How near `images` (n, d) of `classes` (n,) lie to training reals, compared two ways.

    Both compare with held-out reals: as many to be near to, or 500 to be as near as.
    """
    reals = pools(data.train, data.held_out)
    to_train = nearest_distances(images, reals.train)
    to_held_out = nearest_distances(images, reals.held_out)
    return {
        "nearest_train_ratio": (to_train.mean() / to_held_out.mean()).item(),
        "copying": copying(to_train, reals.usual, classes, held_out_classes),
    }


# --- points --------------------------------------------------------------------------------------


@torch.no_grad()
def evaluate_points(
    points: Tensor, score: Score, data: Dataset, centre: float | None = 0.0
) -> Evaluation:
    """Metrics of generated `points` (n, 2) and of D: a point within 3σ of a centre is of high
    quality, a mode with at least one such point is captured. `centre` as in `acceptance`."""
    if data.centres is None:
        raise ValueError("points are measured against the centres of their data set's modes.")
    distances, nearest = torch.cdist(points, data.centres).min(1)
    good = distances < 3 * data.sigma
    shares = shares_of(nearest, len(data.centres))
    return Evaluation(
        {
            "modes": float(nearest[good].unique().numel()),
            "modes_total": float(len(shares)),
            "high_quality": good.float().mean().item(),
            "kl_uniform": histogram_metrics(shares)["kl_uniform"],
            **acceptance(score, data, points, centre),
        },
        tuple(shares.tolist()),
        nearest,
    )


# --- what an evaluation needs, and what people see -----------------------------------------------


def is_about_discriminator(name: str) -> bool:
    """Whether a metric describes D rather than samples."""
    return name.startswith(("accuracy_", "score_")) or name in ("overfit_gap", "r_v", "r_t")


def sample_count(kind: str) -> int:
    """How many fixed latents an evaluation needs."""
    return IMAGE_SAMPLES if kind == "image" else POINT_SAMPLES


def sheet(samples: Tensor, kind: str) -> np.ndarray:
    """What people see: 64 images as uint8 (64, 28, 28), or all points as float32 (n, 2)."""
    if kind == "image":
        return as_bytes(samples[:SHEET]).reshape(-1, 28, 28).cpu().numpy()
    return samples.float().cpu().numpy()
