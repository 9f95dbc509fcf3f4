"""The live channel's routes, asked without a server: what they answer, to whom, and what they read.
"""

from __future__ import annotations

import io
import os
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette

from gan_core.assets import RECORDED_RUNS
from gan_core.config.presets import RECORDED
from gan_core.config.run_config import RunConfig
from gan_core.exploration.spread import Spread
from gan_core.exploration.study import name_of
from gan_core.runs.samples import sheet_png, view_path
from gan_core.serving.queue import HIDDEN_SECONDS
from gan_core.system.settings import Settings, SettingsError
from gan_core.system.web_settings import WebSettings
from pages.channel.routes import routes
from pages.components import server
from pages.components.visitor_names import VisitorNames
from tests.support import damage, fuzzing
from tests.support.asgi import Answer, get, get_all
from tests.support.made_up_records import CONFIG, evaluation, images, look, step

BROKEN = RECORDED["collapse"].digest()
TAB, PERSON = "a" * 32, "b" * 32


@pytest.fixture
def channel(page_server: None) -> Starlette:
    return Starlette(routes=routes("", WebSettings(metrics=True)))


@pytest.fixture
def stored(page_server: None) -> Iterator[str]:
    """A run in the store, with a sheet, points and three records; its digest."""
    store = server.queue().store
    digest = store.create(CONFIG)
    store.append(digest, [evaluation(0), images(0), look(0, "surface"), step(1), step(2)])
    yield digest
    store.delete(digest)


# --- a run's state -------------------------------------------------------------------------------


def test_a_run_is_told_as_json_and_then_only_what_is_new(channel: Starlette, stored: str) -> None:
    """The page shows nothing, or is sent everything again at every look."""
    first = get(channel, f"/runs/{stored}/live?metrics=loss_d,modes")
    assert first.status == 200 and first.headers["content-type"] == "application/json"
    told = first.content
    assert told["curves"]["step"] == [1, 2] and told["evaluations"]["modes"] == [8.0]
    assert told["pictures"] == {"samples": [0], "surface": [0]}
    server.queue().store.append(stored, [step(3)])
    again = get(channel, f"/runs/{stored}/live?metrics=loss_d,modes&since={told['since']}").content
    assert again["from"] == 1 and again["curves"]["step"] == [2, 3]
    assert again["evaluations"]["step"] == [] and again["pictures"]["samples"] == []


def test_nothing_new_costs_no_bytes(channel: Starlette, stored: str) -> None:
    """A class that watches a waiting run fills the network."""
    first = get(channel, f"/runs/{stored}/live")
    same = get(channel, f"/runs/{stored}/live", if_none_match=first.headers["etag"])
    assert (same.status, same.body) == (304, b"")
    weak = get(channel, f"/runs/{stored}/live", if_none_match=f"W/{first.headers['etag']}")
    assert weak.status == 304, "a proxy that compresses weakens the tag"
    server.queue().store.append(stored, [step(3)])
    assert get(channel, f"/runs/{stored}/live", if_none_match=first.headers["etag"]).status == 200


def test_a_recorded_run_is_told_as_recorded(channel: Starlette) -> None:
    """Before any click the page is empty, or a recording passes for a run of this machine."""
    told = get(channel, f"/recorded/{BROKEN}/live?metrics=loss_d").content
    assert told["recorded"] and told["words"].startswith("Recorded 20")
    assert told["curves"]["loss_d"] and told["pictures"]["samples"]
    server.queue().store.delete(BROKEN)  # a stub that another test left
    assert get(channel, f"/runs/{BROKEN}/live").status == 404


@pytest.mark.parametrize("address", [
    "/runs/0123456789abcdef/live", "/runs/zz/live", "/runs/x", "/runs", "/runs/", "/recorded/a/b/c",
    "/runs/0123456789abcdef/config.json"])
def test_what_is_not_there_is_not_found(channel: Starlette, address: str) -> None:
    """A mistyped address shows somebody else's page."""
    assert get(channel, address).status in (404, 307)


