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

from gan_core.assets import RECORDED_RUNS
from gan_core.config import presets
from gan_core.config.choices import ARCHITECTURES, DATASETS, LOSSES, STDDEV_GROUP
from gan_core.config.constraints import CONSTRAINTS
from gan_core.config.fields import KNOB_DEFAULTS, KNOBS
from gan_core.config.knobs import SECTIONS
from gan_core.config.run_config import DEFAULT, TRAJECTORY_VERSION, RunConfig
from gan_core.config.validation import ConfigError, parse_value

TYPES = {entry.name: type(entry.default) for entry in dataclasses.fields(RunConfig)}
NUMERIC = [name for name, kind in TYPES.items() if kind in (int, float)]
CHOICES = [name for name in TYPES if KNOBS[name].choices]
INTEGERS = [name for name, kind in TYPES.items() if kind is int]
SWITCHES = [name for name, kind in TYPES.items() if kind is bool]
# What else has to be set before a field may take every value of its range.
CONTEXTS = {"fold": RunConfig(folds=10), "training_examples": RunConfig(dataset="ring")}


def below(name: str) -> float:
    low = KNOBS[name].low
    return low - 1 if TYPES[name] is int else low - 1e-9


def above(name: str) -> float:
    high = KNOBS[name].high
    return high + 1 if TYPES[name] is int else high + 1e-9


