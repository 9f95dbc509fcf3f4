"""Many runs trained into a store, several processes at a time. Finished ones are not trained again.

Torch is imported only where something is trained.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from itertools import chain, islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

from gan_core.config.run_config import RunConfig
from gan_core.exploration.planner import Batch, batches
from gan_core.runs.store import RunStore
from gan_core.training.recording import record_run, record_runs
from gan_core.training.session import SessionRequest

Task = TypeVar("Task")


def train_all(
    configs: Iterable[RunConfig], store: RunStore, device: Any, workers: int,
    on_trained: Callable[[int, int], None] = lambda count, total: None, *, batched: bool = False,
) -> bool:
    """Train what the store does not hold yet, in `workers` processes; False if interrupted.

    `on_trained(count, total)` is called after each run, or batch: if `batched`, runs that differ in
    numbers alone train as one. A run that failed does not stop the others: its outcome is in the
    store.
    """
    missing = [config for config in dict.fromkeys(configs) if not _is_trained(store, config)]
    count = 0
    for wave in _waves(missing):
        planned = batches(wave) if batched else [(config,) for config in wave]
        for batch, ended in train_batches(planned, store, device, workers):
            if not ended:
                return False
            count += len(batch)
            on_trained(count, len(missing))
    return True


def _waves(configs: list[RunConfig]) -> list[list[RunConfig]]:
    """The configs in groups, one after the other: two that are one run of different length, which
    only one process at a time can train, stand in different groups, the shorter one first."""
    waves: list[list[RunConfig]] = []
    met: Counter[str] = Counter()
    for config in sorted(configs, key=lambda config: config.steps):
        place = met[config.digest()]
        met[config.digest()] += 1
        if place == len(waves):
            waves.append([])
        waves[place].append(config)
    return waves


def train_batches(
    planned: Iterable[Batch], store: RunStore, device: Any, workers: int
) -> Iterator[tuple[Batch, bool]]:
    """Train each batch as one, in `workers` processes: each as it ends, and whether it came to its
    end; False if interrupted. Whoever leaves the loop waits for the batches that are under way."""
    yield from in_processes(
        functools.partial(_train, store.root, device=device), planned, workers)


def _is_trained(store: RunStore, config: RunConfig) -> bool:
    snapshot = store.snapshot(config.digest())
    return snapshot is not None and snapshot.holds(config.steps)


def in_processes(
    work: Callable[[Task], bool], tasks: Iterable[Task], workers: int
) -> Iterator[tuple[Task, bool]]:
    """Each task, and whether its work came to its end, as they do; False if interrupted. A task is
    taken from `tasks` only when a process has time for it."""
    waiting = iter(tasks)
    first = list(islice(waiting, workers))
    if len(first) < 2:
        yield from ((task, work(task)) for task in chain(first, waiting))
        return
    # Forking a process with torch's threads in it can hang.
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        running = {pool.submit(work, task): task for task in first}
        try:
            while running:
                ended, _ = wait(running, return_when=FIRST_COMPLETED)
                results = [(running.pop(future), future.result()) for future in ended]
                for task in islice(waiting, len(ended)):  # nobody waits for what the caller does
                    running[pool.submit(work, task)] = task
                yield from results
        except KeyboardInterrupt:
            yield first[0], False
        finally:
            pool.shutdown(cancel_futures=True)


def _train(root: Path, batch: Batch, device: Any) -> bool:
    """False if interrupted; what was trained until then is in the store."""
    if len(batch) == 1:
        outcomes = [record_run(RunStore(root), batch[0], device=device)]
    else:
        requests = [SessionRequest(config) for config in batch]
        outcomes = [outcome for _, outcome in record_runs(RunStore(root), requests, device=device)]
    return not any(outcome.kind == "stopped" for outcome in outcomes)
