"""Losses: values and gradients the pages explain, against hand calculation and autograd.

Goodfellow et al. (2014): D minimises −[log D(x) + log(1 − D(G(z)))], G minimises
log(1 − D(G(z))) (minimax) or −log D(G(z)) (non-saturating), with D = σ(logit). Mao et al. (2017):
targets 0 and 1 for the output itself. Lim & Ye (2017): a margin of 1. Arjovsky et al. (2017): the
difference of means. Jolicoeur-Martineau (2019): σ of the difference of a real and a fake logit.
"""

from __future__ import annotations

import math
from itertools import product

import pytest
import torch
from torch import Tensor

from gan_core.config import choices
from gan_core.training.losses import LOSSES, Targets, cross_entropy

LN2 = math.log(2)
CENTRED = [name for name in LOSSES if LOSSES[name].centre is not None]
UNCENTRED = [name for name in LOSSES if LOSSES[name].centre is None]
# ½ (s − 1)² has no bound on its derivative, and pulls a logit that is beyond its target back.
MONOTONE = [name for name in LOSSES if name != "least_squares"]
WITH_TARGETS = [name for name in LOSSES if choices.LOSSES[name].targets]
PLAIN = Targets()


def sigma(s: float) -> float:
    return 1 / (1 + math.exp(-s))


def column(*values: float, grad: bool = False) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).reshape(-1, 1).requires_grad_(grad)


def both(name: str, real: Tensor, fake: Tensor, targets: Targets) -> Tensor:
    return (LOSSES[name].discriminator(real, fake, targets)
            + LOSSES[name].generator(fake, real))


def slopes(name: str, real: float, fake: float) -> tuple[float, float, float]:
    """∂L_D/∂real, ∂L_D/∂fake and ∂L_G/∂fake for one real and one fake logit."""
    r, f = column(real, grad=True), column(fake, grad=True)
    of_d = torch.autograd.grad(LOSSES[name].discriminator(r, f, PLAIN), [r, f])
    of_g = torch.autograd.grad(LOSSES[name].generator(f, r.detach()), f)
    return tuple(slope.item() for slope in (*of_d, *of_g))


# Of one real and one fake logit; a is the target of reals, b that of fakes.
DISCRIMINATORS = {
    "cross_entropy": lambda r, f, a, b: -(
        a * math.log(sigma(r)) + (1 - a) * math.log(1 - sigma(r))
        + b * math.log(sigma(f)) + (1 - b) * math.log(1 - sigma(f))),
    "least_squares": lambda r, f, a, b: ((r - a) ** 2 + (f - b) ** 2) / 2,
    "hinge": lambda r, f, a, b: max(0, 1 - r) + max(0, 1 + f),
    "wasserstein": lambda r, f, a, b: f - r,
    "relativistic": lambda r, f, a, b: -math.log(sigma(r - f)),
}
DISCRIMINATORS["minimax"] = DISCRIMINATORS["non_saturating"] = DISCRIMINATORS.pop("cross_entropy")
GENERATORS = {
    "minimax": lambda f, r: math.log(1 - sigma(f)),
    "non_saturating": lambda f, r: -math.log(sigma(f)),
    "least_squares": lambda f, r: (f - 1) ** 2 / 2,
    "hinge": lambda f, r: -f,
    "wasserstein": lambda f, r: -f,
    "relativistic": lambda f, r: -math.log(sigma(f - r)),
}
# Losses of D and of G at the real logits 2, 0 and the fake logits 1, −1, worked out on paper with
# ln(1 + e⁻¹) = .313261687518, ln(1 + e) = 1 + that, ln(1 + e⁻²) = .126928011043.
ON_PAPER = {
    "minimax": ((0.126928011043 + LN2) / 2 + 0.813261687518, -0.813261687518),
    "non_saturating": ((0.126928011043 + LN2) / 2 + 0.813261687518, 0.813261687518),
    "least_squares": (1.0, 1.0),
    "hinge": (1.5, 0.0),
    "wasserstein": (-1.0, 0.0),
    "relativistic": (0.313261687518, 1.313261687518),
}


@pytest.mark.parametrize("name", LOSSES)
def test_discriminator_loss_by_hand(name):
    """Otherwise the D-loss curve would not be the one the page writes down."""
    real, fake = (1.5, -0.3, 0.7), (0.4, -2.0, 3.0)
    for a, b in product((1.0, 0.9, 0.5), (0.0, 0.2, 0.5)):
        pairs = zip(real, fake, strict=True)
        expected = sum(DISCRIMINATORS[name](r, f, a, b) for r, f in pairs) / 3
        loss = LOSSES[name].discriminator(column(*real), column(*fake), Targets(a, b))
        assert loss.shape == () and loss.item() == pytest.approx(expected, rel=1e-12), (a, b)


