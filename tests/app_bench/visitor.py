"""Visitor: a browser tab without a screen, which speaks Streamlit's protocol over a websocket.

It opens pages, presses buttons, refreshes as often as a page asks for, keeps large messages as a
browser does, and fetches the pictures that it has not seen. It draws nothing.
"""

from __future__ import annotations

import re
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from websockets.sync.client import connect

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
        """Have the fragment run that shows the run's progress, as its timer would."""
        progress = next(delta for delta in self.elements.values()
                     if delta.new_element.HasField("progress"))
        return self._ask(progress.fragment_id)

    def watch(self, done: Callable[[], bool], patience: float = PATIENCE) -> None:
        """Refresh whenever the page's timers say so, until `done()`."""
        deadline = time.monotonic() + patience
        while not done():
            if time.monotonic() > deadline:
                raise TimeoutError("What was waited for did not come.")
            if not self._timers:
                time.sleep(0.05)
                continue
            fragment = min(self._timers, key=lambda name: self._timers[name][1])
            interval, due = self._timers[fragment]
            time.sleep(max(0.0, due - time.monotonic()))
            # A browser's timer keeps its beat, and lets beats pass that it cannot keep.
            self._timers[fragment] = (interval, max(due + interval, time.monotonic()))
            self._ask(fragment)

    @property
    def words(self) -> str:
        """What the progress bars say."""
        return "\n".join(delta.new_element.progress.text for delta in self.elements.values()
                         if delta.new_element.HasField("progress"))

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
    def pictured(self) -> list[str]:
        """What the pictures on the page are, in words."""
        return [image.alt for delta in self.elements.values()
                for image in delta.new_element.imgs.imgs]

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
