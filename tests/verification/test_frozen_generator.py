"""The table of a frozen generator's gradient: whether it vanishes where it must."""

from __future__ import annotations

import dataclasses

from gan_core.config.recipes import FROZEN
from gan_core.runs.history import History
from gan_core.runs.records import StepRecord
from gan_core.verification import frozen_generator
from tests.verification.made_results import result

STEP = StepRecord(1, 1.1, 1.2, 0.8, 0.8, 0.65, 0.35, 2.0, 1.0, 0.35, 0.65)


def frozen_rows(minimax: tuple[float, float], non_saturating: tuple[float, float]) -> list[dict]:
    """The norms before and after the fresh D has learned, for every recipe."""
    history = History([
        dataclasses.replace(
            STEP, step=i, grad_norm_minimax=minimax[i > 1500],
            grad_norm_non_saturating=non_saturating[i > 1500])
        for i in range(1, 3001)
    ])
    results = {(name, 0): dataclasses.replace(result(), history=history) for name in FROZEN}
    return frozen_generator.rows(results)


def test_the_vanishing_of_the_frozen_generators_gradient_is_checked():
    """Only the minimax gradient may vanish, and by orders of magnitude."""
    accepted = frozen_generator.accepted
    assert accepted(frozen_rows((0.2, 1e-5), (0.2, 16.0)))
    assert not accepted(frozen_rows((0.2, 0.1), (0.2, 16.0)))
    assert not accepted(frozen_rows((0.2, 1e-5), (0.2, 1e-5)))
    assert frozen_rows((0.2, 1e-5), (0.2, 16.0))[0]["norms"] == [[0.2], [0.2], [1e-5], [1e-5]]
