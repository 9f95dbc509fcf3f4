"""What a tab asks of the page of maps, and its URL: which map, its colours, the cells chosen in it.

Everything is in the address bar, so that a reload, a link or *Back* shows the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import streamlit as st

from gan_core.config.validation import ConfigError
from gan_core.exploration.axis import axis
from gan_core.exploration.map_looks import COLOURINGS
from gan_core.exploration.parameter_map import MOST_SEEDS, Cell, ParameterMap
from gan_core.exploration.shipped_maps import SHIPPED
from gan_core.exploration.study import name_of
from pages.components import controls, server
from pages.components.page_url import PageUrl

KEY = "map/choice"
FIRST = next(iter(SHIPPED))
MOST_CHOSEN = 2  # cells, side by side
PARAMETERS = ("map", "base", "x", "y", "seeds", "colour", "cells")
_CELL = re.compile(r"([0-9]{1,2})-([0-9]{1,2})")


@dataclass
class MapChoice:
    """`drawn` is the map on the page, `colouring` how its cells are coloured, `chosen` up to two of
    them; `problems` are those of the URL, in words."""

    drawn: ParameterMap
    colouring: str
    chosen: list[Cell] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    url: PageUrl = field(default_factory=lambda: PageUrl(PARAMETERS))
    refusal: str = ""  # why the controls describe no map
    moved: bool = True  # the controls are to be moved to the map

    @property
    def shipped(self) -> str:
        """The name of the map, if it ships; else ""."""
        return next((name for name, each in SHIPPED.items() if each.drawn == self.drawn), "")

    def show(self, drawn: ParameterMap) -> None:
        """Put another map on the page."""
        if drawn.digest() != self.drawn.digest():
            self.chosen = []
        self.drawn, self.problems = shared(drawn), []


def arrive() -> MapChoice:
    """The tab's choice: from the session, or from a URL that this tab did not write itself."""
    choice: MapChoice | None = st.session_state.get(KEY)
    if choice is None or choice.url.is_arrival():
        url = choice.url if choice is not None else PageUrl(PARAMETERS)
        choice = _read(url.query())
        choice.url = url
        url.arrived(in_url(choice))
        st.session_state[KEY] = choice
    choice.drawn = shared(choice.drawn)
    return choice


def shared(drawn: ParameterMap) -> ParameterMap:
    """The map that all tabs of this server share, whose runs are worked out once."""
    server.studies().know(drawn)
    known = server.studies().known(name_of(drawn))
    return known if isinstance(known, ParameterMap) else drawn


def _read(query: Mapping[str, str]) -> MapChoice:
    problems: list[str] = []
    name = query.get("map", FIRST)
    if name not in SHIPPED:
        problems.append(f"map must be one of {', '.join(SHIPPED)}, not {name[:40]!r}.")
        name = FIRST
    shipped = SHIPPED[name]
    choice = MapChoice(shipped.drawn, shipped.colouring, problems=problems)
    if "x" in query or "y" in query:
        _read_own(query, choice)
    colour = query.get("colour", choice.colouring)
    if colour in COLOURINGS:
        choice.colouring = colour
    else:
        problems.append(f"colour must be one of {', '.join(COLOURINGS)}, not {colour[:40]!r}.")
    _read_cells(query.get("cells", ""), choice)
    return choice


def _read_own(query: Mapping[str, str], choice: MapChoice) -> None:
    """A map of the visitor's own; where it cannot be read, the shipped one stays."""
    base, problems = controls.read(query.get("base", "default"))
    choice.problems += [f"base: {problem}" for problem in problems]
    seeds = query.get("seeds", "1")
    try:
        if not (seeds.isascii() and seeds.isdecimal() and len(seeds) < 4
                and 1 <= int(seeds) <= MOST_SEEDS):
            raise ConfigError("seeds", f"seeds must be a whole number from 1 to {MOST_SEEDS}, "
                              f"not {seeds[:40]!r}.")
        limit = server.settings().max_steps
        if base.steps > limit:
            choice.problems.append(f"steps must be a number from 1 to {limit} on this server.")
            base = base.replace(steps=limit)
        choice.drawn = ParameterMap(base, axis(query.get("x", ""), "x"),
                                    axis(query.get("y", ""), "y"), int(seeds))
        choice.colouring = "verdict"
    except ConfigError as error:
        choice.problems.append(str(error))


def _read_cells(text: str, choice: MapChoice) -> None:
    cells = [(int(match[1]), int(match[2])) for part in text[:20].split("_")
             if (match := _CELL.fullmatch(part))]
    inside = [cell for cell in dict.fromkeys(cells)
              if cell[0] < choice.drawn.columns and cell[1] < choice.drawn.rows]
    choice.chosen = inside[:MOST_CHOSEN]
    if text and len(inside) != len(text.split("_")):
        choice.problems.append("cells must name one or two cells of the map, such as 0-3_4-1.")


def in_url(choice: MapChoice) -> dict[str, str]:
    """The parameters that open it; without `problems`, those of the map that is shown."""
    drawn, shipped = choice.drawn, choice.shipped
    if shipped:
        query = {} if shipped == FIRST else {"map": shipped}
        usual = SHIPPED[shipped].colouring
    else:
        query = {"base": controls.written(drawn.base), "x": str(drawn.x), "y": str(drawn.y),
                 "seeds": str(drawn.seeds)}
        usual = "verdict"
    if choice.colouring != usual:
        query["colour"] = choice.colouring
    if choice.chosen:
        query["cells"] = "_".join(f"{column}-{row}" for column, row in choice.chosen)
    return query
