"""A recipe under several seeds and small changes: its runs, what is kept of them, what is said."""

from __future__ import annotations

import dataclasses
import json
import math
import tomllib

import numpy as np
import pytest

from gan_core.assets import ASSETS
from gan_core.config.presets import CHALLENGES, RECORDED
from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError
from gan_core.diagnosis.headlines import HEADLINES
from gan_core.exploration.cell_runs import MEASURES, CellRun, cell_run
from gan_core.exploration.courses import COURSES, courses_of
from gan_core.exploration.shipped_maps import shipped_results
from gan_core.exploration.shipped_spreads import shipped_spreads
from gan_core.exploration.spread import SEEDS, VARIED, Spread, can_vary
from gan_core.exploration.spread_words import moved, paired, told
from gan_core.exploration.study_results import StudyResults
from gan_core.runs.history import History
from gan_core.runs.records import EvalRecord, Outcome
from gan_core.runs.snapshots import RunSnapshot
from gan_core.runs.status import RunStatus
from tests.cli.calls import ROOT
from tests.exploration.made_up_maps import RING, result
from tests.support.made_up_records import step

RECIPE = RING.replace(learning_rate_ratio=0.5, seed=7)


def results_of(spread: Spread, values: dict[float, float], by_seed: dict[int, float]):
    configs = {**{spread.values[value]: number for value, number in values.items()},
               **{spread.seeds[seed]: number for seed, number in by_seed.items()}}
    return {config.digest(): result(config.digest(), swing=number)
            for config, number in configs.items()}


# --- its runs ------------------------------------------------------------------------------------


def test_a_spread_is_five_seeds_and_small_changes_around_the_recipe():
    spread = Spread(RECIPE)
    assert [config.seed for config in spread.seeds.values()] == list(range(SEEDS))
    assert list(spread.values) == [0.4, 0.45, 0.5, 0.55, 0.625]
    assert all(config.seed == 0 for config in spread.values.values())
    assert spread.total == len(spread.wanted({})) == SEEDS + 4  # the recipe itself counts once


@pytest.mark.parametrize("name", RECORDED)
def test_settings_of_every_recorded_run_can_be_changed_a_little(name):
    """A page fails, or shows a single line as a band, for a recipe at the end of a slider."""
    for varied in can_vary(RECORDED[name]):
        spread = Spread(RECORDED[name], varied)
        assert getattr(RECORDED[name], varied) in spread.values and len(spread.values) >= 3
        assert all(getattr(config, varied) == value for value, config in spread.values.items())
    assert can_vary(RECORDED[name])[:2] == VARIED[:2]


def test_what_a_loss_does_not_have_is_not_offered():
    assert "label_smoothing" in can_vary(RECIPE)
    assert "label_smoothing" not in can_vary(RECIPE.replace(loss="wasserstein"))


def test_whichever_setting_varies_the_seeds_are_trained_once():
    one, other = (Spread(RECIPE, varied) for varied in VARIED[:2])
    assert one.digest() == other.digest() == Spread(RECIPE.replace(seed=3)).digest()
    known = {config.digest(): result(config.digest()) for config in one.seeds.values()}
    assert other.remaining(known) == 4


def test_a_setting_that_cannot_vary_is_refused_by_name():
    with pytest.raises(ConfigError, match="varied must be one of learning_rate_ratio"):
        Spread(RECIPE, "steps")


def test_spreads_of_other_lengths_have_other_results():
    """Continue, and the bands of the shorter run stand there as those of the longer one."""
    short, long = Spread(RECIPE), Spread(RECIPE.replace(steps=400))
    assert short.digest() != long.digest()
    assert short.recipe.digest() == long.recipe.digest()


# --- what is kept --------------------------------------------------------------------------------


def run_of(steps: int, diverged: bool = False, every: int = 50) -> RunSnapshot:
    config = RunConfig(steps=steps)
    history = History(
        [dataclasses.replace(step(number), loss_d=1.0 + number / steps)
         for number in range(1, steps + 1)],
        [EvalRecord(number, {"modes": number / every, "modes_total": 10.0,
                             "frechet": 500.0 - number}, (0.1,) * 10, seconds=number / 60)
         for number in range(0, steps + 1, every)],
        Outcome("diverged", steps + 1) if diverged else None)
    state = "diverged" if diverged else "finished"
    return RunSnapshot(config.digest(), config, history, RunStatus(state, steps, steps), {})


