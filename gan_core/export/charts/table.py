"""Which charts a run has: titles, metrics, axes and reference lines, as data.

The pages' viewer and the files that are taken home draw the same charts. Torch-free.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gan_core.config.choices import LOSSES, DatasetCard
from gan_core.config.run_config import RunConfig

# One colour for each thing everywhere: real and generated examples, this run and its reference; two
# more for pairs of other things, such as D and G. Green and red are for verdicts alone. Apart for
# colour-blind readers too, and 3 : 1 or more on white and on near-black.
REAL, GENERATED = "#2f86d6", "#d9701e"
FIRST, SECOND = "#9a5fc4", "#1496ad"
GREY = "#8a8f98"  # the reference; whatever stays in the background


@dataclass(frozen=True)
class Lines:
    """A chart of metrics; `series` pairs a metric with what a reader sees.

    `source` says where they come from: "steps", "evaluations", or "freeze", the steps since G was
    frozen. Steps on the axis are counted from `origin`, and `across` is what the axis is called.
    """

    title: str
    note: str
    series: tuple[tuple[str, str], ...]
    axis: str
    domain: tuple[float, float]
    rules: tuple[float, ...] = ()  # dotted reference lines
    log: bool = False
    colours: tuple[str, ...] = (FIRST, SECOND)
    source: str = "steps"
    origin: int = 0
    across: str = "step"

    def described(self) -> str:
        return f"{self.title} by {self.across}, {' and '.join(label for _, label in self.series)}"


@dataclass(frozen=True)
class Curve:
    """A chart of one metric of the evaluations."""

    title: str
    note: str
    metric: str
    axis: str
    domain: tuple[float, float]
    rules: tuple[float, ...] = ()
    log: bool = False

    def described(self) -> str:
        return f"{self.title} by step, this run and the reference"


def lines(loss: str, reduction: str = "sum") -> dict[str, Lines]:
    """Charts of every run by name; the losses' frame and reference lines depend on the loss."""
    card = LOSSES[loss]
    d, g = card.equilibrium
    equilibrium = (d / 2 if reduction == "mean" else d, g)
    words = ", ".join(f"{network} {_written(value)}"
                      for network, value in zip("DG", equilibrium, strict=True))
    losses = Lines(
        f"Losses: {card.label}",
        f"dotted: equilibrium, {words}; not comparable across losses",
        (("loss_d", "D"), ("loss_g", "G")),
        "loss",
        card.frame,
        tuple(dict.fromkeys(equilibrium)),
    )
    return {"losses": losses, "scores": SCORES, "gradients": GRADIENTS, "gauges": GAUGES}


def _written(value: float) -> str:
    """A loss at equilibrium as people write it."""
    one = math.log(2)
    return {2 * one: "2 ln 2", one: "ln 2", -one: "−ln 2"}.get(value, f"{value:g}")


SCORES = Lines(
    "What D thinks: σ(logit)",
    "mean over the batch; dotted: 0.5, D cannot tell real from generated",
    (("score_real", "real"), ("score_fake", "generated")),
    "score, 1 = real",
    (0.0, 1.0),
    (0.5,),
    colours=(REAL, GENERATED),
)
GRADIENTS = Lines(
    "Gradient norms",
    "over all parameters of one network, before the optimiser",
    (("grad_norm_d", "D"), ("grad_norm_g", "G")),
    "L2 norm, log scale",
    (1e-5, 1e2),
    log=True,
)

GAUGES = Lines(
    "How hard D's judgement pushes G",
    "mean |∂L_G/∂logit| on one batch under either loss; dotted: 0.5, D cannot tell",
    (("saturation_minimax", "minimax"), ("saturation_non_saturating", "non-saturating")),
    "slope, log scale",
    (1e-5, 1.0),
    (0.5,),
    log=True,
)
MEMORISATION = Lines(
    "What D thinks of reals it knows and of new ones",
    "mean σ(logit) at evaluations; training above new: learned by heart",
    (("score_train", "training reals"), ("score_held_out", "new reals"),
     ("score_generated", "generated")),
    "score, 1 = real",
    (0.0, 1.0),
    (0.5,),
    colours=(REAL, SECOND, GENERATED),
    source="evaluations",
)


