"""Which of two candidates is better on the same folds? A t-test that knows that folds overlap.

The training sets of k folds share most of their examples, so that differences from fold to fold
are alike, and their spread is smaller than that of independent runs: a plain paired t-test calls
far too many of them significant. Nadeau & Bengio, "Inference for the Generalization Error" (2003),
put the share of held-out examples into the variance: (1/k + n_test / n_train) s². Torch-free.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

ALPHA = 0.05  # p below which two candidates are told apart


@dataclass(frozen=True)
class PairedTest:
    """Of differences between two candidates, one a fold: their mean and standard deviation,
    Student's t with `freedom` degrees of freedom, and the p value of both sides."""

    mean: float
    deviation: float
    t: float
    freedom: int
    p: float

    @property
    def tells_apart(self) -> bool:
        return self.p < ALPHA


def corrected_test(differences: Sequence[float], folds: int) -> PairedTest:
    """The corrected resampled t-test of differences on some of `folds` folds, at least two. Raises
    ValueError on fewer, or on numbers that are not finite."""
    count = len(differences)
    if count < 2 or folds < 2 or not all(map(math.isfinite, differences)):
        raise ValueError("a paired test needs two finite differences or more")
    mean, deviation = statistics.fmean(differences), statistics.stdev(differences)
    overlap = 1 / (folds - 1)  # held-out examples ÷ training examples
    error = deviation * math.sqrt(1 / count + overlap)
    if error == 0.0:
        return PairedTest(mean, 0.0, math.copysign(math.inf, mean) if mean else 0.0, count - 1,
                          0.0 if mean else 1.0)
    t = mean / error
    return PairedTest(mean, deviation, t, count - 1, two_sided_p(t, count - 1))


def two_sided_p(t: float, freedom: int) -> float:
    """The probability that Student's t with so many degrees of freedom lies beyond ±t: Abramowitz &
    Stegun, 26.7.3 and 26.7.4."""
    angle = math.atan(abs(t) / math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    if freedom % 2:
        total = term = cosine if freedom > 1 else 0.0
        for power in range(2, freedom - 1, 2):
            term *= cosine**2 * power / (power + 1)
            total += term
        inside = (angle + sine * total) * 2 / math.pi
    else:
        total = term = 1.0
        for power in range(1, freedom - 2, 2):
            term *= cosine**2 * power / (power + 1)
            total += term
        inside = sine * total
    return min(max(1.0 - inside, 0.0), 1.0)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's correction of several p values, in their order: that any of them is below ALPHA by
    chance then has a probability of at most ALPHA."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min((len(p_values) - rank) * p_values[place], 1.0))
        corrected[place] = largest
    return corrected
