"""Measurements of steps, kept on the device for a burst of steps, then fetched and recorded.

A transfer to the host waits for the device; one in 25 steps costs next to nothing. The same burst
serves one run and several that train as one batch.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from gan_core.runs.records import StepRecord

BURST = 25  # steps whose measurements stay on the device before they come over together
BURST_SECONDS = 0.25  # a slow network reports sooner
FROZEN_COLUMNS = ("grad_norm_minimax", "grad_norm_non_saturating")  # of a frozen G only


class Burst:
    """The measurements of the steps since the last fetch."""

    def __init__(self) -> None:
        self._steps: list[tuple[Tensor, ...]] = []

    def __len__(self) -> int:
        return len(self._steps)

    def add(self, values: tuple[Tensor, ...]) -> None:
        """The values of one step, as `StepMeasurements.values` orders them."""
        # Detached: a burst must not keep the graphs of its steps.
        self._steps.append(tuple(value.detach() for value in values))

    def fetch(self) -> np.ndarray:
        """(steps, values) on the host, or (r, steps, values) of several runs; the burst is then
        empty. The values of a step are its numbers and then its logits."""
        rows = [_row(values) for values in self._steps]
        self._steps.clear()
        return torch.stack(rows, -2).cpu().numpy()


def _row(values: tuple[Tensor, ...]) -> Tensor:
    runs = values[0].shape  # of a number: () of one run, (r,) of several
    return torch.cat([value.reshape(*runs, -1) for value in values], -1)


@np.errstate(invalid="ignore")  # NaN stays NaN, as ∞ − ∞ becomes: a diverged run's last burst
def step_records(
    values: np.ndarray, first_step: int, packs: int, centre: float | None
) -> tuple[list[StepRecord], int | None]:
    """Records of one run's steps from `values` (steps, numbers and 3 · packs logits), and the first
    step at which a number was NaN or infinite, None if there was none: the records end before it.

    `centre` is the logit at which D is undecided; where only differences count it is None, and the
    middle of D's logits takes its place.
    """
    values = values.astype(np.float64)
    numbers, logits = np.split(values, [-3 * packs], 1)
    loss_d, penalty, norm_d, loss_g, norm_g, *norms_by_loss = numbers.T
    logits = logits - _undecided(logits, packs, centre)
    real, fake, fake_of_g = logits.reshape(len(values), 3, -1).swapaxes(0, 1)
    # Means in 64 bits on the host: on the device their last bit would depend on the length of the
    # burst, which depends on the clock.
    columns = {
        "loss_d": loss_d,
        "loss_g": loss_g,
        "accuracy_real": (real > 0).mean(1),
        "accuracy_fake": (fake < 0).mean(1),
        "score_real": _sigmoid(real).mean(1),
        "score_fake": _sigmoid(fake).mean(1),
        "grad_norm_d": norm_d,
        "grad_norm_g": norm_g,
        "saturation_minimax": _sigmoid(fake_of_g).mean(1),
        "saturation_non_saturating": _sigmoid(-fake_of_g).mean(1),
        "penalty": penalty,
        **dict(zip(FROZEN_COLUMNS, norms_by_loss, strict=False)),
    }
    table = np.stack(list(columns.values()), axis=1)
    finite = np.isfinite(table).all(1).tolist()
    count = finite.index(False) if False in finite else len(finite)
    records = [StepRecord(first_step + i, **dict(zip(columns, row, strict=True)))
               for i, row in enumerate(table[:count].tolist())]
    return records, first_step + count if count < len(finite) else None


def _undecided(logits: np.ndarray, packs: int, centre: float | None) -> np.ndarray | float:
    """The logit at which D cannot tell, (steps, 1) or a constant, of logits (steps, 3 · packs):
    reals, fakes, and fakes as G's update saw them."""
    if centre is not None:
        return centre
    return np.ascontiguousarray(logits[:, : 2 * packs]).mean(1, keepdims=True)


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    """σ, to full precision for any logit: 1 / (1 + exp(−s)) would overflow."""
    return np.exp(-np.logaddexp(0.0, -logits))
