"""Two to eight runs compared: the settings that differ, last sheets, charts on one axis."""

from __future__ import annotations

import html
from collections.abc import Sequence
from functools import partial
from typing import Any

import streamlit as st

from gan_core.config.fields import KNOBS
from gan_core.config.value_words import tick_text
from gan_core.runs.snapshots import RunSnapshot
from gan_core.runs.status import StoreError
from pages.components import server, viewer_code
from pages.components.runs_choice import ACROSS, LONGEST_HALF_LIFE, RunsChoice
from pages.components.runs_curves import CHARTS, COLOURS, DASHES, Line, drawn
from pages.components.runs_rows import (
    COLUMNS,
    RECORDED,
    Row,
    alike_but_for_seed,
    columns_of,
    differing,
    settings_text,
    value_of,
)

TOLD = ("verdict", "frechet", "modes", "high_quality", "diversity", "steps", "seconds")

charts = st.components.v2.component(
    "gan_lab_run_charts", html=viewer_code.read("run_charts.html"),
    css=viewer_code.read("viewer.css", "run_table.css", "run_charts.css"),
    js=viewer_code.read("loader.js"))


def compare(choice: RunsChoice, chosen: Sequence[Row]) -> None:
    """Draw the comparison of these runs."""
    there = [(row, run) for row in chosen if (run := _snapshot(row)) is not None]
    if len(there) < len(chosen):
        st.warning("The files of one of these runs cannot be read just now.",
                   icon=":material/folder_off:")
    if not there:
        return
    rows = [row for row, _ in there]
    settings = differing(rows)
    st.header("What differs")
    st.html(_table(rows, settings))
    lines, of_row = _lines(there)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium",
                      key="runs-charts"):
        _axes(choice)
    steps = max(run.history.last_step for _, run in there) or 1
    by_time = choice.across == "seconds"
    seconds = max(_seconds(run) for _, run in there) or 0.1
    charts(key="runs/charts", on_smoothed_change=partial(_smoothed, choice), data={
        "part": "run-charts", "code": viewer_code.ADDRESS, "projector": choice.projected,
        "across": "second" if by_time else "step", "end": seconds if by_time else steps,
        "half_life": choice.half_life,
        "zooming": "Drag over a chart to zoom into all of them; the pointer reads all at once.",
        "runs": [{"label": line.label, **_stroke(place)} for place, line in enumerate(lines)],
        "steps_a_unit": [_steps_a_unit(line) if by_time else 1.0 for line in lines],
        "sheets": [_sheet(row, run, settings, of_row[row.key]) for row, run in there],
        "charts": [drawn(name, lines, by_time) for name in choice.charts],
    })
    if any(line.seeds > 1 for line in lines):
        st.caption("Runs that differ in their seed alone share a colour: the line is their mean, "
                   "the area reaches from the lowest to the highest, as far as all of them go.")


def _snapshot(row: Row) -> RunSnapshot | None:
    try:
        if row.kind == RECORDED:
            return server.recorded().snapshot(row.entry.digest)
        return server.queue().snapshot(row.entry.digest)
    except StoreError:
        return None


# --- settings that differ -------------------------------------------------------------------------


def _table(rows: Sequence[Row], settings: Sequence[str]) -> str:
    """A line a run: the settings that differ, and what it came to."""
    told = [name for name in columns_of(rows) if name in TOLD]
    heads = [*(KNOBS[name].label for name in settings), *(COLUMNS[name].label for name in told)]
    data = len({row.data for row in rows}) > 1
    if data:
        heads.insert(0, "Data")
    body = []
    for row in rows:
        cells = [*([row.data] if data else []),
                 *(tick_text(name, value_of(row, name)) or "–" for name in settings),
                 *(COLUMNS[name].text(row) or "–" for name in told)]
        body.append(f"<tr><th scope='row'>{html.escape(row.title)}</th>"
                    + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>")
    head = "".join(f"<th scope='col'>{html.escape(each)}</th>" for each in heads)
    alike = "" if settings or data else (
        "<p>These runs have the same settings; one of them may be a recording of the other.</p>")
    return (f"<div class='run-settings' tabindex='0' role='region' aria-label='What differs'>"
            f"<table><thead><tr><th scope='col'>Run</th>{head}</tr></thead>"
            f"<tbody>{''.join(body)}</tbody></table></div>{alike}")


# --- charts ---------------------------------------------------------------------------------------


def _axes(choice: RunsChoice) -> None:
    """Which charts, and over which axis."""
    if st.session_state.get("runs/by") != choice.across:
        st.session_state["runs/by"] = choice.across
    st.segmented_control("Across", list(ACROSS), key="runs/by", on_change=_across, args=(choice,),
                         required=True, format_func=lambda name: ACROSS[name])
    if st.session_state.get("runs/drawn") != choice.charts:
        st.session_state["runs/drawn"] = choice.charts
    st.multiselect("Charts", list(CHARTS), key="runs/drawn", on_change=_charts, args=(choice,),
                   format_func=lambda name: CHARTS[name].title)


def _across(choice: RunsChoice) -> None:
    choice.across = st.session_state["runs/by"] or "steps"


def _charts(choice: RunsChoice) -> None:
    choice.charts = list(st.session_state["runs/drawn"])


def _smoothed(choice: RunsChoice) -> None:
    told = st.session_state["runs/charts"]["smoothed"]
    if isinstance(told, int) and 0 <= told <= LONGEST_HALF_LIFE:
        choice.half_life = told


def _lines(there: Sequence[tuple[Row, RunSnapshot]]) -> tuple[list[Line], dict[str, int]]:
    """One line for each run, or for each group of seeds; and which line each run is in."""
    runs = {row.key: run for row, run in there}
    lines: list[Line] = []
    of_row: dict[str, int] = {}
    for group in alike_but_for_seed(row for row, _ in there).values():
        seeds = {value_of(row, "seed"): row for row in group}
        if len(seeds) == len(group) > 1:
            of_row |= {row.key: len(lines) for row in group}
            lines.append(Line(f"{group[0].title}, {len(group)} seeds",
                              [runs[row.key] for row in group]))
            continue
        for row in group:  # also a recording beside the same run of this server
            of_row[row.key] = len(lines)
            lines.append(Line(row.title, [runs[row.key]]))
    return lines, of_row


def _stroke(place: int) -> dict[str, str]:
    return {"colour": COLOURS[place % len(COLOURS)], "dash": DASHES[place % len(DASHES)]}


def _seconds(run: RunSnapshot) -> float:
    return max((each.seconds for each in run.history.evaluations), default=run.status.seconds)


def _steps_a_unit(line: Line) -> float:
    """Steps in a second of a line's runs, by which smoothing counts."""
    seconds = sum(_seconds(run) for run in line.runs)
    return sum(run.history.last_step for run in line.runs) / seconds if seconds else 1.0


# --- sheets ---------------------------------------------------------------------------------------


def _sheet(row: Row, run: RunSnapshot, settings: Sequence[str], line: int) -> dict[str, Any]:
    """The last samples of a run, with what is said of them."""
    card, step = run.config.card, run.samples[-1] if run.samples else None
    points = card.kind == "points"
    plane = {"centres": [list(centre) for centre in card.centres], "extent": card.extent,
             "sigma": card.sigma} if points else None
    kind = "recorded" if row.kind == RECORDED else "runs"
    return {
        "title": row.title, "settings": settings_text(row, settings), "verdict": row.verdict,
        "words": f"The last samples of {row.title}, at step {step}", "step": step,
        "address": f"{kind}/{row.entry.digest}", "ending": "npy" if points else "png",
        "plane": plane, "line": _stroke(line)}
