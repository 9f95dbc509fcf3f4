"""Settings and their knobs: every control can be shown, and means what its help says."""

from __future__ import annotations

import math

import pytest

from gan_core.config.choices import DATASETS, LOSSES
from gan_core.config.fields import FIELD_TYPES, KNOBS
from gan_core.config.knobs import SECTIONS, Knob
from gan_core.config.run_config import DEFAULT, RunConfig


def test_every_knob_can_be_shown():
    """Otherwise a control would appear without a name, without help, or in no section."""
    wrong = [name for name, knob in KNOBS.items()
             if not (knob.label and knob.help.endswith((".", "?")) and knob.section in SECTIONS)]
    wrong += [name for name in KNOBS if not _can_be_set(name)]
    assert not wrong


def _can_be_set(name: str) -> bool:
    """Whether a control can offer the field's default and its range."""
    knob, default = KNOBS[name], getattr(DEFAULT, name)
    if FIELD_TYPES[name] is bool:
        return knob.low is knob.high is knob.step is knob.choices is None
    if knob.form:
        return default == "" and knob.allowed() == knob.form
    if knob.choices is not None:
        return default in knob.choices and all(knob.choices.values())
    within = knob.low <= default <= knob.high or default in knob.beside
    return within and _can_slide(knob)


def _can_slide(knob: Knob) -> bool:
    ticks = all(knob.low <= tick <= knob.high for tick in knob.ticks)
    rising = list(knob.ticks) == sorted(set(knob.ticks))
    notches = {
        "linear": lambda: knob.step > 0,
        "log": lambda: knob.low > 0,
        # Doublings of one end reach the other.
        "log2": lambda: knob.low > 0 and math.log2(knob.high / knob.low).is_integer(),
    }
    return ticks and rising and notches[knob.scale]()


@pytest.mark.parametrize(
    ("ratio", "generator", "discriminator"),
    [(1.0, 2e-4, 2e-4), (10.0, 2e-4, 2e-3), (0.1, 2e-3, 2e-4), (100.0, 2e-4, 2e-2)],
)
def test_the_ratio_speeds_one_network_up_and_leaves_the_other(ratio, generator, discriminator):
    """Otherwise the main slider would do something else than its help says."""
    config = RunConfig(learning_rate_ratio=ratio)
    assert config.generator_learning_rate == pytest.approx(generator)
    assert config.discriminator_learning_rate == pytest.approx(discriminator)


@pytest.mark.parametrize(("changes", "optimizer", "beta1"), [
    ({}, "sgd", 0.3),
    ({"discriminator_optimizer": "rmsprop"}, "rmsprop", 0.3),
    ({"discriminator_beta1": 0.0}, "sgd", 0.0),
])
def test_d_has_gs_optimiser_until_it_is_given_its_own(changes, optimizer, beta1):
    """Otherwise the optimiser's sliders would move G alone, or D's own would move both."""
    config = RunConfig(optimizer="sgd", beta1=0.3, **changes)
    assert config.optimizer_of_discriminator == optimizer
    assert config.beta1_of_discriminator == beta1
    assert (config.optimizer, config.beta1) == ("sgd", 0.3)


def test_a_data_set_has_a_card():
    """Otherwise a page could not say what it is training on."""
    for name, card in DATASETS.items():
        config = RunConfig(dataset=name)
        assert config.card is card
        assert card.kind in ("image", "points") and card.modes > 1 and card.mode_noun


def test_a_loss_chart_shows_its_own_reference_lines():
    """Otherwise the line of the equilibrium would lie outside the chart."""
    outside = [
        name for name, card in LOSSES.items()
        if not card.label or min(card.equilibrium) < card.frame[0]
        or max(card.equilibrium) > card.frame[1]
    ]
    assert not outside


@pytest.mark.parametrize("packing", [1, 2, 8])
def test_a_batch_is_cut_into_packs(packing):
    """Otherwise D's accuracy would be counted over examples it never scored one by one."""
    assert RunConfig(packing=packing, batch_size=64).packs * packing == 64
