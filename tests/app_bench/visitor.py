"""Visitor: a browser tab without a screen, which speaks Streamlit's protocol over a websocket.

It opens pages, presses buttons, follows live runs through the live channel as the viewer does,
keeps large messages as a browser does, and fetches the pictures that it has not seen. It draws
nothing.
"""

from __future__ import annotations

import gzip
import json
import re
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from websockets.sync.client import connect

LOOK = 1.0  # seconds between two looks at a live run, as the viewer takes them
FIRST_LOOK = 0.25  # until its first picture is there
MOST_AGE = 2  # runs for which a browser keeps a message that is not referred to
PATIENCE = 60.0  # seconds


@dataclass(frozen=True)
class Run:
    """One run of a page's script, or of a fragment of it, as its visitor sees it."""

    fragment: str  # its name; "" for the whole page
    seconds: float  # from asking to the last message
    bytes: int  # that came over the websocket
    messages: int  # elements that were sent whole
    references: int  # elements that were only named, since the visitor has them
    kinds: tuple[str, ...]  # of the elements that were sent whole
    pictures: int  # bytes of pictures that the visitor had not seen


@dataclass(frozen=True)
class Look:
    """One look at a live run through the live channel."""

    seconds: float  # until the answer was there
    bytes: int  # of the answer, compressed
    pictures: int  # bytes of pictures that the visitor had not seen


@dataclass
class _Feed:
    """What a viewer knows of one run: its address and what is asked, and the last answer."""

    address: str
    asked: dict[str, str]
    told: dict[str, Any] = field(default_factory=dict)
    pictured: int = -1  # the step of the last picture


@dataclass
class _Cached:
    content: bytes
    fragment: str
    used: int  # the count of runs when it was last referred to


