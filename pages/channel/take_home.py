"""Files that visitors take home: made of a run, of a run beside its reference, or of a map, when
somebody asks for them.

    GET /runs/{digest}/take-home/report.html    ?page=mode_collapse&steps=1000&predicted=0
        ?reference=recorded/{digest}&reference_steps=1000   beside another run
    GET /runs/{digest}/take-home/sheet.png      ?at=250: as of this step
    GET /runs/{digest}/take-home/charts.svg     ?chart=losses: one of them
    GET /studies/{digest}/take-home/map.png     ?colour=frechet

FILES and FILES_OF_MAPS say which there are. All are sent as attachments, under a policy that lets
none of them run a script or load anything, should a browser show it after all. While a run goes on
they tell of what is there now.
"""

from __future__ import annotations

import io
import re
import threading
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from gan_core.config.presets import CHALLENGES, Challenge
from gan_core.config.run_config import RunConfig
from gan_core.export.archive.zip_of_runs import archive
from gan_core.export.charts import png, svg
from gan_core.export.charts.drawing import Drawing
from gan_core.export.charts.files import drawings
from gan_core.export.code.section import NoText
from gan_core.export.notebook import notebook
from gan_core.export.report.of_runs import report
from gan_core.export.script import script
from gan_core.export.sheets import NothingToShow, Reel, sheet_png
from gan_core.export.tables import history_csv, history_json
from gan_core.serving import live_channel
from gan_core.serving.live_channel import BadQuestion
from gan_core.system import files
from pages.channel import take_home_maps
from pages.channel.answering import (
    KINDS,
    Runs,
    measured,
    parameter,
    problem,
    seen,
)
from pages.channel.attachments import address_of_page, attachment, busy, headers
from pages.channel.films import FILMS, ZIPS, Busy, film_of
from pages.components import server
from pages.components.state import opening

NO_FILE = "There is no file {name!r} to take home; there are {names}."
NO_RUN = "There is no run {digest!r} {where}; the page Runs lists those that there are."
WHERE = {"runs": "in this server's store", "recorded": "among the recorded ones",
         "opened": "among those opened from files"}  # by the beginning of an address
NO_CHARTS = "Nothing has been measured of this run yet."
NO_CHART = "There is no chart {name!r} of this run; there are {names}."
FULL = "This file cannot be made just now: {cause}."
BAD_PAIR = "page and reference must name a page and a run."
PIECE = 1 << 18  # bytes that are sent at a time
MOST_ZIPS = 3  # that are sent at a time: each may be a large file on the disk
TITLES = ("This run", "Reference")


class Nothing(Exception):
    """What is asked for is not there; the message is one sentence."""


@dataclass(frozen=True)
class Asked:
    """What is to be made a file of: the runs, and what only the page knows of them."""

    reels: tuple[Reel, ...]
    page: str = ""
    predicted: str = ""  # the answer that was given to the page's question
    link: str = ""  # opens the runs in the app
    at: int | None = None  # the step of a sheet, None for the last
    chart: str = ""  # the name of a single chart

    @property
    def by_time(self) -> bool:
        challenge = CHALLENGES.get(self.page)
        return challenge is not None and challenge.by_time and len(self.reels) > 1

    @property
    def config(self) -> RunConfig:
        return self.reels[0].snapshot.config

    @property
    def device(self) -> str:
        return self.reels[0].snapshot.status.device

    def shows(self, uses: tuple[str, ...]) -> tuple[object, ...]:
        """What a file is made of that uses these of our fields; an address cannot vary the rest."""
        runs = ((reel.title, reel.store.root, reel.snapshot.digest, reel.snapshot.config.steps,
                 reel.snapshot.status.state, reel.snapshot.status.step,
                 reel.snapshot.status.device,
                 reel.snapshot.history.last_step, len(reel.snapshot.history.evaluations),
                 reel.steps) for reel in self.reels)
        return (*runs, self.by_time, *(getattr(self, name) for name in uses))


# --- which files there are -----------------------------------------------------------------------


