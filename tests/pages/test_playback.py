"""Playback in a real Chromium: sheets, numbers, verdict and cursors move together, by button, bar
and key, and the server hears of it when it has come to rest."""

from __future__ import annotations

import itertools
import re
import statistics
from collections.abc import Iterator

import pytest

from tests.support.axe import serious
from tests.support.browsing import (
    SHEETS,
    Server,
    address,
    button,
    choose,
    enter,
    expect,
    fresh_page,
    playwright,
    press,
    settle,
    slider,
    unfold,
    wait_for_theme,
    wait_until,
)

pytestmark = pytest.mark.browser
PAGE = "mode_collapse"

# JavaScript: notes when this page sends something to Streamlit.
NOTES_WHAT_IS_SENT = """window.sent = [];
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (...of) {
        window.sent.push(performance.now());
        return send.apply(this, of);
    };"""

# JavaScript: notes what stands on the page whenever it is painted and has changed.
WATCH = """() => {
    const root = [...document.querySelectorAll("*")].map((each) => each.shadowRoot)
        .filter(Boolean), all = (what) => [document, ...root].flatMap(
            (part) => [...part.querySelectorAll(what)]);
    const words = (what) => all(what)[0]?.textContent ?? "";
    const step = (text) => { const found = /step (\\d+)/.exec(text); return found && +found[1]; };
    const cursor = (chart) => {
        const line = chart.querySelector("path.now");
        return line && parseFloat(line.getAttribute("d").slice(1));
    };
    window.seen = [];
    window.watching = true;
    const look = () => {
        const now = {
            sheet: step(all(".sheet-this img")[0]?.alt ?? ""),
            beside: step(all(".sheet-reference img")[0]?.alt ?? ""),
            caption: step(words(".caption-this")), bar: step(words(".look-back output")),
            histogram: step(words(".evidence .title")), verdict: step(words(".verdict .stamp")),
            cursors: all(".charts figure").map(cursor),
        };
        const last = window.seen.at(-1);
        if (!last || JSON.stringify(last.now) !== JSON.stringify(now)) {
            window.seen.push({ at: performance.now(), now });
        }
        if (window.watching) requestAnimationFrame(look);
    };
    look();
}"""


@pytest.fixture
def page(chromium, app: Server) -> Iterator[playwright.Page]:
    """The page of the mode collapse, whose recorded runs stand at their ends."""
    opened = fresh_page(chromium)
    opened.add_init_script(NOTES_WHAT_IS_SENT)
    opened.goto(address(app.url, PAGE))
    settle(opened)
    expect(opened.locator(".sheet-this img")).to_be_visible()
    expect(playing(opened)).to_have_attribute("aria-label", "Play")
    # Until then the sidebar asks every two seconds whether they are.
    expect(opened.get_by_text("1 of 1 workers ready")).to_be_visible()
    yield opened


def playing(page: playwright.Page) -> playwright.Locator:
    """The button that plays, and pauses."""
    return page.locator(".playback .play")


def bar(page: playwright.Page) -> playwright.Locator:
    return page.locator(".look-back input")


def at(page: playwright.Page) -> int:
    """The step at which the slider stands."""
    return int(page.locator(".look-back output").inner_text().removeprefix("step "))


def wait_for_sheet(page: playwright.Page, step: int) -> None:
    for run in ("this", "reference"):
        expect(page.locator(f".sheet-{run} img")).to_have_attribute(
            "alt", re.compile(f"at step {step}, "))


# --- a button -------------------------------------------------------------------------------------


def test_playback_moves_everything_together_and_asks_nobody(page: playwright.Page) -> None:
    """The sheets of step 500 stand beside the histogram of step 1000; or each frame has the server
    run the page."""
    page.set_viewport_size({"width": 1280, "height": 1300})  # what is out of sight is not drawn
    steps = page.evaluate(SHEETS)
    bar(page).press("Home")
    wait_for_sheet(page, steps[0])
    playing(page).hover()  # sheets are fetched ahead
    page.wait_for_timeout(1500)
    settle(page)
    page.evaluate(WATCH)
    before = page.evaluate("performance.now()")
    playing(page).click()
    expect(playing(page)).to_have_attribute("aria-label", "Pause")
    wait_for_sheet(page, steps[-1])
    page.evaluate("() => { window.watching = false; }")
    seen = page.evaluate("window.seen")
    # Where it came to rest is sent in the moment in which the last sheet is shown, before that is
    # painted: until the painting before it, nothing may have been sent.
    playing_until = max(each["at"] for each in seen if each["now"]["sheet"] != steps[-1])
    assert playing_until > before
    assert not [sent for sent in page.evaluate("window.sent") if before < sent < playing_until]
    wait_until(page, lambda: page.evaluate("window.sent.at(-1)") > before)  # where it came to rest
    _is_whole(seen, steps)
    # Whatever the machine has to do besides, no sheet is shown for less than a tenth of a second.
    times = {each["now"]["sheet"]: each["at"] for each in reversed(seen)}
    between = [times[later] - times[step] for step, later in itertools.pairwise(steps)
               if step in times and later in times]
    assert 80 <= statistics.median(between) <= 400


