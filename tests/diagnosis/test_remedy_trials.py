"""Which remedies are tried on a failing run, how they are ranked, and the way to a healthy one."""

from __future__ import annotations

import dataclasses

import pytest

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.mending import Round, best_run, rounds
from gan_core.diagnosis.remedy_trials import (
    LEAST_STEPS,
    Trial,
    Tried,
    advice,
    best,
    choice,
    compared,
    effect,
    trials,
    untouched,
)
from gan_core.diagnosis.verdict import verdict
from gan_core.runs.history import History
from gan_core.runs.records import EvalRecord, Outcome
from tests.diagnosis.histories import steps

RING = RunConfig(dataset="ring", learning_rate=1e-3, learning_rate_ratio=20.0, steps=3000)
AHEAD = {"accuracy_real": 1.0, "accuracy_fake": 1.0, "score_real": 0.99, "score_fake": 0.01}


def history(quality: float, last: int = 3000, modes: int = 8, since: int = 0, **step) -> History:
    """A run whose samples are as good as `quality` says from step `since` on, and nothing before;
    `step` changes its step records."""
    evaluations = []
    for at in range(0, last + 1, 250):
        now = quality if at >= since else 0.0
        evaluations.append(EvalRecord(
            at, {"modes": float(modes), "modes_total": 8.0, "kl_uniform": 0.1,
                 "high_quality": now, "near_modes": now, "quality_above_chance": now,
                 "centre_distance": 1.0},
            (1 / modes,) * modes + (0.0,) * (8 - modes),
            supported=(1 / modes,) * modes + (0.0,) * (8 - modes), seconds=at / 100))
    return History(steps(last, **step), evaluations, Outcome("finished", last, "", last / 100))


FAILING = history(0.0, **AHEAD)
HEALTHY = history(0.9)


def tried(label: str, past: History, **changes) -> Tried:
    return Tried(Trial(label, changes, RING.replace(**changes)), past)


def test_the_made_up_histories_show_what_they_are_to_show() -> None:
    """The tests below would test nothing."""
    assert verdict(FAILING, RING).state == "failing"
    assert verdict(HEALTHY, RING).state == "healthy"


# --- which runs are trained ----------------------------------------------------------------------


def test_three_different_remedies_are_tried_for_as_long_as_the_run() -> None:
    """A run that trained longer would look better for that alone, or one remedy is tried twice."""
    planned = trials(FAILING, RING)
    assert len(planned) == 3
    assert len({trial.config.digest() for trial in planned} | {RING.digest()}) == 4
    assert {trial.config.steps for trial in planned} == {3000}
    for trial in planned:
        assert trial.config == RING.replace(**trial.changes)


def test_a_short_run_is_trained_on_to_be_compared() -> None:
    """Remedies that trained three times as long are said to have helped."""
    short = RING.replace(steps=1000)
    on, *remedies = trials(history(0.0, 1000, **AHEAD), short)
    assert on.goes_on and on.config == short.replace(steps=LEAST_STEPS["points"])
    assert remedies and all(trial.config.steps == on.config.steps for trial in remedies)


def test_a_late_failure_is_passed_by_every_trial() -> None:
    """A remedy is praised for a run that ended before it could fail."""
    late = RING.replace(steps=20_000)
    past = history(0.0, 20_000, **AHEAD)
    since = verdict(past, late).findings[0].since
    assert all(trial.config.steps >= min(since + 500, 20_000) for trial in trials(past, late))


def test_no_server_is_asked_for_more_than_it_trains() -> None:
    """Every trial is refused, and the table stays empty."""
    assert {t.config.steps for t in trials(FAILING, RING, longest=900)} == {900}


def test_what_is_known_is_not_tried_again() -> None:
    """The same run would be trained in every round."""
    first = trials(FAILING, RING)
    digests = {trial.config.digest() for trial in first}
    more = trials(FAILING, RING, known=digests)
    assert digests.isdisjoint(trial.config.digest() for trial in more)


def test_two_faults_are_mended_at_once() -> None:
    """A run with two faults is never mended: each remedy alone shows nothing."""
    everything = trials(FAILING, RING, most=100)
    together = [trial for trial in everything if " + " in trial.label]
    assert together
    first, second = everything[:2]
    assert together[0].changes == {**first.changes, **second.changes}


def test_a_remedy_is_forked_from_the_last_good_checkpoint_before_the_failure() -> None:
    """The rescue begins when it is too late, or a run that never was good is rescued."""
    since = verdict(FAILING, RING).findings[0].since
    good = (since + 250, since, 0) if since else (250, 0)
    forks = [trial for trial in trials(FAILING, RING, good_steps=good) if trial.forked_at]
    if since:
        assert forks and {trial.forked_at for trial in forks} == {since}
    assert not any(trial.forked_at for trial in trials(FAILING, RING))


