"""The recogniser: digits are recognised, and nothing else is."""

from __future__ import annotations

import pytest
import torch

from gan_core.data.datasets import scaled, whole
from gan_core.evaluation import recogniser
from gan_core.evaluation.non_digits import IMPERFECTIONS, NON_DIGITS, Draw, as_drawn
from gan_core.verification import recogniser_table

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def digits() -> torch.Tensor:
    return scaled(whole("mnist", CPU).held_out[:2000])


def test_the_shipped_recogniser_keeps_its_promise():
    """Otherwise noise would be called a digit, or digits noise, and the verdict be wrong."""
    rows = recogniser_table.rows({})
    assert len(rows) > len(NON_DIGITS)
    assert recogniser_table.accepted(rows)


def test_the_table_refuses_a_recogniser_that_says_yes_to_all():
    """A check that cannot fail would publish anything."""
    kept = {"asked": "digit", "recognised": 0.99}
    assert recogniser_table.accepted([kept, {"asked": "none", "recognised": 0.0}])
    assert not recogniser_table.accepted([kept, {"asked": "none", "recognised": 0.5}])
    assert not recogniser_table.accepted([{"asked": "digit", "recognised": 0.9}])


def test_imperfect_digits_are_digits(digits):
    """A generator of linear layers leaves wrong pixels everywhere; people read its digits all the
    same."""
    model, draw = recogniser.load(CPU), Draw(3)
    with torch.no_grad():
        drawn = {each.__name__: each(digits, draw) for each in IMPERFECTIONS}
        shares = {name: model.recognises(x).float().mean().item() for name, x in drawn.items()}
    assert min(shares.values()) > 0.85, shares


def test_pictures_keep_their_form_and_range(digits):
    """A picture outside [−1, 1] would be recognised by its range alone."""
    pool, draw = digits[:100], Draw(0)
    for make in NON_DIGITS.values():
        made = make(digits[:20], pool, draw)
        assert made.shape == (20, 784) and made.abs().max() <= 1 + 1e-6
    drawn = as_drawn(digits[:20], draw)
    assert drawn.shape == (20, 784) and drawn.abs().max() <= 1 + 1e-6


def test_the_same_seed_draws_the_same_pictures(digits):
    """Otherwise the weights that ship could not be made again."""
    made = [make(digits[:13], digits[:50], Draw(5)) for make in NON_DIGITS.values() for _ in "ab"]
    for first, second in zip(made[::2], made[1::2], strict=True):
        assert torch.equal(first, second)


def test_missing_weights_are_named(tmp_path, monkeypatch):
    """Whoever deletes a file must learn which, and what makes it anew."""
    monkeypatch.setattr(recogniser, "weights", lambda dataset: recogniser.ASSETS / "missing.npz")
    recogniser.load.cache_clear()
    try:
        with pytest.raises(FileNotFoundError, match=r"missing\.npz.*evaluation\.recogniser mnist"):
            recogniser.load(CPU)
    finally:
        recogniser.load.cache_clear()
