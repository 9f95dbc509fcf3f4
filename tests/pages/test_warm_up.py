"""What all visitors share is made before the first of them comes."""

from __future__ import annotations

import pytest

from pages.components import dirac_gan, history_charts, modes_chart
from pages.components.warm_up import warm_up
from tests.support.app_pages import PAGES, opened

pytestmark = pytest.mark.usefixtures("page_server")


def test_the_first_visitor_of_a_page_need_not_wait_for_what_all_share() -> None:
    """The first pages of a class take half a second each, one after another."""
    kept = (history_charts.lines_spec, history_charts.curve_spec, modes_chart.modes_spec,
            dirac_gan._drawing)
    for cache in kept:
        cache.cache_clear()
    warm_up()
    made = [cache.cache_info().misses for cache in kept]
    for name in PAGES:
        assert not opened(name).exception
    assert [cache.cache_info().misses for cache in kept] == made and all(made)