@dataclass(frozen=True)
class File:
    """A file to take home: its media type, how it is made, which fields of Asked it uses besides
    the runs, whether it can be of two runs, and whether it is made so quickly that it need not wait
    for the files of others."""

    kind: str
    make: Callable[[Asked], bytes]
    uses: tuple[str, ...] = ()
    of_pairs: bool = True
    quick: bool = False


def _report(asked: Asked) -> bytes:
    return report(
        asked.reels, asked.page, predicted=asked.predicted, link=asked.link,
        script=f"{name_of(asked)}.py", downloads=server.settings().data).encode()


def _film(asked: Asked) -> bytes:
    return film_of(list(asked.reels), asked.by_time)


def _sheet(asked: Asked) -> bytes:
    return sheet_png(asked.reels, asked.at, asked.by_time)


def _charts(asked: Asked, one: Callable[[Drawing], bytes],
            all_of_them: Callable[[list[Drawing]], bytes]) -> bytes:
    drawn = drawings(asked.reels, asked.by_time, server.settings().data)
    if not drawn:
        raise Nothing(NO_CHARTS)
    if not asked.chart:
        return all_of_them(list(drawn.values()))
    if asked.chart not in drawn:
        raise Nothing(NO_CHART.format(name=asked.chart, names=", ".join(drawn)))
    return one(drawn[asked.chart])


FILES: Mapping[str, File] = {
    "report.html": File("text/html; charset=utf-8", _report, ("page", "predicted", "link")),
    "film.gif": File("image/gif", _film),
    "script.py": File("text/x-python; charset=utf-8",
                      lambda asked: script(asked.config, asked.device).encode(),
                      of_pairs=False, quick=True),
    "notebook.ipynb": File("application/x-ipynb+json",
                           lambda asked: notebook(asked.config, asked.device).encode(),
                           of_pairs=False, quick=True),
    "history.csv": File("text/csv; charset=utf-8",
                        lambda asked: history_csv(asked.reels[0].snapshot).encode(),
                        of_pairs=False, quick=True),
    "history.json": File("application/json",
                         lambda asked: history_json(asked.reels[0].snapshot).encode(),
                         of_pairs=False, quick=True),
    "sheet.png": File("image/png", _sheet, ("at",), quick=True),
    "charts.svg": File("image/svg+xml", lambda asked: _charts(
        asked, lambda drawn: svg.svg(drawn).encode(),
        lambda drawn: svg.svg_of_all(drawn).encode()), ("chart",)),
    "charts.png": File("image/png", lambda asked: _charts(
        asked, png.png, png.png_of_all), ("chart",)),
}
ZIP = "run.zip"


def name_of(asked: Asked) -> str:
    """How the files of these runs are called, without what each of them is."""
    words = ["gan", *([asked.page.replace("_", "-")] if asked.page else []),
             asked.reels[0].snapshot.config.digest()]
    return "-".join(words)


def _file_name(name: str, asked: Asked) -> str:
    """As "gan-mode-collapse-3032b02d6ac1ea20-report.html"."""
    what, _, ending = name.partition(".")
    if what in ("script", "notebook", "film", "run"):  # there is but one with this ending
        words = ""
    elif what == "sheet" and asked.at is not None:
        words = f"-sheet-at-{asked.at}"
    else:
        words = f"-{asked.chart or what}"
    pair = "-and-reference" if len(asked.reels) > 1 else ""
    return f"{name_of(asked)}{words}{pair}.{ending}"


# --- answers -------------------------------------------------------------------------------------


def routes(runs: Runs) -> list[BaseRoute]:
    """Of runs of one kind."""
    return [
        Route("/{digest}/take-home/{name}", measured("take-home", partial(taken, runs=runs))),
        Route("/{digest}/film.gif", measured("film", partial(taken, runs=runs, name="film.gif"))),
    ]


def routes_of_maps(prefix: str) -> list[BaseRoute]:
    """Of studies."""
    return [Route(f"{prefix}/studies/{{digest}}/take-home/{{name}}",
                  measured("take-home", take_home_maps.taken))]


