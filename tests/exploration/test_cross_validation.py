"""Cross-validation: which runs it needs, who is dropped and why, and what is said at the end."""

from __future__ import annotations

import dataclasses
import math

import pytest

from gan_core.config.folds import held_out, shuffled
from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError
from gan_core.exploration.cell_runs import CellRun
from gan_core.exploration.cross_validation import Candidate, CrossValidation
from gan_core.exploration.fold_pictures import SHOWN, digits
from gan_core.exploration.fold_words import comparisons, verdict_words
from gan_core.exploration.shipped_folds import SHIPPED_FOLDS
from gan_core.exploration.shipped_maps import shipped_results
from gan_core.exploration.study import name_of
from gan_core.serving import fold_channel
from gan_core.serving.study_jobs import StudyState

BASE = RunConfig(steps=100)


def of(count: int, folds: int = 5, halving: bool = False) -> CrossValidation:
    """Candidates c0, c1, …, whose distances grow with their number."""
    return CrossValidation(tuple(
        Candidate(f"c{number}", BASE.replace(dropout=0.05 * number)) for number in range(count)),
        folds, "frechet", halving)


def distance(study: CrossValidation, config: RunConfig) -> float:
    """A made-up measure: worse from candidate to candidate, and other from fold to fold."""
    number = round(config.dropout / 0.05)
    return 100.0 * (number + 1) + 3.0 * config.fold + (7.0 if not config.folds else 0.0)


def train(study: CrossValidation, value=distance) -> tuple[list[RunConfig], dict[str, CellRun]]:
    """Train what is wanted until nothing is: what was trained, in order, and all results."""
    trained: list[RunConfig] = []
    results: dict[str, CellRun] = {}
    while wanted := study.wanted(results):
        for config in wanted:
            number = value(study, config)
            measures = {} if math.isnan(number) else {"frechet": number}
            results[config.digest()] = CellRun(config.digest(), "healthy", "", "", measures, 1.0)
            trained.append(config)
    return trained, results


def test_every_candidate_is_trained_on_every_fold_and_the_best_on_all_once():
    """A fold is left out; or the test set is looked at for each candidate."""
    study = of(3, folds=4)
    trained, results = train(study)
    on_folds = [config for config in trained if config.folds]
    assert sorted((config.dropout, config.fold) for config in on_folds) == sorted(
        (each.config.dropout, fold) for each in study.candidates for fold in range(4))
    assert trained[-1] == study.candidates[0].config and len(trained) == 13
    standing = study.standing(results)
    assert (standing.best, standing.tested) == (0, 107.0)
    assert standing.mean(0) == pytest.approx(104.5) and standing.deviation(0) > 0


def test_the_test_set_is_touched_last():
    """The best is chosen by the test set, which then flatters it as well."""
    trained, _ = train(of(4, halving=True))
    assert [config.folds for config in trained].index(0) == len(trained) - 1


def test_halving_drops_the_worse_half_and_says_why():
    """Most of the training goes to candidates that are clearly worse."""
    study = of(8, halving=True)
    trained, results = train(study)
    standing = study.standing(results)
    assert sorted(standing.dropped) == [2, 3, 4, 5, 6, 7]
    assert [standing.dropped[number].folds for number in (7, 4, 3, 2)] == [1, 1, 2, 2]
    dropped = standing.dropped[7]
    assert dropped.mean == 800.0 and dropped.kept == 400.0
    assert len(trained) == 8 + 4 + 2 * 3 + 1 < 8 * 5


@pytest.mark.parametrize("count", range(2, 13))
@pytest.mark.parametrize("halving", [False, True])
def test_what_remains_is_never_told_too_low(count, halving):
    """The bar is full, and half of the runs are still to come."""
    study = of(count, halving=halving)
    results: dict[str, CellRun] = {}
    left = [study.remaining(results)]
    trained, _ = train(study)
    for config in trained:
        results[config.digest()] = CellRun(
            config.digest(), "healthy", "", "", {"frechet": distance(study, config)}, 1.0)
        left.append(study.remaining(results))
    assert left[0] == len(trained) and left[-1] == 0
    assert all(len(trained) - done <= more for done, more in enumerate(left))


def test_a_run_without_the_measure_is_the_worst():
    """A candidate that diverges has no number, and wins by that."""
    study = of(2)
    _, results = train(study, lambda study, config: (
        math.nan if config.dropout == 0 and config.folds else distance(study, config)))
    standing = study.standing(results)
    assert standing.best == 1 and math.isinf(standing.mean(0))
    words = verdict_words(study, standing)[0]
    assert words.startswith("**c0** has no Fréchet distance on 5 of 5 folds")
    assert "better" not in words


def test_where_none_works_none_is_the_best():
    """The first of two candidates that both diverge wins."""
    study = of(2)
    trained, results = train(study, lambda study, config: math.nan)
    assert len(trained) == 10, "the test set is touched for nothing"
    standing = study.standing(results)
    assert standing.best is None and study.remaining(results) == 0
    (words,) = verdict_words(study, standing)
    assert words.startswith("No candidate has a Fréchet distance on every fold")


