"""The trainer: equal settings give equal runs, every setting acts, and failure is an outcome.

Runs here are tiny, on points where nothing depends on images.
"""

from __future__ import annotations

import contextlib
import random
import time

import pytest
import torch

from gan_core.config.choices import (
    ARCHITECTURES,
    DATASETS,
    DISCRIMINATOR_OPTIMIZERS,
    LOSSES,
    OPTIMIZERS,
    UPDATE_ORDERS,
)
from gan_core.config.fields import KNOBS
from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError
from gan_core.evaluation import metrics
from gan_core.runs.records import EvalRecord, Outcome, SampleRecord, StepRecord
from gan_core.training import devices, trainer
from gan_core.training.trainer import Trainer, train
from tests.support.runs import (
    EVERYTHING,
    TINY,
    TINY_IMAGES,
    comparable,
    is_sound,
    networks_of,
    parameters,
    run,
    step_of,
    steps_of,
    views_of,
)


@pytest.fixture(scope="session")
def tiny_run() -> list:
    return run(TINY)


# --- what comes out ------------------------------------------------------------------------------


def test_records_come_in_the_order_of_a_run(tiny_run):
    """A picture at once, one record for every step, an evaluation at both ends, an outcome last."""
    first, second, third, fourth = tiny_run[:4]
    assert isinstance(first, SampleRecord) and (first.step, first.view) == (0, "samples")
    assert isinstance(second, SampleRecord) and (second.step, second.view) == (0, "surface")
    assert isinstance(third, SampleRecord) and (third.step, third.view) == (0, "grid")
    assert isinstance(fourth, EvalRecord) and fourth.step == 0
    assert [record.step for record in steps_of(tiny_run)] == list(range(1, 61))
    evaluations = [record for record in tiny_run if isinstance(record, EvalRecord)]
    assert [record.step for record in evaluations] == [0, 60]
    assert tiny_run[-1] == Outcome("finished", 60)
    positions = [record.step for record in tiny_run]
    assert positions == sorted(positions)
    seconds = [record.seconds for record in (*evaluations, tiny_run[-1])]
    assert seconds == sorted(seconds) and seconds[0] > 0


def test_the_first_picture_comes_before_the_first_step():
    """Otherwise a student would look at an empty page while a slow network trains."""
    training = train(TINY, device="cpu")
    assert isinstance(next(training), SampleRecord)
    assert training.step == 0


BUNDLED = [name for name in DATASETS if name != "fashion_mnist"]


@pytest.mark.parametrize("dataset", BUNDLED)
def test_records_have_the_promised_shapes(dataset):
    """Otherwise gallery and charts could not draw them."""
    base = TINY_IMAGES if DATASETS[dataset].kind == "image" else TINY
    records = run(base.replace(dataset=dataset, steps=2))
    samples = views_of(records)["samples"]
    evaluations = [record for record in records if isinstance(record, EvalRecord)]
    names = {name for record in evaluations for name in record.metrics}
    of_d = {f"{what}_{part}" for what in ("accuracy", "score")
            for part in ("train", "held_out", "generated")} | {"overfit_gap", "r_v", "r_t"}
    both = {"modes", "modes_total", "kl_uniform", "quality_above_chance", "modes_supported",
            "modes_in_training", "mode_spread", "travel_g", "travel_d", *of_d}
    points = {"high_quality", "near_modes", "centre_distance", *both}
    images = {"class_entropy", "diversity", "frechet", "density", "coverage", "ndb",
              "nearest_train_ratio", "copying", "recognised", *both}
    if DATASETS[dataset].kind == "image":
        assert all(s.shape == (64, 28, 28) and s.dtype.name == "uint8" for s in samples)
        assert names == images
    else:
        assert all(s.shape == (2500, 2) and s.dtype.name == "float32" for s in samples)
        assert names == points
    for record in evaluations:
        assert len(record.histogram) == DATASETS[dataset].modes
        assert sum(record.histogram) == pytest.approx(1.0)
        assert record.metrics["modes_total"] == DATASETS[dataset].modes
        assert record.version == 2 and len(record.supported) == len(record.histogram)
        assert sum(record.training) == pytest.approx(1.0)


def test_time_between_records_is_not_training_time():
    """Otherwise steps per second would fall while the page draws."""
    slept, started = 0.0, time.perf_counter()
    for record in train(TINY.replace(steps=10), device="cpu"):
        time.sleep(0.02)
        slept += 0.02
        last = record
    assert last.seconds <= time.perf_counter() - started - slept


