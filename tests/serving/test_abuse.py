"""One visitor against a class: many tabs, many presses, the largest settings, empty runs.

By order alone: fake workers, which train what they are told to finish.
"""

from __future__ import annotations

import time

import pytest

from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError
from gan_core.cost.memory import IDLE_BYTES, ORDINARY_BYTES, peak_memory
from gan_core.runs.eviction import evict
from gan_core.runs.status import RunStatus
from gan_core.serving import admission
from gan_core.serving.admission import MOST_OF_A_PERSON, MOST_OF_A_VIEWER, QueueFull
from tests.support.queues import RING, apart, seeded, state, until

TABS = [f"tab {number}" for number in range(60)]


def greedy_queue(fakes, **settings):
    """A queue at which one person has sixty tabs."""
    queue = fakes.queue(**settings)
    for tab in TABS:
        queue.arrive(tab, "greedy")
    return queue


def taken(queue, configs, tabs=TABS) -> list[str]:
    """What a person gets who asks for a run in each tab."""
    digests = []
    for tab, config in zip(tabs, configs, strict=False):
        try:
            digests.append(queue.submit(config, tab))
        except QueueFull:
            assert not stored(queue, config), "a refused run must leave nothing"
    return digests


def stored(queue, config) -> bool:
    return queue.store.exists(config.digest())


def test_sixty_tabs_get_what_one_person_gets(fakes):
    """Fifty-six tabs of one student would take the whole queue, and everybody else be refused."""
    queue = greedy_queue(fakes)
    greedy = taken(queue, map(apart, range(60)))
    assert len(greedy) == MOST_OF_A_PERSON
    with pytest.raises(QueueFull, match="8 runs in training or in the queue, in all your tabs"):
        queue.submit(apart(70), TABS[-1])
    for name in ("a", "b", "c"):
        queue.arrive(name, name)
    others = [queue.submit(apart(80 + number), name) for number, name in enumerate("abc")]
    order = [greedy[0], *others, *greedy[1:]]
    for digest in order:
        fakes.finish(digest)
    until(lambda: fakes.begun() == order)


def test_two_hundred_presses_of_train_and_stop(fakes):
    """One student's impatience would delay, or end, the runs of others; or fill the disk."""
    queue = greedy_queue(fakes)
    running = queue.submit(apart(0), "patient")
    waiting = queue.submit(apart(1), "patient")
    dropped = [queue.submit(seeded(0), TABS[0])]
    for number in range(200):
        assert queue.stop(dropped[-1], TABS[number % 60])
        dropped.append(queue.submit(seeded(number + 1), TABS[(number + 1) % 60]))
    queue.stop(dropped[-1], TABS[200 % 60])
    last = queue.submit(seeded(500), TABS[0])
    assert queue.pool().waiting == 2
    fakes.finish(running)
    until(lambda: last in fakes.begun())
    assert queue.snapshot(waiting).place == 1
    fakes.finish(last)
    until(lambda: waiting in fakes.begun())
    assert set(fakes.begun()) == {running, last, waiting} and not fakes.stopped()
    until(lambda: not any(map(queue.store.exists, dropped)))


def test_the_largest_settings_leave_room_for_others(fakes):
    """One student's four largest runs would be killed for lack of memory, and others' with them."""
    large = RunConfig(architecture="dcgan", batch_size=1024, gradient_penalty=10.0)
    memory = peak_memory([large]) + IDLE_BYTES
    queue = greedy_queue(fakes, workers=2, memory=memory)
    larger = large.replace(width=4.0)
    assert peak_memory([larger]) > memory
    with pytest.raises(ConfigError, match=r"^batch_size must be a number from 4 to") as refused:
        queue.submit(larger, TABS[0])
    assert refused.value.field_name == "batch_size" and not stored(queue, larger)
    greedy = taken(queue, [large.replace(seed=seed) for seed in range(4)])
    other = queue.submit(RING, "other")
    until(fakes.begun)
    assert fakes.begun() == [greedy[0]], "nothing fits beside it"
    assert queue.snapshot(other).place == 1
    fakes.finish(greedy[0])
    until(lambda: other in fakes.begun())
    assert fakes.begun() == [greedy[0], other], "the next large one waits until it is alone"
    fakes.finish(other)
    until(lambda: fakes.begun() == [greedy[0], other, greedy[1]])


def test_ordinary_runs_train_beside_each_other_on_a_small_server(fakes):
    """Reckoning would leave one of two workers idle."""
    queue = fakes.queue(workers=2, memory=2 * ORDINARY_BYTES)
    digests = [queue.submit(RunConfig(seed=seed), f"viewer {seed}") for seed in range(2)]
    until(lambda: sorted(fakes.begun()) == sorted(digests))


def test_a_large_run_that_is_trained_already_is_shown(fakes):
    """A link to a run of a larger machine would be refused, though nothing needs to be trained."""
    queue = fakes.queue(memory=2e9)
    large = RunConfig(architecture="dcgan", batch_size=1024, gradient_penalty=10.0, width=4.0)
    digest = fakes.trained(large, "finished", large.steps)
    assert queue.submit(large, "a") == digest
    with pytest.raises(ConfigError):
        queue.submit(large.replace(steps=large.steps + 1), "a")


