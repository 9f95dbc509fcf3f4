"""Histories that share one growing log: what a live run costs at each look, and that nothing leaks
from one history into another."""

from __future__ import annotations

import copy
import itertools
import pickle
import threading

import numpy as np
import pytest

from gan_core.runs import record_log
from gan_core.runs.history import BLOCK, History
from gan_core.runs.records import EvalRecord, Outcome, StepRecord
from tests.support.made_up_records import evaluation, step


def numbered(first: int, last: int) -> list[StepRecord]:
    return [step(number) for number in range(first, last + 1)]


def looked_at(count: int, *sizes: int) -> History:
    """A run of `count` steps that somebody looked at every few steps, in turn so many."""
    history, last = History(), 0
    for size in itertools.cycle(sizes):
        if last == count:
            return history
        history = history.grown(numbered(last + 1, min(last + size, count)))
        last = history.last_step
        add_up(history), last_late(history)
    raise AssertionError


def add_up(history: History) -> float:
    """A sum whose last bits depend on the order of its parts."""
    return history.running("sum", ["step", "loss_d"],
                           lambda total, steps, losses: total + float((losses / steps).sum()), 0.0)


def last_late(history: History) -> int:
    """The last place whose step ends in 000."""
    steps = history.column("step")
    return history.last_where(
        "thousands", lambda start, stop: steps[start:stop] % 1000 == 0, len(steps))


# --- one run that grows --------------------------------------------------------------------------


def test_a_grown_history_equals_one_made_of_all_records():
    """A live run's page would show other curves than the same run when it is stored."""
    history = History(numbered(1, 3), [evaluation(0)])
    grown = history.grown([step(4), evaluation(4), step(5), Outcome("finished", 5)])
    whole = History(numbered(1, 5), [evaluation(0), evaluation(4)], Outcome("finished", 5))
    assert grown == whole and grown.last_step == 5
    assert grown.column("loss_d").tolist() == whole.column("loss_d").tolist()
    assert grown.grown([]) == History(whole.steps, whole.evaluations)


def test_a_history_does_not_change_when_its_run_goes_on():
    """A verdict that is being written would speak of steps that its curves do not show."""
    history = History(numbered(1, 3), [evaluation(0)])
    before, column = History(numbered(1, 3), [evaluation(0)]), history.column("step")
    history.grown([*numbered(4, 900), evaluation(900)]).column("step")
    assert history == before and len(history.steps) == 3 and history.last_step == 3
    assert column.tolist() == history.column("step").tolist() == [1, 2, 3]
    assert history.until(2) == before.until(2)


def test_two_continuations_know_nothing_of_each_other():
    """A run that was wound back and trained anew would show steps of its former self."""
    start = History(numbered(1, 150), [evaluation(0)])
    first = start.grown([step(151), step(152), evaluation(152)])
    other = StepRecord(151, *[9.0] * 10)
    second, third = start.grown([other]), start.grown([EvalRecord(151, {})])
    assert first.steps[150:] == (step(151), step(152)) and second.steps[150:] == (other,)
    assert len(third.steps) == 150 and third.evaluations[1] == EvalRecord(151, {})
    assert first.column("loss_d")[150:].tolist() == [step(151).loss_d, step(152).loss_d]
    assert second.column("loss_d")[150:].tolist() == [9.0]
    assert add_up(first) != add_up(second)
    assert second.until(150) == third.until(150) == first.until(150) == start


def test_a_cut_stays_the_same_while_the_run_grows():
    """Who asked for fewer steps than others would have the page drawn anew at every look."""
    history = History(numbered(1, 300), [evaluation(0), evaluation(250)])
    cut = history.until(280)
    grown = history.grown(numbered(301, 400))
    assert grown.until(280) is cut
    assert [record.step for record in (cut.steps[-1], cut.evaluations[-1])] == [280, 250]
    assert grown.until(249).evaluations == (evaluation(0),)


@pytest.mark.parametrize("numbers", [(1, 2, 9, 4, 5), (3, 2, 1), (1, 1, 2, 2, 7)])
def test_a_cut_of_a_disordered_file_has_all_early_records(numbers):
    """A file that was damaged once would lose what follows the damage."""
    history = History()
    for number in numbers:
        history = history.grown([step(number)])
        for at in range(history.last_step):
            early = [record for record in history.steps if record.step <= at]
            assert history.until(at).steps == tuple(early)


