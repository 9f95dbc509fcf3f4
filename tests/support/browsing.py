"""The app in a real Chromium: a server, pages, and where their parts are, for the browser tests.

Importing this skips the tests of the importing file where Playwright or Chromium is missing.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from gan_core.config.fields import KNOBS
from gan_core.config.presets import CHALLENGES, MAIN_KNOBS

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip("no chromium is installed", allow_module_level=True)

ROOT = Path(__file__).parents[2]
LAPTOP: dict[str, int] = {"width": 1280, "height": 800}
PROJECTOR: dict[str, int] = {"width": 1920, "height": 1080}
PATIENCE = 120_000
expect.set_options(timeout=PATIENCE)
QUICK = "dataset=ring&batch_size=16"
LONGEST = 200_000  # the most steps that a server may be set to train
# A run that ends only where it is stopped: whatever a page is waited for, it takes minutes longer.
ENDLESS = f"{QUICK}&steps={LONGEST}"
MAIN_SLIDERS = [KNOBS[name].label for name in MAIN_KNOBS]


class Server:
    """The app as README starts it, on a free port and a store of its own."""

    def __init__(self, store: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "streamlit_app.py",
             "--server.headless", "true", "--server.port", str(self.port)],
            cwd=ROOT,
            env={**os.environ, "GAN_LAB_STORE": str(store), "GAN_LAB_WORKERS": "1",
                 "GAN_LAB_THREADS": "1", "GAN_LAB_MAX_STEPS": str(LONGEST)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            # One that could not start, as where its port was taken, will never answer.
            assert self.process.poll() is None, "the server has ended"
            try:
                urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1)
                return
            except OSError:
                time.sleep(0.1)
        raise AssertionError("the server does not answer")

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(30)


def address(url: str, name: str, query: str = "") -> str:
    """Where the page `name` of CHALLENGES or TOOLS is on the server at `url`."""
    path = {"baseline": ""}.get(name, name)
    return f"{url}/{path}{'?' if query else ''}{query}"


# JavaScript: a browser that every page has asked for a prediction before.
ASKED_BEFORE = "".join(
    f"localStorage.setItem('gan-lab/asked/{name}', '1');" for name in CHALLENGES)


def fresh_page(
    chromium: playwright.Browser, *, asked: bool = True, **options: object
) -> playwright.Page:
    """A page of a fresh browser, as large as a laptop's unless `options` say otherwise; one that
    was `asked` for its predictions before, so that pages show their runs at once."""
    context = chromium.new_context(**{"viewport": LAPTOP, **options})
    if asked:
        context.add_init_script(ASKED_BEFORE)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    return page


def enter(chromium: playwright.Browser, url: str) -> playwright.Page:
    """A fresh browser on `url`, connected, its window as large as a laptop's."""
    page = fresh_page(chromium)
    page.goto(url)
    expect(connection(page)).to_be_attached()
    return page


def visit(chromium: playwright.Browser, url: str) -> playwright.Page:
    """A fresh browser on a page with an experiment, which can be trained."""
    page = enter(chromium, url)
    expect(page.locator(".progress")).to_be_visible()
    expect(button(page, "Train")).to_be_visible()
    return page


def train_button(page: playwright.Page) -> playwright.Locator:
    """*Train*, or *Train it yourself* where the run is there already."""
    return page.locator(".st-key-train button:visible")


def connection(page: playwright.Page) -> playwright.Locator:
    """The page while its connection stands; without one, Streamlit disables all that is on it."""
    return page.locator("[data-testid=stApp][data-test-connection-state=CONNECTED]")


def settle(page: playwright.Page) -> None:
    """Until the whole page is drawn, down to its claims, its map or its table, and nothing runs any
    more."""
    last = ".claim, .map .cell, .run-table tbody tr, [class*=folded-claims]"
    expect(page.locator(last).first).to_be_visible()
    app = page.locator("[data-testid=stApp]")
    expect(app).to_have_attribute("data-test-script-state", "notRunning")


def settle_projected(page: playwright.Page) -> None:
    """The same of a page with an experiment, whose rest is not drawn on a projector."""
    expect(page.locator(".playback")).to_be_visible()
    app = page.locator("[data-testid=stApp]")
    expect(app).to_have_attribute("data-test-script-state", "notRunning")


def button(page: playwright.Page, name: str) -> playwright.Locator:
    """The first button called `name`; "Train" is called otherwise where its run is there."""
    if name == "Train":
        return train_button(page)
    return page.get_by_role("button", name=name, exact=True).first


def choose(page: playwright.Page, preset: str) -> None:
    """Press one of a page's presets, by its label."""
    page.locator(".st-key-buttons").get_by_role("radio", name=preset, exact=True).click()


def press(page: playwright.Page, name: str) -> None:
    """Click a button; where it cannot be clicked, say what the page says instead."""
    try:
        button(page, name).click()
    except playwright.TimeoutError as error:
        words = page.get_by_role("dialog").all_inner_texts()
        raise AssertionError(
            f"{name!r} cannot be pressed; connected: {connection(page).count() > 0}; "
            f"progress: {progress(page)!r}; dialogs: {words}") from error


