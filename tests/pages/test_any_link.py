"""Whatever stands behind the question mark of a page's address: the page opens, in bounded time."""

from __future__ import annotations

import random
import time

from gan_core.config.presets import CHALLENGES
from gan_core.config.run_config import RunConfig
from pages.components import controls, state
from tests.support import fuzzing
from tests.support.app_pages import opened

LINKS, MANY_LINKS = 500, 10_000
PAGES, MANY_PAGES = 3, 300
SLOWEST = 0.1  # seconds for reading a link, which has some milliseconds' work


def test_any_link_is_read(page_server: None, long: bool) -> None:
    """One strange link takes the page down, or the server's time."""
    chance, seconds = random.Random(1), []
    for number in range(MANY_LINKS if long else LINKS):
        page, query = fuzzing.page(chance), fuzzing.parameters(chance)
        began = time.process_time()
        arrived = state._opened(page, CHALLENGES[page], query, None)
        seconds.append(time.process_time() - began)
        assert isinstance(arrived.pending, RunConfig), (number, query)
        assert all(len(problem) < 1000 for problem in arrived.problems), (number, query)
        assert controls.read(controls.written(arrived.shown)) == (arrived.shown, [])
    assert sorted(seconds)[int(0.95 * len(seconds))] < SLOWEST


def test_any_link_opens_a_page(page_server: None, long: bool) -> None:
    """As above, down to the widgets that show what was read."""
    chance = random.Random(2)
    for number in range(MANY_PAGES if long else PAGES):
        page, query = fuzzing.page(chance), fuzzing.parameters(chance)
        query = {name: value for name, value in query.items() if name}
        app = opened(page, **query)
        assert not app.exception, (number, query, [error.value for error in app.exception])
