"""The trainer: equal settings give equal runs, stopped runs go on as if nothing had happened, and
what the curves show is what was measured.

Runs here are tiny, on points where nothing depends on images.
"""

from __future__ import annotations

import contextlib
import math
import random
import time
from itertools import pairwise

import pytest
import torch

from gan_core.config.choices import DATASETS, LOSSES, OPTIMIZERS, UPDATE_ORDERS
from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError
from gan_core.evaluation import metrics
from gan_core.runs.records import EvalRecord, Outcome, SampleRecord, StepRecord
from gan_core.system.processor import processor_name
from gan_core.training import devices, trainer
from gan_core.training.devices import DeviceError
from gan_core.training.losses import Loss
from gan_core.training.trainer import Training, evaluation_due, samples_due, train
from tests.support.runs import (
    EVERYTHING,
    TINY,
    TINY_IMAGES,
    gradients_kept,
    is_sound,
    norm,
    parameters,
    run,
    saved_and_loaded,
    steps_of,
    told,
    views_of,
)


@pytest.fixture(scope="session")
def tiny_run() -> list:
    return run(TINY)


# --- what comes out ------------------------------------------------------------------------------


def test_a_run_tells_its_whole_story(tiny_run):
    """A picture at once, one record for every step, an evaluation at both ends, an outcome last."""
    first, second, third = tiny_run[:3]
    assert isinstance(first, SampleRecord) and (first.step, first.view) == (0, "samples")
    assert isinstance(second, SampleRecord) and (second.step, second.view) == (0, "surface")
    assert isinstance(third, EvalRecord) and third.step == 0
    assert [record.step for record in steps_of(tiny_run)] == list(range(1, 61))
    evaluations = [r for r in tiny_run if isinstance(r, EvalRecord)]
    assert [r.step for r in evaluations] == [0, 60]
    assert tiny_run[-1] == Outcome("finished", 60)
    positions = [record.step for record in tiny_run]
    assert positions == sorted(positions)
    seconds = [r.seconds for r in (*evaluations, tiny_run[-1])]
    assert seconds == sorted(seconds) and seconds[0] > 0


@pytest.mark.parametrize("base", [TINY, TINY_IMAGES], ids=["points", "images"])
def test_the_first_picture_waits_for_no_evaluation(base, monkeypatch):
    """Whoever presses Train would look at nothing for the time that 2000 samples take, measured."""
    training = train(base, device="cpu")
    monkeypatch.setattr(training, "_rated", lambda samples: pytest.fail("measured"))
    passed = []
    training.generator.register_forward_pre_hook(lambda _, given: passed.append(len(given[0])))
    first = next(training)
    assert (first.step, first.view) == (0, "samples")
    assert sum(passed) == len(first.samples)


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
    names = {name for r in records if isinstance(r, EvalRecord) for name in r.metrics}
    judged = {f"{what}_{part}" for what in ("accuracy", "score")
              for part in ("train", "held_out", "generated")} | {"overfit_gap", "r_v", "r_t"}
    points = {"modes", "modes_total", "high_quality", "kl_uniform", *judged}
    images = {"modes", "modes_total", "class_entropy", "kl_uniform", "diversity", "frechet",
              "density", "coverage", "ndb", "nearest_train_ratio", "copying", *judged}
    if DATASETS[dataset].kind == "image":
        assert all(s.shape == (64, 28, 28) and s.dtype.name == "uint8" for s in samples)
        assert names == images
    else:
        assert all(s.shape == (2500, 2) and s.dtype.name == "float32" for s in samples)
        assert names == points
    for record in records:
        if isinstance(record, EvalRecord):
            assert len(record.histogram) == DATASETS[dataset].modes
            assert sum(record.histogram) == pytest.approx(1.0)
            assert record.metrics["modes_total"] == DATASETS[dataset].modes


# --- equal settings, equal runs ------------------------------------------------------------------

