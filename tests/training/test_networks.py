"""Networks: the layers and sizes that the pages and the comparison with PyTorch-GAN rest on."""

from __future__ import annotations

import copy
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from gan_core.config.choices import ARCHITECTURES, DATASETS
from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError
from gan_core.training.layers import Dropout
from gan_core.training.networks import NETWORKS, build, packed

PAIRS = [(architecture, dataset) for architecture, card in ARCHITECTURES.items()
         for dataset in DATASETS if DATASETS[dataset].kind in card.kinds]
FIRST = dict(reversed(PAIRS))  # a data set for each architecture
# Options of D that every architecture, or those which say so, must work with.
OPTIONS = [
    (architecture, options) for architecture, card in ARCHITECTURES.items()
    for options in ({}, {"packing": 2}, {"minibatch_stddev": True},
                    {"packing": 2, "minibatch_stddev": True})
    if "minibatch_stddev" in card.resizable or "minibatch_stddev" not in options
]


def dim_of(dataset: str) -> int:
    return 784 if DATASETS[dataset].kind == "image" else 2


def made(cpu, seed: int = 0, stream: int = 0, **settings):
    """G and D, of a data set that fits unless one is named."""
    settings.setdefault("dataset", FIRST[settings.get("architecture", "mlp")])
    config = RunConfig(seed=seed, **settings)
    return build(config, dim_of(config.dataset), cpu, torch.Generator().manual_seed(stream))


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def parameter_count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def by_layer(network: nn.Module) -> list[int]:
    """Parameters of each layer that has its own."""
    counts = (sum(p.numel() for p in layer.parameters(recurse=False))
              for layer in network.modules())
    return [count for count in counts if count]


def linear(*sizes: int) -> int:
    """Parameters of linear layers between consecutive sizes: weights and biases."""
    return sum((width + 1) * out for width, out in pairwise(sizes))


def conv(channels_in: int, channels_out: int, side: int) -> int:
    return channels_out * (channels_in * side**2 + 1)


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


@pytest.mark.parametrize(("architecture", "dataset"), PAIRS)
def test_every_pair_maps_latents_to_samples_and_samples_to_logits(architecture, dataset, cpu):
    """Otherwise choosing it would end in a traceback."""
    settings = {"architecture": architecture, "dataset": dataset, "latent_dim": 7}
    generator, discriminator = made(cpu, **settings)
    samples = generator(random(5, 7) * 100)
    logits = discriminator(samples)
    assert samples.shape == (5, dim_of(dataset))
    assert logits.shape == (5, 1)
    if DATASETS[dataset].kind == "image":
        assert samples.abs().max() <= 1.0  # Tanh: the range of the scaled images


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


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("architecture", "options"), OPTIONS)
def test_reals_and_fakes_do_not_mix_where_the_card_says_so(architecture, options, training, cpu):
    """The trainer passes them together unless D mixes a batch; a leak would tell D which is which.

    dcgan_reference has batch normalisation in D and does mix them, while it trains.
    """
    settings = {"architecture": architecture, **options}
    _, discriminator = made(cpu, **settings)
    config = RunConfig(dataset=FIRST[architecture], **settings)
    discriminator.train(training)
    dim = dim_of(config.dataset)
    parts = [packed(x, config.packing) for x in (random(16, dim, seed=1), random(16, dim) + 1)]
    together = discriminator(torch.cat(parts))
    apart = torch.cat([discriminator(part) for part in parts])
    same = torch.allclose(together, apart, atol=1e-5, rtol=1e-4)
    assert same == (not (training and config.mixes_batch))
    assert config.mixes_batch == bool(norms(discriminator))
    assert config.mixes_batch == (architecture == "dcgan_reference")


def test_networks_that_do_not_fit_are_refused_by_name():
    """Otherwise image networks on points would fail with a shape error."""
    for architecture, card in ARCHITECTURES.items():
        for dataset in DATASETS:
            if DATASETS[dataset].kind not in card.kinds:
                with pytest.raises(ConfigError, match=f"{architecture} does not fit .*{dataset}"):
                    RunConfig(architecture=architecture, dataset=dataset)


# --- where they start ----------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"spectral_norm": True}])
@pytest.mark.parametrize(("architecture", "dataset"), PAIRS)
def test_weights_come_from_the_seed_alone(architecture, dataset, options, cpu):
    """Otherwise a run would depend on what the process did before, and disturb what comes after."""
    settings = {"architecture": architecture, "dataset": dataset, **options}
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    first = made(cpu, seed=5, **settings)
    assert torch.equal(torch.rand(1), expected)  # the process's own stream is where it was
    second, other = made(cpu, seed=5, **settings), made(cpu, seed=6, **settings)
    for one, same, different in zip(first, second, other, strict=True):
        state, again, elsewhere = one.state_dict(), same.state_dict(), different.state_dict()
        assert all(torch.equal(state[name], again[name]) for name in state)
        assert any(not torch.equal(state[name], elsewhere[name]) for name in state)


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


@pytest.mark.parametrize(("architecture", "remedy"), [
    (architecture, remedy) for architecture, card in ARCHITECTURES.items() for remedy in REMEDIES
    if not (card.batch_norm_in_d and "gradient_penalty" in remedy)
])
def test_remedies_do_not_change_the_initial_weights(architecture, remedy, cpu):
    """Otherwise broken and remedy would start from different networks."""
    plain, remedied = (made(cpu, architecture=architecture, **each) for each in ({}, remedy))
    for one, other in zip(plain, remedied, strict=True):
        before = dict(one.named_parameters())
        after = {name.replace("parametrizations.weight.original", "weight"): value
                 for name, value in other.named_parameters()}
        assert before.keys() == after.keys()
        assert all(torch.equal(before[name], after[name]) for name in before)


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


