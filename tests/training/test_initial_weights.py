"""Where networks start: from the seed alone, and alike with and without a remedy."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from gan_core.config.choices import ARCHITECTURES
from gan_core.config.run_config import RunConfig
from gan_core.training.networks import build
from tests.support.networks import OPTIONS, PAIRS, made


def test_weights_come_from_the_seed_alone(cpu):
    """Otherwise a run would depend on what the process did before, and disturb what comes after."""
    for architecture, dataset in PAIRS:
        for spectral_norm in (False, True):
            settings = {"architecture": architecture, "dataset": dataset,
                        "spectral_norm": spectral_norm}
            torch.manual_seed(1)
            expected = torch.rand(1)
            torch.manual_seed(1)
            first = made(cpu, seed=5, **settings)
            assert torch.equal(torch.rand(1), expected), settings  # the process's own stream
            same, different = made(cpu, seed=5, **settings), made(cpu, seed=6, **settings)
            assert [alike(*pair) for pair in zip(first, same, strict=True)] == [True] * 2, settings
            assert not any(alike(*pair) for pair in zip(first, different, strict=True)), settings


def alike(one: nn.Module, other: nn.Module) -> bool:
    """Whether two networks have equal weights and buffers."""
    state, others = one.state_dict(), other.state_dict()
    return all(torch.equal(state[name], others[name]) for name in state)


def test_a_seed_of_ones_own_replaces_the_configs(cpu):
    """The D that meets a frozen G must be a fresh one, and the same in every such run."""
    config = RunConfig(seed=5)
    stream = torch.Generator()
    for seed, weights in ((None, 5), (5, 5), (9, 9)):
        _, discriminator = build(config, 784, cpu, stream, seed)
        _, expected = made(cpu, seed=weights)
        assert torch.equal(discriminator[0].weight, expected[0].weight)


@pytest.mark.parametrize(("settings", "of_g", "of_d"), [
    ({"dataset": "mnist"}, (100, 256, 512, 784), (784, 512, 256, 1)),
    ({"dataset": "ring"}, (100, 128, 128, 2), (2, 128, 128, 1)),
    ({"architecture": "mlp_reference"}, (100, 128, 256, 512, 1024, 784), (784, 512, 256, 1)),
])
def test_mlps_start_as_they_always_did(settings, of_g, of_d, cpu):
    """PyTorch's own initialisation, G before D: other weights, and stored runs could not go on."""
    pair = made(cpu, seed=5, **settings)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        expected = [nn.Linear(*sizes) for sizes in (*pairwise(of_g), *pairwise(of_d))]
    layers = [layer for network in pair for layer in network if isinstance(layer, nn.Linear)]
    for layer, fresh in zip(layers, expected, strict=True):
        assert torch.equal(layer.weight, fresh.weight) and torch.equal(layer.bias, fresh.bias)


REMEDIES = [{"dropout": 0.4}, {"spectral_norm": True}, {"gradient_penalty": 10.0}, {"ema": 0.999},
            {"loss": "hinge"}, {"input_noise": 0.1}, {"weight_clip": 0.01}]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_remedies_do_not_change_the_initial_weights(architecture, cpu):
    """Otherwise broken and remedy would start from different networks."""
    plain = made(cpu, architecture=architecture)
    for remedy in REMEDIES:
        if ARCHITECTURES[architecture].batch_norm_in_d and "gradient_penalty" in remedy:
            continue
        remedied = made(cpu, architecture=architecture, **remedy)
        for one, other in zip(plain, remedied, strict=True):
            before = dict(one.named_parameters())
            after = {name.replace("parametrizations.weight.original", "weight"): value
                     for name, value in other.named_parameters()}
            assert before.keys() == after.keys(), remedy
            assert all(torch.equal(before[name], after[name]) for name in before), remedy


def test_remedies_of_d_do_not_change_the_initial_generator(cpu):
    """Packing and minibatch standard deviation change D's shape, but must not change G's start."""
    for architecture, options in OPTIONS:
        plain, changed = (made(cpu, architecture=architecture, **each)[0].state_dict()
                          for each in ({}, options))
        assert all(torch.equal(plain[name], changed[name]) for name in plain)


@pytest.mark.parametrize("architecture", ["dcgan", "dcgan_reference", "pacgan_2d"])
def test_published_initialisation(architecture, cpu):
    """N(0, .02) for convolutions (DCGAN) and all weights (PacGAN); N(1, .02) for DCGAN's norms."""
    for network in made(cpu, architecture=architecture):
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                assert_normal(layer.weight, 0.0)
            elif isinstance(layer, nn.BatchNorm2d):
                assert_normal(layer.weight, 1.0)
                assert not layer.bias.any()
            elif isinstance(layer, nn.BatchNorm1d):
                assert (layer.weight == 1).all() and not layer.bias.any()
            elif isinstance(layer, nn.Linear) and architecture == "pacgan_2d":
                assert_normal(layer.weight, 0.0)
                assert layer.bias is None or not layer.bias.any()
            elif isinstance(layer, nn.Linear):  # PyTorch's: uniform within 1/√fan-in
                bound = layer.in_features ** -0.5
                assert 0.9 * bound < layer.weight.abs().max() <= bound


def assert_normal(weights: Tensor, mean: float) -> None:
    """N(mean, .02), within five standard errors of mean and deviation."""
    count = weights.numel()
    assert weights.mean().item() == pytest.approx(mean, abs=5 * 0.02 / count**0.5)
    assert weights.std().item() == pytest.approx(0.02, abs=5 * 0.02 / (2 * count) ** 0.5)
