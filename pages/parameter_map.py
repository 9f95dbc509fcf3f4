"""Parameter map: two settings varied at once, a GAN in every cell, and where training works."""

import streamlit as st

from pages.components.map_choice import arrive, in_url
from pages.components.map_controls import map_controls
from pages.components.map_lessons import lesson
from pages.components.map_view import map_view
from pages.components.markdown import plain
from pages.components.page_frame import device_badge, heading, large_type, tool_frame

tool = tool_frame("parameter_map")

heading(
    tool,
    idea="""
Each **cell** is a GAN of its own: all its settings are those of one run, but for the two on the
axes. The map is filled from coarse to fine: the first round takes cells far apart, each further
round those in between. Whoever stops after a round has seen the whole of it.

With several **seeds** a cell shows the verdict of most of them, or the median of the measure, and
below it how far they agree. One seed can be lucky.

On data in the plane, runs that differ in numbers alone are trained as **one batch**, several times
as fast as one by one, to the same numbers but for rounding.
""",
)

choice = arrive()
with st.sidebar:
    map_controls(choice)
    st.divider()
    device_badge()
    large_type()
if choice.problems:
    st.warning(" ".join(map(plain, choice.problems)), icon=":material/link_off:")
map_view(choice)
choice.url.write(in_url(choice))
lesson(choice.shipped)
