"""The live channel's routes: a run's state, its pictures, the server's health, its counts.

    GET /runs/{digest}/live                 the state of a run of this server, as JSON
        ?since=…                            what the last answer said: only what is new
        ?steps=1000&metrics=loss_d,modes    as far as this step; curves of these metrics
        ?viewer=…&hidden=1                  renews the lease of the tab with this ticket, for
                                            longer if it is hidden
    GET /runs/{digest}/verdicts             those on the run's way, one an evaluation, ?steps=1000
    GET /runs/{digest}/difference           from ?reference=recorded/{digest}, in words, for ?page=…
        ?at=250                             as it was at this step of the run
    GET /runs/{digest}/take-home/{name}     report.html, film.gif, history.csv … of it, made when
                                            they are asked for; ?reference=… beside it
    GET /runs/{digest}/film.gif             the same film
    GET /runs/{digest}/tiles/250            each image's digit and D's score, of an evaluation
    GET /runs/{digest}/pictures/{view}/000250.png
    GET /recorded/{digest}/…                the same of the runs that ship
    GET /opened/{key}/…                     and of those that visitors have opened from files
    GET /studies/{digest}/take-home/{name}  report.html, map.png, map.csv, map.json of a map
    GET /studies/{digest}/live              a map that a page of this server shows, ?colour=modes,
                                            a cross-validation, or a recipe's spread
    GET /viewer/{name}.js                   the viewer's code, for all pages
    GET /healthz                            503 where runs cannot be trained or kept
    GET /metrics                            for Prometheus, if GAN_LAB_METRICS is 1

They only read, and they read nothing outside the stores: a digest is sixteen hexadecimal digits, a
picture a number of six digits or more. Other addresses below `/runs`, `/recorded` and `/opened`
are 404.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from gan_core.config.presets import CHALLENGES
from gan_core.exploration.cross_validation import CrossValidation
from gan_core.exploration.map_looks import COLOURINGS, VERDICT
from gan_core.exploration.parameter_map import ParameterMap
from gan_core.exploration.spread import Spread
from gan_core.runs.samples import VIEWS
from gan_core.runs.snapshots import RunSnapshot
from gan_core.runs.store import StoreError
from gan_core.serving import fold_channel, live_channel, map_channel, spread_channel
from gan_core.serving.health import Health
from gan_core.serving.live_channel import BadQuestion
from gan_core.serving.meters import CONTENT_TYPE
from gan_core.serving.past_verdicts import as_evaluated
from gan_core.serving.queue import HIDDEN_SECONDS
from gan_core.system.settings import SettingsError
from gan_core.system.web_settings import WebSettings
from pages.channel import take_home
from pages.channel.answering import (
    KINDS,
    NO_RUN,
    TRAINED,
    Runs,
    measured,
    parameter,
    problem,
    seen,
)
from pages.components import server, verdict, viewer_code

# A run's picture of a step never changes, nor does the code of a name.
FOR_EVER = "public, max-age=31536000, immutable"
NO_STUDY = "This server does not know what is shown here; open the page again."
NO_PICTURE = "There is no such picture."
NO_TILES = "This run was not evaluated at this step."

_STEP = re.compile(r"[0-9]{1,8}")
_PICTURE = re.compile(r"([0-9]{6,8})\.(png|npy)")
_TYPES = {"png": "image/png", "npy": "application/octet-stream"}


def routes(base: str, settings: WebSettings) -> list[BaseRoute]:
    """All routes, below the path `base` under which the app is served, "" for the root."""
    prefix = f"/{base.strip('/')}" if base.strip("/") else ""
    made: list[BaseRoute] = [
        # The page of runs, whose address ends where those of single runs go on.
        Route(f"{prefix}/runs/", lambda request: RedirectResponse(
            f"../runs{'?' if request.url.query else ''}{request.url.query}")),
        *(Mount(f"{prefix}/{kind}", routes=_of(runs)) for kind, runs in KINDS.items()),
        Route(f"{prefix}/studies/{{digest}}/live", measured("studies", live_study)),
        *take_home.routes_of_maps(prefix),
        Route(f"{prefix}/viewer/{viewer_code.NAME}", measured("viewer", code)),
        Route(f"{prefix}/healthz", measured("healthz", healthz)),
    ]
    if settings.metrics:
        made.append(Route(f"{prefix}/metrics", measured("metrics", metrics)))
    return made


def _of(runs: Runs) -> list[BaseRoute]:
    return [
        Route("/{digest}/live", measured("live", partial(live, runs=runs))),
        Route("/{digest}/verdicts", measured("verdicts", partial(verdicts, runs=runs))),
        Route("/{digest}/difference", measured("difference", partial(difference, runs=runs))),
        *take_home.routes(runs),
        Route("/{digest}/tiles/{step}", measured("tiles", partial(tiles, runs=runs))),
        Route("/{digest}/pictures/{view}/{name}",
              measured("pictures", partial(picture, runs=runs))),
    ]


# --- runs ----------------------------------------------------------------------------------------


def live(request: Request, runs: Runs) -> Response:
    """The state of a run since what the viewer has; 404 where there is none, 503 where its files
    cannot be read just now."""
    digest = request.path_params["digest"]
    try:
        asked = live_channel.question(
            *(parameter(request, name) for name in ("steps", "metrics", "since")))
    except BadQuestion as error:
        return problem(400, str(error))
    if runs is TRAINED:
        _renew_lease(request, digest)
    snapshot = runs.snapshot(digest)
    if snapshot is None:
        return problem(404, NO_RUN)
    shown = live_channel.as_far_as(snapshot, asked.steps)
    headers = _until_it_changes(shown)
    if _unchanged(request, headers):
        return Response(status_code=304, headers=headers)
    answer = server.answers().answer(shown, asked, runs.recorded)
    return Response(answer, headers=headers, media_type="application/json")


def _renew_lease(request: Request, digest: str) -> None:
    """Of a tab with a ticket of this server: whoever makes up names keeps nothing alive."""
    holder = server.visitor_names().tab_and_person(parameter(request, "viewer"))
    if holder is not None:
        tab, person = holder
        hidden = parameter(request, "hidden") == "1"
        server.queue().watch(digest, tab, HIDDEN_SECONDS if hidden else 0.0, person)


def verdicts(request: Request, runs: Runs) -> Response:
    """The verdicts that a run was given on its way, until `steps` or the evaluation before it."""
    try:
        steps = live_channel.step("steps", parameter(request, "steps"))
    except BadQuestion as error:
        return problem(400, str(error))
    snapshot = runs.snapshot(request.path_params["digest"])
    if snapshot is None:
        return problem(404, NO_RUN)
    shown = as_evaluated(snapshot, steps)
    headers = _until_it_changes(shown)
    if _unchanged(request, headers):
        return Response(status_code=304, headers=headers)
    answer = server.past_verdicts().answer(shown)
    return Response(answer, headers=headers, media_type="application/json")


def _until_it_changes(snapshot: RunSnapshot) -> dict[str, str]:
    """Headers by which a browser keeps an answer, and asks each time whether it still holds."""
    return {"ETag": f'"{live_channel.tag(snapshot)}"', "Cache-Control": "no-cache"}


def _unchanged(request: Request, headers: dict[str, str]) -> bool:
    return headers["ETag"] in request.headers.get("if-none-match", "")


def tiles(request: Request, runs: Runs) -> Response:
    """What is known of each image of the sheet of a step at which the run was evaluated: the digit
    that is recognised, −1 for none, and D's score."""
    step = request.path_params["step"]
    snapshot = runs.snapshot(request.path_params["digest"]) if _STEP.fullmatch(step) else None
    record = snapshot.history.evaluation_at(int(step)) if snapshot is not None else None
    if record is None or record.step != int(step):
        return problem(404, NO_TILES)
    told = {"modes": record.sheet_modes, "scores": record.sheet_scores}
    return JSONResponse({name: list(map(live_channel.number, values))
                         for name, values in told.items()}, headers={"Cache-Control": "no-cache"})


