"""ChromiumTabs: real tabs beside the visitors without a screen, what they need to draw included."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from gan_core.config.run_config import RunConfig
from tests.app_bench.crowd import Visit, address
from tests.app_bench.live_feed import Look

# JavaScript: notes when the page names another step, as [seconds, step]; at first that may be the
# last one of a recorded run. The viewer lies under a shadow root, and may be drawn anew.
NOTE_STEPS = """() => {
  const find = (root) => root.querySelector(".progress .words")
    ?? [...root.querySelectorAll("*")].reduce(
      (found, each) => found ?? (each.shadowRoot && find(each.shadowRoot)), null);
  let words = null;
  window.seenSteps = [];
  setInterval(() => {
    if (!words?.isConnected) words = find(document);
    const said = words?.textContent.match(/step ([\\d\\s]+) of/)?.[1];
    const step = Number(said?.replace(/\\s/g, "") ?? -1);
    const last = window.seenSteps.at(-1)?.[1] ?? -1;
    if (step !== last) window.seenSteps.push([Date.now() / 1000, step]);
  }, 50);
}"""


class NoBrowser(RuntimeError):
    """Playwright or Chromium is missing; the message is one sentence."""


class ChromiumTabs:
    """A context. Without tabs it starts no browser; `visits` are what the tabs met."""

    def __init__(self, count: int) -> None:
        self.visits: list[Visit] = []
        self._count = count
        self._pages: list[tuple[Any, Visit, str]] = []
        self._stack = ExitStack()

    def __enter__(self) -> ChromiumTabs:
        if self._count:
            try:
                from tests.support import browsing
            except pytest.skip.Exception as missing:
                raise NoBrowser(f"There is no browser to drive: {missing}.") from None
            self._driver = self._stack.enter_context(browsing.playwright.sync_playwright())
            self._browser = self._driver.chromium.launch(
                executable_path=browsing.CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
            self._stack.callback(self._browser.close)
        return self

    def __exit__(self, *problem: object) -> None:
        self._stack.close()

    def visit(
        self, url: str, wish: Callable[[int], RunConfig], begin: float, arrival: float
    ) -> None:
        """Open the tabs one after another within `arrival` seconds, and press Train in each."""
        for number in range(self._count):
            self.wait(begin + arrival * number / self._count)
            visit = Visit()
            self.visits.append(visit)
            try:
                self._open(url, wish(number), visit)
            except Exception as problem:  # it is counted; the others go on
                visit.problems[f"{type(problem).__name__}: {problem}"[:100]] += 1

    def _open(self, url: str, config: RunConfig, visit: Visit) -> None:
        page = self._browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: visit.problems.update([str(error)[:100]]))
        began = time.monotonic()
        page.goto(f"{url}/{address(config)}")
        page.locator(".progress").wait_for()
        page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
        visit.opened = time.monotonic() - began
        page.evaluate(NOTE_STEPS)
        page.locator(".st-key-train button").click()
        self._pages.append((page, visit, config.digest()))

    def wait(self, until: float) -> None:
        """Until a time of time.monotonic(), while the browser's events are heard."""
        left = until - time.monotonic()
        if left > 0 and self._pages:
            self._pages[-1][0].wait_for_timeout(1000 * left)
        elif left > 0:
            time.sleep(left)

    def collect(self) -> None:
        """Take from the tabs what they have noted."""
        for page, visit, digest in self._pages:
            visit.looks = [Look(digest, at, 0.0, 200, 0, 0, step)
                           for at, step in page.evaluate("() => window.seenSteps")]
