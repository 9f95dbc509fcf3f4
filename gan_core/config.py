"""RunConfig: one frozen, validated, serialisable description of a training run.

A trajectory is a deterministic function of its config and seed on one kind of device; `steps` says
only how far anyone has looked. So `digest()`, which names a run, leaves `steps` out.

Every field carries a `Knob`: what people read (label, help), what is allowed (bounds or choices)
and how a control should move (scale). Pages and command line are generated from these knobs.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any

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

    def allowed(self) -> str:
        """The permitted values in words."""
        if self.choices is not None:
            return "one of " + ", ".join(self.choices)
        low, high = (f"{bound:g}" if abs(bound) < 1e6 else f"{bound:.0f}"
                     for bound in (self.low, self.high))
        return f"a number from {low} to {high}"


@dataclass(frozen=True)
class DatasetCard:
    """What the torch-free rooms know of a data set; `datasets` holds the data itself."""

    label: str
    kind: str  # "image" or "points"
    examples: int  # training examples
    modes: int  # classes or mixture components
    mode_noun: str  # what one mode is called
    mode_rule: str  # what counts as a mode that is there
    extent: float = 0.0  # points lie within ±this


DATASETS: dict[str, DatasetCard] = {
    "mnist": DatasetCard("MNIST digits", "image", 60_000, 10, "digit", "a share of at least 1 %"),
    "ring": DatasetCard("2-D ring of 8 Gaussians", "points", 100_000, 8, "mode",
                        "at least one sample within 3σ", 1.6),
    "grid": DatasetCard("2-D grid of 25 Gaussians", "points", 100_000, 25, "mode",
                        "at least one sample within 3σ", 5.0),
}

# architecture -> (label, kinds of data it fits)
ARCHITECTURES: dict[str, tuple[str, frozenset[str]]] = {
    "mlp": ("MLP of the report", frozenset({"image", "points"})),
    "mlp_reference": ("MLP of PyTorch-GAN (gan.py)", frozenset({"image"})),
}

LOSSES = {
    "minimax": "Minimax",
    "non_saturating": "Non-saturating",
}
OPTIMIZERS = {"adam": "Adam", "rmsprop": "RMSprop", "sgd": "SGD"}
PRECISIONS = {
    "auto": "Automatic: bfloat16 where the processor has it",
    "float32": "32-bit floats",
    "bfloat16": "bfloat16 matrix products",
}

SECTIONS = {
    "balance": "Balance of the two networks",
    "regularisation": "What D sees",
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
    )
    architecture: str = _knob(
        "mlp", "Networks",
        "The pair of networks. The report's MLP has three linear layers each; for 2-D data it is "
        "the same family, sized for points.",
        "networks", choices={name: label for name, (label, _) in ARCHITECTURES.items()},
    )
    loss: str = _knob(
        "non_saturating", "Loss",
        "D's loss is the same binary cross-entropy. Minimax: G minimises log(1 − D(G(z))), whose "
        "gradient vanishes while D rejects the samples. Non-saturating: −log D(G(z)), whose "
        "gradient is then largest.",
        "objective", choices=LOSSES,
    )
    optimizer: str = _knob(
        "adam", "Optimiser",
        "Adam and RMSprop divide each gradient by its own recent size and so hide a vanishing "
        "gradient; SGD does not.",
        "objective", choices=OPTIMIZERS,
    )
    learning_rate: float = _knob(
        2e-4, "Learning rate", "Step size of the slower of the two networks.",
        "objective", low=1e-6, high=1.0, scale="log",
    )
    learning_rate_ratio: float = _knob(
        1.0, "Learning-rate ratio (D : G)",
        "Above 1, the discriminator's rate is the learning rate times this. Below 1, the "
        "generator's rate is the learning rate divided by this. The other network keeps its rate.",
        "balance", low=0.01, high=100.0, scale="log",
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
        "balance", low=1, high=10, step=1,
    )
    generator_steps: int = _knob(
        1, "G steps per round", "Updates of the generator in each training step.",
        "balance", low=1, high=10, step=1,
    )
    label_smoothing: float = _knob(
        0.0, "Label smoothing",
        "One-sided: D is asked to call real images 1 − this instead of 1. The report uses 0.1.",
        "regularisation", low=0.0, high=0.5, step=0.05,
    )
    dropout: float = _knob(
        0.0, "Dropout in D",
        "Share of D's hidden units switched off at random in each step. The report uses 0.4.",
        "regularisation", low=0.0, high=0.8, step=0.05,
    )
    input_noise: float = _knob(
        0.0, "Noise on D's inputs",
        "Standard deviation of Gaussian noise added to everything D sees, real and generated.",
        "regularisation", low=0.0, high=1.0, step=0.05,
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

    def __post_init__(self) -> None:
        for name, knob in KNOBS.items():
            object.__setattr__(self, name, _checked(name, knob, getattr(self, name)))
        self._check_together()

    def _check_together(self) -> None:
        card = DATASETS[self.dataset]
        if card.kind not in ARCHITECTURES[self.architecture][1]:
            fitting = [name for name, (_, kinds) in ARCHITECTURES.items() if card.kind in kinds]
            raise ConfigError(
                "architecture",
                f"architecture {self.architecture} does not fit the data set {self.dataset}; "
                f"allowed here: {', '.join(fitting)}.",
            )
        if self.training_examples > card.examples:
            raise ConfigError(
                "training_examples",
                f"training_examples must be a number from 0 to {card.examples} for the data set "
                f"{self.dataset}, not {self.training_examples}.",
            )

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
                blamed = error.field_name if error.field_name in values else next(iter(values))
                del values[blamed]


KNOBS: dict[str, Knob] = {
    entry.name: entry.metadata["knob"] for entry in dataclasses.fields(RunConfig)
}
_TYPES: dict[str, type] = {
    entry.name: type(entry.default) for entry in dataclasses.fields(RunConfig)
}


def parse_value(name: str, text: str) -> Any:
    """The value of field `name` written as `text`, of the field's type. Raises ConfigError."""
    _refuse_unknown([name])
    kind = _TYPES[name]
    try:
        # int() and float() accept underscores and other scripts' digits; a URL should not.
        if kind is not str and (not text.isascii() or "_" in text):
            raise ValueError
        return kind(text.strip())
    except ValueError:
        raise ConfigError(name, _refusal(name, KNOBS[name], text)) from None


def _checked(name: str, knob: Knob, value: Any) -> Any:
    """`value` as the field's own plain type, or ConfigError."""
    kind = _TYPES[name]
    if kind is str:
        # A dict lookup would raise TypeError on an unhashable value.
        if not isinstance(value, str) or value not in knob.choices:
            raise ConfigError(name, _refusal(name, knob, value))
        return value
    accepted = Integral if kind is int else Real
    if isinstance(value, bool) or not isinstance(value, accepted):
        raise ConfigError(name, _refusal(name, knob, value))
    if not knob.low <= value <= knob.high:  # false for NaN as well
        raise ConfigError(name, _refusal(name, knob, value))
    return kind(value) + kind(0)  # adding zero turns -0.0, which prints differently, into 0.0


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


def _written(value: Any) -> str:
    return repr(value) if isinstance(value, float) else str(value)


DEFAULT = RunConfig()
