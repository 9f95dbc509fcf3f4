"""The map in a real Chromium: it fills while one watches, is chosen from, and works by keyboard."""

from __future__ import annotations

import re

import pytest

from tests.support.browsing import (
    LAPTOP,
    Server,
    button,
    enter,
    expect,
    playwright,
    press,
    wait_until,
)

pytestmark = pytest.mark.browser
TINY = ("base=dataset:ring,batch_size:16,steps:{steps}&x=learning_rate=0.001,0.003,0.01"
        "&y=dropout=0,0.4&seeds=1")


def visit(chromium, app: Server, query: str = "") -> playwright.Page:
    page = enter(chromium, f"{app.url}/parameter_map{'?' if query else ''}{query}")
    expect(cells(page).first).to_be_visible()
    return page


def cells(page: playwright.Page) -> playwright.Locator:
    return page.locator(".map .cell")


def test_a_map_fills_while_one_watches(chromium, app: Server) -> None:
    """Whoever waits for a map has to reload the page."""
    page = visit(chromium, app, TINY.format(steps=300))
    expect(page.locator(".map .words")).to_contain_text("None of 6 runs")
    press(page, "Fill")
    expect(button(page, "Stop")).to_be_visible()
    expect(page.locator(".map .words")).to_contain_text("All 6 runs are there")
    expect(page.locator(".map .cell.unknown")).to_have_count(0)
    expect(button(page, "Stop")).not_to_be_visible()  # the page has heard that it has ended


def test_the_last_two_cells_that_were_pressed_stand_side_by_side(chromium, app: Server) -> None:
    page = visit(chromium, app)
    for number in (0, 9, 20):
        cells(page).nth(number).click()
    expect(page.locator(".map .cell.chosen")).to_have_count(2)
    expect(page.get_by_role("link", name="Open both runs side by side")).to_be_visible()
    page.wait_for_url(re.compile("cells="))
    page.reload()
    expect(page.locator(".map .cell.chosen")).to_have_count(2)
    with page.context.expect_page() as other:  # a tab of its own: the map stays
        page.get_by_role("link", name="Open both runs side by side").click()
    expect(other.value.locator(".caption-this").last).to_be_visible()


def test_a_map_works_by_keyboard(chromium, app: Server) -> None:
    """A hundred tab stops, or none."""
    page = visit(chromium, app)
    first = page.locator(".map .cell[tabindex='0']")
    expect(first).to_have_count(1)
    first.focus()
    before = page.locator(".map .told").inner_text()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    expect(page.locator(".map .cell[tabindex='0']")).to_have_count(1)
    assert page.locator(".map .told").inner_text() != before
    page.keyboard.press("Enter")
    expect(page.locator(".map .cell.chosen")).to_have_count(1)
    expect(page.locator(".map .cell.chosen")).to_be_focused()


@pytest.mark.parametrize("size", [LAPTOP, {"width": 390, "height": 844}])
def test_a_map_fits_the_screen(chromium, app: Server, size: dict[str, int]) -> None:
    """Its right half lies beyond the edge of a phone."""
    page = visit(chromium, app)
    page.set_viewport_size(size)
    page.wait_for_timeout(1000)
    boxes = [box for box in (cell.bounding_box() for cell in cells(page).all()) if box]
    assert boxes and all(box["x"] >= 0 and box["x"] + box["width"] <= size["width"]
                         for box in boxes)
    wait_until(page, lambda: page.evaluate(
        "document.documentElement.scrollWidth <= window.innerWidth"))


def test_a_map_goes_on_after_its_server_was_killed(chromium, tmp_path) -> None:
    """A map of an hour begins anew because a machine was restarted."""
    server = Server(tmp_path)
    query = TINY.format(steps=1200)
    page = visit(chromium, server, query)
    press(page, "Fill")
    expect(page.locator(".map .words")).to_contain_text(re.compile("^[1-5] of 6 runs are there"))
    server.process.kill()
    server.process.wait(30)
    page.context.close()
    server = Server(tmp_path)
    page = visit(chromium, server, query)
    expect(page.locator(".map .words")).to_contain_text(re.compile("^[1-5] of 6 runs are there"))
    press(page, "Go on")
    expect(page.locator(".map .words")).to_contain_text("All 6 runs are there")
    page.context.close()
    server.close()
