"""Checkpoints: everything that decides how a run goes on, and how it is read back.

Plain values and tensors only, so that torch.load(weights_only=True) reads it. Records that are made
and not yet yielded travel along: nothing is lost wherever the caller stops.
"""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from gan_core.config.run_config import TRAJECTORY_VERSION, RunConfig
from gan_core.runs.records import EvalRecord, Record, SampleRecord, StepRecord
from gan_core.training.state import TrainingState

if TYPE_CHECKING:
    from gan_core.training.trainer import Trainer


Source = dict[str, Any] | str | Path  # a checkpoint, or the file of one


def save(trainer: Trainer) -> dict[str, Any]:
    """The trainer's state between two records.

    `recorded` is the last step whose StepRecord was yielded.
    """
    waiting_steps = sum(isinstance(record, StepRecord) for record in trainer.waiting)
    last = trainer.step if trainer.first_lost_step is None else trainer.first_lost_step - 1
    streams = trainer.state.draws.streams
    return _cloned({  # training goes on in the same tensors
        "version": TRAJECTORY_VERSION,
        "digest": trainer.config.digest(),
        "device": trainer.device.type,  # random streams of one kind do not fit another
        "step": trainer.step,
        "recorded": last - waiting_steps,
        "seconds": trainer.seconds,
        "begun": trainer.pictured_at_start,
        "owed": trainer.evaluation_at_start_due,
        "lost": trainer.first_lost_step,
        "waiting": [_packed(record) for record in trainer.waiting],
        "random": {name: stream.get_state() for name, stream in streams.items()},
        **{name: part.state_dict() for name, part in _stateful(trainer.state).items()},
    })


def restore(trainer: Trainer, source: Source) -> None:
    """Put a new trainer where a checkpoint, or the file of one, was taken.

    Raises ValueError if it belongs to another config or another kind of device.
    """
    saved = source if isinstance(source, dict) else _loaded(source)
    _refuse_others(saved, trainer.config, trainer.device)
    for name, part in _stateful(trainer.state).items():
        # Optimisers would go on in the checkpoint's own tensors.
        part.load_state_dict(copy.deepcopy(saved[name]))
    for name, stream in trainer.state.draws.streams.items():
        stream.set_state(saved["random"][name])
    trainer.step, trainer.first_lost_step = saved["step"], saved["lost"]
    trainer.stopwatch.seconds = saved["seconds"]
    trainer.pictured_at_start = saved["begun"]
    # Not in checkpoints from before the first evaluation came after its picture.
    trainer.evaluation_at_start_due = saved.get("owed", False)
    trainer.waiting = [_unpacked(packed) for packed in saved["waiting"]]


def _loaded(path: str | Path) -> dict[str, Any]:
    # Generators' states must stay on the CPU; load_state_dict moves the rest.
    return torch.load(path, map_location="cpu", weights_only=True)


def _stateful(state: TrainingState) -> dict[str, Any]:
    parts: dict[str, Any] = {
        "generator": state.generator.network,
        "discriminator": state.discriminator.network,
        "optimizer_g": state.generator.optimizer,
        "optimizer_d": state.discriminator.optimizer,
    }
    if state.generator.averaged is not None:
        parts["averaged"] = state.generator.averaged
    return parts


def _refuse_others(source: dict[str, Any], config: RunConfig, device: torch.device) -> None:
    if not _belongs_to(source, config):
        raise ValueError("the checkpoint belongs to another config or an older trainer.")
    if source["device"] != device.type:
        raise ValueError(
            f"the checkpoint was made on {source['device']}, this device is {device.type}.")


def _belongs_to(source: dict[str, Any], config: RunConfig) -> bool:
    """Whether a checkpoint is of this run, or of one that was the same until then."""
    same_run = (config, source.get("step"))
    return any(
        source.get("digest") == other.digest() and source["step"] <= until
        for other, until in (same_run, *config.origins())
    )


def _cloned(state: Any) -> Any:
    """A copy in tensors of its own: one that is a view would take all it is a part of along, and
    the order in which it lies in memory."""
    if isinstance(state, Tensor):
        return state.detach().clone(memory_format=torch.contiguous_format)
    if isinstance(state, dict):
        return type(state)((key, _cloned(value)) for key, value in state.items())
    if isinstance(state, list | tuple):
        return type(state)(_cloned(value) for value in state)
    return state


RECORD_KINDS = {kind.__name__: kind for kind in (StepRecord, EvalRecord, SampleRecord)}


def _packed(record: Record) -> dict[str, Any]:
    """A record as plain values and tensors, which weights_only loading admits."""
    content = {entry.name: getattr(record, entry.name) for entry in dataclasses.fields(record)}
    if isinstance(record, SampleRecord):
        content["samples"] = torch.from_numpy(record.samples)
    return {"kind": type(record).__name__, **content}


def _unpacked(packed: dict[str, Any]) -> Record:
    content = dict(packed)
    kind = RECORD_KINDS[content.pop("kind")]
    if kind is SampleRecord:
        content["samples"] = content["samples"].numpy()
        if content.pop("averaged", False):  # in checkpoints from before there were other views
            content["view"] = "averaged"
    if kind is EvalRecord:
        content["histogram"] = tuple(content["histogram"])
    return kind(**content)
