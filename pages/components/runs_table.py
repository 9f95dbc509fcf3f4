"""The table of runs on its page: what narrows it down, the rows, and what is pressed in them."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

import streamlit as st

from gan_core.config.choices import DATASETS
from gan_core.runs.status import RunStatus
from gan_core.serving.run_index import RunEntry
from gan_core.serving.run_lists import ListError, RunList
from pages.components import own_runs, server, viewer_code
from pages.components.runs_choice import LISTED, LONGEST_FIND, MOST_LISTED, RunsChoice
from pages.components.runs_rows import (
    COLUMNS,
    HERE,
    OPENED,
    RECORDED,
    SHORT,
    STATE_WORDS,
    TRAINING,
    UNREAD,
    Row,
    columns_of,
    in_order,
    matching,
)
from pages.components.runs_settings import MOST_TOLD, Telling

NUMBERS = ("frechet", "modes", "high_quality", "diversity", "steps", "seconds", "age")
FRESH_SECONDS = 3.0  # a status younger than this has a living writer
MOST_TICKED = 50  # of which eight can be compared
LOOK_SECONDS = 4.0  # between two looks whether something is new

grid = st.components.v2.component(
    "gan_lab_run_table", html=viewer_code.read("run_table.html"),
    css=viewer_code.read("viewer.css", "run_table.css", "run_charts.css"),
    js=viewer_code.read("loader.js"))


def rows_of(listed: RunList) -> list[Row]:
    """All runs that this visitor may see, but for those that they removed."""
    busy = server.queue().runs()
    rows = [Row(HERE, entry, listed.of(digest), _live(entry, busy))
            for digest, entry in own_runs.index().entries().items()
            if own_runs.at_home() or digest in listed.runs]
    rows += [Row(OPENED, entry, listed.of(f"{OPENED}-{key}"))
             for key, entry in own_runs.opened_index().entries().items()
             if own_runs.at_home() or f"{OPENED}-{key}" in listed.runs]
    rows += [Row(RECORDED, entry, listed.of(f"{RECORDED}-{digest}"))
             for digest, entry in own_runs.recorded_index().entries().items()]
    return [row for row in rows if not row.said.removed]


def _live(entry: RunEntry, busy: Collection[str]) -> bool:
    """Whether a run is being trained or waits, here or by another process of this store."""
    status: RunStatus = entry.status
    if not status.live:
        return False
    fresh = abs(time.time() - status.updated) < FRESH_SECONDS
    return fresh or entry.folder in busy or server.queue().store.locked(entry.folder)


# --- what narrows it down -------------------------------------------------------------------------


def controls(choice: RunsChoice, rows: Sequence[Row]) -> str:
    """Words, data set, verdict, star. Returns a sentence if there are too many words, else ""."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="runs-filter"):
        key, first = choice.control("find", choice.find)
        find = st.text_input(
            "Filter", first, key=key, live="400ms", type="search",
            placeholder="name, note, setting, verdict …", width=260, help="All words must stand "
            "somewhere in a run: in its name, its note, its settings, its verdict, its data or its "
            "digest.")
        names = ["", *DATASETS]
        key, first = choice.control("data", choice.data)
        data = st.selectbox("Data", names, names.index(first), key=key, width=136,
                            format_func=lambda name: SHORT[name] if name else "any")
        states = ["", *STATE_WORDS]
        key, first = choice.control("verdict", choice.state)
        state = st.selectbox("Verdict", states, states.index(first), key=key, width=168,
                             format_func=lambda state: STATE_WORDS.get(state, "any"))
        key, first = choice.control("starred", choice.starred)
        starred = st.checkbox("Starred", first, key=key)
    # Without max_chars, which drops longer words that somebody pastes, and says nothing.
    asked = ((find or "")[:LONGEST_FIND], data, state, starred)
    if asked != (choice.find, choice.data, choice.state, choice.starred):
        choice.find, choice.data, choice.state, choice.starred = asked
        choice.listed, choice.problems, choice.refusal = LISTED, [], ""
    return "" if len(find or "") <= LONGEST_FIND else (
        f"The filter takes the first {LONGEST_FIND} of these {len(find)} characters.")


# --- the table ------------------------------------------------------------------------------------


