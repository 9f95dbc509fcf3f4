"""Every setting of a run, with its default and its knob, and what follows from the settings.

The order of the fields is that of `config.json`. A field added later needs a default that leaves
training as it was: then the names of stored runs stay as they are. Torch-free.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from gan_core.config import schedule as schedules
from gan_core.config.choices import (
    ARCHITECTURES,
    DATASETS,
    DISCRIMINATOR_OPTIMIZERS,
    LOSSES,
    OPTIMIZERS,
    PRECISIONS,
    REDUCTIONS,
    SAME,
    STDDEV_GROUP,
    UPDATE_ORDERS,
    DatasetCard,
)
from gan_core.config.knobs import Knob, setting

LONGEST_RUN = 200_000  # steps
AS_G = -1.0  # as D's β₁: none of its own


@dataclass(frozen=True)
class Fields:
    """The settings alone, unchecked; `RunConfig` checks them and names the run."""

    dataset: str = setting(
        "mnist", "Data set", "What the generator must learn to imitate.", "networks",
        choices={name: card.label for name, card in DATASETS.items()},
    )
    training_examples: int = setting(
        0, "Training examples",
        "How many training examples D may see: a fixed random subset. 0 means all of them.",
        "networks", low=0, high=100_000, step=500,
        ticks=(0, 50, 100, 200, 300, 500, 1000, 2000, 5000, 10_000, 20_000, 60_000),
    )
    class_skew: float = setting(
        0.0, "Class skew",
        "Makes some classes rare: the last class keeps 1 − this of its training examples, the "
        "others lie in between, geometrically. The held-out examples stay as they are.",
        "networks", low=0.0, high=0.99, step=0.01,
    )
    balanced_sampling: bool = setting(
        False, "Class-balanced sampling",
        "Draws every class equally often, however rare it is among the training examples.",
        "networks",
    )
    folds: int = setting(
        0, "Folds",
        "Cross-validation: cuts the training set into so many parts and measures on one that "
        "training never sees, instead of on the test set; the classifier that measures has seen it "
        "all the same. 0 means no folds.",
        "networks", low=0, high=10, step=1,
    )
    fold: int = setting(
        0, "Held-out fold", "Which of the folds is held out, counted from 0.",
        "networks", low=0, high=9, step=1,
    )
    architecture: str = setting(
        "mlp", "Networks",
        "The pair of networks. The report's MLP has three linear layers each; for 2-D data it is "
        "the same family, sized for points.",
        "networks", choices={name: card.label for name, card in ARCHITECTURES.items()},
    )
    width: float = setting(
        1.0, "Width", "Multiplies the hidden units, or channels, of both networks.",
        "networks", low=0.25, high=4.0, scale="log2",
    )
    depth: int = setting(
        2, "Hidden layers", "Hidden layers of each network of the MLP.",
        "networks", low=1, high=6, step=1,
    )
    loss: str = setting(
        "non_saturating", "Loss",
        "Minimax: G minimises log(1 − D(G(z))), whose gradient vanishes while D rejects the "
        "samples. Non-saturating: −log D(G(z)), whose gradient is then largest. Least squares, "
        "hinge, Wasserstein and relativistic pairing change D's goal as well.",
        "objective", choices={name: card.label for name, card in LOSSES.items()}, mid_run=True,
    )
    discriminator_loss: str = setting(
        "sum", "D's loss is",
        "The sum of D's two terms, or their average. Adam takes the same steps for both, unless a "
        "penalty or clipping is weighed against them; SGD does not.",
        "objective", choices=REDUCTIONS, mid_run=True,
    )
    optimizer: str = setting(
        "adam", "Optimiser",
        "Adam and RMSprop divide each gradient by its own recent size and so hide a vanishing "
        "gradient; SGD does not.",
        "objective", choices=OPTIMIZERS,
    )
    discriminator_optimizer: str = setting(
        SAME, "D's optimiser",
        "Another optimiser for D than for G. Chintala et al. (2016) give D SGD and G Adam. SGD "
        "needs far larger rates than the others: the learning-rate ratio makes D's rate larger.",
        "objective", choices=DISCRIMINATOR_OPTIMIZERS,
    )
    learning_rate: float = setting(
        2e-4, "Learning rate", "Step size of the slower of the two networks.",
        "objective", low=1e-6, high=1.0, scale="log", mid_run=True,
    )
    learning_rate_ratio: float = setting(
        1.0, "Learning-rate ratio (D : G)",
        "Above 1, the discriminator's rate is the learning rate times this. Below 1, the "
        "generator's rate is the learning rate divided by this. The other network keeps its rate.",
        "balance", low=0.01, high=100.0, scale="log", mid_run=True,
    )
    beta1: float = setting(
        0.5, "β₁ (momentum)",
        "Adam's memory of past gradients; the momentum of SGD and RMSprop. 0 means none.",
        "objective", low=0.0, high=0.99, step=0.05,
    )
    discriminator_beta1: float = setting(
        AS_G, "D's β₁",
        "Another β₁ for D than for G: with much memory of past gradients D is slow to notice that "
        "G has moved.",
        "objective", low=0.0, high=0.99, step=0.05, beside={AS_G: "as G's"},
        ticks=(0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99),
    )
    beta2: float = setting(
        0.999, "β₂",
        "Adam's memory of squared gradients; RMSprop's smoothing constant. SGD does not use it.",
        "objective", low=0.0, high=0.9999, step=0.001,
    )
    batch_size: int = setting(
        64, "Batch size", "Real images, and generated images, in each step.",
        "session", low=4, high=1024, scale="log2",
    )
    latent_dim: int = setting(
        100, "Latent dimensions", "Length of the random vector z that G turns into a sample.",
        "networks", low=1, high=512, scale="log",
    )
    discriminator_steps: int = setting(
        1, "D steps per round", "Updates of the discriminator before each update of the generator.",
        "balance", low=1, high=10, step=1, mid_run=True,
    )
    generator_steps: int = setting(
        1, "G steps per round", "Updates of the generator in each training step.",
        "balance", low=1, high=10, step=1, mid_run=True,
    )
    update_order: str = setting(
        "discriminator_first", "Order of updates", "Which network moves first in each step.",
        "balance", choices=UPDATE_ORDERS, mid_run=True,
    )
    label_smoothing: float = setting(
        0.0, "Label smoothing",
        "One-sided: D is asked to call real images 1 − this instead of 1. The report uses 0.1.",
        "regularisation", low=0.0, high=0.5, step=0.05, moves_targets=True, mid_run=True,
    )
    fake_label_smoothing: float = setting(
        0.0, "Fake label smoothing",
        "Two-sided: D is asked to call generated images this instead of 0. Salimans et al. (2016) "
        "advise against it: where G alone has samples the best D then says this everywhere, and "
        "such a flat D does not tell G which way the data lies.",
        "regularisation", low=0.0, high=0.5, step=0.05, moves_targets=True, mid_run=True,
    )
    label_flips: float = setting(
        0.0, "Label flips",
        "Share of D's labels, of real and of generated images, that are swapped at random in each "
        "step. On average that smooths both sides by as much. At 0.5 the labels say nothing.",
        "regularisation", low=0.0, high=0.5, step=0.05, moves_targets=True, mid_run=True,
    )
    dropout: float = setting(
        0.0, "Dropout in D",
        "Share of D's hidden units switched off at random in each step. The report uses 0.4.",
        "regularisation", low=0.0, high=0.8, step=0.05, mid_run=True,
    )
    input_noise: float = setting(
        0.0, "Noise on D's inputs",
        "Standard deviation of Gaussian noise added to everything D sees, real and generated.",
        "regularisation", low=0.0, high=1.0, step=0.05, mid_run=True,
    )
    input_noise_steps: int = setting(
        0, "Noise fades over",
        "Steps over which the noise on D's inputs falls linearly to zero. 0 means it stays.",
        "regularisation", low=0, high=200_000, step=500,
    )
    packing: int = setting(
        1, "Packing",
        "PacGAN: D scores so many examples at once, all real or all generated, and so sees a lack "
        "of variety. A batch is cut into such packs.",
        "regularisation", low=1, high=8, step=1,
    )
    minibatch_stddev: bool = setting(
        False, "Minibatch standard deviation",
        f"Shows D how much {STDDEV_GROUP} examples differ, as one more feature near its end.",
        "regularisation",
    )
    augment: bool = setting(
        False, "Augment D's inputs",
        "DiffAugment: shifts everything D sees by up to an eighth and cuts a square out of it, "
        "real and generated alike.",
        "regularisation", mid_run=True,
    )
    gradient_penalty: float = setting(
        0.0, "Gradient penalty λ",
        "WGAN-GP: λ (‖∇D‖ − 1)² between real and generated examples. Published: 10 for images, "
        "0.1 for 2-D data.",
        "limits", low=0.0, high=100.0, step=0.1, per_example=True, mid_run=True,
    )
    r1: float = setting(
        0.0, "R1 γ",
        "γ/2 ‖∇D‖² at real examples: D is flat where the data is.",
        "limits", low=0.0, high=100.0, step=0.1, per_example=True, mid_run=True,
    )
    r2: float = setting(
        0.0, "R2 γ",
        "γ/2 ‖∇D‖² at generated examples.",
        "limits", low=0.0, high=100.0, step=0.1, per_example=True, mid_run=True,
    )
    weight_clip: float = setting(
        0.0, "Weight clipping",
        "WGAN: keeps every weight of D within ± this. Published: 0.01. 0 means no limit.",
        "limits", low=0.0, high=1.0, step=0.01, mid_run=True,
    )
    gradient_clip: float = setting(
        0.0, "Gradient clipping",
        "Shortens the gradient of each network to this norm where it is longer. 0 means no limit.",
        "limits", low=0.0, high=100.0, step=0.1, mid_run=True,
    )
    spectral_norm: bool = setting(
        False, "Spectral normalisation",
        "Divides every weight matrix of D by its largest singular value.",
        "limits",
    )
    ema: float = setting(
        0.0, "Averaged generator",
        "Decay of an exponential moving average of G's weights, sampled and measured beside G. "
        "Published: 0.999. 0 means none.",
        "objective", low=0.0, high=0.9999, step=0.001,
    )
    freeze_generator: int = setting(
        0, "Freeze G at step",
        "From this step on G stands still, a fresh D is trained against it, and the gradient that "
        "G would get is measured under both losses. 0 means never.",
        "session", low=0, high=100_000, step=100,
    )
    steps: int = setting(
        3000, "Steps", "How far to train. A run can be continued later.",
        "session", low=1, high=LONGEST_RUN, scale="log",
    )
    seed: int = setting(
        0, "Seed", "Start of all random numbers. The same seed and settings give the same run.",
        "session", low=0, high=2**31 - 1, step=1,
    )
    precision: str = setting(
        "auto", "Precision", "Number format of the matrix products.", "session",
        choices=PRECISIONS,
    )
    schedule: str = setting(
        "", "Changes in mid-run",
        f"What changes while the run goes on, each after so many steps: {schedules.EXAMPLE}.",
        "session", form=f"changes with rising steps like {schedules.EXAMPLE}",
    )

    # --- what follows from them ------------------------------------------------------------------

    @property
    def generator_learning_rate(self) -> float:
        """A ratio below 1 speeds G up and leaves D where it was."""
        return self.learning_rate / min(self.learning_rate_ratio, 1.0)

    @property
    def discriminator_learning_rate(self) -> float:
        """A ratio above 1 speeds D up and leaves G where it was."""
        return self.learning_rate * max(self.learning_rate_ratio, 1.0)

    @property
    def optimizer_of_discriminator(self) -> str:
        """D's own, or G's."""
        own = self.discriminator_optimizer
        return self.optimizer if own == SAME else own

    @property
    def beta1_of_discriminator(self) -> float:
        """D's own, or G's."""
        own = self.discriminator_beta1
        return self.beta1 if own == AS_G else own

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


KNOBS: dict[str, Knob] = {
    entry.name: entry.metadata["knob"] for entry in dataclasses.fields(Fields)
}
KNOB_DEFAULTS: dict[str, Any] = {
    entry.name: entry.default for entry in dataclasses.fields(Fields)
}
FIELD_TYPES: dict[str, type] = {name: type(default) for name, default in KNOB_DEFAULTS.items()}
