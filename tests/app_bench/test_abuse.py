"""The abuse command in its smallest size: a greedy person, and somebody else who trains besides."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from gan_core.config.run_config import RunConfig
from tests.app_bench import abuse


def test_somebody_else_trains_beside_a_greedy_person(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One person with many tabs keeps a class from training, and nobody measures it."""
    monkeypatch.setenv("GAN_LAB_WORKERS", "1")
    monkeypatch.setenv("GAN_LAB_THREADS", "1")
    # Small steps, and all the time there is: how long a large step takes is the machine's business,
    # and that a run makes room in time is tested by the clock of tests/serving/test_time_slices.py.
    # Of images, for points of one shape would be one batch, which counts once.
    monkeypatch.setattr(abuse, "LARGEST", (RunConfig(batch_size=8),))
    monkeypatch.setattr(abuse, "LONGEST", abuse.READY)
    monkeypatch.setattr(sys, "argv", ["abuse", "--tabs", "10", "--presses", "4", "--json"])
    with pytest.raises(SystemExit) as ended:
        abuse.main()
    row = json.loads(capsys.readouterr().out)
    assert ended.value.code == 0, row
    assert row["refused"], "ten tabs of one person got ten runs"
    assert 0 < row["other_waited_s"] <= abuse.LONGEST
    assert row["finished_is_there"] and row["workers_lived"] and row["stubs_evicted"]
    words = abuse.in_words(row)
    assert "10 tabs and 4 presses" in words and "all lived" in words and "none." in words


WELL = {"tabs": 1, "presses": 0, "refused": 0, "other_waited_s": 9.0, "workers_lived": True,
        "worker_megabytes": [900], "stubs": 300, "stubs_evicted": 40, "finished_is_there": True,
        "problems": []}


@pytest.mark.parametrize(("changed", "words"), [
    ({"other_waited_s": None}, "never began"), ({"other_waited_s": 61.0}, "more than 60 s"),
    ({"workers_lived": False}, "a worker ended"), ({"finished_is_there": False}, "is gone"),
    ({"stubs_evicted": 0}, "no room was made"), ({"problems": ["OSError: lost"]}, "OSError: lost")])
def test_what_must_not_be_fails(changed: dict[str, Any], words: str) -> None:
    """A class waits, or loses its runs, and the command says that all is well."""
    assert not abuse.failures(WELL)
    (failure,) = abuse.failures({**WELL, **changed})
    assert words in failure and words in abuse.in_words({**WELL, **changed})


@pytest.mark.parametrize("arguments", [["--tabs", "0"], ["--tabs", "501"], ["--presses", "-1"]])
def test_the_command_is_bounded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """A mistyped number opens a hundred thousand tabs."""
    monkeypatch.setattr(sys, "argv", ["abuse", *arguments])
    with pytest.raises(SystemExit) as ended:
        abuse.main()
    assert ended.value.code == 2 and "--presses from 0" in capsys.readouterr().err
