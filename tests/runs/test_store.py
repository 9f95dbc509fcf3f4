"""The store: what a run leaves on disk, and what readers make of it."""

import io
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_core.config.run_config import RunConfig
from gan_core.runs.eviction import evict, size
from gan_core.runs.export import export_run
from gan_core.runs.records import EvalRecord, SampleRecord, StepRecord
from gan_core.runs.samples import VIEWS, neighbour_distances, sheet_png
from gan_core.runs.store import RunStatus, RunStore, StoreError

CONFIG = RunConfig(dataset="ring", steps=100)
HOSTILE = ["", "../secret", "..", ".", "/etc/passwd", "0123456789ABCDEF", "0123456789abcdef/..",
           "0123456789abcde", "0123456789abcdef0", "0123456789abcdeg", "0123456789abcde\n",
           "０123456789abcdef", None, 7]


def step(number: int) -> StepRecord:
    return StepRecord(number, *(number / 8 + i for i in range(10)))


def evaluation(number: int) -> EvalRecord:
    return EvalRecord(number, {"modes": 8.0}, (0.5, 0.5), seconds=1.0)


def images(number: int, value: int = 200, averaged: bool = False) -> SampleRecord:
    view = "averaged" if averaged else "samples"
    return SampleRecord(number, np.full((64, 28, 28), value, np.uint8), view)


SHAPES = {"samples": (5, 2), "surface": (48, 48), "neighbours": (16, 3, 28, 28)}


def look(number: int, view: str) -> SampleRecord:
    """Something to keep for a view, other at every step."""
    if view == "averaged":
        return images(number, number % 256, averaged=True)
    kind = np.uint8 if view == "neighbours" else np.float32
    return SampleRecord(number, np.full(SHAPES[view], number % 2, kind), view)


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs")


@pytest.fixture
def digest(store: RunStore) -> str:
    return store.create(CONFIG)


def history_file(store: RunStore, digest: str) -> Path:
    return store.root / digest / "history.jsonl"


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


def test_a_new_status_or_sheet_is_noticed(store, digest):
    """Progress would otherwise stand still until the next step record."""
    assert store.snapshot(digest).status.state == "queued"
    store.write_status(digest, RunStatus("running", 5, 100))
    assert store.snapshot(digest).status.step == 5
    store.append(digest, [images(5)])
    assert store.snapshot(digest).samples == (5,)


def test_averaged_samples_lie_beside_the_raw_ones(store, digest):
    """Otherwise one generator's picture would replace the other's at the same step."""
    store.append(digest, [images(0, 10), images(0, 90, averaged=True)])
    assert (store.root / digest / "samples_ema" / "000000.png").exists()
    middle = [np.asarray(Image.open(io.BytesIO(store.sheet(digest, 0, averaged))))[9, 9]
              for averaged in (False, True)]
    assert middle == [10, 90]
    points = {averaged: np.full((5, 2), averaged, np.float32) for averaged in (False, True)}
    store.append(digest, [SampleRecord(50, points[a], view)
                          for a, view in ((False, "samples"), (True, "averaged"))])
    for averaged, expected in points.items():
        np.testing.assert_array_equal(store.points(digest, 50, averaged), expected)
    assert store.snapshot(digest).views == {"samples": (0, 50), "averaged": (0, 50)}
    with pytest.raises(StoreError, match="samples_ema"):
        store.sheet(digest, 51, averaged=True)
    with pytest.raises(StoreError, match="samples_ema"):
        store.points(digest, 0, averaged=True)


def test_a_run_without_an_average_has_no_folder_for_it(store, digest):
    """Otherwise whoever looks into the folder would search for pictures that cannot be there."""
    store.append(digest, [images(0)])
    assert not (store.root / digest / "samples_ema").exists()
    assert store.snapshot(digest).views == {"samples": (0,)}


@pytest.mark.parametrize("view", VIEWS)
def test_a_new_view_is_noticed(store, digest, view):
    """The page would otherwise show yesterday's average, or surface, beside today's samples."""
    assert store.snapshot(digest).views == {}
    for number in (5, 10):
        store.append(digest, [look(number, view)])
        assert store.snapshot(digest).last_view(view, 99) == number


def test_rewind_forgets_every_view(store, digest):
    """A run that was started over would otherwise show pictures of the run before it."""
    store.append(digest, [look(number, view) for number in (0, 1, 2) for view in VIEWS])
    leftover = store.root / digest / "samples_ema" / ".000003.png.77.tmp"
    leftover.write_bytes(b"half a picture")  # of a process that was killed
    store.rewind(digest, 1)
    assert store.snapshot(digest).views == dict.fromkeys(VIEWS, (0, 1))
    assert not leftover.exists()
    store.rewind(digest, -1)
    assert store.snapshot(digest).views == {}


