"""A section that is drawn when somebody opens it: a page stays short, and opens quickly."""

from __future__ import annotations

from typing import Any

import streamlit as st


def folded(page: str, name: str, label: str, icon: str, *, opened: bool = False) -> Any:
    """The section `name` of `page`, closed at first: draw into it if it is `open`."""
    return st.expander(label, expanded=opened, icon=icon, key=f"{page}/folded/{name}",
                       on_change="rerun")
