"""nginx before the app with the project's configuration: below a path, as people meet it.

nginx runs as an ordinary process in a folder of its own, on loopback; only the places in the
configuration are changed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gan_core.config.presets import RECORDED
from gan_core.config.run_config import RunConfig
from tests.app_bench.connection import Answer, Connection
from tests.app_bench.server import Server
from tests.app_bench.visitor import Visitor

ROOT = Path(__file__).parents[2]
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
RUN = RECORDED["collapse"].digest()
PATIENCE = 240.0
MAIN = """
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/gan-lab.conf;
}}
"""


def configuration(folder: Path, port: int, app: str) -> str:
    """The project's own, with places of this test."""
    text = (ROOT / "deploy/nginx.conf").read_text(encoding="utf-8")
    places = {"listen 80;": f"listen 127.0.0.1:{port};",
              "server 127.0.0.1:8501;": f"server {app};",
              "/var/cache/nginx/gan-lab": f"{folder}/cache"}
    for before, after in places.items():
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    return text


@dataclass(frozen=True)
class Proxied:
    url: str  # where nginx serves the app
    app: str  # where the app itself answers


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    folder = tmp_path_factory.mktemp("nginx")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Server("--server.baseUrlPath", "lab", GAN_LAB_WORKERS="1", GAN_LAB_THREADS="1",
                GAN_LAB_METRICS="1", GAN_LAB_DEVICE="cpu") as app:
        host = app.url.removeprefix("http://")
        (folder / "gan-lab.conf").write_text(configuration(folder, port, host))
        user = "user root;\n" if os.getuid() == 0 else ""  # its folder is root's, too
        (folder / "nginx.conf").write_text(user + MAIN.format(folder=folder))
        nginx = subprocess.Popen([str(NGINX), "-p", str(folder), "-c", str(folder / "nginx.conf")],
                                 stderr=subprocess.DEVNULL)
        try:
            _wait(port, nginx)
            yield Proxied(f"http://127.0.0.1:{port}/lab", f"{app.url}/lab")
        finally:
            nginx.terminate()
            nginx.wait(20)


def _wait(port: int, nginx: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert nginx.poll() is None, "nginx refuses the configuration"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("nginx does not answer")


def ask(address: str, path: str, **headers: str) -> Answer:
    connection = Connection(address)
    answer = connection.get(path, **headers)
    connection.close()
    return answer


def test_a_run_is_trained_and_watched_through_nginx(proxied: Proxied) -> None:
    """Behind the proxy a page stays white, or nothing on it is live."""
    config = RunConfig(dataset="ring", steps=300, batch_size=16)
    visitor = Visitor(proxied.url)
    visitor.open("mode_collapse", urllib.parse.urlencode({"v": "1", **config.to_query(full=True)}))
    assert visitor.title == "Mode collapse"
    visitor.press("Train")
    visitor.watch(lambda: "Finished" in visitor.words, PATIENCE)
    assert not visitor.problems and visitor.pictured
    assert any(look.pictures for look in visitor.looks)
    visitor.close()


@pytest.fixture
def browser(request: pytest.FixtureRequest) -> Any:
    """Chromium; skips where there is none."""
    import tests.support.browsing  # noqa: F401

    return request.getfixturevalue("chromium")


def test_a_browser_shows_a_live_run_through_nginx(proxied: Proxied, browser: Any) -> None:
    """The viewer's code, Streamlit's files or the channel are looked for at the wrong address."""
    from tests.support.browsing import QUICK, expect, press, visit, wait_for_progress

    page = visit(browser, f"{proxied.url}/mode_collapse?{QUICK}&steps=400&seed=77")
    refused: list[str] = []
    page.on("response", lambda answer: answer.status >= 400 and refused.append(answer.url))
    press(page, "Train")
    wait_for_progress(page, "Finished")
    expect(page.locator(".sheet-this canvas")).to_have_attribute(
        "aria-label", re.compile("of 8 modes are captured"))
    assert not refused
    page.reload()  # now from nginx's cache
    wait_for_progress(page, "Finished")


def test_the_channel_is_told_and_compressed(proxied: Proxied) -> None:
    """What is live arrives as one block at the end, or at four times its size."""
    answer = ask(proxied.url, f"recorded/{RUN}/live?metrics=loss_d,loss_g")
    assert answer.status == 200 and answer.size < len(answer.content) / 2
    again = ask(proxied.url, f"recorded/{RUN}/live?metrics=loss_d,loss_g",
                If_None_Match=answer.headers["etag"])
    assert again.status == 304
    assert json.loads(ask(proxied.url, "healthz").content)["workers"]["wanted"] == 1


def test_pictures_are_asked_of_the_app_once(proxied: Proxied) -> None:
    """The one web process hands out every picture to every browser of a class."""
    path = f"recorded/{RUN}/pictures/samples/000000.png"
    first = ask(proxied.url, path)
    assert first.content.startswith(b"\x89PNG") and "immutable" in first.headers["cache-control"]
    before = pictures_answered(proxied)
    assert ask(proxied.url, path).content == first.content
    assert pictures_answered(proxied) == before >= 1


def pictures_answered(proxied: Proxied) -> int:
    counts = ask(proxied.app, "metrics").content.decode()
    found = re.search(r'requests_total\{route="pictures",status="200"\} (\d+)', counts)
    return int(found[1]) if found else 0


def test_headers_pass(proxied: Proxied) -> None:
    """The proxy would take away what protects people's browsers, cached answers' too."""
    paths = ["", "mode_collapse", "healthz", f"recorded/{RUN}/pictures/samples/000000.png"]
    for path in (*paths, *paths):
        headers = ask(proxied.url, path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert "frame-ancestors 'self'" in headers["content-security-policy"], path


def test_counts_are_not_told_outside(proxied: Proxied) -> None:
    """A stranger reads how many people use the server."""
    for path in ("metrics", "_stcore/metrics"):
        assert ask(proxied.url, path).status == 404, path


def test_the_path_without_its_slash_leads_to_the_app(proxied: Proxied) -> None:
    """Half of a class types the address without it, and finds nothing."""
    root, _, path = proxied.url.rpartition("/")
    answer = ask(root, path)
    assert answer.status == 301 and answer.headers["location"] == "/lab/"

