"""RunConfig in a URL: a link is what is trained, and a bad one is read as far as it goes."""

from __future__ import annotations

import random

import pytest

from gan_core.config.fields import KNOBS
from gan_core.config.run_config import DEFAULT, RunConfig
from gan_core.config.validation import parse_value
from tests.config.random_configs import (
    CONTEXTS,
    accepted,
    another,
    random_config,
    random_value,
)


def test_a_plain_config_has_an_empty_query_and_a_complete_full_one():
    """Otherwise links would be long, or break when a default changes."""
    assert DEFAULT.to_query() == {}
    assert set(DEFAULT.to_query(full=True)) == set(KNOBS)


def test_any_config_survives_a_url():
    """Otherwise a shared link would be another experiment than the one shown."""
    changed = []
    for seed in range(100):
        config = random_config(seed)
        for full in (False, True):
            query = config.to_query(full=full)
            texts = all(isinstance(value, str) for value in query.values())
            if not texts or RunConfig.from_query(query) != (config, []):
                changed.append((seed, query))
    assert not changed


def test_any_config_survives_a_url_that_names_only_what_a_page_changed():
    """Otherwise a page's link would open another experiment, or be refused by halves."""
    changed = []
    for seed in range(50):
        config, base = random_config(seed), random_config(seed + 1000)
        if RunConfig.from_query(config.to_query(base=base), base) != (config, []):
            changed.append((seed, config.to_query(base=base)))
    assert not changed


def test_every_knob_survives_a_url():
    """Otherwise one control would be lost from links."""
    lost = []
    for name in KNOBS:
        config, base = another(name), CONTEXTS.get(name, DEFAULT)
        query = config.to_query(base=base)
        if not (list(query) == [name] and parse_value(name, query[name]) == getattr(config, name)
                and RunConfig.from_query(query, base) == (config, [])
                and RunConfig.from_query(config.to_query()) == (config, [])):
            lost.append((name, query))
    assert not lost


def test_any_url_is_read_as_far_as_it_goes():
    """Otherwise somebody's link would take the page down, or change what it does not name."""
    wrong = []
    for seed in range(200):
        draw, base = random.Random(seed), random_config(seed + 5000)
        asked = {name: random_value(name, draw) for name in KNOBS if draw.random() < 0.4}
        query = {name: str(value) for name, value in asked.items()}
        config, problems = RunConfig.from_query({**query, "nonsense": "1"}, base)
        if not _as_far_as_it_goes(asked, base, config, problems):
            wrong.append((seed, query, problems))
    assert not wrong


def _as_far_as_it_goes(
    asked: dict, base: RunConfig, config: RunConfig, problems: list[str]
) -> bool:
    lost = [name for name, value in asked.items() if getattr(config, name) != value]
    if accepted(base, asked):
        return config == base.replace(**asked) and len(problems) == 1
    # One problem is for the nonsense; what base has is not lost.
    return len(lost) <= len(problems) - 1 and all(
        getattr(config, name) in (asked.get(name), getattr(base, name)) for name in KNOBS)


def test_a_refused_sum_costs_the_smallest_part():
    """128 images in packs of 3: without the packs the 128 are fine, the packs never are."""
    config, problems = RunConfig.from_query({"dropout": "0.4", "batch_size": "128", "packing": "3"})
    assert config == RunConfig(dropout=0.4, batch_size=128)
    assert len(problems) == 1 and "a multiple of 3" in problems[0]


GARBAGE = ["", "garbage", "nan", "inf", "-inf", "1e999", "9" * 5000, "1_0", "٣", "None", "[]",
           "0x10", "\x00", "--1"]


@pytest.mark.parametrize("text", GARBAGE)
def test_a_garbage_url_gives_the_defaults_and_one_problem_each(text):
    """Otherwise a link that was cut or mistyped would take the page down."""
    config, problems = RunConfig.from_query({name: text for name in KNOBS})
    assert config == DEFAULT
    asked = [name for name, knob in KNOBS.items() if text.strip() or not knob.form]
    assert len(problems) == len(asked)  # no text is no change of settings
    for name, problem in zip(asked, problems, strict=True):
        assert problem.startswith(f"{name} must be ") and len(problem) < 200


def test_one_bad_value_does_not_cost_the_good_ones():
    """Otherwise one typo would reset a whole shared experiment."""
    config, problems = RunConfig.from_query({"dropout": "much", "seed": "7", "nonsense": "1"})
    assert config == RunConfig(seed=7)
    assert len(problems) == 2
    assert "dropout" in problems[0] and "'nonsense' is not a setting" in problems[1]


def test_a_url_wins_over_the_page_it_opens():
    """Otherwise a page's preset would win over the link, or a valid pair be refused by halves."""
    base = RunConfig(architecture="mlp_reference", seed=3)
    query = {"dataset": "ring", "architecture": "mlp"}
    expected = RunConfig(dataset="ring", seed=3)
    assert RunConfig.from_query(query, base) == (expected, [])

    base = RunConfig(dataset="ring", training_examples=90_000)
    query = {"dataset": "mnist", "training_examples": "1000"}
    assert RunConfig.from_query(query, base) == (RunConfig(training_examples=1000), [])


def test_values_that_do_not_go_together_leave_one_problem():
    """Otherwise a contradictory link would raise in the page."""
    config, problems = RunConfig.from_query({"dataset": "ring", "architecture": "mlp_reference",
                                             "seed": "4"})
    assert config == RunConfig(dataset="ring", seed=4)
    assert len(problems) == 1 and "mlp_reference does not fit" in problems[0]

    base = RunConfig(architecture="mlp_reference")
    config, problems = RunConfig.from_query({"dataset": "ring", "seed": "4"}, base)
    assert config == base.replace(seed=4)
    assert len(problems) == 1
