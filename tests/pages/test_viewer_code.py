"""The viewer's JavaScript as the server hands it out."""

from __future__ import annotations

from starlette.applications import Starlette

from gan_core.system.web_settings import WebSettings
from pages.channel.routes import routes
from pages.components import viewer_code
from tests.support.asgi import get


def test_the_viewers_code_is_served_for_all_pages_and_kept() -> None:
    """Every page of every visitor carries it again; or browsers keep that of an older version."""
    channel = Starlette(routes=routes("", WebSettings()))
    answer = get(channel, f"/{viewer_code.ADDRESS}")
    assert answer.status == 200 and answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]
    assert answer.body.decode() == viewer_code.CODE and "export function show" in viewer_code.CODE
    assert get(channel, "/viewer/0123456789abcdef.js").status == 404
    below = Starlette(routes=routes("/lab", WebSettings()))
    assert get(below, f"/lab/{viewer_code.ADDRESS}").status == 200
