"""Maps that a server fills: a few batches at a time, as long as somebody wants them."""

from __future__ import annotations

import pytest

from gan_core.exploration.axis import axis
from gan_core.exploration.map_looks import COLOURINGS
from gan_core.exploration.parameter_map import ParameterMap
from gan_core.exploration.study import name_of
from gan_core.runs.status import RunStatus, StoreError
from gan_core.serving import map_channel
from gan_core.serving.queue import RETURN_SECONDS
from gan_core.serving.study_jobs import AT_ONCE, StudyJobs
from tests.support.made_up_records import evaluation, step
from tests.support.queues import RING, until

# No two rows train together: a batch for each.
DRAWN = ParameterMap(RING.replace(steps=100), axis("learning_rate=0.001,0.01"),
                     axis("discriminator_steps=1..5:5"))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Room:
    """A queue of fakes, a set of open tabs, and the maps that they want."""

    def __init__(self, fakes, workers: int = 1) -> None:
        self.fakes, self.tabs, self.clock = fakes, {"a", "b"}, Clock()
        self.queue = fakes.queue(workers)
        self.studies = StudyJobs(self.queue, self.tabs, self.clock)

    def finish(self, *digests: str) -> None:
        """The runs of a batch come to their ends, as a worker would leave them."""
        for digest in digests:
            self.fakes.store.append(digest, [step(100), evaluation(100)])
            self.fakes.store.write_status(digest, RunStatus("finished", 100, 100, seconds=2.0))
            self.fakes.finish(digest)

    def finish_all(self) -> None:
        done: set[str] = set()

        def ended() -> bool:
            begun = set(self.studies.state(DRAWN).asked) & set(self.fakes.begun()) - done
            self.finish(*begun)
            done.update(begun)
            return not self.studies.state(DRAWN).live

        until(ended)


@pytest.fixture
def room(fakes, monkeypatch):
    monkeypatch.setattr("gan_core.serving.housekeeping.SECONDS", 0.02)
    made = Room(fakes)
    yield made
    made.studies.close()


def test_a_map_is_filled_to_its_end_a_few_batches_at_a_time(room):
    """A map of hundreds takes every place in the queue, or stops after its first batch."""
    room.studies.fill(DRAWN, "a")
    until(lambda: len(room.studies.state(DRAWN).asked) == 2 * AT_ONCE)
    assert len(room.queue._scheduler.jobs) == 2 * AT_ONCE
    room.finish_all()
    assert set(room.studies.results(DRAWN)) == {run.digest for run in DRAWN.runs}
    assert room.studies.state(DRAWN).refusal == ""


def test_coarse_cells_come_first(room):
    room.studies.fill(DRAWN, "a")
    until(lambda: len(room.fakes.begun()) >= 2)
    first = {run.digest: run.cell for run in DRAWN.runs}
    assert {first[digest][1] for digest in room.fakes.begun()[:2]} == {0}


def test_a_map_ends_with_its_last_tab(room):
    """Somebody who has gone trains for hours, while a class waits."""
    room.studies.fill(DRAWN, "a")
    room.studies.fill(DRAWN, "b")
    until(lambda: room.studies.state(DRAWN).asked)
    room.tabs.discard("a")
    room.clock.now += RETURN_SECONDS + 1
    room.studies.tend()
    room.clock.now += RETURN_SECONDS + 1
    room.studies.tend()
    assert room.studies.state(DRAWN).live, "b has it open"
    room.tabs.discard("b")
    room.studies.tend()
    room.tabs.add("b")  # it was only reloaded
    room.clock.now += RETURN_SECONDS + 1
    room.studies.tend()
    assert room.studies.state(DRAWN).live
    room.tabs.discard("b")
    room.studies.tend()
    room.clock.now += RETURN_SECONDS + 1
    room.studies.tend()
    ended = room.studies.state(DRAWN)
    assert not ended.live and "Nobody" in ended.refusal


def test_stop_ends_it_and_fill_goes_on(room):
    """What was measured is trained anew; or Stop leaves runs in the queue."""
    room.studies.fill(DRAWN, "a")
    until(lambda: room.fakes.begun())
    first = room.fakes.begun()[0]
    room.finish(first)
    until(lambda: first in room.studies.results(DRAWN))
    assert room.studies.stop(DRAWN, "a")
    until(lambda: not room.queue._scheduler.jobs)
    assert not room.studies.state(DRAWN).live
    room.studies.fill(DRAWN, "a")
    room.finish_all()
    assert room.fakes.begun().count(first) == 1


def test_stop_of_one_leaves_it_to_the_other(room):
    room.studies.fill(DRAWN, "a")
    room.studies.fill(DRAWN, "b")
    until(lambda: room.fakes.begun())
    assert not room.studies.stop(DRAWN, "a")
    assert room.studies.state(DRAWN).live


def test_a_budget_begins_no_more(room):
    """An hour is spent where a minute was allowed; or runs that have begun are thrown away."""
    room.studies.fill(DRAWN, "a", budget=60.0)
    until(lambda: len(room.studies.state(DRAWN).asked) == 2 * AT_ONCE)
    room.clock.now += 61
    room.finish_all()
    assert len(room.studies.results(DRAWN)) == 2 * AT_ONCE
    assert "budget" in room.studies.state(DRAWN).refusal


