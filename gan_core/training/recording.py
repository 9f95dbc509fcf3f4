"""record_run, record_runs: training into a store, so that it survives stops, kills and failures.

The worker and the command line train through these two; `session` is one run's part. Torch is
imported only when training begins.
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
from gan_core.training.failures import failure_text
from gan_core.training.session import Session, SessionRequest, ShouldStop, ignore, never


def record_run(
    store: RunStore,
    config: RunConfig,
    *,
    device: Any = None,
    should_stop: ShouldStop = never,
    on_record: Callable[[Record], None] = ignore,
    checkpoint_seconds: float = 5.0,
    target: Callable[[], int] | None = None,
) -> Outcome:
    """Train `config` to `config.steps` into the store, from its checkpoint if there is one.

    Ctrl-C stops as `should_stop` does; a second one gives up the steps since the last checkpoint.
    A failure of the training is a value, the outcome "failed", with its traceback in the run's log.
    Raises StoreError if another process is training this run.
    """
    request = SessionRequest(config, should_stop, target, on_record)
    ((_, outcome),) = _outcomes(store, [request], device, checkpoint_seconds)
    if isinstance(outcome, StoreError):
        raise outcome
    return outcome


def record_runs(
    store: RunStore, requests: Sequence[SessionRequest], *, device: Any = None,
    checkpoint_seconds: float = 5.0,
) -> Iterator[tuple[int, Outcome]]:
    """As `record_run`, for runs that the batched trainer can train together: (index, outcome) of
    each as it ends. Those at the same step train together, the others after them. One that another
    process is training, or that cannot be read, ends as "failed"."""
    for index, outcome in _outcomes(store, requests, device, checkpoint_seconds):
        if isinstance(outcome, StoreError):
            outcome = Outcome("failed", 0, failure_text(outcome, "training"))
        yield index, outcome


def _outcomes(
    store: RunStore, requests: Sequence[SessionRequest], device: Any, checkpoint_seconds: float
) -> Iterator[tuple[int, Outcome | StoreError]]:
    sessions = []
    with contextlib.ExitStack() as all_locks, _interrupts() as interrupted:
        for index, request in enumerate(requests):
            lock = all_locks.enter_context(contextlib.ExitStack())
            outcome: Outcome | StoreError | None
            try:
                lock.enter_context(store.lock(store.create(request.config)))
                outcome = _known_outcome(store, request.config)
            except StoreError as error:
                outcome = error
            if outcome is not None:
                lock.close()
                yield index, outcome
                continue
            sessions.append(Session(
                store, request, index, lock, device, checkpoint_seconds, interrupted))
        for session in _train_all(sessions):
            session.lock.close()  # first of all: whoever gets the outcome may go on with the run
            if session.outcome is not None:
                yield session.index, session.outcome


def _train_all(sessions: Sequence[Session]) -> Iterator[Session]:
    """Train the runs, those at the same step together; each is yielded as it ends."""
    for session in sessions:
        session.begin()
    yield from (session for session in sessions if session.outcome is not None)
    pending = [session for session in sessions if session.outcome is None]
    while pending:
        step = min(session.active_trainer.step for session in pending)
        for session in _train_together(
                [session for session in pending if session.active_trainer.step == step],
                [session for session in pending if session.active_trainer.step != step]):
            if session.outcome is not None:
                pending.remove(session)
                yield session


def _train_together(
    sessions: Sequence[Session], waiting: list[Session]
) -> Iterator[Session]:
    """Train until each run has ended, or has got a new target; each is yielded then.

    Those in `waiting` are only asked whether they shall stop.
    """
    active = list(sessions)
    for session in waiting:
        session.wait()
    try:
        records, leave = _records_of(sessions)
        for index, record in records:
            for session in waiting:
                session.stop_if_asked()
            yield from (session for session in waiting if session.outcome is not None)
            waiting = [session for session in waiting if session.outcome is None]
            session = sessions[index]
            if not session.write(record):
                continue
            active.remove(session)
            yield session  # first of all: whatever comes next is not its fault
            if not active:
                return
            if not isinstance(record, Outcome):
                leave(index)
    except KeyboardInterrupt:  # the second one
        for session in active:
            session.interrupt()
        yield from active
    except Exception as error:
        for session in active:
            session.fail(error)
        yield from active


def _records_of(
    sessions: Sequence[Session]
) -> tuple[Iterator[tuple[int, Record]], Callable[[int], None]]:
    """(index, record) of all, as one batch if there are several; and what ends one of them."""
    if len(sessions) == 1:
        return ((0, record) for record in sessions[0].active_trainer), lambda index: None
    from gan_core.training.ensemble import Ensemble

    ensemble = Ensemble([session.active_trainer for session in sessions])
    return iter(ensemble), ensemble.leave


def _known_outcome(store: RunStore, config: RunConfig) -> Outcome | None:
    """The outcome of a run that need not be trained, which stays as it is."""
    snapshot = store.existing_snapshot(config.digest())
    status, steps = snapshot.status, snapshot.history.steps
    if status.state == "diverged":
        return Outcome("diverged", status.step, status.reason, status.seconds)
    reached = steps[-1].step if steps else 0
    # At just config.steps only "finished" says that the last evaluation is there as well.
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
