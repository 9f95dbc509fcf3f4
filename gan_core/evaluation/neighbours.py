"""Which reals lie next to a sample? The geometry under density, coverage and copying.

Distances are Euclidean. Among pixels a copy lies nearer than a new picture, among the features of a
classifier a plausible picture nearer than noise.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gan_core.data.datasets import Dataset, scaled

NEIGHBOURS = 5  # k of density and coverage, as in Naeem et al. (2020)
NEAREST_POOL = 2000  # reals of either part among which the nearest one is searched
SUSPECTS = 16  # of a sheet, the pictures shown beside their neighbours
COMPARED = 500  # samples, and new reals, whose distances are compared
CHUNK = 4096  # images of a pool held as floats at a time: 13 MB of digits
BLOCK = 250  # reals compared with all fakes at a time


def neighbour_radii(reals: Tensor, k: int = NEIGHBOURS) -> Tensor:
    """Distance of each real (n, d) to its k-th nearest other real, (n,)."""
    return torch.cdist(reals, reals).kthvalue(k + 1, dim=1).values  # the nearest is itself


def density_coverage(
    reals: Tensor, radii: Tensor, fakes: Tensor, k: int = NEIGHBOURS
) -> tuple[float, float]:
    """Density and coverage of fakes (m, d) around reals (n, d) with k-NN `radii` (n,).

    Naeem et al., "Reliable Fidelity and Diversity Metrics for Generative Models" (2020).
    """
    # |r − f| < radius where r·f − |f|²/2 > (|r|² − radius²)/2: no distance need be stored, and what
    # is compared stays in a core's cache.
    halves, bounds = fakes.square().sum(1) / -2, (reals.square().sum(1) - radii.square()) / 2
    inside = torch.cat([
        (torch.addmm(halves, part, fakes.T) > bound[:, None]).sum(1)
        for part, bound in zip(reals.split(BLOCK), bounds.split(BLOCK), strict=True)
    ])
    return inside.sum().item() / (k * len(fakes)), (inside > 0).float().mean().item()


def nearest_distances(x: Tensor, pool: Tensor) -> Tensor:
    """Distance of each row of x (n, d) to the nearest row of pool (m, d), (n,).

    By matrix products: equal rows come out some hundredths apart. `nearest_neighbours` is exact.
    """
    return torch.cdist(x, pool).amin(1)


def copying(
    generated: Tensor, held_out: Tensor, generated_cells: Tensor, held_out_cells: Tensor
) -> float:
    """Are samples nearer to the training reals than new reals are? About N(0, 1) where they are
    equally near, far below zero where they are nearer.

    `generated` (m,) and `held_out` (n,) are distances to the nearest training real; the cells, of
    the same shapes, are integers, and only distances in one cell are compared. The z-score of the
    Mann–Whitney U of Meehan et al., "A Non-Parametric Test to Detect Data-Copying in Generative
    Models" (2020). Their C_T averages the z-scores of the cells; here U is summed over cells and
    scored once, so that its spread does not depend on how many cells there are. 0 where no cell
    holds both.
    """
    together = generated_cells[:, None] == held_out_cells
    # −½, 0 or ½: how far each pair departs from a tie, the expectation of U.
    excess = (generated[:, None] - held_out).sign().mul(together).sum().item() / 2
    cells = torch.unique(held_out_cells)
    m = (generated_cells[:, None] == cells).sum(0).float()
    n = (held_out_cells[:, None] == cells).sum(0).float()
    variance = (m * n * (m + n + 1) / 12).sum().item()
    return excess / variance**0.5 if variance > 0 else 0.0


def nearest_neighbours(images: Tensor, pool: Tensor, k: int = 1) -> tuple[Tensor, Tensor]:
    """Rows (n, k) of `pool` (m, d) that lie nearest to each of `images` (n, d), the nearest first,
    and their distances (n, k) on the scale of [−1, 1].

    Both may be uint8 or floats in [−1, 1]; m ≥ k. Memory beyond the pool's: n · 4096 floats or so.
    """
    images = scaled(images)
    distances, rows = [], []
    for start in range(0, len(pool), CHUNK):
        part = scaled(pool[start : start + CHUNK])
        closest = torch.cdist(images, part).topk(min(k, len(part)), dim=1, largest=False)
        distances.append(closest.values)
        rows.append(closest.indices + start)
    best = torch.cat(distances, 1).topk(k, dim=1, largest=False).indices
    nearest = torch.cat(rows, 1).gather(1, best)
    # Again, without the rounding of a matrix product: a copy is at distance 0, and says so.
    return nearest, (scaled(pool[nearest]) - images[:, None]).norm(dim=2)


@dataclass(frozen=True)
class Pools:
    """The first reals of either part, in equal numbers, as floats: a larger pool has nearer
    neighbours whether or not anything was copied."""

    train: Tensor  # (n, d)
    held_out: Tensor  # (n, d)
    usual: Tensor  # (500,): distances of the first held-out reals to the nearest in `train`


@functools.lru_cache(maxsize=2)  # as many data sets stay alive in it
def pools(train: Tensor, held_out: Tensor) -> Pools:
    """Pools of training reals (n, d) and of held-out ones (m, d), uint8.

    At most NEAREST_POOL of each: a training set of so few images, which is where G can copy, is
    searched whole, and of a larger one a part, for the sake of time.
    """
    count = min(NEAREST_POOL, len(train), len(held_out))
    pool = scaled(train[:count])
    new = scaled(held_out[:COMPARED])
    return Pools(pool, scaled(held_out[:count]), nearest_distances(new, pool))


@dataclass(frozen=True)
class SheetNeighbours:
    """For each picture of a sheet the nearest real of either part, among `pool` reals of each.

    Rows, int64 (n,), count in `Dataset.train` and `Dataset.held_out`; distances are float32 (n,).
    """

    train_rows: np.ndarray
    train_distances: np.ndarray
    held_out_rows: np.ndarray
    held_out_distances: np.ndarray
    pool: int


def sheet_neighbours(pictures: np.ndarray, data: Dataset) -> SheetNeighbours:
    """Nearest training and held-out reals of a sheet, uint8 (n, 28, 28), as it is drawn and stored,
    in the `pools` of its data."""
    images = torch.from_numpy(pictures.reshape(len(pictures), -1)).to(data.train.device)
    reals = pools(data.train, data.held_out)
    train_rows, train_distances = _nearest(images, reals.train)
    held_out_rows, held_out_distances = _nearest(images, reals.held_out)
    return SheetNeighbours(
        train_rows, train_distances, held_out_rows, held_out_distances, len(reals.train))


def _nearest(images: Tensor, pool: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Row (n,) and distance (n,) of the nearest of `pool` to each of `images`."""
    rows, distances = nearest_neighbours(images, pool)
    return rows[:, 0].cpu().numpy(), distances[:, 0].cpu().numpy()


