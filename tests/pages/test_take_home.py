"""*Take it home*: what its links lead to, how that is sent, and what is said where it cannot be."""

from __future__ import annotations

import asyncio
import csv
import dataclasses
import gc
import io
import json
import threading
import time
import xml.etree.ElementTree as ElementTree
import zipfile
from collections import OrderedDict
from typing import Any

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from gan_core.config.presets import CHALLENGES, RECORDED
from gan_core.exploration.shipped_maps import SHIPPED
from gan_core.export.sheets import Reel
from gan_core.runs.records import EvalRecord
from gan_core.system.settings import SettingsError
from gan_core.system.web_settings import WebSettings
from pages.channel import attachments, films, take_home, take_home_maps
from pages.channel.films import FILMS, Busy, Files
from pages.channel.routes import routes
from pages.components import server
from pages.components import take_home as part
from tests.support.app_pages import (
    choose,
    opened,
    opened_tool,
    viewer,
)
from tests.support.asgi import Answer, get
from tests.support.made_up_records import CONFIG, evaluation, images, step

SHOWN, BESIDE = (RECORDED[name].digest() for name in ("collapse", "remedy"))
STEPS = RECORDED["collapse"].steps
PAIR = f"&reference=recorded/{BESIDE}&reference_steps={RECORDED['remedy'].steps}"
ALL = (*take_home.FILES, take_home.ZIP)


@pytest.fixture
def channel(page_server: None) -> Starlette:
    return Starlette(routes=routes("", WebSettings()))


def taken(channel: Starlette, name: str, query: str = "", run: str = SHOWN) -> Answer:
    return get(channel, f"/recorded/{run}/take-home/{name}?page=mode_collapse&steps={STEPS}{query}",
               host="lab.example")


# --- what is sent --------------------------------------------------------------------------------


def opens(name: str, content: bytes) -> None:
    """Read a file as the program does that it is for."""
    ending = name.rpartition(".")[2]
    text = "" if ending in ("gif", "png", "zip") else content.decode()
    if ending in ("gif", "png"):
        assert Image.open(io.BytesIO(content)).format == ending.upper()
    elif ending == "zip":
        assert zipfile.ZipFile(io.BytesIO(content)).testzip() is None
    elif ending in ("json", "ipynb"):
        assert json.loads(text)
    elif ending == "csv":
        assert len({len(row) for row in csv.reader(io.StringIO(text))}) == 1
    elif ending == "svg":
        ElementTree.fromstring(text)
    elif ending == "py":
        compile(text, name, "exec")
    else:
        assert ending == "html" and text.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(("name", "query"), [
    *((name, "") for name in ALL), *((name, PAIR) for name in take_home.FILES)])
def test_each_file_is_sent_under_a_name_of_its_kind_and_opens(
    channel: Starlette, name: str, query: str
) -> None:
    """A link saves a file that no program opens, or one whose name says nothing."""
    answer = taken(channel, name, query)
    assert answer.status == 200, answer.body[:200]
    opens(name, answer.body)
    disposition = answer.headers["content-disposition"]
    assert disposition.startswith('attachment; filename="gan-mode-collapse-' + SHOWN)
    assert disposition.endswith(f'.{name.rpartition(".")[2]}"')


@pytest.mark.parametrize("name", ALL)
def test_none_of_them_can_act_on_the_site(channel: Starlette, name: str) -> None:
    """A report of a stranger's run, opened from its address, presses this visitor's buttons."""
    answer = taken(channel, name, run=RECORDED["rotation"].digest())
    assert "sandbox" in answer.headers["content-security-policy"].split("; ")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "allow-scripts" not in attachments.POLICY


def test_a_report_knows_what_the_page_knows(channel: Starlette) -> None:
    """Question, prediction or the way back are missing."""
    text = taken(channel, "report.html", f"&predicted=0&scheme=https{PAIR}").body.decode()
    answers = CHALLENGES["mode_collapse"].prediction.options
    assert f"<strong>{answers[0][0]}</strong>" in text
    assert 'href="https://lab.example/mode_collapse?v=1&amp;' in text and "reference=" in text