# --- dropout -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("architecture", "count", "channels"), [
    ("mlp", 2, False), ("mlp_reference", 2, False), ("dcgan", 2, False),
    ("dcgan_reference", 4, True), ("pacgan_2d", 3, False),
])
def test_dropout_sits_in_the_discriminator_only(architecture, count, channels, cpu):
    """The report's dropout is D's, after each hidden layer; in G it would be another experiment."""
    generator, discriminator = made(cpu, architecture=architecture, dropout=0.4)
    found = [layer for layer in discriminator.modules() if isinstance(layer, Dropout)]
    assert [(layer.rate, layer.channels) for layer in found] == [(0.4, channels)] * count
    assert not any(isinstance(layer, Dropout) for layer in generator.modules())


# --- spectral normalisation ----------------------------------------------------------------------


def matrices(network: nn.Module) -> list[Tensor]:
    """The weights a network multiplies by, those of convolutions as (out, in · h · w)."""
    return [layer.weight.detach().flatten(1) for layer in network.modules()
            if isinstance(layer, nn.Linear | nn.Conv2d)]


def largest(matrix: Tensor) -> float:
    return torch.linalg.svdvals(matrix)[0].item()


@pytest.mark.parametrize("architecture", NETWORKS)
def test_spectral_norm_brings_every_matrix_to_one(architecture, cpu):
    """Miyato et al. (2018): one left out, and D would not be 1-Lipschitz; G must stay free."""
    generator, discriminator = made(cpu, architecture=architecture, spectral_norm=True)
    x = random(4, dim_of(FIRST[architecture]))
    for _ in range(150):  # one power iteration each; the largest two values can be close
        discriminator(x)
    discriminator.eval()
    found = matrices(discriminator)
    assert len(found) == {"dcgan_reference": 5, "pacgan_2d": 4}.get(architecture, 3)
    assert [largest(matrix) for matrix in found] == [pytest.approx(1.0, abs=0.01)] * len(found)
    assert not any("parametrizations" in name for name in generator.state_dict())


@pytest.mark.parametrize("architecture", NETWORKS)
def test_spectral_norm_works_from_the_first_step(architecture, cpu):
    """PyTorch warms its vectors up by 15 iterations: the first pass is within a tenth of 1."""
    _, discriminator = made(cpu, architecture=architecture, spectral_norm=True)
    discriminator(random(4, dim_of(FIRST[architecture])))
    for matrix in matrices(discriminator.eval()):
        assert largest(matrix) == pytest.approx(1.0, abs=0.1)


def test_spectral_norm_makes_an_mlp_one_lipschitz(cpu):
    """The promise itself: |D(x) − D(y)| ≤ ‖x − y‖, since LeakyReLU stretches nothing."""
    _, discriminator = made(cpu, spectral_norm=True)
    with torch.no_grad():
        for layer in discriminator:
            if isinstance(layer, nn.Linear):
                layer.parametrizations.weight.original.mul_(50)  # however large they grow
        for _ in range(150):
            discriminator(random(4, 784))
        x, y = random(500, 784), random(500, 784, seed=1)
        gap = (discriminator(x) - discriminator(y)).abs().flatten()
    assert (gap <= 1.02 * (x - y).norm(dim=1)).all()


@pytest.mark.parametrize("architecture", NETWORKS)
def test_looking_at_d_leaves_spectral_norm_where_it_was(architecture, cpu):
    """Otherwise a run measured more often would be another run."""
    _, discriminator = made(cpu, architecture=architecture, spectral_norm=True)
    x = random(8, dim_of(FIRST[architecture]))
    discriminator(x)
    before = copy.deepcopy(discriminator.state_dict())
    vectors = [name for name in before if name.endswith(("._u", "._v"))]
    discriminator.eval()
    assert torch.equal(discriminator(x), discriminator(x))
    after = discriminator.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    discriminator.train()
    discriminator(x)
    assert any(not torch.equal(before[name], after[name]) for name in vectors)


@pytest.mark.parametrize("architecture", NETWORKS)
def test_a_checkpoint_carries_spectral_norms_vectors(architecture, cpu):
    """Otherwise a run that was continued would be another one than a run in one go."""
    settings = {"architecture": architecture, "spectral_norm": True}
    (_, first), (_, second) = made(cpu, **settings), made(cpu, seed=1, **settings)
    x = random(8, dim_of(FIRST[architecture]))
    for _ in range(3):
        first(x)
    state = copy.deepcopy(first.state_dict())
    names = [name for name in state if name.endswith(("._u", "._v"))]
    assert len(names) == 2 * len(matrices(first.eval()))
    first.train()
    second.load_state_dict(state)
    for _ in range(2):
        assert torch.equal(first(x), second(x))


def test_spectral_norm_runs_in_bfloat16(cpu):
    """The default precision of a processor that has it; the norm itself stays in 32 bits."""
    for architecture in NETWORKS:
        _, discriminator = made(cpu, architecture=architecture, spectral_norm=True)
        with torch.autocast("cpu", torch.bfloat16):
            logits = discriminator(random(8, dim_of(FIRST[architecture])))
        logits.float().sum().backward()
        assert logits.isfinite().all()
        assert all(p.grad.isfinite().all() for p in discriminator.parameters())
