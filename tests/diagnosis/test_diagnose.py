"""Diagnosis: the findings name what happened, with numbers, cause before consequence."""

from __future__ import annotations

import dataclasses
import itertools
import math
import re

import numpy as np
import pytest

from gan_core.config.choices import DATASETS, LOSSES
from gan_core.config.presets import CHALLENGES
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.diagnose import (
    BESIDES,
    EXPLAINED_BY,
    FOLLOWS_FROM,
    LATENCY,
    LEADING,
    SYMPTOMS,
    Symptom,
    _follows,
    diagnose,
)
from gan_core.runs.history import History
from gan_core.runs.records import STEP_METRICS
from tests.diagnosis.histories import (
    COLLAPSED,
    HEALTHY,
    MINIMAX,
    NON_SATURATING,
    SHOWN,
    SILENT_STEP,
    evaluations,
    only_finding,
    steps,
    swinging,
    symptoms,
)


@pytest.mark.parametrize("config", [MINIMAX, NON_SATURATING], ids=["minimax", "non-saturating"])
def test_a_healthy_run_has_no_findings(config):
    """A false alarm teaches the wrong lesson."""
    assert diagnose(HEALTHY, config) == []


def test_every_symptom_is_known_here():
    """A symptom without a history that shows it could be lost, and nobody would notice."""
    assert set(SYMPTOMS) == set(SHOWN)
    assert all(symptom.title for symptom in SYMPTOMS.values())


@pytest.mark.parametrize("name", SYMPTOMS)
def test_each_symptom_is_named_and_nothing_else(name):
    """Otherwise the page would explain another failure than the one that happened."""
    history, config = SHOWN[name]
    finding = only_finding(history, config)
    assert finding.symptom == name
    assert finding.severity in ("warning", "severe")
    assert any(character.isdigit() for character in finding.evidence)
    assert finding.evidence.endswith(".")


@pytest.mark.parametrize("name", SYMPTOMS)
def test_each_symptom_begins_when_it_began(name):
    """The chart marks this step; collapse is judged by evaluations, the others step by step."""
    history, config = SHOWN[name]
    expected = {"no_learning": (250, 250), "mode_collapse": (251, 500), "mode_rotation": (500, 500),
                "vanishing_gradient": (201, 301), "discriminator_overfitting": (750, 750),
                "instability": (301, 600), "divergence": (91, 91),
                "computational_cost": (100, 100)}[name]
    assert expected[0] <= only_finding(history, config).since <= expected[1]


@pytest.mark.parametrize("history", [History(), History(steps(5)), History([], evaluations(0)),
                                     History(steps(99), evaluations(0))])
def test_a_young_run_is_not_judged(history):
    """Every generator begins with one mode: an early verdict would always be collapse."""
    for config in (MINIMAX, NON_SATURATING):
        assert diagnose(history, config) == []


def test_evidence_carries_the_numbers_behind_it():
    """Otherwise a student could not check the verdict against the curves."""
    collapse = only_finding(*SHOWN["mode_collapse"]).evidence
    assert "1 of 10 digits" in collapse and "2%" in collapse and "100%" in collapse
    vanishing = only_finding(*SHOWN["vanishing_gradient"]).evidence
    assert "100%" in vanishing and "more than a million times" in vanishing
    assert "minimax" in vanishing
    assert "step 91" in only_finding(*SHOWN["divergence"]).evidence
    overfitting = only_finding(*SHOWN["discriminator_overfitting"]).evidence
    assert "95%" in overfitting and "50%" in overfitting and "0.70" in overfitting
    assert "2.0 at a time, 10 of 10" in only_finding(*SHOWN["mode_rotation"]).evidence
    cost = only_finding(*SHOWN["computational_cost"]).evidence
    assert "0.50 s" in cost and "8 min" in cost and "100 steps" in cost and "1 of 10" in cost
    assert re.search(r"between −?-?0\.4\d and 0\.4\d", only_finding(*SHOWN["instability"]).evidence)


def test_every_symptom_has_a_page_that_explains_it():
    """Otherwise the verdict would name a failure and lead nowhere."""
    assert {symptom.challenge for symptom in SYMPTOMS.values()} <= set(CHALLENGES)


# --- cause and consequence -----------------------------------------------------------------------


def test_a_collapse_that_follows_a_vanished_gradient_is_not_raised_again():
    """A G that stands still shows one digit: the cause is the gradient."""
    history = History(steps(after=100, **SILENT_STEP), evaluations(after=250, **COLLAPSED))
    assert symptoms(history, MINIMAX) == ["vanishing_gradient"]


@pytest.mark.parametrize(
    ("symptom", "cause"), [(s, c) for s, causes in FOLLOWS_FROM.items() for c in sorted(causes)])
