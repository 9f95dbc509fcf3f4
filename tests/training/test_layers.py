"""Layers, against their definitions worked out on small numbers."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from gan_core.training.layers import (
    ChannelsLast,
    Cropped,
    Dropout,
    Maxout,
    MinibatchStddev,
    OneChannelConv2d,
    OneChannelConvTranspose2d,
    Padded,
    UpsampledConv2d,
)

# --- dropout -------------------------------------------------------------------------------------


def test_dropout_drops_its_share_and_keeps_the_mean():
    """E[x · mask / (1 − p)] = x: else D's logits would shift with the slider."""
    layer = Dropout(0.4, torch.Generator().manual_seed(0))
    out = layer(torch.ones(100, 1000))
    assert (out == 0).float().mean().item() == pytest.approx(0.4, abs=0.01)
    assert out.mean().item() == pytest.approx(1.0, abs=0.01)
    assert out.unique().tolist() == [0.0, pytest.approx(1 / 0.6)]


@pytest.mark.parametrize("channels", [False, True])
def test_dropout_is_off_where_it_should_be(channels):
    """Otherwise evaluations would be noisy, or dropout 0 would use up random numbers."""
    stream = torch.Generator().manual_seed(0)
    before, x = stream.get_state(), torch.randn(4, 4, 2, 2)
    assert torch.equal(Dropout(0.4, stream, channels).eval()(x), x)
    assert torch.equal(Dropout(0.0, stream, channels)(x), x)
    assert torch.equal(stream.get_state(), before)


def test_dropout_of_channels_takes_all_or_nothing():
    """dcgan.py's Dropout2d: neighbouring pixels say the same, so dropping a few drops nothing."""
    layer = Dropout(0.25, torch.Generator().manual_seed(0), channels=True)
    out = layer(torch.ones(100, 64, 3, 5))
    assert torch.equal(out, out[:, :, :1, :1].expand_as(out))
    assert (out[:, :, 0, 0] == 0).float().mean().item() == pytest.approx(0.25, abs=0.02)
    assert out.unique().tolist() == [0.0, pytest.approx(1 / 0.75)]


@pytest.mark.parametrize("channels", [False, True])
def test_dropout_follows_its_own_stream(channels):
    """Otherwise a run would depend on what else draws random numbers in this process."""
    x = torch.ones(8, 16, 2, 2)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first, same, other = (
        Dropout(0.5, torch.Generator().manual_seed(seed), channels)(x) for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first, same) and not torch.equal(first, other)


# --- minibatch standard deviation ----------------------------------------------------------------


def test_minibatch_stddev_on_paper():
    """Features 0, 0, 2, 2 spread by 1 and 1, 1, 1, 9 by √12: each of the four sees their mean."""
    group = torch.tensor([[0.0, 1.0], [0.0, 1.0], [2.0, 1.0], [2.0, 9.0]])
    equal = torch.full((4, 2), 3.0)
    out = MinibatchStddev()(torch.cat([group, equal]))
    assert out.shape == (8, 3)
    assert torch.equal(out[:, :2], torch.cat([group, equal]))
    assert out[:4, 2].tolist() == [pytest.approx((1 + math.sqrt(12)) / 2)] * 4
    assert out[4:, 2].tolist() == [pytest.approx(0.0, abs=1e-3)] * 4


def test_minibatch_stddev_never_compares_reals_with_fakes():
    """They pass D in one batch: a spread over both would tell D nothing of G's variety."""
    real, fake = torch.randn(8, 5), torch.randn(8, 5)
    together = MinibatchStddev()(torch.cat([real, fake]))
    assert torch.equal(together, torch.cat([MinibatchStddev()(real), MinibatchStddev()(fake)]))
    elsewhere = MinibatchStddev()(torch.cat([real, fake * 100]))
    assert torch.equal(elsewhere[:8], together[:8])
    assert not torch.equal(elsewhere[8:, 5], together[8:, 5])


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_minibatch_stddev_of_equal_examples_has_a_finite_slope(value):
    """A collapsed G makes four times the same; √0 would then make every weight of it NaN."""
    x = torch.full((4, 3), value, requires_grad=True)
    out = MinibatchStddev()(x)
    (slope,) = torch.autograd.grad(out[:, 3].sum(), x, create_graph=True)
    assert torch.equal(slope, torch.zeros(4, 3))
    slope.square().sum().backward()  # what a penalty on D's gradient does
    assert x.grad.isfinite().all()


def test_minibatch_stddev_pulls_a_spread_group_apart():
    """d(spread)/dx has the sign of x − mean: G can follow it towards more variety."""
    x = torch.tensor([[0.0], [1.0], [3.0], [4.0]], requires_grad=True)
    MinibatchStddev()(x)[:, 1].sum().backward()
    assert x.grad.sign().flatten().tolist() == [-1, -1, 1, 1]


# --- maxout --------------------------------------------------------------------------------------


def test_maxout_on_paper():
    """Unit 1: max(x₁, x₂), unit 2: max(−x₁, x₂ + 1). Else D is not PacGAN's."""
    layer = Maxout(2, units=2, pieces=2)
    with torch.no_grad():
        layer.linear.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, 1.0]]))
        layer.linear.bias.copy_(torch.tensor([0.0, 0.0, 0.0, 1.0]))
    x = torch.tensor([[2.0, 1.0], [-5.0, 1.0], [0.0, 7.0]])
    assert layer(x).tolist() == [[2.0, 2.0], [1.0, 5.0], [7.0, 8.0]]


