"""`app`: opens the pages of a clone, and says what to do where there are none."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import gan_core
from gan_core.cli import app
from gan_core.cli.main import main
from tests.cli.calls import ROOT, refusal


@pytest.fixture
def calls(monkeypatch) -> list[tuple[list[str], Path]]:
    """What would be served, and where, instead of a server."""
    calls: list[tuple[list[str], Path]] = []
    monkeypatch.setattr(app, "_serve", lambda command, folder: calls.append((command, folder)) or 0)
    return calls


def clone(folder: Path) -> Path:
    (folder / "gan_core").mkdir(parents=True)
    (folder / "streamlit_app.py").touch()
    return folder


def test_the_clone_in_the_working_directory_comes_first(calls, tmp_path, monkeypatch):
    """A student's own changes are not what opens; or the pages of another project are."""
    monkeypatch.chdir(clone(tmp_path / "mine"))
    assert main(["app"]) == 0
    (other := tmp_path / "other").mkdir()
    (other / "streamlit_app.py").touch()
    monkeypatch.chdir(other)
    assert main(["app"]) == 0
    assert [folder for _, folder in calls] == [tmp_path / "mine", ROOT]


def test_port_and_further_arguments_reach_streamlit(calls):
    """A hosted app cannot be set up."""
    assert main(["app", "--port", "8600", "--server.headless", "true"]) == 0
    assert main(["app", "--", "--theme.base=dark"]) == 0
    run = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"]
    assert [command for command, _ in calls] == [
        [*run, "--server.port", "8600", "--server.headless", "true"], [*run, "--theme.base=dark"]]


def test_without_a_clone_one_sentence_says_what_to_do(calls, tmp_path, monkeypatch, capsys):
    """An installed package ends in a traceback: it has no pages."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(gan_core, "__file__", str(tmp_path / "site-packages/gan_core/__init__.py"))
    assert not refusal(main(["app"]), capsys.readouterr(), "in a clone of the project")
    assert not calls


def test_without_streamlit_one_sentence_says_what_to_do(calls, monkeypatch, capsys):
    """What is missing, and how to get it, stays a riddle."""
    monkeypatch.setitem(sys.modules, "streamlit", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert not refusal(main(["app"]), capsys.readouterr(), "pip install -r requirements.txt")
    assert not calls


def test_a_port_that_cannot_be_is_refused(calls, capsys):
    """Streamlit would fail in words of its own."""
    for port in ("0", "65536", "http"):
        fault = refusal(main(["app", "--port", port]), capsys.readouterr(), "from 1 to 65535")
        assert not fault, (port, fault)


def test_streamlits_exit_code_is_ours(tmp_path):
    """A script that starts the app takes a failure for success."""
    assert app._serve([sys.executable, "-c", "raise SystemExit(3)"], tmp_path) == 3


@pytest.mark.skipif(os.name != "posix", reason="signals of a shell")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_no_server_is_left_behind(number, tmp_path):
    """The next start finds the port taken."""
    server = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(60)"
    call = (f"import sys, pathlib; from gan_core.cli.app import _serve\n"
            f"_serve([sys.executable, '-c', {server!r}], pathlib.Path({str(tmp_path)!r}))")
    process = subprocess.Popen([sys.executable, "-c", call], cwd=ROOT, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (pid := (tmp_path / "pid").read_text() if (tmp_path / "pid").exists() else ""):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    assert process.wait(timeout=30) != 0
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)
