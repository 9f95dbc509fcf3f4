"""Connection: what a browser keeps up to one server: HTTP kept alive, cookies, a websocket."""

from __future__ import annotations

import gzip
import http.client
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

from websockets.sync.client import ClientConnection, connect

PATIENCE = 60.0  # seconds
_DROPPED = (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    content: bytes
    size: int  # bytes that came, compressed


class Connection:
    """To the server at `url`, with the path below which it serves the app, if there is one, such as
    http://127.0.0.1:8501/lab. With the cookies of another one, where it is of the same browser."""

    def __init__(self, url: str, same_browser: Connection | None = None) -> None:
        self.url = url.rstrip("/")
        parts = urllib.parse.urlsplit(self.url)
        self.origin, self._base = f"{parts.scheme}://{parts.netloc}", parts.path
        self._http = http.client.HTTPConnection(parts.netloc, timeout=PATIENCE)
        self._cookies: dict[str, str] = {} if same_browser is None else same_browser._cookies

    def get(self, address: str, **headers: str) -> Answer:
        """The answer, whatever its status; `address` is relative to the app."""
        path = f"{self._base}/{address.lstrip('/')}"
        sent = {"Accept-Encoding": "gzip", **dict(self._cookie()),
                **{name.replace("_", "-"): value for name, value in headers.items()}}
        try:
            self._http.request("GET", path, headers=sent)
            answer = self._http.getresponse()
        except _DROPPED:  # servers close what was idle for some seconds; a browser asks again
            self._http.close()
            self._http.request("GET", path, headers=sent)
            answer = self._http.getresponse()
        content = answer.read()
        self._keep_cookies(answer.headers)
        packed = answer.headers["content-encoding"] == "gzip"
        return Answer(answer.status, answer.headers,
                      gzip.decompress(content) if packed else content, len(content))

    def stream(self) -> ClientConnection:
        """The websocket of a new tab."""
        return connect(
            f"{self.url.replace('http', 'ws', 1)}/_stcore/stream", subprotocols=["streamlit"],
            max_size=None, compression=None, origin=self.origin, open_timeout=PATIENCE,
            additional_headers=list(self._cookie()))

    def close(self) -> None:
        self._http.close()

    def _cookie(self) -> Iterator[tuple[str, str]]:
        if self._cookies:
            yield "Cookie", "; ".join(f"{name}={value}" for name, value in self._cookies.items())

    def _keep_cookies(self, headers: http.client.HTTPMessage) -> None:
        for text in headers.get_all("set-cookie", []):
            try:
                cookies = SimpleCookie(text)
            except CookieError:
                continue
            self._cookies.update({name: each.coded_value for name, each in cookies.items()})
