"""The visitor's cookie, given along with a page to whoever comes without one. ASGI middleware."""

from __future__ import annotations

from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pages.components.visitor_names import COOKIE, VisitorNames

SECONDS = 86_400  # for which a browser keeps it


class VisitorCookie:
    """Gives the cookie. `names` is called with each page, None while the settings cannot be used;
    `path` is that below which the app is served."""

    def __init__(self, app: ASGIApp, names: Callable[[], VisitorNames | None], path: str) -> None:
        self.app, self._names = app, names
        self._path = f"/{path.strip('/')}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_cookie(message: Message) -> None:
            # With pages alone: a browser that asks for many files at once would get many cookies.
            if message["type"] == "http.response.start" and _is_page(message):
                names = self._names()
                if names is not None and names.person(HTTPConnection(scope).cookies) is None:
                    headers = MutableHeaders(scope=message)
                    headers.append("Set-Cookie", self._cookie(scope, names.new()))
                    headers["Cache-Control"] = "private, no-cache"  # it is for this visitor alone
            await send(message)

        if scope["type"] != "http":
            await self.app(scope, receive, send)
        else:
            await self.app(scope, receive, send_with_cookie)

    def _cookie(self, scope: Scope, value: str) -> str:
        """Out of scripts' reach, and not sent along by other sites' pages."""
        secure = ["Secure"] if scope.get("scheme") == "https" else []
        return "; ".join([f"{COOKIE}={value}", f"Path={self._path}", f"Max-Age={SECONDS}",
                          "HttpOnly", "SameSite=Lax", *secure])


def _is_page(message: Message) -> bool:
    return Headers(scope=message).get("content-type", "").startswith("text/html")
