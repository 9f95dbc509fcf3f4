"""Which runs are trained together: every setting is decided for, one by one."""

from __future__ import annotations

import pytest

from gan_core.config.batching import ALIKE, FREE, batch_key
from gan_core.config.fields import KNOBS
from gan_core.config.run_config import RunConfig

RING = RunConfig(dataset="ring")

# Field -> changes to it, and to what must change with it: then runs are no longer trained together.
STRUCTURE: dict[str, dict] = {
    "dataset": {"dataset": "grid"},
    "training_examples": {"training_examples": 500},
    "class_skew": {"class_skew": 0.5},
    "balanced_sampling": {"balanced_sampling": True},
    "folds": {"folds": 5},
    "fold": {"folds": 5, "fold": 1},
    "architecture": {"architecture": "pacgan_2d"},
    "width": {"width": 0.5},
    "depth": {"depth": 3},
    "loss": {"loss": "hinge"},
    "discriminator_loss": {"discriminator_loss": "mean"},
    "optimizer": {"optimizer": "sgd"},
    "discriminator_optimizer": {"discriminator_optimizer": "sgd"},
    "batch_size": {"batch_size": 128},
    "latent_dim": {"latent_dim": 50},
    "discriminator_steps": {"discriminator_steps": 2},
    "generator_steps": {"generator_steps": 2},
    "update_order": {"update_order": "simultaneous"},
    "input_noise_steps": {"input_noise_steps": 100},
    "packing": {"packing": 2},
    "minibatch_stddev": {"minibatch_stddev": True},
    "gradient_clip": {"gradient_clip": 1.0},
    "spectral_norm": {"spectral_norm": True},
    "ema": {"ema": 0.9},
    "precision": {"precision": "float32"},
}
# Field -> a run that is trained by itself.
BY_ITSELF: dict[str, RunConfig] = {
    "freeze_generator": RING.replace(freeze_generator=100),
    "schedule": RING.changed(100, learning_rate=1e-3),
    "augment": RunConfig(augment=True),
}
NUMBERS: dict[str, tuple[float, float]] = {
    "seed": (0, 7), "steps": (100, 5000), "learning_rate": (1e-4, 1.0),
    "learning_rate_ratio": (0.1, 10.0), "beta1": (0.0, 0.9), "discriminator_beta1": (-1.0, 0.9),
    "beta2": (0.9, 0.99), "label_smoothing": (0.0, 0.2), "fake_label_smoothing": (0.0, 0.2),
    "label_flips": (0.1, 0.2), "dropout": (0.1, 0.5), "input_noise": (0.1, 0.5),
    "gradient_penalty": (1.0, 10.0), "r1": (0.1, 2.0), "r2": (0.1, 2.0), "weight_clip": (0.01, 0.1),
}


def test_every_setting_is_decided():
    """A new one would split bands, or be shared silently by runs that differ in it."""
    assert set(KNOBS) == {*FREE, *ALIKE, *STRUCTURE, *BY_ITSELF}
    assert set(NUMBERS) == {*FREE, *ALIKE}


def test_runs_of_another_structure_are_not_mixed():
    """One of them would be trained as the other, or both fail."""
    wrong = []
    for name, changes in STRUCTURE.items():
        base = RING.replace(**{other: value for other, value in changes.items() if other != name})
        changed = base.replace(**{name: changes[name]})
        if None in (batch_key(base), batch_key(changed)) or batch_key(base) == batch_key(changed):
            wrong.append(name)
    assert not wrong


def test_numbers_are_free():
    """A sweep, or the seeds of a band, would be trained one by one."""
    wrong = []
    for name, values in NUMBERS.items():
        low, high = (batch_key(RING.replace(**{name: value})) for value in values)
        if low is None or low != high:
            wrong.append(name)
    assert not wrong


def test_a_mechanism_is_in_force_in_all_or_none():
    """A run without it would pay for it, or draw random numbers that it would not draw alone."""
    mixed = [name for name in ALIKE if batch_key(RING.replace(**{name: 0.1})) == batch_key(RING)]
    assert not mixed


@pytest.mark.parametrize("config", [
    *BY_ITSELF.values(), RunConfig(), RunConfig(dataset="fashion_mnist"),
    RunConfig(architecture="mlp_reference"), RunConfig(architecture="dcgan"),
])
def test_what_gains_nothing_is_trained_by_itself(config):
    """Images fill a step with matrix products: the first picture would only come later."""
    assert batch_key(config) is None
