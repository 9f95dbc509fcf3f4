"""Thresholds: one history on each side of every one of them."""

from __future__ import annotations

import dataclasses
import math

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.chance import PRECISE, floor_and_ceiling
from gan_core.diagnosis.diagnose import THRESHOLDS, diagnose
from gan_core.diagnosis.signs import sign_of
from gan_core.runs.history import History
from gan_core.runs.records import EvalRecord, StepRecord
from tests.diagnosis.histories import (
    COLLAPSED,
    MEMORISED,
    MINIMAX,
    NON_SATURATING,
    SILENT_STEP,
    STUCK,
    collapse_with,
    evaluations,
    limit,
    noise,
    rotating,
    slow,
    steps,
    swinging,
    symptoms,
    vanish_with,
)


def improving_to(share: float) -> History:
    """Modes lost after step 250, and a Fréchet distance that fell until step 750; at step 1000 it
    is `share` times that of step 500."""
    records = evaluations(after=250, modes=2.0)
    for record, value in zip(records, (9000.0, 5000.0, 900.0, 900.0, 900.0 * share), strict=True):
        record.metrics["frechet"] = value
    return History(steps(), records)


def fewer_than_before(lost: float) -> History:
    """As many modes as count as missing, and `lost` more than these at step 250."""
    few = float(math.floor(limit("few_modes") * 10))
    records = evaluations(after=250, modes=few, **STUCK)
    records[1].metrics["modes"] = few + lost
    return History(steps(), records)


def never_more_than_two(count: int) -> History:
    return History(steps(count), evaluations(count, modes=2.0, **STUCK))


def memorised(**metrics) -> History:
    return History(steps(), evaluations(after=500, **{**MEMORISED, **metrics}))


def replacing(share: float) -> History:
    """Twenty changes between evaluations, of which `share` replace one digit by another."""
    records = rotating(5500, at_once=1)
    still = round((1 - share) * 20)
    for i in range(3, 3 + still):
        records[i] = dataclasses.replace(records[i], histogram=records[2].histogram)
    return History(steps(5500), records)


