"""Parameter maps: which runs make them up, in which order, and how they are named."""

from __future__ import annotations

import pytest

from gan_core.config.batching import MOST_RUNS, batch_key
from gan_core.config.validation import ConfigError
from gan_core.exploration.axis import axis
from gan_core.exploration.parameter_map import ParameterMap
from gan_core.exploration.planner import batches
from gan_core.exploration.shipped_maps import SHIPPED, shipped_results
from gan_core.exploration.study import name_of
from tests.exploration.made_up_maps import RING, SMALL


def test_every_cell_is_the_base_with_two_settings_changed():
    """A cell shows another run than its axes say."""
    for run in SMALL.runs:
        changes = run.config.changes(base=RING)
        expected = {"learning_rate": SMALL.x.values[run.cell[0]],
                    "dropout": SMALL.y.values[run.cell[1]], "seed": run.number}
        assert {**RING.to_dict(), **changes} == {**RING.to_dict(), **expected}
        assert run.digest == run.config.digest()
    assert len({run.digest for run in SMALL.runs}) == 2 * 3 * 2


def test_one_seed_is_done_before_the_next_begins():
    """Half of a map has two seeds, and the other half none."""
    numbers = [run.number for run in SMALL.runs]
    assert numbers == sorted(numbers)


def test_values_that_do_not_go_together_are_told():
    """One impossible cell refuses the whole map."""
    drawn = ParameterMap(RING, axis("discriminator_steps=1,2"),
                         axis("update_order=discriminator_first,simultaneous"))
    assert set(drawn.refused) == {(1, 1)} and len(drawn.runs) == 3
    assert "simultaneous" in drawn.refused[1, 1]
    with pytest.raises(ConfigError, match="does not fit the data set"):
        ParameterMap(RING, axis("architecture=dcgan,mlp_reference"), axis("dropout=0,0.1"))


def test_settings_may_change_in_mid_run():
    """A map of what dropout rescues cannot be drawn."""
    drawn = ParameterMap(RING, axis("@50 dropout=0,0.4"), axis("learning_rate=0.001,0.01"))
    config = drawn.config((1, 1))
    assert (config.at(49).dropout, config.at(50).dropout) == (0.0, 0.4)
    assert config.learning_rate == 0.01
    both = ParameterMap(RING, axis("@50 dropout=0,0.4"), axis("@20 r1=0,1"))
    assert both.config((1, 1)).schedule == "@20 r1=1.0 @50 dropout=0.4"


@pytest.mark.parametrize(("x", "y", "seeds", "words"), [
    ("dropout=0,0.1", "dropout=0,0.2", 1, "two settings"),
    ("dropout=0,0.1", "r1=0,1", 0, "from 1 to 5"),
    ("dropout=0,0.1", "r1=0,1", 6, "from 1 to 5"),
    ("@100 dropout=0,0.1", "r1=0,1", 1, "x must begin before step 100"),
])
def test_what_is_no_map_is_refused(x, y, seeds, words):
    with pytest.raises(ConfigError, match=words):
        ParameterMap(RING, axis(x), axis(y), seeds)


def test_the_last_seed_must_be_one():
    """A page opens, and then ends in a traceback."""
    with pytest.raises(ConfigError, match="seed must be"):
        ParameterMap(RING.replace(seed=2**31 - 1), SMALL.x, SMALL.y, 2)


def test_a_name_stands_for_what_is_varied_and_how_far_it_goes():
    """A longer map takes the results of a shorter one; or more seeds begin anew."""
    more = ParameterMap(SMALL.base, SMALL.x, SMALL.y, 5)
    assert more.digest() == SMALL.digest() and name_of(more) != name_of(SMALL)
    others = [ParameterMap(RING.replace(steps=200), SMALL.x, SMALL.y),
              ParameterMap(RING, SMALL.y, SMALL.x),
              ParameterMap(RING, axis("learning_rate=0.001,0.02"), SMALL.y)]
    assert len({SMALL.digest(), *(other.digest() for other in others)}) == 4
    assert ParameterMap.from_dict(SMALL.to_dict()) == SMALL


# --- which runs train together -------------------------------------------------------------------


@pytest.mark.parametrize("name", SHIPPED)
def test_batches_hold_every_run_once_and_none_that_cannot_join(name):
    """A run is trained twice, or a batch fails on a stranger."""
    runs = [run.config for run in SHIPPED[name].drawn.runs]
    planned = batches(runs)
    assert sorted(config.digest() for batch in planned for config in batch) == sorted(
        config.digest() for config in runs)
    for batch in planned:
        assert len(batch) <= MOST_RUNS
        assert len(batch) == 1 or len({batch_key(config) for config in batch} - {None}) == 1


def test_the_coarse_runs_come_first():
    drawn = SHIPPED["rate-ratio"].drawn
    place = {run.digest: number for number, run in enumerate(drawn.runs)}
    firsts = [min(place[config.digest()] for config in batch) for batch in batches(
        run.config for run in drawn.runs)]
    assert firsts == sorted(firsts)


def test_batches_of_one_kind_are_of_equal_size():
    """Of seventeen runs one is left, and takes a third of the time of all others."""
    runs = [RING.replace(seed=seed) for seed in range(MOST_RUNS + 1)]
    assert sorted(map(len, batches(runs))) == [8, 9]


# --- what ships ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_map_is_whole(name):
    """The first thing that a visitor sees has holes."""
    drawn = SHIPPED[name].drawn
    results = shipped_results().read(drawn)
    assert [run.cell for run in drawn.runs if run.digest not in results] == []
