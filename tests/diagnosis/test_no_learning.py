"""No learning, and its causes: other settings than those of the cases, written by hand."""

from __future__ import annotations

import dataclasses

import pytest

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.causes import CAUSES
from gan_core.diagnosis.diagnose import THRESHOLDS, diagnose
from gan_core.diagnosis.quality import quality_of
from gan_core.diagnosis.suspects import FIND, suspects
from gan_core.diagnosis.verdict import verdict
from gan_core.runs.history import History
from gan_core.runs.records import EvalRecord
from tests.diagnosis.histories import noise, steps

RING = RunConfig(dataset="ring", learning_rate=1e-3)
AHEAD = {"accuracy_real": 1.0, "accuracy_fake": 1.0, "score_real": 0.999, "score_fake": 0.001,
         "loss_g": 7.0}
BLIND = {"accuracy_real": 0.5, "accuracy_fake": 0.5, "score_real": 0.5, "score_fake": 0.5}


def found(config: RunConfig, kind: str = "image", known=None, **changes):
    """The leading finding of samples that stay noise, with steps changed from the first on."""
    metrics = {name: changes.pop(name) for name in list(changes) if name.startswith("travel")}
    history = History(steps(2000, **changes), noise(kind=kind, **metrics))
    return diagnose(history, config, known)[0]


# what the curves show, and the one setting that is unusual -> the cause
KINDS = {
    "rate_too_small": [
        (RunConfig(learning_rate=3e-6), {"travel_g": 0.004, "travel_d": 0.01}),
        (RING.replace(learning_rate=5e-6), {"travel_g": 0.01, "travel_d": 0.02})],
    "rate_too_large": [
        (RunConfig(learning_rate=0.05), {"grad_norm_g": 0.0, "loss_g": 3e4}),
        (RING.replace(learning_rate=0.3), {"loss_g": 4e3, "loss_d": 900.0})],
    "discriminator_ahead": [
        (RunConfig(learning_rate=2e-5, learning_rate_ratio=50.0), AHEAD),
        (RunConfig(learning_rate=5e-4, discriminator_steps=8), AHEAD)],
    "discriminator_too_weak": [
        (RunConfig(learning_rate=2e-6, learning_rate_ratio=0.02), {**BLIND, "travel_d": 0.003}),
        (RunConfig(learning_rate=1e-3, generator_steps=10), BLIND)],
    "constraint_too_strong": [
        (RING.replace(r2=60.0), BLIND), (RING.replace(gradient_penalty=90.0), BLIND),
        (RING.replace(weight_clip=0.02, loss="wasserstein"), BLIND)],
    "noise_too_strong": [
        (RING.replace(input_noise=0.6), BLIND), (RunConfig(input_noise=1.0), BLIND)],
    "latent_too_small": [
        (RunConfig(latent_dim=2, learning_rate=5e-4), AHEAD),
        (RING.replace(latent_dim=1), BLIND)],
    "batch_too_small": [(RING.replace(batch_size=8), {}), (RunConfig(batch_size=4), AHEAD)],
    "momentum": [(RunConfig(beta1=0.95, learning_rate=5e-4), AHEAD), (RING.replace(beta1=0.9), {})],
    "optimizer": [
        (RunConfig(optimizer="sgd", learning_rate=1e-3), {"travel_g": 0.01, "travel_d": 0.02})],
    "capacity": [(RunConfig(width=0.25, depth=1, learning_rate=1e-3), AHEAD)],
    "few_data": [(RunConfig(training_examples=5, learning_rate=1e-3), {})],
}


@pytest.mark.parametrize("cause", KINDS)
def test_the_cause_is_named_and_its_setting_mended_first(cause):
    """Whoever is told another cause mends what is not broken."""
    for config, curves in KINDS[cause]:
        kind = "image" if config.card.kind == "image" else "points"
        finding = found(config, kind, **curves)
        assert (finding.symptom, finding.cause) == ("no_learning", cause), (config, finding)
        assert finding.because and f"{finding.because}." in finding.evidence
        unusual = {knob for suspect in suspects(config) if suspect.cause == cause
                   for knob in (*suspect.knobs, *suspect.remedy.changes)}
        assert set(finding.remedies[0].changes) & unusual


def test_every_cause_has_a_kind_that_shows_it():
    """A cause nobody tries may never be told."""
    assert set(KINDS) == set(CAUSES) - {"unknown"}


