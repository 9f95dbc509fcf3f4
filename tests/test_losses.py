"""Losses: values and gradients the pages explain, against hand calculation and autograd.

Goodfellow et al. (2014): D minimises −[log D(x) + log(1 − D(G(z)))], G minimises
log(1 − D(G(z))) (minimax) or −log D(G(z)) (non-saturating), with D = σ(logit).
"""

from __future__ import annotations

import math

import pytest
import torch

from gan_core.losses import LOSSES, cross_entropy

LN2 = math.log(2)


def sigma(s: float) -> float:
    return 1 / (1 + math.exp(-s))


def column(*values: float, grad: bool = False) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64).reshape(-1, 1).requires_grad_(grad)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_discriminator_loss_by_hand(name, smoothing):
    """Otherwise the D-loss curve would not be the one the page writes down."""
    real, fake = (1.5, -0.3), (0.4, -2.0)
    target = 1 - smoothing
    expected = -sum(target * math.log(sigma(s)) + (1 - target) * math.log(1 - sigma(s))
                    for s in real) / 2
    expected -= sum(math.log(1 - sigma(s)) for s in fake) / 2
    loss = LOSSES[name].discriminator(column(*real), column(*fake), smoothing)
    assert loss.shape == () and loss.item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("minimax", lambda s: math.log(1 - sigma(s))),
     ("non_saturating", lambda s: -math.log(sigma(s)))],
)
def test_generator_loss_by_hand(name, expected):
    """Otherwise G would be trained on another objective than its label says."""
    fake = (0.4, -2.0, 3.0)
    loss = LOSSES[name].generator(column(*fake))
    assert loss.shape == ()
    assert loss.item() == pytest.approx(sum(map(expected, fake)) / 3, rel=1e-12)


@pytest.mark.parametrize("s", [-30.0, -5.0, -1.0, 0.0, 1.0, 5.0, 30.0])
@pytest.mark.parametrize(("name", "sign"), [("minimax", 1), ("non_saturating", -1)])
def test_gradient_gauges(name, sign, s):
    """|∂L_G/∂logit| is σ(s) for minimax and σ(−s) for non-saturating: what the live gauge shows."""
    logits = column(s, grad=True)
    LOSSES[name].generator(logits).backward()
    assert abs(logits.grad.item()) == pytest.approx(sigma(sign * s), rel=1e-6)
    assert logits.grad.item() < 0  # both forms push D's verdict on fakes upwards


def test_minimax_vanishes_where_non_saturating_does_not():
    """The lesson of the vanishing-gradient page: D rejects (s = −20) and minimax goes silent."""
    slopes = {}
    for name in ("minimax", "non_saturating"):
        logits = column(-20.0, grad=True)
        LOSSES[name].generator(logits).backward()
        slopes[name] = abs(logits.grad.item())
    assert slopes["minimax"] < 1e-8 and slopes["non_saturating"] > 0.999


@pytest.mark.parametrize("name", LOSSES)
def test_values_at_equilibrium(name):
    """The reference lines of the loss chart: L_D = 2 ln 2; G's are −ln 2 and ln 2."""
    zero = column(0.0, 0.0)
    assert LOSSES[name].discriminator(zero, zero, 0.0).item() == pytest.approx(2 * LN2)
    equilibrium = {"minimax": -LN2, "non_saturating": LN2}[name]
    assert LOSSES[name].generator(zero).item() == pytest.approx(equilibrium)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("s", [-1000.0, 1000.0])
def test_extreme_logits_stay_finite(name, s):
    """Otherwise a D that is very sure would look like a diverged run."""
    real, fake = (torch.tensor([[value]], requires_grad=True) for value in (-s, s))
    loss = LOSSES[name].discriminator(real, fake, 0.1) + LOSSES[name].generator(fake)
    loss.backward()
    for value in (loss, real.grad, fake.grad):
        assert value.isfinite().all()
    # −[.9 log D + .1 log(1 − D)] with |logit| 1000: .9 × 1000 or .1 × 1000, and the fake's 1000.
    own = LOSSES[name].discriminator(column(-s), column(s), 0.1).item()
    assert own == pytest.approx(1900.0 if s > 0 else 100.0)


@pytest.mark.parametrize("smoothing", [0.05, 0.1, 0.25, 0.5])
def test_label_smoothing_moves_the_optimum(smoothing):
    """d/ds = σ(s) − target is zero at D = 1 − smoothing, the sentence beside the slider."""
    optimum = math.log((1 - smoothing) / smoothing)
    logits = column(optimum, grad=True)
    cross_entropy(logits, 1 - smoothing).backward()
    assert logits.grad.item() == pytest.approx(0.0, abs=1e-12)
    there = cross_entropy(column(optimum), 1 - smoothing)
    for offset in (-0.1, 0.1):
        assert cross_entropy(column(optimum + offset), 1 - smoothing) > there


@pytest.mark.parametrize("name", LOSSES)
def test_label_smoothing_is_one_sided(name):
    """A smoothed fake side would reward G for staying where it is (Salimans et al., 2016)."""
    gradients = []
    for smoothing in (0.0, 0.3):
        fake = column(-1.0, 2.0, grad=True)
        LOSSES[name].discriminator(column(0.5, 0.5), fake, smoothing).backward()
        gradients.append(fake.grad)
    assert torch.equal(*gradients)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_do_not_depend_on_the_batch_size(name):
    """Otherwise the batch-size slider would also turn the learning rate."""
    real, fake = column(0.3, -1.0), column(1.0, -0.5)
    once = LOSSES[name].discriminator(real, fake, 0.1) + LOSSES[name].generator(fake)
    real, fake = real.repeat(5, 1), fake.repeat(5, 1)
    repeated = LOSSES[name].discriminator(real, fake, 0.1) + LOSSES[name].generator(fake)
    assert repeated.item() == pytest.approx(once.item(), rel=1e-12)
