"""Curves of several runs: thinned, over steps or seconds, and the mean and band of seeds."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from gan_core.config.run_config import RunConfig
from gan_core.exploration import cell_runs
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


def test_the_chart_of_modes_ends_at_the_count_of_the_table():
    """Noise is nearest to some digit: the chart says 1 where the table says 0 of 10."""
    metrics = {"modes": 1.0, "modes_total": 10.0, "modes_supported": 0.0}
    made = run([1.0, 2.0])
    noise = dataclasses.replace(made, history=History(made.history.steps, [
        EvalRecord(0, metrics), EvalRecord(2, metrics)]))
    assert points(noise, CHARTS["modes"], by_time=False)[1].tolist() == [0.0, 0.0]
    assert points(made, CHARTS["modes"], by_time=False)[1].tolist() == [3.0, 3.0]  # older
    assert cell_runs.measured(noise.history, noise.config)["modes"] == 0.0


def test_what_is_not_finite_is_left_out():
    """A run that diverged makes the page's JSON, and all charts, fail."""
    at, _ = points(run([1.0, math.nan, math.inf, 4.0]), CHARTS["loss_d"], by_time=False)
    assert at.tolist() == [1.0, 4.0]


def test_a_long_curve_is_thinned_to_a_bound_and_keeps_its_spikes():
    """A run of 200 000 steps is sent whole, to each visitor; or the one step at which D's loss
    jumped to 50 is not in the picture, which is what they compare runs for."""
    losses = [1.0 + 0.1 * math.sin(step) for step in range(3000)]
    losses[1717], losses[2222] = 50.0, -20.0
    (line,) = drawn("loss_d", [Line("one", [run(losses)])], by_time=False)["lines"]
    assert len(line["at"]) <= MOST_POINTS + 1
    assert (line["at"][0], line["at"][-1]) == (1, 3000) and line["at"] == sorted(line["at"])
    assert dict(zip(line["at"], line["value"], strict=True))[1718] == 50.0
    assert min(line["value"]) == -20.0


def test_a_spike_of_one_seed_is_in_the_band_of_all():
    """It lies between the points that are drawn of another seed, and is lost."""
    calm = [1.0 + 0.1 * math.sin(step) for step in range(3000)]
    for at in (100, 1717, 2999):
        spiked = [*calm[:at], 50.0, *calm[at + 1:]]
        (line,) = drawn("loss_d", [Line("", [run(calm), run(spiked), run(calm)])], False)["lines"]
        place = line["high"].index(50.0)
        assert line["at"][place] == at + 1 and line["low"][place] < 1.2
        assert line["value"][place] == pytest.approx((50 + 2 * calm[at]) / 3, rel=1e-3)
        assert len(line["at"]) <= 2 * MOST_POINTS + 2


def test_what_is_zoomed_into_has_all_its_points():
    """A zoom shows straight lines between points that were thinned for the whole axis."""
    losses = [math.sin(step) for step in range(20_000)]
    chart = drawn("loss_d", [Line("one", [run(losses)])], by_time=False, zoom=(1000, 1400))
    (line,) = chart["lines"]
    assert [at for at in line["at"] if 1000 <= at <= 1400] == list(range(1000, 1401))
    assert chart["thinned"] and len(line["at"]) <= 2 * MOST_POINTS + 4
    assert not drawn("loss_d", [Line("one", [run([1.0])])], by_time=False)["thinned"]
    for zoom in ((-5.0, -1.0), (1e9, 2e9), (5.0, 5.0)):
        assert drawn("loss_d", [Line("one", [run(losses)])], by_time=False, zoom=zoom)["lines"]


def test_a_chart_says_of_how_many_seeds_it_tells():
    """A seed diverged at its first step, and the mean of two is called that of three."""
    lines = [Line("Hinge", [run([1.0, 2.0]), run([math.nan, math.nan]), run([3.0, 4.0])])]
    (line,) = drawn("loss_d", lines, by_time=False)["lines"]
    assert line["label"] == "Hinge, 2 of 3 seeds" and lines[0].words() == "Hinge, 3 seeds"
    assert "label" not in drawn("loss_g", lines, by_time=False)["lines"][0], "all have that"
    assert Line("", lines[0].runs).words(1) == "1 of 3 seeds" and Line("one", [1]).words() == "one"


def test_a_run_without_evaluations_has_no_place_on_an_axis_of_seconds():
    """The page's JSON holds NaN, which no browser reads."""
    one = run([1.0, 2.0])
    bare = dataclasses.replace(one, history=History(one.history.steps, []))
    assert drawn("loss_d", [Line("one", [bare])], by_time=True)["lines"] == [
        {"at": [], "value": []}]


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
