"""One page in a real Chromium, used as people use it: train, stop, change, reload, share, compare.

What must hold on every page is in test_browser_pages.py.
"""

from __future__ import annotations

import re

import pytest

from tests.support.browsing import (
    ENDLESS,
    LAPTOP,
    QUICK,
    Server,
    address,
    button,
    chart,
    copied_link,
    enter,
    expect,
    press,
    settle,
    slider,
    step,
    unfold,
    visit,
    wait_for_progress,
    wait_until,
)

pytestmark = pytest.mark.browser


def test_moving_a_slider_does_not_interrupt_the_run(chromium, app: Server) -> None:
    """Whoever touches a slider while a run goes on loses the run; Stop and Continue do nothing."""
    page = visit(chromium, f"{app.url}/mode_collapse?{ENDLESS}&seed=22")
    press(page, "Train")
    wait_for_progress(page, r"Training · step [1-9]")
    before, dropout = step(page), slider(page, "Dropout in D")
    for _ in range(4):
        dropout.press("ArrowRight")
    wait_until(page, lambda: step(page) > before)
    wait_for_progress(page, r"Training")
    expect(dropout).to_have_value("0.2")
    press(page, "Stop")
    wait_for_progress(page, "Stopped")
    press(page, "Continue")
    wait_for_progress(page, "Training")
    press(page, "Stop")
    wait_for_progress(page, "Stopped")


def test_a_change_in_mid_run_goes_on_from_where_the_run_is(chromium, app: Server) -> None:
    """Change now begins again at 0, or leaves the reader without the step of the change."""
    page = visit(chromium, f"{app.url}/mode_collapse?{ENDLESS}&seed=24")
    press(page, "Train")
    wait_for_progress(page, r"Training · step [1-9]\d\d")
    slider(page, "Dropout in D").press("ArrowRight")
    expect(button(page, "Change now")).to_be_enabled()
    before = step(page)
    press(page, "Change now")
    caption = page.locator(".caption-this")
    expect(caption).to_contain_text(re.compile(r"from step \d+: Dropout in D"))
    at = int(re.search(r"from step (\d+)", caption.inner_text()).group(1))
    assert at >= before
    wait_for_progress(page, r"Training · step [1-9]")
    assert step(page) >= at
    unfold(page, "measurements")
    page.set_viewport_size({"width": LAPTOP["width"], "height": 4000})  # out of sight none is drawn
    expect(chart(page, "Losses: ")).to_contain_text("Dropout in D 0.05")
    expect(page.locator(".caption-reference")).not_to_contain_text("from step")
    press(page, "Stop")
    wait_for_progress(page, "Stopped")


def test_a_prediction_is_answered_in_the_verdict(chromium, app: Server) -> None:
    """Whoever commits to a prediction never learns whether it was right."""
    page = visit(chromium, f"{app.url}/mode_collapse?{QUICK}&steps=260&seed=25")
    press(page, "Predict first")
    page.get_by_text("about half").click()
    expect(button(page, "Predicted")).to_be_visible()
    page.keyboard.press("Escape")
    press(page, "Train")
    wait_for_progress(page, "Finished")
    expect(page.locator(".verdict")).to_contain_text(
        re.compile(r"You predicted about half: (right|it is) .*share of modes present: \d+ %"))


def test_reload_second_tab_and_a_restarted_server_show_the_same_run(
    chromium, browser_store
) -> None:
    """A reload, a shared link or a restart loses the run."""
    server = Server(browser_store)
    page = visit(chromium, f"{server.url}/mode_collapse?{ENDLESS}&seed=23")
    press(page, "Train")
    wait_for_progress(page, r"Training · step [1-9]")
    page.reload()
    wait_for_progress(page, r"Training · step [1-9]")
    tab = visit(chromium, page.url)
    wait_for_progress(tab, r"Training · step [1-9]")
    page.context.close()
    reached, link = step(tab), copied_link(tab)
    server.process.kill()  # not even a good-bye
    server.process.wait(30)
    tab.context.close()
    port = f":{server.port}/"
    server = Server(browser_store)
    again = visit(chromium, link.replace(port, f":{server.port}/"))
    wait_for_progress(again, "Stopped")
    assert reached > 0 and step(again) > 0
    press(again, "Continue")
    wait_for_progress(again, r"Training · step [1-9]")
    press(again, "Stop")
    wait_for_progress(again, "Stopped")
    server.close()


def test_apply_remedy_puts_both_runs_side_by_side(chromium, app: Server) -> None:
    """The remedy's run replaces the broken one, so that nothing can be compared."""
    page = visit(chromium, f"{app.url}/mode_collapse")
    press(page, "Apply remedy")
    wait_for_progress(page, r"Training · step [1-9]|Finished")
    expect(page.locator(".caption-this")).to_contain_text("3 D steps")
    expect(page.locator(".caption-reference")).to_contain_text("1 D step")
    expect(page.locator(".sheet-reference img")).to_be_visible()
    wait_for_progress(page, "Finished")  # soon; it might end before Stop is pressed


