"""The training step: who is updated when and by what, and what D sees. By hand, in 64 bits."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from gan_core.config.choices import UPDATE_ORDERS
from gan_core.data import datasets
from gan_core.training import step
from gan_core.training.losses import Loss, Targets
from gan_core.training.trainer import Trainer, train
from tests.support.runs import (
    TINY,
    comparable,
    draws,
    last_gradients,
    networks_of,
    norm,
    parameters,
    run,
    step_of,
    steps_of,
)

pytestmark = pytest.mark.usefixtures("plain_step")

# --- who is updated when -------------------------------------------------------------------------

Draw = Callable[[], Tensor]
RATE = 0.5


def descend(network: nn.Module, *losses: Tensor) -> None:
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
        descend(d, d_loss(d, reals(), g(z).detach()))
    descend(g, g_loss(d, g(z)))  # the same latents, the updated D
    descend(g, g_loss(d, g(latents())))


def generator_first(g: nn.Module, d: nn.Module, reals: Draw, latents: Draw) -> None:
    descend(g, g_loss(d, g(latents())))
    fake = g(latents())
    before = fake.detach().clone()
    descend(g, g_loss(d, fake))
    descend(d, d_loss(d, reals(), before))  # samples of G as it was
    descend(d, d_loss(d, reals(), g(latents()).detach()))


def simultaneous(g: nn.Module, d: nn.Module, reals: Draw, latents: Draw) -> None:
    fake, old = g(latents()), copy.deepcopy(d)
    descend(d, d_loss(d, reals(), fake.detach()))
    descend(g, g_loss(old, fake))


ORDERS = {  # as `update_order` has them -> by hand, updates of each network in a step
    "discriminator_first": (discriminator_first, 2),
    "generator_first": (generator_first, 2),
    "simultaneous": (simultaneous, 1),
}


def copies_in_64_bits(trainer: Trainer) -> tuple[nn.Module, nn.Module]:
    """G and D as they are now."""
    g, d = (copy.deepcopy(each.network).double() for each in networks_of(trainer).values())
    return g, d


def test_every_order_has_a_step():
    """Otherwise an order could be chosen on a page whose run fails at its first step."""
    assert set(step.UPDATE_ORDERS) == set(UPDATE_ORDERS) == set(ORDERS) == set(PHASES_OF)


@pytest.mark.parametrize("order", ORDERS)
def test_updates_come_in_the_order_asked_for(order):
    """Otherwise a recipe of a paper would run under another paper's dynamics."""
    by_hand, updates = ORDERS[order]
    trainer = train(TINY.replace(
        update_order=order, discriminator_steps=updates, generator_steps=updates, beta1=0.0,
        optimizer="sgd", learning_rate=RATE), device="cpu")
    g, d = copies_in_64_bits(trainer)
    reals, latents = draws(trainer)
    for _ in range(3):
        trainer.train_step()
        by_hand(g, d, reals, latents)
    for ours, theirs in zip(networks_of(trainer).values(), (g, d), strict=True):
        assert torch.allclose(
            parameters(ours.network).double(), parameters(theirs), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("d_steps", "g_steps"), [(1, 1), (3, 1), (1, 2), (4, 3)])
def test_each_network_is_updated_as_often_as_asked(d_steps, g_steps):
    """Otherwise "three D steps" would be a label only. Adam counts its own updates."""
    config = TINY.replace(discriminator_steps=d_steps, generator_steps=g_steps, steps=5)
    trainer = train(config, device="cpu")
    assert len(steps_of(trainer)) == 5  # a step holds all updates of both
    for name, updates in (("discriminator", d_steps), ("generator", g_steps)):
        states = networks_of(trainer)[name].optimizer.state.values()
        assert {int(state["step"]) for state in states} == {5 * updates}, name


@pytest.mark.parametrize("idle", ["generator", "discriminator"])
def test_each_network_learns_from_its_own_update_only(idle, monkeypatch):
    """Otherwise G would be trained to please D's loss, or D to accept fakes."""
    trainer = train(TINY, device="cpu")
    networks = networks_of(trainer)
    before = {name: parameters(each.network) for name, each in networks.items()}
    monkeypatch.setattr(networks[idle].optimizer, "apply_gradients", lambda gradients: None)
    for _ in range(3):
        trainer.train_step()
    for name, each in networks.items():
        assert torch.equal(parameters(each.network), before[name]) is (name == idle), name


# --- the phases of a step ------------------------------------------------------------------------