def test_maxout_has_five_maps_for_each_unit():
    """200 units in 5 pieces are 1000 rows of weights, and 200 outputs."""
    layer = Maxout(3, units=200, pieces=5)
    assert layer.linear.weight.shape == (1000, 3)
    x = torch.randn(7, 3)
    expected = layer.linear(x).reshape(7, 200, 5).max(2).values
    assert torch.equal(layer(x), expected)


# --- convolutions that multiply less -------------------------------------------------------------


def enlarged(channels_in: int, channels_out: int) -> nn.Module:
    return nn.Sequential(
        nn.Upsample(scale_factor=2), nn.Conv2d(channels_in, channels_out, 3, padding=1))


# Ours, what it stands for, and the channels it is tried with.
CONVOLUTIONS = {
    "enlarged": (UpsampledConv2d, enlarged, (3, 5)),
    "enlarged, one channel": (UpsampledConv2d, enlarged, (4, 1)),
    "one channel": (
        OneChannelConv2d, lambda channels: nn.Conv2d(channels, 1, 3, padding=1), (4,)),
    "transposed": (
        OneChannelConvTranspose2d,
        lambda channels: nn.ConvTranspose2d(channels, 1, 4, stride=2, padding=1), (4,)),
}
SIZES = [(8, 8), (7, 7), (1, 1), (1, 6), (5, 2)]


def twins(name: str) -> tuple[nn.Module, nn.Module]:
    """Both drawn from one seed, in 64 bits."""
    pair = []
    for make in CONVOLUTIONS[name][:2]:
        torch.manual_seed(3)
        pair.append(make(*CONVOLUTIONS[name][2]).double())
    return tuple(pair)


def inputs(name: str, size: tuple[int, int]) -> Tensor:
    shape = (2, CONVOLUTIONS[name][2][0], *size)
    return torch.randn(shape, dtype=torch.double, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolutions_start_like_those_they_stand_for(name):
    """Same names, shapes and draws: else stored runs could not go on, nor seeds be repeated."""
    ours, theirs = twins(name)
    state = {key.removeprefix("1."): value for key, value in theirs.state_dict().items()}
    assert list(ours.state_dict()) == list(state)
    assert all(torch.equal(value, state[key]) for key, value in ours.state_dict().items())


@pytest.mark.parametrize("layout", [nn.Identity(), ChannelsLast()])
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolutions_compute_what_those_they_stand_for_compute(name, layout):
    """At borders too, and the gradients of everything: else G would learn something else."""
    for size in SIZES:
        ours, theirs = (outcomes(layer, layout, inputs(name, size)) for layer in twins(name))
        torch.testing.assert_close(
            ours, theirs, rtol=1e-12, atol=1e-12, msg=lambda text, size=size: f"{size}: {text}")


def outcomes(layer: nn.Module, layout: nn.Module, x: Tensor) -> list[Tensor]:
    """A layer's output, and the gradients of its inputs and weights for some slope."""
    x = x.requires_grad_()
    out = layer(layout(x))
    slope = torch.randn(out.shape, dtype=out.dtype, generator=torch.Generator().manual_seed(1))
    return [out, *torch.autograd.grad(out, (x, *layer.parameters()), slope)]


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolutions_can_be_penalised(name):
    """The gradient of a gradient's norm, as a penalty takes it, behind something curved."""
    results = []
    for layer in twins(name):
        x = inputs(name, (4, 3)).requires_grad_()
        slope, = torch.autograd.grad(layer(x).tanh().sum(), x, create_graph=True)
        results.append(torch.autograd.grad(slope.square().sum(), (x, *layer.parameters())))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("name", "share"), [
    ("enlarged", 16 / 36), ("one channel", 1), ("transposed", 1)])
def test_an_enlarged_image_is_not_multiplied_pixel_by_pixel(name, share):
    """16 products a pixel instead of 36, beside the sums of weights, which see no pixel at all."""
    def flops(layer: nn.Module, images: int) -> int:
        with FlopCounterMode(display=False) as counter:
            layer(inputs(name, (8, 8)).repeat(images, 1, 1, 1))
        return counter.get_total_flops()

    ours, theirs = (flops(layer, 3) - flops(layer, 1) for layer in twins(name))
    assert ours == share * theirs


def test_the_layout_changes_no_number_and_is_passed_on():
    """Images of one channel too, whose strides are the same either way: D's first layer."""
    for channels in (1, 3):
        x = torch.randn(2, channels, 4, 6)
        out = ChannelsLast()(x)
        assert torch.equal(out, x)
        layer = nn.Sequential(nn.Conv2d(channels, 8, 3), nn.LeakyReLU(), nn.BatchNorm2d(8))
        assert layer(out).is_contiguous(memory_format=torch.channels_last)
        assert not layer(x).is_contiguous(memory_format=torch.channels_last)


# --- 28 and 32 pixels ----------------------------------------------------------------------------


@pytest.mark.parametrize("packing", [1, 3])
def test_padding_adds_two_pixels_of_background(packing):
    """Otherwise the reference's D would see a frame, or other images than the metrics do."""
    images = torch.randn(2, packing * 784)
    out = Padded()(images)
    assert out.shape == (2, packing, 32, 32)
    assert torch.equal(out[:, :, 2:30, 2:30].reshape(2, -1), images)
    frame = torch.ones(32, 32, dtype=torch.bool)
    frame[2:30, 2:30] = False
    assert (out[:, :, frame] == -1.0).all()


def test_cropping_undoes_padding():
    """Otherwise G's digits would sit off the centre that D learns from the reals."""
    images = torch.randn(5, 784)
    assert torch.equal(Cropped()(Padded()(images)), images)
