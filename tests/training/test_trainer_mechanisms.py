"""What a run can have beyond the plain game: penalties, limits, orders of updates, what D sees, an
average of G, a frozen G. Each does what its paper says, and none breaks what the trainer promises.
"""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Callable, Iterable

import pytest
import torch
from torch import Tensor, nn

from gan_core.config.choices import ARCHITECTURES, LOSSES
from gan_core.config.fields import KNOBS
from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError
from gan_core.data import datasets
from gan_core.evaluation import metrics
from gan_core.runs.records import EvalRecord, SampleRecord, StepRecord
from gan_core.training import trainer
from gan_core.training.losses import Loss
from gan_core.training.trainer import Training, train
from tests.support.runs import (
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
)

MECHANISMS = {
    "average": {"ema": 0.9},
    "gradient penalty": {"gradient_penalty": 0.1, "loss": "wasserstein"},
    "R1 and R2": {"r1": 0.1, "r2": 0.1, "loss": "relativistic"},
    "weight clip": {"weight_clip": 0.05, "loss": "wasserstein", "optimizer": "rmsprop"},
    "gradient clip": {"gradient_clip": 0.1},
    "spectral norm": {"spectral_norm": True, "loss": "hinge"},
    "packs": {"packing": 2},
    "PacGAN": {"packing": 2, "architecture": "pacgan_2d", "update_order": "simultaneous"},
    "stddev": {"minibatch_stddev": True},
    "fading noise": {"input_noise": 0.2, "input_noise_steps": 20},
    "least squares": {"loss": "least_squares", "dropout": 0.2},
    "G first": {"update_order": "generator_first", "generator_steps": 2, "discriminator_steps": 2},
    "simultaneous": {"update_order": "simultaneous", "discriminator_loss": "mean"},
    "frozen": {"freeze_generator": 3, "dropout": 0.2, "architecture": "pacgan_2d"},
    "frozen with average": {"freeze_generator": 27, "ema": 0.9, "spectral_norm": True},
    "balanced": {"balanced_sampling": True, "class_skew": 0.9},
    "scheduled": {"schedule": "@20 dropout=0.4 learning_rate=0.01 discriminator_steps=2 "
                              "@30 loss=hinge r1=0.1 @47 loss=least_squares input_noise=0.2"},
    "scheduled and frozen": {"freeze_generator": 27, "schedule": "@27 learning_rate_ratio=10.0"},
}
IMAGE_MECHANISMS = {
    "augmented": {"augment": True, "balanced_sampling": True, "class_skew": 0.5},
    "frozen": {"freeze_generator": 3, "architecture": "mlp_reference", "ema": 0.9},
    "DCGAN": {"architecture": "dcgan_reference", "dropout": 0.25, "loss": "relativistic"},
}


def stepped(training: Training) -> StepRecord:
    """One step and its record, without a look."""
    training.train_step()
    record, = training._measure()
    return record


@pytest.fixture
def quick_looks(monkeypatch):
    """Otherwise nearly all of the time would go into thousands of pictures."""
    monkeypatch.setattr(metrics, "sample_count", lambda kind: 64)
    monkeypatch.setattr(metrics, "JUDGED", 96)


# --- the trainer's promises ----------------------------------------------------------------------


def assert_goes_on(config: RunConfig, positions: Iterable[int]) -> None:
    training = train(config, device="cpu")
    whole, checkpoints = [], [training.checkpoint()]
    for record in training:
        whole.append(record)
        checkpoints.append(training.checkpoint())
    for position in (at % len(checkpoints) for at in positions):
        checkpoint = saved_and_loaded(checkpoints[position])
        rest = run(config, resume_from=checkpoint)
        assert told(rest) == told(whole[position:]), position
        assert checkpoint["recorded"] == len(steps_of(whole[:position]))