OF_D = ["discriminator_forward", "discriminator_backward", "discriminator_optimizer"]
OF_G = ["generator_forward", "generator_backward", "generator_optimizer"]
MADE = ["generation"]

PHASES_OF = {  # of two updates of each network, one where both move at once
    "discriminator_first": [*MADE, *OF_D, *MADE, *OF_D, *OF_G, *MADE, *OF_G],
    "generator_first": [*MADE, *OF_G, *MADE, *OF_G, *OF_D, *MADE, *OF_D],
    "simultaneous": [*MADE, *OF_D[:2], *OF_G, OF_D[2]],
}


def phases(trainer: Trainer) -> list[str]:
    """Those that one step reports, in order."""
    ended: list[str] = []
    trainer.gan_step.on_phase_end = ended.append
    trainer.train_step()
    return ended


@pytest.mark.parametrize("order", PHASES_OF)
def test_phases_end_in_the_order_of_the_updates(order):
    """Otherwise the cost of a step would be booked on the wrong network. After a scheduled change
    of the loss as well: cost with a schedule once showed 0 ms for the forward passes."""
    updates = ORDERS[order][1]
    config = TINY.replace(update_order=order, discriminator_steps=updates, generator_steps=updates)
    trainer = train(config.changed(2, loss="hinge"), device="cpu")
    for step_number in range(4):
        assert phases(trainer) == [*PHASES_OF[order], "rest"], step_number
    assert trainer.settings.loss == "hinge"


def test_penalties_are_a_phase_of_their_own_between_ds_passes():
    """Otherwise their price would be D's, also where a change in mid-run brings them."""
    trainer = train(TINY.changed(1, r1=1.0, gradient_penalty=1.0), device="cpu")
    assert "penalty" not in phases(trainer)
    forward, *others = OF_D
    assert phases(trainer) == [*MADE, forward, "penalty", *others, *OF_G, "rest"]


def test_listening_to_phases_does_not_change_the_run():
    """Otherwise the cost would be that of another run."""
    config = TINY.replace(r1=1.0, gradient_clip=0.5)
    plain, timed = (train(config, device="cpu") for _ in range(2))
    for _ in range(3):
        plain.train_step()
        phases(timed)
    assert comparable(plain.fetch_burst()) == comparable(timed.fetch_burst())


# --- what D sees ---------------------------------------------------------------------------------


def inputs_of_d(trainer: Trainer) -> list[Tensor]:
    """Whatever D is given from here on, pass by pass."""
    inputs: list[Tensor] = []
    trainer.state.discriminator.network.register_forward_pre_hook(
        lambda network, arguments: inputs.append(arguments[0]))
    return inputs


def test_noise_is_added_to_everything_d_sees():
    """Noise on reals alone would be one more way to tell them apart."""
    trainer = train(TINY.replace(input_noise=0.5, batch_size=512), device="cpu")
    gan_step, inputs, zeros = trainer.gan_step, inputs_of_d(trainer), torch.zeros(512, 2)
    gan_step.score(gan_step.as_seen(zeros))
    gan_step.score(gan_step.as_seen(zeros))
    assert inputs[0].std().item() == pytest.approx(0.5, rel=0.1)  # 1024 values: ± 2 %
    assert not torch.equal(inputs[0], inputs[1])
    trainer.train_step()
    centres, sigma = trainer.state.data.centres, trainer.state.data.sigma
    distances = torch.cdist(inputs[2][:512], centres).amin(1)  # of the reals in D's update
    assert distances.mean() > 10 * sigma


@pytest.mark.parametrize(("steps", "share"), [(0, 1.0), (4, 0.6), (9, 0.1), (10, 0.0), (99, 0.0)])
def test_noise_fades_linearly(steps, share):
    """Otherwise D would meet clean pictures too early, or never."""
    trainer = train(TINY.replace(input_noise=0.5, input_noise_steps=10), device="cpu")
    trainer.gan_step.steps_done = steps
    seen = trainer.gan_step.as_seen(torch.zeros(4096, 2))
    assert seen.std().item() == pytest.approx(0.5 * share, rel=0.05)  # 8192 values: ± 0.8 %
    assert (share > 0) or not seen.any()


def test_a_pack_holds_neighbours_of_one_kind():
    """PacGAN's D scores m examples of one kind together; a mixed pack would teach it nothing."""
    trainer = train(TINY.replace(packing=2), device="cpu")
    inputs, (reals, _) = inputs_of_d(trainer), draws(trainer)
    trainer.train_step()
    of_d, of_g = inputs
    assert of_d.shape == (8, 4) and of_g.shape == (4, 4)
    assert torch.equal(of_d[:4], reals().float().reshape(4, 4))


