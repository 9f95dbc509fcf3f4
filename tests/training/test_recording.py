"""Runs recorded together: each is a run of its own, as if it had been trained alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch

from gan_core.config.run_config import RunConfig
from gan_core.runs.records import EvalRecord, Outcome, Record, StepRecord
from gan_core.runs.store import RunSnapshot, RunStore, StoreError
from gan_core.training.recording import record_run, record_runs
from gan_core.training.session import SessionRequest
from tests.support.stored_runs import stop_after

ROOT = Path(__file__).parents[2]
STEPS = 160
# Plain SGD: Adam divides by the size of a gradient, so that rounding of one that vanishes becomes
# a step. Everything that draws random numbers is on.
RING = RunConfig(dataset="ring", optimizer="sgd", learning_rate=0.01, batch_size=16, steps=STEPS,
                 dropout=0.2, input_noise=0.1, precision="float32")
BAND = [RING.replace(seed=1), RING.replace(seed=2, learning_rate=0.02), RING.replace(seed=3)]
DIVERGING = RING.replace(learning_rate=1.0, learning_rate_ratio=100.0)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> list[RunSnapshot]:
    """The band's runs, each trained by itself and never interrupted."""
    store = RunStore(tmp_path_factory.mktemp("alone"))
    assert {record_run(store, config).kind for config in BAND} == {"finished"}
    return [store.snapshot(config.digest()) for config in BAND]


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path)


def recorded(
    store: RunStore, runs: Sequence[SessionRequest | RunConfig]
) -> list[tuple[int, Outcome]]:
    """(index, outcome) in the order in which the runs end."""
    requests = [SessionRequest(run) if isinstance(run, RunConfig) else run for run in runs]
    return list(record_runs(store, requests))


def kinds(ends: list[tuple[int, Outcome]]) -> list[str]:
    return [outcome.kind for _, outcome in sorted(ends, key=lambda end: end[0])]


def assert_as_alone(store: RunStore, config: RunConfig, whole: RunSnapshot) -> None:
    """The run is in the store, to its end, as if nothing had happened to it."""
    snapshot = store.snapshot(config.digest())
    assert (snapshot.status.state, snapshot.status.step) == ("finished", STEPS)
    assert [record.step for record in snapshot.history.steps] == list(range(1, STEPS + 1))
    assert snapshot.samples == whole.samples
    for mine, other in zip(snapshot.history.steps, whole.history.steps, strict=True):
        for name in ("loss_d", "loss_g", "score_real", "score_fake", "grad_norm_d", "grad_norm_g"):
            assert getattr(mine, name) == pytest.approx(getattr(other, name), rel=1e-3), mine.step
    evaluations = zip(snapshot.history.evaluations, whole.history.evaluations, strict=True)
    for mine, other in evaluations:
        assert mine.step == other.step
        # Of 2500 samples, a few lie so close to a border that rounding decides.
        assert mine.metrics["high_quality"] == pytest.approx(
            other.metrics["high_quality"], abs=0.01)


def test_each_run_of_a_band_is_recorded_as_if_alone(store, alone):
    """A page would show another run than the one that its link reproduces."""
    assert kinds(recorded(store, BAND)) == ["finished"] * 3
    for config, whole in zip(BAND, alone, strict=True):
        assert_as_alone(store, config, whole)
        assert store.snapshot(config.digest()).status.device == whole.status.device
        assert not store.locked(config.digest())
    paths = [store.checkpoint_path(config.digest()) for config in BAND]
    assert all(torch.load(path, weights_only=True)["recorded"] == STEPS for path in paths)


def test_a_checkpoint_is_no_larger_for_the_company(store):
    """Each of a band's checkpoints would hold the whole band, and the store soon be full."""
    record_run(store, BAND[0].replace(steps=20))
    recorded(store, [config.replace(steps=20) for config in BAND[1:]])
    one, *others = (store.checkpoint_path(config.digest()).stat().st_size for config in BAND)
    assert others == [pytest.approx(one, rel=0.02)] * 2


@pytest.mark.parametrize("records", [0, 1, 2, 30, 100, 164])
def test_one_that_is_stopped_leaves_the_others_and_can_be_continued(store, alone, records):
    """Stop on one page would end the runs of other visitors, or spoil its own."""
    first, *rest = BAND
    ends = recorded(store, [SessionRequest(first, stop_after(records)), *rest])
    assert ends[0][0] == 0 and ends[0][1].kind == "stopped"
    assert kinds(ends) == ["stopped", "finished", "finished"]
    stopped = store.snapshot(first.digest())
    assert (stopped.status.state, stopped.status.reason) == ("stopped", "enough")
    assert stopped.status.step == ends[0][1].step == stopped.history.last_step
    assert record_run(store, first).kind == "finished"
    for config, whole in zip(BAND, alone, strict=True):
        assert_as_alone(store, config, whole)


