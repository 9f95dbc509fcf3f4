"""What is taken home, in a real Chromium: reports and films open without network, links save by
themselves, and say what keeps them from it."""

from __future__ import annotations

import functools
import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from gan_core.config.presets import CHALLENGES
from gan_core.exploration.shipped_maps import SHIPPED, shipped_results
from gan_core.export.film import film
from gan_core.export.report.of_map import report_of_map
from gan_core.export.report.of_runs import report
from tests.export.test_charts import PAIR, reel
from tests.pages.test_phone import PHONE
from tests.support.axe import serious
from tests.support.browsing import (
    LAPTOP,
    Server,
    address,
    expect,
    fresh_page,
    playwright,
    settle,
    settle_projected,
    wait_for_theme,
)

pytestmark = pytest.mark.browser
PAGE = "mode_collapse"
# JavaScript: the pictures of a page that a browser cannot decode.
BROKEN = """async () => {
    const images = [...document.images];
    await Promise.all(images.map((image) => image.decode().catch(() => {})));
    return images.filter((image) => !image.naturalWidth).map((image) => image.alt);
}"""


# --- reports, without network --------------------------------------------------------------------


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A report on a pair, on a single run of points, and on a map."""
    folder, drawn = tmp_path_factory.mktemp("reports"), SHIPPED["rate-ratio"].drawn
    given = CHALLENGES[PAGE].prediction.options[0][0]
    texts = {
        "pair": report([reel(*of) for of in PAIR], PAGE, predicted=given, script="gan.py",
                       link="https://lab.example/"),
        "points": report([reel("rotation")]),
        "map": report_of_map(drawn, shipped_results().read(drawn), command="gan-lab map",
                             lesson="- **One** lesson."),
    }
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in texts}


@pytest.mark.parametrize("name", ["pair", "points", "map"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_report_opens_without_network_for_everybody(
    shared_chromium: playwright.Browser, reports: dict[str, Path], name: str, scheme: str
) -> None:
    """On a train a report lacks its pictures; it tells a stranger that it is read; or weak eyes
    and screen readers cannot read it; or it is wider than a phone."""
    page = fresh_page(shared_chromium, color_scheme=scheme, viewport=PHONE)
    page.context.set_offline(True)
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(reports[name].as_uri())
    assert page.evaluate(BROKEN) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.set_viewport_size(LAPTOP)
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert not serious(page)
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert not complaints, "its own policy forbids something that it needs"
    page.context.close()


def test_who_wants_nothing_that_moves_sees_a_still(
    shared_chromium: playwright.Browser, reports: dict[str, Path]
) -> None:
    """A film flickers before somebody whom that makes ill."""
    shown = {}
    for motion in ("reduce", "no-preference"):
        page = fresh_page(shared_chromium, reduced_motion=motion)
        page.goto(reports["points"].as_uri())
        shown[motion] = page.locator(".film img").evaluate("image => image.currentSrc.slice(0, 16)")
        page.context.close()
    assert shown == {"reduce": "data:image/png;b", "no-preference": "data:image/gif;b"}


def test_a_film_opens_without_network(
    shared_chromium: playwright.Browser, tmp_path: Path
) -> None:
    """The GIF is one that no browser shows."""
    file = tmp_path / "film.gif"
    file.write_bytes(film([reel("rotation")]))
    page = fresh_page(shared_chromium)
    page.context.set_offline(True)
    page.goto(file.as_uri())
    assert page.evaluate(BROKEN) == [] and page.evaluate("document.images.length") == 1
    page.context.close()


# --- on the pages --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def opened(shared_chromium: playwright.Browser, app: Server) -> Iterator[playwright.Page]:
    """A page with its *Take it home* open."""
    page = fresh_page(shared_chromium, accept_downloads=True)
    page.goto(address(app.url, PAGE))
    settle(page)
    open_part(page)
    yield page
    page.context.close()


def open_part(page: playwright.Page) -> None:
    page.get_by_role("button", name="Take it home").click()
    expect(page.locator(".files a").first).to_be_visible()


def saved(page: playwright.Page, link: playwright.Locator) -> tuple[str, bytes]:
    with page.expect_download() as download:
        link.click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


KINDS = {
    "html": lambda content: content.startswith(b"<!DOCTYPE html>"),
    "gif": lambda content: Image.open(io.BytesIO(content)).format == "GIF",
    "png": lambda content: Image.open(io.BytesIO(content)).format == "PNG",
    "svg": lambda content: content.startswith(b"<svg "),
    "py": lambda content: b"import torch" in content,
    "ipynb": lambda content: json.loads(content)["nbformat"] == 4,
    "csv": lambda content: content.startswith(b"step,loss_d,"),
    "json": lambda content: json.loads(content)["config"]["seed"] == 0,
    "zip": lambda content: zipfile.ZipFile(io.BytesIO(content)).testzip() is None,
}


def test_each_link_saves_a_file_of_its_kind(opened: playwright.Page) -> None:
    """A press saves nothing, an error message, or a file under another kind's name."""
    links = opened.locator(".files a")
    found = set()
    for place in range(links.count()):
        link = links.nth(place)
        if "both runs" in link.inner_text().lower() and "Report" not in link.get_attribute(
            "aria-label"
        ):
            continue  # the same, of two runs
        name, content = saved(opened, link)
        ending = name.rpartition(".")[2]
        assert KINDS[ending](content), name
        assert re.fullmatch(r"gan-mode-collapse-[0-9a-f]{16}[a-z-]*\.[a-z]+", name)
        found.add(ending)
        expect(opened.locator(".take-home .told")).to_have_text("Saved.")
    assert found == KINDS.keys()


