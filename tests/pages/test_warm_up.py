"""What all visitors share is made before the first of them comes."""

from __future__ import annotations

import pytest

from pages.components import dirac_gan, frozen_generator
from pages.components.warm_up import warm_up
from tests.support.app_pages import PAGES, open_sections, opened

pytestmark = pytest.mark.usefixtures("page_server")


def test_the_first_visitor_of_a_page_need_not_wait_for_what_all_share() -> None:
    """The first pages of a class take half a second each, one after another."""
    kept = (frozen_generator.norms_spec, dirac_gan._drawing)
    for cache in kept:
        cache.cache_clear()
    warm_up()
    made = [cache.cache_info().misses for cache in kept]
    for name in PAGES:
        assert not open_sections(opened(name), name, "dirac", "frozen").exception
    assert [cache.cache_info().misses for cache in kept] == made and all(made)
