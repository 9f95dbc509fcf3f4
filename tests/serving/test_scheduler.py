"""The scheduler: who is served when, and which runs are trained together."""

from __future__ import annotations

import pytest

from gan_core.config.batching import MOST_RUNS
from gan_core.config.run_config import RunConfig
from tests.support.queues import RING, apart, band, seeded, state, until


def test_viewers_take_turns(fakes):
    """One student who queues four runs must not hold up everybody else's first."""
    queue = fakes.queue()
    greedy = [queue.submit(apart(number), "greedy") for number in range(4)]
    modest = [queue.submit(apart(10 + number), f"modest {number}") for number in range(2)]
    order = [greedy[0], *modest, *greedy[1:]]
    assert [queue.snapshot(digest).place for digest in order] == [0, 1, 2, 3, 4, 5]
    assert queue.pool().waiting == 5
    assert queue.snapshot(modest[0]).live
    for digest in order:
        fakes.finish(digest)
    until(lambda: fakes.begun() == order)
    until(lambda: queue.pool().waiting == 0)


@pytest.mark.parametrize("config", [seeded, apart], ids=["alike", "unlike"])
def test_a_third_run_waits_rather_than_slowing_two(config, fakes):
    """Three trainings on two cores would all be slower than one after another, whether or not the
    third could have been trained together with one of them."""
    queue = fakes.queue(workers=2)
    first, second, third = (queue.submit(config(number), f"viewer {number}") for number in range(3))
    until(lambda: sorted(fakes.begun()) == sorted([first, second]))
    assert (state(queue, third), queue.snapshot(third).place) == ("queued", 1)
    fakes.finish(second)
    until(lambda: fakes.begun()[2:] == [third])
    assert queue.snapshot(first).live


def test_a_run_that_others_wait_for_counts_for_the_one_who_waited_least(fakes):
    """Joining a greedy viewer's run must not push one's own wish to the end."""
    queue = fakes.queue()
    greedy = [queue.submit(apart(number), "greedy") for number in range(4)]
    other = queue.submit(apart(20), "other")
    queue.submit(apart(3), "newcomer")
    places = {digest: queue.snapshot(digest).place for digest in [*greedy, other]}
    assert places[greedy[3]] < places[greedy[1]]


def test_a_band_is_spread_evenly_over_the_workers(fakes):
    """Eight seeds would wait for each other, or leave one of two cores idle."""
    queue = fakes.queue(workers=2)
    digests = queue.submit_together(band(7), "a")
    until(lambda: len(fakes.begun()) == 7)
    assert sorted(len(runs) for runs in fakes.together()) == [3, 4]
    assert set(fakes.begun()) == set(digests)
    assert {state(queue, digest) for digest in digests} == {"starting"}
    assert queue.pool().waiting == 0


def test_a_worker_that_is_still_starting_has_its_share(fakes):
    """The first band after a server's start would be trained on one core."""
    queue = fakes.queue(workers=2)
    running = queue.submit(apart(0), "a")
    until(lambda: running in fakes.begun())
    (fakes.folder / f"die-{running}").touch()
    until(lambda: queue.pool().ready == 1)  # the other one is started anew
    queue.submit_together(band(4), "a")
    until(lambda: len(fakes.together()) == 3)
    assert [len(runs) for runs in fakes.together()] == [1, 2, 2]


def test_runs_that_differ_in_structure_and_images_go_one_by_one(fakes):
    """They cannot be trained in one pass, or would only wait for each other."""
    queue = fakes.queue()
    busy = queue.submit(apart(50), "a")
    hinge, batches = band(2, loss="hinge"), band(2, batch_size=32)
    images = [RunConfig(seed=seed) for seed in range(2)]
    for viewer, configs in (("a", hinge), ("b", batches), ("c", images)):
        queue.submit_together(configs, viewer)
    for digest in (busy, *(config.digest() for config in (*hinge, *batches, *images))):
        fakes.finish(digest)
    until(lambda: queue.pool().waiting == 0)
    names = [[config.digest() for config in configs] for configs in (hinge, batches)]
    sent = [sorted(runs) for runs in fakes.together()]
    assert sent[0] == [busy] and all(sorted(runs) in sent for runs in names)
    assert all([config.digest()] in sent for config in images) and len(sent) == 5