def test_a_fork_keeps_what_came_before() -> None:
    """The fork is another run from the start on."""
    broken = history(0.9, 3000)
    bad = [dataclasses.replace(e, metrics={**e.metrics, "quality_above_chance": 0.0,
                                           "high_quality": 0.0})
           if e.step > 1000 else e for e in broken.evaluations]
    past = History(steps(3000, **AHEAD), bad, broken.outcome)
    since = verdict(past, RING).findings[0].since
    assert since > 1000
    plan = trials(past, RING, good_steps=(1000, 750, 500))
    forks = [trial for trial in plan if trial.forked_at]
    assert forks and len(plan) > len(forks)
    for fork in forks:
        assert fork.forked_at == 1000 and fork.config.steps == 3000
        assert fork.config.at(999).digest() == RING.digest()
        assert fork.config == RING.changed(1000, **fork.changes)
        assert "from step 1000 on" in fork.title


def test_a_healthy_run_is_left_alone_and_a_young_one_trained_on() -> None:
    """Whoever's run goes well is told to change it."""
    assert trials(HEALTHY, RING) == []
    young = RING.replace(steps=250)
    (on,) = trials(history(0.0, 250), young)
    assert on.goes_on and on.config.steps > 250


# --- which is best -------------------------------------------------------------------------------


def test_a_healthy_run_beats_any_other_and_noise_decides_nothing() -> None:
    """A student is told to take a run that is worse, or one that differs by chance."""
    broken, healthy = tried("", FAILING), tried("healthy", HEALTHY)
    diverged = tried("diverged", History(steps(100), (), Outcome("diverged", 101, "NaN", 1.0)))
    assert compared(healthy, broken) == 1 == -compared(broken, healthy)
    assert compared(diverged, broken) == -1
    assert compared(broken, tried("same", history(0.02, **AHEAD))) == 0
    assert best(broken, [diverged, healthy]) is healthy
    assert best(broken, [diverged]) is None


def test_good_samples_count_more_than_hope() -> None:
    """A run that improves from nothing is taken instead of one that is half good."""
    half = tried("half", history(0.38, **AHEAD))
    rising = tried("rising", history(0.26, since=3000))
    assert rising.verdict.state == "improving" and half.verdict.state == "failing"
    assert compared(half, rising) == 1


def test_the_advice_names_what_to_take() -> None:
    """The table leaves the student alone with six rows of numbers."""
    broken, helped = tried("", FAILING), tried("R1", HEALTHY, r1=0.1)
    assert advice(broken, [helped]) == "Take: R1."
    assert effect(broken, helped) == "better" and effect(helped, broken) == "worse"
    nothing = tried("R1", FAILING, r1=0.1)
    assert advice(broken, [nothing]) == "None of them helped."
    assert choice(broken, [nothing]) is None


# --- the way -------------------------------------------------------------------------------------


def way(outcomes, start: History = FAILING, most: int = 6) -> tuple[list[Round], Tried]:
    """The rounds of a run where `outcomes(trial)` becomes of each trial."""
    first = untouched(start, RING)
    taken = list(rounds(first, lambda planned: [Tried(t, outcomes(t)) for t in planned], most=most))
    return taken, best_run(first, taken)


def test_the_way_ends_at_the_first_healthy_run() -> None:
    """Training goes on when there is nothing left to mend."""
    taken, end = way(lambda trial: HEALTHY if len(trial.changes) else FAILING)
    assert len(taken) == 1 and taken[0].taken is not None
    assert end.verdict.state == "healthy"


def test_nothing_is_tried_twice_and_the_way_ends_without_ideas() -> None:
    """The command trains for ever, or the same run again."""
    taken, end = way(lambda trial: FAILING, most=50)
    digests = [run.trial.config.digest() for each in taken for run in each.tried]
    assert len(taken) > 1 and len(digests) == len(set(digests))
    assert all(each.taken is None for each in taken)
    assert end.trial.config == RING


def test_a_remedy_that_made_it_worse_is_not_taken() -> None:
    """The way leads away from what was half good."""
    taken, end = way(lambda trial: FAILING, start=history(0.25, **AHEAD))
    assert taken and all(each.taken is None for each in taken)
    assert end.trial.config == RING


def test_a_run_that_improves_is_trained_on_first() -> None:
    """A run that only needed time is changed."""
    rising = history(0.3, since=3000)
    taken, end = way(lambda trial: history(0.9, trial.config.steps), start=rising)
    assert [run.trial.title for run in taken[0].tried] == ["Train on"]
    assert end.trial.config.digest() == RING.digest() and end.verdict.state == "healthy"


def test_the_way_goes_on_from_what_helped() -> None:
    """The second fault of a run is mended without the remedy of the first."""
    half = history(0.2, **AHEAD)
    taken, _ = way(lambda trial: half if trial.config.r1 == 0 else FAILING, most=2)
    first = taken[0].taken
    assert first is not None and taken[1].broken.trial is first.trial


@pytest.mark.parametrize("state", ["failed", "diverged"])
def test_a_run_that_broke_off_is_no_reason_to_stop(state: str) -> None:
    """`mend` ends in a stack trace where a remedy makes a run diverge."""
    broke = History(steps(50), (), Outcome(state, 51, "NaN", 1.0))
    taken, end = way(lambda trial: broke)
    assert taken and end.trial.config == RING