def test_unknown_settings_explain_nothing():
    """Of somebody's log the settings are guesses: blaming them would be an invention."""
    config = RunConfig(learning_rate=2e-5, learning_rate_ratio=50.0, latent_dim=1)
    finding = found(config, known=(), **AHEAD)
    assert finding.cause == "discriminator_ahead" and "settings are not known" in finding.evidence
    blind = found(config, known=(), accuracy_real=0.7, accuracy_fake=0.7)
    assert blind.cause == "unknown"
    some = found(config, known=("latent_dim",), **AHEAD)
    assert some.cause == "latent_too_small"


def test_a_dead_gradient_is_caught_at_once():
    """Nobody should wait 750 steps for a network that can never move again."""
    history = History(steps(60, after=30, grad_norm_g=0.0), noise(0))
    finding, = diagnose(history, RunConfig(learning_rate=0.1))
    assert finding.symptom == "no_learning" and finding.since == 31
    assert not diagnose(History(steps(60, after=55, grad_norm_g=0.0), noise(0)), RunConfig())


def test_what_never_had_modes_has_not_collapsed():
    """"100 % digit 8" of noise clouds would teach that digits had been lost."""
    alike = History(steps(2000), noise(diversity=0.08))
    assert [finding.symptom for finding in diagnose(alike, RunConfig())] == ["no_learning"]


def test_a_run_that_was_good_is_not_called_unlearned():
    """What a G has learned and lost is a collapse."""
    records = noise()
    for i in (2, 3, 4):
        shares = (0.09,) * 10
        records[i] = dataclasses.replace(
            records[i], supported=shares,
            metrics={**records[i].metrics, "quality_above_chance": 0.9, "frechet": 150.0})
    for record in records[5:]:
        record.metrics["diversity"] = 0.02
    found = diagnose(History(steps(2000), records), RunConfig())
    assert [finding.symptom for finding in found] == ["mode_collapse"]


def test_one_training_image_is_no_collapse():
    """Nothing else could be drawn."""
    records = [dataclasses.replace(record, supported=(1.0,) + (0.0,) * 9,
                                   training=(1.0,) + (0.0,) * 9,
                                   metrics={**record.metrics, "diversity": 0.01,
                                            "quality_above_chance": 1.0})
               for record in noise()]
    finding, = diagnose(History(steps(2000), records), RunConfig(training_examples=1))
    assert (finding.symptom, finding.cause) == ("no_learning", "few_data")


def test_no_remedy_strengthens_a_d_that_is_right():
    """Three D steps made such runs worse: five digits became one."""
    for config in (RunConfig(learning_rate=5e-4, dropout=0.8), RunConfig(learning_rate_ratio=10.0)):
        for remedy in found(config, **AHEAD).remedies:
            assert remedy.changes.get("discriminator_steps", 1) <= config.discriminator_steps
            assert remedy.changes.get("dropout", config.dropout) >= config.dropout


def test_every_suspect_can_be_mended():
    """A remedy that the config refuses, or that changes nothing, is no remedy."""
    extreme = [config for pairs in KINDS.values() for config, _ in pairs]
    met = {suspect.cause for config in extreme for suspect in suspects(config)}
    assert met == set(CAUSES) - {"unknown"}
    for config in extreme:
        for suspect in suspects(config):
            mended = config.replace(**suspect.remedy.changes)
            assert len(suspect.remedy.changes) <= 2 and mended != config
            assert suspect.cause not in {
                s.cause for s in suspects(mended) if s.knobs == suspect.knobs}


def test_more_d_steps_make_up_for_a_slower_d():
    """The best settings that were found for digits would be blamed for every failure."""
    faster_g = RunConfig(learning_rate=1e-3, learning_rate_ratio=0.2)
    blamed = [[suspect.knobs for suspect in suspects(config)]
              for config in (faster_g, faster_g.replace(discriminator_steps=2))]
    assert ("learning_rate_ratio",) in blamed[0]
    assert ("learning_rate_ratio",) not in blamed[1]


def test_usual_settings_are_not_suspected():
    """Otherwise every failure would be blamed on a setting that works."""
    from gan_core.config.presets import CHALLENGES

    for name, challenge in CHALLENGES.items():
        if "healthy" in challenge.presets:
            assert not suspects(challenge.presets["healthy"].config), name
    assert len(FIND) > 15


def test_old_records_are_judged_by_what_they_know():
    """Evaluations of version 1 do not say which images are recognised; that is no failure."""
    old = EvalRecord(1000, {"modes": 9.0, "modes_total": 10.0, "frechet": 120.0}, (0.1,) * 10)
    card = RunConfig().card
    assert old.version == 1 and quality_of(old, card).good
    assert not quality_of(dataclasses.replace(old, metrics={**old.metrics, "frechet": 600.0}),
                          card).good


