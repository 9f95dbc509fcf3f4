"""The page of runs in a browser, on a server that several people share: found, ticked, compared,
read by whoever does not see well, and nobody else's."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterator

import pytest

from tests.support.axe import serious
from tests.support.browsing import (
    PATIENCE,
    Server,
    address,
    enter,
    expect,
    fresh_page,
    playwright,
    wait_for_theme,
    wait_until,
)
from tests.support.many_runs import made_up_runs

pytestmark = pytest.mark.browser
MADE = 9


class Shared:
    """A server of several people with made-up runs, two of them long, and Anna, who was sent all of
    the short ones but the last."""

    def __init__(
        self, server: Server, runs: list[str], long: list[str], anna: playwright.Page
    ) -> None:
        self.server, self.runs, self.long, self.anna = server, runs, long, anna


@pytest.fixture(scope="module")
def shared(tmp_path_factory, shared_chromium) -> Iterator[Shared]:
    store = tmp_path_factory.mktemp("shared-store")
    runs = made_up_runs(store, MADE)
    long = made_up_runs(store, 2, steps=3000, first=50)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GAN_LAB_HOSTED", "1")
        server = Server(store)
    anna = fresh_page(shared_chromium, color_scheme="light")
    anna.goto(f"{server.url}/runs?runs={'.'.join(runs[:8])}")
    expect(rows(anna).first).to_be_visible()
    yield Shared(server, runs, long, anna)
    anna.context.close()
    server.close()


def rows(page: playwright.Page) -> playwright.Locator:
    return page.locator(".run-table tbody tr")


def ticked(page: playwright.Page) -> int:
    return page.locator(".run-table tbody input:checked").count()


def calm(page: playwright.Page) -> None:
    app = page.locator("[data-testid=stApp]")
    expect(app).to_have_attribute("data-test-script-state", "notRunning")


def test_a_visitor_sees_none_of_anothers_runs(shared: Shared, chromium) -> None:
    """A class reads each other's runs, names and notes."""
    bert = enter(chromium, f"{shared.server.url}/runs?find=this+server")
    expect(bert.locator(".run-table .words")).to_contain_text("No run matches")
    bert.get_by_role("searchbox", name="Filter").fill("")
    expect(rows(bert).first).to_be_visible()
    told = bert.locator(".run-table").inner_text()
    assert not [digest for digest in shared.runs if digest[:6] in told]
    assert "Mode collapse: " in told  # the recorded ones are there


def test_a_run_is_found_ticked_and_compared_and_a_reload_keeps_it(
    shared: Shared, chromium
) -> None:
    """Quick ticks are lost, the comparison misses a run, or a reload begins anew."""
    page = fresh_page(chromium)
    page.goto(f"{shared.server.url}/runs?runs={'.'.join(shared.runs[:6])}")
    expect(page.locator(".run-charts figure.chart").first).to_be_visible()
    page.get_by_role("button", name="Untick all").click()
    expect(page.locator(".run-charts")).to_have_count(0)
    page.get_by_role("searchbox", name="Filter").fill("shared with you mnist")
    expect(rows(page)).to_have_count(3)
    for place in range(3):  # as fast as a hand can
        page.locator(".run-table tbody input").nth(place).click()
    expect(page.locator(".run-sheets figure")).to_have_count(3)
    assert ticked(page) == 3
    expect(page.locator(".run-settings thead th")).to_have_count(3)
    wait_until(page, lambda: "find=" in page.url and page.url.count(".") >= 4)
    page.reload()
    expect(page.locator(".run-sheets figure")).to_have_count(3)
    expect(rows(page)).to_have_count(3)
    assert ticked(page) == 3
    assert page.get_by_role("searchbox", name="Filter").input_value() == "shared with you mnist"


def axis(chart: playwright.Locator) -> list[str]:
    """The steps that stand below a chart."""
    return chart.locator(".along").all_text_contents()


