"""A section that is drawn when somebody opens it: a page stays short, and opens quickly."""

from __future__ import annotations

from typing import Any

import streamlit as st


def is_open(page: str, name: str) -> bool:
    """Whether the section `name` of `page` is open, also before it is drawn."""
    return bool(st.session_state.get(_key(page, name)))


def _key(page: str, name: str) -> str:
    return f"{page}/folded/{name}"


def folded(page: str, name: str, label: str, icon: str, *, opened: bool = False) -> Any:
    """The section `name` of `page`, closed at first unless `opened`: draw into it if it is `open`.
    """
    # What it was at first stays: with another value Streamlit would forget what a visitor did.
    opened = st.session_state.setdefault(f"{_key(page, name)}/at-first", opened)
    return st.expander(label, expanded=opened, icon=icon, key=_key(page, name),
                       on_change="rerun")
