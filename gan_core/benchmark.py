"""What a training step costs: the textbook loop, ours, and the matrix products alone.

The textbook is the loop of gan.py in https://github.com/eriklindernoren/PyTorch-GAN (36d3c77), in
words of our own: images decoded and transformed one by one, G updated first, both losses fetched at
every step. Compared at equal networks, batch and threads. Blocks of each alternate, because a
machine's speed changes from minute to minute; the median block counts.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from gan_core import datasets, networks
from gan_core.config import RunConfig
from gan_core.devices import device_name
from gan_core.processor import processor_name
from gan_core.trainer import BURST, Training, evaluation_due, samples_due

ROUNDS = 3
WARM_UP = 10  # steps before the clock runs: allocators, caches and thread pools fill
SESSIONS = (1000, 3000)  # steps of the sessions whose share of looking is told
LOOKS = 3  # evaluations, and sample sheets, that are timed
PRODUCT_ROUNDS = 30  # passes over a step's matrix products

# --- the textbook ---------------------------------------------------------------------------------


class Pictures(Dataset):
    """MNIST as torchvision gives it: a PIL image that is transformed whenever it is asked for."""

    def __init__(self) -> None:
        data = datasets.whole("mnist", torch.device("cpu"))
        self.images, self.labels = data.train.reshape(-1, 28, 28), data.labels
        self.transform = transforms.Compose(
            [transforms.Resize(28), transforms.ToTensor(), transforms.Normalize([0.5], [0.5])]
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        picture = Image.fromarray(self.images[index].numpy())
        return self.transform(picture), int(self.labels[index])


class Textbook:
    """Networks ending in a Sigmoid, BCELoss, two Adam optimisers and a shuffling DataLoader."""

    def __init__(self, config: RunConfig, device: torch.device) -> None:
        generator, discriminator = networks.build(config, 784, device, torch.Generator(device))
        # Nothing it would not have: no idle dropout, and activations in place.
        layers = [layer for layer in discriminator if not isinstance(layer, networks.Dropout)]
        self.generator, self.discriminator = generator, nn.Sequential(*layers, nn.Sigmoid())
        for layer in (*self.generator, *self.discriminator):
            if isinstance(layer, nn.ReLU | nn.LeakyReLU):
                layer.inplace = True
        rates = {"lr": config.learning_rate, "betas": (config.beta1, config.beta2)}
        self.optimizer_g = torch.optim.Adam(self.generator.parameters(), **rates)
        self.optimizer_d = torch.optim.Adam(self.discriminator.parameters(), **rates)
        self.loss = nn.BCELoss()
        self.latent_dim, self.device = config.latent_dim, device
        self.batches = self._batches(DataLoader(Pictures(), config.batch_size, shuffle=True))
        self.losses = (0.0, 0.0)

    @staticmethod
    def _batches(loader: DataLoader) -> Iterator[Tensor]:
        while True:
            for images, _ in loader:
                yield images

    def step(self) -> None:
        """Update G, then D on the same fakes; fetch both losses, as the reference prints them."""
        real = next(self.batches).to(self.device).flatten(1)
        ones = torch.ones(len(real), 1, device=self.device)
        zeros = torch.zeros(len(real), 1, device=self.device)

        self.optimizer_g.zero_grad()
        noise = np.random.normal(0, 1, (len(real), self.latent_dim))
        fake = self.generator(torch.tensor(noise, dtype=torch.float32, device=self.device))
        loss_g = self.loss(self.discriminator(fake), ones)
        loss_g.backward()
        self.optimizer_g.step()

        self.optimizer_d.zero_grad()
        loss_real = self.loss(self.discriminator(real), ones)
        loss_fake = self.loss(self.discriminator(fake.detach()), zeros)
        loss_d = (loss_real + loss_fake) / 2
        loss_d.backward()
        self.optimizer_d.step()
        self.losses = (loss_d.item(), loss_g.item())

    def advance(self, steps: int) -> None:
        for _ in range(steps):
            self.step()


# --- ours -----------------------------------------------------------------------------------------


class StepsOnly:
    """Our training step with its measurements fetched in bursts, and nothing looked at."""

    def __init__(self, config: RunConfig, device: torch.device) -> None:
        self.training = Training(config, device)

    def advance(self, steps: int) -> None:
        for step in range(steps):
            self.training.train_step()
            if (step + 1) % BURST == 0 or step + 1 == steps:
                self.training._measure()


class Session:
    """What a person waits for: the iterator of records, evaluations and sample sheets included."""

    def __init__(self, config: RunConfig, device: torch.device) -> None:
        self.training = Training(config.replace(steps=200_000), device)

    def advance(self, steps: int) -> None:
        goal = self.training.step + steps
        while self.training.step < goal:
            next(self.training)


CONTENDERS = {"textbook": Textbook, "ours": StepsOnly, "session": Session}


def compare(config: RunConfig, device: torch.device, steps: int) -> dict[str, float]:
    """Median seconds a step of each contender, over ROUNDS alternating blocks of `steps`."""
    contenders = {name: make(config, device) for name, make in CONTENDERS.items()}
    for contender in contenders.values():
        contender.advance(min(WARM_UP, steps))
    blocks: dict[str, list[float]] = {name: [] for name in contenders}
    for _, (name, contender) in itertools.product(range(ROUNDS), contenders.items()):
        blocks[name].append(_clocked(lambda run=contender: run.advance(steps), device) / steps)
    return {name: statistics.median(seconds) for name, seconds in blocks.items()}


def looking(config: RunConfig, device: torch.device) -> dict[str, float]:
    """Seconds of one evaluation, with its samples, and of one sample sheet."""
    training = Training(config, device)
    training.train_step()
    training._measure()
    found = {}
    for name, step in (("evaluation", 250), ("samples", 50)):
        training.step = step  # one where it is due
        training.timed(training._look)
        seconds = [_clocked(lambda: training.timed(training._look), device) for _ in range(LOOKS)]
        found[name] = statistics.median(seconds)
    return found


def looking_share(steps: int, step_seconds: float, look: dict[str, float]) -> float:
    """Share of a session of `steps` steps that goes into evaluations and sample sheets."""
    evaluations = {step for step in range(steps + 1) if evaluation_due(step)} | {0, steps}
    sheets = {step for step in range(steps + 1) if samples_due(step)} - evaluations
    seconds = len(evaluations) * look["evaluation"] + len(sheets) * look["samples"]
    return seconds / (seconds + steps * step_seconds)


# --- the bound ------------------------------------------------------------------------------------

# A product of (rows, inner) with (inner, columns), as one operation on tensors kept ready.
Product = Callable[[], Tensor]


def products(config: RunConfig, device: torch.device, dtype: torch.dtype) -> list[Product]:
    """The matrix products of one of our steps, in the layouts in which autograd asks for them."""
    pair = networks.build(config, 784, device, torch.Generator(device))
    sizes_g, sizes_d = (
        [(m.in_features, m.out_features) for m in network if isinstance(m, nn.Linear)]
        for network in pair
    )
    batch = config.batch_size

    def product(left: tuple[int, int], right: tuple[int, int], turn: str = "") -> Product:
        a, b = (torch.randn(shape, device=device).to(dtype) for shape in (left, right))
        a, b = a.t() if turn == "left" else a, b.t() if turn == "right" else b
        out = torch.empty(a.shape[0], b.shape[1], device=device, dtype=dtype)
        return lambda: torch.mm(a, b, out=out)

    def forward(sizes: list[tuple[int, int]], rows: int) -> list[Product]:
        return [product((rows, i), (o, i), "right") for i, o in sizes]

    def to_inputs(sizes: list[tuple[int, int]], rows: int) -> list[Product]:
        return [product((rows, o), (o, i)) for i, o in sizes]

    def to_weights(sizes: list[tuple[int, int]], rows: int) -> list[Product]:
        return [product((rows, o), (rows, i), "left") for i, o in sizes]

    return [
        *forward(sizes_g, batch),
        *forward(sizes_d, 2 * batch),  # real and fake in one pass
        *to_inputs(sizes_d[1:], 2 * batch),
        *to_weights(sizes_d, 2 * batch),
        *forward(sizes_d, batch),  # the updated D judges the fakes
        *to_inputs(sizes_d, batch),
        *to_inputs(sizes_g[1:], batch),
        *to_weights(sizes_g, batch),
    ]


def products_seconds(config: RunConfig, device: torch.device, dtype: torch.dtype) -> float:
    """Median seconds of a step's matrix products alone: no step of this shape can be faster."""
    work = products(config, device, dtype)

    def once() -> None:
        for product in work:
            product()

    once()
    return statistics.median(_clocked(once, device) for _ in range(PRODUCT_ROUNDS))


