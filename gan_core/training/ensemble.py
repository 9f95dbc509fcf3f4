"""Several runs trained at once: one batched forward and backward pass for all.

    for index, record in Ensemble([config.replace(seed=seed) for seed in range(8)]):
        ...

Each run gets the records that `train` would give it: it draws its own random numbers, and is
evaluated and checkpointed by itself. Only the step is shared.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import zip_longest

import torch

from gan_core.config.batching import shape, stackable
from gan_core.config.run_config import RunConfig
from gan_core.runs.records import Outcome, Record
from gan_core.training.burst import BURST, BURST_SECONDS, Burst
from gan_core.training.stacked_network import stacked_step
from gan_core.training.step_settings import StepSettings
from gan_core.training.trainer import Trainer


class Ensemble:
    """Runs that differ in numbers alone, at the same step: an iterator of (index, record).

    `members` are trainers, new or resumed; configs stand for new ones. Each ends with an Outcome;
    the others go on. Raises ValueError on runs that cannot be trained together.
    """

    def __init__(
        self, members: Sequence[Trainer | RunConfig], device: torch.device | str | None = None
    ) -> None:
        self.members = [Trainer(member, device) if isinstance(member, RunConfig) else member
                        for member in members]
        _refuse_strangers(self.members)
        self.step = self.members[0].step
        self.active = list(range(len(self.members)))  # indices of runs that go on
        self.burst = Burst()
        self._stack()
        self._records = self._run()

    def __iter__(self) -> Iterator[tuple[int, Record]]:
        return self

    def __next__(self) -> tuple[int, Record]:
        return next(self._records)

    def leave(self, index: int) -> None:
        """The run leaves the batch, the others go on; to be called between two records."""
        self.active.remove(index)
        self.members[index].step_alone()  # whoever trains it on has its own weights again
        if self.active:
            self._stack()

    def _stack(self) -> None:
        """Put what the active runs learn into stacks that they share, and the step on top."""
        self.active_members = [self.members[index] for index in self.active]
        self.gan_step = stacked_step(
            [member.state for member in self.active_members],
            [StepSettings.of(member.settings) for member in self.active_members],
            self.active_members[0].autocast)

    # --- the loop ---------------------------------------------------------------------------------

    def train_step(self) -> None:
        """One step of all runs, whose measurements wait on the device."""
        started = time.perf_counter()
        self.burst.add(self.gan_step(self.step).values())
        self.step += 1
        seconds = time.perf_counter() - started
        for member in self.active_members:
            member.stopwatch.seconds += seconds  # each run is charged the whole batch's time
            member.step = self.step

    def fetch_burst(self) -> None:
        """Step records of the burst, in one transfer to the host; each run's wait in it."""
        values = self.burst.fetch()
        for member, values_of_run in zip(self.active_members, values, strict=True):
            with member.stopwatch:
                member.waiting += member.record_steps(values_of_run)

    def _run(self) -> Iterator[tuple[int, Record]]:
        # The pictures of all come before any run is evaluated.
        for records in zip_longest(*(member.at_start() for member in self.members), fillvalue=[]):
            for member, own in zip(self.members, records, strict=True):
                member.waiting += own
            yield from self._release()
        yield from self._release()  # what checkpoints brought along
        reported = time.perf_counter()
        yield from self._outcomes()
        while self.active:
            self.train_step()
            if self._report_due(reported):
                self.fetch_burst()
                for member in self.active_members:
                    member.waiting += member.due_records()
                yield from self._release()
                yield from self._outcomes()
                reported = time.perf_counter()

    def _report_due(self, reported: float) -> bool:
        observing = any(member.observation_due() for member in self.active_members)
        late = time.perf_counter() - reported > BURST_SECONDS
        return observing or late or len(self.burst) >= BURST

    def _release(self) -> Iterator[tuple[int, Record]]:
        """All records that are made; a checkpoint taken in between holds the run's others."""
        for index in list(self.active):
            for record in self.members[index].release([]):
                yield index, record
                if index not in self.active:  # it has left, and no more comes of it
                    break

    def _outcomes(self) -> Iterator[tuple[int, Outcome]]:
        for index in list(self.active):
            if (outcome := self.members[index].outcome()) is not None:
                self.leave(index)
                yield index, outcome


def _refuse_strangers(members: Sequence[Trainer]) -> None:
    if not all(stackable(member.config) for member in members):
        raise ValueError("a run with convolutions or changes in mid-run is trained by itself.")
    if len({(shape(member.config), member.step) for member in members}) > 1:
        raise ValueError("runs trained together must differ in numbers alone.")
