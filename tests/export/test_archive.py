"""Everything of a run as one zip, and the same run out of it on another server."""

from __future__ import annotations

import dataclasses
import errno
import io
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_core.config.presets import RECORDED
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.verdict import verdict
from gan_core.export.archive import zip_of_runs
from gan_core.export.archive.opening import OpenedRun, open_archive
from gan_core.export.archive.weights import loader
from gan_core.export.archive.zip_of_runs import CUT_OFF, archive
from gan_core.export.code.section import NoText
from gan_core.export.sheets import Reel
from gan_core.runs import opened_runs as opened
from gan_core.runs import repair
from gan_core.runs.opened_runs import opened_runs
from gan_core.runs.samples import VIEWS, ending
from gan_core.runs.snapshots import RunSnapshot
from gan_core.runs.status import RunStatus, StoreError
from gan_core.runs.store import RunStore
from gan_core.serving import stored_verdicts
from gan_core.serving.run_lists import RunLists
from gan_core.verification import audit_runs
from gan_core.verification.results import train_into
from pages.components import server
from tests.support.runs import TINY, TINY_IMAGES
from tests.support.zips import RING, packed, sound, steps

POINTS = TINY.replace(ema=0.9, dropout=0.2)
DIGITS = TINY_IMAGES.replace(architecture="dcgan", spectral_norm=True)


@dataclass
class Trained:
    """Two runs that were trained, and the bytes of their zip."""

    store: RunStore
    reels: list[Reel]
    content: bytes

    @property
    def names(self) -> list[str]:
        return zipfile.ZipFile(io.BytesIO(self.content)).namelist()

    def read(self, name: str) -> bytes:
        return zipfile.ZipFile(io.BytesIO(self.content)).read(name)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, cpu) -> Iterator[Trained]:
    store = RunStore(tmp_path_factory.mktemp("runs"))
    reels = []
    for title, config in (("This run", POINTS), ("Reference", DIGITS)):
        train_into(store, config, cpu)
        reels.append(Reel(title, store.existing_snapshot(config.digest()), store))
    yield Trained(store, reels, zip_of(reels))


def zip_of(reels: list[Reel]) -> bytes:
    with archive(reels) as file:
        return file.read()


def opened_again(content: bytes, folder: Path) -> tuple[RunStore, list[OpenedRun]]:
    runs = opened_runs(folder)
    return runs, open_archive(io.BytesIO(content), runs)


def pictures(store: RunStore, snapshot: RunSnapshot) -> dict[tuple[str, int], bytes]:
    """All pictures of a run as a browser gets them."""
    return {(view, step): store.picture(snapshot.digest, view, step,
                                        ending(view, snapshot.config.card.kind) or "")
            for view in VIEWS for step in snapshot.views.get(view, ())}


def comparable(snapshot: RunSnapshot) -> tuple[object, ...]:
    """Settings, records, status and verdict; as words, since NaN does not equal itself."""
    judged = verdict(snapshot.history, snapshot.config)
    return (snapshot.config, repr(snapshot.history.steps), repr(snapshot.history.evaluations),
            snapshot.history.outcome, snapshot.status, snapshot.views, judged.to_dict())


# --- from one server to another ------------------------------------------------------------------


def test_a_run_and_its_reference_are_the_same_on_another_server(
    trained: Trained, tmp_path: Path
) -> None:
    """Who takes a run along finds another verdict, other curves or other pictures."""
    runs, found = opened_again(trained.content, tmp_path)
    assert [run.config for run in found] == [POINTS, DIGITS]
    assert all(run.weights_left_out for run in found)
    for reel, run in zip(trained.reels, found, strict=True):
        shown = runs.existing_snapshot(run.key)
        assert comparable(shown) == comparable(reel.snapshot)
        assert pictures(runs, shown) == pictures(trained.store, reel.snapshot)
        assert shown.samples and len(shown.history.steps) == reel.snapshot.config.steps


