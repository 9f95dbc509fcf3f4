"""Runs trained together, against each of them trained alone."""

from __future__ import annotations

import dataclasses
import io

import pytest
import torch
from torch import Tensor

from gan_core.config.batching import STACKABLE, batch_key
from gan_core.config.choices import ARCHITECTURES, LOSSES, OPTIMIZERS
from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError
from gan_core.runs.records import EvalRecord, Outcome, SampleRecord, StepRecord
from gan_core.training import devices, trainer
from gan_core.training.ensemble import Ensemble
from gan_core.training.trainer import Trainer

CPU = torch.device("cpu")
RING = RunConfig(dataset="ring", width=0.25, batch_size=16, latent_dim=8, steps=60)


def seeds(config: RunConfig, count: int = 3) -> list[RunConfig]:
    return [config.replace(seed=seed) for seed in range(count)]


# Name -> configs that differ in numbers alone.
BANDS: dict[str, list[RunConfig]] = {
    **{f"loss {name}": seeds(RING.replace(loss=name)) for name in LOSSES},
    **{f"optimizer {name}": seeds(RING.replace(optimizer=name)) for name in OPTIMIZERS},
    **{f"order {name}": seeds(RING.replace(update_order=name))
       for name in ("discriminator_first", "generator_first", "simultaneous")},
    "learning rates": [RING.replace(learning_rate=rate, learning_rate_ratio=ratio, beta1=beta)
                       for rate, ratio, beta in ((1e-4, 1.0, 0.5), (1e-3, 3.0, 0.0),
                                                 (2e-3, 0.1, 0.9), (1e-4, 1.0, 0.5))],
    "smoothing": [RING.replace(label_smoothing=value) for value in (0.0, 0.1, 0.3)],
    "two-sided smoothing": [RING.replace(fake_label_smoothing=value) for value in (0.0, 0.1, 0.3)],
    "flipped labels": [RING.replace(label_flips=value, label_smoothing=value, seed=seed)
                       for value, seed in ((0.1, 0), (0.3, 1), (0.3, 2))],
    "equally many flips": seeds(RING.replace(label_flips=0.2, fake_label_smoothing=0.1, packing=2)),
    "optimiser of D": [RING.replace(discriminator_optimizer="sgd", discriminator_beta1=value)
                       for value in (-1.0, 0.0, 0.9)],
    "momentum of D": [RING.replace(discriminator_beta1=value) for value in (-1.0, 0.0, 0.9)],
    "dropout": [RING.replace(dropout=value, seed=3) for value in (0.1, 0.5)],
    "noise": [RING.replace(input_noise=value, input_noise_steps=20) for value in (0.1, 0.4)],
    "gradient penalty": [RING.replace(loss="wasserstein", gradient_penalty=value,
                                      discriminator_steps=2) for value in (1.0, 10.0)],
    "r1": [RING.replace(r1=value) for value in (0.1, 2.0)],
    "r1 and r2": [RING.replace(loss="relativistic", r1=value, r2=1.0) for value in (0.1, 2.0)],
    "weight clip": [RING.replace(loss="wasserstein", optimizer="rmsprop", weight_clip=value)
                    for value in (0.01, 0.1)],
    "gradient clip": seeds(RING.replace(gradient_clip=0.05)),
    "spectral norm": seeds(RING.replace(loss="hinge", spectral_norm=True)),
    "packs": seeds(RING.replace(packing=2, minibatch_stddev=True)),
    "two of G": seeds(RING.replace(generator_steps=2, discriminator_loss="mean")),
    "average": seeds(RING.replace(ema=0.9)),
    "few examples": seeds(RING.replace(training_examples=100, class_skew=0.5,
                                       balanced_sampling=True)),
    "pacgan": seeds(RING.replace(architecture="pacgan_2d", width=1.0, ema=0.9), 2),
    "images": seeds(RunConfig(batch_size=8, width=0.25, training_examples=500), 2),
    "reference": seeds(RunConfig(architecture="mlp_reference", batch_size=8,
                                 training_examples=500), 2),
}


