"""A second look at images: another network than the one behind the metrics, trained apart.

`python -m gan_core.verification.auditor` trains it from the bundled MNIST in about two minutes and
writes the weights that ship in `gan_core/assets`. It shares no code, no weights and no seed with
the classifier of `gan_core.evaluation`, so that a mistake made there is not made again here.

Beside the ten digits it knows an eleventh class, what is no digit: noise, blurs, averages and
mixtures of digits, digits in shuffled pieces. It has never seen the samples of a GAN.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, cross_entropy

from gan_core.assets import ASSETS
from gan_core.data.datasets import scaled, whole
from gan_core.system.files import replacing

WEIGHTS = ASSETS / "audit_classifier.npz"
NO_DIGIT = 10  # the class beside the ten digits
SEED, EPOCHS, BATCH, RATE = 271_828, 5, 128, 3e-3
# Under so much a digit is still one to the eye: the standard deviation of noise, the share of
# pixels that are lost, the share that turn white, and how dim it may be.
NOISE, LOST, WHITE, DIM = 0.35, 0.25, 0.03, 0.6


class Auditor(nn.Module):
    """(n, 784) images in [−1, 1] to (n, 11) logits; `features` gives the 96 units before them."""

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Sequential(
            nn.Conv2d(1, 12, 5), nn.ELU(), nn.MaxPool2d(2),
            nn.Conv2d(12, 24, 5), nn.ELU(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(24 * 4 * 4, 96), nn.Tanh())
        self.decide = nn.Linear(96, NO_DIGIT + 1)

    def features(self, images: Tensor) -> Tensor:
        return self.look(images.reshape(-1, 1, 28, 28))

    def forward(self, images: Tensor) -> Tensor:
        return self.decide(self.features(images))


@functools.cache
def load() -> Auditor:
    """The auditor that ships, on the CPU, in evaluation mode, without gradients."""
    model = Auditor()
    with np.load(WEIGHTS, allow_pickle=False) as arrays:
        model.load_state_dict({name: torch.from_numpy(arrays[name]).float()
                               for name in model.state_dict()})
    return model.eval().requires_grad_(False)


def accuracy(model: Auditor) -> float:
    """Share of the 10 000 test images that get their digit."""
    data = whole("mnist", torch.device("cpu"))
    with torch.no_grad():
        guesses = torch.cat([model(scaled(part)).argmax(1) for part in data.held_out.split(500)])
    return (guesses == data.held_out_labels).float().mean().item()


# --- what is no digit: functions of digits (n, 1, 28, 28) in [−1, 1] ------------------------------


def blurred(digits: Tensor) -> Tensor:
    """So far that strokes run together: three times the mean over 7 × 7 pixels."""
    for _ in range(3):
        digits = avg_pool2d(digits, 7, stride=1, padding=3, count_include_pad=False)
    return digits


def averaged(digits: Tensor) -> Tensor:
    """Each the average of eight digits."""
    return torch.stack([digits.roll(shift, 0) for shift in range(8)]).mean(0)


def mixed(digits: Tensor) -> Tensor:
    """Each pixel from one of eight digits: a speckled average, as a young generator draws it."""
    choices = torch.stack([digits.roll(shift, 0) for shift in range(8)])
    return choices.gather(0, torch.randint(8, (1, *digits.shape)))[0]


def overlaid(digits: Tensor) -> Tensor:
    """Three digits on one picture."""
    return torch.maximum(digits, torch.maximum(digits.roll(1, 0), digits.roll(2, 0)))


def shuffled(digits: Tensor) -> Tensor:
    """Each digit cut into sixteen pieces, in another order."""
    pieces = digits.unfold(2, 7, 7).unfold(3, 7, 7).reshape(-1, 16, 7, 7)[:, torch.randperm(16)]
    return pieces.reshape(-1, 4, 4, 7, 7).transpose(2, 3).reshape(-1, 1, 28, 28)


def drowned(digits: Tensor) -> Tensor:
    """In noise of up to five times the contrast's half."""
    depth = 1 + 4 * torch.rand(len(digits), 1, 1, 1)
    return (digits + depth * torch.randn_like(digits)).clamp(-1, 1)


