"""Checkpoints: a run that was stopped goes on as if nothing had happened."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
import torch

from gan_core.config.choices import OPTIMIZERS
from gan_core.config.run_config import RunConfig
from gan_core.training import devices
from gan_core.training.trainer import train
from tests.support.runs import (
    EVERYTHING,
    IMAGE_MECHANISMS,
    MECHANISMS,
    TINY,
    TINY_IMAGES,
    comparable,
    run,
    saved_and_loaded,
    steps_of,
)


def assert_goes_on(config: RunConfig, positions: Iterable[int] | None = None) -> None:
    """From between any two of its records, or from those before the `positions`."""
    trainer = train(config, device="cpu")
    whole, checkpoints = [], [trainer.checkpoint()]
    for record in trainer:
        whole.append(record)
        checkpoints.append(trainer.checkpoint())
    every = range(len(checkpoints))
    for position in every if positions is None else (every[at] for at in positions):
        checkpoint = saved_and_loaded(checkpoints[position])
        rest = run(config, resume_from=checkpoint)
        expected = whole[position:] or whole[-1:]  # a finished run says so again
        assert comparable(rest) == comparable(expected), position
        assert checkpoint["recorded"] == len(steps_of(whole[:position]))


RESUMED = {
    **{name: {"optimizer": name, **EVERYTHING} for name in OPTIMIZERS},
    "no momentum": {"optimizer": "sgd", "beta1": 0.0},
    "several updates": {"discriminator_steps": 3, "generator_steps": 2, "dropout": 0.2},
    "minimax": {"loss": "minimax", "input_noise": 0.3},
}


@pytest.mark.parametrize("name", RESUMED)
def test_a_run_goes_on_from_between_any_two_records(name, quick_evaluations):
    """Otherwise a run that was stopped, or whose worker died, would become another run."""
    positions = None if name == "adam" else (0, 1, 2, 9, 26, 27, 31, 33)
    assert_goes_on(TINY.replace(steps=30, **RESUMED[name]), positions)


@pytest.mark.parametrize("name", MECHANISMS)
def test_a_run_with_any_mechanism_goes_on(name, quick_evaluations):
    """Otherwise a run with a remedy, once stopped, would become another run. The positions lie
    amid evaluations, amid bursts, and at the freeze and before it."""
    assert_goes_on(TINY.replace(steps=32, **MECHANISMS[name]), (1, 5, 29, 30, -2))


IMAGES = {**IMAGE_MECHANISMS, "everything": {"architecture": "mlp_reference", **EVERYTHING}}


@pytest.mark.parametrize("name", IMAGES)
def test_image_runs_go_on(name, quick_evaluations):
    """BatchNorm's running statistics belong to the state, or pictures would change on Continue."""
    assert_goes_on(TINY_IMAGES.replace(steps=6, **IMAGES[name]), (1, 5, -3))


def test_a_full_evaluation_is_the_same_after_a_checkpoint():
    """Otherwise the metrics of a continued run could not be compared with the others."""
    assert_goes_on(TINY_IMAGES.replace(steps=2), (1, -3))


def test_a_run_goes_on_wherever_it_was_frozen(quick_evaluations):
    """The fresh D comes once: neither never nor again."""
    for at in range(1, 7):
        assert_goes_on(TINY.replace(steps=6, freeze_generator=at), range(9))


def test_continue_trains_further(tmp_path, quick_evaluations):
    """The button: a finished run goes on when more steps are asked for."""
    trainer = train(TINY.replace(steps=50), device="cpu")
    list(trainer)
    torch.save(trainer.checkpoint(), tmp_path / "checkpoint.pt")
    rest = run(TINY, resume_from=tmp_path / "checkpoint.pt")
    assert comparable(rest) == [entry for entry in comparable(run(TINY)) if entry[0] > 50]


def test_resuming_leaves_the_checkpoint_as_it_is(quick_evaluations):
    """Otherwise going on twice from one checkpoint would give two different runs."""
    trainer = train(TINY, device="cpu")
    for record in trainer:
        if record.step == 30:
            break
    checkpoint = trainer.checkpoint()
    first = comparable(run(TINY, resume_from=checkpoint))
    assert comparable(run(TINY, resume_from=checkpoint)) == first
    assert comparable(trainer) == first  # nor did the two disturb the run it was taken from


