"""The test for dependent folds: its p values are those of tables, and it is slower to be sure."""

from __future__ import annotations

import math
import random
import statistics

import pytest

from gan_core.exploration.fold_statistics import ALPHA, corrected_test, holm, two_sided_p

# Student's t at which p is 0.05 and 0.01, both sides, by degrees of freedom (any book of tables).
TABLE = {1: (12.706, 63.657), 2: (4.303, 9.925), 3: (3.182, 5.841), 4: (2.776, 4.604),
         5: (2.571, 4.032), 7: (2.365, 3.499), 9: (2.262, 3.250), 30: (2.042, 2.750)}


@pytest.mark.parametrize("freedom", TABLE)
def test_p_values_are_those_of_the_tables(freedom):
    at_5, at_1 = TABLE[freedom]
    assert two_sided_p(at_5, freedom) == pytest.approx(0.05, abs=2e-4)
    assert two_sided_p(-at_1, freedom) == pytest.approx(0.01, abs=1e-4)
    assert two_sided_p(0.0, freedom) == pytest.approx(1.0)
    assert two_sided_p(1e9, freedom) == pytest.approx(0.0, abs=1e-6)


def test_overlapping_folds_make_a_difference_less_sure():
    """Five folds that share three quarters of their examples pass for five independent runs."""
    differences = [1.0, 1.2, 0.4, 0.9, 0.2]
    plain = statistics.fmean(differences) / (statistics.stdev(differences) / math.sqrt(5))
    test = corrected_test(differences, 5)
    assert test.t == pytest.approx(plain / math.sqrt(1 + 5 / 4))
    assert two_sided_p(plain, 4) < ALPHA < test.p


def test_no_difference_and_nothing_but_difference():
    """Folds without any spread divide by zero."""
    assert corrected_test([0.0, 0.0, 0.0], 3).p == 1.0
    assert corrected_test([0.5, 0.5, 0.5], 3).p == 0.0


@pytest.mark.parametrize("differences", [[], [1.0], [1.0, math.inf], [1.0, math.nan]])
def test_what_cannot_be_tested_is_refused(differences):
    with pytest.raises(ValueError, match="two finite differences"):
        corrected_test(differences, 5)


def test_who_looks_often_must_be_surer():
    """Of eleven candidates one is better by chance."""
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5]) == [0.5] and holm([]) == []
    rng = random.Random(1)
    values = [rng.random() for _ in range(6)]
    assert all(after >= before for before, after in zip(values, holm(values), strict=True))