def _clocked(work: Callable[[], Any], device: torch.device) -> float:
    _wait(device)
    started = time.perf_counter()
    work()
    _wait(device)
    return time.perf_counter() - started


def _wait(device: torch.device) -> None:
    if device.type != "cpu":
        getattr(torch, device.type).synchronize()


# --- the report -----------------------------------------------------------------------------------


def measure(architecture: str, device: torch.device, steps: int) -> dict[str, Any]:
    """All figures of one pair of networks at batch 64."""
    config = RunConfig(architecture=architecture)
    bfloat16 = Training(config, device).bfloat16
    seconds = compare(config, device, steps)
    look = looking(config, device)
    bound = products_seconds(config, device, torch.bfloat16 if bfloat16 else torch.float32)
    rates = {
        name: {"steps_per_second": 1 / value, "images_per_second": config.batch_size / value}
        for name, value in seconds.items()
    }
    return {
        "precision": "bfloat16" if bfloat16 else "float32",
        **rates,
        "ratio": seconds["textbook"] / seconds["ours"],
        "session_ratio": seconds["textbook"] / seconds["session"],
        "evaluation_ms": 1e3 * look["evaluation"],
        "samples_ms": 1e3 * look["samples"],
        "looking_share": {str(n): looking_share(n, seconds["ours"], look) for n in SESSIONS},
        "step_ms": 1e3 * seconds["ours"],
        "matrix_products_ms": 1e3 * bound,
        "step_to_matrix_products": seconds["ours"] / bound,
    }


