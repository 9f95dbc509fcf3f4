"""What an audit trains: drawn from a seed, valid, and pushed from a little to all the way."""

from __future__ import annotations

from collections import Counter, defaultdict

from gan_core.config.batching import batch_key
from gan_core.verification.audit_draws import (
    BASES,
    COUNTS,
    FAULTS,
    MOST_WORK,
    RANDOM,
    REPORTING_SEED,
    TUNING_SEEDS,
    draw,
    work,
)

SEED = 999  # looked at by tests alone


def test_a_draw_is_the_same_each_time_and_another_for_each_seed() -> None:
    """Whoever repeats the audit would measure other runs, or tune on those of the report."""
    assert draw(SEED) == draw(SEED)
    seeds = (SEED, *TUNING_SEEDS[:2], REPORTING_SEED)
    runs = [{drawn.config for drawn in draw(seed)} for seed in seeds]
    assert sum(map(len, runs)) == len(set.union(*runs)), "no run is in two draws"
    assert REPORTING_SEED not in TUNING_SEEDS


def test_a_draw_has_as_many_runs_as_promised() -> None:
    """Rates would be those of fewer runs than the table says."""
    drawn = draw(SEED)
    assert Counter(run.group for run in drawn) == COUNTS
    assert COUNTS["ring"] + COUNTS["grid"] == 300
    assert len({run.config.digest() for run in drawn}) == len(drawn), "each counts once"
    for base in BASES:
        assert {run.fault for run in drawn if run.group == base} == set(FAULTS), base


def test_a_single_fault_changes_what_it_names_and_hardly_anything_else() -> None:
    """A remedy for one fault would be judged on another."""
    for run in draw(SEED):
        if run.group == RANDOM:
            continue
        changed = set(run.config.changes(BASES[run.group])) - {"seed"}
        named = run.fault.split()[0]
        assert named in changed and changed <= {named, "r1", "discriminator_steps"}, run


def test_faults_go_from_moderate_to_extreme() -> None:
    """An audit of extremes alone, or of mild faults alone, would miss where a verdict turns."""
    values = defaultdict(list)
    for run in draw(SEED):
        values[run.fault].append(getattr(run.config, run.fault.split()[0], None))
    reached = {  # by fault: some value below the first, and some above the second
        "learning_rate low": (1e-5, 5e-5), "learning_rate high": (0.02, 0.2),
        "learning_rate_ratio low": (0.03, 0.05), "learning_rate_ratio high": (15, 50),
        "beta1 high": (0.89, 0.96), "beta2 low": (0.2, 0.6), "label_smoothing": (0.2, 0.4),
        "r1": (2, 30), "dropout": (0.4, 0.7), "input_noise": (0.1, 0.5),
        "gradient_penalty": (2, 30), "weight_clip": (0.02, 0.3), "batch_size": (5, 7),
        "discriminator_steps": (6, 9), "generator_steps": (6, 9), "training_examples": (6, 40)}
    missed = {fault for fault, (low, high) in reached.items()
              if not min(values[fault]) < low < high < max(values[fault])}
    assert not missed


def test_random_configs_cover_the_knobs_and_stay_affordable() -> None:
    """Part of the sliders would never be audited, or one run would take an hour."""
    drawn = [run.config for seed in (SEED, SEED + 1) for run in draw(seed) if run.group == RANDOM]
    assert all(work(config) <= MOST_WORK for config in drawn)
    moved = {name for config in drawn for name in config.changes(BASES["ring"])}
    assert {"loss", "optimizer", "architecture", "width", "packing", "minibatch_stddev", "ema",
            "class_skew", "balanced_sampling", "gradient_clip", "r2", "input_noise_steps"} <= moved
    few = [config for config in drawn if len(config.changes(BASES["ring"])) <= 5]
    assert 3 <= len(few) <= len(drawn) / 2, "some are nearly healthy, most are not"


def test_most_runs_on_points_share_a_batch() -> None:
    """The audit would take hours instead of one."""
    batches = {batch_key(run.config) for run in draw(SEED) if run.group in ("ring", "grid")}
    assert None not in batches and len(batches) <= 60