def another(name: str) -> RunConfig:
    """A config that differs from the field's context in this field alone."""
    knob, base = KNOBS[name], CONTEXTS.get(name, DEFAULT)
    if knob.form:
        options = ["@500 dropout=0.5"]
    elif TYPES[name] is bool:
        options = [not getattr(base, name)]
    else:
        options = list(knob.choices or (knob.low, knob.high, (knob.low + knob.high) // 2))
    for value in options:
        if value != getattr(base, name) and accepted(base, {name: TYPES[name](value)}):
            return base.replace(**{name: TYPES[name](value)})
    raise AssertionError(f"{name} has one value only")


def accepted(base: RunConfig, values: dict) -> bool:
    try:
        base.replace(**values)
    except ConfigError:
        return False
    return True


def drawn(name: str, draw: random.Random):
    """A value of the field from its whole range, spread as its control spreads it."""
    knob = KNOBS[name]
    if knob.form:
        return draw.choice(["", "@7 learning_rate=0.000123", "@500 dropout=0.5 @900 dropout=0.7"])
    if TYPES[name] is bool:
        return draw.random() < 0.5
    if knob.choices:
        return draw.choice(list(knob.choices))
    if TYPES[name] is int and knob.scale == "linear":
        return draw.randint(int(knob.low), int(knob.high))
    if knob.scale == "linear":
        return draw.uniform(knob.low, knob.high)
    value = math.exp(draw.uniform(math.log(knob.low), math.log(knob.high)))
    value = round(value) if TYPES[name] is int else value
    return TYPES[name](min(max(value, knob.low), knob.high))


def random_config(seed: int) -> RunConfig:
    """Any valid config: every field drawn over its whole range, then what the rules want."""
    draw = random.Random(seed)
    # A few defaults among them: the rules would leave little of a config that sets everything.
    values = {name: drawn(name, draw) if draw.random() < 0.7 else KNOB_DEFAULTS[name]
              for name in KNOBS}
    data = DATASETS[values["dataset"]]
    fitting = [name for name, card in ARCHITECTURES.items() if data.kind in card.kinds]
    values["architecture"] = draw.choice(fitting)
    networks = ARCHITECTURES[values["architecture"]]
    values["training_examples"] = draw.randint(0, data.examples)
    values["folds"] = draw.choice([0, *range(2, 11)])
    values["fold"] = draw.randrange(max(values["folds"], 1))
    off = {"width", "depth", "minibatch_stddev"} - networks.resizable
    if networks.batch_norm_in_d:
        off |= {"gradient_penalty", "r1", "r2"}
    if not LOSSES[values["loss"]].targets:
        off.add("label_smoothing")
    if values["spectral_norm"]:
        off.add("weight_clip")
    if data.kind == "points":
        off.add("augment")
    if values["update_order"] == "simultaneous":
        off |= {"discriminator_steps", "generator_steps"}
    values.update({name: KNOB_DEFAULTS[name] for name in off})
    group = values["packing"] * (STDDEV_GROUP if values["minibatch_stddev"] else 1)
    low, high = int(KNOBS["batch_size"].low), int(KNOBS["batch_size"].high)
    values["batch_size"] = group * draw.randint(-(-low // group), high // group)
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
BAD_SWITCHES = {
    "one": 1,
    "zero": 0,
    "zero point zero": 0.0,
    "text": "true",
    "empty": "",
    "none": None,
    "list": [],
    "numpy bool": np.bool_(True),
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


@pytest.mark.parametrize("kind", BAD_SWITCHES)
@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_is_on_or_off(name, kind):
    """Otherwise "false" from a file would be truthy and switch a remedy on."""
    with pytest.raises(ConfigError) as refusal:
        RunConfig(**{name: BAD_SWITCHES[kind]})
    assert refusal.value.field_name == name
    assert str(refusal.value) == f"{name} must be true or false, not {BAD_SWITCHES[kind]!r}."


@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_is_written_as_a_word(name):
    """Otherwise a link with `spectral_norm=True` would be refused, or `=0` be guessed at."""
    words = {"true": True, "True": True, " TRUE ": True, "false": False, "False": False}
    for text, value in words.items():
        assert parse_value(name, text) is value
    for text in ("", "yes", "on", "1", "0", "None", "t", "tru\u0435"):  # the last е is Cyrillic
        with pytest.raises(ConfigError, match=f"{name} must be true or false"):
            parse_value(name, text)
    assert RunConfig(**{name: True}).to_query() == {name: "true"}


@pytest.mark.parametrize("name", INTEGERS)
def test_a_fraction_is_not_rounded_to_a_whole_number(name):
    """Otherwise 1.5 D steps would silently train with one."""
    with pytest.raises(ConfigError, match="whole number"):
        RunConfig(**{name: KNOBS[name].low + 1.5})


@pytest.mark.parametrize("name", NUMERIC)
def test_both_ends_of_a_range_are_allowed(name):
    """Otherwise a slider pushed to its end would fail."""
    for bound in (KNOBS[name].low, KNOBS[name].high):
        config = CONTEXTS.get(name, DEFAULT).replace(**{name: TYPES[name](bound)})
        assert getattr(config, name) == bound


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


# rule: (settings, the field it blames, words of its sentence, a value that it accepts)
CONTRADICTIONS = {
    "_networks_fit_data": [
        ({"dataset": "ring", "architecture": "mlp_reference"}, "architecture",
         "mlp_reference does not fit the data set ring; allowed here: mlp, pacgan_2d.",
         "pacgan_2d"),
        ({"architecture": "pacgan_2d"}, "architecture",
         "allowed here: mlp, mlp_reference, dcgan, dcgan_reference.", "dcgan"),
    ],
    "_enough_examples": [
        ({"training_examples": 60_001}, "training_examples", "from 0 to 60000 for", 60_000),
        ({"dataset": "fashion_mnist", "training_examples": 99_000}, "training_examples",
         "from 0 to 60000 for the data set fashion_mnist, not 99000.", 0),
    ],
    "_fold_exists": [
        ({"folds": 1}, "folds", "0 or a whole number from 2 to 10, not 1.", 2),
        ({"fold": 1}, "fold", "fold must be 0 while folds is 0, not 1.", 0),
        ({"folds": 5, "fold": 5}, "fold", "a whole number from 0 to 4 with folds 5, not 5.", 4),
    ],
    "_networks_are_resizable": [
        ({"architecture": "mlp_reference", "width": 2.0}, "width",
         "width must be 1.0 for architecture mlp_reference; others are for mlp, dcgan.", 1.0),
        ({"architecture": "dcgan", "depth": 3}, "depth", "must be 2 for architecture dcgan", 2),
        ({"architecture": "dcgan_reference", "minibatch_stddev": True}, "minibatch_stddev",
         "must be false for architecture dcgan_reference; others are for mlp, mlp_reference, "
         "dcgan.", False),
        ({"dataset": "grid", "architecture": "pacgan_2d", "width": 0.5}, "width", "must be 1.0",
         1.0),
    ],
    "_targets_to_smooth": [
        ({"loss": loss, "label_smoothing": 0.1}, "label_smoothing",
         f"must be 0 for the loss {loss}, which has no targets; it is for minimax, non_saturating, "
         "least_squares.", 0.0)
        for loss in ("hinge", "wasserstein", "relativistic")
    ],
    "_batch_divides": [
        ({"packing": 3}, "batch_size", "a multiple of 3 for packing 3, not 64.", 63),
        ({"minibatch_stddev": True, "batch_size": 30}, "batch_size", "a multiple of 4", 32),
        ({"packing": 3, "minibatch_stddev": True, "batch_size": 30}, "batch_size",
         "a multiple of 12 for packing 3 and minibatch_stddev, which compares 4, not 30.", 24),
    ],
    "_gradient_per_example": [
        ({"architecture": "dcgan_reference", name: 0.1}, name,
         f"{name} must be 0 for architecture dcgan_reference", 0.0)
        for name in ("gradient_penalty", "r1", "r2")
    ],
    "_one_limit_on_weights": [
        ({"spectral_norm": True, "weight_clip": 0.01}, "weight_clip",
         "weight_clip must be 0 with spectral_norm", 0.0),
    ],
    "_images_to_augment": [
        ({"dataset": "grid", "augment": True}, "augment",
         "augment must be false for the data set grid", False),
    ],
    "_one_update_per_network": [
        ({"update_order": "simultaneous", name: 2}, name,
         f"{name} must be 1 with update_order simultaneous.", 1)
        for name in ("discriminator_steps", "generator_steps")
    ],
}
CASES = [case for cases in CONTRADICTIONS.values() for case in cases]


def test_every_rule_is_tried():
    """Otherwise a rule could be lost, or a new one refuse what it should not."""
    assert list(CONTRADICTIONS) == [rule.__name__ for rule in CONSTRAINTS]


@pytest.mark.parametrize(("settings", "blamed", "words", "cure"), CASES)
def test_what_does_not_go_together_is_refused_with_what_does(settings, blamed, words, cure):
    """Otherwise it fails inside the trainer, or trains something that is not what it says."""
    with pytest.raises(ConfigError) as refusal:
        RunConfig(**settings)
    message = str(refusal.value)
    assert refusal.value.field_name == blamed
    assert message.startswith(f"{blamed} ") and message.endswith(".") and words in message
    assert len(message) < 200
    assert getattr(RunConfig(**{**settings, blamed: cure}), blamed) == cure


@pytest.mark.parametrize(("settings", "blamed", "words", "cure"), CASES)
def test_a_url_that_contradicts_itself_loses_one_value(settings, blamed, words, cure):
    """Otherwise a contradictory link would raise in the page, or lose what is fine in it."""
    query = {name: str(value) for name, value in settings.items()}
    config, problems = RunConfig.from_query({**query, "seed": "7", "beta1": "0.25"})
    assert len(problems) == 1 and words in problems[0]
    assert (config.seed, config.beta1) == (7, 0.25)
    assert sum(getattr(config, name) != value for name, value in settings.items()) == 1


@pytest.mark.parametrize(("settings", "blamed", "words", "cure"), CASES)
def test_a_url_that_contradicts_its_page_leaves_the_page(settings, blamed, words, cure):
    """Otherwise a link to a page with other settings would cost whatever comes first in it."""
    for name, value in settings.items():
        rest = {other: kept for other, kept in settings.items() if other != name}
        if not accepted(DEFAULT, rest):
            continue
        base = RunConfig(**rest)
        query = {"learning_rate": "0.001", name: str(value), "seed": "7"}
        config, problems = RunConfig.from_query(query, base)
        assert config == base.replace(learning_rate=0.001, seed=7)
        assert len(problems) == 1 and words in problems[0]


@pytest.mark.parametrize("seed", range(200))
def test_any_url_is_read_as_far_as_it_goes(seed):
    """Otherwise somebody's link would take the page down, or change what it does not name."""
    draw = random.Random(seed)
    base = random_config(seed + 5000)
    asked = {name: drawn(name, draw) for name in KNOBS if draw.random() < 0.4}
    query = {name: str(value) for name, value in asked.items()}
    config, problems = RunConfig.from_query({**query, "nonsense": "1"}, base)
    lost = [name for name, value in asked.items() if getattr(config, name) != value]
    assert len(lost) <= len(problems) - 1  # one is for the nonsense; what base has is not lost
    for name in KNOBS:
        assert getattr(config, name) in (asked.get(name), getattr(base, name))
    if accepted(base, asked):
        assert config == base.replace(**asked) and len(problems) == 1


def test_a_refused_sum_costs_the_smallest_part():
    """128 images in packs of 3: without the packs the 128 are fine, the packs never are."""
    config, problems = RunConfig.from_query({"dropout": "0.4", "batch_size": "128", "packing": "3"})
    assert config == RunConfig(dropout=0.4, batch_size=128)
    assert len(problems) == 1 and "a multiple of 3" in problems[0]


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
    assert another(name).digest() != CONTEXTS.get(name, DEFAULT).digest()


# Names of runs that ship with the project, written down when they were made.
STORED = {
    "baseline": "c3aa9744214caf6e",
    "healthy": "e3415a7c3f330bfe",
    "collapse": "3032b02d6ac1ea20",
    "remedy": "e750a8e00a3476fb",
}
RECORDED = RECORDED_RUNS


def test_stored_runs_keep_their_names():
    """Otherwise every run that somebody trained, or that ships with the project, is lost."""
    assert RunConfig().digest() == STORED["baseline"]
    named = {name: config.digest() for name, config in presets.RECORDED.items()}
    assert {name: named[name] for name in STORED} == STORED
    assert set(STORED.values()) <= {path.name for path in RECORDED.iterdir()}


@pytest.mark.parametrize("name", STORED)
def test_a_stored_config_without_the_new_fields_is_the_same_run(name):
    """Otherwise a config.json from before a field existed could not be read."""
    text = (RECORDED / STORED[name] / "config.json").read_text(encoding="utf-8")
    assert RunConfig.from_json(text).digest() == STORED[name]


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
    code = "from gan_core.config.run_config import RunConfig; print(RunConfig(dropout=.3, seed=5).digest())"
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
    config, base = another(name), CONTEXTS.get(name, DEFAULT)
    assert list(config.to_query(base=base)) == [name]
    assert RunConfig.from_query(config.to_query(base=base), base) == (config, [])
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
    if TYPES[name] is bool:
        assert knob.low is knob.high is knob.step is knob.choices is None
    elif knob.form:
        assert getattr(DEFAULT, name) == "" and knob.allowed() == knob.form
    elif knob.choices is None:
        assert knob.low <= getattr(DEFAULT, name) <= knob.high
        assert knob.step > 0 if knob.scale == "linear" else knob.low > 0
        assert all(knob.low <= tick <= knob.high for tick in knob.ticks)
        assert list(knob.ticks) == sorted(set(knob.ticks))
        assert knob.scale in ("linear", "log", "log2")
        if knob.scale == "log2":  # doublings of one end reach the other
            assert math.log2(knob.high / knob.low).is_integer()
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


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_chart_shows_its_own_reference_lines(name):
    """Otherwise the line of the equilibrium would lie outside the chart."""
    card = LOSSES[name]
    assert card.label
    low, high = card.frame
    assert all(low <= value <= high for value in card.equilibrium)


@pytest.mark.parametrize("packing", [1, 2, 8])
def test_a_batch_is_cut_into_packs(packing):
    """Otherwise D's accuracy would be counted over examples it never judged one by one."""
    assert RunConfig(packing=packing, batch_size=64).packs * packing == 64


# --- changes in mid-run --------------------------------------------------------------------------


def test_a_schedule_says_what_is_in_force_when():
    """Otherwise a rescue would begin at another step, or change something else."""
    config = RunConfig(schedule="@500 dropout=0.4 @800 r1=0.1 learning_rate=1e-3")
    assert (config.at(0).dropout, config.at(499).dropout, config.at(500).dropout) == (0, 0, 0.4)
    late = config.at(5000)
    assert (late.dropout, late.r1, late.learning_rate, late.schedule) == (0.4, 0.1, 1e-3, "")
    assert [step for step, _ in config.stages] == [0, 500, 800]
    assert DEFAULT.stages == ((0, DEFAULT),)


def test_equal_schedules_have_one_name():
    """Otherwise the same run would be trained twice, or a change of nothing be a run of its own."""
    one = RunConfig(schedule="@500  learning_rate=1e-3 dropout=0.40")
    other = RunConfig(schedule=" @500 dropout=.4 learning_rate=0.001 ")
    assert one == other and one.digest() == other.digest() != DEFAULT.digest()
    assert RunConfig(schedule="@500 dropout=0.0") == DEFAULT
    assert one.digest() == RunConfig(schedule=one.schedule, steps=7).digest()


def test_a_change_can_be_added_and_looked_back_from():
    """Otherwise a second rescue would lose the first, or keep what came after it."""
    once = RunConfig().changed(500, dropout=0.4)
    twice = once.changed(800, dropout=0.2, r1=0.1)
    assert twice.schedule == "@500 dropout=0.4 @800 dropout=0.2 r1=0.1"
    assert twice.changed(600, loss="hinge").schedule == "@500 dropout=0.4 @600 loss=hinge"
    assert twice.changed(500, dropout=0.5) == RunConfig(schedule="@500 dropout=0.5")
    assert [(origin, step) for origin, step in twice.origins()] == [(once, 800), (DEFAULT, 500)]
    with pytest.raises(ConfigError, match="'seed' cannot change in mid-run; these can: loss, "):
        once.changed(700, seed=3)


BAD_SCHEDULES = {
    "500 dropout=0.4": "'500' does not belong there",
    "dropout=0.4": "'dropout=0.4' does not belong there",
    "@500": "a step stands there without a change",
    "@0 dropout=0.4": "the steps must rise, from 1 on",
    "@9 dropout=0.4 @8 r1=1": "the steps must rise",
    "@5 architecture=dcgan": "'architecture' cannot change in mid-run",
    "@5 nonsense=1": "'nonsense' cannot change in mid-run",
    "@5 dropout=2": "at step 5 dropout must be a number from 0 to 0.8, not 2.0",
    "@5 dropout=x": "at step 5 dropout must be a number from 0 to 0.8, not 'x'",
    "@5 loss=hinge label_smoothing=0.1": "at step 5 label_smoothing must be 0 for the loss hinge",
    " ".join(f"@{step} dropout=0.{step % 7}" for step in range(1, 11)): "at most 8 changes",
    "@5 dropout=0." + "1" * 2000: "at most 8 changes and 1000 characters",
}


@pytest.mark.parametrize("text", BAD_SCHEDULES)
def test_a_bad_schedule_is_refused_in_words(text):
    """Otherwise a mistyped link would train without the change, or raise."""
    with pytest.raises(ConfigError) as refusal:
        RunConfig(schedule=text)
    assert refusal.value.field_name == "schedule"
    message = str(refusal.value)
    assert message.startswith("schedule must be changes with rising steps like @500 dropout=0.4")
    assert BAD_SCHEDULES[text] in message and message.endswith(".")
    config, problems = RunConfig.from_query({"schedule": text, "seed": "7"})
    assert config == RunConfig(seed=7) and problems == [message]


@pytest.mark.parametrize("name", [name for name, knob in KNOBS.items() if knob.mid_run])
def test_what_may_change_in_mid_run_can_be_written_down(name):
    """Otherwise a slider moved during a run would be refused."""
    value = getattr(another(name), name)
    config = RunConfig().changed(10, **{name: value})
    assert getattr(config.at(10), name) == value
    assert RunConfig.from_query(config.to_query()) == (config, [])
