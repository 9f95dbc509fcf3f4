"""High computational cost: slow steps count, a slow start does not."""

from __future__ import annotations

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.diagnose import diagnose
from tests.diagnosis.histories import (
    NON_SATURATING,
    SHOWN,
    limit,
    only_finding,
    slow,
)


def test_a_slow_network_is_replaced_first():
    """The published DCGAN on a processor: neither batch nor width brings back a factor of 20."""
    history = SHOWN["computational_cost"][0]
    remedies = only_finding(history, RunConfig(architecture="dcgan_reference")).remedies
    assert [remedy.changes for remedy in remedies[:2]] == [
        {"architecture": "dcgan"}, {"architecture": "mlp"}]
    assert all("width" not in remedy.changes for remedy in remedies)  # it has none to change
    five = only_finding(history, RunConfig(discriminator_steps=5)).remedies
    assert five[0].changes == {"discriminator_steps": 1}


def test_the_start_of_a_run_does_not_count_as_slow_steps():
    """Loading data takes seconds before the first step: that is no verdict on the network."""
    history = slow(step_seconds=0.15)
    assert history.evaluations[-1].seconds / 100 > limit("slow_step")
    assert diagnose(history, NON_SATURATING) == []
