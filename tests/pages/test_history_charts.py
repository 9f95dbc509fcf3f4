"""Charts over the steps of a run, and of its evaluations."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from gan_core.config.choices import DATASETS
from gan_core.diagnosis.feature_extractor import extractor
from gan_core.runs.history import History
from gan_core.runs.records import EvalRecord
from pages.components import history_charts as charts
from pages.components import modes_chart
from pages.components.chart_style import REFERENCE, THIS
from tests.support.snapshots import STEP

LINES = [*charts.lines("non_saturating").values(), charts.lines("minimax")["losses"]]
ALL_LINES = [*LINES, charts.MEMORISATION, charts.frozen(100), charts.frozen(100, 3)]
CURVES = [curve for name, card in DATASETS.items()
          for curve in charts.curves(card, extractor(name)).values()]


def test_line_charts_stay_small_and_inside_their_frame() -> None:
    """A long run makes the page slow, or a spike leaves the chart."""
    wild = [dataclasses.replace(STEP, step=i, loss_g=1e9, grad_norm_g=0.0) for i in range(1, 5000)]
    for chart in LINES:
        frame = charts.lines_frame(chart, {THIS: History(wild)})
        assert len(frame) <= charts.POINTS * len(chart.series), chart.title
        assert frame["drawn"].between(*chart.domain).all(), chart.title
        # What the tooltip says stays what was measured.
        assert chart.domain[1] < 1e9 and frame["value"].max() in (1e9, 1.5, 0.6, 1.2), chart.title


@pytest.mark.parametrize("spec", [
    charts.lines_spec(charts.SCORES, 100), charts.curve_spec(CURVES[0], 100),
    modes_chart.modes_spec(10, "digit", 100),
], ids=["lines", "curve", "modes"])
def test_a_chart_draws_the_data_that_come_with_it(spec) -> None:
    """A chart's frame is there, and no line in it."""
    assert "datasets" not in spec
    assert all("name" not in part.get("data", {}) for part in (spec, *spec.get("layer", ())))


@pytest.mark.parametrize("step", [101, 400])
def test_the_frozen_chart_begins_with_the_freeze(step: int) -> None:
    """What was not measured would be drawn, or two runs frozen at other steps not lie together."""
    before = [dataclasses.replace(STEP, step=i) for i in range(1, step)]
    after = [dataclasses.replace(STEP, step=step + i, grad_norm_minimax=10.0 ** -i,
                                 grad_norm_non_saturating=1e3) for i in range(1000)]
    chart = charts.frozen(step - 1)
    frame = charts.lines_frame(chart, {THIS: History([*before, *after])})
    assert (frame["step"].min(), frame["step"].max()) == (1, 1000)
    assert len(frame) == charts.POINTS * 2 and frame["drawn"].between(*chart.domain).all()
    assert charts.lines_frame(chart, {THIS: History(before)}).empty
    spec = charts.lines_spec(chart, step + 999, ((step + 9, "faster D"),))
    assert spec["layer"][0]["encoding"]["x"]["scale"]["domain"] == [0, 1000]
    assert spec["layer"][0]["encoding"]["x"]["title"] == "D steps since the freeze"
    assert '"at": 10, "label": "faster D"' in json.dumps(spec)


def test_scores_of_known_and_new_images_come_from_the_evaluations() -> None:
    """What D thinks of images it knows is measured at evaluations: by steps there is nothing."""
    metrics = {"score_train": 0.9, "score_held_out": 0.4, "score_generated": 0.1}
    history = History([STEP], [EvalRecord(250, metrics), EvalRecord(500, {"modes": 1.0})])
    frame = charts.lines_frame(charts.MEMORISATION, {REFERENCE: history})
    assert frame["value"].tolist() == [0.9, 0.4, 0.1] and set(frame["step"]) == {250.0}
    scale = charts.lines_spec(charts.MEMORISATION, 1000)["layer"][0]["encoding"]["color"]["scale"]
    assert len(set(scale["range"])) == len(scale["domain"]) == 3


