"""D's scores over the plane of 2-D data, as a picture. It changes nothing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

SIDE = 48  # cells along either axis

Score = Callable[[Tensor], Tensor]
"""Points (n, 2) to D's logits (k, 1) in evaluation mode; k = n/m if it packs m."""


def plane(extent: float) -> Tensor:
    """Middles of SIDE × SIDE cells of the square from −extent to extent, (SIDE², 2): row by row,
    the top row first, as a picture is read."""
    ticks = (torch.arange(SIDE) + 0.5) * (2 * extent / SIDE) - extent
    y, x = torch.meshgrid(ticks.flip(0), ticks, indexing="ij")
    return torch.stack([x, y], dim=2).reshape(-1, 2)


@torch.no_grad()
def decision_surface(
    score: Score, extent: float, centre: float | Tensor, group: int, device: torch.device
) -> np.ndarray:
    """σ(logit − centre) over the plane, float32 (SIDE, SIDE); `centre` is the logit at which D is
    undecided. NaN where D gives no number.

    A D that must be shown `group` points together is shown each point so many times: packed ones
    as a pack of equal points, and with minibatch standard deviation four such packs, whose spread
    is 0. Such a D meets every point as if G had collapsed onto it, and rejects more than it would
    among different ones.
    """
    points = plane(extent).to(device).repeat_interleave(group, 0)
    logits = score(points).float().reshape(SIDE, SIDE, -1)[:, :, 0]
    return (logits - centre).sigmoid().cpu().numpy()
