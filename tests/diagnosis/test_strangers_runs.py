"""Runs as other people have them: what must not be said of each, and what must."""

from __future__ import annotations

import dataclasses

import pytest

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.causes import OUTRUN, UNLIMITED
from gan_core.diagnosis.chance import distance_of_uniform
from gan_core.diagnosis.diagnose import diagnose, title_of
from gan_core.diagnosis.improvement import improving
from gan_core.diagnosis.quality import quality_of
from gan_core.diagnosis.remedy_trials import advice, untouched
from gan_core.diagnosis.signs import pace
from gan_core.diagnosis.suspects import suspects
from gan_core.diagnosis.verdict import verdict
from gan_core.diagnosis.verdict_words import sentences
from gan_core.runs.history import History
from tests.diagnosis.histories import (
    COLLAPSED,
    NON_SATURATING,
    SHOWN,
    evaluations,
    noise,
    only_finding,
    recognised,
    rising,
    steps,
    swinging,
)

RING, GRID = (RunConfig(dataset=name, learning_rate=1e-3) for name in ("ring", "grid"))
BLIND = {"accuracy_real": 0.5, "accuracy_fake": 0.5, "score_real": 0.5, "score_fake": 0.5}
AHEAD = {"accuracy_real": 1.0, "accuracy_fake": 1.0, "score_real": 0.999, "score_fake": 0.001}


def points(*shares: float, shown: int = 8):
    """Evaluations every 250 steps, of these qualities above chance."""
    records = noise(250 * (len(shares) - 1), "points", shown)
    for record, share in zip(records, shares, strict=True):
        record.metrics["quality_above_chance"] = share
    return records


def test_an_untrained_g_on_a_mode_is_not_what_a_run_is_compared_with():
    """It draws one point, which may be a centre of the grid: the run would never improve on it."""
    records = points(1.0, 0.0, 0.0, 0.1, 0.2, 0.3)
    assert improving(History(steps(1250), records), RING.card)


def test_points_that_all_lie_on_one_mode_were_not_better():
    """Quality that falls while modes come in is no step back."""
    records = [*points(0.0, 0.9, 0.9, shown=1), *points(*[0.0] * 3, 0.3, 0.35)[3:]]
    assert improving(History(steps(1000), records), RING.card)


def test_a_cloud_that_drifts_past_modes_does_not_rotate():
    """A rate that is far too small moves it a little: who is told of a rotation adds R1."""
    records = noise(2000, "points", travel_g=0.12, travel_d=0.14)
    drifting = [dataclasses.replace(record, histogram=tuple(
        float(mode == i % 8) for mode in range(8))) for i, record in enumerate(records)]
    judged = verdict(History(steps(2000, **BLIND), drifting), RING.replace(learning_rate=2e-5))
    assert (judged.findings[0].symptom, judged.cause) == ("no_learning", "rate_too_small")


def test_slow_steps_never_stand_before_a_failure():
    """On a slow computer every DCGAN that fails would be told to be smaller."""
    slow = [dataclasses.replace(record, seconds=0.5 * record.step)
            for record in evaluations(2000, after=250, **COLLAPSED)]
    history = History(steps(2000), slow)
    judged = verdict(history, RunConfig(architecture="dcgan", learning_rate_ratio=0.1))
    assert [finding.symptom for finding in judged.findings] == [
        "mode_collapse", "computational_cost"]
    assert judged.headline.startswith("Mode collapse") and judged.cause != "computational_cost"


def test_a_frozen_g_does_not_improve():
    """It stands still because that was set: training further would change nothing."""
    records = points(0.0, 0.0, 0.1, 0.3, 0.3)
    frozen = verdict(History(steps(1000), records), RING.replace(freeze_generator=600))
    assert frozen.state == "too_early" and "where it was frozen" in frozen.headline


def test_ds_own_optimiser_is_seen():
    """D on SGD at Adam's rate hardly moves; ten times the rate would throw G's Adam about."""
    still = History(steps(2000, **BLIND), noise(travel_g=0.8, travel_d=0.01))
    own = RunConfig(discriminator_optimizer="sgd", learning_rate=1e-3)
    judged = verdict(still, own)
    assert judged.cause == "optimizer"
    assert judged.remedies[0].changes == {"discriminator_optimizer": "same"}
    assert not suspects(RunConfig(discriminator_optimizer="rmsprop", learning_rate=1e-3))


