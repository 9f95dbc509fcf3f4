"""Networks: the layers and sizes that the pages and the comparison with PyTorch-GAN rest on."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from gan_core.config.choices import ARCHITECTURES, DATASETS
from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError
from gan_core.training.layers import Dropout
from gan_core.training.networks import NETWORKS, packed
from tests.support.networks import (
    FIRST,
    OPTIONS,
    PAIRS,
    by_layer,
    conv,
    dim_of,
    linear,
    made,
    parameter_count,
    random,
)

# --- what they are made of -----------------------------------------------------------------------


def test_the_reference_mlp_has_the_published_parameter_counts(cpu):
    """1 510 032 and 533 505 in PyTorch-GAN's gan.py; else the comparison is with something else."""
    generator, discriminator = made(cpu, architecture="mlp_reference")
    assert parameter_count(generator) == 1_510_032
    assert parameter_count(discriminator) == 533_505
    assert by_layer(discriminator) == [linear(784, 512), linear(512, 256), linear(256, 1)]


@pytest.mark.parametrize("settings", [
    {"loss": "wasserstein", "weight_clip": 0.01}, {"loss": "wasserstein", "gradient_penalty": 10.0},
])
def test_the_references_critics_are_its_discriminator(settings, cpu):
    """wgan.py and wgan_gp.py have gan.py's networks: no batch norm and no Sigmoid in D."""
    plain, critic = (made(cpu, architecture="mlp_reference", **each)[1] for each in ({}, settings))
    assert len(critic) == len(plain)
    assert all(isinstance(layer, type(other)) for layer, other in zip(critic, plain, strict=True))
    assert parameter_count(critic) == 533_505


def test_the_reference_dcgan_has_the_published_parameter_counts(cpu):
    """1 049 985 and 98 113 in PyTorch-GAN's dcgan.py, layer by layer as printed there."""
    generator, discriminator = made(cpu, architecture="dcgan_reference")
    assert by_layer(generator) == [
        linear(100, 128 * 8 * 8), 2 * 128,
        conv(128, 128, 3), 2 * 128,
        conv(128, 64, 3), 2 * 64,
        conv(64, 1, 3),
    ]
    assert by_layer(discriminator) == [
        conv(1, 16, 3),
        conv(16, 32, 3), 2 * 32,
        conv(32, 64, 3), 2 * 64,
        conv(64, 128, 3), 2 * 128,
        linear(512, 1),
    ]
    assert parameter_count(generator) == 1_049_985
    assert parameter_count(discriminator) == 98_113


def test_the_reference_dcgan_names_its_weights_as_published(cpu):
    """By the places of dcgan.py's layers, with nn.Upsample: else stored runs could not go on."""
    generator, _ = made(cpu, architecture="dcgan_reference")
    expected = nn.Sequential(
        nn.Linear(100, 128 * 8 * 8), nn.Unflatten(1, (128, 8, 8)), nn.BatchNorm2d(128),
        nn.Upsample(scale_factor=2), nn.Conv2d(128, 128, 3), nn.BatchNorm2d(128), nn.LeakyReLU(),
        nn.Upsample(scale_factor=2), nn.Conv2d(128, 64, 3), nn.BatchNorm2d(64), nn.LeakyReLU(),
        nn.Conv2d(64, 1, 3))
    shapes = {name: value.shape for name, value in expected.state_dict().items()}
    assert {name: value.shape for name, value in generator.state_dict().items()} == shapes


def test_the_reports_networks_have_the_documented_layers(cpu):
    """Three linear layers each: G latent-256-512-784, D 784-512-256-1; 2-D: 128 a layer."""
    generator, discriminator = made(cpu)
    assert parameter_count(generator) == linear(100, 256, 512, 784)
    assert parameter_count(discriminator) == linear(784, 512, 256, 1)
    generator, discriminator = made(cpu, dataset="ring", latent_dim=2)
    assert parameter_count(generator) == linear(2, 128, 128, 2)
    assert parameter_count(discriminator) == linear(2, 128, 128, 1)


def test_the_light_dcgan_has_the_documented_layers(cpu):
    """From 7×7×64 over 14×14×32 to 28×28 and back, no normalisation in D."""
    generator, discriminator = made(cpu, architecture="dcgan")
    assert by_layer(generator) == [
        100 * 7 * 7 * 64, 2 * 64, 64 * 32 * 4**2, 2 * 32, 32 * 1 * 4**2 + 1]
    assert by_layer(discriminator) == [conv(1, 32, 4), conv(32, 64, 4), linear(7 * 7 * 64, 1)]