def test_what_follows_is_not_raised_beside_its_cause(symptom, cause, monkeypatch):
    """Otherwise the page would offer two explanations for one failure; but a symptom that came
    first is named beside the other."""
    root = dataclasses.replace(only_finding(*SHOWN[cause]), since=200, noticed=None)
    finding = only_finding(*SHOWN[symptom])
    late = dataclasses.replace(finding, since=300, noticed=None)
    sooner = 200 - LATENCY.get(symptom, 0) - 1
    early = dataclasses.replace(finding, since=sooner, noticed=None)
    both = [cause, symptom] if cause in LEADING else [symptom, cause]
    for raised, expected in ((late, [cause]), (early, both)):
        table = {symptom: Symptom("", lambda *_, finding=raised: finding, ""),
                 cause: Symptom("", lambda *_: root, "")}
        monkeypatch.setattr("gan_core.diagnosis.diagnose.SYMPTOMS", table)
        # A new history each time: a history stores its findings.
        assert symptoms(History(HEALTHY.steps, HEALTHY.evaluations)) == expected


def test_a_collapse_that_came_first_is_named_first():
    """Total collapse lets D win, and then the gradient goes: the cause is the collapse."""
    history = History(steps(1500, after=1200, **SILENT_STEP),
                      evaluations(1500, after=250, **COLLAPSED))
    assert symptoms(history, MINIMAX)[0] == "mode_collapse"


def test_what_is_explained_by_another_is_not_raised_beside_it():
    """A divergence seen late still explains the rotation seen early."""
    for symptom, causes in EXPLAINED_BY.items():
        for cause in causes:
            raised = [dataclasses.replace(only_finding(*SHOWN[name]), since=since)
                      for name, since in ((symptom, 100), (cause, 900))]
            assert [f for f in raised if not _follows(f, raised)] == raised[1:], (symptom, cause)


def test_findings_come_in_the_order_of_their_beginning_but_for_causes_of_all():
    """Otherwise the page would lead with a consequence: a divergence, or that nothing is learned,
    explains what else is seen, whatever its date."""
    assert len(SYMPTOMS) > 3
    for names in itertools.permutations(SYMPTOMS, 2):
        records = [SHOWN[name][0] for name in names]
        history = History(max((r.steps for r in records), key=len), records[0].evaluations,
                          records[1].outcome)
        found = [(finding.symptom in BESIDES, finding.symptom not in LEADING, finding.since)
                 for finding in diagnose(history, MINIMAX)]
        assert found == sorted(found)


def test_a_frozen_generator_is_not_blamed_for_standing_still():
    """The experiment freezes G on purpose: neither collapse nor swings are news."""
    frozen = RunConfig(freeze_generator=1000, learning_rate=1e-3)
    late = [dataclasses.replace(e, metrics={**e.metrics, "modes": 1.0, "frechet": 900.0})
            for e in evaluations(3000)[5:]]
    history = History(swinging(3000, after=1000), [*evaluations(1000), *late])
    assert diagnose(history, frozen) == []
    assert symptoms(history, RunConfig(learning_rate=1e-3)) != []


# --- damaged and unusual histories ---------------------------------------------------------------


def test_one_missing_step_metric_is_no_symptom():
    """A history of an older version has gaps (read as NaN): no error, no verdict out of nothing."""
    false_alarms = {
        (metric, after, config.loss): findings
        for metric in STEP_METRICS for after in (0, 500) for config in (MINIMAX, NON_SATURATING)
        if (findings := symptoms(_with_steps(metric, math.nan, after), config))
    }
    assert not false_alarms


def test_a_step_metric_of_zero_has_readable_evidence():
    """Float32 metrics do reach zero, and what is divided by them becomes NaN: the page must open,
    and its sentence must not contain "nan"."""
    unreadable = [
        (metric, after, finding.evidence)
        for metric in STEP_METRICS for after in (0, 500) for config in (MINIMAX, NON_SATURATING)
        for finding in diagnose(_with_steps(metric, 0.0, after), config)
        if re.search(r"\bnan\b", finding.evidence)
    ]
    assert not unreadable


def _with_steps(metric: str, value: float, after: int) -> History:
    """A healthy run, but for one metric that has this value in all steps later than `after`."""
    return History(steps(after=after, **{metric: value}), evaluations())


def test_an_undefined_evaluation_metric_is_no_symptom():
    """D's logits may be infinite while G is fine: its gap is NaN, and the page must still open."""
    false_alarms = {
        metric: findings for metric in evaluations(0)[0].metrics
        if (findings := symptoms(History(steps(), evaluations(**{metric: math.nan}))))
    }
    assert not false_alarms


def test_nothing_but_nan_is_no_verdict():
    """Otherwise a damaged file would be called a collapse."""
    nan = dict.fromkeys(STEP_METRICS, math.nan)
    empty = dict.fromkeys(evaluations(0)[0].metrics, math.nan)
    for config in (MINIMAX, NON_SATURATING):
        assert diagnose(History(steps(**nan), evaluations(**empty)), config) == []


def test_diagnosing_changes_nothing():
    """The page diagnoses the same history again and again."""
    history, config = SHOWN["vanishing_gradient"]
    before = {name: history.column(name).copy() for name in STEP_METRICS}
    assert diagnose(history, config) == diagnose(history, config)
    for name, column in before.items():
        assert np.array_equal(history.column(name), column, equal_nan=True)


def test_every_config_can_be_diagnosed():
    """A loss or data set added later must not make the verdict fail."""
    for (history, _), dataset, loss in itertools.product(SHOWN.values(), DATASETS, LOSSES):
        diagnose(history, RunConfig(dataset=dataset, loss=loss))