def test_places_are_kept_for_who_has_none(fakes, monkeypatch):
    """A few people with several runs each would fill the queue, and the rest of the class be sent
    away."""
    monkeypatch.setattr(admission, "MOST_BEFORE_NEWCOMERS", 6)
    monkeypatch.setattr(admission, "MOST_WAITING", 10)
    queue = fakes.queue()
    for number in range(7):  # one of them is in training
        queue.submit(apart(number), f"early {number % 4}")
    with pytest.raises(QueueFull, match=r"^6 runs are waiting already, .* people who have none"):
        queue.submit(apart(20), "early 1")
    late = [queue.submit(apart(30 + number), f"late {number}") for number in range(4)]
    assert all(state(queue, digest) == "queued" for digest in late)
    full = r"^10 runs are waiting .*, and this server takes 10: yours would be number 11\. "
    with pytest.raises(QueueFull, match=f"{full}A place becomes free whenever a run ends"):
        queue.submit(apart(40), "too late")
    monkeypatch.setattr(queue._waiting_times, "seconds", lambda job: 123.0)
    with pytest.raises(QueueFull, match=f"{full}The next place .* in about 2 minutes"):
        queue.submit(apart(40), "too late")
    with pytest.raises(QueueFull, match=r"this server takes 10: 3 more are too many\. "):
        queue.submit_together([apart(number) for number in (40, 41, 42)], "too late")
    assert queue.refusals == 4
    queue.submit(apart(30), "too late")  # sharing costs nothing


def test_a_tab_has_a_limit_of_its_own(fakes):
    """One tab that goes wild would use up what its person may ask in the others."""
    queue = greedy_queue(fakes)
    assert len(taken(queue, map(apart, range(9)), ["tab 0"] * 9)) == MOST_OF_A_VIEWER
    queue.submit(apart(20), "tab 1")


def test_watching_others_costs_nothing(fakes):
    """A teacher who looks at eight students' runs could not train any more."""
    queue = fakes.queue()
    for number in range(10):
        queue.watch(queue.submit(apart(number), f"student {number}"), "teacher")
    assert queue.snapshot(queue.submit(apart(50), "teacher")).live


def test_tabs_without_a_connection_count_for_their_person(fakes, monkeypatch):
    """One person would hold any number of runs, by tabs that were closed and go on watching."""
    monkeypatch.setattr("gan_core.serving.housekeeping.SECONDS", 0.02)
    queue = fakes.queue(grace=0.5)
    for tab in ("a", "b"):
        queue.arrive(tab, "somebody")
        queue.leave(tab)
    until(lambda: queue.people() == 0)
    queue.arrive("a", "somebody")
    digest = queue.submit(apart(0), "a")
    queue.leave("a")

    def only_b_is_left() -> bool:
        queue.watch(digest, "b", 0.0, "somebody")
        return list(queue._scheduler.jobs[digest].viewers) == ["b"]

    until(only_b_is_left)
    with queue._lock:
        queue._people.arrive("c", "somebody")
        assert [job.name for job in queue._scheduler.asked_for_by_person("c")] == [digest]
        queue._people.forget("c")
    until(lambda: digest in fakes.stopped())
    until(lambda: queue.people() == 0)


def test_a_connection_that_is_lost_and_comes_back_is_no_departure(fakes, monkeypatch):
    """Somebody whose network failed for a moment is forgotten while the tab is open, and then
    counts as somebody else."""
    monkeypatch.setattr("gan_core.serving.housekeeping.SECONDS", 0.02)
    queue = fakes.queue(grace=0.2)
    queue.arrive("a", "somebody")
    queue.leave("a")
    queue.arrive("a", "somebody")
    queue.arrive("b", "another")
    queue.leave("b")
    until(lambda: queue.people() == 1)
    assert queue._people.person("a") == "somebody"


def test_a_hidden_tab_without_a_connection_has_time_to_ask_again(fakes, monkeypatch):
    """Browsers let it ask once a minute: its run ends although its tab is open. A tab that is
    closed must not keep its run for as long as a hidden one."""
    monkeypatch.setattr("gan_core.serving.housekeeping.SECONDS", 0.02)
    queue = fakes.queue(grace=1.0)
    queue.arrive("a", "somebody")
    digest = queue.submit(apart(0), "a")
    queue.watch(digest, "a", 150.0)
    queue.leave("a")
    leases = queue._scheduler.jobs[digest].leases
    until(lambda: leases["a"] - time.monotonic() < 100)
    assert leases["a"] - time.monotonic() > 60


def test_who_has_gone_is_forgotten(fakes, monkeypatch):
    """The server would keep a name of everybody who was ever there."""
    monkeypatch.setattr("gan_core.serving.housekeeping.SECONDS", 0.02)
    queue = fakes.queue(grace=1.0)
    queue.arrive("a", "somebody")
    queue.arrive("b", "somebody")
    digest = queue.submit(apart(0), "a")
    queue.leave("b")
    until(lambda: "b" not in queue._people._people)
    queue.leave("a")
    assert queue._people.person("a") == "somebody", "its run may go on for a while"
    until(lambda: digest in fakes.stopped())
    until(lambda: queue.people() == 0)


def test_stubs_evict_nothing_that_was_trained(fakes, monkeypatch):
    """Two thousand settings that one student tried and dropped would push out the class's runs."""
    monkeypatch.setattr("gan_core.runs.eviction.MOST_RUNS", 20)
    trained = [fakes.trained(apart(number), "finished", RING.steps) for number in range(15)]
    for number in range(60):
        fakes.store.write_status(fakes.store.create(seeded(number)), RunStatus("stopped"))
    evict(fakes.store)
    assert set(trained) <= set(fakes.store.digests())
    assert len(fakes.store.digests()) == 20
