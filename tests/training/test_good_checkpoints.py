"""The last good checkpoints of a run, and the runs that are forked from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.quality import Quality, quality_of
from gan_core.runs.records import EvalRecord, StepRecord
from gan_core.runs.store import RunStore
from gan_core.training import good_checkpoints
from gan_core.training.recording import record_run
from tests.support.stored_runs import same_records

CONFIG = RunConfig(dataset="ring", steps=520, batch_size=16)
DIGEST = CONFIG.digest()


def good_until(step: int) -> Callable[..., Quality]:
    """Samples are called good until this step, and bad from there on."""

    def quality(record: EvalRecord, card) -> Quality:
        measured = quality_of(record, card)
        share = 1.0 if record.step <= step else 0.0
        return replace(measured, above_chance=share, supported=measured.possible, spread=1.0,
                       evaluation=None)

    return quality


@pytest.fixture
def failing(tmp_path: Path, monkeypatch) -> RunStore:
    """A store with a run that was good for 250 steps and went on to 520."""
    monkeypatch.setattr(good_checkpoints, "quality_of", good_until(250))
    monkeypatch.setattr(good_checkpoints, "SHARE", 0)
    store = RunStore(tmp_path / "failing")
    record_run(store, CONFIG)
    return store


def test_a_remedy_goes_on_from_the_last_good_checkpoint(failing: RunStore, tmp_path: Path) -> None:
    """A fork before the failure would train its whole past again, or come out differently."""
    assert list(failing.good_checkpoints(DIGEST)) == [250, 0]
    forked, trained = CONFIG.changed(250, dropout=0.4), []
    record_run(failing, forked, on_record=trained.append)
    assert [r.step for r in trained if isinstance(r, StepRecord)] == list(range(251, 521))
    whole = RunStore(tmp_path / "whole")
    record_run(whole, forked)
    digest = forked.digest()
    assert same_records(failing.snapshot(digest), whole.snapshot(digest))


def test_a_change_later_than_a_good_checkpoint_uses_it_too(failing: RunStore) -> None:
    """Looking back and changing a knob would train everything before it again."""
    trained: list = []
    record_run(failing, CONFIG.changed(400, dropout=0.4), on_record=trained.append)
    assert next(r.step for r in trained if isinstance(r, StepRecord)) == 251


def test_checkpoints_change_nothing_in_a_run(failing: RunStore, tmp_path: Path, monkeypatch
) -> None:
    """A run would come out differently because it was good for a while."""
    monkeypatch.setattr(good_checkpoints, "quality_of", good_until(-1))
    plain = RunStore(tmp_path / "plain")
    record_run(plain, CONFIG)
    assert plain.good_checkpoints(DIGEST) == {}, "a run that never was good has a good checkpoint"
    assert same_records(failing.snapshot(DIGEST), plain.snapshot(DIGEST))


def test_only_the_newest_few_stay(tmp_path: Path, monkeypatch) -> None:
    """Long runs would fill the disk."""
    monkeypatch.setattr(good_checkpoints, "quality_of", good_until(10_000))
    monkeypatch.setattr(good_checkpoints, "SHARE", 0)
    store = RunStore(tmp_path)
    record_run(store, CONFIG.replace(steps=1000))
    assert list(store.good_checkpoints(DIGEST)) == [1000, 750, 500]


def test_a_run_that_is_trained_again_loses_what_was_good_later(failing: RunStore) -> None:
    """A fork would go on from a checkpoint whose history is gone."""
    failing.rewind(DIGEST, 200)
    assert list(failing.good_checkpoints(DIGEST)) == [0]