def test_garbage_in_the_url_is_named(chromium, app: Server) -> None:
    """A mistyped link shows a stack trace or a blank page."""
    page = visit(
        chromium,
        f"{app.url}/mode_collapse?dropout=www.evil.tld&steps=-4&run=%00&loss=a@evil.tld&x=1",
    )
    problems = page.locator(".st-key-problems")
    for name in ("dropout must be", "steps must be", "loss must be", "run: ", "'x'"):
        expect(problems).to_contain_text(name)
    expect(problems.locator("a")).to_have_count(0)
    expect(page.locator(".sheet-this img")).to_be_visible()


# --- pages of another kind ------------------------------------------------------------------------


def test_the_dirac_gan_answers_at_once_and_its_game_is_in_the_link(chromium, app: Server) -> None:
    """Every move of a toy's slider draws the whole page anew; or the link forgets the game."""
    page = enter(chromium, address(app.url, "training_instability"))
    unfold(page, "dirac")
    sheet = page.locator(".sheet-this img").element_handle()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    press(page, "Mend it with R1")
    expect(button(page, "Plain GAN again")).to_be_visible()
    expect(chart(page, "Phase plane")).to_be_visible()
    expect(page).to_have_url(re.compile("dirac=game%3Ar1"))
    assert sheet.evaluate("e => e.isConnected") and sheet.evaluate("e => e.src") not in asked
    page.reload()
    expect(button(page, "Plain GAN again")).to_be_visible()
    assert "dirac=game%3Ar1" in copied_link(page)


def test_the_evidence_can_be_filtered_and_the_filter_shared(chromium, app: Server) -> None:
    """A teacher who looks for what was not reproduced must read every claim."""
    page = enter(chromium, address(app.url, "evidence"))
    settle(page)
    claims = page.locator(".claim")
    everything = claims.count()
    page.get_by_role("radio", name="The lecture notes").click()
    expect(claims).not_to_have_count(everything)
    expect(page).to_have_url(re.compile("document="))
    settle(page)
    fewer = claims.count()
    assert 0 < fewer < everything
    page.reload()
    settle(page)
    expect(claims).to_have_count(fewer)


def test_try_remedies_fits_laptop_and_phone_and_opens_its_rows(chromium, app: Server) -> None:
    """The table of remedies is cut off, or its runs cannot be looked at."""
    explosive = "optimizer=sgd&learning_rate=1.0&learning_rate_ratio=100&beta1=0.9"
    page = visit(chromium, f"{app.url}/mode_collapse?{QUICK}&steps=300&seed=27&{explosive}")
    press(page, "Train")
    wait_for_progress(page, "Diverged")
    press(page, "Try remedies")
    table = page.locator(".st-key-trials table")
    expect(table).to_contain_text(re.compile(r"as it is.*step [\d ]+ of 3 000", re.S))
    frame = table.locator("xpath=..")
    assert frame.evaluate("e => e.scrollWidth - e.clientWidth") <= 1, "it is wider than a laptop"
    assert page.locator(".st-key-trials").bounding_box()["height"] < LAPTOP["height"] / 2
    ended = re.compile(r"[2-9] of \d trained|Take: |None of them")
    expect(page.locator(".st-key-trials")).to_contain_text(ended)
    press(page, "1")
    expect(page.locator(".caption-reference")).to_contain_text("SGD")
    page.set_viewport_size({"width": 390, "height": 800})
    expect(table).to_be_visible()
    wait_until(page, lambda: page.locator(".stMain").evaluate("e => e.scrollWidth") <= 390)
    press(page, "Close")
    expect(table).not_to_be_visible()


def test_each_back_restores_the_settings_before(chromium, app: Server) -> None:
    """Back does nothing four times, or cannot leave the page at all."""
    page = visit(chromium, f"{app.url}/mode_collapse?{QUICK}&steps=500&seed=29")
    dropout = slider(page, "Dropout in D")
    values = ["0.05", "0.1", "0.15"]
    for value in values:
        dropout.press("ArrowRight")
        page.wait_for_url(f"**dropout={value}*")
        settle(page)
    for value in [*values[-2::-1], "0"]:
        page.go_back()
        expect(dropout).to_have_attribute("aria-valuetext", re.compile(f"^{value}"))
        settle(page)
    page.go_back()
    page.wait_for_url("about:blank")


def test_a_button_that_cannot_be_pressed_can_be_read(chromium, app: Server) -> None:
    """White words on a white button: nobody knows what is not possible just now."""
    page = visit(chromium, f"{app.url}/mode_collapse?{QUICK}")
    colour = button(page, "Train").evaluate(
        "button => { button.disabled = true; return getComputedStyle(button).color; }")
    assert colour != "rgb(255, 255, 255)"
