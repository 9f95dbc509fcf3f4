"""What a run shows of itself: sample sheets, D's scores over the plane, and metrics of its samples.

Always from the same fixed latents, in evaluation mode, without changing what the run computes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn

from gan_core.config.run_config import RunConfig
from gan_core.data.datasets import Dataset, scaled
from gan_core.evaluation import classifier, metrics, recogniser
from gan_core.evaluation.decision_surface import decision_surface
from gan_core.evaluation.neighbours import most_copied, nearest_training, sheet_neighbours
from gan_core.evaluation.quality import Quality, image_quality, point_quality
from gan_core.runs.records import EvalRecord, Record, SampleRecord
from gan_core.runs.samples import CARD_ROWS, CARDS, PIXELS, SHEET_COLUMNS
from gan_core.training.losses import LOSSES
from gan_core.training.networks import packed
from gan_core.training.state import RunNetwork, TrainingState

LATENT_SEED = 2**40  # of the fixed latents, which are the same for every run
GRID, GRID_REACH = 17, 2.0  # latents on a side; of two dimensions, in standard deviations


def evaluation_due(step: int) -> bool:
    """Sparser as a run grows, and the same for every run of a config, however far it goes."""
    return step % (250 if step <= 5000 else 1000) == 0


def samples_due(step: int) -> bool:
    """Sample sheets come more often than evaluations; most often at the start, where samples change
    fastest, and where a slow network would else show nothing for a minute."""
    if step <= 100:
        return step % 10 == 0
    if step <= 2000:
        return step % 50 == 0
    return step % (250 if step <= 10_000 else 1000) == 0


@contextlib.contextmanager
def evaluation_mode(*networks: nn.Module) -> Iterator[None]:
    """Dropout off, BatchNorm on its running statistics; training mode again whatever happens."""
    for network in networks:
        network.eval()
    try:
        yield
    finally:
        for network in networks:
            network.train()


class Evaluator:
    """Looks at one run's networks. `autocast` gives the number format of G's passes."""

    def __init__(
        self, state: TrainingState, autocast: Callable[[], contextlib.AbstractContextManager]
    ) -> None:
        self.state, self.autocast = state, autocast
        self.config: RunConfig = state.config
        self.centre = LOSSES[state.config.loss].centre
        self.fixed_latents = fixed_latents(state.config).to(state.device)
        self.cards = score_cards(state.data, state.config)
        # Of images the walks between latents are seen, of points where G takes a grid of them.
        images = state.config.card.kind == "image"
        self.walks = latent_walks(self.fixed_latents[: metrics.SHEET]) if images else None
        self.grid = None if images else latent_grid(self.fixed_latents[:2])
        # Before a checkpoint is restored: a config and its seed always begin with the same weights.
        self._before = [[weight.detach().clone() for weight in network.parameters]
                        for network in self._networks()]

    def use_loss(self, name: str) -> None:
        """D's logits are those of this loss from here on: it says where D is undecided."""
        self.centre = LOSSES[name].centre

    @torch.no_grad()
    def records(
        self, step: int, *, pictures: bool, evaluation: bool, seconds: Callable[[], float]
    ) -> list[Record] | None:
        """Sample sheets and D's surface, if `pictures`; nearest neighbours and metrics, if
        `evaluation`, with the seconds of training until then. None if G's samples are not finite.
        """
        state = self.state
        with evaluation_mode(state.generator.network, state.discriminator.network):
            samples = self._samples(state.generator.network, evaluation)
            if not samples.isfinite().all():
                return None
            sheet = self._sheet(step, samples, "samples")
            records: list[Record] = []
            if pictures:
                records += [sheet, *self._surface(step, samples), *self._cards(step),
                            *self._grid(step)]
            averaged: dict[str, float] = {}
            if state.generator.averaged is not None:
                smooth = self._samples(state.generator.averaged, evaluation)
                if pictures:
                    records.append(self._sheet(step, smooth, "averaged"))
                if evaluation:
                    averaged = self._metrics_of_average(smooth)
            if evaluation:
                records += [*self._neighbours(step, sheet), *self._walk(step)]
                evaluated, quality = self._evaluated(samples)
                measured = {**evaluated.metrics, **quality.metrics, **self._travel(), **averaged}
                records.append(EvalRecord(
                    step, measured, evaluated.histogram, seconds(), quality.supported,
                    quality.training, **self._card_scores(samples),
                    **self._tiles(samples, evaluated.classes)))
        return records

    def _samples(self, generator: nn.Module, evaluation: bool) -> Tensor:
        """What a generator makes of the fixed latents: of all, or of those of the sheet."""
        latents = self.fixed_latents
        if not evaluation and self.config.card.kind == "image":
            latents = latents[: metrics.SHEET]
        # In parts: what the convolutions of 2000 images leave behind takes gigabytes, and is
        # slower the less of it a core's cache holds.
        wide = any(isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
                   for layer in generator.modules())
        return self._generated(generator, latents, metrics.SHEET if wide else metrics.CHUNK)

    def _generated(
        self, generator: nn.Module, latents: Tensor, part: int = metrics.CHUNK
    ) -> Tensor:
        with self.autocast():
            return torch.cat([generator(z).float() for z in latents.split(part)])

    def _sheet(self, step: int, samples: Tensor, view: str) -> SampleRecord:
        return SampleRecord(step, metrics.sheet(samples, self.config.card.kind), view)

    def _surface(self, step: int, samples: Tensor) -> list[SampleRecord]:
        """D's scores over the plane, where the data are points."""
        card = self.config.card
        if card.kind != "points":
            return []
        scores = decision_surface(
            self.logits, card.extent, self._undecided(samples), self.config.group,
            self.state.device)
        if np.isnan(scores).any():  # the last update broke D; its next step will show it
            return []
        return [SampleRecord(step, scores, "surface")]

    def _undecided(self, samples: Tensor) -> float | Tensor:
        """The logit at which D is undecided between new reals and these samples."""
        if self.centre is not None:
            return self.centre
        held_out, generated = (self.logits(metrics.scored_rows(part))
                               for part in (self.state.data.unseen, samples))
        return metrics.undecided(held_out, generated, None)

    def _cards(self, step: int) -> list[SampleRecord]:
        """The real images whose scores every evaluation tells: they stay the same."""
        if step or self.cards is None:
            return []
        pictures = self.cards.reshape(CARD_ROWS, CARDS, PIXELS, PIXELS)
        return [SampleRecord(step, pictures.cpu().numpy(), "cards")]

    def _card_scores(self, samples: Tensor) -> dict[str, tuple[float, ...]]:
        """D's scores of the training images and of the unseen ones on the cards, if there are any.
        """
        if self.cards is None:
            return {}
        logits = self.logits(scaled(self.cards)) - self._undecided(samples)
        training, unseen = logits.sigmoid().view(CARD_ROWS, CARDS).tolist()
        return {"scores_training": tuple(training), "scores_unseen": tuple(unseen)}

    def _tiles(self, samples: Tensor, classes: Tensor) -> dict[str, tuple[float, ...]]:
        """What is recognised on each image of the sheet, and D's score of it."""
        if self.config.card.kind != "image":
            return {}
        shown, dataset = samples[: metrics.SHEET], self.config.dataset
        recognised = recogniser.load(self.state.device, dataset).recognises(shown)
        modes = torch.where(recognised, classes[: len(shown)], -1)
        tiles = {"sheet_modes": tuple(map(float, modes.tolist()))}
        if self.config.group > 1:  # no score is one image's own
            return tiles
        scores = (self.logits(shown) - self._undecided(samples)).sigmoid().flatten()
        return {**tiles, "sheet_scores": tuple(scores.tolist())}

    def _neighbours(self, step: int, sheet: SampleRecord) -> list[SampleRecord]:
        """The pictures of a sheet that look most copied, and the training image nearest to each,
        where the data are images."""
        if self.config.card.kind != "image":
            return []
        pictures, data = sheet.samples, self.state.data
        nearest = sheet_neighbours(pictures, data)
        return [SampleRecord(step, most_copied(pictures, data, nearest), "neighbours"),
                SampleRecord(step, nearest_training(pictures, data, nearest), "nearest")]

    def _walk(self, step: int) -> list[SampleRecord]:
        """What G makes between the first latent of each row of the sheet and the row's last."""
        if self.walks is None:
            return []
        images = self._generated(self.state.generator.network, self.walks)
        return [SampleRecord(step, metrics.sheet(images, "image"), "walk")]

    def _grid(self, step: int) -> list[SampleRecord]:
        """Where G takes a square grid of latents, where the data are points."""
        if self.grid is None:
            return []
        points = self._generated(self.state.generator.network, self.grid)
        return [SampleRecord(step, points.cpu().numpy(), "grid")]

    def logits(self, x: Tensor) -> Tensor:
        """D's logits (k, 1) of examples (n, d), n/k of them in each pack."""
        x = x[: len(x) // self.config.group * self.config.group]  # whole packs, whole groups
        return self.state.discriminator.network(packed(x, self.config.packing)).float()

    def _evaluated(self, samples: Tensor) -> tuple[metrics.Evaluation, Quality]:
        data, card = self.state.data, self.config.card
        if card.kind == "points":
            evaluated = metrics.evaluate_points(samples, self.logits, data, self.centre)
            return evaluated, point_quality(samples, data, card)
        model = classifier.load(self.state.device, self.config.dataset)
        evaluated = metrics.evaluate_images(samples, self.logits, data, model, self.centre)
        recognises = recogniser.load(self.state.device, self.config.dataset).recognises
        return evaluated, image_quality(samples, evaluated.classes, recognises, data, card)

    def _metrics_of_average(self, samples: Tensor) -> dict[str, float]:
        """The metrics of the averaged generator's samples, but those that speak of D."""
        evaluated, quality = self._evaluated(samples)
        return {f"ema_{name}": value
                for name, value in {**evaluated.metrics, **quality.metrics}.items()
                if not metrics.is_about_discriminator(name) and name != "modes_in_training"}

    def _travel(self) -> dict[str, float]:
        """How far either network's weights have moved from where they began ÷ their norm there."""
        pairs = zip(self._networks(), self._before, strict=True)
        moved = torch.stack([_travelled(network.parameters, before) for network, before in pairs])
        return dict(zip(("travel_g", "travel_d"), moved.tolist(), strict=True))

    def _networks(self) -> tuple[RunNetwork, RunNetwork]:
        return self.state.generator, self.state.discriminator


def score_cards(data: Dataset, config: RunConfig) -> Tensor | None:
    """The first training image of each class and below them the first unseen ones, uint8 (20, d).

    None for points, where a class has no training image, and where D scores several examples at
    once: then no score belongs to one image alone.
    """
    if data.kind != "image" or config.group > 1:
        return None
    rows = [first_of_each(labels, CARDS) for labels in (data.labels, data.held_out_labels)]
    if any(len(found) < CARDS for found in rows):
        return None
    return torch.cat([data.train[rows[0]], data.held_out[rows[1]]])


def first_of_each(labels: Tensor, classes: int) -> Tensor:
    """The first row of each class among `labels` (n,) that is there."""
    rows = torch.arange(len(labels), device=labels.device)
    first = torch.full((classes,), len(labels), device=labels.device)
    first = first.scatter_reduce(0, labels, rows, "amin")
    return first[first < len(labels)]


def fixed_latents(config: RunConfig) -> Tensor:
    """(n, z), drawn on the CPU: the same latents on every device."""
    generator = torch.Generator().manual_seed(LATENT_SEED)
    count = metrics.sample_count(config.card.kind)
    return torch.randn(count, config.latent_dim, generator=generator)


def latent_walks(latents: Tensor) -> Tensor:
    """Of latents (64, z), eight in a row: from the first of each row to its last, (64, z).

    Along the arc between both: between two Gaussian latents a straight line passes too near to 0,
    where G has hardly been trained (White, "Sampling Generative Networks", 2016).
    """
    rows = latents.view(-1, SHEET_COLUMNS, latents.shape[1])
    first, last = rows[:, :1], rows[:, -1:]
    cosine = torch.nn.functional.cosine_similarity(first, last, dim=2).clamp(-1, 1)[..., None]
    angle, way = cosine.acos(), torch.linspace(0, 1, SHEET_COLUMNS, device=latents.device)
    way = way[None, :, None]
    arc = (((1 - way) * angle).sin() * first + (way * angle).sin() * last) / angle.sin()
    # Of latents on one line, as where they have one dimension, there is no arc.
    return torch.where(angle.sin() < 1e-3, first + way * (last - first), arc).reshape(latents.shape)


def latent_grid(directions: Tensor) -> Tensor:
    """A square grid of latents (GRID², z), row by row, in a plane through 0.

    Of two dimensions it is the plane of all latents, as far as nearly all lie. Of more it is the
    plane of two `directions` (2, z), as far as latents lie from 0: nearer to it G is not trained.
    """
    size, device = directions.shape[1], directions.device
    if size <= 2:
        axes = torch.eye(size, device=device) * GRID_REACH
    else:
        axes = torch.nn.functional.normalize(directions, dim=1) * size**0.5
    ticks = torch.linspace(-1, 1, GRID, device=device)
    return torch.cartesian_prod(ticks, ticks).flip(1)[:, : len(axes)] @ axes


def _travelled(weights: list[Tensor], before: list[Tensor]) -> Tensor:
    """‖w − w₀‖ ÷ ‖w₀‖ over all weights, () on their device."""
    moved, began = (torch.linalg.vector_norm(torch.stack(torch._foreach_norm(parts)))
                    for parts in (torch._foreach_sub(weights, before), before))
    return moved / began
