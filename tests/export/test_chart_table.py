"""Charts over the steps of a run, and of its evaluations."""

from __future__ import annotations

import numpy as np
import pytest

from gan_core.config.choices import DATASETS
from gan_core.diagnosis.feature_extractor import extractor
from gan_core.export.charts import table as charts
from gan_core.runs.records import STEP_METRICS

LINES = [*charts.lines("non_saturating").values(), charts.lines("minimax")["losses"]]
ALL_LINES = [*LINES, charts.MEMORISATION, charts.frozen(100), charts.frozen(100, 3)]
CURVES = [curve for name, card in DATASETS.items()
          for curve in charts.curves(card, extractor(name)).values()]


def test_a_minimax_generators_loss_is_drawn_where_it_is() -> None:
    """L_G of the minimax loss is negative: a frame from 0 draws a flat line at 0."""
    low, high = charts.lines("minimax")["losses"].domain
    assert low < -np.log(2) and high > 2 * np.log(2)


def test_every_data_set_has_its_charts() -> None:
    """A data set can be chosen whose charts cannot be drawn."""
    for name, card in DATASETS.items():
        assert all(charts.histogram_words(card.modes, card.mode_noun)), name
        assert {curve.metric for curve in charts.curves(card, {}).values()} >= {"modes"}, name
        assert card.kind == "image" or card.extent > 0, name


def test_older_recordings_are_said_to_know_the_nearest_mode_only() -> None:
    """Noise passes for the digits that it is nearest to, and nobody says so."""
    assert charts.histogram_words(2, "digit") == (
        "Which digits G draws", "dotted: 50 % each, an even mixture")
    beside = charts.histogram_words(2, "digit", ["reference"])
    assert beside[1] == "reference: nearest digit (older recording)"
    assert charts.histogram_words(2, "digit", ["this run"], some_new=False)[0] == (
        "Nearest digit of each sample")


@pytest.mark.parametrize("chart", ALL_LINES, ids=lambda chart: chart.title)
def test_every_line_is_one_that_is_measured_in_a_colour_of_its_own(chart) -> None:
    """A line stays empty for ever, or two lines cannot be told apart."""
    if chart.source != "evaluations":
        assert {metric for metric, _ in chart.series} <= set(STEP_METRICS)
    assert len(set(chart.colours)) == len(chart.colours) >= len(chart.series)
    low, high = chart.domain
    assert low < high and (low > 0 or not chart.log)
    assert all(low <= value <= high for value in chart.rules)


def test_real_and_generated_have_one_colour_on_all_charts() -> None:
    """Blue means real in one chart, and D in the next."""
    colours: dict[str, set[str]] = {}
    for chart in ALL_LINES:
        for (_, label), colour in zip(chart.series, chart.colours, strict=False):
            colours.setdefault(label.replace("training reals", "real"), set()).add(colour)
    assert all(len(of_label) == 1 for of_label in colours.values())
    others = {colour for label, of_label in colours.items() for colour in of_label
              if label not in ("real", "generated")}
    assert not others & (colours["real"] | colours["generated"])
