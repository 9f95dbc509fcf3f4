"""Penalties, against critics whose gradient at their inputs is known on paper.

Linear, D(x) = w·x: gradient w everywhere, so R1 = R2 = ½‖w‖² and the gradient penalty is
(‖w‖ − 1)². Quadratic, D(x) = ½a‖x‖²: gradient a·x, so R1 = ½a²‖x‖². Constant: no gradient at all.
"""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor, nn

from gan_core.config.choices import ARCHITECTURES
from gan_core.config.run_config import RunConfig
from gan_core.training.networks import build, packed
from gan_core.training.penalties import (
    PENALTIES,
    ScoredExamples,
    input_gradient,
    one_centred,
    zero_centred,
)

WEIGHTS = [[3.0, 4.0, 0.0], [0.1, -0.2, 0.2], [0.6, 0.0, 0.8]]  # norms 5, .3 and 1


class Quadratic(nn.Module):
    def __init__(self, a: float) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.tensor(a))

    def forward(self, x: Tensor) -> Tensor:
        return self.a * x.square().sum(1, keepdim=True) / 2


def linear(weights: list[float]) -> nn.Linear:
    critic = nn.Linear(len(weights), 1)
    nn.init.constant_(critic.bias, 0.7)
    with torch.no_grad():
        critic.weight.copy_(torch.tensor([weights]))
    return critic


def scored(critic: nn.Module, real: Tensor, fake: Tensor, seed: int = 0) -> ScoredExamples:
    sides = tuple(side.detach().clone().requires_grad_() for side in (real, fake))
    stream = torch.Generator().manual_seed(seed)
    return ScoredExamples(critic, sides, tuple(critic(side) for side in sides),
                          lambda *shape: torch.rand(shape, generator=stream))


def examples(count: int = 6, dim: int = 3) -> tuple[Tensor, Tensor]:
    stream = torch.Generator().manual_seed(9)
    return (torch.randn(count, dim, generator=stream),
            torch.randn(count, dim, generator=stream) * 2 + 1)


def between(real: Tensor, fake: Tensor, seed: int = 0) -> Tensor:
    share = torch.rand(len(real), 1, generator=torch.Generator().manual_seed(seed))
    return real + share * (fake - real)


# --- values and derivatives ----------------------------------------------------------------------


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("name", PENALTIES)
def test_a_linear_critic(name, weights):
    """Value and slope as derived; else λ and γ would mean something else than published."""
    critic = linear(weights)
    w = torch.tensor([weights])
    norm = w.norm()
    penalty = PENALTIES[name](scored(critic, *examples()))
    penalty.backward()
    value, slope = ((norm - 1) ** 2, 2 * (norm - 1) * w / norm)
    if name != "gradient_penalty":
        value, slope = norm**2 / 2, w
    assert penalty.shape == ()
    assert penalty.item() == pytest.approx(value.item(), abs=1e-6)
    torch.testing.assert_close(critic.weight.grad, slope, atol=1e-5, rtol=1e-5)
    assert critic.bias.grad is None or critic.bias.grad.item() == 0.0  # a height has no slope


@pytest.mark.parametrize("a", [-1.5, 0.5])
@pytest.mark.parametrize(("name", "side"), [("r1", 0), ("r2", 1)])
def test_a_quadratic_critic_at_its_examples(name, side, a):
    """½a²·mean‖x‖² at reals for R1, at fakes for R2; d/da = a·mean‖x‖²."""
    critic, sides = Quadratic(a), examples()
    penalty = PENALTIES[name](scored(critic, *sides))
    penalty.backward()
    size = sides[side].square().sum(1).mean().item()
    assert penalty.item() == pytest.approx(a**2 * size / 2, rel=1e-5)
    assert critic.a.grad.item() == pytest.approx(a * size, rel=1e-5)


@pytest.mark.parametrize("a", [-1.5, 0.5])
def test_a_quadratic_critic_between_its_examples(a):
    """mean (|a|‖x̂‖ − 1)² at x̂ between a real and a fake; d/da = mean 2(|a|‖x̂‖ − 1)‖x̂‖ sign a."""
    critic, sides = Quadratic(a), examples()
    penalty = PENALTIES["gradient_penalty"](scored(critic, *sides, seed=4))
    penalty.backward()
    norms = between(*sides, seed=4).norm(dim=1)
    assert penalty.item() == pytest.approx((abs(a) * norms - 1).square().mean().item(), rel=1e-4)
    slope = (2 * (abs(a) * norms - 1) * norms).mean().item() * (1 if a > 0 else -1)
    assert critic.a.grad.item() == pytest.approx(slope, rel=1e-4)


