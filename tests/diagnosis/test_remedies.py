"""Remedies: each changes something that the rest of the config allows."""

from __future__ import annotations

import json

import pytest

from gan_core.config.choices import LOSSES
from gan_core.config.fields import KNOBS
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.diagnose import SYMPTOMS, diagnose
from tests.diagnosis.histories import SHOWN, only_finding

CONFIGS = [
    RunConfig(loss=loss, learning_rate_ratio=ratio, discriminator_steps=d_steps,
              optimizer=optimizer, input_noise=noise, label_smoothing=smoothing,
              learning_rate=rate)
    for loss, card in LOSSES.items() if card.targets
    for ratio in (0.1, 1.0, 10.0)
    for d_steps, optimizer, noise, smoothing, rate in (
        (1, "adam", 0.0, 0.0, 2e-4), (3, "sgd", 0.1, 0.1, 0.1), (10, "rmsprop", 1.0, 0.5, 1.0))
] + [
    RunConfig(loss="hinge", spectral_norm=True), RunConfig(loss="wasserstein", weight_clip=0.01),
    RunConfig(architecture="dcgan_reference", training_examples=1000),
    RunConfig(dataset="ring", update_order="simultaneous", learning_rate=0.1),
    RunConfig(discriminator_optimizer="sgd", discriminator_beta1=0.9, learning_rate=0.1),
    RunConfig(dropout=0.4, augment=True, r1=1.0, gradient_clip=1.0, training_examples=300),
]


def findings_of_all_configs():
    """Every finding of every symptom's history with every config, and the config."""
    for name, (history, shown) in SHOWN.items():
        for config in CONFIGS:
            # Vanishing is raised for the loss that trains, so the history must show that loss.
            if name == "vanishing_gradient":
                config = config.replace(loss=shown.loss)
            for finding in diagnose(history, config):
                yield finding, config


def test_remedies_change_something_and_stay_valid():
    """Otherwise the button would do nothing, or raise."""
    count = 0
    for finding, config in findings_of_all_configs():
        labels = [remedy.label for remedy in finding.remedies]
        assert len(set(labels)) == len(labels)
        for remedy in finding.remedies:
            count += 1
            changed = config.replace(**remedy.changes)
            assert changed.digest() != config.digest(), (remedy.label, config.changes())
            assert set(remedy.changes) <= set(KNOBS) - {"seed", "steps", "dataset"}
            assert remedy.label and remedy.why
    assert count > 50


@pytest.mark.parametrize("name", SYMPTOMS)
def test_the_plain_breakage_of_each_symptom_has_a_remedy(name):
    """The page's button needs one."""
    broken = {"no_learning": RunConfig(learning_rate_ratio=20.0),
              "mode_collapse": RunConfig(learning_rate_ratio=0.1),
              "vanishing_gradient": RunConfig(loss="minimax", learning_rate_ratio=5,
                                              discriminator_steps=3),
              "mode_rotation": RunConfig(dataset="ring", learning_rate=1e-3),
              "discriminator_overfitting": RunConfig(training_examples=1000),
              "instability": RunConfig(loss="relativistic", learning_rate=1e-3),
              "divergence": RunConfig(optimizer="sgd", learning_rate=1.0),
              "computational_cost": RunConfig()}[name]
    assert only_finding(SHOWN[name][0], broken).remedies


def test_a_finding_can_be_written_as_json():
    """`run --json` prints findings."""
    for finding, _ in findings_of_all_configs():
        content = json.loads(json.dumps(finding.to_dict()))
        assert list(content) == ["symptom", "severity", "since", "evidence", "cause", "remedies"]
        assert isinstance(content["since"], int)


def test_a_rescued_run_is_offered_what_is_not_in_force_yet():
    """Otherwise the remedy that was applied in mid-run would be offered once more."""
    history, config = SHOWN["mode_collapse"]
    rescued = config.changed(int(history.last_step), discriminator_steps=3)
    labels = [remedy.label for remedy in only_finding(history, rescued).remedies]
    assert "Three D steps per round" in [r.label for r in only_finding(history, config).remedies]
    assert "Three D steps per round" not in labels