@pytest.mark.parametrize("name", LOSSES)
def test_generator_loss_by_hand(name):
    """Otherwise G would be trained on another objective than its label says."""
    real, fake = (1.5, -0.3, 0.7), (0.4, -2.0, 3.0)
    expected = sum(GENERATORS[name](f, r) for r, f in zip(real, fake, strict=True)) / 3
    loss = LOSSES[name].generator(column(*fake), column(*real))
    assert loss.shape == () and loss.item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_on_paper(name):
    """Otherwise code and test could share one mistake in a formula."""
    real, fake = column(2.0, 0.0), column(1.0, -1.0)
    of_d, of_g = ON_PAPER[name]
    assert LOSSES[name].discriminator(real, fake, PLAIN).item() == pytest.approx(of_d, abs=1e-10)
    assert LOSSES[name].generator(fake, real).item() == pytest.approx(of_g, abs=1e-10)


# --- which way a loss pushes ---------------------------------------------------------------------


@pytest.mark.parametrize("name", LOSSES)
def test_d_raises_reals_and_lowers_fakes_and_g_raises_fakes(name):
    """Between its targets every loss pulls as a GAN's does; a wrong sign would train D to be
    wrong."""
    for real, fake in product((0.2, 0.8), repeat=2):
        of_real, of_fake, of_g = slopes(name, real, fake)
        assert of_real < 0 < of_fake and of_g < 0, (real, fake)


@pytest.mark.parametrize("name", MONOTONE)
def test_g_always_raises_a_logit_by_a_bounded_step(name):
    """Otherwise G would be pushed back from samples that fool D, or thrown by one that does not."""
    for s in (-30.0, -2.0, 2.0, 30.0):
        of_real, of_fake, of_g = slopes(name, 0.0, s)
        assert -1.0 <= of_g < 0.0, s
        assert -1.0 <= of_real <= 0.0 <= of_fake <= 1.0, s


@pytest.mark.parametrize(("name", "sign"), [("minimax", 1), ("non_saturating", -1)])
def test_gradient_gauges(name, sign):
    """|∂L_G/∂logit| is σ(s) for minimax and σ(−s) for non-saturating: what the live gauge shows."""
    for s in (-30.0, -5.0, -1.0, 0.0, 1.0, 5.0, 30.0):
        logits = column(s, grad=True)
        LOSSES[name].generator(logits).backward()
        assert abs(logits.grad.item()) == pytest.approx(sigma(sign * s), rel=1e-6), s
        assert logits.grad.item() < 0  # both forms push D's scores of fakes upwards


def test_minimax_vanishes_where_non_saturating_does_not():
    """The lesson of the vanishing-gradient page: D rejects (s = −20) and minimax goes silent."""
    assert abs(slopes("minimax", 0.0, -20.0)[2]) < 1e-8
    assert abs(slopes("non_saturating", 0.0, -20.0)[2]) > 0.999


@pytest.mark.parametrize("name", ["hinge", "wasserstein"])
def test_a_linear_generator_loss_pulls_the_same_everywhere(name):
    """Otherwise their cure for vanishing gradients would not be one."""
    assert [slopes(name, 0.0, s)[2] for s in (-1000.0, 0.0, 1000.0)] == [-1.0] * 3


@pytest.mark.parametrize(("real", "fake", "of_real", "of_fake"),
                         [(0.9, -0.9, -1, 1), (1.1, -0.9, 0, 1), (0.9, -1.1, -1, 0)])
def test_hinge_stops_at_its_margin(real, fake, of_real, of_fake):
    """Otherwise D would be rewarded without end, which is what hinge is chosen against."""
    assert slopes("hinge", real, fake)[:2] == (of_real, of_fake)


# --- where D is undecided ------------------------------------------------------------------------


@pytest.mark.parametrize("name", LOSSES)
def test_values_at_equilibrium(name):
    """The reference lines of the loss chart are what the losses are where D is undecided."""
    undecided = column(*[LOSSES[name].centre or 0.0] * 2)
    of_d, of_g = choices.LOSSES[name].equilibrium
    assert LOSSES[name].discriminator(undecided, undecided, PLAIN).item() == pytest.approx(of_d)
    assert LOSSES[name].generator(undecided, undecided).item() == pytest.approx(of_g)


