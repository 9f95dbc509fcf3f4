"""Tiny runs that the trainer's tests share, and what they ask of them."""

from __future__ import annotations

import dataclasses
import io
import math

import numpy as np
import torch

from gan_core.config.run_config import RunConfig
from gan_core.runs.records import SampleRecord, StepRecord
from gan_core.training.optimizers import Optimizer
from gan_core.training.trainer import Training, train

TINY = RunConfig(dataset="ring", batch_size=8, latent_dim=4, steps=60, precision="float32")
TINY_IMAGES = RunConfig(batch_size=8, steps=12, training_examples=300, precision="float32")
EVERYTHING = {"dropout": 0.4, "input_noise": 0.1, "label_smoothing": 0.1}


def run(config: RunConfig, **options) -> list:
    return list(train(config, device="cpu", **options))


def steps_of(records) -> list[StepRecord]:
    return [record for record in records if isinstance(record, StepRecord)]


def views_of(records) -> dict[str, list[np.ndarray]]:
    """What looks showed, in order of step, by view."""
    found: dict[str, list[np.ndarray]] = {}
    for record in records:
        if isinstance(record, SampleRecord):
            found.setdefault(record.view, []).append(record.samples)
    return found


def told(records) -> list:
    """Steps, and the records in a form that compares to the last bit: with pictures, which a
    SampleRecord leaves out, and as words, because NaN does not equal itself."""
    return [
        (record.step, repr(dataclasses.replace(record, **_still(record))),
         record.samples.tobytes() if isinstance(record, SampleRecord) else b"")
        for record in records
    ]


def _still(record) -> dict:
    return {"seconds": 0.0} if hasattr(record, "seconds") else {}


def is_sound(record: StepRecord) -> bool:
    """Whether all is finite but what only a frozen G has."""
    return all(map(math.isfinite, dataclasses.astuple(record)[:12]))


def saved_and_loaded(checkpoint: dict) -> dict:
    """Through a file as the store writes it."""
    file = io.BytesIO()
    torch.save(checkpoint, file)
    file.seek(0)
    return torch.load(file, map_location="cpu", weights_only=True)


def gradients_kept(training: Training) -> dict[str, list[torch.Tensor]]:
    """Of each network's last update, by its name; filled while the training goes on."""
    kept: dict[str, list[torch.Tensor]] = {}

    def keep(name: str, optimizer: Optimizer) -> None:
        move = optimizer.move
        optimizer.move = lambda gradients: (kept.update({name: list(gradients)}), move(gradients))

    keep("generator", training.optimizer_g)
    keep("discriminator", training.optimizer_d)
    return kept


def norm(gradients: list[torch.Tensor]) -> float:
    """L2 norm over all of them, in 64 bits."""
    return math.sqrt(sum(gradient.double().square().sum().item() for gradient in gradients))


def parameters(network) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])
