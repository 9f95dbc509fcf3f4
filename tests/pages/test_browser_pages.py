"""What holds on every page, in a real Chromium: it fits, stays still, needs no internet, trains, is
shared by its link, works by keyboard, and can be read by everyone (axe-core)."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from gan_core.config.presets import CHALLENGES
from pages.components.page_frame import TOOLS
from tests.support.browsing import (
    LAPTOP,
    MAIN_SLIDERS,
    PATIENCE,
    PROJECTOR,
    Server,
    address,
    boxes,
    button,
    copied_link,
    cut,
    drawn,
    expect,
    inside,
    playwright,
    press,
    progress,
    settle,
    slider,
    step,
    visit,
    wait_for_progress,
)

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
pytestmark = pytest.mark.browser

# What makes each page's starting preset quick; a preset of images stays one of images.
RING, IMAGES = "dataset=ring&batch_size=16&steps=200", "batch_size=16&steps=60"
QUICK = {
    "baseline": IMAGES,
    "training_instability": RING,
    "mode_collapse": RING,
    "vanishing_gradients": RING,
    "discriminator_overfitting": IMAGES,
    "computational_cost": f"architecture=mlp&dropout=0.0&{IMAGES}",
}
CHARTS = ("Losses: ", "What D thinks: σ(logit)", "Gradient norms", "present")  # titles


# --- as it is opened ------------------------------------------------------------------------------


@dataclass
class Opened:
    name: str
    page: playwright.Page
    asked: list[str] = field(default_factory=list)  # addresses that it fetched


@pytest.fixture(scope="module", params=[*CHALLENGES, *TOOLS])
def opened(request, chromium, app: Server) -> Iterator[Opened]:
    """Each page as a newcomer finds it, opened once for all tests of this section."""
    page = chromium.new_context(viewport=LAPTOP, color_scheme="light").new_page()
    page.set_default_timeout(PATIENCE)
    found = Opened(request.param, page)
    page.on("request", lambda request: found.asked.append(request.url))
    page.goto(address(app.url, request.param))
    settle(page)
    yield found
    page.context.close()


def test_nothing_is_fetched_from_elsewhere(opened: Opened, app: Server) -> None:
    """In a classroom without internet the page waits for a font, or loses its icons."""
    assert opened.asked
    assert not [url for url in opened.asked if not url.startswith((app.url, "data:", "blob:"))]


def test_the_laptop_screen_holds_question_sliders_train_verdict_and_both_runs(
    opened: Opened,
) -> None:
    """A student must scroll between the sliders and what they do, or cannot read the verdict."""
    if opened.name in TOOLS:
        pytest.skip("a page without an experiment")
    opened.page.set_viewport_size(LAPTOP)
    found = boxes(opened.page)
    beyond = {name: box for name, box in found.items()
              if name != "first chart" and not inside(box, LAPTOP)}
    assert not beyond and not cut(opened.page)
    for slot in ("this", "reference"):
        assert opened.page.locator(f".st-key-sheet-{slot} img").bounding_box()["width"] >= 200


def test_the_projector_shows_the_first_charts_as_well(opened: Opened) -> None:
    """On a projector the charts are out of sight."""
    if opened.name in TOOLS:
        pytest.skip("a page without an experiment")
    opened.page.set_viewport_size(PROJECTOR)
    opened.page.wait_for_timeout(500)
    assert inside(boxes(opened.page)["first chart"], PROJECTOR)
    assert not cut(opened.page)


# What axe-core finds in Streamlit's own widgets, which a page cannot change: rule -> selectors.
STREAMLITS_OWN: dict[str, list[str]] = {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_keeps_people_from_reading_a_page(opened: Opened, scheme: str) -> None:
    """A screen reader meets a control without a name, or weak eyes words without contrast."""
    opened.page.set_viewport_size(LAPTOP)
    opened.page.emulate_media(color_scheme=scheme)
    opened.page.wait_for_timeout(1500)
    found = axe.Axe().run(opened.page).response
    assert not [words for violation in found["violations"] for words in _ours(violation)]


def _ours(violation: dict) -> list[str]:
    """What is serious of a violation, but for Streamlit's own."""
    known = STREAMLITS_OWN.get(violation["id"], [])
    return [
        f"{violation['id']}: {node['html'][:200]} {node['failureSummary']}"
        for node in violation["nodes"]
        if violation["impact"] in ("serious", "critical")
        and not any(selector in node["html"] for selector in known)
    ]


# --- as it is used --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CHALLENGES)
def test_train_shows_samples_curves_and_verdict_and_nothing_moves(
    chromium, app: Server, name: str
) -> None:
    """The main job fails, or the page jumps under the reader's eyes while it is live."""
    page = visit(chromium, address(app.url, name, f"{QUICK[name]}&seed=21"))
    press(page, "Train")
    wait_for_progress(page, r"Training · step \d+|Finished")
    expect(page.locator(".st-key-sheet-this").locator("img, svg").first).to_be_visible()
    first, deadline = boxes(page), time.monotonic() + PATIENCE / 1000
    while not progress(page).startswith("Finished"):
        assert time.monotonic() < deadline
        assert boxes(page) == first
        page.wait_for_timeout(300)
    assert boxes(page) == first
    assert step(page) == int(QUICK[name].rpartition("steps=")[2])
    expect(page.locator(".st-key-verdict")).to_contain_text(re.compile(r"\w{3}"))
    for title in CHARTS:
        assert drawn(page, title), title
    page.context.close()


def test_a_copied_link_opens_the_same_run_on_a_fresh_server(
    chromium, app: Server, browser_store
) -> None:
    """A teacher's link shows the class another run, or none."""
    shared = {}
    for name in CHALLENGES:
        page = visit(chromium, address(app.url, name, f"{QUICK[name]}&seed=21"))
        press(page, "Train")  # where another test has trained it, that run is shown
        wait_for_progress(page, "Finished")
        shared[name] = copied_link(page), _told(page)
        page.context.close()
    fresh = Server(browser_store)
    for name, (link, told) in shared.items():
        page = visit(chromium, link.replace(app.url, fresh.url))
        wait_for_progress(page, "Finished")
        assert _told(page) == told, name
        page.context.close()
    fresh.close()


def _told(page: playwright.Page) -> list[str]:
    return [page.locator(f".st-key-{key}").inner_text()
            for key in ("verdict", "caption-this", "caption-reference")]


@pytest.mark.parametrize("name", CHALLENGES)
def test_the_keyboard_reaches_the_sliders_and_train(chromium, app: Server, name: str) -> None:
    """Whoever uses no mouse cannot train."""
    page = visit(chromium, address(app.url, name))
    settle(page)
    wanted = {"Train": button(page, "Train"),
              **{label: slider(page, label) for label in MAIN_SLIDERS}}
    for _ in range(80):
        page.keyboard.press("Tab")
        for label in [label for label, part in wanted.items()
                      if part.evaluate("e => e === document.activeElement")]:
            del wanted[label]
        if not wanted:
            break
    assert not wanted
    page.context.close()
