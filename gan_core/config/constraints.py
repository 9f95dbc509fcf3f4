"""What does not go together in a config: one function a rule, with its sentence. Torch-free."""

from __future__ import annotations

from typing import Any

from gan_core.config.choices import ARCHITECTURES, LOSSES, STDDEV_GROUP

RunConfig = Any  # the class itself stands a floor above, and asks these rules
Refusal = tuple[str, str]  # the field to blame, and a sentence


def _networks_fit_data(config: RunConfig) -> Refusal | None:
    kind = config.card.kind
    if kind in ARCHITECTURES[config.architecture].kinds:
        return None
    fitting = [name for name, card in ARCHITECTURES.items() if kind in card.kinds]
    return "architecture", (
        f"architecture {config.architecture} does not fit the data set {config.dataset}; "
        f"allowed here: {', '.join(fitting)}.")


def _enough_examples(config: RunConfig) -> Refusal | None:
    if config.training_examples <= config.card.examples:
        return None
    return "training_examples", (
        f"training_examples must be a number from 0 to {config.card.examples} for the data set "
        f"{config.dataset}, not {config.training_examples}.")


def _fold_exists(config: RunConfig) -> Refusal | None:
    if config.folds == 1:
        return "folds", "folds must be 0 or a whole number from 2 to 10, not 1."
    if config.fold <= max(config.folds - 1, 0):
        return None
    if config.folds == 0:
        return "fold", f"fold must be 0 while folds is 0, not {config.fold}."
    return "fold", (
        f"fold must be a whole number from 0 to {config.folds - 1} with folds "
        f"{config.folds}, not {config.fold}.")


def _networks_can_change(config: RunConfig) -> Refusal | None:
    for name in ("width", "depth", "minibatch_stddev"):
        fitting = [key for key, card in ARCHITECTURES.items() if name in card.resizable]
        default = config.__dataclass_fields__[name].default
        if getattr(config, name) != default and config.architecture not in fitting:
            return name, (
                f"{name} must be {str(default).lower()} for architecture "
                f"{config.architecture}; others are for {', '.join(fitting)}.")
    return None


def _targets_to_smooth(config: RunConfig) -> Refusal | None:
    if config.label_smoothing == 0 or LOSSES[config.loss].targets:
        return None
    fitting = ", ".join(name for name, card in LOSSES.items() if card.targets)
    return "label_smoothing", (
        f"label_smoothing must be 0 for the loss {config.loss}, which has no targets; "
        f"it is for {fitting}.")


def _batch_divides(config: RunConfig) -> Refusal | None:
    if config.batch_size % config.group == 0:
        return None
    why = f"packing {config.packing}"
    if config.minibatch_stddev:
        why += f" and minibatch_stddev, which compares {STDDEV_GROUP}"
    return "batch_size", (
        f"batch_size must be a multiple of {config.group} for {why}, not {config.batch_size}.")


def _one_gradient_an_example(config: RunConfig) -> Refusal | None:
    if not ARCHITECTURES[config.architecture].batch_norm_in_d:
        return None
    for name, entry in config.__dataclass_fields__.items():
        if entry.metadata["knob"].per_example and getattr(config, name) > 0:
            return name, (
                f"{name} must be 0 for architecture {config.architecture}: it limits D's gradient "
                "at each example, and D's batch normalisation mixes them.")
    return None


def _one_limit_on_weights(config: RunConfig) -> Refusal | None:
    if not (config.spectral_norm and config.weight_clip > 0):
        return None
    return "weight_clip", (
        "weight_clip must be 0 with spectral_norm, which rescales the weights that it would clip.")


def _pictures_to_augment(config: RunConfig) -> Refusal | None:
    if not config.augment or config.card.kind == "image":
        return None
    return "augment", f"augment must be false for the data set {config.dataset}: it shifts images."


def _one_update_each(config: RunConfig) -> Refusal | None:
    if config.update_order != "simultaneous":
        return None
    for name in ("discriminator_steps", "generator_steps"):
        if getattr(config, name) > 1:
            return name, f"{name} must be 1 with update_order simultaneous."
    return None


RULES = (
    _networks_fit_data, _enough_examples, _fold_exists, _networks_can_change, _targets_to_smooth,
    _batch_divides, _one_gradient_an_example, _one_limit_on_weights, _pictures_to_augment,
    _one_update_each,
)
