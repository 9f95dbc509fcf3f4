"""The worker: joins trainer and store. `python -m gan_core.worker` is started by JobQueue.

`record_run` trains one run into a store; the command line uses it as well. `main` serves a queue:

    stdin    {"run": digest, "steps": n, "max_seconds": s}
             {"extend": digest, "steps": n}
             {"stop": digest, "reason": text}
    stdout   {"event": "ready", "device": name, "pid": n}
             {"event": "started", "run": digest}
             {"event": "ended", "run": digest, "outcome": kind, "step": n, "reason": text}

one JSON object a line. At the end of stdin, which is the death of the server, the run is
checkpointed and the process ends. Torch is imported only after the start was announced.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TextIO

from gan_core.config import ConfigError, RunConfig
from gan_core.records import EvalRecord, History, Outcome, Record, SampleRecord, StepRecord
from gan_core.settings import Settings
from gan_core.store import RunStatus, RunStore, StoreError, replacing

REPORT_SECONDS = 0.25  # between two looks that a page can take at a run
RATE_REPORTS = 20  # the rate is that of the last 20 reports: about five seconds
CHECKPOINT_SHARE = 20  # a checkpoint that takes a second comes at most every 20 seconds
SERVER_GONE = "the server was shut down; press Continue to go on"

ShouldStop = Callable[[], "str | None"]


# --- one run ------------------------------------------------------------------------------------


def record_run(
    store: RunStore,
    config: RunConfig,
    *,
    device: Any = None,
    should_stop: ShouldStop = lambda: None,
    on_record: Callable[[Record], None] | None = None,
    checkpoint_seconds: float = 5.0,
    target: Callable[[], int] | None = None,
) -> Outcome:
    """Train `config` to `config.steps` into the store, from its checkpoint if there is one.

    `should_stop` is asked between any two records and gives the reason to stop, or None. `target`
    gives the number of steps wanted now; where it grows past `config.steps`, training goes on to
    there. Ctrl-C stops as `should_stop` does; a second one gives up the steps since the last
    checkpoint. A failure of the training is a value, the outcome "failed", with its traceback in
    the run's log. Raises StoreError if another process is training this run.
    """
    digest = store.create(config)
    with store.lock(digest):
        if (known := _known_outcome(store, config)) is not None:
            return known
        with _interrupts() as interrupted:
            sitting = _Sitting(
                store=store,
                config=config,
                device=device,
                should_stop=lambda: should_stop() or interrupted(),
                on_record=on_record or (lambda record: None),
                checkpoint_seconds=checkpoint_seconds,
                target=target or (lambda: config.steps),
            )
            return sitting.train()


def _known_outcome(store: RunStore, config: RunConfig) -> Outcome | None:
    """The outcome of a run that need not be trained, which stays as it is."""
    snapshot = store.snapshot(config.digest())
    status, steps = snapshot.status, snapshot.history.steps
    if status.state == "diverged":
        return Outcome("diverged", status.step, status.reason, status.seconds)
    reached = steps[-1].step if steps else 0
    # At just config.steps only "finished" tells that the last evaluation is there as well.
    if reached > config.steps or (status.state == "finished" and reached == config.steps):
        return Outcome("finished", reached, seconds=status.seconds)
    return None


class _Sitting:
    """One stretch of training of one run, written into the store while it goes."""

    def __init__(
        self,
        store: RunStore,
        config: RunConfig,
        device: Any,
        should_stop: ShouldStop,
        on_record: Callable[[Record], None],
        checkpoint_seconds: float,
        target: Callable[[], int],
    ) -> None:
        self.store = store
        self.config = config
        self.digest = config.digest()
        self.device = device
        self.should_stop = should_stop
        self.on_record = on_record
        self.checkpoint_seconds = checkpoint_seconds
        self.target = target
        self.training: Any = None
        before = store.snapshot(self.digest).status
        self.status = RunStatus(
            "starting", before.step, config.steps, seconds=before.seconds, device=before.device
        )
        self.evaluated = -1  # the last evaluation in the history
        self._buffer: list[Record] = []
        self._reported = 0.0
        self._saved = time.monotonic()
        self._save_cost = 0.0
        self._progress: deque[tuple[float, int]] = deque(maxlen=RATE_REPORTS)

    def train(self) -> Outcome:
        """Train until the target, a stop, a divergence or a failure."""
        try:
            self._tell("starting")
            goal = max(self.config.steps, self.target())
            self.training = self._resumed(self.config.replace(steps=goal))
            outcome = self._follow()
            while outcome.kind == "finished" and self.target() > goal:
                goal = self.target()
                config = self.config.replace(steps=goal)
                self.training = _train(config, self.device, self.training.checkpoint())
                outcome = self._follow()
        except KeyboardInterrupt:  # the second one: the state may be in the middle of a step
            outcome = Outcome("stopped", self.status.step, "interrupted")
        except Exception as error:
            return self._fail(error)
        self.status = dataclasses.replace(self.status, step=outcome.step)
        self._tell(outcome.kind, outcome.reason)
        return dataclasses.replace(outcome, seconds=self.status.seconds)

    def _follow(self) -> Outcome:
        """Write records as they come, up to an outcome; leaves a checkpoint of that moment."""
        for record in self.training:
            self.on_record(record)
            if isinstance(record, Outcome):
                outcome = record
                break
            self._take(record)
            if (reason := self.should_stop()) is not None:
                outcome = Outcome("stopped", self.status.step, reason)
                break
            self._save_if_due()
        self._flush()
        if outcome.kind != "diverged":  # its networks are no longer worth keeping
            self._save()
        return outcome

    # --- what is written -----------------------------------------------------------------------

    def _take(self, record: Record) -> None:
        if isinstance(record, EvalRecord):
            # Between the checkpoint and the end of its process this one was already written.
            if record.step <= self.evaluated:
                return
            self.evaluated = record.step
        self._buffer.append(record)
        if isinstance(record, StepRecord):
            self.status = dataclasses.replace(self.status, step=record.step)
        seen = isinstance(record, EvalRecord | SampleRecord)
        if seen or time.monotonic() - self._reported >= REPORT_SECONDS:
            self._flush()
            self._tell("running")

    def _flush(self) -> None:
        self.store.append(self.digest, self._buffer)
        self._buffer.clear()

    def _tell(self, state: str, reason: str = "") -> None:
        """Write status.json."""
        steps = max(self.config.steps, self.target())
        self.status = dataclasses.replace(self.status, state=state, steps=steps, reason=reason)
        if self.training is not None:
            self.status = dataclasses.replace(
                self.status, seconds=round(self.training.seconds, 3), **self._pace(steps)
            )
        if state != "running":
            self.status = dataclasses.replace(self.status, seconds_left=None)
        self.store.write_status(self.digest, self.status)
        self._reported = time.monotonic()

    def _pace(self, steps: int) -> dict[str, float | None]:
        now, step = time.monotonic(), self.status.step
        self._progress.append((now, step))
        since, first = self._progress[0]
        if step <= first:
            return {"seconds_left": None}
        rate = (step - first) / max(now - since, 1e-6)
        return {
            "steps_per_second": round(rate, 2),
            "seconds_left": round(max(steps - step, 0) / rate, 1),
        }

    # --- checkpoints ---------------------------------------------------------------------------

    def _save_if_due(self) -> None:
        pause = max(self.checkpoint_seconds, CHECKPOINT_SHARE * self._save_cost)
        if time.monotonic() - self._saved >= pause:
            self._flush()  # the history is never behind the checkpoint
            self._save()

    def _save(self) -> None:
        import torch

        started = time.monotonic()
        with replacing(self.store.checkpoint_path(self.digest)) as path:
            torch.save(self.training.checkpoint(), path)
        self._saved = time.monotonic()
        self._save_cost = self._saved - started

    def _resumed(self, config: RunConfig) -> Any:
        """A training that goes on from the checkpoint, or begins where there is none to use."""
        path = self.store.checkpoint_path(self.digest)
        training = None
        if path.exists():
            try:
                training = self._from_checkpoint(config, path)
            except Exception as error:
                if _out_of_memory(error):
                    raise
                self.store.log(self.digest, f"starting over: {path.name} is unusable: {error}")
        if training is None:
            self.store.rewind(self.digest, -1)
            self.status = dataclasses.replace(self.status, step=0)
            training = _train(config, self.device, None)
        self.status = dataclasses.replace(self.status, device=_device_name(training.device))
        self.store.log(self.digest, f"training from step {self.status.step} to {config.steps} on "
                                    f"{self.status.device}")
        return training

    def _from_checkpoint(self, config: RunConfig, path: Path) -> Any:
        """Raises on any checkpoint that cannot be gone on from; the history is then untouched."""
        import torch

        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        recorded = checkpoint["recorded"]
        history: History = self.store.snapshot(self.digest).history.until(recorded)
        if len(history.steps) != recorded:
            raise ValueError(f"the history holds {len(history.steps)} of its {recorded} steps")
        training = _train(config, self.device, checkpoint)
        self.store.rewind(self.digest, recorded)
        self.evaluated = history.evaluations[-1].step if history.evaluations else -1
        self.status = dataclasses.replace(self.status, step=recorded)
        return training

    # --- failures ------------------------------------------------------------------------------

    def _fail(self, error: Exception) -> Outcome:
        if _out_of_memory(error):
            what = "the training ran out of memory; a smaller batch needs less"
        else:
            what = f"the training failed: {type(error).__name__}: {_first_line(error)}"
        # The disk itself may be what failed.
        with contextlib.suppress(OSError, StoreError):
            self.store.log(self.digest, "".join(traceback.format_exception(error)))
        with contextlib.suppress(OSError, StoreError):
            self._flush()
        with contextlib.suppress(OSError, StoreError):
            self._tell("failed", what)
        return Outcome("failed", self.status.step, what, self.status.seconds)


def _train(config: RunConfig, device: Any, checkpoint: dict | None) -> Any:
    from gan_core.trainer import train

    return train(config, device=device, resume_from=checkpoint)


def _device_name(device: Any) -> str:
    from gan_core.trainer import device_name

    return device_name(device)


def _out_of_memory(error: Exception) -> bool:
    # PyTorch has its own class for a GPU, and for the CPU a RuntimeError with this text.
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or "can't allocate memory" in str(error)
    )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), "no message")[:300]


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


# --- the worker process ---------------------------------------------------------------------------


@dataclasses.dataclass
class _Order:
    """One {"run": …} and what was said about it since."""

    digest: str
    steps: int
    max_seconds: float = float("inf")
    stop: str | None = None


class _Orders:
    """What the server wants, read from its pipe by a thread of its own."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._waiting: SimpleQueue[_Order | None] = SimpleQueue()
        self._latest: dict[str, _Order] = {}
        self.closed = threading.Event()
        threading.Thread(target=self._read, daemon=True, name="orders").start()

    def __iter__(self) -> Iterator[_Order]:
        while (order := self._waiting.get()) is not None and not self.closed.is_set():
            yield order

    def close(self) -> None:
        """The server is gone, or wants to be rid of us."""
        self.closed.set()
        self._waiting.put(None)

    def _read(self) -> None:
        try:
            for line in self._stream:
                self._obey(json.loads(line))
        finally:
            self.close()

    def _obey(self, message: dict[str, Any]) -> None:
        if "run" in message:
            order = _Order(message["run"], message["steps"], message.get("max_seconds", 1e9))
            self._latest[order.digest] = order
            self._waiting.put(order)
        elif "extend" in message and (order := self._latest.get(message["extend"])):
            order.steps = max(order.steps, message["steps"])
        elif "stop" in message and (order := self._latest.get(message["stop"])):
            order.stop = message["reason"]


