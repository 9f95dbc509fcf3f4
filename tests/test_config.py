"""RunConfig: what a person sets is what is trained, or they are told in one sentence why not."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import random
import subprocess
import sys

import numpy as np
import pytest

from gan_core.config import (
    ARCHITECTURES,
    DATASETS,
    DEFAULT,
    KNOBS,
    SECTIONS,
    TRAJECTORY_VERSION,
    ConfigError,
    RunConfig,
    parse_value,
)

TYPES = {entry.name: type(entry.default) for entry in dataclasses.fields(RunConfig)}
NUMERIC = [name for name, kind in TYPES.items() if kind is not str]
CHOICES = [name for name, kind in TYPES.items() if kind is str]
INTEGERS = [name for name, kind in TYPES.items() if kind is int]


def below(name: str) -> float:
    low = KNOBS[name].low
    return low - 1 if TYPES[name] is int else low - 1e-9


def above(name: str) -> float:
    high = KNOBS[name].high
    return high + 1 if TYPES[name] is int else high + 1e-9


def another(name: str, config: RunConfig = DEFAULT):
    """A valid value of the field other than the one `config` has."""
    knob = KNOBS[name]
    options = list(knob.choices or (knob.low, knob.high, (knob.low + knob.high) // 2))
    return next(
        TYPES[name](value)
        for value in options
        if value != getattr(config, name) and _valid(name, value)
    )


def _valid(name: str, value) -> bool:
    try:
        DEFAULT.replace(**{name: TYPES[name](value)})
    except ConfigError:
        return False
    return True


def random_config(seed: int) -> RunConfig:
    """Any valid config: every field drawn over its whole range."""
    draw = random.Random(seed)
    values = {}
    for name, knob in KNOBS.items():
        if knob.choices:
            values[name] = draw.choice(list(knob.choices))
        elif TYPES[name] is int:
            values[name] = draw.randint(int(knob.low), int(knob.high))
        elif knob.scale == "log":
            values[name] = math.exp(draw.uniform(math.log(knob.low), math.log(knob.high)))
            values[name] = min(max(values[name], knob.low), knob.high)
        else:
            values[name] = draw.uniform(knob.low, knob.high)
    card = DATASETS[values["dataset"]]
    values["training_examples"] = draw.randint(0, card.examples)
    fitting = [name for name, (_, kinds) in ARCHITECTURES.items() if card.kind in kinds]
    values["architecture"] = draw.choice(fitting)
    return RunConfig(**values)


# --- what is refused -----------------------------------------------------------------------------

BAD_NUMBERS = {
    "below": below,
    "above": above,
    "nan": lambda _: math.nan,
    "inf": lambda _: math.inf,
    "minus inf": lambda _: -math.inf,
    "bool": lambda _: True,
    "numpy bool": lambda _: np.bool_(True),
    "text": lambda name: str(getattr(DEFAULT, name)),
    "none": lambda _: None,
    "list": lambda _: [1],
    "dict": lambda _: {},
    "complex": lambda _: 1j,
    "huge": lambda _: 10**5000,  # more digits than Python is willing to print
    "huge negative": lambda _: -(10**5000),
}
BAD_CHOICES = {
    "unknown": "nonsense",
    "empty": "",
    "capitals": "MNIST",
    "number": 5,
    "none": None,
    "bool": True,
    "list": ["mnist"],
    "dict": {},
    "bytes": b"mnist",
    "nan": math.nan,
}


@pytest.mark.parametrize("kind", BAD_NUMBERS)
@pytest.mark.parametrize("name", NUMERIC)
def test_a_bad_number_is_refused_in_words(name, kind):
    """Otherwise a bad slider value or file trains something nobody asked for, or crashes."""
    with pytest.raises(ConfigError) as refusal:
        RunConfig(**{name: BAD_NUMBERS[kind](name)})
    message = str(refusal.value)
    assert refusal.value.field_name == name
    assert message.startswith(f"{name} must be a ") and message.endswith(".")
    low, high = KNOBS[name].low, KNOBS[name].high
    assert f"{low:g}" in message
    assert f"{high:g}" in message or f"{high:.0f}" in message
    assert len(message) < 160


@pytest.mark.parametrize("kind", BAD_CHOICES)
@pytest.mark.parametrize("name", CHOICES)
def test_a_bad_choice_is_refused_with_the_permitted_ones(name, kind):
    """Otherwise a typo in a link ends in a traceback instead of the list of what exists."""
    with pytest.raises(ConfigError) as refusal:
        RunConfig(**{name: BAD_CHOICES[kind]})
    assert refusal.value.field_name == name
    assert name in str(refusal.value)
    assert all(choice in str(refusal.value) for choice in KNOBS[name].choices)


@pytest.mark.parametrize("name", INTEGERS)
def test_a_fraction_is_not_rounded_to_a_whole_number(name):
    """Otherwise 1.5 D steps would silently train with one."""
    with pytest.raises(ConfigError, match="whole number"):
        RunConfig(**{name: KNOBS[name].low + 1.5})


@pytest.mark.parametrize("name", NUMERIC)
def test_both_ends_of_a_range_are_allowed(name):
    """Otherwise a slider pushed to its end would fail."""
    for bound in (KNOBS[name].low, KNOBS[name].high):
        dataset = "ring" if name == "training_examples" else "mnist"
        assert getattr(RunConfig(**{name: TYPES[name](bound), "dataset": dataset}), name) == bound


@pytest.mark.parametrize("value", [np.float32(0.5), np.float64(0.5), 0.5])
def test_numbers_of_numpy_become_plain_ones(value):
    """Otherwise a config from a slider's numpy value could not be written as JSON."""
    config = RunConfig(dropout=value)
    assert type(config.dropout) is float
    assert RunConfig.from_json(config.to_json()) == config
    assert type(RunConfig(batch_size=np.int64(32)).batch_size) is int
    assert type(RunConfig(dropout=0).dropout) is float


