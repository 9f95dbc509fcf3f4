"""Checkpoints: everything that decides how a run goes on, and how it is read back.

Plain values and tensors only, so that torch.load(weights_only=True) reads it; `session` writes the
file of a run and `resume` reads it. Records that are made and not yet yielded travel along: nothing
is lost wherever the caller stops.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from gan_core.config.run_config import TRAJECTORY_VERSION, RunConfig
from gan_core.runs.records import EvalRecord, Record, SampleRecord, StepRecord
from gan_core.system import files
from gan_core.training.failures import is_out_of_memory
from gan_core.training.state import TrainingState

Source = dict[str, Any] | str | Path  # a checkpoint, or the file of one


@dataclass
class Progress:
    """How far a run is, beside what its networks have learned and what its streams will draw.

    `first_nonfinite_step` is the first one with a number that was NaN or infinite; `waiting` are
    records made but not yet yielded. The picture of the untrained generator is yielded before its
    evaluation is made.
    """

    step: int = 0
    seconds: float = 0.0
    first_nonfinite_step: int | None = None
    pictured_at_start: bool = False
    evaluation_at_start_due: bool = False
    waiting: list[Record] = dataclasses.field(default_factory=list)

    @property
    def recorded(self) -> int:
        """The last step whose StepRecord was yielded."""
        waiting_steps = sum(isinstance(record, StepRecord) for record in self.waiting)
        last = self.step if self.first_nonfinite_step is None else self.first_nonfinite_step - 1
        return last - waiting_steps


def save(state: TrainingState, progress: Progress) -> dict[str, Any]:
    """A run between two records."""
    streams = state.draws.streams
    return _cloned({  # training goes on in the same tensors
        "version": TRAJECTORY_VERSION,
        "digest": state.config.digest(),
        "device": state.device.type,  # random streams of one kind do not fit another
        "step": progress.step,
        "recorded": progress.recorded,
        "seconds": progress.seconds,
        "begun": progress.pictured_at_start,
        "owed": progress.evaluation_at_start_due,
        "lost": progress.first_nonfinite_step,
        "waiting": [_packed(record) for record in progress.waiting],
        "random": {name: stream.get_state() for name, stream in streams.items()},
        **{name: part.state_dict() for name, part in _stateful(state).items()},
    })


def write(checkpoint: dict[str, Any], path: Path) -> None:
    """Replace the file of a checkpoint. Raises OSError."""
    # Through memory: of a full disk PyTorch knows only where in its own code it failed.
    content = io.BytesIO()
    torch.save(checkpoint, content)
    files.write(path, content.getbuffer())


def restore(state: TrainingState, source: Source) -> Progress:
    """Put a new state where a checkpoint, or the file of one, was taken; how far that was.

    Raises ValueError if it cannot be read, or belongs to another config or kind of device.
    """
    with _damage_refused():
        saved = source if isinstance(source, dict) else _loaded(source)
        _refuse_others(saved, state.config, state.device)
        for name, part in _stateful(state).items():
            # Optimisers would go on in the checkpoint's own tensors.
            part.load_state_dict(copy.deepcopy(saved[name]))
        for name, stream in state.draws.streams.items():
            stream.set_state(saved["random"][name])
        return Progress(
            saved["step"], saved["seconds"], saved["lost"], saved["begun"],
            # Older checkpoints lack this key: they evaluated before yielding the first samples.
            saved.get("owed", False), [_unpacked(packed) for packed in saved["waiting"]])


# What reading a file that is missing, torn or no checkpoint at all ends in.
DAMAGE = (OSError, EOFError, LookupError, TypeError, AttributeError, RuntimeError, UnpicklingError)


@contextlib.contextmanager
def _damage_refused() -> Iterator[None]:
    """Any damage as a ValueError of one sentence; a lack of memory is none."""
    try:
        yield
    except DAMAGE as error:
        if is_out_of_memory(error):
            raise
        raise ValueError(
            f"the checkpoint cannot be read: {type(error).__name__}: {error}.") from error


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
    """A copy in tensors of its own: saving a view would save the whole tensor that it is a part of,
    and keep its strides."""
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
