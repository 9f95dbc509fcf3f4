"""Constraints between settings: what does not go together is refused with what does."""

from __future__ import annotations

import pytest

from gan_core.config.choices import DATASETS
from gan_core.config.constraints import CONSTRAINTS
from gan_core.config.run_config import DEFAULT, RunConfig
from gan_core.config.validation import ConfigError
from tests.config.random_configs import accepted

# constraint: (settings, the field it blames, words of its sentence, a value that it accepts)
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
    "_targets_to_move": [
        ({"loss": loss, name: 0.1}, name,
         f"{name} must be 0 for the loss {loss}, which has no targets; it is for minimax, "
         "non_saturating, least_squares.", 0.0)
        for loss in ("hinge", "wasserstein", "relativistic")
        for name in ("label_smoothing", "fake_label_smoothing", "label_flips")
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


def test_every_constraint_is_tried():
    """Otherwise a constraint could be lost, or a new one refuse what it should not."""
    assert list(CONTRADICTIONS) == [constraint.__name__ for constraint in CONSTRAINTS]


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
        rest = {other: given for other, given in settings.items() if other != name}
        if not accepted(DEFAULT, rest):
            continue
        base = RunConfig(**rest)
        query = {"learning_rate": "0.001", name: str(value), "seed": "7"}
        config, problems = RunConfig.from_query(query, base)
        assert config == base.replace(learning_rate=0.001, seed=7)
        assert len(problems) == 1 and words in problems[0]


@pytest.mark.parametrize("dataset", DATASETS)
def test_more_examples_than_there_are_is_refused_with_their_number(dataset):
    """Otherwise a run would claim a training set that does not exist."""
    most = DATASETS[dataset].examples
    assert RunConfig(dataset=dataset, training_examples=most).training_examples == most
    with pytest.raises(ConfigError, match=str(most)):
        RunConfig(dataset=dataset, training_examples=most + 1)
