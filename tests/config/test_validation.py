"""Validation of single settings: what is refused, in which words, and what a value is read as."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gan_core.config.fields import FIELD_TYPES, KNOBS
from gan_core.config.run_config import DEFAULT, RunConfig
from gan_core.config.validation import ConfigError, parse_value
from tests.config.random_configs import CONTEXTS

NUMERIC = [name for name, kind in FIELD_TYPES.items() if kind in (int, float)]
CHOICES = [name for name in FIELD_TYPES if KNOBS[name].choices]
INTEGERS = [name for name, kind in FIELD_TYPES.items() if kind is int]
SWITCHES = [name for name, kind in FIELD_TYPES.items() if kind is bool]


def below(name: str) -> float:
    low = KNOBS[name].low
    return low - 1 if FIELD_TYPES[name] is int else low - 1e-9


def above(name: str) -> float:
    high = KNOBS[name].high
    return high + 1 if FIELD_TYPES[name] is int else high + 1e-9


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


def refusal(name: str, value) -> str:
    """The sentence with which a config refuses this value of the field; "" if it does not, or
    blames another field."""
    try:
        RunConfig(**{name: value})
    except ConfigError as error:
        return str(error) if error.field_name == name else ""
    return ""


def test_a_bad_number_is_refused_in_words():
    """Otherwise a bad slider value or file trains something nobody asked for, or crashes."""
    wrong = []
    for name in NUMERIC:
        low, high = KNOBS[name].low, KNOBS[name].high
        for kind, make in BAD_NUMBERS.items():
            message = refusal(name, make(name))
            sentence = message.startswith(f"{name} must be a ") and message.endswith(".")
            bounds = f"{low:g}" in message and (f"{high:g}" in message or f"{high:.0f}" in message)
            if not (sentence and bounds and len(message) < 160):
                wrong.append((name, kind, message))
    assert not wrong


def test_a_bad_choice_is_refused_with_the_permitted_ones():
    """Otherwise a typo in a link ends in a traceback instead of the list of what exists."""
    wrong = []
    for name in CHOICES:
        for kind, value in BAD_CHOICES.items():
            message = refusal(name, value)
            if not all(words in message for words in (name, *KNOBS[name].choices)):
                wrong.append((name, kind, message))
    assert not wrong


def test_a_switch_is_on_or_off():
    """Otherwise "false" from a file would be truthy and switch a remedy on."""
    wrong = [
        (name, kind, refusal(name, value))
        for name in SWITCHES for kind, value in BAD_SWITCHES.items()
        if refusal(name, value) != f"{name} must be true or false, not {value!r}."
    ]
    assert not wrong


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


def test_a_fraction_is_not_rounded_to_a_whole_number():
    """Otherwise 1.5 D steps would silently train with one."""
    refusals = {name: refusal(name, KNOBS[name].low + 1.5) for name in INTEGERS}
    assert not {name: text for name, text in refusals.items() if "whole number" not in text}


def test_both_ends_of_a_range_are_allowed():
    """Otherwise a slider pushed to its end would fail."""
    wrong = []
    for name in NUMERIC:
        for bound in (KNOBS[name].low, KNOBS[name].high):
            try:
                config = CONTEXTS.get(name, DEFAULT).replace(**{name: FIELD_TYPES[name](bound)})
            except ConfigError as error:
                wrong.append((name, bound, str(error)))
            else:
                wrong += [(name, bound)] if getattr(config, name) != bound else []
    assert not wrong


def test_a_number_beside_the_range_is_allowed_and_nothing_between_is():
    """Otherwise D's β₁ could not be left to follow G's, or a slip like −0.5 would pass for it."""
    for value in (-1, -1.0, np.float32(-1)):
        assert RunConfig(discriminator_beta1=value) == DEFAULT
    assert parse_value("discriminator_beta1", "-1") == -1.0
    for value in (-0.5, -2.0, 0.995):
        assert refusal("discriminator_beta1", value) == (
            "discriminator_beta1 must be a number from 0 to 0.99, or -1 (as G's), "
            f"not {value}.")


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


def test_unknown_settings_are_named():
    """Otherwise a misspelt --set would be ignored in silence."""
    for make in (
        lambda: DEFAULT.replace(learning_rat=1.0),
        lambda: RunConfig.from_dict({"learning_rat": 1.0}),
        lambda: parse_value("learning_rat", "1"),
    ):
        with pytest.raises(ConfigError, match="'learning_rat' is not a setting; known: dataset"):
            make()
