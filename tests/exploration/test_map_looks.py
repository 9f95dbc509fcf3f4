"""How maps look: colours that can be read and told apart, pale where nothing was measured."""

from __future__ import annotations

import itertools

import pytest

from gan_core.config.validation import ConfigError
from gan_core.diagnosis.verdict import STATES
from gan_core.exploration.axis import axis
from gan_core.exploration.map_looks import (
    COLOURINGS,
    RAMP,
    STATE_COLOURS,
    STATE_WORDS,
    Scale,
    _luminance,
    ink_on,
    legend,
    looks,
    on_paper,
    ramp_colour,
)
from gan_core.exploration.map_picture import picture
from gan_core.exploration.parameter_map import ParameterMap
from tests.exploration.made_up_maps import RING, SMALL, filled, result


def contrast(one, other) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colour", [*STATE_COLOURS.values(),
                                    *(ramp_colour(place / 50) for place in range(51))])
def test_words_can_be_read_on_every_colour(colour):
    """4.5 : 1, as WCAG asks of small letters."""
    assert contrast(colour, ink_on(colour)) >= 4.5


def test_states_are_told_apart_without_colour():
    """For whoever sees no red and green, healthy looks like failing."""
    assert set(STATE_COLOURS) == set(STATE_WORDS) == set(STATES)
    light = [_luminance(STATE_COLOURS[state]) for state in ("healthy", "failing", "diverged")]
    assert light == sorted(light, reverse=True)
    assert all(contrast(STATE_COLOURS[one], STATE_COLOURS[other]) > 1.2
               for one, other in itertools.combinations(("healthy", "failing", "diverged"), 2))


def test_a_scale_runs_from_the_worst_to_the_best():
    """A map of Fréchet distances has its best cells dark."""
    falling = Scale(worst=400.0, best=10.0)
    assert falling.colour(10.0) == RAMP[-1] and falling.colour(400.0) == RAMP[0]
    assert falling.log and falling.place(63.2) == pytest.approx(0.5, abs=0.01)
    assert falling.place(float("inf")) == 0.0 and falling.place(1.0) == 1.0
    for place in (0.0, 0.3, 1.0):
        assert falling.place(falling.value(place)) == pytest.approx(place)
    even = Scale(0.5, 0.5)
    assert even.place(0.5) == 1.0


def test_cells_without_runs_are_pale_copies_of_their_neighbours():
    """A coarse map is full of holes; or a guess looks like a result."""
    results = {SMALL.runs_by_cell[0, 0][0].digest: result("a", "failing")}
    found = looks(SMALL, results)
    assert found[0, 0].known and found[0, 0].words == "failing"
    others = [look for cell, look in found.items() if cell != (0, 0)]
    assert not any(look.known or look.words for look in others)
    assert all(_luminance(on_paper(look)) > _luminance(found[0, 0].fill) for look in others)
    assert all(look.fill is None for look in looks(SMALL, {}).values())
    assert {look.told for look in others} == {"not trained yet"}


@pytest.mark.parametrize("colouring", COLOURINGS)
def test_every_colouring_draws_every_map(colouring):
    """A measure that no run has, or none at all, ends in a traceback."""
    for results in ({}, filled(SMALL), filled(SMALL, modes=0.5, frechet=100.0, diversity=0.9,
                                              high_quality=0.2, swing=0.1, gradient_left=0.5,
                                              quality=0.3)):
        assert set(looks(SMALL, results, colouring)) == set(itertools.product(range(2), range(3)))
        assert legend(SMALL, results, colouring)
        image = picture(SMALL, results, colouring)
        assert image.size[0] >= 600 and image.size[1] > 250


def test_seeds_that_disagree_are_told():
    """A cell is green because one of five seeds was lucky."""
    results = filled(SMALL)
    results[SMALL.runs_by_cell[0, 0][1].digest] = result("b", "failing")
    look = looks(SMALL, results)[0, 0]
    assert (look.words, look.below, look.told) == ("failing", "1 of 2", "failing, 1 of 2 seeds")


def test_what_is_not_allowed_says_why():
    drawn = ParameterMap(RING, axis("discriminator_steps=1,2"),
                         axis("update_order=discriminator_first,simultaneous"))
    look = looks(drawn, {})[1, 1]
    assert look.words == "not allowed" and "simultaneous" in look.told
    with pytest.raises(ConfigError):
        drawn.config((1, 1))


def test_a_picture_shows_the_colours_of_its_cells():
    """The file is white, or cells lie upside down."""
    drawn = ParameterMap(RING, axis("dropout=0,0.4"), axis("learning_rate=0.001,0.01"))
    states = {(0, 0): "healthy", (1, 0): "failing", (0, 1): "diverged", (1, 1): "improving"}
    results = {run.digest: result(run.digest, states[run.cell]) for run in drawn.runs}
    image = picture(drawn, results)
    found = {}
    for (column, row) in states:
        from gan_core.exploration.map_picture import _box
        left, top, _, _ = _box(drawn, (column, row))
        found[column, row] = image.getpixel((left + 4, top + 4))
    assert found == {cell: STATE_COLOURS[state] for cell, state in states.items()}
    assert found[0, 1] != found[0, 0]
    assert _box(drawn, (0, 1))[1] < _box(drawn, (0, 0))[1], "the first row lies at the bottom"
