"""Exported programs, executed in this process, and the trainer's run beside them."""

from __future__ import annotations

import contextlib
import io

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gan_core.assets import ASSETS
from gan_core.config.run_config import RunConfig
from gan_core.runs.records import Record
from gan_core.training.trainer import Trainer
from tests.support import fashion
from tests.support.runs import parameters


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
    return Losses(
        np.array([(record.loss_d, record.loss_g) for record in records]),
        parameters(trainer.state.generator.network),
        None if averaged is None else parameters(averaged),
        np.array([(record.grad_norm_minimax, record.grad_norm_non_saturating)
                  for record in records]))


def of_script(text: str, steps: int, data: Path, out: Path) -> Losses:
    """What the script computes when it is called with so many `steps`."""
    needs_data = ["--data", str(data)] if "--data" in text else []
    with _called(["gan.py", "--steps", str(steps), "--out", str(out), *needs_data]):
        return _losses(execute(text))


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


def _losses(names: dict[str, Any]) -> Losses:
    averaged = names.get("averaged")
    return Losses(
        np.array(names["losses"]), parameters(names["generator"]),
        None if averaged is None else parameters(averaged),
        np.array(names.get("gradient_norms", np.zeros((0, 2)))))


@contextlib.contextmanager
def _called(arguments: list[str]) -> Iterator[None]:
    before = sys.argv
    sys.argv = arguments
    try:
        yield
    finally:
        sys.argv = before


def difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The largest between two runs' losses, in shares of their size, of at least 0.1."""
    assert ours.shape == theirs.shape
    return float((np.abs(ours - theirs) / np.maximum(np.abs(theirs), 0.1)).max())
