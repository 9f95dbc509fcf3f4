"""The GAN trainer: its state, one step, and the loop as an iterator of records.

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
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gan_core import classifier, datasets, metrics, networks
from gan_core.augmentation import augment
from gan_core.config import TRAJECTORY_VERSION, RunConfig
from gan_core.losses import LOSSES, minimax, non_saturating
from gan_core.penalties import PENALTIES, Judged
from gan_core.processor import processor_name
from gan_core.records import EvalRecord, Outcome, Record, SampleRecord, StepRecord

BURST = 25  # steps whose measurements stay on the device before they come over together
BURST_SECONDS = 0.25  # a slow network reports sooner
LATENT_SEED = 2**40  # fixed latents: the same for every run, and no run's own seed
FRESH_SEED = 2**31  # added to a run's seed, all below it, for the D that meets a frozen G


class DeviceError(ValueError):
    """A device that this machine does not have."""


def pick_device(name: str = "auto") -> torch.device:
    """`name`, or the best this machine has: cuda, then mps, then cpu. Raises DeviceError."""
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(),
                 "cpu": True}
    if name == "auto":
        name = next(kind for kind, there in available.items() if there)
    if not available.get(name.split(":")[0], False):
        there = ", ".join(kind for kind, present in available.items() if present)
        raise DeviceError(f"device must be one of auto, {there} on this machine, not {name!r}.")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError):
        raise DeviceError(f"device {name!r} is not on this machine.") from None
    return device


def device_name(device: torch.device) -> str:
    """What to call the device in front of people: "AMD EPYC 7763 CPU, 2 threads"."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return "Apple GPU (MPS)"
    count = torch.get_num_threads()
    return f"{processor_name()} CPU, {count} thread{'s' if count > 1 else ''}".lstrip()


def use_bfloat16(precision: str, device: torch.device) -> bool:
    """Whether matrix products run in bfloat16: `auto` means where the hardware multiplies it."""
    if precision != "auto":
        return precision == "bfloat16"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return device.type == "cpu" and supported()


def evaluation_due(step: int) -> bool:
    """Sparser as a run grows, and the same for every run of a config, however far it goes."""
    return step % (250 if step <= 5000 else 1000) == 0


def samples_due(step: int) -> bool:
    if step <= 2000:
        return step % 50 == 0
    return step % (250 if step <= 10_000 else 1000) == 0


def _optimizer(
    config: RunConfig, network: nn.Module, learning_rate: float
) -> torch.optim.Optimizer:
    # fused: one pass over all parameters; the default loop is several times slower everywhere.
    parameters = network.parameters()
    if config.optimizer == "adam":
        betas = (config.beta1, config.beta2)
        return torch.optim.Adam(parameters, learning_rate, betas, fused=True)
    if config.optimizer == "rmsprop":
        return torch.optim.RMSprop(
            parameters, learning_rate, alpha=config.beta2, momentum=config.beta1
        )
    return torch.optim.SGD(parameters, learning_rate, momentum=config.beta1, fused=True)


@dataclass(frozen=True)
class Update:
    """What an update, or several, leave to be measured, still on the device."""

    numbers: tuple[Tensor, ...]  # ()
    logits: tuple[Tensor, ...]  # (k, 1)

    def __add__(self, other: Update) -> Update:
        return Update(self.numbers + other.numbers, self.logits + other.logits)