def test_charts_share_zoom_cursor_and_smoothing(shared: Shared, chromium) -> None:
    """Each chart is read at another step; or smoothing is not what the slider says."""
    page = fresh_page(chromium, viewport={"width": 1280, "height": 2600})
    page.goto(f"{shared.server.url}/runs?runs={'.'.join(shared.runs[:3])}")
    charts = page.locator(".run-charts figure.chart svg[role=img]")
    expect(charts.first).to_be_visible()
    expect(page.locator(".run-sheets .none")).to_have_count(3)  # nothing moves any more
    calm(page)
    box = charts.first.bounding_box()
    middle = box["height"] / 2
    charts.first.hover(position={"x": 0.4 * box["width"], "y": middle})
    expect(page.locator(".run-charts .under")).to_have_count(charts.count())
    read = page.locator(".run-charts .note").all_text_contents()
    assert len({words for words in read if re.fullmatch(r"step \d+", words)}) == 1
    before = [axis(charts.nth(place)) for place in range(charts.count())]
    page.mouse.down()
    charts.first.hover(position={"x": 0.7 * box["width"], "y": middle})
    page.mouse.up()
    whole = page.get_by_role("button", name="Whole axis")
    expect(whole).to_be_visible()
    after = [axis(charts.nth(place)) for place in range(charts.count())]
    assert before[0][0] == "0" and after[0] != before[0] and "0" not in after[0]
    assert after == [after[0]] * len(after) and before == [before[0]] * len(before)
    whole.click()
    expect(whole).to_be_hidden()
    assert axis(charts.first) == before[0]
    page.get_by_role("slider", name="Smoothing").fill("3")
    expect(page.locator(".smoothing span")).to_have_text("Smoothing: half-life 20 steps")
    expect(page.locator(".run-charts .recorded").first).to_be_attached()
    page.wait_for_url(re.compile("smooth=20"), timeout=PATIENCE)


def test_a_zoom_brings_finer_curves_and_leaves_hidden_lines_hidden(
    shared: Shared, chromium
) -> None:
    """A deep zoom shows straight lines between few points; or all lines are there again."""
    long, other = shared.long
    page = fresh_page(chromium, viewport={"width": 1280, "height": 2600})
    page.goto(f"{shared.server.url}/runs?runs={long}.{other}&charts=loss_d")
    chart = page.locator(".run-charts figure.chart svg[role=img]")
    expect(chart.locator("path.data")).to_have_count(2)
    calm(page)
    name = chart.locator(".switch text").nth(1).bounding_box()
    page.mouse.click(name["x"] + 20, name["y"] + name["height"] / 2)
    expect(chart.locator("path.data")).to_have_count(1)
    points = "path => path.getAttribute('d').split('L').length"
    before = chart.locator("path.data").evaluate(points)
    assert 300 < before <= 601
    box = chart.bounding_box()
    chart.hover(position={"x": 0.45 * box["width"], "y": box["height"] / 2})
    page.mouse.down()
    chart.hover(position={"x": 0.55 * box["width"], "y": box["height"] / 2})
    page.mouse.up()
    wait_until(page, lambda: chart.locator("path.data").evaluate(points) > before + 100)
    expect(chart.locator("path.data")).to_have_count(1)
    expect(page.get_by_role("button", name="Whole axis")).to_be_visible()
    page.get_by_role("button", name="Whole axis").click()
    wait_until(page, lambda: chart.locator("path.data").evaluate(points) == before)


def test_beyond_the_end_of_a_run_the_pointer_reads_a_dash(shared: Shared, chromium) -> None:
    """At step 1 128 a run that ended at 600 has a loss."""
    page = fresh_page(chromium, viewport={"width": 1280, "height": 2600})
    page.goto(f"{shared.server.url}/runs?charts=loss_d&runs={shared.runs[0]}.{shared.long[0]}")
    chart = page.locator(".run-charts figure.chart svg[role=img]")
    expect(chart).to_be_visible()
    expect(page.locator(".run-sheets .none")).to_have_count(2)  # nothing moves any more
    calm(page)
    legend, width = chart.locator(".switch text"), chart.bounding_box()["width"]
    for x, first in ((55, r"A \d"), (0.8 * width, "A –$")):  # A has 60 steps of 3000
        chart.hover(position={"x": x, "y": 150})
        expect(legend.first).to_have_text(re.compile(first), timeout=5000)
        expect(legend.last).to_have_text(re.compile(r"B \d"))


