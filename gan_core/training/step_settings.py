"""The settings that one training step reads, of one run or of several that train as one batch.

Of one run every number is a plain number. Of several, a number that may differ from run to run is a
tensor (r, 1, 1), unless it is 0 in all; arithmetic then spreads it over each run's examples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from gan_core.config.run_config import RunConfig
from gan_core.training.losses import LOSSES, Loss
from gan_core.training.penalties import PENALTIES, ScoredExamples

Number = float | Tensor
Penalty = Callable[[ScoredExamples], Tensor]


@dataclass(frozen=True)
class StepSettings:
    """Everything a step depends on besides networks, data and random numbers.

    `penalties` are those in force, each with its weight: a number, or (r,) of several runs. The
    other fields are those of RunConfig with the same name.
    """

    loss: Loss
    penalties: tuple[tuple[Number, Penalty], ...]
    update_order: str
    discriminator_steps: int
    generator_steps: int
    discriminator_loss: str
    label_smoothing: Number
    fake_label_smoothing: Number
    label_flips: Number
    dropout: Number
    input_noise: Number
    input_noise_steps: int
    packing: int
    augment: bool
    spectral_norm: bool
    mixes_batch: bool
    weight_clip: Number
    gradient_clip: float
    ema: float
    freeze_generator: int

    @classmethod
    def of(cls, config: RunConfig) -> StepSettings:
        """Those of one run."""
        weights = [(getattr(config, name), name) for name in PENALTIES]
        penalties = tuple((weight, PENALTIES[name]) for weight, name in weights if weight > 0)
        return cls(LOSSES[config.loss], penalties, **{
            name: getattr(config, name) for name in _PLAIN})

    @classmethod
    def of_runs(cls, runs: Sequence[StepSettings], device: torch.device) -> StepSettings:
        """Those of several runs, which have loss, penalties and counts in common."""
        first = runs[0]
        penalties = tuple(
            (torch.tensor([run.penalties[index][0] for run in runs], device=device), penalty)
            for index, (_, penalty) in enumerate(first.penalties))
        return cls(first.loss, penalties, **{
            name: _shared([getattr(run, name) for run in runs], name in _NUMBERS, device)
            for name in _PLAIN})


_PLAIN = [entry.name for entry in fields(StepSettings) if entry.name not in ("loss", "penalties")]
# What may differ between the runs of a batch.
_NUMBERS = [entry.name for entry in fields(StepSettings) if entry.type == "Number"]


def _shared(values: Sequence[Any], varies: bool, device: torch.device) -> Any:
    """The value that all have, or the value of each as a tensor (r, 1, 1)."""
    if all(value == values[0] for value in values) and not (varies and values[0] > 0):
        return values[0]
    # Also where it is the same for all: whom a run trains with must not show in its rounding.
    return torch.tensor(values, device=device)[:, None, None]


def in_force(number: Number) -> bool:
    """Whether a mechanism of this strength acts; one that differs between runs acts in them all."""
    return isinstance(number, Tensor) or number > 0
