"""Networks: the layers and sizes that the pages and the comparison with PyTorch-GAN rest on."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from gan_core.config import ARCHITECTURES, DATASETS, ConfigError, RunConfig
from gan_core.networks import NETWORKS, Dropout, build

PAIRS = [(architecture, dataset) for architecture, (_, kinds) in ARCHITECTURES.items()
         for dataset, card in DATASETS.items() if card.kind in kinds]


def made(cpu, seed: int = 0, stream: int = 0, **settings):
    config = RunConfig(seed=seed, **settings)
    dim = 784 if config.card.kind == "image" else 2
    return build(config, dim, cpu, torch.Generator().manual_seed(stream))


def parameter_count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def linear(*sizes: int) -> int:
    """Parameters of linear layers between consecutive sizes: weights and biases."""
    return sum((width + 1) * out for width, out in pairwise(sizes))


def test_the_reference_has_the_published_parameter_counts(cpu):
    """1 510 032 and 533 505 in PyTorch-GAN's gan.py; else the comparison is with something else."""
    generator, discriminator = made(cpu, architecture="mlp_reference")
    assert parameter_count(generator) == 1_510_032
    assert parameter_count(discriminator) == 533_505


def test_the_reports_networks_have_the_documented_layers(cpu):
    """Three linear layers each: G latent-256-512-784, D 784-512-256-1; 2-D: 128 a layer."""
    generator, discriminator = made(cpu)
    assert parameter_count(generator) == linear(100, 256, 512, 784)
    assert parameter_count(discriminator) == linear(784, 512, 256, 1)
    generator, discriminator = made(cpu, dataset="ring", latent_dim=2)
    assert parameter_count(generator) == linear(2, 128, 128, 2)
    assert parameter_count(discriminator) == linear(2, 128, 128, 1)


def test_the_references_batch_norm_has_its_odd_eps(cpu):
    """gan.py passes 0.8 where eps stands, and its published pictures depend on it."""
    generator, discriminator = made(cpu, architecture="mlp_reference")
    norms = [layer for layer in generator if isinstance(layer, nn.BatchNorm1d)]
    assert [(layer.num_features, layer.eps) for layer in norms] == [
        (256, 0.8), (512, 0.8), (1024, 0.8)]
    # One pass of reals and fakes together is allowed only while D mixes no batch.
    assert not any(isinstance(layer, nn.BatchNorm1d) for layer in discriminator)


@pytest.mark.parametrize(("architecture", "dataset"), PAIRS)
def test_every_pair_maps_latents_to_samples_and_samples_to_logits(architecture, dataset, cpu):
    """Otherwise choosing it would end in a traceback."""
    settings = {"architecture": architecture, "dataset": dataset, "latent_dim": 7}
    generator, discriminator = made(cpu, **settings)
    samples = generator(torch.randn(5, 7) * 100)
    logits = discriminator(samples)
    assert samples.shape == (5, 784 if DATASETS[dataset].kind == "image" else 2)
    assert logits.shape == (5, 1)
    if DATASETS[dataset].kind == "image":
        assert samples.abs().max() <= 1.0  # Tanh: the range of the scaled images


def test_two_dimensional_samples_can_reach_the_data(cpu):
    """A Tanh in G would keep it from the grid's centres at ±4."""
    generator, _ = made(cpu, dataset="grid")
    assert generator(torch.randn(100, 100) * 1000).abs().max() > 4


@pytest.mark.parametrize("architecture", NETWORKS)
def test_logits_are_unbounded(architecture, cpu):
    """A Sigmoid at D's end would round vanishing gradients to zero."""
    _, discriminator = made(cpu, architecture=architecture)
    logits = discriminator(torch.randn(100, 784) * 1000)
    assert logits.min() < 0 or logits.max() > 1
    assert not any(isinstance(layer, nn.Sigmoid) for layer in discriminator)


def test_networks_that_do_not_fit_are_refused_by_name():
    """Otherwise image networks on points would fail with a shape error."""
    for architecture, (_, kinds) in ARCHITECTURES.items():
        for dataset, card in DATASETS.items():
            if card.kind not in kinds:
                with pytest.raises(ConfigError, match=f"{architecture} does not fit .*{dataset}"):
                    RunConfig(architecture=architecture, dataset=dataset)


@pytest.mark.parametrize(("architecture", "dataset"), PAIRS)
def test_weights_come_from_the_seed_alone(architecture, dataset, cpu):
    """Otherwise a run would depend on what the process did before, and disturb what comes after."""
    settings = {"architecture": architecture, "dataset": dataset}
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    first = made(cpu, seed=5, **settings)
    assert torch.equal(torch.rand(1), expected)  # the process's own stream is where it was
    second, other = made(cpu, seed=5, **settings), made(cpu, seed=6, **settings)
    for one, same, different in zip(first, second, other, strict=True):
        state, again, elsewhere = one.state_dict(), same.state_dict(), different.state_dict()
        assert all(torch.equal(state[name], again[name]) for name in state)
        assert not torch.equal(state["0.weight"], elsewhere["0.weight"])


def test_regularisers_do_not_change_the_initial_weights(cpu):
    """Otherwise broken and remedy would start from different networks."""
    plain, dropped = made(cpu), made(cpu, dropout=0.4)
    for one, other in zip(plain, dropped, strict=True):
        pairs = zip(one.parameters(), other.parameters(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)


def test_dropout_drops_its_share_and_keeps_the_mean():
    """E[x · mask / (1 − p)] = x: else D's logits would shift with the slider."""
    layer = Dropout(0.4, torch.Generator().manual_seed(0))
    out = layer(torch.ones(100, 1000))
    assert (out == 0).float().mean().item() == pytest.approx(0.4, abs=0.01)
    assert out.mean().item() == pytest.approx(1.0, abs=0.01)
    assert out.unique().tolist() == [0.0, pytest.approx(1 / 0.6)]


def test_dropout_is_off_where_it_should_be():
    """Otherwise evaluations would be noisy, or dropout 0 would use up random numbers."""
    stream = torch.Generator().manual_seed(0)
    before, x = stream.get_state(), torch.randn(4, 4)
    assert torch.equal(Dropout(0.4, stream).eval()(x), x)
    assert torch.equal(Dropout(0.0, stream)(x), x)
    assert torch.equal(stream.get_state(), before)


def test_dropout_sits_in_the_discriminator_only(cpu):
    """The report's dropout is D's; in G it would be another experiment."""
    for architecture in NETWORKS:
        generator, discriminator = made(cpu, architecture=architecture, dropout=0.4)
        rates = [layer.rate for layer in discriminator.modules() if isinstance(layer, Dropout)]
        assert rates == [0.4, 0.4]
        assert not any(isinstance(layer, Dropout) for layer in generator.modules())