def difference(request: Request, runs: Runs) -> Response:
    """What sets two runs apart, as the page `page` compares them, `at` a step of the first one; ""
    where it says nothing."""
    kind, _, other = parameter(request, "reference").partition("/")
    challenge = CHALLENGES.get(parameter(request, "page"))
    if challenge is None or kind not in KINDS:
        return problem(400, "page and reference must name a page and a run.")
    try:
        compared = [
            seen(*of) for of in (
                (runs, request.path_params["digest"], parameter(request, "steps")),
                (KINDS[kind], other, parameter(request, "reference_steps")))]
        at = live_channel.step("at", parameter(request, "at"), least=0)
    except BadQuestion as error:
        return problem(400, str(error))
    this, reference = compared
    if this is None or reference is None:
        return problem(404, NO_RUN)
    words = verdict.difference(this, reference, challenge.headline, challenge.by_time, at)
    return JSONResponse({"words": words}, headers={"Cache-Control": "no-cache"})


def picture(request: Request, runs: Runs) -> Response:
    """One file of a run's views: a sheet, points, a surface, or neighbours. What is damaged is not
    sent: a browser would keep it for a year."""
    digest, view = request.path_params["digest"], request.path_params["view"]
    name, store = _PICTURE.fullmatch(request.path_params["name"]), runs.store()
    if name is None or view not in VIEWS or not store.exists(digest):
        return problem(404, NO_PICTURE)
    step, ending = int(name[1]), name[2]
    try:
        content = store.picture(digest, view, step, ending)
    except StoreError as error:
        return problem(404, f"{error.cause}.")
    return Response(content, headers={"Cache-Control": FOR_EVER}, media_type=_TYPES[ending])


