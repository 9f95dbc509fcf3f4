"""The GAN trainer: a game, played step by step, as an iterator of records.

    for record in train(RunConfig(steps=500)):
        ...

The caller decides how far to go; `Training.checkpoint()` between any two records loses nothing.
A trajectory depends on the config alone, on one kind of device: every random number comes from the
run's own generators, and looking (evaluations, samples, bursts of records) never touches them.
"""

from __future__ import annotations

import copy
import dataclasses
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gan_core.config.run_config import TRAJECTORY_VERSION, RunConfig
from gan_core.data import datasets
from gan_core.evaluation import classifier, metrics
from gan_core.evaluation.decision_surface import surface
from gan_core.evaluation.neighbours import most_copied
from gan_core.runs.records import EvalRecord, Outcome, Record, SampleRecord, StepRecord
from gan_core.training import networks
from gan_core.training.devices import pick_device
from gan_core.training.state import Match

BURST = 25  # steps whose measurements stay on the device before they come over together
BURST_SECONDS = 0.25  # a slow network reports sooner
LATENT_SEED = 2**40  # of the fixed latents, which are the same for every run


def evaluation_due(step: int) -> bool:
    """Sparser as a run grows, and the same for every run of a config, however far it goes."""
    return step % (250 if step <= 5000 else 1000) == 0


def samples_due(step: int) -> bool:
    if step <= 2000:
        return step % 50 == 0
    return step % (250 if step <= 10_000 else 1000) == 0