def test_below_another_path_the_way_back_is_there(page_server: None) -> None:
    """Behind a proxy the link of a report leads to a page that is not there."""
    app = Starlette(routes=routes("labs/gan", WebSettings()))
    answer = get(app, f"/labs/gan/recorded/{SHOWN}/take-home/report.html?page=baseline",
                 host="lab.example")
    assert b'href="http://lab.example/labs/gan/?v=1' in answer.body


@pytest.mark.parametrize("query", ["&scheme=javascript", "&scheme=data"])
def test_no_address_makes_another_link(channel: Starlette, query: str) -> None:
    """Somebody sends a class an address whose report leads to their own site."""
    assert b"<a href" not in taken(channel, "report.html", query).body


def test_a_sheet_is_that_of_the_moment(channel: Starlette) -> None:
    """Whoever looks back takes the last sheet along."""
    first, last = taken(channel, "sheet.png", "&at=0"), taken(channel, "sheet.png")
    assert first.body != last.body and "sheet-at-0" in first.headers["content-disposition"]
    assert taken(channel, "sheet.png", f"&at={STEPS}").body == last.body


def test_one_chart_can_be_taken(channel: Starlette) -> None:
    """A slide needs one chart, and gets twelve."""
    one = taken(channel, "charts.svg", "&chart=gradients")
    assert b"Gradient norms" in one.body and one.body.count(b"<svg") == 1
    assert "-gradients.svg" in one.headers["content-disposition"]
    assert taken(channel, "charts.svg").body.count(b"<svg") > 8


def test_a_run_in_training_is_taken_as_it_is(channel: Starlette) -> None:
    """While a run goes on its numbers cannot be had, or stay those of the first time."""
    store = server.queue().store
    digest = store.create(CONFIG)
    try:
        store.append(digest, [evaluation(0), images(0), step(1)])
        rows = [get(channel, f"/runs/{digest}/take-home/history.csv").body.count(b"\n")]
        store.append(digest, [step(2), step(3)])
        rows.append(get(channel, f"/runs/{digest}/take-home/history.csv").body.count(b"\n"))
    finally:
        store.delete(digest)
    assert rows == [3, 5]


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "query", "status"), [
    ("other.html", "", 404), ("..%2freport.html", "", 404), ("report.html", "&predicted=9", 400),
    ("report.html", "&predicted=x", 400), ("sheet.png", "&at=x", 400),
    ("charts.svg", "&chart=../x", 400), ("charts.svg", "&chart=nothing", 404),
    ("report.html", "&reference=elsewhere/0123456789abcdef", 400),
    ("report.html", "&reference=recorded/0123456789abcdef", 404),
    ("report.html", "&reference=recorded/../../etc", 404)])
def test_what_cannot_be_taken_is_refused_in_one_sentence(
    channel: Starlette, name: str, query: str, status: int
) -> None:
    """A mistyped address ends in a stack trace."""
    answer = taken(channel, name, query)
    assert answer.status == status, answer.body
    if answer.headers["content-type"] == "application/json":
        assert answer.content["problem"].endswith(".")


@pytest.mark.parametrize(("address", "names"), [
    (f"/recorded/{SHOWN}/take-home/other.html", ("'other.html'", "report.html", "run.zip")),
    ("/runs/0123456789abcdef/take-home/script.py", ("'0123456789abcdef'", "store")),
    ("/recorded/0123456789abcdef/take-home/script.py", ("'0123456789abcdef'", "recorded")),
    (f"/recorded/{SHOWN}/take-home/charts.svg?chart=nothing", ("'nothing'", "losses", "frechet")),
])
def test_what_is_not_there_is_named_with_what_there_is(
    channel: Starlette, address: str, names: tuple[str, ...]
) -> None:
    """Whoever mistypes an address cannot tell which part of it was wrong."""
    answer = get(channel, address)
    assert answer.status == 404
    assert all(name in answer.content["problem"] for name in names), answer.content


@pytest.mark.parametrize("name", ["charts.svg", "report.html", "film.gif"])
def test_a_wrong_setting_of_the_server_is_told_as_such(
    channel: Starlette, monkeypatch, name: str
) -> None:
    """With GAN_LAB_WORKERS=0 every file is said not to be there."""
    def refuse() -> None:
        raise SettingsError("GAN_LAB_WORKERS must be at least 1.")

    monkeypatch.setattr(take_home, "opening", lambda *_: refuse())
    monkeypatch.setattr(server, "settings", refuse)
    monkeypatch.setattr(take_home, "film_of", lambda *_: refuse())
    monkeypatch.setattr(FILMS, "_kept", OrderedDict())
    answer = taken(channel, name)
    assert (answer.status, answer.content["problem"]) == (
        503, "GAN_LAB_WORKERS must be at least 1.")


