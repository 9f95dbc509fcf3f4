"""Headers of every answer: what a browser may load, run and frame. ASGI middleware."""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from pathlib import Path

import streamlit
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

INDEX = Path(streamlit.__file__).parent / "static" / "index.html"
_HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?")  # as anybody may send it; no IPv6 address
_INLINE_SCRIPT = re.compile(r"<script>([^<]*)</script>")


def content_security_policy(frames: str, host: str = "") -> str:
    """The policy; `frames` says who may show the app in a frame, `host` under which name it is
    asked for: "self" means its websockets too, but not to older browsers.

    Styles are inline, as Streamlit writes them. Scripts are the server's own files, the viewer's
    code, which Streamlit hands over as a blob, and the few lines in Streamlit's own page.
    """
    own_sockets = f" ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""
    scripts = " ".join(["'self'", "blob:", *map(_hash, _inline_scripts())])
    return "; ".join([
        "default-src 'self'", f"script-src {scripts}", "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:", "font-src 'self' data:", "media-src 'self' data: blob:",
        f"connect-src 'self'{own_sockets} data: blob:", "worker-src 'self' blob:",
        "object-src 'none'", "base-uri 'self'", "form-action 'self'", f"frame-ancestors {frames}",
    ])


@functools.cache
def _inline_scripts() -> list[str]:
    return _INLINE_SCRIPT.findall(INDEX.read_text(encoding="utf-8"))


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


class SecurityHeaders:
    """Adds the headers to whatever `app` answers."""

    def __init__(self, app: ASGIApp, frames: str) -> None:
        self.app = app
        self._policy = functools.lru_cache(maxsize=64)(
            functools.partial(content_security_policy, frames))
        self._headers = {
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",  # an address holds a whole experiment
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                policy = self._policy(Headers(scope=scope).get("host", ""))
                headers.setdefault("Content-Security-Policy", policy)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        if scope["type"] != "http":
            await self.app(scope, receive, send)
        else:
            await self.app(scope, receive, send_with_headers)
