"""Results and findings as the tests need them, without training."""

from __future__ import annotations

from gan_core.config.run_config import DEFAULT, RunConfig
from gan_core.diagnosis.diagnose import Finding
from gan_core.runs.history import History
from gan_core.runs.records import EvalRecord, Outcome
from gan_core.verification.results import Result

DIAGNOSE = "gan_core.verification.results.diagnose"  # what tests replace by a diagnosis of theirs


def result(config: RunConfig = DEFAULT, kind: str = "finished", **metrics: float) -> Result:
    evaluation = EvalRecord(1000, {"modes": 10.0, "modes_total": 10.0, **metrics})
    history = History((), [evaluation])
    return Result(config, history, Outcome(kind, 1000, seconds=5.0), "CPU")


def finding(symptom: str) -> Finding:
    return Finding(symptom, "severe", 1, "because")