def test_warming_up_leaves_nothing_for_the_first_run(cpu):
    """Otherwise the first student waits for data and classifier."""
    trainer.warm_up(cpu)
    computed = metrics.image_reference.cache_info().misses
    run(TINY_IMAGES.replace(steps=1))
    assert metrics.image_reference.cache_info().misses == computed


def test_training_learns_the_ring():
    """The point of it all: a short run moves G's points from the middle out to the ring."""
    config = RunConfig(dataset="ring", learning_rate=1e-3, latent_dim=8, steps=300)
    pictures = views_of(run(config))["samples"]
    before, after = (
        abs((points**2).sum(1) ** 0.5 - 1).mean() for points in (pictures[0], pictures[-1])
    )
    assert before > 0.6 and after < 0.5 * before


# --- equal settings, equal runs ------------------------------------------------------------------

REPEATED = {
    "ring": TINY,
    "ring, everything": TINY.replace(**EVERYTHING, loss="minimax"),
    "ring, several updates": TINY.replace(
        discriminator_steps=2, generator_steps=2, learning_rate_ratio=0.2),
    "ring, odd batch": TINY.replace(batch_size=7),
    "grid": TINY.replace(dataset="grid", optimizer="sgd", learning_rate=0.01),
    "grid, rmsprop": TINY.replace(dataset="grid", optimizer="rmsprop", training_examples=500),
    "grid, bfloat16": TINY.replace(dataset="grid", precision="bfloat16", steps=20),
    "mnist": TINY_IMAGES,
    "mnist, everything": TINY_IMAGES.replace(**EVERYTHING, learning_rate_ratio=5),
    "mnist, reference": TINY_IMAGES.replace(architecture="mlp_reference"),
    "ring, penalties": TINY.replace(gradient_penalty=0.1, r1=0.1, r2=0.1, steps=20),
    "ring, packs": TINY.replace(packing=2, minibatch_stddev=True, ema=0.9, steps=20),
    "mnist, augmented": TINY_IMAGES.replace(augment=True, balanced_sampling=True,
                                            spectral_norm=True, input_noise=0.2,
                                            input_noise_steps=6, loss="relativistic"),
    "mnist, frozen": TINY_IMAGES.replace(architecture="mlp_reference", freeze_generator=5,
                                         dropout=0.2),
}
IN_FULL = ("ring", "mnist")  # evaluated on all samples


@pytest.mark.parametrize("name", REPEATED)
def test_the_same_config_gives_the_same_run(name, request):
    """Otherwise a shared link would show other pictures than the sender saw."""
    if name not in IN_FULL:
        request.getfixturevalue("quick_evaluations")
    random_state = torch.get_rng_state()
    torch.manual_seed(1)
    first = run(REPEATED[name])
    torch.manual_seed(2)  # whatever else the process draws is not the run's business
    second = run(REPEATED[name])
    torch.set_rng_state(random_state)
    assert comparable(first) == comparable(second)
    assert len(steps_of(first)) == REPEATED[name].steps


def test_another_seed_is_another_run(tiny_run):
    """Otherwise repeating over seeds would repeat the same run."""
    other = run(TINY.replace(seed=1))
    assert steps_of(other)[0] != steps_of(tiny_run)[0]


def test_steps_say_only_how_far_to_train(tiny_run):
    """Otherwise Continue would show another run than training further at once."""
    shorter = run(TINY.replace(steps=55))
    # All but the evaluation at its own end, and the outcome.
    records = [record for record in shorter[:-1]
               if record.step < 55 or isinstance(record, StepRecord)]
    assert comparable(records) == [entry for entry in comparable(tiny_run) if entry[0] <= 55]


@pytest.mark.gpu
@pytest.mark.parametrize("name", REPEATED)
def test_a_gpu_gives_the_same_run_twice(name):
    """Otherwise a class with a GPU server could not reproduce what it saw."""
    config = REPEATED[name].replace(steps=20)
    device = devices.pick_device("auto")
    assert device.type != "cpu"
    first, second = (list(train(config, device=device)) for _ in range(2))
    assert comparable(first) == comparable(second)
    assert len(steps_of(first)) == 20


# --- every setting acts --------------------------------------------------------------------------

