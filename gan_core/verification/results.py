"""A run from the outside, for the command line: train it in a store, follow it, tell of it.

Torch-free, as everything that only waits for a training is.
"""

from __future__ import annotations

import json
import math
import shutil
import sys
import time
from dataclasses import dataclass
from typing import Any

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.diagnose import Finding, diagnose
from gan_core.diagnosis.feature_extractor import extractor
from gan_core.runs.records import EvalRecord, History, Outcome, Record, StepRecord
from gan_core.runs.store import RunStore
from gan_core.system.settings import Settings
from gan_core.training.recording import record_run


def say(text: str) -> None:
    """A line on stderr: stdout is for results."""
    print(text, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Result:
    """A run as far as it was asked for."""

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
            "findings": [finding.to_dict() for finding in self.findings],
            "reason": self.outcome.reason,
        }


def train_into(store: RunStore, config: RunConfig, device: Any) -> Result:
    """Train `config` in the store, or find it there, with progress on stderr."""
    progress = Progress(config)
    try:
        outcome = record_run(store, config, device=device, on_record=progress)
    finally:
        progress.close()
    snapshot = store.snapshot(config.digest()).until(config.steps)
    history = snapshot.history
    if outcome.step > config.steps:  # somebody trained it further; tell what this many steps give
        outcome = history.outcome
    # What was seen, not what was read: a full disk keeps no failure.
    history = History(history.steps, history.evaluations, outcome)
    return Result(config, history, outcome, snapshot.status.device)


class Progress:
    """Hears of every record: a bar, redrawn, on a terminal; elsewhere a line an evaluation."""

    WIDTH, PAUSE = 24, 0.1  # characters; seconds between two drawings

    def __init__(self, config: RunConfig) -> None:
        self.steps, self.noun = config.steps, config.card.mode_noun
        self.step, self.quality = 0, ""
        self.live = sys.stderr.isatty()
        self.first: tuple[float, int] | None = None  # when, and at which step, this sitting began
        self.drawn = 0.0

    def __call__(self, record: Record) -> None:
        if isinstance(record, StepRecord):
            self.step = record.step
            self.first = self.first or (time.monotonic(), record.step)
            if self.live and time.monotonic() - self.drawn > self.PAUSE:
                self._draw()
        elif isinstance(record, EvalRecord):
            self.quality = quality(record.metrics, self.noun)
            if self.live:
                self._draw()
            else:
                say(self._line())

    def close(self) -> None:
        if self.live and self.drawn:
            say("")

    def _draw(self) -> None:
        filled = round(self.WIDTH * min(self.step / self.steps, 1.0))
        text = f"{'█' * filled}{'░' * (self.WIDTH - filled)} {self._line()}"
        columns = shutil.get_terminal_size().columns - 1
        print(f"\r\x1b[K{text[:columns]}", end="", file=sys.stderr, flush=True)
        self.drawn = time.monotonic()

    def _line(self) -> str:
        since, first = self.first or (time.monotonic(), self.step)
        rate = (self.step - first) / max(time.monotonic() - since, 1e-6)
        pace = f"{rate:.1f} steps/s, {(self.steps - self.step) / rate:.0f} s left, " if rate else ""
        return f"step {self.step} of {self.steps}, {pace}{self.quality}"


def quality(metrics: dict[str, float], noun: str) -> str:
    """The number of modes and the distance to the data, as far as they were measured."""
    parts = [f"{noun}s {metrics['modes']:.0f}/{metrics['modes_total']:.0f}"]
    if "frechet" in metrics:
        parts.append(f"Fréchet {metrics['frechet']:.1f}")
    return ", ".join(parts)


def ended(outcome: Outcome) -> str:
    """How and when a run ended, and why where there is more to say."""
    reason = f": {outcome.reason}" if outcome.reason else ""
    return f"{outcome.kind} at step {outcome.step}{reason}"


def in_words(result: Result) -> str:
    """The summary for people."""
    outcome = result.outcome
    lines = [
        ended(outcome),
        f"{outcome.seconds:.1f} s, {result.steps_per_second:.1f} steps/s, {result.device}, "
        f"run {result.config.digest()}",
        "  ".join(f"{name} {value:.4g}" for name, value in result.metrics.items()),
    ]
    if found := result.extractor:
        lines.append(f"Fréchet distance on {found['id']}, where real images score "
                     f"{found['frechet_train_held_out']:.1f}")
    for finding in result.findings:
        lines.append(f"{finding.symptom} ({finding.severity}) since step {finding.since}: "
                     f"{finding.evidence}")
        lines += [f"  remedy: {remedy.label}, {remedy.why}" for remedy in finding.remedies]
    return "\n".join([*lines, *([] if result.findings else ["nothing found wrong"])])


def json_text(content: Any) -> str:
    """JSON as every reader takes it: NaN and infinities become null."""
    return json.dumps(_finite(content), indent=1)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
