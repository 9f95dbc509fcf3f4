"""Is a picture a digit at all? A classifier of ten digits must name one even for noise.

`python -m gan_core.evaluation.recogniser` trains the recogniser from the bundled MNIST and writes
the weights that ship in `gan_core/assets`; `python -m gan_core verify recogniser` measures how well
it tells digits from noise, blurs and averages of digits. For a data set whose weights do not ship,
`load` trains them once on this machine.
"""

from __future__ import annotations

import argparse
import functools
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

from gan_core.assets import ASSETS
from gan_core.config.choices import DATASETS
from gan_core.data.datasets import Dataset, scaled, whole
from gan_core.data.downloads import report
from gan_core.evaluation.classifier import IMAGES, DigitClassifier
from gan_core.evaluation.classifier import weights as classifier_weights
from gan_core.evaluation.non_digits import POOLED, SIDE, Draw, as_drawn, blurred, non_digits
from gan_core.evaluation.stored_network import StoredNetwork
from gan_core.system.files import replacing

NONE = 10  # the eleventh class: no digit
SOFTENED = 0.7  # pixels of blur
EPOCHS, SEED, BATCH = 12, 1, 256
ACCEPTED = 0.983  # of real training images: the threshold is where so many are recognised


def without_speckles(images: Tensor) -> Tensor:
    """Images (n, 784), each pixel no brighter than the second brightest of its eight neighbours and
    no darker than the second darkest; softened a little.

    A generator's single wrong pixels are those that fool networks. People look past them.
    """
    pictures = images.reshape(-1, SIDE, SIDE)
    edged = pad(pictures, (1, 1, 1, 1), value=-1.0)
    neighbours = [edged[:, row : row + SIDE, column : column + SIDE]
                  for row in range(3) for column in range(3) if (row, column) != (1, 1)]
    brightest, darkest = second_largest(neighbours), -second_largest([-each for each in neighbours])
    clean = torch.minimum(torch.maximum(pictures, darkest), brightest)
    return blurred(clean.reshape(images.shape), SOFTENED)


def second_largest(values: list[Tensor]) -> Tensor:
    """At each place, of tensors of one shape; sorting them would take ten times as long."""
    largest, second = torch.maximum(*values[:2]), torch.minimum(*values[:2])
    for value in values[2:]:
        second = torch.maximum(second, torch.minimum(largest, value))
        largest = torch.maximum(largest, value)
    return second


class Recogniser(nn.Module):
    """Images (n, 784) in [−1, 1] to (n,): how much surer it is of some digit than of none, as a
    logit; `threshold` says from where on a picture is recognised."""

    threshold: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.network = DigitClassifier(NONE + 1)
        self.register_buffer("threshold", torch.zeros(()))

    def forward(self, images: Tensor) -> Tensor:
        logits = self.network(without_speckles(images))
        return logits[:, :NONE].logsumexp(1) - logits[:, NONE]

    def recognises(self, images: Tensor) -> Tensor:
        """Which of the images (n, 784) are a digit, (n,) of bools."""
        return self(images) >= self.threshold


@functools.cache
def load(device: torch.device, dataset: str = "mnist") -> Recogniser:
    """The recogniser of `dataset`, in evaluation mode, without gradients.

    Raises DatasetError if it must be trained first and cannot be.
    """
    stored = StoredNetwork(
        "recogniser", "python -m gan_core.evaluation.recogniser", Recogniser, make)
    path = weights(dataset)
    return stored.load(path, dataset, device, ships=path.parent == ASSETS)


def weights(dataset: str = "mnist", folder: Path | None = None) -> Path:
    """The file of the weights, beside those of the data set's classifier."""
    beside = classifier_weights(dataset, folder)
    return beside.with_name(f"{DATASETS[dataset].classifier}_recogniser.npz")


def train(dataset: str = "mnist", epochs: int = EPOCHS, seed: int = SEED) -> Recogniser:
    """Train on the training images, and on as many pictures that are none of them.

    Always on the CPU, from its own random numbers: the same weights whatever the caller is doing.
    """
    data = whole(dataset, torch.device("cpu"))
    # An evaluation, which asks for the recogniser, has switched gradients off.
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(seed)
        model = Recogniser()
        _fit(model.network, data, epochs, Draw(seed))
    model.eval()
    with torch.no_grad():
        scores = torch.cat([model(scaled(part)) for part in data.train.split(1000)])
        model.threshold.copy_(scores.quantile(1 - ACCEPTED))
    return model


def _fit(network: DigitClassifier, data: Dataset, epochs: int, draw: Draw) -> None:
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=1e-2, fused=True)
    a_pass = len(data.train) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=4e-3, total_steps=epochs * a_pass)
    for step in range(epochs * a_pass):
        if step % a_pass == 0:
            order = torch.randperm(len(data.train))
        rows = order[step % a_pass * BATCH :][:BATCH]
        digits = scaled(data.train[rows])
        others = non_digits(digits, scaled(draw.rows(data.train, POOLED)), draw)
        labels = torch.cat([data.labels[rows], torch.full((len(others),), NONE)])
        pictures = torch.cat([as_drawn(digits, draw), others])
        loss = cross_entropy(network(without_speckles(pictures)), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        report(f"training the recogniser, once on this machine: {step / (epochs * a_pass):.0%}")


def make(dataset: str, folder: Path) -> Recogniser:
    """Train, and write the weights into `folder`."""
    model = train(dataset)
    arrays = {name: value.numpy() for name, value in model.state_dict().items()}
    with replacing(weights(dataset, folder)) as path, open(path, "wb") as file:
        np.savez_compressed(file, **arrays)
    return model


def main(arguments: list[str] | None = None) -> None:
    """Make what ships: `python -m gan_core.evaluation.recogniser [mnist | fashion_mnist]`."""
    parser = argparse.ArgumentParser(
        prog="python -m gan_core.evaluation.recogniser", description=main.__doc__)
    parser.add_argument("dataset", nargs="?", choices=IMAGES, default="mnist")
    dataset = parser.parse_args(arguments).dataset
    make(dataset, ASSETS)
    print(f"wrote {weights(dataset, ASSETS).name}")


if __name__ == "__main__":
    main()
