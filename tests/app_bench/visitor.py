"""Visitor: a person with one tab and no screen, who opens pages, presses buttons and watches runs.

Live runs are followed through the live channel, as the viewer's JavaScript follows them.
"""

from __future__ import annotations

import json
import math
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates

from tests.app_bench.connection import PATIENCE, Connection
from tests.app_bench.live_feed import LiveFeed, Look
from tests.app_bench.tab import Run, Tab, kind_of

SPREAD = 0.1  # seconds for each tab that watches a run, as in viewer.js
NOTHING_TO_TELL = (math.inf, "")
TRIGGERS = "$$STREAMLIT_INTERNAL_KEY_{}__events"  # the name of a component's triggers


@dataclass(frozen=True)
class _Part:
    """One part of the page's viewer: its component, the fragment around it, what it is told."""

    component: str
    fragment: str
    told: dict[str, Any]


class Visitor:
    """One visitor. `url` is where the server serves the app, such as http://127.0.0.1:8501/lab;
    `with_files`: Streamlit's own files are fetched first, as a browser does that was never here;
    `person` is another visitor, of whose browser this is one more tab."""

    def __init__(
        self, url: str, with_files: bool = False, person: Visitor | None = None
    ) -> None:
        self._connection = Connection(url, None if person is None else person._connection)
        self._tab = Tab(self._connection, with_files)
        self.runs = self._tab.runs
        self.looks: list[Look] = []
        self.pictured: list[str] = []  # in words, the samples that were fetched of runs on the page
        self._parts: dict[str, _Part] = {}  # of the viewer, by name; {} on a page without one
        self._feeds: dict[str, LiveFeed] = {}  # of "this" run and of the "reference"
        self._news = ""  # what the viewer told the page last, or is to tell
        self._to_tell = NOTHING_TO_TELL  # when it tells that, in time.monotonic()
        self._compared: tuple[int, ...] | None = None  # the evaluations that were compared last

    def close(self) -> None:
        self._tab.close()
        self._connection.close()

    # --- what a visitor does ---------------------------------------------------------------------

    def open(self, page: str, query: str = "") -> Run:
        """Open a page by its address; "" is home."""
        return self._shown(self._tab.go(page, query))

    def rerun(self) -> Run:
        """Have the whole page run again, as a slider that was moved does."""
        return self._shown(self._tab.ask())

    def press(self, label: str) -> Run:
        """Press the first button called `label`; "Train" is called otherwise where its run is
        there."""
        labels = (label, "Train it yourself") if label == "Train" else (label,)
        button = next((delta for delta in self._tab.elements.values()
                      if delta.new_element.button.label in labels), None)
        if button is None:
            raise LookupError(f"There is no button {label!r} on the page.")
        state = WidgetState(id=button.new_element.button.id, trigger_value=True)
        return self._ask(button.fragment_id, state)

    def write(self, label: str, text: str) -> Run:
        """Write into the field called `label`."""
        field = next((delta for delta in self._tab.elements.values()
                      if delta.new_element.text_input.label == label), None)
        if field is None:
            raise LookupError(f"There is no field {label!r} on the page.")
        return self._ask(field.fragment_id, WidgetState(
            id=field.new_element.text_input.id, string_value=text))

    def refresh(self) -> Run:
        """Have the fragment run that holds the viewer, as other remedies on offer would."""
        return self._shown(self._tab.ask(self._parts["status"].fragment))

    def watch(self, done: Callable[[], bool], patience: float = PATIENCE) -> None:
        """Look at live runs, and refresh whenever the page's timers say so, until `done()`."""
        deadline = time.monotonic() + patience
        while not done():
            if time.monotonic() > deadline:
                raise TimeoutError("What was waited for did not come.")
            look = min((feed.due for feed in self._feeds.values()), default=math.inf)
            due = min([look, self._to_tell[0], *(due for _, due in self._tab.timers.values())])
            time.sleep(max(0.0, min(due, deadline) - time.monotonic()))
            if time.monotonic() < due:
                continue
            if due == self._to_tell[0]:
                self._tell_in_time()
            elif due == look:
                self._look_around()
            else:
                self._refresh_next()

    def _refresh_next(self) -> None:
        timers = self._tab.timers
        fragment = min(timers, key=lambda name: timers[name][1])
        interval, due = timers[fragment]
        # A browser's timer keeps its beat, and lets beats pass that it cannot keep.
        timers[fragment] = (interval, max(due + interval, time.monotonic()))
        self._shown(self._tab.ask(fragment))

    def _ask(self, fragment: str, state: WidgetState) -> Run:
        return self._shown(self._tab.ask(fragment, WidgetStates(widgets=[state])))

    def _shown(self, run: Run) -> Run:
        """What the viewer does about what a run of the page tells it."""
        self._parts = {}
        for delta in self._tab.elements.values():
            if kind_of(delta) == "bidi_component":
                component = delta.new_element.bidi_component
                told = json.loads(component.json)
                self._parts[told["part"]] = _Part(component.id, delta.fragment_id, told)
        self._follow()
        return run

    # --- the live channel ------------------------------------------------------------------------

    def _told(self, part: str) -> dict[str, Any]:
        return self._parts[part].told if part in self._parts else {}

    def _follow(self) -> None:
        """Keep the feeds of the runs that the page names, and begin those of others."""
        told, feeds = self._told("status"), {}
        for name, run in told.get("runs", {}).items():
            if run is None:
                continue
            asked = {"steps": str(run["steps"]), "metrics": ",".join(told["metrics"]),
                     "viewer": told["viewer"]}
            known = self._feeds.get(name)
            if known is not None and (known.address, known.asked) == (run["address"], asked):
                feeds[name] = known
                if not known.live:  # it may have been continued meanwhile
                    known.due = 0.0
            else:
                ending = "npy" if run["plane"] else "png"
                feeds[name] = LiveFeed(self._connection, run["address"], asked, ending)
        if feeds.get("this") is not self._feeds.get("this"):
            self._news, self._compared = "", None
        self._feeds = feeds

    def _look_around(self) -> None:
        """Take the look that is due, and do what the viewer does about it."""
        name, feed = min(self._feeds.items(), key=lambda item: item[1].due)
        before = feed.pictured
        self.looks.append(feed.look())
        if feed.pictured > before:
            self.pictured.append(f"samples at step {feed.pictured}, {name} run")
        self._compare()
        if name == "this" and feed.told:
            self._tell(feed.told)

    def _compare(self) -> None:
        """Ask what sets the runs apart when either has been evaluated again."""
        question = self._told("runs").get("compare", "")
        this, other = self._feeds.get("this"), self._feeds.get("reference")
        if not (question and this and other and this.told and other.told):
            return
        evaluated = (this.evaluated, other.evaluated)
        first = self._compared is None
        if evaluated != self._compared and (this.live or not first):  # else the page has said it
            self._connection.get(f"{this.address}/difference?{question}")
        self._compared = evaluated

    def _tell(self, told: dict[str, Any]) -> None:
        """Have the page run again where its buttons no longer fit the run, once for each news; the
        more tabs watch the run, the longer a time they are spread over."""
        page, live = self._parts["status"], told["live"]
        findings = told["verdict"]["findings"]
        labels = [remedy["label"] for remedy in findings[0]["remedies"]] if findings else []
        offer = json.dumps(labels, ensure_ascii=False, separators=(",", ":"))
        news = ""
        if live != page.told["first"]["live"]:
            news = str(live)
        elif live and offer != page.told["offer"]:
            news = offer
        is_new, self._news = news not in ("", self._news), news
        if is_new:
            others = max(self._feeds["this"].watching - 1, 0)
            self._to_tell = (time.monotonic() + random.uniform(0, SPREAD * others), news)

    def _tell_in_time(self) -> None:
        """Have it run now, if it was to and nothing has changed since."""
        at, news = self._to_tell
        if time.monotonic() < at:
            return
        self._to_tell = NOTHING_TO_TELL
        if news == self._news and "status" in self._parts:
            self._trigger(self._parts["status"], "ended" if news == "False" else "changed")

    def _trigger(self, part: _Part, event: str) -> None:
        told = json.dumps([{"event": event, "value": True}])
        self._ask(part.fragment, WidgetState(
            id=TRIGGERS.format(part.component), json_trigger_value=told))

    # --- what is on the page ---------------------------------------------------------------------

    @property
    def words(self) -> str:
        """What is said of the progress of the run on the left."""
        if (feed := self._feeds.get("this")) is not None and feed.told:
            return feed.told["words"]
        return self._told("status").get("first", {}).get("words", "")

    @property
    def step(self) -> int:
        """The newest step that is known of the run on the left; -1 for none."""
        feed = self._feeds.get("this")
        return feed.told.get("last_step", -1) if feed is not None else -1

    @property
    def files(self) -> int:
        """Bytes of Streamlit's own files, which came before the first page."""
        return self._tab.files

    @property
    def watched(self) -> str:
        """Where the run on the left is told of, relative to the app; "" where there is none."""
        feed = self._feeds.get("this")
        return feed.address if feed is not None else ""

    @property
    def problems(self) -> list[str]:
        """What went wrong so far, in words: looks without an answer, pages that failed."""
        looks = [f"a look was answered {look.status}" for look in self.looks
                 if look.status not in (200, 304)]
        return looks + ["a page ended in an exception" for run in self.runs
                        if "exception" in run.kinds]

    @property
    def ready(self) -> bool:
        """Whether all workers are."""
        matches = [re.search(r"(\d+) of (\d+) workers ready", delta.new_element.markdown.body)
                   for delta in self._tab.elements.values()]
        return any(match and match[1] == match[2] for match in matches)

    @property
    def title(self) -> str:
        """Of the page that is shown."""
        headings = (delta.new_element.heading for delta in self._tab.elements.values()
                    if kind_of(delta) == "heading")
        return next((heading.body for heading in headings if heading.tag == "h1"), "")

    @property
    def kinds(self) -> list[str]:
        """What kinds of elements are on the page."""
        return list(map(kind_of, self._tab.elements.values()))

    @property
    def intervals(self) -> list[float]:
        """Seconds between the refreshes that the page asks for by itself, one for each timer."""
        return sorted(interval for interval, _ in self._tab.timers.values())