def test_a_band_that_is_stopped_at_once_goes_on_together(store, alone):
    """Continue on a band would begin anew, or leave some of its runs behind."""
    records: list[Record] = []

    def should_stop() -> str | None:
        return "enough" if len(records) > 250 else None

    ends = recorded(store, [
        SessionRequest(config, should_stop, on_record=records.append) for config in BAND])
    assert kinds(ends) == ["stopped"] * 3 and all(0 < end.step < STEPS for _, end in ends)
    assert kinds(recorded(store, BAND)) == ["finished"] * 3
    for config, whole in zip(BAND, alone, strict=True):
        assert_as_alone(store, config, whole)


def test_runs_at_different_steps_are_all_trained(store, alone):
    """A seed that was trained half already would keep the band from being trained."""
    record_run(store, BAND[1], should_stop=stop_after(70))
    assert kinds(recorded(store, BAND)) == ["finished"] * 3
    for config, whole in zip(BAND, alone, strict=True):
        assert_as_alone(store, config, whole)


def test_one_that_waits_for_the_others_can_be_stopped(store):
    """A worker that does not obey a stop is killed, and the other runs with it."""
    first, waiting, other = BAND
    before = record_run(store, waiting, should_stop=stop_after(70)).step
    asked = []
    ends = recorded(store, [
        SessionRequest(first, on_record=asked.append),
        SessionRequest(waiting, lambda: "enough" if len(asked) > 20 else None), other])
    assert ends[0] == (1, Outcome("stopped", before, "enough"))
    assert kinds(ends) == ["finished", "stopped", "finished"]
    assert store.snapshot(waiting.digest()).history.last_step == before


def test_one_that_fails_while_it_waits_costs_the_others_nothing(store):
    """A disk that is full for one run, or whoever watches it, ends the runs that train."""
    first, waiting, other = BAND
    record_run(store, waiting, should_stop=stop_after(70))
    asked: list[Record] = []

    def should_stop() -> str | None:
        if len(asked) > 20:
            raise OSError("no space left on device")
        return None

    ends = recorded(store, [
        SessionRequest(first, on_record=asked.append), SessionRequest(waiting, should_stop), other])
    assert ends[0][0] == 1 and "no space left" in ends[0][1].reason
    assert kinds(ends) == ["finished", "failed", "finished"]


def test_one_whose_target_grows_goes_on(store, alone):
    """Somebody asks for more steps of one seed of a band."""
    first, *rest = BAND
    records: list[Record] = []
    ends = recorded(store, [
        SessionRequest(first.replace(steps=40), on_record=records.append,
                       target=lambda: STEPS if len(records) > 10 else 40), *rest])
    assert [(kind, end.step) for kind, (_, end) in zip(kinds(ends), ends, strict=True)] == [
        ("finished", STEPS)] * 3
    snapshot = store.snapshot(first.digest())
    assert [record.step for record in snapshot.history.steps] == list(range(1, STEPS + 1))
    assert snapshot.status.steps == STEPS
    for config, whole in zip(rest, alone[1:], strict=True):
        assert_as_alone(store, config, whole)


def test_one_that_diverges_ends_and_the_others_finish(store, alone):
    """One learning rate too high would cost a whole sweep."""
    ends = recorded(store, [BAND[0], DIVERGING, BAND[2]])
    assert ends[0][0] == 1 and kinds(ends) == ["finished", "diverged", "finished"]
    snapshot = store.snapshot(DIVERGING.digest())
    assert snapshot.status.state == "diverged" and "infinite or NaN" in snapshot.status.reason
    assert snapshot.status.step == ends[0][1].step == snapshot.history.last_step + 1
    assert_as_alone(store, BAND[0], alone[0])
    assert_as_alone(store, BAND[2], alone[2])
    assert kinds(recorded(store, [DIVERGING, BAND[0]])) == ["diverged", "finished"]  # known by now