def test_a_fault_of_the_server_is_not_told_as_a_file_that_is_not_there(
    channel: Starlette, monkeypatch
) -> None:
    """A fault in a chart is found by nobody: its file is said not to exist."""
    monkeypatch.setattr(take_home, "script", lambda *_: int("x"))
    with pytest.raises(ValueError, match="invalid literal"):
        taken(channel, "script.py")


@pytest.mark.parametrize("name", ["script.py", "notebook.ipynb", "run.zip"])
def test_code_of_a_run_on_a_gpu_does_not_promise_to_repeat_it(
    channel: Starlette, name: str
) -> None:
    """A GPU's run is taken home, and what comes out is another one."""
    store, config = server.queue().store, CONFIG.replace(seed=81)
    digest = store.create(config)
    try:
        status = store.existing_snapshot(digest).status
        store.write_status(digest, dataclasses.replace(status, device="NVIDIA H100 80GB HBM3"))
        content = get(channel, f"/runs/{digest}/take-home/{name}").body
    finally:
        store.delete(digest)
    if name == "run.zip":
        content = zipfile.ZipFile(io.BytesIO(content)).read(f"run-{digest}/gan.py")
    assert b"trained on a GPU" in content and b"It repeats the run" not in content


@pytest.mark.parametrize("name", ALL)
def test_a_run_without_samples_says_so_or_has_the_rest(channel: Starlette, name: str) -> None:
    """A run that waits ends in a stack trace."""
    store, config = server.queue().store, CONFIG.replace(seed=78)
    digest = store.create(config)
    try:
        answer = get(channel, f"/runs/{digest}/take-home/{name}?page=mode_collapse")
    finally:
        store.delete(digest)
    if name in ("film.gif", "sheet.png", "charts.svg", "charts.png"):
        assert answer.status == 404 and answer.content["problem"].endswith(".")
    else:
        assert answer.status == 200
        opens(name, answer.body)


def test_a_damaged_run_is_told_of_without_a_path(channel: Starlette) -> None:
    """A visitor reads where the server keeps its files."""
    store, config = server.queue().store, CONFIG.replace(seed=79)
    digest = store.create(config)
    try:
        store.append(digest, [evaluation(0), images(0), step(1)])
        picture = next((store.root / digest / "samples").iterdir())
        picture.write_bytes(b"damaged")
        answer = get(channel, f"/runs/{digest}/take-home/film.gif")
    finally:
        store.delete(digest)
    assert answer.status == 503 and answer.content["problem"].endswith(".")
    assert str(store.root) not in answer.content["problem"]


def test_a_metric_of_a_stranger_leaves_a_report_whole(channel: Starlette) -> None:
    """A run with an unheard-of metric cannot be reported."""
    store, config = server.queue().store, CONFIG.replace(seed=80)
    digest = store.create(config)
    try:
        store.append(digest, [EvalRecord(0, {"modes": 1.0, "modes_total": 8.0, "<b>": 1.0}, (1.0,)),
                              step(1)])
        answer = get(channel, f"/runs/{digest}/take-home/report.html")
    finally:
        store.delete(digest)
    assert answer.status == 200 and b"<code><b>" not in answer.body


# --- many at once --------------------------------------------------------------------------------


def test_a_class_has_a_report_made_once(channel: Starlette, monkeypatch) -> None:
    """Thirty students save the same report, and the server computes for a minute."""
    first = taken(channel, "report.html", PAIR)
    monkeypatch.setattr(take_home, "report", lambda *_, **__: pytest.fail("made again"))
    assert taken(channel, "report.html", PAIR).body == first.body
    again = f"/recorded/{SHOWN}/take-home/report.html?page=mode_collapse&steps={STEPS + 3}{PAIR}"
    assert get(channel, again, host="lab.example").body == first.body


