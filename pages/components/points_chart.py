"""The plane of 2-D data: G's points, the centres they should reach, and what D thinks of it.

Pure: (points, surface, card) -> data frame, and a specification that stays while a run is live.
"""

from __future__ import annotations

import functools
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from gan_core.config.choices import DatasetCard
from pages.components.chart_style import BLUE, GREEN, ORANGE, specification

WIDTH, HEIGHT = 250, 285  # pixels with axis and legend: the plane itself is then a square
SCATTERED = 1500  # points drawn of a sample: more would hide each other
_NO_CELL = {"size": np.float32(np.nan), "score": np.float32(np.nan)}
PAPER, INK = "#ffffff", "#16181d"  # white is "D cannot tell", so the plane is white in the dark too


def captured(points: np.ndarray, card: DatasetCard) -> np.ndarray:
    """Which centres of the mixture have at least one of points (n, 2) within 3σ, bool (modes,)."""
    centres = np.array(card.centres)
    distances = np.linalg.norm(points[:, None] - centres, axis=2)
    near = distances.argmin(1)[:, None] == np.arange(len(centres))
    return (near & (distances < 3 * card.sigma)).any(0)


def plane_frame(
    points: np.ndarray, surface: np.ndarray | None, card: DatasetCard
) -> pd.DataFrame:
    """One row per cell, centre and point: part, x, y; of cells the lower left corner, size and
    score.

    `points` (n, 2) are G's; `surface` (k, k) is D's score over ±extent, the top row first, or None
    where the run has none.
    """
    parts = [] if surface is None else [_cells(surface, card.extent)]
    kinds = np.where(captured(points, card), "captured", "missed")
    parts += [_placed(kinds, np.array(card.centres)),
              _placed(np.repeat("point", len(points[:SCATTERED])), points[:SCATTERED])]
    return pd.concat(parts, ignore_index=True)


def _placed(parts: np.ndarray, places: np.ndarray) -> pd.DataFrame:
    x, y = places.astype(np.float32).T
    return pd.DataFrame({"part": parts, "x": x, "y": y, **_NO_CELL})


def _cells(surface: np.ndarray, extent: float) -> pd.DataFrame:
    side = len(surface)
    size = 2 * extent / side
    ticks = np.arange(side) * size - extent
    x, y = np.meshgrid(ticks, ticks[::-1])
    corners = _placed(np.repeat("cell", side * side), np.stack([x.ravel(), y.ravel()], axis=1))
    # A little larger than a cell, or thin lines would show between them.
    return corners.assign(size=np.float32(1.2 * size), score=surface.ravel())


@functools.lru_cache(maxsize=8)
def plane_spec(extent: float) -> dict[str, Any]:
    """Both axes run from −extent to extent, points outside are cut off."""
    settings: dict[str, Any] = {
        "title": None, "scale": alt.Scale(domain=[-extent, extent], nice=False),
        "axis": alt.Axis(grid=False, ticks=False, labelPadding=3, tickCount=5),
    }
    cells = (
        _of("cell")
        .transform_calculate(right="datum.x + datum.size", top="datum.y + datum.size")
        .mark_rect(clip=True)
        .encode(
            x=alt.X("x:Q", **settings), x2="right:Q",
            y=alt.Y("y:Q", **settings), y2="top:Q",
            color=alt.Color("score:Q", legend=_legend(), scale=alt.Scale(
                domain=[0, 0.5, 1], range=[BLUE, PAPER, ORANGE], interpolate="rgb")),
        )
    )
    rings = [
        _of(part).mark_point(size=110, strokeWidth=1.6, color=INK, fill=fill, opacity=1, clip=True)
        .encode(x="x:Q", y="y:Q")
        for part, fill in (("missed", "transparent"), ("captured", GREEN))
    ]
    points = _of("point").mark_circle(size=8, color=INK, opacity=0.5, clip=True).encode(
        x="x:Q", y="y:Q")
    chart = alt.layer(cells, *rings, points).configure_view(fill=PAPER)
    return specification(chart)


def _of(part: str) -> alt.Chart:
    return alt.Chart().transform_filter(f"datum.part == '{part}'")


def _legend() -> alt.Legend:
    words = "{'0': 'D: generated', '0.5': '½', '1': 'real'}[datum.label]"
    return alt.Legend(title=None, gradientLength=200, gradientThickness=7, values=[0, 0.5, 1],
                      format="~g", labelExpr=words)
