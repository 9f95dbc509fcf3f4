"""The Dirac-GAN as charts, pure: (game, path) -> (data frame, Vega-Lite specification).

As in `charts`: authored in Altair, converted once per specification; while sliders move only the
data frames change. Frames are cut into few sizes, so that a small change does not rescale a chart.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from gan_core.dirac import DiracGame, eigenvalues, multipliers, vector_field
from pages.components.chart_style import FIRST, GREY, INK, NOTE, SECOND, specification

# Pixels, width and height, of a chart with its titles: what is drawn in it is square.
SIDE = (440, 500)  # the phase plane
SMALL = (235, 285)  # a complex plane
POINTS = 300  # a path is thinned to so many points
ARROWS = 17  # along each axis of the plane
EXTENTS = (2.0, 4.0, 8.0)  # the plane shows ±this: the first that holds the path
COMPLEX_EXTENTS = (1.25, 2.5, 5.0, 10.0, 25.0)
NEAREST = 1e-9  # distances below are drawn here

ORDER_LABELS = {
    "simultaneous": "simultaneous",
    "generator_first": "alternating, G first",
    "discriminator_first": "alternating, D first",
}
_ORDER_COLOURS = {"simultaneous": FIRST, "generator_first": SECOND, "discriminator_first": SECOND}
_ORDER_SHAPES = {"simultaneous": "circle", "generator_first": "diamond",
                 "discriminator_first": "diamond"}
START, END, EQUILIBRIUM = "start", "after the last step", "equilibrium"
_MARKS: dict[str, tuple[str, Any]] = {
    START: ("circle", INK), END: ("square", INK), EQUILIBRIUM: ("cross", NOTE)}


# --- the plane -----------------------------------------------------------------------------------


def extent(path: np.ndarray) -> float:
    """Half the side of the plane that holds `path` (steps + 1, 2), or of the largest there is."""
    reach = float(np.nanmax(np.abs(path)))
    return _first_above(reach, EXTENTS)


def plane_frame(game: DiracGame, path: np.ndarray, side: float) -> pd.DataFrame:
    """One row per arrow, position of the path and mark: theta, psi, kind, step, angle, speed.

    Angles are degrees clockwise from up; a speed is a share of the plane's largest. Positions
    that are NaN, far out, are left out.
    """
    known = np.isfinite(path).all(axis=1)
    steps, positions = np.flatnonzero(known), path[known]
    trace = pd.DataFrame({"theta": positions[:, 0], "psi": positions[:, 1],
                          "kind": game.order, "step": steps})
    ends = pd.DataFrame({
        "theta": [positions[0, 0], positions[-1, 0], 0.0],
        "psi": [positions[0, 1], positions[-1, 1], 0.0],
        "kind": list(_MARKS),
        "step": [0, steps[-1], 0],
    })
    return pd.concat([_arrows(game, side), trace, ends], ignore_index=True)


def _arrows(game: DiracGame, side: float) -> pd.DataFrame:
    ticks = np.linspace(-side, side, ARROWS + 2)[1:-1]
    theta, psi = (axis.ravel() for axis in np.meshgrid(ticks, ticks))
    right, up = vector_field(game, theta, psi)
    speed = np.hypot(right, up)
    return pd.DataFrame({
        "theta": theta, "psi": psi, "kind": "arrow", "step": 0,
        "angle": np.degrees(np.arctan2(right, up)),
        "speed": speed / max(float(speed.max()), 1e-300),
    })


@functools.lru_cache(maxsize=16)
def plane_spec(side: float, steps: int) -> dict[str, Any]:
    """Both axes run from −side to side; a path's marks fade in over `steps`."""
    scale = alt.Scale(domain=[-side, side], nice=False)
    place = {
        "x": alt.X("theta:Q", title="θ: the generator's point (the data are at 0)", scale=scale),
        "y": alt.Y("psi:Q", title="ψ: slope of the discriminator", scale=scale),
    }
    colour = alt.Color("kind:N", legend=None, scale=alt.Scale(
        domain=list(_ORDER_COLOURS), range=list(_ORDER_COLOURS.values())))
    path = alt.Chart().transform_filter(
        alt.FieldOneOfPredicate(field="kind", oneOf=list(_ORDER_COLOURS)))
    tooltip = [alt.Tooltip("step:Q"), alt.Tooltip("theta:Q", title="θ", format=".3~g"),
            alt.Tooltip("psi:Q", title="ψ", format=".3~g")]
    line = path.mark_line(strokeWidth=1, opacity=0.45, clip=True).encode(
        **place, color=colour, order="step:Q")
    points = path.mark_circle(size=22, clip=True).encode(
        **place, color=colour, tooltip=tooltip,
        opacity=alt.Opacity("step:Q", legend=None,
                            scale=alt.Scale(domain=[0, steps], range=[0.2, 1])))
    return specification(alt.layer(_arrow_marks(place), line, points, _end_marks(place, tooltip))
                 .resolve_scale(color="independent", opacity="independent", size="independent",
                                shape="independent"),
                 "Phase plane", "arrows: the flow, stronger where it is faster; line: the steps")


