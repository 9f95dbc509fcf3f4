"""The runs of an audit: trained into a store, and measured there on fresh samples.

What was measured stands beside the run, in `audit.json`: the quality of its samples after so many
steps, null where it had diverged. So an audit that was interrupted goes on where it stopped.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gan_core.config.batching import MOST_RUNS, batch_key
from gan_core.config.run_config import RunConfig
from gan_core.runs.history import History
from gan_core.runs.records import Outcome
from gan_core.runs.store import RunStore
from gan_core.system import files
from gan_core.training.checkpoint import restore
from gan_core.training.recording import record_run, record_runs
from gan_core.training.session import SessionRequest
from gan_core.training.state import TrainingState
from gan_core.verification.audit_labels import FRESH_SEED, IMAGES, POINTS, Quality, quality
from gan_core.verification.parallel_training import in_processes

FILE = "audit.json"
Measured = dict[int, Quality | None]  # by step; None: it had diverged by then
Reached = Callable[[int, int], None]  # how many runs are done, and of how many


# --- what is known of a run -----------------------------------------------------------------------


def measured(store: RunStore, config: RunConfig) -> Measured:
    """What was measured of a run so far."""
    path = store.root / config.digest() / FILE
    if not path.exists():
        return {}
    content = json.loads(path.read_text(encoding="utf-8"))
    return {int(step): values and Quality(**values) for step, values in content.items()}


def history(store: RunStore, config: RunConfig) -> History:
    """As a viewer saw it when the run had come to its `steps`, however far it has gone since."""
    whole = store.existing_snapshot(config.digest()).history
    until, outcome = whole.until(config.steps), whole.outcome
    # An update that breaks G is noticed one step later.
    diverged = outcome and outcome.kind == "diverged" and outcome.step <= config.steps + 1
    ended = outcome if diverged else Outcome("finished", config.steps)
    return History(until.steps, until.evaluations, ended)


def _write(store: RunStore, config: RunConfig, more: Measured) -> None:
    known = measured(store, config) | more
    content = {step: value and dataclasses.asdict(value) for step, value in sorted(known.items())}
    files.write(store.root / config.digest() / FILE, json.dumps(content, indent=1).encode())


# --- training -------------------------------------------------------------------------------------


def measure_all(
    configs: Iterable[RunConfig], shares: Sequence[float], store: RunStore, device: Any,
    workers: int, on_reached: Reached = lambda count, total: None,
) -> bool:
    """Train each run to these shares of its steps, in rising order, and measure it at each.

    Runs that can be trained as one batch are. False if interrupted.
    """
    missing = [config for config in dict.fromkeys(configs) if _marks(store, config, shares)]
    work = functools.partial(_measure, store.root, shares=tuple(shares), device=device)
    count = 0
    for batch, ended in in_processes(work, _batches(missing), workers):
        if not ended:
            return False
        count += len(batch)
        on_reached(count, len(missing))
    return True


def _marks(store: RunStore, config: RunConfig, shares: Sequence[float]) -> list[int]:
    """The steps at which a run is still to be measured."""
    known = measured(store, config)
    return [step for step in (round(share * config.steps) for share in shares)
            if step not in known]


def _batches(configs: Iterable[RunConfig]) -> list[list[RunConfig]]:
    """The longest first, so that the last process to end does not begin late."""
    groups: dict[Hashable, list[RunConfig]] = {}
    for config in configs:
        groups.setdefault((batch_key(config) or config, config.steps), []).append(config)
    batches = [group[start:start + MOST_RUNS] for group in groups.values()
               for start in range(0, len(group), MOST_RUNS)]
    return sorted(batches, key=lambda batch: -len(batch) * batch[0].steps)


def _measure(root: Path, batch: list[RunConfig], shares: Sequence[float], device: Any) -> bool:
    """Train a batch from one mark to the next and measure it there; False if interrupted."""
    store = RunStore(root)
    for share in shares:
        due = [config.replace(steps=steps) for config in batch
               if (steps := round(share * config.steps)) in _marks(store, config, [share])]
        for config in due:
            _start_over_if_beyond(store, config)
        for config, outcome in _trained(store, due, device):
            if outcome.kind == "stopped":
                return False
            if outcome.kind != "failed":  # a failure of this machine says nothing about the run
                _write(store, config, {config.steps: _quality(store, config, outcome, device)})
    return True


def _start_over_if_beyond(store: RunStore, config: RunConfig) -> None:
    """A run that has gone past a step without being measured there is trained again; what was
    measured before is kept."""
    snapshot = store.snapshot(config.digest())
    if snapshot is not None and snapshot.history.last_step > config.steps:
        known = measured(store, config)
        store.delete(config.digest())
        store.create(config)
        _write(store, config, known)


def _trained(
    store: RunStore, configs: list[RunConfig], device: Any
) -> Iterator[tuple[RunConfig, Outcome]]:
    if len(configs) == 1:
        yield configs[0], record_run(store, configs[0], device=device)
        return
    requests = [SessionRequest(config) for config in configs]
    for index, outcome in record_runs(store, requests, device=device):
        yield configs[index], outcome


# --- fresh samples --------------------------------------------------------------------------------


def _quality(store: RunStore, config: RunConfig, outcome: Outcome, device: Any) -> Quality | None:
    """Of a run that has just come to its steps."""
    if outcome.kind == "diverged":
        return None
    samples = fresh_samples(store, config, device)
    return quality(samples, config) if samples.isfinite().all() else None


@torch.no_grad()
def fresh_samples(store: RunStore, config: RunConfig, device: Any = "cpu") -> Tensor:
    """(n, d) of the generator in the run's checkpoint, from latents that no evaluation uses."""
    state = TrainingState(config, torch.device(device))
    restore(state, store.checkpoint_path(config.digest()))
    generator = state.generator.network.eval()
    count = POINTS if config.card.kind == "points" else IMAGES
    random = torch.Generator().manual_seed(FRESH_SEED)
    latents = torch.randn(count, config.latent_dim, generator=random).to(state.device)
    return torch.cat([generator(part).float() for part in latents.split(250)]).cpu()
