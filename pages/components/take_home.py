"""*Take it home*: files of the shown run, and of it beside its reference, that a visitor can save.

The server makes each when it is asked for (`pages.channel.take_home`); the page sends none of them
along with its reruns, and does not run again when one is saved.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from gan_core.exploration.map_looks import VERDICT
from gan_core.exploration.parameter_map import ParameterMap
from gan_core.exploration.study import name_of
from gan_core.export.charts.table import of_run
from pages.components import prediction, viewer, viewer_code
from pages.components.server import StoredRun
from pages.components.state import State

LABEL, ICON = "Take it home", ":material/download:"
THIS, BOTH = "This run", "Both runs"
ALL_CHARTS = "all on one sheet"


@dataclass(frozen=True)
class File:
    """One row: what it is called and what it is, and by which names of `channel.take_home.FILES` it
    is saved, each with the words of its link where there are several. `uses` are what a browser
    adds to its address; it is of two runs as well where it can be `of_pairs`."""

    label: str
    help: str
    names: tuple[tuple[str, str], ...]
    uses: tuple[str, ...] = ()
    of_pairs: bool = True


FILES = (
    File("Report", "One page with question, verdict, pictures and charts. It opens anywhere, also "
         "without network.", (("report.html", ""),), ("predicted", "link")),
    File("Film", "The sheets one after another, as a GIF.", (("film.gif", ""),)),
    File("Sheet", "The samples at the step that is shown, as a picture.", (("sheet.png", ""),),
         ("at",)),
    File("Charts", "Losses, scores, gradients, quality. SVG stays sharp, PNG fits into any slide.",
         (("charts.svg", "SVG"), ("charts.png", "PNG"))),
    File("Code", "One PyTorch script, or a notebook, that trains with these settings without this "
         "app. Its first lines say how far it repeats the run.",
         (("script.py", "Script"), ("notebook.ipynb", "Notebook")), of_pairs=False),
    File("Numbers", "Losses, gradients and metrics, one row a step. JSON has the settings as well, "
         "and D's scores of single images.",
         (("history.csv", "CSV"), ("history.json", "JSON")), of_pairs=False),
    File("Everything", "All of the above, and the weights where this server has them, as one zip, "
         "which this app opens again.",
         (("run.zip", ""),), ("predicted", "link")),
)
MAP_FILES = (
    File("Report", "One page with picture, lessons and every cell. It opens anywhere, also without "
         "network.", (("report.html", "Report"),), ("link",)),
    File("Picture", "The map as it is coloured now.", (("map.png", "PNG"),)),
    File("Numbers", "One row a run: where it is, its seed, its verdict, its measures.",
         (("map.csv", "CSV"), ("map.json", "JSON"))),
)

_part = st.components.v2.component(
    "gan_lab_take_home", html=viewer_code.read("take_home.html"),
    css=viewer_code.read("viewer.css", "take_home.css"), js=viewer_code.read("loader.js"))


# --- of runs -------------------------------------------------------------------------------------


def take_home(state: State, shown: StoredRun | None, reference: StoredRun | None) -> None:
    """The popover of a challenge's page, disabled while there is no run."""
    with st.popover(LABEL, icon=ICON, disabled=shown is None):
        if shown is not None:
            given = prediction.place_of_answer(state.challenge, shown.snapshot.digest)
            files(f"{state.page}/take-home", shown, reference, state.page, given,
                  viewer.look_back_key(state))


def files(
    key: str, shown: StoredRun, reference: StoredRun | None = None, page: str = "",
    predicted: int | None = None, moment: str = "",
) -> None:
    """The rows themselves, for any part of a page. `predicted` is the place of the answer that was
    given to the question of `page`; `moment` the key of the moment that the viewer shows."""
    alone = {"page": page, "steps": shown.snapshot.config.steps}
    if not page:
        del alone["page"]
    if predicted is not None:
        alone["predicted"] = predicted
    runs = [(THIS, alone)]
    if reference is not None:
        runs.append((BOTH, {**alone, "reference": viewer.address(reference),
                            "reference_steps": reference.snapshot.config.steps}))
    address = f"{viewer.address(shown)}/take-home"
    rows = [_row(file, address, runs) for file in FILES]
    next(row for row in rows if row["label"] == "Charts")["choices"] = _charts(shown)
    _draw(key, rows, moment)


def _row(
    file: File, address: str, runs: Sequence[tuple[str, dict[str, Any]]]
) -> dict[str, Any]:
    """A file as the viewer draws it, with a link for each of its names and of the runs."""
    links = []
    for words, query in runs if file.of_pairs else runs[:1]:
        for name, called in file.names:
            whose = words if not called else f"{called}, both runs" if words == BOTH else called
            links.append({"words": whose, "address": f"{address}/{name}",
                          "query": urllib.parse.urlencode(query)})
    return {"label": file.label, "help": file.help, "uses": file.uses, "links": links}


def _charts(shown: StoredRun) -> list[tuple[str, str]]:
    """Which chart is saved: all of them, or one by name."""
    charts = of_run(shown.snapshot.config, {})
    return [("", ALL_CHARTS), *((name, chart.title) for name, chart in charts.items()),
            ("histogram", "Histogram of the modes"), ("rotation", "Modes over time")]


def _draw(key: str, rows: list[dict[str, Any]], moment: str = "") -> None:
    _part(key=key, data={"part": "take-home", "code": viewer_code.ADDRESS, "files": rows,
                         "moment": moment})


# --- of maps -------------------------------------------------------------------------------------


def take_map_home(drawn: ParameterMap, colouring: str) -> None:
    """The popover of the page of maps."""
    with st.popover(LABEL, icon=ICON):
        query = {} if colouring == VERDICT else {"colour": colouring}
        address = f"studies/{name_of(drawn)}/take-home"
        _draw("map/take-home", [
            {"label": file.label, "help": file.help, "uses": file.uses, "links": [
                {"words": words, "address": f"{address}/{name}",
                 "query": urllib.parse.urlencode(query)} for name, words in file.names]}
            for file in MAP_FILES])
        st.caption("The address of this page opens the same map.")
