"""Diagnosis: the verdict names what happened, with its numbers, and offers what helps.

Histories here are synthetic: what each symptom looks like, written down.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import re

import numpy as np
import pytest

from gan_core.config.choices import DATASETS, LOSSES
from gan_core.config.fields import KNOBS
from gan_core.config.presets import CHALLENGES
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.diagnose import (
    FOLLOWS_FROM,
    LATENCY,
    SYMPTOMS,
    THRESHOLDS,
    Symptom,
    diagnose,
)
from gan_core.diagnosis.mode_collapse import mode_changes, present_modes
from gan_core.runs.history import History
from gan_core.runs.records import STEP_METRICS, EvalRecord, Outcome, StepRecord

MINIMAX, NON_SATURATING = RunConfig(loss="minimax"), RunConfig()
HEALTHY_STEP = {
    "loss_d": 1.1, "loss_g": 1.2, "accuracy_real": 0.8, "accuracy_fake": 0.8, "score_real": 0.65,
    "score_fake": 0.35, "grad_norm_d": 2.0, "grad_norm_g": 1.0, "saturation_minimax": 0.35,
    "saturation_non_saturating": 0.65,
}
# D makes no mistake and G's gradient under the minimax loss is gone.
SILENT_STEP = {"accuracy_real": 1.0, "accuracy_fake": 1.0, "score_real": 0.999, "score_fake": 1e-6,
               "grad_norm_g": 1e-6, "saturation_minimax": 1e-6,
               "saturation_non_saturating": 0.999999}


def limit(name: str) -> float:
    return THRESHOLDS[name].value


def steps(
    count: int = 1000, after: int = 0, base: float = 2.0, **changes
) -> list[StepRecord]:
    """Healthy steps, with D's gradient at `base`; those later than `after` with `changes`."""
    plain = {**HEALTHY_STEP, "grad_norm_d": base}
    changed = {**plain, **changes}
    return [StepRecord(i, **(changed if i > after else plain)) for i in range(1, count + 1)]


def evaluations(count: int = 1000, after: int = -1, **changes) -> list[EvalRecord]:
    """Evaluations of a run that learns; those later than `after` with `changes`."""
    made = []
    for step in range(0, count + 1, 250):
        metrics = {"modes": 10.0, "modes_total": 10.0, "diversity": 0.95, "class_entropy": 2.2,
                   "kl_uniform": 0.1, "frechet": 1000 * 0.7 ** (step / 250), "density": 0.5,
                   "coverage": 0.5, "accuracy_train": 0.8, "accuracy_held_out": 0.8,
                   "overfit_gap": 0.1, "nearest_train_ratio": 1.0, "r_v": 0.05, "r_t": 0.6,
                   "accuracy_generated": 0.2}
        if step > after:
            metrics |= changes
        modes = max(int(metrics["modes"]), 1) if math.isfinite(metrics["modes"]) else 1
        shares = tuple([1 / modes] * modes + [0.0] * (10 - modes))
        made.append(EvalRecord(step, metrics, shares))
    return made


COLLAPSED = {"modes": 1.0, "diversity": 0.02, "frechet": 1500.0, "class_entropy": 0.0,
             "kl_uniform": math.log(10), "coverage": 0.01}
HEALTHY = History(steps(), evaluations(), Outcome("finished", 1000))
BY_HEART = {"accuracy_train": 0.95, "accuracy_held_out": 0.5, "r_v": 0.7, "overfit_gap": 4.0}


def swinging(count: int = 1000, after: int = 300, size: float = 0.9) -> list[StepRecord]:
    """D's score of reals swings by `size`, once in 200 steps."""
    made = steps(count)
    for i, record in enumerate(made[after:], start=after):
        score = 0.5 + size / 2 * math.sin(2 * math.pi * i / 200)
        made[i] = dataclasses.replace(record, score_real=score, score_fake=0.5)
    return made


