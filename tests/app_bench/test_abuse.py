"""The abuse command in its smallest size: a greedy person, and somebody else who trains besides."""

from __future__ import annotations

import json
import sys

import pytest

from tests.app_bench import abuse


def test_somebody_else_trains_beside_a_greedy_person(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One person with many tabs keeps a class from training, and nobody measures it."""
    monkeypatch.setenv("GAN_LAB_WORKERS", "1")
    monkeypatch.setenv("GAN_LAB_THREADS", "1")
    monkeypatch.setattr(sys, "argv", ["abuse", "--tabs", "10", "--presses", "4", "--json"])
    with pytest.raises(SystemExit) as ended:
        abuse.main()
    row = json.loads(capsys.readouterr().out)
    assert ended.value.code == 0, row
    assert row["refused"], "ten tabs of one person got ten runs"
    assert 0 < row["other_waited_s"] < abuse.READY
    assert row["finished_is_there"] and row["workers_lived"] and not row["problems"]
    words = abuse.in_words(row)
    assert "10 tabs" in words and "all lived" in words and "Problems: none." in words


@pytest.mark.parametrize("arguments", [["--tabs", "0"], ["--tabs", "501"], ["--presses", "-1"]])
def test_the_command_is_bounded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """A mistyped number opens a hundred thousand tabs."""
    monkeypatch.setattr(sys, "argv", ["abuse", *arguments])
    with pytest.raises(SystemExit) as ended:
        abuse.main()
    assert ended.value.code == 2 and "--presses from 0" in capsys.readouterr().err