def test_a_run_that_fails_is_told_and_not_tried_for_ever(room):
    """One cell keeps a map going for ever, and nobody knows why."""
    room.studies.fill(DRAWN, "a")
    until(lambda: room.fakes.begun())
    broken = room.fakes.begun()[0]
    (room.fakes.folder / f"fail-{broken}").touch()
    until(lambda: broken not in room.studies.state(DRAWN).asked)
    room.finish_all()
    ended = room.studies.state(DRAWN)
    assert ended.failed == 1 and "It failed." in ended.refusal
    assert len(room.studies.results(DRAWN)) == len(DRAWN.runs) - 1


def test_what_a_server_does_not_train_is_told(room):
    """Steps beyond the server's limit: the map is called live, and nothing happens."""
    long = ParameterMap(RING.replace(steps=60_000), DRAWN.x, DRAWN.y)
    room.studies.fill(long, "a")
    until(lambda: not room.studies.state(long).live)
    assert "steps must be a number from 1 to 50000" in room.studies.state(long).refusal


def test_time_left_follows_from_what_was_trained(room):
    room.studies.fill(DRAWN, "a")
    until(lambda: len(room.fakes.begun()) == 2)
    assert room.studies.state(DRAWN).seconds_left is None
    room.clock.now += 10
    room.finish(*room.fakes.begun()[:2])
    until(lambda: len(room.studies.results(DRAWN)) == 2)
    assert room.studies.state(DRAWN).seconds_left == pytest.approx(10 / 2 * 8)


@pytest.mark.parametrize("colouring", COLOURINGS)
def test_the_channel_tells_every_cell(room, colouring):
    told = map_channel.state(DRAWN, {}, room.studies.state(DRAWN), colouring)
    assert len(told["cells"]) == 10 and told["share"] == 0 and not told["live"]
    assert all(len(cell) == 7 for cell in told["cells"])
    assert "10 runs" in told["words"]


def test_only_maps_that_a_page_has_shown_are_known(room):
    """A stranger's address makes the server work a map out."""
    assert room.studies.known(name_of(DRAWN)) is None
    room.studies.know(DRAWN)
    room.studies.know(ParameterMap.from_dict(DRAWN.to_dict()))
    assert room.studies.known(name_of(DRAWN)) is DRAWN, "its runs are worked out anew"


def test_whoever_watches_keeps_it_going(room):
    """A teacher fills a map for the class and leaves; or a connection is lost for a moment."""
    room.studies.fill(DRAWN, "a")
    room.tabs.discard("a")
    for _ in range(5):
        room.clock.now += RETURN_SECONDS / 2
        room.studies.watch(DRAWN, "student")
        room.studies.tend()
    assert room.studies.state(DRAWN).live
    assert not room.studies.stop(DRAWN, "b"), "somebody else watches"
    room.clock.now += RETURN_SECONDS + 1
    room.studies.tend()
    assert not room.studies.state(DRAWN).live


def test_whoever_only_watches_begins_nothing(room):
    room.studies.watch(DRAWN, "student")
    assert not room.studies.state(DRAWN).live


def test_two_studies_of_a_tab_leave_a_place_for_train(room):
    """Who fills two maps can train nothing else, and does not know why."""
    other = ParameterMap(RING.replace(steps=100, seed=7), DRAWN.x, DRAWN.y)
    room.studies.fill(DRAWN, "a")
    room.studies.fill(other, "a")
    until(lambda: len(room.fakes.begun()) >= 2)
    for _ in range(5):
        room.studies.tend()
    asked = [room.studies.state(study).asked for study in (DRAWN, other)]
    assert sum(map(len, asked)) == 2 * AT_ONCE


def test_more_seeds_are_a_study_of_their_own(room):
    """Somebody looks at one seed, and the map of somebody else shrinks."""
    more = ParameterMap(DRAWN.base, DRAWN.x, DRAWN.y, 3)
    room.studies.fill(more, "a")
    room.studies.know(DRAWN)
    until(lambda: room.studies.state(more).asked)
    assert not room.studies.state(DRAWN).live
    assert room.studies.known(name_of(more)) == more


def test_a_full_disk_ends_it_with_its_cause(room, monkeypatch):
    """The page says *Training* for ever."""
    def full(*_):
        raise StoreError("no", "the disk is full")

    monkeypatch.setattr(room.studies._results, "add", full)
    room.studies.fill(DRAWN, "a")
    until(lambda: room.fakes.begun())
    room.finish(*room.fakes.begun())
    until(lambda: not room.studies.state(DRAWN).live)
    assert "the disk is full" in room.studies.state(DRAWN).refusal
    until(lambda: not room.queue._scheduler.jobs)


def test_a_fault_costs_one_study(room, monkeypatch, capsys):
    """One map that cannot be worked out stops all others."""
    broken = ParameterMap(RING.replace(steps=100, seed=7), DRAWN.x, DRAWN.y)
    wanted = ParameterMap.wanted

    def fault(self, results):
        if self == broken:
            raise RuntimeError("a fault")
        return wanted(self, results)

    monkeypatch.setattr(ParameterMap, "wanted", fault)
    room.studies.fill(broken, "a")
    room.studies.fill(DRAWN, "b")
    until(lambda: not room.studies.state(broken).live)
    assert "mistake" in room.studies.state(broken).refusal
    until(lambda: room.studies.state(DRAWN).asked)
    assert "a fault" in capsys.readouterr().err
