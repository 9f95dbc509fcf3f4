"""The measurement of a process's memory: it sees what a run takes, and says it as the docs do."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
import torch

from gan_core.benchmarks import peak_memory
from gan_core.cli.main import main
from gan_core.config.run_config import RunConfig

CASES = ({"dataset": "ring"}, {"width": 4.0, "depth": 6})


@pytest.fixture(autouse=True)
def _threads_restored():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_bench_measures_beside_what_is_reckoned(monkeypatch, capsys):
    """`bench --memory` would fail after minutes, or measure this process instead of the run's."""
    monkeypatch.setattr(peak_memory, "CASES", CASES)
    monkeypatch.setattr(peak_memory, "STEPS", 2)
    assert main(["bench", "--memory", "--device", "cpu", "--threads", "1", "--json"]) == 0
    small, large = json.loads(capsys.readouterr().out)["runs"]
    assert (small["changes"], large["changes"]) == CASES
    assert 0.3e9 < small["measured"] < large["measured"] - 0.3e9
    assert small["reckoned"] < large["reckoned"] - 0.3e9


def test_cases_can_be_trained_and_are_in_the_docs():
    """A row of the table could not be measured again."""
    docs = Path(__file__).parents[2] / "docs" / "verification.md"
    text = docs.read_text(encoding="utf-8")
    for changes in peak_memory.CASES:
        RunConfig(**changes)
        line = peak_memory._line({"changes": changes, "measured": 1e9, "reckoned": 1e9})
        assert line.split(" | ")[0] in text
    rows = [{"changes": {}, "measured": 1.234e9, "reckoned": 2e9}]
    assert peak_memory.in_words(rows).splitlines()[-1] == "| `the default` | 1.23 GB | 2.00 GB |"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_size_is_this_process_s_own():
    """A process that a large one has started would seem as large."""
    seen = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    assert peak_memory.largest_size() >= 1024 * int(seen[1])