def test_minus_zero_names_the_same_run_as_zero():
    """Otherwise −0.0 from a slider would train a run that already exists."""
    assert RunConfig(dropout=-0.0).digest() == DEFAULT.digest()
    assert RunConfig(dropout=-0.0).to_query() == {}


def test_networks_that_do_not_fit_the_data_are_refused_by_name():
    """Otherwise choosing 2-D data under image networks fails inside the trainer."""
    with pytest.raises(ConfigError, match="mlp_reference does not fit the data set ring") as error:
        RunConfig(dataset="ring", architecture="mlp_reference")
    assert error.value.field_name == "architecture"
    assert "allowed here: mlp." in str(error.value)


@pytest.mark.parametrize("dataset", DATASETS)
def test_more_examples_than_there_are_is_refused_with_their_number(dataset):
    """Otherwise a run would claim a training set that does not exist."""
    most = DATASETS[dataset].examples
    assert RunConfig(dataset=dataset, training_examples=most).training_examples == most
    with pytest.raises(ConfigError, match=str(most)):
        RunConfig(dataset=dataset, training_examples=most + 1)


def test_a_config_cannot_be_changed_behind_a_run():
    """Otherwise a page could alter the settings of a run that is already named by them."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        DEFAULT.steps = 5


def test_unknown_settings_are_named():
    """Otherwise a misspelt --set would be ignored in silence."""
    for make in (
        lambda: DEFAULT.replace(learning_rat=1.0),
        lambda: RunConfig.from_dict({"learning_rat": 1.0}),
        lambda: parse_value("learning_rat", "1"),
    ):
        with pytest.raises(ConfigError, match="'learning_rat' is not a setting; known: dataset"):
            make()


# --- what a run is called ------------------------------------------------------------------------


def test_digest_does_not_depend_on_steps():
    """Otherwise Continue would begin a new run instead of going on with the old one."""
    assert DEFAULT.replace(steps=1).digest() == DEFAULT.replace(steps=200_000).digest()


@pytest.mark.parametrize("name", [name for name in KNOBS if name != "steps"])
def test_digest_depends_on_every_other_field(name):
    """Otherwise two different settings would share one run's pictures."""
    assert DEFAULT.replace(**{name: another(name)}).digest() != DEFAULT.digest()


def test_digests_of_many_configs_differ():
    """Otherwise unlucky settings would meet in one directory."""
    configs = {random_config(seed).replace(steps=1) for seed in range(300)}
    assert len({config.digest() for config in configs}) == len(configs)


def test_digest_hashes_only_what_differs_from_the_defaults():
    """Otherwise a field added later would orphan every stored run."""
    text = json.dumps({"version": TRAJECTORY_VERSION, "batch_size": 32}, sort_keys=True)
    assert RunConfig(batch_size=32, steps=7).digest() == hashlib.sha256(
        text.encode()).hexdigest()[:16]


def test_digest_is_the_same_in_every_process():
    """Otherwise a restarted server would not find its runs."""
    code = "from gan_core.config import RunConfig; print(RunConfig(dropout=.3, seed=5).digest())"
    command = [sys.executable, "-c", code]
    output = subprocess.run(command, capture_output=True, text=True, check=True)
    assert output.stdout.strip() == RunConfig(dropout=0.3, seed=5).digest()


