"""The worker process: it obeys the queue, and leaves checkpoints when it ends."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from gan_core.config.run_config import RunConfig
from gan_core.cost.prices import PriceRequest, PriceStore
from gan_core.runs.store import RunStore
from gan_core.serving.worker import give_memory_back

ROOT = Path(__file__).parents[2]
CONFIG = RunConfig(dataset="ring", steps=160, batch_size=16)
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


class Server:
    """What JobQueue is for a worker."""

    def __init__(self, root: Path):
        self.store = RunStore(root)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gan_core.serving.worker"], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**ENVIRONMENT, "GAN_LAB_STORE": str(root), "GAN_LAB_THREADS": "1",
                 "GAN_LAB_DEVICE": "cpu"},
        )

    def send(self, **message) -> None:
        print(json.dumps(message), file=self.process.stdin, flush=True)

    def hear(self) -> dict:
        return json.loads(self.process.stdout.readline())


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("served"))
    assert server.hear()["event"] == "ready"
    yield server
    server.process.kill()
    server.process.communicate()


def test_the_worker_serves_runs_one_after_another(server):
    """A worker that had to be started anew for each run would cost seconds every time."""
    digest = server.store.create(CONFIG)
    server.send(runs={digest: 40}, max_seconds=100)
    server.send(extend=digest, steps=60)
    assert server.hear() == {"event": "started", "run": digest}
    ended = server.hear()
    assert (ended["event"], ended["outcome"], ended["run"]) == ("ended", "finished", digest)
    assert ended["step"] in (40, 60)  # the extension may come too late; the queue asks again
    server.send(runs={digest: 10_000}, max_seconds=0.2)
    server.hear()
    assert "0.2 s limit" in server.hear()["reason"]
    assert "0.2 s limit" in server.store.snapshot(digest).status.reason
    server.send(runs={"0" * 16: 10})
    server.hear()
    assert server.hear()["outcome"] == "failed"


def test_a_folder_that_was_removed_while_the_run_waited_is_made_again(server):
    """Of two servers on one store, one removes the empty run that its visitor dropped, and the
    other one's visitor waits for nothing: *its folder was removed*."""
    config = CONFIG.replace(seed=77, steps=10)
    digest = server.store.create(config)
    server.store.delete(digest)
    server.send(runs={digest: 10}, configs={digest: config.to_dict()}, max_seconds=100)
    server.hear()
    assert server.hear()["outcome"] == "finished"
    assert server.store.config(digest) == config and server.store.snapshot(digest).holds(10)


@pytest.mark.skipif(not hasattr(os, "nice"), reason="Windows has no nice values")
def test_the_worker_yields_to_the_web_process(server):
    """On busy cores each page would wait for somebody's training step."""
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert os.getpriority(os.PRIO_PROCESS, server.process.pid) == min(own + 10, 19)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries keep less, or all")
def test_what_a_run_has_freed_goes_back_to_the_system():
    """Workers that have trained something large would leave no room for others' runs."""
    taken = [bytearray(100_000) for _ in range(3000)]  # small enough to come from the heap
    last = taken[-1]  # at its end, which keeps the rest from being given back
    del taken
    before = size_of_this_process()
    give_memory_back()
    assert size_of_this_process() < before - 200e6
    assert len(last) == 100_000


def size_of_this_process() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_the_worker_trains_runs_together(server):
    """Each seed of a band is reported, stopped and extended by its own name."""
    configs = [CONFIG.replace(seed=seed) for seed in (11, 12, 13)]
    short, stopped, extended = (server.store.create(config) for config in configs)
    server.send(runs={short: 40, stopped: 100_000, extended: 50, "0" * 16: 10}, max_seconds=100)
    server.send(extend=extended, steps=60)
    assert [server.hear() for _ in range(4)] == [
        {"event": "started", "run": name} for name in (short, stopped, extended, "0" * 16)]
    ended = [server.hear() for _ in range(3)]
    server.send(stop=stopped, reason="because")
    ended.append(server.hear())
    ended_with = {message["run"]: (message["outcome"], message["step"]) for message in ended}
    assert ended_with["0" * 16] == ("failed", 0) and ended_with[short] == ("finished", 40)
    assert ended_with[extended][0] == "finished" and ended_with[extended][1] in (50, 60)
    assert ended_with[stopped][0] == "stopped" and ended[-1]["reason"] == "because"
    assert server.store.snapshot(stopped).history.last_step == ended_with[stopped][1] >= 40


def test_the_worker_measures_prices_between_runs(server):
    """The page's button would never be answered, or a failed measurement end the worker."""
    request = PriceRequest(CONFIG, CONFIG.replace(batch_size=32))
    server.send(price=request.name, request=request.to_dict())
    assert server.hear() == {"event": "started", "run": request.name}
    assert server.hear() == {"event": "ended", "run": request.name, "outcome": "finished",
                             "step": 0, "reason": ""}
    price = PriceStore(server.store.root).read(request)
    assert price.request == request and price.step_ms > 0
    for broken, words in ((PriceRequest(CONFIG, side=13).to_dict(), "side must be 28"),
                          ({"config": {"layers": 3}}, "The measurement failed")):
        server.send(price="broken", request=broken)
        server.hear()
        ended = server.hear()
        assert ended["outcome"] == "failed" and words in ended["reason"]
        assert ended["reason"].endswith(".") and "\n" not in ended["reason"]


def test_a_price_that_takes_long_can_be_stopped(server):
    """A slow network would hold the worker although nobody waits for it any more."""
    request = PriceRequest(CONFIG, CONFIG.replace(batch_size=1024))
    server.send(price=request.name, request=request.to_dict())
    server.send(stop=request.name, reason="because")
    server.hear()
    ended = server.hear()
    assert (ended["outcome"], ended["reason"]) == ("stopped", "because")
    assert PriceStore(server.store.root).read(request) is None


def test_ctrl_c_in_the_terminal_does_not_reach_the_worker(server):
    """Ctrl-C goes to the whole process group; the run would end without a checkpoint."""
    digest = server.store.create(CONFIG)
    server.process.send_signal(signal.SIGINT)
    server.send(runs={digest: 30_000})
    server.hear()
    server.send(stop=digest, reason="because")
    assert server.hear()["reason"] == "because"


@pytest.mark.parametrize("end", ["eof", "sigterm"])
def test_a_worker_whose_server_dies_leaves_a_checkpoint(tmp_path, end):
    """A server that is killed would otherwise leave orphans that train for ever."""
    server = Server(tmp_path)
    store = server.store
    digest = store.create(CONFIG)
    server.send(runs={digest: 100_000})
    assert [server.hear()["event"] for _ in range(2)] == ["ready", "started"]
    deadline = time.monotonic() + 60
    while store.snapshot(digest).history.last_step < 50:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    if end == "eof":
        server.process.stdin.close()
    else:
        server.process.terminate()
    assert server.process.wait(30) == 0
    server.process.stdout.close()
    server.process.stdin.close()
    snapshot = store.snapshot(digest)
    assert snapshot.status.state == "stopped" and "Continue" in snapshot.status.reason
    checkpoint = torch.load(store.checkpoint_path(digest), weights_only=True)
    assert checkpoint["recorded"] == snapshot.history.steps[-1].step
