"""Reruns of a page leave what is shown as it is: its parts share one feed of each run."""

from __future__ import annotations

import pytest

from tests.support.browsing import (
    Server,
    button,
    expect,
    fresh_page,
    settle,
    slider,
)

pytestmark = pytest.mark.browser


def test_a_moved_slider_leaves_sheets_and_playback_alone(chromium, app: Server) -> None:
    """Each rerun empties the left sheet for a moment, and ends what is being played."""
    page = fresh_page(chromium)
    page.goto(f"{app.url}/mode_collapse")
    settle(page)
    expect(page.locator(".sheet-this img")).to_be_visible()
    sheet = page.locator(".sheet-this img").element_handle()
    slider(page, "Dropout in D").press("ArrowRight")
    expect(button(page, "Train")).not_to_contain_text("yourself")
    settle(page)
    assert sheet.evaluate("e => e.isConnected")
    page.locator(".speed").select_option("0.25")
    page.get_by_role("button", name="Play", exact=True).click()
    slider(page, "Dropout in D").press("ArrowRight")
    settle(page)
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    expect(page.locator(".verdict .text")).not_to_have_text("…")


def test_a_question_cannot_be_played_past(chromium, app: Server) -> None:
    """The sheets give the answer away while the question still stands beside them."""
    page = fresh_page(chromium, asked=False)
    page.goto(f"{app.url}/mode_collapse")
    question = page.locator(".question")
    expect(question).to_be_visible()
    expect(page.locator(".look-back input")).to_be_disabled()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".look-back output")).to_have_text("step 0")
    page.keyboard.press(" ")  # skips it
    expect(question).to_be_hidden()
    expect(page.locator(".look-back output")).to_have_text("step 1000")
    expect(page.locator(".verdict")).to_have_class("verdict error")
