"""The table of what differs between compared runs, without a page around it."""

from __future__ import annotations

import csv
import html
import io

import pytest

from gan_core.config.fields import KNOBS
from gan_core.config.presets import RECORDED
from gan_core.config.run_config import DEFAULT, RunConfig
from gan_core.config.value_words import tick_text
from pages.components.runs_compare import differences
from pages.components.runs_csv import as_csv
from pages.components.runs_rows import value_of
from tests.config.random_configs import CONTEXTS, another
from tests.pages.test_runs_rows import row_of


@pytest.mark.parametrize("name", KNOBS)
def test_runs_that_differ_in_any_one_setting_are_compared(name):
    """Two runs are ticked, and the page ends in an error, as with a schedule."""
    rows = [row_of(CONTEXTS.get(name, DEFAULT)), row_of(another(name))]
    told = differences(rows, [name], {each.key: place for place, each in enumerate(rows)})
    for each in rows:
        assert html.escape(tick_text(name, value_of(each, name))) in told
    assert as_csv(rows)


@pytest.mark.parametrize("name", RECORDED)
def test_every_recorded_run_is_compared_with_the_default(name):
    """A recorded run cannot be compared with any other."""
    rows = [row_of(RECORDED[name]), row_of(RunConfig(seed=77))]
    assert "run-settings" in differences(
        rows, [*KNOBS], {each.key: place for place, each in enumerate(rows)})


def test_a_schedule_is_no_formula_of_a_spreadsheet():
    """A spreadsheet says that the file has an error, since a schedule begins with @."""
    rows = [row_of(DEFAULT), row_of(another("schedule"))]
    lines = list(csv.DictReader(io.StringIO(as_csv(rows))))
    assert [line["schedule"] for line in lines] == ["", "'@500 dropout=0.5"]