def test_export_takes_views_of_the_same_steps(store, digest, tmp_path):
    """The recorded runs would otherwise show average or surface beside samples of another moment;
    and neighbours at forty steps would make the package large."""
    store.append(digest, [step(1)])
    for number in range(0, 3001, 50):
        store.append(digest, [look(number, view) for view in VIEWS])
    export_run(store, digest, tmp_path / "recorded")
    copy = RunStore(tmp_path / "recorded")
    views = copy.snapshot(digest).views
    assert len(views["samples"]) == VIEWS["samples"].exported
    assert views["averaged"] == views["surface"] == views["samples"]
    assert len(views["neighbours"]) == 12
    assert (views["neighbours"][0], views["neighbours"][-1]) == (0, 3000)
    assert copy.sheet(digest, 3000, averaged=True) == store.sheet(digest, 3000, averaged=True)
    np.testing.assert_array_equal(copy.neighbours(digest, 3000), store.neighbours(digest, 3000))


def test_a_surface_comes_back_the_right_way_up(store, digest):
    """D's opinion would otherwise be drawn upside down, or in steps that can be seen."""
    scores = np.linspace(0, 1, 48 * 48, dtype=np.float32).reshape(48, 48)
    store.append(digest, [SampleRecord(50, scores, "surface")])
    assert (store.root / digest / "surface" / "000050.png").exists()
    assert np.abs(store.surface(digest, 50) - scores).max() <= 0.5 / 255 + 1e-6


def test_neighbours_come_back_exactly(store, digest):
    """The page would otherwise write a distance above 0 under a perfect copy, or show one
    picture's neighbour beside another."""
    pictures = np.random.default_rng(0).integers(0, 256, (16, 3, 28, 28)).astype(np.uint8)
    pictures[3, 1] = pictures[3, 0]
    store.append(digest, [SampleRecord(50, pictures, "neighbours")])
    found = store.neighbours(digest, 50)
    np.testing.assert_array_equal(found, pictures)
    distances = neighbour_distances(found)
    assert distances.shape == (16, 2) and distances[3, 0] == 0
    scaled = pictures[7] / 127.5 - 1
    assert distances[7] == pytest.approx(
        [np.linalg.norm(scaled[0] - scaled[other]) for other in (1, 2)])


@pytest.mark.parametrize("view", ["surface", "neighbours"])
@pytest.mark.parametrize("content", [
    b"", b"not a picture", sheet_png(np.zeros((3, 28, 28), np.uint8))[:60], None])
def test_a_corrupt_picture_is_named(store, digest, view, content):
    """A page would otherwise fail with a stack trace; whoever looks after the server needs to know
    which file is broken."""
    store.append(digest, [look(1, view)])
    path = store.root / digest / view / "000001.png"
    if content is None:
        Image.new("RGB", (84, 28)).save(path)
    else:
        path.write_bytes(content)
    with pytest.raises(StoreError, match=rf"{view}.000001\.png is not"):
        getattr(store, view)(digest, 1)
    with pytest.raises(StoreError, match=r"000002\.png cannot be read"):
        getattr(store, view)(digest, 2)


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


@pytest.mark.parametrize("name", HOSTILE)
def test_a_digest_from_a_url_never_becomes_a_path(store, name):
    """A visitor could otherwise read or delete files outside of the store."""
    outside = store.root.parent / "secret"
    outside.mkdir(parents=True)
    (outside / "config.json").write_text(CONFIG.to_json())
    store.root.mkdir()
    assert not store.exists(name)
    assert store.snapshot(name) is None
    assert store.status(name) is None
    assert not store.locked("0" * 16)
    store.touch(name)
    store.delete(name)
    for use in (store.config, store.checkpoint_path, lambda d: store.sheet(d, 0),
                lambda d: store.points(d, 0), lambda d: store.surface(d, 0),
                lambda d: store.neighbours(d, 0), lambda d: store.rewind(d, 0),
                lambda d: store.lock(d).__enter__(),
                lambda d: store.write_status(d, RunStatus("failed"))):
        with pytest.raises(StoreError):
            use(name)
    assert (outside / "config.json").exists()


def test_a_run_that_is_not_there_is_none(store):
    """A link to a run that was evicted must be told apart from a broken store."""
    assert store.snapshot("0" * 16) is None
    assert store.digests() == []
    assert size(store) == 0


@pytest.mark.parametrize("text", ["", "{", "[]", '{"steps": -4}', '{"no_such_field": 1}'])
def test_a_corrupt_config_is_named(store, digest, text):
    """Whoever looks after the server needs to know which file to repair."""
    (store.root / digest / "config.json").write_text(text)
    with pytest.raises(StoreError, match=r"config\.json"):
        store.snapshot(digest)
    with pytest.raises(StoreError, match=r"config\.json"):
        store.config(digest)


@pytest.mark.parametrize("text", ["", "[]", '{"state": "dancing"}', '{"state": []}',
                                  '{"state": "running", "step": "x"}',
                                  '{"state": "running", "seconds": 1e999}'])