def test_poor_samples_that_improve_fail_where_a_setting_holds_them_back():
    """A ring with heavy dropout is told to be trained further, and is no better for it."""
    rising = noise(2000, "points", 8, quality_above_chance=0.0)
    for record, share in zip(rising[-2:], (0.1, 0.12), strict=True):
        record.metrics["quality_above_chance"] = share
    history, excess = History(steps(2000, **BLIND), rising), THRESHOLDS["held_back"].value
    beyond, within = (RING.replace(dropout=0.35 + 0.3 * (excess + by)) for by in (0.1, -0.1))
    assert verdict(history, within).state == "improving"
    assert verdict(history, beyond).cause == "discriminator_too_weak"
    assert verdict(history, beyond).headline.startswith("Learning is held back")
    assert verdict(history, beyond, known=()).state == "improving"
    good = [dataclasses.replace(e, metrics={**e.metrics, "quality_above_chance": 0.35})
            for e in rising[-2:]]  # as good as that they are no longer poor
    assert verdict(
        History(steps(2000, **BLIND), [*rising[:-2], *good]), beyond).state == "improving"


def labels(config: RunConfig, kind: str = "image", **changes) -> list[dict]:
    return [remedy.changes for remedy in found(config, kind, **changes).remedies]


def test_two_settings_at_fault_are_mended_together():
    """Neither remedy alone helps: the other fault is still there."""
    first, *others = labels(RunConfig(learning_rate=0.1, beta1=0.9))
    assert first == {"learning_rate": 1e-3, "beta1": 0.5}
    assert {"learning_rate": 1e-3} in others and {"beta1": 0.5} in others
    # Three knobs at once: nobody could tell what helped.
    assert all(len(changes) <= 2 for changes in labels(
        RunConfig(beta1=0.9, depth=1, width=0.25, learning_rate=1e-3)))


def test_a_second_setting_is_mended_with_the_first_only_where_it_is_far_out():
    """Both sides of the limit: one that is merely unusual is left as it is."""
    limit = THRESHOLDS["both_at_fault"].value
    first = []
    for batch_size in (6, 7):
        config = RunConfig(learning_rate=0.1, batch_size=batch_size)
        excess = next(s.excess for s in suspects(config) if s.cause == "batch_too_small")
        first.append((excess >= limit, "batch_size" in labels(config)[0]))
    assert first == [(True, True), (False, False)]


def test_of_narrow_modes_d_is_limited_besides():
    """With the right rate, and a D of any slope, a ring is not learned either."""
    slow = RING.replace(learning_rate=5e-6)
    moved = {"travel_g": 0.01, "travel_d": 0.02}
    assert labels(slow, "points", **moved)[:2] == [
        {"learning_rate": 1e-3, "r1": 0.1}, {"learning_rate": 1e-3}]
    for limit in ({"r1": 0.1}, {"r2": 1.0}, {"gradient_penalty": 0.1}):
        assert labels(slow.replace(**limit), "points", **moved)[0] == {"learning_rate": 1e-3}
    assert labels(RunConfig(learning_rate=3e-6), travel_g=0.004, travel_d=0.01)[0] == {
        "learning_rate": 1e-3}, "images need no such limit"


def test_a_grid_of_many_modes_gets_batches_that_hold_some_of_each():
    """Of 64 examples two or three are of a mode: with the right rate, too, it stays a cloud."""
    def first(**changes):
        config = RunConfig(dataset="grid", learning_rate=1e-3).replace(**changes)
        return labels(config, "points", **BLIND)[0]

    assert first(r1=100.0) == {"r1": 0.1, "batch_size": 256}
    assert first(batch_size=4) == {"batch_size": 256, "r1": 0.1}
    assert first(r1=100.0, batch_size=128) == {"r1": 0.1}, "five of each are enough"


def test_equal_rates_are_rates_at_which_something_happens():
    """Two slow networks in place of a slow and a fast one learn nothing in a session."""
    ahead = {"accuracy_real": 1.0, "accuracy_fake": 1.0, "score_real": 0.999, "score_fake": 1e-3}
    both = labels(RunConfig(learning_rate=1e-4, learning_rate_ratio=10.0), **ahead)
    assert both[0] == {"learning_rate_ratio": 1.0, "learning_rate": 1e-3}
    assert labels(RunConfig(learning_rate_ratio=10.0), **ahead)[0] == {"learning_rate_ratio": 1.0}