def test_another_measure_looks_at_the_same_runs():
    """Whoever changes the measure trains all folds again."""
    study, other = of(3), dataclasses.replace(of(3), measure="modes", halving=True)
    assert study.digest() == other.digest() and name_of(study) != name_of(other)
    longer = CrossValidation(tuple(Candidate(each.label, each.config.replace(steps=200))
                                   for each in study.candidates))
    assert longer.digest() != study.digest()


def test_all_pairs_count_where_the_best_was_chosen_by_the_same_folds():
    """Of twelve candidates that are the same, one is better once in eight times."""
    gaps = (0, 12, 22, 9, 17)  # enough for two candidates, not for six
    def value(study, config):
        number = round(config.dropout / 0.05)
        return 100.0 + (0 if number == 0 else 14 + gaps[config.fold] * (number == 1))
    for count, apart in ((2, True), (6, False)):
        study = of(count)
        _, results = train(study, value)
        standing = study.standing(results)
        first = comparisons(study, standing)[0]
        assert first.test.p < 0.02 and first.tells_apart == apart, (count, first)


def test_what_differs_on_every_fold_is_told_apart():
    study = of(2)
    _, results = train(study)
    standing = study.standing(results)
    (comparison,) = comparisons(study, standing)
    assert comparison.tells_apart
    better, tested = verdict_words(study, standing)
    assert better.startswith("**c0** is better than **c1**") and "lower by 100" in better
    assert "flattered it by 1." in tested and "106" in tested and "107" in tested


def test_what_differs_by_chance_is_not_told_apart():
    """"B is better" is said of every pair."""
    noise = {(0, fold): value for fold, value in enumerate((0, 9, -4, 7, 3))}
    study = of(2)
    _, results = train(study, lambda study, config: 100.0 + noise.get(
        (round(config.dropout / 0.05), config.fold), 2.0))
    assert "cannot tell" in verdict_words(study, study.standing(results))[0]


def test_nothing_is_said_before_all_folds_are_there():
    study = of(2)
    assert verdict_words(study, study.standing({})) == []
    assert comparisons(study, study.standing({})) == []


BAD = {
    "one candidate": (lambda: of(1), "2 to 12 different settings, not 1"),
    "too many": (lambda: of(13), "not 13"),
    "one fold": (lambda: of(2, folds=1), "from 2 to 10, not 1"),
    "eleven folds": (lambda: of(2, folds=11), "from 2 to 10, not 11"),
    "no such measure": (lambda: CrossValidation(of(2).candidates, 5, "beauty"), "measure must be"),
    "a measure of points": (lambda: CrossValidation(of(2).candidates, 5, "high_quality"),
                            "one of frechet, ema_frechet, quality, modes"),
    "an average that is not there": (
        lambda: CrossValidation(of(2).candidates, 5, "ema_frechet"), "ema above 0"),
    "two data sets": (lambda: CrossValidation(
        (Candidate("a", BASE), Candidate("b", BASE.replace(dataset="ring")))), "one data set"),
    "twice the same": (lambda: CrossValidation(
        (Candidate("a", BASE), Candidate("b", BASE.replace(steps=9)))), "are the same"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_compared_is_refused(case):
    make, words = BAD[case]
    with pytest.raises(ConfigError, match=words):
        make()


# --- folds as what they are ----------------------------------------------------------------------


@pytest.mark.parametrize("folds", [2, 5, 7, 10])
def test_folds_are_those_of_the_trainer(folds):
    """The page shows other images than those that were held out."""
    import torch

    from gan_core.data import datasets

    data = datasets.whole("mnist", torch.device("cpu"))
    for fold in range(folds):
        of_trainer = datasets.load(RunConfig(folds=folds, fold=fold), torch.device("cpu")).held_out
        rows = held_out(len(data.train), folds, fold)
        assert len(rows) == len(of_trainer)
        assert torch.equal(data.train[torch.from_numpy(rows[:50])], of_trainer[:50])
    assert sorted(shuffled(100)) == list(range(100))


def test_each_fold_has_a_row_of_pictures():
    picture, counts = digits(3)
    assert counts == [20_000] * 3 and picture.startswith(b"\x89PNG")
    assert SHOWN >= 10


# --- as it is drawn ------------------------------------------------------------------------------


def test_the_table_shows_folds_mean_and_test_set():
    """A cell says another fold than its column."""
    study = of(8, halving=True)
    _, results = train(study)
    told = fold_channel.state(study, results, StudyState())
    width = study.folds + 2
    rows = [told["cells"][start : start + width] for start in range(0, len(told["cells"]), width)]
    assert len(rows) == 8
    last, first = rows[0], rows[-1]  # the last candidate comes first: it lies at the bottom
    assert [cell[2] for cell in first] == ["100", "103", "106", "109", "112", "106", "107"]
    assert first[5][3] == "± 5"
    assert [cell[2] for cell in last] == ["800", *["dropped"] * 4, "800", ""]
    assert "its mean was 800, the worst that was kept had 400" in last[1][5]
    assert told["share"] == 1 and told["words"] == f"All {8 + 4 + 6 + 1} runs are there."
    empty = fold_channel.state(study, {}, StudyState())
    assert {cell[0] for cell in empty["cells"]} == {""}


def test_the_comparison_that_ships_is_whole():
    """The first thing that a visitor sees has holes."""
    assert SHIPPED_FOLDS.wanted(shipped_results().read(SHIPPED_FOLDS)) == []
