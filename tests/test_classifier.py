"""The digit classifier: it must be right, or every statement about digits is wrong."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from gan_core import classifier, extractor, metrics
from gan_core.datasets import SUBSET_SEED, scaled


@pytest.fixture(scope="module")
def model(cpu):
    return classifier.load(cpu)


def test_the_shipped_weights_recognise_digits(model, mnist):
    """At least 98.5 % of the 10 000 test images, and what the card beside the weights claims."""
    found = classifier.accuracy(model, mnist.held_out, mnist.held_out_labels)
    assert found >= 0.985
    assert found == pytest.approx(classifier.card()["test_accuracy"], abs=2e-4)


def test_every_digit_is_recognised(model, mnist):
    """Otherwise one digit would always seem to be missing."""
    guessed = model(scaled(mnist.held_out)).argmax(1)
    for digit in range(10):
        right = (guessed == digit)[mnist.held_out_labels == digit].float().mean().item()
        assert right > 0.96, digit


def test_logits_are_the_head_of_the_features(model, mnist):
    """The metrics read both; they must belong together."""
    images = scaled(mnist.held_out[:5])
    features = model.features(images)
    assert features.shape == (5, classifier.FEATURES)
    assert torch.equal(model(images), model.head(features))


def test_evaluating_leaves_the_classifier_alone(model):
    """Weights that could be trained would drift, and values would not be comparable."""
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_the_extractor_has_a_name_for_its_weights():
    """Printed beside every Fréchet distance, since values differ between extractors."""
    assert classifier.extractor_id().startswith("digit-cnn64-")
    assert len(classifier.extractor_id()) == len("digit-cnn64-") + 8


def test_the_card_says_how_the_weights_were_made():
    """Otherwise nobody could make them again."""
    assert {"epochs", "seed", "test_accuracy", "torch"} <= set(classifier.card())


def test_what_the_pages_are_told_is_what_is_measured(model, mnist, cpu):
    """Else they would set a run's Fréchet distance against the number of another extractor."""
    told = extractor.extractor()
    assert set(told) == {"id", "test_accuracy", "frechet_train_held_out"}
    assert told["id"] == classifier.extractor_id()
    found = classifier.accuracy(model, mnist.held_out, mnist.held_out_labels)
    assert told["test_accuracy"] == pytest.approx(found, abs=2e-4)
    # As `metrics` measures as many samples of G.
    rows = np.random.default_rng(SUBSET_SEED).permutation(60_000)[: metrics.IMAGE_SAMPLES]
    images = scaled(mnist.train[torch.from_numpy(rows)])
    reference = metrics.image_reference("mnist", cpu).moments
    distance = metrics.frechet(metrics.moments(model.features(images)), reference)
    assert told["frechet_train_held_out"] == pytest.approx(distance, rel=0.01)


def test_what_the_pages_are_told_cannot_be_changed_by_one_of_them():
    """One page's rounding would otherwise reach every other visitor."""
    extractor.extractor()["test_accuracy"] = 0
    assert extractor.extractor()["test_accuracy"] > 0.9


def test_training_learns(monkeypatch, cpu, mnist):
    """`python -m gan_core.classifier` must work when somebody wants to check the weights: on 2560
    images, one pass of ten batches is already far above the 10 % of guessing."""
    few = dataclasses.replace(mnist, train=mnist.train[:2560], labels=mnist.labels[:2560],
                              held_out=mnist.held_out[:1000],
                              held_out_labels=mnist.held_out_labels[:1000])
    monkeypatch.setattr(classifier, "whole", lambda name, device: few)
    model, accuracy = classifier.train(epochs=3)
    assert accuracy > 0.4 and not model.training


def test_main_writes_what_load_reads(monkeypatch, tmp_path, cpu, capsys):
    """Otherwise retraining would leave weights that the app cannot open."""
    fresh = classifier.DigitClassifier()
    monkeypatch.setattr(classifier, "WEIGHTS", tmp_path / "weights.npz")
    monkeypatch.setattr(extractor, "FACTS", tmp_path / "extractor.json")
    monkeypatch.setattr(classifier, "train", lambda epochs, seed: (fresh, 0.98765))
    classifier.main()
    assert extractor.extractor()["id"] == classifier.extractor_id()
    assert "frechet_train_held_out" in extractor.extractor()
    assert "0.9877" in capsys.readouterr().out
    assert classifier.card()["test_accuracy"] == pytest.approx(0.9877)
    with np.load(tmp_path / "weights.npz", allow_pickle=False) as arrays:
        assert set(fresh.state_dict()) <= set(arrays)
    read = classifier.load.__wrapped__(cpu)
    assert torch.equal(read.head.weight, fresh.head.weight)