def machine(device: torch.device) -> dict[str, Any]:
    """What the figures depend on."""
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return {
        "device": device_name(device),
        "processor": processor_name(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "avx512_bf16": bool(supported()),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


def benchmark(
    names: list[str], device: torch.device, steps: int, tell: Callable[[str], None] = print
) -> dict[str, Any]:
    """Figures of the networks `names`; `tell` hears what is being measured."""
    report = {**machine(device), "steps": steps, "rounds": ROUNDS, "batch_size": 64, "networks": {}}
    for name in names:
        tell(f"{name}: {ROUNDS} rounds of {steps} steps of {', '.join(CONTENDERS)}")
        report["networks"][name] = measure(name, device, steps)
    return report


def in_words(report: dict[str, Any]) -> str:
    """The report for people, one table a pair of networks."""
    # A CPU's own name holds it already; beside a GPU it is worth telling.
    host = "" if report["processor"] in report["device"] else f"{report['processor']}, "
    lines = [
        f"{report['device']} ({host}{report['instructions']}, avx512_bf16: "
        f"{'yes' if report['avx512_bf16'] else 'no'}), torch {report['torch']}, "
        f"batch {report['batch_size']}, median of {report['rounds']} × {report['steps']} steps"
    ]
    for name, found in report["networks"].items():
        ratios = {"textbook": 1.0, "ours": found["ratio"], "session": found["session_ratio"]}
        lines += ["", f"{name}, {found['precision']} (textbook: float32)",
                  "            steps/s   images/s   ÷ textbook"]
        lines += [
            f"  {who:9}{found[who]['steps_per_second']:8.1f} "
            f"{found[who]['images_per_second']:10.0f} {ratio:12.2f}"
            for who, ratio in ratios.items()
        ]
        shares = " and ".join(f"{s:.1%} of {n} steps" for n, s in found["looking_share"].items())
        lines += [
            f"  one evaluation {found['evaluation_ms']:.0f} ms, one sample sheet "
            f"{found['samples_ms']:.1f} ms: {shares}",
            f"  one step {found['step_ms']:.2f} ms, its matrix products alone "
            f"{found['matrix_products_ms']:.2f} ms: {found['step_to_matrix_products']:.2f} ×",
        ]
    return "\n".join(lines)
