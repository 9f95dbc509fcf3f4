"""Fair turns: from person to person, within a person from tab to tab, and large runs alone."""

from __future__ import annotations

from types import SimpleNamespace

from gan_core.config.run_config import RunConfig
from gan_core.cost.memory import IDLE_BYTES, ORDINARY_BYTES, peak_memory
from gan_core.serving.jobs import Job
from gan_core.serving.people import People
from gan_core.serving.scheduler import Scheduler
from gan_core.serving.time_slices import PATIENCE_SECONDS
from gan_core.serving.turns import NEWCOMERS
from tests.support.queues import apart, band

LARGE = RunConfig(architecture="dcgan", batch_size=1024, gradient_penalty=10.0)


class Class:
    """A scheduler whose workers train at once what they are given: by order, without a clock."""

    def __init__(self, workers: int = 1, memory: float = float("inf")) -> None:
        self.people = People()
        self.now = 0.0
        self.scheduler = Scheduler(self.people, workers, memory, lambda: self.now)
        self.count = 0

    def wants(self, viewer: str, person: str = "", config: RunConfig | None = None) -> Job:
        """A job of its own that this tab asks for."""
        self.people.arrive(viewer, person or viewer)
        self.count += 1
        job = self.scheduler.add(f"job {self.count}", config or apart(self.count))
        self.scheduler.join(job, viewer)
        job.leases[viewer] = 0.0
        return job

    def begin(self) -> list[Job]:
        """What a free worker begins with; nothing if that does not fit now."""
        if jobs := self.scheduler.next_jobs(1):
            self.scheduler.assign(jobs, SimpleNamespace())  # a worker is only told from others
        return jobs

    def train_all(self) -> list[Job]:
        """All that wait, in the order in which one worker trains them."""
        trained = []
        while jobs := self.begin():
            for job in jobs:
                self.scheduler.remove(job)
            trained += jobs
        return trained


def test_sixty_tabs_are_one_person():
    """One student with many tabs would keep everybody else waiting."""
    room = Class()
    greedy = [room.wants(f"tab {number}", "greedy") for number in range(60)]
    others = [room.wants(f"student {number}") for number in range(3)]
    assert room.train_all() == [greedy[0], *others, *greedy[1:]]


def test_where_no_cookie_is_sent_each_tab_is_a_person():
    """A class in a frame of the course page would count as one person."""
    room = Class()
    first = [room.wants("a") for _ in range(3)]
    other = room.wants("b")
    assert room.train_all() == [first[0], other, *first[1:]]


def test_tabs_of_one_person_take_turns():
    """What somebody asks for in a second tab would wait for all of the first one's runs."""
    room = Class()
    one = [room.wants("one", "me") for _ in range(3)]
    two = [room.wants("two", "me") for _ in range(2)]
    assert room.train_all() == [one[0], two[0], one[1], two[1], one[2]]


def test_stopping_and_asking_again_gains_nothing():
    """Two hundred presses of Train and Stop would always be served before a patient student."""
    room = Class()
    patient = [room.wants("patient"), room.wants("patient")]
    assert room.begin() == [patient[0]]
    for _ in range(200):
        hasty = room.wants("hasty")
        room.scheduler.leave(hasty, "hasty")
        room.scheduler.remove(hasty)
    hasty = [room.wants("hasty") for _ in range(3)]
    assert room.train_all() == [hasty[0], patient[1], hasty[1], hasty[2]], "one each in turn"


def test_a_run_that_is_stopped_and_asked_for_again_waits_its_turn():
    """Stop and Train on a run in training would keep a worker for ever."""
    room = Class()
    mine = room.wants("a")
    room.begin()
    other = room.wants("b")
    room.scheduler.wait_again(mine, goes_on=False)
    assert room.train_all() == [other, mine]


def test_a_run_that_is_extended_as_it_ends_goes_on_at_once():
    """Continue, pressed a moment too late, would put a run behind everybody else's."""
    room = Class()
    mine = room.wants("a")
    room.begin()
    other = room.wants("b")
    room.scheduler.wait_again(mine, goes_on=True)
    assert room.train_all() == [mine, other]


