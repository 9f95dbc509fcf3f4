"""Several runs trained at once: one batched forward and backward pass for all.

    for index, record in Ensemble([config.replace(seed=seed) for seed in range(8)]):
        ...

Each run gets the records that `train` would give it, within float tolerance: it draws its own
random numbers, and is looked at and checkpointed by itself. Only the step is shared.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

import torch
from torch import Tensor

from gan_core.config.batching import shape, stackable
from gan_core.config.run_config import RunConfig
from gan_core.runs.records import Outcome, Record
from gan_core.training.optimizers import Optimizer
from gan_core.training.stacking import Stack, stacked
from gan_core.training.step import Game, Gradients, on
from gan_core.training.trainer import BURST, BURST_SECONDS, Training


class Ensemble(Game):
    """Runs that differ in numbers alone, at the same step: an iterator of (index, record).

    `members` are trainings, new or resumed; configs stand for new ones. Each ends with an Outcome;
    the others go on. Raises ValueError on runs that cannot be trained together.
    """

    def __init__(
        self, members: Sequence[Training | RunConfig], device: torch.device | str | None = None
    ) -> None:
        self.members = [Training(member, device) if isinstance(member, RunConfig) else member
                        for member in members]
        first = self.members[0]
        if not all(stackable(member.config) for member in self.members):
            raise ValueError("a run with convolutions or changes in mid-run is trained by itself.")
        if len({(shape(member.config), member.step) for member in self.members}) > 1:
            raise ValueError("runs trained together must differ in numbers alone.")
        self.device, self.step, self.loss = first.device, first.step, first.loss
        self.bfloat16 = first.bfloat16
        self.active = list(range(len(self.members)))  # indices of runs that go on
        self._burst: list[Tensor] = []  # of all runs, still on the device
        self._stack()
        self._records = self._run()

    def __iter__(self) -> Iterator[tuple[int, Record]]:
        return self

    def __next__(self) -> tuple[int, Record]:
        return next(self._records)

    def leave(self, index: int) -> None:
        """The run goes no further, the others do; to be called between two records."""
        self.active.remove(index)
        if self.active:
            self._stack()

    # --- the loop --------------------------------------------------------------------------------

    def train_step(self) -> None:
        """One round of all runs, whose measurements wait on the device."""
        started = time.perf_counter()
        found = self.play_round()
        self._burst.append(torch.cat(
            [value.detach().flatten(1) if value.dim() > 1 else value.detach()[:, None]
             for value in found.numbers + found.logits], 1))
        seconds = time.perf_counter() - started
        for member in self.playing:
            member.seconds += seconds  # what it took beside the run, not its share
            member.step = self.step

    def measure(self) -> None:
        """Step records of the burst, in one transfer to the host; each run's wait in it."""
        measured = torch.stack(self._burst, 1).cpu().numpy()
        self._burst.clear()
        for member, numbers in zip(self.playing, measured, strict=True):
            member.waiting += member.timed(lambda m=member, n=numbers: m.recorded(n))

    def _run(self) -> Iterator[tuple[int, Record]]:
        # The pictures of all come before anything that is measured of one.
        for looks in zip_longest(*(member.begin() for member in self.members), fillvalue=[]):
            for member, records in zip(self.members, looks, strict=True):
                member.waiting += records
            yield from self._yielding()
        yield from self._yielding()  # what checkpoints brought along
        reported = time.perf_counter()
        yield from self._ended()
        while self.active:
            self.train_step()
            looking = any(member.looking_due() for member in self.playing)
            late = time.perf_counter() - reported > BURST_SECONDS
            if looking or late or len(self._burst) >= BURST:
                self.measure()
                for member in self.playing:
                    member.waiting += member.looked()
                yield from self._yielding()
                yield from self._ended()
                reported = time.perf_counter()

    def _yielding(self) -> Iterator[tuple[int, Record]]:
        """All records that are made; a checkpoint taken in between holds the run's others."""
        for index in list(self.active):
            for record in self.members[index].yielding([]):
                yield index, record
                if index not in self.active:  # it has left, and is not heard of again
                    break

    def _ended(self) -> Iterator[tuple[int, Outcome]]:
        for index in list(self.active):
            if (outcome := self.members[index].outcome()) is not None:
                self.leave(index)
                yield index, outcome

    # --- the stack -------------------------------------------------------------------------------

    def _stack(self) -> None:
        """Put what the active runs learn, and how, into stacks that they share."""
        self.playing = [self.members[index] for index in self.active]
        settings = [member.now for member in self.playing]
        self.now = _Settings(settings, self.device)
        self.penalties = [
            (torch.tensor([member.penalties[i][0] for member in self.playing], device=self.device),
             penalise)
            for i, (_, penalise) in enumerate(self.playing[0].penalties)
        ]
        generators = [member.generator for member in self.playing]
        discriminators = [member.discriminator for member in self.playing]
        self.stack_g, self.stack_d = Stack(generators), Stack(discriminators)
        self.generator = stacked(generators, self.stack_g)
        self.discriminator = stacked(discriminators, self.stack_d)
        self.parameters_g, self.parameters_d = self.stack_g.parameters, self.stack_d.parameters
        if self.now.ema > 0:
            self.stack_averaged = Stack([member.averaged for member in self.playing])
        self.mover_g = _Mover([member.optimizer_g for member in self.playing], self.stack_g)
        self.mover_d = _Mover([member.optimizer_d for member in self.playing], self.stack_d)

    # --- draws: each run from its own generators --------------------------------------------------

    def reals(self) -> Tensor:
        return torch.stack([member.reals() for member in self.playing])

    def latents(self) -> Tensor:
        return torch.stack([member.latents() for member in self.playing])

    def normal(self, rows: int, columns: int) -> Tensor:
        return torch.stack([member.normal(rows, columns) for member in self.playing])

    def uniform(self, rows: int, columns: int) -> Tensor:
        return torch.stack([member.uniform(rows, columns) for member in self.playing])

    def augment(self, x: Tensor) -> Tensor:
        raise NotImplementedError("images are augmented one run at a time.")

    # --- moves -----------------------------------------------------------------------------------

    def limited(self, gradients: Gradients) -> tuple[Gradients, Tensor]:
        rows = torch.cat([gradient.flatten(1) for gradient in gradients], 1)
        norms = torch.linalg.vector_norm(rows, dim=1)
        if self.now.gradient_clip > 0:
            scale = (self.now.gradient_clip / (norms + 1e-6)).clamp(max=1.0)
            rows = rows * scale[:, None]
        return rows, norms

    def move_generator(self, gradients: Gradients) -> None:
        self.mover_g.move(gradients)

    @torch.no_grad()
    def move_discriminator(self, gradients: Gradients) -> None:
        self.mover_d.move(gradients)
        if on(limit := self.now.weight_clip):
            if isinstance(limit, Tensor):
                limit = limit.flatten(1)
            self.stack_d.values.clamp_(-limit, limit)

    @torch.no_grad()
    def average(self, memory: float) -> None:
        self.stack_averaged.values.lerp_(self.stack_g.values, 1.0 - memory)
        for member in self.playing:
            pairs = zip(member.averaged.buffers(), member.generator.buffers(), strict=True)
            for mean, value in pairs:
                mean.copy_(value)