def progress(page: playwright.Page) -> str:
    return page.locator(".progress").inner_text()


def wait_for_progress(page: playwright.Page, pattern: str) -> None:
    expect(page.locator(".progress")).to_contain_text(re.compile(pattern))


def wait_until(page: playwright.Page, condition: Callable[[], bool]) -> None:
    """Until `condition()` holds; for what no expectation of Playwright says."""
    deadline = time.monotonic() + PATIENCE / 1000
    while not condition():
        assert time.monotonic() < deadline
        page.wait_for_timeout(50)


# JavaScript: whether page and charts are drawn in a colour scheme and nothing fades any more: the
# change makes Streamlit run the page again, and what waits to be drawn anew is pale meanwhile.
IN_SCHEME = """scheme => {
    const app = document.querySelector("[data-testid=stApp]");
    const calm = app.dataset.testScriptState === "notRunning"
        && !document.querySelector("[data-stale=true]")
        && !document.getAnimations().some(
            each => each instanceof CSSTransition && each.playState === "running");
    const light = colour => colour.match(/\\d+/g).slice(0, 3).reduce((sum, c) => sum + +c, 0) > 382;
    const letters = document.querySelectorAll(".stMain .stVegaLiteChart .role-title-text text");
    const page = getComputedStyle(app);
    return calm && light(page.backgroundColor) === (scheme === "light") && [...letters].every(
        text => light(getComputedStyle(text).fill) === (scheme === "dark"));
}"""


# JavaScript: the steps of which the shown runs have sheets.
SHEETS = """() => [...new Set([...globalThis.ganLabFeeds.values()]
    .flatMap((feed) => feed.pictures.samples ?? []))].sort((one, two) => one - two)"""


def wait_for_theme(page: playwright.Page, scheme: str) -> None:
    """Until the page has changed to the colour scheme that the browser asks for."""
    page.wait_for_function(IN_SCHEME, arg=scheme)


def unfold(page: playwright.Page, section: str) -> None:
    """Open a section that is folded, by its name, such as "measurements"."""
    page.locator(f"[class*=folded-{section}] summary").click()
    settle(page)


def step(page: playwright.Page) -> int:
    """The step that the run on the left has reached; 0 where the page names none."""
    match = re.search(r"step ([\d ]+) of", progress(page))
    return int(match.group(1).replace(" ", "")) if match else 0


def copied_link(page: playwright.Page) -> str:
    """What *Link* offers to copy; the popover is closed again."""
    press(page, "Link")
    link = page.locator("[data-testid=stPopoverBody] code").inner_text()
    page.keyboard.press("Escape")
    return link


def slider(page: playwright.Page, label: str) -> playwright.Locator:
    """The handle of a sidebar slider."""
    return page.locator("[data-testid=stSidebar] [data-testid=stSlider]").filter(
        has_text=label).get_by_role("slider")


def boxes(page: playwright.Page) -> dict[str, dict[str, float]]:
    """Where the parts are that must fit into one screen and must not move."""
    knobs = page.locator("[data-testid=stSidebar] [data-testid=stSlider]")
    parts = {
        "question": page.locator(".st-key-question"),
        **{name: knobs.filter(has_text=name).first for name in MAIN_SLIDERS},
        "train": button(page, "Train"),
        "progress": page.locator(".progress"),
        "verdict": page.locator(".verdict"),
        "this run": page.locator(".sheet-this"),
        "reference": page.locator(".sheet-reference"),
        "step slider": page.locator(".look-back input"),
        "first chart": page.locator(".charts figure").first,
    }
    for part in parts.values():
        expect(part).to_be_visible()
    return {name: part.bounding_box() for name, part in parts.items()}


def inside(box: dict[str, float], size: dict[str, int]) -> bool:
    """Whether a box lies in a window of `size` that was not scrolled."""
    right, bottom = box["x"] + box["width"], box["y"] + box["height"]
    return box["x"] >= 0 and box["y"] >= 0 and right <= size["width"] and bottom <= size["height"]


def cut(page: playwright.Page) -> list[str]:
    """The boxes of fixed height whose words do not fit into them."""
    keys = ("verdict .text", "caption-this", "caption-reference", "difference")
    return [key for key in keys if page.locator(f".{key}").evaluate(
        "e => e.scrollHeight - e.clientHeight") > 1]


def chart(page: playwright.Page, title: str) -> playwright.Locator:
    """The first chart of a run in which the words `title` stand."""
    return page.locator(".stMain .stVegaLiteChart, figure.chart").filter(has_text=title).first


def drawn(page: playwright.Page, title: str) -> int:
    """How many lines, points and bars of data stand in a chart; its legend does not count."""
    return chart(page, title).locator(
        "svg .role-mark:is(.mark-line, .mark-symbol, .mark-rect) path[d], svg .data").count()
