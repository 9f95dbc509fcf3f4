"""Good, bad or middling? The audit's own judgement of a run, by what its generator makes.

It shares nothing with the verdict that it is held against: other latents than an evaluation's,
other reals, for digits another network (`auditor`), and no threshold of `gan_core.diagnosis`. All
limits below were chosen from real examples, noise, blurs and the untouched bases of `audit_draws`
over seeds 0 to 4, before any verdict was looked at; docs/verification.md has the figures.

Of fresh samples beside fresh reals:
- `precision`: share of the samples that pass for real. A point does within a tenth of the way from
  one mode to the next around a real point: in a picture of the plane it lies on the mode. An image
  does if the auditor reads a digit in it and its features lie within the reach of a real digit, the
  distance to that one's fifth neighbour (Kynkäänniemi et al., 2019).
- `modes`: share of the training set's modes that get a quarter of their fair share of the samples
  which pass for real.
- `coverage`: share of the reals within whose reach a sample lies, each mode as it is in training.
- `spread`: how far samples of a mode lie from their mean ÷ the same of reals; copies have none.
- `distance`: energy distance between samples and reals ÷ the mean distance of two reals; 0 where
  both are alike (Székely & Rizzo, 2013).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gan_core.config.choices import DATASETS
from gan_core.config.run_config import RunConfig
from gan_core.data import datasets
from gan_core.verification import auditor

FRESH_SEED = 8_675_309  # of the reals, and of the latents from which samples are made
POINTS, IMAGES = 2500, 2000  # samples, and about as many reals
TENTH = 0.1  # of the way to the next mode
NEIGHBOUR = 5
FAIR = 0.25  # of its fair share makes a mode present
SPREAD = 0.25  # of the reals' own is enough


@dataclass(frozen=True)
class Limits:
    """What a good run has at least, and what a bad one has less than."""

    good: dict[str, float]
    bad: dict[str, float]


# Seven of eight modes, nine of ten digits, 22 of 25: hardly any may be missing. Half is bad.
# The untouched bases reach a precision of 0.7 to 0.9 on points and of 0.5 to 0.6 on digits; a good
# run may have somewhat less, a bad one has less than half of what makes a good one. Fifty images,
# copied, cover less than 0.2 of the others.
LIMITS = {
    "points": Limits({"precision": 0.6, "modes": 0.85, "coverage": 0.2, "spread": SPREAD},
                     {"precision": 0.3, "modes": 0.51, "spread": 0.05}),
    "image": Limits({"precision": 0.4, "modes": 0.85, "coverage": 0.2, "spread": SPREAD},
                    {"precision": 0.2, "modes": 0.51, "spread": 0.05}),
}
FALLEN = 2 / 3  # of its quality half-way: a run that has lost more is not good
CLEARLY = 0.05  # higher in quality; samples drawn again differ by about 0.02
NEARER, BY = 0.75, 0.01  # of the distance before, and by so much; samples drawn again: 0.002


@dataclass(frozen=True)
class Quality:
    """What fresh samples of a generator are worth."""

    precision: float
    modes: float
    coverage: float
    spread: float
    distance: float

    @property
    def value(self) -> float:
        """One number from 0 to 1; copies of a few examples are worth little."""
        return self.precision * self.modes * min(1.0, self.spread / SPREAD)


def label(kind: str, end: Quality | None, half: Quality | None) -> str:
    """"good", "middling" or "bad": a run by its quality at its end and half-way, None where it has
    diverged by then."""
    if end is None or _below(end, LIMITS[kind].bad):
        return "bad"
    fallen = half is not None and end.value < FALLEN * half.value
    return "middling" if fallen or _below(end, LIMITS[kind].good) else "good"


def _below(quality: Quality, limits: dict[str, float]) -> bool:
    return any(getattr(quality, name) < limit for name, limit in limits.items())


def improved(before: Quality, after: Quality | None) -> bool:
    """Whether a run is better after more steps: clearly higher in quality, or much nearer to the
    data and no worse. One that has diverged is not."""
    if after is None:
        return False
    nearer = after.distance <= min(NEARER * before.distance, before.distance - BY)
    return after.value >= before.value + CLEARLY or (nearer and after.value >= before.value)


# --- reals ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reals:
    """Fresh reals: where they lie, how far from each a sample passes for it, and their modes."""

    places: Tensor  # (m, f)
    reach: Tensor  # (m,)
    modes: Tensor  # (m,)


@functools.cache
def reals(dataset: str) -> Reals:
    """Of the ring or the grid newly drawn points, as many of each mode; of MNIST test images."""
    return _real_points(dataset) if DATASETS[dataset].kind == "points" else _real_digits()


def _real_points(dataset: str) -> Reals:
    card, random = DATASETS[dataset], np.random.default_rng(FRESH_SEED)
    centres, modes = np.array(card.centres), np.arange(POINTS) % card.modes
    points = centres[modes] + card.sigma * random.standard_normal((POINTS, 2))
    apart = np.linalg.norm(centres[:, None] - centres, axis=2)
    reach = torch.full((POINTS,), TENTH * float(apart[apart > 0].min()))
    return Reals(torch.from_numpy(points).float(), reach, torch.from_numpy(modes))


def _real_digits() -> Reals:
    data = datasets.whole("mnist", torch.device("cpu"))
    places, _ = seen(datasets.scaled(data.held_out[-IMAGES:]), "image")
    reach = torch.cdist(places, places).kthvalue(NEIGHBOUR + 1, dim=1).values  # the first is itself
    return Reals(places, reach, data.held_out_labels[-IMAGES:])


# --- samples --------------------------------------------------------------------------------------


@torch.no_grad()
def seen(examples: Tensor, kind: str) -> tuple[Tensor, Tensor]:
    """Where examples (n, d) lie, (n, f), and which of them can be real at all, (n,)."""
    if kind == "points":
        return examples, torch.ones(len(examples), dtype=torch.bool)
    model = auditor.load()
    places = torch.cat([model.features(part) for part in examples.split(250)])
    return places, model.decide(places).argmax(1) != auditor.NO_DIGIT


def fair_shares(config: RunConfig) -> Tensor:
    """Share of each mode in what training draws, (modes,)."""
    data = datasets.load(config, torch.device("cpu"))
    counts = torch.bincount(data.labels, minlength=config.card.modes).float()
    if config.balanced_sampling:
        counts = (counts > 0).float()
    return counts / counts.sum()


def quality(samples: Tensor, config: RunConfig) -> Quality:
    """Of fresh samples (n, d) of a run of `config`."""
    fair = fair_shares(config)
    real = _of_modes(reals(config.dataset), fair > 0)
    places, possible = seen(samples, config.card.kind)
    distances = torch.cdist(places, real.places)
    inside = (distances <= real.reach) & possible[:, None]
    passing = inside.any(1)
    modes = real.modes[distances.argmin(1)]
    counts = torch.bincount(modes[passing], minlength=len(fair))
    present = (fair > 0) & (counts >= FAIR * fair * passing.sum()) & (counts > 0)
    weights = _weights(real.modes, fair)
    return Quality(
        passing.float().mean().item(),
        present.sum().item() / (fair > 0).sum().item(),
        (inside.any(0).float() * weights).sum().item(),
        _relative_spread(places[passing], modes[passing], real, present),
        _energy_distance(distances, places, real, weights),
    )


def _of_modes(real: Reals, wanted: Tensor) -> Reals:
    rows = wanted[real.modes]
    return Reals(real.places[rows], real.reach[rows], real.modes[rows])


def _weights(modes: Tensor, fair: Tensor) -> Tensor:
    """Of each real, such that together they have the training set's shares of modes, (m,)."""
    return (fair / torch.bincount(modes, minlength=len(fair)).clamp(min=1))[modes]


def _relative_spread(places: Tensor, modes: Tensor, real: Reals, present: Tensor) -> float:
    """Mean over the modes that are present; 0 without any."""
    ratios = [_spread(places[modes == mode]) / _spread(real.places[real.modes == mode])
              for mode in present.nonzero().flatten().tolist()]
    return sum(ratios) / max(len(ratios), 1)


def _spread(places: Tensor) -> float:
    """Mean distance of (n, f) from their mean."""
    return (places - places.mean(0)).norm(dim=1).mean().item()


def _energy_distance(between: Tensor, places: Tensor, real: Reals, weights: Tensor) -> float:
    """From distances (n, m) between samples and reals, each real with its weight."""
    across = (between @ weights).mean()
    among_samples = torch.cdist(places, places).mean()
    among_reals = weights @ torch.cdist(real.places, real.places) @ weights
    return ((2 * across - among_samples - among_reals) / among_reals).item()