def test_a_run_that_cannot_be_read_is_not_gone(channel: Starlette, stored: str) -> None:
    """The file system fails for a moment, and the page says that the run is gone, or stands still
    for good."""
    path = server.queue().store.root / stored / "config.json"
    sound = path.read_text()
    path.write_text("{")
    for question in (f"/runs/{stored}/live",
                     f"/runs/{stored}/difference?page=mode_collapse&reference=recorded/{BROKEN}"):
        answer = get(channel, question)
        assert answer.status == 503 and "config.json is damaged" in answer.content["problem"]
    path.write_text(sound)
    assert get(channel, f"/runs/{stored}/live").status == 200


def test_a_question_without_sense_is_answered_in_words(channel: Starlette, stored: str) -> None:
    """A mistyped address ends in a stack trace."""
    answer = get(channel, f"/runs/{stored}/live?steps=-3")
    assert answer.status == 400 and answer.content["problem"].startswith("steps must be")


def test_routes_only_read(channel: Starlette, stored: str) -> None:
    """A stranger changes a run."""
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert get(channel, f"/runs/{stored}/live", method).status == 405
        assert get(channel, "/healthz", method).status == 405


def test_the_difference_of_two_runs_is_told_in_the_words_of_the_page(channel: Starlette) -> None:
    """While a run goes on, the page compares it as it was when somebody last pressed a button."""
    mended = RECORDED["remedy"].digest()
    query = f"page=mode_collapse&reference=recorded/{mended}&steps=1000&reference_steps=1000"
    words = get(channel, f"/recorded/{BROKEN}/difference?{query}").content["words"]
    assert "D steps per round 3 → 1" in words and "This run's samples are worse." in words


@pytest.mark.parametrize(("query", "status"), [
    ("", 400), ("page=nothing&reference=recorded/x", 400), ("page=mode_collapse", 400),
    ("page=mode_collapse&reference=elsewhere/0123456789abcdef", 400),
    ("page=mode_collapse&reference=recorded/0123456789abcdef", 404),
    ("page=mode_collapse&reference=recorded/../../etc", 404),
    ("page=mode_collapse&reference=recorded/x&steps=-1", 400)])
def test_a_difference_from_nothing_is_refused(channel: Starlette, query: str, status: int) -> None:
    """A mistyped address ends in a stack trace."""
    assert get(channel, f"/recorded/{BROKEN}/difference?{query}").status == status


def test_the_difference_is_told_as_of_the_step_that_is_played_back(channel: Starlette) -> None:
    """Playback shows step 500, and the words beside it are those of the end."""
    mended = RECORDED["remedy"].digest()
    address = f"/recorded/{BROKEN}/difference?page=mode_collapse&reference=recorded/{mended}"
    assert "At step 500: " in get(channel, f"{address}&at=600").content["words"]
    assert get(channel, f"{address}&at=0").content["words"] == ""
    end = get(channel, address).content
    assert get(channel, f"{address}&at=99999").content == end
    for bad in ("-1", "x", "1e3", "9" * 9):
        answer = get(channel, f"{address}&at={bad}")
        assert answer.status == 400 and answer.content["problem"].startswith("at must be")


# --- playback ------------------------------------------------------------------------------------


def test_the_verdicts_of_a_recorded_run_are_those_of_its_evaluations(channel: Starlette) -> None:
    """The verdict stays that of the end while an earlier moment is played back."""
    told = get(channel, f"/recorded/{BROKEN}/verdicts?steps=1000")
    assert told.status == 200 and told.headers["content-type"] == "application/json"
    assert told.headers["cache-control"] == "no-cache"
    content = told.content
    assert content["steps"] == [250, 500, 750, 1000]
    now = get(channel, f"/recorded/{BROKEN}/live?steps=1000").content["verdict"]
    assert content["verdicts"][-1] == {name: now[name] for name in content["verdicts"][-1]}
    assert content["verdicts"][0]["state"] == "too_early" != content["verdicts"][-1]["state"]
    same = get(channel, f"/recorded/{BROKEN}/verdicts?steps=1000",
               if_none_match=told.headers["etag"])
    assert (same.status, same.body) == (304, b"")


