"""Damaged folders of runs: what a reader gets of each, and that each can be trained again."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from gan_core.diagnosis.verdict import verdict
from gan_core.runs.records import EvalRecord, StepRecord
from gan_core.runs.samples import view_files
from gan_core.runs.status import RunStatus, StoreError
from gan_core.runs.store import RunStore
from gan_core.training.recording import record_run
from tests.support.damage import CONFIG, DAMAGES, sheets
from tests.support.made_up_records import images

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs links and pipes")

DIGEST = CONFIG.digest()


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> RunStore:
    """A store with a trained run."""
    store = RunStore(tmp_path_factory.mktemp("sound"))
    assert record_run(store, CONFIG).kind == "finished"
    return store


@pytest.fixture
def run(sound: RunStore, tmp_path: Path) -> Path:
    """The folder of a copy of that run."""
    return Path(shutil.copytree(sound.root / DIGEST, tmp_path / "store" / DIGEST))


def looked_at(store: RunStore) -> str:
    """Everything a page reads of the run; what is wrong with it, if anything is."""
    try:
        snapshot = store.existing_snapshot(DIGEST)
        judged = verdict(snapshot.until(CONFIG.steps).history, CONFIG)
        for step in snapshot.samples:
            store.points(DIGEST, step)
        return judged.headline
    except StoreError as error:
        return error.cause


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_run_is_read_with_words_and_trained_again(run: Path, name: str) -> None:
    """A page ends in a traceback, hangs, or offers a run that nothing can bring back."""
    DAMAGES[name](run)
    store = RunStore(run.parent)
    words = looked_at(store)
    assert words and str(run.parent) not in words
    further = CONFIG.replace(steps=20)
    store.create(further)
    outcome = record_run(store, further)
    assert (outcome.kind, outcome.step) == ("finished", 20), outcome
    snapshot = RunStore(run.parent).existing_snapshot(DIGEST)
    assert snapshot.config.digest() == DIGEST and snapshot.status.state == "finished"
    assert snapshot.history.last_step == 20
    assert store.points(DIGEST, 20).shape[1] == 2


@pytest.mark.parametrize("kind", sheets())
def test_only_a_sheet_of_images_reaches_a_browser(store: RunStore, digest: str, kind: str) -> None:
    """A file that is no sheet ends the page with a traceback, fills its memory, or runs code."""
    store.append(digest, [images(0)])
    (path,) = [path for _, path in view_files(store.root / digest, "samples")]
    sound = store.sheet(digest, 0)
    path.write_bytes(sheets()[kind])
    with pytest.raises(StoreError, match=r"000000\.png"):
        print(store.sheet(digest, 0)[:50])
    path.unlink()
    path.symlink_to("/etc/passwd")
    with pytest.raises(StoreError, match=r"000000\.png"):
        store.sheet(digest, 0)
    store.append(digest, [images(0)])
    assert store.sheet(digest, 0) == sound


def test_a_run_whose_records_are_gone_does_not_look_finished(store: RunStore, digest: str) -> None:
    """It says *Finished*, has nothing to show, and Train does nothing."""
    store.append(digest, [StepRecord(100, *[0.5] * 10), EvalRecord(100, {"modes": 1.0,
                                                                         "modes_total": 8.0})])
    store.write_status(digest, RunStatus("finished", 100, 100))
    assert store.snapshot(digest).holds(100)
    (store.root / digest / "history.jsonl").unlink()
    snapshot = store.snapshot(digest)
    assert snapshot.status.state == "failed" and "records" in snapshot.status.reason
    assert not snapshot.holds(100)
