"""Parts of a claim and its verdict: they follow the numbers, and say them."""

from __future__ import annotations

import math

import pytest

from gan_core.diagnosis.diagnose import SYMPTOMS
from gan_core.evidence.claim_verdicts import (
    NOT_REPRODUCED,
    PARTLY,
    REPRODUCED,
    Claim,
    Part,
    Values,
    at_least,
    at_most,
    differ,
    differ_by_seed,
    does_not_show,
    judge,
    less,
    more,
    shows,
    told_apart_by_folds,
)


def claim(*parts: Part) -> Claim:
    return Claim("report", "here", "baseline", "Something holds.", {}, parts, over=(0, 1, 2))


# --- parts: a statement, values for which it holds, values for which it does not ------------------

PARTS = {
    "at least": (at_least("a", "modes", 9), {"a": [9, 10, 10]}, {"a": [8, 1, 0]}),
    "at most": (at_most("a", "modes", 1), {"a": [1, 0, 1]}, {"a": [2, 10, 3]}),
    "more": (more("a", "b", "modes"), {"a": [2, 3, 9], "b": [1, 2, 8]},
             {"a": [1, 2, 8], "b": [1, 3, 9]}),
    "times more": (more("a", "b", "modes", 2), {"a": [3, 5, 7], "b": [1, 2, 3]},
                   {"a": [2, 3, 4], "b": [1, 2, 3]}),
    "less": (less("a", "b", "modes"), {"a": [1, 2, 3], "b": [2, 3, 4]},
             {"a": [2, 3, 4], "b": [2, 2, 2]}),
    "times less": (less("a", "b", "modes", 0.5), {"a": [1, 1, 1], "b": [3, 4, 5]},
                   {"a": [2, 2, 3], "b": [3, 4, 5]}),
    "differ": (differ("a", "b", "modes", 2), {"a": [1, 9, 1], "b": [3, 2, 5]},
               {"a": [1, 4, 3], "b": [2, 4, 2]}),
    "differ by seed": (differ_by_seed("a", "modes", 2), {"a": [1, 2, 3]}, {"a": [2, 3, 4]}),
    "shows": (shows("a", "instability"), {"a": [1, 1, 1]}, {"a": [0, 0, 0]}),
    "told apart by folds": (told_apart_by_folds("a", "b", "frechet"),
                            {"a": [100, 110, 105], "b": [200, 215, 203]},
                            {"a": [100, 220, 150], "b": [200, 215, 160]}),
    "does not show": (does_not_show("a", "instability"), {"a": [0, 0, 0]}, {"a": [1, 1, 1]}),
}


def measured(part: Part, values: dict[str, list[float]]) -> Values:
    return {run: {part.rests_on[0][1]: values[run]} for run in values}


@pytest.mark.parametrize("name", PARTS)
def test_a_part_holds_where_the_numbers_say_so(name):
    """A claim is called reproduced, or refuted, against its own numbers."""
    part, good, bad = PARTS[name]
    assert all(part.holds(measured(part, good)))
    assert not any(part.holds(measured(part, bad)))


@pytest.mark.parametrize("name", PARTS)
def test_a_number_that_is_not_there_proves_nothing(name):
    """A run that diverged, and has no samples, counts as evidence."""
    part, good, _ = PARTS[name]
    nothing = {run: [math.nan] * 3 for run in good}
    assert not any(part.holds(measured(part, nothing)))
    assert judge(claim(part), measured(part, nothing)).word == NOT_REPRODUCED


def test_folds_are_compared_by_a_test_made_for_them():
    """Five folds that all agree by a hair would count as proof; a plain t-test would call these
    apart, whose training sets overlap."""
    part = told_apart_by_folds("a", "b", "frechet")
    close = measured(part, {"a": [100, 101, 103, 99, 100], "b": [101, 102, 111, 100, 109]})
    assert part.holds(close) == [False]
    worse = measured(part, {"a": [200, 215, 203], "b": [100, 110, 105]})
    assert part.holds(worse) == [False]  # told apart, but the other way
    (counted,) = judge(claim(part), measured(part, PARTS["told apart by folds"][1])).parts
    assert counted.seeds == 1 and counted.numbers == "lower by 101, p = 0.0011"


@pytest.mark.parametrize("values", [[math.nan, 1, 5], [1, math.nan, 5], [1, 5, math.nan]])
def test_seeds_are_not_compared_with_one_that_has_no_number(values):
    """Whether a claim is reproduced depends on which of the seeds diverged."""
    part = differ_by_seed("a", "modes", 2)
    assert not any(part.holds(measured(part, {"a": values})))


@pytest.mark.parametrize(
    ("digits", "word"),
    [([10, 10, 10], REPRODUCED), ([10, 10, 1], PARTLY), ([10, 1, 1], NOT_REPRODUCED),
     ([1, 1, 1], NOT_REPRODUCED)])
def test_the_verdict_follows_the_seeds(digits, word):
    """One lucky seed of three is enough to call a claim reproduced."""
    part = at_least("a", "modes", 9)
    assert judge(claim(part), measured(part, {"a": digits})).word == word


def test_half_of_a_statement_is_partly_reproduced():
    """A claim of two parts passes by the easier one alone, or fails by the harder one alone."""
    both = claim(at_least("a", "modes", 9), at_most("a", "frechet", 100))
    values = {"a": {"modes": [10.0, 10.0, 9.0], "frechet": [300.0, 250.0, 150.0]}}
    verdict = judge(both, values)
    assert verdict.word == PARTLY
    assert "at least 9, in 3 of 3 (9 – 10)" in verdict.sentence
    assert "at most 100, in 0 of 3 (150 – 300)" in verdict.sentence


def test_a_comparison_gives_both_numbers():
    """A remedy is praised without saying what it is compared with."""
    part = less("with", "without", "frechet", 0.8)
    values = {"with": [80.0, 90.0, 95.0], "without": [200.0] * 3}
    verdict = judge(claim(part), measured(part, values))
    assert verdict.sentence == (
        "*with* beside *without*: Fréchet distance below 0.8 ×, in 3 of 3 (80 – 95 against 200).")


def test_a_symptom_is_counted_once():
    """"5 of 5 (5 of 5)" stands on a card."""
    symptom = next(iter(SYMPTOMS))
    part = shows("a", symptom)
    assert judge(claim(part), measured(part, {"a": [1, 1, 0]})).sentence.endswith("in 2 of 3.")