class Visitor:
    """One tab. `url` is the server's address, such as http://127.0.0.1:8501."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._socket = connect(
            url.replace("http", "ws", 1) + "/_stcore/stream",
            subprotocols=["streamlit"], max_size=None, compression=None, origin=url)
        self._query, self._page = "", ""
        self._count = 0
        self._cache: dict[str, _Cached] = {}
        self._seen: set[str] = set()
        self._timers: dict[str, tuple[float, float]] = {}  # fragment -> its interval, and when next
        self.elements: dict[tuple[int, ...], Delta] = {}  # what is on the page, by place
        self.runs: list[Run] = []
        self.looks: list[Look] = []
        self.pictured: list[str] = []  # in words, the samples that were fetched of runs on the page
        self._feeds: dict[str, _Feed] = {}  # of "this" run and of the "reference"
        self._next_look = 0.0

    def close(self) -> None:
        self._socket.close()

    # --- what a visitor does ---------------------------------------------------------------------

    def open(self, page: str, query: str = "") -> Run:
        """Open a page by its address; "" is home."""
        self._page, self._query = page, query
        self._timers.clear()
        self.elements.clear()
        return self._ask()

    def rerun(self) -> Run:
        """Have the whole page run again, as a slider that was moved does."""
        return self._ask()

    def press(self, label: str) -> Run:
        """Press the first button called `label`."""
        button = next((delta for delta in self.elements.values()
                      if delta.new_element.button.label == label), None)
        if button is None:
            raise LookupError(f"There is no button {label!r} on the page.")
        state = WidgetState(id=button.new_element.button.id, trigger_value=True)
        return self._ask(button.fragment_id, WidgetStates(widgets=[state]))

    def refresh(self) -> Run:
        """Have the fragment run that holds the viewer, as other remedies on offer would."""
        return self._ask(self._part("status")[0])

    def watch(self, done: Callable[[], bool], patience: float = PATIENCE) -> None:
        """Look at live runs, and refresh whenever the page's timers say so, until `done()`."""
        deadline = time.monotonic() + patience
        while not done():
            if time.monotonic() > deadline:
                raise TimeoutError("What was waited for did not come.")
            due = min([self._next_look, *(due for _, due in self._timers.values())])
            time.sleep(max(0.0, due - time.monotonic()))
            if due == self._next_look:
                self._look_around()
            else:
                self._refresh_next()

    def _refresh_next(self) -> None:
        fragment = min(self._timers, key=lambda name: self._timers[name][1])
        interval, due = self._timers[fragment]
        # A browser's timer keeps its beat, and lets beats pass that it cannot keep.
        self._timers[fragment] = (interval, max(due + interval, time.monotonic()))
        self._ask(fragment)

    @property
    def words(self) -> str:
        """What is said of the progress of the run on the left."""
        if (feed := self._feeds.get("this")) is not None and feed.told:
            return feed.told["words"]
        return self._part("status")[1].get("first", {}).get("words", "")

    # --- the live channel ------------------------------------------------------------------------

    def _part(self, part: str) -> tuple[str, dict[str, Any]]:
        """The fragment of a part of the viewer, and what it is told; {} on a page without one."""
        for delta in self.elements.values():
            if delta.new_element.WhichOneof("type") == "bidi_component":
                told = json.loads(delta.new_element.bidi_component.json)
                if told["part"] == part:
                    return delta.fragment_id, told
        return "", {}

    def _look_around(self) -> None:
        """Look at each run that is live or has not been seen; the page runs again when the run on
        the left has ended."""
        told = self._part("status")[1]
        self._follow(told)
        for name, feed in self._feeds.items():
            if not feed.told or feed.told["live"]:
                self.looks.append(self._look(name, feed))
        waits = any(feed.told["live"] and feed.pictured < 0 for feed in self._feeds.values())
        self._next_look = time.monotonic() + (FIRST_LOOK if waits else LOOK)
        this = self._feeds.get("this")
        if this is not None and this.told["live"] != told["first"]["live"]:
            self.rerun()

    def _follow(self, told: dict[str, Any]) -> None:
        """Keep the feeds of the runs that the page names, and begin those of others."""
        feeds = {}
        for name, run in told.get("runs", {}).items():
            if run is not None:
                asked = {"steps": str(run["steps"]), "metrics": ",".join(told["metrics"]),
                         "viewer": told["viewer"]}
                known = self._feeds.get(name)
                same = known and (known.address, known.asked) == (run["address"], asked)
                feeds[name] = known if known and same else _Feed(run["address"], asked)
        self._feeds = feeds

    def _look(self, name: str, feed: _Feed) -> Look:
        query = urllib.parse.urlencode({**feed.asked, "since": feed.told.get("since", "")})
        request = urllib.request.Request(
            f"{self.url}/{feed.address}/live?{query}", headers={"Accept-Encoding": "gzip"})
        started = time.perf_counter()
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            content = answer.read()
            packed = answer.headers["content-encoding"] == "gzip"
        seconds = time.perf_counter() - started
        feed.told = json.loads(gzip.decompress(content) if packed else content)
        new = [step for step in feed.told["pictures"].get("samples", []) if step > feed.pictured]
        if not new:
            return Look(seconds, len(content), 0)
        feed.pictured = new[-1]
        self.pictured.append(f"samples at step {new[-1]}, {name} run")
        return Look(seconds, len(content), self._fetch_samples(name, feed))

    def _fetch_samples(self, name: str, feed: _Feed) -> int:
        run = self._part("runs")[1]["runs"][name]
        ending = "npy" if run is not None and run["plane"] else "png"
        return self._fetch(f"/{feed.address}/pictures/samples/{feed.pictured:06d}.{ending}")

    # --- what is on the page ---------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether all workers are."""
        matches = [re.search(r"(\d+) of (\d+) workers ready", delta.new_element.markdown.body)
                 for delta in self.elements.values()]
        return any(match and match[1] == match[2] for match in matches)

    @property
    def kinds(self) -> list[str]:
        """What kinds of elements are on the page."""
        return [_kind(delta) for delta in self.elements.values()]

    @property
    def intervals(self) -> list[float]:
        """Seconds between the refreshes that the page asks for by itself, one for each timer."""
        return sorted(interval for interval, _ in self._timers.values())

    # --- the protocol ----------------------------------------------------------------------------

    def _ask(self, fragment: str = "", widgets: WidgetStates | None = None) -> Run:
        state = ClientState(
            query_string=self._query, page_name=self._page, fragment_id=fragment,
            widget_states=widgets, cached_message_hashes=list(self._cache),
            is_auto_rerun=bool(fragment) and widgets is None)
        started = time.perf_counter()
        self._socket.send(BackMsg(rerun_script=state).SerializeToString())
        run = self._listen(fragment, started)
        self.runs.append(run)
        return run

    def _listen(self, fragment: str, started: float) -> Run:
        """Take messages until the run has ended that was asked for, and those that it asked for."""
        size, kinds, references, urls = 0, [], 0, []
        while True:
            content = self._socket.recv(PATIENCE)
            size += len(content)
            message = ForwardMsg.FromString(content)
            kind = message.WhichOneof("type")
            if kind == "ref_hash":
                references += 1
                cached = self._cache[message.ref_hash]
                cached.used = self._count
                whole = ForwardMsg.FromString(cached.content)
                whole.metadata.CopyFrom(message.metadata)
                message, kind = whole, "delta"
            elif kind == "delta":
                kinds.append(_kind(message.delta))
                if message.metadata.cacheable:
                    self._cache[message.hash] = _Cached(content, message.delta.fragment_id,
                                                     self._count)
            if kind == "delta":
                self.elements[tuple(message.metadata.delta_path)] = message.delta
                urls += _pictures(message.delta)
            elif kind == "auto_rerun":
                interval = message.auto_rerun.interval
                self._timers[message.auto_rerun.fragment_id] = (
                    interval, time.monotonic() + interval)
            elif kind == "new_session" and not message.metadata.run.fragment_ids:
                self._timers.clear()  # a whole run begins: it names its timers anew
                self.elements.clear()
            elif kind == "page_info_changed":
                self._query = message.page_info_changed.query_string
            elif kind == "script_finished":
                self._age(message.script_finished, fragment)
                if message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                    break
        seconds = time.perf_counter() - started
        return Run(fragment, seconds, size, len(kinds), references, tuple(kinds),
                   sum(map(self._fetch, urls)))

    def _age(self, status: int, fragment: str) -> None:
        """Forget messages as a browser does: those of this run that it has not used for a while."""
        if status == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            return
        self._count += 1
        partly = status == ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY
        self._cache = {
            name: cached for name, cached in self._cache.items()
            if (partly and cached.fragment != fragment) or self._count - cached.used <= MOST_AGE
        }

    def _fetch(self, url: str) -> int:
        """Bytes of a picture; 0 of one that was seen before."""
        if url in self._seen:
            return 0
        self._seen.add(url)
        with urllib.request.urlopen(urllib.parse.urljoin(self.url, url)) as answer:
            return len(answer.read())


def _kind(delta: Delta) -> str:
    """What an element is: "vega_lite_chart", "button", "container" …"""
    if delta.WhichOneof("type") == "add_block":
        return "container"
    return delta.new_element.WhichOneof("type") or "nothing"


def _pictures(delta: Delta) -> list[str]:
    return [image.url for image in delta.new_element.imgs.imgs]
