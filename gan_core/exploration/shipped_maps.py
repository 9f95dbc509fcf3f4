"""The maps that ship: what they vary, and how they are called. Torch-free.

`gan-lab map --shipped NAME --write` trains one and puts its results into `assets/maps`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from gan_core.assets import ASSETS
from gan_core.config.presets import BEST_SESSION, RING, SHORT_SESSION
from gan_core.exploration.axis import axis
from gan_core.exploration.parameter_map import ParameterMap
from gan_core.exploration.study_results import StudyResults


@dataclass(frozen=True)
class ShippedMap:
    """A map with its title, and the measure by which it is coloured at first."""

    title: str
    drawn: ParameterMap
    colouring: str = "verdict"


_MNIST = SHORT_SESSION.replace(steps=1000)
SHIPPED: dict[str, ShippedMap] = {
    "rate-ratio": ShippedMap(
        "Ring: learning rate and ratio",
        ParameterMap(RING, axis("learning_rate=1e-4..1e-2:8"),
                     axis("learning_rate_ratio=0.1,0.2,0.5,1,2,5,10"), 5)),
    "r1-rate": ShippedMap(
        "Ring: learning rate and R1",
        ParameterMap(RING, axis("learning_rate=1e-4..1e-2:8"),
                     axis("r1=0,0.001,0.01,0.1,1,10"), 5)),
    "ratio-d-steps": ShippedMap(
        "MNIST: learning-rate ratio and D steps",
        ParameterMap(_MNIST, axis("learning_rate_ratio=0.1,0.2,0.5,1,2,5,10,20"),
                     axis("discriminator_steps=1,2,3,5"), 2)),
    "smoothing-dropout": ShippedMap(
        "MNIST: label smoothing and dropout",
        ParameterMap(_MNIST, axis("label_smoothing=0,0.1,0.2,0.3"),
                     axis("dropout=0,0.2,0.4,0.6"), 3), "frechet"),
    # Where the best session was found: see docs/best_session.md.
    "best-session": ShippedMap(
        "MNIST: in search of the best session",
        ParameterMap(BEST_SESSION.replace(steps=1000),
                     axis("learning_rate=0.0003,0.0005,0.0007,0.001,0.002"),
                     axis("learning_rate_ratio=0.1,0.15,0.2,0.3,0.5"), 2), "ema_frechet"),
}


@functools.cache
def shipped_results() -> StudyResults:
    """The results that ship with the project, read-only."""
    return StudyResults(ASSETS)