def state(training: Trainer) -> list[Tensor]:
    """Everything that decides what comes next."""
    content = training.checkpoint()
    tensors: list[Tensor] = []

    def collect(value) -> None:
        if isinstance(value, Tensor):
            tensors.append(value)
        for inside in value.values() if isinstance(value, dict) else ():
            collect(inside)

    for name in ("generator", "discriminator", "optimizer_g", "optimizer_d", "random"):
        collect(content[name])
    collect(content.get("averaged", {}))
    return tensors


@pytest.mark.parametrize("band", BANDS)
@pytest.mark.usefixtures("plain_step")
def test_each_run_is_trained_as_if_alone(band, in_64_bits):
    """Otherwise a band would show other runs than the page does one by one."""
    configs = BANDS[band]
    together, alone = Ensemble(configs, CPU), [Trainer(config, CPU) for config in configs]
    for _ in range(5):
        together.train_step()
        for training in alone:
            training.train_step()
    together.fetch_burst()
    for ours, theirs in zip(together.members, alone, strict=True):
        for a, b in zip(state(ours), state(theirs), strict=True):
            torch.testing.assert_close(a, b, atol=1e-9, rtol=1e-7)
        for mine, other in zip(ours.waiting, theirs.fetch_burst(), strict=True):
            assert dataclasses.astuple(mine) == pytest.approx(
                dataclasses.astuple(other), abs=1e-9, rel=1e-7, nan_ok=True)


@pytest.mark.usefixtures("plain_step")
def test_a_batch_of_one_is_a_single_run(in_64_bits):
    """Otherwise the step, the clip of gradients or the bursts of the batched trainer would be
    others than the single one's: every record, also its evaluations and their pictures' steps."""
    config = RING.replace(steps=60, gradient_clip=0.05, dropout=0.2, input_noise=0.1, ema=0.9,
                          loss="hinge", r1=0.5, discriminator_steps=2)
    together = [record for _, record in Ensemble([config], CPU)]
    alone = list(Trainer(config, CPU))
    assert [(type(each), each.step) for each in together] == [
        (type(each), each.step) for each in alone]
    clipped = 0
    for ours, theirs in zip(together, alone, strict=True):
        if isinstance(ours, StepRecord):
            assert dataclasses.astuple(ours) == pytest.approx(
                dataclasses.astuple(theirs), abs=1e-9, rel=1e-6, nan_ok=True)
            clipped += ours.grad_norm_d > 0.05
        if isinstance(ours, EvalRecord):
            assert ours.metrics == pytest.approx(theirs.metrics, rel=1e-3)
        if isinstance(ours, SampleRecord):
            assert ours.samples == pytest.approx(theirs.samples, abs=1e-5)
    assert clipped > 30


@pytest.mark.parametrize("band", [
    name for name, configs in BANDS.items() if batch_key(configs[0]) is not None])
def test_company_does_not_show_in_a_history(band):
    """A GAN amplifies rounding: a cell of a map would get another verdict than the same run has
    when it is trained by itself. With 64 scores: of fewer than 32, or of what is left of a multiple
    of 32, torch takes the logarithms one by one, and rounds them in another way."""
    usual = [config.replace(batch_size=64 * config.packing) for config in BANDS[band]]
    configs = [*usual, usual[0].replace(seed=7, beta1=0.3)]
    together, alone = Ensemble(configs, CPU), [Trainer(config, CPU) for config in configs]
    for _ in range(20):
        together.train_step()
        for training in alone:
            training.train_step()
    together.fetch_burst()
    for ours, theirs in zip(together.members, alone, strict=True):
        assert ours.waiting == theirs.fetch_burst()
        for a, b in zip(state(ours), state(theirs), strict=True):
            assert torch.equal(a, b)


def test_every_network_that_is_said_to_stack_does():
    """Otherwise the queue would send a worker a batch that it cannot train."""
    assert {band[0].architecture for band in BANDS.values()} == set(STACKABLE)
    assert set(STACKABLE) <= set(ARCHITECTURES)


