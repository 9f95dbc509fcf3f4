"""Curves of several runs: thinned, over steps or seconds, and the mean and band of seeds."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from gan_core.config.run_config import RunConfig
from gan_core.runs.history import History
from gan_core.runs.records import EvalRecord, StepRecord
from gan_core.runs.snapshots import RunSnapshot
from gan_core.runs.status import RunStatus
from pages.components.runs_curves import (
    CHARTS,
    COLOURS,
    DASHES,
    MOST_POINTS,
    Line,
    band,
    drawn,
    points,
    thinned,
)


def run(losses: list[float], seconds: float = 10.0) -> RunSnapshot:
    steps = [dataclasses.replace(StepRecord(at, *[0.5] * 10), loss_d=loss)
             for at, loss in enumerate(losses, 1)]
    metrics = {"modes": 3.0, "modes_total": 8.0}
    evaluations = [EvalRecord(0, metrics, seconds=0.0),
                   EvalRecord(len(losses), metrics, seconds=seconds)]
    config = RunConfig(dataset="ring", steps=len(losses))
    return RunSnapshot(config.digest(), config, History(steps, evaluations),
                       RunStatus("finished"), {})


def test_a_curve_by_time_lies_where_its_evaluations_say():
    """Two runs of different speed are laid over each other step by step."""
    at, values = points(run([1.0, 2.0, 3.0, 4.0], seconds=8.0), CHARTS["loss_d"], by_time=True)
    assert at.tolist() == [2.0, 4.0, 6.0, 8.0] and values.tolist() == [1.0, 2.0, 3.0, 4.0]


def test_what_is_not_finite_is_left_out():
    """A run that diverged makes the page's JSON, and all charts, fail."""
    at, _ = points(run([1.0, math.nan, math.inf, 4.0]), CHARTS["loss_d"], by_time=False)
    assert at.tolist() == [1.0, 4.0]


def test_curves_are_thinned_to_a_bound_with_both_ends():
    """A run of 200 000 steps is sent whole, to each visitor."""
    at, values = thinned((np.arange(10_000.0), np.arange(10_000.0)))
    assert len(at) == MOST_POINTS and at[0] == 0 and at[-1] == values[-1] == 9999


def test_a_band_is_the_mean_and_the_extremes_where_all_seeds_are_known():
    """The mean jumps where the first seed ends, or the band shows less than the seeds did."""
    places, mean, low, high = band([
        (np.array([1.0, 2.0, 3.0]), np.array([0.0, 0.0, 0.0])),
        (np.array([1.0, 2.0]), np.array([3.0, 6.0]))])
    assert places.tolist() == [1.0, 2.0]
    assert (mean.tolist(), low.tolist(), high.tolist()) == ([1.5, 3.0], [0.0, 0.0], [3.0, 6.0])
    assert [len(part) for part in band([(np.empty(0), np.empty(0))])] == [0, 0, 0, 0]


def test_a_group_of_seeds_is_drawn_as_a_band_and_a_run_as_a_line():
    """Seeds are drawn as one line without their spread."""
    lines = [Line("two seeds", [run([1.0, 2.0]), run([3.0, 4.0])]), Line("one", [run([5.0, 6.0])])]
    chart = drawn("loss_d", lines, by_time=False)
    seeds, one = chart["lines"]
    assert seeds["value"] == [2.0, 3.0] and seeds["low"] == [1.0, 2.0]
    assert seeds["high"] == [3.0, 4.0] and one == {"at": [1.0, 2.0], "value": [5.0, 6.0]}


@pytest.mark.parametrize("name", CHARTS)
def test_every_chart_can_be_drawn_of_a_run_that_may_not_have_it(name):
    """A chart of images ends in an error for a run of points."""
    chart = drawn(name, [Line("one", [run([1.0, 2.0])])], by_time=False)
    assert len(chart["lines"]) == 1 and chart["title"]


def test_eight_lines_differ_in_colour_and_none_is_a_verdicts():
    """Two runs cannot be told apart, or a run looks like a failure."""
    assert len(set(zip(COLOURS, DASHES, strict=True))) == len(set(COLOURS)) == 8
    for colour in COLOURS:
        red, green, blue = (int(colour[at:at + 2], 16) for at in (1, 3, 5))
        assert not (green > red + 40 and green > blue + 40), colour
        assert not (red > green + 90 and red > blue + 90 and green < 90), colour
        for paper in (255, 0x0e):  # 3 : 1 on white and on near-black
            assert contrast((red, green, blue), (paper, paper, paper)) >= 3, colour


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """WCAG 2.2, contrast ratio."""
    def luminance(colour: tuple[int, int, int]) -> float:
        parts = [value / 255 for value in colour]
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