def rotating(count: int = 1750, period: int = 1, at_once: int = 2) -> list[EvalRecord]:
    """`at_once` of ten digits at a time, others after every `period` evaluations from step 500."""
    made = evaluations(count)
    for i, record in enumerate(made[2:]):
        shares = [0.0] * 10
        for k in range(at_once):
            shares[(i // period * at_once + k) % 10] = 1 / at_once
        made[i + 2] = dataclasses.replace(record, histogram=tuple(shares))
    return made


def slow(each: float = 0.5, modes: float = 1.0, total: float = 0.0) -> History:
    """100 steps at `each` seconds, or in `total` seconds, after a start of 20 s."""
    made = evaluations(0, modes=modes)
    seconds = total or 100 * each
    return History(steps(99), [
        dataclasses.replace(made[0], seconds=20.0),
        dataclasses.replace(made[0], step=100, seconds=20.0 + seconds)])


SHOWN: dict[str, tuple[History, RunConfig]] = {
    "mode_collapse": (History(steps(), evaluations(after=250, **COLLAPSED)), NON_SATURATING),
    "vanishing_gradient": (History(steps(after=300, **SILENT_STEP), evaluations()), MINIMAX),
    "mode_rotation": (History(steps(1750), rotating()), NON_SATURATING),
    "discriminator_overfitting": (
        History(steps(), evaluations(after=500, **BY_HEART)),
        RunConfig(training_examples=1000)),
    "instability": (History(swinging(), evaluations()), NON_SATURATING),
    "computational_cost": (
        slow(), RunConfig(architecture="dcgan_reference")),
    "divergence": (
        History(steps(90), evaluations(0),
                Outcome("diverged", 91, "a loss or a gradient became infinite or NaN")),
        NON_SATURATING),
}


def symptoms(history: History, config: RunConfig = NON_SATURATING) -> list[str]:
    return [finding.symptom for finding in diagnose(history, config)]


def only(history: History, config: RunConfig = NON_SATURATING):
    finding, = diagnose(history, config)
    return finding


# --- each symptom, and none ----------------------------------------------------------------------


@pytest.mark.parametrize("config", [MINIMAX, NON_SATURATING], ids=["minimax", "non-saturating"])
def test_a_healthy_run_has_no_findings(config):
    """A false alarm teaches the wrong lesson."""
    assert diagnose(HEALTHY, config) == []


def test_every_symptom_is_known_here():
    """A symptom without a history that shows it could never be raised, and nobody would notice."""
    assert set(SYMPTOMS) == set(SHOWN)
    assert all(symptom.title for symptom in SYMPTOMS.values())


@pytest.mark.parametrize("name", SYMPTOMS)
def test_each_symptom_is_named_and_nothing_else(name):
    """Otherwise the page would explain another failure than the one that happened."""
    history, config = SHOWN[name]
    finding = only(history, config)
    assert finding.symptom == name
    assert finding.severity in ("warning", "severe")
    assert any(character.isdigit() for character in finding.evidence)
    assert finding.evidence.endswith(".")


@pytest.mark.parametrize("name", SYMPTOMS)
def test_each_symptom_begins_when_it_began(name):
    """The chart marks this step; collapse is judged by evaluations, the others step by step."""
    history, config = SHOWN[name]
    expected = {"mode_collapse": (251, 500), "mode_rotation": (500, 500),
                "vanishing_gradient": (201, 301), "discriminator_overfitting": (750, 750),
                "instability": (301, 600), "divergence": (91, 91),
                "computational_cost": (100, 100)}[name]
    assert expected[0] <= only(history, config).since <= expected[1]


@pytest.mark.parametrize("history", [History(), History(steps(5)), History([], evaluations(0)),
                                     History(steps(99), evaluations(0))])
def test_a_young_run_is_not_judged(history):
    """Every generator begins with one mode: an early verdict would always be collapse."""
    for config in (MINIMAX, NON_SATURATING):
        assert diagnose(history, config) == []


def test_a_generator_that_is_still_learning_is_not_collapsed():
    """One digit at step 500 with a distance that falls is a slow start."""
    made = evaluations(modes=2.0)
    assert symptoms(History(steps(), made)) == []


def test_a_collapse_that_is_over_is_not_reported():
    """The verdict is about the generator as it is."""
    made = [*evaluations(500, after=0, **COLLAPSED), *evaluations(1000)[3:]]
    assert symptoms(History(steps(), made)) == []


def test_evidence_carries_the_numbers_it_was_found_by():
    """Otherwise a student could not check the verdict against the curves."""
    collapse = only(*SHOWN["mode_collapse"]).evidence
    assert "1 of 10 digits" in collapse and "2%" in collapse and "100%" in collapse
    vanishing = only(*SHOWN["vanishing_gradient"]).evidence
    assert "100.0%" in vanishing and "more than a million times" in vanishing
    assert "minimax" in vanishing
    assert "step 91" in only(*SHOWN["divergence"]).evidence
    heart = only(*SHOWN["discriminator_overfitting"]).evidence
    assert "95%" in heart and "50%" in heart and "0.70" in heart
    assert "2.0 at a time, 10 of 10" in only(*SHOWN["mode_rotation"]).evidence
    cost = only(*SHOWN["computational_cost"]).evidence
    assert "0.50 s" in cost and "8 min" in cost and "100 steps" in cost and "1 of 10" in cost
    assert re.search(r"between −?-?0\.4\d and 0\.4\d", only(*SHOWN["instability"]).evidence)


# --- cause and consequence -----------------------------------------------------------------------


def test_a_collapse_that_follows_a_vanished_gradient_is_not_raised_again():
    """A G that stands still shows one digit: the cause is the gradient."""
    history = History(steps(after=100, **SILENT_STEP), evaluations(after=250, **COLLAPSED))
    assert symptoms(history, MINIMAX) == ["vanishing_gradient"]


@pytest.mark.parametrize(
    ("symptom", "cause"), [(s, c) for s, causes in FOLLOWS_FROM.items() for c in sorted(causes)])
def test_what_follows_is_not_raised_beside_its_cause(symptom, cause, monkeypatch):
    """Otherwise the page would offer two explanations for one failure; but what came first, and
    what is alone, is told."""
    early, late = (dataclasses.replace(only(*SHOWN[symptom]), since=since)
                   for since in (100, 300))
    root = dataclasses.replace(only(*SHOWN[cause]), since=200)
    early = dataclasses.replace(early, since=200 - LATENCY.get(symptom, 0) - 1)
    for found, told in ((late, [cause]), (early, [symptom, cause])):
        made = {symptom: Symptom("", lambda *_, f=found: f, ""),
                cause: Symptom("", lambda *_: root, "")}
        monkeypatch.setattr("gan_core.diagnosis.diagnose.SYMPTOMS", made)
        # A history remembers what was found in it.
        assert symptoms(History(HEALTHY.steps, HEALTHY.evaluations)) == told


def test_a_collapse_that_came_first_is_named_first():
    """Total collapse lets D win, and then the gradient goes: the cause is the collapse."""
    history = History(steps(1500, after=1200, **SILENT_STEP),
                      evaluations(1500, after=250, **COLLAPSED))
    assert symptoms(history, MINIMAX)[0] == "mode_collapse"


def test_the_non_saturating_loss_does_not_vanish_where_minimax_does():
    """D rejects everything, but −log D keeps its gradient: no alarm."""
    gone = {**SILENT_STEP, "grad_norm_g": 10.0}
    assert symptoms(History(steps(after=300, **gone), evaluations())) == []


def test_findings_come_in_the_order_of_their_beginning():
    """Otherwise the page would lead with a consequence."""
    assert len(SYMPTOMS) > 3
    for names in itertools.permutations(SYMPTOMS, 2):
        records = [SHOWN[name][0] for name in names]
        history = History(max((r.steps for r in records), key=len), records[0].evaluations,
                          records[1].outcome)
        begun = [finding.since for finding in diagnose(history, MINIMAX)]
        assert begun == sorted(begun)


# --- thresholds: one case on each side -----------------------------------------------------------

STUCK = {"frechet": 900.0}


def collapse_with(**metrics) -> History:
    return History(steps(), evaluations(after=250, **{**STUCK, **metrics}))


def vanish_with(**metrics) -> History:
    return History(steps(after=300, **{**SILENT_STEP, **metrics}), evaluations())


def improving_to(share: float) -> History:
    """Modes lost after step 250, and a Fréchet distance that fell until step 750; at step 1000 it
    is `share` times that of step 500."""
    made = evaluations(after=250, modes=2.0)
    for record, value in zip(made, (9000.0, 5000.0, 900.0, 800.0, 900.0 * share), strict=True):
        record.metrics["frechet"] = value
    return History(steps(), made)


def fewer_than_before(lost: float) -> History:
    """As many modes as count as missing, and `lost` more than these at step 250."""
    few = float(math.floor(limit("few_modes") * 10))
    made = evaluations(after=250, modes=few, **STUCK)
    made[1].metrics["modes"] = few + lost
    return History(steps(), made)


def never_more_than_two(count: int) -> History:
    return History(steps(count), evaluations(count, modes=2.0, **STUCK))


def remembered(**metrics) -> History:
    return History(steps(), evaluations(after=500, **{**BY_HEART, **metrics}))


def turning(share: float) -> History:
    """Twenty changes between evaluations, of which `share` replace one digit by another."""
    made = rotating(5500, at_once=1)
    still = round((1 - share) * 20)
    for i in range(3, 3 + still):
        made[i] = dataclasses.replace(made[i], histogram=made[2].histogram)
    return History(steps(5500), made)


def swing_of(size: float) -> History:
    """D's score of reals alternates every 100 steps between two values `size` apart."""
    made = [
        dataclasses.replace(r, score_real=0.5 + (size if i // 100 % 2 else 0.0), score_fake=0.5)
        for i, r in enumerate(steps(1200))
    ]
    return History(made, evaluations())


def exploding(from_norm: float) -> History:
    """D's gradient rises to 1000 within 200 steps, and G's loss has run away."""
    return History(steps(after=800, grad_norm_d=1000.0, loss_g=50.0, base=from_norm),
                   evaluations())


def trending(returns: int) -> list[StepRecord]:
    """D's score of reals is high or low, and changes `returns` times in the last 300 steps."""
    length = 300 / (returns + 1)
    made = steps(1000)
    for i in range(700, 1000):
        score = 0.05 if int((i - 700) / length) % 2 else 0.95
        made[i] = dataclasses.replace(made[i], score_real=score, score_fake=0.5)
    return made


def briefly(seconds: float) -> History:
    """Ten steps of a slow network, in so many seconds."""
    first, last = slow(total=seconds).evaluations
    return History(steps(10), [first, dataclasses.replace(last, step=10)])


LESS, MORE = 0.97, 1.03  # just inside and just outside
BOUNDARIES = {  # threshold -> (history that is just found, one that is just not, config)
    "few_modes": lambda v: (collapse_with(modes=math.floor(v * 10)),
                            collapse_with(modes=math.floor(v * 10) + 1.0), NON_SATURATING),
    "diversity": lambda v: (collapse_with(diversity=v * LESS), collapse_with(diversity=v * MORE),
                            NON_SATURATING),
    "patience_steps": lambda v: (
        History(steps(int(v)), evaluations(math.ceil(v / 250) * 250, after=v - 250, **COLLAPSED)),
        History(steps(int(v)), evaluations(math.ceil(v / 250) * 250 - 250, **COLLAPSED)),
        NON_SATURATING),
    "lost_modes": lambda v: (
        fewer_than_before(v), fewer_than_before(v - 1), NON_SATURATING),
    "slow_steps": lambda v: (
        never_more_than_two(int(v)), never_more_than_two(int(v) - 250),
        RunConfig(learning_rate=1e-3)),
    "alike_steps": lambda v: (
        History(steps(int(v)), evaluations(int(v), **{**COLLAPSED, "frechet": 1300.0})),
        History(steps(int(v)), evaluations(int(v) - 250, **{**COLLAPSED, "frechet": 1300.0})),
        NON_SATURATING),
    "slow_travel": lambda v: (
        never_more_than_two(int(v / 2e-4)), never_more_than_two(int(v / 2e-4) - 250),
        RunConfig(learning_rate=2e-4)),
    "swing_returns": lambda v: (
        History(trending(int(v)), evaluations()), History(trending(int(v) - 1), evaluations()),
        NON_SATURATING),
    "improvement": lambda v: (improving_to(v * MORE), improving_to(v * LESS), NON_SATURATING),
    "perfect_accuracy": lambda v: (
        vanish_with(accuracy_real=v + 0.001, accuracy_fake=v + 0.001),
        vanish_with(accuracy_real=v - 0.001, accuracy_fake=v - 0.001), MINIMAX),
    "saturation": lambda v: (vanish_with(saturation_minimax=v * LESS),
                             vanish_with(saturation_minimax=v * MORE), MINIMAX),
    "gradient_drop": lambda v: (vanish_with(grad_norm_g=v * LESS),
                                vanish_with(grad_norm_g=v * MORE), MINIMAX),
    "rotation_evaluations": lambda v: (
        History(steps(), rotating(int(500 + 250 * (v - 1)))),
        History(steps(), rotating(int(500 + 250 * (v - 2)))), NON_SATURATING),
    "rotation_share": lambda v: (turning(v), turning(v - 0.1), NON_SATURATING),
    "validation_ratio": lambda v: (remembered(r_v=v), remembered(r_v=v * LESS), NON_SATURATING),
    "missed_reals": lambda v: (
        remembered(accuracy_held_out=0.95 - v - 0.01),
        remembered(accuracy_held_out=0.95 - v + 0.01), NON_SATURATING),
    "swing": lambda v: (swing_of(v * MORE), swing_of(v * LESS), NON_SATURATING),
    "swing_window": lambda v: (
        History(swinging(int(2 * v), after=0)), History(swinging(int(2 * v) - 1, after=0)),
        NON_SATURATING),
    "exploding_gradient": lambda v: (
        History(steps(after=800, grad_norm_d=v * MORE, loss_g=50.0), evaluations()),
        History(steps(after=800, grad_norm_d=v * LESS, loss_g=50.0), evaluations()),
        NON_SATURATING),
    "gradient_growth": lambda v: (
        exploding(from_norm=1000.0 / v * LESS), exploding(from_norm=1000.0 / v * MORE),
        NON_SATURATING),
    "slow_step": lambda v: (slow(v * MORE), slow(v * LESS), NON_SATURATING),
    "slow_seconds": lambda v: (
        briefly(v * MORE), briefly(v * LESS), NON_SATURATING),
    "window": lambda v: (
        History(steps(int(2 * v), after=int(v), **SILENT_STEP)),
        History(steps(int(2 * v) - 1, after=int(v), **SILENT_STEP)), MINIMAX),
}


def test_every_threshold_is_tried_on_both_sides():
    """A threshold nobody tries may decide nothing. Severity has its own test."""
    assert set(THRESHOLDS) - set(BOUNDARIES) == {"severe_modes", "swing_smoothing", "memory_steps"}


def test_the_noise_of_single_batches_is_no_swing():
    """Small batches make D's scores jump from step to step; only slower swings are the failure."""
    random = np.random.default_rng(0)
    noisy = [dataclasses.replace(r, score_real=random.choice([0.1, 0.9])) for r in steps(1000)]
    assert diagnose(History(noisy, evaluations()), NON_SATURATING) == []


@pytest.mark.parametrize("size", [0.9, 0.3])
def test_a_thinned_history_tells_the_same(size):
    """Recorded runs keep every few steps: their verdict must be that of the whole run."""
    whole = History(swinging(3000, after=1000, size=size), evaluations(3000))
    thin = whole.thinned(600)
    assert symptoms(thin) == symptoms(whole)
    for before, after in zip(diagnose(whole, NON_SATURATING), diagnose(thin, NON_SATURATING),
                             strict=True):
        assert abs(before.since - after.since) <= 30


@pytest.mark.parametrize("towards", [0.95, 0.05])
def test_one_network_that_pulls_ahead_is_no_oscillation(towards):
    """D winning more and more is another failure, or none: neither network comes back."""
    made = steps(1000)
    for i in range(700, 1000):
        score = 0.5 + (towards - 0.5) * (i - 700) / 300
        made[i] = dataclasses.replace(made[i], score_real=score, score_fake=1 - score)
    assert diagnose(History(made, evaluations()), NON_SATURATING) == []


def test_large_gradients_alone_are_no_divergence():
    """Sharp modes make for norms of several hundred in runs that end well."""
    growing = steps(after=800, grad_norm_g=400.0)
    assert diagnose(History(growing, evaluations()), NON_SATURATING) == []


def test_a_young_generator_may_look_alike_while_it_learns():
    """A DCGAN's first samples are all grey; it ends with ten digits."""
    made = evaluations(modes=1.0, diversity=0.05)
    assert made[4].metrics["frechet"] < 0.9 * made[2].metrics["frechet"]
    assert diagnose(History(steps(), made), NON_SATURATING) == []


def test_a_frozen_generator_is_not_blamed_for_standing_still():
    """The experiment freezes G on purpose: neither collapse nor swings are news."""
    frozen = RunConfig(freeze_generator=1000, learning_rate=1e-3)
    late = [dataclasses.replace(e, metrics={**e.metrics, "modes": 1.0, "frechet": 900.0})
            for e in evaluations(3000)[5:]]
    history = History(swinging(3000, after=1000), [*evaluations(1000), *late])
    assert diagnose(history, frozen) == []
    assert symptoms(history, RunConfig(learning_rate=1e-3)) != []


def test_turns_say_what_appeared_and_what_vanished():
    """The page draws them: modes that come and go between two evaluations."""
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


@pytest.mark.parametrize("name", BOUNDARIES)
def test_each_threshold_decides_where_it_says(name):
    """Otherwise the number shown as the rule would not be the rule."""
    found, not_found, config = BOUNDARIES[name](limit(name))
    assert len(diagnose(found, config)) == 1
    assert diagnose(not_found, config) == []


def test_severity_tells_a_loss_of_modes_from_a_collapse():
    """Otherwise a one-sided run would be announced like a dead one."""
    total = 10
    worst = math.floor(limit("severe_modes") * total)
    assert only(collapse_with(modes=float(worst))).severity == "severe"
    assert only(collapse_with(modes=worst + 1.0)).severity == "warning"
    assert only(collapse_with(diversity=limit("diversity") / 2)).severity == "severe"


@pytest.mark.parametrize("name", THRESHOLDS)
def test_every_threshold_has_its_meaning_and_its_source(name):
    """Otherwise the evidence page could not say where a rule comes from."""
    threshold = THRESHOLDS[name]
    assert math.isfinite(threshold.value) and threshold.value > 0
    assert len(threshold.meaning) > 20 and threshold.source


# --- damaged and unusual histories ---------------------------------------------------------------


@pytest.mark.parametrize("value", [math.nan, 0.0])
@pytest.mark.parametrize("metric", STEP_METRICS)
@pytest.mark.parametrize("config", [MINIMAX, NON_SATURATING], ids=["minimax", "non-saturating"])
def test_one_missing_step_metric_is_no_symptom(metric, value, config):
    """A history of an older version has gaps (read as NaN): no error, no verdict out of nothing."""
    for history in (History(steps(**{metric: value}), evaluations()),
                    History(steps(after=500, **{metric: value}), evaluations())):
        words = " ".join(finding.evidence for finding in diagnose(history, config))
        assert not re.search(r"\bnan\b", words)
        if math.isnan(value):
            assert diagnose(history, config) == []


@pytest.mark.parametrize("metric", sorted(evaluations(0)[0].metrics))
def test_an_undefined_evaluation_metric_is_no_symptom(metric):
    """D's logits may be infinite while G is fine: its gap is NaN, and the page must still open."""
    made = evaluations(**{metric: math.nan})
    assert symptoms(History(steps(), made)) == []


def test_nothing_but_nan_is_no_verdict():
    """Otherwise a damaged file would be called a collapse."""
    nan = dict.fromkeys(STEP_METRICS, math.nan)
    empty = dict.fromkeys(evaluations(0)[0].metrics, math.nan)
    for config in (MINIMAX, NON_SATURATING):
        assert diagnose(History(steps(**nan), evaluations(**empty)), config) == []


@pytest.mark.parametrize(
    "floor",
    [0.0, 1e-12])
def test_a_gradient_of_exactly_zero_has_readable_evidence(floor):
    """Float32 gradients do reach zero: the sentence must stay one."""
    evidence = only(vanish_with(grad_norm_g=floor), MINIMAX).evidence
    assert not re.search(r"\binf\b|\bnan\b|from at", evidence)
    assert len(evidence) < 240


def test_points_are_judged_by_their_own_metrics():
    """2-D runs have no diversity and no Fréchet distance."""
    full = {"modes": 8.0, "modes_total": 8.0, "high_quality": 0.9, "kl_uniform": 0.002}
    single = {**full, "modes": 1.0, "kl_uniform": math.log(8)}

    def made(late):
        return [EvalRecord(step, *((full, (0.125,) * 8) if step < 500 else late))
                for step in range(0, 1001, 250)]

    ring = RunConfig(dataset="ring")
    collapsed = made((single, (1.0, *[0.0] * 7)))
    assert "1 of 8 modes" in only(History(steps(), collapsed), ring).evidence
    assert diagnose(History(steps(), made((full, (0.125,) * 8))), ring) == []
    imprecise = {**full, "modes": 2.0, "high_quality": 0.01}
    assert diagnose(History(steps(), made((imprecise, (0.125,) * 8))), ring) == []


# --- remedies ------------------------------------------------------------------------------------

CONFIGS = [
    RunConfig(loss=loss, learning_rate_ratio=ratio, discriminator_steps=d_steps,
              optimizer=optimizer, input_noise=noise, label_smoothing=smoothing,
              learning_rate=rate)
    for loss, card in LOSSES.items() if card.targets
    for ratio in (0.1, 1.0, 10.0)
    for d_steps, optimizer, noise, smoothing, rate in (
        (1, "adam", 0.0, 0.0, 2e-4), (3, "sgd", 0.1, 0.1, 0.1), (10, "rmsprop", 1.0, 0.5, 1.0))
]


CONFIGS += [
    RunConfig(loss="hinge", spectral_norm=True), RunConfig(loss="wasserstein", weight_clip=0.01),
    RunConfig(architecture="dcgan_reference", training_examples=1000),
    RunConfig(dataset="ring", update_order="simultaneous", learning_rate=0.1),
    RunConfig(dropout=0.4, augment=True, r1=1.0, gradient_clip=1.0, training_examples=300),
]


def findings_everywhere():
    for name in SYMPTOMS:
        history, config = SHOWN[name]
        for made in CONFIGS:
            # Vanishing is raised for the loss that trains, so the history must show that loss.
            if name == "vanishing_gradient":
                made = made.replace(loss=config.loss)
            for finding in diagnose(history, made):
                yield finding, made


def test_remedies_change_something_and_stay_valid():
    """Otherwise the button would do nothing, or raise."""
    seen = 0
    for finding, config in findings_everywhere():
        labels = [remedy.label for remedy in finding.remedies]
        assert len(set(labels)) == len(labels)
        for remedy in finding.remedies:
            seen += 1
            changed = config.replace(**remedy.changes)
            assert changed.digest() != config.digest(), (remedy.label, config.changes())
            assert set(remedy.changes) <= set(KNOBS) - {"seed", "steps", "dataset"}
            assert remedy.label and remedy.why
    assert seen > 50


@pytest.mark.parametrize("name", SYMPTOMS)
def test_the_plain_breakage_of_each_symptom_has_a_remedy(name):
    """The page's button needs one."""
    broken = {"mode_collapse": RunConfig(learning_rate_ratio=0.1),
              "vanishing_gradient": RunConfig(loss="minimax", learning_rate_ratio=5,
                                              discriminator_steps=3),
              "mode_rotation": RunConfig(dataset="ring", learning_rate=1e-3),
              "discriminator_overfitting": RunConfig(training_examples=1000),
              "instability": RunConfig(loss="relativistic", learning_rate=1e-3),
              "divergence": RunConfig(optimizer="sgd", learning_rate=1.0),
              "computational_cost": RunConfig()}[name]
    assert only(SHOWN[name][0], broken).remedies


@pytest.mark.parametrize("name", ["instability", "divergence"])
def test_a_critic_without_limits_is_limited_first(name):
    """A Wasserstein critic that nothing limits is the cause, whatever else would calm it."""
    history = SHOWN[name][0]
    bare = RunConfig(loss="wasserstein", learning_rate=1e-3)
    first = only(history, bare).remedies[0].changes
    assert {"gradient_penalty", "spectral_norm"} & set(first)
    limited = only(history, bare.replace(gradient_penalty=10.0)).remedies
    assert all("gradient_penalty" not in remedy.changes for remedy in limited)


def test_a_slow_network_is_replaced_first():
    """The published DCGAN on a processor: neither batch nor width brings back a factor of 20."""
    history = SHOWN["computational_cost"][0]
    remedies = only(history, RunConfig(architecture="dcgan_reference")).remedies
    assert [remedy.changes for remedy in remedies[:2]] == [
        {"architecture": "dcgan"}, {"architecture": "mlp"}]
    assert all("width" not in remedy.changes for remedy in remedies)  # it has none to change
    five = only(history, RunConfig(discriminator_steps=5)).remedies
    assert five[0].changes == {"discriminator_steps": 1}


def test_the_start_of_a_run_does_not_count_as_slow_steps():
    """Loading data takes seconds before the first step: that is no verdict on the network."""
    history = slow(each=0.15)
    assert history.evaluations[-1].seconds / 100 > limit("slow_step")
    assert diagnose(history, NON_SATURATING) == []


def test_updates_at_once_can_be_taken_in_turn():
    """PacGAN's order of updates allows one step of D: its collapse needs a remedy all the same."""
    config = RunConfig(update_order="simultaneous")
    assert only(SHOWN["mode_collapse"][0], config).remedies


def test_a_finding_can_be_written_as_json():
    """`run --json` prints findings."""
    for finding, _ in findings_everywhere():
        content = json.loads(json.dumps(finding.to_dict()))
        assert list(content) == ["symptom", "severity", "since", "evidence", "remedies"]
        assert isinstance(content["since"], int)


def test_diagnosing_changes_nothing():
    """The page diagnoses the same history again and again."""
    history, config = SHOWN["vanishing_gradient"]
    before = {name: history.column(name).copy() for name in STEP_METRICS}
    assert diagnose(history, config) == diagnose(history, config)
    for name, column in before.items():
        assert np.array_equal(history.column(name), column, equal_nan=True)


@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.parametrize("loss", LOSSES)
def test_every_config_can_be_diagnosed(dataset, loss):
    """A loss or data set added later must not make the verdict fail."""
    for history, _ in SHOWN.values():
        diagnose(history, RunConfig(dataset=dataset, loss=loss))


@pytest.mark.parametrize("name", SYMPTOMS)
def test_every_symptom_has_a_page_that_explains_it(name):
    """Otherwise the verdict would name a failure and lead nowhere."""
    assert SYMPTOMS[name].challenge in CHALLENGES


def test_a_rescued_run_is_offered_what_is_not_in_force_yet():
    """Otherwise the remedy that was applied in mid-run would be offered once more."""
    history, config = SHOWN["mode_collapse"]
    rescued = config.changed(int(history.last_step), discriminator_steps=3)
    labels = [remedy.label for remedy in only(history, rescued).remedies]
    assert "Three D steps per round" in [r.label for r in only(history, config).remedies]
    assert "Three D steps per round" not in labels