def test_a_recorded_run_can_be_taken_along(tmp_path: Path) -> None:
    """The runs that ship cannot be given to others, or lose something on the way."""
    store, config = server.recorded(), RECORDED["collapse"]
    snapshot = store.existing_snapshot(config.digest())
    content = zip_of([Reel("This run", snapshot, store)])
    runs, (run,) = opened_again(content, tmp_path)
    shown = runs.existing_snapshot(run.key)
    assert comparable(shown) == comparable(snapshot)
    assert pictures(runs, shown) == pictures(store, snapshot)
    assert not run.weights_left_out
    names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    assert not [each for each in names if each.endswith((".pt", "load_weights.py"))]
    text = zipfile.ZipFile(io.BytesIO(content)).read("README.txt").decode()
    assert "There are no weights of this run" in text


def test_an_opened_run_can_be_taken_along_again(trained: Trained, tmp_path: Path) -> None:
    """The third person in a row gets nothing, or is told that the second one trained it."""
    runs, (first, _) = opened_again(trained.content, tmp_path / "second")
    again = zip_of([Reel("This run", runs.existing_snapshot(first.key), runs)])
    _, (third,) = opened_again(again, tmp_path / "third")
    assert third == dataclasses.replace(first, weights_left_out=False)
    assert "nobody here has seen it train" in zipfile.ZipFile(
        io.BytesIO(again)).read("README.txt").decode()


def test_a_folder_of_a_store_is_opened_as_it_is(trained: Trained, tmp_path: Path) -> None:
    """A teacher with a shell zips a run's folder, as the documents say it is laid out."""
    digest = POINTS.digest()
    root = tmp_path / "copied"
    shutil.copytree(trained.store.root / digest, root / digest)
    # What the page of runs, an audit, a network home, a repair and a process that was killed leave.
    for name in (stored_verdicts.FILE, audit_runs.FILE, *repair.FILES, "lock.owner",
                 ".lock.owner.0a1b2c3d.tmp", ".log.txt.damaged", ".good.damaged/000002.pt",
                 "samples/.000002.npy.damaged", "samples/.000002.npy.0a1b2c3d4e5f6a7b.tmp",
                 "good/000002.pt"):
        (root / digest / name).parent.mkdir(exist_ok=True)
        (root / digest / name).touch()
    content = packed({path.relative_to(root).as_posix(): path.read_bytes()
                      for path in sorted((root / digest).rglob("*")) if path.is_file()})
    runs, (run,) = opened_again(content, tmp_path)
    assert comparable(runs.existing_snapshot(run.key)) == comparable(trained.reels[0].snapshot)


def test_of_a_run_that_goes_on_what_is_known_of_it_is_copied(tmp_path: Path) -> None:
    """A zip has records without their pictures, or says for ever that the run is being trained."""
    store = RunStore(tmp_path / "runs")
    digest = store.create(RING.replace(steps=100))
    store.append(digest, steps(1, 2, 3))
    store.write_status(digest, RunStatus("running", 3, 100, 5.0, seconds_left=20.0))
    before = store.existing_snapshot(digest)
    store.append(digest, steps(4, 5))
    runs, (run,) = opened_again(zip_of([Reel("This run", before, store)]), tmp_path)
    shown = runs.existing_snapshot(run.key)
    assert shown.history.last_step == 3
    assert (shown.status.state, shown.status.reason) == ("stopped", CUT_OFF)
    assert (shown.status.step, shown.status.seconds_left) == (3, None)


def test_a_run_that_went_beyond_its_settings_is_whole(tmp_path: Path) -> None:
    """A run that was continued cannot be opened any more: its steps are beyond the range."""
    store = RunStore(tmp_path / "runs")
    digest = store.create(RING)
    store.append(digest, steps(*range(1, 10)))
    store.write_status(digest, RunStatus("finished", 9, 9))
    content = zip_of([Reel("This run", store.existing_snapshot(digest), store)])
    runs, (run,) = opened_again(content, tmp_path)
    assert run.config.steps == runs.existing_snapshot(run.key).history.last_step == 9


# --- what is in it -------------------------------------------------------------------------------


def test_the_same_runs_give_the_same_zip(trained: Trained, monkeypatch) -> None:
    """Who keeps zips under version control, or compares two of them, finds differences that are
    none."""
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 1000)
    assert zip_of(trained.reels) == trained.content