def test_alike_runs_of_other_viewers_ride_along(fakes):
    """A second student's seeds would wait for the first one's, and cost as much once more."""
    queue = fakes.queue()
    busy = queue.submit(apart(50), "a")
    first = queue.submit_together(band(3), "a")
    image = queue.submit(RunConfig(), "b")
    riding = queue.submit(RING, "b")
    for digest in (busy, *first, image, riding):
        fakes.finish(digest)
    until(lambda: len(fakes.together()) == 3)
    assert {frozenset(runs) for runs in fakes.together()[1:]} == {
        frozenset([*first, riding]), frozenset([image])}


def test_a_band_takes_one_turn(fakes):
    """Who has trained a band would wait behind everybody else's fourth run."""
    queue = fakes.queue()
    queue.submit(apart(50), "other")
    queue.submit_together(band(8), "a")
    own = queue.submit(RunConfig(), "a")
    others = [queue.submit(apart(number), "b") for number in range(4)]
    assert queue.snapshot(own).place < queue.snapshot(others[2]).place


def test_no_more_runs_are_trained_together_than_are_good_for_them(fakes):
    """One worker would be given everybody's runs, and each crawl."""
    queue = fakes.queue()
    busy = queue.submit(apart(50), "a")
    digests = queue.submit_together(band(MOST_RUNS + 3), "a")
    fakes.finish(busy)
    until(lambda: len(fakes.together()) == 2)
    assert list(fakes.together()[1]) == digests[:MOST_RUNS]
    for digest in digests[:MOST_RUNS]:
        fakes.finish(digest)
    until(lambda: len(fakes.together()) == 3)
    assert list(fakes.together()[2]) == digests[MOST_RUNS:]


def test_whoever_leaves_gives_back_their_own_turn(fakes):
    """A greedy viewer who joins a modest one's run and leaves it would be served before others."""
    queue = fakes.queue()
    queue.submit(apart(0), "other")  # in training
    modest = queue.submit(apart(1), "modest")
    own = [queue.submit(apart(10 + number), "greedy") for number in range(2)]
    queue.submit(apart(1), "greedy")  # joined at greedy's third turn; modest's is lower
    queue.release(modest, "modest")
    late = queue.submit(apart(2), "late")
    places = [queue.snapshot(digest).place for digest in (own[0], late, own[1], modest)]
    assert places == [1, 2, 3, 4], "the run now counts for the one who still waits"
    queue.release(modest, "greedy")
    again = queue.submit(apart(3), "greedy")
    assert queue.snapshot(again).place == 4, "the third turn, which was given back"


@pytest.mark.parametrize("how", ["release", "expiry"])
def test_a_turn_is_given_back_however_its_viewer_leaves(how, fakes, monkeypatch):
    """Whoever closes a tab and comes back would wait as if their dropped runs had been trained."""
    monkeypatch.setattr("gan_core.serving.housekeeping.SECONDS", 0.02)
    queue = fakes.queue()
    queue.submit(apart(0), "other")
    dropped = [queue.submit(apart(number), "a") for number in (1, 2, 3)]
    for digest in dropped:
        if how == "release":
            queue.release(digest, "a")
        else:
            queue._scheduler.jobs[digest].leases["a"] = 0.0
    until(lambda: queue.pool().waiting == 0)
    queue.submit(apart(4), "b")
    back = queue.submit(apart(5), "a")
    queue.submit(apart(6), "b")
    assert queue.snapshot(back).place == 2


def test_a_turn_that_a_batch_still_waits_for_is_not_given_back(fakes):
    """Who drops one seed of a band would get a second turn for the price of one."""
    queue = fakes.queue()
    queue.submit(apart(0), "other")
    first, *_ = queue.submit_together(band(3), "a")
    queue.release(first, "a")
    own = queue.submit(apart(1), "a")
    modest = queue.submit(apart(2), "b")
    assert queue.snapshot(modest).place < queue.snapshot(own).place