def nearest_training(
    pictures: np.ndarray, data: Dataset, nearest: SheetNeighbours
) -> np.ndarray:
    """The training real nearest to each picture of a sheet, uint8 of the sheet's shape."""
    return _rows(data.train, nearest.train_rows).reshape(pictures.shape)


def most_copied(
    pictures: np.ndarray, data: Dataset, nearest: SheetNeighbours | None = None
) -> np.ndarray:
    """Of a sheet, uint8 (n, 28, 28), the SUSPECTS pictures that look most copied, beside their
    nearest training and held-out reals: uint8 (SUSPECTS, 3, 28, 28), the most suspicious first.

    Looks copied: its distance to the nearest training real is a small part of that to the nearest
    held-out real. `nearest` is what `sheet_neighbours` says, where that is known already.
    """
    nearest = nearest or sheet_neighbours(pictures, data)
    # A held-out real itself has distance 0.
    ratios = nearest.train_distances / np.maximum(nearest.held_out_distances, 1e-6)
    chosen = np.argsort(ratios, kind="stable")[:SUSPECTS]
    parts = (pictures[chosen], _rows(data.train, nearest.train_rows[chosen]),
             _rows(data.held_out, nearest.held_out_rows[chosen]))
    return np.stack([part.reshape(-1, *pictures.shape[1:]) for part in parts], axis=1)


def _rows(examples: Tensor, rows: np.ndarray) -> np.ndarray:
    return examples[torch.from_numpy(rows).to(examples.device)].cpu().numpy()
