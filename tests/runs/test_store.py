"""The store: which runs there are, who may write them, and what a URL cannot do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from gan_core.runs.eviction import size
from gan_core.runs.records import SampleRecord
from gan_core.runs.store import RunStatus, RunStore, StoreError
from tests.support.made_up_records import CONFIG, evaluation, images, step

ROOT = Path(__file__).parents[2]
HOSTILE = ["", "../secret", "..", ".", "/etc/passwd", "0123456789ABCDEF", "0123456789abcdef/..",
           "0123456789abcde", "0123456789abcdef0", "0123456789abcdeg", "0123456789abcde\n",
           "０123456789abcdef", None, 7]


def test_a_run_is_read_back_as_it_was_written(store, digest):
    """Otherwise curves and samples of a finished run would differ from what was trained."""
    store.append(digest, [images(0), evaluation(0), step(1), step(2), evaluation(2)])
    store.write_status(digest, RunStatus("finished", 2, 100, reason="done"))
    snapshot = RunStore(store.root).snapshot(digest)
    assert snapshot.config == CONFIG
    assert snapshot.history.steps == (step(1), step(2))
    assert snapshot.history.evaluations == (evaluation(0), evaluation(2))
    assert snapshot.samples == (0,)
    assert (snapshot.status.state, snapshot.history.outcome.kind) == ("finished", "finished")
    assert not snapshot.live


def test_a_new_status_or_sheet_is_noticed(store, digest):
    """Progress would otherwise stand still until the next step record."""
    assert store.snapshot(digest).status.state == "queued"
    store.write_status(digest, RunStatus("running", 5, 100))
    assert store.snapshot(digest).status.step == 5
    store.append(digest, [images(5)])
    assert store.snapshot(digest).samples == (5,)


def test_a_digest_from_a_url_never_becomes_a_path(store):
    """A visitor could otherwise read or delete files outside of the store."""
    outside = store.root.parent / "secret"
    outside.mkdir(parents=True)
    (outside / "config.json").write_text(CONFIG.to_json())
    store.root.mkdir()
    for name in HOSTILE:
        assert not store.exists(name)
        assert store.snapshot(name) is None
        assert store.status(name) is None
        assert not store.locked(name)
        store.touch(name)
        store.delete(name)
        for use in (store.config, store.existing_snapshot, store.checkpoint_path,
                    lambda d: store.sheet(d, 0), lambda d: store.points(d, 0),
                    lambda d: store.surface(d, 0), lambda d: store.neighbours(d, 0),
                    lambda d: store.rewind(d, 0), lambda d: store.lock(d).__enter__(),
                    lambda d: store.write_status(d, RunStatus("failed"))):
            with pytest.raises(StoreError):
                use(name)
        assert (outside / "config.json").exists() and not list(store.root.iterdir()), name


def test_a_run_that_is_not_there_is_none(store):
    """A link to a run that was evicted is another message than that of a broken store."""
    assert store.snapshot("0" * 16) is None
    with pytest.raises(StoreError, match="There is no run '0000000000000000' in"):
        store.existing_snapshot("0" * 16)
    assert store.digests() == []
    assert size(store) == 0


def test_a_corrupt_config_is_named(store, digest):
    """Whoever looks after the server needs to know which file to repair."""
    for text in ("", "{", "[]", '{"steps": -4}', '{"no_such_field": 1}'):
        (store.root / digest / "config.json").write_text(text)
        for read in (store.snapshot, store.config):
            with pytest.raises(StoreError, match=r"config\.json"):
                print("accepted:", text, read(digest))


def test_reading_writes_nothing(store, digest):
    """Recorded runs lie in the package's folder, which is read-only for a server."""
    store.append(digest, [images(0), SampleRecord(1, np.zeros((3, 2), np.float32)), step(1)])
    folder = store.root / digest

    def listing() -> list[tuple[str, int]]:
        return sorted((str(p), p.stat().st_mtime_ns) for p in [folder, *folder.rglob("*")])

    before = listing()
    reader = RunStore(store.root)
    reader.snapshot(digest), reader.sheet(digest, 0), reader.points(digest, 1)
    reader.digests(), size(reader), reader.config(digest), reader.status(digest)
    assert listing() == before