@pytest.mark.parametrize("packing", [1, 2, 3, 4])
def test_pacgans_networks_have_the_published_layers(packing, cpu):
    """G: 4 × 400 without bias, normalised. D: 3 × 200 units of 5 pieces, 2m inputs (Table 1)."""
    generator, discriminator = made(
        cpu, architecture="pacgan_2d", latent_dim=2, packing=packing, batch_size=24)
    assert by_layer(generator) == [2 * 400, 800, *[400 * 400, 800] * 3, linear(400, 2)]
    assert by_layer(discriminator) == [
        linear(2 * packing, 1000), linear(200, 1000), linear(200, 1000), linear(200, 1)]


def test_the_references_batch_norm_has_its_odd_eps(cpu):
    """gan.py passes 0.8 where eps stands, and its published pictures depend on it; so dcgan.py."""
    generator, discriminator = made(cpu, architecture="mlp_reference")
    assert norms(generator) == [(256, 0.8), (512, 0.8), (1024, 0.8)]
    assert norms(discriminator) == []
    generator, discriminator = made(cpu, architecture="dcgan_reference")
    assert norms(generator) == [(128, 1e-5), (128, 0.8), (64, 0.8)]
    assert norms(discriminator) == [(32, 0.8), (64, 0.8), (128, 0.8)]


def norms(network: nn.Module) -> list[tuple[int, float]]:
    return [(layer.num_features, layer.eps) for layer in network.modules()
            if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d)]


# --- what can be changed -------------------------------------------------------------------------


@pytest.mark.parametrize(("settings", "of_g", "of_d"), [
    ({"width": 2.0}, (100, 512, 1024, 784), (784, 1024, 512, 1)),
    ({"width": 0.25}, (100, 64, 128, 784), (784, 128, 64, 1)),
    ({"depth": 1}, (100, 512, 784), (784, 512, 1)),
    ({"depth": 4}, (100, 256, 512, 512, 512, 784), (784, 512, 512, 512, 256, 1)),
    ({"width": 0.5, "depth": 3}, (100, 128, 256, 256, 784), (784, 256, 256, 128, 1)),
    ({"dataset": "grid", "width": 4.0, "depth": 3}, (100, 512, 512, 512, 2), (2, 512, 512, 512, 1)),
])
def test_width_and_depth_change_the_mlp_as_documented(settings, of_g, of_d, cpu):
    """Otherwise the cost page would price networks other than those it names."""
    for network, sizes in zip(made(cpu, **settings), (of_g, of_d), strict=True):
        assert by_layer(network) == [linear(*pair) for pair in pairwise(sizes)]


def test_width_multiplies_the_channels_of_the_light_dcgan(cpu):
    """Half the width is a quarter of the inner weights: what a slow machine needs."""
    generator, discriminator = made(cpu, architecture="dcgan", width=0.5)
    assert by_layer(generator)[2] == 32 * 16 * 4**2
    assert by_layer(discriminator) == [conv(1, 16, 4), conv(16, 32, 4), linear(7 * 7 * 32, 1)]


@pytest.mark.parametrize("architecture", NETWORKS)
def test_packing_widens_the_first_layer_of_d_and_nothing_else(architecture, cpu):
    """PacGAN: m examples side by side; anything else that grows would explain its effect too."""
    one, three = (made(cpu, architecture=architecture, packing=m, batch_size=48) for m in (1, 3))
    assert by_layer(one[0]) == by_layer(three[0])
    first = next(layer for layer in one[1].modules() if hasattr(layer, "weight"))
    (before, *rest), (after, *others) = by_layer(one[1]), by_layer(three[1])
    assert after == before + 2 * first.weight.numel()
    assert rest == others


def test_packs_lie_side_by_side():
    """All of one pack come from one half: a pack of a real and a fake would teach D nothing."""
    real, fake = torch.zeros(4, 3), torch.ones(4, 3)
    packs = packed(torch.cat([real, fake]), 2)
    assert packs.shape == (4, 6)
    assert packs.mean(1).tolist() == [0, 0, 1, 1]
    x = random(4, 3)
    assert torch.equal(packed(x, 2)[1], torch.cat([x[2], x[3]]))
    assert packed(x, 1).data_ptr() == x.data_ptr()


@pytest.mark.parametrize(("settings", "layer", "size"), [
    ({"architecture": "mlp"}, 1, linear(512 + 1, 256)),
    ({"architecture": "mlp", "depth": 1}, 0, linear(784 + 1, 512)),
    ({"architecture": "mlp", "dataset": "ring"}, 1, linear(128 + 1, 128)),
    ({"architecture": "mlp_reference"}, 1, linear(512 + 1, 256)),
    ({"architecture": "dcgan"}, 2, linear(7 * 7 * 64 + 1, 1)),
])
def test_minibatch_stddev_adds_one_feature(settings, layer, size, cpu):
    """One more weight a unit where the spread comes in; else its price would be another."""
    (_, plain), (_, wider) = made(cpu, **settings), made(cpu, minibatch_stddev=True, **settings)
    expected = by_layer(plain)
    expected[layer] = size
    assert by_layer(wider) == expected


