"""Requests to routes without a server: what an ASGI app answers, and how long it takes."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from starlette.types import ASGIApp


@dataclass
class Answer:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    seconds: float = 0.0

    @property
    def content(self) -> Any:
        return json.loads(self.body)


def get(app: ASGIApp, address: str, method: str = "GET", **headers: str) -> Answer:
    """What `app` answers to one request; `address` is a path with a query, percent-encoded."""
    (answer,) = get_all(app, [address], method, **headers)
    return answer


def get_all(
    app: ASGIApp, addresses: Iterable[str], method: str = "GET", **headers: str
) -> list[Answer]:
    """The same for several requests, one after another; what the app raises is raised."""
    async def ask() -> list[Answer]:
        return [await _ask(app, address, method, headers) for address in addresses]

    # In a thread of its own: where browser tests ran before, this one has an event loop already.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(ask())).result()


async def _ask(app: ASGIApp, address: str, method: str, headers: dict[str, str]) -> Answer:
    path, _, query = address.partition("?")
    answer = Answer()

    asked: list[bool] = []

    async def receive() -> dict[str, Any]:
        if asked:  # nobody leaves before the answer is there
            await asyncio.Event().wait()
        asked.append(True)
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            answer.body += message.get("body", b"")

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": unquote(path), "raw_path": path.encode(), "root_path": "",
        "query_string": query.encode(), "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1),
        "headers": [(name.replace("_", "-").encode(), value.encode())
                    for name, value in headers.items()],
    }
    started = time.perf_counter()
    await app(scope, receive, send)
    answer.seconds = time.perf_counter() - started
    return answer