def test_records_are_those_of_each_run_alone():
    """A run's history must not show whether it had company: same records, in the same order."""
    configs = seeds(RING.replace(steps=260), 2)
    records_of: list[list] = [[] for _ in configs]
    for index, record in Ensemble(configs, CPU):
        records_of[index].append(record)
    for config, records in zip(configs, records_of, strict=True):
        alone = list(trainer.train(config, device="cpu"))
        for kind in (StepRecord, EvalRecord, SampleRecord, Outcome):
            ours, theirs = ([each for each in side if isinstance(each, kind)]
                            for side in (records, alone))
            assert [each.step for each in ours] == [each.step for each in theirs]
        assert records[-1].kind == "finished"
        # Steps come with the evaluation that they led to, never after it.
        evaluated = [i for i, each in enumerate(records) if isinstance(each, EvalRecord)]
        for i in evaluated:
            before = [each.step for each in records[:i] if isinstance(each, StepRecord)]
            assert max(before, default=0) == records[i].step
        ours, theirs = ([each.loss_d for each in side if isinstance(each, StepRecord)][:30]
                        for side in (records, alone))
        assert ours == pytest.approx(theirs, rel=1e-3)


def test_a_run_that_leaves_can_be_trained_on_by_itself():
    """It would count its steps, and its weights would stand still."""
    configs = seeds(RING.replace(batch_size=64))
    together, alone = Ensemble(configs, CPU), Trainer(configs[0], CPU)
    for _ in range(3):
        together.train_step()
    together.leave(0)
    for _ in range(3):
        together.members[0].train_step()
    for _ in range(6):
        alone.train_step()
    for a, b in zip(state(together.members[0]), state(alone), strict=True):
        assert torch.equal(a, b)


def test_pictures_of_all_come_before_any_evaluation():
    """Otherwise the last of eight runs would wait for seven evaluations to show its first one."""
    kinds = []
    for _, record in Ensemble(seeds(RING), CPU):
        kinds.append(type(record))
        if len(kinds) == 3:
            break
    assert kinds == [SampleRecord] * 3


def test_one_that_diverges_leaves_the_others_alone(in_64_bits):
    """One bad learning rate of a sweep must not cost the rest."""
    wild = RING.replace(loss="wasserstein", optimizer="sgd", steps=40)
    configs = [wild.replace(learning_rate=rate) for rate in (1e-3, 1.0, 2e-3)]
    ends = {index: record for index, record in Ensemble(configs, CPU)
            if isinstance(record, Outcome)}
    assert [ends[index].kind for index in range(3)] == ["finished", "diverged", "finished"]
    alone = Trainer(configs[2], CPU)
    for _ in alone:
        pass
    together = Ensemble(configs, CPU)
    for _ in together:
        pass
    for a, b in zip(state(together.members[2]), state(alone), strict=True):
        torch.testing.assert_close(a, b, atol=1e-9, rtol=1e-6)


def test_ends_come_one_by_one():
    """A shorter run of a batch is done when it is done."""
    configs = [RING.replace(steps=steps, seed=steps) for steps in (30, 10, 20)]
    order = [(index, record.step) for index, record in Ensemble(configs, CPU)
             if isinstance(record, Outcome)]
    assert order == [(1, 10), (2, 20), (0, 30)]


def test_one_can_leave_and_go_on_alone(in_64_bits):
    """Stop in one of eight windows, and Continue there: as if it had never had company."""
    configs = seeds(RING.replace(steps=40))
    together = Ensemble(configs, CPU)
    left = None
    for index, record in together:
        assert left is None or index != 1, "it still gets records"
        if left is None and index == 1 and record.step >= 25:
            together.members[1].take_waiting()
            left = together.members[1].checkpoint()
            together.leave(1)
    stored = io.BytesIO()
    torch.save(left, stored)
    stored.seek(0)
    again = Trainer(configs[1], CPU, torch.load(stored, weights_only=True))
    for _ in again:
        pass
    alone = Trainer(configs[1], CPU)
    for _ in alone:
        pass
    for a, b in zip(state(again), state(alone), strict=True):
        torch.testing.assert_close(a, b, atol=1e-9, rtol=1e-7)


