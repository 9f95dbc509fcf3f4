"""How charts of two runs are put together and sent."""

from __future__ import annotations

import dataclasses
import gc
import weakref

import pytest

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.diagnose import diagnose
from gan_core.runs.history import History
from pages.components import history_charts as charts
from pages.components import results
from pages.components.chart_style import REFERENCE, THIS
from tests.support.snapshots import STEP, evaluation


def test_a_chart_is_sent_as_it_was_drawn() -> None:
    """The page shows other numbers than were measured, or calls a series by another's name."""
    chart = charts.SCORES
    histories = {
        run: History([dataclasses.replace(STEP, step=i, score_real=real) for i in range(1, 9)])
        for run, real in ((THIS, 0.1), (REFERENCE, 0.9))}
    sent = results.joined_table(charts.lines_frame, chart, histories).to_pandas()
    drawn = charts.lines_frame(chart, histories)
    assert list(sent) == list(drawn)
    for name in ("series", "run"):
        assert sent[name].tolist() == drawn[name].tolist()
    for name in ("step", "value", "drawn"):
        assert sent[name].tolist() == pytest.approx(drawn[name].tolist(), rel=1e-6)
    empty = results.joined_table(charts.lines_frame, chart, {})
    assert empty.column_names == list(drawn) and not len(empty)


def test_a_chart_is_made_anew_only_for_the_run_that_has_grown() -> None:
    """Every look at a live run draws the finished reference again, on cores that train."""
    read: list[str] = []

    def frame(chart: charts.Lines, histories: dict[str, History]):
        read.extend(histories)
        return charts.lines_frame(chart, histories)

    reference = History([STEP])
    young, older = (History([dataclasses.replace(STEP, step=i + 1) for i in range(steps)])
                    for steps in (1, 2))
    for mine in (young, older, older):
        results.joined_table(
            frame, charts.SCORES, {THIS: mine, REFERENCE: reference})
    assert read == [THIS, REFERENCE, THIS]


def test_what_was_drawn_of_a_run_goes_with_it() -> None:
    """The web process grows with every run that anybody has watched."""
    mine = History([STEP], [evaluation(250)])
    results.joined_table(charts.lines_frame, charts.SCORES, {THIS: mine})
    diagnose(mine, RunConfig())
    gone = weakref.ref(mine)
    del mine
    gc.collect()
    assert gone() is None
