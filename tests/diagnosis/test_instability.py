"""Instability and divergence: swings that come back, and losses that run away; nothing else."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.diagnose import diagnose
from gan_core.runs.history import History
from tests.diagnosis.histories import (
    NON_SATURATING,
    SHOWN,
    evaluations,
    only_finding,
    steps,
    swinging,
    symptoms,
)


def test_the_noise_of_single_batches_is_no_swing():
    """Small batches make D's scores jump from step to step; only slower swings are the failure."""
    random = np.random.default_rng(0)
    noisy = [dataclasses.replace(r, score_real=random.choice([0.1, 0.9])) for r in steps(1000)]
    assert diagnose(History(noisy, evaluations()), NON_SATURATING) == []


@pytest.mark.parametrize("size", [0.9, 0.3])
def test_a_thinned_history_has_the_same_findings(size):
    """Recorded runs store every few steps: their verdict must be that of the whole run."""
    whole = History(swinging(3000, after=1000, size=size), evaluations(3000))
    thin = whole.thinned(600)
    assert symptoms(thin) == symptoms(whole)
    for before, after in zip(diagnose(whole, NON_SATURATING), diagnose(thin, NON_SATURATING),
                             strict=True):
        assert abs(before.since - after.since) <= 30


@pytest.mark.parametrize("towards", [0.95, 0.05])
def test_one_network_that_pulls_ahead_is_no_oscillation(towards):
    """D winning more and more is another failure, or none: neither network comes back."""
    made = steps(1000)
    for i in range(700, 1000):
        score = 0.5 + (towards - 0.5) * (i - 700) / 300
        made[i] = dataclasses.replace(made[i], score_real=score, score_fake=1 - score)
    assert diagnose(History(made, evaluations()), NON_SATURATING) == []


def test_large_gradients_alone_are_no_divergence():
    """Sharp modes lead to norms of several hundred in runs that end well."""
    growing = steps(after=800, grad_norm_g=400.0)
    assert diagnose(History(growing, evaluations()), NON_SATURATING) == []


@pytest.mark.parametrize("name", ["instability", "divergence"])
def test_a_critic_without_limits_is_limited_first(name):
    """A Wasserstein critic that nothing limits is the cause, whatever else would calm it."""
    history = SHOWN[name][0]
    bare = RunConfig(loss="wasserstein", learning_rate=1e-3)
    first = only_finding(history, bare).remedies[0].changes
    assert {"gradient_penalty", "spectral_norm"} & set(first)
    limited = only_finding(history, bare.replace(gradient_penalty=10.0)).remedies
    assert all("gradient_penalty" not in remedy.changes for remedy in limited)
