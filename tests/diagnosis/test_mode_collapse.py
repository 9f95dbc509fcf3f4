"""Mode collapse and mode rotation: a failure, not a young or a one-sided generator."""

from __future__ import annotations

import dataclasses
import math

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.diagnose import diagnose
from gan_core.diagnosis.mode_collapse import mode_changes, present_modes
from gan_core.runs.history import History
from gan_core.runs.records import EvalRecord
from tests.diagnosis.histories import (
    COLLAPSED,
    NON_SATURATING,
    SHOWN,
    collapse_with,
    evaluations,
    limit,
    noise,
    only_finding,
    steps,
    symptoms,
)


def test_a_generator_that_is_still_learning_is_not_collapsed():
    """One digit at step 500 with a distance that falls is a slow start."""
    assert symptoms(History(steps(), evaluations(modes=2.0))) == []


def test_a_collapse_that_is_over_is_not_reported():
    """The verdict is about the generator as it is."""
    made = [*evaluations(500, after=0, **COLLAPSED), *evaluations(1000)[3:]]
    assert symptoms(History(steps(), made)) == []


def test_a_young_generator_may_look_alike_while_it_learns():
    """A DCGAN's first samples are all grey; it ends with ten digits."""
    made = evaluations(modes=1.0, diversity=0.05)
    assert made[4].metrics["frechet"] < 0.9 * made[2].metrics["frechet"]
    assert diagnose(History(steps(), made), NON_SATURATING) == []


def test_severity_separates_missing_modes_from_a_collapse():
    """Otherwise a run that lacks some digits would be announced like one that draws only one."""
    total = 10
    worst = math.floor(limit("severe_modes") * total)
    assert only_finding(collapse_with(modes=float(worst))).severity == "severe"
    assert only_finding(collapse_with(modes=worst + 1.0)).severity == "warning"
    assert only_finding(collapse_with(diversity=limit("diversity") / 2)).severity == "severe"


def test_points_are_diagnosed_by_their_own_metrics():
    """2-D runs have no diversity and no Fréchet distance."""
    full = {"modes": 8.0, "modes_total": 8.0, "high_quality": 0.9, "kl_uniform": 0.002}
    single = {**full, "modes": 1.0, "kl_uniform": math.log(8)}

    def made(late):
        return [EvalRecord(step, *((full, (0.125,) * 8) if step < 500 else late))
                for step in range(0, 1001, 250)]

    ring = RunConfig(dataset="ring")
    collapsed = made((single, (1.0, *[0.0] * 7)))
    assert "1 of 8 modes" in only_finding(History(steps(), collapsed), ring).evidence
    assert diagnose(History(steps(), made((full, (0.125,) * 8))), ring) == []
    imprecise = {**full, "modes": 2.0, "high_quality": 0.01}
    assert symptoms(History(steps(), made((imprecise, (0.125,) * 8))), ring) == ["no_learning"]


def test_mode_changes_say_what_appeared_and_what_vanished():
    """Rotation is counted by them: modes that come and go between two evaluations."""
    made = [EvalRecord(step, {}, shares) for step, shares in
            ((0, (1.0, 0.0, 0.0)), (250, (0.5, 0.495, 0.005)), (500, (0.0, 0.0, 1.0)))]
    assert present_modes(made[1]) == {0, 1}
    first, second = mode_changes(made)
    assert (first.step, first.appeared, first.vanished) == (250, {1}, set())
    assert (second.step, second.appeared, second.vanished) == (500, {2}, {0, 1})


def test_digits_that_come_and_stay_are_no_rotation():
    """A generator that learns adds digits; nothing vanishes."""
    made = evaluations(2000)
    for i, record in enumerate(made):
        count = min(i + 1, 6)
        made[i] = dataclasses.replace(
            record, histogram=tuple([1 / count] * count + [0.0] * (10 - count)))
    assert symptoms(History(steps(2000), made)) == []


def test_simultaneous_updates_have_a_remedy():
    """PacGAN's order of updates allows one step of D: its collapse needs a remedy all the same."""
    config = RunConfig(update_order="simultaneous")
    assert only_finding(SHOWN["mode_collapse"][0], config).remedies


def test_losses_that_ran_away_are_no_rotation():
    """At a rate a hundred times too high points jump about; who is told of a rotation adds R1, and
    nothing gets better."""
    one_at_a_time = [tuple(float(mode == i % 8) for mode in range(8)) for i in range(9)]
    records = [dataclasses.replace(record, histogram=shares) for record, shares in zip(
        noise(2000, "points", travel_g=2.0), one_at_a_time, strict=True)]
    ring = RunConfig(dataset="ring", learning_rate=0.1)
    calm, wild = (History(steps(2000, loss_g=loss), records) for loss in (1.2, 300.0))
    assert "mode_rotation" in symptoms(calm, ring)
    assert only_finding(wild, ring).cause == "rate_too_large"
