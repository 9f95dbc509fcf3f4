"""What a tab asks of the page of runs, and its URL: filter, order, chosen runs, their charts.

Everything is in the address bar, so that a reload, a link or *Back* shows the same.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from gan_core.config.choices import DATASETS
from pages.components.page_url import PageUrl
from pages.components.runs_curves import CHARTS, FIRST_CHARTS
from pages.components.runs_rows import COLUMNS, STATE_WORDS

KEY = "runs/choice"
LISTED = 100  # rows at first, and so many more with each press
MOST_LISTED = 2500  # rows
MOST_COMPARED = 8
LONGEST_FIND = 100  # letters
LONGEST_HALF_LIFE = 500  # steps, of the smoothing
NEWEST_FIRST = ("age", False)
ACROSS = {"steps": "steps", "seconds": "seconds of training"}
PARAMETERS = ("find", "data", "verdict", "starred", "sort", "runs", "charts", "by", "smooth",
              "projector")
_KEY = re.compile(r"(?:[a-z]{1,16}-)?[0-9a-f]{16}")


@dataclass
class RunsChoice:
    """`find`, `data`, `state` and `starred` narrow the table down; `sort` is a column and whether
    its values fall; `chosen` are keys of runs, `charts` names of CHARTS, `across` one of ACROSS,
    `half_life` steps of smoothing. `removed` are the runs that were taken out last."""

    find: str = ""
    data: str = ""
    state: str = ""
    starred: bool = False
    sort: tuple[str, bool] = NEWEST_FIRST
    chosen: list[str] = field(default_factory=list)
    charts: list[str] = field(default_factory=lambda: list(FIRST_CHARTS))
    across: str = "steps"
    half_life: int = 0
    zoom: tuple[str, float, float] | None = None  # a part of which axis, from and to
    projected: bool = False
    listed: int = LISTED
    heard: int = 0  # the browser's time at which the runs were chosen that the page knows of
    removed: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)  # of the URL, in words
    refusal: str = ""  # why the last press did nothing
    url: PageUrl = field(default_factory=lambda: PageUrl(PARAMETERS))
    controls: dict[str, tuple[str, Any]] = field(default_factory=dict)  # key, first value

    def control(self, name: str, value: Any) -> tuple[str, Any]:
        """The key of a control, and the value at which it stands at first: both stay as long as it
        is on the page.

        A value that is set anew in each run would undo what somebody types meanwhile; one that is
        set once is lost where that run is cut short by the next press.
        """
        key, first = self.controls.get(name, ("", None))
        if not key or key not in st.session_state:
            number = st.session_state.get("runs/controls", 0) + 1
            st.session_state["runs/controls"] = number
            key, first = f"runs/{name}/{number}", value
            self.controls[name] = key, first
        return key, first


def arrive() -> RunsChoice:
    """The tab's choice: from the session, or from a URL that this tab did not write itself."""
    choice: RunsChoice | None = st.session_state.get(KEY)
    if choice is None or choice.url.is_arrival():
        url = choice.url if choice is not None else PageUrl(PARAMETERS)
        choice = read(url.query())
        choice.url = url
        url.arrived(in_url(choice))
        st.session_state[KEY] = choice
    return choice


def read(query: Mapping[str, str]) -> RunsChoice:
    """A choice from the parameters of an address; a bad one is left out, and said in a sentence."""
    choice, problems = RunsChoice(), []
    find = query.get("find", "")
    if len(find) > LONGEST_FIND:
        problems.append(f"find must have at most {LONGEST_FIND} characters.")
    choice.find = find[:LONGEST_FIND]
    choice.data = _one_of("data", query, DATASETS, "", problems)
    choice.state = _one_of("verdict", query, STATE_WORDS, "", problems)
    choice.starred = _one_of("starred", query, ("1",), "", problems) == "1"
    choice.projected = _one_of("projector", query, ("1",), "", problems) == "1"
    choice.across = _one_of("by", query, ACROSS, "steps", problems)
    sort = query.get("sort", "age")
    if sort.removeprefix("-") in COLUMNS:
        choice.sort = (sort.removeprefix("-"), sort.startswith("-"))
    else:
        problems.append(f"sort must be one of {', '.join(COLUMNS)}, with a - before it for falling "
                        f"values, not {sort[:40]!r}.")
    _read_runs(query.get("runs", ""), choice, problems)
    _read_charts(query.get("charts", ""), choice, problems)
    smooth = query.get("smooth", "0")
    if smooth.isascii() and smooth.isdecimal() and len(smooth) < 5 and (
            int(smooth) <= LONGEST_HALF_LIFE):
        choice.half_life = int(smooth)
    else:
        problems.append(f"smooth must be a whole number from 0 to {LONGEST_HALF_LIFE}, not "
                        f"{smooth[:40]!r}.")
    choice.problems = problems
    return choice


def _one_of(
    name: str, query: Mapping[str, str], allowed: Collection[str], usual: str, problems: list[str]
) -> str:
    value = query.get(name, usual)
    if value == usual or value in allowed:
        return value
    problems.append(f"{name} must be one of {', '.join(allowed)}, or left out, not {value[:40]!r}.")
    return usual


def _read_runs(text: str, choice: RunsChoice, problems: list[str]) -> None:
    parts = text[:400].split(".") if text else []
    choice.chosen = list(dict.fromkeys(part for part in parts if _KEY.fullmatch(part)))
    if len(choice.chosen) != len(parts):
        problems.append("runs must be names of runs, of 16 hexadecimal digits each, separated by "
                        "dots.")
    if len(choice.chosen) > MOST_COMPARED:
        problems.append(f"runs must be at most {MOST_COMPARED}.")
        del choice.chosen[MOST_COMPARED:]


def _read_charts(text: str, choice: RunsChoice, problems: list[str]) -> None:
    parts = text[:400].split(".") if text else []
    known = [part for part in dict.fromkeys(parts) if part in CHARTS]
    if len(known) != len(parts):
        problems.append(f"charts must be among {', '.join(CHARTS)}, separated by dots.")
    choice.charts = known or list(FIRST_CHARTS)


def in_url(choice: RunsChoice) -> dict[str, str]:
    """The parameters that open it; what is as usual is left out."""
    column, falling = choice.sort
    said = {
        "find": choice.find, "data": choice.data, "verdict": choice.state,
        "starred": "1" if choice.starred else "",
        "sort": "" if choice.sort == NEWEST_FIRST else f"{'-' if falling else ''}{column}",
        "runs": ".".join(choice.chosen),
        "charts": "" if choice.charts == list(FIRST_CHARTS) else ".".join(choice.charts),
        "by": "" if choice.across == "steps" else choice.across,
        "smooth": str(choice.half_life or ""),
        "projector": "1" if choice.projected else "",
    }
    return {name: value for name, value in said.items() if value}
