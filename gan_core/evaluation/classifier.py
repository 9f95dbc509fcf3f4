"""A small image classifier: it names generated images, and its features carry the image metrics.

`python -m gan_core.evaluation.classifier` trains it from the bundled MNIST and writes the weights
that ship in `gan_core/assets`, and beside them what the pages print about it, which
`gan_core.diagnosis.feature_extractor` reads. For a data set whose weights do not ship, `load`
trains them once on this machine and keeps them where the data is.
Values of metrics on its features are comparable only among runs measured with the same weights,
which `extractor_id` names.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from gan_core.assets import ASSETS
from gan_core.config.choices import DATASETS
from gan_core.data.datasets import SUBSET_SEED, Dataset, scaled, whole
from gan_core.data.downloads import data_folder, report
from gan_core.diagnosis import feature_extractor
from gan_core.evaluation.frechet import frechet, moments
from gan_core.evaluation.stored_network import StoredNetwork
from gan_core.system.files import replacing

FEATURES = 64
IMAGES = [name for name, card in DATASETS.items() if card.classifier]
SAMPLES = 2000  # as many as an evaluation takes from G: the distance depends on it
EPOCHS, SEED = 6, 0


class DigitClassifier(nn.Module):
    """(n, 784) images in [−1, 1] to (n, outputs) logits; `features` gives the 64 units before them.
    """

    def __init__(self, outputs: int = 10) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for channels_in, channels_out in ((1, 16), (16, 32), (32, 64)):
            layers += [nn.Conv2d(channels_in, channels_out, 3, stride=2, padding=1), nn.ReLU()]
        self.convolutions = nn.Sequential(*layers, nn.Flatten())
        self.penultimate = nn.Sequential(nn.Linear(64 * 4 * 4, FEATURES), nn.ReLU())
        self.head = nn.Linear(FEATURES, outputs)

    def features(self, images: Tensor) -> Tensor:
        return self.penultimate(self.convolutions(images.reshape(-1, 1, 28, 28)))

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images))


@functools.cache
def load(device: torch.device, dataset: str = "mnist") -> DigitClassifier:
    """The classifier of `dataset`, in evaluation mode, without gradients.

    Raises DatasetError if it must be trained first and cannot be.
    """
    stored = StoredNetwork(
        "classifier", "python -m gan_core.evaluation.classifier", DigitClassifier, make)
    path = weights(dataset)
    return stored.load(path, dataset, device, ships=path.parent == ASSETS)


def weights(dataset: str = "mnist", folder: Path | None = None) -> Path:
    """The file of the weights: in `folder`, else the shipped one, else the one made here."""
    name = f"{DATASETS[dataset].classifier}_classifier.npz"
    if folder is None:
        shipped = dataset == "mnist" or (ASSETS / name).exists()
        folder = ASSETS if shipped else data_folder()
    return folder / name


def extractor_id(dataset: str = "mnist", folder: Path | None = None) -> str:
    """Name of the feature extractor, to be printed with every value measured on its features."""
    digest = hashlib.sha256(weights(dataset, folder).read_bytes()).hexdigest()
    return f"{DATASETS[dataset].classifier}-cnn64-{digest[:8]}"


def card(dataset: str = "mnist", folder: Path | None = None) -> dict:
    """How the weights were made: epochs, seed, test accuracy, torch version."""
    with np.load(weights(dataset, folder), allow_pickle=False) as arrays:
        return json.loads(str(arrays["card"]))


def accuracy(model: DigitClassifier, images: Tensor, labels: Tensor) -> float:
    """Share of `images` (n, 784), uint8, that get their label (n,)."""
    with torch.no_grad():
        return (model(scaled(images)).argmax(1) == labels).float().mean().item()


def train(
    epochs: int = EPOCHS, seed: int = SEED, dataset: str = "mnist"
) -> tuple[DigitClassifier, float]:
    """Train on the 60 000 training images; returns the model and its accuracy on the 10 000.

    Always on the CPU, from its own random numbers: the same weights whatever the caller is doing.
    """
    data = whole(dataset, torch.device("cpu"))
    # An evaluation, which asks for the classifier, has switched gradients off.
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(seed)
        model = _fitted(data, epochs, f"training the classifier of {DATASETS[dataset].label}")
    return model, accuracy(model, data.held_out, data.held_out_labels)


def _fitted(data: Dataset, epochs: int, doing: str) -> DigitClassifier:
    model, batch = DigitClassifier(), 256
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=1e-2, fused=True)
    steps = epochs * (len(data.train) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=steps)
    for step in range(steps):
        position = step % (steps // epochs)
        if position == 0:
            order = torch.randperm(len(data.train))
        rows = order[position * batch : (position + 1) * batch]
        # Shifts of up to two pixels: generated images are less well centred than real ones.
        shift = torch.randint(-2, 3, (2,)).tolist()
        images = scaled(data.train[rows]).reshape(-1, 28, 28).roll(shift, (1, 2))
        loss = cross_entropy(model(images), data.labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        report(f"{doing}, once on this machine: {(step + 1) / steps:.0%}")
    return model.eval()


def facts(model: DigitClassifier, dataset: str = "mnist", folder: Path | None = None) -> dict:
    """What the pages print about `model`, whose weights have been written."""
    data = whole(dataset, torch.device("cpu"))
    rows = np.random.default_rng(SUBSET_SEED).permutation(len(data.train))[:SAMPLES]
    with torch.no_grad():
        train, held_out = (
            moments(model.features(scaled(images)))
            for images in (data.train[torch.from_numpy(rows)], data.held_out)
        )
    return {
        "id": extractor_id(dataset, folder),
        "test_accuracy": round(accuracy(model, data.held_out, data.held_out_labels), 4),
        "frechet_train_held_out": round(frechet(train, held_out), 4),
    }


def make(dataset: str, folder: Path) -> DigitClassifier:
    """Train, and write the weights and what is measured of them into `folder`."""
    model, test_accuracy = train(EPOCHS, SEED, dataset)
    arrays = {name: value.numpy() for name, value in model.state_dict().items()}
    made = {"epochs": EPOCHS, "seed": SEED, "test_accuracy": round(test_accuracy, 4),
            "torch": torch.__version__}
    with replacing(weights(dataset, folder)) as path, open(path, "wb") as file:
        np.savez_compressed(file, card=np.array(json.dumps(made)), **arrays)
    with replacing(folder / feature_extractor.facts_file(dataset)) as path:
        text = json.dumps(facts(model, dataset, folder), indent=1) + "\n"
        path.write_text(text, encoding="utf-8")
    return model


def main(arguments: list[str] | None = None) -> None:
    """Make what ships: `python -m gan_core.evaluation.classifier [mnist | fashion_mnist]`."""
    parser = argparse.ArgumentParser(
        prog="python -m gan_core.evaluation.classifier", description=main.__doc__)
    parser.add_argument("dataset", nargs="?", choices=IMAGES, default="mnist")
    dataset = parser.parse_args(arguments).dataset
    make(dataset, ASSETS)
    facts_name = feature_extractor.facts_file(dataset)
    print(f"wrote {weights(dataset, ASSETS).name}: {card(dataset, ASSETS)}, and {facts_name}")


if __name__ == "__main__":
    main()
