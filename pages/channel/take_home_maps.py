"""Files of a parameter map that visitors take home; `take_home` says how they are sent."""

from __future__ import annotations

import io
import json
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from gan_core.exploration.map_looks import COLOURINGS, VERDICT
from gan_core.exploration.map_picture import picture
from gan_core.exploration.map_tables import as_csv, as_data
from gan_core.exploration.parameter_map import ParameterMap
from gan_core.exploration.study import Results
from gan_core.export.report.of_map import report_of_map
from pages.channel.answering import parameter, problem
from pages.channel.attachments import address_of_page, attachment, busy
from pages.channel.films import FILMS, Busy
from pages.components import map_lessons, map_view, server
from pages.components.map_choice import MapChoice, in_url
from pages.components.page_frame import TOOLS

NO_MAP = "This server does not know this map; open the page again."
NO_FILE = "There is no file {name!r} of a map; there are {names}."


@dataclass(frozen=True)
class Asked:
    """The map, what is known of its runs, how it is coloured, and a link that opens it."""

    drawn: ParameterMap
    results: Results
    colouring: str
    link: str


def _report(asked: Asked) -> bytes:
    choice = MapChoice(asked.drawn, asked.colouring)
    return report_of_map(
        asked.drawn, asked.results, asked.colouring, command=map_view.command(asked.drawn),
        link=asked.link,
        lesson=map_lessons.lesson_text(choice.shipped) if choice.shipped else "").encode()


def _png(asked: Asked) -> bytes:
    stream = io.BytesIO()
    picture(asked.drawn, asked.results, asked.colouring).save(stream, "PNG")
    return stream.getvalue()


def _json(asked: Asked) -> bytes:
    return json.dumps(as_data(asked.drawn, asked.results), ensure_ascii=False).encode()


FILES: Mapping[str, tuple[str, Callable[[Asked], bytes]]] = {
    "report.html": ("text/html; charset=utf-8", _report),
    "map.png": ("image/png", _png),
    "map.csv": ("text/csv; charset=utf-8",
                lambda asked: as_csv(asked.drawn, asked.results).encode()),
    "map.json": ("application/json", _json),
}


def taken(request: Request) -> Response:
    """A file of a map that a page of this server has shown."""
    name, studies = request.path_params["name"], server.studies()
    colouring = parameter(request, "colour") or VERDICT
    if name not in FILES:
        return problem(404, NO_FILE.format(name=name[:40], names=", ".join(FILES)))
    if colouring not in COLOURINGS:
        return problem(400, f"colour must be one of {', '.join(COLOURINGS)}.")
    drawn = studies.known(request.path_params["digest"])
    if not isinstance(drawn, ParameterMap):
        return problem(404, NO_MAP)
    kind, make = FILES[name]
    results = studies.results(drawn)
    query = urllib.parse.urlencode(in_url(MapChoice(drawn, colouring)))
    link = address_of_page(request, TOOLS["parameter_map"].page, query)
    asked = Asked(drawn, results, colouring, link)
    known = frozenset(results)
    try:
        content = FILMS.of((name, drawn.digest(), known, colouring, link), lambda: make(asked))
    except Busy:
        return busy()
    what, _, ending = name.partition(".")
    words = "" if what == "map" else f"-{what}"
    return attachment(content, kind, f"map-{drawn.digest()}{words}.{ending}")
