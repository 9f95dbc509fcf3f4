"""export and open: a run leaves by the command line, and comes back on another server."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from gan_core.cli.main import main
from gan_core.config.presets import RECORDED
from gan_core.config.run_config import RunConfig
from gan_core.export.code.section import NoText
from gan_core.runs.opened_runs import opened_runs
from gan_core.runs.store import RunStore
from tests.cli.calls import ROOT, TINY, refusal
from tests.support.zips import packed, sound


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A folder of runs."""
    return tmp_path / "store"


def frames(film: Path) -> int:
    """Of a GIF."""
    with Image.open(film) as picture:
        return picture.n_frames


def names_in(file: Path) -> list[str]:
    with zipfile.ZipFile(file) as packed:
        return packed.namelist()


def test_script_and_notebook_need_no_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who wants the code of a long run waits for hours, or for torch."""
    files = [tmp_path / "gan.py", tmp_path / "gan.ipynb"]
    code = ("import sys; from gan_core.cli.main import main\n"
            f"assert main(['export', '--preset', 'mode_collapse-broken', '--set', 'steps=100000',"
            f" '--script', {str(files[0])!r}, '--notebook', {str(files[1])!r}]) == 0\n"
            "assert 'torch' not in sys.modules")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == list(map(str, files))
    compile(files[0].read_text(), "gan.py", "exec")
    assert json.loads(files[1].read_text())["nbformat"] == 4


def test_a_run_is_trained_where_there_is_none_and_opened_elsewhere(
    tmp_path: Path, stored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A zip of the command line is not one that another server opens, or is of another run."""
    packed_run, page, film = (tmp_path / name for name in ("run.zip", "run.html", "run.gif"))
    wanted = ["--zip", str(packed_run), "--report", str(page), "--film", str(film)]
    call = ["export", "--set", *TINY, "--store", str(stored), *wanted]
    assert main(call) == 0
    said = capsys.readouterr()
    assert said.out.split() == [str(packed_run), str(page), str(film)]
    assert "it is trained" in said.err
    assert page.read_text(encoding="utf-8").startswith("<!")
    assert frames(film) > 1
    assert main(call) == 0
    assert "is in " in capsys.readouterr().err, "it was trained again"

    other = tmp_path / "other"
    assert main(["open", str(packed_run), "--store", str(other), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    digest, = RunStore(stored).digests()
    (run,) = told["opened"]
    assert run["digest"] == digest and run["weights_left_out"] is True
    assert told["address"] == f"?opened={run['key']}"
    there = RunStore(stored).existing_snapshot(digest)
    here = opened_runs(other).existing_snapshot(run["key"])
    assert (here.history, here.views) == (there.history, there.views)
    assert RunStore(other).digests() == [], "it passes for a run of this store"

    again = tmp_path / "again.zip"
    assert main(["export", "--digest", run["key"], "--store", str(other), "--zip", str(again)]) == 0
    assert f"run-{digest}/config.json" in names_in(again)


def test_a_recorded_run_is_taken_as_it_ships(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A preset of the pages is trained again, for minutes."""
    film = tmp_path / "film.gif"
    assert main(["export", "--preset", "mode_collapse-broken", "--film", str(film)]) == 0
    assert "is recorded" in capsys.readouterr().err
    assert frames(film) > 10
    digest = RECORDED["collapse"].digest()
    assert main(["export", "--digest", digest, "--script", str(tmp_path / "gan.py")]) == 0
    assert digest in (tmp_path / "gan.py").read_text(encoding="utf-8")


def test_opening_says_what_went_wrong_in_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A teacher who gets twenty files has to start the app for each of them."""
    file = tmp_path / "run.zip"
    file.write_bytes(packed(sound()))
    assert main(["open", str(file), "--store", str(tmp_path / "store")]) == 0
    said = capsys.readouterr().out
    assert "opened from a file as " in said and "finished at step 4" in said
    assert "verdict: too_early" in said


def test_a_file_that_is_no_run_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A traceback, or half a run in the store."""
    file = tmp_path / "run.zip"
    file.write_bytes(packed({**sound(), "../evil": b"x"}))
    code = main(["open", str(file), "--store", str(tmp_path / "store")])
    assert not refusal(code, capsys.readouterr(), "leads out of its folder")
    assert not opened_runs(tmp_path / "store").folders()


def test_a_store_that_takes_nothing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever misspells --store reads of a folder with a random name that they never heard of."""
    file, store = tmp_path / "run.zip", tmp_path / "no-folder"
    file.write_bytes(packed(sound()))
    store.touch()
    code = main(["open", str(file), "--store", str(store)])
    said = capsys.readouterr()
    assert not refusal(code, said, f"{store}, the folder of runs, cannot take an opened run: ")
    assert ".new-" not in said.err
    from gan_core.export.archive import opening

    def full(*of: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(opening.files, "write", full)
    code = main(["open", str(file), "--store", str(tmp_path / "store")])
    assert not refusal(code, capsys.readouterr(), "cannot take an opened run: the disk is full.")


def test_a_pipe_is_not_opened(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command waits for ever."""
    os.mkfifo(tmp_path / "pipe")
    code = main(["open", str(tmp_path / "pipe"), "--store", str(tmp_path / "store")])
    assert not refusal(code, capsys.readouterr(), "is a device, a pipe or a socket; name a zip.")


def test_an_interrupted_training_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file of half a run looks like one of the whole."""
    from gan_core.cli import export

    real = export.train_with_progress

    def stopped(store: RunStore, config: RunConfig, device: object) -> object:
        result = real(store, config.replace(steps=3), device)
        return type(result)(config, result.history, type(result.outcome)("stopped", 3), "cpu")

    monkeypatch.setattr(export, "train_with_progress", stopped)
    file = tmp_path / "film.gif"
    assert main(["export", "--set", *TINY, "seed=77", "--film", str(file)]) == 130
    assert not file.exists() and "nothing was written" in capsys.readouterr().err


def test_a_run_without_samples_has_no_film(
    tmp_path: Path, stored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty file, or a traceback."""
    digest = RunStore(stored).create(RunConfig(dataset="ring", steps=5))
    code = main(["export", "--digest", digest, "--store", str(stored), "--film",
                 str(tmp_path / "film.gif")])
    assert not refusal(code, capsys.readouterr(), "no samples yet")


def test_a_run_of_fewer_steps_goes_on(
    tmp_path: Path, stored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever has trained 40 of 60 steps is told that no such run is there."""
    longer = [*TINY[:1], "steps=60", *TINY[2:]]
    call = ["--store", str(stored), "--film", str(tmp_path / "film.gif")]
    assert main(["export", "--set", *TINY, *call]) == 0
    assert "is neither in the store nor recorded: it is trained" in capsys.readouterr().err
    assert main(["export", "--set", *longer, *call]) == 0
    assert "has 40 of 60 steps: it is trained on" in capsys.readouterr().err
    store = RunStore(stored)
    digest, = store.digests()
    store.checkpoint_path(digest).unlink()
    assert main(["export", "--set", *TINY[:1], "steps=70", *TINY[2:], *call]) == 0
    assert "has 60 of 70 steps and no checkpoint: it is trained from its start" \
        in capsys.readouterr().err


def test_what_has_no_text_is_refused_before_training(
    tmp_path: Path, stored: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str]
) -> None:
    """After hours of training there is a traceback in place of a script."""
    from gan_core.cli import export

    def no_text(config: RunConfig, device: str) -> str:
        raise NoText("A program of this run cannot be written: it has no text.")

    file, film = tmp_path / "gan.py", tmp_path / "film.gif"
    for name in ("script", "notebook"):
        monkeypatch.setitem(export.OF_SETTINGS, name, no_text)
        code = main(["export", "--set", *TINY, "--store", str(stored), f"--{name}", str(file),
                     "--film", str(film)])
        assert not refusal(code, capsys.readouterr(), "A program of this run cannot be written")
    digest = RECORDED["collapse"].digest()
    code = main(["export", "--digest", digest, "--script", str(file)])
    assert not refusal(code, capsys.readouterr(), "A program of this run cannot be written")
    assert not stored.exists() and not file.exists() and not film.exists()