def test_verdicts_of_nothing_are_refused(channel: Starlette, stored: str) -> None:
    """A mistyped address ends in a stack trace."""
    assert get(channel, "/runs/0123456789abcdef/verdicts").status == 404
    answer = get(channel, f"/runs/{stored}/verdicts?steps=-3")
    assert answer.status == 400 and answer.content["problem"].startswith("steps must be")
    young = get(channel, f"/runs/{stored}/verdicts").content
    assert young["steps"] == [2] and young["verdicts"][0]["name"] == "Too early"


# --- leases --------------------------------------------------------------------------------------


@pytest.fixture
def lease(page_server: None, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, float, str]]:
    """What is asked of the queue when leases are renewed."""
    asked: list[tuple[str, str, float, str]] = []
    monkeypatch.setattr(server.queue(), "watch", lambda *of: asked.append(of))
    return asked


def test_watching_by_the_channel_renews_the_lease(
    channel: Starlette, stored: str, lease: list
) -> None:
    """A run that somebody watches is stopped for want of viewers; a hidden tab's sooner."""
    ticket = server.visitor_names().ticket(TAB, PERSON)
    get(channel, f"/runs/{stored}/live?viewer={ticket}")
    get(channel, f"/runs/{stored}/live?viewer={ticket}&hidden=1")
    assert lease == [(stored, TAB, 0.0, PERSON), (stored, TAB, HIDDEN_SECONDS, PERSON)]


def test_made_up_viewers_keep_nothing_alive(channel: Starlette, stored: str, lease: list) -> None:
    """A stranger's script holds every worker, or fills the memory with names."""
    names, others = server.visitor_names(), VisitorNames(b"another server's")
    cookie, ticket = names.new(), names.ticket(TAB, PERSON)
    for viewer in ("", TAB, f"{TAB}.{PERSON}", cookie, ticket[:-1], ticket.replace("a", "b"),
                   others.ticket(TAB, PERSON), names.ticket("tab", PERSON), "%C3%BC.%C3%BC"):
        get(channel, f"/runs/{stored}/live?viewer={viewer}")
    assert not lease


def test_a_tab_whose_connection_was_lost_keeps_its_run(
    channel: Starlette, page_server: None
) -> None:
    """A moment without network, and the run of somebody who is watching it ends with "nobody was
    watching"."""
    queue = server.queue()
    ticket = server.visitor_names().ticket(TAB, PERSON)
    queue.arrive(TAB, PERSON)
    digest = queue.submit(RunConfig(dataset="ring", batch_size=16, steps=50_000, seed=77), TAB)
    queue.leave(TAB)
    job = queue._scheduler.jobs[digest]
    job.leases[TAB] = soon = time.monotonic() + 20
    get(channel, f"/runs/{digest}/live?viewer={ticket}")
    assert job.leases[TAB] > soon


def test_a_hidden_tab_has_a_longer_lease(fakes_queue) -> None:
    """A browser lets hidden tabs ask once a minute: the run is stopped meanwhile."""
    digest = fakes_queue.submit(RunConfig(dataset="ring", batch_size=16), "tab")
    fakes_queue.watch(digest, "tab", 150.0)
    left = fakes_queue._scheduler.jobs[digest].leases["tab"] - time.monotonic()
    assert 100 < left <= 150
    fakes_queue.watch(digest, "tab")  # another part of the page, which does not know
    left = fakes_queue._scheduler.jobs[digest].leases["tab"] - time.monotonic()
    assert 100 < left <= 150


@pytest.fixture
def fakes_queue(tmp_path: Path) -> Iterator:
    """A queue of fake workers with a short grace."""
    from tests.support.queues import Fakes

    queue = Fakes(tmp_path).queue(grace=5.0)
    yield queue
    queue.close()


# --- pictures ------------------------------------------------------------------------------------


def test_pictures_are_what_the_store_holds_and_stay_in_caches(
    channel: Starlette, stored: str
) -> None:
    """The page shows no samples, or every browser fetches every sheet at every look."""
    sheet = get(channel, f"/runs/{stored}/pictures/samples/000000.png")
    assert sheet.headers["content-type"] == "image/png"
    assert "immutable" in sheet.headers["cache-control"]
    assert Image.open(io.BytesIO(sheet.body)).size == (462, 462)
    server.queue().store.append(stored, [look(5, "samples")])
    points = get(channel, f"/runs/{stored}/pictures/samples/000005.npy")
    assert np.load(io.BytesIO(points.body)).shape == (5, 2)
    absent = get(channel, f"/runs/{stored}/pictures/samples/000777.png")
    assert absent.status == 404 and "immutable" not in absent.headers["cache-control"]


