"""The worker process, `python -m gan_core.serving.worker`: trains and prices what the pool sends.

One JSON object a line:

    stdin    {"runs": {digest: steps, …}, "max_seconds": s}      trained together
             {"extend": digest, "steps": n}
             {"price": name, "request": {"config": …, "base": …, "side": n}}
             {"stop": digest or name, "reason": text}
    stdout   {"event": "ready", "device": name, "pid": n}
             {"event": "started", "run": digest or name}
             {"event": "ended", "run": digest or name, "outcome": kind, "step": n, "reason": text}

Each run of an order ends by itself. A price has no steps: its n is 0.

At the end of stdin, which is the death of the server, the run is checkpointed and the process ends.
Torch is imported only once the orders are being read.
"""

from __future__ import annotations

import json
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

from gan_core.config.validation import ConfigError
from gan_core.cost.prices import PriceRequest, PriceStore
from gan_core.runs.records import Outcome
from gan_core.runs.store import RunStore, StoreError
from gan_core.system.settings import Settings
from gan_core.training.recording import record_runs
from gan_core.training.session import Wanted, failure

SERVER_GONE = "the server was shut down; press Continue to go on"


@dataclass
class _Task:
    """A run or a price, and what was said about it since its order came."""

    name: str
    steps: int = 0
    stop: str | None = None


@dataclass
class _Order:
    """One {"runs": …} or {"price": …}."""

    tasks: list[_Task]
    max_seconds: float = float("inf")
    request: dict[str, Any] | None = None  # of a price


class _Orders:
    """What the server wants, read from its pipe by a thread of its own."""

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
        """Its end is told; it may have been ordered again meanwhile."""
        if self._latest.get(task.name) is task:
            del self._latest[task.name]

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
        if "runs" in message:
            tasks = [_Task(name, steps) for name, steps in message["runs"].items()]
            self._take(_Order(tasks, message.get("max_seconds", 1e9)))
        elif "price" in message:
            self._take(_Order([_Task(message["price"])], request=message["request"]))
        elif "extend" in message and (task := self._latest.get(message["extend"])):
            task.steps = max(task.steps, message["steps"])
        elif "stop" in message and (task := self._latest.get(message["stop"])):
            task.stop = message["reason"]

    def _take(self, order: _Order) -> None:
        self._latest |= {task.name: task for task in order.tasks}
        self._waiting.put(order)


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
        from gan_core.training import devices, trainer

        device = devices.pick_device(self.settings.device)
        trainer.warm_up(device)
        self.tell("ready", device=devices.device_name(device), pid=os.getpid())
        for order in self.orders:
            for task in order.tasks:
                self.tell("started", run=task.name)
            work = self._runs if order.request is None else self._price
            for task, outcome in work(order, device):
                self.orders.forget(task)
                self.tell("ended", run=task.name, outcome=outcome.kind, step=outcome.step,
                          reason=outcome.reason)

    def _runs(self, order: _Order, device: Any) -> Iterator[tuple[_Task, Outcome]]:
        started = time.monotonic()

        def should_stop(task: _Task) -> str | None:
            if self.orders.closed.is_set():
                return SERVER_GONE
            if time.monotonic() - started > order.max_seconds:
                return (f"reached the limit of {order.max_seconds:g} s for one sitting; "
                        "press Continue to go on")
            return task.stop

        left, wanted = list(order.tasks), []
        for task in order.tasks:
            try:
                config = self.store.config(task.name).replace(steps=task.steps)
            except (StoreError, ConfigError) as error:
                left.remove(task)
                yield task, Outcome("failed", 0, str(error))
            else:
                wanted.append(Wanted(config, partial(should_stop, task), lambda t=task: t.steps))
        tasks = list(left)
        try:
            for index, outcome in record_runs(self.store, wanted, device=device):
                left.remove(tasks[index])
                yield tasks[index], outcome
        except (StoreError, ConfigError, OSError) as error:
            # The runs are gone, or another's: their status is not ours to write.
            for task in left:
                yield task, Outcome("failed", 0, str(error))

    def _price(self, order: _Order, device: Any) -> Iterator[tuple[_Task, Outcome]]:
        from gan_core.benchmarks.price_measurement import Interrupted, price

        (task,) = order.tasks

        def should_stop() -> str | None:
            return SERVER_GONE if self.orders.closed.is_set() else task.stop

        try:
            request = PriceRequest.from_dict(order.request)
            PriceStore(self.settings.store).write(price(request, device, should_stop))
        except Interrupted as stop:
            yield task, Outcome("stopped", 0, str(stop))
        except Exception as error:  # whatever it is, it costs this price alone
            traceback.print_exc()
            yield task, Outcome("failed", 0, failure(error, "measurement"))
        else:
            yield task, Outcome("finished", 0)


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
