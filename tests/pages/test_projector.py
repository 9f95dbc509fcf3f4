"""A page on a projector, in a real Chromium: two large sheets, letters for the last row, keys."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from gan_core.config.presets import CHALLENGES
from tests.support.axe import serious
from tests.support.browsing import (
    PROJECTOR,
    Server,
    address,
    choose,
    copied_link,
    expect,
    fresh_page,
    inside,
    playwright,
    press,
    settle_projected,
    slider,
    wait_for_theme,
    wait_until,
)

pytestmark = pytest.mark.browser
NAME = "mode_collapse"
HEALTHY = re.compile(r"rates? (G )?0\.001\b")  # in the caption of its healthy preset
LEAST_SHEET, LEAST_LETTER, LEAST_LINE = 560, 24, 3  # pixels


def projected(chromium, app: Server, name: str, **options: object) -> playwright.Page:
    page = fresh_page(chromium, viewport=PROJECTOR, **options)
    page.goto(address(app.url, name, "projector=1"))
    settle_projected(page)
    expect(page.locator(".sheet-this :is(img, canvas)").first).to_be_visible()
    return page


@pytest.fixture(scope="module", params=CHALLENGES)
def page(request, shared_chromium, app: Server) -> Iterator[playwright.Page]:
    """Each page on a projector, opened once for all tests of this section."""
    opened = projected(shared_chromium, app, request.param, color_scheme="light")
    yield opened
    opened.context.close()


# JavaScript: of every word and every line of data beside the sheets, how large it is on the screen.
SIZES = """() => {
    const all = (what) => [...document.querySelectorAll("*")].map((each) => each.shadowRoot)
        .filter(Boolean).flatMap((root) => [...root.querySelectorAll(what)]);
    const visible = (each) => each.getClientRects().length > 0;
    const scale = (each) => Math.hypot(each.getScreenCTM().a, each.getScreenCTM().b);
    const letters = [], lines = [];
    for (const text of all(".evidence svg text").filter(visible)) {
        letters.push([text.textContent,
            parseFloat(getComputedStyle(text).fontSize) * scale(text)]);
    }
    for (const words of all(".evidence-body *").filter(visible)) {
        const own = [...words.childNodes].some(
            (node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
        if (own && !(words instanceof SVGElement)) {
            letters.push([words.textContent, parseFloat(getComputedStyle(words).fontSize)]);
        }
    }
    for (const line of all(".evidence path.line").filter(visible)) {
        lines.push(parseFloat(getComputedStyle(line).strokeWidth) * scale(line));
    }
    return { letters, lines };
}"""
# JavaScript: what is beyond the window or beyond the frame that holds it, in words.
BEYOND = """() => {
    const beyond = [];
    const deep = (part) => [...part.querySelectorAll("*")].flatMap(
        (each) => [each, ...(each.shadowRoot ? deep(each.shadowRoot) : [])]);
    const main = document.querySelector("[data-testid=stMain]");
    for (const each of deep(main)) {
        const box = each.getBoundingClientRect(), style = getComputedStyle(each);
        if (!box.width || !box.height || style.visibility === "hidden") continue;
        if (!each.textContent.trim() && !each.matches("img, canvas, input, path, svg")) continue;
        if (box.left < -1 || box.right > innerWidth + 1 || box.top < -1
            || box.bottom > innerHeight + 1) {
            beyond.push(`${each.tagName}.${each.getAttribute("class")}: ${each.textContent
                .trim().slice(0, 40)} ${Math.round(box.right)} × ${Math.round(box.bottom)}`);
        }
        if (each.tagName === "text") {
            const frame = each.ownerSVGElement.getBoundingClientRect();
            // Above a line of letters there is room for accents, which none of them has.
            if (box.right > frame.right + 2 || box.bottom > frame.bottom + 2
                || box.left < frame.left - 8 || box.top < frame.top - 8) {
                beyond.push(`cut: ${each.textContent}`);
            }
        }
    }
    return beyond;
}"""


def test_two_large_sheets_and_no_sidebar(page: playwright.Page) -> None:
    """The last row sees two stamps, beside sliders that nobody moves."""
    expect(page.locator("[data-testid=stSidebar]")).not_to_be_visible()
    for run in ("this", "reference"):
        box = page.locator(f".sheet-{run} :is(img, canvas)").first.bounding_box()
        assert min(box["width"], box["height"]) >= LEAST_SHEET
        assert inside(box, PROJECTOR)


def test_letters_and_lines_can_be_read_from_the_last_row(page: playwright.Page) -> None:
    """The one chart that is left has axes that nobody can read."""
    sizes = page.evaluate(SIZES)
    assert sizes["letters"]
    assert not [words for words, size in sizes["letters"] if size < LEAST_LETTER]
    assert not [width for width in sizes["lines"] if width < LEAST_LINE]
    name = page.locator(".verdict .name")
    expect(name).to_be_visible()
    assert float(name.evaluate("e => parseFloat(getComputedStyle(e).fontSize)")) >= LEAST_LETTER
    assert len(name.inner_text().split()) <= 3, "two words, or a few"


def test_everything_is_within_the_window(page: playwright.Page) -> None:
    """A teacher must scroll, or words are cut off by their frame."""
    assert not page.evaluate(BEYOND)
    main = page.locator("[data-testid=stMain]")
    assert main.evaluate("e => e.scrollHeight") <= PROJECTOR["height"]
    assert main.evaluate("e => e.scrollWidth") <= PROJECTOR["width"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_keeps_people_from_reading_it(page: playwright.Page, scheme: str) -> None:
    """Words without contrast, on a projector of all things; or a control without a name."""
    page.emulate_media(color_scheme=scheme)
    wait_for_theme(page, scheme)
    assert not serious(page)


# --- as it is used --------------------------------------------------------------------------------


def test_keys_show_presets_and_leave(chromium, app: Server) -> None:
    """A teacher must find the mouse; or leaves the projector and has lost the run."""
    page = projected(chromium, app, NAME)
    caption = page.locator(".caption-this")
    for key, words in (("f", "3 D steps"), ("b", "1 D step"), ("h", HEALTHY), ("B", "1 D step")):
        page.keyboard.press(key)
        expect(caption).to_contain_text(words)
        settle_projected(page)
    page.keyboard.press("f")
    expect(caption).to_contain_text("3 D steps")
    settle_projected(page)
    page.keyboard.press("Escape")
    expect(page.locator("[data-testid=stSidebar]")).to_be_visible()
    expect(caption).to_contain_text("3 D steps")
    expect(page.get_by_role("button", name="Leave projector")).not_to_be_visible()
    expect(page).not_to_have_url(re.compile("projector"))
    expect(page.locator("[class*=folded-claims]")).to_be_visible()  # the rest is there again
    page.keyboard.press("b")  # of the projector alone
    page.wait_for_timeout(1000)
    expect(caption).to_contain_text("3 D steps")


@pytest.mark.parametrize("before", ["preset", "play"])
def test_keys_work_after_a_button_was_pressed(chromium, app: Server, before: str) -> None:
    """One press with the mouse, and the keys are dead until somebody clicks elsewhere."""
    page = projected(chromium, app, NAME)
    if before == "preset":
        choose(page, "Healthy")
        expect(page.locator(".caption-this")).to_contain_text(HEALTHY)
    else:
        page.locator(".playback .play").click()
    settle_projected(page)
    page.keyboard.press("f")
    expect(page.locator(".caption-this")).to_contain_text("3 D steps")


def test_space_and_arrows_play_and_step(chromium, app: Server) -> None:
    """On a projector, where they matter most, they do nothing."""
    page = projected(chromium, app, NAME)
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".caption-this")).not_to_contain_text("step 1000")
    page.keyboard.press("Space")
    expect(page.locator(".caption-this")).to_contain_text("step 1000")


def test_every_key_does_no_harm(chromium, app: Server) -> None:
    """A finger slips, and the page breaks: A where nothing is asked, a dead key, a function key."""
    page = projected(chromium, app, NAME)
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    for key in ("a", "A", "x", "1", "F2", "Tab", "Shift", "Home", "End"):
        page.keyboard.press(key)
    page.wait_for_timeout(500)
    assert not broken
    expect(page.locator(".sheet-this img")).to_be_visible()


def test_a_class_is_asked_and_a_answers(chromium, app: Server) -> None:
    """A class predicts, and the teacher goes to the mouse to see who was right."""
    page = projected(chromium, app, NAME, asked=False)
    expect(page.locator(".question")).to_be_visible()
    assert not page.evaluate(BEYOND)
    page.keyboard.press("a")
    expect(page.locator(".question")).not_to_be_visible()
    expect(page.locator(".caption-this")).to_contain_text("step 1000")


def test_it_survives_a_reload(chromium, app: Server) -> None:
    """The beamer flickers, somebody reloads, and the page is small; or shows another run."""
    page = projected(chromium, app, NAME)
    page.keyboard.press("f")
    expect(page.locator(".caption-this")).to_contain_text("3 D steps")
    settle_projected(page)
    page.reload()
    settle_projected(page)
    expect(page.locator(".caption-this")).to_contain_text("3 D steps")
    expect(page.locator("[data-testid=stSidebar]")).not_to_be_visible()
    expect(page.get_by_role("button", name="Leave projector")).to_be_visible()


def test_it_is_entered_from_wherever_one_is(chromium, app: Server) -> None:
    """After a slider was moved, the button leads to a page that is half laid out for one."""
    page = fresh_page(chromium, viewport=PROJECTOR)
    page.goto(address(app.url, NAME))
    expect(page.locator("[class*=folded-claims]")).to_be_visible()
    slider(page, "Dropout in D").press("ArrowRight")
    page.wait_for_url("**dropout=0.05*")
    settle_projected(page)
    press(page, "Projector")
    expect(page.get_by_role("button", name="Leave projector")).to_be_visible()
    expect(page.locator("[data-testid=stSidebar]")).not_to_be_visible()
    expect(page).to_have_url(re.compile("projector=1"))
    press(page, "Leave projector")
    expect(page.locator("[data-testid=stSidebar]")).to_be_visible()
    expect(slider(page, "Dropout in D")).to_have_attribute("aria-valuetext", re.compile("^0.05"))
    assert "projector" not in copied_link(page)


def test_nothing_moves_while_it_plays(chromium, app: Server) -> None:
    """Sheets jump as the verdict above them grows and shrinks."""
    page = projected(chromium, app, NAME)
    parts = [".verdict", ".sheet-this", ".sheet-reference", ".evidence", ".playback"]

    def places() -> list[dict[str, float]]:
        return [page.locator(part).bounding_box() for part in parts]

    still, seen = places(), []
    page.locator(".playback .play").click()
    wait_until(page, lambda: bool(seen.append(places()) or page.locator(
        ".playback .play").get_attribute("aria-label") == "Play"))
    assert len(seen) > 3 and all(place == still for place in seen)
