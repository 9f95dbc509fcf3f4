"""record_run, record_runs: training into a store, so that it survives stops, kills and failures.

The worker and the command line train through this room; what one run writes is `sitting`'s. Torch
is imported only when training begins.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from gan_core.config.run_config import RunConfig
from gan_core.runs.records import Outcome, Record
from gan_core.runs.store import RunStore, StoreError
from gan_core.training.session import ShouldStop, Sitting, Wanted


def record_run(
    store: RunStore,
    config: RunConfig,
    *,
    device: Any = None,
    should_stop: ShouldStop = lambda: None,
    on_record: Callable[[Record], None] = lambda record: None,
    checkpoint_seconds: float = 5.0,
    target: Callable[[], int] | None = None,
) -> Outcome:
    """Train `config` to `config.steps` into the store, from its checkpoint if there is one.

    Ctrl-C stops as `should_stop` does; a second one gives up the steps since the last checkpoint.
    A failure of the training is a value, the outcome "failed", with its traceback in the run's log.
    Raises StoreError if another process is training this run.
    """
    wanted = Wanted(config, should_stop, target, on_record)
    ((_, outcome),) = _recorded(store, [wanted], device, checkpoint_seconds)
    if isinstance(outcome, StoreError):
        raise outcome
    return outcome


def record_runs(
    store: RunStore, wanted: Sequence[Wanted], *, device: Any = None,
    checkpoint_seconds: float = 5.0,
) -> Iterator[tuple[int, Outcome]]:
    """As `record_run`, for runs that the batched trainer can train together: (index, outcome) of
    each as it ends. Those at the same step train together, the others after them. One that another
    process is training, or that cannot be read, ends as "failed"."""
    for index, outcome in _recorded(store, wanted, device, checkpoint_seconds):
        failed = isinstance(outcome, StoreError)
        yield index, Outcome("failed", 0, str(outcome)) if failed else outcome


def _recorded(
    store: RunStore, wanted: Sequence[Wanted], device: Any, checkpoint_seconds: float
) -> Iterator[tuple[int, Outcome | StoreError]]:
    sittings = []
    with contextlib.ExitStack() as ends, _interrupts() as interrupted:
        for index, each in enumerate(wanted):
            lock = ends.enter_context(contextlib.ExitStack())
            try:
                lock.enter_context(store.lock(store.create(each.config)))
                known = _known_outcome(store, each.config)
            except StoreError as error:
                known = error
            if known is not None:
                lock.close()
                yield index, known
                continue
            sittings.append(Sitting(
                store, each, index, lock, device, checkpoint_seconds, interrupted))
        for sitting in _trained(sittings):
            sitting.lock.close()  # before it is told: whoever hears it may go on with the run
            yield sitting.index, sitting.outcome


def _trained(sittings: Sequence[Sitting]) -> Iterator[Sitting]:
    """Train the runs, those at the same step together; each is told as it ends."""
    for sitting in sittings:
        sitting.begin()
    yield from (sitting for sitting in sittings if sitting.outcome is not None)
    pending = [sitting for sitting in sittings if sitting.outcome is None]
    while pending:
        step = min(each.step for each in pending)
        for sitting in _followed([each for each in pending if each.step == step],
                                 [each for each in pending if each.step != step]):
            if sitting.outcome is not None:
                pending.remove(sitting)
                yield sitting


def _followed(sittings: Sequence[Sitting], waiting: list[Sitting]) -> Iterator[Sitting]:
    """Train until each run has ended, or has got a new target; each is told then.

    Those in `waiting` are only asked whether they shall stop.
    """
    from gan_core.training.ensemble import Ensemble

    going, trainings = list(sittings), [sitting.training for sitting in sittings]
    for each in waiting:
        each.wait()
    try:
        together = Ensemble(trainings) if len(trainings) > 1 else None
        for index, record in together or ((0, record) for record in trainings[0]):
            stopped = [each for each in waiting if each.stops()]
            waiting = [each for each in waiting if each not in stopped]
            yield from stopped
            sitting = sittings[index]
            if not sitting.hear(record):
                continue
            going.remove(sitting)
            yield sitting  # first of all: whatever comes next is not its fault
            if not going:
                return
            if not isinstance(record, Outcome):
                together.leave(index)
    except KeyboardInterrupt:  # the second one
        for sitting in going:
            sitting.interrupt()
        yield from going
    except Exception as error:
        for sitting in going:
            sitting.fail(error)
        yield from going


def _known_outcome(store: RunStore, config: RunConfig) -> Outcome | None:
    """The outcome of a run that need not be trained, which stays as it is."""
    snapshot = store.existing_snapshot(config.digest())
    status, steps = snapshot.status, snapshot.history.steps
    if status.state == "diverged":
        return Outcome("diverged", status.step, status.reason, status.seconds)
    reached = steps[-1].step if steps else 0
    # At just config.steps only "finished" tells that the last evaluation is there as well.
    if reached > config.steps or (status.state == "finished" and reached == config.steps):
        return Outcome("finished", reached, seconds=status.seconds)
    return None


@contextlib.contextmanager
def _interrupts() -> Iterator[ShouldStop]:
    """Turn the first Ctrl-C into a reason to stop, so that training ends between two records."""
    interrupted = threading.Event()

    def answer() -> str | None:
        return "interrupted" if interrupted.is_set() else None

    def interrupt(number: int, frame: Any) -> None:
        if interrupted.is_set():
            raise KeyboardInterrupt
        interrupted.set()

    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield answer  # someone else decides what Ctrl-C means
        return
    previous = signal.signal(signal.SIGINT, interrupt)
    try:
        yield answer
    finally:
        signal.signal(signal.SIGINT, previous)