def test_one_evaluation_alone_is_no_failure():
    """Samples go up and down: a single dip would turn a healthy run red."""
    records = recognised(evaluations(2000, frechet=120.0))
    dip = dataclasses.replace(records[-1], metrics={**records[-1].metrics, "frechet": 400.0})
    assert verdict(History(steps(2000), [*records[:-1], dip]), RunConfig()).state == "too_early"
    twice = [*records[:-2], dataclasses.replace(dip, step=records[-2].step), dip]
    assert verdict(History(steps(2000), twice), RunConfig()).state == "failing"


def test_what_became_of_the_samples_is_said_and_since_when():
    """Of a run that was good nobody may say that it never learned."""
    good = recognised(evaluations(2000, frechet=120.0))
    worse = [*good[:5], *recognised(evaluations(2000, frechet=500.0))[5:]]
    still = recognised(evaluations(2000, frechet=400.0), 0.3)
    for record, distance in zip(still, (1300.0, 900.0, 700.0, 500.0), strict=False):
        record.metrics["frechet"] = distance
    for records, title, since in (
        (noise(2000), "No learning", 250), (still, "Learning stands still", 1250),
        (worse, "Samples got worse", 1250),
    ):
        finding = diagnose(History(steps(2000), records), RunConfig())[0]
        assert (title_of(finding), finding.since) == (title, since)


@pytest.mark.parametrize("config", [
    RunConfig(loss="wasserstein", gradient_penalty=10.0, discriminator_steps=10),
    RunConfig(training_examples=300, learning_rate=1e-3), RunConfig(latent_dim=3)])
def test_an_unusual_setting_alone_does_not_fail_a_run_that_improves(config):
    """Ten critic steps are usual; what was measured comes before what is set."""
    records = recognised(evaluations(2000), 0.13)
    assert verdict(History(steps(2000), records), config).state == "improving"


@pytest.mark.parametrize("config", [RunConfig(learning_rate=1e-3), RING], ids=["images", "points"])
def test_noise_that_comes_nearer_to_the_data_is_not_yet_said_to_improve(config):
    """Half of such runs were no better after twice as many steps."""
    kind = config.card.kind
    records = recognised(evaluations(1000), 0.02) if kind == "image" else points(*[0.02] * 5)
    name = "frechet" if kind == "image" else "centre_distance"
    for record, distance in zip(records, (100.0, 80.0, 60.0, 45.0, 35.0), strict=True):
        record.metrics[name] = 10 * distance if kind == "image" else distance
    history = History(steps(1000), records)
    judged = verdict(history, config)
    assert improving(history, config.card) and judged.state == "too_early"
    words = sentences(judged, history, config)
    assert "come nearer to the data, but they are no better than noise yet" in words
    assert "not clearly better" not in words
    better = [dataclasses.replace(record, metrics={**record.metrics, "quality_above_chance": 0.15},
                                  supported=rising()[0].training)
              for record in records]
    assert verdict(History(steps(1000), better), config).state == "improving"


@pytest.mark.parametrize(("shown", "state"), [(6, "too_early"), (7, "improving")])
def test_better_samples_of_few_modes_are_not_yet_said_to_improve(shown, state):
    """Of the audited runs that got better with fewer modes none was better after twice as long."""
    shares = tuple(0.2 / shown if mode < shown else 0.0 for mode in range(10))
    records = [dataclasses.replace(record, supported=shares) for record in rising()]
    history = History(steps(), records)
    judged = verdict(history, NON_SATURATING)
    assert improving(history, NON_SATURATING.card) and judged.state == state
    words = sentences(judged, history, NON_SATURATING)
    assert ("they show too few digits yet" in words) == (state == "too_early")
    assert "no better than noise" not in words


def test_few_modes_or_one_that_prevails_are_not_green():
    """Six of eight modes are what collapsing GANs have."""
    good = {"quality_above_chance": 0.9}
    assert verdict(History(steps(2000), noise(2000, "points", 6, **good)), RING).state != "healthy"
    one = (0.8,) + (0.2 / 7,) * 7
    uneven = [dataclasses.replace(record, supported=one)
              for record in noise(2000, "points", 8, **good)]
    assert verdict(History(steps(2000), uneven), RING).state != "healthy"
    skewed = [dataclasses.replace(record, training=one) for record in uneven]
    assert verdict(History(steps(2000), skewed), RING).state == "healthy", "as the data are"


def test_networks_without_convolutions_are_not_told_to_augment():
    """It made the report's MLP four times as bad."""
    history, few = SHOWN["discriminator_overfitting"]
    labels = {architecture: [remedy.label for remedy in only_finding(
        history, few.replace(architecture=architecture)).remedies]
        for architecture in ("mlp", "dcgan")}
    assert "Augment D's inputs" in labels["dcgan"] and "Augment D's inputs" not in labels["mlp"]


