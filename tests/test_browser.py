"""The app in a real Chromium: what only a browser can tell. Skipped where none is installed."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip("no chromium is installed", allow_module_level=True)

ROOT = Path(__file__).parent.parent
LAPTOP, PROJECTOR = {"width": 1280, "height": 800}, {"width": 1920, "height": 1080}
PATIENCE = 90_000  # milliseconds; generous, since the machine may be busy
QUICK = "dataset=ring&batch_size=16"


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
                 "GAN_LAB_THREADS": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1)
                return
            except OSError:
                time.sleep(0.1)
        raise AssertionError("the server does not answer")

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(30)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def server(store: Path):
    running = Server(store)
    yield running
    running.close()


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def visit(chromium, url: str, size: dict = LAPTOP):
    """A fresh browser on `url`, loaded and connected."""
    page = chromium.new_context(viewport=size).new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(url)
    page.wait_for_selector("[data-testid=stApp][data-test-connection-state=CONNECTED]")
    expect(page.locator(".st-key-progress")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_visible(timeout=PATIENCE)
    return page


def press(page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).first.click()


def progress(page) -> str:
    return page.locator(".st-key-progress").inner_text()


def wait_for_progress(page, pattern: str) -> None:
    expect(page.locator(".st-key-progress")).to_contain_text(re.compile(pattern), timeout=PATIENCE)


def step(page) -> int:
    found = re.search(r"step ([\d ]+) of", progress(page))
    return int(found.group(1).replace(" ", "")) if found else 0


def boxes(page) -> dict[str, dict]:
    """Where the parts are that must fit into one screen and must not move."""
    parts = {
        "question": page.locator(".st-key-question"),
        "learning-rate ratio": page.locator("[data-testid=stSlider]").nth(0),
        "label smoothing": page.locator("[data-testid=stSlider]").nth(1),
        "dropout": page.locator("[data-testid=stSlider]").nth(2),
        "train": page.get_by_role("button", name="Train", exact=True),
        "progress": page.locator(".st-key-progress"),
        "verdict": page.locator(".st-key-verdict"),
        "this run": page.locator(".st-key-sheet-this"),
        "reference": page.locator(".st-key-sheet-reference"),
        "step slider": page.locator(".stMain [data-testid=stSlider]").first,
        "first chart": page.locator(".stMain .stVegaLiteChart").nth(1),
    }
    for part in parts.values():
        expect(part).to_be_visible(timeout=PATIENCE)
    return {name: part.bounding_box() for name, part in parts.items()}


@pytest.mark.parametrize("path", ["", "mode_collapse"])
def test_nothing_is_fetched_from_elsewhere(chromium, server: Server, path: str) -> None:
    """In a classroom without internet the page waits for a font, or loses its icons."""
    page = chromium.new_context(viewport=LAPTOP).new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{server.url}/{path}")
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_visible(timeout=PATIENCE)
    page.wait_for_timeout(1500)
    elsewhere = [url for url in asked if not url.startswith((server.url, "data:", "blob:"))]
    assert not elsewhere


def test_the_laptop_screen_holds_question_sliders_train_verdict_and_both_runs(
    chromium, server: Server
) -> None:
    """A student must scroll between the sliders and what they do."""
    page = visit(chromium, f"{server.url}/mode_collapse")
    found = boxes(page)
    for name in set(found) - {"first chart"}:
        box = found[name]
        assert box["y"] >= 0 and box["y"] + box["height"] <= LAPTOP["height"], (name, box)
        assert box["x"] >= 0 and box["x"] + box["width"] <= LAPTOP["width"], (name, box)
    for key in ("verdict", "caption-this", "caption-reference", "difference"):
        hidden = page.locator(f".st-key-{key}").evaluate("e => e.scrollHeight - e.clientHeight")
        assert hidden <= 1, f"{key} is cut"
    for slot in ("this", "reference"):
        image = page.locator(f".st-key-sheet-{slot} img")
        expect(image).to_be_visible()
        assert image.bounding_box()["width"] >= 200


def test_the_projector_shows_the_first_charts_as_well(chromium, server: Server) -> None:
    """On a projector the charts are out of sight."""
    page = visit(chromium, f"{server.url}/mode_collapse", PROJECTOR)
    hidden = page.locator(".st-key-difference").evaluate("e => e.scrollHeight - e.clientHeight")
    assert hidden <= 1, "the difference is cut"
    box = boxes(page)["first chart"]
    assert box["y"] + box["height"] <= PROJECTOR["height"], box


def test_train_shows_samples_curves_and_verdict_and_nothing_moves(
    chromium, server: Server
) -> None:
    """The main job fails, or the page jumps under the reader's eyes while it is live."""
    page = visit(chromium, f"{server.url}/mode_collapse?steps=200&seed=21")
    press(page, "Train")
    wait_for_progress(page, r"Training · step \d+")
    expect(page.locator(".st-key-sheet-this img")).to_be_visible(timeout=PATIENCE)
    first = boxes(page)
    seen, deadline = set(), time.monotonic() + PATIENCE / 1000
    while not progress(page).startswith("Finished"):
        assert time.monotonic() < deadline
        seen.add(step(page))
        assert boxes(page) == first
        page.wait_for_timeout(300)
    assert len(seen) > 2, seen
    assert boxes(page) == first
    expect(page.locator(".st-key-verdict")).to_contain_text("digits")
    expect(page.locator(".stMain .stVegaLiteChart")).to_have_count(7)
    assert step(page) == 200