CHANGED: list[dict] = [
    {"label_smoothing": 0.1}, {"input_noise": 0.1}, {"dropout": 0.4}, {"loss": "minimax"},
    {"fake_label_smoothing": 0.1}, {"label_flips": 0.1}, {"discriminator_beta1": 0.9},
    {"discriminator_optimizer": "sgd"}, {"discriminator_optimizer": "rmsprop"},
    {"learning_rate_ratio": 2.0}, {"beta1": 0.9}, {"beta2": 0.9}, {"optimizer": "sgd"},
    {"optimizer": "rmsprop"}, {"learning_rate": 1e-3}, {"batch_size": 16}, {"latent_dim": 5},
    {"training_examples": 100}, {"discriminator_steps": 2}, {"generator_steps": 2},
    {"dataset": "grid"}, {"seed": 1}, {"precision": "bfloat16"}, {"class_skew": 0.5},
    {"balanced_sampling": True}, {"folds": 5}, {"architecture": "pacgan_2d"}, {"width": 0.5},
    {"depth": 3}, {"discriminator_loss": "mean"}, {"update_order": "generator_first"},
    {"update_order": "simultaneous"}, {"input_noise": 0.1, "input_noise_steps": 5},
    {"packing": 2}, {"minibatch_stddev": True}, {"gradient_penalty": 1.0}, {"r1": 1.0},
    {"r2": 1.0}, {"weight_clip": 0.05}, {"gradient_clip": 0.1}, {"spectral_norm": True},
    {"freeze_generator": 5}, *({"loss": name} for name in LOSSES if name != TINY.loss),
]


def test_every_setting_changes_the_run(tiny_run, quick_evaluations):
    """Otherwise a slider would move and nothing would happen."""
    plain = steps_of(tiny_run)[9]
    without_effect = [changes for changes in CHANGED
                      if steps_of(run(TINY.replace(steps=10, **changes)))[9] == plain]
    assert not without_effect


CORNERS = {
    "batch_size": [4, 33, 64], "latent_dim": [1, 512], "optimizer": list(OPTIMIZERS),
    "loss": list(LOSSES), "dropout": [0.0, 0.8], "input_noise": [0.0, 1.0],
    "input_noise_steps": [0, 2], "beta1": [0.0, 0.99], "beta2": [0.0, 0.9999],
    "discriminator_optimizer": list(DISCRIMINATOR_OPTIMIZERS),
    "discriminator_beta1": [-1.0, 0.0, 0.99], "fake_label_smoothing": [0.0, 0.5],
    "label_flips": [0.0, 0.5], "label_smoothing": [0.0, 0.5],
    "discriminator_steps": [1, 10], "generator_steps": [1, 10],
    "update_order": list(UPDATE_ORDERS), "learning_rate_ratio": [0.01, 100.0],
    "learning_rate": [1e-6, 1e-3, 1.0], "packing": [1, 8], "minibatch_stddev": [False, True],
    "gradient_penalty": [0.0, 100.0], "r1": [0.0, 100.0], "r2": [0.0, 100.0],
    "weight_clip": [0.0, 0.001, 1.0], "gradient_clip": [0.0, 0.001, 100.0],
    "spectral_norm": [False, True], "ema": [0.0, 0.9999], "freeze_generator": [0, 1, 3],
    "architecture": ["mlp", "pacgan_2d"], "balanced_sampling": [False, True],
    "class_skew": [0.0, 0.99],
}


def corner(seed: int) -> RunConfig:
    """Ends of ranges at random, of those combinations that are allowed."""
    draw = random.Random(seed)
    while True:
        with contextlib.suppress(ConfigError):
            drawn = {name: draw.choice(values) for name, values in CORNERS.items()}
            return TINY.replace(steps=4, seed=seed, **drawn)


def test_the_ends_of_all_ranges_can_be_trained(quick_evaluations):
    """Whatever corner the sliders are pushed into, a run ends in a word, not in an exception."""
    for seed in range(20):
        *records, outcome = run(corner(seed))
        assert outcome.kind in ("finished", "diverged"), corner(seed)
        assert all(map(is_sound, steps_of(records))), corner(seed)


