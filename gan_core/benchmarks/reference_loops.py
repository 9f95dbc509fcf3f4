"""Reference loops: how published code trains these networks, to compare our step with.

The loops are gan.py, dcgan.py and wgan_gp.py of https://github.com/eriklindernoren/PyTorch-GAN
(36d3c77) written anew, and nothing is made faster than it is there: networks in float32,
plain Adam, a DataLoader that loads in this process and decodes and transforms image by image, G
updated on its own forward passes, both losses fetched whenever the original prints them. Two
things are left out: the line that is printed, and the sheet of samples every 400 batches. The
networks are written out here, so that no change of ours reaches them; those that PyTorch-GAN does
not have (`mlp`, `dcgan`, `pacgan_2d`) are built as it would build them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset
from torchvision import transforms

from gan_core.config.run_config import RunConfig
from gan_core.data import datasets
from gan_core.training.layers import Maxout

CPU = torch.device("cpu")
PENALTY = 10.0  # wgan_gp.py: λ of the gradient penalty
CRITIC_STEPS = 5  # and batches between two updates of G

Pair = tuple[nn.Sequential, nn.Sequential]
Batches = Iterator[Tensor]
Losses = Iterator[tuple[float, float]]  # of D and of G, as they are printed

# --- data -----------------------------------------------------------------------------------------


class Pictures(Dataset):
    """MNIST as torchvision gives it: a PIL image that is transformed whenever it is read."""

    def __init__(self, side: int) -> None:
        data = datasets.whole("mnist", CPU)
        self.images, self.labels = data.train.reshape(-1, 28, 28), data.labels
        self.transform = transforms.Compose(
            [transforms.Resize(side), transforms.ToTensor(), transforms.Normalize([0.5], [0.5])])

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        picture = Image.fromarray(self.images[index].numpy())
        return self.transform(picture), int(self.labels[index])


def examples(config: RunConfig) -> Dataset:
    """Images (1, side, side) in [−1, 1] with labels, or points (2,)."""
    if config.card.kind == "points":
        return TensorDataset(datasets.whole(config.dataset, CPU).train)
    return Pictures(32 if config.architecture == "dcgan_reference" else 28)


def endless(loader: DataLoader) -> Batches:
    """Epoch after epoch; the last batch of each is what is left over."""
    while True:
        for images, *_ in loader:
            yield images


# --- networks -------------------------------------------------------------------------------------


def _layers(sizes: list[int], *, norm: bool = False, slope: float = 0.2) -> list[nn.Module]:
    """Linear layers with BatchNorm, if `norm`, and (Leaky)ReLU in place behind every one."""
    layers: list[nn.Module] = []
    for width_in, width_out in pairwise(sizes):
        layers.append(nn.Linear(width_in, width_out))
        if norm:
            layers.append(nn.BatchNorm1d(width_out, 0.8))
        layers.append(nn.LeakyReLU(slope, inplace=True) if slope else nn.ReLU(inplace=True))
    return layers


def mlp(config: RunConfig) -> Pair:
    """The report's pair for images, 128 units a layer for points."""
    latents = config.latent_dim
    if config.card.kind == "points":
        return (nn.Sequential(*_layers([latents, 128, 128], slope=0.0), nn.Linear(128, 2)),
                nn.Sequential(*_layers([2, 128, 128]), nn.Linear(128, 1)))
    generator = nn.Sequential(
        *_layers([latents, 256, 512], slope=0.0), nn.Linear(512, 784), nn.Tanh(),
        nn.Unflatten(1, (1, 28, 28)))
    return generator, _image_discriminator()


def mlp_reference(config: RunConfig) -> Pair:
    """gan.py, and wgan_gp.py without the Sigmoid."""
    generator = nn.Sequential(
        *_layers([config.latent_dim, 128]), *_layers([128, 256, 512, 1024], norm=True),
        nn.Linear(1024, 784), nn.Tanh(), nn.Unflatten(1, (1, 28, 28)))
    return generator, _image_discriminator()