def test_one_that_another_process_trains_fails_alone(store, alone, monkeypatch):
    """A run trained at the command line would keep a band with that seed from being trained."""
    lock = RunStore.lock
    monkeypatch.setattr(store, "lock", lambda digest: lock(store, digest, wait=0.1))
    store.create(BAND[1])
    with RunStore(store.root).lock(BAND[1].digest()):
        before = store.status(BAND[1].digest())
        ends = recorded(store, BAND)
        assert store.status(BAND[1].digest()) == before
    assert ends[0][0] == 1 and "another process" in ends[0][1].reason
    assert kinds(ends) == ["finished", "failed", "finished"]
    assert_as_alone(store, BAND[0], alone[0])


def test_a_damaged_folder_is_mended(store):
    """One damaged directory would cost the whole band."""
    digest = store.create(BAND[1])
    (store.root / digest / "config.json").write_text("garbage")
    assert kinds(recorded(store, BAND)) == ["finished"] * 3


def test_one_that_cannot_be_written_fails_alone(store, alone, monkeypatch):
    """Whatever happens to one visitor's run must not reach another's."""
    append, broken = store.append, BAND[1].digest()

    def write(digest, records) -> None:
        if digest == broken and any(record.step > 50 for record in records):
            raise StoreError("It was removed.")
        append(digest, records)

    with monkeypatch.context() as patch:
        patch.setattr(store, "append", write)
        ends = recorded(store, BAND)
    assert ends[0][0] == 1 and "It was removed" in ends[0][1].reason
    assert kinds(ends) == ["finished", "failed", "finished"]
    assert_as_alone(store, BAND[0], alone[0])


def test_a_failure_of_the_step_is_written_in_each_run(store, monkeypatch):
    """A student would look at a run that never goes on and never says why."""
    from gan_core.training.ensemble import Ensemble

    def fail(self) -> None:
        raise MemoryError

    monkeypatch.setattr(Ensemble, "train_step", fail)
    ends = recorded(store, BAND)
    assert kinds(ends) == ["failed"] * 3
    for config in BAND:
        status = store.status(config.digest())
        assert status.state == "failed" and "out of memory" in status.reason


def test_kill_9_loses_no_more_than_came_after_the_checkpoints(store, alone):
    """A worker may die at any moment: lack of memory, a restart of the machine."""
    script = (
        "import json, sys, time; from gan_core.config.run_config import RunConfig\n"
        "from gan_core.training.recording import record_runs\n"
        "from gan_core.training.session import SessionRequest\n"
        "from gan_core.runs.store import RunStore\n"
        "wait = lambda record: time.sleep(0.005)\n"
        "requests = [SessionRequest(RunConfig.from_json(text), on_record=wait)\n"
        "            for text in json.loads(sys.argv[2])]\n"
        "list(record_runs(RunStore(sys.argv[1]), requests, checkpoint_seconds=0.01))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(store.root),
         json.dumps([config.to_json() for config in BAND])],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"})
    digests = [config.digest() for config in BAND]
    try:
        deadline = time.monotonic() + 120
        while not all(store.exists(digest) and store.checkpoint_path(digest).exists()
                      and store.snapshot(digest).history.last_step > 30 for digest in digests):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.02)
    finally:
        process.kill()
        process.wait()
    before = [store.snapshot(digest).history.steps for digest in digests]
    saved = [torch.load(store.checkpoint_path(digest), weights_only=True)["recorded"]
             for digest in digests]
    assert all(0 < last <= len(steps) < STEPS
               for last, steps in zip(saved, before, strict=True))
    trained: list[list] = [[] for _ in BAND]
    requests = [SessionRequest(config, on_record=records.append)
                for config, records in zip(BAND, trained, strict=True)]
    assert kinds(recorded(store, requests)) == ["finished"] * 3
    for index, (config, last) in enumerate(zip(BAND, saved, strict=True)):
        assert_as_alone(store, config, alone[index])
        history = store.snapshot(config.digest()).history
        assert history.steps[:last] == before[index][:last]
        new = [record.step for record in trained[index] if isinstance(record, StepRecord)]
        assert new[0] == last + 1


def test_pictures_are_there_before_their_evaluation(store):
    """A page that reads of an evaluation would otherwise find no picture for it."""
    missing = []

    def check(config: RunConfig) -> Callable:
        def on_record(record) -> None:
            if isinstance(record, EvalRecord):
                snapshot = store.snapshot(config.digest())
                missing.extend(each.step for each in snapshot.history.evaluations
                               if each.step not in snapshot.samples)
        return on_record

    recorded(store, [SessionRequest(config, on_record=check(config)) for config in BAND])
    assert not missing
