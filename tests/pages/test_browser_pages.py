"""What holds on every page, in a real Chromium: it fits, stays still, needs no internet, trains, is
shared by its link, works by keyboard, and can be read by everyone (axe-core)."""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from gan_core.config.presets import CHALLENGES
from pages.components.page_frame import TOOLS
from tests.support.axe import serious
from tests.support.browsing import (
    LAPTOP,
    MAIN_SLIDERS,
    PATIENCE,
    PROJECTOR,
    Server,
    address,
    boxes,
    button,
    chart,
    copied_link,
    cut,
    drawn,
    expect,
    fresh_page,
    inside,
    playwright,
    press,
    progress,
    settle,
    slider,
    step,
    unfold,
    visit,
    wait_for_progress,
    wait_for_theme,
    wait_until,
)

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
CHARTS = ("Losses: ", "What D thinks: σ(logit)", "Gradient norms")  # beginnings of titles


# --- as it is opened ------------------------------------------------------------------------------


@dataclass
class Opened:
    name: str
    page: playwright.Page
    asked: list[str] = field(default_factory=list)  # addresses that it fetched


@pytest.fixture(scope="module", params=[*CHALLENGES, *TOOLS])
def opened(request, shared_chromium, app: Server) -> Iterator[Opened]:
    """Each page as a newcomer finds it, opened once for all tests of this section."""
    page = fresh_page(shared_chromium, color_scheme="light")
    newcomer = Opened(request.param, page)
    page.on("request", lambda request: newcomer.asked.append(request.url))
    page.goto(address(app.url, request.param))
    settle(page)
    if request.param not in TOOLS:
        for run in ("this", "reference"):
            expect(page.locator(f".sheet-{run} :is(img, canvas)").first).to_be_visible()
    yield newcomer
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
    beyond = {name: box for name, box in boxes(opened.page).items()
              if name != "first chart" and not inside(box, LAPTOP)}
    assert not beyond and not cut(opened.page)
    for slot in ("this", "reference"):
        assert opened.page.locator(f".sheet-{slot} img").bounding_box()["width"] >= 200


def test_a_large_screen_shows_what_the_page_is_about_and_the_first_charts(opened: Opened) -> None:
    """On a large screen the charts are out of sight. (On a projector one is left: see there.)"""
    if opened.name in TOOLS:
        pytest.skip("a page without an experiment")
    page = opened.page
    page.set_viewport_size(PROJECTOR)
    wait_until(page, lambda: all(inside(page.locator(part).bounding_box(), PROJECTOR)
                                 for part in (".evidence", ".playback", ".strip")))
    chart = boxes(page)["first chart"]
    assert PROJECTOR["height"] - chart["y"] > 0.8 * chart["height"]
    assert not cut(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_keeps_people_from_reading_a_page(opened: Opened, scheme: str) -> None:
    """A screen reader meets a control without a name, or weak eyes words without contrast."""
    opened.page.set_viewport_size(LAPTOP)
    opened.page.emulate_media(color_scheme=scheme)
    wait_for_theme(opened.page, scheme)
    assert not serious(opened.page)


# JavaScript: which of the elements has the keyboard, -1 for none of them.
FOCUSED = "parts => parts.indexOf(document.activeElement)"


def test_the_keyboard_reaches_the_sliders_and_train(opened: Opened) -> None:
    """Whoever uses no mouse cannot train."""
    if opened.name in TOOLS:
        pytest.skip("a page without an experiment")
    page = opened.page
    labels = ["Train", *MAIN_SLIDERS]
    parts = [button(page, "Train"), *(slider(page, label) for label in MAIN_SLIDERS)]
    handles, reached = [part.element_handle() for part in parts], set()
    for _ in range(80):
        page.keyboard.press("Tab")
        if (place := page.evaluate(FOCUSED, handles)) >= 0:
            reached.add(labels[place])
        if reached == set(labels):
            break
    assert reached == set(labels)


# --- as it is used --------------------------------------------------------------------------------


@dataclass
class Trained:
    name: str
    page: playwright.Page
    places: list[dict[str, dict[str, float]]]  # where its parts were, time and again


@pytest.fixture(scope="module", params=CHALLENGES)
def trained(request, shared_chromium, app: Server) -> Iterator[Trained]:
    """A short run of each page, watched from Train to its end by a visitor."""
    name = request.param
    page = visit(shared_chromium, address(app.url, name, f"{QUICK[name]}&seed=21"))
    press(page, "Train")
    wait_for_progress(page, r"Training · step \d+|Finished")
    expect(page.locator(".sheet-this").locator("img, canvas").first).to_be_visible()
    places, deadline = [boxes(page)], time.monotonic() + PATIENCE / 1000
    while not progress(page).startswith("Finished"):
        assert time.monotonic() < deadline
        places.append(boxes(page))
        page.wait_for_timeout(100)
    places.append(boxes(page))
    yield Trained(name, page, places)
    page.context.close()


def test_train_shows_samples_curves_and_verdict_and_nothing_moves(trained: Trained) -> None:
    """The main job fails, or the page jumps under the reader's eyes while it is live."""
    assert all(place == trained.places[0] for place in trained.places)
    page = trained.page
    assert step(page) == int(QUICK[trained.name].rpartition("steps=")[2])
    expect(page.locator(".verdict")).to_contain_text(re.compile(r"\w{3}"))
    unfold(page, "measurements")
    page.set_viewport_size({"width": LAPTOP["width"], "height": 4000})  # out of sight none is drawn
    modes = "Modes present" if QUICK[trained.name] == RING else "Nearest digits"
    for title in (*CHARTS, modes):
        chart(page, title).scroll_into_view_if_needed()
        wait_until(page, functools.partial(drawn, page, title))


@pytest.fixture(scope="module")
def fresh_server(browser_store) -> Iterator[Server]:
    """A server that was started later, on the same runs."""
    server = Server(browser_store)
    yield server
    server.close()


def test_a_copied_link_opens_the_same_run_on_a_fresh_server(
    chromium, app: Server, trained: Trained, fresh_server: Server
) -> None:
    """A teacher's link shows the class another run, or none."""
    link = copied_link(trained.page)
    page = visit(chromium, link.replace(app.url, fresh_server.url))
    wait_for_progress(page, "Finished")
    # The samples, and the step that stands beside them, come after the progress.
    wait_until(page, lambda: _words(page) == _words(trained.page))


def _words(page: playwright.Page) -> list[str]:
    return [page.locator(f".{key}").inner_text()
            for key in ("verdict", "caption-this", "caption-reference")]
