"""The second network that looks at digits: good at them, and independent of the first."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from gan_core.data.datasets import scaled, whole
from gan_core.evaluation import classifier
from gan_core.verification import audit_draws, audit_labels, auditor


@pytest.fixture(scope="module")
def digits() -> torch.Tensor:
    return scaled(whole("mnist", torch.device("cpu")).held_out[:450]).reshape(-1, 1, 28, 28)


def test_it_knows_the_digits() -> None:
    """Labels of runs on MNIST would rest on guesses."""
    assert auditor.accuracy(auditor.load()) >= 0.97


def test_it_reads_no_digit_where_there_is_none(digits: torch.Tensor) -> None:
    """Noise, averages and blurs would count as digits, whichever is nearest."""
    torch.manual_seed(1)
    for spoil in auditor.NOT_DIGITS:
        read = auditor.load()(spoil(digits)).argmax(1)
        assert (read == auditor.NO_DIGIT).float().mean() > 0.9, spoil.__name__
    assert (auditor.load()(digits).argmax(1) == auditor.NO_DIGIT).float().mean() < 0.02


def test_it_shares_nothing_with_the_network_behind_the_metrics() -> None:
    """A mistake of the metrics would be made again by the audit of them."""
    for module in (auditor, audit_labels, audit_draws):
        tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
        imports = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        assert not [name for name in imports
                    if name.startswith(("gan_core.evaluation", "gan_core.diagnosis"))], module
    ours, theirs = (
        [tuple(weight.shape) for weight in model.state_dict().values() if weight.dim() > 1]
        for model in (auditor.load(), classifier.load(torch.device("cpu"))))
    assert not set(ours) & set(theirs)
    assert auditor.SEED != classifier.SEED


def test_the_weights_ship_with_their_recipe() -> None:
    """Nobody could train the same auditor again, or a download would be large."""
    with np.load(auditor.WEIGHTS, allow_pickle=False) as arrays:
        recipe = json.loads(str(arrays["recipe"]))
    made = {"seed": auditor.SEED, "epochs": auditor.EPOCHS, "batch": auditor.BATCH,
            "rate": auditor.RATE}
    assert made.items() <= recipe.items() and recipe["test_accuracy"] >= 0.97
    assert auditor.WEIGHTS.stat().st_size < 1e6


def test_it_can_be_trained_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one command that makes the weights would fail, or disturb other random numbers."""
    small = whole("mnist", torch.device("cpu")).only(np.arange(3 * auditor.BATCH))
    monkeypatch.setattr(auditor, "whole", lambda name, device: small)
    before = torch.random.get_rng_state()
    weights = [auditor.train(epochs=1).decide.weight for _ in range(2)]
    assert torch.equal(*weights), "the same numbers each time"
    assert torch.equal(before, torch.random.get_rng_state())