REPEATED = {
    "ring": TINY,
    "ring, everything": TINY.replace(**EVERYTHING, loss="minimax"),
    "ring, rounds": TINY.replace(discriminator_steps=2, generator_steps=2, learning_rate_ratio=0.2),
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


@pytest.mark.parametrize("name", REPEATED)
def test_the_same_config_gives_the_same_run(name):
    """Otherwise a shared link would show other pictures than the sender saw."""
    random_state = torch.get_rng_state()
    torch.manual_seed(1)
    first = run(REPEATED[name])
    torch.manual_seed(2)  # whatever else the process draws is not the run's business
    second = run(REPEATED[name])
    torch.set_rng_state(random_state)
    assert told(first) == told(second)
    assert len(steps_of(first)) == REPEATED[name].steps


def test_a_run_leaves_the_processes_random_numbers_alone():
    """Otherwise one run would change what another part of the process draws."""
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    run(TINY.replace(**EVERYTHING, steps=5))
    assert torch.equal(torch.rand(3), expected)


def test_another_seed_is_another_run(tiny_run):
    """Otherwise repeating over seeds would repeat the same run."""
    other = run(TINY.replace(seed=1))
    assert steps_of(other)[0] != steps_of(tiny_run)[0]


def test_fixed_latents_are_the_same_for_every_seed():
    """Otherwise two runs side by side would draw different z in the same square."""
    made = [train(TINY.replace(seed=seed), device="cpu").fixed_latents for seed in (0, 1)]
    assert torch.equal(*made)
    assert made[0].shape == (metrics.sample_count("points"), 4)


@pytest.mark.parametrize("watched", ["never", "always"])
def test_looking_does_not_change_the_run(watched, monkeypatch, tiny_run):
    """Otherwise a run with more pictures would be another run."""
    due = {"never": lambda step: False, "always": lambda step: True}[watched]
    monkeypatch.setattr(trainer, "evaluation_due", due)
    monkeypatch.setattr(trainer, "samples_due", due)
    records = run(TINY)
    assert steps_of(records) == steps_of(tiny_run)
    looks = len(views_of(records)["samples"])
    # Before the first step and after the last it looks in any case.
    assert looks == {"never": 2, "always": 61}[watched]


def test_looking_does_not_change_a_run_with_dropout_noise_and_batch_norm(monkeypatch):
    """Evaluation switches dropout off and BatchNorm to its running statistics, and back."""
    config = TINY_IMAGES.replace(architecture="mlp_reference", **EVERYTHING, steps=8)
    plain = run(config)
    monkeypatch.setattr(trainer, "samples_due", lambda step: True)
    assert steps_of(run(config)) == steps_of(plain)


@pytest.mark.parametrize("batch_size", [5, 7, 8])
@pytest.mark.parametrize(("burst", "seconds"), [(1, 9.0), (25, 0.0), (7, 9.0)])
def test_records_do_not_depend_on_the_clock(batch_size, burst, seconds, monkeypatch):
    """A slow machine reports sooner, in shorter bursts; the numbers must not show it."""
    config = TINY.replace(batch_size=batch_size, steps=30)
    monkeypatch.setattr(trainer, "BURST_SECONDS", 9.0)
    expected = steps_of(run(config))
    monkeypatch.setattr(trainer, "BURST", burst)
    monkeypatch.setattr(trainer, "BURST_SECONDS", seconds)
    assert steps_of(run(config)) == expected


def test_steps_say_only_how_far_to_look(tiny_run):
    """Otherwise Continue would show another run than training further at once."""
    shorter = run(TINY.replace(steps=55))
    longer = told(tiny_run)
    # All but the look at its own end, and the outcome.
    body = told(record for record in shorter[:-1]
                if record.step < 55 or isinstance(record, StepRecord))
    assert body == [entry for entry in longer if _step(entry) <= 55]


def _step(entry) -> int:
    return entry[0]


def test_looks_become_sparser_and_meet():
    """Often while pictures change, seldom later; every evaluation has its picture beside it."""
    evaluated = [step for step in range(20_001) if evaluation_due(step)]
    pictured = [step for step in range(20_001) if samples_due(step)]
    assert evaluated[:4] == [0, 250, 500, 750]
    assert set(evaluated) <= set(pictured)
    for made in (evaluated[1:], pictured):
        gaps = [after - before for before, after in pairwise(made)]
        assert gaps == sorted(gaps)
    assert len(evaluated) < 50


def test_time_between_records_is_not_training_time():
    """Otherwise steps per second would fall while the page draws."""
    slept, began = 0.0, time.perf_counter()
    for record in train(TINY.replace(steps=10), device="cpu"):
        time.sleep(0.02)
        slept += 0.02
        last = record
    assert last.seconds <= time.perf_counter() - began - slept


# --- going on ------------------------------------------------------------------------------------

RESUMED = {
    **{name: TINY.replace(optimizer=name, steps=30, **EVERYTHING) for name in OPTIMIZERS},
    "no momentum": TINY.replace(optimizer="sgd", beta1=0.0, steps=30),
    "rounds": TINY.replace(discriminator_steps=3, generator_steps=2, steps=30, dropout=0.2),
    "minimax": TINY.replace(loss="minimax", steps=30, input_noise=0.3),
}


@pytest.mark.parametrize("name", RESUMED)
def test_a_run_goes_on_from_between_any_two_records(name):
    """Otherwise a run that was stopped, or whose worker died, would become another run."""
    training = train(RESUMED[name], device="cpu")
    whole, checkpoints = [], [training.checkpoint()]
    for record in training:
        whole.append(record)
        checkpoints.append(training.checkpoint())
    positions = range(len(checkpoints)) if name == "adam" else (0, 1, 2, 9, 26, 27, 31, 33)
    for position in positions:
        checkpoint = saved_and_loaded(checkpoints[position])
        rest = run(RESUMED[name], resume_from=checkpoint)
        expected = whole[position:] or whole[-1:]  # a finished run says so again
        assert told(rest) == told(expected), position
        assert checkpoint["recorded"] == len(steps_of(whole[:position]))


def test_image_runs_go_on_as_well():
    """BatchNorm's running statistics belong to the state, or pictures would change on Continue."""
    config = TINY_IMAGES.replace(architecture="mlp_reference", **EVERYTHING, steps=6)
    training = train(config, device="cpu")
    whole, checkpoints = [], []
    for record in training:
        whole.append(record)
        checkpoints.append(training.checkpoint())
    for position in (0, 1, 4, len(whole) - 2):  # amid looks and amid a burst
        rest = run(config, resume_from=saved_and_loaded(checkpoints[position]))
        assert told(rest) == told(whole[position + 1 :])


def test_continue_trains_further(tiny_run, tmp_path):
    """The button: a finished run goes on when more steps are asked for."""
    training = train(TINY.replace(steps=50), device="cpu")
    list(training)
    torch.save(training.checkpoint(), tmp_path / "checkpoint.pt")
    rest = run(TINY, resume_from=tmp_path / "checkpoint.pt")
    expected = [entry for entry in told(tiny_run) if _step(entry) > 50]
    assert told(rest) == expected


def test_resuming_leaves_the_checkpoint_as_it_is():
    """Otherwise going on twice from one checkpoint would give two different runs."""
    training = train(TINY, device="cpu")
    for record in training:
        if record.step == 30:
            break
    checkpoint = training.checkpoint()
    first = told(run(TINY, resume_from=checkpoint))
    assert told(run(TINY, resume_from=checkpoint)) == first
    assert told(training) == first  # nor did the two disturb the run it was taken from


@pytest.mark.parametrize("averaged", [False, True])
def test_a_checkpoint_from_before_there_were_views_goes_on(averaged):
    """Otherwise runs that were stopped before an update would start over after it."""
    training = train(TINY.replace(steps=5), device="cpu")
    next(training)
    checkpoint = saved_and_loaded(training.checkpoint())
    picture = {"kind": "SampleRecord", "step": 0, "samples": torch.ones(3, 2), "averaged": averaged}
    resumed = train(training.config, device="cpu",
                    resume_from={**checkpoint, "waiting": [picture]})
    first = next(resumed)
    assert (first.step, first.view) == (0, "averaged" if averaged else "samples")
    assert first.samples.shape == (3, 2)


def test_seconds_go_on_counting():
    """Otherwise a continued run would seem to have cost nothing before."""
    training = train(TINY.replace(steps=20), device="cpu")
    *_, finished = training
    *_, resumed = run(TINY, resume_from=training.checkpoint())
    assert resumed.seconds > finished.seconds > 0


@pytest.mark.parametrize("changes", [{"seed": 1}, {"dropout": 0.1}, {"loss": "minimax"}])
def test_a_checkpoint_of_another_config_is_refused(changes):
    """Otherwise a run would silently continue somebody else's networks."""
    checkpoint = train(TINY, device="cpu").checkpoint()
    with pytest.raises(ValueError, match="another config"):
        train(TINY.replace(**changes), device="cpu", resume_from=checkpoint)
    with pytest.raises(ValueError, match="another config"):
        train(TINY, device="cpu", resume_from={})


def test_a_checkpoint_of_another_device_is_refused_by_name():
    """Random streams differ between kinds of devices: going on would be another run."""
    checkpoint = {**train(TINY, device="cpu").checkpoint(), "device": "cuda"}
    with pytest.raises(ValueError, match="made on cuda, this device is cpu"):
        train(TINY, device="cpu", resume_from=checkpoint)


# --- one step ------------------------------------------------------------------------------------


def stepped(**changes) -> Training:
    """A training after its first step."""
    training = train(TINY.replace(**changes), device="cpu")
    training.train_step()
    return training


def test_step_records_by_hand():
    """Otherwise the curves would not be what their captions say. Recomputed in 64 bits from the
    logits the losses saw, and from the gradients that moved the networks."""
    config = TINY.replace(steps=1, learning_rate=1e-3)
    training = train(config, device="cpu")
    seen, gradients = {}, gradients_kept(training)

    def keep_d(real, fake, smoothing):
        seen.update(real=real.detach().double(), fake=fake.detach().double())
        return original.discriminator(real, fake, smoothing)

    def keep_g(fake, real):
        seen.update(judged=fake.detach().double())
        return original.generator(fake, real)

    original, training.loss = training.loss, Loss(keep_d, keep_g)
    record = steps_of(training)[0]
    real, fake, judged = seen["real"], seen["fake"], seen["judged"]
    expected = {
        "loss_d": -(real.sigmoid().log().mean() + (1 - fake.sigmoid()).log().mean()),
        "loss_g": -judged.sigmoid().log().mean(),
        "accuracy_real": (real > 0).double().mean(),
        "accuracy_fake": (fake < 0).double().mean(),
        "score_real": real.sigmoid().mean(),
        "score_fake": fake.sigmoid().mean(),
        "saturation_minimax": judged.sigmoid().mean(),
        "saturation_non_saturating": (-judged).sigmoid().mean(),
    }
    for name, value in expected.items():
        assert getattr(record, name) == pytest.approx(value.item(), rel=1e-5), name
    assert record.grad_norm_d == pytest.approx(norm(gradients["discriminator"]), rel=1e-5)
    assert record.grad_norm_g == pytest.approx(norm(gradients["generator"]), rel=1e-5)
    assert real.shape == fake.shape == judged.shape == (8, 1)
    assert not torch.equal(fake, judged)  # G is judged by the updated D


@pytest.mark.parametrize(("ratio", "faster"), [(5.0, "discriminator"), (0.2, "generator")])
def test_the_ratio_reaches_the_right_network(ratio, faster):
    """Otherwise the main slider would speed up the wrong network. Plain SGD: the first step is
    rate × gradient, and equal settings have equal gradients."""
    plain = {"optimizer": "sgd", "beta1": 0.0, "learning_rate": 1e-3}
    start = train(TINY.replace(**plain), device="cpu")
    once, faster_run = stepped(**plain), stepped(**plain, learning_rate_ratio=ratio)
    for network, optimizer in (("discriminator", "optimizer_d"), ("generator", "optimizer_g")):
        expected = 5.0 if network == faster else 1.0
        rates = [getattr(t, optimizer).param_groups[0]["lr"] for t in (once, faster_run)]
        assert rates[1] / rates[0] == pytest.approx(expected)

    def moved(network: str) -> float:
        origin = parameters(getattr(start, network))
        first, second = (parameters(getattr(t, network)) - origin for t in (once, faster_run))
        return (second.norm() / first.norm()).item()

    if faster == "discriminator":
        assert moved("discriminator") == pytest.approx(5.0, rel=1e-3)
    else:  # D moved as before, and so judged the same fakes alike
        assert moved("discriminator") == 1.0
        assert moved("generator") == pytest.approx(5.0, rel=1e-3)


@pytest.mark.parametrize(("d_steps", "g_steps"), [(1, 1), (3, 1), (1, 2), (4, 3)])
def test_rounds_update_each_network_as_often_as_asked(d_steps, g_steps):
    """Otherwise "three D steps" would be a label only. Adam counts its own updates."""
    config = TINY.replace(discriminator_steps=d_steps, generator_steps=g_steps, steps=5)
    training = train(config, device="cpu")
    assert len(steps_of(training)) == 5  # a step is a round
    for optimizer, updates in ((training.optimizer_d, d_steps), (training.optimizer_g, g_steps)):
        counted = {int(state["step"]) for state in optimizer.state.values()}
        assert counted == {5 * updates}


@pytest.mark.parametrize("idle", ["optimizer_g", "optimizer_d"])
def test_each_network_learns_from_its_own_step_only(idle, monkeypatch):
    """Otherwise G would be trained to please D's loss, or D to accept fakes."""
    training = train(TINY, device="cpu")
    before = {name: parameters(getattr(training, name)) for name in ("generator", "discriminator")}
    monkeypatch.setattr(getattr(training, idle), "step", lambda: None)
    for _ in range(3):
        training.train_step()
    still, moving = ("generator", "discriminator")[:: 1 if idle == "optimizer_g" else -1]
    assert torch.equal(parameters(getattr(training, still)), before[still])
    assert not torch.equal(parameters(getattr(training, moving)), before[moving])


@pytest.mark.parametrize(
    "changes",
    [{"label_smoothing": 0.1}, {"input_noise": 0.1}, {"dropout": 0.4}, {"loss": "minimax"},
     {"learning_rate_ratio": 2.0}, {"beta1": 0.9}, {"beta2": 0.9}, {"optimizer": "sgd"},
     {"optimizer": "rmsprop"}, {"learning_rate": 1e-3}, {"batch_size": 16}, {"latent_dim": 5},
     {"training_examples": 100}, {"discriminator_steps": 2}, {"generator_steps": 2},
     {"dataset": "grid"}, {"seed": 1}, {"precision": "bfloat16"}, {"class_skew": 0.5},
     {"balanced_sampling": True}, {"folds": 5}, {"architecture": "pacgan_2d"}, {"width": 0.5},
     {"depth": 3}, {"discriminator_loss": "mean"}, {"update_order": "generator_first"},
     {"update_order": "simultaneous"}, {"input_noise": 0.1, "input_noise_steps": 5},
     {"packing": 2}, {"minibatch_stddev": True}, {"gradient_penalty": 1.0}, {"r1": 1.0},
     {"r2": 1.0}, {"weight_clip": 0.05}, {"gradient_clip": 0.1}, {"spectral_norm": True},
     {"freeze_generator": 5}, *({"loss": name} for name in LOSSES if name != TINY.loss)],
    ids=str,
)
def test_every_setting_changes_the_run(changes, tiny_run):
    """Otherwise a slider would move and nothing would happen."""
    changed = steps_of(run(TINY.replace(steps=10, **changes)))
    assert changed[9] != steps_of(tiny_run)[9]


def test_label_smoothing_acts_on_reals_only():
    """One-sided: the logits of the first step are the plain run's, its loss is
    −[.9 log D(x) + .1 log(1 − D(x)) + log(1 − D(G(z)))]."""
    plain, smooth = (
        steps_of(run(TINY.replace(steps=1, label_smoothing=s, learning_rate=1e-6)))[0]
        for s in (0.0, 0.1)
    )
    assert plain.score_real == smooth.score_real and plain.score_fake == smooth.score_fake
    assert plain.loss_d != smooth.loss_d


def test_noise_is_added_to_everything_d_sees():
    """Noise on reals alone would be one more way to tell them apart."""
    training = train(TINY.replace(input_noise=0.5, batch_size=512), device="cpu")
    seen = []
    training.discriminator.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    zeros = torch.zeros(512, 2)
    training.judge(training.seen(zeros))
    training.judge(training.seen(zeros))
    assert seen[0].std().item() == pytest.approx(0.5, rel=0.1)  # 1024 values: ± 2 %
    assert not torch.equal(seen[0], seen[1])
    training.train_step()
    centres, sigma = training.data.centres, training.data.sigma
    away = torch.cdist(seen[2][:512], centres).amin(1)  # the reals of D's step
    assert away.mean() > 10 * sigma


def test_batches_come_from_the_training_examples_only():
    """Otherwise "1000 images" would train on all of them, and D could not overfit."""
    training = train(TINY.replace(training_examples=20, batch_size=64), device="cpu")
    seen = []
    training.discriminator.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    for _ in range(3):
        training.train_step()
    allowed = {tuple(row) for row in training.data.train.tolist()}
    assert len(allowed) == 20
    reals = torch.cat([x[:64] for x in seen[::2]])  # D's step sees reals first, then fakes
    assert {tuple(row) for row in reals.tolist()} == allowed


CORNERS = {
    "batch_size": [4, 33, 64], "latent_dim": [1, 512], "optimizer": list(OPTIMIZERS),
    "loss": list(LOSSES), "dropout": [0.0, 0.8], "input_noise": [0.0, 1.0],
    "input_noise_steps": [0, 2], "beta1": [0.0, 0.99], "beta2": [0.0, 0.9999],
    "label_smoothing": [0.0, 0.5], "discriminator_steps": [1, 10], "generator_steps": [1, 10],
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


@pytest.mark.parametrize("seed", range(20))
def test_the_ends_of_all_ranges_can_be_trained(seed):
    """Whatever corner the sliders are pushed into, a run ends in a word, not in an exception."""
    *records, outcome = run(corner(seed))
    assert outcome.kind in ("finished", "diverged")
    assert all(map(is_sound, steps_of(records)))


def test_training_learns_the_ring():
    """The point of it all: a short run moves G's points from the middle out to the ring."""
    config = RunConfig(dataset="ring", learning_rate=1e-3, latent_dim=8, steps=300)
    pictures = views_of(run(config))["samples"]
    before, after = (
        abs((points**2).sum(1) ** 0.5 - 1).mean() for points in (pictures[0], pictures[-1])
    )
    assert before > 0.6 and after < 0.5 * before


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


def test_a_run_diverges_at_one_step_however_far_it_was_asked_to_go():
    """Otherwise the same link with other steps would tell another story."""
    *_, outcome = run(DIVERGING)
    for steps in range(1, outcome.step + 2):
        *_, other = run(DIVERGING.replace(steps=steps))
        if steps >= outcome.step:
            assert other == outcome
        else:
            # At the last step before, the weights may be seen to be broken already.
            assert other in (Outcome("finished", steps), outcome)


@pytest.mark.parametrize("base", [TINY, TINY_IMAGES], ids=["points", "images"])
def test_a_broken_generator_is_not_evaluated(base, monkeypatch):
    """Finite losses, then an update that makes G's weights NaN, then a look: its picture would be
    noise, and the Fréchet distance would raise instead of the run ending as diverged."""
    original = Training.train_step

    def poisoned(self):
        original(self)
        if self.step == 4:
            with torch.no_grad():
                next(self.generator.parameters()).fill_(math.nan)

    monkeypatch.setattr(Training, "train_step", poisoned)
    monkeypatch.setattr(trainer, "evaluation_due", lambda step: step in (0, 4))
    *records, outcome = run(base.replace(steps=10))
    assert outcome.kind == "diverged" and outcome.step == 5
    assert [record.step for record in steps_of(records)] == [1, 2, 3, 4]
    assert all(r.step < 4 for r in records if not isinstance(r, StepRecord))


def test_a_diverged_run_stays_diverged():
    """Otherwise Continue would train networks of NaN."""
    training = train(DIVERGING, device="cpu")
    *records, outcome = training
    checkpoint = saved_and_loaded(training.checkpoint())
    assert checkpoint["recorded"] == len(steps_of(records))
    assert run(DIVERGING, resume_from=checkpoint) == [outcome]


# --- devices and precision -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gpu", "cuda:99", "cpu:x", "tpu", "cuda:-1", " "])
def test_a_device_that_is_not_there_is_refused_by_name(name):
    """Otherwise a typo in a setting would surface as an error inside torch."""
    with pytest.raises(DeviceError) as refusal:
        train(TINY, device=name)
    assert repr(name) in str(refusal.value)


def test_the_cpu_is_always_there():
    """Otherwise the app would not run on a plain laptop."""
    assert devices.pick_device("cpu") == torch.device("cpu")
    assert devices.pick_device().type in ("cpu", "cuda", "mps")
    assert devices.device_name(torch.device("cpu")) == f"{processor_name()} CPU, 1 thread"


def test_precision_is_what_was_asked_for(monkeypatch, cpu):
    """auto means bfloat16 only where the processor multiplies it, since emulation is slower, and
    not for 2-D points, whose small layers it does not speed up."""
    images, points = (base.replace(precision="auto") for base in (TINY_IMAGES, TINY))
    for name, there in (("present", True), ("absent", False)):
        monkeypatch.setattr(
            torch.cpu, "_is_avx512_bf16_supported", lambda there=there: there, raising=False)
        for config, expected in ((images, there), (points, False)):
            assert devices.use_bfloat16(config, cpu) is expected, name
            assert devices.use_bfloat16(config.replace(precision="bfloat16"), cpu) is True
            assert devices.use_bfloat16(config.replace(precision="float32"), cpu) is False


@pytest.mark.parametrize("base", [TINY, TINY_IMAGES], ids=["points", "images"])
def test_bfloat16_trains_with_weights_and_records_in_32_bits(base):
    """Otherwise half of the machines would train something else, or nothing."""
    training = train(base.replace(precision="bfloat16", steps=5, dropout=0.3), device="cpu")
    assert training.bfloat16
    gradients = gradients_kept(training)
    *records, outcome = training
    assert outcome.kind == "finished"
    for name in ("generator", "discriminator"):
        weights = getattr(training, name).parameters()
        assert {tensor.dtype for tensor in (*weights, *gradients[name])} == {torch.float32}
    assert training.generate(training.latents()).dtype == torch.float32
    full = steps_of(run(base.replace(precision="float32", steps=5, dropout=0.3)))
    close, exact = steps_of(records)[0], full[0]
    assert close != exact  # it did run in fewer bits
    assert close.loss_d == pytest.approx(exact.loss_d, rel=0.05)  # bfloat16 keeps 8 bits


def test_warming_up_leaves_nothing_for_the_first_run(cpu):
    """Otherwise the first student waits for data and classifier."""
    trainer.warm_up(cpu)
    computed = metrics.image_reference.cache_info().misses
    run(TINY_IMAGES.replace(steps=1))
    assert metrics.image_reference.cache_info().misses == computed


@pytest.mark.gpu
@pytest.mark.parametrize("name", REPEATED)
def test_a_gpu_gives_the_same_run_twice(name):
    """Otherwise a class with a GPU server could not reproduce what it saw."""
    config = REPEATED[name].replace(steps=20)
    device = devices.pick_device("auto")
    assert device.type != "cpu"
    first, second = (list(train(config, device=device)) for _ in range(2))
    assert told(first) == told(second)
    assert len(steps_of(first)) == 20


@pytest.mark.gpu
def test_a_gpu_run_goes_on():
    """Checkpoints pass through the CPU; random streams and optimisers must find their way back."""
    config = TINY.replace(**EVERYTHING)
    device = devices.pick_device("auto")
    training = train(config, device=device)
    whole, checkpoint = [], None
    for record in training:
        whole.append(record)
        if len(whole) == 30:
            checkpoint = saved_and_loaded(training.checkpoint())
    assert told(train(config, device=device, resume_from=checkpoint)) == told(whole[30:])
