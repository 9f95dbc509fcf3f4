"""Training by hand on its page: what was pressed is in the URL, and can be undone."""

from __future__ import annotations

import pytest

from pages.components import by_hand
from tests.support.app_pages import address_of, button, markdown, open_sections, opened

pytestmark = pytest.mark.usefixtures("page_server")
PAGE = "training_instability"


@pytest.mark.parametrize("text", ["", "d1", "d10,g1", "g1000", "d1,g1,d1"])
def test_what_was_pressed_survives_the_url(text: str) -> None:
    """A reload begins with other networks."""
    presses, problem = by_hand.read(text)
    assert not problem and by_hand.written(presses) == text


@pytest.mark.parametrize("text", ["x", "d", "d0", "d1,", ",d1", "d1g1", "d1001", "g500,d501", "d-1",
                                  ",".join(["d1", "g1"] * 101), "d1\n"])
def test_nonsense_in_the_url_is_named(text: str) -> None:
    """A mistyped link shows a stack trace, or has the server compute for minutes."""
    presses, problem = by_hand.read(text)
    assert presses == () and "hand must be" in problem and "1000" in problem


def test_presses_of_one_network_count_together_and_are_undone_one_by_one() -> None:
    """Undo takes ten steps back where one was meant."""
    presses = by_hand.pressed(by_hand.pressed((), "d", 10), "d", 1)
    assert presses == (("d", 11),)
    assert by_hand.undone(presses) == (("d", 10),)
    assert by_hand.undone((("d", 2), ("g", 1))) == (("d", 2),)
    assert by_hand.undone(()) == ()


def test_the_most_that_a_link_may_hold_can_be_trained() -> None:
    """The longest link that is let in ends in an error."""
    for turns, updates in ((["d1", "g1"] * 100, 100), (["d20", "g20"] * 25, 500)):
        text = ",".join(turns)
        presses, problem = by_hand.read(text)
        assert not problem
        by_hand.trained.cache_clear()
        assert by_hand.trained(presses).generator.updates == updates


def test_a_press_updates_one_network_and_is_kept_in_the_link() -> None:
    """A press does nothing, updates the other network, or is lost with the page."""
    app = open_sections(opened(PAGE), PAGE, "hand")
    button(app, "1 D step").click().run()
    button(app, "10 G steps").click().run()
    assert not app.exception
    assert "1 D and 10 G updates so far" in markdown(app)
    assert address_of(app)["hand"] == "d1,g10"
    button(app, "Undo").click().run()
    assert "1 D and 9 G updates so far" in markdown(app)
    button(app, "Start again").click().run()
    assert "0 D and 0 G updates" in markdown(app) and "hand" not in address_of(app)


def test_a_link_opens_the_section_as_it_was_left() -> None:
    """Whoever follows the link must find the section first, and it begins anew."""
    app = opened(PAGE, hand="d3,g2")
    assert "3 D and 2 G updates so far" in markdown(app)
    app = opened(PAGE, hand="d3,,g2")
    assert any("hand must be" in warning.value for warning in app.warning)