ALONE = {  # field -> value, each by itself
    "ema": 0.9, "gradient_penalty": 1.0, "r1": 1.0, "r2": 1.0, "weight_clip": 0.05,
    "gradient_clip": 1.0, "spectral_norm": True, "packing": 2, "minibatch_stddev": True,
    "augment": True, "input_noise": 0.1, "dropout": 0.3, "label_smoothing": 0.1,
    "fake_label_smoothing": 0.1, "label_flips": 0.1, "discriminator_optimizer": "rmsprop",
    "update_order": "simultaneous", "freeze_generator": 1, "discriminator_loss": "mean",
    "balanced_sampling": True,
}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_mechanism_trains_every_network_under_every_loss(architecture):
    """Otherwise a combination that a person can click would fail."""
    points = "image" not in ARCHITECTURES[architecture].kinds or architecture == "mlp"
    base = (TINY if points else TINY_IMAGES).replace(architecture=architecture, batch_size=4)
    for loss in LOSSES:
        allowed = 0
        for field, value in ALONE.items():
            with contextlib.suppress(ConfigError):
                config = base.replace(loss=loss, **{field: value})
                training = train(config, device="cpu")
                assert all(is_sound(step_of(training)) for _ in range(2)), (loss, field)
                generator = training.state.generator.network
                assert parameters(generator).isfinite().all(), (loss, field)
                allowed += 1
        assert allowed >= 11, loss


# --- changes in mid-run --------------------------------------------------------------------------


def test_until_its_change_a_run_is_the_one_without(tiny_run):
    """Otherwise a rescued run would not be the one that the viewer saw fail."""
    plain, rescued = comparable(tiny_run), comparable(run(TINY.changed(30, dropout=0.4)))
    before = [entry for entry in plain if entry[0] <= 30]
    assert [entry for entry in rescued if entry[0] <= 30] == before
    assert rescued[len(before):] != plain[len(before):]


CHANGES = {
    "learning_rate": 0.1, "learning_rate_ratio": 10.0, "discriminator_steps": 3,
    "generator_steps": 2, "loss": "hinge", "discriminator_loss": "mean", "dropout": 0.5,
    "label_smoothing": 0.3, "fake_label_smoothing": 0.3, "label_flips": 0.3, "input_noise": 0.5,
    "gradient_penalty": 1.0, "r1": 1.0, "r2": 1.0, "weight_clip": 0.01, "gradient_clip": 0.01,
    "update_order": "generator_first",
}


def test_every_change_takes_effect(quick_evaluations):
    """Otherwise a slider moved in mid-run would be drawn on the axis and change nothing."""
    able = {name for name, knob in KNOBS.items() if knob.mid_run}
    assert able - set(CHANGES) == {"augment"}  # of images alone
    short = TINY.replace(steps=14)
    plain = steps_of(run(short))
    for name, value in CHANGES.items():
        changed = steps_of(run(short.changed(10, **{name: value})))
        assert changed[:10] == plain[:10], name
        assert changed[10:] != plain[10:], name


def test_a_change_from_the_first_step_on_is_the_setting_itself():
    """Otherwise `@1` would mean something else than the slider."""
    changes = {"learning_rate": 0.01, "dropout": 0.5, "loss": "minimax"}
    changed = Trainer(TINY.changed(1, **changes), "cpu")
    changed.step = 1
    changed.train_step()
    straight = Trainer(TINY.replace(**changes), "cpu")
    straight.train_step()
    for ours, theirs in zip(
            networks_of(changed).values(), networks_of(straight).values(), strict=True):
        assert torch.equal(parameters(ours.network), parameters(theirs.network))


# --- failure is an outcome -----------------------------------------------------------------------

DIVERGING = TINY.replace(optimizer="sgd", learning_rate=1.0, learning_rate_ratio=0.01)


def test_a_diverging_run_ends_in_words():
    """NaN is a lesson to show: an outcome, after records that are all finite, and no exception."""
    *records, outcome = run(DIVERGING)
    assert outcome.kind == "diverged" and "infinite or NaN" in outcome.reason
    steps = steps_of(records)
    assert [record.step for record in steps] == list(range(1, outcome.step))
    assert all(map(is_sound, steps))
    pictures = [record for record in records if isinstance(record, SampleRecord)]
    assert all(record.step < outcome.step for record in pictures)


def test_a_run_diverges_at_one_step_however_far_it_was_asked_to_go(quick_evaluations):
    """Otherwise the same link with other steps would tell another story."""
    *_, outcome = run(DIVERGING)
    for steps in range(1, outcome.step + 2):
        *_, other = run(DIVERGING.replace(steps=steps))
        if steps >= outcome.step:
            assert other == outcome
        else:
            # At the last step before, the weights may be seen to be broken already.
            assert other in (Outcome("finished", steps), outcome)
