"""Evaluations and pictures of a run: when they come, and that they leave the run as it was."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import nn

from gan_core.config.run_config import RunConfig
from gan_core.data.datasets import scaled
from gan_core.evaluation import metrics
from gan_core.runs.records import EvalRecord, SampleRecord, StepRecord
from gan_core.training import trainer as trainer_module
from gan_core.training.evaluator import evaluation_due, evaluation_mode, samples_due
from gan_core.training.trainer import Trainer, train
from tests.support.runs import (
    EVERYTHING,
    IMAGE_MECHANISMS,
    MECHANISMS,
    TINY,
    TINY_IMAGES,
    comparable,
    is_sound,
    networks_of,
    run,
    steps_of,
    views_of,
)

BOTH_KINDS = pytest.mark.parametrize("base", [TINY, TINY_IMAGES], ids=["points", "images"])

# --- when ----------------------------------------------------------------------------------------


@BOTH_KINDS
def test_the_first_picture_waits_for_no_evaluation(base, monkeypatch):
    """Whoever presses Train would look at nothing for the time that the metrics of 2000 samples
    take."""
    trainer = train(base, device="cpu")
    monkeypatch.setattr(trainer.evaluator, "_evaluated", lambda samples: pytest.fail("evaluated"))
    made: list[int] = []
    trainer.state.generator.network.register_forward_pre_hook(
        lambda network, latents: made.append(len(latents[0])))
    first = next(trainer)
    assert (first.step, first.view) == (0, "samples")
    grid = len(trainer.evaluator.grid) if base is TINY else 0  # of points, where G takes latents
    assert sum(made) == len(first.samples) + grid


def test_evaluations_become_sparser_and_have_pictures():
    """Often while pictures change, seldom later; every evaluation has its picture beside it."""
    evaluated = [step for step in range(20_001) if evaluation_due(step)]
    pictured = [step for step in range(20_001) if samples_due(step)]
    assert evaluated[:4] == [0, 250, 500, 750]
    assert set(evaluated) <= set(pictured)
    for steps in (evaluated[1:], pictured):
        gaps = [after - before for before, after in pairwise(steps)]
        assert gaps == sorted(gaps)
    assert len(evaluated) < 50


def test_a_slow_network_is_seen_within_its_first_steps():
    """A network of half a second a step would show noise for half a minute, and the playback of a
    run that ends at step 100 would have three frames."""
    assert [step for step in range(201) if samples_due(step)] == [
        *range(0, 101, 10), 150, 200]


def test_fixed_latents_are_the_same_for_every_seed():
    """Otherwise two runs side by side would draw different z in the same square."""
    latents = [train(TINY.replace(seed=seed), device="cpu").evaluator.fixed_latents
               for seed in (0, 1)]
    assert torch.equal(*latents)
    assert latents[0].shape == (metrics.sample_count("points"), 4)


# --- evaluating changes nothing ------------------------------------------------------------------


@pytest.mark.parametrize("evaluated", ["never", "always"])
def test_evaluating_does_not_change_the_run(evaluated, monkeypatch, quick_evaluations):
    """Otherwise a run with more pictures would be another run."""
    plain = run(TINY)
    due = {"never": lambda step: False, "always": lambda step: True}[evaluated]
    monkeypatch.setattr(trainer_module, "evaluation_due", due)
    monkeypatch.setattr(trainer_module, "samples_due", due)
    records = run(TINY)
    assert steps_of(records) == steps_of(plain)
    pictures = len(views_of(records)["samples"])
    # Before the first step and after the last there is one in any case.
    assert pictures == {"never": 2, "always": 61}[evaluated]


def changed_by_evaluating(base: RunConfig, changes: dict, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether a run is another one if it is evaluated and pictured at every step."""
    config = base.replace(**changes)
    plain = steps_of(run(config))
    with monkeypatch.context() as patch:
        for name in ("evaluation_due", "samples_due"):
            patch.setattr(trainer_module, name, lambda step: True)
        return steps_of(run(config)) != plain


def test_evaluating_does_not_change_a_run_with_any_mechanism(monkeypatch, quick_evaluations):
    """Otherwise a run with a remedy would depend on how often it is shown."""
    base = TINY.replace(steps=8)
    assert [name for name, changes in MECHANISMS.items()
            if changed_by_evaluating(base, changes, monkeypatch)] == []


