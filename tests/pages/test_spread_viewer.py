"""Seeds and small changes in a real Chromium: they appear one after another, without a reload."""

from __future__ import annotations

import pytest

from tests.support.browsing import Server, button, enter, expect, playwright, press, unfold

pytestmark = pytest.mark.browser
QUICK = "v=1&dataset=grid&steps=300&batch_size=16&dropout=0.21"


def visit(chromium, app: Server, query: str = "") -> playwright.Page:
    page = enter(chromium, f"{app.url}/mode_collapse{'?' if query else ''}{query}")
    expect(page.locator("[class*=folded-spread]")).to_be_visible()
    unfold(page, "spread")
    return page


def test_bands_appear_while_one_watches(chromium, app: Server) -> None:
    """Whoever waits for the seeds has to reload the page."""
    page = visit(chromium, app, QUICK)
    expect(page.locator(".study .words")).to_contain_text("None of 9 runs")
    press(page, "Train the other runs")
    expect(button(page, "Stop these runs")).to_be_visible()
    expect(page.get_by_text("Small changes of the learning-rate ratio")).to_be_visible()
    expect(page.locator(".study")).to_have_count(0)  # nothing is missing any more
    expect(button(page, "Stop these runs")).not_to_be_visible()


def test_both_bands_are_drawn_as_soon_as_they_are_opened(chromium, app: Server) -> None:
    """A chart stays empty in the browser although its data are there."""
    page = visit(chromium, app)
    expect(page.get_by_text("Seed by seed the reference")).to_be_visible()
    for title in ("Under 5 seeds", "With the learning-rate ratio"):
        drawn = page.locator("svg, canvas").filter(has_text=title)
        expect(drawn.first).to_be_visible()
        # Two areas, two medians: this run's and the reference's.
        assert drawn.first.locator(".mark-area path").count() == 2
