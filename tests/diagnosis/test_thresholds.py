"""Thresholds: one history on each side of every one of them."""

from __future__ import annotations

import dataclasses
import math

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.diagnose import THRESHOLDS, diagnose
from gan_core.runs.history import History
from gan_core.runs.records import StepRecord
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
    for record, value in zip(records, (9000.0, 5000.0, 900.0, 800.0, 900.0 * share), strict=True):
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


LESS, MORE = 0.97, 1.03  # just inside and just outside
# threshold -> (history just beyond it, with one finding; one just within it, healthy; config)
BOUNDARIES = {
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
    assert set(THRESHOLDS) - set(BOUNDARIES) == {"severe_modes", "swing_smoothing", "memory_steps"}


def test_each_threshold_decides_where_it_says():
    """Otherwise the number shown as the rule would not be the rule."""
    wrong = []
    for name, histories in BOUNDARIES.items():
        ill, healthy, config = histories(limit(name))
        if len(diagnose(ill, config)) != 1 or diagnose(healthy, config):
            wrong.append((name, symptoms(ill, config), symptoms(healthy, config)))
    assert not wrong


def test_every_threshold_has_its_meaning_and_its_source():
    """Otherwise nobody could say where a rule comes from."""
    bare = [name for name, threshold in THRESHOLDS.items()
            if not (math.isfinite(threshold.value) and threshold.value > 0
                    and len(threshold.meaning) > 20 and threshold.source)]
    assert not bare
