"""RunConfig: one frozen, validated, serialisable description of a training run.

A trajectory is a deterministic function of its config and seed on one kind of device; `steps` says
only how far anyone has looked. So `digest()`, which names a run, leaves `steps` out.

Every field carries a `Knob`: what people read (label, help), what is allowed (bounds or choices)
and how a control should move (scale). Pages and command line are generated from these knobs.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from numbers import Integral, Real
from typing import Any

from gan_core.config import schedule as schedules
from gan_core.config.choices import (
    ARCHITECTURES,
    DATASETS,
    LOSSES,
    OPTIMIZERS,
    PRECISIONS,
    REDUCTIONS,
    STDDEV_GROUP,
    UPDATE_ORDERS,
    DatasetCard,
)
from gan_core.config.constraints import RULES

# Raised whenever the same config would train to other numbers than before, so that stored runs of
# an older trainer are not taken for runs of this one. Changing a field's default raises it too,
# since a digest is made of what differs from the defaults.
TRAJECTORY_VERSION = 1


class ConfigError(ValueError):
    """A value that RunConfig refuses; the message is a sentence naming the field and the range."""

    def __init__(self, field_name: str, message: str):
        super().__init__(message)
        self.field_name = field_name


@dataclass(frozen=True)
class Knob:
    """What a person needs to know to set one field, and what a control needs to offer it."""

    label: str
    help: str
    section: str
    low: float | None = None
    high: float | None = None
    step: float | None = None  # what one notch of a linear control moves
    scale: str = "linear"  # "linear", "log" (decades) or "log2" (doublings)
    choices: Mapping[str, str] | None = None  # value -> what a person reads
    per_example: bool = False  # limits D's gradient at each example
    mid_run: bool = False  # may change while a run goes on
    form: str = ""  # of free text: what it must look like
    ticks: tuple[int, ...] = ()  # the positions of a slider that has neither scale

    def allowed(self) -> str:
        """The permitted values in words."""
        if self.form:
            return self.form
        if self.choices is not None:
            return "one of " + ", ".join(self.choices)
        if self.low is None:
            return "true or false"
        low, high = (f"{bound:g}" if abs(bound) < 1e6 else f"{bound:.0f}"
                     for bound in (self.low, self.high))
        return f"a number from {low} to {high}"


SECTIONS = {
    "balance": "Balance of the two networks",
    "regularisation": "What D sees",
    "limits": "Penalties and limits",
    "objective": "Objective and optimiser",
    "networks": "Networks and data",
    "session": "Session",
}


def _knob(default: Any, label: str, help: str, section: str, **limits: Any) -> Any:
    return field(default=default, metadata={"knob": Knob(label, help, section, **limits)})


@dataclass(frozen=True)
class RunConfig:
    """A GAN training run. Raises ConfigError on any value outside its knob's range."""

    dataset: str = _knob(
        "mnist", "Data set", "What the generator must learn to imitate.", "networks",
        choices={name: card.label for name, card in DATASETS.items()},
    )
    training_examples: int = _knob(
        0, "Training examples",
        "How many training examples D may see: a fixed random subset. 0 means all of them.",
        "networks", low=0, high=100_000, step=500,
        ticks=(0, 50, 100, 200, 300, 500, 1000, 2000, 5000, 10_000, 20_000, 60_000),
    )
    class_skew: float = _knob(
        0.0, "Class skew",
        "Makes some classes rare: the last class keeps 1 − this of its training examples, the "
        "others lie in between, geometrically. The held-out examples stay as they are.",
        "networks", low=0.0, high=0.99, step=0.01,
    )
    balanced_sampling: bool = _knob(
        False, "Class-balanced sampling",
        "Draws every class equally often, however rare it is among the training examples.",
        "networks",
    )
    folds: int = _knob(
        0, "Folds",
        "Cross-validation: cuts the training set into so many parts and measures on one that "
        "training never sees, instead of on the test set; the classifier that measures has seen it "
        "all the same. 0 means no folds.",
        "networks", low=0, high=10, step=1,
    )
    fold: int = _knob(
        0, "Held-out fold", "Which of the folds is held out, counted from 0.",
        "networks", low=0, high=9, step=1,
    )
    architecture: str = _knob(
        "mlp", "Networks",
        "The pair of networks. The report's MLP has three linear layers each; for 2-D data it is "
        "the same family, sized for points.",
        "networks", choices={name: card.label for name, card in ARCHITECTURES.items()},
    )
    width: float = _knob(
        1.0, "Width", "Multiplies the hidden units, or channels, of both networks.",
        "networks", low=0.25, high=4.0, scale="log2",
    )
    depth: int = _knob(
        2, "Hidden layers", "Hidden layers of each network of the MLP.",
        "networks", low=1, high=6, step=1,
    )
    loss: str = _knob(
        "non_saturating", "Loss",
        "Minimax: G minimises log(1 − D(G(z))), whose gradient vanishes while D rejects the "
        "samples. Non-saturating: −log D(G(z)), whose gradient is then largest. Least squares, "
        "hinge, Wasserstein and relativistic pairing change D's goal as well.",
        "objective", choices={name: card.label for name, card in LOSSES.items()}, mid_run=True,
    )
    discriminator_loss: str = _knob(
        "sum", "D's loss is",
        "The sum of D's two terms, or their average. Adam takes the same steps for both, unless a "
        "penalty or clipping is weighed against them; SGD does not.",
        "objective", choices=REDUCTIONS, mid_run=True,
    )
    optimizer: str = _knob(
        "adam", "Optimiser",
        "Adam and RMSprop divide each gradient by its own recent size and so hide a vanishing "
        "gradient; SGD does not.",
        "objective", choices=OPTIMIZERS,
    )
    learning_rate: float = _knob(
        2e-4, "Learning rate", "Step size of the slower of the two networks.",
        "objective", low=1e-6, high=1.0, scale="log", mid_run=True,
    )
    learning_rate_ratio: float = _knob(
        1.0, "Learning-rate ratio (D : G)",
        "Above 1, the discriminator's rate is the learning rate times this. Below 1, the "
        "generator's rate is the learning rate divided by this. The other network keeps its rate.",
        "balance", low=0.01, high=100.0, scale="log", mid_run=True,
    )
    beta1: float = _knob(
        0.5, "β₁ (momentum)",
        "Adam's memory of past gradients; the momentum of SGD and RMSprop. 0 means none.",
        "objective", low=0.0, high=0.99, step=0.05,
    )
    beta2: float = _knob(
        0.999, "β₂",
        "Adam's memory of squared gradients; RMSprop's smoothing constant. SGD does not use it.",
        "objective", low=0.0, high=0.9999, step=0.001,
    )
    batch_size: int = _knob(
        64, "Batch size", "Real images, and generated images, in each step.",
        "session", low=4, high=1024, scale="log2",
    )
    latent_dim: int = _knob(
        100, "Latent dimensions", "Length of the random vector z that G turns into a sample.",
        "networks", low=1, high=512, scale="log",
    )
    discriminator_steps: int = _knob(
        1, "D steps per round", "Updates of the discriminator before each update of the generator.",
        "balance", low=1, high=10, step=1, mid_run=True,
    )
    generator_steps: int = _knob(
        1, "G steps per round", "Updates of the generator in each training step.",
        "balance", low=1, high=10, step=1, mid_run=True,
    )
    update_order: str = _knob(
        "discriminator_first", "Order of updates", "Which network moves first in each step.",
        "balance", choices=UPDATE_ORDERS, mid_run=True,
    )
    label_smoothing: float = _knob(
        0.0, "Label smoothing",
        "One-sided: D is asked to call real images 1 − this instead of 1. The report uses 0.1.",
        "regularisation", low=0.0, high=0.5, step=0.05, mid_run=True,
    )
    dropout: float = _knob(
        0.0, "Dropout in D",
        "Share of D's hidden units switched off at random in each step. The report uses 0.4.",
        "regularisation", low=0.0, high=0.8, step=0.05, mid_run=True,
    )
    input_noise: float = _knob(
        0.0, "Noise on D's inputs",
        "Standard deviation of Gaussian noise added to everything D sees, real and generated.",
        "regularisation", low=0.0, high=1.0, step=0.05, mid_run=True,
    )
    input_noise_steps: int = _knob(
        0, "Noise fades over",
        "Steps over which the noise on D's inputs falls linearly to zero. 0 means it stays.",
        "regularisation", low=0, high=200_000, step=500,
    )
    packing: int = _knob(
        1, "Packing",
        "PacGAN: D judges so many examples at once, all real or all generated, and so sees a lack "
        "of variety. A batch is cut into such packs.",
        "regularisation", low=1, high=8, step=1,
    )
    minibatch_stddev: bool = _knob(
        False, "Minibatch standard deviation",
        f"Shows D how much {STDDEV_GROUP} examples differ, as one more feature near its end.",
        "regularisation",
    )
    augment: bool = _knob(
        False, "Augment D's inputs",
        "DiffAugment: shifts everything D sees by up to an eighth and cuts a square out of it, "
        "real and generated alike.",
        "regularisation", mid_run=True,
    )
    gradient_penalty: float = _knob(
        0.0, "Gradient penalty λ",
        "WGAN-GP: λ (‖∇D‖ − 1)² between real and generated examples. Published: 10 for images, "
        "0.1 for 2-D data.",
        "limits", low=0.0, high=100.0, step=0.1, per_example=True, mid_run=True,
    )
    r1: float = _knob(
        0.0, "R1 γ",
        "γ/2 ‖∇D‖² at real examples: D is flat where the data is.",
        "limits", low=0.0, high=100.0, step=0.1, per_example=True, mid_run=True,
    )
    r2: float = _knob(
        0.0, "R2 γ",
        "γ/2 ‖∇D‖² at generated examples.",
        "limits", low=0.0, high=100.0, step=0.1, per_example=True, mid_run=True,
    )
    weight_clip: float = _knob(
        0.0, "Weight clipping",
        "WGAN: keeps every weight of D within ± this. Published: 0.01. 0 means no limit.",
        "limits", low=0.0, high=1.0, step=0.01, mid_run=True,
    )
    gradient_clip: float = _knob(
        0.0, "Gradient clipping",
        "Shortens the gradient of each network to this norm where it is longer. 0 means no limit.",
        "limits", low=0.0, high=100.0, step=0.1, mid_run=True,
    )
    spectral_norm: bool = _knob(
        False, "Spectral normalisation",
        "Divides every weight matrix of D by its largest singular value.",
        "limits",
    )
    ema: float = _knob(
        0.0, "Averaged generator",
        "Decay of an exponential moving average of G's weights, sampled and measured beside G. "
        "Published: 0.999. 0 means none.",
        "objective", low=0.0, high=0.9999, step=0.001,
    )
    freeze_generator: int = _knob(
        0, "Freeze G at step",
        "From this step on G stands still, a fresh D is trained against it, and the gradient that "
        "G would get is measured under both losses. 0 means never.",
        "session", low=0, high=100_000, step=100,
    )
    steps: int = _knob(
        3000, "Steps", "How far to train. A run can be continued later.",
        "session", low=1, high=200_000, scale="log",
    )
    seed: int = _knob(
        0, "Seed", "Start of all random numbers. The same seed and settings give the same run.",
        "session", low=0, high=2**31 - 1, step=1,
    )
    precision: str = _knob(
        "auto", "Precision", "Number format of the matrix products.", "session",
        choices=PRECISIONS,
    )
    schedule: str = _knob(
        "", "Changes in mid-run",
        f"What changes while the run goes on, each after so many steps: {schedules.EXAMPLE}.",
        "session", form=f"changes with rising steps like {schedules.EXAMPLE}",
    )

    def __post_init__(self) -> None:
        for name, knob in KNOBS.items():
            object.__setattr__(self, name, _checked(name, knob, getattr(self, name)))
        self._check_together()
        if self.schedule:  # written in one way, and without what changes nothing
            object.__setattr__(self, "schedule", _schedule_of(self.stages))

    def _check_together(self) -> None:
        for refused in RULES:
            if (refusal := refused(self)) is not None:
                raise ConfigError(*refusal)

    # --- derived ---------------------------------------------------------------------------------

    @property
    def generator_learning_rate(self) -> float:
        """A ratio below 1 speeds G up and leaves D where it was."""
        return self.learning_rate / min(self.learning_rate_ratio, 1.0)

    @property
    def discriminator_learning_rate(self) -> float:
        """A ratio above 1 speeds D up and leaves G where it was."""
        return self.learning_rate * max(self.learning_rate_ratio, 1.0)

    @property
    def card(self) -> DatasetCard:
        return DATASETS[self.dataset]

    @property
    def mixes_batch(self) -> bool:
        """Whether D's answer to one example depends on which others pass with it."""
        return ARCHITECTURES[self.architecture].batch_norm_in_d

    @property
    def group(self) -> int:
        """How many examples D must be shown together, or a multiple of it."""
        return self.packing * (STDDEV_GROUP if self.minibatch_stddev else 1)

    @property
    def packs(self) -> int:
        """How many inputs D sees of a batch."""
        return self.batch_size // self.packing

    # --- changes in mid-run ----------------------------------------------------------------------

    @functools.cached_property
    def stages(self) -> tuple[tuple[int, RunConfig], ...]:
        """What is in force from which step on, in order, the first from 0; none has a schedule.

        Raises ConfigError if the schedule cannot be used.
        """
        found = [(0, dataclasses.replace(self, schedule=""))]
        try:
            changes = schedules.parse(self.schedule)
        except ValueError as error:
            raise _bad_schedule(str(error)) from None
        for step, texts in changes:
            found.append((step, _next_stage(found[-1][1], step, texts)))
        return tuple(found)

    def at(self, step: int) -> RunConfig:
        """The settings of the round after `step` steps, without a schedule."""
        return next(config for since, config in reversed(self.stages) if since <= step)

    def changed(self, step: int, **changes: Any) -> RunConfig:
        """The same run for `step` steps and with `changes` from there on. Raises ConfigError."""
        _refuse_unknown(changes)
        texts = {name: _written(value) for name, value in changes.items()}
        kept = [stage for stage in self.stages if stage[0] < step]
        stages = (*kept, (step, _next_stage(self.at(step), step, texts)))
        return self.replace(schedule=_schedule_of(stages))

    def origins(self) -> Iterator[tuple[RunConfig, int]]:
        """Configs with fewer changes, and the step until which they are this one; the nearest
        first."""
        for count in range(len(self.stages) - 1, 0, -1):
            earlier = _schedule_of(self.stages[:count])
            yield self.replace(schedule=earlier), self.stages[count][0]

    def digest(self) -> str:
        """Sixteen hex digits naming the trajectory: every field but `steps`.

        Only fields that differ from their default are hashed, so that a field added later, with a
        default that changes nothing, leaves the names of stored runs as they are.
        """
        content = self.changes()
        content.pop("steps", None)
        text = json.dumps({"version": TRAJECTORY_VERSION, **content}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def replace(self, **changes: Any) -> RunConfig:
        """A copy with some fields changed, validated; an unknown field raises ConfigError."""
        _refuse_unknown(changes)
        return dataclasses.replace(self, **changes)

    def changes(self, base: RunConfig | None = None) -> dict[str, Any]:
        """Fields whose value differs from `base` (default: a plain RunConfig)."""
        base = base or DEFAULT
        return {
            name: getattr(self, name)
            for name in KNOBS
            if getattr(self, name) != getattr(base, name)
        }

    # --- to and from text ------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), indent=1)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RunConfig:
        """Missing fields take their default; unknown ones raise ConfigError."""
        if not isinstance(values, Mapping):
            raise ConfigError("config", "a config must be a JSON object of field names and values.")
        _refuse_unknown(values)
        return cls(**values)

    @classmethod
    def from_json(cls, text: str) -> RunConfig:
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ConfigError("config", f"the config is not valid JSON: {error}.") from None
        return cls.from_dict(values)

    def to_query(
        self, *, full: bool = False, base: RunConfig | None = None
    ) -> dict[str, str]:
        """URL parameters: what differs from `base` (default: a plain RunConfig), or every field.

        A full query keeps its meaning if a default ever changes.
        """
        values = self.to_dict() if full else self.changes(base)
        return {name: _written(value) for name, value in values.items()}

    @classmethod
    def from_query(
        cls, query: Mapping[str, str], base: RunConfig | None = None
    ) -> tuple[RunConfig, list[str]]:
        """Read URL parameters; a bad value keeps `base`'s (default: a plain RunConfig's).

        Returns the config and one sentence for each problem. Never raises: a URL is typed by hand.
        """
        values, problems = {}, []
        for name in [*KNOBS, *(name for name in query if name not in KNOBS)]:
            if name not in query:
                continue
            try:
                value = parse_value(name, str(query[name]))
                values[name] = _checked(name, KNOBS[name], value)
            except ConfigError as error:
                problems.append(str(error))
        # Together, not one by one: a data set and the networks that fit it arrive as a pair.
        while True:
            try:
                return (base or DEFAULT).replace(**values), problems
            except ConfigError as error:
                problems.append(str(error))
                del values[_given_up(values, base or DEFAULT, error.field_name)]


KNOBS: dict[str, Knob] = {
    entry.name: entry.metadata["knob"] for entry in dataclasses.fields(RunConfig)
}
KNOB_DEFAULTS: dict[str, Any] = {
    entry.name: entry.default for entry in dataclasses.fields(RunConfig)
}
_TYPES: dict[str, type] = {name: type(default) for name, default in KNOB_DEFAULTS.items()}
_WORDS = {"true": True, "false": False}


def parse_value(name: str, text: str) -> Any:
    """The value of field `name` written as `text`, of the field's type. Raises ConfigError."""
    _refuse_unknown([name])
    kind = _TYPES[name]
    try:
        # int() and float() accept underscores and other scripts' digits; a URL should not.
        if kind is not str and (not text.isascii() or "_" in text):
            raise ValueError
        return _WORDS[text.strip().lower()] if kind is bool else kind(text.strip())
    except (ValueError, KeyError):
        raise ConfigError(name, _refusal(name, KNOBS[name], text)) from None


def _checked(name: str, knob: Knob, value: Any) -> Any:
    """`value` as the field's own plain type, or ConfigError."""
    kind = _TYPES[name]
    if knob.form:
        if not isinstance(value, str):
            raise ConfigError(name, _refusal(name, knob, value))
        return value.strip()
    if kind is str:
        # A dict lookup would raise TypeError on an unhashable value.
        if not isinstance(value, str) or value not in knob.choices:
            raise ConfigError(name, _refusal(name, knob, value))
        return value
    if kind is bool:
        if not isinstance(value, bool):
            raise ConfigError(name, _refusal(name, knob, value))
        return value
    accepted = Integral if kind is int else Real
    if isinstance(value, bool) or not isinstance(value, accepted):
        raise ConfigError(name, _refusal(name, knob, value))
    if not knob.low <= value <= knob.high:  # false for NaN as well
        raise ConfigError(name, _refusal(name, knob, value))
    return kind(value) + kind(0)  # adding zero turns -0.0, which prints differently, into 0.0


def _next_stage(before: RunConfig, step: int, texts: Mapping[str, str]) -> RunConfig:
    """`before` with the values written in `texts`. Raises ConfigError."""
    fixed = [name for name in texts if name not in KNOBS or not KNOBS[name].mid_run]
    if fixed:
        able = ", ".join(name for name, knob in KNOBS.items() if knob.mid_run)
        raise _bad_schedule(f"{fixed[0][:40]!r} cannot change in mid-run; these can: {able}")
    try:
        return before.replace(**{name: parse_value(name, text) for name, text in texts.items()})
    except ConfigError as error:
        raise _bad_schedule(f"at step {step} {error}".rstrip(".")) from None


def _bad_schedule(clause: str) -> ConfigError:
    return ConfigError("schedule", f"schedule must be {KNOBS['schedule'].form}: {clause}.")


def _schedule_of(stages: Sequence[tuple[int, RunConfig]]) -> str:
    """The schedule that gives these stages."""
    changes = [
        (step, {name: _written(value) for name, value in config.changes(base=before).items()})
        for (_, before), (step, config) in pairwise(stages)
    ]
    return schedules.written([change for change in changes if change[1]])


def _refusal(name: str, knob: Knob, value: Any) -> str:
    try:
        shown = repr(value)
    except ValueError:  # Python does not write out integers of thousands of digits
        shown = "a number of thousands of digits"
    shown = shown if len(shown) <= 40 else shown[:39] + "…"
    whole = "whole " if _TYPES[name] is int else ""
    return f"{name} must be {knob.allowed().replace('a number', f'a {whole}number')}, not {shown}."


def _refuse_unknown(names: Any) -> None:
    for name in names:
        if name not in KNOBS:
            shown = repr(name)[:60]
            raise ConfigError(str(name), f"{shown} is not a setting; known: {', '.join(KNOBS)}.")


def _given_up(values: Mapping[str, Any], base: RunConfig, blamed: str) -> str:
    """Which one of `values` to leave out where they, on `base`, are refused for the field `blamed`.

    That field, if it is among them; but sooner one without which the others are fine.
    """

    def rank(name: str) -> tuple[int, bool]:
        rest = {other: value for other, value in values.items() if other != name}
        try:
            base.replace(**rest)
        except ConfigError as error:
            return 2 if error.field_name == blamed else 1, name != blamed
        return 0, name != blamed

    return min(values, key=rank)


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, float) else str(value)


DEFAULT = RunConfig()