def answered(answer: dict[str, Any], route: playwright.Route) -> None:
    route.fulfill(**answer)


def test_what_keeps_a_file_from_being_made_is_said(opened: playwright.Page) -> None:
    """A busy server, a run that is gone or a lost connection show nothing, or a page of JSON."""
    link, told = opened.locator(".files a").first, opened.locator(".take-home .told")
    before = opened.url
    busy = {"status": 503, "json": {"problem": "Several files are being made just now."}}
    for answer, words in ((busy, "Several files are being made just now."),
                          ({"status": 502, "body": "<html>"}, "cannot be reached")):
        opened.route("**/take-home/**", functools.partial(answered, answer))
        link.click()
        expect(told).to_contain_text(words)
        opened.unroute("**/take-home/**")
    opened.route("**/take-home/**", lambda route: route.abort())
    link.click()
    expect(told).to_contain_text("cannot be reached")
    opened.unroute("**/take-home/**")
    assert opened.url == before


def test_whoever_is_sent_away_is_asked_for_again_by_the_page(opened: playwright.Page) -> None:
    """While a class has its films made, each student must press *Film* again and again."""
    answers = iter([503, 503])
    told = opened.locator(".take-home .told")

    def busy(route: playwright.Route) -> None:
        if next(answers, None) is None:
            route.continue_()
        else:
            route.fulfill(status=503, headers={"Retry-After": "1"},
                          json={"problem": "Several files are being made just now."})

    opened.route("**/take-home/**", busy)
    with opened.expect_download() as download:
        opened.locator(".files a", has_text="CSV").click()
        expect(told).to_contain_text("this one waits its turn")
    opened.unroute("**/take-home/**")
    assert download.value.suggested_filename.endswith(".csv")
    expect(told).to_have_text("Saved.")


def test_a_keyboard_opens_it_saves_and_closes_it(
    shared_chromium: playwright.Browser, app: Server
) -> None:
    """Whoever has no mouse cannot take anything home, or does not get out again."""
    page = fresh_page(shared_chromium, accept_downloads=True)
    page.goto(address(app.url, PAGE))
    settle(page)
    button = page.get_by_role("button", name="Take it home")
    button.focus()
    page.keyboard.press("Enter")
    link = page.locator(".files a", has_text="CSV")
    expect(link).to_be_visible()
    expect(page.locator(".files a").first).to_be_focused()  # and not after the rest of the page
    for _ in range(13):
        page.keyboard.press("Tab")
    expect(link).to_be_focused()
    outline = link.evaluate("link => getComputedStyle(link).outlineStyle")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename.endswith(".csv") and outline == "solid"
    page.keyboard.press("Escape")
    expect(link).to_be_hidden()
    page.wait_for_function("document.activeElement?.textContent.includes('Take it home')")
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_by_everybody(opened: playwright.Page, scheme: str) -> None:
    """A screen reader meets a link without a name, or weak eyes words without contrast."""
    opened.emulate_media(color_scheme=scheme)
    wait_for_theme(opened, scheme)
    assert not serious(opened)


