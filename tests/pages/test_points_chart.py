"""The plane of 2-D data: samples, centres, and D's scores behind them."""

from __future__ import annotations

import numpy as np
import pytest

from gan_core.config.choices import DATASETS
from pages.components import points_chart


@pytest.mark.parametrize("name", ["ring", "grid"])
def test_captured_modes_are_those_that_evaluations_count(name: str) -> None:
    """The plane would show another number of modes than the verdict: a sample within 3σ is one."""
    card = DATASETS[name]
    centres = np.array(card.centres)
    points = np.stack([centres[2] + [0, 2.9 * card.sigma], centres[5] - [3.1 * card.sigma, 0]])
    assert np.flatnonzero(points_chart.captured(points, card)).tolist() == [2]
    assert points_chart.captured(centres, card).all()


def test_the_plane_holds_points_centres_and_cells_at_their_place() -> None:
    """D's opinion would be drawn beside the points that it is about."""
    card = DATASETS["ring"]
    surface = np.zeros((48, 48), np.float32)
    surface[0, -1] = 1.0  # top right, as it is stored
    frame = points_chart.plane_frame(np.full((2500, 2), 0.5), surface, card)
    counts = frame["part"].value_counts()
    assert dict(counts) == {"cell": 2304, "missed": 8, "point": points_chart.SCATTERED}
    cell = frame[frame["score"] == 1].iloc[0]
    side = 2 * card.extent / 48
    assert (cell["x"], cell["y"]) == pytest.approx((card.extent - side, card.extent - side))
    assert frame[frame["part"] == "cell"]["x"].min() == pytest.approx(-card.extent)
    assert "cell" not in set(points_chart.plane_frame(np.zeros((3, 2)), None, card)["part"])
    assert points_chart.plane_spec(card.extent) is points_chart.plane_spec(card.extent)
