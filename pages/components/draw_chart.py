"""An Altair chart on a page, in the colours of its theme."""

from __future__ import annotations

from typing import Any, Literal

import pyarrow as pa
import streamlit as st

from pages.components.chart_style import themed


def draw_chart(
    data: pa.Table, spec: dict[str, Any], *, key: str, alt: str, height: int,
    width: int | Literal["stretch", "content"] = "stretch",
) -> None:
    """Draw `data` by the specification `spec`; `alt` says what it shows."""
    st.vega_lite_chart(data, themed(spec, st.context.theme.type), key=key, alt=alt, height=height,
                       width=width)
