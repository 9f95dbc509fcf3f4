"""Settings as text, for captions, differences and marks."""

from __future__ import annotations

import pytest

from gan_core.config import config_text
from gan_core.config.run_config import RunConfig
from pages.components import controls


@pytest.mark.parametrize(
    ("ratio", "words"), [(1.0, "equal"), (0.1, "G ×10"), (5.0, "D ×5"), (0.03, "G ×33.3")]
)
def test_the_ratio_reads_as_who_is_faster(ratio: float, words: str) -> None:
    """A slider at 0.1 does not tell whose rate is ten times the other's."""
    assert controls.ratio_text(ratio) == words


def test_ds_own_optimiser_is_told_apart_from_gs():
    """A caption reads "Adam" of one network only, or "D's β₁ -1", which nobody can know."""
    own = RunConfig(optimizer="sgd", discriminator_optimizer="adam", discriminator_beta1=0.9)
    assert config_text.caption(own).endswith("SGD · Adam for D · D's β₁ 0.9")
    beside = config_text.caption(RunConfig(), own)
    assert "Same optimiser for D and G · D's β₁ as G's" in beside
    follows = RunConfig(discriminator_beta1=0.9)
    assert config_text.difference_text(RunConfig(), follows) == "D's β₁ 0.9 → as G's. "


def test_a_change_in_mid_run_is_told_and_marked():
    """The run's caption hides that it was rescued, or the chart does not show where."""
    config = RunConfig(steps=1000, freeze_generator=700).changed(
        400, dropout=0.4, learning_rate_ratio=10.0, r1=0.1)
    assert "from step 400: rates D ×10, Dropout in D 0.4, R1 γ 0.1" in config_text.caption(config)
    assert config_text.marks(config) == (
        (400, "rates D ×10, Dropout in D 0.4, R1 γ 0.1"), (700, "G frozen"))
    assert "@" not in config_text.caption(config)
    text = config_text.difference_text(config, RunConfig(freeze_generator=700))
    assert text.startswith("from step 400: ")
    unchanged = RunConfig(freeze_generator=700)
    assert "no change in mid-run" in config_text.difference_text(unchanged, config)
