"""Seeds and small changes on a page: shown once the section is opened, trained by one, stopped by
another."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from gan_core.exploration.shipped_spreads import PAGES
from gan_core.exploration.spread import Spread
from gan_core.runs.store import StoreError
from gan_core.serving.admission import QueueFull
from pages.components import server, spread_chart
from tests.support import app_pages
from tests.support.app_pages import button, jobs, markdown, open_sections, shown, wait_until
from tests.support.queues import RING

pytestmark = pytest.mark.usefixtures("page_server")
PAGE = "mode_collapse"


@pytest.fixture(autouse=True)
def no_study_goes_on(page_server):
    yield
    server.studies().close()
    server.studies.clear()


def quick(dropout: float, steps: int = 60) -> dict[str, str]:
    """A link to a run of a recipe that differs from every other test's, with the page's broken run
    as another data set's reference: there is none."""
    return {"v": "1", "dataset": "grid", "steps": str(steps), "batch_size": "16",
            "dropout": str(dropout)}


def opened(page: str, **query: str) -> AppTest:
    """A page with the section of the bands opened."""
    return open_sections(app_pages.opened(page, **query), page, "spread")


def live(app: AppTest) -> bool:
    return server.studies().state(Spread(shown(app, PAGE))).live


def labels(app: AppTest) -> set[str]:
    return {one.label for one in app.button}


@pytest.mark.parametrize("page", PAGES)
def test_bands_are_there_as_soon_as_the_section_is_opened(page):
    """A visitor has to train eighteen runs before the page says what chance does."""
    app = opened(page)
    assert not app.exception and "Train the other runs" not in labels(app)
    words = markdown(app)
    assert "under 5 seeds" in words and "**The reference**" in words
    timed = page == "computational_cost"  # times are the machine's: no seed beats another
    assert ("Seed by seed the reference is better in" in words) is not timed
    for name in spread_chart.names(app.session_state[f"{page}/state"].challenge):
        app.selectbox(key=f"{page}/spread/metric").select(name).run()
        assert not app.exception


def test_one_click_trains_seeds_and_small_changes():
    """The button trains fewer runs than it says, or the page never shows them."""
    app = opened(PAGE, **quick(0.11))
    assert "no seed has been trained yet" in markdown(app)
    assert any("9 runs are still to be trained" in one.value for one in app.caption)
    button(app, "Train the other runs").click().run()
    assert not app.exception and live(app) and "Stop these runs" in labels(app)
    wait_until(app, lambda: not live(app))
    app.run()
    assert "under 5 seeds" in markdown(app) and "with the learning-rate ratio from" in (
        markdown(app))
    assert not {"Train the other runs", "Stop these runs"} & labels(app)
    # Another setting needs its own few runs, and no seed again.
    app.selectbox(key=f"{PAGE}/spread/varied").select("dropout").run()
    assert any("4 runs are still to be trained" in one.value for one in app.caption)


def test_a_run_that_was_trained_anyway_counts():
    """The run that the page shows is trained once more, or is missing in its own band."""
    app = opened(PAGE, **quick(0.12))
    button(app, "Train").click().run()
    config = shown(app, PAGE)
    wait_until(app, lambda: not server.queue().snapshot(config.digest()).live)
    app.run()
    assert any("8 runs are still to be trained" in one.value for one in app.caption)
    assert "under one seed" in markdown(app)


def test_what_is_no_longer_shown_is_trained_no_longer():
    """Nine runs that no button reaches keep the visitor's places."""
    app = opened(PAGE, **quick(0.16, 40_000))
    button(app, "Train the other runs").click().run()
    first = Spread(shown(app, PAGE))
    wait_until(app, lambda: bool(jobs()))
    app.selectbox(key=f"{PAGE}/spread/varied").select("dropout").run()
    other = Spread(shown(app, PAGE), "dropout")
    assert not server.studies().state(first).live and server.studies().state(other).live
    app.session_state[f"{PAGE}/state"].shown = RING.replace(steps=60, seed=3)
    app.run()
    assert not app.exception and not server.studies().state(other).live
    wait_until(app, lambda: not jobs())


def test_the_shown_run_goes_on_when_the_others_are_stopped():
    """It is one of the five seeds, but has a Stop of its own."""
    app = opened(PAGE, **quick(0.18, 40_000))
    button(app, "Train").click().run()
    own = shown(app, PAGE).digest()
    button(app, "Train the other runs").click().run()
    spread = Spread(shown(app, PAGE))
    wait_until(app, lambda: own in server.studies().state(spread).asked and len(jobs()) > 1)
    button(app, "Stop these runs").click().run()
    wait_until(app, lambda: len(jobs()) == 1)
    assert set(jobs()) == {own} and server.queue().snapshot(own).live


def test_stop_ends_them():
    app = opened(PAGE, **quick(0.13, 40_000))
    button(app, "Train the other runs").click().run()
    wait_until(app, lambda: bool(jobs()))
    button(app, "Stop these runs").click().run()
    own = shown(app, PAGE).digest()  # the page shows it, with a Stop of its own
    wait_until(app, lambda: set(jobs()) <= {own})
    assert not app.exception and not live(app)


def test_the_runs_leave_a_place_for_train():
    """While the bands train, Train is refused."""
    app = opened(PAGE, **quick(0.14, 40_000))
    button(app, "Train the other runs").click().run()
    wait_until(app, lambda: bool(jobs()))
    viewer = next(iter(next(iter(jobs().values())).leases))
    own = RING.replace(steps=40_000, batch_size=32, seed=99)
    assert server.queue().submit(own, viewer) == own.digest()


@pytest.mark.parametrize(("error", "message"), [
    (QueueFull("100 runs are waiting."), "Waiting for a place. 100 runs are waiting."),
    (StoreError("/srv: no.", "permission is missing"), "be stored: permission is missing."),
])
def test_a_refusal_becomes_words(error, message, monkeypatch):
    """A full queue or disk ends in a stack trace, or in silence."""
    def refuse(*arguments):
        raise error

    app = opened(PAGE, **quick(0.15))
    monkeypatch.setattr(server.queue(), "submit_together", refuse)
    button(app, "Train the other runs").click().run()
    spread = Spread(shown(app, PAGE))
    wait_until(app, lambda: message in server.studies().state(spread).refusal)
    app.run()
    assert not app.exception
