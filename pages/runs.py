"""Runs: every run there is, found again, named, and compared with others on one axis."""

import streamlit as st

from pages.components.page_frame import device_badge, heading, tool_frame
from pages.components.runs_page import runs_page

tool = tool_frame("runs")

heading(
    tool,
    idea="""
A run is named by its **settings**: equal settings and an equal seed are one run, whoever trains it.
So a run belongs to nobody, and what you call it, your notes and your stars are yours alone.

**Removing** a run takes it out of your list. Its files stay until the store is full: then the
runs that nobody has looked at for the longest time are deleted, those with a star or a name last.

Where several of the chosen runs differ in their **seed** alone, they share a colour: their mean,
and a band from the lowest to the highest. Two settings differ where their bands do not overlap;
where they do, the seed alone may have made the difference.
""",
)
with st.sidebar:
    device_badge()
runs_page()