def _file_outside(folder: Path, name: str) -> Path:
    """A sound sheet that is no part of any run."""
    path = folder / name
    path.write_bytes(sheet_png(images(0).samples))
    return path


def _linked(path: Path, outside: Path) -> None:
    path.symlink_to(_file_outside(outside, "secret.png"))


def _in_a_linked_folder(path: Path, outside: Path) -> None:
    _file_outside(outside, path.name)
    path.parent.rmdir()
    path.parent.symlink_to(outside)


NOT_SOUND = {  # in place of a sheet
    "a link": _linked, "in a linked folder": _in_a_linked_folder,
    "a pipe": lambda path, _: os.mkfifo(path), "a folder": lambda path, _: path.mkdir(),
    **{name: lambda path, _, content=content: path.write_bytes(content)
       for name, content in damage.sheets().items()}}


@pytest.mark.skipif(os.name == "nt", reason="pipes and links are POSIX")
@pytest.mark.parametrize("kind", NOT_SOUND)
def test_a_picture_that_is_none_is_not_sent(
    channel: Starlette, stored: str, tmp_path: Path, kind: str
) -> None:
    """A copied run shows files of the server, keeps a thread of it for ever, fills its memory; or
    a browser keeps garbage for a year."""
    path = view_path(server.queue().store.root / stored, "samples", 0, "png")
    path.unlink()
    NOT_SOUND[kind](path, tmp_path)
    answer = get(channel, f"/runs/{stored}/pictures/samples/000000.png")
    assert answer.status == 404 and answer.headers["cache-control"] == "no-store"
    assert answer.content["problem"].startswith("000000.png ")
    assert str(server.queue().store.root) not in answer.body.decode()


@pytest.mark.parametrize(("view", "ending", "content"), [
    ("samples", "npy", b"no array"), ("samples", "npy", np.zeros(9)), ("surface", "png", b"PNG"),
    ("neighbours", "png", sheet_png(images(0).samples))])
