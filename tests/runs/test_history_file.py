"""history.jsonl: read while it grows, torn, damaged, replaced or cut back."""

from __future__ import annotations

import threading
from pathlib import Path

from gan_core.runs.store import RunStore
from tests.support.made_up_records import evaluation, images, step


def history_file(store: RunStore, digest: str) -> Path:
    return store.root / digest / "history.jsonl"


def test_a_torn_last_line_is_ignored_until_it_is_whole(store, digest):
    """A worker killed while writing must not make its run unreadable."""
    store.append(digest, [step(1)])
    path = history_file(store, digest)
    whole = path.read_bytes()
    with open(path, "ab") as file:
        file.write(whole.replace(b'"step": 1', b'"step": 2')[:40])
    assert [r.step for r in store.snapshot(digest).history.steps] == [1]
    with open(path, "ab") as file:
        file.write(whole.replace(b'"step": 1', b'"step": 2')[40:])
    assert [r.step for r in store.snapshot(digest).history.steps] == [1, 2]


def test_a_damaged_line_costs_only_itself(store, digest):
    """One bad sector would otherwise take the whole run along."""
    store.append(digest, [step(1)])
    with open(history_file(store, digest), "ab") as file:
        file.write(b'{"step": 2, \xff\n[]\n7\n{"step": 1e999}\nhalf a li')
    store.append(digest, [step(3)])  # must not melt into the half line
    assert [r.step for r in store.snapshot(digest).history.steps] == [1, 3]


def test_rewind_forgets_what_came_later(store, digest):
    """A run continued from its checkpoint would otherwise show some steps twice."""
    store.append(digest, [images(0), evaluation(0), step(1), images(1), step(2), images(2),
                          evaluation(2)])
    with open(history_file(store, digest), "ab") as file:
        file.write(b'{"step": 1')
    store.rewind(digest, 1)
    snapshot = store.snapshot(digest)
    assert [r.step for r in snapshot.history.steps] == [1]
    assert [r.step for r in snapshot.history.evaluations] == [0]
    assert snapshot.samples == (0, 1)
    store.rewind(digest, -1)
    assert not store.snapshot(digest).history
    assert store.snapshot(digest).samples == ()


def test_reading_goes_on_across_a_replaced_history(store, digest):
    """A page open while a run is restarted would otherwise mix two histories."""
    reader = RunStore(store.root)
    store.append(digest, [step(n) for n in range(1, 50)])
    assert reader.snapshot(digest).history.last_step == 49
    store.rewind(digest, 10)
    store.append(digest, [step(n) for n in range(11, 80)])  # longer than before
    assert [r.step for r in reader.snapshot(digest).history.steps] == list(range(1, 80))
    # In place, so under the same inode number, and longer than what was read.
    path = history_file(store, digest)
    path.write_bytes(path.read_bytes().replace(b'"step": 7', b'"step": 300'))
    assert reader.snapshot(digest).history.last_step == 3009


def test_reading_is_incremental_and_cached(store, digest, monkeypatch):
    """Forty viewers polling a long run would otherwise parse it eighty times a second."""
    store.append(digest, [step(n) for n in range(1, 1000)])
    first = store.snapshot(digest)
    assert store.snapshot(digest) is first
    parsed = []
    monkeypatch.setattr("gan_core.runs.history_file.from_line",
                        lambda line: parsed.append(line) or step(1000))
    store.append(digest, [step(1000)])
    assert store.snapshot(digest).history.last_step == 1000
    assert len(parsed) == 1


def test_snapshots_are_consistent_while_a_run_is_written(store, digest):
    """A page would otherwise now and then draw a curve with holes."""
    seen, stop = [], threading.Event()

    def poll() -> None:
        while not stop.is_set():
            seen.append([r.step for r in store.snapshot(digest).history.steps])

    threads = [threading.Thread(target=poll) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(1, 200):
        store.append(digest, [step(number)])
    stop.set()
    for thread in threads:
        thread.join()
    assert all(steps == list(range(1, len(steps) + 1)) for steps in seen)
