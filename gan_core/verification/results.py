"""The results of runs that were trained into a store, one at a time or summed up over seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.diagnose import Finding, diagnose
from gan_core.diagnosis.feature_extractor import extractor
from gan_core.diagnosis.verdict import Verdict, verdict
from gan_core.runs.history import History
from gan_core.runs.records import Outcome, Record
from gan_core.runs.status import StoreError
from gan_core.runs.store import RunStore
from gan_core.system.settings import Settings
from gan_core.training.recording import record_run


@dataclass(frozen=True)
class Result:
    """A run up to the number of steps that its config asks for."""

    config: RunConfig
    history: History
    outcome: Outcome
    device: str

    @property
    def metrics(self) -> dict[str, float]:
        return self.history.evaluations[-1].metrics if self.history.evaluations else {}

    @property
    def findings(self) -> list[Finding]:
        return diagnose(self.history, self.config)

    @property
    def verdict(self) -> Verdict:
        return verdict(self.history, self.config)

    @property
    def symptoms(self) -> list[str]:
        return [finding.symptom for finding in self.findings]

    @property
    def extractor(self) -> dict[str, Any]:
        """The classifier on whose features images are measured, and what real ones score."""
        if self.config.card.kind != "image":
            return {}
        return extractor(self.config.dataset, Settings.from_environment().data)

    @property
    def steps_per_second(self) -> float:
        return self.outcome.step / self.outcome.seconds if self.outcome.seconds > 0 else math.nan

    def to_dict(self) -> dict[str, Any]:
        return {
            "config": self.config.to_dict(),
            "digest": self.config.digest(),
            "outcome": self.outcome.kind,
            "steps": self.outcome.step,
            "seconds": self.outcome.seconds,
            "steps_per_second": self.steps_per_second,
            "device": self.device,
            "metrics": self.metrics,
            "extractor": self.extractor,
            "verdict": self.verdict.to_dict(),
            "findings": [finding.to_dict() for finding in self.findings],
            "reason": self.outcome.reason,
        }


Results = Mapping[tuple[str, int], Result]  # of each run, by name and seed
Row = dict[str, Any]  # of a table: what the runs of one name come to


def by_name(results: Results) -> dict[str, list[Result]]:
    """The runs of each name, over its seeds."""
    runs: dict[str, list[Result]] = {}
    for (name, _), result in results.items():
        runs.setdefault(name, []).append(result)
    return runs


def train_into(
    store: RunStore, config: RunConfig, device: Any,
    on_record: Callable[[Record], None] = lambda record: None,
) -> Result:
    """Train `config` in the store, or read it there if it is finished.

    `on_record` is called with every new record. Raises StoreError.
    """
    outcome = record_run(store, config, device=device, on_record=on_record)
    snapshot = store.snapshot(config.digest())
    if snapshot is None:
        raise StoreError(f"run {config.digest()} was removed while it was trained.")
    snapshot = snapshot.until(config.steps)
    history = snapshot.history
    if outcome.step > config.steps:  # it was trained further before: report this many steps
        outcome = history.outcome or outcome
    # The outcome of this training, not the one in the store: a full disk keeps no failure.
    history = history.with_outcome(outcome)
    return Result(config, history, outcome, snapshot.status.device)