def test_every_view_is_checked_before_it_is_sent(
    channel: Starlette, stored: str, view: str, ending: str, content: bytes | np.ndarray
) -> None:
    """Of 2-D runs and of neighbours garbage is kept for a year."""
    path = view_path(server.queue().store.root / stored, view, 0, ending)
    path.parent.mkdir(exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(path, content)
    answer = get(channel, f"/runs/{stored}/pictures/{view}/000000.{ending}")
    assert answer.status == 404 and answer.headers["cache-control"] == "no-store"


# --- the server ----------------------------------------------------------------------------------


def test_healthz_names_workers_and_store(channel: Starlette) -> None:
    """Nobody who runs the server learns that it cannot train."""
    answer = get(channel, "/healthz")
    assert answer.status == 200 and answer.headers["cache-control"] == "no-store"
    assert answer.content["workers"]["wanted"] == 1 and answer.content["store"]["writable"]
    assert str(server.settings().store) not in answer.body.decode()


def test_healthz_is_red_while_the_store_takes_no_files(
    channel: Starlette, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As above, for the disk; and it is green again when there is room."""
    monkeypatch.setattr(server.store_probe(), "problem", lambda: "The store's disk is full.")
    red = get(channel, "/healthz")
    assert red.status == 503 and red.content["problems"] == ["The store's disk is full."]
    monkeypatch.undo()
    assert get(channel, "/healthz").status == 200


def test_settings_that_cannot_be_used_are_said(
    channel: Starlette, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server with a mistyped setting answers with a stack trace."""
    def refuse() -> Settings:
        raise SettingsError("GAN_LAB_WORKERS must be a whole number.")

    monkeypatch.setattr(server, "queue", refuse)
    for address in ("/healthz", f"/runs/{BROKEN}/live", "/metrics"):
        answer = get(channel, address)
        assert answer.status == 503 and "GAN_LAB_WORKERS" in answer.body.decode()
    assert get(channel, f"/recorded/{BROKEN}/live").status == 200


def test_metrics_answer_only_where_they_are_asked_for(channel: Starlette) -> None:
    """A stranger reads how many people use the server."""
    get(channel, "/healthz")
    told = get(channel, "/metrics")
    assert told.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'gan_lab_requests_total{route="healthz",status="200"}' in told.body.decode()
    assert get(Starlette(routes=routes("", WebSettings())), "/metrics").status == 404


def test_a_fault_of_the_server_is_counted(channel: Starlette, stored: str, monkeypatch) -> None:
    """A monitor says that all is well while every look of a class fails."""
    def fail(digest: str) -> None:
        raise KeyError(digest)

    monkeypatch.setattr(server.queue(), "snapshot", fail)
    with pytest.raises(KeyError):
        get(channel, f"/runs/{stored}/live")
    assert 'gan_lab_requests_total{route="live",status="500"}' in (
        get(channel, "/metrics").body.decode())


def test_a_spread_is_told_as_json(channel: Starlette) -> None:
    """The bar of a page stands still, and nobody hears that a run more is there."""
    spread = Spread(CONFIG.replace(dropout=0.17))
    path = f"/studies/{name_of(spread)}/live"
    assert get(channel, path).status == 404
    server.studies().know(spread)
    assert get(channel, path).content == {
        "live": False, "share": 0.0, "done": 0,
        "words": "None of 9 runs has been trained yet."}


@pytest.mark.parametrize("base", ["lab", "/lab/", "a/b"])
def test_routes_lie_below_the_base_path(page_server: None, base: str) -> None:
    """Behind a proxy that serves the app below a path, nothing is live."""
    below = Starlette(routes=routes(base, WebSettings()))
    path = base.strip("/")
    assert get(below, f"/{path}/healthz").status == 200
    assert get(below, f"/{path}/recorded/{BROKEN}/live").status == 200
    assert get(below, "/healthz").status == 404


# --- whatever anybody asks -----------------------------------------------------------------------

REQUESTS = 2000
opened: list[str] = []
listening = [False]


def _listen(event: str, arguments: tuple) -> None:
    """An audit hook cannot be taken away again: it listens only while a test asks it to."""
    if listening[0] and event in ("open", "os.listdir", "os.scandir"):
        opened.append(str(arguments[0]))


def test_no_request_raises_or_reads_outside_the_stores(channel: Starlette, stored: str) -> None:
    """A stranger reads a file of the server, or makes it stumble."""
    chance = random.Random(0)
    digests = [stored, BROKEN]
    addresses = [fuzzing.route(chance, digests) for _ in range(REQUESTS)]
    get_all(channel, [f"/runs/{stored}/live", f"/recorded/{BROKEN}/live", "/healthz", "/metrics",
                      f"/runs/{stored}/pictures/samples/000000.png"])  # what is loaded once
    sys.addaudithook(_listen)
    listening[0] = True
    try:
        answers = get_all(channel, addresses)
    finally:
        listening[0] = False
    assert {answer.status for answer in answers} <= {200, 304, 307, 400, 404, 503}
    assert sum(answer.status == 200 for answer in answers) > 100, "it never gets anywhere"
    roots = (str(server.queue().store.root), str(RECORDED_RUNS))
    outside = {path for path in opened if not path.startswith(roots) and not path.isdigit()}
    assert not outside
    assert not [a for a in answers if _leaks(a)]


def _leaks(answer: Answer) -> bool:
    return b"root:" in answer.body or b"Traceback" in answer.body


def test_the_page_of_runs_is_found_with_a_slash_at_its_end_too(page_server: None) -> None:
    """A link that a mail program ends with a slash leads into the channel, where nothing is."""
    for base in ("", "lab"):
        below = Starlette(routes=routes(base, WebSettings()))
        path = f"/{base}/runs/" if base else "/runs/"
        answer = get(below, f"{path}?find=x")
        assert answer.status == 307 and answer.headers["location"] == "../runs?find=x"
