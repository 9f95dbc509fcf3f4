"""Bands over runs: what is drawn of them."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from gan_core.config.choices import LOSSES
from gan_core.config.presets import CHALLENGES
from gan_core.config.run_config import RunConfig
from pages.components import spread_chart
from pages.components.chart_style import THIS

CONFIG = RunConfig(steps=400)
STEPS = (100, 200, 300, 400)


def band_of(*values: float):
    return spread_chart.band_frame(
        spread_chart.METRICS["loss_d"], 400,
        {THIS: {f"seed {seed}": (STEPS, (value,) * 4) for seed, value in enumerate(values)}})


def test_the_band_runs_from_the_lowest_to_the_highest_run() -> None:
    """The band is narrower than the runs, and hides an unlucky seed."""
    frame = band_of(1.0, 5.0, 2.0)
    median = frame[frame["kind"] == "median"]
    assert np.allclose(median["value"], 2.0) and (median["runs"] == 3).all()
    assert np.allclose(median["low"], 1.0) and np.allclose(median["high"], 5.0)
    members = {"", "seed 0", "seed 1", "seed 2"}
    assert set(frame["member"]) == members, "a seed's own line is missing"


def test_the_line_of_a_diverged_run_ends() -> None:
    """A run that diverged is drawn on to the end, as if it had survived."""
    frame = spread_chart.band_frame(spread_chart.METRICS["loss_d"], 400, {
        THIS: {"0": (STEPS, (1.0,) * 4), "1": (STEPS[:2], (3.0,) * 2)}})
    assert frame[frame["member"] == "1"]["step"].max() == 200
    late = frame[(frame["kind"] == "median") & (frame["step"] > 200)]
    assert (late["runs"] == 1).all() and np.allclose(late["value"].astype(float), 1.0)


def test_without_runs_there_is_no_band() -> None:
    """The page fails before the first run is there."""
    for courses in ({}, {THIS: {}}):
        frame = spread_chart.band_frame(spread_chart.METRICS["loss_d"], 400, courses)
        domain = spread_chart.framed(spread_chart.METRICS["loss_d"], CONFIG, [frame, frame])
        assert spread_chart.inside(frame, domain).empty and domain[0] < domain[1]


@pytest.mark.parametrize("page", CHALLENGES)
@pytest.mark.parametrize("dataset", ["mnist", "ring"])
def test_every_metric_of_every_page_can_be_drawn(page: str, dataset: str) -> None:
    """A metric can be chosen whose chart stays empty, or has no title or unit."""
    config = RunConfig(dataset=dataset, steps=400)
    for name in spread_chart.names(CHALLENGES[page]):
        drawn = spread_chart.metric(name, config)
        frame = spread_chart.band_frame(drawn, 400, {THIS: {"0": (STEPS, (0.4,) * 4)}})
        domain = spread_chart.framed(drawn, config, [frame])
        assert spread_chart.inside(frame, domain)["drawn"].between(*domain).all()
        spec = spread_chart.band_spec(
            drawn.label, drawn.note, drawn.axis, domain, drawn.log, 400)
        assert drawn.label in json.dumps(spec, ensure_ascii=False)
        assert drawn.axis and math.isfinite(domain[0] + domain[1])


def test_a_pages_headline_comes_first() -> None:
    """The band is not of the number by which the page judges."""
    for challenge in CHALLENGES.values():
        first = spread_chart.metric(spread_chart.names(challenge)[0], CONFIG).course
        assert first == {"frechet": "distance"}.get(challenge.headline, challenge.headline)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_frame_holds_the_band_and_no_more_than_the_losses_own(loss: str) -> None:
    """A calm band is a flat line, or a wild one leaves the chart's own frame."""
    config, drawn = CONFIG.replace(loss=loss), spread_chart.METRICS["loss_d"]
    low, high = LOSSES[loss].frame
    calm, wild = (spread_chart.framed(drawn, config, [band_of(value)])
                  for value in (high / 20, high * 9))
    assert calm[1] < high and wild == (low, high)


def test_a_logarithmic_frame_is_whole_decades_around_the_band() -> None:
    """Distances of 80 to 120 would be a flat line between 1 and 3000."""
    drawn = spread_chart.DISTANCES["image"]
    frame = spread_chart.band_frame(drawn, 400, {THIS: {"0": (STEPS, (80.0, 90.0, 100.0, 120.0))}})
    assert spread_chart.framed(drawn, CONFIG, [frame]) == (10.0, 1000.0)


@pytest.mark.parametrize("values", [(0.2, 0.4), (2e4, 3e4), (1e-9, 1e-8), (5.0, 5.0)])
@pytest.mark.parametrize("name", ["step_seconds", "gradient_left", "grad_norm_g"])
def test_a_logarithmic_frame_is_never_empty(name: str, values: tuple[float, float]) -> None:
    """A faster machine than ours would draw all values on one line, or upside down."""
    drawn = spread_chart.metric(name, CONFIG)
    low, high = (value / drawn.scale for value in values)
    frame = spread_chart.band_frame(drawn, 400, {THIS: {"0": (STEPS, (low, high, low, high))}})
    bottom, top = spread_chart.framed(drawn, CONFIG, [frame])
    assert 0 < bottom < top and top >= min(max(values), top)
    if min(values) >= drawn.domain(CONFIG)[0]:
        assert bottom <= min(values) and max(values) <= top


def test_a_longer_reference_ends_with_the_axis() -> None:
    """The lines of the longer run leave the chart."""
    frame = spread_chart.band_frame(spread_chart.METRICS["loss_d"], 250, {
        THIS: {"0": (STEPS, (1.0, 1.0, 9.0, 9.0))}})
    assert frame["step"].max() == 200 and frame["value"].astype(float).max() == 1.0