def test_published_equilibria():
    """2 ln 2 and ∓ln 2 for the GAN game; ¼ and ⅛ for LSGAN; 2 for hinge; ln 2 relativistic."""
    assert {name: card.equilibrium for name, card in choices.LOSSES.items()} == {
        "minimax": pytest.approx((2 * LN2, -LN2)),
        "non_saturating": pytest.approx((2 * LN2, LN2)),
        "least_squares": (0.25, 0.125),
        "hinge": (2.0, 0.0),
        "wasserstein": (0.0, 0.0),
        "relativistic": pytest.approx((LN2, LN2)),
    }


@pytest.mark.parametrize("name", CENTRED)
def test_the_centre_is_ds_best_answer_to_equal_data(name):
    """Otherwise a chart would draw D's undecided logit where D is not undecided."""
    centre = LOSSES[name].centre
    of_real, of_fake, _ = slopes(name, centre, centre)
    assert of_real + of_fake == pytest.approx(0.0, abs=1e-12)
    best = LOSSES[name].discriminator(column(centre), column(centre), PLAIN).item()
    for offset in (-3.0, -0.5, 0.5, 3.0):
        there = column(centre + offset)
        assert LOSSES[name].discriminator(there, there, PLAIN).item() >= best


@pytest.mark.parametrize("name", UNCENTRED)
@pytest.mark.parametrize("offset", [-7.0, 3.0])
def test_without_a_centre_only_differences_count(name, offset):
    """Otherwise σ(logit) of a critic would mean something, and a chart could show it."""
    real, fake = column(2.0, 0.3), column(1.0, -1.0)
    here = LOSSES[name].discriminator(real, fake, PLAIN)
    there = LOSSES[name].discriminator(real + offset, fake + offset, PLAIN)
    assert there.item() == pytest.approx(here.item())


# --- what a loss depends on ----------------------------------------------------------------------


def test_only_relativistic_pairing_needs_reals_for_g():
    """Otherwise G's step would cost a batch of reals, or relativistic G would see none."""
    assert [name for name, loss in LOSSES.items() if loss.pairs] == ["relativistic"]
    fake = column(0.4, -2.0)
    with pytest.raises(TypeError):
        LOSSES["relativistic"].generator(fake)
    for name in set(LOSSES) - {"relativistic"}:
        alone = LOSSES[name].generator(fake)
        assert torch.equal(alone, LOSSES[name].generator(fake, None))
        assert torch.equal(alone, LOSSES[name].generator(fake, column(5.0, -5.0)))


def test_relativistic_pairing_pairs():
    """Each real against its own fake: shuffling one side must matter, shuffling both must not."""
    real, fake = column(3.0, -3.0), column(2.0, -2.0)
    loss = LOSSES["relativistic"].discriminator
    assert loss(real.flip(0), fake, PLAIN) > loss(real, fake, PLAIN) + 1
    assert loss(real.flip(0), fake.flip(0), PLAIN).item() == pytest.approx(
        loss(real, fake, PLAIN).item())


# --- extremes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LOSSES)
def test_extreme_logits_stay_finite(name):
    """Otherwise a D that is very sure would look like a diverged run."""
    for s in (-1000.0, 1000.0):
        real, fake = (torch.tensor([[value]], requires_grad=True) for value in (-s, s))
        loss = both(name, real, fake, Targets(0.9, 0.1))
        loss.backward()
        for value in (loss, real.grad, fake.grad):
            assert value.isfinite().all(), s
        if name in MONOTONE:
            assert real.grad.abs().max() <= 2 and fake.grad.abs().max() <= 2  # 1 from D, 1 from G


@pytest.mark.parametrize("name", ["minimax", "non_saturating"])
def test_a_d_that_is_very_sure_keeps_its_precise_loss(name):
    """A Sigmoid and a logarithm would give infinity here, or a clamped 100."""
    # −[.9 log D + .1 log(1 − D)] with |logit| 1000: .9 × 1000 or .1 × 1000, and the fake's 1000.
    wrong = LOSSES[name].discriminator(column(-1000.0), column(1000.0), Targets(0.9))
    right = LOSSES[name].discriminator(column(1000.0), column(-1000.0), Targets(0.9))
    assert wrong.item() == pytest.approx(1900.0) and right.item() == pytest.approx(100.0)


# --- smoothed and flipped labels -----------------------------------------------------------------


def test_label_smoothing_moves_the_optimum():
    """d/ds = σ(s) − target is zero at D = 1 − smoothing, the sentence beside the slider."""
    for smoothing in (0.05, 0.1, 0.25, 0.5):
        optimum = math.log((1 - smoothing) / smoothing)
        logits = column(optimum, grad=True)
        cross_entropy(logits, 1 - smoothing).backward()
        assert logits.grad.item() == pytest.approx(0.0, abs=1e-12), smoothing
        there = cross_entropy(column(optimum), 1 - smoothing)
        for offset in (-0.1, 0.1):
            assert cross_entropy(column(optimum + offset), 1 - smoothing) > there, smoothing