def test_minibatch_stddev_reaches_the_logit(cpu):
    """Equal and different companions must look different to D, or it cannot see a collapse."""
    for architecture, options in OPTIONS:
        if options == {"minibatch_stddev": True}:
            _, discriminator = made(cpu, architecture=architecture, **options)
            x = random(4, 784)
            alone = discriminator(x[:1].repeat(4, 1))[0]
            assert not torch.allclose(discriminator(x)[0], alone, atol=1e-5)


# --- what they compute ---------------------------------------------------------------------------


def test_every_pair_maps_latents_to_samples_and_samples_to_logits(cpu):
    """Otherwise choosing it would end in a traceback."""
    for architecture, dataset in PAIRS:
        generator, discriminator = made(
            cpu, architecture=architecture, dataset=dataset, latent_dim=7)
        samples = generator(random(5, 7) * 100)
        assert samples.shape == (5, dim_of(dataset)), (architecture, dataset)
        assert discriminator(samples).shape == (5, 1), (architecture, dataset)
        if DATASETS[dataset].kind == "image":  # Tanh: the range of the scaled images
            assert samples.abs().max() <= 1.0, (architecture, dataset)


@pytest.mark.parametrize("architecture",
                         [name for name, dataset in PAIRS if dataset == "grid"])
def test_two_dimensional_samples_can_reach_the_data(architecture, cpu):
    """A Tanh at G's end would keep it from the grid's centres at ±4."""
    generator, _ = made(cpu, architecture=architecture, dataset="grid")
    *_, last = (layer for layer in generator.modules() if hasattr(layer, "weight"))
    assert not any(isinstance(layer, nn.Tanh) for layer in generator.modules())
    with torch.no_grad():
        last.bias.fill_(5.0)
    assert generator(random(100, 100)).max() > 4


@pytest.mark.parametrize("architecture", NETWORKS)
def test_logits_are_unbounded(architecture, cpu):
    """A Sigmoid at D's end would round vanishing gradients to zero."""
    _, discriminator = made(cpu, architecture=architecture)
    logits = discriminator(random(100, dim_of(FIRST[architecture])) * 1e5)
    assert logits.min() < 0 or logits.max() > 1
    assert not any(isinstance(layer, nn.Sigmoid) for layer in discriminator.modules())


def mixes(discriminator: nn.Module, config: RunConfig) -> bool:
    """Whether reals get other logits in one batch with fakes than by themselves."""
    dim = dim_of(config.dataset)
    parts = [packed(x, config.packing) for x in (random(16, dim, seed=1), random(16, dim) + 1)]
    together = discriminator(torch.cat(parts))
    apart = torch.cat([discriminator(part) for part in parts])
    return not torch.allclose(together, apart, atol=1e-5, rtol=1e-4)


def test_reals_and_fakes_do_not_mix_where_the_card_says_so(cpu):
    """The trainer passes them together unless D mixes a batch; a leak would tell D which is which.

    dcgan_reference has batch normalisation in D and does mix them, while it trains.
    """
    for architecture, options in OPTIONS:
        settings = {"architecture": architecture, **options}
        _, discriminator = made(cpu, **settings)
        config = RunConfig(dataset=FIRST[architecture], **settings)
        for training in (True, False):
            expected = training and config.mixes_batch
            assert mixes(discriminator.train(training), config) == expected, (settings, training)
        assert config.mixes_batch == bool(norms(discriminator)), settings
        assert config.mixes_batch == (architecture == "dcgan_reference"), settings


def test_networks_that_do_not_fit_are_refused_by_name():
    """Otherwise image networks on points would fail with a shape error."""
    for architecture, card in ARCHITECTURES.items():
        for dataset in DATASETS:
            if DATASETS[dataset].kind not in card.kinds:
                with pytest.raises(ConfigError, match=f"{architecture} does not fit .*{dataset}"):
                    RunConfig(architecture=architecture, dataset=dataset)


# --- dropout -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("architecture", "count", "channels"), [
    ("mlp", 2, False), ("mlp_reference", 2, False), ("dcgan", 2, False),
    ("dcgan_reference", 4, True), ("pacgan_2d", 3, False),
])
def test_dropout_sits_in_the_discriminator_only(architecture, count, channels, cpu):
    """The report's dropout is D's, after each hidden layer; in G it would be another experiment."""
    generator, discriminator = made(cpu, architecture=architecture, dropout=0.4)
    layers = [layer for layer in discriminator.modules() if isinstance(layer, Dropout)]
    assert [(layer.rate, layer.channels) for layer in layers] == [(0.4, channels)] * count
    assert not any(isinstance(layer, Dropout) for layer in generator.modules())
