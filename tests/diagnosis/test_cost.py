"""What a verdict costs: a page asks for one every second, of runs of any length."""

from __future__ import annotations

import pytest

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis import quality
from gan_core.diagnosis.verdict import verdict
from gan_core.runs.history import History
from gan_core.runs.records import EvalRecord
from tests.support.zips import steps

LONG = RunConfig(dataset="ring", steps=100_000)


def test_each_evaluation_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The verdict on a run of 100 000 steps takes a second, at each of its looks again."""
    measured: list[int] = []
    real = quality._measured
    monkeypatch.setattr(quality, "_measured", lambda evaluation, card: (
        measured.append(evaluation.step), real(evaluation, card))[1])
    evaluations = [evaluated(1000 * number, {number % 8, 3 * number % 8}) for number in range(101)]
    records = steps(*range(1, 100_001, 50))
    verdict(History(records, evaluations), LONG)
    assert 0 < len(measured) == len(set(measured)) <= len(evaluations)
    verdict(History(records, [*evaluations[:-1], evaluated(100_000, {1})]), LONG)
    assert len(measured) <= len(evaluations) + 1, "known ones are measured again"


def evaluated(step: int, modes: set[int]) -> EvalRecord:
    """Good samples of some modes, which come and go."""
    shares = tuple(1 / len(modes) if mode in modes else 0.0 for mode in range(8))
    metrics = {"modes": float(len(modes)), "modes_total": 8.0, "near_modes": 0.6,
               "quality_above_chance": 0.5, "centre_distance": 4.0}
    return EvalRecord(step, metrics, shares, supported=tuple(share / 2 for share in shares))
