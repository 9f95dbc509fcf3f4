"""Tab: a browser tab without a screen, which speaks Streamlit's protocol over a websocket.

It asks for runs of a page or of a fragment, keeps what is on the page and large messages as a
browser does, and fetches the pictures that it has not seen. It draws nothing.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetStates

from tests.app_bench.connection import PATIENCE, Connection

MOST_AGE = 2  # runs for which a browser keeps a message that is not referred to
# What Streamlit's own page names, and a browser fetches before the first run of a page.
NAMED_FILE = re.compile(r'(?:src|href)="\./(static/[^"]+)"')


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


class Tab:
    """One tab with its connection to the server."""

    def __init__(self, connection: Connection, with_files: bool) -> None:
        self.connection = connection
        self.files = self._fetch_files(with_files)  # bytes of Streamlit's own page and files
        self._socket = connection.stream()
        self._query, self._page = "", ""
        self._page_hash = ""  # the page's name in the protocol; "" until the server has said it
        self._count = 0
        self._cache: dict[str, _Cached] = {}
        self._seen: set[str] = set()
        self.timers: dict[str, tuple[float, float]] = {}  # fragment -> its interval, and when next
        self.elements: dict[tuple[int, ...], Delta] = {}  # what is on the page, by place
        self.runs: list[Run] = []

    def close(self) -> None:
        self._socket.close()

    def _fetch_files(self, with_files: bool) -> int:
        """The page that a browser gets first, which brings cookies, and the files that it names."""
        page = self.connection.get("")
        names = NAMED_FILE.findall(page.content.decode()) if with_files else []
        return page.size + sum(self.connection.get(name).size for name in names)

    # --- the protocol ----------------------------------------------------------------------------

    def go(self, page: str, query: str) -> Run:
        """Have another page run, by its address."""
        self._page, self._query, self._page_hash = page, query, ""
        self.timers.clear()
        self.elements.clear()
        return self.ask()

    def ask(self, fragment: str = "", widgets: WidgetStates | None = None) -> Run:
        """Have the page run, or a fragment of it, with what was done to its `widgets`."""
        state = ClientState(
            query_string=self._query, page_script_hash=self._page_hash,
            page_name="" if self._page_hash else self._page, fragment_id=fragment,
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
                message, kind = self._remembered(message), "delta"
            elif kind == "delta":
                kinds.append(kind_of(message.delta))
                if message.metadata.cacheable:
                    self._cache[message.hash] = _Cached(content, message.delta.fragment_id,
                                                        self._count)
            if kind == "delta":
                self.elements[tuple(message.metadata.delta_path)] = message.delta
                urls += [image.url for image in message.delta.new_element.imgs.imgs]
            elif kind == "script_finished":
                self._age(message.script_finished, fragment)
                if message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                    break
            else:
                self._take(message, kind)
        seconds = time.perf_counter() - started
        return Run(fragment, seconds, size, len(kinds), references, tuple(kinds),
                   sum(map(self._fetch, urls)))

    def _remembered(self, message: ForwardMsg) -> ForwardMsg:
        """The whole message that a reference names, in the place that the reference names."""
        cached = self._cache[message.ref_hash]
        cached.used = self._count
        whole = ForwardMsg.FromString(cached.content)
        whole.metadata.CopyFrom(message.metadata)
        return whole

    def _take(self, message: ForwardMsg, kind: str | None) -> None:
        """What the server says of the page beside its elements."""
        if kind == "auto_rerun":
            interval = message.auto_rerun.interval
            self.timers[message.auto_rerun.fragment_id] = (interval, time.monotonic() + interval)
        elif kind == "navigation":
            self._page_hash = message.navigation.page_script_hash
        elif kind == "new_session" and not message.metadata.run.fragment_ids:
            self.timers.clear()  # a whole run begins: it names its timers anew
            self.elements.clear()
        elif kind == "page_info_changed":
            self._query = message.page_info_changed.query_string

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
        return self.connection.get(url).size


def kind_of(delta: Delta) -> str:
    """What an element is: "vega_lite_chart", "button", "container" …"""
    if delta.WhichOneof("type") == "add_block":
        return "container"
    return delta.new_element.WhichOneof("type") or "nothing"