# --- text and back -------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(100))
def test_any_config_survives_json_and_url(seed):
    """Otherwise a shared link or a stored run would be another experiment than the one shown."""
    config = random_config(seed)
    assert RunConfig.from_json(config.to_json()) == config
    assert RunConfig.from_dict(config.to_dict()) == config
    for full in (False, True):
        query = config.to_query(full=full)
        assert all(isinstance(value, str) for value in query.values())
        assert RunConfig.from_query(query) == (config, [])
    assert RunConfig.from_json(config.to_json()).digest() == config.digest()


@pytest.mark.parametrize("seed", range(50))
def test_any_config_survives_a_url_that_names_only_what_a_page_changed(seed):
    """Otherwise a page's link would open another experiment, or be refused by halves."""
    config, base = random_config(seed), random_config(seed + 1000)
    assert RunConfig.from_query(config.to_query(base=base), base) == (config, [])


@pytest.mark.parametrize("name", KNOBS)
def test_every_knob_survives_json_and_url(name):
    """Otherwise one control would be lost from links."""
    config = DEFAULT.replace(**{name: another(name)})
    assert list(config.to_query()) == [name]
    assert RunConfig.from_query(config.to_query()) == (config, [])
    assert RunConfig.from_json(config.to_json()) == config
    assert parse_value(name, config.to_query()[name]) == getattr(config, name)


def test_a_plain_config_has_an_empty_query_and_a_complete_full_one():
    """Otherwise links would be long, or break when a default changes."""
    assert DEFAULT.to_query() == {}
    assert set(DEFAULT.to_query(full=True)) == set(KNOBS)


GARBAGE = ["", "garbage", "nan", "inf", "-inf", "1e999", "9" * 5000, "1_0", "٣", "None", "[]",
           "0x10", "\x00", "--1"]


@pytest.mark.parametrize("text", GARBAGE)
def test_a_garbage_url_gives_the_defaults_and_one_problem_each(text):
    """Otherwise a link that was cut or mistyped would take the page down."""
    config, problems = RunConfig.from_query({name: text for name in KNOBS})
    assert config == DEFAULT
    assert len(problems) == len(KNOBS)
    for name, problem in zip(KNOBS, problems, strict=True):
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


@pytest.mark.parametrize("text", ["", "{", "[]", "5", "null", '"x"', "\x00", "[" * 5000])
def test_bad_json_is_refused_as_a_config_error(text):
    """Otherwise a damaged config.json would stop the server instead of one run."""
    with pytest.raises(ConfigError):
        RunConfig.from_json(text)


# --- what people read ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", KNOBS)
def test_every_knob_can_be_shown(name):
    """Otherwise a control would appear without a name, without help, or in no section."""
    knob = KNOBS[name]
    assert knob.label and knob.help.endswith((".", "?"))
    assert knob.section in SECTIONS
    if knob.choices is None:
        assert knob.low <= getattr(DEFAULT, name) <= knob.high
        assert knob.step > 0 if knob.scale == "linear" else knob.low > 0
    else:
        assert getattr(DEFAULT, name) in knob.choices and all(knob.choices.values())


@pytest.mark.parametrize(
    ("ratio", "generator", "discriminator"),
    [(1.0, 2e-4, 2e-4), (10.0, 2e-4, 2e-3), (0.1, 2e-3, 2e-4), (100.0, 2e-4, 2e-2)],
)
def test_the_ratio_speeds_one_network_up_and_leaves_the_other(ratio, generator, discriminator):
    """Otherwise the main slider would do something else than its help says."""
    config = RunConfig(learning_rate_ratio=ratio)
    assert config.generator_learning_rate == pytest.approx(generator)
    assert config.discriminator_learning_rate == pytest.approx(discriminator)


def test_changes_are_told_against_a_base():
    """Otherwise the comparison of two runs would state the wrong difference."""
    one, other = RunConfig(seed=1, dropout=0.4), RunConfig(seed=1, loss="minimax")
    assert one.changes(other) == {"dropout": 0.4, "loss": "non_saturating"}
    assert DEFAULT.changes() == {}


def test_a_data_set_has_a_card():
    """Otherwise a page could not say what it is training on."""
    for name, card in DATASETS.items():
        config = RunConfig(dataset=name)
        assert config.card is card
        assert card.kind in ("image", "points") and card.modes > 1 and card.mode_noun
