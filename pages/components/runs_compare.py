"""Two to eight runs compared: the settings that differ, last sheets, charts on one axis."""

from __future__ import annotations

import html
import math
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

import streamlit as st

from gan_core.config.fields import KNOBS
from gan_core.config.value_words import tick_text
from gan_core.runs.snapshots import RunSnapshot
from gan_core.runs.status import StoreError
from pages.components import server, viewer_code
from pages.components.runs_choice import ACROSS, LONGEST_HALF_LIFE, RunsChoice
from pages.components.runs_curves import CHARTS, COLOURS, DASHES, Line, Zoom, drawn
from pages.components.runs_rows import (
    COLUMNS,
    HERE,
    OPENED,
    RECORDED,
    Row,
    alike_but_for_seed,
    columns_of,
    differing,
    value_of,
)
from pages.components.runs_settings import Telling, names_of

LETTERS = "ABCDEFGH"  # by which a line is called, wherever it is shown
ANCHOR = "what-differs"  # where the comparison begins
NARROWEST = {runs: 6 + 5 * runs for runs in range(1, len(LETTERS) + 1)}  # rem, of so many columns
TOO_WIDE = "".join(  # where such a table has to be moved sideways, a sentence says so
    f"@container settings (max-width: {width}rem) "
    f"{{ .of-{runs} .run-settings-wide {{ display: block; }} }}\n"
    for runs, width in NARROWEST.items())
TOLD = ("verdict", "frechet", "modes", "high_quality", "diversity", "steps", "seconds")

charts = st.components.v2.component(
    "gan_lab_run_charts", html=viewer_code.read("run_charts.html"),
    css=viewer_code.read("viewer.css", "run_charts.css"), js=viewer_code.read("loader.js"))

sheets = st.components.v2.component(
    "gan_lab_run_sheets", html=viewer_code.read("run_sheets.html"),
    css=viewer_code.read("viewer.css", "run_charts.css"), js=viewer_code.read("loader.js"))


def compare(choice: RunsChoice, chosen: Sequence[Row]) -> None:
    """Draw the comparison of these runs."""
    there = [(row, run) for row in chosen if (run := _snapshot(row)) is not None]
    if len(there) < len(chosen):
        st.warning("The files of one of these runs cannot be read just now.",
                   icon=":material/folder_off:")
    if not there:
        return
    rows = [row for row, _ in there]
    names = names_of(rows)
    lines, of_row = _lines(there, names)
    st.header("What differs", anchor=ANCHOR)
    st.html(differences(rows, differing(rows), of_row))
    sheets(key="runs/sheets", data={
        "part": "run-sheets", "code": viewer_code.ADDRESS, "projector": choice.projected,
        "sheets": [_sheet(row, run, of_row[row.key], names[row.key]) for row, run in there]})
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium",
                      key="runs-charts"):
        _axes(choice)
    steps = max(run.history.last_step for _, run in there) or 1
    by_time = choice.across == "seconds"
    seconds = max(_seconds(run) for _, run in there) or 0.1
    drawn_charts = _drawn(choice.charts, lines, by_time, _zoom(choice))
    charts(key="runs/charts", on_smoothed_change=partial(_smoothed, choice),
           on_zoomed_change=partial(_zoomed, choice), data={
        "part": "run-charts", "code": viewer_code.ADDRESS, "projector": choice.projected,
        "across": "second" if by_time else "step", "end": seconds if by_time else steps,
        "half_life": choice.half_life,
        "zooming": "Drag over a chart to zoom into all of them; the pointer reads all at once.",
        "runs": [{"label": line.words(), **_stroke(place)} for place, line in enumerate(lines)],
        "steps_a_unit": [_steps_a_unit(line) if by_time else 1.0 for line in lines],
        "charts": drawn_charts,
    })
    kinds = {row.entry.config.card.kind for row in rows}
    if said := _without_chart(choice.charts, drawn_charts, kinds):
        st.caption(said)
    if any(line.seeds > 1 for line in lines):
        st.caption("Runs that differ in their seed alone share a colour: the line is their mean, "
                   "the area reaches from the lowest to the highest, as far as all of them go.")


def _snapshot(row: Row) -> RunSnapshot | None:
    try:
        snapshot = {RECORDED: server.recorded().snapshot, OPENED: server.opened().snapshot,
                    HERE: server.queue().snapshot}[row.kind]
        return snapshot(row.entry.folder)
    except StoreError:
        return None


# --- settings that differ -------------------------------------------------------------------------


def differences(
    rows: Sequence[Row], names: Sequence[str], of_row: Mapping[str, int]
) -> str:
    """A table as HTML with a column a run, headed by the line by which it is drawn: the settings of
    these names, then what became of the runs."""
    told = [name for name in columns_of(rows) if name in TOLD]
    data = [("Data", [row.data for row in rows])]
    settings = [(KNOBS[name].label, [tick_text(name, value_of(row, name)) for row in rows])
                for name in names]
    outcomes = [(COLUMNS[name].label, [COLUMNS[name].text(row) or "–" for row in rows])
                for name in told]
    differ = (data if len({row.data for row in rows}) > 1 else []) + settings
    called = names_of(rows)
    head = "".join(
        f"<th scope='col'>{_stroke_drawn(of_row[row.key])}{LETTERS[of_row[row.key]]} · "
        f"{html.escape(called[row.key])}</th>" for row in rows)
    body = "".join(map(_line, differ)) + "".join(
        _line(line, "told" if place == 0 and differ else "") for place, line in enumerate(outcomes))
    alike = "" if differ else (
        "<p>These runs have the same settings: one may be a recording of the other.</p>")
    return (
        f"<div class='run-settings-frame of-{len(rows)}'><p class='run-settings-wide'>The table is "
        f"wider than the screen: move it sideways to see all {len(rows)} runs.</p>"
        f"<div class='run-settings' style='--runs: {len(rows)}; --narrowest: "
        f"{NARROWEST[len(rows)]}rem' tabindex='0' role='region' aria-label='What differs'>"
        f"<table><thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table></div>{alike}</div>")


