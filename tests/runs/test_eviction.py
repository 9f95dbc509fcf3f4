"""Eviction: a store that fits its limits, and loses nothing that is in use."""

from __future__ import annotations

import os
import threading

from gan_core.runs.eviction import evict
from gan_core.runs.good_checkpoints import good_checkpoint_path
from gan_core.runs.status import RunStatus
from gan_core.runs.store import RunStore
from tests.support.made_up_records import CONFIG, step


def test_eviction_takes_the_longest_unused_and_spares_what_is_kept(tmp_path):
    """A full disk would stop the class; a run in use that vanishes would as well."""
    store = RunStore(tmp_path, megabytes=0.2)
    digests = [store.create(CONFIG.replace(seed=seed)) for seed in range(5)]
    for age, digest in enumerate(digests):
        store.write_status(digest, RunStatus("stopped"))
        (tmp_path / digest / "checkpoint.pt").write_bytes(bytes(100_000))
        os.utime(tmp_path / digest, (1000 + age, 1000 + age))
    store.touch(digests[1])  # now the most recently used
    with store.lock(digests[2]):
        os.utime(tmp_path / digests[2], (1002, 1002))
        removed = evict(store, lambda: {digests[0]})
    assert removed == [digests[3], digests[4], digests[1]]
    assert set(store.digests()) == {digests[0], digests[2]}
    assert evict(store) == [digests[0]]
    assert not list(tmp_path.glob(".removed*"))


def test_good_checkpoints_go_before_runs(tmp_path):
    """A class loses runs that it wants to see for checkpoints that it hardly needs."""
    store = RunStore(tmp_path, megabytes=0.25)
    old, new = (store.create(CONFIG.replace(seed=seed)) for seed in range(2))
    for age, digest in enumerate((old, new)):
        good_checkpoint_path(tmp_path / digest, 250).write_bytes(bytes(100_000))
        (tmp_path / digest / "checkpoint.pt").write_bytes(bytes(50_000))
        os.utime(tmp_path / digest, (1000 + age, 1000 + age))
    assert evict(store) == []
    assert not store.good_checkpoints(old) and store.good_checkpoints(new)
    assert set(store.digests()) == {old, new}


def test_eviction_bounds_the_number_of_runs(store, monkeypatch):
    """Many tiny runs would otherwise make every look at the store slow."""
    monkeypatch.setattr("gan_core.runs.eviction.MOST_RUNS", 3)
    digests = [store.create(CONFIG.replace(seed=seed)) for seed in range(6)]
    for age, digest in enumerate(digests):
        os.utime(store.root / digest, (1000 + age, 1000 + age))
    assert evict(store, lambda: {digests[1]}) == [digests[0], digests[2], digests[3]]
    assert set(store.digests()) == {digests[1], digests[4], digests[5]}


def test_a_run_that_is_asked_for_meanwhile_stays(tmp_path):
    """Somebody presses Train on an old run, and its folder is removed before a worker has it."""
    store = RunStore(tmp_path, megabytes=0.1)
    first, second = (store.create(CONFIG.replace(seed=seed)) for seed in range(2))
    for age, digest in enumerate((first, second)):
        store.write_status(digest, RunStatus("stopped"))
        (tmp_path / digest / "checkpoint.pt").write_bytes(bytes(200_000))
        os.utime(tmp_path / digest, (1000 + age, 1000 + age))
    making = threading.Lock()

    def in_use() -> set[str]:
        assert making.locked(), "somebody may ask for it between this question and the removal"
        return set() if store.exists(first) else {second}

    assert evict(store, in_use, making) == [first]
    assert store.exists(second)


def test_a_store_within_its_limit_loses_nothing(store, digest):
    """Runs would vanish for no reason."""
    assert evict(store) == []
    assert store.exists(digest)


def test_runs_that_nobody_trained_go_first(store, monkeypatch):
    """Two thousand settings that somebody tried and dropped would push out every finished run."""
    monkeypatch.setattr("gan_core.runs.eviction.MOST_RUNS", 2)
    old, untrained, new = (store.create(CONFIG.replace(seed=seed)) for seed in range(3))
    for age, digest in enumerate((old, untrained, new)):
        if digest != untrained:
            store.append(digest, [step(1)])
        store.write_status(digest, RunStatus("stopped", int(digest != untrained), 100))
        os.utime(store.root / digest, (1000 + age, 1000 + age))
    assert evict(store) == [untrained]
    assert set(store.digests()) == {old, new}


def test_a_run_that_waits_in_the_queue_of_another_server_stays(store, monkeypatch):
    """Of two servers on one store, one removes what the other one's visitors wait for."""
    monkeypatch.setattr("gan_core.runs.eviction.MOST_RUNS", 0)
    waiting, dropped = (store.create(CONFIG.replace(seed=seed)) for seed in range(2))
    os.utime(store.root / dropped, (1000, 1000))  # nobody has looked at it for long
    assert evict(RunStore(store.root)) == [dropped]
    assert store.exists(waiting)


def test_starred_and_named_runs_go_last_but_they_do_go(tmp_path):
    """A starred run vanishes before what nobody wants; or stars fill the disk for good."""
    store = RunStore(tmp_path, megabytes=0.15)
    digests = [store.create(CONFIG.replace(seed=seed)) for seed in range(3)]
    for age, digest in enumerate(digests):
        store.append(digest, [step(1)])
        (tmp_path / digest / "checkpoint.pt").write_bytes(bytes(100_000))
        os.utime(tmp_path / digest, (1000 + age, 1000 + age))
    assert evict(store, wanted=lambda: {digests[0]}) == [digests[1], digests[2]]
    store.megabytes = 0.05
    assert evict(store, wanted=lambda: {digests[0]}) == [digests[0]]