def _arrow_marks(place: Mapping[str, Any]) -> alt.Chart:
    return alt.Chart().transform_filter("datum.kind === 'arrow'").mark_point(
        shape="arrow", filled=True, color=GREY, size=210).encode(
        **place,
        angle=alt.Angle("angle:Q", scale=alt.Scale(domain=[0, 360], range=[0, 360])),
        opacity=alt.Opacity("speed:Q", legend=None, scale=alt.Scale(
            type="sqrt", domain=[0, 1], range=[0.15, 0.9])),
    )


def _end_marks(place: Mapping[str, Any], tooltip: list[alt.Tooltip]) -> alt.Chart:
    kinds = list(_MARKS)
    return alt.Chart().transform_filter(
        alt.FieldOneOfPredicate(field="kind", oneOf=kinds)).mark_point(
        filled=True, size=120, opacity=1, clip=True).encode(
        **place, tooltip=[alt.Tooltip("kind:N", title="mark"), *tooltip],
        shape=alt.Shape("kind:N", title=None, scale=alt.Scale(
            domain=kinds, range=[shape for shape, _ in _MARKS.values()])),
        color=alt.Color("kind:N", title=None, scale=alt.Scale(
            domain=kinds, range=[colour for _, colour in _MARKS.values()])),
    )


# --- the distance --------------------------------------------------------------------------------


