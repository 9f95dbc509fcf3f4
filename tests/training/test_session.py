"""Sessions: a run in the store survives stops, kills, failures and extensions."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch

from gan_core.config.run_config import RunConfig
from gan_core.data import downloads
from gan_core.runs.records import Outcome, StepRecord
from gan_core.runs.store import RunStore, StoreError
from gan_core.system import files
from gan_core.training import trainer
from gan_core.training.recording import record_run
from tests.support.stored_runs import same_records, stop_after

ROOT = Path(__file__).parents[2]
CONFIG = RunConfig(dataset="ring", steps=160, batch_size=16)
DIGEST = CONFIG.digest()
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    store = RunStore(tmp_path_factory.mktemp("whole"))
    assert record_run(store, CONFIG).kind == "finished"
    return store.snapshot(DIGEST)


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path)


def test_a_run_is_recorded(uninterrupted):
    """The page shows only what is in the store."""
    history, status = uninterrupted.history, uninterrupted.status
    assert [record.step for record in history.steps] == list(range(1, 161))
    assert history.evaluations[0].step == 0 and history.evaluations[-1].step == 160
    assert uninterrupted.samples[0] == 0 and uninterrupted.samples[-1] == 160
    assert (status.state, status.step, status.steps) == ("finished", 160, 160)
    assert status.seconds > 0 and status.device and status.seconds_left is None


def test_the_checkpoint_loads_as_plain_weights(store):
    """Loading a checkpoint must not be able to run code."""
    record_run(store, CONFIG.replace(steps=5))
    torch.load(store.checkpoint_path(DIGEST), weights_only=True)


@pytest.mark.parametrize("records", [0, 1, 7, 30, 100, 104, 150, 165])
def test_stop_and_continue_is_as_if_nothing_had_happened(store, uninterrupted, records):
    """A student who stops a run to look at it would otherwise get another run."""
    stopped = record_run(store, CONFIG, should_stop=stop_after(records))
    assert (stopped.kind, stopped.reason) == ("stopped", "enough")
    snapshot = store.snapshot(DIGEST)
    assert (snapshot.status.state, snapshot.status.reason) == ("stopped", "enough")
    assert snapshot.status.step == stopped.step == snapshot.history.last_step
    assert record_run(store, CONFIG).kind == "finished"
    assert same_records(store.snapshot(DIGEST), uninterrupted)


def test_kill_9_and_continue_is_as_if_nothing_had_happened(store, uninterrupted):
    """A worker may die at any moment: lack of memory, a restart of the machine."""
    script = (
        "import sys, time\n"
        "from gan_core.config.run_config import RunConfig\n"
        "from gan_core.runs.store import RunStore\n"
        "from gan_core.training.recording import record_run\n"
        "record_run(RunStore(sys.argv[1]), RunConfig.from_json(sys.argv[2]),\n"
        "           checkpoint_seconds=0.01, on_record=lambda record: time.sleep(0.005))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(store.root), CONFIG.to_json()], env=ENVIRONMENT
    )
    try:
        deadline = time.monotonic() + 120
        while not (store.exists(DIGEST) and store.checkpoint_path(DIGEST).exists()
                   and store.snapshot(DIGEST).history.last_step > 30):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.02)
    finally:
        process.kill()
        process.wait()
    assert store.snapshot(DIGEST).history.last_step < 160
    assert record_run(store, CONFIG).kind == "finished"
    assert same_records(store.snapshot(DIGEST), uninterrupted)
    assert not list((store.root / DIGEST).glob(".*.tmp"))


def test_a_finished_run_is_not_trained_again(store, monkeypatch):
    """Forty students pressing the same preset cost one training."""
    record_run(store, CONFIG)
    monkeypatch.setattr(trainer, "train", None)
    assert record_run(store, CONFIG) == Outcome("finished", 160)
    assert record_run(store, CONFIG.replace(steps=20)) == Outcome("finished", 160)


def test_a_target_that_grows_is_trained_to_in_the_same_session(store, uninterrupted):
    """Somebody asks for more steps of a run that is just training."""
    seen = []
    outcome = record_run(
        store, CONFIG.replace(steps=20), on_record=seen.append,
        target=lambda: 160 if len(seen) > 10 else 20,
    )
    assert outcome == Outcome("finished", 160)
    snapshot = store.snapshot(DIGEST)
    assert snapshot.history.steps == uninterrupted.history.steps
    assert snapshot.status.steps == 160
    assert sum(isinstance(record, Outcome) for record in seen) == 2


class ScriptedTrainer:
    """Yields given records; an exception among them is raised."""

    waiting: tuple = ()
    device = torch.device("cpu")
    seconds = 1.0
    step = 0

    def __init__(self, *script):
        self.script = iter(script)

    def __iter__(self):
        return self

    def __next__(self):
        item = next(self.script)
        if isinstance(item, BaseException):
            raise item
        return item

    def checkpoint(self):
        return {"recorded": 1}


def scripted(monkeypatch, *script) -> None:
    monkeypatch.setattr(trainer, "train", lambda config, **options: ScriptedTrainer(*script))


ONE = StepRecord(1, *[0.5] * 10)


@pytest.mark.parametrize(("error", "words"), [
    (RuntimeError("shapes\ndo not fit"), "RuntimeError: shapes"),
    (RuntimeError("a sentence."), "RuntimeError: a sentence."),
    (MemoryError(), "out of memory"),
    (torch.OutOfMemoryError("CUDA"), "out of memory"),
    (RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes"), "out of memory"),
])
def test_a_failure_is_one_sentence_with_its_traceback_in_the_log(
    store, monkeypatch, error, words
):
    """The student needs a sentence, the teacher the traceback; the server must go on."""
    scripted(monkeypatch, ONE, error)
    outcome = record_run(store, CONFIG)
    snapshot = store.snapshot(DIGEST)
    assert outcome.kind == snapshot.status.state == "failed"
    reason = snapshot.status.reason
    assert words in reason and "\n" not in reason
    assert reason.startswith("The training ") and reason.endswith(".") and ".." not in reason
    assert snapshot.history.last_step == 1
    assert "Traceback" in (store.root / DIGEST / "log.txt").read_text()


def test_a_diverged_run_keeps_its_last_finite_checkpoint(store, monkeypatch):
    """NaN weights can neither be shown nor continued."""
    record_run(store, CONFIG, should_stop=stop_after(50))
    before = store.checkpoint_path(DIGEST).read_bytes()
    scripted(monkeypatch, ONE, Outcome("diverged", 2, "a loss became NaN"))
    assert record_run(store, CONFIG.replace(steps=500)).kind == "diverged"
    assert store.checkpoint_path(DIGEST).read_bytes() == before
    status = store.snapshot(DIGEST).status
    assert (status.state, status.step, status.reason) == ("diverged", 2, "a loss became NaN")
    monkeypatch.setattr(trainer, "train", None)  # nor is it trained again
    assert record_run(store, CONFIG).kind == "diverged"


def test_a_run_that_really_diverges_says_so(store):
    """A learning rate of 1 with plain SGD is one of the lessons: NaN after three steps."""
    config = RunConfig(dataset="ring", optimizer="sgd", learning_rate=1.0, learning_rate_ratio=100,
                       batch_size=16)
    outcome = record_run(store, config)
    snapshot = store.snapshot(config.digest())
    status = snapshot.status
    assert outcome.kind == status.state == "diverged"
    assert outcome.step == status.step == snapshot.history.last_step + 1
    assert outcome.step < 100 and "infinite or NaN" in status.reason


def downloading(monkeypatch, end) -> None:
    """Data that must be fetched first: three messages of progress, then `end()`."""
    def prepare(config, device):
        for percent in (10, 20, 30):
            monkeypatch.setattr("gan_core.training.run_writer.REPORT_SECONDS", 0.0)
            downloads.report(f"downloading: {percent} %")
        end()

    monkeypatch.setattr(trainer, "prepare", prepare)


def test_a_run_without_its_data_fails_in_a_sentence_and_loses_nothing(
    store, uninterrupted, monkeypatch
):
    """A classroom without internet must find its run where it was when the net is back."""
    record_run(store, CONFIG, should_stop=stop_after(90))
    before = store.snapshot(DIGEST)

    def offline():
        raise downloads.DatasetError("Fashion-MNIST needs the internet once.")

    with monkeypatch.context() as patch:
        downloading(patch, offline)
        outcome = record_run(store, CONFIG)
    assert (outcome.kind, outcome.reason) == ("failed", "Fashion-MNIST needs the internet once.")
    assert store.snapshot(DIGEST).history.steps == before.history.steps
    assert record_run(store, CONFIG).kind == "finished"
    assert same_records(store.snapshot(DIGEST), uninterrupted)


def test_a_download_reports_its_progress_and_can_be_stopped(store, monkeypatch):
    """Otherwise a student would look at "Starting" for a minute, and Stop would do nothing."""
    written = []
    downloading(monkeypatch, lambda: None)
    write = store.write_status
    monkeypatch.setattr(store, "write_status", lambda digest, status: (
        written.append((status.state, status.reason)), write(digest, status)))
    outcome = record_run(store, CONFIG, should_stop=stop_after(2))
    assert ("starting", "downloading: 20 %") in written
    assert (outcome.kind, outcome.reason) == ("stopped", "enough")
    assert store.snapshot(DIGEST).status.state == "stopped"


def test_ctrl_c_stops_with_a_checkpoint(store, uninterrupted):
    """Someone at the command line wants to go on later from where they interrupted."""
    def interrupt(record) -> None:
        if record.step == 60 and isinstance(record, StepRecord):
            os.kill(os.getpid(), signal.SIGINT)

    outcome = record_run(store, CONFIG, on_record=interrupt)
    assert (outcome.kind, outcome.reason) == ("stopped", "interrupted")
    assert 60 <= outcome.step < 160
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert torch.load(store.checkpoint_path(DIGEST), weights_only=True)["recorded"] == outcome.step
    record_run(store, CONFIG)
    assert same_records(store.snapshot(DIGEST), uninterrupted)


def test_an_interrupt_inside_a_step_stops_as_well(store, monkeypatch):
    """A second Ctrl-C gives up what came after the last checkpoint, and must not look failed."""
    scripted(monkeypatch, ONE, KeyboardInterrupt())
    assert record_run(store, CONFIG).kind == "stopped"
    assert store.snapshot(DIGEST).status.state == "stopped"


def test_samples_are_there_before_their_evaluation(store):
    """A page that reads of an evaluation would otherwise find no picture for it."""
    missing = []

    def check(record) -> None:
        snapshot = store.snapshot(DIGEST)
        missing.extend(e.step for e in snapshot.history.evaluations
                       if e.step not in snapshot.samples)

    record_run(store, CONFIG, on_record=check)
    assert not missing


def test_a_run_in_training_elsewhere_is_left_alone(store):
    """Two trainers on one history would tear it."""
    store.create(CONFIG)
    with store.lock(DIGEST):
        before = store.status(DIGEST)
        other = RunStore(store.root)
        other.lock = lambda digest: RunStore.lock(other, digest, wait=0.1)
        with pytest.raises(StoreError, match="another process"):
            record_run(other, CONFIG)
        assert store.status(DIGEST) == before


def full_disk(path: Path, after: int) -> Callable[..., None]:
    """An OSError of the system for writes to `path`, once there were `after` of them."""
    calls = iter(range(after))

    def write(original: Callable, place: Path, *given) -> None:
        if place.name == path.name and next(calls, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        original(place, *given)

    return write


@pytest.mark.parametrize("name", ["history.jsonl", "checkpoint.pt", "000000.npy"])
def test_a_full_disk_is_named_and_repeats_nothing(store, uninterrupted, name, monkeypatch) -> None:
    """The page shows where PyTorch's C++ failed, or nothing; or some records are there twice."""
    after = 3 if name == "history.jsonl" else 0
    with monkeypatch.context() as patch:
        for function in ("write", "append_lines"):
            original = getattr(files, function)
            patch.setattr(files, function, partial(full_disk(Path(name), after), original))
        outcome = record_run(store, CONFIG, checkpoint_seconds=0.0)
    assert outcome.kind == "failed" and outcome.reason == "The training failed: the disk is full."
    assert store.status(DIGEST).reason == outcome.reason
    recorded = [record.step for record in store.snapshot(DIGEST).history.steps]
    assert recorded == list(range(1, len(recorded) + 1))
    assert record_run(store, CONFIG).kind == "finished"
    assert same_records(store.snapshot(DIGEST), uninterrupted)


def test_a_folder_that_is_removed_in_mid_run_is_named(store) -> None:
    """The run ends, and its page says that it was never trained."""
    def remove(record: object) -> None:
        if isinstance(record, StepRecord) and record.step == 50:
            shutil.rmtree(store.root / DIGEST)

    outcome = record_run(store, CONFIG, on_record=remove)
    assert outcome.reason == "The training failed: its folder was removed."
