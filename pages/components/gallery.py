"""What G makes of its fixed latents at one step: an image sheet, or points in the plane."""

from __future__ import annotations

import streamlit as st

from gan_core.store import RunSnapshot, StoreError
from pages.components import charts
from pages.components.lab import Look


def nearest_sample(snapshot: RunSnapshot, step: int, averaged: bool = False) -> int | None:
    """The last step at or before `step` that has samples, of G or of the averaged generator."""
    return snapshot.last_view("averaged" if averaged else "samples", step)


def show(look: Look | None, step: int, slot: str, averaged: bool = False) -> None:
    """The samples of a run at `step`, in a slot of fixed height named `slot`.

    `averaged` asks for those of the averaged generator, where the run has one.
    """
    averaged = averaged and look is not None and look.snapshot.config.ema > 0
    taken = nearest_sample(look.snapshot, step, averaged) if look is not None else None
    with st.container(key=f"sheet-{slot}"):
        if look is None:
            st.markdown("&nbsp;")  # an empty container would be dropped, and the page would move
        elif taken is None:
            st.skeleton(height=260)
        else:
            try:
                _draw(look, taken, slot, averaged)
            except StoreError:  # wound back since the snapshot was taken; the next look has it
                st.skeleton(height=260)


def _draw(look: Look, step: int, slot: str, averaged: bool) -> None:
    snapshot = look.snapshot
    maker = "averaged generator" if averaged else "generator"
    if snapshot.config.card.kind == "image":
        st.image(
            look.store.sheet(snapshot.digest, step, averaged),
            output_format="PNG",
            width="stretch",
            alt=f"64 images the {maker} makes at step {step}, {slot} run",
        )
        return
    st.vega_lite_chart(
        charts.points_frame(look.store.points(snapshot.digest, step, averaged)),
        charts.points_spec(snapshot.config.card.extent),
        width=charts.PLANE, height=charts.PLANE,
        key=f"points-{slot}",
        alt=f"Points the {maker} makes at step {step}, {slot} run",
    )