class _Worker:
    def __init__(self, settings: Settings, orders: _Orders, protocol: int) -> None:
        self.store = RunStore(settings.store, settings.store_megabytes)
        self.settings = settings
        self.orders = orders
        self.protocol = protocol

    def tell(self, event: str, **content: Any) -> None:
        line = json.dumps({"event": event, **content}) + "\n"
        try:
            os.write(self.protocol, line.encode())
        except OSError:
            self.orders.close()

    def serve(self) -> None:
        from gan_core import trainer

        device = trainer.pick_device(self.settings.device)
        trainer.warm_up(device)
        self.tell("ready", device=trainer.device_name(device), pid=os.getpid())
        for order in self.orders:
            self.tell("started", run=order.digest)
            outcome = self._run(order, device)
            self.tell("ended", run=order.digest, outcome=outcome.kind, step=outcome.step,
                      reason=outcome.reason)

    def _run(self, order: _Order, device: Any) -> Outcome:
        started = time.monotonic()

        def should_stop() -> str | None:
            if self.orders.closed.is_set():
                return SERVER_GONE
            if time.monotonic() - started > order.max_seconds:
                return (f"reached the limit of {order.max_seconds:g} s for one sitting; "
                        "press Continue to go on")
            return order.stop

        try:
            config = self.store.config(order.digest).replace(steps=order.steps)
            return record_run(self.store, config, device=device, should_stop=should_stop,
                              target=lambda: order.steps)
        except (StoreError, ConfigError, OSError) as error:
            # The run is another's, or gone: its status is not ours to write.
            return Outcome("failed", 0, str(error))


def _claim_stdout() -> int:
    """Keep the real stdout for the protocol; whatever libraries print goes to stderr."""
    protocol = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return protocol


def main() -> None:
    """Serve the queue on stdin until it closes or SIGTERM comes."""
    protocol = _claim_stdout()
    settings = Settings.from_environment()
    # Read by the thread pools below PyTorch when they are loaded, so it comes before the import.
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(settings.threads)
    # Ctrl-C goes to the whole process group; the server ends its workers by closing their stdin.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    orders = _Orders(sys.stdin)
    signal.signal(signal.SIGTERM, lambda number, frame: orders.close())
    code = 0
    try:
        import torch

        torch.set_num_threads(settings.threads)
        _Worker(settings, orders, protocol).serve()
    except Exception:
        traceback.print_exc()
        code = 1
    # The thread that reads stdin holds a lock that an orderly exit would wait for.
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