@pytest.mark.parametrize("spec", [
    lambda marks: charts.lines_spec(charts.GRADIENTS, 1000, marks),
    lambda marks: charts.curve_spec(CURVES[0], 1000, marks),
    lambda marks: modes_chart.modes_spec(8, "mode", 1000, marks),
], ids=["lines", "curve", "modes"])
def test_what_was_changed_is_marked_on_every_chart(spec) -> None:
    """A reader does not see at which step the learning rate was raised."""
    marks = ((500, "dropout 0.4"), (950, "rate 1e-3"), (2000, "beyond the chart"))
    text = json.dumps(spec(marks))
    assert '"at": 500, "label": "dropout 0.4"' in text and "rate 1e-3" in text
    assert "beyond" not in text and '"at"' not in json.dumps(spec(()))
    assert '"align": "left"' in text and '"align": "right"' in text  # a late label is not cut
    assert spec(marks) is spec(marks)


def test_a_minimax_generators_loss_is_drawn_where_it_is() -> None:
    """L_G of the minimax loss is negative: a frame from 0 draws a flat line at 0."""
    low, high = charts.lines("minimax")["losses"].domain
    assert low < -np.log(2) and high > 2 * np.log(2)


def test_every_curve_shows_its_metric() -> None:
    """A chart asks for a metric that no evaluation has, and stays empty."""
    for curve in CURVES:
        record = EvalRecord(250, {curve.metric: 1e9})
        frame = charts.curve_frame(curve, {THIS: History((), [record])})
        assert frame["value"].tolist() == [1e9], curve.title
        assert frame["drawn"].tolist() == [curve.domain[1]], curve.title
        text = json.dumps(charts.curve_spec(curve, 1000), ensure_ascii=False)
        assert curve.note in text and curve.axis in text


def test_a_chart_keeps_its_specification_while_live() -> None:
    """The chart is built anew, and flickers, at every refresh."""
    for chart in ALL_LINES:
        assert charts.lines_spec(chart, 1000) is charts.lines_spec(chart, 1000), chart.title
        text = json.dumps(charts.lines_spec(chart, 1000), ensure_ascii=False)
        assert chart.title in text and chart.axis in text and chart.note in text


def test_every_data_set_has_its_charts() -> None:
    """A data set can be chosen whose charts cannot be drawn."""
    for name, card in DATASETS.items():
        assert all(charts.histogram_words(card.modes, card.mode_noun)), name
        assert {curve.metric for curve in charts.curves(card, {}).values()} >= {"modes"}, name
        assert card.kind == "image" or card.extent > 0, name


def test_empty_histories_give_empty_frames_with_columns() -> None:
    """The page fails before the first record is there."""
    empty = {THIS: History()}
    for chart in ALL_LINES:
        assert charts.lines_frame(chart, empty).empty and charts.lines_frame(chart, {}).empty
    for curve in CURVES:
        assert list(charts.curve_frame(curve, {})) == ["step", "value", "run", "drawn"]


def test_older_recordings_are_said_to_know_the_nearest_mode_only() -> None:
    """Noise passes for the digits that it is nearest to, and nobody says so."""
    assert charts.histogram_words(2, "digit") == (
        "Which digits G draws", "dotted: 50 % each, an even mixture")
    beside = charts.histogram_words(2, "digit", ["reference"])
    assert beside[1] == "reference: nearest digit (older recording)"
    assert charts.histogram_words(2, "digit", ["this run"], some_new=False)[0] == (
        "Nearest digit of each sample")


def test_modes_over_time_are_recognised_ones_where_that_is_known() -> None:
    """A patch of noise wanders through the digits as if G drew them."""
    noise = EvalRecord(250, {"recognised": 0.0}, (0.6, 0.4), 0.0, (0.0, 0.0), (0.5, 0.5))
    old = EvalRecord(500, {"modes": 2.0}, (0.6, 0.4))
    point = EvalRecord(750, {"high_quality": 0.0}, (0.6, 0.4), 0.0, (0.0, 0.0), (0.5, 0.5))
    frame = modes_chart.modes_frame(History([], [noise, old, point]))
    assert frame["share"].tolist() == [0.0, 0.0, 0.6, 0.4, 0.6, 0.4]


def test_rotation_is_seen_as_modes_that_take_turns() -> None:
    """A G that visits one mode after another looks the same as one that stays in one."""
    shares = np.eye(8)[[3, 3, 5]]
    history = History([], [EvalRecord(step, {}, tuple(row))
                           for step, row in zip((0, 250, 300), shares, strict=True)])
    frame = modes_chart.modes_frame(history)
    there = frame[frame["share"] == 1]
    assert there["mode"].tolist() == ["3", "3", "5"] and len(frame) == 24
    assert there["start"].tolist() == [0, 125, 275] and there["end"].tolist() == [125, 275, 300]
    assert list(modes_chart.modes_frame(History())) == list(frame)
