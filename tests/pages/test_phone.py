"""Pages on a phone and a tablet, in a real Chromium: nothing is covered, cut or out of reach; how
long a page is on a laptop."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from gan_core.config.presets import CHALLENGES
from pages.components.page_frame import TOOLS
from tests.support.browsing import (
    LAPTOP,
    Server,
    address,
    expect,
    fresh_page,
    playwright,
    settle,
    settle_projected,
    wait_until,
)

pytestmark = pytest.mark.browser
PHONE: dict[str, int] = {"width": 390, "height": 844}
TABLET: dict[str, int] = {"width": 820, "height": 1180}
# Pixels of a page at 1280 wide with nothing opened; home has the map of the challenges besides.
TALLEST = {**dict.fromkeys(CHALLENGES, 1900), "baseline": 2000}


@dataclass
class Held:
    """A page on a device that is held in a hand."""

    name: str
    page: playwright.Page
    size: dict[str, int]


@pytest.fixture(scope="module", params=["phone", "tablet"])
def device(request) -> dict[str, int]:
    return {"phone": PHONE, "tablet": TABLET}[request.param]


@pytest.fixture(scope="module", params=[*CHALLENGES, *TOOLS])
def held(request, device: dict[str, int], shared_chromium, app: Server) -> Iterator[Held]:
    """Each page on each device, as it is opened."""
    page = fresh_page(shared_chromium, viewport=device, has_touch=True, is_mobile=True)
    page.goto(address(app.url, request.param))
    settle(page)
    if request.param in CHALLENGES:
        expect(page.locator(".sheet-this :is(img, canvas)").first).to_be_visible()
    yield Held(request.param, page, device)
    page.context.close()


# JavaScript: every control of the main area that is visible and cannot be hit where its centre is,
# once it is scrolled into view; and what lies there instead. Shadow roots are looked into.
OUT_OF_REACH = """async () => {
    const deep = (part) => [...part.querySelectorAll("*")].flatMap(
        (each) => [each, ...(each.shadowRoot ? deep(each.shadowRoot) : [])]);
    const at = (x, y) => {
        let hit = document.elementFromPoint(x, y);
        while (hit?.shadowRoot?.elementFromPoint(x, y)) {
            const inner = hit.shadowRoot.elementFromPoint(x, y);
            if (inner === hit) break;
            hit = inner;
        }
        return hit;
    };
    const holds = (outer, inner) => {
        for (let each = inner; each; each = each.parentNode ?? each.host) {
            if (each === outer) return true;
        }
        return false;
    };
    const name = (each) => `${each?.tagName}.${each?.getAttribute?.("class") ?? ""} ${(each
        ?.getAttribute?.("aria-label") || each?.textContent || "").trim().slice(0, 40)}`;
    const main = document.querySelector("[data-testid=stMain]"), bad = [];
    let count = 0;
    for (const each of deep(main)) {
        if (!each.matches("button, select, summary, input, a[href], [role=slider], [role=radio], "
            + "[role=combobox], [role=tab]")) continue;
        const style = getComputedStyle(each), first = each.getBoundingClientRect();
        if (style.visibility === "hidden" || style.opacity === "0" || first.width < 2
            || first.height < 2 || !each.checkVisibility()) continue;
        count += 1;
        each.scrollIntoView({ block: "center", inline: "nearest" });
        await new Promise((resolve) => requestAnimationFrame(resolve));
        const box = each.getClientRects()[0];
        const [x, y] = [box.left + box.width / 2, box.top + box.height / 2], hit = at(x, y);
        // The label that belongs to a control presses it.
        const label = each.closest("label");
        if (!holds(each, hit) && !(label && holds(label, hit))) {
            bad.push(`${name(each)} at ${Math.round(x)}, ${Math.round(y)}: ${name(hit)}`);
        }
    }
    return { count, bad };
}"""
def test_every_control_can_be_tapped(held: Held) -> None:
    """A finger meets what lies above the button, or the button lies beyond the edge."""
    found = held.page.evaluate(OUT_OF_REACH)
    assert found["count"] >= (10 if held.name in CHALLENGES else 1)
    assert not found["bad"]


def test_nothing_is_wider_than_the_window(held: Held) -> None:
    """Half of a sheet lies beyond the right edge; the page slips from side to side."""
    width = held.size["width"]
    for part in ("html", "[data-testid=stMain]"):
        wait_until(held.page, lambda part=part: held.page.locator(part).evaluate(
            "e => e.scrollWidth - e.clientWidth") <= 0)
    assert held.page.evaluate("visualViewport.width") >= width - 1
    if held.name not in CHALLENGES:
        return
    chip = held.page.locator(".verdict .chip").last
    if chip.count():
        chip.tap()  # its explanation
        expect(chip.locator(".help")).to_be_visible()
        box = chip.locator(".help").bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width
    main = held.page.locator("[data-testid=stMainBlockContainer]").bounding_box()
    parts = (".sheet-this", ".sheet-reference", ".evidence", ".playback", ".verdict", ".charts")
    for part in parts:
        box = held.page.locator(part).first.bounding_box()
        assert box["x"] >= main["x"] and box["x"] + box["width"] <= width, part


def test_sheets_are_as_wide_as_there_is_room(held: Held) -> None:
    """On a phone the samples are a stamp."""
    if held.name not in CHALLENGES:
        pytest.skip("a page without an experiment")
    least = 0.8 * PHONE["width"] if held.size == PHONE else 200
    for run in ("this", "reference"):
        picture = held.page.locator(f".sheet-{run} :is(img, canvas)").first
        box, slot = picture.bounding_box(), held.page.locator(f".sheet-{run}").bounding_box()
        assert box["width"] >= least
        assert slot["height"] <= box["height"] + 40, "a gap below the sheet"


def test_the_verdict_and_its_chips_are_read_in_full(held: Held) -> None:
    """On a narrow screen the sentence ends in mid-word."""
    if held.name not in CHALLENGES:
        pytest.skip("a page without an experiment")
    for part in (".verdict .text", ".verdict .numbers"):
        assert held.page.locator(part).evaluate("e => e.scrollHeight - e.clientHeight") <= 2, part


# --- as it is used --------------------------------------------------------------------------------


def test_a_phone_predicts_plays_and_applies_the_remedy(chromium, app: Server) -> None:
    """What can be pressed with a mouse does nothing under a finger."""
    page = fresh_page(chromium, viewport=PHONE, has_touch=True, is_mobile=True, asked=False)
    page.goto(address(app.url, "mode_collapse"))
    settle(page)
    page.get_by_role("button", name="about half").tap()
    expect(page.locator(".caption-this")).to_contain_text("step 1000")
    expect(page.locator(".verdict")).to_contain_text("You predicted about half")
    page.get_by_role("radio", name="Fix it").tap()
    expect(page.locator(".caption-this")).to_contain_text("3 D steps")
    page.get_by_role("radio", name="Break it").tap()
    expect(page.locator(".caption-this")).to_contain_text("1 D step")
    settle(page)
    page.get_by_role("button", name="Apply remedy").tap()
    expect(page.locator(".progress")).to_contain_text(
        re.compile(r"step [1-9]|Finished|place|Starting"))
    page.get_by_role("button", name="Stop", exact=True).tap()
    expect(page.locator(".progress")).to_contain_text(re.compile("Stopped|Finished"))


def test_the_sidebar_of_a_phone_does_not_cover_the_first_visit(chromium, app: Server) -> None:
    """A newcomer on a phone sees ten sliders, and no page."""
    page = fresh_page(chromium, viewport=PHONE, has_touch=True, is_mobile=True, asked=False)
    page.goto(address(app.url, "mode_collapse"))
    settle(page)
    expect(page.locator("[data-testid=stSidebar][aria-expanded=true]")).to_have_count(0)
    expect(page.locator(".question")).to_be_visible()


@pytest.mark.parametrize("name", CHALLENGES)
def test_a_page_is_short_as_long_as_nothing_is_opened(chromium, app: Server, name: str) -> None:
    """A page of seven screens, of which nobody reads the last five."""
    page = fresh_page(chromium, viewport=LAPTOP)
    page.goto(address(app.url, name))
    settle(page)
    expect(page.locator(".charts figure").first).to_be_attached()
    page.wait_for_timeout(500)
    height = page.locator("[data-testid=stMainBlockContainer]").bounding_box()["height"]
    assert height <= TALLEST[name]


def test_a_projector_layout_does_not_lock_a_phone(chromium, app: Server) -> None:
    """A student opens the teacher's address on a phone, and cannot leave its layout."""
    page = fresh_page(chromium, viewport=PHONE, has_touch=True, is_mobile=True)
    page.goto(address(app.url, "mode_collapse", "projector=1"))
    settle_projected(page)
    assert not page.evaluate(OUT_OF_REACH)["bad"]
    page.get_by_role("button", name="Leave projector").tap()
    expect(page.locator("[class*=folded-claims]")).to_be_visible()