def test_noise_is_suspected_while_it_is_there():
    """By the steps so far, not by how long the run was meant to be."""
    fading = RING.replace(input_noise=1.0, input_noise_steps=2000)
    for length in (2500, 4000, 8000):
        found = [s.cause for s in suspects(fading.replace(steps=length), step=1000)]
        assert "noise_too_strong" in found
        assert not suspects(fading.replace(steps=length), step=4000)
    lasting, = (s.remedy for s in suspects(RING.replace(input_noise=1.0, steps=9000)))
    assert lasting.changes["input_noise_steps"] <= 1500, "a trial is shorter than the run"


def test_g_is_said_to_outrun_d_only_where_it_is_faster():
    """Heavy dropout or flipped labels are another cause with the same effect."""
    history = SHOWN["mode_collapse"][0]
    assert only_finding(history, RunConfig(learning_rate_ratio=0.1)).because == OUTRUN
    for config in (RunConfig(dropout=0.8), RunConfig(label_flips=0.5)):
        assert only_finding(history, config).because == "D is too weak"


OUTRUNNING = [{"learning_rate_ratio": 0.1}, {"generator_steps": 5}, {"generator_steps": 3},
              {"learning_rate_ratio": 0.3}, {"learning_rate_ratio": 0.1, "latent_dim": 1},
              {"learning_rate_ratio": 0.05, "discriminator_steps": 2}]


@pytest.mark.parametrize("changes", OUTRUNNING, ids=str)
def test_a_d_that_is_outrun_is_not_said_to_be_ahead(changes):
    """It is right on the little that G makes at a time, and would be slowed down further."""
    config = RunConfig(**changes)
    finding = only_finding(History(steps(2000, **AHEAD), noise(2000)), config)
    assert finding.symptom == "no_learning" and "leaps past" in finding.evidence
    if "latent_dim" not in changes:
        assert (finding.cause, finding.because) == ("discriminator_too_weak", OUTRUN)
    assert any(pace(config.replace(**remedy.changes)) > pace(config)
               for remedy in finding.remedies)
    for remedy in finding.remedies:
        assert pace(config.replace(**remedy.changes)) >= pace(config), remedy.label


@pytest.mark.parametrize(("config", "known"), [
    (RunConfig(), None), (RunConfig(learning_rate_ratio=0.5), None),
    (RunConfig(learning_rate_ratio=0.1, discriminator_steps=5), None),
    (RunConfig(learning_rate_ratio=0.1), ())], ids=["equal", "half", "five D steps", "not known"])
def test_a_d_that_is_right_and_not_outrun_is_ahead(config, known):
    """Nor is a G that is faster already given more steps."""
    finding, = diagnose(History(steps(2000, **AHEAD), noise(2000)), config, known)
    assert finding.cause == "discriminator_ahead"
    if known is None and pace(config) < 1:
        assert all(pace(config.replace(**remedy.changes)) >= pace(config)
                   for remedy in finding.remedies)


@pytest.mark.parametrize(("changes", "mended"), [
    ({}, {"discriminator_steps": 3}),
    ({"learning_rate_ratio": 0.02, "learning_rate": 1e-3}, {"learning_rate_ratio": 1.0}),
    ({"discriminator_steps": 2}, {"learning_rate_ratio": 1.0}),
    ({"learning_rate": 1e-5}, {"learning_rate_ratio": 1.0, "learning_rate": 1e-3}),
    ({"dataset": "ring"}, {"learning_rate_ratio": 1.0, "r1": 0.1})], ids=str)
def test_what_mends_a_g_that_outruns_d_depends_on_how_far(changes, mended):
    """Equal rates slow a fast G of digits down: ten digits take three D steps instead."""
    config = RunConfig(learning_rate=3e-4, learning_rate_ratio=0.1).replace(**changes)
    first = suspects(config)[0]
    assert first.cause == "discriminator_too_weak"
    finding = only_finding(SHOWN["mode_collapse"][0], config)
    assert finding.remedies[0].changes == mended


def test_the_cause_that_is_named_is_the_one_that_is_mended():
    """A remedy that would strengthen a D that is right is not offered; its cause is not named."""
    collapse = History(steps(2000, **AHEAD), evaluations(2000, after=250, **COLLAPSED))
    finding = only_finding(collapse, RunConfig(dropout=0.8, batch_size=4))
    assert finding.cause == "batch_too_small" and finding.remedies[0].changes == {"batch_size": 64}