def test_relativistic_g_meets_fresh_reals(monkeypatch):
    """Huang et al. draw new reals for G: D's own would be scored too well by a D just trained on
    them. They are scored by the updated D."""
    drawn, paired = [], []
    original = datasets.Dataset.batch
    monkeypatch.setattr(datasets.Dataset, "batch", lambda self, size, random: (
        drawn.append(original(self, size, random)) or drawn[-1]))
    trainer = train(TINY.replace(loss="relativistic"), device="cpu")
    loss = trainer.gan_step.settings.loss
    spied = Loss(loss.discriminator, lambda fake, real: (
        paired.append(real) or loss.generator(fake, real)), loss.centre, loss.pairs)
    trainer.gan_step.settings = dataclasses.replace(trainer.gan_step.settings, loss=spied)
    trainer.train_step()
    assert len(drawn) == 2 and not torch.equal(*drawn)
    assert torch.allclose(paired[0], trainer.state.discriminator.network(drawn[1]))


# --- what D is asked to say ----------------------------------------------------------------------


def targets_of(trainer: Trainer) -> list[Targets]:
    """The targets that every loss of D is given, filled while training goes on."""
    given: list[Targets] = []
    settings = trainer.gan_step.settings

    def remembering(real: Tensor, fake: Tensor, targets: Targets) -> Tensor:
        given.append(targets)
        return settings.loss.discriminator(real, fake, targets)

    spied = dataclasses.replace(settings.loss, discriminator=remembering)
    trainer.gan_step.settings = dataclasses.replace(settings, loss=spied)
    return given


@pytest.mark.parametrize(("changes", "a", "b"), [
    ({}, 1.0, 0.0), ({"label_smoothing": 0.1}, 0.9, 0.0), ({"fake_label_smoothing": 0.2}, 1.0, 0.2),
    ({"label_smoothing": 0.1, "fake_label_smoothing": 0.2}, 0.9, 0.2),
])
def test_each_smoothing_acts_on_its_own_side_of_ds_loss_alone(changes, a, b):
    """Otherwise a slider would smooth the other side, or G's loss too. The logits of a first step
    are the plain run's; for r of a real and f of a fake, D's loss is
    −[a log r + (1 − a) log(1 − r) + b log f + (1 − b) log(1 − f)]."""
    config = TINY.replace(update_order="simultaneous")  # G meets D as it was
    trainer = train(config.replace(**changes), device="cpu")
    inputs = inputs_of_d(trainer)
    _, d = copies_in_64_bits(trainer)
    smooth, plain = step_of(trainer), step_of(train(config, device="cpu"))
    assert (smooth.score_real, smooth.score_fake, smooth.loss_g) == (
        plain.score_real, plain.score_fake, plain.loss_g)
    r, f = d(inputs[0].double()).sigmoid().chunk(2)
    loss = -(a * r.log() + (1 - a) * (1 - r).log() + b * f.log() + (1 - b) * (1 - f).log()).mean()
    assert smooth.loss_d == pytest.approx(loss.item(), rel=1e-5)


def test_labels_are_flipped_by_the_runs_own_random_numbers():
    """Otherwise a share of flips would be another one, or the same labels flipped in each step.
    A number below the share flips the label of one pack, reals first."""
    config = TINY.replace(packing=2, label_flips=0.3, label_smoothing=0.1, fake_label_smoothing=0.2)
    trainer = train(config, device="cpu")
    noise = torch.Generator().set_state(trainer.state.draws.streams["noise"].get_state())
    given = targets_of(trainer)
    flipped = 0
    for _ in range(200):
        trainer.train_step()
        real, fake = (torch.rand(8, 1, generator=noise) < 0.3).chunk(2)
        assert torch.equal(given[-1].real, torch.where(real, 0.2, 0.9))
        assert torch.equal(given[-1].fake, torch.where(fake, 0.9, 0.2))
        flipped += int(real.sum() + fake.sum())
    assert flipped / 1600 == pytest.approx(0.3, abs=0.04)  # 3.5 standard deviations


@pytest.mark.parametrize("changes", [{}, {"label_smoothing": 0.1, "fake_label_smoothing": 0.2}])
def test_without_flips_no_random_number_is_drawn_for_labels(changes):
    """Otherwise runs from before there were flips would train to other numbers."""
    trainer = train(TINY.replace(**changes), device="cpu")
    given, stream = targets_of(trainer), trainer.state.draws.streams["noise"]
    before = stream.get_state()
    trainer.train_step()
    assert torch.equal(stream.get_state(), before)
    assert isinstance(given[0].real, float) and isinstance(given[0].fake, float)