def swing_of(size: float) -> History:
    """D's score of reals alternates every 100 steps between two values `size` apart."""
    records = [
        dataclasses.replace(r, score_real=0.5 + (size if i // 100 % 2 else 0.0), score_fake=0.5)
        for i, r in enumerate(steps(1200))
    ]
    return History(records, evaluations())


def exploding(from_norm: float) -> History:
    """D's gradient rises to 1000 within 200 steps, and G's loss has run away."""
    return History(steps(after=800, grad_norm_d=1000.0, loss_g=50.0, base=from_norm),
                   evaluations())


def trending(returns: int) -> list[StepRecord]:
    """D's score of reals is high or low, and changes `returns` times in the last 300 steps."""
    length = 300 / (returns + 1)
    records = steps(1000)
    for i in range(700, 1000):
        score = 0.05 if int((i - 700) / length) % 2 else 0.95
        records[i] = dataclasses.replace(records[i], score_real=score, score_fake=0.5)
    return records


def briefly(seconds: float) -> History:
    """Ten steps of a slow network, in so many seconds."""
    first, last = slow(total=seconds).evaluations
    return History(steps(10), [first, dataclasses.replace(last, step=10)])


def drawn(kind: str = "image", shown: int = 0, **metrics) -> History:
    """A run whose samples stay as they are: good but for `metrics`, if all modes are shown."""
    near = {"frechet": 100.0} if kind == "image" else {}
    shown = shown or (10 if kind == "image" else 8)
    return History(steps(2000), noise(2000, kind, shown, **{
        "quality_above_chance": 0.9, **near, **metrics}))


def rising(share: float, back: int = 500) -> History:
    """Poor samples of all modes, whose quality rises by `share` over the last `back` steps."""
    records = noise(2000, "points", 8, quality_above_chance=0.15)
    for record in records[-(back // 250):]:
        record.metrics["quality_above_chance"] = 0.15 + share
    return History(steps(2000), records)


def ended(share: float, last: int = 1750) -> History:
    """The same, but for a rise that came to its end at step `last`."""
    records = noise(4000, "points", 8, quality_above_chance=0.15)
    for record in records:
        if record.step >= last:
            record.metrics["quality_above_chance"] = 0.15 + share
    return History(steps(4000), records)


def once(share: float) -> History:
    """Samples that are all alike, after a quality of `share` at step 250."""
    records = noise(2000)
    records[1].metrics["quality_above_chance"] = share
    for record in records[2:]:
        record.metrics["diversity"] = 0.08
    return History(steps(2000), records)


def skewed(divergence: float) -> History:
    """Good points of all modes, so unevenly that the KL divergence from equal shares is this."""
    shares = [(first, *((1 - first) / 7,) * 7) for first in (i / 1000 for i in range(125, 990))]
    uneven = next(s for s in shares if sum(p * math.log(8 * p) for p in s) > divergence)
    records = [dataclasses.replace(record, supported=uneven)
               for record in drawn("points").evaluations]
    return History(steps(2000), records)


def old_points(above_chance: float) -> History:
    """Evaluations of version 1, which know only the share of points within 3σ."""
    card = RING.card
    chance, perfect = floor_and_ceiling(card, PRECISE * card.sigma)
    metrics = {"modes": 8.0, "modes_total": 8.0, "kl_uniform": 0.1,
               "high_quality": chance + above_chance * (perfect - chance)}
    return History(steps(2000), [EvalRecord(step, metrics, (1 / 8,) * 8)
                                 for step in range(0, 2001, 250)])


def standing(count: int) -> History:
    """So many evaluations of points that never get better, every 250 steps."""
    return History(steps(250 * count), noise(250 * count, "points"))


def leaping(travel_g: float, travel_d: float) -> History:
    """Poor points that are nearest to one mode at a time, each time another."""
    records = noise(2000, "points", travel_g=travel_g, travel_d=travel_d)
    one_at_a_time = [tuple(float(mode == i % 8) for mode in range(8)) for i in range(len(records))]
    return History(steps(2000), [dataclasses.replace(record, histogram=shares) for record, shares
                                 in zip(records, one_at_a_time, strict=True)])


LESS, MORE = 0.97, 1.03  # just inside and just outside
# threshold -> (history just beyond it, with one finding; one just within it, healthy; config)
RING = RunConfig(dataset="ring", learning_rate=1e-3)
BOUNDARIES = {
    "good_points": lambda v: (
        drawn("points", quality_above_chance=v * LESS),
        drawn("points", quality_above_chance=v * MORE), RING),
    "good_images": lambda v: (
        drawn(quality_above_chance=v * LESS), drawn(quality_above_chance=v * MORE),
        NON_SATURATING),
    "good_frechet": lambda v: (
        drawn(frechet=v * MORE), drawn(frechet=v * LESS), NON_SATURATING),
    "good_modes": lambda v: (
        drawn("points", math.floor(v * 8)), drawn("points", math.floor(v * 8) + 1), RING),
    "imbalance": lambda v: (skewed(v * MORE), skewed(v * LESS), RING),
    "good_precise": lambda v: (old_points(v * LESS), old_points(v * MORE), RING),
    "unrecognised_frechet": lambda v: (
        History(steps(2000), evaluations(2000, frechet=v * MORE)),
        History(steps(2000), evaluations(2000, frechet=v * LESS)), NON_SATURATING),
    "outruns": lambda v: (leaping(v * MORE, 1.0), leaping(v * LESS, 1.0), RING),
    "moves": lambda v: (leaping(v * MORE, 0.1), leaping(v * LESS, 0.1), RING),
    "good_spread": lambda v: (
        drawn("points", mode_spread=v * LESS), drawn("points", mode_spread=v * MORE), RING),
    "quality_gain": lambda v: (rising(v * LESS), rising(v * MORE), RING),
    "improvement_steps": lambda v: (
        ended(0.1, last=4000 - 2 * int(v)), ended(0.1, last=4000 - int(v) - 250), RING),
    "learning_steps": lambda v: (
        History(steps(int(v)), noise(int(v))), History(steps(int(v) - 250), noise(int(v) - 250)),
        NON_SATURATING),
    "steps_for_a_mode": lambda v: (
        standing(math.ceil((750 + 8 * v) / 250)), standing(math.ceil((750 + 8 * v) / 250) - 1),
        RING),
    "learned": lambda v: (once(v * MORE), once(v * LESS), NON_SATURATING),
    "total_collapse": lambda v: (
        History(steps(2000), noise(2000, diversity=v * LESS)),
        History(steps(2000), noise(2000, diversity=v * MORE)), NON_SATURATING),
    "dead_steps": lambda v: (
        History(steps(60, after=60 - int(v), grad_norm_g=0.0), evaluations(0)),
        History(steps(60, after=61 - int(v), grad_norm_g=0.0), evaluations(0)), NON_SATURATING),
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
        History(steps(int(v)), evaluations(int(v), **{**COLLAPSED, "frechet": 340.0})),
        History(steps(int(v)), evaluations(int(v) - 250, **{**COLLAPSED, "frechet": 340.0})),
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
    "rotation_share": lambda v: (replacing(v), replacing(v - 0.1), NON_SATURATING),
    "validation_ratio": lambda v: (memorised(r_v=v), memorised(r_v=v * LESS), NON_SATURATING),
    "missed_reals": lambda v: (
        memorised(accuracy_held_out=0.95 - v - 0.01),
        memorised(accuracy_held_out=0.95 - v + 0.01), NON_SATURATING),
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
    assert set(THRESHOLDS) - set(BOUNDARIES) - set(SIGNS) == {
        "severe_modes", "swing_smoothing", "memory_steps",
        # these have tests of their own, below, in test_no_learning or in test_strangers_runs
        "promising_modes", "chance", "chance_frechet", "right_enough", "held_back",
        "both_at_fault"}


def test_each_threshold_decides_where_it_says():
    """Otherwise the number shown as the rule would not be the rule."""
    wrong = []
    for name, histories in BOUNDARIES.items():
        ill, healthy, config = histories(limit(name))
        (symptom, *_), others = symptoms(ill, config), symptoms(healthy, config)
        # Within its limit a run that stands still may fail in another way, but not in this one.
        if symptom in others or set(others) - {"no_learning"}:
            wrong.append((name, symptom, others))
    assert not wrong


# threshold -> (steps and evaluations just beyond it and just within it, the sign of the first)
SIGNS = {
    "always_right": lambda v: (
        {"accuracy_real": v, "accuracy_fake": v}, {"accuracy_real": v - 0.01, "accuracy_fake": v},
        "far ahead"),
    "cannot_tell": lambda v: (
        {"score_real": 0.5 + v * LESS, "score_fake": 0.5},
        {"score_real": 0.5 + v * MORE, "score_fake": 0.5}, "blind"),
    "still": lambda v: ({"travel_g": v * LESS}, {"travel_g": v * MORE}, "still"),
    "runaway": lambda v: ({"loss_g": 8 * v * MORE}, {"loss_g": 8 * v * LESS}, "runaway"),
}


def test_each_sign_shows_where_its_threshold_says():
    """The sign decides which causes are possible."""
    for name, changes in SIGNS.items():
        beyond, within, sign = changes(limit(name))
        assert [_sign(**beyond), _sign(**within) == sign] == [sign, False], name


def _sign(**changes: float) -> str:
    metrics = {name: changes.pop(name) for name in list(changes) if name.startswith("travel")}
    history = History(steps(2000, **changes), noise(**metrics))
    return sign_of(history, NON_SATURATING).name


def test_chance_decides_what_is_severe():
    """Samples as good as noise are worse than a run that stands still half-way."""
    for version, name in ((2, "chance"), (1, "chance_frechet")):
        value = limit(name)
        pairs = ((value * LESS, value * MORE) if version == 2 else (value * MORE, value * LESS))
        severities = []
        for measured in pairs:
            records = noise(quality_above_chance=measured) if version == 2 else [
                dataclasses.replace(e, metrics={**e.metrics, "frechet": measured})
                for e in evaluations(2000)]
            finding, = diagnose(History(steps(2000), records), NON_SATURATING)
            severities.append(finding.severity)
        assert severities == ["severe", "warning"], name


def test_no_remedy_strengthens_d_from_its_limit_on():
    """Below it more D steps may still help."""
    value = limit("right_enough")
    offered = []
    for accuracy in (value, value - 0.01):
        history = History(steps(2000, accuracy_real=accuracy, accuracy_fake=accuracy,
                                score_real=0.55, score_fake=0.5), noise())
        finding, = diagnose(history, NON_SATURATING)
        offered.append("discriminator_steps" in {
            name for remedy in finding.remedies for name in remedy.changes})
    assert offered == [False, True]


def test_every_threshold_has_its_meaning_and_its_source():
    """Otherwise nobody could say where a rule comes from."""
    bare = [name for name, threshold in THRESHOLDS.items()
            if not (math.isfinite(threshold.value) and threshold.value > 0
                    and len(threshold.meaning) > 20 and threshold.source)]
    assert not bare