def test_it_fits_a_phone_and_is_not_on_a_projector(
    shared_chromium: playwright.Browser, app: Server
) -> None:
    """On a phone a link lies beyond the edge; on a projector the part takes room from the sheets.
    """
    page = fresh_page(shared_chromium, viewport=PHONE, has_touch=True, is_mobile=True)
    page.goto(address(app.url, PAGE))
    settle(page)
    open_part(page)
    for link in page.locator(".files a").all():
        box = link.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= PHONE["width"] and box["height"] >= 24
    page.route("**/take-home/**", lambda route: route.abort())
    page.locator(".files a").first.click()
    expect(page.locator(".take-home .told")).to_be_in_viewport(ratio=0.5)  # not below the rows
    page.goto(address(app.url, PAGE, "projector=1"))
    settle_projected(page)
    assert page.get_by_role("button", name="Take it home").count() == 0
    page.context.close()


def test_buttons_of_a_run_stand_in_one_row(opened: playwright.Page) -> None:
    """On a laptop *Take it home* pushes the verdict down, and the first chart off the screen."""
    height = opened.locator(".st-key-buttons").bounding_box()["height"]
    assert height < 60


def test_the_film_says_what_keeps_it(shared_chromium: playwright.Browser, app: Server) -> None:
    """The film's button saves an error message as a film."""
    page = fresh_page(shared_chromium, accept_downloads=True)
    page.goto(address(app.url, "training_instability"))
    settle(page)
    button, told = page.locator(".playback .film"), page.locator(".film-told")
    page.route("**/film.gif**", lambda route: route.fulfill(
        status=503, json={"problem": "Several files are being made just now."}))
    button.click()
    expect(told).to_have_text("Several files are being made just now.")
    page.unroute("**/film.gif**")
    name, content = saved(page, button)
    assert name.endswith(".gif") and KINDS["gif"](content)
    page.context.close()


def test_what_a_first_visitor_answered_is_in_the_report(
    shared_chromium: playwright.Browser, app: Server
) -> None:
    """Whoever predicted beside the sheets has a report that knows nothing of it."""
    page = fresh_page(shared_chromium, asked=False, accept_downloads=True)
    page.goto(address(app.url, PAGE))
    settle(page)
    page.locator(".question button").nth(1).click()
    open_part(page)
    _, content = saved(page, page.locator(".files a").first)
    given = CHALLENGES[PAGE].prediction.options[1][0]
    assert f"Predicted: <strong>{given}</strong>" in content.decode()
    page.context.close()


def test_a_report_at_its_address_is_saved_and_not_shown(
    opened: playwright.Page, app: Server
) -> None:
    """A stranger's report becomes a page of this site."""
    href = opened.locator(".files a").first.get_attribute("href")
    page = opened.context.new_page()
    with page.expect_download(), pytest.raises(playwright.Error, match="Download is starting"):
        page.goto(f"{app.url}/{href}")
    assert page.url == "about:blank"
    page.close()


def test_a_map_is_taken_home(shared_chromium: playwright.Browser, app: Server) -> None:
    """The page of maps offers what cannot be saved."""
    page = fresh_page(shared_chromium, accept_downloads=True)
    page.goto(address(app.url, "parameter_map"))
    settle(page)
    open_part(page)
    endings = set()
    for link in page.locator(".files a").all():
        name, content = saved(page, link)
        endings.add(name.rpartition(".")[2])
        assert name.startswith("map-") and content
    assert endings == {"html", "png", "csv", "json"}
    page.context.close()
