"""What samples score that have learned nothing: the floor above which quality begins. Torch-free.

Uniform noise over the plane of PacGAN's grid reaches 21 of 25 modes with 2500 samples, so the
number of modes says nothing without a share of good samples well above that of noise. A point is
good if it lies near a mode, as people see it on the plane; whether it lies within 3σ, the published
measure of precision, comes later, and of narrow modes much later.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from gan_core.config.choices import DatasetCard

NEAR = 1 / 8  # of the way from a centre to the next one
PRECISE = 3.0  # standard deviations within which a point is of high quality: Lin et al. (2018)
BLUR = 0.25  # of the distance between two neighbouring centres: modes just keep apart
DRAWN = 200_000  # points, so that the share of the blurred data is known to a tenth of a per cent

# Of images: at most so many of any kind of noise, blur or average pass as digits, and so many of
# the real ones at least (`python -m gan_core verify recogniser`).
CHANCE_IMAGES, PERFECT_IMAGES = 0.02, 0.98


def above_chance(share: float, card: DatasetCard, reach: float | None = None) -> float:
    """A share of good samples on a scale from 0, no better than chance, to 1, as good as the data.
    """
    chance, perfect = floor_and_ceiling(card, reach)
    return (share - chance) / (perfect - chance)


def precise_above_chance(share: float, card: DatasetCard) -> float:
    """The same of a share of points within 3σ: all that evaluations of version 1 know."""
    return above_chance(share, card, PRECISE * card.sigma)


def floor_and_ceiling(card: DatasetCard, reach: float | None = None) -> tuple[float, float]:
    """The share of good samples that chance gives, and the one that the data give; of points those
    within `reach` of a centre, unless told otherwise those near a mode."""
    if card.kind == "image":
        return CHANCE_IMAGES, PERFECT_IMAGES
    reach = near(card) if reach is None else reach
    chance = max(share_of_uniform(card, reach), share_of_blurred(card, reach))
    return chance, 1 - math.exp(-((reach / card.sigma) ** 2) / 2)


def near(card: DatasetCard) -> float:
    """How far from a centre a point still is near it."""
    return NEAR * between_modes(card)


@functools.cache
def between_modes(card: DatasetCard) -> float:
    """The distance between two neighbouring centres."""
    centres = np.asarray(card.centres)
    distances = np.linalg.norm(centres[:, None] - centres, axis=-1)
    return float(distances[distances > 0].min())


def share_of_uniform(card: DatasetCard, reach: float) -> float:
    """Share of uniform noise over the plane that lies within `reach` of a centre."""
    discs = len(card.centres) * math.pi * reach**2
    return discs / (2 * card.extent) ** 2


@functools.cache
def share_of_blurred(card: DatasetCard, reach: float) -> float:
    """The same share of the data themselves, blurred by a quarter of the way to the next mode."""
    centres, random = np.asarray(card.centres), np.random.default_rng(0)
    spread = math.hypot(card.sigma, BLUR * between_modes(card))
    points = centres[random.integers(len(centres), size=DRAWN)]
    points = points + spread * random.standard_normal(points.shape)
    closest = np.min([np.linalg.norm(points - centre, axis=1) for centre in centres], axis=0)
    return float((closest < reach).mean())


@functools.cache
def distance_of_uniform(card: DatasetCard) -> float:
    """Mean distance of uniform noise over the plane from the nearest centre, in σ."""
    points = np.random.default_rng(0).uniform(-card.extent, card.extent, (DRAWN, 2))
    closest = np.min([np.linalg.norm(points - centre, axis=1) for centre in card.centres], axis=0)
    return float(closest.mean()) / card.sigma
