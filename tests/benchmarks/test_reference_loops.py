"""The reference loops: published networks, published loops, and nothing made faster."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn

from gan_core.benchmarks import reference_loops
from gan_core.benchmarks.cases import CASES
from gan_core.config.run_config import RunConfig
from gan_core.training import networks
from tests.training import test_reference_checks as published

CPU = torch.device("cpu")
REFERENCE = CASES["mlp_reference"].config


def config(architecture: str) -> RunConfig:
    return next(case.config for case in CASES.values() if case.config.architecture == architecture)


@pytest.mark.parametrize("architecture", reference_loops.NETWORKS)
def test_the_loops_train_the_same_networks_as_we_do(architecture):
    """Otherwise the ratio would compare networks, not trainers."""
    ours = networks.build(config(architecture), 784 if "2d" not in architecture else 2, CPU,
                          torch.Generator())
    for theirs, mine in zip(reference_loops.NETWORKS[architecture](config(architecture)), ours,
                            strict=True):
        assert [p.shape for p in theirs.parameters()] == [p.shape for p in mine.parameters()]


def layers(network: nn.Module) -> list[str]:
    """All layers that compute, with their settings, but dropout, whose rate is another test's."""
    others = (nn.Flatten, nn.Unflatten, nn.Sequential, nn.Dropout2d)
    return [str(layer).replace(", inplace=True", "") for layer in network.modules()
            if not list(layer.children()) and not isinstance(layer, others)]


@pytest.mark.parametrize(("name", "generator", "discriminator"), [
    ("mlp_reference", published.mlp_generator, published.mlp_discriminator),
    ("dcgan_reference", published.ConvGenerator, published.ConvDiscriminator)])
def test_the_published_networks_are_as_they_were_published(name, generator, discriminator):
    """The comparison would be with networks that nobody published."""
    for theirs, transcribed in zip(reference_loops.NETWORKS[name](config(name)),
                                   (generator(), discriminator()), strict=True):
        assert layers(theirs) == [layer for layer in layers(transcribed) if layer != "Sigmoid()"]


def test_the_published_dcgan_drops_a_quarter_of_the_channels_and_starts_small():
    """The comparison would be with another dcgan.py."""
    generator, discriminator = reference_loops.dcgan_reference(config("dcgan_reference"))
    assert [layer.p for layer in discriminator if isinstance(layer, nn.Dropout2d)] == [0.25] * 4
    convolution = next(layer for layer in generator if isinstance(layer, nn.Conv2d))
    assert convolution.weight.std().item() == pytest.approx(0.02, rel=0.05)


# --- loops ----------------------------------------------------------------------------------------


@pytest.fixture
def draws(monkeypatch) -> Callable[[int], Iterator[Tensor]]:
    """Latents and batches that both loops draw alike, in 64 bits."""
    def stream(seed: int, *shape: int) -> Callable[..., Tensor]:
        random = torch.Generator().manual_seed(seed)
        return lambda *_: torch.randn(8, *shape, generator=random, dtype=torch.double)

    monkeypatch.setattr(reference_loops, "latents", stream(1, 100))
    monkeypatch.setattr(torch, "full", lambda *a, dtype=None, device=None, real=torch.full:
                        real(*a, dtype=torch.double))
    return stream


def test_gan_py_is_the_loop_that_was_transcribed(draws):
    """The one that our trainer is compared with, step by step, in its own tests."""
    pair = [network.double() for network in reference_loops.mlp_reference(REFERENCE)]
    pair[1].append(nn.Sigmoid())
    others = copy.deepcopy(pair)
    reals = draws(2, 1, 28, 28)
    expected = published.gan(*others, draws(2, 1, 28, 28), draws(1, 100))
    losses = reference_loops.gan(pair, iter(reals, None), REFERENCE, CPU)
    for _ in range(3):
        assert next(losses) == pytest.approx([loss.item() for loss in next(expected)], rel=1e-12)


def linear_critic(norm: float) -> nn.Module:
    critic = nn.Sequential(nn.Flatten(), nn.Linear(784, 1))
    nn.init.constant_(critic[1].weight, norm / 28)  # 784 equal weights
    return critic


def test_the_penalty_is_that_of_a_linear_critics_slope():
    """(‖w‖ − 1)² wherever the points lie."""
    real, fake = torch.randn(2, 4, 1, 28, 28)
    penalty = reference_loops.gradient_penalty(linear_critic(3.0), real, fake)
    assert penalty.item() == pytest.approx(4.0, rel=1e-5)


def test_wgan_gp_py_updates_g_with_the_first_of_every_five_batches():
    """Its critic's backward pass runs through G, which is work that the original does as well."""
    drawn, into_g = [], []
    generator, critic = reference_loops.mlp_reference(REFERENCE)[0], linear_critic(0.0)
    generator[0].weight.register_hook(into_g.append)

    def batches() -> Iterator[Tensor]:
        while True:
            drawn.append(1)
            yield torch.zeros(4, 1, 28, 28)

    losses = reference_loops.wgan_gp((generator, critic), batches(), REFERENCE, CPU)
    # A flat critic scores everything alike, and its slope is one too small: λ · 1. Its first step
    # moves 784 weights by 2e-4 each.
    first = (reference_loops.PENALTY, -critic[1].bias.item())
    assert next(losses) == pytest.approx(first, abs=0.16)
    assert (len(drawn), len(into_g)) == (1, 2)
    next(losses)
    assert (len(drawn), len(into_g)) == (6, 8)


@pytest.mark.parametrize("name", CASES)
def test_every_loop_trains(name):
    """2 ln 2 / 2 for D and ln 2 for G at the start, where D knows nothing."""
    case = CASES[name]
    loop = reference_loops.ReferenceLoop(case.loop, case.config.replace(batch_size=8), CPU)
    before = [p.detach().clone() for p in (*loop.generator.parameters(),
                                           *loop.discriminator.parameters())]
    loop.advance(1)
    after = (*loop.generator.parameters(), *loop.discriminator.parameters())
    assert not any(torch.equal(a, b) for a, b in zip(before, after, strict=True) if a.dim() > 1)
    if case.loop == "gan":
        assert loop.losses == pytest.approx((math.log(2), math.log(2)), abs=0.35)


# --- data -----------------------------------------------------------------------------------------


def test_the_loops_see_mnist_as_the_networks_expect_it():
    """They would train on other pictures than ours."""
    pictures = reference_loops.Pictures(28)
    assert len(pictures) == 60_000
    image, label = pictures[0]
    assert image.shape == (1, 28, 28)
    assert (image.min(), image.max()) == (-1.0, 1.0)
    assert label == 5  # the first digit of MNIST's training set


def test_the_published_dcgan_sees_larger_images_and_the_ring_its_points():
    """`bench` would end in a stack trace about shapes."""
    assert reference_loops.examples(config("dcgan_reference"))[0][0].shape == (1, 32, 32)
    assert reference_loops.examples(config("pacgan_2d"))[0][0].shape == (2,)
