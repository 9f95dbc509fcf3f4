"""The worker process, `python -m gan_core.serving.worker`: trains runs and measures prices.

One JSON object a line:

    stdin    {"runs": {digest: steps, …}, "max_seconds": s,      trained together
              "configs": {digest: config, …}}
             {"extend": digest, "steps": n}
             {"price": name, "request": {"config": …, "base": …, "side": n}}
             {"stop": digest or name, "reason": text}
    stdout   {"event": "ready", "device": name, "pid": n}
             {"event": "started", "run": digest or name}
             {"event": "ended", "run": digest or name, "outcome": kind, "step": n, "reason": text}

Of a run without a config its folder holds one; with it, a folder that another server has removed
while the run waited is made once more. Each run of an order ends by itself. A price has no steps:
its n is 0.

At the end of stdin, as when the server dies, runs are checkpointed and the process ends.
Torch is imported only after the thread that reads orders has started.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import math
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from typing import Any, TextIO

from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError
from gan_core.cost.prices import PriceRequest, PriceStore
from gan_core.runs.records import Outcome
from gan_core.runs.store import RunStore, StoreError
from gan_core.system.settings import Settings
from gan_core.training.failures import failure_text
from gan_core.training.recording import record_runs
from gan_core.training.session import SessionRequest

SERVER_GONE = "the server was shut down; press Continue to go on"


@dataclass
class _Task:
    """A run to be trained or a price to be measured, as the server's messages describe it."""

    name: str  # the run's digest, or the request's name
    steps: int = 0  # a run's target, which may be raised while it trains
    config: dict[str, Any] | None = None  # a run's, where the order holds it
    stop: str | None = None  # the reason to stop

    def target(self) -> int:
        return self.steps


@dataclass
class _Runs:
    """An order to train runs together."""

    tasks: list[_Task]
    max_seconds: float


@dataclass
class _PriceOrder:
    """An order to measure one price."""

    tasks: list[_Task]  # of length 1
    request: dict[str, Any]


_Order = _Runs | _PriceOrder


