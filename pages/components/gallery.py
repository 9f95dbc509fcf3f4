"""What G makes of its fixed latents at one step: an image sheet, or points in the plane."""

from __future__ import annotations

import streamlit as st

from gan_core.store import RunSnapshot, StoreError
from pages.components import charts
from pages.components.lab import Look


def nearest_sample(snapshot: RunSnapshot, step: int) -> int | None:
    """The last step at or before `step` that has samples."""
    return max((taken for taken in snapshot.samples if taken <= step), default=None)


def show(look: Look | None, step: int, slot: str) -> None:
    """The samples of a run at `step`, in a slot of fixed height named `slot`."""
    taken = nearest_sample(look.snapshot, step) if look is not None else None
    with st.container(key=f"sheet-{slot}"):
        if look is None:
            st.markdown("&nbsp;")  # an empty container would be dropped, and the page would move
        elif taken is None:
            st.skeleton(height=260)
        else:
            try:
                _draw(look, taken, slot)
            except StoreError:  # wound back since the snapshot was taken; the next look has it
                st.skeleton(height=260)


def _draw(look: Look, step: int, slot: str) -> None:
    snapshot = look.snapshot
    if snapshot.config.card.kind == "image":
        st.image(
            look.store.sheet(snapshot.digest, step),
            output_format="PNG",
            width="stretch",
            alt=f"64 images the generator makes at step {step}, {slot} run",
        )
        return
    st.vega_lite_chart(
        charts.points_frame(look.store.points(snapshot.digest, step)),
        charts.points_spec(snapshot.config.card.extent),
        width=charts.PLANE, height=charts.PLANE,
        key=f"points-{slot}",
        alt=f"Points the generator makes at step {step}, {slot} run",
    )
