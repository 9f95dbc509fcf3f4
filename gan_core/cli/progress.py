"""Progress of a training on stderr: a bar on a terminal, elsewhere a line at each evaluation."""

from __future__ import annotations

import shutil
import sys
import time
from typing import Any

from gan_core.cli.output import say
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.early_warning import coming
from gan_core.diagnosis.shares import counted_modes
from gan_core.diagnosis.verdict import verdict
from gan_core.runs.history import History
from gan_core.runs.records import EvalRecord, Record, StepRecord
from gan_core.runs.store import RunStore
from gan_core.verification.results import Result, train_into


def train_with_progress(store: RunStore, config: RunConfig, device: Any) -> Result:
    """Train `config` in the store, or read it there if it is finished."""
    progress = Progress(config)
    try:
        return train_into(store, config, device, on_record=progress)
    finally:
        progress.close()


class Progress:
    """Called with every record of a run."""

    WIDTH, PAUSE = 24, 0.1  # characters; seconds between two drawings

    def __init__(self, config: RunConfig) -> None:
        self.steps, self.noun = config.steps, config.card.mode_noun
        self.step, self.quality = 0, ""
        self.live = sys.stderr.isatty()
        self.first: tuple[float, int] | None = None  # when, and at which step, this session began
        self.drawn = 0.0
        self.warnings = Warnings(config)

    def __call__(self, record: Record) -> None:
        for warning in self.warnings.of(record):
            self.close()
            say(f"step {record.step}, warning: {warning}")
        if isinstance(record, StepRecord):
            self._advance(record.step)
        elif isinstance(record, EvalRecord):
            self.quality = sample_quality(record.metrics, self.noun)
            if self.live:
                self._draw()
            else:
                say(self._line())

    def close(self) -> None:
        """End the bar's line."""
        if self.live and self.drawn:
            say("")

    def _advance(self, step: int) -> None:
        self.step = step
        self.first = self.first or (time.monotonic(), step)
        if self.live and time.monotonic() - self.drawn > self.PAUSE:
            self._draw()

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


class Warnings:
    """What is coming in a run, each sign told once. Looked for at every LOOK steps."""

    LOOK = 50

    def __init__(self, config: RunConfig) -> None:
        self.config, self.history = config, History()
        self.fresh: list[Record] = []
        self.told: set[str] = set()

    def of(self, record: Record) -> list[str]:
        """The sentences about signs that were not there before."""
        if isinstance(record, StepRecord | EvalRecord):
            self.fresh.append(record)
        if not isinstance(record, StepRecord) or record.step % self.LOOK:
            return []
        self.history, self.fresh = self.history.grown(self.fresh), []
        state = verdict(self.history, self.config).state
        new = [sign for sign in coming(self.history, self.config, state)
               if sign.sign not in self.told]
        self.told |= {sign.sign for sign in new}
        return [sign.text for sign in new]


def sample_quality(metrics: dict[str, float], noun: str) -> str:
    """The number of modes, the share of samples that can be recognised, and the distance to the
    data, as far as they were measured."""
    shown, possible = counted_modes(metrics)
    parts = [f"{noun}s {shown:.0f}/{possible:.0f}"]
    if "recognised" in metrics:
        parts.append(f"{metrics['recognised']:.0%} recognised")
    if "frechet" in metrics:
        parts.append(f"Fréchet {metrics['frechet']:.1f}")
    return ", ".join(parts)
