"""All that was measured of both runs, one click away."""

from __future__ import annotations

import streamlit as st

from gan_core.runs.store import StoreError
from pages.components import viewer
from pages.components.experiment import UNREADABLE
from pages.components.folded import folded
from pages.components.state import State


def measurements(state: State) -> None:
    """The charts that are not beside or below the sheets."""
    section = folded(state.page, viewer.MEASUREMENTS, "All measurements", ":material/monitoring:")
    if not section.open:
        return
    with section:
        try:
            viewer.measurements(state, state.shown_run(), state.reference_run())
        except StoreError:
            st.error(UNREADABLE)
