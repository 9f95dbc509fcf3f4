"""The audit's own judgement, on samples made by hand whose worth anybody sees."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from gan_core.data.datasets import scaled, whole
from gan_core.verification import audit_labels, auditor
from gan_core.verification.audit_draws import BASES
from gan_core.verification.audit_labels import Quality, improved, label, quality

RING, GRID, MNIST = BASES["ring"], BASES["grid"], BASES["mnist"]
GOOD = Quality(1.0, 1.0, 1.0, 1.0, 0.0)


@pytest.fixture(autouse=True)
def fixed_noise() -> None:
    torch.manual_seed(7)


def reals(dataset: str, modes: int = 100, count: int = 2500) -> Tensor:
    """Training examples of the first so many modes."""
    data = whole(dataset, torch.device("cpu"))
    return scaled(data.train[data.labels < modes][:count])


def labelled(samples: Tensor, config=RING) -> str:
    return label(config.card.kind, quality(samples, config), None)


@pytest.mark.parametrize("config", [RING, GRID], ids=lambda config: config.dataset)
def test_points_are_labelled_as_they_look(config) -> None:
    """The audit would blame a right verdict, or praise a wrong one."""
    real, sigma = reals(config.dataset), config.card.sigma
    blurred = real + 3 * sigma * torch.randn_like(real)
    noise = config.card.extent * (2 * torch.rand(2500, 2) - 1)
    assert labelled(real, config) == "good"
    assert labelled(blurred, config) == "good", "a little blurred, but on its mode"
    assert labelled(noise, config) == "bad"
    assert labelled(real.std() * torch.randn(2500, 2), config) == "bad", "one cloud over all"
    assert labelled(reals(config.dataset, 1), config) == "bad", "one mode"
    assert labelled(reals(config.dataset, config.card.modes // 2), config) == "bad"
    assert labelled(torch.full((2500, 2), 9.0), config) == "bad", "far away"
    mixed = torch.where(torch.rand(2500, 1) < 0.45, real, noise)
    assert labelled(mixed, config) == "middling", "half of it noise"


def test_one_of_eight_modes_may_be_missing() -> None:
    """Chance alone would make a good run middling."""
    assert labelled(reals("ring", 7)) == "good"
    assert labelled(reals("ring", 6)) == "middling"


def test_only_what_was_trained_on_is_asked_for() -> None:
    """A run on rare or few modes would be bad however well it learned them."""
    rare = RING.replace(class_skew=0.99)
    assert labelled(whole_of(rare), rare) == "good"
    three = RING.replace(training_examples=3)
    modes = audit_labels.fair_shares(three).nonzero().flatten()
    data = whole("ring", torch.device("cpu"))
    assert len(modes) < 8
    assert labelled(data.train[torch.isin(data.labels, modes)][:2500], three) == "good"
    assert labelled(data.centres[modes].repeat(900, 1), three) == "bad", "the same points again"


def whole_of(config) -> Tensor:
    from gan_core.data.datasets import load

    return load(config, torch.device("cpu")).train[:2500]


def test_digits_are_labelled_as_they_look() -> None:
    """The audit would blame a right verdict, or praise a wrong one."""
    real = reals("mnist", count=500)
    pictures = real.reshape(-1, 1, 28, 28)
    blurred = pictures
    for _ in range(3):
        blurred = avg_pool2d(blurred, 3, stride=1, padding=1)
    looks = {
        "good": [real, (real + 0.3 * torch.randn_like(real)).clamp(-1, 1)],
        "middling": [reals("mnist", 7, 500), real[:50].repeat(10, 1)],  # 7 digits; 50 copies
        "bad": [blurred, reals("mnist", 1, 500), real[:1].repeat(500, 1), -real,
                *(spoil(pictures) for spoil in auditor.NOT_DIGITS)],
    }
    for expected, kinds in looks.items():
        for place, samples in enumerate(kinds):
            assert labelled(samples.reshape(-1, 784), MNIST) == expected, (expected, place)


def test_a_run_that_loses_what_it_had_is_not_good() -> None:
    """A generator on its way down would be praised."""
    fallen = dataclasses.replace(GOOD, precision=0.65)
    assert label("points", fallen, None) == "good"
    assert label("points", fallen, dataclasses.replace(GOOD, precision=0.7)) == "good"
    assert label("points", fallen, GOOD) == "middling"
    assert label("points", None, GOOD) == "bad", "diverged"


def test_better_after_twice_as_long_is_more_than_chance() -> None:
    """"Improving" would be right of every second run that stands still."""
    data, ring = whole("ring", torch.device("cpu")).train, RING
    one, other = quality(data[:2500], ring), quality(data[2500:5000], ring)
    assert not improved(one, other) and not improved(other, one)
    assert improved(quality(reals("ring", 6), ring), one), "two modes more"
    assert not improved(one, None), "diverged"
    far, nearer = (quality(torch.full((2500, 2), place), ring) for place in (9.0, 4.0))
    assert improved(far, nearer), "on its way, though nothing passes for real yet"
    assert not improved(nearer, far)