# --- limits --------------------------------------------------------------------------------------


def test_gradients_are_shortened_and_recorded_as_they_were():
    """Otherwise the chart would show the limit instead of what it limits."""
    plain, limited = (train(TINY.replace(gradient_clip=limit), device="cpu")
                      for limit in (0.0, 1e-2))
    gradients = last_gradients(limited)
    unclipped, record = step_of(plain), step_of(limited)
    assert record.grad_norm_d == pytest.approx(unclipped.grad_norm_d, rel=1e-6)
    assert unclipped.grad_norm_d > 0.1 and record.grad_norm_g > 0.02
    for applied in gradients.values():
        assert norm(applied) == pytest.approx(1e-2, rel=1e-3)


def test_shorter_gradients_stay_as_they_are():
    """A limit is no normalisation."""
    config = TINY.replace(steps=5)
    assert steps_of(run(config.replace(gradient_clip=100.0))) == steps_of(run(config))


@pytest.mark.parametrize("order", ORDERS)
def test_weights_of_d_stay_within_their_limit(order):
    """Otherwise the critic would not be Lipschitz, and its loss would mean nothing."""
    config = TINY.replace(weight_clip=0.01, loss="wasserstein", learning_rate=0.01,
                          update_order=order)
    trainer = train(config, device="cpu")
    for _ in range(5):
        trainer.train_step()
        assert parameters(trainer.state.discriminator.network).abs().max() <= 0.01
    assert parameters(trainer.state.generator.network).abs().max() > 0.1


# --- penalties -----------------------------------------------------------------------------------


def input_norms(d: nn.Module, x: Tensor) -> Tensor:
    x = x.clone().requires_grad_()
    return torch.autograd.grad(d(x).sum(), x, create_graph=True)[0].norm(dim=1)


PENALTIES = {
    "r1": lambda d, real, fake, share: input_norms(d, real).square().mean() / 2,
    "r2": lambda d, real, fake, share: input_norms(d, fake).square().mean() / 2,
    "gradient_penalty": lambda d, real, fake, share: (
        (input_norms(d, (1 - share) * real + share * fake) - 1).square().mean()),
}


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("name", PENALTIES)
def test_penalties_are_recorded_apart_and_act(name, reduction):
    """Otherwise D's loss could not be compared with a plain run's, or the curve of the penalty
    would show something that does not act. Weight 3; D's gradient is that of both. An average of
    D's two terms leaves the penalty whole, as the papers have it."""
    config = TINY.replace(discriminator_loss=reduction, **{name: 3.0})
    trainer = train(config, device="cpu")
    g, d = copies_in_64_bits(trainer)
    (reals, latents), stream = draws(trainer), trainer.state.draws.streams["noise"].get_state()
    real, fake = reals(), g(latents()).detach()
    share = torch.rand(8, 1, generator=torch.Generator().set_state(stream)).double()
    penalty = 3 * PENALTIES[name](d, real, fake, share)
    loss = d_loss(d, real, fake) / (2 if reduction == "mean" else 1)
    expected = torch.autograd.grad(loss + penalty, list(d.parameters()), allow_unused=True)
    gradients = last_gradients(trainer)
    record = step_of(trainer)
    assert record.penalty == pytest.approx(penalty.item(), rel=1e-4)
    assert record.loss_d == pytest.approx(loss.item(), rel=1e-5)
    for ours, theirs in zip(gradients["discriminator"], expected, strict=True):
        assert torch.allclose(ours.double(), theirs, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("changes", [{}, {"r1": 1.0}, {"gradient_penalty": 1.0}], ids=str)
def test_penalties_keep_d_in_32_bits(changes):
    """Second derivatives in bfloat16 would be noise; G may go on in it."""
    trainer = train(TINY.replace(precision="bfloat16", **changes), device="cpu")
    kinds: dict[str, set] = {name: set() for name in networks_of(trainer)}
    for name, each in networks_of(trainer).items():
        each.network[0].register_forward_hook(
            lambda layer, inputs, output, name=name: kinds[name].add(output.dtype))
    record = step_of(trainer)
    assert kinds["generator"] == {torch.bfloat16}
    assert kinds["discriminator"] == {torch.float32 if changes else torch.bfloat16}
    assert (record.penalty > 0) is bool(changes)
