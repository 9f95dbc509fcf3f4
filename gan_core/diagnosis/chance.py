"""What samples score that have learned nothing: the floor above which quality begins. Torch-free.

Uniform noise over the plane of PacGAN's grid reaches 21 of 25 modes with 2500 samples, so the
number of modes says nothing without a share of good samples well above that of noise.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from gan_core.config.choices import DatasetCard

NEAR = 3.0  # standard deviations within which a point is of high quality: Lin et al. (2018)
BLUR = 0.25  # of the distance between two neighbouring centres: modes just keep apart
DRAWN = 200_000  # points, so that the share of the blurred data is known to a tenth of a per cent

PERFECT_POINTS = 1 - math.exp(-(NEAR**2) / 2)  # of a Gaussian in the plane: 98.9 %
# Of images: at most so many of any kind of noise, blur or average pass as digits, and so many of
# the real ones at least (`python -m gan_core verify recogniser`).
CHANCE_IMAGES, PERFECT_IMAGES = 0.02, 0.98


def above_chance(share: float, card: DatasetCard) -> float:
    """A share of good samples on a scale from 0, no better than chance, to 1, as good as the data.
    """
    chance, perfect = floor_and_ceiling(card)
    return (share - chance) / (perfect - chance)


def floor_and_ceiling(card: DatasetCard) -> tuple[float, float]:
    """The share of good samples that chance gives, and the one that the data give."""
    if card.kind == "image":
        return CHANCE_IMAGES, PERFECT_IMAGES
    return max(share_of_uniform(card), share_of_blurred(card)), PERFECT_POINTS


def share_of_uniform(card: DatasetCard) -> float:
    """Share of uniform noise over the plane that lies within 3σ of a centre."""
    discs = len(card.centres) * math.pi * (NEAR * card.sigma) ** 2
    return discs / (2 * card.extent) ** 2


@functools.cache
def share_of_blurred(card: DatasetCard) -> float:
    """The same share of the data themselves, blurred by a quarter of the way to the next mode."""
    centres = np.asarray(card.centres)
    distances = np.linalg.norm(centres[:, None] - centres, axis=-1)
    nearest = distances[distances > 0].min()
    random = np.random.default_rng(0)
    spread = math.hypot(card.sigma, BLUR * nearest)
    points = centres[random.integers(len(centres), size=DRAWN)]
    points = points + spread * random.standard_normal(points.shape)
    closest = np.min([np.linalg.norm(points - centre, axis=1) for centre in centres], axis=0)
    return float((closest < NEAR * card.sigma).mean())
