"""Summaries of a run, on which verdicts of claims rest: on histories whose answer is known."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from gan_core.config.run_config import DEFAULT, RunConfig
from gan_core.diagnosis.diagnose import SYMPTOMS
from gan_core.evidence.run_summaries import (
    SUMMARIES,
    label,
    range_text,
    summarise,
    value_text,
)
from gan_core.runs.history import History
from gan_core.runs.records import EvalRecord, Outcome, StepRecord

STEP = StepRecord(1, 1.0, 2.0, 0.8, 0.6, 0.65, 0.35, 2.0, 1.0, 0.35, 0.65)


def history(steps: int = 1000, evaluations=(), **columns) -> History:
    """Columns give a metric's value by the share of the run that is over."""
    made = [
        dataclasses.replace(STEP, step=i + 1, **{
            name: float(value(i / steps)) for name, value in columns.items()})
        for i in range(steps)
    ]
    return History(made, evaluations, Outcome("finished", steps, seconds=12.0))


def evaluation(step: int, frechet: float = 100.0, **metrics: float) -> EvalRecord:
    return EvalRecord(step, {"modes": 10.0, "modes_total": 10.0, "frechet": frechet, **metrics},
                      (0.3, 0.01, *[0.69 / 8] * 8))


def test_the_end_is_the_last_tenth():
    """A run's beginning is reported as its end, or one noisy step as the result."""
    run = history(accuracy_real=lambda t: t >= 0.9, accuracy_fake=lambda t: t >= 0.9,
                  loss_d=lambda t: 5 if t < 0.9 else 0.5, grad_norm_g=lambda t: 3 - 2 * (t >= 0.9))
    values = summarise(run, DEFAULT)
    assert (values["accuracy"], values["rejected"], values["loss_d"], values["norm_g"]) == (
        1, 1, 0.5, 1)


def test_thinned_runs_are_summarised_alike():
    """The recorded runs, of which few steps are stored, give other verdicts than fresh ones."""
    run = history(loss_g=lambda t: 2 - t, grad_norm_g=lambda t: 1 - 0.9 * t)
    whole, thin = (summarise(recorded, DEFAULT) for recorded in (run, run.thinned(200)))
    for name in ("loss_g", "norm_g", "fall_g", "weakest"):
        assert whole[name] == pytest.approx(thin[name], rel=0.1)


def test_a_loss_that_settles_differs_from_one_that_swings():
    """"Settles" is said of a loss that swings to the end."""
    waves = {"calm": lambda t: np.sin(900 * t) * (1 - 0.9 * t), "wild": lambda t: np.sin(900 * t)}
    values = {name: summarise(history(loss_g=wave), DEFAULT) for name, wave in waves.items()}
    assert values["calm"]["calm_g"] < 0.5 < 0.9 < values["wild"]["calm_g"] < 1.1
    assert values["calm"]["swing_g"] < values["wild"]["swing_g"]


def test_a_plateau_differs_from_a_loss_that_still_moves():
    """"The generator's loss stays where it is" is said of one that climbs."""
    flat = summarise(history(loss_g=lambda t: 3 * min(t, 0.5)), DEFAULT)
    climbing = summarise(history(loss_g=lambda t: 3 * t), DEFAULT)
    assert flat["drift_g"] < 0.1 < 1 < climbing["drift_g"]


def test_a_gradient_that_vanishes_late_is_not_early():
    """"Early in training" is confirmed by a gradient that vanishes at the end."""
    falling = summarise(history(grad_norm_g=lambda t: 10 ** (-4 * t)), DEFAULT)
    rising = summarise(history(grad_norm_g=lambda t: 10 ** (4 * t)), DEFAULT)
    assert (falling["weakest"], rising["weakest"]) == (0.9, 0.0)
    assert falling["fall_g"] < 1e-3 and rising["fall_g"] == 1


@pytest.mark.parametrize(
    ("distances", "progress"), [([900, 600, 300], 2.0), ([900, 600, 600], 1.0), ([900], None)])
def test_progress_compares_half_way_with_the_end(distances, progress):
    """A generator that stands still is said to learn."""
    made = [evaluation(500 * i, float(distance)) for i, distance in enumerate(distances)]
    assert summarise(History((), made), DEFAULT).get("progress") == progress


def test_the_signal_is_that_of_the_loss_in_use():
    """A minimax run is summarised by the other loss's gradient."""
    run = history()
    assert summarise(run, RunConfig(loss="minimax"))["signal"] == STEP.saturation_minimax
    assert summarise(run, DEFAULT)["signal"] == STEP.saturation_non_saturating
    assert "signal" not in summarise(run, RunConfig(loss="hinge"))


def test_a_frozen_generators_norm_counts_from_the_freeze_on():
    """The claim about a frozen generator rests on steps before the freeze."""
    run = history(grad_norm_minimax=lambda t: math.nan if t < 0.5 else 10 ** (-10 * (t - 0.5)))
    assert summarise(run, DEFAULT)["minimax_fall"] == pytest.approx(1e-5, rel=0.2)


def test_bias_is_the_largest_and_the_smallest_share():
    """A generator that prefers one digit passes as even."""
    values = summarise(History((), [evaluation(100)]), DEFAULT)
    assert (values["most"], values["least"]) == (0.3, 0.01)


def test_nothing_is_said_of_what_a_run_does_not_have():
    """A run that diverged at once breaks the measurement, or gets numbers from nowhere."""
    assert set(summarise(History(), DEFAULT)) == set(SYMPTOMS)
    assert all(map(math.isfinite, summarise(history(5), DEFAULT).values()))


def test_every_summary_can_be_written():
    """A column of the table has no heading, or its numbers cannot be written."""
    for name in [*SUMMARIES, *SYMPTOMS]:
        assert label(name) and value_text(name, 1.0) and range_text(name, [0.0, 1.0]), name
    assert {range_text(name, [0.0, 1.0]) for name in SYMPTOMS} == {"1 of 2"}
