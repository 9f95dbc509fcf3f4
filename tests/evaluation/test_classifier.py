"""The digit classifier: it must be right, or every statement about digits is wrong."""

from __future__ import annotations

import dataclasses
import threading

import numpy as np
import pytest
import torch

from gan_core.config.choices import DATASETS
from gan_core.data.datasets import SUBSET_SEED, scaled
from gan_core.data.downloads import DatasetError, progress_to
from gan_core.diagnosis import feature_extractor
from gan_core.evaluation import classifier, metrics, stored_network


def test_the_shipped_weights_recognise_digits(model, mnist):
    """At least 98.5 % of the 10 000 test images, and what the card beside the weights claims."""
    measured = classifier.accuracy(model, mnist.held_out, mnist.held_out_labels)
    assert measured >= 0.985
    assert measured == pytest.approx(classifier.card()["test_accuracy"], abs=2e-4)


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


def test_what_the_pages_print_of_it_is_what_is_measured(model, mnist, cpu):
    """Else they would set a run's Fréchet distance against the number of another extractor."""
    facts = feature_extractor.extractor()
    assert set(facts) == {"id", "test_accuracy", "frechet_train_held_out"}
    assert facts["id"] == classifier.extractor_id()
    measured = classifier.accuracy(model, mnist.held_out, mnist.held_out_labels)
    assert facts["test_accuracy"] == pytest.approx(measured, abs=2e-4)
    # As `metrics` measures as many samples of G.
    rows = np.random.default_rng(SUBSET_SEED).permutation(60_000)[: metrics.IMAGE_SAMPLES]
    images = scaled(mnist.train[torch.from_numpy(rows)])
    reference = metrics.image_reference(mnist.held_out, model).moments
    distance = metrics.frechet(metrics.moments(model.features(images)), reference)
    assert facts["frechet_train_held_out"] == pytest.approx(distance, rel=0.01)


def test_what_the_pages_print_cannot_be_changed_by_one_of_them():
    """One page's rounding would otherwise reach every other visitor."""
    feature_extractor.extractor()["test_accuracy"] = 0
    assert feature_extractor.extractor()["test_accuracy"] > 0.9


@pytest.fixture(scope="module")
def few(mnist):
    """2560 images to learn from and 1000 to be asked about: ten batches an epoch."""
    return dataclasses.replace(mnist, train=mnist.train[:2560], labels=mnist.labels[:2560],
                               held_out=mnist.held_out[:1000],
                               held_out_labels=mnist.held_out_labels[:1000])


@pytest.fixture
def quick(monkeypatch, few, tmp_path):
    """Every data set is these few images, and nothing has been trained on this machine yet."""
    for module in (classifier, stored_network):
        monkeypatch.setattr(module, "whole", lambda name, device: few)
    monkeypatch.setattr(classifier, "SAMPLES", 500)
    monkeypatch.setattr(classifier, "EPOCHS", 1)
    monkeypatch.setenv("GAN_LAB_DATA", str(tmp_path))
    return tmp_path


fresh_load = classifier.load.__wrapped__  # without the cache of the process


def test_training_learns(quick):
    """`python -m gan_core.evaluation.classifier` must work when somebody wants to check the
    weights: on 2560 images, one pass of ten batches is already far above the 10 % of guessing."""
    model, accuracy = classifier.train(epochs=3)
    assert accuracy > 0.4 and not model.training


def test_training_leaves_no_trace_and_needs_none(quick):
    """An evaluation in the middle of a run asks for the classifier: with gradients off, and with
    random numbers that must go on as if nothing had been."""
    with torch.no_grad():
        first, _ = classifier.train(epochs=1, seed=3)
    before = torch.random.get_rng_state()
    second, _ = classifier.train(epochs=1, seed=3)
    assert torch.equal(torch.random.get_rng_state(), before)
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)


def test_every_image_data_set_has_a_classifier():
    """Otherwise a data set could be chosen whose runs fail at their first evaluation."""
    images = {name for name, card in DATASETS.items() if card.kind == "image"}
    assert set(classifier.IMAGES) == images
    assert len({feature_extractor.facts_file(name) for name in images}) == len(images)


