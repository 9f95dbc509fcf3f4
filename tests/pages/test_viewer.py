"""The viewer in a real Chromium: what is live reaches it through the channel, without reruns."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

from tests.app_bench.server import Server as ServerBelow
from tests.support.browsing import (
    QUICK,
    SHEETS,
    Server,
    address,
    button,
    connection,
    enter,
    expect,
    fresh_page,
    playwright,
    press,
    progress,
    settle,
    slider,
    step,
    unfold,
    visit,
    wait_for_progress,
    wait_until,
)

pytestmark = pytest.mark.browser
CALM = "optimizer=sgd&learning_rate=0.00001"  # a run of which nothing is found for long


def look_back(page: playwright.Page, key: str) -> None:
    page.locator(".look-back input").press(key)


def caption_step(page: playwright.Page, run: str) -> int:
    """The step of the samples that are shown of a run; -1 where none is named."""
    match = re.search(r"step (\d+)", page.locator(f".caption-{run}").inner_text())
    return int(match.group(1)) if match else -1


# --- a live run ----------------------------------------------------------------------------------


def test_a_live_run_is_followed_without_reruns(chromium, app: Server) -> None:
    """A class of a hundred makes the server run a hundred pages every second."""
    page = fresh_page(chromium)
    sent: list[float] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(0)))
    page.goto(f"{app.url}/mode_collapse?{QUICK}&{CALM}&steps=50000&seed=41")
    expect(button(page, "Train")).to_be_visible()
    settle(page)
    press(page, "Train")
    wait_for_progress(page, r"Training · step [1-9]")
    page.wait_for_timeout(1000)
    before, asked, pictured = step(page), len(sent), caption_step(page, "this")
    wait_until(page, lambda: step(page) > before + 300)
    wait_until(page, lambda: caption_step(page, "this") > pictured)
    assert len(sent) - asked <= 2, "the page runs by a timer"
    press(page, "Stop")
    wait_for_progress(page, "Stopped")
    expect(button(page, "Continue")).to_be_enabled()


def all_drawn(page: playwright.Page) -> dict[str, str]:
    """Of each chart of *All measurements*, by its words, where its lines go."""
    return page.locator("[class*=folded-measurements] figure svg").evaluate_all(
        """charts => Object.fromEntries(charts.map((chart) => [chart.getAttribute("aria-label"),
            [...chart.querySelectorAll(".data")].map((each) => each.outerHTML).join()]))""")


@pytest.fixture
def measured(chromium, app: Server) -> Iterator[tuple[playwright.Page, list[float]]]:
    """A live run with all its measurements open and in sight; and when the tab sent something."""
    page = fresh_page(chromium, viewport={"width": 1280, "height": 4000})
    sent: list[float] = []
    page.on("websocket", lambda socket: socket.on(
        "framesent", lambda frame: sent.append(time.monotonic())))
    page.goto(f"{app.url}/mode_collapse?{QUICK}&{CALM}&steps=50000&seed=46")
    expect(button(page, "Train")).to_be_visible()
    settle(page)
    unfold(page, "measurements")
    press(page, "Train")
    wait_for_progress(page, r"Training · step [1-9]")
    wait_until(page, lambda: any(all_drawn(page).values()))
    yield page, sent
    press(page, "Stop")
    wait_for_progress(page, "Stopped")


def test_the_charts_below_follow_a_live_run_without_reruns(
    measured: tuple[playwright.Page, list[float]]
) -> None:
    """Whoever scrolls down sees the charts as they were when the run began; or the server draws
    nine charts for each of a hundred every five seconds."""
    page, sent = measured
    page.wait_for_timeout(1500)
    before, asked = all_drawn(page), len(sent)
    by_step = {words for words in before if words.startswith(("Losses", "Gradient"))}
    assert by_step
    wait_until(page, lambda: all(all_drawn(page)[words] != before[words] for words in by_step))
    # Those that are measured at evaluations grow with these.
    wait_until(page, lambda: sum(all_drawn(page)[words] != before[words] for words in before)
               > len(by_step))
    assert len(sent) - asked <= 2


def test_a_hidden_tab_draws_nothing_and_is_up_to_date_when_it_is_seen(
    measured: tuple[playwright.Page, list[float]]
) -> None:
    """Whoever comes back would look at charts from the time when they left."""
    page, sent = measured
    hide(page)
    page.wait_for_timeout(1500)  # what was asked for before is answered
    before, asked = all_drawn(page), len(sent)
    page.wait_for_timeout(4000)
    assert len(sent) == asked and all_drawn(page) == before
    show(page)
    wait_until(page, lambda: all_drawn(page) != before)


def hide(page: playwright.Page) -> None:
    """Have the page believe that nobody sees it."""
    page.evaluate("""() => {
        Object.defineProperty(document, "hidden", { get: () => true, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }""")


def show(page: playwright.Page) -> None:
    page.evaluate("() => { delete document.hidden; "
                  "document.dispatchEvent(new Event('visibilitychange')); }")


def test_a_run_that_ends_at_once_is_seen_to_have_ended(chromium, app: Server) -> None:
    """A run that is over before the browser has looked leaves Stop on the page for ever."""
    page = visit(chromium, f"{app.url}/mode_collapse?{QUICK}&steps=2&seed=42")
    press(page, "Train")
    wait_for_progress(page, "Finished")
    expect(button(page, "Continue")).to_be_enabled()


def test_a_run_that_many_watch_ends_for_them_one_after_another(chromium, app: Server) -> None:
    """A hundred pages run at the same moment, and whoever comes just then waits for seconds."""
    page = fresh_page(chromium)
    page.add_init_script("Math.random = () => 1;")  # the last of all

    def crowded(route: playwright.Route) -> None:
        answer = route.fetch()
        told = answer.json()
        route.fulfill(response=answer, json={**told, "watching": 60 if told["live"] else 0})

    page.route("**/live?*", crowded)
    page.goto(f"{app.url}/mode_collapse?{QUICK}&{CALM}&steps=3000&seed=49")
    expect(button(page, "Train")).to_be_visible()
    press(page, "Train")
    wait_for_progress(page, "Finished")
    assert button(page, "Stop").is_visible(), "its page ran again at once"
    page.wait_for_timeout(2000)
    assert button(page, "Stop").is_visible()
    expect(button(page, "Continue")).to_be_enabled()


def test_a_hidden_tab_says_so_and_asks_more_slowly(chromium, app: Server) -> None:
    """A student turns to another window, and the run is stopped behind it."""
    page = visit(chromium, f"{app.url}/mode_collapse?{QUICK}&{CALM}&steps=50000&seed=43")
    asked: list[str] = []
    page.on("request", lambda request: "/live?" in request.url and asked.append(request.url))
    press(page, "Train")
    wait_for_progress(page, r"Training · step [1-9]")
    hide(page)
    wait_until(page, lambda: any("hidden=1" in url for url in asked))
    page.wait_for_timeout(500)
    count = len(asked)
    page.wait_for_timeout(3500)
    assert len(asked) == count, "it asks as often as a visible one"
    show(page)
    before = step(page)
    wait_until(page, lambda: step(page) > before)
    assert "hidden" not in asked[-1]
    press(page, "Stop")
    wait_for_progress(page, "Stopped")


def test_a_channel_that_cannot_be_reached_is_said_and_asked_slowly(chromium, app: Server) -> None:
    """The page stands still, and nobody knows that it does; or it hammers a server in trouble."""
    page = visit(chromium, f"{app.url}/mode_collapse?{QUICK}&{CALM}&steps=50000&seed=44")
    press(page, "Train")
    wait_for_progress(page, r"Training · step [1-9]")
    tried: list[str] = []
    page.route("**/live?*", lambda route: (tried.append(route.request.url), route.abort()))
    wait_for_progress(page, "The server cannot be reached")
    count = len(tried)
    page.wait_for_timeout(3000)
    assert len(tried) - count <= 2
    page.unroute_all()
    wait_for_progress(page, r"Training · step [1-9]")
    press(page, "Stop")
    wait_for_progress(page, "Stopped")


def answering(status: int, problem: str, asked: list[str]):
    """What takes the server's place for a test."""
    def answer(route: playwright.Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=status, json={"problem": problem})

    return answer


def test_a_run_that_is_gone_or_cannot_be_read_is_said(chromium, app: Server) -> None:
    """The page says *Training · step 600* for ever, of a run that was removed; or it hammers a
    server whose disk is in trouble, and does not say what the trouble is."""
    page = visit(chromium, f"{app.url}/mode_collapse?{QUICK}&{CALM}&steps=50000&seed=47")
    press(page, "Train")
    wait_for_progress(page, r"Training · step [1-9]")
    settle(page)
    asked: list[str] = []
    page.route("**/live?*", answering(503, "It cannot be shown just now.", asked))
    wait_for_progress(page, "It cannot be shown just now.")
    count = len(asked)
    page.wait_for_timeout(3000)
    assert len(asked) - count <= 2
    page.unroute_all()
    wait_for_progress(page, r"Training · step [1-9]")
    # Streamlit's own socket is open already: a run of the page is seen by what it asks anew.
    asked.clear()
    page.route("**/live?*", answering(404, "There is no such run on this server.", asked))
    wait_for_progress(page, "This run is not on this server any more")
    wait_until(page, lambda: len(asked) >= 2)  # the page has run again
    page.wait_for_timeout(3000)
    assert len(asked) <= 8, "the page runs for ever"
    page.unroute_all()
    press(page, "Stop")
    wait_for_progress(page, "Stopped")


# JavaScript: lets a test cut the connection to Streamlit, as a network does that fails for a moment
# only.
SOCKETS = """window.sockets = [];
    window.WebSocket = class extends WebSocket {
        constructor(...of) { super(...of); window.sockets.push(this); }
    };"""


def test_a_run_outlives_a_lost_connection(chromium) -> None:
    """A moment without network, and the run of somebody who is watching it ends with "nobody was
    watching"; or it cannot be stopped any more, since the tab counts as somebody else."""
    with ServerBelow(GAN_LAB_WORKERS="1", GAN_LAB_THREADS="1", GAN_LAB_GRACE_SECONDS="12",
                     GAN_LAB_NICE="0") as server:
        page = fresh_page(chromium)
        page.add_init_script(SOCKETS)
        page.goto(f"{server.url}/mode_collapse?{QUICK}&{CALM}&steps=50000&seed=46")
        expect(button(page, "Train")).to_be_visible()
        settle(page)
        press(page, "Train")
        wait_for_progress(page, r"Training · step [1-9]")
        settle(page)
        wait_until(page, lambda: step(page) > 2500)  # what there is to be found has been found
        # After a run of a part alone Streamlit runs the page again when it is connected again.
        page.locator("body").press("r")
        page.wait_for_timeout(1000)
        settle(page)
        opened = page.evaluate("sockets.length")
        page.evaluate("sockets.at(-1).close()")
        wait_until(page, lambda: page.evaluate("sockets.length") > opened)
        expect(connection(page)).to_be_attached()
        page.wait_for_timeout(18_000)  # longer than a lease
        before = step(page)
        wait_until(page, lambda: step(page) > before)
        press(page, "Stop")
        wait_for_progress(page, "Stopped by hand|stopped by hand")


# --- looking back --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recorded(shared_chromium, app: Server) -> Iterator[playwright.Page]:
    """The page of the mode collapse as a newcomer finds it."""
    page = enter(shared_chromium, address(app.url, "mode_collapse"))
    settle(page)
    expect(page.locator(".sheet-this img")).to_be_visible()
    yield page
    page.context.close()


def test_both_runs_follow_the_slider_at_once(recorded: playwright.Page) -> None:
    """Looking back waits for the server, or shows the two runs at different steps."""
    first = recorded.evaluate(SHEETS)[1]
    for key, expected in (("Home", 0), ("ArrowRight", first), ("End", 1000)):
        look_back(recorded, key)
        for run in ("this", "reference"):
            wait_until(recorded, lambda run=run, at=expected: caption_step(recorded, run) == at)
            words = re.compile(f"at step {expected}, ")
            sheet = recorded.locator(f".sheet-{run} img")
            expect(sheet).to_have_attribute("alt", words)
    wait_until(recorded, lambda: recorded.locator(".evidence svg .data").count() >= 10)


# JavaScript: bytes that pictures have cost the network since the page was opened.
TRANSFERRED = """() => performance.getEntriesByType("resource")
    .filter(entry => entry.name.includes("/pictures/"))
    .reduce((sum, entry) => sum + entry.transferSize, 0)"""


def test_pictures_that_were_seen_are_not_fetched_again(recorded: playwright.Page) -> None:
    """Every move of the slider costs the network a sheet."""
    transferred = []
    for _ in range(2):
        for key, expected in (("Home", 0), ("End", 1000)):
            look_back(recorded, key)
            words = re.compile(f"at step {expected}, ")
            for run in ("this", "reference"):
                expect(recorded.locator(f".sheet-{run} img")).to_have_attribute("alt", words)
        recorded.wait_for_timeout(300)
        transferred.append(recorded.evaluate(TRANSFERRED))
    assert transferred[0] == transferred[1] > 0


def test_the_slider_works_by_keyboard_and_has_a_name(recorded: playwright.Page) -> None:
    """Whoever uses no mouse cannot look back."""
    handle = recorded.get_by_role("slider", name="Both runs at the same step")
    handle.focus()
    recorded.keyboard.press("Home")
    expect(recorded.locator(".look-back output")).to_have_text("step 0")
    recorded.keyboard.press("End")
    expect(recorded.locator(".look-back output")).to_have_text("step 1000")


def test_a_phone_shows_one_below_the_other(recorded: playwright.Page) -> None:
    """On a phone the reference is cut off."""
    recorded.set_viewport_size({"width": 390, "height": 844})
    page = recorded.locator(".stMain")
    wait_until(recorded, lambda: page.evaluate("e => e.scrollWidth") <= 390)
    this, reference = (recorded.locator(f".sheet-{run}").bounding_box()
                       for run in ("this", "reference"))
    assert reference["y"] >= this["y"] + this["height"]
    recorded.set_viewport_size({"width": 1280, "height": 800})


def test_a_late_answer_does_not_speak_of_a_run_that_was_left(chromium, app: Server) -> None:
    """Below two new runs stands what set their predecessors apart."""
    page = visit(chromium, f"{app.url}/mode_collapse?steps=50000&seed=48")
    expect(page.locator(".caption-reference")).to_contain_text("recorded")
    held: list[playwright.Route] = []
    page.route("**/difference?*", lambda route: held.append(route))
    press(page, "Train")
    wait_until(page, lambda: held)
    press(page, "Stop")
    wait_for_progress(page, "Stopped")
    late = list(held)
    slider(page, "Dropout in D").press("ArrowRight")
    press(page, "Train")
    expect(page.locator(".caption-this")).to_contain_text("Dropout in D")
    for route in late:
        route.fulfill(json={"words": "What set the others apart."})
    page.wait_for_timeout(1000)
    assert "others apart" not in page.locator(".difference").inner_text()
    press(page, "Stop")


def test_a_damaged_picture_is_said(chromium, app: Server) -> None:
    """Where samples were, a page is blank, and nobody knows why."""
    page = fresh_page(chromium)
    asked: list[str] = []
    page.route("**/pictures/**", answering(404, "001000.png is not a sound picture.", asked))
    page.goto(address(app.url, "mode_collapse"))
    for run in ("this", "reference"):
        expect(page.locator(f".sheet-{run}")).to_contain_text(
            "The samples cannot be shown: 001000.png is not a sound picture.")
    page.unroute_all()
    look_back(page, "Home")
    expect(page.locator(".sheet-this img")).to_be_visible()


# --- everywhere ----------------------------------------------------------------------------------


def test_points_are_drawn_and_described(chromium, app: Server) -> None:
    """2-D runs show an empty square, or say nothing to who does not see it."""
    page = visit(chromium, f"{app.url}/mode_collapse?{QUICK}&steps=60&seed=45")
    press(page, "Train")
    wait_for_progress(page, "Finished")
    plane = page.locator(".sheet-this canvas")
    expect(plane).to_have_attribute("aria-label", re.compile(r"\d of 8 modes are captured"))
    inked = plane.evaluate("""e => {
        const { data } = e.getContext("2d").getImageData(0, 0, e.width, e.height);
        return data.filter((value, at) => at % 4 === 0 && value < 80).length;
    }""")
    assert inked > 500


def test_below_a_base_path_the_viewer_finds_the_channel(chromium) -> None:
    """Behind a proxy that serves the app below a path, no page shows anything."""
    with ServerBelow("--server.baseUrlPath", "lab", GAN_LAB_WORKERS="1",
                     GAN_LAB_THREADS="1") as below:
        for path in ("lab/", "lab/mode_collapse"):
            page = enter(chromium, f"{below.url}/{path}")
            settle(page)
            expect(page.locator(".sheet-this img")).to_be_visible()
            assert "Recorded" in progress(page)
            page.context.close()


def test_no_page_breaks_its_own_policy(chromium, app: Server) -> None:
    """The browser refuses what a page needs, and a part of it stays empty."""
    page = fresh_page(chromium)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(f"error: {error}"))
    for name in ("baseline", "training_instability", "discriminator_overfitting"):
        page.goto(address(app.url, name))
        settle(page)
        expect(page.locator(".sheet-this img")).to_be_visible()
    assert not [words for words in said if "Content Security Policy" in words or "error: " in words]


# --- its code ------------------------------------------------------------------------------------


def test_the_viewers_code_is_fetched_once_for_all_pages(chromium, app: Server) -> None:
    """A class fetches it with every part of every page that it opens."""
    page = visit(chromium, address(app.url, "mode_collapse"))
    settle(page)
    asked: list[str] = []
    page.on("request", lambda request: "/viewer/" in request.url and asked.append(request.url))
    other = page.context.new_page()
    other.goto(address(app.url, "vanishing_gradients"))
    expect(other.locator(".verdict")).to_contain_text("anishing")
    kept = "performance.getEntriesByType('resource').filter(e => e.name.includes('/viewer/'))"
    assert other.evaluate(f"{kept}.map(e => e.transferSize)") == [0], "one request, not sent again"
    page.get_by_role("link", name="Training instability").first.click()
    expect(page.locator("h1")).to_contain_text("Training instability")
    expect(page.locator(".look-back input")).to_be_enabled()
    assert not asked


def test_a_viewer_whose_code_does_not_come_says_so_and_tries_again(chromium, app: Server) -> None:
    """One lost request, and the page stays empty until somebody reloads it."""
    page = fresh_page(chromium)
    lost: list[str] = []
    away = [True]

    def lose(route: playwright.Route) -> None:
        if not away:
            return route.continue_()
        lost.append(route.request.url)
        return route.abort()

    page.route("**/viewer/*", lose)
    page.goto(address(app.url, "mode_collapse"))
    expect(page.locator(".progress")).to_contain_text("cannot be reached")
    wait_until(page, lambda: len(lost) > 1)  # it tries again
    away.clear()
    expect(page.locator(".verdict")).to_contain_text("Mode collapse")
    expect(page.locator(".progress")).to_contain_text("Recorded")
