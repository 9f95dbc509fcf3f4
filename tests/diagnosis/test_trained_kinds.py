"""Small runs that were really trained, each with one fault of a kind: is it seen, and named?

The settings are others than those of `gan_core.config.cases`. Runs of one shape share a batch.
"""

from __future__ import annotations

import functools
from collections.abc import Hashable

import pytest

from gan_core.config.batching import batch_key
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.verdict import Verdict, verdict
from gan_core.runs.history import History
from gan_core.runs.records import EvalRecord, Outcome, StepRecord
from gan_core.training.ensemble import Ensemble

RING = RunConfig(dataset="ring", learning_rate=1e-3, r1=0.1, batch_size=128, latent_dim=2,
                 beta2=0.99, steps=1000)

# name -> (what is set, the causes that somebody who knows GANs would name, one of which is mended)
FAULTS: dict[str, tuple[RunConfig, set[str], set[str]]] = {
    "a rate far too small": (
        RING.replace(learning_rate=4e-6), {"rate_too_small"}, {"learning_rate"}),
    "a rate far too large": (
        RING.replace(learning_rate=0.3), {"rate_too_large"}, {"learning_rate"}),
    "a D that hardly learns": (
        RING.replace(learning_rate_ratio=0.012), {"discriminator_too_weak"},
        {"learning_rate_ratio"}),
    "a penalty far too strong": (RING.replace(r1=45.0), {"constraint_too_strong"}, {"r1"}),
    "noise that hides the data": (
        RING.replace(input_noise=0.7), {"noise_too_strong"}, {"input_noise_steps", "input_noise"}),
    "long momentum": (RING.replace(beta1=0.97), {"momentum"}, {"beta1"}),
    "plain gradients at Adam's rate": (
        RING.replace(optimizer="sgd"), {"optimizer", "rate_too_small"},
        {"optimizer", "learning_rate"}),
    "plain gradients of D alone": (
        RING.replace(discriminator_optimizer="sgd"), {"optimizer"}, {"discriminator_optimizer"}),
    "labels that say nothing": (
        RING.replace(label_flips=0.5), {"discriminator_too_weak"}, {"label_flips"}),
    "hardly any units left": (
        RING.replace(dropout=0.8), {"discriminator_too_weak"}, {"dropout"}),
    "weights held tight": (
        RING.replace(r1=0.0, weight_clip=0.01), {"constraint_too_strong"}, {"weight_clip"}),
}
HEALTHY = {"the base": RING.replace(steps=2000), "a little smoothing": RING.replace(
    steps=2000, label_smoothing=0.1)}


@functools.cache
def verdicts() -> dict[str, Verdict]:
    """Of all runs, by name; each batch is trained once."""
    configs = {name: fault[0] for name, fault in FAULTS.items()} | HEALTHY
    batches: dict[Hashable, list[str]] = {}
    for name, config in configs.items():
        batches.setdefault((batch_key(config), config.steps), []).append(name)
    judged = {}
    for names in batches.values():
        histories = _trained([configs[name] for name in names])
        judged |= {name: verdict(history, configs[name])
                   for name, history in zip(names, histories, strict=True)}
    return judged


def _trained(configs: list[RunConfig]) -> list[History]:
    steps, evaluations = ([[] for _ in configs] for _ in range(2))
    outcomes = [Outcome("finished", config.steps) for config in configs]
    for index, record in Ensemble(configs, device="cpu"):
        if isinstance(record, StepRecord):
            steps[index].append(record)
        elif isinstance(record, EvalRecord):
            evaluations[index].append(record)
        elif isinstance(record, Outcome):
            outcomes[index] = record
    return [History(*parts) for parts in zip(steps, evaluations, outcomes, strict=True)]


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_seen_named_and_its_setting_changed(name: str) -> None:
    """Whoever believes the verdict changes what it says."""
    judged, (_, causes, knobs) = verdicts()[name], FAULTS[name]
    assert judged.state in ("failing", "diverged"), judged
    assert judged.cause in causes, (judged.headline, judged.cause)
    assert set(judged.remedies[0].changes) & knobs, judged.remedies[0]


@pytest.mark.parametrize("name", HEALTHY)
def test_a_run_that_works_is_green(name: str) -> None:
    """A verdict that fails everything would pass the tests above."""
    assert verdicts()[name].state == "healthy", verdicts()[name]