@pytest.mark.parametrize("name", MECHANISMS)
def test_a_run_goes_on_from_between_any_two_records(name):
    """Otherwise a run with a remedy, once stopped, would become another run. The positions lie
    amid looks, amid bursts, and at the freeze and before it."""
    assert_goes_on(TINY.replace(steps=32, **MECHANISMS[name]), (1, 5, 29, 30, -2))


@pytest.mark.parametrize("name", IMAGE_MECHANISMS)
def test_image_runs_go_on_from_between_any_two_records(name, quick_looks):
    """As above, with what only images have."""
    assert_goes_on(TINY_IMAGES.replace(steps=6, **IMAGE_MECHANISMS[name]), (1, 5, -3))


@pytest.mark.parametrize("at", range(1, 7))
def test_a_run_goes_on_wherever_it_was_frozen(at):
    """The fresh D comes once: neither never nor again."""
    assert_goes_on(TINY.replace(steps=6, freeze_generator=at), range(9))


@pytest.mark.parametrize("name", MECHANISMS)
def test_looking_does_not_change_the_run(name, monkeypatch):
    """Otherwise a run with more pictures would be another run."""
    config = TINY.replace(steps=8, **MECHANISMS[name])
    plain = steps_of(run(config))
    monkeypatch.setattr(trainer, "evaluation_due", lambda step: True)
    assert steps_of(run(config)) == plain


@pytest.mark.parametrize("name", IMAGE_MECHANISMS)
def test_looking_does_not_change_an_image_run(name, monkeypatch, quick_looks):
    """As above; BatchNorm's statistics, in D and in G, are where a look could leave a trace."""
    config = TINY_IMAGES.replace(steps=5, **IMAGE_MECHANISMS[name])
    plain = steps_of(run(config))
    monkeypatch.setattr(trainer, "samples_due", lambda step: True)
    assert steps_of(run(config)) == plain


@pytest.mark.parametrize("changes", [
    {"loss": "wasserstein"}, {"loss": "relativistic", "batch_size": 6, "packing": 3},
    {"loss": "least_squares", "batch_size": 7}, {"freeze_generator": 12},
    {"freeze_generator": 1, "loss": "wasserstein", "batch_size": 5}, {"r1": 1.0},
], ids=str)
@pytest.mark.parametrize(("burst", "seconds"), [(1, 9.0), (25, 0.0), (7, 9.0)])
def test_records_do_not_depend_on_the_clock(changes, burst, seconds, monkeypatch):
    """A slow machine reports in shorter bursts. Where only differences of logits count they are
    measured from the batch's own middle, and a frozen G is measured by other numbers."""
    config = TINY.replace(steps=30, **changes)
    monkeypatch.setattr(trainer, "BURST_SECONDS", 9.0)
    expected = steps_of(run(config))
    monkeypatch.setattr(trainer, "BURST", burst)
    monkeypatch.setattr(trainer, "BURST_SECONDS", seconds)
    assert steps_of(run(config)) == expected


@pytest.mark.parametrize("broken", ["generator", "discriminator"])
@pytest.mark.parametrize(("base", "changes"), [
    *((TINY, changes) for changes in MECHANISMS.values()),
    (TINY_IMAGES, IMAGE_MECHANISMS["augmented"]),
], ids=[*MECHANISMS, "augmented"])
def test_a_divergence_is_an_outcome(base, changes, broken, monkeypatch):
    """A remedy that fails must end in words as well, also where a network of NaN is looked at."""
    original = Training.train_step

    def poisoned(self):
        original(self)
        if self.step == 4:
            with torch.no_grad():
                next(getattr(self, broken).parameters()).fill_(math.nan)

    monkeypatch.setattr(Training, "train_step", poisoned)
    monkeypatch.setattr(trainer, "evaluation_due", lambda step: step in (0, 4))
    *records, outcome = run(base.replace(steps=7, **changes))
    assert outcome.kind == "diverged" and outcome.step == 5
    assert [record.step for record in steps_of(records)] == [1, 2, 3, 4]
    assert all(map(is_sound, steps_of(records)))


