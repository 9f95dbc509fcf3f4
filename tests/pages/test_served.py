"""The live channel as README's command serves it: beside the pages, below a base path, compressed.
"""

from __future__ import annotations

import gzip
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPResponse

import pytest

from gan_core.config.presets import RECORDED
from tests.app_bench.connection import Connection
from tests.app_bench.server import Server
from tests.app_bench.tab import NAMED_FILE

RUN = RECORDED["collapse"].digest()


@pytest.fixture(scope="module")
def served() -> Iterator[Server]:
    with Server("--server.baseUrlPath", "lab", GAN_LAB_WORKERS="1", GAN_LAB_THREADS="1",
                GAN_LAB_FRAMES="https://moodle.example.org") as server:
        yield server


def ask(server: Server, address: str, **headers: str) -> HTTPResponse:
    request = urllib.request.Request(f"{server.url}/lab/{address}", headers=headers)
    return urllib.request.urlopen(request, timeout=30)


def test_routes_answer_beside_the_pages(served: Server) -> None:
    """What is live on a page does not arrive, or the pages are gone."""
    with ask(served, "healthz") as answer:
        assert json.load(answer)["workers"]["wanted"] == 1
    with ask(served, f"recorded/{RUN}/pictures/samples/000000.png") as answer:
        assert answer.read(4) == b"\x89PNG"
        assert answer.headers["content-encoding"] is None, "a PNG is compressed already"
    for page in ("", "mode_collapse?steps=100"):  # a deep link, on a fresh server
        with ask(served, page) as answer:
            assert b"<title>Streamlit</title>" in answer.read()
            policy = answer.headers["content-security-policy"]
            assert policy.endswith("frame-ancestors 'self' https://moodle.example.org")


def test_states_are_compressed(served: Server) -> None:
    """A class on a slow network waits for its curves."""
    address = f"recorded/{RUN}/live?metrics=loss_d,loss_g"
    with ask(served, address, **{"Accept-Encoding": "gzip"}) as answer:
        small = answer.read()
    with ask(served, address) as answer:
        whole = answer.read()
    assert gzip.decompress(small) == whole and len(small) < len(whole) / 2


def test_streamlits_own_files_are_compressed(served: Server) -> None:
    """Hundreds of kilobytes a visitor more, and most of what an arrival costs the server."""
    with ask(served, "") as answer:
        names = NAMED_FILE.findall(answer.read().decode())
    assert names
    for name in (name for name in names if name.endswith((".js", ".css"))):
        with ask(served, name, **{"Accept-Encoding": "gzip"}) as answer:
            assert answer.headers["content-encoding"] in ("gzip", None)
            assert answer.headers["x-content-type-options"] == "nosniff"
            small = answer.read()
        with ask(served, name) as answer:
            whole = answer.read()
        assert (gzip.decompress(small) if small[:2] == b"\x1f\x8b" else small) == whole
        if len(whole) > 10_000:
            assert len(small) < 0.7 * len(whole), name


def test_answers_on_a_connection_that_is_kept_open_do_not_wait(served: Server) -> None:
    """Every file of a page and every look at a live run takes 40 ms longer."""
    connection, seconds = Connection(f"{served.url}/lab"), []
    for _ in range(20):
        began = time.perf_counter()
        connection.get("healthz")
        seconds.append(time.perf_counter() - began)
    connection.close()
    assert min(seconds[10:]) < 0.03, "an answer waits for the browser to confirm its headers"


def test_what_is_not_asked_for_is_not_there(served: Server) -> None:
    """Strangers read counts; or a wrong address shows a page as if it were right."""
    with ask(served, "metrics") as answer:
        assert b"gan_lab_" not in answer.read()  # a page, as at any other address
    with pytest.raises(urllib.error.HTTPError) as missing:
        ask(served, "runs/0123456789abcdef/status.json")
    assert missing.value.code == 404
    missing.value.close()