def _is_whole(seen: list[dict], steps: list[int]) -> None:
    """Whether sheets, words and cursors told of the same step in each painting."""
    moving = [each["now"] for each in seen]
    assert len({now["sheet"] for now in moving}) > 0.8 * len(steps), "sheets were left out"
    paintings = [now for now in moving if now["sheet"] is not None]
    apart = [now for now in paintings if not (
        now["sheet"] == now["beside"] == now["caption"] == now["bar"])]
    # A sheet that is drawn for the first time may be decoded a moment after its caption.
    assert len(apart) <= 0.1 * len(paintings), apart
    for now in paintings:
        for measured in (now["histogram"], now["verdict"]):
            assert measured is None or measured <= now["bar"], "of a later step"
        assert now["histogram"] == now["verdict"] or now["verdict"] is None
    assert len({now["histogram"] for now in paintings}) >= 3
    assert len({now["verdict"] for now in paintings}) >= 3
    cursors = {now["bar"]: now["cursors"] for now in paintings if all(
        place is not None for place in now["cursors"])}
    assert len(cursors) > 0.6 * len(steps), "the charts have no cursor"
    (first, low), (last, high) = min(cursors.items()), max(cursors.items())
    for step, places in cursors.items():
        for place, begin, end in zip(places, low, high, strict=True):
            share = (step - first) / (last - first)
            assert place == pytest.approx(begin + share * (end - begin), abs=1.0)


def test_it_can_be_paused_and_begins_anew_at_its_end(page: playwright.Page) -> None:
    """*Play* at the end does nothing, or cannot be stopped."""
    steps = page.evaluate(SHEETS)
    page.locator(".playback .speed").select_option("0.25")
    playing(page).click()
    wait_until(page, lambda: 0 < at(page) < steps[-1])
    playing(page).click()
    expect(playing(page)).to_have_attribute("aria-label", "Play")
    paused = at(page)
    page.wait_for_timeout(1500)
    assert at(page) == paused in steps
    wait_for_sheet(page, paused)
    for name, step in (("first", steps[0]), ("last", steps[-1])):
        page.locator(f".playback .{name}").click()
        wait_for_sheet(page, step)


def test_the_difference_and_the_verdict_are_those_of_the_moment(page: playwright.Page) -> None:
    """A run that is still healthy at step 250 stands below the verdict of its end."""
    end = page.locator(".verdict").inner_text()
    assert "At step 1 000" in page.locator(".difference").inner_text()
    bar(page).press("Home")
    expect(page.locator(".verdict")).to_contain_text("too early")
    expect(page.locator(".difference")).to_have_text("")
    while at(page) < 400:
        bar(page).press("ArrowRight")
    step = at(page)
    expect(page.locator(".verdict .stamp")).to_have_text(
        re.compile(f"measured at step {250 * (step // 250)}"))
    expect(page.locator(".difference")).to_contain_text(re.compile(f"At step {step // 250 * 250}"))
    bar(page).press("End")
    wait_until(page, lambda: page.locator(".verdict").inner_text() == end)


# --- the slider -----------------------------------------------------------------------------------


