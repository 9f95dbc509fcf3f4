"""Files that processes share: added to wholly or not at all, replaced, read with care."""

from __future__ import annotations

import errno
import os
import threading

import pytest

from gan_core.system import files


def test_lines_are_added_all_or_none(tmp_path, monkeypatch):
    """A disk that fills up in mid-write would leave records that the next attempt repeats."""
    path = tmp_path / "history.jsonl"
    files.append_lines(path, ["first"])
    written = []

    def fill_up(file, content):
        written.append(file.write(content[:7]))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(files, "_write_all", fill_up)
        with pytest.raises(OSError, match="No space"):
            files.append_lines(path, ["second", "third"])
    assert written == [7] and path.read_text() == "first\n"
    files.append_lines(path, ["second", "third"])
    assert path.read_text() == "first\nsecond\nthird\n"


def test_half_a_line_of_a_killed_writer_is_closed_first(tmp_path):
    """Two records would melt into one that nobody can read."""
    path = tmp_path / "history.jsonl"
    path.write_text("whole\nhal")
    files.append_lines(path, ["next"])
    assert path.read_text() == "whole\nhal\nnext\n"


def test_temporary_names_do_not_collide_between_containers(tmp_path, monkeypatch):
    """Containers number processes and threads alike: one would write the other's file."""
    monkeypatch.setattr(os, "getpid", lambda: 1)
    monkeypatch.setattr(threading, "get_native_id", lambda: 1)
    path = tmp_path / "status.json"
    with files.replacing(path) as mine, files.replacing(path) as theirs:
        assert mine != theirs
        mine.write_text("mine"), theirs.write_text("theirs")
    assert path.read_text() == "mine" and os.listdir(tmp_path) == ["status.json"]


@pytest.mark.skipif(os.name == "nt", reason="needs pipes and links in the file system")
def test_only_plain_files_are_read(tmp_path):
    """A pipe would hang the server; a link would show a visitor what lies elsewhere; a huge file
    would fill its memory."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"12345")
    (tmp_path / "link").symlink_to(secret)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("link", "pipe", "folder", "missing"):
        with pytest.raises(OSError):
            print(name, files.read(tmp_path / name, 5))
    assert files.read(secret, 5) == b"12345"
    with pytest.raises(OSError, match="too large"):
        files.read(secret, 4)


def test_a_cause_is_named_in_plain_words():
    """'The disk may be full' sends whoever runs the server to look at the wrong thing."""
    causes = {errno.ENOSPC: "the disk is full", errno.EACCES: "permission is missing",
              errno.EROFS: "the file system is read-only", errno.EIO: os.strerror(errno.EIO)}
    for number, words in causes.items():
        said = files.cause(OSError(number, os.strerror(number), "/srv/runs/1/history.jsonl"))
        assert said.lower() == words.lower() and "/srv" not in said
