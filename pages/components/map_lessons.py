"""What the shipped maps teach, with the numbers that they show."""

from __future__ import annotations

import streamlit as st

LESSONS: dict[str, str] = {}


def lesson(name: str) -> None:
    """The words below the shipped map of this name; for any other, how to read a map."""
    st.header("What it teaches" if name in LESSONS else "How to read it")
    st.markdown(LESSONS.get(name, HOW_TO_READ))


HOW_TO_READ = """
Look for the **region** in which cells are green, not for the best cell: a setting that works only
where all others are just right will fail on the next data set. Where the edge is **sharp**, a small
change of one setting turns a healthy run into a failing one; where cells of one colour lie among
others, the **seed** decides, and one seed is not enough.
"""
