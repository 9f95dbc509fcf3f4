"""The load command: what it counts, in its smallest size; and how old what is shown is."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

from tests.app_bench import load
from tests.app_bench.crowd import Visit, other_seeds, same_preset
from tests.app_bench.live_feed import Look
from tests.app_bench.written_steps import BEAT, WrittenSteps

RUN = "0123456789abcdef"


def test_a_class_is_measured(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """Whoever hosts a class has no figures to size a machine by."""
    monkeypatch.setenv("GAN_LAB_WORKERS", "1")
    monkeypatch.setenv("GAN_LAB_THREADS", "1")
    monkeypatch.setattr(sys, "argv", ["load", "--visitors", "2", "--wish", "same preset",
                                      "--arrival", "1", "--watch", "6", "--json"])
    load.main()
    report = json.loads(capsys.readouterr().out)
    (row,) = report["rows"]
    assert row["visitors"] == 2 and row["errors"] == 0, row["problems"]
    assert row["open_s"]["p95"] > 0 and row["looks"] > 5 and row["steps_per_second"] > 0
    assert 0 < row["age_s"]["p50"] < 60
    if sys.platform == "linux":
        assert 50 < row["web_megabytes"] < 1000 and row["web_share"] > 0
    table = load.in_words(report)
    assert "same preset" in table and "open p50" in table


def test_what_went_wrong_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that turned half of a class away passes for a fast one."""
    failed = Visit()
    failed.problems["TimeoutError: timed out"] += 1
    figures = load._figures([Visit(opened=1.0), failed], WrittenSteps(Path("nowhere")))
    assert figures["errors"] == 1 and figures["open_s"] == {"p50": 1.0, "p95": 1.0}
    row = {"wish": "same preset", "visitors": 2, "browsers": 0, **figures, "web_share": None,
           "web_share_arriving": None, "visitors_share": 0.5, "steps_per_second": 30.0,
           "web_megabytes": None}
    assert "2 visitors: 1 × TimeoutError" in load.in_words({"about": "", "rows": [row]})


@pytest.mark.parametrize("arguments", [["--visitors", "0"], ["--watch", "0"],
                                       ["--arrival", "1e9"], ["--browsers", "-1"]])
def test_the_command_is_bounded(
    monkeypatch: pytest.MonkeyPatch, capsys, arguments: list[str]
) -> None:
    """A mistyped number keeps a machine busy for days."""
    monkeypatch.setattr(sys, "argv", ["load", *arguments])
    with pytest.raises(SystemExit) as ended:
        load.main()
    assert ended.value.code == 2 and "must be" in capsys.readouterr().err


def test_wishes_are_what_their_names_say() -> None:
    """Two trainings or a hundred: the table's rows would be mixed up."""
    assert len({same_preset(number).digest() for number in range(100)}) == 2
    assert len({other_seeds(number).digest() for number in range(100)}) == 100


# --- how old it is -------------------------------------------------------------------------------


def test_news_is_as_old_as_the_oldest_step_in_it(tmp_path: Path) -> None:
    """A page that lags behind its run passes for a live one."""
    history = tmp_path / RUN / "history.jsonl"
    history.parent.mkdir()
    with WrittenSteps(tmp_path) as written:
        times = []
        for step in (1, 2, 3):
            with history.open("a") as file:
                file.write(f'{{"step": {step}, "loss_d": 1.0}}\n')
            times.append(time.time())
            time.sleep(4 * BEAT)
    now = times[2] + 10
    assert written.age(RUN, 1, now) == pytest.approx(now - times[1], abs=0.05)
    assert written.age(RUN, 2, now) == pytest.approx(10, abs=0.05)
    assert written.age(RUN, 3, now) is None and written.age("another", 1, now) is None
    assert written.rate(times[0], times[2]) == pytest.approx(2 / (times[2] - times[0]), rel=0.6)


def test_only_looks_that_bring_something_new_have_an_age() -> None:
    """A waiting run's looks, which bring nothing, would make a slow server look fast."""
    steps = (-1, -1, 4, 4, 9)
    visit = Visit(looks=[Look(RUN, 0.0, 0.0, 200, 1, 0, step) for step in steps])
    assert [(look.step, known) for look, known in visit.news()] == [(4, -1), (9, 4)]
