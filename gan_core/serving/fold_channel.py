"""What the viewers of a cross-validation are told: its folds as cells of a table. Torch-free."""

from __future__ import annotations

import math
from typing import Any

from gan_core.exploration.cell_runs import MEASURES
from gan_core.exploration.cross_validation import CrossValidation, Standing
from gan_core.exploration.map_looks import Scale, scale_of
from gan_core.exploration.study import Results
from gan_core.serving.map_channel import colours, progress_words
from gan_core.serving.study_jobs import StudyState

Look = list[Any]  # fill, ink, words, words below, whether it was measured, what is told, it trains


def state(study: CrossValidation, results: Results, filling: StudyState) -> dict[str, Any]:
    """As `map_channel.state`: a row for each candidate, the last one first; a column for each fold,
    then the mean, then the test set."""
    standing = study.standing(results)
    remaining = study.remaining(results)
    done = sum(map(len, standing.values)) + (standing.tested is not None)
    scale = scale_of((value for of_candidate in standing.values for value in of_candidate.values()),
                     study.measure)
    cells: list[Look] = []
    for candidate in reversed(range(len(study.candidates))):
        cells += [_fold_look(study, standing, candidate, fold, scale, filling)
                  for fold in range(study.folds)]
        cells += [_mean_look(study, standing, candidate, scale),
                  _test_look(study, standing, candidate, scale, filling)]
    return {
        "live": filling.live,
        "share": done / max(done + remaining, 1),
        "words": progress_words(done, done + remaining, filling),
        "legend": [],
        "cells": cells,
    }


def _fold_look(
    study: CrossValidation, standing: Standing, candidate: int, fold: int, scale: Scale,
    filling: StudyState,
) -> Look:
    trains = study.config(candidate, fold).digest() in filling.asked
    value = standing.values[candidate].get(fold)
    if value is not None:
        return _known(study, value, scale)
    if (dropped := standing.dropped.get(candidate)) is not None:
        measure = MEASURES[study.measure]
        after = "one fold" if dropped.folds == 1 else f"{dropped.folds} folds"
        return _empty("dropped", f"dropped after {after}: its mean was "
                      f"{measure.text(dropped.mean)}, the worst that was kept had "
                      f"{measure.text(dropped.kept)}")
    return _empty("", "not trained yet", trains)


def _mean_look(
    study: CrossValidation, standing: Standing, candidate: int, scale: Scale
) -> Look:
    mean = standing.mean(candidate)
    if math.isnan(mean):
        return _empty("", "no fold has been measured yet")
    look, deviation = _known(study, mean, scale), standing.deviation(candidate)
    if not math.isnan(deviation):
        look[3] = f"± {MEASURES[study.measure].text(deviation)}"
        look[5] = f"{look[5]}, standard deviation {MEASURES[study.measure].text(deviation)}"
    return look


def _test_look(
    study: CrossValidation, standing: Standing, candidate: int, scale: Scale, filling: StudyState
) -> Look:
    if candidate != standing.best:
        return _empty("", "only the best candidate is measured on the test set, at the end")
    if standing.tested is None:
        trains = study.final(candidate).digest() in filling.asked
        return _empty("", "the best candidate; not measured on the test set yet", trains)
    return _known(study, standing.tested, scale)


def _known(study: CrossValidation, value: float, scale: Scale) -> Look:
    words = MEASURES[study.measure].text(value)
    return [*colours(scale.colour(value)), words, "", True,
            f"{MEASURES[study.measure].label} {words}", False]


def _empty(words: str, told: str, trains: bool = False) -> Look:
    return [*colours(None), words, "", False, told, trains]