@pytest.mark.parametrize("name", PENALTIES)
def test_a_constant_critic_has_a_finite_slope(name):
    """A clipped or dead D has gradient 0, where the norm's own derivative is 0/0: NaN weights."""
    critic = linear([0.0, 0.0, 0.0])
    penalty = PENALTIES[name](scored(critic, *examples()))
    penalty.backward()
    assert penalty.item() == pytest.approx(1.0 if name == "gradient_penalty" else 0.0, abs=1e-5)
    assert torch.equal(critic.weight.grad, torch.zeros(1, 3))


@pytest.mark.parametrize("scale", [1e-10, 1e6])
def test_steep_and_flat_critics_stay_finite(scale):
    """Otherwise the first step of a nearly flat critic would end the run."""
    critic = linear([scale, 0.0, -scale])
    for penalise in PENALTIES.values():
        penalise(scored(critic, *examples())).backward()
    assert critic.weight.grad.isfinite().all()


def test_gradients_on_paper():
    """½·mean‖g‖² of (3, 4) and (0, 2) is ½·(25 + 4)/2; mean (‖g‖ − 1)² is (16 + 1)/2."""
    gradient = torch.tensor([[3.0, 4.0], [0.0, 2.0]])
    assert zero_centred(gradient).item() == pytest.approx(7.25)
    assert one_centred(gradient).item() == pytest.approx(8.5)
    x = torch.tensor([[1.0, 2.0], [3.0, -4.0]], requires_grad=True)
    torch.testing.assert_close(input_gradient(Quadratic(2.0)(x), x), 2 * x)


# --- where they are taken -------------------------------------------------------------------------


def test_r1_is_taken_at_reals_and_r2_at_fakes():
    """Otherwise R1 alone would flatten D where the samples are, and G would get no gradient."""
    critic, (real, fake) = Quadratic(1.0), examples()
    here, there = scored(critic, real, fake), scored(critic, real, fake + 1)
    assert torch.equal(PENALTIES["r1"](here), PENALTIES["r1"](there))
    assert not torch.equal(PENALTIES["r2"](here), PENALTIES["r2"](there))


@pytest.mark.parametrize(("name", "side"), [("r1", 0), ("r2", 1)])
def test_a_penalty_at_one_side_asks_nothing_of_the_other(name, side):
    """Otherwise R1 alone would cost as much as R1 with R2."""
    seen = scored(Quadratic(1.0), *examples())
    other = 1 - side
    blind = ScoredExamples(seen.score, seen.examples, tuple(
        torch.full((6, 1), torch.nan) if each == other else seen.logits[each] for each in (0, 1)),
        seen.uniform)
    assert torch.equal(PENALTIES[name](blind), PENALTIES[name](seen))


@pytest.mark.parametrize("name", PENALTIES)
def test_runs_side_by_side_are_penalised_each_by_itself(name):
    """Otherwise runs that train together would punish each other's critics."""
    sides = [torch.randn(3, 6, 4) for _ in range(2)]
    steep = torch.tensor([0.5, 1.0, -2.0])[:, None, None]
    critic = lambda x: steep * x.square().sum(-1, keepdim=True)  # noqa: E731
    share = torch.rand(3, 6, 1)
    together = PENALTIES[name](_stacked(critic, sides, share))
    alone = [PENALTIES[name](_stacked(
        lambda x, a=float(steep[run]): a * x.square().sum(-1, keepdim=True),
        [side[run] for side in sides], share[run])) for run in range(3)]
    assert together.shape == (3,)
    torch.testing.assert_close(together, torch.stack(alone))


def _stacked(critic, sides: list[Tensor], share: Tensor) -> ScoredExamples:
    sides = tuple(side.clone().requires_grad_() for side in sides)
    return ScoredExamples(critic, sides, tuple(map(critic, sides)), lambda rows, columns: share)


def test_interpolation_stays_on_the_segment():
    """WGAN-GP penalises between a real and its fake, each pair at its own place, evenly."""
    asked = []

    def critic(x: Tensor) -> Tensor:
        asked.append(x.detach())
        return x.sum(1, keepdim=True)

    real, fake = examples(4000, 5)
    PENALTIES["gradient_penalty"](scored(critic, real, fake))
    (place,) = asked[2:]  # the first two are `scored` itself
    share = ((place - real) * (fake - real)).sum(1) / (fake - real).square().sum(1)
    torch.testing.assert_close(place, real + share[:, None] * (fake - real), atol=1e-5, rtol=1e-4)
    assert -1e-5 <= share.min() < 0.01 and 0.99 < share.max() <= 1 + 1e-5
    # Even: mean ½ and variance 1/12, four standard errors.
    assert share.mean().item() == pytest.approx(0.5, abs=4 * (1 / 12 / 4000) ** 0.5)
    assert share.var().item() == pytest.approx(1 / 12, abs=0.005)


