"""A report of a parameter map: its picture, its two settings, what it teaches, and every cell.

One HTML file that opens anywhere, as `report` makes them of runs. Torch-free.
"""

from __future__ import annotations

import io
from collections import Counter

from gan_core.config.fields import KNOBS
from gan_core.config.run_config import DEFAULT
from gan_core.config.value_words import tick_text
from gan_core.exploration.axis import Axis
from gan_core.exploration.cell_runs import MEASURES, CellRun, most_common_state
from gan_core.exploration.map_looks import STATE_WORDS, VERDICT
from gan_core.exploration.map_picture import picture
from gan_core.exploration.map_tables import runs_of
from gan_core.exploration.parameter_map import Cell, ParameterMap
from gan_core.exploration.study import Results
from gan_core.export.report.page import (
    Table,
    anchor,
    data_address,
    document,
    folded,
    paragraphs,
    section,
    table,
    text,
)
from gan_core.export.report.settings import all_settings, differing
from gan_core.system.version import VERSION

QUESTION = ("Every cell is a GAN of its own. How wide is the region in which training works, and "
            "how sharp is its edge?")


def report_of_map(
    drawn: ParameterMap, results: Results, colouring: str = VERDICT, *, command: str = "",
    link: str = "", lesson: str = "",
) -> str:
    """The text of the HTML file. `command` draws the map on the command line, `link` opens it in
    the app, `lesson` says what it teaches, as the pages write it (Markdown: paragraphs, lists)."""
    title = f"Parameter map: {drawn.y.label} by {drawn.x.label}"
    done = sum(run.digest in results for run in drawn.runs)
    seeds = f"{drawn.seeds} seeds" if drawn.seeds > 1 else f"seed {drawn.base.seed}"
    about = (f"{drawn.base.card.label}, {drawn.base.steps} steps, {seeds}; {done} of "
             f"{len(drawn.runs)} runs have been trained.")
    head = (f'<h1>{text(title)}</h1><p class="question">{text(QUESTION)}</p>'
            f"<p>{text(about)}</p>")
    body = [
        section("The map", _picture(drawn, results, VERDICT),
                _picture(drawn, results, colouring) if colouring != VERDICT else ""),
        section("What it comes to", _counted(drawn, results)),
        section("What it teaches", paragraphs(lesson) if lesson else ""),
        section("Settings", _axes(drawn), _base(drawn)),
        section("Cells", folded("Every cell and its runs", _cells(drawn, results))),
        section("How to repeat it", *_repeat(drawn, command, link)),
    ]
    return document(title, head, filter(None, body),
                    text(f"Written by GAN challenges lab {VERSION}. It needs no network and no "
                         "scripts."))


def _picture(drawn: ParameterMap, results: Results, colouring: str) -> str:
    stream = io.BytesIO()
    picture(drawn, results, colouring).save(stream, "PNG", optimize=True)
    what = "verdict" if colouring == VERDICT else MEASURES[colouring].label
    words = (f"{drawn.columns} by {drawn.rows} cells, coloured by {what}: {drawn.y.label} upwards, "
             f"{drawn.x.label} to the right")
    return (f'<figure><img src="{data_address(stream.getvalue(), "png")}" alt="{text(words)}">'
            f"<figcaption>{text(words)}.</figcaption></figure>")


def _counted(drawn: ParameterMap, results: Results) -> str:
    """How many runs came to which verdict."""
    states = Counter(results[run.digest].state for run in drawn.runs if run.digest in results)
    if not states:
        return "<p>No run has been trained yet.</p>"
    total = sum(states.values())
    rows = [[text(words), f"{states[state]} of {total}"] for state, words in STATE_WORDS.items()
            if states[state]]
    return table(Table(["Verdict", "Runs"], rows, "Verdicts counted"))


def _axes(drawn: ParameterMap) -> str:
    rows = [[text(axis.label), text(_field(axis)), text(", ".join(
        tick_text(axis.field, value) for value in axis.values))] for axis in (drawn.x, drawn.y)]
    return table(Table(["Varied", "Field", "Values"], rows, "The two settings that are varied"))


def _field(axis: Axis) -> str:
    return f"{axis.field}, from step {axis.since}" if axis.since else axis.field


def _base(drawn: ParameterMap) -> str:
    """What all runs share."""
    varied = {KNOBS[axis.field].label for axis in (drawn.x, drawn.y)}
    rows = [[text(words) for words in row] for row in differing([drawn.base, DEFAULT])
            if row[0] not in varied]
    everything = [[text(words) for words in row] for row in all_settings([drawn.base])]
    return table(Table(["All others", "This map", "Default"], rows, "Settings of all runs")) + \
        folded("All settings", table(Table(["Setting", "Value"], everything, "All settings")))


def _cells(drawn: ParameterMap, results: Results) -> str:
    rows = [row for y in range(drawn.rows) for x in range(drawn.columns)
            for row in [_cell(drawn, results, (x, y))]]
    return table(Table([drawn.x.label, drawn.y.label, "Verdict", "Runs"], rows, "Cells"))


def _cell(drawn: ParameterMap, results: Results, cell: Cell) -> list[str]:
    found = runs_of(drawn, results, cell)
    where = [text(tick_text(axis.field, axis.values[place]))
             for axis, place in zip((drawn.x, drawn.y), cell, strict=True)]
    if cell in drawn.refused:
        return [*where, "–", text(drawn.refused[cell])]
    if not found:
        return [*where, "–", "not trained yet"]
    state = STATE_WORDS[most_common_state([run for _, run in found])]
    return [*where, text(state), "<br>".join(text(_run(seed, run)) for seed, run in found)]


def _run(seed: int, run: CellRun) -> str:
    told = [f"{measure.label} {measure.text(run.measures[name])}"
            for name, measure in MEASURES.items() if name in run.measures]
    return "; ".join([f"seed {seed}: {run.headline}", *told[:3]])


def _repeat(drawn: ParameterMap, command: str, link: str) -> list[str]:
    opening = anchor(link, "Open this map in the app")
    commanded = f"<pre><code>{text(command)}</code></pre>" if command else ""
    facts = [["Map", text(drawn.digest())], ["Seeds", text(", ".join(
        str(drawn.base.seed + number) for number in range(drawn.seeds)))], ["Version", VERSION]]
    return [f"<p>{opening}.</p>" if opening else "",
            f"<p>On the command line:</p>{commanded}" if commanded else "",
            table(Table(["", ""], facts, "Facts of the map"))]
