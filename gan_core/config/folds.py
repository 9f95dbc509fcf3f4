"""Which examples a fold holds out: the same for every run, and known without torch."""

from __future__ import annotations

import numpy as np

FOLD_SEED = (1000, 1)


def shuffled(count: int) -> np.ndarray:
    """Rows of the training set in the order in which it is cut, (count,)."""
    return np.random.default_rng(FOLD_SEED).permutation(count)


def held_out(count: int, folds: int, fold: int) -> np.ndarray:
    """The rows that this fold holds out, in that order."""
    return np.array_split(shuffled(count), folds)[fold]