@pytest.mark.parametrize("name", ["report.html", "charts.png"])
def test_whoever_comes_while_many_are_made_is_told_so(
    channel: Starlette, monkeypatch, name: str
) -> None:
    """Forty reports at once take every thread of the server."""
    monkeypatch.setattr(films, "PATIENCE", 0.01)
    monkeypatch.setattr(FILMS, "_kept", OrderedDict())
    with FILMS._lock:
        answer = taken(channel, name)
    assert answer.status == 503 and "try again" in answer.content["problem"]
    assert int(answer.headers["retry-after"]) > 0, "a viewer knows that to ask again helps"


def test_what_is_kept_does_not_wait_for_what_is_made(channel: Starlette) -> None:
    """While one visitor has a long film made, nobody gets the report that a class has already."""
    first = taken(channel, "charts.svg")
    with FILMS._lock:
        assert taken(channel, "charts.svg").body == first.body


QUICK = [name for name, file in take_home.FILES.items() if file.quick]


def test_what_is_quick_does_not_wait_for_films(channel: Starlette) -> None:
    """While a class has films made, nobody gets the numbers of a run, or its code."""
    assert len(QUICK) == 5
    wanted = [(name, RECORDED[run].digest()) for name in QUICK
              for run in ("collapse", "remedy", "rotation")]
    answers: list[Answer] = []
    threads = [threading.Thread(target=lambda of: answers.append(
        taken(channel, of[0], run=of[1])), args=[of]) for of in wanted]
    with FILMS._lock:  # somebody's film is being made
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [answer.status for answer in answers] == [200] * len(wanted)