def taken(request: Request, runs: Runs, name: str = "") -> Response:
    """A file of a run, beside its reference if one is named; 404 where there is none to be made."""
    name = name or request.path_params["name"]
    file = FILES.get(name)
    if file is None and name != ZIP:
        return problem(404, NO_FILE.format(name=name[:40], names=", ".join((*FILES, ZIP))))
    try:
        asked = _asked(request, runs, file is None or file.of_pairs)
        if file is None:
            return _zip(asked)
        content = file.make(asked) if file.quick else FILMS.of(
            (name, *asked.shows(file.uses)), lambda: file.make(asked))
    except BadQuestion as error:
        return problem(400, str(error))
    except Busy:
        return busy()
    except (Nothing, NothingToShow, NoText) as error:
        return problem(404, str(error))
    except OSError as error:
        return problem(503, FULL.format(cause=files.cause(error)))
    return attachment(content, file.kind, _file_name(name, asked))


_ZIPS = threading.BoundedSemaphore(MOST_ZIPS)


def _zip(asked: Asked) -> Response:
    """Sent piece by piece from where it was put together, which may be the disk."""
    if not _ZIPS.acquire(blocking=False):
        raise Busy
    try:
        with ZIPS.turn():
            file = archive(asked.reels, asked.page, by_time=asked.by_time,
                           predicted=asked.predicted, link=asked.link,
                           downloads=server.settings().data)
    except BaseException:
        _ZIPS.release()
        raise
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    return _Sending(file, {**headers(_file_name(ZIP, asked)), "Content-Length": str(size)})


class _Sending(StreamingResponse):
    """A zip on its way. It gives its place back when all of it was sent or the visitor left; one
    that never begins, when nobody holds it any more."""

    def __init__(self, file: BinaryIO, named: Mapping[str, str]) -> None:
        super().__init__(iter(lambda: file.read(PIECE), b""), media_type="application/zip",
                         headers=named)
        self._ended = weakref.finalize(self, _sent, file)  # does so once

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._ended()


def _sent(file: BinaryIO) -> None:
    file.close()
    _ZIPS.release()


# --- what is asked for ---------------------------------------------------------------------------


def _asked(request: Request, runs: Runs, of_pairs: bool) -> Asked:
    """Raises BadQuestion, or Nothing where there is no such run."""
    page = parameter(request, "page")
    kind, _, other = parameter(request, "reference").partition("/")
    challenge = CHALLENGES.get(page)
    if (page and challenge is None) or (other and kind not in KINDS):
        raise BadQuestion(BAD_PAIR)
    wanted = [(runs, request.path_params["digest"], parameter(request, "steps"))]
    if other and of_pairs:
        wanted.append((KINDS[kind], other, parameter(request, "reference_steps")))
    reels = []
    for title, (of, digest, steps) in zip(TITLES, wanted, strict=False):
        snapshot = seen(of, digest, steps)
        if snapshot is None:
            where = next(words for name, words in WHERE.items() if KINDS[name] is of)
            raise Nothing(NO_RUN.format(digest=digest[:40], where=where))
        reels.append(Reel(title, snapshot, of.store()))
    return Asked(
        tuple(reels), page, _predicted(request, challenge), _link(request, reels, challenge),
        live_channel.step("at", parameter(request, "at"), least=0), _chart(request))


def _predicted(request: Request, challenge: Challenge | None) -> str:
    """By its place among the answers that the page offers."""
    given = parameter(request, "predicted")
    if not given or challenge is None:
        return ""
    answers = [answer for answer, _ in challenge.prediction.options]
    if not re.fullmatch(r"[0-9]", given) or int(given) >= len(answers):
        raise BadQuestion(f"predicted must be a whole number from 0 to {len(answers) - 1}.")
    return answers[int(given)]


def _chart(request: Request) -> str:
    name = parameter(request, "chart")
    if name and not re.fullmatch(r"[a-z_]{1,20}", name):
        raise BadQuestion("chart must be the name of a chart.")
    return name


def _link(request: Request, reels: list[Reel], challenge: Challenge | None) -> str:
    """What opens these runs in the app; nothing for those that came out of files."""
    if challenge is None or any(reel.snapshot.opened for reel in reels):
        return ""
    pinned = reels[1].snapshot.config if len(reels) > 1 else None
    query = opening(reels[0].snapshot.config, pinned)
    return address_of_page(request, challenge.page, query)
