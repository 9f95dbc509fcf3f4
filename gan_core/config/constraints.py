"""What must hold between several settings, one function a constraint. Torch-free.

Each returns None where it holds, else the field to blame and a sentence that says what is allowed.
"""

from __future__ import annotations

from collections.abc import Callable

from gan_core.config.choices import ARCHITECTURES, LOSSES, STDDEV_GROUP
from gan_core.config.fields import KNOB_DEFAULTS, KNOBS, Fields

Refusal = tuple[str, str]  # (field to blame, sentence)


def _networks_fit_data(fields: Fields) -> Refusal | None:
    kind = fields.card.kind
    if kind in ARCHITECTURES[fields.architecture].kinds:
        return None
    fitting = [name for name, card in ARCHITECTURES.items() if kind in card.kinds]
    return "architecture", (
        f"architecture {fields.architecture} does not fit the data set {fields.dataset}; "
        f"allowed here: {', '.join(fitting)}.")


def _enough_examples(fields: Fields) -> Refusal | None:
    if fields.training_examples <= fields.card.examples:
        return None
    return "training_examples", (
        f"training_examples must be a number from 0 to {fields.card.examples} for the data set "
        f"{fields.dataset}, not {fields.training_examples}.")


def _fold_exists(fields: Fields) -> Refusal | None:
    if fields.folds == 1:
        return "folds", "folds must be 0 or a whole number from 2 to 10, not 1."
    if fields.fold <= max(fields.folds - 1, 0):
        return None
    if fields.folds == 0:
        return "fold", f"fold must be 0 while folds is 0, not {fields.fold}."
    return "fold", (
        f"fold must be a whole number from 0 to {fields.folds - 1} with folds "
        f"{fields.folds}, not {fields.fold}.")


def _networks_are_resizable(fields: Fields) -> Refusal | None:
    for name in ("width", "depth", "minibatch_stddev"):
        fitting = [key for key, card in ARCHITECTURES.items() if name in card.resizable]
        default = KNOB_DEFAULTS[name]
        if getattr(fields, name) != default and fields.architecture not in fitting:
            return name, (
                f"{name} must be {str(default).lower()} for architecture "
                f"{fields.architecture}; others are for {', '.join(fitting)}.")
    return None


def _targets_to_move(fields: Fields) -> Refusal | None:
    if LOSSES[fields.loss].targets:
        return None
    fitting = ", ".join(name for name, card in LOSSES.items() if card.targets)
    for name, knob in KNOBS.items():
        if knob.moves_targets and getattr(fields, name) > 0:
            return name, (
                f"{name} must be 0 for the loss {fields.loss}, which has no targets; "
                f"it is for {fitting}.")
    return None


def _batch_divides(fields: Fields) -> Refusal | None:
    if fields.batch_size % fields.group == 0:
        return None
    why = f"packing {fields.packing}"
    if fields.minibatch_stddev:
        why += f" and minibatch_stddev, which compares {STDDEV_GROUP}"
    return "batch_size", (
        f"batch_size must be a multiple of {fields.group} for {why}, not {fields.batch_size}.")


def _gradient_per_example(fields: Fields) -> Refusal | None:
    if not fields.mixes_batch:
        return None
    for name, knob in KNOBS.items():
        if knob.per_example and getattr(fields, name) > 0:
            return name, (
                f"{name} must be 0 for architecture {fields.architecture}: it limits D's gradient "
                "at each example, and D's batch normalisation mixes them.")
    return None


def _one_limit_on_weights(fields: Fields) -> Refusal | None:
    if not (fields.spectral_norm and fields.weight_clip > 0):
        return None
    return "weight_clip", (
        "weight_clip must be 0 with spectral_norm, which rescales the weights that it would clip.")


def _images_to_augment(fields: Fields) -> Refusal | None:
    if not fields.augment or fields.card.kind == "image":
        return None
    return "augment", f"augment must be false for the data set {fields.dataset}: it shifts images."


def _one_update_per_network(fields: Fields) -> Refusal | None:
    if fields.update_order != "simultaneous":
        return None
    for name in ("discriminator_steps", "generator_steps"):
        if getattr(fields, name) > 1:
            return name, f"{name} must be 1 with update_order simultaneous."
    return None


CONSTRAINTS: tuple[Callable[[Fields], Refusal | None], ...] = (
    _networks_fit_data, _enough_examples, _fold_exists, _networks_are_resizable, _targets_to_move,
    _batch_divides, _gradient_per_example, _one_limit_on_weights, _images_to_augment,
    _one_update_per_network,
)
