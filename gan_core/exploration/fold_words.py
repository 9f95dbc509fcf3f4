"""What a cross-validation comes to, in words: which candidate is better, and how sure that is."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from itertools import combinations

from gan_core.exploration.cell_runs import MEASURES
from gan_core.exploration.cross_validation import CrossValidation, Standing
from gan_core.exploration.fold_statistics import ALPHA, PairedTest, corrected_test, holm


@dataclass(frozen=True)
class Comparison:
    """The best candidate against another one: the test of their paired differences, None where one
    of them has no number on some fold; and the p value that counts how many are compared."""

    other: int
    test: PairedTest | None
    p: float

    @property
    def tells_apart(self) -> bool:
        return self.p < ALPHA


def comparisons(study: CrossValidation, standing: Standing) -> list[Comparison]:
    """The best candidate against each other one that has all folds; empty before all are there.

    Holm's correction is over all pairs of them: the best is not known beforehand, it is chosen by
    the same folds.
    """
    best = standing.best
    if best is None:
        return []
    whole = [number for number, values in enumerate(standing.values)
             if number not in standing.dropped and len(values) == study.folds]
    tests = {pair: _test(study, standing, *pair) for pair in combinations(whole, 2)}
    known = {pair: test for pair, test in tests.items() if test is not None}
    corrected = dict(zip(known, holm([test.p for test in known.values()]), strict=True))
    found = []
    for other in (number for number in whole if number != best):
        pair = (min(best, other), max(best, other))
        test = tests[pair]
        if test is not None and pair[0] != best:
            test = dataclasses.replace(test, mean=-test.mean, t=-test.t)
        found.append(Comparison(other, test, corrected.get(pair, 1.0)))
    return found


def _test(
    study: CrossValidation, standing: Standing, one: int, other: int
) -> PairedTest | None:
    """Of what the first has more than the second, fold by fold; None where one has no number."""
    differences = [standing.values[one][fold] - standing.values[other][fold]
                   for fold in range(study.folds)]
    finite = all(map(math.isfinite, differences))
    return corrected_test(differences, study.folds) if finite else None


def verdict_words(study: CrossValidation, standing: Standing) -> list[str]:
    """Sentences for people: one for each comparison, and one on the test set."""
    measure = MEASURES[study.measure]
    if standing.best is None:
        if standing.wanted:
            return []
        return [f"No candidate has a {measure.label} on every fold: each of them failed on some."]
    sentences = [_comparison_words(study, standing, each)
                 for each in comparisons(study, standing)]
    if standing.tested is not None:
        sentences.append(_test_words(study, standing, standing.best, standing.tested))
    return sentences


def _comparison_words(
    study: CrossValidation, standing: Standing, comparison: Comparison
) -> str:
    measure, best = MEASURES[study.measure], _label(study, standing.best or 0)
    other = _label(study, comparison.other)
    if comparison.test is None:
        values = standing.values[comparison.other].values()
        failed = sum(not math.isfinite(value) for value in values)
        return (f"{other} has no {measure.label} on {failed} of {study.folds} folds, where it "
                f"diverged or drew nothing; it is not compared with {best}.")
    gap = _gap(study, comparison.test.mean)
    if not comparison.tells_apart:
        return (f"These folds cannot tell {best} and {other} apart: on average they differ by "
                f"{gap} ({_p(comparison.p)}).")
    way = "lower" if measure.lower_is_better else "higher"
    return (f"{best} is better than {other}: {measure.label} {way} by {gap} on average "
            f"({_p(comparison.p)}).")


def _label(study: CrossValidation, candidate: int) -> str:
    return f"**{study.candidates[candidate].label}**"


def _gap(study: CrossValidation, difference: float) -> str:
    """A difference in words: of shares, in points; a small one is not written as nothing."""
    measure, size = MEASURES[study.measure], abs(difference) * MEASURES[study.measure].scale
    unit = " points" if "%" in measure.form else ""
    return f"{size:.0f}{unit}" if size >= 10 else f"{size:.2g}{unit}"


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}"


def _test_words(study: CrossValidation, standing: Standing, best: int, tested: float) -> str:
    """By how much the validation figure flattered the candidate that was chosen by it."""
    measure, mean, label = MEASURES[study.measure], standing.mean(best), _label(study, best)
    of_points = study.candidates[best].config.card.kind == "points"
    where = ("Trained on all examples" if of_points
             else "On the test set, which took no part in this comparison")
    if not math.isfinite(tested):
        return f"{where}, {label} has no {measure.label}: it diverged or drew nothing."
    words = (f"{where}, {label} comes to {measure.text(tested)} ({measure.label}); the folds said "
             f"{measure.text(mean)}.")
    if measure.improved(mean, tested):
        return f"{words} So the folds flattered it by {_gap(study, tested - mean)}."
    return f"{words} So the folds did not flatter it."