def test_evaluating_does_not_change_an_image_run(monkeypatch, quick_evaluations):
    """As above; BatchNorm's statistics, in D and in G, are where an evaluation could leave a trace,
    and dropout is switched off in it and on again."""
    base = TINY_IMAGES.replace(steps=5)
    mechanisms = {**IMAGE_MECHANISMS,
                  "everything": {"architecture": "mlp_reference", **EVERYTHING}}
    assert [name for name, changes in mechanisms.items()
            if changed_by_evaluating(base, changes, monkeypatch)] == []


# --- a broken network ----------------------------------------------------------------------------


def breaks_after_step(
    network: str, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From here on every run's weights become NaN after this step, which is then evaluated."""
    original = Trainer.train_step

    def breaking(self: Trainer) -> None:
        original(self)
        if self.step == step:
            fill_with_nan(networks_of(self)[network].network)

    monkeypatch.setattr(Trainer, "train_step", breaking)
    monkeypatch.setattr(trainer_module, "evaluation_due", lambda done: done in (0, step))


def fill_with_nan(network: nn.Module) -> None:
    with torch.no_grad():
        next(network.parameters()).fill_(math.nan)


@BOTH_KINDS
def test_a_broken_generator_is_not_evaluated(base, monkeypatch, quick_evaluations):
    """Finite losses, then an update that makes G's weights NaN, then an evaluation: its picture
    would be noise, and the Fréchet distance would raise instead of the run ending as diverged."""
    breaks_after_step("generator", 4, monkeypatch)
    *records, outcome = run(base.replace(steps=10))
    assert outcome.kind == "diverged" and outcome.step == 5
    assert [record.step for record in steps_of(records)] == [1, 2, 3, 4]
    assert all(record.step < 4 for record in records if not isinstance(record, StepRecord))


@pytest.mark.parametrize("broken", ["generator", "discriminator"])
def test_a_divergence_with_any_mechanism_is_an_outcome(broken, monkeypatch, quick_evaluations):
    """A remedy that fails must end in words as well, also where a network of NaN is evaluated."""
    breaks_after_step(broken, 4, monkeypatch)
    configs = {name: TINY.replace(steps=7, **changes) for name, changes in MECHANISMS.items()}
    configs["augmented"] = TINY_IMAGES.replace(steps=7, **IMAGE_MECHANISMS["augmented"])
    for name, config in configs.items():
        *records, outcome = run(config)
        assert (outcome.kind, outcome.step) == ("diverged", 5), name
        assert [record.step for record in steps_of(records)] == [1, 2, 3, 4], name
        assert all(map(is_sound, steps_of(records))), name


def evaluated_now(trainer: Trainer) -> list | None:
    return trainer.evaluator.records(
        trainer.step, pictures=True, evaluation=True, seconds=lambda: 0.0)


def break_generator(trainer: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_with_nan(trainer.state.generator.network)
    assert evaluated_now(trainer) is None


def fail_within(trainer: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(samples: torch.Tensor, kind: str) -> None:
        raise MemoryError

    monkeypatch.setattr(metrics, "sheet", fail)
    with pytest.raises(MemoryError):
        evaluated_now(trainer)


@pytest.mark.parametrize("interrupted", [break_generator, fail_within])
def test_networks_are_in_training_mode_again_whatever_happens(
    interrupted: Callable[[Trainer, pytest.MonkeyPatch], None], monkeypatch, quick_evaluations
):
    """Otherwise whoever trained on would do so without dropout, on BatchNorm's running statistics:
    after samples that are not finite, and after a failure amid an evaluation."""
    trainer = train(TINY.replace(architecture="pacgan_2d", dropout=0.4, ema=0.9), device="cpu")
    trainer.train_step()
    interrupted(trainer, monkeypatch)
    for network in networks_of(trainer).values():
        assert all(layer.training for layer in network.network.modules())
    assert not trainer.state.generator.averaged.training  # it is never trained


# --- score cards ---------------------------------------------------------------------------------


def cards_of(records: list) -> list[SampleRecord]:
    return [record for record in records if getattr(record, "view", "") == "cards"]


def evaluations_of(records: list) -> list[EvalRecord]:
    return [record for record in records if isinstance(record, EvalRecord)]


def test_cards_show_training_digits_above_unseen_ones(quick_evaluations):
    """A student would be told that D knows a digit by heart which it has never seen, or would look
    for the digit 3 among two ones."""
    trainer = train(TINY_IMAGES.replace(steps=1), device="cpu")
    data = trainer.state.data
    card, = cards_of(list(trainer))
    assert card.step == 0 and card.samples.shape == (2, 10, 28, 28)
    for shown, reals, labels in ((card.samples[0], data.train, data.labels),
                                 (card.samples[1], data.held_out, data.held_out_labels)):
        for digit, picture in enumerate(shown):
            first = labels.tolist().index(digit)
            assert (picture.reshape(-1) == reals[first].numpy()).all()


@pytest.mark.parametrize("loss", ["non_saturating", "wasserstein"])
def test_each_evaluation_tells_ds_scores_of_the_cards(loss, quick_evaluations):
    """The scores under the cards would be those of other images, or would contradict the curve of
    D's scores beside them."""
    trainer = train(TINY_IMAGES.replace(steps=3, loss=loss, dropout=0.4), device="cpu")
    records = list(trainer)
    for record in evaluations_of(records):
        assert len(record.scores_training) == len(record.scores_unseen) == 10
    last = evaluations_of(records)[-1]
    evaluator, generator = trainer.evaluator, trainer.state.generator.network
    with evaluation_mode(generator, trainer.state.discriminator.network), torch.no_grad():
        undecided = evaluator._undecided(generator(evaluator.fixed_latents))
        card, = cards_of(records)
        pictures = torch.from_numpy(card.samples).reshape(20, 784)
        scores = (evaluator.logits(scaled(pictures)) - undecided).sigmoid().flatten().tolist()
    assert [*last.scores_training, *last.scores_unseen] == pytest.approx(scores, abs=2e-3)
    assert len(set(scores)) > 10


@pytest.mark.parametrize("changes", [
    {"packing": 2}, {"minibatch_stddev": True}, {"training_examples": 10}])
def test_there_are_no_cards_where_no_score_is_an_images_own(changes, quick_evaluations):
    """A score that belongs to a pack would stand under a single image, or a digit that the training
    set lacks would be shown as one of it."""
    records = run(TINY_IMAGES.replace(steps=2, **changes))
    assert cards_of(records) == []
    assert {(e.scores_training, e.scores_unseen) for e in evaluations_of(records)} == {((), ())}


# --- the average of G ----------------------------------------------------------------------------


@pytest.mark.parametrize("base", [TINY.replace(steps=55), TINY_IMAGES], ids=["points", "images"])
def test_the_average_is_evaluated_beside_g_and_only_watches(base, quick_evaluations):
    """Otherwise nobody could compare the two, or asking for an average would change the run."""
    plain, records = run(base), run(base.replace(ema=0.9))
    assert steps_of(records) == steps_of(plain)
    evaluations, expected = ([record for record in each if isinstance(record, EvalRecord)]
                             for each in (records, plain))
    for record, without in zip(evaluations, expected, strict=True):
        of_g = {name: value for name, value in record.metrics.items() if name[:4] != "ema_"}
        assert of_g == without.metrics and record.histogram == without.histogram
        averaged = {name[4:] for name in record.metrics if name[:4] == "ema_"}
        assert averaged == {name for name in of_g if not metrics.is_about_discriminator(name)
                            and name not in ("travel_g", "travel_d", "modes_in_training")}
    assert evaluations[0].metrics["ema_modes"] == evaluations[0].metrics["modes"]  # untrained both
    pictures = [record for record in records if isinstance(record, SampleRecord)]
    raw, averaged = ([record for record in pictures if record.view == view]
                     for view in ("samples", "averaged"))
    assert [record.step for record in raw] == [record.step for record in averaged]
    assert comparable(raw) == comparable(
        record for record in plain if getattr(record, "view", "") == "samples")
    assert (raw[0].samples == averaged[0].samples).all()
    assert (raw[-1].samples != averaged[-1].samples).any()
