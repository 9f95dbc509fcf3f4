"""The published training loops, written out plainly, against ours.

https://github.com/eriklindernoren/PyTorch-GAN (36d3c77): gan.py, wgan.py, wgan_gp.py, dcgan.py.
Each is a loop over real batches with its own networks (a Sigmoid at D's end where the original has
one), its own loss (BCELoss) and a plain optimiser, in 64 bits; only the first weights, the reals
and the latents are ours. Their critics' rounds begin with an update of G after one critic step
instead of five: here they begin with five, as ours do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise, zip_longest

import pytest
import torch
from torch import Tensor, nn

from gan_core.config.run_config import RunConfig
from gan_core.training.trainer import Trainer, train

Draw = Callable[[], Tensor]
Losses = Iterator[tuple[Tensor, Tensor]]  # of D and of G, step by step


def mlp_generator() -> nn.Module:
    layers: list[nn.Module] = [nn.Linear(100, 128), nn.LeakyReLU(0.2)]
    for width_in, width_out in pairwise([128, 256, 512, 1024]):
        layers += [nn.Linear(width_in, width_out), nn.BatchNorm1d(width_out, 0.8),
                   nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Linear(1024, 784), nn.Tanh())


def mlp_discriminator(*end: nn.Module) -> nn.Module:
    return nn.Sequential(
        nn.Linear(784, 512), nn.LeakyReLU(0.2), nn.Linear(512, 256), nn.LeakyReLU(0.2),
        nn.Linear(256, 1), *end)


class ConvGenerator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.l1 = nn.Linear(100, 128 * 8**2)
        self.conv_blocks = nn.Sequential(
            nn.BatchNorm2d(128), nn.Upsample(scale_factor=2),
            nn.Conv2d(128, 128, 3, stride=1, padding=1), nn.BatchNorm2d(128, 0.8),
            nn.LeakyReLU(0.2), nn.Upsample(scale_factor=2),
            nn.Conv2d(128, 64, 3, stride=1, padding=1), nn.BatchNorm2d(64, 0.8),
            nn.LeakyReLU(0.2), nn.Conv2d(64, 1, 3, stride=1, padding=1), nn.Tanh())

    def forward(self, z: Tensor) -> Tensor:
        images = self.conv_blocks(self.l1(z).view(-1, 128, 8, 8))
        return images[:, :, 2:30, 2:30].flatten(1)  # ours: 28 × 28 of their 32 × 32


class ConvDiscriminator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for channels_in, channels_out in pairwise([1, 16, 32, 64, 128]):
            layers += [nn.Conv2d(channels_in, channels_out, 3, 2, 1), nn.LeakyReLU(0.2)]
            if channels_in > 1:  # after Dropout2d, which is off here
                layers.append(nn.BatchNorm2d(channels_out, 0.8))
        self.model = nn.Sequential(*layers)
        self.adv_layer = nn.Sequential(nn.Linear(128 * 2**2, 1), nn.Sigmoid())

    def forward(self, images: Tensor) -> Tensor:
        canvas = torch.full((len(images), 1, 32, 32), -1.0, dtype=images.dtype)
        canvas[:, 0, 2:30, 2:30] = images.view(-1, 28, 28)
        return self.adv_layer(self.model(canvas).flatten(1))


def gan(generator: nn.Module, discriminator: nn.Module, reals: Draw, latents: Draw) -> Losses:
    """gan.py and dcgan.py."""
    adversarial_loss = nn.BCELoss()
    optimizer_g = torch.optim.Adam(generator.parameters(), lr=0.0002, betas=(0.5, 0.999))
    optimizer_d = torch.optim.Adam(discriminator.parameters(), lr=0.0002, betas=(0.5, 0.999))
    while True:
        real_images = reals()
        valid, fake = (torch.full((len(real_images), 1), value, dtype=torch.double)
                       for value in (1.0, 0.0))
        optimizer_g.zero_grad()
        images = generator(latents())
        g_loss = adversarial_loss(discriminator(images), valid)
        g_loss.backward()
        optimizer_g.step()
        optimizer_d.zero_grad()
        real_loss = adversarial_loss(discriminator(real_images), valid)
        fake_loss = adversarial_loss(discriminator(images.detach()), fake)
        d_loss = (real_loss + fake_loss) / 2
        d_loss.backward()
        optimizer_d.step()
        yield d_loss, g_loss


def wgan(generator: nn.Module, critic: nn.Module, reals: Draw, latents: Draw) -> Losses:
    """wgan.py."""
    optimizer_g = torch.optim.RMSprop(generator.parameters(), lr=0.00005)
    optimizer_d = torch.optim.RMSprop(critic.parameters(), lr=0.00005)
    while True:
        for _ in range(5):
            optimizer_d.zero_grad()
            z = latents()
            d_loss = -torch.mean(critic(reals())) + torch.mean(critic(generator(z).detach()))
            d_loss.backward()
            optimizer_d.step()
            for parameter in critic.parameters():
                parameter.data.clamp_(-0.01, 0.01)
        optimizer_g.zero_grad()
        g_loss = -torch.mean(critic(generator(z)))
        g_loss.backward()
        optimizer_g.step()
        yield d_loss, g_loss


def wgan_gp(
    generator: nn.Module, critic: nn.Module, reals: Draw, latents: Draw, shares: Draw
) -> Losses:
    """wgan_gp.py."""
    optimizer_g = torch.optim.Adam(generator.parameters(), lr=0.0002, betas=(0.5, 0.999))
    optimizer_d = torch.optim.Adam(critic.parameters(), lr=0.0002, betas=(0.5, 0.999))

    def gradient_penalty(real: Tensor, fake: Tensor) -> Tensor:
        alpha = 1 - shares()  # theirs is the share of the real image, ours of the generated one
        between = (alpha * real + (1 - alpha) * fake).requires_grad_(True)
        scores = critic(between)
        gradients = torch.autograd.grad(
            outputs=scores, inputs=between, grad_outputs=torch.ones_like(scores),
            create_graph=True, retain_graph=True)[0]
        return ((gradients.norm(2, dim=1) - 1) ** 2).mean()

    while True:
        for _ in range(5):
            real_images, z = reals(), latents()
            optimizer_d.zero_grad()
            images = generator(z)
            wasserstein = -torch.mean(critic(real_images)) + torch.mean(critic(images))
            d_loss = wasserstein + 10 * gradient_penalty(real_images, images.detach())
            d_loss.backward()
            optimizer_d.step()
        optimizer_g.zero_grad()
        g_loss = -torch.mean(critic(generator(z)))
        g_loss.backward()
        optimizer_g.step()
        yield d_loss, g_loss


REFERENCE = RunConfig(
    architecture="mlp_reference", discriminator_loss="mean", update_order="generator_first",
    batch_size=64, precision="float32", training_examples=1000)
CRITIC = REFERENCE.replace(
    loss="wasserstein", discriminator_loss="sum", update_order="discriminator_first",
    discriminator_steps=5)
CLIPPED = CRITIC.replace(
    optimizer="rmsprop", learning_rate=5e-5, beta1=0.0, beta2=0.99, weight_clip=0.01)


@dataclass(frozen=True)
class Case:
    """`loss` and `weights` bound the relative differences, at three times what was measured. They
    are rounding's: early steps of Adam and RMSprop hardly depend on a gradient's size, and so make
    much of the last bit of a small one, most where clipped weights leave only small ones."""

    config: RunConfig
    loop: Callable[..., Losses]
    generator: Callable[[], nn.Module]
    discriminator: Callable[[], nn.Module]
    steps: int
    loss: float
    weights: float


CASES = {
    "gan.py": Case(REFERENCE, gan, mlp_generator, lambda: mlp_discriminator(nn.Sigmoid()),
                   8, 3e-7, 5e-4),
    "wgan.py": Case(CLIPPED, wgan, mlp_generator, mlp_discriminator, 4, 1e-4, 4e-2),
    "wgan_gp.py": Case(CRITIC.replace(gradient_penalty=10.0), wgan_gp, mlp_generator,
                       mlp_discriminator, 3, 2e-4, 2e-2),
    "dcgan.py": Case(REFERENCE.replace(architecture="dcgan_reference", batch_size=8), gan,
                     ConvGenerator, ConvDiscriminator, 3, 3e-7, 3e-2),
}


def doubled(network: nn.Module, weights: nn.Module) -> nn.Module:
    """The network in 64 bits, with the state of `weights`, which has the same layers in order."""
    state = weights.state_dict().values()
    network.load_state_dict(dict(zip(network.state_dict(), state, strict=True)))
    return network.double()


def draws(training: Trainer) -> list[Draw]:
    """What draws the same reals, latents and shares as the training will, from streams apart."""
    def stream(name: str) -> torch.Generator:
        return torch.Generator().set_state(training.state.draws.streams[name].get_state())

    size = training.config.batch_size
    batches, latents, noise = map(stream, ("batches", "latents", "noise"))
    return [
        lambda: training.state.data.batch(size, batches).double(),
        lambda: torch.randn(size, 100, generator=latents).double(),
        lambda: torch.rand(size, 1, generator=noise).double(),
    ]


def values(network: nn.Module) -> list[Tensor]:
    """Weights and biases, but no bias that BatchNorm subtracts again: its gradient is zero, or
    nearly, and Adam makes whole steps of what rounding leaves of it."""
    layers = [layer for layer in network.modules()
              if isinstance(layer, nn.Linear | nn.Conv2d | nn.BatchNorm1d | nn.BatchNorm2d)]
    weights = []
    for layer, following in zip_longest(layers, layers[1:]):
        cancelled = isinstance(following, nn.BatchNorm1d | nn.BatchNorm2d)
        weights += [layer.weight] if cancelled else [layer.weight, layer.bias]
    return [value.detach().double().clone() for value in weights]


@pytest.mark.parametrize("name", CASES)
def test_the_reference_is_trained_as_it_was_published(name):
    """Otherwise our users would compare their plots with those of another algorithm."""
    case = CASES[name]
    training = train(case.config, device="cpu")
    ours = training.state.generator.network, training.state.discriminator.network
    theirs = doubled(case.generator(), ours[0]), doubled(case.discriminator(), ours[1])
    start = [values(network) for network in theirs]
    streams = draws(training)
    reference = case.loop(*theirs, *streams[: 3 if case.loop is wgan_gp else 2])
    for _ in range(case.steps):
        training.train_step()
        loss_d, loss_g = next(reference)
        record, = training.fetch_burst()
        assert record.loss_d + record.penalty == pytest.approx(loss_d.item(), rel=case.loss)
        assert record.loss_g == pytest.approx(loss_g.item(), rel=case.loss)
        for mine, published, before in zip(ours, theirs, start, strict=True):
            for a, b, s in zip(values(mine), values(published), before, strict=True):
                assert (a - b).norm() <= case.weights * (b - s).norm()
    assert (record.penalty > 0) is (name == "wgan_gp.py")
