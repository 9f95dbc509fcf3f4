"""All that was measured of both runs, one click away; drawn again by itself while a run is live."""

from __future__ import annotations

import streamlit as st

from gan_core.runs.store import StoreError
from pages.components import results, viewer
from pages.components.experiment import UNREADABLE
from pages.components.folded import folded
from pages.components.state import State


def measurements(state: State) -> None:
    """The charts that the viewer does not draw."""
    st.fragment(_measurements)(state)


def _measurements(state: State) -> None:
    section = folded(state.page, "measurements", "All measurements", ":material/monitoring:")
    if not section.open:
        return
    with section:
        shown = None
        try:
            shown = state.shown_run()
            results.show_charts(state, shown, state.reference_run())
        except StoreError:
            shown = None
            st.error(UNREADABLE)
        viewer.charts(state, shown)