def table(
    choice: RunsChoice, rows: Sequence[Row], chosen: Sequence[Row], first: Collection[str] = ()
) -> list[Row]:
    """Draw the rows that match, in order; before them those with the keys `first`, whatever they
    are, and those of the chosen ones that are not among the first. Returns all that match."""
    found = in_order(matching(rows, choice.find, choice.data, choice.state, choice.starred),
                     *choice.sort)
    shown = [*(row for row in rows if row.key in first),
             *(row for row in found[:choice.listed] if row.key not in first)]
    # What is chosen stays in sight, whatever the table is narrowed down to.
    there = {row.key for row in shown}
    shown = [*(row for row in chosen if row.key not in there), *shown]
    names = columns_of(shown)
    listed = {row.key: row for row in (*chosen, *found)}
    settings = Telling(list({row.key: row for row in (*shown, *found)}.values()))
    grid(key="runs/table", on_asked_change=partial(_asked, choice),
         on_chosen_change=partial(_ticked, choice), data={
        "part": "run-table", "code": viewer_code.ADDRESS,
        "columns": [_head(name) for name in names],
        "rows": [_cells(row, names, settings) for row in shown],
        "shared": f"All: {settings.shared}" if settings.shared else "",
        "chosen": choice.chosen, "heard": choice.heard, "sort": list(choice.sort),
        "words": _words(len(found), min(len(found), choice.listed), rows,
                        len(listed) - len(found)),
        "further": f"Show {min(LISTED, len(found) - choice.listed)} more"
        if choice.listed < min(len(found), MOST_LISTED) else "",
    })
    return found


def _head(name: str) -> dict[str, Any]:
    column = COLUMNS[name]
    return {"name": name, "label": column.label, "help": column.help, "falls": column.falls,
            "number": name in NUMBERS, "short": name in ("data", "source")}


def _cells(row: Row, names: Sequence[str], settings: Telling) -> dict[str, Any]:
    title, whole = row.title, settings.text(row)
    return {
        "key": row.key, "title": title, "settings": settings.text(row, MOST_TOLD), "whole": whole,
        "note": row.said.note, "starred": row.said.starred,
        "badge": row.source if row.kind == RECORDED else "",  # where there is no column for it
        "tone": row.tone if row.state in ("healthy", "failing", "diverged", "failed") else "",
        "cells": [title if name == "name" else COLUMNS[name].text(row) for name in names]}


def follow(rows: Sequence[Row]) -> None:
    """Have the page run again when a run goes on, or a verdict is known, as long as some are not.
    """
    if any(row.state in (TRAINING, UNREAD) for row in rows):
        st.fragment(_look_again, run_every=LOOK_SECONDS)(_news(rows))


def _look_again(before: int) -> None:
    if _news(rows_of(own_runs.own_list())) != before:
        st.rerun()


def _news(rows: Sequence[Row]) -> int:
    """A number that changes with what the table says of these runs, and with none of a stranger's.
    """
    return hash(frozenset((row.key, row.state, row.entry.status.state, row.entry.status.step)
                          for row in rows))


def _words(found: int, shown: int, rows: Sequence[Row], kept: int = 0) -> str:
    """How many rows there are, how many are `kept` in sight that do not match, and what is not
    known yet."""
    all_ = len(rows)
    ticked = "" if not kept else (
        " The ticked run does not match and is kept in sight." if kept == 1 else
        f" {kept} ticked runs do not match and are kept in sight.")
    if not found:
        return f"No run matches.{ticked}" if all_ else "There are no runs yet."
    runs = "1 run" if found == 1 else f"{found} runs"
    words = (f"{runs} of {all_}." if found < all_ else f"{runs}.") + ticked
    if shown < found:
        words += f" The first {shown} are shown."
    unread = sum(row.state == UNREAD for row in rows)
    damaged = own_runs.index().unreadable() if own_runs.at_home() else 0
    if damaged:
        words += f" {damaged} more cannot be read: their files are damaged."
    if unread:
        words += (" 1 verdict is still being worked out." if unread == 1 else
                  f" {unread} verdicts are still being worked out, one after another.")
    return words


def _ticked(choice: RunsChoice) -> None:
    """Runs were chosen; with them comes when, by the browser's clock."""
    told = st.session_state["runs/table"]["chosen"]
    if isinstance(told, list) and len(told) == 2:
        choice.heard = int(told[0])
        choice.chosen = [str(key) for key in told[1][:MOST_TICKED]]
        choice.problems = []


def _asked(choice: RunsChoice) -> None:
    """Something was pressed in the table."""
    asked = st.session_state["runs/table"]["asked"]
    if not isinstance(asked, dict):
        return
    choice.refusal = ""
    if "sort" in asked and asked["sort"][0] in COLUMNS:
        choice.sort = (str(asked["sort"][0]), bool(asked["sort"][1]))
        choice.listed = LISTED
    elif "further" in asked:
        choice.listed = min(choice.listed + LISTED, MOST_LISTED)
    elif "star" in asked:
        try:
            server.queue().lists.star(own_runs.person(), str(asked["star"][0]),
                                      bool(asked["star"][1]))
        except ListError as error:
            choice.refusal = str(error)
