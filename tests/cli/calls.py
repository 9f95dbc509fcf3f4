"""Calls of the command line that the tests share."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from gan_core.cli.main import main

ROOT = Path(__file__).parents[2]
TINY = ("dataset=ring", "steps=40", "batch_size=16")


def run_json(capsys, *arguments: str) -> dict:
    """What `run --json` prints of a run that succeeds."""
    assert main(["run", "--json", "--device", "cpu", "--threads", "1", *arguments]) == 0
    return json.loads(capsys.readouterr().out)


def started(*arguments: str, **environ: str) -> subprocess.Popen:
    """The command line as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "gan_core", *arguments], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **environ},
    )


def refusal(code: int, captured, expected: str) -> str:
    """What is wrong with how bad input was refused; "" if it was refused in one sentence."""
    lines = captured.err.splitlines()
    faults = {
        f"exit code {code}, not 2": code != 2,
        f"stdout has {captured.out[:80]!r}": captured.out != "",
        f"{len(lines)} lines, not one": len(lines) != 1,
        f"{expected!r} is not in {captured.err[:200]!r}": expected not in captured.err,
        "no full stop": not captured.err.rstrip().endswith("."),
    }
    return "; ".join(fault for fault, is_so in faults.items() if is_so)