class _Orders:
    """The server's orders, read from its pipe by a thread of its own."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._waiting: SimpleQueue[_Order | None] = SimpleQueue()
        self._latest: dict[str, _Task] = {}
        self.closed = threading.Event()
        threading.Thread(target=self._read, daemon=True, name="orders").start()

    def __iter__(self) -> Iterator[_Order]:
        while (order := self._waiting.get()) is not None and not self.closed.is_set():
            yield order

    def forget(self, task: _Task) -> None:
        """The task has ended; it may have been ordered again meanwhile."""
        if self._latest.get(task.name) is task:
            del self._latest[task.name]

    def close(self) -> None:
        """The server is gone, or ends this process."""
        self.closed.set()
        self._waiting.put(None)

    def _read(self) -> None:
        try:
            for line in self._stream:
                self._obey(json.loads(line))
        finally:
            self.close()

    def _obey(self, message: dict[str, Any]) -> None:
        if "runs" in message:
            configs = message.get("configs", {})
            tasks = [_Task(name, steps, configs.get(name))
                     for name, steps in message["runs"].items()]
            self._take(_Runs(tasks, message.get("max_seconds", math.inf)))
        elif "price" in message:
            self._take(_PriceOrder([_Task(message["price"])], message["request"]))
        elif "extend" in message and (task := self._latest.get(message["extend"])):
            task.steps = max(task.steps, message["steps"])
        elif "stop" in message and (task := self._latest.get(message["stop"])):
            task.stop = message["reason"]

    def _take(self, order: _Order) -> None:
        self._latest |= {task.name: task for task in order.tasks}
        self._waiting.put(order)


class _Worker:
    """Carries out one order after another and reports to the server, through `protocol`."""

    def __init__(self, settings: Settings, orders: _Orders, protocol: int) -> None:
        self.store = RunStore(settings.store, settings.store_megabytes)
        self.settings = settings
        self.orders = orders
        self.protocol = protocol  # a file descriptor

    def serve(self) -> None:
        """Carry out orders until the server is gone."""
        from gan_core.training import devices, trainer

        device = devices.pick_device(self.settings.device)
        trainer.warm_up(device)
        self._report("ready", device=devices.device_name(device), pid=os.getpid())
        for order in self.orders:
            for task in order.tasks:
                self._report("started", run=task.name)
            for task, outcome in self._outcomes(order, device):
                self.orders.forget(task)
                self._report("ended", run=task.name, outcome=outcome.kind, step=outcome.step,
                             reason=outcome.reason)
            give_memory_back()

    def _report(self, event: str, **content: Any) -> None:
        line = json.dumps({"event": event, **content}) + "\n"
        try:
            os.write(self.protocol, line.encode())
        except OSError:
            self.orders.close()

    def _outcomes(self, order: _Order, device: Any) -> Iterator[tuple[_Task, Outcome]]:
        """The tasks of an order with their outcomes, as they end."""
        if isinstance(order, _PriceOrder):
            (task,) = order.tasks
            yield task, self._measure(task, order.request, device)
        else:
            yield from self._train(order, device)

    def _train(self, order: _Runs, device: Any) -> Iterator[tuple[_Task, Outcome]]:
        deadline = time.monotonic() + order.max_seconds
        unfinished: list[_Task] = []
        requests: list[SessionRequest] = []
        for task in order.tasks:
            try:
                config = self._config(task).replace(steps=task.steps)
            except (StoreError, ConfigError) as error:
                yield task, Outcome("failed", 0, failure_text(error, "training"))
            else:
                should_stop = partial(self._reason_to_stop, task, deadline, order.max_seconds)
                requests.append(SessionRequest(config, should_stop, task.target))
                unfinished.append(task)
        tasks = list(unfinished)
        try:
            for index, outcome in record_runs(self.store, requests, device=device):
                unfinished.remove(tasks[index])
                yield tasks[index], outcome
        except Exception as error:  # whatever it is, the next order is carried out
            traceback.print_exc()
            for task in unfinished:
                yield task, Outcome("failed", 0, failure_text(error, "training"))

    def _config(self, task: _Task) -> RunConfig:
        if task.config is None:
            return self.store.config(task.name)
        return RunConfig.from_dict(task.config)

    def _reason_to_stop(
        self, task: _Task, deadline: float = math.inf, max_seconds: float = math.inf
    ) -> str | None:
        if self.orders.closed.is_set():
            return SERVER_GONE
        if time.monotonic() > deadline:
            return f"the {max_seconds:g} s limit was reached; press Continue to resume"
        return task.stop

    def _measure(self, task: _Task, request: dict[str, Any], device: Any) -> Outcome:
        from gan_core.benchmarks.price_measurement import Interrupted, price

        should_stop = partial(self._reason_to_stop, task)
        try:
            measured = price(PriceRequest.from_dict(request), device, should_stop)
            PriceStore(self.settings.store).write(measured)
        except Interrupted as stop:
            return Outcome("stopped", 0, str(stop))
        except Exception as error:  # whatever it is, it costs this price alone
            traceback.print_exc()
            return Outcome("failed", 0, failure_text(error, "measurement"))
        return Outcome("finished", 0)


def _claim_stdout() -> int:
    """Keep the real stdout for messages to the server; what libraries print goes to stderr.

    Returns the file descriptor of the real one.
    """
    protocol = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return protocol


def give_memory_back() -> None:
    """To the system, for other workers' runs: glibc would keep most of what a large run has freed.
    """
    gc.collect()
    with contextlib.suppress(OSError, AttributeError, TypeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


def yield_to_the_web_process(nice: int) -> None:
    """A page waits for no step: whoever trains takes the processor that others leave."""
    if hasattr(os, "nice"):  # not on Windows
        os.nice(nice)


def main() -> None:
    """Carry out the orders on stdin until it closes or SIGTERM comes."""
    protocol = _claim_stdout()
    settings = Settings.from_environment()
    yield_to_the_web_process(settings.nice)
    # Read by the thread pools below PyTorch when they are loaded, so it comes before the import.
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(settings.threads)
    # Ctrl-C goes to the whole process group; the server ends its workers by closing their stdin.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    orders = _Orders(sys.stdin)
    signal.signal(signal.SIGTERM, lambda number, frame: orders.close())
    code = 0
    try:
        from gan_core.training.devices import set_up_process

        set_up_process(settings.threads)
        _Worker(settings, orders, protocol).serve()
    except Exception:
        traceback.print_exc()
        code = 1
    # The thread that reads stdin holds a lock that an orderly exit would wait for.
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