SINGLE = {  # field -> value, alone
    "ema": 0.9, "gradient_penalty": 1.0, "r1": 1.0, "r2": 1.0, "weight_clip": 0.05,
    "gradient_clip": 1.0, "spectral_norm": True, "packing": 2, "minibatch_stddev": True,
    "augment": True, "input_noise": 0.1, "dropout": 0.3, "label_smoothing": 0.1,
    "update_order": "simultaneous", "freeze_generator": 1, "discriminator_loss": "mean",
    "balanced_sampling": True,
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_mechanism_trains_every_network_under_every_loss(loss, architecture):
    """Otherwise a combination that a person can click would fail."""
    points = "image" not in ARCHITECTURES[architecture].kinds or architecture == "mlp"
    base = (TINY if points else TINY_IMAGES).replace(
        loss=loss, architecture=architecture, batch_size=4)
    allowed = 0
    for field, value in SINGLE.items():
        with contextlib.suppress(ConfigError):
            config = base.replace(**{field: value})
            training = train(config, device="cpu")
            assert all(is_sound(stepped(training)) for _ in range(2)), field
            assert parameters(training.generator).isfinite().all(), field
            allowed += 1
    assert allowed >= 11


# --- an average of G -----------------------------------------------------------------------------


def test_the_average_is_what_it_is_called():
    """mean ← d·mean + (1 − d)·weights with d = min(ema, (1 + t) / (10 + t)) after step t, counted
    here in 64 bits; ema = ½ is reached at t = 8. Buffers are copied."""
    training = train(TINY.replace(architecture="pacgan_2d", ema=0.5), device="cpu")
    mean = parameters(training.generator).double()
    assert torch.equal(parameters(training.averaged).double(), mean)
    for t in range(1, 13):
        training.train_step()
        decay = min(0.5, (1 + t) / (10 + t))
        mean = decay * mean + (1 - decay) * parameters(training.generator).double()
        assert torch.allclose(parameters(training.averaged).double(), mean, rtol=1e-5, atol=1e-8)
    assert not torch.equal(parameters(training.averaged), parameters(training.generator))
    buffers = [dict(network.named_buffers()) for network in (training.averaged, training.generator)]
    assert buffers[0].keys() == buffers[1].keys() and buffers[0]
    assert all(torch.equal(buffers[0][name], buffers[1][name]) for name in buffers[0])


@pytest.mark.parametrize("base", [TINY.replace(steps=55), TINY_IMAGES], ids=["points", "images"])
def test_the_average_is_measured_beside_g_and_only_watches(base):
    """Otherwise nobody could compare the two, or asking for an average would change the run."""
    plain, records = run(base), run(base.replace(ema=0.9))
    assert steps_of(records) == steps_of(plain)
    evaluations, expected = ([r for r in made if isinstance(r, EvalRecord)]
                             for made in (records, plain))
    for found, without in zip(evaluations, expected, strict=True):
        own = {name: value for name, value in found.metrics.items() if name[:4] != "ema_"}
        assert own == without.metrics and found.histogram == without.histogram
        averaged = {name[4:] for name in found.metrics if name[:4] == "ema_"}
        assert averaged == {name for name in own if not metrics.is_about_discriminator(name)}
    assert evaluations[0].metrics["ema_modes"] == evaluations[0].metrics["modes"]  # untrained both
    pictures = [r for r in records if isinstance(r, SampleRecord)]
    raw, averaged = ([r for r in pictures if r.view == view] for view in ("samples", "averaged"))
    assert [r.step for r in raw] == [r.step for r in averaged]
    assert told(raw) == told(r for r in plain if getattr(r, "view", "") == "samples")
    assert (raw[0].samples == averaged[0].samples).all()
    assert (raw[-1].samples != averaged[-1].samples).any()


# --- what D sees ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("step", "share"), [(0, 1.0), (4, 0.6), (9, 0.1), (10, 0.0), (99, 0.0)])
def test_noise_fades_linearly(step, share):
    """Otherwise D would meet clean pictures too early, or never."""
    training = train(TINY.replace(input_noise=0.5, input_noise_steps=10), device="cpu")
    training.step = step
    seen = training.seen(torch.zeros(4096, 2))
    assert seen.std().item() == pytest.approx(0.5 * share, rel=0.05)  # 8192 values: ± 0.8 %
    assert (share > 0) or not seen.any()


def test_relativistic_g_meets_fresh_reals(monkeypatch):
    """Huang et al. draw new reals for G: D's own would be judged too well by a D just trained on
    them. They are judged by the updated D."""
    drawn, paired = [], []
    original = datasets.Dataset.batch
    monkeypatch.setattr(datasets.Dataset, "batch", lambda self, size, random: (
        drawn.append(original(self, size, random)) or drawn[-1]))
    training = train(TINY.replace(loss="relativistic"), device="cpu")
    loss = training.loss
    training.loss = Loss(loss.discriminator, lambda fake, real: (
        paired.append(real) or loss.generator(fake, real)), loss.centre, loss.pairs)
    training.train_step()
    assert len(drawn) == 2 and not torch.equal(*drawn)
    assert torch.allclose(paired[0], training.discriminator(drawn[1]))


# --- who moves when ------------------------------------------------------------------------------

Draw = Callable[[], Tensor]
RATE = 0.5


def moved(network: nn.Module, *losses: Tensor) -> None:
    """Plain gradient descent, written out."""
    gradients = torch.autograd.grad(sum(losses), list(network.parameters()))
    with torch.no_grad():
        for parameter, gradient in zip(network.parameters(), gradients, strict=True):
            parameter -= RATE * gradient


def d_loss(d: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    return -(d(real).sigmoid().log().mean() + (1 - d(fake).sigmoid()).log().mean())


def g_loss(d: nn.Module, fake: Tensor) -> Tensor:
    return -d(fake).sigmoid().log().mean()


def discriminator_first(g: nn.Module, d: nn.Module, reals: Draw, latents: Draw) -> None:
    for _ in range(2):
        z = latents()
        moved(d, d_loss(d, reals(), g(z).detach()))
    moved(g, g_loss(d, g(z)))  # the same latents, the updated D
    moved(g, g_loss(d, g(latents())))


def generator_first(g: nn.Module, d: nn.Module, reals: Draw, latents: Draw) -> None:
    moved(g, g_loss(d, g(latents())))
    fake = g(latents())
    before = fake.detach().clone()
    moved(g, g_loss(d, fake))
    moved(d, d_loss(d, reals(), before))  # samples of G as it was
    moved(d, d_loss(d, reals(), g(latents()).detach()))


def simultaneous(g: nn.Module, d: nn.Module, reals: Draw, latents: Draw) -> None:
    fake, old = g(latents()), copy.deepcopy(d)
    moved(d, d_loss(d, reals(), fake.detach()))
    moved(g, g_loss(old, fake))


ORDERS = {  # as `update_order` has them -> by hand, updates of each network in a round
    "discriminator_first": (discriminator_first, 2),
    "generator_first": (generator_first, 2),
    "simultaneous": (simultaneous, 1),
}


@pytest.mark.parametrize("order", ORDERS)
def test_updates_come_in_the_order_asked_for(order):
    """Otherwise a recipe of a paper would run under another paper's dynamics. By hand, 64 bits."""
    by_hand, updates = ORDERS[order]
    training = train(TINY.replace(
        update_order=order, discriminator_steps=updates, generator_steps=updates, beta1=0.0,
        optimizer="sgd", learning_rate=RATE), device="cpu")
    g, d = (copy.deepcopy(network).double()
            for network in (training.generator, training.discriminator))
    reals, latents = draws(training)
    for _ in range(3):
        training.train_step()
        by_hand(g, d, reals, latents)
    for ours, theirs in ((training.generator, g), (training.discriminator, d)):
        assert torch.allclose(parameters(ours).double(), parameters(theirs), rtol=1e-4, atol=1e-6)


def draws(training: Training) -> tuple[Draw, Draw]:
    """What draws the reals and latents that the training will, from streams of their own."""
    batches, stream = (torch.Generator().set_state(training.random[name].get_state())
                       for name in ("batches", "latents"))
    size, dim = training.config.batch_size, training.config.latent_dim
    return (lambda: training.data.batch(size, batches).double(),
            lambda: torch.randn(size, dim, generator=stream).double())


# --- limits --------------------------------------------------------------------------------------


def test_gradients_are_shortened_and_recorded_as_they_were():
    """Otherwise the chart would show the limit instead of what it limits."""
    plain, limited = (train(TINY.replace(gradient_clip=limit), device="cpu")
                      for limit in (0.0, 1e-2))
    gradients = gradients_kept(limited)
    raw, record = stepped(plain), stepped(limited)
    assert record.grad_norm_d == pytest.approx(raw.grad_norm_d, rel=1e-6) and raw.grad_norm_d > 0.1
    assert record.grad_norm_g > 0.02
    for moved_by in gradients.values():
        assert norm(moved_by) == pytest.approx(1e-2, rel=1e-3)


def test_shorter_gradients_stay_as_they_are():
    """A limit is no normalisation."""
    config = TINY.replace(steps=5)
    assert steps_of(run(config.replace(gradient_clip=100.0))) == steps_of(run(config))


@pytest.mark.parametrize("order", ["discriminator_first", "generator_first", "simultaneous"])
def test_weights_of_d_stay_within_their_limit(order):
    """Otherwise the critic would not be Lipschitz, and its loss would mean nothing."""
    config = TINY.replace(weight_clip=0.01, loss="wasserstein", learning_rate=0.01,
                          update_order=order)
    training = train(config, device="cpu")
    for _ in range(5):
        training.train_step()
        assert parameters(training.discriminator).abs().max() <= 0.01
    assert parameters(training.generator).abs().max() > 0.1


def norms(d: nn.Module, x: Tensor) -> Tensor:
    x = x.clone().requires_grad_()
    return torch.autograd.grad(d(x).sum(), x, create_graph=True)[0].norm(dim=1)


PENALTIES = {
    "r1": lambda d, real, fake, share: norms(d, real).square().mean() / 2,
    "r2": lambda d, real, fake, share: norms(d, fake).square().mean() / 2,
    "gradient_penalty": lambda d, real, fake, share: (
        (norms(d, (1 - share) * real + share * fake) - 1).square().mean()),
}


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("name", PENALTIES)
def test_penalties_are_recorded_apart_and_act(name, reduction):
    """Otherwise D's loss could not be compared with a plain run's, or the curve of the penalty
    would show something that does not act. By hand, 64 bits, weight 3; D's gradient is that of
    both. An average of D's two terms leaves the penalty whole, as the papers have it."""
    config = TINY.replace(discriminator_loss=reduction, **{name: 3.0})
    training = train(config, device="cpu")
    g, d = (copy.deepcopy(network).double()
            for network in (training.generator, training.discriminator))
    (reals, latents), stream = draws(training), training.random["noise"].get_state()
    real, fake = reals(), g(latents()).detach()
    share = torch.rand(8, 1, generator=torch.Generator().set_state(stream)).double()
    penalty = 3 * PENALTIES[name](d, real, fake, share)
    loss = d_loss(d, real, fake) / (2 if reduction == "mean" else 1)
    gradient = torch.autograd.grad(loss + penalty, list(d.parameters()), allow_unused=True)
    gradients = gradients_kept(training)
    record = stepped(training)
    assert record.penalty == pytest.approx(penalty.item(), rel=1e-4)
    assert record.loss_d == pytest.approx(loss.item(), rel=1e-5)
    for ours, theirs in zip(gradients["discriminator"], gradient, strict=True):
        assert torch.allclose(ours.double(), theirs, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("changes", [{}, {"r1": 1.0}, {"gradient_penalty": 1.0}], ids=str)
def test_penalties_keep_d_in_32_bits(changes):
    """Second derivatives in bfloat16 would be noise; G may go on in it."""
    training = train(TINY.replace(precision="bfloat16", **changes), device="cpu")
    kinds: dict[str, set] = {"generator": set(), "discriminator": set()}
    for name, found in kinds.items():
        getattr(training, name)[0].register_forward_hook(
            lambda layer, inputs, output, found=found: found.add(output.dtype))
    record = stepped(training)
    assert kinds["generator"] == {torch.bfloat16}
    assert kinds["discriminator"] == {torch.float32 if changes else torch.bfloat16}
    assert (record.penalty > 0) is bool(changes)


# --- a G that stands still -----------------------------------------------------------------------

FROZEN = TINY.replace(freeze_generator=20, steps=30, dropout=0.2)


def test_until_the_freeze_it_is_the_run_without_one():
    """Otherwise the frozen G would not be the one that the student has just watched."""
    plain, frozen = (run(FROZEN.replace(freeze_generator=at)) for at in (0, 20))
    assert told(frozen)[:22] == told(plain)[:22]  # two looks and twenty steps
    steps = steps_of(frozen)
    for before in steps[:20]:
        assert math.isnan(before.grad_norm_minimax)
        assert math.isnan(before.grad_norm_non_saturating)
    for after, other in zip(steps[20:], steps_of(plain)[20:], strict=True):
        assert after.grad_norm_minimax > 0 and after.grad_norm_non_saturating > 0
        assert after.grad_norm_g == after.grad_norm_non_saturating  # the loss that trains
        assert after.loss_d != other.loss_d


def test_a_frozen_g_does_not_move_and_d_is_fresh():
    """Arjovsky & Bottou's figure 2 is about a D that knows nothing yet. BatchNorm's statistics
    belong to G as much as its weights."""
    config = FROZEN.replace(freeze_generator=3, architecture="pacgan_2d")
    training = train(config, device="cpu")
    first = parameters(training.discriminator)
    for _ in range(3):
        training.train_step()
    still, known = copy.deepcopy(training.generator.state_dict()), parameters(
        training.discriminator)
    training.train_step()
    fresh = parameters(training.discriminator)
    assert {int(state["step"]) for state in training.optimizer_d.state.values()} == {1}
    for old in (first, known):  # four steps of 2e-4 away at most, if it were not another draw
        assert (fresh - old).abs().mean() > 0.01
    for _ in range(4):
        training.train_step()
    assert all(torch.equal(still[name], value)
               for name, value in training.generator.state_dict().items())
    assert training.generator.training


@pytest.mark.parametrize("loss", ["minimax", "least_squares"])
def test_norms_of_a_frozen_g_are_its_gradients(loss):
    """Otherwise the curve that is the point of the experiment would show something else. By
    autograd, in 64 bits, on the last latents of the step."""
    training = train(TINY.replace(freeze_generator=2, loss=loss), device="cpu")
    for _ in range(4):
        stepped(training)
    _, latents = draws(training)
    latents()  # D's
    z = latents()
    record = stepped(training)
    g, d = (copy.deepcopy(network).double()
            for network in (training.generator, training.discriminator))
    centre = {"minimax": 0.0, "least_squares": 0.5}[loss]  # where D is undecided
    expected = {
        "grad_norm_minimax": lambda s: (1 - (s - centre).sigmoid()).log().mean(),
        "grad_norm_non_saturating": lambda s: -(s - centre).sigmoid().log().mean(),
        "grad_norm_g": {"minimax": lambda s: (1 - s.sigmoid()).log().mean(),
                        "least_squares": lambda s: ((s - 1) ** 2).mean() / 2}[loss],
    }
    for name, value in expected.items():
        gradients = torch.autograd.grad(value(d(g(z))), list(g.parameters()))
        norm = math.sqrt(sum(gradient.square().sum() for gradient in gradients))
        assert getattr(record, name) == pytest.approx(norm, rel=1e-4), name


def test_the_minimax_gradient_vanishes_and_the_other_grows():
    """Arjovsky & Bottou (2017), figures 2 and 3, in small: what the page on vanishing gradients is
    about. Measured by us: 0.19 → 0.005 and 0.19 → above 1 within a hundred steps of D."""
    config = TINY_IMAGES.replace(batch_size=32, freeze_generator=10)
    training = train(config, device="cpu")
    records = [stepped(training) for _ in range(130)]
    early, late = records[10:15], records[-5:]
    mean = lambda rows, name: sum(getattr(row, name) for row in rows) / len(rows)  # noqa: E731
    assert mean(late, "grad_norm_minimax") < mean(early, "grad_norm_minimax") / 10
    assert mean(late, "grad_norm_non_saturating") > 2 * mean(early, "grad_norm_non_saturating")


# --- changes in mid-run --------------------------------------------------------------------------


def test_until_its_change_a_run_is_the_one_without():
    """Otherwise a rescued run would not be the one that the viewer saw fail."""
    plain, rescued = run(TINY), run(TINY.changed(30, dropout=0.4))
    before = [record for record in told(plain) if record[0] <= 30]
    assert [record for record in told(rescued) if record[0] <= 30] == before
    assert told(rescued)[len(before):] != told(plain)[len(before):]


CHANGES = {
    "learning_rate": 0.1, "learning_rate_ratio": 10.0, "discriminator_steps": 3,
    "generator_steps": 2, "loss": "hinge", "discriminator_loss": "mean", "dropout": 0.5,
    "label_smoothing": 0.3, "input_noise": 0.5, "gradient_penalty": 1.0, "r1": 1.0, "r2": 1.0,
    "weight_clip": 0.01, "gradient_clip": 0.01, "update_order": "generator_first",
}


def test_every_change_is_tried():
    """Otherwise a knob could be offered in mid-run and do nothing."""
    able = {name for name, knob in KNOBS.items() if knob.mid_run}
    assert able - set(CHANGES) == {"augment"}  # of images alone


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_takes_effect(name):
    """Otherwise a slider moved in mid-run would be drawn on the axis and change nothing."""
    short = TINY.replace(steps=14)
    plain, changed = (steps_of(run(config))
                      for config in (short, short.changed(10, **{name: CHANGES[name]})))
    assert changed[:10] == plain[:10]
    assert changed[10:] != plain[10:]


def test_a_change_from_the_first_step_on_is_the_setting_itself():
    """Otherwise `@1` would mean something else than the slider."""
    begun = Training(TINY.changed(1, learning_rate=0.01, dropout=0.5, loss="minimax"), "cpu")
    begun.step = 1
    begun.train_step()
    straight = Training(TINY.replace(learning_rate=0.01, dropout=0.5, loss="minimax"), "cpu")
    straight.train_step()
    assert torch.equal(parameters(begun.discriminator), parameters(straight.discriminator))
    assert torch.equal(parameters(begun.generator), parameters(straight.generator))


def test_a_rescue_goes_on_from_the_broken_runs_checkpoint():
    """Otherwise a change in mid-run would have to train everything before it once more."""
    rescued = TINY.changed(30, dropout=0.4)
    training, checkpoint = train(TINY, device="cpu"), None
    for record in training:
        if isinstance(record, StepRecord) and record.step == 25:
            checkpoint = saved_and_loaded(training.checkpoint())
    rest = run(rescued, resume_from=checkpoint)
    assert told(rest) == told(run(rescued))[-len(rest):] and steps_of(rest)[0].step == 26
    too_late = saved_and_loaded(training.checkpoint())
    with pytest.raises(ValueError, match="another config"):
        train(rescued, device="cpu", resume_from=too_late)
    with pytest.raises(ValueError, match="another config"):
        train(TINY.changed(30, dropout=0.3, r1=0.1), device="cpu",
              resume_from=saved_and_loaded({**checkpoint, "digest": rescued.digest()}))