def test_a_runs_courses_say_how_it_went():
    """Bands show other curves than the runs' own charts."""
    run = cell_run(run_of(400), RunConfig(steps=400), courses=True)
    assert run is not None
    steps, values = run.courses["distance"]
    assert steps == tuple(range(0, 401, 50)) and values[-1] == 100.0
    steps, values = run.courses["loss_d"]
    assert steps[-1] == 400 and steps[0] >= 25
    expected = 1.0 + (np.array(steps) - 12) / 400  # of the 25 steps before
    assert np.allclose(values, expected, atol=1e-3)
    steps, shares = run.courses["modes"]
    assert shares[-1] == 0.8 and len(steps) == 9


def test_a_run_that_is_not_as_far_is_not_kept():
    """A finished run of 400 steps would stand for one of 1000."""
    assert cell_run(run_of(400), RunConfig(steps=1000)) is None
    assert cell_run(run_of(400), RunConfig(steps=250)) is not None


def test_a_short_run_has_courses_too():
    """The page of costs begins with one of twelve steps."""
    courses = courses_of(run_of(12, every=6).history, RunConfig(steps=12))
    assert courses["loss_d"][0] == (12,)


def test_a_step_that_is_repeated_is_taken_once():
    """A damaged file would end the page in a traceback."""
    whole = run_of(400).history
    damaged = History(list(whole.steps), [*whole.evaluations, whole.evaluations[-1]])
    for steps, _ in courses_of(damaged, RunConfig(steps=400)).values():
        assert list(steps) == sorted(set(steps))


def test_courses_agree_with_the_headline_at_the_end():
    snapshot = run_of(400)
    courses = courses_of(snapshot.history, snapshot.config)
    for name, headline in HEADLINES.items():
        value = headline.value_of(snapshot.history)
        if name in courses and math.isfinite(value):
            assert courses[name][1][-1] == pytest.approx(value, rel=1e-3), name
    assert set(courses) <= set(COURSES) and "swing" in courses


def test_a_diverged_run_has_no_infinite_course():
    """A chart of it is empty, and its file is no JSON."""
    snapshot = run_of(120, diverged=True)
    courses = courses_of(snapshot.history, snapshot.config)
    assert all(map(math.isfinite, (value for _, values in courses.values() for value in values)))


def test_courses_are_kept_where_a_study_wants_them(tmp_path):
    config = RunConfig(steps=400)
    assert cell_run(run_of(400), config).courses == {}
    run, spread = cell_run(run_of(400), config, courses=True), Spread(config)
    StudyResults(tmp_path).add(spread, [run])
    assert StudyResults(tmp_path).read(spread) == {run.digest: run}
    line = len(json.dumps(run.to_dict()))
    assert line < 8000, f"{line} bytes: nine runs of ten recipes ship"


@pytest.mark.parametrize("courses", [3, {"a": 3}, {"a": [[1], [1.0, 2.0]]}, {"a": [[1], ["x"]]},
                                     {"a": [[1], [math.inf]]}, [["a", 1]],
                                     {"a": [[2, 2], [1.0, 2.0]]}])
def test_a_damaged_course_costs_its_run(courses):
    content = {**result("a").to_dict(), "courses": courses}
    with pytest.raises(ValueError):
        CellRun.from_dict(content)


# --- what is said --------------------------------------------------------------------------------


def test_the_words_tell_median_and_range_of_both():
    """The lucky seed alone is told."""
    spread = Spread(RECIPE)
    known = results_of(spread, {0.4: 0.2, 0.55: 0.9}, {0: 0.5, 1: 0.1, 2: 0.7})
    words = told("These settings", spread, known, "swing")
    assert "after 100 steps: swing of D's scores over the last 300 steps 0.50 (" in words
    assert "0.50 (0.10 to 0.70) under 3 of 5 seeds" in words
    assert "0.50 (0.20 to 0.90) with the learning-rate ratio from" in words
    assert "3 × no failure found" in words, words
    nothing = told("The reference", spread, {}, "swing")
    assert nothing == "**The reference**: no seed has been trained yet."


