"""Who counts as one person on a running server: the cookie comes with a page, and goes back with
its websocket. Requests are a browser's; no browser is needed."""

from __future__ import annotations

import re
import time
import urllib.request
from collections.abc import Callable, Iterator

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from websockets.sync.client import ClientConnection, connect

from pages.components.visitor_names import COOKIE
from tests.app_bench.server import Server

PATIENCE = 120.0


@pytest.fixture(scope="module")
def served() -> Iterator[Server]:
    with Server(GAN_LAB_WORKERS="1", GAN_LAB_THREADS="1", GAN_LAB_METRICS="1") as server:
        yield server


def page(server: Server, cookie: str = "") -> str | None:
    """Fetch a page with a cookie, "" for none; the cookie that comes with it."""
    headers = {"Cookie": cookie} if cookie else {}
    request = urllib.request.Request(f"{server.url}/mode_collapse", headers=headers)
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        given = answer.headers["Set-Cookie"]
    return None if given is None else given.split(";")[0]


def tab(server: Server, cookie: str | None) -> ClientConnection:
    """Open the page's websocket, and have the page drawn."""
    socket = connect(
        server.url.replace("http", "ws", 1) + "/_stcore/stream", subprotocols=["streamlit"],
        origin=server.url, max_size=None, max_queue=None, compression=None, ping_interval=None,
        additional_headers={"Cookie": cookie} if cookie else {})
    state = ClientState(page_name="mode_collapse")
    socket.send(BackMsg(rerun_script=state).SerializeToString())
    return socket


def counted(server: Server) -> tuple[int, int]:
    """Open tabs, and people behind them."""
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=PATIENCE) as answer:
        text = answer.read().decode()
    found = {name: int(number) for name, number in re.findall(
        r"^gan_lab_(visitors|people) (\d+)$", text, re.MULTILINE)}
    return found["visitors"], found["people"]


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def test_tabs_of_one_browser_are_one_person(served: Server) -> None:
    """One student's tabs would take the whole queue; or a class would count as one person."""
    one, other = page(served), page(served)
    assert one != other
    assert one is not None and one.startswith(f"{COOKIE}=") and page(served, one) is None
    tabs = [tab(served, cookie) for cookie in (one, one, other)]
    until(lambda: counted(served) == (3, 2))
    tabs.append(tab(served, None))  # its cookies are blocked
    tabs.append(tab(served, f"{COOKIE}={'a' * 32}"))  # made up
    until(lambda: counted(served) == (5, 4))
    for socket in tabs:
        socket.close()
    until(lambda: counted(served) == (0, 0))
