"""What limits D's slope: which penalty fits the data and the loss, and what is said without any."""

from __future__ import annotations

import pytest

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.causes import UNLIMITED
from gan_core.diagnosis.limits_of_d import flat_at_the_data, gradient_penalty, unlimited_critic
from gan_core.diagnosis.verdict import verdict
from tests.diagnosis.histories import COLLAPSED, History, evaluations, only_finding, steps

CRITIC = RunConfig(loss="wasserstein")
LIMITS = {"gradient_penalty": 1.0, "weight_clip": 0.01, "r1": 1.0, "spectral_norm": True}
COLLAPSE = History(steps(2500), evaluations(2500, after=1000, **COLLAPSED))


@pytest.mark.parametrize("name", LIMITS)
def test_any_limit_on_its_slope_makes_a_critic_a_limited_one(name):
    assert unlimited_critic(CRITIC)
    assert not unlimited_critic(CRITIC.replace(**{name: LIMITS[name]}))


def test_only_the_loss_of_a_critic_needs_a_limit():
    assert not unlimited_critic(RunConfig())


def test_penalties_are_weaker_where_modes_are_narrow_and_stronger_for_a_critic():
    """The published weights keep D too flat to see the modes of 2-D points."""
    ring = RunConfig(dataset="ring")
    critic_of_points = ring.replace(loss="wasserstein")
    assert flat_at_the_data(ring).changes["r1"] < flat_at_the_data(critic_of_points).changes["r1"]
    assert flat_at_the_data(critic_of_points).changes["r1"] < flat_at_the_data(
        RunConfig()).changes["r1"]
    assert gradient_penalty(ring).changes["gradient_penalty"] < gradient_penalty(
        RunConfig()).changes["gradient_penalty"]


def test_a_failure_of_an_unlimited_critic_names_the_missing_limit():
    """D need not be right more often than others: its slope is what has no bounds."""
    judged = verdict(COLLAPSE, CRITIC)
    assert judged.cause == "discriminator_ahead"
    assert judged.headline == f"Mode collapse: {UNLIMITED}."
    assert set(judged.remedies[0].changes) & set(LIMITS)


def test_a_d_that_is_ahead_by_its_rate_is_still_called_so():
    finding = only_finding(COLLAPSE, RunConfig(learning_rate_ratio=20.0))
    assert (finding.cause, finding.because) == ("discriminator_ahead", "D is too far ahead")
