"""Answers that a browser saves: their headers, and addresses of this app to be written in them."""

from __future__ import annotations

import re
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from pages.channel.answering import problem

TOO_MANY = "Several files are being made just now; try again in a few seconds."
# Should a browser show such a file after all: it runs nothing, and belongs to no site.
POLICY = ("sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
          "base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
_HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?")
_SCHEMES = ("http", "https")


def busy() -> Response:
    """Too many files are being made; a viewer asks again by itself where it may."""
    answer = problem(503, TOO_MANY)
    answer.headers["Retry-After"] = "2"
    return answer


def attachment(content: bytes, kind: str, name: str) -> Response:
    """A file that is saved under this name; `kind` is its media type."""
    return Response(content, media_type=kind, headers=headers(name))


def headers(name: str) -> dict[str, str]:
    """Of a file to be saved under this name."""
    return {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Security-Policy": POLICY,
        "X-Content-Type-Options": "nosniff",
    }


def address_of_page(request: Request, file: str, query: str) -> str:
    """The address of the page of that file on this server, as the visitor knows the server; ""
    where the request does not say. Behind a proxy that ends TLS, `?scheme=https` tells."""
    host = request.headers.get("host", "")
    scheme = request.query_params.get("scheme", request.url.scheme)
    if not _HOST.fullmatch(host) or scheme not in _SCHEMES:
        return ""
    # Routes of runs are mounted at /runs and so on below the path of the app.
    base = request.url.path.split("/take-home/")[0].rsplit("/", 2)[0]
    page = "" if file == "streamlit_app.py" else Path(file).stem
    return f"{scheme}://{host}{base}/{page}?{query}"
