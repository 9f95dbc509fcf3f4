"""The nearest real images of what the shown run generates, as a live part of a page."""

from __future__ import annotations

import streamlit as st

from gan_core.runs.store import StoreError
from pages.components import samples, viewer
from pages.components.experiment import UNREADABLE
from pages.components.state import State

TICK = 3.0


def neighbours(state: State) -> None:
    """The samples of the shown run that look most copied, at the step of the page's slider."""
    state.follows = True
    try:
        shown = state.shown_run()
        live = shown is not None and shown.live
        st.fragment(_draw, run_every=TICK if live else None)(state)
    except StoreError:
        st.error(UNREADABLE)


def _draw(state: State) -> None:
    at = viewer.step_looked_back_to(state)
    samples.neighbours(state.shown_run(), state.shown.steps if at is None else at, "this")
