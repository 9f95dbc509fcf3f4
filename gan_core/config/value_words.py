"""A setting's value as a person reads it. Torch-free."""

from __future__ import annotations

from typing import Any

from gan_core.config.fields import KNOBS


def number_text(value: float) -> str:
    return f"{value:g}" if isinstance(value, float) else f"{value:,}".replace(",", " ")


def ratio_text(ratio: float) -> str:
    """0.1 → "G ×10", 1 → "equal", 5 → "D ×5"."""
    if ratio == 1:
        return "equal"
    return f"D ×{ratio:.3g}" if ratio > 1 else f"G ×{1 / ratio:.3g}"


def value_text(name: str, value: float) -> str:
    """A number of field `name`: in words where its knob has words for it."""
    return KNOBS[name].beside.get(value) or number_text(value)


def tick_text(name: str, value: Any) -> str:
    """A value of field `name` beside its label: "D ×5", "on", "Hinge", "0.4"; free text as it is,
    "none" for none of it."""
    knob = KNOBS[name]
    if name == "learning_rate_ratio":
        return ratio_text(value)
    if isinstance(value, bool):
        return "on" if value else "off"
    if knob.choices is not None:
        return knob.choices[value]
    if knob.form:
        return value or "none"
    return value_text(name, value)