def frozen(freeze: int, discriminator_steps: int = 1) -> Lines:
    """The gradient that a G frozen after `freeze` steps would get, while a fresh D learns."""
    updates = "" if discriminator_steps == 1 else f", {discriminator_steps} D updates each"
    return Lines(
        "Gradient norms of the frozen G",
        "on the same D and the same batch, under either form of its loss",
        (("grad_norm_minimax", "minimax"), ("grad_norm_non_saturating", "non-saturating")),
        "L2 norm, log scale",
        (1e-6, 1e2),
        log=True,
        source="freeze",
        origin=freeze,
        across=f"{'steps' if updates else 'D steps'} since the freeze{updates}",
    )


def curves(card: DatasetCard, features: Mapping[str, Any]) -> dict[str, Curve]:
    """What the evaluations of a data set are drawn as, by name; `features` is what `extractor`
    knows of the classifier that measures it, empty where there is none yet."""
    noun, total = card.mode_noun, float(card.modes)
    points = card.kind == "points"
    # Every image is nearest to some digit, noise too: the two counts are told apart by name.
    present = Curve(
        "Modes present" if points else f"Nearest {noun}s",
        card.mode_rule if points else "nearest to at least 1 % of the samples, recognised or not",
        "modes", f"{noun}s", (0.0, total), (total,))
    supported = Curve(
        "Modes supported" if points else f"{noun.capitalize()}s recognised",
        f"at least 1 % of the samples {'lie near it' if points else 'are recognised as it'}",
        "modes_supported", f"{noun}s", (0.0, total), (total,))
    if points:
        good = Curve("High quality", "share of samples within 3σ of a centre; dotted: 98.9 %, a "
                     "perfect sampler", "high_quality", "share", (0.0, 1.0), (0.9889,))
        even = Curve("Distance from an even mixture", "reverse KL divergence, 0 is even",
                     "kl_uniform", "KL (nats)", (0.0, math.log(total)))
        return {"modes": present, "diversity": good, "frechet": even, "supported": supported}
    reals: tuple[float, ...] = ()
    on = "on its own classifier's features"
    if features:
        score = features["frechet_train_held_out"]
        on, reals = f"on {features['id']}; real ones have {score:.1f} (dotted)", (max(score, 1.0),)
    return {
        "modes": present,
        "diversity": Curve(
            "Diversity", "distance between two samples ÷ two real images (dotted: 1)", "diversity",
            "ratio", (0.0, 1.1), (1.0,)),
        "frechet": Curve(
            "Fréchet distance", f"to real {noun}s, {on}", "frechet", "distance, log scale",
            (1.0, 3000.0), reals, log=True),
        "supported": supported,
    }


def histogram_words(
    total: int, noun: str, old: Sequence[str] = (), some_new: bool = True
) -> tuple[str, str]:
    """Title and note of the histogram. `old` are the runs whose evaluations know only to which mode
    each sample is nearest, `some_new` whether there are others."""
    if old and not some_new:
        return f"Nearest {noun} of each sample", _even(total)
    title = "Samples near each mode" if noun == "mode" else f"Which {noun}s G draws"
    if old:
        return title, f"{old[0]}: nearest {noun} (older recording)"
    return title, _even(total)


def rotation_words(noun: str) -> tuple[str, str]:
    """Title and note of the chart of modes over time."""
    return (f"Which {noun}s G draws, over time",
            "this run's share of samples; a patch that wanders is rotation")


def _even(total: int) -> str:
    return f"dotted: {100 / total:.3g} % each, an even mixture"


ACCURACIES = Lines(
    "How often D is right",
    "share of the batch; dotted: 0.5, as good as guessing",
    (("accuracy_real", "real"), ("accuracy_fake", "generated")),
    "share",
    (0.0, 1.0),
    (0.5,),
    colours=(REAL, GENERATED),
)


def of_run(config: RunConfig, features: Mapping[str, Any]) -> dict[str, Lines | Curve]:
    """All charts that are taken home of a run, by name, those that everybody knows first."""
    drawn: dict[str, Lines | Curve] = {
        **lines(config.loss, config.discriminator_loss), "accuracies": ACCURACIES,
        **curves(config.card, features), "memory": MEMORISATION}
    if config.freeze_generator:
        drawn["frozen"] = frozen(config.freeze_generator, config.discriminator_steps)
    return drawn