def live_study(request: Request) -> Response:
    """A study as its viewers draw it; 404 where no page of this server has
    shown it."""
    studies, colouring = server.studies(), parameter(request, "colour") or VERDICT
    if colouring not in COLOURINGS:
        return problem(400, f"colour must be one of {', '.join(COLOURINGS)}.")
    study = studies.known(request.path_params["digest"])
    holder = server.visitor_names().tab_and_person(parameter(request, "viewer"))
    if study is not None and holder is not None:
        studies.watch(study, holder[0])
    told: dict[str, Any] | None = None
    if isinstance(study, ParameterMap):
        told = map_channel.state(study, studies.results(study), studies.state(study), colouring)
    elif isinstance(study, CrossValidation):
        told = fold_channel.state(study, studies.results(study), studies.state(study))
    elif isinstance(study, Spread):
        told = spread_channel.state(study, studies.results(study), studies.state(study))
    if told is None:
        return problem(404, NO_STUDY)
    return JSONResponse(told, headers={"Cache-Control": "no-store"})


# --- the server ----------------------------------------------------------------------------------


def code(request: Request) -> Response:
    """The viewer's JavaScript."""
    return Response(viewer_code.CODE, headers={"Cache-Control": FOR_EVER},
                    media_type="text/javascript")


def healthz(request: Request) -> Response:
    """Web and workers: 200 where runs can be trained and kept, or will be soon; else 503."""
    try:
        health = Health(server.queue().pool(), server.store_probe().problem())
    except SettingsError as error:
        health = Health(settings=str(error))
    return JSONResponse(
        health.to_dict(), 503 if health.problems else 200, {"Cache-Control": "no-store"})


def metrics(request: Request) -> Response:
    """The server's counts as Prometheus reads them."""
    queue = server.queue()
    words = server.meters().exposition(
        queue.pool(), len(queue.store.folders()), len(server.viewers()), queue.people(),
        queue.refusals)
    return PlainTextResponse(words, media_type=CONTENT_TYPE)