def noise(digits: Tensor) -> Tensor:
    """Every pixel by itself."""
    return 2 * torch.rand_like(digits) - 1


def speckles(digits: Tensor) -> Tensor:
    """White pixels on black, few or many."""
    density = torch.rand(len(digits), 1, 1, 1) ** 2
    return (torch.rand_like(digits) < density).float() * 2 - 1


def blank(digits: Tensor) -> Tensor:
    """One grey all over, with hardly any noise."""
    grey = 2 * torch.rand(len(digits), 1, 1, 1) - 1
    return (grey + 0.05 * torch.randn_like(digits)).clamp(-1, 1)


NOT_DIGITS: tuple[Callable[[Tensor], Tensor], ...] = (
    blurred, averaged, mixed, overlaid, shuffled, drowned, noise, speckles, blank)


# --- training -------------------------------------------------------------------------------------


def train(epochs: int = EPOCHS) -> Auditor:
    """On the 60 000 training images, on the CPU, from random numbers of its own."""
    data = whole("mnist", torch.device("cpu"))
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(SEED)
        model = Auditor()
        optimizer = torch.optim.Adam(model.parameters(), RATE)
        fall = torch.optim.lr_scheduler.CosineAnnealingLR(
            optimizer, epochs * (len(data.train) // BATCH))
        for _ in range(epochs):
            for rows in torch.randperm(len(data.train)).split(BATCH)[: len(data.train) // BATCH]:
                _learn(model, optimizer, scaled(data.train[rows]), data.labels[rows])
                fall.step()
    return model.eval().requires_grad_(False)


def _learn(
    model: Auditor, optimizer: torch.optim.Optimizer, images: Tensor, labels: Tensor
) -> None:
    """One step on digits, shifted and worn, and half as many pictures that are none."""
    digits = images.reshape(-1, 1, 28, 28)
    spoiled = digits[: len(digits) // 2]
    parts = zip(NOT_DIGITS, spoiled.tensor_split(len(NOT_DIGITS)), strict=True)
    nothing = torch.cat([spoil(part) for spoil, part in parts])
    logits = model(torch.cat([_worn(_shifted(digits)), nothing]))
    labels = torch.cat([labels, torch.full((len(nothing),), NO_DIGIT)])
    optimizer.zero_grad()
    cross_entropy(logits, labels).backward()
    optimizer.step()


def _shifted(digits: Tensor) -> Tensor:
    """By up to two pixels: samples are less well centred than real digits."""
    down, right = torch.randint(-2, 3, (2,)).tolist()
    return digits.roll((down, right), (2, 3))


def _worn(digits: Tensor) -> Tensor:
    """Each dimmer, with pixels lost, pixels white and noise: mostly little, sometimes much."""

    def up_to(most: float) -> Tensor:
        return most * torch.rand(len(digits), 1, 1, 1) ** 3

    ink = (digits + 1) / 2 * (1 - up_to(1 - DIM))
    ink = ink * (torch.rand_like(ink) >= up_to(LOST))
    ink = torch.maximum(ink, (torch.rand_like(ink) < up_to(WHITE)).float())
    return (2 * ink - 1 + up_to(NOISE) * torch.randn_like(ink)).clamp(-1, 1)


def main() -> None:
    """Train the auditor and write what ships, with its recipe beside the weights."""
    model = train()
    recipe = {"seed": SEED, "epochs": EPOCHS, "batch": BATCH, "rate": RATE,
              "test_accuracy": round(accuracy(model), 4), "torch": torch.__version__}
    arrays = {name: value.numpy().astype(np.float16) for name, value in model.state_dict().items()}
    with replacing(WEIGHTS) as path, open(path, "wb") as file:
        np.savez_compressed(file, recipe=np.array(json.dumps(recipe)), **arrays)
    print(f"wrote {WEIGHTS.name}: {recipe}")


if __name__ == "__main__":
    main()