@pytest.mark.parametrize("name", PENALTIES)
def test_penalties_draw_from_the_runs_own_stream_alone(name):
    """Otherwise a run with a penalty would not be reproducible, or disturb another."""
    torch.manual_seed(1)
    before = torch.get_rng_state()
    asked = []
    seen = scored(Quadratic(1.0), *examples(), seed=3)
    uniform = seen.uniform
    seen = dataclasses.replace(seen, uniform=lambda *shape: asked.append(shape) or uniform(*shape))
    first = PENALTIES[name](seen)
    assert torch.equal(torch.get_rng_state(), before)
    assert asked == ([(6, 1)] if name == "gradient_penalty" else [])  # one number for each pair
    assert torch.equal(first, PENALTIES[name](scored(Quadratic(1.0), *examples(), seed=3)))


@pytest.mark.parametrize("name", PENALTIES)
def test_penalties_do_not_depend_on_the_batch_size(name):
    """Otherwise the batch-size slider would also change λ and γ."""
    real, _ = examples()
    once = PENALTIES[name](scored(Quadratic(0.5), real, real))
    repeated = PENALTIES[name](scored(Quadratic(0.5), real.repeat(5, 1), real.repeat(5, 1)))
    assert repeated.item() == pytest.approx(once.item(), rel=1e-5)


@pytest.mark.parametrize("name", PENALTIES)
def test_examples_stay_as_they_are(name):
    """Otherwise the penalty would move the pictures, or train G through D's loss."""
    seen = scored(Quadratic(0.5), *examples())
    before = [side.detach().clone() for side in seen.examples]
    torch.autograd.grad(PENALTIES[name](seen), seen.score.a)
    assert all(map(torch.equal, seen.examples, before))
    assert all(side.grad is None for side in seen.examples)


# --- through real networks -----------------------------------------------------------------------

OPTIONS = {
    "plain": {},
    "packed": {"packing": 2},
    "spectral": {"spectral_norm": True},
    "dropout": {"dropout": 0.4},
    "stddev": {"minibatch_stddev": True},
}
NETWORKS = [
    (name, option) for name, card in ARCHITECTURES.items() if not card.batch_norm_in_d
    for option in OPTIONS if option != "stddev" or "minibatch_stddev" in card.resizable
]


@pytest.mark.parametrize(("architecture", "option"), NETWORKS)
def test_penalties_train_every_network_that_takes_them(architecture, option, cpu):
    """Otherwise a permitted pair would end in an error, or the penalty do nothing."""
    dataset = "mnist" if "image" in ARCHITECTURES[architecture].kinds else "ring"
    config = RunConfig(dataset=dataset, architecture=architecture, **OPTIONS[option])
    dim = 784 if dataset == "mnist" else 2
    _, critic = build(config, dim, cpu, torch.Generator().manual_seed(0))
    real, fake = (packed(x, config.packing) for x in examples(8, dim))
    # Leaky layers are flat between their kinks, so biases need not get a gradient.
    weights = [p for name, p in critic.named_parameters() if not name.endswith("bias")]
    for name, penalise in PENALTIES.items():
        penalty = penalise(scored(critic, real, fake))
        slopes = torch.autograd.grad(penalty, weights)
        assert penalty.isfinite() and penalty > 0, name
        assert all(slope.isfinite().all() for slope in slopes), name
        assert all(slope.abs().max() > 0 for slope in slopes), name


def test_the_penalty_of_a_network_falls_along_its_own_gradient(cpu):
    """Finite differences of a whole D agree with autograd's second derivatives."""
    _, critic = build(RunConfig(dataset="ring"), 2, cpu, torch.Generator())
    critic.double()
    real, fake = (x.double() for x in examples(8, 2))
    weight = critic[0].weight
    (slope,) = torch.autograd.grad(PENALTIES["r1"](scored(critic, real, fake)), weight)
    step, values = 1e-6, []
    for sign in (1, -1):
        with torch.no_grad():
            weight[5, 1] += sign * step
        values.append(PENALTIES["r1"](scored(critic, real, fake)).item())
        with torch.no_grad():
            weight[5, 1] -= sign * step
    assert (values[0] - values[1]) / (2 * step) == pytest.approx(slope[5, 1].item(), rel=1e-4)
