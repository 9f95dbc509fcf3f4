"""Exported programs, executed in this process, and the trainer's run beside them."""

from __future__ import annotations

import contextlib
import functools
import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor

from gan_core.assets import ASSETS
from gan_core.config.run_config import RunConfig
from gan_core.runs.records import Record
from gan_core.training import layers
from gan_core.training import trainer as trainers
from gan_core.training.trainer import Trainer
from tests.support import fashion
from tests.support.runs import data_read_anew, parameters


@dataclass(frozen=True)
class Losses:
    """Of D and of G in each step, (steps, 2); the weights of G, and of its average if there is one,
    at the end; norms of a frozen G's gradients, (steps since, 2)."""

    losses: np.ndarray
    generator: Tensor
    averaged: Tensor | None = None
    norms: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))


def put_mnist(folder: Path) -> None:
    """The bundled MNIST, as torchvision's MNIST looks for it."""
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    with np.load(ASSETS / "mnist.npz", allow_pickle=False) as bundle:
        for part, ours in (("train", "train"), ("t10k", "test")):
            for kind, ending in (("images", "idx3"), ("labels", "idx1")):
                content = fashion.idx(bundle[f"{ours}_{kind}"])
                (raw / f"{part}-{kind}-{ending}-ubyte").write_bytes(content)


def of_trainer(config: RunConfig, steps: int) -> Losses:
    """The trainer's own losses, without its evaluations, which never touch them."""
    trainer = Trainer(config, "cpu")
    records: list[Record] = []
    while len(records) < steps:
        trainer.train_step()
        if not (record := trainer.fetch_burst()):
            break  # the run has diverged
        records += record
    averaged = trainer.state.generator.averaged
    if len(records) < steps:  # G has taken a step that D's records do not have
        return Losses(np.array([(record.loss_d, record.loss_g) for record in records]),
                      torch.zeros(0), None)
    return Losses(
        np.array([(record.loss_d, record.loss_g) for record in records]),
        parameters(trainer.state.generator.network),
        None if averaged is None else parameters(averaged),
        np.array([(record.grad_norm_minimax, record.grad_norm_non_saturating)
                  for record in records]))


def of_script(text: str, steps: int, data: Path, out: Path) -> Losses:
    """What the script computes when it is called with so many `steps`."""
    return losses_of(run_script(text, steps, data, out))


def run_script(text: str, steps: int, data: Path, out: Path) -> dict[str, Any]:
    """The names of a script after it has run."""
    needs_data = ["--data", str(data)] if "--data" in text else []
    with _called(["gan.py", "--steps", str(steps), "--out", str(out), *needs_data]):
        return execute(text)


def execute(text: str, names: dict[str, Any] | None = None) -> dict[str, Any]:
    """The names of a program after it has run; what it prints is thrown away."""
    names = {"__name__": "__main__"} if names is None else names
    state = torch.random.get_rng_state()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(text, "gan.py", "exec"), names)
    finally:
        torch.random.set_rng_state(state)
    return names


def losses_of(names: dict[str, Any]) -> Losses:
    """What is left in the names of a program."""
    averaged = names.get("averaged")
    return Losses(
        np.array(names["losses"]), parameters(names["generator"]),
        None if averaged is None else parameters(averaged),
        np.array(names.get("gradient_norms", np.zeros((0, 2)))))


@contextlib.contextmanager
def quick() -> Iterator[None]:
    """MNIST is read once, and a trainer loads no classifier: neither changes a loss."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torchvision.datasets, "MNIST", _mnist)
        patch.setattr(trainers, "prepare", lambda config, device: None)
        yield


_mnist = functools.cache(torchvision.datasets.MNIST)


@contextlib.contextmanager
def in_64_bits() -> Iterator[None]:
    """Everything in double precision, so that no difference is left that is rounding."""
    with pytest.MonkeyPatch.context() as patch:
        data_read_anew(patch)
        patch.setattr(layers, "_MEETING", layers._MEETING.double())
        patch.setattr(Tensor, "float", lambda self: self.double())
        torch.set_default_dtype(torch.float64)
        try:
            yield
        finally:
            torch.set_default_dtype(torch.float32)


@contextlib.contextmanager
def _called(arguments: list[str]) -> Iterator[None]:
    before = sys.argv
    sys.argv = arguments
    try:
        yield
    finally:
        sys.argv = before


def difference(ours: Losses, theirs: Losses) -> float:
    """The largest between two runs: of losses in shares of their size, of at least 0.1; of the
    weights of G, and of its average, in shares of their norm; of a frozen G's gradients."""
    found = [_relative(ours.losses, theirs.losses, 0.1),
             _between_weights(ours.generator, theirs.generator)]
    if theirs.averaged is not None and ours.averaged is not None:
        found.append(_between_weights(ours.averaged, theirs.averaged))
    if len(ours.norms):
        found.append(_relative(ours.norms, theirs.norms[-len(ours.norms):], 1e-3))
    return max(found)


def _relative(ours: np.ndarray, theirs: np.ndarray, least: float) -> float:
    assert ours.shape == theirs.shape
    return float((np.abs(ours - theirs) / np.maximum(np.abs(theirs), least)).max())


def _between_weights(ours: Tensor, theirs: Tensor) -> float:
    return ((ours - theirs).norm() / theirs.norm()).item()
