"""Coarse to fine: every round is useful by itself, and all together are the whole map."""

from __future__ import annotations

import itertools

import pytest

from gan_core.exploration.refinement import rounds, rounds_of

SIZES = range(1, 13)


@pytest.mark.parametrize(("columns", "rows"), list(itertools.product(SIZES, SIZES)))
def test_every_cell_has_one_round(columns, rows):
    """A cell is trained twice, or never."""
    cells = [cell for each in rounds(columns, rows) for cell in each]
    assert sorted(cells) == sorted(itertools.product(range(columns), range(rows)))
    assert all(rounds(columns, rows)), "a round without cells"


@pytest.mark.parametrize("count", range(3, 13))
def test_the_first_round_sees_both_ends_and_no_wide_gap(count):
    """After the first round nobody knows what one end of the map is like."""
    first = [place for place, number in enumerate(rounds_of(count)) if number == 0]
    assert first[0] == 0 and first[-1] == count - 1
    gaps = [later - earlier for earlier, later in itertools.pairwise(first)]
    assert len(first) >= 3 and max(gaps) <= (count + 1) // 2


def test_a_coarse_map_costs_a_fraction():
    """The first picture takes as long as the whole."""
    first = rounds(12, 12)[0]
    assert len(first) <= 16
