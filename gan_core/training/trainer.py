"""The GAN trainer: training steps one after another, as an iterator of records.

    for record in train(RunConfig(steps=500)):
        ...

The caller decides how far to go; `Trainer.checkpoint()` between any two records loses nothing.
A trajectory depends on the config alone, on one kind of device: every random number comes from the
run's own streams, and evaluations, samples and bursts of records never touch them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch

from gan_core.config.batching import trains_as_batch
from gan_core.config.run_config import RunConfig
from gan_core.data import datasets
from gan_core.evaluation import classifier, metrics, recogniser
from gan_core.runs.records import Outcome, Record
from gan_core.training.burst import BURST, BURST_SECONDS, Burst, step_records
from gan_core.training.checkpoint import Progress, Source, restore, save
from gan_core.training.devices import pick_device, set_up_process, use_bfloat16
from gan_core.training.evaluator import Evaluator, evaluation_due, samples_due
from gan_core.training.stacked_network import stacked_step
from gan_core.training.state import TrainingState
from gan_core.training.step import GanStep
from gan_core.training.step_settings import StepSettings


class Stopwatch:
    """Adds up the seconds for which it is entered: what the caller does between two records is not
    training."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self._started = 0.0

    def __enter__(self) -> Stopwatch:
        self._started = time.perf_counter()
        return self

    def __exit__(self, *error: object) -> None:
        self.seconds = self.now()

    def now(self) -> float:
        """Seconds so far, while it runs."""
        return self.seconds + time.perf_counter() - self._started


