"""What a cross-validation comes to, in words: which candidate is better, and how sure that is."""

from __future__ import annotations

import math
from dataclasses import dataclass

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
    """The best candidate against each other one that has all folds; empty before all are there."""
    if standing.best is None:
        return []
    best, tests = standing.values[standing.best], dict[int, PairedTest | None]()
    for other, values in enumerate(standing.values):
        if other == standing.best or other in standing.dropped or len(values) < study.folds:
            continue
        differences = [best[fold] - values[fold] for fold in sorted(values)]
        finite = all(map(math.isfinite, differences))
        tests[other] = corrected_test(differences, study.folds) if finite else None
    known = [(other, test) for other, test in tests.items() if test is not None]
    corrected = dict(zip([other for other, _ in known],
                         holm([test.p for _, test in known]), strict=True))
    # Whoever has no number on a fold where the best has one has failed there: no test is needed.
    return [Comparison(other, test, corrected.get(other, 0.0)) for other, test in tests.items()]


def verdict_words(study: CrossValidation, standing: Standing) -> list[str]:
    """Sentences for people: one for each comparison, and one on the test set."""
    if standing.best is None:
        return []
    measure, best = MEASURES[study.measure], study.candidates[standing.best].label
    sentences = []
    for comparison in comparisons(study, standing):
        other = study.candidates[comparison.other].label
        if comparison.test is None:
            sentences.append(f"**{best}** is better than **{other}**, which has no "
                             f"{measure.label} on some folds: it diverged, or draws nothing.")
            continue
        gap = measure.text(abs(comparison.test.mean))
        if comparison.tells_apart:
            way = "lower" if measure.lower_is_better else "higher"
            sentences.append(f"**{best}** is better than **{other}**: its {measure.label} is "
                             f"{way} by {gap} on average ({_p(comparison.p)}).")
        else:
            sentences.append(f"These folds cannot tell **{best}** and **{other}** apart: they "
                             f"differ by {gap} on average ({_p(comparison.p)}).")
    if standing.tested is not None:
        sentences.append(_test_words(study, standing, standing.best, standing.tested))
    return sentences


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}"


def _test_words(study: CrossValidation, standing: Standing, best: int, tested: float) -> str:
    """By how much the validation figure flattered the candidate that was chosen by it."""
    measure, mean = MEASURES[study.measure], standing.mean(best)
    label = study.candidates[best].label
    words = (f"On the test set, which nothing before has touched, **{label}** has a "
             f"{measure.label} of {measure.text(tested)}; the folds said {measure.text(mean)}.")
    if not (math.isfinite(tested) and math.isfinite(mean)):
        return words
    if measure.improved(mean, tested):
        return f"{words} The folds flattered it by {measure.text(abs(tested - mean))}."
    return f"{words} The folds did not flatter it."