def test_small_changes_are_weighed_against_chance():
    spread = Spread(RECIPE)
    by_seed = {0: 0.5, 1: 0.4, 2: 0.6, 3: 0.5, 4: 0.5}
    calm = results_of(spread, values(0.52, 0.49), by_seed)
    wild = results_of(spread, values(0.1, 0.9), by_seed)
    assert "no further than another seed could" in moved(spread, calm, "swing")
    assert "the setting matters here" in moved(spread, wild, "swing")
    assert moved(spread, results_of(spread, {}, {0: 0.5}), "swing") == ""
    some = {digest: run for digest, run in wild.items() if digest not in list(wild)[:1]}
    assert moved(spread, some, "swing") == ""  # three of five may be apart by chance
    still = results_of(spread, values(0.5, 0.5), dict.fromkeys(range(5), 0.5))
    assert moved(spread, still, "swing").startswith("Neither another seed nor")
    broken = results_of(spread, values(math.inf, 0.9), by_seed)
    assert moved(spread, broken, "swing") == ""  # infinity less something says nothing


def values(low: float, high: float) -> dict[float, float]:
    """Of the four settings beside the recipe's own."""
    return {0.4: low, 0.45: high, 0.55: low, 0.625: high}


def as_measure(name: str, results):
    return {digest: result(digest, **{name: run.measures["swing"]})
            for digest, run in results.items()}


def test_a_single_mode_is_no_difference():
    """One run in ten lacks a mode; its neighbour would be said to matter."""
    spread = Spread(RECIPE)
    seeds = dict.fromkeys(range(5), 1.0)
    one_less = as_measure("modes", results_of(spread, values(1.0, 7 / 8), seeds))
    assert "no further" in moved(spread, one_less, "modes")
    gone = as_measure("modes", results_of(spread, values(1.0, 1 / 8), seeds))
    assert "matters" in moved(spread, gone, "modes")


def test_of_times_nothing_is_compared():
    """They are the machine's, and in a batch the whole batch's."""
    spread = Spread(RECIPE)
    known = as_measure("step_seconds", results_of(
        spread, values(0.001, 0.004), dict.fromkeys(range(5), 0.001)))
    assert moved(spread, known, "step_seconds") == ""
    assert paired(spread, known, spread, known, "step_seconds") == ""


def test_what_spans_powers_of_ten_is_weighed_in_them():
    """A gradient that is gone under one seed and not under another counts as calm."""
    spread = Spread(RECIPE)

    def known(of_values, by_seed):
        return as_measure("gradient_left", results_of(spread, of_values, by_seed))

    by_seed = {0: 0.02, 1: 1e-5, 2: 0.0, 3: 0.02, 4: 0.02}
    assert "no further" in moved(spread, known(values(0.1, 1e-4), by_seed), "gradient_left")
    near = {0: 0.02, 1: 0.03, 2: 0.02, 3: 0.02, 4: 0.02}
    assert "matters" in moved(spread, known(values(0.02, 1e-4), near), "gradient_left")


def test_a_reference_is_compared_seed_by_seed():
    """Two bands overlap although the remedy is better under every single seed."""
    one, other = Spread(RECIPE), Spread(RECIPE.replace(r1=0.1))
    ours = results_of(one, {}, {0: 0.5, 1: 0.9, 2: 0.7})
    theirs = results_of(other, {}, {0: 0.4, 1: 0.8, 2: 0.7, 3: 0.1})
    assert paired(one, ours, other, theirs, "swing") == (
        "Seed by seed the reference is better in 2 of 3 and equal in 1.")
    assert paired(one, {}, other, theirs, "swing") == ""


# --- what ships ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", shipped_spreads())
def test_every_page_ships_its_spreads_complete(name):
    """A visitor sees an empty band before any click."""
    spread, page = shipped_spreads()[name], name.partition("/")[0]
    known = shipped_results().read(spread)
    assert spread.remaining(known) == 0
    headline = CHALLENGES[page].headline
    for config in (*spread.seeds.values(), *spread.values.values()):
        run = known[config.digest()]
        assert headline in MEASURES and headline in run.measures
        assert run.courses


def test_what_ships_is_packed():
    """The installed package would show empty bands and maps."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["gan_core.assets"]
    packed = {path for pattern in patterns for path in ASSETS.glob(pattern) if path.is_file()}
    kept = {path for path in ASSETS.rglob("*") if path.is_file() and path.suffix not in (
        ".py", ".pyc")}
    assert kept == packed