def test_newcomers_do_not_delay_a_second_run_for_ever():
    """Whoever has had a run would wait as long as somebody new comes along."""
    room = Class()
    second = [room.wants("a"), room.wants("a")][1]
    room.begin()
    served = []
    while second not in served:
        room.wants(f"newcomer {room.count}")
        served += room.begin()
        assert len(served) < 2 * NEWCOMERS
    assert len(served) > NEWCOMERS / 2, "but a class of newcomers goes first"


def test_whoever_was_away_has_saved_up_nothing():
    """A student who comes late would train several runs before anybody else's next."""
    room = Class()
    for _ in range(5):
        room.wants("early")
        room.train_all()
    late = [room.wants("late") for _ in range(2)]
    early = room.wants("early")
    assert room.train_all() == [late[0], early, late[1]]


def test_who_only_watches_a_waiting_run_takes_it_over():
    """A run that a class watches would wait for ever once its student has closed the tab."""
    room = Class()
    mine = room.wants("a")
    mine.leases["watcher"] = 0.0
    room.scheduler.leave(mine, "a")
    other = room.wants("b")
    assert room.train_all() == [mine, other]


# --- memory ---------------------------------------------------------------------------------------


def test_a_large_run_waits_until_it_fits_and_is_not_overtaken_for_ever():
    """Two large runs at once would be killed for lack of memory; or small ones, which always fit,
    would keep a large one waiting for ever."""
    room = Class(workers=2, memory=peak_memory([LARGE]) + IDLE_BYTES)
    small = room.wants("a")
    assert room.begin() == [small]
    large, later = room.wants("b", config=LARGE), room.wants("c")
    room.now = PATIENCE_SECONDS
    assert room.begin() == [], "there is no room beside the small one"
    room.scheduler.remove(small)
    assert room.begin() == [large]
    assert room.begin() == [], "it trains alone"
    room.scheduler.remove(large)
    assert room.begin() == [later]


def test_small_runs_overtake_a_large_one_for_a_while():
    """Of two cores one would be idle for as long as a run takes."""
    room = Class(workers=2, memory=peak_memory([LARGE]) + IDLE_BYTES)
    room.wants("a")
    room.begin()
    large, larger, small = (room.wants("b", config=LARGE),
                            room.wants("b", config=LARGE.replace(batch_size=1000)),
                            room.wants("c"))
    assert room.begin() == [small], "neither of the large ones fits beside the first"
    room.scheduler.remove(small)
    room.now = PATIENCE_SECONDS
    late = room.wants("c")
    assert room.begin() == []
    assert room.scheduler.waiting() == [large, larger, late]


def test_who_trains_already_is_overtaken():
    """One student's second, large run would keep a core idle until the first one has ended."""
    room = Class(workers=2, memory=peak_memory([LARGE]) + IDLE_BYTES)
    room.wants("a")
    room.begin()
    large = room.wants("a", config=LARGE)
    room.now = 500.0
    small = room.wants("b")
    small.number, large.number = large.number, small.number  # as if it had come first
    assert room.begin() == [small]


def test_ordinary_runs_train_side_by_side():
    """Of two cores one would be idle."""
    room = Class(workers=2, memory=2 * ORDINARY_BYTES)
    jobs = [room.wants(viewer, config=RunConfig(seed=number)) for number, viewer in enumerate("ab")]
    assert [room.begin(), room.begin()] == [[jobs[0]], [jobs[1]]]


def test_no_more_runs_are_trained_together_than_fit():
    """Sixteen runs of the largest networks in one batch would be killed for lack of memory."""
    one, *_ = configs = band(8, architecture="pacgan_2d", batch_size=1024)
    room = Class(memory=peak_memory([one] * 3))
    jobs = [room.wants("a", config=config) for config in configs]
    assert room.begin() == jobs[:3]
