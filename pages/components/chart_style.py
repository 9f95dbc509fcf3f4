"""What charts are drawn with: colours, axes, reference lines, and the finished specification.

Charts are authored in Altair and converted once per specification. While a run is live only the
data frame changes, which lets the browser update a chart in place: domains, titles and sizes stay.
"""

from __future__ import annotations

import math
from typing import Any

import altair as alt
import pandas as pd
import pyarrow as pa

from gan_core.export.charts.table import FIRST, GENERATED, GREY, REAL, SECOND  # noqa: F401

HEIGHT = 230
PADDING = 6  # pixels between an axis, its labels and its title: Streamlit's 16 leave no chart
THIS, REFERENCE = "this run", "reference"
RUNS = [THIS, REFERENCE]
INK = {"expr": "ink"}  # this run: as dark or light as the page's letters
INK_OF_THEME = {"light": "#31333f", "dark": "#fafafa"}
NOTE = "#74797f"  # text: more than 4.3 : 1 on both


def steps_axis(steps: int, title: str = "step", field: str = "step") -> alt.X:
    return alt.X(f"{field}:Q", title=title, scale=alt.Scale(domain=[0, steps], nice=False),
                 axis=alt.Axis(tickCount=5, format=",d", labelPadding=PADDING,
                               titlePadding=PADDING))


def value_axis(
    title: str, domain: tuple[float, float], log: bool, field: str = "drawn"
) -> alt.Y:
    scale = alt.Scale(type="log" if log else "linear", domain=list(domain), nice=False)
    decades = _decades(*domain) if log else []
    # "~g" would write the 10 of a linear axis as 1e+1.
    axis = alt.Axis(minExtent=44, format="~g" if log else "~r", labelPadding=PADDING,
                    titlePadding=PADDING, tickCount=5,
                    values=decades if len(decades) > 1 else alt.Undefined)
    return alt.Y(f"{field}:Q", title=title, scale=scale, axis=axis)


def _decades(low: float, high: float) -> list[float]:
    """Powers of ten from `low` to `high`, few enough to be read; by itself a log axis draws nine
    lines for each of them."""
    first, last = math.ceil(math.log10(low)), math.floor(math.log10(high))
    return [10.0**power for power in range(first, last + 1, 1 if last - first < 5 else 2)]


def run_colour() -> alt.Color:
    return alt.Color("run:N", title=None, scale=alt.Scale(domain=RUNS, range=[INK, GREY]))


def rule(where: float) -> alt.Chart:
    """A dotted horizontal line."""
    data = alt.Data(values=[{"y": where}])
    return alt.Chart(data).mark_rule(aria=False, color=GREY, strokeDash=[2, 3]).encode(y="y:Q")


def themed(spec: dict[str, Any], theme: str | None) -> dict[str, Any]:
    """A specification for a page that is "light" or "dark"."""
    ink = INK_OF_THEME.get(theme or "", INK_OF_THEME["light"])
    others = [param for param in spec.get("params", []) if param["name"] != "ink"]
    return {**spec, "params": [*others, {"name": "ink", "value": ink}]}


def table(frame: pd.DataFrame) -> pa.Table:
    """A data frame as it is sent to browsers, at a third of the bytes: numbers in 32 bits, which is
    all that they were measured in, and words by number."""
    return pa.table({str(name): _packed(frame[name]) for name in frame})


def _packed(column: pd.Series) -> pa.Array:
    if pd.api.types.is_float_dtype(column):
        return pa.array(column, pa.float32())
    if pd.api.types.is_integer_dtype(column):
        return pa.array(column, pa.int32())
    return pa.array(column, pa.string()).dictionary_encode()


def specification(chart: Any, title: str = "", note: str = "") -> dict[str, Any]:
    """A chart as the dictionary that Streamlit draws."""
    if title:
        chart = chart.properties(title=alt.TitleParams(title, subtitle=note))
    chart = chart.configure_legend(
        orient="top", direction="horizontal", offset=2, padding=0, titlePadding=0, rowPadding=0
    ).configure_title(
        fontSize=14, subtitleFontSize=12, subtitleColor=NOTE, anchor="start", offset=4
    )
    spec = chart.to_dict(validate=False)
    spec.pop("$schema", None)
    spec["params"] = [*spec.get("params", []), {"name": "ink", "value": INK_OF_THEME["light"]}]
    # Altair gives a chart without data an empty table, which would be converted at every refresh.
    if spec.pop("datasets", None):
        _take_data_from_above(spec)
    return spec


def _take_data_from_above(part: dict[str, Any]) -> None:
    """Have a chart and its layers draw the data that is handed over with the specification."""
    if "name" in part.get("data", {}):
        del part["data"]
    for layer in part.get("layer", ()):
        _take_data_from_above(layer)
