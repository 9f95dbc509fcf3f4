"""Thinned copies of runs, as they ship with the project."""

from __future__ import annotations

import os

import numpy as np

from gan_core.runs.samples import VIEWS
from gan_core.runs.store import RunStatus, RunStore
from gan_core.runs.thinned_copy import copy_thinned
from tests.support.made_up_records import evaluation, images, look, step


def test_a_copy_takes_views_of_the_same_steps(store, digest, tmp_path):
    """The recorded runs would otherwise show average or surface beside samples of another moment;
    and neighbours at forty steps would make the package large."""
    store.append(digest, [step(1)])
    for number in range(0, 3001, 50):
        store.append(digest, [look(number, view) for view in VIEWS])
    copy_thinned(store, digest, tmp_path / "recorded")
    copy = RunStore(tmp_path / "recorded")
    views = copy.snapshot(digest).views
    assert len(views["samples"]) == VIEWS["samples"].exported
    assert views["averaged"] == views["surface"] == views["samples"]
    assert len(views["neighbours"]) == 12
    assert (views["neighbours"][0], views["neighbours"][-1]) == (0, 3000)
    assert copy.sheet(digest, 3000, averaged=True) == store.sheet(digest, 3000, averaged=True)
    np.testing.assert_array_equal(copy.neighbours(digest, 3000), store.neighbours(digest, 3000))


def test_a_copy_is_a_thin_readable_run(store, digest, tmp_path):
    """Recorded runs ship in the package, which must stay small and show the same story."""
    records = [evaluation(0), images(0)]
    for number in range(1, 2001):
        records.append(step(number))
        if number % 20 == 0:
            records += [images(number), evaluation(number)]
    store.append(digest, records)
    store.write_status(digest, RunStatus("finished", 2000, 2000, device="a device"))
    store.checkpoint_path(digest).write_bytes(b"weights")
    store.log(digest, "words")
    folder = copy_thinned(store, digest, tmp_path / "recorded", points=300)
    assert sorted(os.listdir(folder)) == ["config.json", "history.jsonl", "samples", "status.json"]
    copy = RunStore(tmp_path / "recorded").snapshot(digest)
    assert len(copy.history.steps) == 300
    assert (copy.history.steps[0].step, copy.history.last_step) == (1, 2000)
    assert len(copy.samples) == VIEWS["samples"].exported
    assert (copy.samples[0], copy.samples[-1]) == (0, 2000)
    assert copy.status.device == "a device"
    assert copy.status.updated == store.snapshot(digest).status.updated
    copy_thinned(store, digest, tmp_path / "recorded", points=10)  # again: replaces
    assert len(RunStore(tmp_path / "recorded").snapshot(digest).history.steps) == 10