class Trainer:
    """One run that is being trained, and an iterator of its records.

    It has a state (networks, optimisers, data, random streams), a step that trains it, a burst that
    records it and an evaluator that looks at it. `config` is that of the whole run, `settings` what
    is in force at this step. `data` as in TrainingState. Raises ValueError if `resume_from` is a
    checkpoint of another config, DatasetError, DeviceError.
    """

    def __init__(
        self,
        config: RunConfig,
        device: torch.device | str | None = None,
        resume_from: Source | None = None,
        data: datasets.Dataset | None = None,
    ) -> None:
        self.config = config
        self.device = device if isinstance(device, torch.device) else pick_device(device or "auto")
        prepare(config, self.device)  # before the clock runs
        self.bfloat16 = use_bfloat16(config, self.device)
        self.state = TrainingState(config, self.device, data)
        self.evaluator = Evaluator(self.state, self.autocast)
        self.settings = config.at(0)
        self.gan_step = self._plain_step()
        progress = Progress() if resume_from is None else restore(self.state, resume_from)
        self.step = progress.step
        self.stopwatch = Stopwatch(progress.seconds)
        self.burst = Burst()
        self.waiting = progress.waiting  # records made but not yet yielded
        self.first_nonfinite_step = progress.first_nonfinite_step
        self.pictured_at_start = progress.pictured_at_start
        self.evaluation_at_start_due = progress.evaluation_at_start_due
        self._change_steps = {step for step, _ in config.stages[1:]}
        self._use(config.at(self.step))
        self._records = self._run()

    def __iter__(self) -> Iterator[Record]:
        return self

    def __next__(self) -> Record:
        return next(self._records)

    @property
    def seconds(self) -> float:
        """Spent on training, evaluations included."""
        return self.stopwatch.seconds

    def checkpoint(self) -> dict[str, Any]:
        """Everything that decides what comes next; loadable with torch.load(weights_only=True)."""
        return save(self.state, Progress(
            self.step, self.seconds, self.first_nonfinite_step, self.pictured_at_start,
            self.evaluation_at_start_due, self.waiting))

    def autocast(self) -> AbstractContextManager:
        """The number format of the networks' passes."""
        if not self.bfloat16:
            return nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    # --- one step ---------------------------------------------------------------------------------

    def train_step(self) -> None:
        """One training step, whose measurements wait on the device."""
        if self.step in self._change_steps:
            self._use(self.config.at(self.step))
        if self.step == self.settings.freeze_generator > 0:
            self.state.renew_discriminator(self.settings)
            self._use(self.settings)
        self.burst.add(self.gan_step(self.step).values())
        self.step += 1
        self.gan_step.on_phase_end("rest")

    def _use(self, settings: RunConfig) -> None:
        """From here on `settings` are in force."""
        self.settings = settings
        self.state.apply(settings)
        self.evaluator.use_loss(settings.loss)
        self.step_alone()

    def step_alone(self) -> None:
        """From here on this run is trained by a step of its own."""
        previous, self.gan_step = self.gan_step, self._gan_step()
        self.gan_step.on_phase_end = previous.on_phase_end

    def _gan_step(self) -> GanStep:
        """The step by which this run is trained from here on.

        A run that could train with others is a batch of one: whoever trains it again, alone or as
        one of a map, gets the same history. A GAN amplifies rounding, so that otherwise one run in
        eight would end with another verdict (`python -m gan_core verify maps`).
        """
        if trains_as_batch(self.settings, self.step):
            return stacked_step(
                [self.state], [StepSettings.of(self.settings)], self.autocast)
        self.state.unstack()
        return self._plain_step()

    def _plain_step(self) -> GanStep:
        return GanStep(self.state.generator, self.state.discriminator, self.state.draws,
                       StepSettings.of(self.settings), self.autocast)

    def fetch_burst(self) -> list[Record]:
        """Records of the steps whose measurements wait on the device."""
        values = self.burst.fetch()
        return self.record_steps(values[0] if values.ndim == 3 else values)  # a batch of one

    def record_steps(self, values: np.ndarray) -> list[Record]:
        """Records of the last steps from their `values`, as a burst fetches them; they end before
        the first step with a NaN or an infinite number."""
        first = self.step - len(values) + 1
        records, lost = step_records(values, first, self.config.packs, self.evaluator.centre)
        self.first_nonfinite_step = lost if lost is not None else self.first_nonfinite_step
        return list(records)

    # --- the loop ---------------------------------------------------------------------------------

    def _run(self) -> Iterator[Record]:
        for records in self.at_start():
            yield from self.release(records)
        yield from self.release([])  # what a checkpoint brought along
        reported = time.perf_counter()
        while (outcome := self.outcome()) is None:
            with self.stopwatch:
                self.train_step()
            if self._report_due(reported):
                with self.stopwatch:
                    records = self.fetch_burst()
                yield from self.release(records + self.due_records())
                reported = time.perf_counter()
        yield outcome

    def _report_due(self, reported: float) -> bool:
        late = time.perf_counter() - reported > BURST_SECONDS
        # After this step records have other columns or another loss: the burst must end here.
        changing = self.step in (self.config.freeze_generator, *self._change_steps)
        return self.observation_due() or late or changing or len(self.burst) >= BURST

    # What an ensemble does in the same way, for each of its runs.

    def at_start(self) -> Iterator[list[Record]]:
        """What the untrained generator makes: its picture, and then its evaluation."""
        if not self.pictured_at_start:
            self.pictured_at_start = self.evaluation_at_start_due = True
            yield self._observe(pictures=True, evaluation=False)
        if self.evaluation_at_start_due:
            self.evaluation_at_start_due = False
            yield self._observe(pictures=False, evaluation=self._evaluation_due())

    def observation_due(self) -> bool:
        """Whether samples or an evaluation are due at this step."""
        return self._evaluation_due() or samples_due(self.step)

    def _evaluation_due(self) -> bool:
        return evaluation_due(self.step) or self.step == self.config.steps

    def due_records(self) -> list[Record]:
        """Samples and evaluation, if they are due and the run has not been lost."""
        if not self.observation_due() or self.first_nonfinite_step is not None:
            return []
        return self._observe(pictures=True, evaluation=self._evaluation_due())

    def _observe(self, *, pictures: bool, evaluation: bool) -> list[Record]:
        with self.stopwatch:
            records = self.evaluator.records(
                self.step, pictures=pictures, evaluation=evaluation, seconds=self.stopwatch.now)
        if records is None:  # the last update broke G; its next step would show it
            self.first_nonfinite_step = self.step + 1
            return []
        return records

    def outcome(self) -> Outcome | None:
        """How the run has ended, None while it goes on."""
        if self.first_nonfinite_step is not None:
            reason = "a loss or a gradient became infinite or NaN"
            return Outcome("diverged", self.first_nonfinite_step, reason, self.seconds)
        if self.step >= self.config.steps:
            return Outcome("finished", self.step, seconds=self.seconds)
        return None

    def release(self, records: list[Record]) -> Iterator[Record]:
        """Yield records such that a checkpoint taken in between still holds the rest."""
        self.waiting += records
        while self.waiting:
            yield self.waiting.pop(0)

    def take_waiting(self) -> list[Record]:
        """Hand over the records that are made and not yet yielded; training goes on after them."""
        records, self.waiting = self.waiting, []
        return records


def train(
    config: RunConfig,
    *,
    device: torch.device | str | None = None,
    resume_from: Source | None = None,
) -> Trainer:
    """Train `config`: an iterator of records that ends with an Outcome, finished or diverged.

    `resume_from` is a checkpoint or the path of one. Sets this process up as `set_up_process` says.
    Raises DeviceError, DatasetError, ValueError.
    """
    set_up_process()
    return Trainer(config, device, resume_from)


def prepare(config: RunConfig, device: torch.device | str | None = None) -> None:
    """Load what a run of `config` needs, downloading it where it is missing; it is then kept.

    Raises DatasetError where it cannot be had, DeviceError.
    """
    device = device if isinstance(device, torch.device) else pick_device(device or "auto")
    data = datasets.load(config, device)
    if config.card.kind == "image":
        metrics.image_reference(data.held_out, classifier.load(device, config.dataset))
        recogniser.load(device, config.dataset)


def warm_up(device: torch.device) -> None:
    """Do once what a first run would wait for: data, classifier, and the reference features."""
    prepare(RunConfig(), device)
    for _ in train(RunConfig(dataset="ring", steps=2), device=device):
        pass
