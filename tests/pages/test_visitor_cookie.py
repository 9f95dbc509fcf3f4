"""The visitor's cookie: who gets it, who is believed, and that it says nothing of a person."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from itsdangerous import Signer
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route

from pages.channel.visitor_cookie import VisitorCookie
from pages.components.visitor_names import COOKIE, VisitorNames
from tests.support.asgi import get

NAMES = VisitorNames(b"a secret")


def served(names: Callable[[], VisitorNames | None] = lambda: NAMES, path: str = "") -> Starlette:
    return Starlette(
        routes=[Route("/", lambda request: HTMLResponse("a page")),
                Route("/data", lambda request: JSONResponse({}))],
        middleware=[Middleware(VisitorCookie, names=names, path=path)])


def value(set_cookie: str) -> str:
    return set_cookie.split(";")[0].removeprefix(f"{COOKIE}=")


def test_a_page_brings_a_cookie_once() -> None:
    """Each page of one visitor would be another person's."""
    given = get(served(), "/").headers["set-cookie"]
    assert NAMES.person({COOKIE: value(given)})
    again = get(served(), "/", cookie=f"other=1; {COOKIE}={value(given)}")
    assert "set-cookie" not in again.headers


def test_everybody_gets_another_one() -> None:
    """A class would be one person."""
    given = {value(get(served(), "/").headers["set-cookie"]) for _ in range(50)}
    assert len({NAMES.person({COOKIE: each}) for each in given}) == 50


def test_only_pages_bring_it() -> None:
    """A browser that asks for a page's files at once would get ten cookies, and keep the last."""
    assert "set-cookie" not in get(served(), "/data").headers


def test_no_cache_hands_it_to_others() -> None:
    """Behind a caching proxy a class would be one person."""
    assert "private" in get(served(), "/").headers["cache-control"]


def test_scripts_and_other_sites_do_not_get_it() -> None:
    """What signs a visitor would leak; or the cookie of one app would reach another one's."""
    parts = get(served(path="lab/"), "/").headers["set-cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Lax", "Path=/lab", "Max-Age=86400"} < set(parts)
    assert "Secure" not in parts, "most classes reach the server without TLS"


MADE_UP = {
    "empty": "", "short": "x", "unsigned": "a" * 32, "badly signed": f"{'a' * 32}.signature",
    "of another server": VisitorNames(b"another").new(), "not ASCII": "ü.ü",
    "cut off": NAMES.new()[:-1], "long": "." * 10_000,
    "no name": Signer(b"a secret", salt=COOKIE, digest_method=hashlib.sha256).sign("me").decode()}


@pytest.mark.parametrize("sent", MADE_UP.values(), ids=MADE_UP)
def test_made_up_names_are_not_believed(sent: str) -> None:
    """Whoever makes up another one's name would use up what that person may ask."""
    assert NAMES.person({COOKIE: sent}) is None
    assert NAMES.person({}) is None
    headers = {"cookie": f"{COOKIE}={sent}"} if sent.isascii() else {}
    assert "set-cookie" in get(served(), "/", **headers).headers


def test_servers_with_the_same_secret_know_each_others_visitors() -> None:
    """Behind a load balancer every page would be somebody else's."""
    given = NAMES.new()
    assert VisitorNames(b"a secret").person({COOKIE: given}) == NAMES.person({COOKIE: given})
    assert VisitorNames(b"another").person({COOKIE: given}) is None


def test_a_server_that_cannot_name_anybody_still_answers() -> None:
    """A mistyped setting would hide the sentence that says so."""
    answer = get(served(names=lambda: None), "/")
    assert answer.status == 200 and "set-cookie" not in answer.headers