def test_read_me_says_what_every_file_is(trained: Trained) -> None:
    """Somebody unpacks the zip a year later, and does not know what is what."""
    text = trained.read("README.txt").decode()
    parts = {name.partition("/")[2] if name.startswith(("run-", "reference-")) else name
             for name in trained.names}
    parts = {name.partition("/")[0] + ("/" if "/" in name else "") for name in parts}
    assert {"film.gif", "report.html", "gan.py", "gan.ipynb", "history.csv", "history.json",
            "samples/", "samples_ema/", "drawn/", "charts/", "checkpoint.pt", "load_weights.py",
            "config.json"} <= parts
    assert not [part for part in parts - {"README.txt"} if part not in text]
    assert "python -m gan_core open FILE" in text and '"Open a run from a file"' in text
    assert POINTS.digest() in text and DIGITS.digest() in text
    assert "Left out" not in text


def test_files_for_people_are_of_the_run(trained: Trained) -> None:
    """A picture is empty, a drawing is no picture, or what came out of a run is that of another."""
    run = f"run-{POINTS.digest()}"
    for name in trained.names:
        if name.endswith((".png", ".gif")):
            Image.open(io.BytesIO(trained.read(name))).verify()
    last = trained.reels[0].snapshot.samples[-1]
    drawn = Image.open(io.BytesIO(trained.read(f"{run}/drawn/samples/{last:06d}.png")))
    assert len(drawn.convert("L").getcolors()) > 2
    rows = trained.read(f"{run}/history.csv").decode().splitlines()
    assert len(rows) >= 1 + POINTS.steps
    assert POINTS.digest() in trained.read(f"{run}/gan.py").decode()
    assert trained.read("report.html").startswith(b"<!")
    assert trained.read(f"{run}/checkpoint.pt") == trained.store.checkpoint_path(
        POINTS.digest()).read_bytes()


def test_what_cannot_be_read_is_left_out_and_named(tmp_path: Path) -> None:
    """One damaged picture keeps a whole run from being taken home, or is missing without a word."""
    store = RunStore(tmp_path / "runs")
    digest = store.create(RING)
    store.append(digest, steps(1, 2, 3, 4))
    store.write_status(digest, RunStatus("finished", 4, 4))
    for step in (2, 4):
        (store.root / digest / "samples" / f"{step:06d}.npy").write_bytes(
            b"nothing" if step == 2 else sound()[f"run-{digest}/samples/000004.npy"])
    content = zip_of([Reel("This run", store.existing_snapshot(digest), store)])
    made = zipfile.ZipFile(io.BytesIO(content))
    assert f"run-{digest}/samples/000002.npy: " in made.read("README.txt").decode()
    assert f"run-{digest}/samples/000004.npy" in made.namelist()
    _, (run,) = opened_again(content, tmp_path)
    assert run.config == RING


