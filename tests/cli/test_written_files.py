"""Files that commands write: what is no file is never replaced; what cannot be is said first."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from pathlib import Path

import pytest

from gan_core.cli.arguments import UsageError
from gan_core.cli.main import main
from gan_core.cli.written_files import refuse_unwritable, write, writing
from tests.cli.calls import TINY, refusal

COMMANDS = {  # each writes a file where it is told to, after a training that would take an hour
    "script": ["export", "--preset", "mode_collapse-broken", "--script"],
    "zip": ["export", "--set", *TINY, "steps=200000", "--zip"],
    "csv": ["map", "--shipped", "rate-ratio", "--csv"],
    "png": ["map", "--shipped", "rate-ratio", "--png"],
    "prices": ["prices", "--write"],
    "verify": ["verify", "presets", "--write"],
    "audit": ["verify", "audit", "--write"],
    "claims": ["claims", "--write"],
}


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """What stands for a device: it is no file, and must stay what it is."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_replaces_what_is_no_file(
    name: str, pipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As root, /dev/null becomes a file, and every program of the machine fails."""
    link = pipe.with_name("link")
    link.symlink_to(pipe)
    for path, said in ((pipe, f"{pipe} is a device, a pipe"), (link, f"{link}, a link to {pipe},")):
        code = main([*COMMANDS[name], str(path)])
        assert not refusal(code, capsys.readouterr(), said)
    assert stat.S_ISFIFO(os.stat(pipe).st_mode) and link.is_symlink()
    assert sorted(path.name for path in pipe.parent.iterdir()) == ["link", "pipe"]


def test_of_a_link_the_file_is_replaced_that_it_names(tmp_path: Path) -> None:
    """A link into a folder that is shared becomes a file that nobody else sees."""
    (tmp_path / "shared").mkdir()
    there, link = tmp_path / "shared" / "film.gif", tmp_path / "film.gif"
    link.symlink_to(there)
    for content in (b"new", b"newer"):
        write("--film", link, content)
        assert link.is_symlink() and there.read_bytes() == content
    assert [path.name for path in there.parent.iterdir()] == ["film.gif"]


def test_where_nothing_can_be_written_is_said_by_the_name_that_was_given(tmp_path: Path) -> None:
    """Whoever misspells a folder reads of a file that they never named."""
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone" / "x.gif")
    (tmp_path / "file").touch()
    for name, said in (("loop", "loop cannot be written"), ("a/x.gif", f"no folder {tmp_path}/a."),
                       ("nowhere", f"no folder {tmp_path}/gone."), (".", "is a folder"),
                       ("file/x.gif", f"no folder {tmp_path}/file."),
                       ("x" * 300, "cannot be written: file name too long.")):
        with pytest.raises(UsageError, match=r"^--film: ") as refused:
            refuse_unwritable("--film", tmp_path / name)
        assert said in str(refused.value) and str(refused.value).endswith(".")


def test_a_folder_that_takes_no_files_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that may be written lies in a folder in which none may be made; or the sentence has
    the name of a file that was never asked for."""
    path = tmp_path / "film.gif"
    path.touch()
    monkeypatch.setattr(os, "access", lambda of, mode: Path(of) != tmp_path)
    with pytest.raises(UsageError, match=r"film\.gif cannot be written: permission is missing\.$"):
        refuse_unwritable("--film", path)
    monkeypatch.setattr(os, "access", lambda of, mode: True)
    with pytest.raises(UsageError) as refused, writing("--film", path) as temporary:
        (temporary.parent / "nowhere" / temporary.name).touch()
    said = f"--film: {path} cannot be written: its folder takes no files."
    assert str(refused.value) == said

    def nothing(**of: object) -> None:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", "/other")

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", nothing)
    with pytest.raises(UsageError) as refused:
        refuse_unwritable("--film", path)
    assert str(refused.value) == said
    assert [each.name for each in tmp_path.iterdir()] == ["film.gif"]