def test_a_drag_is_followed_and_snaps_to_sheets(page: playwright.Page) -> None:
    """The sheets change when the finger is lifted; or the slider stands where there are none."""
    steps = page.evaluate(SHEETS)
    playing(page).hover()
    page.wait_for_timeout(1500)
    settle(page)
    box = bar(page).bounding_box()
    middle, right = box["y"] + box["height"] / 2, box["x"] + box["width"]
    page.mouse.move(right - 10, middle)
    page.mouse.down()
    sent, passed = page.evaluate("window.sent.length"), []
    for share in (0.83, 0.61, 0.37, 0.21):
        page.mouse.move(box["x"] + share * box["width"], middle, steps=4)
        wait_until(page, lambda share=share: abs(at(page) - share * steps[-1]) < 60)
        step = at(page)
        assert step in steps
        assert float(bar(page).input_value()) == step, "the handle stands between two sheets"
        wait_for_sheet(page, step)
        passed.append(step)
    assert passed == sorted(passed, reverse=True) and len(set(passed)) == len(passed)
    page.wait_for_timeout(500)
    assert page.evaluate("window.sent.length") == sent, "the page runs while it is dragged"
    page.mouse.up()
    wait_until(page, lambda: page.evaluate("window.sent.length") > sent)
    settle(page)
    assert at(page) == passed[-1], "the page has run, and lost its place"


def test_a_drag_stops_what_plays(page: playwright.Page) -> None:
    """Finger and playback fight over the slider."""
    page.locator(".playback .speed").select_option("0.25")
    playing(page).click()
    wait_until(page, lambda: at(page) > 0)
    box = bar(page).bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(playing(page)).to_have_attribute("aria-label", "Play")
    step = at(page)
    page.wait_for_timeout(1000)
    assert at(page) == step and abs(step - 500) <= 60


# --- keys -----------------------------------------------------------------------------------------


def test_space_plays_and_arrows_step(page: playwright.Page) -> None:
    """A teacher at the back of the room has a keyboard, and it does nothing."""
    steps = page.evaluate(SHEETS)
    page.locator("h1").click()  # nothing has the focus
    page.keyboard.press("ArrowLeft")
    wait_for_sheet(page, steps[-2])
    page.keyboard.press("ArrowLeft")
    wait_for_sheet(page, steps[-3])
    page.keyboard.press("ArrowRight")
    wait_for_sheet(page, steps[-2])
    settle(page)
    scrolled = page.locator(".stMain").evaluate("e => e.scrollTop")
    page.locator(".playback .first").click()
    page.locator("h1").click()
    page.locator(".playback .speed").evaluate("e => { e.value = '0.25'; }")
    page.keyboard.press("Space")
    expect(playing(page)).to_have_attribute("aria-label", "Pause")
    wait_until(page, lambda: at(page) > steps[1])
    page.keyboard.press("Space")
    expect(playing(page)).to_have_attribute("aria-label", "Play")
    assert page.locator(".stMain").evaluate("e => e.scrollTop") == scrolled, "the page has jumped"


def test_arrows_step_after_a_press_of_play(page: playwright.Page) -> None:
    """Whoever has pressed *Play*, or answered, has the button's focus: the keys are dead."""
    steps = page.evaluate(SHEETS)
    playing(page).click()
    wait_for_sheet(page, steps[-1])
    expect(playing(page)).to_have_attribute("aria-label", "Play")
    page.keyboard.press("ArrowLeft")
    wait_for_sheet(page, steps[-2])


def test_keys_are_left_to_what_has_the_focus(page: playwright.Page) -> None:
    """Typing a schedule plays the run, and a slider of the sidebar cannot be moved by keys."""
    still = at(page)
    page.locator("[class*=more] summary").first.click()
    field = page.locator("[data-testid=stTextInput] input").first
    field.click()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowLeft")
    page.keyboard.type("b f")
    assert field.input_value() == "b f "
    field.fill("")
    dropout = slider(page, "Dropout in D")
    dropout.focus()
    page.keyboard.press("ArrowRight")
    expect(dropout).to_have_attribute("aria-valuetext", re.compile("^0.05"))
    settle(page)
    page.keyboard.press("Space")
    page.wait_for_timeout(500)
    expect(playing(page)).to_have_attribute("aria-label", "Play")
    assert at(page) == still
    button(page, "Link").focus()
    page.keyboard.press("Space")  # presses the button
    expect(page.locator("[data-testid=stPopoverBody] code")).to_be_visible()
    assert at(page) == still


