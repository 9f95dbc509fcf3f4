"""Claims and their judges: every verdict can be reached, and says what was measured."""

from __future__ import annotations

import itertools
import math
import random
import re

import pytest

from gan_core.config import recipes
from gan_core.config.presets import CHALLENGES
from gan_core.diagnosis.diagnose import SYMPTOMS
from gan_core.evidence import claim_verdicts
from gan_core.evidence.claim_verdicts import (
    NOT,
    PARTLY,
    REPRODUCED,
    SOURCES,
    Claim,
    Part,
    at_least,
    at_most,
    differ,
    differ_by_seed,
    found,
    judge,
    less,
    more,
    not_found,
)
from gan_core.evidence.claims import CLAIMS, needed
from gan_core.evidence.measured_runs import NAMES


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
    "found": (found("a", "instability"), {"a": [1, 1, 1]}, {"a": [0, 0, 0]}),
    "not found": (not_found("a", "instability"), {"a": [0, 0, 0]}, {"a": [1, 1, 1]}),
}


def measured(part: Part, values: dict[str, list[float]]) -> claim_verdicts.Values:
    return {run: {part.shows[0][1]: values[run]} for run in values}


@pytest.mark.parametrize("name", PARTS)
def test_a_part_holds_where_the_numbers_say_so(name):
    """A claim is called reproduced, or refuted, against its own numbers."""
    part, good, bad = PARTS[name]
    assert all(part.held(measured(part, good)))
    assert not any(part.held(measured(part, bad)))


@pytest.mark.parametrize("name", PARTS)
def test_a_number_that_is_not_there_proves_nothing(name):
    """A run that diverged, and has no samples, counts as evidence."""
    part, good, _ = PARTS[name]
    nothing = {run: [math.nan] * 3 for run in good}
    assert not any(part.held(measured(part, nothing)))
    assert judge(claim(part), measured(part, nothing)).word == NOT


@pytest.mark.parametrize(
    ("digits", "word"),
    [([10, 10, 10], REPRODUCED), ([10, 10, 1], PARTLY), ([10, 1, 1], NOT), ([1, 1, 1], NOT)])
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


def test_a_comparison_tells_both_numbers():
    """A remedy is praised without saying what it is compared with."""
    part = less("with", "without", "frechet", 0.8)
    told = judge(claim(part), measured(part, {"with": [80.0, 90.0, 95.0], "without": [200.0] * 3}))
    assert told.sentence == (
        "*with* beside *without*: Fréchet distance below 0.8 ×, in 3 of 3 (80 – 95 against 200).")


# --- the tables -----------------------------------------------------------------------------------


def reached(tested: Claim, hold: bool) -> claim_verdicts.Values:
    """Values for which every part of a claim holds, or none does: one number after the other is
    moved to where most parts are as wanted."""
    seeds = {run: len(configs) for run, configs in tested.configs().items()}
    shows = list(dict.fromkeys(show for part in tested.parts for show in part.shows))
    patterns = list(itertools.product(
        (0.0, 1e-5, 0.02, 0.3, 0.58, 0.8, 1.0, 5.0, 50.0, 500.0, 1e4), (1.0, 2.0)))
    chance = random.Random(0)

    def made(chosen):
        values = {run: {name: [0.0] * count for name in NAMES} for run, count in seeds.items()}
        for (run, name), (size, growth) in chosen.items():
            values[run][name] = [size * growth**seed for seed in range(seeds[run])]
        return values

    def score(chosen):
        held = [each for part in tested.parts for each in part.held(made(chosen))]
        return sum(each == hold for each in held) / len(held)

    for _ in range(20):
        chosen = {show: chance.choice(patterns) for show in shows}
        for show in shows * 3:
            chosen[show] = max(patterns, key=lambda each, show=show: score({**chosen, show: each}))
        if score(chosen) == 1:
            return made(chosen)
    raise AssertionError("no values were found")


@pytest.mark.parametrize("name", CLAIMS)
def test_every_claim_can_be_reproduced_and_refuted(name):
    """A verdict was certain before anything was measured."""
    assert judge(CLAIMS[name], reached(CLAIMS[name], True)).word == REPRODUCED
    assert judge(CLAIMS[name], reached(CLAIMS[name], False)).word == NOT


@pytest.mark.parametrize("name", CLAIMS)
def test_every_claim_is_complete(name):
    """A card on the page lacks its source, names a run that is not trained, or a wrong page."""
    tested = CLAIMS[name]
    assert tested.source in SOURCES and tested.page in CHALLENGES
    assert tested.says.endswith(".") and tested.where and tested.parts
    assert set(tested.once) <= set(tested.runs)
    shown = {show for part in tested.parts for show in part.shows}
    assert {run for run, _ in shown} <= set(tested.runs)
    assert {measure for _, measure in shown} <= set(NAMES)
    assert re.fullmatch(r"[a-z0-9-]+", name), "it is typed on the command line"


@pytest.mark.parametrize("name", CLAIMS)
def test_what_a_claim_says_fits_into_a_table(name):
    """A stray bar in a sentence breaks the table of the document."""
    tested = CLAIMS[name]
    told = judge(tested, reached(tested, True)).sentence
    assert "|" not in f"{tested.says}{tested.note}{told}" and "\n" not in told


def test_recipes_that_show_a_claim_exist():
    """A card names a command that is refused. Presets of pages to come are left out."""
    known, coming = recipes.named(), {name for name, card in CHALLENGES.items() if not card.page}
    for name, tested in CLAIMS.items():
        later = tested.shown_by.rpartition("-")[0] in coming
        assert not tested.shown_by or later or tested.shown_by in known, name


def test_both_documents_and_every_challenge_have_their_claims():
    """A challenge page has an empty section, or a document is forgotten."""
    assert {each.source for each in CLAIMS.values()} == set(SOURCES)
    assert {each.page for each in CLAIMS.values()} == set(CHALLENGES)


def test_the_runs_of_all_claims_are_short():
    """Measuring the claims takes days."""
    configs = needed(CLAIMS.values())
    assert len(configs) == len(set(configs))
    long = [each for each in configs if each.steps > 3000]
    assert {each.seed for each in long} == {0}, "the report's 50 epochs: they ship as a recording"


@pytest.mark.parametrize("name", CLAIMS)
def test_a_verdict_needs_more_than_one_seed(name):
    """One lucky run is taken for a law."""
    assert len(CLAIMS[name].over) >= 2 and CLAIMS[name].varies in ("seed", "fold")


def test_a_symptom_is_counted_once():
    """"5 of 5 (5 of 5)" stands on a card."""
    symptom = next(iter(SYMPTOMS))
    part = found("a", symptom)
    assert judge(claim(part), measured(part, {"a": [1, 1, 0]})).sentence.endswith("in 2 of 3.")
