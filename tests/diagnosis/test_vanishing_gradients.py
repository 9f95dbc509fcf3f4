"""Vanishing gradients: raised where the loss that trains G has no gradient left."""

from __future__ import annotations

import re

import pytest

from gan_core.runs.history import History
from tests.diagnosis.histories import (
    MINIMAX,
    SILENT_STEP,
    evaluations,
    only_finding,
    steps,
    symptoms,
    vanish_with,
)


def test_the_non_saturating_loss_does_not_vanish_where_minimax_does():
    """D rejects everything, but −log D keeps its gradient: no alarm."""
    gone = {**SILENT_STEP, "grad_norm_g": 10.0}
    assert symptoms(History(steps(after=300, **gone), evaluations())) == []


@pytest.mark.parametrize("floor", [0.0, 1e-12])
def test_a_gradient_of_exactly_zero_has_readable_evidence(floor):
    """Float32 gradients do reach zero: the sentence must stay one."""
    evidence = only_finding(vanish_with(grad_norm_g=floor), MINIMAX).evidence
    assert not re.search(r"\binf\b|\bnan\b|from at", evidence)
    assert len(evidence) < 240