@pytest.mark.parametrize("changes", [{}, {"dropout": 0.25, "batch_size": 32}, {"r1": 10.0},
                                     {"discriminator_steps": 2},
                                     {"r1": 10.0, "update_order": "simultaneous"}], ids=str)
def test_a_collapse_under_a_d_that_is_right_is_not_left_without_a_remedy(changes):
    """All that collapse has of its own would make such a D stronger."""
    config = RunConfig(**changes)
    collapse = History(steps(2000, **AHEAD), evaluations(2000, after=250, **COLLAPSED))
    remedies = only_finding(collapse, config).remedies
    assert remedies
    for remedy in remedies:
        assert config.replace(**remedy.changes) != config
        assert remedy.changes.get("discriminator_steps", 1) <= config.discriminator_steps


def test_swings_of_an_unlimited_critic_have_that_as_their_cause():
    """A symptom is no cause of itself."""
    finding = only_finding(History(swinging(), evaluations()), RunConfig(loss="wasserstein"))
    assert (finding.symptom, finding.because) == ("instability", UNLIMITED)
    assert finding.remedies[0].changes.get("spectral_norm"), "what calms images most"


def test_a_critic_that_r1_hardly_limits_is_suspected():
    """Of rings a critic needs ten times as much as other losses do."""
    weak = RING.replace(loss="wasserstein", r1=0.1)
    assert [s.remedy.changes for s in suspects(weak)] == [{"r1": 1.0}]
    assert not suspects(weak.replace(r1=1.0))


def test_an_old_recording_that_was_trained_on_is_measured_by_what_both_parts_know():
    """Distances of two metrics would be compared with one another."""
    records = points(0.0, 0.0, 0.0, 0.0, 0.0, 0.05, 0.1, 0.2)
    for record in records[:4]:
        del record.metrics["centre_distance"]
        record.metrics["kl_uniform"] = 30.0
    assert improving(History(steps(1750), records), RING.card)


def test_without_a_remedy_nobody_says_that_none_helped():
    """Nothing was tried."""
    assert "None of them" not in advice(untouched(*SHOWN["mode_collapse"]), [])


def test_one_picture_that_turns_into_another_is_still_a_collapse():
    """While it does, two samples differ a little; "no learning" would name the wrong failure."""
    records = evaluations(1000, after=-1, **{**COLLAPSED, "diversity": 0.18})
    for record, differ in zip(records[1:], (0.19, 0.2, 0.02, 0.15), strict=True):
        record.metrics["diversity"] = differ
    records = recognised(records, 0.0)
    finding = diagnose(History(steps(1000, **AHEAD), records),
                       RunConfig(learning_rate=3e-4, learning_rate_ratio=0.1))[0]
    assert (finding.symptom, finding.because) == ("mode_collapse", OUTRUN)
    for record in records:  # noise of little variety, which never was one picture
        record.metrics["diversity"] = 0.18
    assert diagnose(History(steps(1000, **AHEAD), records), RunConfig())[0].symptom == "no_learning"


def test_a_rotating_ring_is_given_equal_rates_and_a_limit_at_once():
    """A G that outruns D jumps on, with the limit alone or with equal rates alone."""
    history = SHOWN["mode_rotation"][0]
    remedies = [remedy.changes for remedy in only_finding(
        history, RING.replace(learning_rate_ratio=0.3)).remedies]
    assert {"learning_rate_ratio": 1.0, "r1": 0.1} in remedies[:1]
    assert {"r1": 0.1} in remedies


def test_a_critic_under_plain_gradients_gets_another_optimiser_first():
    """With a penalty it diverges as before."""
    sgd = RunConfig(loss="wasserstein", optimizer="sgd", learning_rate=0.1)
    assert suspects(sgd)[0].cause == "optimizer"


@pytest.mark.parametrize("config", [RING, GRID], ids=["ring", "grid"])
def test_points_that_come_nearer_are_worth_more_even_before_they_are_good(config):
    """A remedy that brings noise nearer to all modes would count for nothing."""
    def score(shown, share, distance):
        record = points(*[share] * 2, shown=shown)[-1]
        record.metrics["centre_distance"] = distance
        return quality_of(record, config.card).score

    noise_score = score(0, -0.1, distance_of_uniform(config.card))
    assert noise_score == 0 < score(4, 0.0, 10.0) < score(8, 0.0, 10.0) < score(8, 0.5, 5.0)
    assert score(8, 0.9, 1.3) > 0.5 and score(1, 0.9, 1.3) < score(8, 0.3, 5.0)