def test_a_program_that_has_no_text_is_left_out_and_named(
    tmp_path: Path, trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody adds a network, and no run of it can be taken home; or README tells of files that
    are not there."""
    def no_text(*of: object) -> str:
        raise NoText("A program of this run cannot be written: it has no text.")

    for name in ("script", "notebook", "loader"):
        monkeypatch.setattr(zip_of_runs, name, no_text)
    content = zip_of(trained.reels[:1])
    made, folder = zipfile.ZipFile(io.BytesIO(content)), f"run-{POINTS.digest()}"
    text = made.read("README.txt").decode()
    for name in ("gan.py", "gan.ipynb", "load_weights.py"):
        assert f"{folder}/{name}" not in made.namelist()
        assert f"  {folder}/{name}: A program of this run cannot be written" in text
        assert not re.search(rf"^  {re.escape(name)} ", text, re.MULTILINE)
    assert "  checkpoint.pt    the weights" in text and f"{folder}/checkpoint.pt" in made.namelist()
    _, (run,) = opened_again(content, tmp_path)
    assert run.config == POINTS


def test_weights_that_cannot_be_read_are_said_so(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The zip says that there never were any, or names a folder of the server."""
    real = zip_of_runs.files.open_regular

    def denied(path: Path) -> object:
        if path.name == "checkpoint.pt":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(zip_of_runs.files, "open_regular", denied)
    text = zipfile.ZipFile(io.BytesIO(zip_of(trained.reels))).read("README.txt").decode()
    assert "There are no weights of this run: they could not be read.\n" in text
    assert "There are no weights of the reference: they could not be read.\n" in text
    assert "checkpoint.pt: permission is missing.\n" in text
    assert str(trained.store.root) not in text


# --- weights -------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", [POINTS, DIGITS], ids=["points", "digits"])
def test_the_loader_draws_what_the_run_drew_last(
    config: RunConfig, trained: Trained, tmp_path: Path
) -> None:
    """The weights are there, and nobody can use them; or they are not those of the run."""
    place = 0 if config == POINTS else 1
    folder = f"{('run', 'reference')[place]}-{config.digest()}"
    zipfile.ZipFile(io.BytesIO(trained.content)).extractall(tmp_path)
    done = subprocess.run([sys.executable, "load_weights.py"], cwd=tmp_path / folder, text=True,
                          capture_output=True, env={**os.environ, "PYTHONPATH": ""})
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"weights after {config.steps} steps of training\n"
    snapshot, made = trained.reels[place].snapshot, tmp_path / folder / "samples_from_weights"
    last = snapshot.samples[-1]
    assert last == config.steps
    if config.card.kind == "points":
        for name, averaged in (("from", False), ("of_averaged", True)):
            drawn = np.loadtxt(made.with_name(f"samples_{name}_weights.csv"), delimiter=",",
                               skiprows=1)
            expected = trained.store.points(config.digest(), last, averaged)
            np.testing.assert_allclose(drawn, expected, atol=1e-4)
        return
    picture = np.asarray(Image.open(made.with_suffix(".png")).convert("L")).astype(int)
    sheet = np.asarray(Image.open(io.BytesIO(trained.store.sheet(config.digest(), last))))
    for tile in range(64):  # one pixel for two, and lines of one pixel in place of two
        row, column = divmod(tile, 8)
        ours = picture[30 * row + 2 : 30 * row + 30, 30 * column + 2 : 30 * column + 30]
        theirs = sheet[::2, ::2][29 * row : 29 * row + 28, 29 * column : 29 * column + 28]
        assert np.abs(ours - theirs).max() <= 1, tile


def test_the_loader_is_short_and_needs_nothing_of_ours() -> None:
    """Who wants the weights reads a whole training, or must install this project."""
    for config in (POINTS, DIGITS, RunConfig(architecture="dcgan_reference", dropout=0.25)):
        text = loader(config)
        assert "gan_core" not in text and "weights_only=True" in text
        compile(text, "load_weights.py", "exec")
        loading = text[text.index("saved = "):]
        assert len(loading.splitlines()) <= 20


# --- where opened runs are -----------------------------------------------------------------------


def test_an_opened_run_never_takes_the_place_of_one_that_was_trained_here(tmp_path: Path) -> None:
    """A forged file passes for the server's own run of these settings, whoever opens its link."""
    store = RunStore(tmp_path)
    digest = store.create(RING)
    store.append(digest, steps(1, 2))
    before = store.existing_snapshot(digest)
    runs, (run,) = opened_again(packed(sound()), tmp_path)
    assert run.key != digest and run.config.digest() == digest
    assert runs.existing_snapshot(run.key).opened and not before.opened
    assert store.existing_snapshot(digest) == before
    assert store.digests() == [digest]
    with pytest.raises(StoreError):
        runs.existing_snapshot(digest)


def test_the_same_file_is_kept_once_and_another_one_beside_it(tmp_path: Path) -> None:
    """A class that opens the same file fills the disk; or two files that differ in a number get
    into each other's way."""
    runs, (first,) = opened_again(packed(sound()), tmp_path)
    assert opened_again(packed(sound()), tmp_path)[1] == [first]
    files = sound()
    name = f"run-{RING.digest()}/history.jsonl"
    files[name] = files[name].replace(b'"loss_d": 1.4', b'"loss_d": 1.5', 1)
    _, (other,) = opened_again(packed(files), tmp_path)
    assert other.key != first.key
    assert sorted(runs.folders()) == sorted([first.key, other.key])
    assert not [path for path in runs.root.iterdir() if path.name.startswith(".")]


def test_the_runs_opened_longest_ago_go_first(tmp_path: Path, monkeypatch) -> None:
    """Visitors fill the disk with files."""
    monkeypatch.setattr(opened, "MOST_RUNS", 3)
    keys = []
    for seed in range(5):
        runs, (run,) = opened_again(packed(sound(RING.replace(seed=seed))), tmp_path)
        keys.append(run.key)
        os.utime(runs.root / run.key, (seed, seed + 1_000_000))
    assert sorted(runs.folders()) == sorted(keys[-3:])


def test_what_somebody_starred_goes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One visitor's files push out a run that somebody has given a name, to have it next week."""
    monkeypatch.setattr(opened, "MOST_RUNS", 3)
    lists = RunLists(tmp_path)
    keys = []
    for seed in range(6):
        runs = opened_runs(tmp_path)
        (run,) = open_archive(
            io.BytesIO(packed(sound(RING.replace(seed=seed)))), runs, lists.kept)
        keys.append(run.key)
        os.utime(runs.root / run.key, (seed, seed + 1_000_000))
        if seed == 0:
            lists.describe("home", f"opened-{run.key}", "for the lesson", "")
        if seed == 1:  # a run of the server whose digest reads like that key is another one
            lists.star("home", run.key, True)
    assert sorted(runs.folders()) == sorted([keys[0], *keys[-2:]])


def test_both_runs_of_a_file_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference makes the run go, with which it came."""
    monkeypatch.setattr(opened, "MOST_RUNS", 1)
    pair = packed({**sound(), **sound(RING.replace(seed=9))})
    runs, found = opened_again(pair, tmp_path)
    assert sorted(runs.folders()) == sorted(run.key for run in found) and len(found) == 2


def test_a_run_beside_one_of_the_same_settings_is_opened(tmp_path: Path) -> None:
    """Somebody takes their own run home beside a forged one, and nobody can open the zip."""
    store = RunStore(tmp_path / "own")
    digest = store.create(RING)
    store.append(digest, steps(1, 2, 3, 4))
    store.write_status(digest, RunStatus("finished", 4, 4))
    runs, (other,) = opened_again(packed(sound()), tmp_path / "first")
    reels = [Reel("This run", store.existing_snapshot(digest), store),
             Reel("Reference", runs.existing_snapshot(other.key), runs)]
    again, found = opened_again(zip_of(reels), tmp_path / "second")
    assert [run.config for run in found] == [RING, RING] and found[1].key == other.key
    assert again.existing_snapshot(found[0].key).history == reels[0].snapshot.history
    _, found = opened_again(zip_of([reels[1], reels[1]]), tmp_path / "third")
    assert [run.key for run in found] == [other.key]


def test_another_run_of_the_same_key_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody makes two files whose keys are the same, and one is shown as if it were the other.
    """
    monkeypatch.setattr(opened, "KEY_DIGITS", 0)
    monkeypatch.setattr(RunStore, "exists", lambda store, key: True)
    runs = opened_runs(tmp_path)
    (runs.root / "x").mkdir(parents=True)
    with pytest.raises(StoreError, match="whose content has the same key"):
        open_archive(io.BytesIO(packed(sound())), runs)


def test_a_small_store_keeps_few_of_them(tmp_path: Path) -> None:
    """Files that visitors send take a disk that is too small for the server's own runs."""
    for seed in range(3):
        files = sound(RING.replace(seed=seed))
        runs = opened_runs(tmp_path, megabytes=0.01)
        (run,) = open_archive(io.BytesIO(packed(files)), runs)
        os.utime(runs.root / run.key, (seed, seed + 1_000_000))
        assert len(runs.folders()) <= 1 and runs.exists(run.key)
