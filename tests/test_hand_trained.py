"""The GAN that a visitor trains by hand: its gradients are right, and the same presses repeat."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from gan_core.hand_trained import (
    HIDDEN,
    HandTrained,
    Trained,
    discriminator_gradient,
    generator_gradient,
    output,
)


def in_torch(weights: tuple[np.ndarray, ...]) -> nn.Sequential:
    """The same network in PyTorch, in double precision."""
    linear = [nn.Linear(*weight.shape, dtype=torch.float64) for weight in weights[::2]]
    for layer, weight, bias in zip(linear, weights[::2], weights[1::2], strict=True):
        layer.weight.data = torch.from_numpy(weight.T.copy())
        layer.bias.data = torch.from_numpy(bias.copy())
    return nn.Sequential(linear[0], nn.Tanh(), linear[1], nn.Tanh(), linear[2])


def gradients(network: nn.Sequential) -> list[np.ndarray]:
    return [parameter.grad.numpy().T for parameter in network.parameters()]


@pytest.fixture
def networks() -> tuple[Trained, Trained]:
    draws = np.random.default_rng(3)
    return Trained.start(draws, 2, 2), Trained.start(draws, 2, 1)


def test_ds_gradient_is_that_of_autograd(networks) -> None:
    """A D step moves D's surface the wrong way, and nobody could tell."""
    _, d = networks
    draws = np.random.default_rng(4)
    real, fake = draws.normal(size=(2, 50, 2))
    twin = in_torch(d.weights)
    loss = (nn.functional.softplus(-twin(torch.from_numpy(real))).mean()
            + nn.functional.softplus(twin(torch.from_numpy(fake))).mean())
    loss.backward()
    for ours, theirs in zip(discriminator_gradient(d.weights, real, fake), gradients(twin),
                            strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_gs_gradient_is_that_of_autograd(networks) -> None:
    """A G step moves the samples away from where D takes points for real."""
    g, d = networks
    latents = np.random.default_rng(5).normal(size=(50, 2))
    twin, judge = in_torch(g.weights), in_torch(d.weights)
    nn.functional.softplus(-judge(twin(torch.from_numpy(latents)))).mean().backward()
    for ours, theirs in zip(generator_gradient(g.weights, d.weights, latents), gradients(twin),
                            strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_adam_is_pytorchs(networks) -> None:
    """The first steps are far too large, or none is seen at all."""
    _, d = networks
    gradient = tuple(np.full_like(part, 0.3) for part in d.weights)
    twin = in_torch(d.weights)
    optimiser = torch.optim.Adam(twin.parameters(), lr=0.01, betas=(0.5, 0.999))
    for _ in range(3):
        d = d.updated(gradient)
        for parameter in twin.parameters():
            parameter.grad = torch.full_like(parameter, 0.3)
        optimiser.step()
    x = np.random.default_rng(6).normal(size=(20, 2))
    np.testing.assert_allclose(
        output(d.weights, x), twin(torch.from_numpy(x)).detach().numpy(), rtol=1e-6)


def test_each_step_lowers_the_loss_of_the_network_that_took_it() -> None:
    """A D step makes D worse, on a page that says that it learns."""
    gan = HandTrained.start()
    for network, which in (("d", 0), ("g", 1)):
        before = gan.losses()[which]
        for _ in range(20):
            gan = gan.step(network)
        assert gan.losses()[which] < before


def test_steps_in_turn_bring_the_samples_to_the_ring() -> None:
    """However long somebody presses, nothing ever comes of it."""
    gan = HandTrained.start()
    before = np.abs(np.linalg.norm(gan.samples(500), axis=1) - 1).mean()
    for _ in range(150):
        gan = gan.step("d").step("g")
    assert np.abs(np.linalg.norm(gan.samples(500), axis=1) - 1).mean() < before


def test_the_same_steps_make_the_same_networks() -> None:
    """A link shows the class other networks than the teacher's."""
    one, other = (HandTrained.start().step("d").step("g").step("d") for _ in range(2))
    assert np.array_equal(one.samples(10), other.samples(10))
    assert one.losses() == other.losses()
    assert one.discriminator.weights[0].shape == (2, HIDDEN)


def test_another_network_is_refused() -> None:
    """A slip in the page updates nothing and says nothing."""
    with pytest.raises(ValueError, match="d or g"):
        HandTrained.start().step("x")
