"""Axes: what people write, spaced as sliders are, refused in one sentence."""

from __future__ import annotations

import pytest

from gan_core.config.fields import KNOBS
from gan_core.config.validation import ConfigError, checked
from gan_core.exploration.axis import MOST_VALUES, NOT_AN_AXIS, axis
from pages.components.map_controls import usual_values

FIELDS = [name for name in KNOBS if name not in NOT_AN_AXIS]


@pytest.mark.parametrize(("text", "values"), [
    ("learning_rate_ratio=0.1..10:5", (0.1, 0.32, 1.0, 3.2, 10.0)),
    ("label_smoothing=0..0.4:5", (0.0, 0.1, 0.2, 0.3, 0.4)),
    ("discriminator_steps=1..5:5", (1, 2, 3, 4, 5)),
    ("batch_size=16..256:5", (16, 32, 64, 128, 256)),
    ("loss=minimax,hinge", ("minimax", "hinge")),
    ("spectral_norm=false,true", (False, True)),
    ("r1=0,0.1,10", (0.0, 0.1, 10.0)),
    ("dropout=0.4..0:3", (0.4, 0.2, 0.0)),
    ("beta2=0.99..0.999:4", (0.99, 0.993, 0.996, 0.999)),
    ("learning_rate=0.001..0.0011:3", (0.001, 0.00105, 0.0011)),
    ("discriminator_beta1=-1,0.5", (-1.0, 0.5)),
])
def test_values_are_spaced_as_a_slider_is(text, values):
    """A range of rates from 0.1 to 10 would have four of five values above 2."""
    assert axis(text).values == pytest.approx(values) if isinstance(values[0], float) else values
    assert axis(text).values == values


@pytest.mark.parametrize("name", FIELDS)
def test_every_setting_can_be_varied_and_comes_back_from_its_text(name):
    """A setting that the list offers cannot be drawn, or a link opens another map."""
    made = axis(f"{name}={usual_values(name).replace(' ', '')}")
    assert 2 <= len(made.values) <= MOST_VALUES
    assert all(checked(name, value) == value for value in made.values)
    assert axis(str(made)) == made


def test_a_change_in_mid_run_is_an_axis_too():
    made = axis("@500 dropout=0,0.4")
    assert (made.field, made.since) == ("dropout", 500)
    assert axis(str(made)) == made and "step 500" in made.label


BAD = {
    "": "FIELD=LOW..HIGH:N",
    "dropout": "FIELD=LOW..HIGH:N",
    "dropout=": "FIELD=LOW..HIGH:N",
    "smoothness=0,1": "cannot vary 'smoothness'; it can vary dataset",
    "seed=0,1": "cannot vary 'seed'",
    "steps=10,20": "cannot vary 'steps'",
    "@5 width=1,2": "cannot vary 'width' from a step on",
    "dropout=0..2:4": "dropout must be a number from 0 to 0.8",
    "dropout=0,nan": "dropout must be a number from 0 to 0.8",
    "dropout=0..0.4:1": "2 to 12 values, not 1",
    "dropout=0..0.4:13": "2 to 12 values, not 13",
    "dropout=0.1,0.1": "2 to 12 different values",
    "discriminator_steps=1..1:3": "2 to 12 different values",
    "loss=a..b:3": "one by one",
    "loss=minimax,hinged": "loss must be one of minimax",
    "dropout=" + "0.1," * 500: "FIELD=LOW..HIGH:N",
    "dropout=١,٢": "dropout must be a number",
}


@pytest.mark.parametrize(("text", "words"), list(BAD.items()))
def test_what_is_no_axis_is_refused_in_one_sentence(text, words):
    """A typing error ends in a traceback."""
    with pytest.raises(ConfigError) as refusal:
        axis(text, "--x")
    assert words in str(refusal.value) and str(refusal.value).endswith(".")
    assert len(str(refusal.value)) < 1000