def test_twelve_different_files_at_once_are_all_answered(channel: Starlette, monkeypatch) -> None:
    """A class presses *Film* of different runs, and most of them are sent away for good."""
    def slow(reels: list[Reel], by_time: bool) -> bytes:
        time.sleep(0.05)
        return reels[0].snapshot.digest.encode()

    monkeypatch.setattr(take_home, "film_of", slow)
    monkeypatch.setattr(films, "PATIENCE", 0.1)
    monkeypatch.setattr(FILMS, "_kept", OrderedDict())
    answers: dict[str, bytes] = {}
    sent_away: list[str] = []

    def ask(run: str) -> None:
        """As the viewer does."""
        for _ in range(8):
            answer = taken(channel, "film.gif", run=run)
            if answer.status == 200:
                answers[run] = answer.body
                return
            sent_away.append(answer.headers["retry-after"])
            time.sleep(0.2)

    wanted = [config.digest() for config in RECORDED.values()][:12]
    threads = [threading.Thread(target=ask, args=[run]) for run in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {run: run.encode() for run in wanted} and len(wanted) == 12
    assert sent_away, "or nothing was tried"


def test_zips_give_their_place_back(channel: Starlette, monkeypatch) -> None:
    """After three of them nobody on this server gets a zip any more."""
    monkeypatch.setattr(take_home, "archive", lambda *_, **__: io.BytesIO(b"zip"))
    held: list[Response] = []  # as a cycle holds them until the garbage collector runs
    made = take_home._zip
    monkeypatch.setattr(take_home, "_zip", lambda asked: held.append(made(asked)) or held[-1])
    for _ in range(take_home.MOST_ZIPS + 2):
        assert taken(channel, take_home.ZIP).body == b"zip"
    for _ in range(take_home.MOST_ZIPS):
        assert take_home._ZIPS.acquire(blocking=False)
    assert taken(channel, take_home.ZIP).status == 503
    for _ in range(take_home.MOST_ZIPS):
        take_home._ZIPS.release()


def test_a_zip_gives_its_place_back_where_a_visitor_leaves_or_never_comes(monkeypatch) -> None:
    """Three visitors who close their tabs in mid-download take all zips away."""
    async def gone(*_: object) -> Any:
        raise OSError

    for _ in range(take_home.MOST_ZIPS + 1):
        assert take_home._ZIPS.acquire(blocking=False)
        sending = take_home._Sending(io.BytesIO(b"zip"), {})
        with pytest.raises((OSError, ClientDisconnect, ExceptionGroup)):
            asyncio.run(sending({"type": "http", "asgi": {}}, gone, gone))
    for _ in range(take_home.MOST_ZIPS + 1):
        assert take_home._ZIPS.acquire(blocking=False)
        del sending
        sending = take_home._Sending(io.BytesIO(b"zip"), {})
    del sending
    gc.collect()


def test_who_waits_is_bounded_and_what_is_kept_is(monkeypatch) -> None:
    """A hundred requests hold a hundred threads; or a day of reports fills the memory."""
    files = Files(waiting=1, patience=0.05)
    with files.turn():
        held: list[Exception] = []

        def ask() -> None:
            try:
                files.of("x", lambda: b"x")
            except Busy as error:
                held.append(error)

        threads = [threading.Thread(target=ask) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(held) == 5
    monkeypatch.setattr(films, "MOST_BYTES", 250)
    for number in range(5):
        files.of(number, lambda: bytes(100))
    assert list(files._kept) == [3, 4]
    monkeypatch.setattr(films, "MOST_OF_ONE", 50)
    files.of("large", lambda: bytes(100))
    assert "large" not in files._kept


# --- maps ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", take_home_maps.FILES)
def test_a_map_is_taken_home(channel: Starlette, name: str) -> None:
    """A link of the page of maps saves nothing, or another map."""
    drawn = SHIPPED["rate-ratio"].drawn
    server.studies().know(drawn)
    digest = f"map-{drawn.digest()}"
    address = next(link["address"] for link in _links(opened_tool("parameter_map"))
                   if link["address"].endswith(f"/{name}"))
    answer = get(channel, f"/{address}?colour=modes", host="lab.example")
    assert answer.status == 200, answer.body
    opens(name, answer.body)
    assert f'filename="{digest}' in answer.headers["content-disposition"]
    assert "sandbox" in answer.headers["content-security-policy"]


def test_a_map_nobody_has_seen_is_refused(channel: Starlette) -> None:
    """A mistyped address ends in a stack trace."""
    for address, status in (("map-0123456789abcdef/take-home/map.png", 404),
                            ("map-0123456789abcdef/take-home/map.exe", 404),
                            ("map-0123456789abcdef/take-home/map.png?colour=x", 400)):
        answer = get(channel, f"/studies/{address}")
        assert answer.status == status and answer.content["problem"].endswith(".")


# --- on the pages --------------------------------------------------------------------------------


def _links(app) -> list[dict[str, Any]]:
    return [link for file in viewer(app, "take-home")["files"] for link in file["links"]]


@pytest.mark.parametrize("page", CHALLENGES)
def test_every_page_offers_every_file_and_each_is_there(channel: Starlette, page: str) -> None:
    """A link of a page leads nowhere, or a file that can be made is offered nowhere."""
    app = opened(page)
    assert not app.exception
    links = _links(app)
    names = {link["address"].rpartition("/")[2] for link in links}
    assert names == {*take_home.FILES, take_home.ZIP}
    assert {link["words"] for link in links} >= {part.THIS, part.BOTH}
    for link in links:
        if link["address"].endswith((".csv", ".svg", ".py")):
            answer = get(channel, f"/{link['address']}?{link['query']}")
            assert answer.status == 200, link
    known = {name: file.of_pairs for name, file in take_home.FILES.items()}
    for link in links:
        if "reference=" in link["query"]:
            assert known.get(link["address"].rpartition("/")[2], True), link


def test_the_files_are_those_of_the_run_that_is_shown(page_server: None) -> None:
    """Whoever presses a preset takes the run before it home."""
    app = opened("mode_collapse")
    before = _links(app)[0]["address"]
    choose(app, "mode_collapse", "fixed")
    after = _links(app)[0]["address"]
    assert before != after and after == f"recorded/{BESIDE}/take-home/report.html"


def test_what_was_predicted_of_the_run_comes_along(page_server: None) -> None:
    """A visitor who predicted has a report without it."""
    app = opened("mode_collapse")
    assert "predicted" not in _links(app)[0]["query"]
    challenge = CHALLENGES["mode_collapse"]
    app.session_state[f"{challenge.title}/predictions"] = {
        SHOWN: challenge.prediction.options[2][0]}
    app.run()
    assert "predicted=2" in _links(app)[0]["query"]


def test_charts_that_are_offered_are_drawn(channel: Starlette) -> None:
    """A chart is chosen that is not there."""
    app = opened("mode_collapse")
    charts = next(file for file in viewer(app, "take-home")["files"] if file["label"] == "Charts")
    for name, _ in charts["choices"]:
        assert taken(channel, "charts.svg", f"&chart={name}").status == 200, name