@pytest.mark.parametrize("smoothing", [0.1, 0.5])
def test_label_smoothing_moves_the_target_of_least_squares(smoothing):
    """There D is the output itself: its best answer to a real is 1 − smoothing."""
    real = column(1 - smoothing, grad=True)
    LOSSES["least_squares"].discriminator(real, column(0.0), Targets(1 - smoothing)).backward()
    assert real.grad.item() == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_each_side_has_its_own_target(name):
    """One-sided smoothing would smooth both sides, or the fakes' slider the reals."""
    gradients = []
    for targets in (PLAIN, Targets(real=0.7), Targets(fake=0.3)):
        real, fake = column(0.5, -1.5, grad=True), column(-1.0, 2.0, grad=True)
        LOSSES[name].discriminator(real, fake, targets).backward()
        gradients.append((real.grad, fake.grad))
    plain, real_smoothed, fake_smoothed = gradients
    assert torch.equal(real_smoothed[1], plain[1]) and torch.equal(fake_smoothed[0], plain[0])


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("targets", [Targets(real=0.7), Targets(fake=0.3)])
def test_targets_act_where_a_loss_has_them_and_nowhere_else(name, targets):
    """Otherwise a slider would be offered where it does nothing, or refused where it works."""
    plain, moved = (LOSSES[name].discriminator(column(0.5, 2.0), column(0.1, -1.0), each)
                    for each in (PLAIN, targets))
    assert torch.equal(plain, moved) != choices.LOSSES[name].targets


@pytest.mark.parametrize(("of_data", "of_g"), [(1, 3), (2, 0), (0, 1), (0, 5)])
def test_the_best_d_of_smoothed_fakes_is_flat_where_only_g_has_samples(of_data, of_g):
    """D = (a p_data + b p_G) / (p_data + p_G), the reason that the slider's help gives: where only
    G has samples D says b, however many there are."""
    a, b = 0.9, 0.2
    best = (a * of_data + b * of_g) / (of_data + of_g)
    logits = column(math.log(best / (1 - best)), grad=True)
    (of_data * cross_entropy(logits, a) + of_g * cross_entropy(logits, b)).backward()
    assert logits.grad.item() == pytest.approx(0.0, abs=1e-12)
    assert of_data > 0 or best == pytest.approx(b)


def test_flips_swap_the_targets_of_the_examples_they_name():
    """Otherwise a flipped label would be some other number, or another example's."""
    flips = torch.tensor([[True], [False], [False], [True]])  # of two reals, then of two fakes
    flipped = Targets(0.9, 0.2).flipped(flips)
    for side in (flipped.real, flipped.fake):
        assert torch.equal(side, torch.tensor([[0.2], [0.9]]))
    of_runs = Targets(torch.tensor([1.0, 0.9])[:, None, None], 0.0).flipped(flips.expand(2, 4, 1))
    for side in (of_runs.real, of_runs.fake):
        assert torch.equal(side, torch.tensor([[[0.0], [1.0]], [[0.0], [0.9]]]))


@pytest.mark.parametrize("name", WITH_TARGETS)
def test_flips_smooth_both_sides_on_average(name):
    """Otherwise the slider's help would be wrong: with a share p of flipped labels D's loss is
    (1 − p) times the plain one + p times the swapped one on average."""
    a, b, p, runs = 0.9, 0.1, 0.3, 200_000
    real, fake = column(1.5, -0.3), column(0.4, -2.0)
    torch.manual_seed(1)
    flips = torch.rand(runs, 4, 1) < p
    losses = LOSSES[name].discriminator(real, fake, Targets(a, b).flipped(flips))
    expected = sum(
        share * LOSSES[name].discriminator(real, fake, targets).item()
        for share, targets in ((1 - p, Targets(a, b)), (p, Targets(b, a))))
    error = losses.double().std().item() / math.sqrt(runs)
    assert losses.shape == (runs,) and error > 0
    assert losses.double().mean().item() == pytest.approx(expected, abs=4 * error)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_do_not_depend_on_the_batch_size(name):
    """Otherwise the batch-size slider would also change the learning rate."""
    real, fake = column(0.3, -1.0), column(1.0, -0.5)
    targets = Targets(0.9, 0.1)
    once = both(name, real, fake, targets)
    repeated = both(name, real.repeat(5, 1), fake.repeat(5, 1), targets)
    assert repeated.item() == pytest.approx(once.item(), rel=1e-12)
