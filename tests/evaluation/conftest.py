"""What tests of evaluations share: a discriminator of images whose scores are known, the classifier
of digits."""

from __future__ import annotations

import pytest
import torch

from gan_core.evaluation import classifier


@pytest.fixture(scope="module")
def bright_is_real() -> torch.nn.Module:
    """A discriminator that calls bright images real: logit = Σ pixels + 600."""
    layer = torch.nn.Linear(784, 1).requires_grad_(False)
    layer.weight.fill_(1.0)
    layer.bias.fill_(600.0)
    return layer


@pytest.fixture(scope="module")
def model(cpu):
    return classifier.load(cpu)
