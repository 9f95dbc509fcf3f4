"""The step of a batch of runs: each network of several runs as one, with the optimisers that train
it, and the runs' random numbers.

`StackedNetwork` stands where `state.RunNetwork` stands in a step of one run. torch.func (vmap over
functional_call) would stack the weights too, but under it every random function draws for all runs
from one generator, and then no run could be reproduced or resumed by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor

from gan_core.training.optimizers import Optimizer
from gan_core.training.stacking import Stack, stacked
from gan_core.training.state import RunDraws, RunNetwork, TrainingState
from gan_core.training.step import GanStep, Gradients, clip_scale
from gan_core.training.step_settings import Number, StepSettings


def stacked_step(
    states: Sequence[TrainingState], settings: Sequence[StepSettings],
    autocast: Callable[[], AbstractContextManager],
) -> GanStep:
    """One step of all runs, which differ in numbers alone. Raises KeyError as StackedNetwork."""
    return GanStep(
        StackedNetwork([state.generator for state in states]),
        StackedNetwork([state.discriminator for state in states]),
        StackedDraws([state.draws for state in states]),
        StepSettings.of_runs(settings, states[0].device), autocast)


class StackedDraws:
    """Batches and noise of several runs, (r, n, d), each from its run's own streams."""

    def __init__(self, runs: Sequence[RunDraws]) -> None:
        self.runs = runs

    def reals(self) -> Tensor:
        return torch.stack([run.reals() for run in self.runs])

    def latents(self) -> Tensor:
        return torch.stack([run.latents() for run in self.runs])

    def normal(self, rows: int, columns: int) -> Tensor:
        return torch.stack([run.normal(rows, columns) for run in self.runs])

    def uniform(self, rows: int, columns: int) -> Tensor:
        return torch.stack([run.uniform(rows, columns) for run in self.runs])

    def augment(self, x: Tensor) -> Tensor:
        raise NotImplementedError("images are augmented one run at a time.")


class StackedNetwork:
    """The same network of each of `runs`, which differ in numbers alone. Raises KeyError on a layer
    that cannot be stacked."""

    def __init__(self, runs: Sequence[RunNetwork]) -> None:
        self.runs = runs
        networks = [run.network for run in runs]
        self.stack = Stack(networks)
        self.network = stacked(networks, self.stack)
        self.parameters = self.stack.parameters
        self.optimizer = StackedOptimizer([run.optimizer for run in runs], self.stack)
        averaged = [run.averaged for run in runs if run.averaged is not None]
        self.averaged = Stack(averaged) if averaged else None

    def __call__(self, x: Tensor) -> Tensor:
        return self.network(x)

    def train(self, mode: bool = True) -> None:
        self.network.train(mode)

    def clip_gradients(self, gradients: Gradients, limit: float) -> tuple[Gradients, Tensor]:
        """Gradients as one row a run (r, p), each at most `limit` long, and their norms (r,)."""
        rows = torch.cat([gradient.flatten(1) for gradient in gradients], 1)
        norms = torch.linalg.vector_norm(rows, dim=1)
        if limit > 0:
            rows = rows * clip_scale(norms, limit)[:, None]
        return [rows], norms

    def apply_gradients(self, gradients: Gradients) -> None:
        self.optimizer.apply_gradients(gradients[0])

    @torch.no_grad()
    def clip_weights(self, limit: Number) -> None:
        """Keep every weight within ± `limit`, which may differ from run to run, (r, 1, 1)."""
        if isinstance(limit, Tensor):
            rows = limit.flatten(1)
            self.stack.values.clamp_(-rows, rows)
        else:
            self.stack.values.clamp_(-limit, limit)

    @torch.no_grad()
    def update_average(self, decay: float) -> None:
        """Move the averages towards the weights; buffers (BatchNorm's statistics) are copied."""
        assert self.averaged is not None, "the step averages only where the settings ask for it"
        self.averaged.values.lerp_(self.stack.values, 1.0 - decay)
        for run in self.runs:
            assert run.averaged is not None
            pairs = zip(run.averaged.buffers(), run.network.buffers(), strict=True)
            for mean, value in pairs:
                mean.copy_(value)


@dataclass
class _Group:
    """Runs that are updated in one pass: by their `rates` (k, 1) times their `moves` (k, p)."""

    runs: list[int]
    optimizer: Optimizer
    moves: Tensor
    rates: Tensor
    places: Tensor  # of the runs among the rows of the stack, (k,)


class StackedOptimizer:
    """Updates the rows of a stack, in one pass for runs whose optimisers differ in the learning
    rate alone: each of them moves a weight by its rate times what the gradients come to.

    What the optimiser of a group moves is not a row itself but what the row is to be moved by, for
    a rate of 1; its state is then the runs' too. Also where all rates are equal: whom a run trains
    with must not show in how its weights are rounded.
    """

    def __init__(self, optimizers: Sequence[Optimizer], stack: Stack) -> None:
        self.optimizers = optimizers
        self.stack = stack
        alike: dict[tuple, list[int]] = {}
        for run, optimizer in enumerate(optimizers):
            alike.setdefault(optimizer.hyperparameters(without_rate=True), []).append(run)
        self.groups = [self._group(runs) for runs in alike.values()]
        for group in self.groups:
            self._resume(group.runs, group.optimizer)

    def _group(self, runs: list[int]) -> _Group:
        values = self.stack.values
        rates = [self.optimizers[run].learning_rate for run in runs]
        moves = torch.zeros(len(runs), values.shape[1], device=values.device)
        optimizer = self.optimizers[runs[0]].like(list(moves))
        optimizer.set_learning_rate(1.0)
        return _Group(runs, optimizer, moves, torch.tensor(rates, device=moves.device)[:, None],
                      torch.tensor(runs, device=moves.device))

    @torch.no_grad()
    def apply_gradients(self, rows: Tensor) -> None:
        """One update by gradients (r, p)."""
        for group in self.groups:
            optimizer, runs = group.optimizer, group.runs
            first_update = not optimizer.state
            optimizer.apply_gradients([rows[run] for run in runs])
            if first_update:
                self._share_state(runs, optimizer)
            if len(runs) == len(self.stack.values):
                self.stack.values.addcmul_(group.moves, group.rates)
            else:  # in the same rounding: torch's index_add_ would have another
                moved = torch.addcmul(self.stack.values[group.places], group.moves, group.rates)
                self.stack.values.index_copy_(0, group.places, moved)
            group.moves.zero_()

    def _resume(self, runs: Sequence[int], optimizer: Optimizer) -> None:
        """Go on from the runs' own states."""
        for run, row in zip(runs, optimizer.parameters, strict=True):
            states = [self.optimizers[run].state[each] for each in self.optimizers[run].parameters]
            if all(states):
                optimizer.state[row] = {
                    name: value.clone() if name == "step"
                    else self.stack.row([state[name] for state in states])
                    for name, value in states[0].items()
                }
        if optimizer.state:
            self._share_state(runs, optimizer)

    def _share_state(self, runs: Sequence[int], optimizer: Optimizer) -> None:
        """Make the runs' states views into the rows'."""
        for run, row in zip(runs, optimizer.parameters, strict=True):
            of_run = self.optimizers[run]
            for name, value in optimizer.state[row].items():
                shared = name == "step"
                views = [value] * len(of_run.parameters) if shared else self.stack.views(value)
                for parameter, view in zip(of_run.parameters, views, strict=True):
                    of_run.state[parameter][name] = view