class Training(Match):
    """The state of one run, and an iterator of its records.

    Raises ValueError if `resume_from` is a checkpoint of another config.
    """

    def __init__(
        self,
        config: RunConfig,
        device: torch.device | str | None = None,
        resume_from: dict | str | Path | None = None,
    ) -> None:
        device = device if isinstance(device, torch.device) else pick_device(device or "auto")
        torch.set_flush_denormal(True)  # the tiny gradients of a collapsed GAN are slow otherwise
        prepare(config, device)  # before the clock runs
        super().__init__(config, device)
        self.fixed_latents = self._fixed_latents()
        self.seconds = 0.0
        self.lost: int | None = None  # the first step that was not finite
        self._burst: list[tuple[Tensor, ...]] = []  # measurements still on the device
        self.waiting: list[Record] = []  # records made but not yet yielded
        self._begun = False
        self._owed = False  # the first look's measures, which its picture does not wait for
        if resume_from is not None:
            self._restore(resume_from)
        self._records = self._run()

    def __iter__(self) -> Iterator[Record]:
        return self

    def __next__(self) -> Record:
        return next(self._records)

    def made(self) -> list[Record]:
        """Hand over the records that are made and not yet yielded; training goes on after them."""
        records, self.waiting = self.waiting, []
        return records

    # --- the loop --------------------------------------------------------------------------------

    def train_step(self) -> None:
        """One round, whose measurements wait on the device."""
        found = self.play_round()
        # Detached: a burst must not keep the graphs of its steps.
        self._burst.append(tuple(value.detach() for value in found.numbers + found.logits))

    def _run(self) -> Iterator[Record]:
        for records in self.begin():
            yield from self.yielding(records)
        yield from self.yielding([])  # what a checkpoint brought along
        reported = time.perf_counter()
        while (outcome := self.outcome()) is None:
            self.timed(self.train_step)
            looking = self.looking_due()
            late = time.perf_counter() - reported > BURST_SECONDS
            # From there on other numbers are measured, or in another way.
            turning = self.step in (self.config.freeze_generator, *self.turning_points)
            if looking or late or turning or len(self._burst) >= BURST:
                records = self.timed(self._measure)
                yield from self.yielding(records + self.looked())
                reported = time.perf_counter()
        yield outcome

    # What an ensemble does in the same way, for each of its runs.

    def begin(self) -> Iterator[list[Record]]:
        """The look at the untrained generator: its picture, and then what is measured of it."""
        if not self._begun:
            self._begun = self._owed = True
            yield self.timed(lambda: self._look(measured=False))
        if self._owed:
            self._owed = False
            yield self.timed(lambda: self._look(pictured=False))

    def looking_due(self) -> bool:
        step = self.step
        return evaluation_due(step) or samples_due(step) or step == self.config.steps

    def looked(self) -> list[Record]:
        """What a look at this step finds, if one is due and there is something to look at."""
        return self.timed(self._look) if self.looking_due() and self.lost is None else []

    def outcome(self) -> Outcome | None:
        """How the run has ended, None while it goes on."""
        if self.lost is not None:
            reason = "a loss or a gradient became infinite or NaN"
            return Outcome("diverged", self.lost, reason, self.seconds)
        if self.step >= self.config.steps:
            return Outcome("finished", self.step, seconds=self.seconds)
        return None

    def timed(self, work: Callable[[], Any]) -> Any:
        """Do `work` and count its time; what the caller does between records is not training."""
        self._started = time.perf_counter()
        try:
            return work()
        finally:
            self.seconds += time.perf_counter() - self._started

    def yielding(self, records: list[Record]) -> Iterator[Record]:
        """Yield records such that a checkpoint taken in between still holds the rest."""
        self.waiting += records
        while self.waiting:
            yield self.waiting.pop(0)

    def _measure(self) -> list[Record]:
        """The burst as step records, in one transfer to the host."""
        rows = [torch.cat([value.flatten() for value in found]) for found in self._burst]
        self._burst.clear()
        return self.recorded(torch.stack(rows).cpu().numpy())

    def recorded(self, measured: np.ndarray) -> list[Record]:
        """Step records of what the last steps have measured, (steps, numbers and logits).

        At the first step with a NaN or Inf the records stop, and `lost` is set to it.
        """
        numbers = measured.astype(np.float64)
        scalars, logits = np.split(numbers, [-3 * self.config.packs], 1)
        loss_d, penalty, norm_d, loss_g, norm_g, *frozen = scalars.T
        logits = logits - self._undecided(logits)
        real, fake, logits_g = logits.reshape(len(numbers), 3, -1).swapaxes(0, 1)
        # Means in 64 bits on the host: on the device their last bit would depend on the length of
        # the burst, which depends on the clock.
        table = np.stack(
            [
                loss_d,
                loss_g,
                (real > 0).mean(1),
                (fake < 0).mean(1),
                _sigmoid(real).mean(1),
                _sigmoid(fake).mean(1),
                norm_d,
                norm_g,
                _sigmoid(logits_g).mean(1),
                _sigmoid(-logits_g).mean(1),
                penalty,
                *frozen,
            ],
            axis=1,
        )
        first = self.step - len(numbers) + 1
        finite = np.isfinite(table).all(1).tolist()
        if False in finite:
            self.lost = first + finite.index(False)
        rows = table.tolist()[: finite.index(False) if False in finite else len(finite)]
        return [StepRecord(first + i, *row) for i, row in enumerate(rows)]

    def _undecided(self, logits: np.ndarray) -> np.ndarray | float:
        """The logit at which D cannot tell, (n, 1) or a constant, of logits (n, 3k): reals, fakes,
        and fakes as G's update saw them. Where only differences count it is midway."""
        if self.loss.centre is not None:
            return self.loss.centre
        return np.ascontiguousarray(logits[:, : 2 * self.config.packs]).mean(1, keepdims=True)

    @torch.no_grad()
    def _look(self, pictured: bool = True, measured: bool = True) -> list[Record]:
        """Samples from the fixed latents and D's surface, if `pictured`; and if `measured`,
        neighbours and metrics where they are due. No state changes."""
        evaluating = measured and (evaluation_due(self.step) or self.step == self.config.steps)
        found: dict[str, float] = {}
        self.generator.eval()
        self.discriminator.eval()
        samples = self._sampled(self.generator, evaluating)
        if not samples.isfinite().all():  # the last update broke G; its next step would show it
            self.lost = self.step + 1
            return []
        sheet = self._pictured(samples, "samples")
        records: list[Record] = [sheet, *self._surfaced(samples)] if pictured else []
        if self.averaged is not None:
            smooth = self._sampled(self.averaged, evaluating)
            if pictured:
                records.append(self._pictured(smooth, "averaged"))
            if evaluating:
                found = {f"ema_{name}": value for name, value in self._rated(smooth)[0].items()
                         if not metrics.judges_d(name)}
        if evaluating:
            records += self._neighboured(sheet)
            rated, histogram = self._rated(samples)
            seconds = self.seconds + time.perf_counter() - self._started
            records.append(EvalRecord(self.step, {**rated, **found}, histogram, seconds))
        self.generator.train()
        self.discriminator.train()
        return records

    def _sampled(self, network: nn.Module, evaluating: bool) -> Tensor:
        """What a generator makes of the fixed latents: of all, or of those of the sheet."""
        latents = self.fixed_latents
        if not evaluating and self.config.card.kind == "image":
            latents = latents[: metrics.SHEET]
        # In parts: what the convolutions of 2000 images leave behind takes gigabytes, and is
        # slower the less of it a core's cache holds.
        wide = any(isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) for layer in network.modules())
        parts = latents.split(metrics.SHEET if wide else metrics.CHUNK)
        with self._precision():
            return torch.cat([network(z).float() for z in parts])

    def _pictured(self, samples: Tensor, view: str) -> SampleRecord:
        return SampleRecord(self.step, metrics.sheet(samples, self.config.card.kind), view)

    def _surfaced(self, samples: Tensor) -> list[SampleRecord]:
        """What D thinks over the plane, where the data are points."""
        card = self.config.card
        if card.kind != "points":
            return []
        middle = self.loss.centre
        if middle is None:
            parts = (self.data.unseen, samples)
            middle = metrics.undecided(
                *(self._logits(metrics.judged_rows(part)) for part in parts), None)
        scores = surface(self._logits, card.extent, middle, self.config.group, self.device)
        if np.isnan(scores).any():  # the last update broke D; its next step will show it
            return []
        return [SampleRecord(self.step, scores, "surface")]

    def _neighboured(self, sheet: SampleRecord) -> list[SampleRecord]:
        """The pictures of a sheet that look most copied, where the data are images."""
        if self.config.card.kind != "image":
            return []
        return [SampleRecord(self.step, most_copied(sheet.samples, self.data), "neighbours")]

    def _logits(self, x: Tensor) -> Tensor:
        """D's logits (k, 1), in evaluation mode, of examples (n, d), n/k of them in each pack."""
        x = x[: len(x) // self.config.group * self.config.group]  # whole packs, whole groups
        return self.discriminator(networks.packed(x, self.config.packing)).float()

    def _rated(self, samples: Tensor) -> tuple[dict[str, float], tuple[float, ...]]:
        """Metrics and histogram of samples."""
        if self.config.card.kind == "points":
            found = metrics.evaluate_points(samples, self._logits, self.data, self.loss.centre)
        else:
            model = classifier.load(self.device, self.config.dataset)
            found = metrics.evaluate_images(
                samples, self._logits, self.data, model, self.loss.centre)
        return found.metrics, found.histogram

    def _fixed_latents(self) -> Tensor:
        """Drawn on the CPU: the same latents on every device."""
        generator = torch.Generator().manual_seed(LATENT_SEED)
        count = metrics.sample_count(self.config.card.kind)
        return torch.randn(count, self.config.latent_dim, generator=generator).to(self.device)

    # --- checkpoints -----------------------------------------------------------------------------

    def checkpoint(self) -> dict:
        """Everything that decides what comes next; loadable with torch.load(weights_only=True).

        `recorded` is the last step whose StepRecord was yielded. Records already made but not yet
        yielded travel along, so that nothing is lost wherever the caller stops.
        """
        waiting_steps = sum(isinstance(record, StepRecord) for record in self.waiting)
        state = {
            "version": TRAJECTORY_VERSION,
            "digest": self.config.digest(),
            "device": self.device.type,  # random streams of one kind do not fit another
            "step": self.step,
            "recorded": (self.lost - 1 if self.lost else self.step) - waiting_steps,
            "seconds": self.seconds,
            "begun": self._begun,
            "owed": self._owed,
            "lost": self.lost,
            "waiting": [_packed(record) for record in self.waiting],
            "random": {name: stream.get_state() for name, stream in self.random.items()},
            **{name: getattr(self, name).state_dict() for name in self._stateful()},
        }
        return _cloned(state)  # training goes on in the same tensors

    def _stateful(self) -> tuple[str, ...]:
        return STATEFUL if self.averaged is None else (*STATEFUL, "averaged")

    def _restore(self, source: dict | str | Path) -> None:
        if not isinstance(source, dict):
            # Generators' states must stay on the CPU; load_state_dict moves the rest.
            source = torch.load(source, map_location="cpu", weights_only=True)
        if not self._comes_from(source):
            raise ValueError("the checkpoint belongs to another config or an older trainer.")
        if source["device"] != self.device.type:
            raise ValueError(
                f"the checkpoint was made on {source['device']}, this device is {self.device.type}."
            )
        for name in self._stateful():
            # Optimisers would go on in the checkpoint's own tensors.
            getattr(self, name).load_state_dict(copy.deepcopy(source[name]))
        for name, stream in self.random.items():
            stream.set_state(source["random"][name])
        self.step, self.seconds = source["step"], source["seconds"]
        self._begun, self.lost = source["begun"], source["lost"]
        self._owed = source.get("owed", False)  # not in checkpoints from before it was put off
        self.waiting = [_unpacked(packed) for packed in source["waiting"]]
        self._turn(self.config.at(self.step))

    def _comes_from(self, source: dict) -> bool:
        """Whether a checkpoint is of this run, or of one that was the same until then."""
        own = (self.config, source.get("step"))
        return any(
            source.get("digest") == config.digest() and source["step"] <= until
            for config, until in (own, *self.config.origins())
        )


def _cloned(state: Any) -> Any:
    """A copy in tensors of its own: one that is a view would take all it is a part of along, and
    the order in which it lies in memory."""
    if isinstance(state, Tensor):
        return state.detach().clone(memory_format=torch.contiguous_format)
    if isinstance(state, dict):
        return type(state)((key, _cloned(value)) for key, value in state.items())
    if isinstance(state, list | tuple):
        return type(state)(_cloned(value) for value in state)
    return state


STATEFUL = ("generator", "discriminator", "optimizer_g", "optimizer_d")
PACKED = {kind.__name__: kind for kind in (StepRecord, EvalRecord, SampleRecord)}


def _packed(record: Record) -> dict:
    """A record as plain values and tensors, which weights_only loading admits."""
    content = {entry.name: getattr(record, entry.name) for entry in dataclasses.fields(record)}
    if isinstance(record, SampleRecord):
        content["samples"] = torch.from_numpy(record.samples)
    return {"kind": type(record).__name__, **content}


def _unpacked(packed: dict) -> Record:
    content = dict(packed)
    kind = PACKED[content.pop("kind")]
    if kind is SampleRecord:
        content["samples"] = content["samples"].numpy()
        if content.pop("averaged", False):  # in checkpoints from before there were other views
            content["view"] = "averaged"
    if kind is EvalRecord:
        content["histogram"] = tuple(content["histogram"])
    return kind(**content)


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    """σ, to full precision for any logit: 1 / (1 + exp(−s)) would overflow."""
    with np.errstate(invalid="ignore"):  # NaN stays NaN: a diverged run's last burst
        return np.exp(-np.logaddexp(0.0, -logits))


def train(
    config: RunConfig,
    *,
    device: torch.device | str | None = None,
    resume_from: dict | str | Path | None = None,
) -> Training:
    """Train `config`: an iterator of records that ends with an Outcome, finished or diverged.

    `resume_from` is a checkpoint or the path of one. Raises DeviceError, ValueError.
    """
    return Training(config, device, resume_from)


def prepare(config: RunConfig, device: torch.device | str | None = None) -> None:
    """Load what a run of `config` needs, downloading it where it is missing; kept for the run.

    Raises DatasetError where it cannot be had, DeviceError.
    """
    device = device if isinstance(device, torch.device) else pick_device(device or "auto")
    data = datasets.load(config, device)
    if config.card.kind == "image":
        metrics.image_reference(data.held_out, classifier.load(device, config.dataset))


def warm_up(device: torch.device) -> None:
    """Do once what a first run would wait for: data, classifier, and the reference features."""
    data, model = datasets.load(RunConfig(), device), classifier.load(device, "mnist")
    metrics.image_reference(data.held_out, model)
    for _ in train(RunConfig(dataset="ring", steps=2), device=device):
        pass
