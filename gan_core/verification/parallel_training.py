"""Many runs trained into a store, several processes at a time. Finished ones are not trained again.

Torch is imported only where something is trained.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from gan_core.config.batching import batch_key
from gan_core.config.run_config import RunConfig
from gan_core.runs.store import RunStore
from gan_core.training.recording import record_run, record_runs
from gan_core.training.session import SessionRequest


def train_all(
    configs: Iterable[RunConfig], store: RunStore, device: Any, workers: int,
    on_trained: Callable[[int, int], None] = lambda count, total: None, batched: bool = False,
) -> bool:
    """Train what the store does not hold yet, in `workers` processes; False if interrupted.

    `on_trained(count, total)` is called after each run, or batch: if `batched`, runs that differ in
    numbers alone train as one, to the same numbers within float tolerance. A run that failed does
    not stop the others: its outcome is in the store.
    """
    missing = [config for config in dict.fromkeys(configs) if not _is_trained(store, config)]
    batches = _batches(missing) if batched else [(config,) for config in missing]
    count = 0
    for trained in _train_missing(batches, store.root, device, workers):
        if not trained:
            return False
        count += trained
        on_trained(count, len(missing))
    return True


def _batches(configs: Iterable[RunConfig]) -> list[tuple[RunConfig, ...]]:
    batches: dict[Hashable, list[RunConfig]] = {}
    for config in configs:
        batches.setdefault(batch_key(config) or config.digest(), []).append(config)
    return [tuple(batch) for batch in batches.values()]


def _is_trained(store: RunStore, config: RunConfig) -> bool:
    snapshot = store.snapshot(config.digest())
    return snapshot is not None and snapshot.holds(config.steps)


def _train_missing(
    batches: Sequence[tuple[RunConfig, ...]], root: Path, device: Any, workers: int
) -> Iterator[int]:
    """How many runs each batch has brought to their ends, as it does; 0 if interrupted."""
    if workers == 1 or len(batches) < 2:
        yield from (_train(root, batch, device) for batch in batches)
        return
    # Forking a process with torch's threads in it can hang.
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        futures = [pool.submit(_train, root, batch, device) for batch in batches]
        try:
            yield from (future.result() for future in as_completed(futures))
        except KeyboardInterrupt:
            yield 0
        finally:
            pool.shutdown(cancel_futures=True)


def _train(root: Path, batch: Sequence[RunConfig], device: Any) -> int:
    """How many runs were trained; 0 if interrupted: what was trained until then is in the store."""
    if len(batch) == 1:
        outcomes = [record_run(RunStore(root), batch[0], device=device)]
    else:
        requests = [SessionRequest(config) for config in batch]
        outcomes = [outcome for _, outcome in record_runs(RunStore(root), requests, device=device)]
    return 0 if any(outcome.kind == "stopped" for outcome in outcomes) else len(batch)
