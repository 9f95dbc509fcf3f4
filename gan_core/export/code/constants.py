"""The settings of a run as constants of the program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gan_core.config.run_config import RunConfig


@dataclass(frozen=True)
class Constant:
    """Its value as code, and what it is where its name does not say so."""

    value: str
    comment: str = ""


def constants(settings: RunConfig) -> dict[str, Constant]:
    """Every constant that a program may use, by name, in the order in which they are listed."""
    config = settings
    rate, ratio = repr(config.learning_rate), repr(config.learning_rate_ratio)
    return {
        "SEED": Constant(str(config.seed)),
        "TRAINING_EXAMPLES": Constant(str(config.training_examples)),
        "CLASS_SKEW": Constant(repr(config.class_skew), "the rarest class lost this share"),
        "FOLDS": Constant(str(config.folds)),
        "FOLD": Constant(str(config.fold), "which of them is held out"),
        "BATCH_SIZE": Constant(str(config.batch_size)),
        "LATENT_DIM": Constant(str(config.latent_dim), "numbers that G turns into a sample"),
        "LEARNING_RATE_D": Constant(
            f"{rate} * {ratio}" if config.learning_rate_ratio > 1 else rate),
        "LEARNING_RATE_G": Constant(
            f"{rate} / {ratio}" if config.learning_rate_ratio < 1 else rate, _rates(config)),
        "D_STEPS": Constant(str(config.discriminator_steps), "updates of D in each step"),
        "G_STEPS": Constant(str(config.generator_steps), "updates of G in each step"),
        "REAL_TARGET": Constant(
            f"1 - {config.label_smoothing!r}", "label smoothing: D calls real ones this"),
        "FAKE_TARGET": Constant(
            repr(config.fake_label_smoothing), "and generated ones this"),
        "LABEL_FLIPS": Constant(repr(config.label_flips), "share of labels that are swapped"),
        "DROPOUT": Constant(repr(config.dropout), "share of D's units that are switched off"),
        "INPUT_NOISE": Constant(
            repr(config.input_noise), "standard deviation of the noise on all that D sees"),
        "INPUT_NOISE_STEPS": Constant(
            str(config.input_noise_steps), "over which the noise fades"),
        "PACKING": Constant(str(config.packing), "examples that D scores at once"),
        "GRADIENT_PENALTY": Constant(repr(config.gradient_penalty), "WGAN-GP's λ"),
        "R1": Constant(repr(config.r1), "γ, at real examples"),
        "R2": Constant(repr(config.r2), "γ, at generated examples"),
        "WEIGHT_CLIP": Constant(repr(config.weight_clip), "D's weights stay within ± this"),
        "GRADIENT_CLIP": Constant(repr(config.gradient_clip), "longest gradient of a network"),
        "EMA": Constant(repr(config.ema), "decay of the averaged generator"),
        "PRINT_EVERY": Constant("50", "steps"),
        "SHEET_EVERY": Constant(str(_sheet_interval(config.steps)), "steps"),
    }


def assignments(values: Mapping[str, Constant]) -> str:
    """One line each."""
    return "\n".join(
        f"{name} = {constant.value}" + (f"  # {constant.comment}" if constant.comment else "")
        for name, constant in values.items())


def _rates(config: RunConfig) -> str:
    ratio = config.learning_rate_ratio
    if ratio == 1:
        return ""
    return f"D learns {ratio:.3g} times as fast" if ratio > 1 else (
        f"G learns {1 / ratio:.3g} times as fast")


def _sheet_interval(steps: int) -> int:
    """About thirty sheets a run, at round steps."""
    return next((each for each in (10, 25, 50, 100, 250, 500, 1000, 2500) if steps <= 30 * each),
                5000)