def _line(line: tuple[str, Sequence[str]], kind: str = "") -> str:
    label, cells = line
    return (f"<tr class='{kind}'><th scope='row'>{html.escape(label)}</th>"
            + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>")


def _stroke_drawn(line: int) -> str:
    """The line of a run, about as the charts draw it."""
    stroke = _stroke(line)
    kind = {"": "solid", "2 3": "dotted"}.get(stroke["dash"], "dashed")
    return f"<span style='border-top: 3px {kind} {stroke['colour']}'></span>"


# --- charts ---------------------------------------------------------------------------------------


def _axes(choice: RunsChoice) -> None:
    """Which charts, and over which axis."""
    key, first = choice.control("by", choice.across)
    choice.across = st.segmented_control("Across", list(ACROSS), default=first, key=key,
                                         required=True, format_func=lambda name: ACROSS[name])
    key, first = choice.control("charts", list(choice.charts))
    choice.charts = st.multiselect("Charts", list(CHARTS), first, key=key,
                                   format_func=lambda name: CHARTS[name].title)


def _smoothed(choice: RunsChoice) -> None:
    told = st.session_state["runs/charts"]["smoothed"]
    if isinstance(told, int) and 0 <= told <= LONGEST_HALF_LIFE:
        choice.half_life = told


def _zoomed(choice: RunsChoice) -> None:
    """The charts show a part of the axis, or all of it again."""
    told = st.session_state["runs/charts"]["zoomed"]
    sound = isinstance(told, list) and len(told) == 2 and all(
        isinstance(end, int | float) and math.isfinite(end) for end in told)
    choice.zoom = (choice.across, float(told[0]), float(told[1])) if sound else None


def _zoom(choice: RunsChoice) -> Zoom | None:
    """The part of the axis of which there are finer curves."""
    return choice.zoom[1:] if choice.zoom and choice.zoom[0] == choice.across else None


def _lines(
    there: Sequence[tuple[Row, RunSnapshot]], names: Mapping[str, str]
) -> tuple[list[Line], dict[str, int]]:
    """One line for each run, or for each group of seeds; and which line each run is in."""
    runs = {row.key: run for row, run in there}
    lines: list[Line] = []
    settings = Telling([row for row, _ in there], without=("seed",))
    of_row: dict[str, int] = {}
    for group in alike_but_for_seed(row for row, _ in there).values():
        seeds = {value_of(row, "seed"): row for row in group}
        if len(seeds) == len(group) > 1:
            of_row |= {row.key: len(lines) for row in group}
            words = settings.text(group[0]) if len(group) < len(there) else ""
            lines.append(Line(words, [runs[row.key] for row in group]))
            continue
        for row in group:  # also a recording beside the same run of this server
            of_row[row.key] = len(lines)
            lines.append(Line(names[row.key], [runs[row.key]]))
    return lines, of_row


def _stroke(place: int) -> dict[str, str]:
    """How a line is drawn, and the letter by which people call it."""
    return {"letter": LETTERS[place], "colour": COLOURS[place], "dash": DASHES[place]}


def _seconds(run: RunSnapshot) -> float:
    return max((each.seconds for each in run.history.evaluations), default=run.status.seconds)


def _steps_a_unit(line: Line) -> float:
    """Steps in a second of a line's runs, by which smoothing counts."""
    seconds = sum(_seconds(run) for run in line.runs)
    return sum(run.history.last_step for run in line.runs) / seconds if seconds else 1.0


def _drawn(
    names: Sequence[str], lines: Sequence[Line], by_time: bool, zoom: Zoom | None
) -> list[dict[str, Any]]:
    """The charts that some of the lines is in: images and points are measured in other ways."""
    made = [drawn(name, lines, by_time, zoom) for name in names]
    return [chart for chart in made if any(line["at"] for line in chart["lines"])]


def _without_chart(
    names: Sequence[str], made: Sequence[Mapping[str, Any]], kinds: Collection[str]
) -> str:
    """Which of the charts that were asked for are not drawn, and why; "" where all are."""
    there = {chart["name"] for chart in made}
    missing = [CHARTS[name].title for name in names if name not in there]
    if not missing:
        return ""
    of = {"points": "points", "image": "images"}
    why = f", which are of {of[next(iter(kinds))]}" if len(kinds) == 1 else ""
    comma = "," if why else ""
    return f"Not drawn, for none of these runs{why}{comma} has it: {', '.join(missing)}."


# --- sheets ---------------------------------------------------------------------------------------


def _sheet(row: Row, run: RunSnapshot, line: int, words: str) -> dict[str, Any]:
    """The last samples of a run, and its verdict."""
    card, step = run.config.card, run.samples[-1] if run.samples else None
    points = card.kind == "points"
    plane = {"centres": [list(centre) for centre in card.centres], "extent": card.extent,
             "sigma": card.sigma} if points else None
    return {
        "title": f"{LETTERS[line]} · {words}", "verdict": row.verdict, "step": step,
        "words": f"The last samples of {words} at step {step}: {row.verdict[2:]}",
        "address": f"{row.kind or 'runs'}/{row.entry.folder}", "ending": "npy" if points else "png",
        "plane": plane, "line": _stroke(line)}
