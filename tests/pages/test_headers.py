"""Headers of every answer, and the policy in them."""

from __future__ import annotations

import re

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from pages.channel.headers import INDEX, SecurityHeaders, content_security_policy
from tests.support.asgi import get


def test_every_answer_has_them_errors_too() -> None:
    """A browser guesses types, or runs what a stranger slipped in."""
    app = Starlette(routes=[Route("/a", lambda request: PlainTextResponse("a"))],
                    middleware=[Middleware(SecurityHeaders, frames="'none'")])
    for address, status in (("/a", 200), ("/b", 404)):
        answer = get(app, address)
        assert answer.status == status
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].endswith("frame-ancestors 'none'")


def test_no_script_runs_that_is_not_named() -> None:
    """Words from a link that land in a page could run as a script."""
    policy = dict(part.split(" ", 1) for part in content_security_policy("'self'").split("; "))
    assert "unsafe" not in policy["script-src"] and "http" not in policy["script-src"]
    assert policy["default-src"] == "'self'" and policy["object-src"] == "'none'"


def test_websockets_go_to_this_server_alone() -> None:
    """A script that slipped in would tell any server what is on the page."""
    for host, own in (("lab.example.org:8501", " ws://lab.example.org:8501"
                       " wss://lab.example.org:8501"), ("", ""), ("a; script-src *", ""),
                      ("a b", ""), ("[::1]:8501", "")):
        policy = content_security_policy("'self'", host)
        assert f"connect-src 'self'{own} data: blob:;" in policy, host
    app = Starlette(middleware=[Middleware(SecurityHeaders, frames="'none'")])
    answer = get(app, "/", host="lab.example.org")
    assert "wss://lab.example.org " in answer.headers["content-security-policy"]


def test_streamlits_own_lines_are_named() -> None:
    """With another version of Streamlit the page stays white."""
    inline = re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", INDEX.read_text(encoding="utf-8"))
    assert content_security_policy("'self'").count("'sha256-") == len(inline)