def _image_discriminator() -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), *_layers([784, 512, 256]), nn.Linear(256, 1))


def dcgan(config: RunConfig) -> Pair:
    """Our light DCGAN: from 7×7 to 28×28 and back."""
    generator = nn.Sequential(
        nn.Linear(config.latent_dim, 64 * 7 * 7, bias=False), nn.Unflatten(1, (64, 7, 7)),
        nn.BatchNorm2d(64), nn.ReLU(inplace=True),
        nn.ConvTranspose2d(64, 32, 4, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU(inplace=True),
        nn.ConvTranspose2d(32, 1, 4, 2, 1), nn.Tanh())
    discriminator = nn.Sequential(
        nn.Conv2d(1, 32, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(32, 64, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True),
        nn.Flatten(), nn.Linear(64 * 7 * 7, 1))
    return generator.apply(_normal_weights), discriminator.apply(_normal_weights)


def dcgan_reference(config: RunConfig) -> Pair:
    """dcgan.py, on 32×32 pixels."""

    def upsampled(channels_in: int, channels_out: int) -> list[nn.Module]:
        return [nn.Upsample(scale_factor=2), nn.Conv2d(channels_in, channels_out, 3, 1, 1),
                nn.BatchNorm2d(channels_out, 0.8), nn.LeakyReLU(0.2, inplace=True)]

    generator = nn.Sequential(
        nn.Linear(config.latent_dim, 128 * 8 * 8), nn.Unflatten(1, (128, 8, 8)),
        nn.BatchNorm2d(128), *upsampled(128, 128), *upsampled(128, 64),
        nn.Conv2d(64, 1, 3, 1, 1), nn.Tanh())
    layers: list[nn.Module] = []
    for channels_in, channels_out in pairwise([1, 16, 32, 64, 128]):
        layers += [nn.Conv2d(channels_in, channels_out, 3, 2, 1),
                   nn.LeakyReLU(0.2, inplace=True), nn.Dropout2d(0.25)]
        if channels_in > 1:
            layers.append(nn.BatchNorm2d(channels_out, 0.8))
    discriminator = nn.Sequential(*layers, nn.Flatten(), nn.Linear(128 * 2 * 2, 1))
    return generator.apply(_normal_weights), discriminator.apply(_normal_weights)


def pacgan_2d(config: RunConfig) -> Pair:
    """Four normalised layers of 400 units against three maxout layers of 200 in 5 pieces."""
    layers: list[nn.Module] = []
    for width_in in (config.latent_dim, 400, 400, 400):
        layers += [nn.Linear(width_in, 400, bias=False), nn.BatchNorm1d(400),
                   nn.ReLU(inplace=True)]
    discriminator = nn.Sequential(
        Maxout(2, 200, 5), Maxout(200, 200, 5), Maxout(200, 200, 5), nn.Linear(200, 1))
    generator = nn.Sequential(*layers, nn.Linear(400, 2))
    return generator.apply(_normal_linear), discriminator.apply(_normal_linear)


def _normal_weights(layer: nn.Module) -> None:
    """dcgan.py's weights_init_normal."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(layer.weight, 0.0, 0.02)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)


def _normal_linear(layer: nn.Module) -> None:
    if isinstance(layer, nn.Linear):
        nn.init.normal_(layer.weight, 0.0, 0.02)


NETWORKS: dict[str, Callable[[RunConfig], Pair]] = {
    "mlp": mlp, "mlp_reference": mlp_reference, "dcgan": dcgan, "dcgan_reference": dcgan_reference,
    "pacgan_2d": pacgan_2d,
}

# --- loops ----------------------------------------------------------------------------------------


def latents(count: int, config: RunConfig, device: torch.device) -> Tensor:
    """Drawn by NumPy in 64 bits, as the loops do."""
    noise = np.random.normal(0, 1, (count, config.latent_dim))
    return torch.tensor(noise, dtype=torch.float32, device=device)


def _adam(network: nn.Module, config: RunConfig) -> torch.optim.Optimizer:
    return torch.optim.Adam(
        network.parameters(), lr=config.learning_rate, betas=(config.beta1, config.beta2))


def gan(pair: Pair, batches: Batches, config: RunConfig, device: torch.device) -> Losses:
    """gan.py and dcgan.py: G first, then D on the same fakes; a step is a batch."""
    generator, discriminator = pair
    adversarial_loss = nn.BCELoss()
    optimizer_g, optimizer_d = _adam(generator, config), _adam(discriminator, config)
    for images in batches:
        real = images.to(device)
        valid = torch.full((len(real), 1), 1.0, device=device)
        fake = torch.full((len(real), 1), 0.0, device=device)

        optimizer_g.zero_grad()
        generated = generator(latents(len(real), config, device))
        g_loss = adversarial_loss(discriminator(generated), valid)
        g_loss.backward()
        optimizer_g.step()

        optimizer_d.zero_grad()
        real_loss = adversarial_loss(discriminator(real), valid)
        fake_loss = adversarial_loss(discriminator(generated.detach()), fake)
        d_loss = (real_loss + fake_loss) / 2
        d_loss.backward()
        optimizer_d.step()
        yield d_loss.item(), g_loss.item()


def wgan_gp(pair: Pair, batches: Batches, config: RunConfig, device: torch.device) -> Losses:
    """wgan_gp.py: every batch updates the critic, every fifth one G as well; a step goes from one
    update of G to the next. The critic's backward pass runs on through G, whose gradients are then
    thrown away, because its fakes are not detached."""
    generator, critic = pair
    optimizer_g, optimizer_d = _adam(generator, config), _adam(critic, config)
    for batch, images in enumerate(batches):
        real = images.to(device)
        optimizer_d.zero_grad()
        z = latents(len(real), config, device)
        fake = generator(z)
        real_validity, fake_validity = critic(real), critic(fake)
        penalty = gradient_penalty(critic, real.data, fake.data)
        d_loss = -torch.mean(real_validity) + torch.mean(fake_validity) + PENALTY * penalty
        d_loss.backward()
        optimizer_d.step()

        optimizer_g.zero_grad()
        if batch % CRITIC_STEPS == 0:
            g_loss = -torch.mean(critic(generator(z)))
            g_loss.backward()
            optimizer_g.step()
            yield d_loss.item(), g_loss.item()


def gradient_penalty(critic: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """(‖∇D‖ − 1)² at points between each real and a generated example (n, 1, 28, 28), averaged."""
    share = torch.tensor(
        np.random.random((len(real), 1, 1, 1)), dtype=torch.float32, device=real.device)
    between = (share * real + (1 - share) * fake).requires_grad_(True)
    scores = critic(between)
    gradients = torch.autograd.grad(
        outputs=scores, inputs=between, grad_outputs=torch.ones_like(scores), create_graph=True,
        retain_graph=True, only_inputs=True)[0]
    return ((gradients.view(len(gradients), -1).norm(2, dim=1) - 1) ** 2).mean()


LOOPS: dict[str, Callable[[Pair, Batches, RunConfig, torch.device], Losses]] = {
    "gan": gan, "wgan_gp": wgan_gp,
}


class ReferenceLoop:
    """One of LOOPS with the networks, batch size and learning rates of `config`. `losses` are the
    last ones of D and of G."""

    def __init__(self, loop: str, config: RunConfig, device: torch.device) -> None:
        generator, discriminator = NETWORKS[config.architecture](config)
        if loop == "gan":  # BCELoss takes probabilities
            discriminator.append(nn.Sigmoid())
        self.generator, self.discriminator = generator.to(device), discriminator.to(device)
        batches = endless(DataLoader(examples(config), config.batch_size, shuffle=True))
        self.loop = LOOPS[loop]((self.generator, self.discriminator), batches, config, device)
        self.losses = (0.0, 0.0)

    def advance(self, steps: int) -> None:
        for _ in range(steps):
            self.losses = next(self.loop)