def test_only_one_process_trains_a_run(store, digest):
    """Two writers would tear the history; a killed one must not leave the run locked."""
    script = (
        "import sys; from gan_core.runs.store import RunStore; store = RunStore(sys.argv[1])\n"
        "with store.lock(sys.argv[2]): print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(store.root), digest],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        assert holder.stdout.readline().strip() == b"held"
        assert store.locked(digest)
        with pytest.raises(StoreError, match="another process"), store.lock(digest, wait=0.1):
            pass
        with pytest.raises(StoreError, match="another process"):
            store.delete(digest)
    finally:
        holder.kill()
        holder.communicate()
    with store.lock(digest, wait=5.0):
        assert store.locked(digest)
    assert not store.locked(digest)


def test_a_deleted_run_is_gone_for_every_reader(store, digest):
    """A page would otherwise show a run that cannot be continued."""
    other = RunStore(store.root)
    assert other.snapshot(digest) is not None
    store.delete(digest)
    assert other.snapshot(digest) is None and store.snapshot(digest) is None
    assert os.listdir(store.root) == []


def test_the_memory_of_readers_is_bounded(store):
    """A server that runs for a term would otherwise grow with every run it has shown."""
    for seed in range(70):
        assert store.snapshot(store.create(CONFIG.replace(seed=seed))) is not None
    assert len(store._cache) <= 64


def test_create_keeps_the_first_config(store, digest):
    """config.json is written once: the target lives in the status."""
    before = (store.root / digest / "config.json").read_bytes()
    assert store.create(CONFIG.replace(steps=9000)) == digest
    assert (store.root / digest / "config.json").read_bytes() == before
    assert json.loads(before)["steps"] == 100


def test_only_one_thread_trains_a_run(store, digest):
    """Two runs of one process, such as a notebook's, would tear the history as two processes do."""
    acquired, release = threading.Event(), threading.Event()

    def hold() -> None:
        with RunStore(store.root).lock(digest):
            acquired.set()
            release.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert acquired.wait(30) and store.locked(digest)
        with pytest.raises(StoreError, match="another process"), store.lock(digest, wait=0.0):
            pass
    finally:
        release.set()
    with store.lock(digest, wait=30.0):  # whoever waits gets it as soon as it is free
        holder.join()


def test_a_lock_makes_no_run(store, digest):
    """A run deleted a moment ago would come back as an empty folder that nobody can open."""
    store.delete(digest)
    with pytest.raises(StoreError, match="There is no run"), store.lock(digest):
        pass
    assert not store.locked(digest) and store.folders() == []


def test_whoever_waits_for_a_run_that_is_deleted_is_refused(store, digest):
    """Otherwise a second process would train into a folder that is no longer in the store."""
    refused: list[str] = []

    def wait() -> None:
        try:
            with RunStore(store.root).lock(digest, wait=30.0):
                refused.append("locked")
        except StoreError as error:
            refused.append(str(error))

    with store.lock(digest):
        waiting = threading.Thread(target=wait)
        waiting.start()
        time.sleep(0.2)  # it has tried, and will try again
        shutil.rmtree((store.root / digest).rename(store.root / ".removed"))  # as `delete` does
    waiting.join(30)
    assert refused == [f"There is no run {digest!r} in {store.root}."]
    assert store.folders() == []


def test_the_web_process_never_imports_torch():
    """The page would take many seconds to open, and a crash of PyTorch would take it down."""
    code = ("import sys, gan_core.runs.store, gan_core.runs.thinned_copy, gan_core.serving.queue\n"
            "import gan_core.serving.worker\n"
            "heavy = {'torch', 'streamlit'} & set(sys.modules)\n"
            "assert not heavy, heavy")
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=120)
