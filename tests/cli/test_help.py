"""Help: of every command, under the name by which it was called, and with every field."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gan_core.cli.main import main, parser
from gan_core.config import presets
from gan_core.config.run_config import DEFAULT, KNOBS
from tests.cli.calls import ROOT

NAMES = list(parser()._subparsers._group_actions[0].choices)


def help_text(capsys, *command: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_help_lists_every_field_with_label_range_and_default(capsys):
    """A setting can be found by reading the source alone."""
    text = help_text(capsys, "run")
    for name, knob in KNOBS.items():
        line = next(line for line in text.splitlines() if line.split()[:1] == [name])
        assert knob.label in line
        assert knob.allowed() in line
        assert line.endswith(f"default {getattr(DEFAULT, name)}")
    assert all(name in text for name in presets.presets())
    assert "same to the bit" in " ".join(text.split())


def test_every_command_has_help_and_says_what_it_needs_of_the_machine(capsys):
    """A command is hidden, or breaks when asked for help."""
    assert all(f" {name} " in help_text(capsys) for name in NAMES)
    texts = {name: help_text(capsys, name) for name in NAMES}
    assert [name for name, text in texts.items() if "--threads" not in text] == ["open", "app"]


@pytest.mark.parametrize(("called", "name"), [
    ("/usr/bin/gan-lab", "gan-lab"), ("gan-lab.exe", "gan-lab"),
    ("/home/somebody/gan_core/__main__.py", "python -m gan_core")])
def test_help_says_the_command_as_it_was_typed(called, name, capsys, monkeypatch):
    """A user copies a line from the help, and the shell does not know it."""
    monkeypatch.setattr(sys, "argv", [called])
    assert help_text(capsys, "run").startswith(f"usage: {name} run ")


def test_help_comes_without_torch():
    """A glance at the help takes seconds."""
    check = ("import sys; from gan_core.cli.main import main\n"
             "try: main(['--help'])\nexcept SystemExit: sys.exit('torch' in sys.modules)")
    assert subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True
                          ).returncode == 0