@pytest.mark.parametrize("averaged", [False, True])
def test_a_checkpoint_from_before_there_were_views_goes_on(averaged):
    """Otherwise runs that were stopped before an update would start over after it."""
    trainer = train(TINY.replace(steps=5), device="cpu")
    next(trainer)
    checkpoint = saved_and_loaded(trainer.checkpoint())
    picture = {"kind": "SampleRecord", "step": 0, "samples": torch.ones(3, 2), "averaged": averaged}
    resumed = train(trainer.config, device="cpu",
                    resume_from={**checkpoint, "waiting": [picture]})
    first = next(resumed)
    assert (first.step, first.view) == (0, "averaged" if averaged else "samples")
    assert first.samples.shape == (3, 2)


def test_seconds_go_on_counting():
    """Otherwise a continued run would seem to have cost nothing before."""
    trainer = train(TINY.replace(steps=20), device="cpu")
    *_, finished = trainer
    *_, resumed = run(TINY, resume_from=trainer.checkpoint())
    assert resumed.seconds > finished.seconds > 0


def test_a_diverged_run_stays_diverged(quick_evaluations):
    """Otherwise Continue would train networks of NaN."""
    diverging = TINY.replace(optimizer="sgd", learning_rate=1.0, learning_rate_ratio=0.01)
    trainer = train(diverging, device="cpu")
    *records, outcome = trainer
    assert outcome.kind == "diverged"
    checkpoint = saved_and_loaded(trainer.checkpoint())
    assert checkpoint["recorded"] == len(steps_of(records))
    assert run(diverging, resume_from=checkpoint) == [outcome]


# --- what is refused -----------------------------------------------------------------------------


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


def test_a_damaged_checkpoint_is_refused_in_one_sentence(tmp_path):
    """Whoever calls the trainer gets a KeyError, or what a torn byte led to, and no reason."""
    whole = train(TINY, device="cpu").checkpoint()
    torch.save(whole, tmp_path / "whole.pt")
    written = (tmp_path / "whole.pt").read_bytes()
    files = {"empty": b"", "torn": written[: len(written) // 2], "text": b"no checkpoint"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    damaged = [*(tmp_path / name for name in (*files, "missing")), {},
               {name: value for name, value in whole.items() if name != "optimizer_g"},
               {**whole, "generator": {}}, {**whole, "random": {}}]
    for source in damaged:
        with pytest.raises(ValueError, match=r"^the checkpoint [^\n]"):
            train(TINY, device="cpu", resume_from=source)


def test_a_rescue_goes_on_from_the_broken_runs_checkpoint(quick_evaluations):
    """Otherwise a change in mid-run would have to train everything before it once more."""
    rescued = TINY.changed(30, dropout=0.4)
    trainer = train(TINY.replace(steps=25), device="cpu")
    assert steps_of(list(trainer))[-1].step == 25
    checkpoint = saved_and_loaded(trainer.checkpoint())
    rest = run(rescued, resume_from=checkpoint)
    assert comparable(rest) == comparable(run(rescued))[-len(rest):]
    assert steps_of(rest)[0].step == 26
    whole = train(TINY, device="cpu")
    assert steps_of(list(whole))[-1].step > 30
    too_late = saved_and_loaded(whole.checkpoint())
    with pytest.raises(ValueError, match="another config"):
        train(rescued, device="cpu", resume_from=too_late)
    with pytest.raises(ValueError, match="another config"):
        train(TINY.changed(30, dropout=0.3, r1=0.1), device="cpu",
              resume_from=saved_and_loaded({**checkpoint, "digest": rescued.digest()}))


@pytest.mark.gpu
def test_a_gpu_run_goes_on():
    """Checkpoints pass through the CPU; random streams and optimisers must find their way back."""
    config = TINY.replace(**EVERYTHING)
    device = devices.pick_device("auto")
    trainer = train(config, device=device)
    whole, checkpoint = [], None
    for record in trainer:
        whole.append(record)
        if len(whole) == 30:
            checkpoint = saved_and_loaded(trainer.checkpoint())
    rest = train(config, device=device, resume_from=checkpoint)
    assert comparable(rest) == comparable(whole[30:])
