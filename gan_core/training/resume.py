"""Where a run goes on: from its own checkpoint, from one of a run that was the same until then, or
from the beginning. Torch comes late."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_core.config.run_config import RunConfig
from gan_core.runs.history import History
from gan_core.runs.store import RunStore
from gan_core.training.failures import is_out_of_memory

if TYPE_CHECKING:
    from gan_core.training.trainer import Trainer


@dataclass(frozen=True)
class ResumedRun:
    """A trainer, the last step in the run's history, and its last evaluation's step or −1."""

    trainer: Trainer
    step: int
    last_evaluation: int


def resumed_run(store: RunStore, config: RunConfig, device: Any) -> ResumedRun:
    """A trainer of `config` that goes on from a checkpoint, or begins where there is none to use.

    A run whose settings change in mid-run can go on from one that is the same until then.
    """
    from gan_core.training.trainer import train

    for source, path in _checkpoints(store, config):
        if (run := _from_file(store, source, path, config, device)) is not None:
            return run
    store.rewind(config.digest(), -1)
    return ResumedRun(train(config, device=device), 0, -1)


def _checkpoints(store: RunStore, config: RunConfig) -> Iterator[tuple[str, Path]]:
    """(run, file): the run's own, then those of its origins, which may have been trained past the
    change: then their last good checkpoint before it serves."""
    own = store.checkpoint_path(config.digest())
    if own.exists():
        yield config.digest(), own
    for origin, until in config.origins():
        source = origin.digest()
        if not store.exists(source):
            continue
        if (latest := store.checkpoint_path(source)).exists():
            yield source, latest
        yield from ((source, path) for step, path in store.good_checkpoints(source).items()
                    if step <= until)


def _from_file(
    store: RunStore, source: str, path: Path, config: RunConfig, device: Any
) -> ResumedRun | None:
    """From a checkpoint of run `source`; None if it cannot be used."""
    try:
        return _from_checkpoint(store, source, path, config, device)
    except Exception as error:
        if is_out_of_memory(error):
            raise
        digest = config.digest()
        message = "starting over" if source == digest else f"not going on from {source}"
        store.log(digest, f"{message}: {path.name} is unusable: {error}")
        return None


def _from_checkpoint(
    store: RunStore, source: str, path: Path, config: RunConfig, device: Any
) -> ResumedRun:
    """Raises on any checkpoint that cannot be gone on from; the history is then untouched."""
    import torch

    from gan_core.training.trainer import train

    digest = config.digest()
    checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    recorded = checkpoint["recorded"]
    history = store.existing_snapshot(source).history.until(recorded)
    if len(history.steps) != recorded:
        raise ValueError(f"the history holds {len(history.steps)} of its {recorded} steps")
    trainer = train(config, device=device, resume_from=checkpoint)
    if source != digest:
        store.fork(source, digest, *_only_at_its_end(history))
    store.rewind(digest, recorded)
    last = history.evaluations[-1].step if history.evaluations else -1
    return ResumedRun(trainer, recorded, last)


def _only_at_its_end(history: History) -> tuple[set[int], set[int]]:
    """Steps at which a run was evaluated, and pictured, only because it ended there."""
    from gan_core.training.evaluator import evaluation_due, samples_due

    ends = {each.step for each in history.evaluations if not evaluation_due(each.step)}
    return ends, {step for step in ends if not samples_due(step)}
