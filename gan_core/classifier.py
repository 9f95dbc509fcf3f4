"""A small digit classifier: it names generated digits, and its features carry the image metrics.

`python -m gan_core.classifier` trains it from the bundled MNIST and writes the weights that ship
in `gan_core/data`, and beside them what `gan_core.extractor` tells the pages. Values of metrics on
its features are comparable only among runs measured with the same weights, which `extractor_id`
names.
"""

from __future__ import annotations

import functools
import hashlib
import json

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from gan_core import extractor
from gan_core.datasets import DATA, SUBSET_SEED, scaled, whole
from gan_core.frechet import frechet, moments

WEIGHTS = DATA / "digit_classifier.npz"
FEATURES = 64
SAMPLES = 2000  # as many as an evaluation takes from G: the distance depends on it


class DigitClassifier(nn.Module):
    """(n, 784) images in [−1, 1] to (n, 10) logits; `features` gives the 64 units before them."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for channels_in, channels_out in ((1, 16), (16, 32), (32, 64)):
            layers += [nn.Conv2d(channels_in, channels_out, 3, stride=2, padding=1), nn.ReLU()]
        self.convolutions = nn.Sequential(*layers, nn.Flatten())
        self.penultimate = nn.Sequential(nn.Linear(64 * 4 * 4, FEATURES), nn.ReLU())
        self.head = nn.Linear(FEATURES, 10)

    def features(self, images: Tensor) -> Tensor:
        return self.penultimate(self.convolutions(images.reshape(-1, 1, 28, 28)))

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images))


@functools.cache
def load(device: torch.device) -> DigitClassifier:
    """The shipped classifier, in evaluation mode, without gradients."""
    model = DigitClassifier()
    with np.load(WEIGHTS, allow_pickle=False) as arrays:
        model.load_state_dict(
            {name: torch.from_numpy(arrays[name]) for name in model.state_dict()}
        )
    return model.eval().requires_grad_(False).to(device)


def extractor_id() -> str:
    """Name of the feature extractor, to be printed with every value measured on its features."""
    return "digit-cnn64-" + hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()[:8]


def card() -> dict:
    """How the shipped weights were made: epochs, seed, test accuracy, torch version."""
    with np.load(WEIGHTS, allow_pickle=False) as arrays:
        return json.loads(str(arrays["card"]))


def accuracy(model: DigitClassifier, images: Tensor, labels: Tensor) -> float:
    """Share of `images` (n, 784), uint8, that get their label (n,)."""
    with torch.no_grad():
        return (model(scaled(images)).argmax(1) == labels).float().mean().item()


def train(epochs: int = 6, seed: int = 0) -> tuple[DigitClassifier, float]:
    """Train on the 60 000 training images; returns the model and its accuracy on the 10 000."""
    torch.manual_seed(seed)
    data = whole("mnist", torch.device("cpu"))
    model, batch = DigitClassifier(), 256
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=1e-2, fused=True)
    steps = epochs * (len(data.train) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=steps)
    for step in range(steps):
        position = step % (steps // epochs)
        if position == 0:
            order = torch.randperm(len(data.train))
        rows = order[position * batch : (position + 1) * batch]
        # Shifts of up to two pixels: generated digits are less well centred than real ones.
        shift = torch.randint(-2, 3, (2,)).tolist()
        images = scaled(data.train[rows]).reshape(-1, 28, 28).roll(shift, (1, 2))
        loss = cross_entropy(model(images), data.labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return model.eval(), accuracy(model, data.held_out, data.held_out_labels)


def facts(model: DigitClassifier) -> dict:
    """What `gan_core.extractor` tells of `model`, whose weights have been written."""
    data = whole("mnist", torch.device("cpu"))
    rows = np.random.default_rng(SUBSET_SEED).permutation(len(data.train))[:SAMPLES]
    with torch.no_grad():
        train, held_out = (
            moments(model.features(scaled(images)))
            for images in (data.train[torch.from_numpy(rows)], data.held_out)
        )
    return {
        "id": extractor_id(),
        "test_accuracy": round(accuracy(model, data.held_out, data.held_out_labels), 4),
        "frechet_train_held_out": round(frechet(train, held_out), 4),
    }


def write_facts(model: DigitClassifier) -> None:
    extractor.FACTS.write_text(json.dumps(facts(model), indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Train, and write the weights and what is measured of them."""
    epochs, seed = 6, 0
    model, test_accuracy = train(epochs, seed)
    arrays = {name: value.numpy() for name, value in model.state_dict().items()}
    made = {"epochs": epochs, "seed": seed, "test_accuracy": round(test_accuracy, 4),
            "torch": torch.__version__}
    np.savez_compressed(WEIGHTS, card=np.array(json.dumps(made)), **arrays)
    write_facts(model)
    print(f"wrote {WEIGHTS.name}: {made}, and {extractor.FACTS.name}")


if __name__ == "__main__":
    main()