def test_steps_are_read_like_a_tuple():
    """Whoever reads a run by the public API would meet a sequence that is none."""
    steps, plain = History(numbered(1, 7)).grown(numbered(8, 9)).until(8).steps, numbered(1, 8)
    assert list(steps) == plain and len(steps) == 8 and list(reversed(steps)) == plain[::-1]
    assert steps[-1] == step(8) and steps[1:-1:2] == tuple(plain[1:-1:2])
    assert steps[-100:] == tuple(plain) == steps and hash(steps) == hash(tuple(plain))
    assert steps != tuple(plain[1:]) and steps != plain[0] and step(3) in steps
    with pytest.raises(IndexError):
        steps[8]


def test_a_history_can_be_copied_and_sent():
    """A script that compares runs in several processes could not hand them over."""
    history = History(numbered(1, 5), [evaluation(0)]).grown([step(6), Outcome("stopped", 6)])
    for twin in (copy.copy(history), copy.deepcopy(history), pickle.loads(pickle.dumps(history))):
        assert repr(twin.steps) == repr(history.steps)  # the copy of a NaN does not equal it
        assert (twin.evaluations, twin.outcome) == (history.evaluations, history.outcome)
        assert twin.grown([step(7)]).last_step == 7


# --- what stays known ----------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [(1,), (50,), (7, 130, 1), (2500,)])
def test_what_is_known_does_not_depend_on_when_somebody_looked(sizes):
    """A live run would have another verdict than the same run read from its file."""
    seen, whole = looked_at(2345, *sizes), History(numbered(1, 2345))
    assert add_up(seen) == add_up(whole)
    assert last_late(seen) == last_late(whole) == 1999
    for at in (1, BLOCK - 1, BLOCK, 999, 1000, 1001, 1234):
        cut = History(numbered(1, at))
        assert add_up(seen.until(at)) == add_up(cut)
        assert last_late(seen.until(at)) == last_late(cut) == (999 if at >= 1000 else -1)


def test_only_new_steps_are_looked_at():
    """A look at a long run would cost what the whole run has become."""
    looked = []
    history = looked_at(50_000, 50_000).grown(numbered(50_001, 50_050))

    def counted(last: float, steps: np.ndarray) -> float:
        looked.append(len(steps))
        return float(steps[-1])

    def never(start: int, stop: int) -> np.ndarray:
        looked.append(stop - start)
        return np.zeros(stop - start, dtype=bool)

    for _ in range(3):
        looked.clear()
        assert history.running("last", ["step"], counted, 0.0) == len(history.steps)
        assert history.last_where("never", never, len(history.steps)) == -1
        history = history.grown(numbered(history.last_step + 1, history.last_step + 50))
    assert sum(looked) <= 2 * (50 + BLOCK)


def test_what_is_known_has_an_end(monkeypatch):
    """A server would fill up with what was found out about every run at every step."""
    monkeypatch.setattr(record_log, "FACTS", 5)
    monkeypatch.setattr(record_log, "CUTS", 3)
    history = History(numbered(1, 500))
    for at in range(100, 200):
        history.running(("last", at), ["step"], lambda last, steps: steps[-1], 0)
        history.last_where(("late", at), lambda a, b: np.arange(a, b) > 7, at)
        history.until(at)
    log = history._log
    assert (len(log._facts), len(log._cuts)) == (5, 3)
    assert history.until(199) is history.until(199)


# --- several visitors ----------------------------------------------------------------------------


def test_threads_read_while_one_of_them_grows_the_run():
    """Forty tabs look at one run: a curve would now and then hold numbers of another step."""
    newest, done, wrong = [History(numbered(1, 5))], threading.Event(), []

    def look() -> None:
        while not done.is_set():
            history = newest[0]
            count = len(history.steps)
            steps = history.column("step")
            if not (
                steps.tolist() == list(range(1, count + 1))
                and history.column("loss_d")[-1] == count / 8
                and history.steps[-1].step == count == len(list(history.steps))
                and add_up(history) == add_up(History(history.steps))
                and last_late(history) == count // 1000 * 1000 - 1
                and history.until(count // 2).last_step == count // 2
            ):
                wrong.append(count)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for last in range(6, 1500, 5):
        newest[0] = newest[0].grown(numbered(last, last + 4))
    done.set()
    for thread in threads:
        thread.join()
    assert not wrong


def test_of_two_threads_that_continue_a_run_each_has_its_own():
    """Two tabs that read new lines at the same moment would put each of them in twice."""
    history, results = History(numbered(1, 100)), []
    start = threading.Barrier(8)

    def go_on(value: float) -> None:
        start.wait()
        results.append((value, history.grown([StepRecord(101, *[value] * 10)])))

    threads = [threading.Thread(target=go_on, args=(float(i),)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for value, grown in results:
        assert len(grown.steps) == 101 and grown.column("loss_g")[-1] == value