def test_the_page_does_not_play_what_is_no_longer_shown(page: playwright.Page) -> None:
    """*Fix it* while the failure plays: the remedy is wound forward, or the keys move both."""
    page.locator(".playback .speed").select_option("0.25")
    playing(page).click()
    wait_until(page, lambda: 0 < at(page) < 900)
    choose(page, "Fix it")
    expect(page.locator(".caption-this")).to_contain_text("3 D steps")
    expect(playing(page)).to_have_attribute("aria-label", "Play")
    settle(page)
    assert at(page) == 1000
    wait_for_sheet(page, 1000)
    unfold(page, "claims")
    page.locator("h1").click()
    page.keyboard.press("ArrowLeft")
    steps = page.evaluate(SHEETS)
    wait_for_sheet(page, steps[-2])  # by one, not by two


# --- a first visit --------------------------------------------------------------------------------


@pytest.fixture
def newcomer(chromium, app: Server) -> Iterator[playwright.Page]:
    """The same page in a browser that has never seen it."""
    opened = fresh_page(chromium, asked=False)
    opened.goto(address(app.url, PAGE))
    settle(opened)
    expect(opened.locator(".question")).to_be_visible()
    yield opened


def test_a_first_visit_predicts_before_the_answer(newcomer: playwright.Page) -> None:
    """The verdict stands there before anybody has thought; or the prediction is never answered."""
    page = newcomer
    answers = page.locator(".question button")
    expect(answers).to_have_count(4)  # three, and a way around them
    wait_for_sheet(page, 0)
    page.wait_for_timeout(1500)
    assert at(page) == 0, "it plays before it was answered"
    verdict = page.locator(".verdict")
    expect(verdict).to_contain_text("What will happen?")
    expect(page.locator(".verdict .chip")).to_have_count(0)
    expect(page.locator(".verdict .stamp")).to_have_text("")
    assert page.locator(".difference").inner_text() == ""
    expect(page.locator(".evidence-body")).not_to_be_visible()
    page.get_by_role("button", name="about half").click()
    expect(page.locator(".question")).not_to_be_visible()
    wait_until(page, lambda: 0 < at(page) < 1000)
    wait_for_sheet(page, 1000)
    expect(verdict).to_contain_text(
        re.compile(r"You predicted about half: it is .*share of modes present"))
    expect(page.locator(".evidence svg .title")).to_contain_text("step 1000")
    page.reload()
    settle(page)
    wait_for_sheet(page, 1000)
    expect(page.locator(".question")).not_to_be_visible()
    expect(page.locator(".verdict .chip").first).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_keeps_people_from_answering(
    newcomer: playwright.Page, scheme: str
) -> None:
    """The first thing that a visitor meets cannot be read, or has no name."""
    newcomer.emulate_media(color_scheme=scheme)
    wait_for_theme(newcomer, scheme)
    assert not serious(newcomer)


def test_the_prediction_can_be_skipped(newcomer: playwright.Page) -> None:
    """Whoever does not want to answer cannot see the run."""
    page = newcomer
    press(page, "Skip and play")
    expect(page.locator(".question")).not_to_be_visible()
    wait_for_sheet(page, 1000)
    expect(page.locator(".verdict .chip").first).to_be_visible()
    assert "You predicted" not in page.locator(".verdict").inner_text()


def test_a_preset_is_an_answer_too(newcomer: playwright.Page) -> None:
    """*Fix it*, pressed first, hides the remedy behind the question about the failure."""
    page = newcomer
    choose(page, "Fix it")
    expect(page.locator(".question")).not_to_be_visible()
    wait_for_sheet(page, 1000)
    expect(page.locator(".caption-this")).to_contain_text("3 D steps")
    expect(page.locator(".verdict .chip").first).to_be_visible()


def test_each_page_asks_once_and_a_link_not_at_all(chromium, app: Server) -> None:
    """A link to a run opens with a question; or the second page never asks."""
    page = fresh_page(chromium, asked=False)
    page.goto(address(app.url, PAGE, "v=1"))
    settle(page)
    expect(page.locator(".sheet-this, .verdict").first).to_be_visible()
    expect(page.locator(".question")).not_to_be_visible()
    for name in (PAGE, "baseline"):
        page.goto(address(app.url, name))
        expect(page.locator(".question")).to_be_visible()
        press(page, "Skip and play")
        page.goto(address(app.url, name))
        settle(page)
        expect(page.locator(".sheet-this img")).to_be_visible()
        expect(page.locator(".question")).not_to_be_visible()
    again = enter(chromium, address(app.url, PAGE))  # who was asked before
    settle(again)
    expect(again.locator(".question")).not_to_be_visible()
