"""One network of several runs, with the optimisers that train it: what a step sees of a batch of
runs.

`StackedNetwork` stands where `state.RunNetwork` stands in a step of one run. torch.func (vmap over
functional_call) would stack the weights too, but under it every random function draws for all runs
from one generator, and then no run could be reproduced or resumed by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gan_core.training.optimizers import Optimizer
from gan_core.training.stacking import Stack, stacked
from gan_core.training.state import RunNetwork
from gan_core.training.step import Gradients, clip_scale
from gan_core.training.step_settings import Number


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
    """Runs that are updated in one pass; where their `rates` (k, 1) differ, by `moves` (k, p)."""

    runs: list[int]
    optimizer: Optimizer
    moves: Tensor | None = None
    rates: Tensor | None = None
    places: Tensor | None = None  # of the runs among the rows of the stack, (k,)


class StackedOptimizer:
    """Updates the rows of a stack, in one pass for runs whose optimisers differ in the learning
    rate alone: each of them moves a weight by its rate times what the gradients come to.

    A row is one parameter of an optimiser like the runs' own, whose state is then the runs' too.
    Where rates differ it is not the row itself but what the row is to be moved by, for a rate of 1.
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
        first, rows = self.optimizers[runs[0]], [self.stack.values[run] for run in runs]
        rates = [self.optimizers[run].learning_rate for run in runs]
        if len(set(rates)) == 1:
            return _Group(runs, first.like(rows))
        moves = torch.zeros(len(runs), rows[0].numel(), device=rows[0].device)
        optimizer = first.like(list(moves))
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
            if group.moves is not None and group.rates is not None and group.places is not None:
                if len(runs) == len(self.stack.values):
                    self.stack.values.addcmul_(group.moves, group.rates)
                else:
                    self.stack.values.index_add_(0, group.places, group.moves * group.rates)
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
