"""LiveFeed: one live run followed through the live channel, as the viewer's feed.js follows it."""

from __future__ import annotations

import json
import time
import urllib.parse
from dataclasses import dataclass, field
from typing import Any

from tests.app_bench.connection import Connection

# As in feed.js, in seconds.
LOOK = 1.0  # between two looks at a live run
FIRST_LOOK = 0.25  # until its first picture is there
LONGEST = 30.0  # between two attempts at a server that does not answer


@dataclass(frozen=True)
class Look:
    """One look at a live run."""

    digest: str
    began: float  # in time.time()
    seconds: float  # until the answer was there
    status: int
    bytes: int  # of the answer, compressed
    pictures: int  # bytes of pictures that the visitor had not seen
    step: int  # of the newest record that the visitor then has; -1 for none


@dataclass
class LiveFeed:
    """What a viewer knows of one run. `ending` is that of its samples' files: png or npy."""

    connection: Connection
    address: str
    asked: dict[str, str]
    ending: str
    told: dict[str, Any] = field(default_factory=dict)  # the last answer
    watching: int = 1  # tabs that watched the run while it was live
    pictured: int = -1  # the step of the last picture
    evaluated: int = -1  # the step of the last evaluation
    due: float = 0.0  # when the next look is, in time.monotonic(); infinity for never
    failures: int = 0
    _tags: dict[str, str] = field(default_factory=dict)  # a question's ETag, as a browser keeps it

    @property
    def live(self) -> bool:
        return bool(self.told) and self.told["live"]

    def look(self) -> Look:
        """Ask once, and fetch the newest samples if they are new."""
        query = urllib.parse.urlencode({**self.asked, "since": self.told.get("since", "")})
        question = f"{self.address}/live?{query}"
        began, started = time.time(), time.perf_counter()
        known = {"If_None_Match": self._tags[question]} if question in self._tags else {}
        answer = self.connection.get(question, **known)
        seconds = time.perf_counter() - started
        if answer.status == 200:
            self.told = json.loads(answer.content)
            self.watching = self.told["watching"] or self.watching
            self.evaluated = ([self.evaluated] + self.told["evaluations"]["step"])[-1]
            self._tags = {question: answer.headers["etag"]}
        well = answer.status in (200, 304)
        self.failures = 0 if well else self.failures + 1
        pictures = self._new_picture() if well else 0
        self.due = time.monotonic() + self._wait(answer.status)
        return Look(self.address.rpartition("/")[2], began, seconds, answer.status, answer.size,
                    pictures, self.told.get("last_step", -1))

    def _new_picture(self) -> int:
        new = [step for step in self.told["pictures"].get("samples", []) if step > self.pictured]
        if not new:
            return 0
        self.pictured = new[-1]
        name = f"{self.address}/pictures/samples/{self.pictured:06d}.{self.ending}"
        answer = self.connection.get(name)
        return answer.size if answer.status == 200 else 0

    def _wait(self, status: int) -> float:
        if status == 404:
            return float("inf")
        if self.failures:
            return min(LONGEST, LOOK * 2**self.failures)
        if not self.live:
            return float("inf")
        begins = self.pictured < 0 and self.told["state"] != "queued"
        return FIRST_LOOK if begins else LOOK