def test_moving_a_slider_does_not_interrupt_the_run(chromium, server: Server) -> None:
    """Whoever touches a slider while a run goes on loses the run."""
    page = visit(chromium, f"{server.url}/mode_collapse?{QUICK}&steps=50000&seed=22")
    press(page, "Train")
    wait_for_progress(page, r"Training · step [1-9]")
    before = step(page)
    slider = page.locator("[data-testid=stSlider]").nth(2).get_by_role("slider")
    slider.focus()
    for _ in range(4):
        slider.press("ArrowRight")
    wait_for_progress(page, r"Training")
    page.wait_for_timeout(1500)
    expect(slider).to_have_value("0.2")
    assert step(page) > before
    press(page, "Stop")
    wait_for_progress(page, "Stopped")
    press(page, "Continue")
    wait_for_progress(page, "Training")
    press(page, "Stop")
    wait_for_progress(page, "Stopped")


def test_reload_second_tab_and_a_restarted_server_show_the_same_run(chromium, store: Path) -> None:
    """A reload, a shared link or a restart loses the run."""
    server = Server(store)
    page = visit(chromium, f"{server.url}/mode_collapse?{QUICK}&steps=50000&seed=23")
    press(page, "Train")
    wait_for_progress(page, r"Training · step [1-9]")
    page.reload()
    wait_for_progress(page, r"Training · step [1-9]")
    tab = visit(chromium, page.url)
    wait_for_progress(tab, r"Training · step [1-9]")
    reached = step(tab)
    press(page, "Link")
    link = page.locator("[data-testid=stPopoverBody] code").inner_text()
    server.process.kill()  # not even a good-bye
    server.process.wait(30)
    port = f":{server.port}/"
    server = Server(store)
    again = visit(chromium, link.replace(port, f":{server.port}/"))
    wait_for_progress(again, "Stopped")
    assert reached > 0 and step(again) > 0
    press(again, "Continue")
    wait_for_progress(again, r"Training · step [1-9]")
    press(again, "Stop")
    wait_for_progress(again, "Stopped")
    server.close()


def test_apply_remedy_puts_both_runs_side_by_side(chromium, server: Server) -> None:
    """The remedy's run replaces the broken one, so that nothing can be compared."""
    page = visit(chromium, f"{server.url}/mode_collapse")
    press(page, "Apply remedy")
    wait_for_progress(page, r"Training · step [1-9]")
    expect(page.locator(".st-key-caption-this")).to_contain_text("3 D steps")
    expect(page.locator(".st-key-caption-reference")).to_contain_text("G 0.003, D 0.0003")
    expect(page.locator(".st-key-sheet-reference img")).to_be_visible()
    press(page, "Stop")
    wait_for_progress(page, "Stopped")


def test_garbage_in_the_url_is_named(chromium, server: Server) -> None:
    """A mistyped link shows a stack trace or a blank page."""
    page = visit(
        chromium,
        f"{server.url}/mode_collapse?dropout=www.evil.tld&steps=-4&run=%00&loss=a@evil.tld&x=1",
    )
    problems = page.locator(".st-key-problems")
    for name in ("dropout must be", "steps must be", "loss must be", "run: ", "'x'"):
        expect(problems).to_contain_text(name)
    expect(problems.locator("a")).to_have_count(0)
    expect(page.locator(".st-key-sheet-this img")).to_be_visible()
