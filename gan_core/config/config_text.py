"""A run's settings as text: captions, differences between two runs, marks on charts; pure."""

from __future__ import annotations

from typing import Any

from gan_core.config.fields import KNOBS
from gan_core.config.run_config import RunConfig
from gan_core.config.value_words import number_text, ratio_text, value_text

COUNTED = {"discriminator_steps": "D step", "generator_steps": "G step"}


def caption(config: RunConfig, other: RunConfig | None = None) -> str:
    """What distinguishes a config, for a caption: both rates, then what differs from `other`, which
    stands beside it, then what is not default."""
    rates = (config.generator_learning_rate, config.discriminator_learning_rate)
    named = {"learning_rate", "learning_rate_ratio", "steps", "schedule"}
    apart = config.changes(base=other) if other is not None else {}
    settings = {**apart, **config.changes()}
    words = [setting_text(name, value) for name, value in settings.items() if name not in named]
    return " · ".join([f"rates G {rates[0]:.2g}, D {rates[1]:.2g}", *_from_steps(config), *words])


def setting_text(name: str, value: Any) -> str:
    """A setting in words: "Dropout in D 0.4", "Hinge", "Spectral normalisation"."""
    knob = KNOBS[name]
    if name == "learning_rate_ratio":
        return f"rates {ratio_text(value)}"
    if name in COUNTED:
        return f"{value} {COUNTED[name]}{'' if value == 1 else 's'}"
    if name == "training_examples":
        return f"{number_text(value)} images" if value else "all images"
    if knob.choices is not None:
        return knob.choices[value]
    if knob.form:
        return f"{knob.label} {value}" if value else f"no {knob.label}"
    if isinstance(value, bool):
        return knob.label if value else f"no {knob.label}"
    return f"{knob.label} {value_text(name, value)}"


def marks(config: RunConfig) -> tuple[tuple[int, str], ...]:
    """What happens in mid-run, and at which step: for the time axis."""
    frozen = [(config.freeze_generator, "G frozen")] if config.freeze_generator else []
    return tuple(sorted(frozen + _changes(config)))


def _changes(config: RunConfig) -> list[tuple[int, str]]:
    return [
        (step, ", ".join(setting_text(name, value)
                         for name, value in now.changes(base=config.at(step - 1)).items()))
        for step, now in config.stages[1:]
    ]


def _from_steps(config: RunConfig) -> list[str]:
    return [f"from step {step}: {words}" for step, words in _changes(config)]


def difference_text(this: RunConfig, reference: RunConfig) -> str:
    """What sets a run apart from its reference, or ""."""
    names = [name for name in this.changes(base=reference) if name not in ("steps", "schedule")]
    parts = [f"{KNOBS[name].label} {_value(name, reference)} → {_value(name, this)}"
             for name in names]
    if this.schedule != reference.schedule:
        parts += _from_steps(this) or ["no change in mid-run"]
    if not parts:
        return ""
    return f"{', '.join(parts[:2])}{' and more' if len(parts) > 2 else ''}. "


def _value(name: str, config: RunConfig) -> str:
    value = getattr(config, name)
    if name == "learning_rate_ratio":
        return ratio_text(value)
    if isinstance(value, bool):
        return "on" if value else "off"
    return value.replace("_", " ") if isinstance(value, str) else value_text(name, value)
