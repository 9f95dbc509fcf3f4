"""The fuzz command in its smallest size: it runs, counts what fails, says how long answers take."""

from __future__ import annotations

import json
import sys

import pytest

from pages.components import state
from tests.app_bench import fuzz


def test_the_command_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The documented command ends at its first link, and nobody knows what addresses do."""
    monkeypatch.setattr(
        sys, "argv", ["fuzz", "--links", "30", "--pages", "2", "--requests", "20", "--json"])
    assert fuzz.main() == 0
    report = json.loads(capsys.readouterr().out)
    counts = [report[name]["count"] for name in ("links", "pages", "requests")]
    assert counts == [30, 2, 20] and sum(report["requests"]["statuses"].values()) == 20
    assert all(report[name]["seconds"]["p95"] > 0 for name in ("links", "pages", "requests"))
    words = fuzz.in_words(report)
    assert words.count("p95") == 3 and words.endswith("log: 0")


def test_links_that_fail_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """One link that no page can read hides all the others, or none is noticed."""
    def broken(*given: object) -> None:
        raise ValueError("no such page")

    monkeypatch.setattr(state, "_opened", broken)
    report = fuzz.read_links(5)
    assert sum(report["failures"].values()) == 5
    assert all("ValueError: no such page" in failure for failure in report["failures"])


@pytest.mark.parametrize("arguments", [["--links", "-1"], ["--pages", "1000001"]])
def test_the_command_is_bounded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """A mistyped number keeps a machine busy for days."""
    monkeypatch.setattr(sys, "argv", ["fuzz", *arguments])
    with pytest.raises(SystemExit) as ended:
        fuzz.main()
    assert ended.value.code == 2 and "whole numbers" in capsys.readouterr().err