def test_those_that_were_resumed_go_on_together(in_64_bits):
    """A band is continued as it was begun."""
    configs = seeds(RING.replace(steps=30))
    halves = [Trainer(config.replace(steps=15), CPU) for config in configs]
    for half in halves:
        for _ in half:
            pass
    resumed = [Trainer(config, CPU, half.checkpoint())
               for config, half in zip(configs, halves, strict=True)]
    for _ in Ensemble(resumed):
        pass
    for config, training in zip(configs, resumed, strict=True):
        alone = Trainer(config, CPU)
        for _ in alone:
            pass
        assert training.step == 30
        for a, b in zip(state(training), state(alone), strict=True):
            torch.testing.assert_close(a, b, atol=1e-9, rtol=1e-7)


def test_a_checkpoint_holds_its_own_run_alone():
    """A view would drag all runs of the batch into every file."""

    def size(training: Trainer) -> int:
        stored = io.BytesIO()
        torch.save(training.checkpoint(), stored)
        return stored.tell()

    together, alone = Ensemble(seeds(RING, 8), CPU), Trainer(RING, CPU)
    together.train_step()
    alone.train_step()
    assert size(together.members[0]) == pytest.approx(size(alone), rel=0.02)


@pytest.mark.parametrize("other", [
    {"batch_size": 8}, {"loss": "hinge"}, {"dropout": 0.2}, {"width": 0.5}, {"ema": 0.9},
])
def test_runs_of_different_structure_are_refused(other):
    """Otherwise one of them would silently be trained as the other."""
    with pytest.raises(ValueError, match="numbers alone"):
        Ensemble([RING, RING.replace(**other)], CPU)


@pytest.mark.parametrize("config", [
    RunConfig(architecture="dcgan", width=0.25), RING.replace(freeze_generator=10),
    RING.replace(steps=500).changed(100, dropout=0.3),
])
def test_what_cannot_be_stacked_is_refused(config):
    with pytest.raises(ValueError, match="by itself"):
        Ensemble([config, config.replace(seed=1)], CPU)


@pytest.mark.parametrize("settings", [
    {"spectral_norm": True}, {"minibatch_stddev": True}, {"packing": 2}, {"gradient_penalty": 1.0},
    {"r1": 1.0, "dropout": 0.2}, {"ema": 0.9}, {"weight_clip": 0.01},
], ids=lambda settings: " ".join(settings))
@pytest.mark.parametrize("architecture", STACKABLE)
def test_every_mechanism_stacks_with_every_network(architecture, settings):
    """A run that rides along with another's must not end both in an error."""
    kinds = ARCHITECTURES[architecture].kinds
    dataset = "ring" if "points" in kinds else "mnist"
    try:
        config = RunConfig(dataset=dataset, architecture=architecture, batch_size=8,
                           training_examples=500, **settings)
    except ConfigError as error:
        pytest.skip(str(error))  # the rules refuse it on the pages, too
    together, alone = Ensemble(seeds(config, 2), CPU), Trainer(config, CPU)
    for _ in range(2):
        together.train_step()
        alone.train_step()
    together.fetch_burst()
    ours, theirs = together.members[0].waiting[-1], alone.fetch_burst()[-1]
    assert (ours.loss_d, ours.loss_g) == pytest.approx((theirs.loss_d, theirs.loss_g), rel=1e-3)


@pytest.mark.gpu
@pytest.mark.parametrize("band", ["optimizer adam", "weight clip", "average", "learning rates"])
def test_runs_train_together_on_a_gpu(band):
    """Rows of stacks, fused updates and limits must all be on the device."""
    configs, device = BANDS[band], devices.pick_device("auto")
    together, alone = Ensemble(configs, device), Trainer(configs[0], device)
    for _ in range(3):
        together.train_step()
        alone.train_step()
    together.fetch_burst()
    ours, theirs = together.members[0].waiting[-1], alone.fetch_burst()[-1]
    assert ours.loss_d == pytest.approx(theirs.loss_d, rel=1e-3)
