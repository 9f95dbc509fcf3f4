"""Tiny runs that the tests of training share, the mechanisms they are tried with, and what is asked
of their records."""

from __future__ import annotations

import dataclasses
import functools
import io
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gan_core.config.run_config import RunConfig
from gan_core.data import datasets
from gan_core.runs.records import Record, SampleRecord, StepRecord
from gan_core.training.state import RunNetwork
from gan_core.training.trainer import Trainer, train

TINY = RunConfig(dataset="ring", batch_size=8, latent_dim=4, steps=60, precision="float32")
TINY_IMAGES = RunConfig(batch_size=8, steps=12, training_examples=300, precision="float32")
EVERYTHING: dict[str, Any] = {
    "dropout": 0.4, "input_noise": 0.1, "label_smoothing": 0.1, "fake_label_smoothing": 0.1,
    "label_flips": 0.1}

# What a run can have beyond the plain GAN, by name; of 2-D points.
MECHANISMS: dict[str, dict[str, Any]] = {
    "average": {"ema": 0.9},
    "gradient penalty": {"gradient_penalty": 0.1, "loss": "wasserstein"},
    "R1 and R2": {"r1": 0.1, "r2": 0.1, "loss": "relativistic"},
    "weight clip": {"weight_clip": 0.05, "loss": "wasserstein", "optimizer": "rmsprop"},
    "gradient clip": {"gradient_clip": 0.1},
    "spectral norm": {"spectral_norm": True, "loss": "hinge"},
    "packs": {"packing": 2},
    "PacGAN": {"packing": 2, "architecture": "pacgan_2d", "update_order": "simultaneous"},
    "stddev": {"minibatch_stddev": True},
    "flipped labels": {"label_flips": 0.2, "label_smoothing": 0.1, "input_noise": 0.1, "r1": 0.1},
    "two-sided smoothing": {"label_smoothing": 0.1, "fake_label_smoothing": 0.2,
                            "loss": "least_squares"},
    "an optimiser of D's own": {"discriminator_optimizer": "rmsprop", "discriminator_beta1": 0.9},
    "fading noise": {"input_noise": 0.2, "input_noise_steps": 20},
    "least squares": {"loss": "least_squares", "dropout": 0.2},
    "G first": {"update_order": "generator_first", "generator_steps": 2, "discriminator_steps": 2},
    "simultaneous": {"update_order": "simultaneous", "discriminator_loss": "mean"},
    "frozen": {"freeze_generator": 3, "dropout": 0.2, "architecture": "pacgan_2d"},
    "frozen with average": {"freeze_generator": 27, "ema": 0.9, "spectral_norm": True},
    "balanced": {"balanced_sampling": True, "class_skew": 0.9},
    "scheduled": {"schedule": "@20 dropout=0.4 learning_rate=0.01 discriminator_steps=2 "
                              "@30 loss=hinge r1=0.1 @47 loss=least_squares input_noise=0.2"},
    "scheduled and frozen": {"freeze_generator": 27, "schedule": "@27 learning_rate_ratio=10.0"},
}
IMAGE_MECHANISMS: dict[str, dict[str, Any]] = {
    "augmented": {"augment": True, "balanced_sampling": True, "class_skew": 0.5},
    "frozen": {"freeze_generator": 3, "architecture": "mlp_reference", "ema": 0.9},
    "DCGAN": {"architecture": "dcgan_reference", "dropout": 0.25, "loss": "relativistic"},
}


# --- training ------------------------------------------------------------------------------------


def run(config: RunConfig, **options: Any) -> list[Record]:
    """All records of a run, its outcome last."""
    return list(train(config, device="cpu", **options))


def step_of(trainer: Trainer) -> StepRecord:
    """Train one step, without an evaluation; its record."""
    trainer.train_step()
    record, = trainer.fetch_burst()
    return record


def networks_of(trainer: Trainer) -> dict[str, RunNetwork]:
    """G and D with their optimisers, by name."""
    return {"generator": trainer.state.generator, "discriminator": trainer.state.discriminator}


def last_gradients(trainer: Trainer) -> dict[str, list[Tensor]]:
    """The gradients of each network's last update, by its name; filled while training goes on."""
    gradients_of: dict[str, list[Tensor]] = {}

    def remember(name: str, network: RunNetwork) -> None:
        apply = network.optimizer.apply_gradients

        def remembering(gradients: Sequence[Tensor]) -> None:
            gradients_of[name] = list(gradients)
            apply(gradients)

        network.optimizer.apply_gradients = remembering

    for name, network in networks_of(trainer).items():
        remember(name, network)
    return gradients_of


def draws(trainer: Trainer) -> tuple[Callable[[], Tensor], Callable[[], Tensor]]:
    """What draws the reals and the latents that the trainer will, in 64 bits, from streams of
    their own."""
    batches, stream = (torch.Generator().set_state(trainer.state.draws.streams[name].get_state())
                       for name in ("batches", "latents"))
    size, dim = trainer.config.batch_size, trainer.config.latent_dim
    return (lambda: trainer.state.data.batch(size, batches).double(),
            lambda: torch.randn(size, dim, generator=stream).double())


# --- records -------------------------------------------------------------------------------------


def steps_of(records: Iterable[Record]) -> list[StepRecord]:
    return [record for record in records if isinstance(record, StepRecord)]


def views_of(records: Iterable[Record]) -> dict[str, list[np.ndarray]]:
    """Pictures in order of step, by view."""
    views: dict[str, list[np.ndarray]] = {}
    for record in records:
        if isinstance(record, SampleRecord):
            views.setdefault(record.view, []).append(record.samples)
    return views


def comparable(records: Iterable[Record]) -> list[tuple[int, str, bytes]]:
    """Steps, and the records in a form that compares to the last bit: with pictures, which a
    SampleRecord leaves out, and as words, because NaN does not equal itself."""
    return [
        (record.step, repr(dataclasses.replace(record, **_without_seconds(record))),
         record.samples.tobytes() if isinstance(record, SampleRecord) else b"")
        for record in records
    ]


def _without_seconds(record: Record) -> dict[str, float]:
    return {"seconds": 0.0} if hasattr(record, "seconds") else {}


def is_sound(record: StepRecord) -> bool:
    """Whether all is finite but what only a frozen G has."""
    return all(map(math.isfinite, dataclasses.astuple(record)[:12]))


def saved_and_loaded(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Through a file as the store writes it."""
    file = io.BytesIO()
    torch.save(checkpoint, file)
    file.seek(0)
    return torch.load(file, map_location="cpu", weights_only=True)


# --- numbers -------------------------------------------------------------------------------------


def norm(gradients: Iterable[Tensor]) -> float:
    """L2 norm over all of them, in 64 bits."""
    return math.sqrt(sum(gradient.double().square().sum().item() for gradient in gradients))


def parameters(network: nn.Module) -> Tensor:
    """All of a network's, as one vector."""
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])


def data_read_anew(patch: pytest.MonkeyPatch) -> None:
    """Data sets and their folds, read anew while `patch` is in force, and forgotten after it: what
    is read once a process would stay in double precision where it was first read so."""
    for name in ("whole", "_shuffled", "_folds"):
        patch.setattr(datasets, name, functools.cache(getattr(datasets, name).__wrapped__))
