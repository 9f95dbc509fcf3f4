"""What G makes of its fixed latents at one step: an image sheet, or points in the plane."""

from __future__ import annotations

import streamlit as st

from gan_core.store import RunSnapshot, RunStore
from pages.components import charts

EXTENT = {"ring": 1.5, "grid": 5.0}


def nearest_sample(snapshot: RunSnapshot, step: int) -> int | None:
    """The last step at or before `step` that has samples."""
    return max((taken for taken in snapshot.samples if taken <= step), default=None)


def show(store: RunStore, snapshot: RunSnapshot, step: int, slot: str) -> None:
    """The samples of `snapshot` at `step`, in a slot of fixed height named `slot`."""
    taken = nearest_sample(snapshot, step)
    with st.container(key=f"sheet-{slot}"):
        if taken is None:
            st.skeleton(height=260)
        elif snapshot.config.card.kind == "image":
            st.image(
                store.sheet(snapshot.digest, taken),
                output_format="PNG",
                width="stretch",
                alt=f"64 images the generator makes at step {taken}, {slot} run",
            )
        else:
            points = store.points(snapshot.digest, taken)
            st.vega_lite_chart(
                charts.points_frame(points[:1500]),
                charts.points_spec(EXTENT[snapshot.config.dataset]),
                height=280,
                key=f"points-{slot}",
                alt=f"Points the generator makes at step {taken}, {slot} run",
            )
