"""The claims of both documents: complete, and each could have come out otherwise."""

from __future__ import annotations

import itertools
import random
import re

from gan_core.config import recipes
from gan_core.config.presets import CHALLENGES
from gan_core.evidence.claim_verdicts import (
    NOT_REPRODUCED,
    REPRODUCED,
    SOURCES,
    Claim,
    Values,
    judge,
)
from gan_core.evidence.claims import CLAIMS, runs_needed
from gan_core.evidence.measured_runs import NAMES


def reached(tested: Claim, hold: bool) -> Values:
    """Values for which every part of a claim holds, or none does: one number after the other is
    moved to where most parts hold, or do not."""
    seeds = {run: len(configs) for run, configs in tested.configs().items()}
    numbers = list(dict.fromkeys(number for part in tested.parts for number in part.rests_on))
    patterns = list(itertools.product(
        (0.0, 1e-5, 0.02, 0.3, 0.58, 0.8, 1.0, 5.0, 50.0, 500.0, 1e4), (1.0, 2.0)))
    chance = random.Random(0)

    def made(chosen):
        values = {run: {name: [0.0] * count for name in NAMES} for run, count in seeds.items()}
        for (run, name), (size, growth) in chosen.items():
            values[run][name] = [size * growth**seed for seed in range(seeds[run])]
        return values

    def score(chosen):
        holds = [seed for part in tested.parts for seed in part.holds(made(chosen))]
        return sum(seed == hold for seed in holds) / len(holds)

    for _ in range(20):
        chosen = {number: chance.choice(patterns) for number in numbers}
        for number in numbers * 3:
            chosen[number] = max(patterns, key=lambda pattern, number=number: score(
                {**chosen, number: pattern}))
        if score(chosen) == 1:
            return made(chosen)
    raise AssertionError("no values were found")


def test_every_claim_can_be_reproduced_and_refuted():
    """A verdict was certain before anything was measured."""
    words = {name: tuple(judge(claim, reached(claim, hold)).word for hold in (True, False))
             for name, claim in CLAIMS.items()}
    certain = {name: pair for name, pair in words.items() if pair != (REPRODUCED, NOT_REPRODUCED)}
    assert not certain, certain


def test_every_claim_is_complete():
    """A card on the page lacks its source, names a run that is not trained, or a wrong page; or
    its name cannot be typed on the command line."""
    for name, claim in CLAIMS.items():
        numbers = {number for part in claim.parts for number in part.rests_on}
        assert claim.source in SOURCES and claim.page in CHALLENGES, name
        assert claim.says.endswith(".") and claim.where and claim.parts, name
        assert set(claim.once) <= set(claim.runs), name
        assert {run for run, _ in numbers} <= set(claim.runs), name
        assert {summary for _, summary in numbers} <= set(NAMES), name
        assert re.fullmatch(r"[a-z0-9-]+", name), name


def test_what_a_claim_says_fits_into_a_table():
    """A stray bar in a sentence breaks the table of the document."""
    texts = {name: f"{claim.says}{claim.note}{judge(claim, reached(claim, True)).sentence}"
             for name, claim in CLAIMS.items()}
    broken = [name for name, text in texts.items() if "|" in text or "\n" in text]
    assert not broken, broken


def test_recipes_that_show_a_claim_exist():
    """A card names a command that is refused. Presets of pages to come are left out."""
    known, coming = recipes.named(), {name for name, card in CHALLENGES.items() if not card.page}
    for name, claim in CLAIMS.items():
        later = claim.shown_by.rpartition("-")[0] in coming
        assert not claim.shown_by or later or claim.shown_by in known, name


def test_both_documents_and_every_challenge_have_their_claims():
    """A challenge page has an empty section, or a document is forgotten."""
    assert {claim.source for claim in CLAIMS.values()} == set(SOURCES)
    assert {claim.page for claim in CLAIMS.values()} == set(CHALLENGES)


def test_the_runs_of_all_claims_are_short():
    """Measuring the claims takes days."""
    configs = runs_needed(CLAIMS.values())
    assert len(configs) == len(set(configs))
    long = [config for config in configs if config.steps > 3000]
    assert {config.seed for config in long} == {0}, "the report's 50 epochs ship as a recording"


def test_a_verdict_needs_more_than_one_seed():
    """One lucky run is taken for a law."""
    lone = [name for name, claim in CLAIMS.items()
            if len(claim.over) < 2 or claim.varies not in ("seed", "fold")]
    assert not lone, lone
