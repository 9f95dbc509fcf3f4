"""Keeps the last good checkpoints of a run while it trains: where an evaluation finds good samples.

A checkpoint is only read from the training state: a run trains to the same numbers with it and
without it. Torch comes late.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from gan_core.config.choices import DatasetCard
from gan_core.diagnosis.quality import quality_of
from gan_core.runs.good_checkpoints import good_checkpoint_path, remove_oldest
from gan_core.runs.records import EvalRecord, Record

if TYPE_CHECKING:
    from gan_core.training.trainer import Trainer

SHARE = 20  # one that takes a second comes at most every 20 seconds


class GoodCheckpoints:
    """Those of the run in the folder `run`; `due` says whether one is to be kept now."""

    def __init__(self, run: Path, card: DatasetCard) -> None:
        self.run, self.card = run, card
        self.due = False
        self._next = 0.0  # monotonic time

    def note(self, record: Record) -> None:
        """See whether an evaluation found good samples."""
        if isinstance(record, EvalRecord) and time.monotonic() >= self._next:
            self.due = quality_of(record, self.card).good

    def keep(self, trainer: Trainer) -> None:
        """Keep one of this moment, in place of the oldest."""
        from gan_core.training import checkpoint

        started = time.monotonic()
        checkpoint.write(trainer.checkpoint(), good_checkpoint_path(self.run, trainer.step))
        remove_oldest(self.run)
        now = time.monotonic()
        self._next = now + SHARE * (now - started)
        self.due = False
