"""Where a run goes on: from its own checkpoint, from a relative's, or from the beginning."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from gan_core.config.run_config import RunConfig
from gan_core.runs.records import StepRecord
from gan_core.runs.store import RunStore
from gan_core.training.recording import record_run
from tests.support.stored_runs import same_records, stop_after

CONFIG = RunConfig(dataset="ring", steps=160, batch_size=16)
DIGEST = CONFIG.digest()


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    store = RunStore(tmp_path_factory.mktemp("whole"))
    assert record_run(store, CONFIG).kind == "finished"
    return store.snapshot(DIGEST)


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path)


def test_records_written_after_the_last_checkpoint_are_not_doubled(store, uninterrupted):
    """A killed worker leaves more history than checkpoint; the curves would go back in time."""
    record_run(store, CONFIG, should_stop=stop_after(101))
    old = store.checkpoint_path(DIGEST).read_bytes()
    record_run(store, CONFIG, should_stop=stop_after(40))
    store.checkpoint_path(DIGEST).write_bytes(old)
    record_run(store, CONFIG)
    assert same_records(store.snapshot(DIGEST), uninterrupted)


@pytest.mark.parametrize("damage", ["garbage", "empty", "other", "incomplete history"])
def test_an_unusable_checkpoint_means_starting_over(store, uninterrupted, damage):
    """Otherwise a run with a damaged file could never be trained again."""
    record_run(store, CONFIG, should_stop=stop_after(90))
    path = store.checkpoint_path(DIGEST)
    if damage == "other":
        torch.save({"recorded": 3}, path)
    elif damage == "incomplete history":
        store.rewind(DIGEST, 4)
    else:
        path.write_bytes(b"garbage" if damage == "garbage" else b"")
    assert record_run(store, CONFIG).kind == "finished"
    assert same_records(store.snapshot(DIGEST), uninterrupted)
    assert "starting over" in (store.root / DIGEST / "log.txt").read_text()


def test_a_change_in_mid_run_goes_on_from_the_run_that_failed(store):
    """A rescue would wait until everything before it has been trained once more."""
    stopped = record_run(store, CONFIG, should_stop=stop_after(60)).step
    rescued = CONFIG.changed(stopped, dropout=0.4)
    trained = []
    record_run(store, rescued, on_record=trained.append)
    steps = [record.step for record in trained if isinstance(record, StepRecord)]
    assert steps == list(range(stopped + 1, 161))
    broken, after_rescue = store.snapshot(DIGEST), store.snapshot(rescued.digest())
    assert after_rescue.history.steps[:stopped] == broken.history.steps
    assert after_rescue.history.last_step == 160 and after_rescue.samples[0] == 0
    assert store.snapshot(DIGEST).history == broken.history, "the broken run was touched"


def test_a_change_before_the_last_checkpoint_trains_from_the_start(store):
    """A change set back in time would be drawn where it was not made."""
    record_run(store, CONFIG)
    rescued = CONFIG.changed(40, dropout=0.4)
    assert record_run(store, rescued).kind == "finished"
    changed, whole = store.snapshot(rescued.digest()), store.snapshot(DIGEST)
    assert changed.history.steps[:40] == whole.history.steps[:40]
    assert changed.history.steps[40:] != whole.history.steps[40:]
    assert [record.step for record in changed.history.steps] == list(range(1, 161))


def test_a_change_goes_on_from_the_nearest_relative(store):
    """A second rescue would lose the first one's training."""
    once = CONFIG.changed(50, dropout=0.4)
    twice = once.changed(100, dropout=0.0)
    record_run(store, once.replace(steps=100))
    trained = []
    record_run(store, twice, on_record=trained.append)
    steps = [record.step for record in trained if isinstance(record, StepRecord)]
    assert steps == list(range(101, 161))
    assert twice.at(120).dropout == 0.0