def test_a_corrupt_status_costs_only_itself(store, digest, text):
    """The samples and curves are there still; the page must show them."""
    store.append(digest, [step(1)])
    (store.root / digest / "status.json").write_text(text)
    snapshot = store.snapshot(digest)
    assert (snapshot.status.state, snapshot.status.step) == ("stopped", 1)
    with pytest.raises(StoreError, match=r"status\.json"):
        store.status(digest)


def test_status_survives_json():
    """A field lost on the way would be missing on every page."""
    status = RunStatus("running", 3, 10, 2.5, 1.5, 2.75, "CPU", "because", 12.0)
    assert RunStatus.from_json(status.to_json()) == status
    assert RunStatus.from_json('{"state": "failed", "newer": 1}') == RunStatus("failed")


def test_a_sheet_is_an_8_by_8_grey_png_with_lines(store, digest):
    """Samples would otherwise be blurred, coloured or out of order."""
    record = SampleRecord(250, np.stack([np.full((28, 28), i, np.uint8) for i in range(64)]))
    store.append(digest, [record])
    assert (store.root / digest / "samples" / "000250.png").exists()
    picture = Image.open(io.BytesIO(store.sheet(digest, 250)))
    assert (picture.format, picture.mode, picture.size) == ("PNG", "L", (462, 462))
    pixels = np.asarray(picture)
    assert pixels[0, 0] == 0 and pixels[0, 58] == 1 and pixels[58, 0] == 8  # row by row
    assert pixels[0, 56] == pixels[0, 57] == pixels[56, 0] == 72  # one line, doubled
    with pytest.raises(StoreError, match="000251"):
        store.sheet(digest, 251)


def test_points_come_back_exactly(store, digest):
    """The 2-D experiments would otherwise show other points than were generated."""
    points = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
    store.append(digest, [SampleRecord(100, points)])
    np.testing.assert_array_equal(store.points(digest, 100), points)


def test_points_are_never_unpickled(store, digest):
    """A file planted in the store could otherwise run code in the server."""
    np.save(store.root / digest / "samples" / "000001.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(StoreError, match=r"000001\.npy"):
        store.points(digest, 1)


def test_eviction_takes_the_longest_unused_and_spares_what_is_kept(tmp_path):
    """A full disk would stop the class; a run in use that vanishes would as well."""
    store = RunStore(tmp_path, megabytes=0.2)
    digests = [store.create(CONFIG.replace(seed=seed)) for seed in range(5)]
    for age, digest in enumerate(digests):
        (tmp_path / digest / "checkpoint.pt").write_bytes(bytes(100_000))
        os.utime(tmp_path / digest, (1000 + age, 1000 + age))
    store.touch(digests[1])  # now the most recently used
    with store.lock(digests[2]):
        os.utime(tmp_path / digests[2], (1002, 1002))
        removed = evict(store, keep={digests[0]})
    assert removed == [digests[3], digests[4], digests[1]]
    assert set(store.digests()) == {digests[0], digests[2]}
    assert evict(store) == [digests[0]]
    assert not list(tmp_path.glob(".removed*"))


def test_eviction_bounds_the_number_of_runs(store, monkeypatch):
    """Many tiny runs would otherwise make every look at the store slow."""
    monkeypatch.setattr("gan_core.runs.eviction.MOST_RUNS", 3)
    digests = [store.create(CONFIG.replace(seed=seed)) for seed in range(6)]
    for age, digest in enumerate(digests):
        os.utime(store.root / digest, (1000 + age, 1000 + age))
    assert evict(store, keep={digests[1]}) == [digests[0], digests[2], digests[3]]
    assert set(store.digests()) == {digests[1], digests[4], digests[5]}


def test_a_store_within_its_limit_loses_nothing(store, digest):
    """Runs would vanish for no reason."""
    assert evict(store) == []
    assert store.exists(digest)


def test_export_leaves_a_thin_readable_run(store, digest, tmp_path):
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
    folder = export_run(store, digest, tmp_path / "recorded", points=300)
    assert sorted(os.listdir(folder)) == ["config.json", "history.jsonl", "samples", "status.json"]
    copy = RunStore(tmp_path / "recorded").snapshot(digest)
    assert len(copy.history.steps) == 300
    assert (copy.history.steps[0].step, copy.history.last_step) == (1, 2000)
    assert len(copy.samples) == VIEWS["samples"].exported
    assert (copy.samples[0], copy.samples[-1]) == (0, 2000)
    assert copy.status.device == "a device"
    assert copy.status.updated == store.snapshot(digest).status.updated
    export_run(store, digest, tmp_path / "recorded", points=10)  # again: replaces
    assert len(RunStore(tmp_path / "recorded").snapshot(digest).history.steps) == 10


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
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
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


@pytest.mark.parametrize("module", ["gan_core.runs.store", "gan_core.serving.queue", "gan_core.serving.worker"])
def test_the_web_process_never_imports_torch(module):
    """The page would take many seconds to open, and a crash of PyTorch would take it down."""
    code = f"import sys, {module}; assert not {{'torch', 'streamlit'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True,
                   cwd=Path(__file__).parents[2], timeout=120)