class Training:
    """The state of one run, and an iterator of its records.

    Raises ValueError if `resume_from` is a checkpoint of another config.
    """

    def __init__(
        self,
        config: RunConfig,
        device: torch.device | str | None = None,
        resume_from: dict | str | Path | None = None,
    ) -> None:
        self.config = config
        self.device = device if isinstance(device, torch.device) else pick_device(device or "auto")
        torch.set_flush_denormal(True)  # the tiny gradients of a collapsed GAN are slow otherwise
        prepare(config, self.device)  # before the clock runs
        self.data = datasets.load(config, self.device)
        self.random = {
            stream: torch.Generator(self.device).manual_seed(config.seed * 4 + offset)
            for offset, stream in enumerate(("batches", "latents", "noise", "dropout"))
        }
        self.generator, self.discriminator = networks.build(
            config, self.data.dim, self.device, self.random["dropout"]
        )
        self.optimizer_g = _optimizer(config, self.generator, config.generator_learning_rate)
        self.optimizer_d = _optimizer(
            config, self.discriminator, config.discriminator_learning_rate
        )
        self.averaged = self._averaged_generator()
        self.parameters_g = list(self.generator.parameters())
        self.parameters_d = list(self.discriminator.parameters())
        self.loss = LOSSES[config.loss]
        self.penalties = [
            (getattr(config, name), penalty)
            for name, penalty in PENALTIES.items() if getattr(config, name) > 0
        ]
        self.bfloat16 = use_bfloat16(config.precision, self.device)
        self.fixed_latents = self._fixed_latents()
        self.step = 0
        self.seconds = 0.0
        self.lost: int | None = None  # the first step that was not finite
        self._burst: list[tuple[Tensor, ...]] = []  # measurements still on the device
        self._waiting: list[Record] = []  # records made but not yet yielded
        self._begun = False
        if resume_from is not None:
            self._restore(resume_from)
        self._records = self._run()

    def __iter__(self) -> Iterator[Record]:
        return self

    def __next__(self) -> Record:
        return next(self._records)

    # --- one step --------------------------------------------------------------------------------

    def train_step(self) -> None:
        """One round of updates of D and of G, in the config's order; measured, not yet fetched."""
        if self.step == self.config.freeze_generator > 0:
            self._freeze()
        if self.step >= self.config.freeze_generator > 0:
            found = self._frozen_round()
        else:
            found = ROUNDS[self.config.update_order](self)
        self.step += 1
        if self.averaged is not None:
            self._average()
        # Detached: a burst must not keep the graphs of its steps.
        self._burst.append(tuple(value.detach() for value in found.numbers + found.logits))

    def _discriminator_first(self) -> Update:
        """G's first update reuses the fakes of D's last one, judged by the updated D."""
        for _ in range(self.config.discriminator_steps):
            fake = self.generate(self.latents())
            found_d = self.update_discriminator(fake)
        return self._generator_rounds(fake, found_d)

    def _generator_rounds(self, fake: Tensor, found_d: Update) -> Update:
        for update in range(self.config.generator_steps):
            if update > 0:
                fake = self.generate(self.latents())
            found_g = self.update_generator(fake)
        return found_d + found_g

    def _generator_first(self) -> Update:
        """D's first update reuses the fakes of G's last one, made before that update."""
        for _ in range(self.config.generator_steps):
            fake = self.generate(self.latents())
            found_g = self.update_generator(fake)
        for update in range(self.config.discriminator_steps):
            if update > 0:
                fake = self.generate(self.latents())
            found_d = self.update_discriminator(fake)
        return found_d + found_g

    def _simultaneous(self) -> Update:
        """Both gradients are taken before either network moves."""
        fake = self.generate(self.latents())
        found_d = self.update_discriminator(fake, move=False)
        found_g = self.update_generator(fake)  # which leaves D's gradients as they are
        self._move_discriminator()
        return found_d + found_g

    def update_discriminator(self, fake: Tensor, move: bool = True) -> Update:
        """One update of D on a batch of reals and on `fake` (n, d).

        Returns loss without penalties, penalties, gradient norm; and logits of reals, of fakes.
        """
        real = self.data.batch(self.config.batch_size, self.random["batches"])
        inputs = self.seen(torch.cat([real, fake.detach()]))
        if self.penalties:
            inputs.requires_grad_()
        logits = self.judge_both(inputs)
        logits_real, logits_fake = logits.chunk(2)
        loss = self.loss.discriminator(logits_real, logits_fake, self.config.label_smoothing)
        if self.config.discriminator_loss == "mean":
            loss = loss / 2
        penalty = torch.zeros((), device=self.device)
        judged = Judged(self.judge, inputs, logits, self.random["noise"])
        for weight, penalise in self.penalties:
            penalty = penalty + weight * penalise(judged)
        self.optimizer_d.zero_grad()
        if self.penalties:
            (loss + penalty).backward(inputs=self.parameters_d)  # not to the images
        else:
            loss.backward()
        norm = self._limited_norm(self.parameters_d)
        if move:
            self._move_discriminator()
        return Update((loss, penalty, norm), (logits_real, logits_fake))

    def _move_discriminator(self) -> None:
        self.optimizer_d.step()
        if self.config.weight_clip > 0:
            with torch.no_grad():
                for parameter in self.parameters_d:
                    parameter.clamp_(-self.config.weight_clip, self.config.weight_clip)

    def update_generator(self, fake: Tensor) -> Update:
        """One update of G from its samples `fake` (n, d). Returns loss, gradient norm, logits."""
        logits = self.judge(self.seen(fake))
        loss = self.loss.generator(logits, self._paired_logits())
        self.optimizer_g.zero_grad()
        loss.backward(inputs=self.parameters_g)  # D's own gradients would go unused
        norm = self._limited_norm(self.parameters_g)
        self.optimizer_g.step()
        return Update((loss, norm), (logits,))

    @torch.no_grad()
    def _paired_logits(self) -> Tensor | None:
        """D's logits of fresh reals, for losses that compare with them."""
        if not self.loss.pairs:
            return None
        real = self.data.batch(self.config.batch_size, self.random["batches"])
        return self.judge(self.seen(real))

    def _limited_norm(self, parameters: list[nn.Parameter]) -> Tensor:
        """The norm of a network's gradient, before it is clipped where the config asks for it."""
        if self.config.gradient_clip > 0:
            return nn.utils.clip_grad_norm_(parameters, self.config.gradient_clip)
        return gradient_norm([parameter.grad for parameter in parameters])

    def latents(self) -> Tensor:
        """z ~ N(0, 1), shape (batch_size, latent_dim)."""
        shape = (self.config.batch_size, self.config.latent_dim)
        return torch.randn(shape, generator=self.random["latents"], device=self.device)

    def generate(self, latents: Tensor) -> Tensor:
        """Samples (n, d), float32."""
        with self._precision():
            return self.generator(latents).float()

    def seen(self, x: Tensor) -> Tensor:
        """Examples (n, d) as D sees them while training: augmented, noisy, packed."""
        if self.config.augment:
            x = augment(x, self.random["noise"])
        if (spread := self._noise()) > 0:
            noise = torch.randn(x.shape, generator=self.random["noise"], device=self.device)
            x = x + spread * noise
        return networks.packed(x, self.config.packing)

    def _noise(self) -> float:
        """The standard deviation of the noise on D's inputs at this step."""
        fading = self.config.input_noise_steps
        left = max(1.0 - self.step / fading, 0.0) if fading else 1.0
        return self.config.input_noise * left

    def judge(self, inputs: Tensor) -> Tensor:
        """D's logits (k, 1), float32, of inputs (k, m · d) as `seen` gives them."""
        # A penalty differentiates twice, which eight bits of mantissa do not survive.
        with nullcontext() if self.penalties else self._precision():
            return self.discriminator(inputs).float()

    def judge_both(self, inputs: Tensor) -> Tensor:
        """`judge` of reals and fakes: in one pass unless D has layers that mix a batch."""
        if self.config.mixes_batch:
            return torch.cat([self.judge(part) for part in inputs.chunk(2)])
        return self.judge(inputs)

    def _precision(self):
        if not self.bfloat16:
            return nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    # --- an average of G, and a G that stands still -----------------------------------------------

    def _averaged_generator(self) -> nn.Module | None:
        if self.config.ema == 0:
            return None
        return copy.deepcopy(self.generator).requires_grad_(False).eval()

    @torch.no_grad()
    def _average(self) -> None:
        """Moves the averaged generator towards G; buffers (BatchNorm's statistics) are copied."""
        # A short memory at first: otherwise the untrained weights would weigh for long.
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step))
        averaged = list(self.averaged.parameters())
        torch._foreach_lerp_(averaged, self.parameters_g, 1.0 - decay)
        for mean, value in zip(self.averaged.buffers(), self.generator.buffers(), strict=True):
            mean.copy_(value)

    def _freeze(self) -> None:
        """From here on G stands still and a fresh D learns: Arjovsky & Bottou (2017), figure 2."""
        _, fresh = networks.build(self.config, self.data.dim, self.device, self.random["dropout"],
                                  self.config.seed + FRESH_SEED)
        self.discriminator.load_state_dict(fresh.state_dict())
        self.optimizer_d = _optimizer(
            self.config, self.discriminator, self.config.discriminator_learning_rate)

    def _frozen_round(self) -> Update:
        """Updates of D alone; then the gradient that G would get, under both forms of the loss."""
        self.generator.eval()
        for _ in range(self.config.discriminator_steps):
            with torch.no_grad():
                fake = self.generate(self.latents())
            found_d = self.update_discriminator(fake)
        logits = self.judge(self.seen(self.generate(self.latents())))
        loss = self.loss.generator(logits, self._paired_logits())
        norms = [
            gradient_norm(torch.autograd.grad(each, self.parameters_g, retain_graph=True))
            for each in (loss, minimax(logits), non_saturating(logits))
        ]
        self.generator.train()
        return found_d + Update((loss, *norms), (logits,))

    # --- the loop --------------------------------------------------------------------------------

    def _run(self) -> Iterator[Record]:
        if not self._begun:  # the untrained generator: the first picture is there at once
            self._begun = True
            yield from self._yielding(self._timed(self._look))
        yield from self._yielding([])  # what a checkpoint brought along
        reported = time.perf_counter()
        while self.step < self.config.steps and self.lost is None:
            self._timed(self.train_step)
            looking = self._looking_due()
            late = time.perf_counter() - reported > BURST_SECONDS
            freezing = self.step == self.config.freeze_generator  # other numbers are measured then
            if looking or late or freezing or len(self._burst) >= BURST:
                records = self._timed(self._measure)
                if looking and self.lost is None:
                    records += self._timed(self._look)
                yield from self._yielding(records)
                reported = time.perf_counter()
        if self.lost is not None:
            reason = "a loss or a gradient became infinite or NaN"
            yield Outcome("diverged", self.lost, reason, self.seconds)
        else:
            yield Outcome("finished", self.step, seconds=self.seconds)

    def _timed(self, work: Callable[[], Any]) -> Any:
        """Do `work` and count its time; what the caller does between records is not training."""
        self._started = time.perf_counter()
        try:
            return work()
        finally:
            self.seconds += time.perf_counter() - self._started

    def _yielding(self, records: list[Record]) -> Iterator[Record]:
        """Yield records such that a checkpoint taken in between still holds the rest."""
        self._waiting += records
        while self._waiting:
            yield self._waiting.pop(0)

    def _looking_due(self) -> bool:
        step = self.step
        return evaluation_due(step) or samples_due(step) or step == self.config.steps

    def _measure(self) -> list[Record]:
        """The burst as step records, in one transfer to the host.

        At the first step with a NaN or Inf the records stop, and `lost` is set to it.
        """
        rows = [torch.cat([value.flatten() for value in found]) for found in self._burst]
        numbers = torch.stack(rows).cpu().numpy().astype(np.float64)
        scalars, logits = np.split(numbers, [-3 * self.config.packs], 1)
        loss_d, penalty, norm_d, loss_g, norm_g, *frozen = scalars.T
        logits = logits - self._undecided(logits)
        real, fake, logits_g = logits.reshape(len(rows), 3, -1).swapaxes(0, 1)
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
        first = self.step - len(self._burst) + 1
        self._burst.clear()
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
    def _look(self) -> list[Record]:
        """Samples from the fixed latents, and where it is due the metrics; no state changes."""
        evaluating = evaluation_due(self.step) or self.step == self.config.steps
        records: list[Record] = []
        found: dict[str, float] = {}
        self.generator.eval()
        self.discriminator.eval()
        samples = self._sampled(self.generator, evaluating)
        if not samples.isfinite().all():  # the last update broke G; its next step would show it
            self.lost = self.step + 1
            return []
        records.append(self._pictured(samples))
        if self.averaged is not None:
            smooth = self._sampled(self.averaged, evaluating)
            records.append(dataclasses.replace(self._pictured(smooth), averaged=True))
            if evaluating:
                found = {f"ema_{name}": value for name, value in self._rated(smooth)[0].items()}
        if evaluating:
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
        # In parts: what the convolutions of 2000 images leave behind takes gigabytes.
        with self._precision():
            return torch.cat([network(z).float() for z in latents.split(metrics.CHUNK)])

    def _pictured(self, samples: Tensor) -> SampleRecord:
        return SampleRecord(self.step, metrics.sheet(samples, self.config.card.kind))

    def _rated(self, samples: Tensor) -> tuple[dict[str, float], tuple[float, ...]]:
        """Metrics and histogram of samples."""

        def judge(x: Tensor) -> Tensor:
            x = x[: len(x) // self.config.group * self.config.group]  # whole packs, whole groups
            return self.discriminator(networks.packed(x, self.config.packing)).float()

        if self.config.card.kind == "points":
            found = metrics.evaluate_points(samples, judge, self.data, self.loss.centre)
        else:
            model = classifier.load(self.device, self.config.dataset)
            found = metrics.evaluate_images(samples, judge, self.data, model, self.loss.centre)
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
        waiting_steps = sum(isinstance(record, StepRecord) for record in self._waiting)
        state = {
            "version": TRAJECTORY_VERSION,
            "digest": self.config.digest(),
            "device": self.device.type,  # random streams of one kind do not fit another
            "step": self.step,
            "recorded": (self.lost - 1 if self.lost else self.step) - waiting_steps,
            "seconds": self.seconds,
            "begun": self._begun,
            "lost": self.lost,
            "waiting": [_packed(record) for record in self._waiting],
            "random": {name: stream.get_state() for name, stream in self.random.items()},
            **{name: getattr(self, name).state_dict() for name in self._stateful()},
        }
        return copy.deepcopy(state)  # training goes on in the same tensors

    def _stateful(self) -> tuple[str, ...]:
        return STATEFUL if self.averaged is None else (*STATEFUL, "averaged")

    def _restore(self, source: dict | str | Path) -> None:
        if not isinstance(source, dict):
            # Generators' states must stay on the CPU; load_state_dict moves the rest.
            source = torch.load(source, map_location="cpu", weights_only=True)
        if source.get("digest") != self.config.digest():
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
        self._waiting = [_unpacked(packed) for packed in source["waiting"]]


ROUNDS = {
    "discriminator_first": Training._discriminator_first,
    "generator_first": Training._generator_first,
    "simultaneous": Training._simultaneous,
}
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
    if kind is EvalRecord:
        content["histogram"] = tuple(content["histogram"])
    return kind(**content)


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    """σ, to full precision for any logit: 1 / (1 + exp(−s)) would overflow."""
    with np.errstate(invalid="ignore"):  # NaN stays NaN: a diverged run's last burst
        return np.exp(-np.logaddexp(0.0, -logits))


def gradient_norm(gradients: Sequence[Tensor]) -> Tensor:
    """L2 norm over all gradients, () on their device; no synchronisation."""
    return nn.utils.get_total_norm(gradients)


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