def test_a_link_leads_down_to_the_comparison(shared: Shared, chromium) -> None:
    """Whoever ticks two runs sees no change on the screen, or the link forgets the ticks."""
    page = fresh_page(chromium, viewport={"width": 1280, "height": 700})
    page.goto(f"{shared.server.url}/runs?runs={'.'.join(shared.runs[:2])}")
    head = page.get_by_role("heading", name="What differs")
    expect(page.locator(".run-charts figure.chart").first).to_be_visible()
    expect(head).not_to_be_in_viewport(ratio=1)
    page.get_by_role("link", name="Compare 2").click()
    expect(head).to_be_in_viewport(ratio=1)
    assert ticked(page) == 2 and page.locator(".run-settings thead th").count() == 2


def test_a_recorded_run_has_a_badge_where_no_column_says_so(shared: Shared, chromium) -> None:
    """One's own run and the recorded one of the same preset cannot be told apart."""
    page = enter(chromium, f"{shared.server.url}/runs?find=recorded")
    origin = page.locator(".run-table .origin").first
    for width, column in ((1280, False), (1920, True)):
        page.set_viewport_size({"width": width, "height": 800})
        expect(origin).to_be_visible(visible=not column)
        expect(page.locator("td.of-source").first).to_be_visible(visible=column)


def test_a_star_and_a_column_are_pressed(shared: Shared) -> None:
    """The star is not kept, or the head of a column does not sort."""
    page = shared.anna
    star = page.locator(".run-table .star").first
    expect(star).to_have_attribute("aria-pressed", "false")
    star.click()
    expect(page.locator(".run-table .star[aria-pressed=true]")).to_have_count(1)
    page.locator(".run-table thead").get_by_role("button", name="Steps").click()
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("Steps")
    page.wait_for_url(re.compile("sort=-steps"), timeout=PATIENCE)


def test_open_leads_from_a_ticked_run_to_its_page(shared: Shared, chromium) -> None:
    """*Open* loses the run on the way."""
    page = enter(chromium, f"{shared.server.url}/runs?runs={shared.runs[1]}")
    page.get_by_role("link", name="Open", exact=True).click()
    expect(page.locator(".progress")).to_contain_text("Finished")
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(page.url).query)
    assert query["dataset"] == ["mnist"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_keeps_people_from_reading_a_comparison(
    shared: Shared, scheme: str
) -> None:
    """A screen reader meets a box without a name, or weak eyes words without contrast."""
    page = shared.anna
    page.emulate_media(color_scheme=scheme)
    calm(page)
    wait_for_theme(page, scheme)
    assert not serious(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_keeps_people_from_naming_a_run(
    shared: Shared, chromium, scheme: str
) -> None:
    """The words in the popover are too pale to read, or its boxes have no names."""
    page = fresh_page(chromium, color_scheme=scheme)
    page.goto(f"{shared.server.url}/runs?runs={shared.runs[0]}")
    page.get_by_role("button", name="Name and note").click()
    expect(page.get_by_role("textbox", name="Note")).to_be_visible()
    calm(page)
    wait_for_theme(page, scheme)
    page.wait_for_timeout(400)  # it fades in
    assert not serious(page)


def test_the_page_fits_a_phone(shared: Shared, chromium) -> None:
    """The comparison is wider than the window, and slips from side to side."""
    page = fresh_page(chromium, viewport={"width": 390, "height": 844}, has_touch=True,
                      is_mobile=True)
    page.goto(address(shared.server.url, "runs", f"runs={'.'.join(shared.runs[:4])}"))
    expect(page.locator(".run-charts figure.chart").first).to_be_attached()
    calm(page)
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390
    heads = page.locator(".run-table thead th:visible").all_inner_texts()
    assert [head.strip() for head in heads if head.strip()][-2:] == ["Run", "Verdict"]
