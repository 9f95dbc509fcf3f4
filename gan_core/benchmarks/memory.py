"""The memory of a training step at its peak, in exact bytes, read from the tensors.

The same on every device of a precision, and without temporary results; `allocated` is what the
device's allocator reports, temporary results included.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from gan_core.benchmarks.interleaved_timing import TrainingSteps
from gan_core.training.burst import BURST
from gan_core.training.trainer import Trainer

# What takes memory -> in words.
MEMORY_PARTS = {
    "networks": "networks",
    "gradients": "gradients",
    "optimizers": "optimisers' state",
    "data": "data set and fixed latents",
    "activations": "saved for backward",
}


def _bytes(tensors: Iterable[Tensor]) -> int:
    """Bytes of the tensors' storages, each once."""
    storages = [tensor.untyped_storage() for tensor in tensors]
    return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())


def _tensors(holder: Any) -> list[Tensor]:
    """The tensors in a dataclass, a dictionary, or either within."""
    if isinstance(holder, Tensor):
        return [holder]
    inside = holder if isinstance(holder, dict) else getattr(holder, "__dict__", {})
    return [tensor for value in inside.values() for tensor in _tensors(value)]


class SavedForBackward:
    """Counts, while it is entered, what autograd saves for backward passes: bytes at their peak.

    A storage that is saved twice counts once, and those of the `weights` not at all.
    """

    def __init__(self, weights: Iterable[Tensor]) -> None:
        self.weights = {tensor.untyped_storage().data_ptr() for tensor in weights}
        self.uses: Counter[int] = Counter()
        self.now = self.peak = 0
        self.hooks = torch.autograd.graph.saved_tensors_hooks(
            lambda tensor: _SavedTensor(self, tensor), lambda saved: saved.tensor)

    def __enter__(self) -> SavedForBackward:
        self.hooks.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.hooks.__exit__(*error)

    def use(self, tensor: Tensor, change: int) -> None:
        storage = tensor.untyped_storage()
        place = storage.data_ptr()
        if place in self.weights:
            return
        before = self.uses[place] > 0
        self.uses[place] += change
        self.now += ((self.uses[place] > 0) - before) * storage.nbytes()
        self.peak = max(self.peak, self.now)


class _SavedTensor:
    """A tensor for as long as autograd saves it."""

    def __init__(self, saved: SavedForBackward, tensor: Tensor) -> None:
        # Detached: an operation that saves its result would otherwise keep itself alive.
        self.saved, self.tensor = saved, tensor.detach()
        saved.use(tensor, 1)

    def __del__(self) -> None:
        self.saved.use(self.tensor, -1)


def account_memory(trainer: Trainer, steps: int = BURST) -> dict[str, int]:
    """Bytes by MEMORY_PARTS at the peak of `steps` of a session's steps."""
    state = trainer.state
    networks = [state.generator.network, state.discriminator.network]
    networks += [] if state.generator.averaged is None else [state.generator.averaged]
    weights = [tensor for network in networks
               for tensor in (*network.parameters(), *network.buffers())]
    with SavedForBackward(weights) as saved:
        TrainingSteps(trainer).advance(steps)  # of a whole burst, with all that it keeps
    # The gradients of one network are freed before the other's are taken, unless both move at once.
    gradients = [_bytes(state.generator.parameters), _bytes(state.discriminator.parameters)]
    at_once = trainer.settings.update_order == "simultaneous"
    optimizers = [state.generator.optimizer.state, state.discriminator.optimizer.state]
    return {
        "networks": _bytes(weights),
        "gradients": sum(gradients) if at_once else max(gradients),
        "optimizers": _bytes(tensor for entries in optimizers for tensor in _tensors(entries)),
        "data": _bytes([*_tensors(state.data), trainer.evaluator.fixed_latents]),
        "activations": saved.peak,
    }


def allocated(device: torch.device) -> int | None:
    """Bytes that the device's allocator has handed out at most; None where it keeps no account."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if device.type == "mps":  # it keeps what it once took, which is as good as a peak
        return torch.mps.driver_allocated_memory()
    return None