def distance_frame(paths: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """One row per step and order: step, value (NaN far out), drawn (at least NEAREST), order."""
    parts = []
    for order, path in paths.items():
        steps = np.unique(np.linspace(0, len(path) - 1, POINTS).round().astype(int))
        parts.append(pd.DataFrame({"step": steps, "value": np.hypot(*path[steps].T),
                                   "order": ORDER_LABELS[order]}))
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(drawn=frame["value"].clip(lower=NEAREST))


def decades(values: Iterable[float]) -> tuple[float, float]:
    """The powers of ten around the finite values."""
    logs = np.log10([value for value in values if math.isfinite(value)])
    low, high = math.floor(logs.min() + 1e-9), math.ceil(logs.max() - 1e-9)
    return 10.0**low, 10.0 ** max(high, low + 1)


@functools.lru_cache(maxsize=64)
def distance_spec(low: float, high: float, steps: int, orders: tuple[str, ...]) -> dict[str, Any]:
    """One line an order; the logarithmic axis runs from `low` to `high`."""
    marks = alt.Chart().mark_line(strokeWidth=2).encode(
        x=alt.X("step:Q", title="step", scale=alt.Scale(domain=[0, steps], nice=False),
                axis=alt.Axis(tickCount=5, format=",d")),
        y=alt.Y("drawn:Q", title="√(θ² + ψ²), log scale",
                scale=alt.Scale(type="log", domain=[low, high], nice=False),
                axis=alt.Axis(format="~g", tickCount=6, minExtent=38)),
        color=_order_colour(orders),
        tooltip=["order:N", "step:Q", alt.Tooltip("value:Q", format=".3~g")],
    )
    return specification(marks, "Distance to the equilibrium", "from one start, in both orders")


# --- at the equilibrium --------------------------------------------------------------------------


def spectrum_frames(games: Mapping[str, DiracGame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Eigenvalues of the flow, and multipliers of the steps of each game by its order.

    One row each: real, imaginary, modulus, order. Empty where there is no Jacobian.
    """
    flow = _complex_frame({"flow": eigenvalues(next(iter(games.values())))})
    return flow, _complex_frame({ORDER_LABELS[name]: multipliers(game)
                                 for name, game in games.items()})


def _complex_frame(values: Mapping[str, np.ndarray]) -> pd.DataFrame:
    rows = [(value.real, value.imag, abs(value), label)
            for label, pair in values.items() for value in pair if np.isfinite(value)]
    return pd.DataFrame(rows, columns=["real", "imaginary", "modulus", "order"])


def complex_extent(frame: pd.DataFrame) -> float:
    """Half the side of the complex plane that holds all values of `frame`."""
    reach = float(frame[["real", "imaginary"]].abs().max().max()) if len(frame) else 0.0
    return _first_above(reach, COMPLEX_EXTENTS)


@functools.lru_cache(maxsize=16)
def flow_spec(side: float) -> dict[str, Any]:
    """The complex plane with the imaginary axis, left of which the flow converges."""
    axis = alt.Chart(alt.Data(values=[{"x": 0}])).mark_rule(aria=False, color=GREY).encode(x="x:Q")
    marks = _complex_marks(side).mark_point(
        filled=True, size=90, opacity=1, color=INK, clip=True)
    return specification(alt.layer(axis, marks), "Flow: eigenvalues", "left of the line: converges")


@functools.lru_cache(maxsize=32)
def steps_spec(side: float, orders: tuple[str, ...]) -> dict[str, Any]:
    """The complex plane with the unit circle, within which the steps converge."""
    turn = np.linspace(0, 2 * np.pi, 73)
    circle = alt.Chart(alt.Data(values=[
        {"real": float(np.cos(a)), "imaginary": float(np.sin(a)), "turn": float(a)} for a in turn
    ])).mark_line(color=GREY, strokeWidth=1.2, clip=True).encode(
        x="real:Q", y="imaginary:Q", order="turn:Q")
    # Hollow: the multipliers of both orders often lie at almost the same place.
    shapes = alt.Shape("order:N", legend=None, scale=alt.Scale(
        domain=[ORDER_LABELS[order] for order in orders],
        range=[_ORDER_SHAPES[order] for order in orders]))
    marks = _complex_marks(side).mark_point(
        filled=False, size=110, strokeWidth=2, opacity=1, clip=True).encode(
        color=_order_colour(orders, legend=False), shape=shapes)
    return specification(alt.layer(circle, marks), "Steps: multipliers",
                         "inside the circle: converges")


def _complex_marks(side: float) -> alt.Chart:
    scale = alt.Scale(domain=[-side, side], nice=False)
    axis = alt.Axis(tickCount=4, format="~g")
    return alt.Chart().encode(
        x=alt.X("real:Q", title="real", scale=scale, axis=axis),
        y=alt.Y("imaginary:Q", title="imaginary", scale=scale, axis=axis),
        tooltip=["order:N", alt.Tooltip("real:Q", format=".5~g"),
                 alt.Tooltip("imaginary:Q", format=".5~g"),
                 alt.Tooltip("modulus:Q", format=".6~g")],
    )


# --- shared --------------------------------------------------------------------------------------


def _first_above(reach: float, sizes: tuple[float, ...]) -> float:
    return next((size for size in sizes if reach <= size), sizes[-1])


def _order_colour(orders: tuple[str, ...], legend: bool = True) -> alt.Color:
    scale = alt.Scale(domain=[ORDER_LABELS[order] for order in orders],
                      range=[_ORDER_COLOURS[order] for order in orders])
    if not legend:
        return alt.Color("order:N", scale=scale, legend=None)
    return alt.Color("order:N", scale=scale, title=None)
