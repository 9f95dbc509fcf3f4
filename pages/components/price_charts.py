"""Prices as tables and charts, pure: (prices) -> (data frame, Vega-Lite specification)."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any

import altair as alt
import pandas as pd

from gan_core.cost.price_list import Growth, power_law
from gan_core.cost.prices import RATIOS, Price
from pages.components.chart_style import FIRST, GREY, INK, SECOND, specification

MEASURES = {"time": "time", "flops": "FLOPs", "memory": "memory"}  # ratio -> as people read it
COLOURS: dict[str, Any] = {"time": FIRST, "FLOPs": SECOND, "memory": INK}
BAR = 11  # pixels of a bar of the price list, gaps included
LABEL = 20  # pixels for the remedy's name above its bars: beside them a phone would have no room
FEW, MANY = 0.5, 10.0  # the price list reaches at least from here to there
GROWTH_HEIGHT = 260


def remedy_frame(
    prices: Mapping[str, Price], labels: Mapping[str, str],
    first: Mapping[str, Price] | None = None,
) -> pd.DataFrame:
    """One row per remedy and measure: remedy, measure, ratio (÷ the plain GAN's); the remedy that
    takes the most time comes first, by `first`, the prices that stay while others are measured."""
    known = {**prices, **(first or {})}
    order = sorted(prices, key=lambda name: -known[name].ratios["time"])
    rows = [(labels[name], MEASURES[ratio], prices[name].ratios[ratio])
            for name in order for ratio in RATIOS]
    return pd.DataFrame(rows, columns=["remedy", "measure", "ratio"])


def remedy_height(count: int) -> int:
    """Pixels of the chart of so many remedies."""
    return count * (len(RATIOS) * BAR + LABEL) + 90


@functools.lru_cache(maxsize=8)
def remedy_spec(remedies: tuple[str, ...], most: float) -> dict[str, Any]:
    """Bars from 1× on a log scale that reaches to `most`, the remedies in this order; the dotted
    line is the plain GAN."""
    scale = alt.Scale(type="log", domain=[FEW, most], nice=False)
    ticks = [tick for tick in (0.5, 1, 2, 3, 5, 10, 20, 50) if tick <= most]
    bars = (
        alt.Chart()
        .mark_bar()
        .encode(
            y=_remedies(remedies),
            yOffset=alt.YOffset("measure:N", sort=list(COLOURS)),
            x=alt.X("ratio:Q", title="÷ the plain GAN's step, log scale", scale=scale,
                    axis=alt.Axis(values=ticks, labelExpr="datum.value + ' ×'", orient="top")),
            x2=alt.X2Datum(1),
            color=alt.Color("measure:N", title=None, scale=alt.Scale(
                domain=list(COLOURS), range=list(COLOURS.values()))),
            tooltip=["remedy:N", "measure:N", alt.Tooltip("ratio:Q", format=".2f")],
        )
    )
    names = (
        alt.Chart()
        .transform_filter(alt.FieldEqualPredicate(field="measure", equal=next(iter(COLOURS))))
        .mark_text(align="left", baseline="bottom", fontSize=12, dx=2, color=INK,
                   dy=-len(RATIOS) * BAR / 2)
        .encode(y=_remedies(remedies), x=alt.XDatum(FEW), text="remedy:N")
    )
    line = alt.Chart().mark_rule(aria=False, color=GREY, strokeDash=[2, 3]).encode(x=alt.XDatum(1))
    return specification(alt.layer(bars, names, line), "Price of each remedy",
                "a step's time, FLOPs and memory ÷ the plain GAN's; bars to the left are cheaper")


def _remedies(remedies: tuple[str, ...]) -> alt.Y:
    gap = LABEL / (len(RATIOS) * BAR + LABEL)
    return alt.Y("remedy:N", title=None, sort=None, axis=None, scale=alt.Scale(
        domain=list(remedies), paddingInner=gap, paddingOuter=gap))


def most(frame: pd.DataFrame) -> float:
    """Where the price list's scale ends: a round number, so that it rarely changes."""
    largest = max([MANY, *frame["ratio"]])
    return float(next(end for end in (10, 20, 50, 100, 1000) if largest <= end or end == 1000))


# --- growth ---------------------------------------------------------------------------------------

GROWN = ("flops", "time")


def growth_frame(growth: Growth, prices: Mapping[float, Price]) -> pd.DataFrame:
    """One row per size and measure: size, measure, cost (÷ that of the app's own size), and the
    line of least squares through the costs, fitted."""
    rows = []
    for measure in GROWN:
        costs = growth.costs(prices, measure)
        rise, height = power_law(list(costs), list(costs.values()))
        rows += [(size, MEASURES[measure], cost, math.exp(height) * size**rise)
                 for size, cost in costs.items()]
    return pd.DataFrame(rows, columns=["size", "measure", "cost", "fitted"])


def growth_slopes(growth: Growth, prices: Mapping[float, Price]) -> dict[str, float]:
    """The slope of each measure, of log cost against log size."""
    costs = {MEASURES[measure]: growth.costs(prices, measure) for measure in GROWN}
    return {measure: power_law(list(by_size), list(by_size.values()))[0]
            for measure, by_size in costs.items()}


@functools.lru_cache(maxsize=8)
def growth_spec(label: str, networks: str, sizes: tuple[float, ...], at: float) -> dict[str, Any]:
    """Points are measured, dashed lines fitted; 1 × is the size that the app uses."""
    labels = [MEASURES[measure] for measure in GROWN]
    scale = alt.Scale(type="log", domain=[0.85 * sizes[0], 1.15 * sizes[-1]], nice=False)
    x = alt.X("size:Q", title=f"{label}, log scale", scale=scale,
              axis=alt.Axis(values=list(sizes), format="~g"))

    def y(field: str) -> alt.Y:
        return alt.Y(f"{field}:Q", title=f"cost, 1 × at {at:g}, log scale",
                     scale=alt.Scale(type="log", nice=False),
                     axis=alt.Axis(format="~g", tickCount=6))

    colour = alt.Color("measure:N", title=None, scale=alt.Scale(
        domain=labels, range=[COLOURS[label] for label in labels]))
    points = alt.Chart().mark_point(filled=True, size=60).encode(
        x=x, y=y("cost"), color=colour, tooltip=[
            "measure:N", alt.Tooltip("size:Q", format="~g", title=label),
            alt.Tooltip("cost:Q", format=".3~g")])
    line = alt.Chart().mark_line(strokeDash=[5, 4]).encode(x=x, y=y("fitted"), color=colour)
    rule = (alt.Chart(alt.Data(values=[{"y": 1}]))
            .mark_rule(aria=False, color=GREY, strokeDash=[2, 3]).encode(y="y:Q"))
    return specification(alt.layer(line, points, rule), label.partition(" (")[0], networks)
