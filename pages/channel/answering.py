"""What all routes of runs share: which kinds of runs there are, how an answer is counted, and how a
problem is told.

Whatever goes wrong is told in one sentence, as `{"problem": …}`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gan_core.runs.snapshots import RunSnapshot
from gan_core.runs.store import RunStore, StoreError
from gan_core.serving import live_channel
from gan_core.system.settings import SettingsError
from pages.components import server

Endpoint = Callable[[Request], Response]

NO_RUN = "There is no such run on this server."
UNREADABLE = "This run cannot be shown just now: {cause}."


@dataclass(frozen=True)
class Runs:
    """Runs of one kind: those of this server, those that ship with the project, or those that came
    out of files, which are named by a key in place of the digest of their settings."""

    store: Callable[[], RunStore]
    snapshot: Callable[[str], RunSnapshot | None]
    recorded: bool


TRAINED = Runs(lambda: server.queue().store, lambda digest: server.queue().snapshot(digest), False)
RECORDED = Runs(lambda: server.recorded(), lambda digest: server.recorded().snapshot(digest), True)
OPENED = Runs(lambda: server.opened(), lambda digest: server.opened().snapshot(digest), False)
KINDS = {"runs": TRAINED, "recorded": RECORDED, "opened": OPENED}  # by the beginning of an address


def measured(route: str, endpoint: Endpoint) -> Endpoint:
    """The endpoint, whose answers and seconds are counted as those of `route`."""
    def answer(request: Request) -> Response:
        started = time.perf_counter()
        try:
            response = endpoint(request)
        except SettingsError as error:  # no queue without settings
            response = problem(503, str(error))
        except StoreError as error:  # the run is there: whoever asks again may see it
            response = problem(503, UNREADABLE.format(cause=error.cause))
        except Exception:  # a fault of this server: it is told, and counted, as any other answer
            server.meters().answered(route, 500, time.perf_counter() - started)
            raise
        server.meters().answered(route, response.status_code, time.perf_counter() - started)
        return response

    return answer


def problem(status: int, sentence: str) -> Response:
    return JSONResponse({"problem": sentence}, status, {"Cache-Control": "no-store"})


def parameter(request: Request, name: str) -> str:
    return request.query_params.get(name, "")


def seen(runs: Runs, digest: str, steps: str) -> RunSnapshot | None:
    """A run as far as the parameter `steps` says. Raises BadQuestion."""
    asked = live_channel.question(steps)
    snapshot = runs.snapshot(digest)
    return None if snapshot is None else live_channel.as_far_as(snapshot, asked.steps)
