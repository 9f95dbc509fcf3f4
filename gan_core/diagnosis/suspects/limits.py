"""What limits D too much or too little, and what hides the data from it. Torch-free."""

from __future__ import annotations

from gan_core.config.choices import ARCHITECTURES
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.causes import UNLIMITED
from gan_core.diagnosis.chance import between_modes
from gan_core.diagnosis.findings import Remedy
from gan_core.diagnosis.limits_of_d import (
    flat_at_the_data,
    gradient_penalty,
    unlimited_critic,
    weakly_limited_critic,
)
from gan_core.diagnosis.suspects.suspect import Find, Suspect, decades


def _penalty(name: str, label: str, points: float, images: float) -> Find:
    """A penalty is too strong where it keeps D flatter than the data ask for: points of narrow
    modes need steep slopes. `points` and `images` are where that begins."""

    def find(config: RunConfig) -> Suspect | None:
        on_points = config.card.kind == "points"
        limit, usual = (points, 0.1) if on_points else (images, images / 10)
        return Suspect(
            (name,), "constraint_too_strong", decades(getattr(config, name), limit),
            Remedy(f"{label} {usual:g}", {name: usual},
                   "D may then react strongly enough to show G where the data is"))

    return find


def _narrow_clip(config: RunConfig) -> Suspect | None:
    if config.weight_clip == 0:
        return None
    points = config.card.kind == "points"
    limit = 0.08 if points else 0.008
    penalty = flat_at_the_data(config) if points else gradient_penalty(config)
    if config.mixes_batch:
        remedy = Remedy(f"Weights within ±{limit:g}", {"weight_clip": limit},
                        "D may then react more strongly")
    else:
        remedy = Remedy(
            f"{penalty.label}, instead of clipping", {"weight_clip": 0.0, **penalty.changes},
            "it limits D without making its weights useless")
    return Suspect(("weight_clip",), "constraint_too_strong",
                   decades(limit, config.weight_clip) + 0.3, remedy)


def _spectral_norm_on_points(config: RunConfig) -> Suspect | None:
    if not config.spectral_norm or config.card.kind != "points":
        return None
    penalty = flat_at_the_data(config)
    label, changes = "No spectral normalisation", {"spectral_norm": False}
    if config.r1 == 0 and config.gradient_penalty == 0:
        label, changes = f"{penalty.label}, instead of spectral normalisation", {
            **changes, **penalty.changes}
    return Suspect(("spectral_norm",), "constraint_too_strong", 0.5,
                   Remedy(label, changes, "a D held so tightly cannot see modes this narrow"))


def _unlimited_critic(config: RunConfig) -> Suspect | None:
    if not unlimited_critic(config):
        return None
    remedy = flat_at_the_data(config) if config.card.kind == "points" else gradient_penalty(config)
    return Suspect(("loss", "r1", "gradient_penalty", "weight_clip", "spectral_norm"),
                   "discriminator_ahead", 1.0, remedy, UNLIMITED)


def _weakly_limited_critic(config: RunConfig) -> Suspect | None:
    if not weakly_limited_critic(config):
        return None
    return Suspect(("r1",), "discriminator_ahead", 0.5, flat_at_the_data(config),
                   "hardly anything limits how steep the critic is")


def noise(config: RunConfig, step: int) -> Suspect | None:
    """Noise that is still there at this step, or that has hardly faded yet."""
    fades = config.input_noise_steps
    if 0 < fades <= step / 2:
        return None
    limit = 0.075 * between_modes(config.card) if config.card.kind == "points" else 0.35
    left = config.input_noise * (max(1 - step / fades, 0.0) if fades else 1.0)
    # In half of a session, so that a shorter trial of this remedy sees it fade as well.
    fading = max(min(config.steps // 2, 1000), 1)
    return Suspect(
        ("input_noise", "input_noise_steps"), "noise_too_strong", decades(left, limit),
        Remedy("Noise that fades", {"input_noise_steps": fading},
               "at first it lets real and generated overlap, later it would hide the data"))


def _heavy_dropout(config: RunConfig) -> Suspect | None:
    return Suspect(
        ("dropout",), "discriminator_too_weak", (config.dropout - 0.35) / 0.3,
        Remedy("Dropout 0.2", {"dropout": 0.2}, "D keeps enough units to learn with"))


def _moved_labels(name: str, label: str, usual: float) -> Find:
    def find(config: RunConfig) -> Suspect | None:
        return Suspect(
            (name,), "discriminator_too_weak", (getattr(config, name) - 0.2) / 0.3,
            Remedy(f"{label} {usual:g}", {name: usual},
                   "D is asked again to tell real from generated clearly"))

    return find


def _augmented_mlp(config: RunConfig) -> Suspect | None:
    if not config.augment or ARCHITECTURES[config.architecture].convolutional:
        return None
    return Suspect(
        ("augment",), "noise_too_strong", 0.6,
        Remedy("No augmentation", {"augment": False},
               "networks without convolutions learn nothing from shifted pictures"))


FIND: tuple[Find, ...] = (
    _penalty("r1", "R1 penalty, γ", 3.0, 100.0), _penalty("r2", "R2 penalty, γ", 3.0, 100.0),
    _penalty("gradient_penalty", "Gradient penalty, λ", 0.5, 60.0), _narrow_clip,
    _unlimited_critic, _weakly_limited_critic, _spectral_norm_on_points, _heavy_dropout,
    _moved_labels("label_smoothing", "Label smoothing", 0.1),
    _moved_labels("fake_label_smoothing", "Smoothing of generated examples' labels", 0.0),
    _moved_labels("label_flips", "Flipped labels", 0.05), _augmented_mlp,
)
