"""What tests of training share: evaluations that take no time, and training in 64 bits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from gan_core.evaluation import metrics
from gan_core.training import trainer
from tests.support.runs import data_read_anew


@pytest.fixture
def quick_evaluations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few samples: otherwise nearly all of a tiny run's time would go into its evaluations."""
    monkeypatch.setattr(metrics, "sample_count", lambda kind: 64)
    monkeypatch.setattr(metrics, "SCORED", 96)


@pytest.fixture
def in_64_bits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Everything in double precision: differences that are left are not rounding.

    Adam divides by the size of a gradient, so that rounding of one that vanishes becomes a step.
    """
    data_read_anew(monkeypatch)
    monkeypatch.setattr(trainer, "prepare", lambda config, device: None)
    monkeypatch.setattr(Tensor, "float", lambda self: self.double())
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)