class _Settings:
    """The settings in force: what all runs share, or a number of each as a tensor (r, 1, 1)."""

    def __init__(self, settings: Sequence[RunConfig], device: torch.device) -> None:
        self._settings = settings
        self._device = device

    def __getattr__(self, name: str) -> Any:
        values = [getattr(each, name) for each in self._settings]
        value: Any = values[0]
        if any(other != value for other in values):
            value = torch.tensor(values, device=self._device)[:, None, None]
        setattr(self, name, value)  # looked up once
        return value


class _Mover:
    """Moves the rows of a stack, in one pass for runs whose optimisers have equal numbers.

    A row is one parameter of an optimiser like the runs' own, whose state is then the runs' too.
    """

    def __init__(self, optimizers: Sequence[Optimizer], stack: Stack) -> None:
        self.optimizers = optimizers
        self.stack = stack
        alike: dict[tuple, list[int]] = {}
        for run, each in enumerate(optimizers):
            alike.setdefault(each.numbers(), []).append(run)
        self.groups = [
            (runs, optimizers[runs[0]].like([stack.values[run] for run in runs]))
            for runs in alike.values()
        ]
        for runs, mover in self.groups:
            self._take(runs, mover)

    def move(self, rows: Tensor) -> None:
        """One update by gradients (r, p)."""
        for runs, mover in self.groups:
            fresh = not mover.state
            mover.move([rows[run] for run in runs])
            if fresh:
                self._share(runs, mover)

    def _take(self, runs: Sequence[int], mover: Optimizer) -> None:
        """Go on from the runs' own states."""
        for run, row in zip(runs, mover.parameters, strict=True):
            states = [self.optimizers[run].state[each] for each in self.optimizers[run].parameters]
            if all(states):
                mover.state[row] = {
                    name: value.clone() if name == "step"
                    else self.stack.row([state[name] for state in states])
                    for name, value in states[0].items()
                }
        if mover.state:
            self._share(runs, mover)

    def _share(self, runs: Sequence[int], mover: Optimizer) -> None:
        """Make the runs' states views into the rows'."""
        for run, row in zip(runs, mover.parameters, strict=True):
            own = self.optimizers[run]
            for name, value in mover.state[row].items():
                shared = name == "step"
                views = [value] * len(own.parameters) if shared else self.stack.views(value)
                for parameter, view in zip(own.parameters, views, strict=True):
                    own.state[parameter][name] = view
