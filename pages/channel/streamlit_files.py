"""Streamlit's own scripts, styles and fonts, answered from memory. ASGI middleware.

A browser that was never here asks for some sixty of them. Streamlit reads each from the disk for
everybody, uncompressed and in pieces: two thirds of what a visitor's arrival cost the server.
"""

from __future__ import annotations

import gzip
import mimetypes
from dataclasses import dataclass
from pathlib import Path

import streamlit
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

FOLDER = Path(streamlit.__file__).parent / "static" / "static"
# Their names change with their content.
FOR_EVER = "public, immutable, max-age=31536000"
# Whoever has a file, or wants a part of it, is answered by Streamlit.
SPECIAL = {"range", "if-none-match", "if-modified-since"}


@dataclass(frozen=True)
class File:
    """One file as it is, and compressed where that makes it clearly smaller, else b""."""

    content: bytes
    packed: bytes
    media_type: str

    def response(self, packed: bool) -> Response:
        """For a browser that takes `packed` answers, or for one that does not."""
        headers = {"Cache-Control": FOR_EVER}
        content = self.content
        if self.packed:
            headers["Vary"] = "Accept-Encoding"
            if packed:
                headers["Content-Encoding"], content = "gzip", self.packed
        return Response(content, headers=headers, media_type=self.media_type)


class StreamlitFiles:
    """Answers for the files below `folder`; everything else is left to `app`, which is served below
    `path`."""

    def __init__(self, app: ASGIApp, path: str, folder: Path = FOLDER) -> None:
        self.app = app
        below = path.strip("/")
        self._prefix = f"/{below}/static/" if below else "/static/"
        self._paths = {file.relative_to(folder).as_posix(): file
                       for file in folder.rglob("*") if file.is_file()}
        self._read: dict[Path, File] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = self._asked(scope)
        if path is None:
            await self.app(scope, receive, send)
            return
        if path not in self._read:
            try:
                self._read[path] = await run_in_threadpool(_read, path)
            except OSError:  # gone meanwhile
                await self.app(scope, receive, send)
                return
        packed = "gzip" in Headers(scope=scope).get("accept-encoding", "")
        await self._read[path].response(packed)(scope, receive, send)

    def _asked(self, scope: Scope) -> Path | None:
        """The file that is asked for. Only what was found at the start has a name here: no address
        leads out of the folder."""
        if scope["type"] != "http" or scope["method"] != "GET":
            return None
        before, found, name = scope["path"].partition(self._prefix)
        if before or not found or SPECIAL & set(Headers(scope=scope).keys()):
            return None
        return self._paths.get(name)


def _read(path: Path) -> File:
    content = path.read_bytes()
    packed = gzip.compress(content, 6, mtime=0)
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return File(content, packed if len(packed) < 0.9 * len(content) else b"", media_type)