def test_main_writes_what_load_reads(monkeypatch, quick, cpu, capsys):
    """Otherwise retraining would leave weights that the app cannot open."""
    fresh = classifier.DigitClassifier()
    monkeypatch.setattr(classifier, "ASSETS", quick)
    monkeypatch.setattr(feature_extractor, "ASSETS", quick)
    monkeypatch.setattr(classifier, "train", lambda epochs, seed, dataset: (fresh, 0.98765))
    classifier.main([])
    assert feature_extractor.extractor("mnist")["id"] == classifier.extractor_id()
    assert "frechet_train_held_out" in feature_extractor.extractor("mnist")
    assert "0.9877" in capsys.readouterr().out
    assert classifier.card()["test_accuracy"] == pytest.approx(0.9877)
    with np.load(quick / "digit_classifier.npz", allow_pickle=False) as arrays:
        assert set(fresh.state_dict()) <= set(arrays)
    assert torch.equal(fresh_load(cpu).head.weight, fresh.head.weight)


def test_missing_weights_say_how_to_make_them(monkeypatch, quick, cpu):
    """Otherwise somebody who deleted them would see a KeyError."""
    monkeypatch.setattr(classifier, "ASSETS", quick)
    with pytest.raises(FileNotFoundError, match=r"python -m gan_core.evaluation.classifier mnist"):
        fresh_load(cpu)


def test_weights_that_do_not_ship_are_trained_once(quick, cpu):
    """Otherwise the first run on Fashion-MNIST would fail, or every worker train for a minute, in
    silence, and their numbers not be comparable."""
    messages: list[str] = []
    assert feature_extractor.extractor("fashion_mnist", quick) == {}
    with progress_to(messages.append):
        first = fresh_load(cpu, "fashion_mnist")
    assert messages[0].startswith("training the classifier of Fashion-MNIST")
    assert messages[-1].endswith("100%")
    messages.clear()
    with progress_to(messages.append):
        second = fresh_load(cpu, "fashion_mnist")
    assert not messages
    assert torch.equal(first.head.weight, second.head.weight)
    assert not second.training and not second.head.weight.requires_grad
    facts = feature_extractor.extractor("fashion_mnist", quick)
    assert facts["id"] == classifier.extractor_id("fashion_mnist")
    assert facts["id"].startswith("fashion-cnn64-")
    assert set(facts) == set(feature_extractor.extractor())


def test_shipped_weights_are_preferred(monkeypatch, quick, cpu):
    """Otherwise weights that come with the app would be trained all the same."""
    shipped = quick / "shipped"
    shipped.mkdir()
    monkeypatch.setattr(classifier, "ASSETS", shipped)
    classifier.main(["fashion_mnist"])
    monkeypatch.setattr(classifier, "train", None)
    assert fresh_load(cpu, "fashion_mnist") is not None
    assert classifier.weights("fashion_mnist").parent == shipped


@pytest.mark.parametrize("keep", [0, 1000])
def test_torn_weights_are_trained_again(keep, quick, cpu):
    """A disk that was full once would break the metrics on this machine for good."""
    fresh_load(cpu, "fashion_mnist")
    path = classifier.weights("fashion_mnist")
    whole = path.read_bytes()
    path.write_bytes(whole[:keep])
    fresh_load(cpu, "fashion_mnist")
    assert path.read_bytes() == whole  # the same seed, the same weights, the same name


def test_a_stopped_training_leaves_nothing(quick, cpu):
    """Otherwise *Stop* would not work, or leave a classifier that has hardly learnt."""

    class Stopped(Exception):
        pass

    def stop(words: str) -> None:
        raise Stopped

    with progress_to(stop), pytest.raises(Stopped):
        fresh_load(cpu, "fashion_mnist")
    assert {path.name for path in quick.iterdir()} == {".fashion_classifier.lock"}


def test_workers_that_need_it_at_once_train_it_once(monkeypatch, quick, cpu):
    """Otherwise four workers would each train for a minute, on the same cores."""
    calls, loaded, train = [], [], classifier.train

    def counted(*arguments):
        calls.append(arguments)
        return train(*arguments)

    monkeypatch.setattr(classifier, "train", counted)
    threads = [threading.Thread(target=lambda: loaded.append(fresh_load(cpu, "fashion_mnist")))
               for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(loaded) == 3 and len(calls) == 1


def test_weights_that_cannot_be_kept_are_one_sentence(monkeypatch, quick, cpu):
    """Otherwise a full disk would be a traceback."""
    (quick / "file").write_text("")
    monkeypatch.setenv("GAN_LAB_DATA", str(quick / "file" / "data"))
    with pytest.raises(DatasetError, match=r"classifier of Fashion-MNIST.* could not be kept in"):
        fresh_load(cpu, "fashion_mnist")
