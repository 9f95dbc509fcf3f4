"""Knobs: what a person reads of one setting, what it may be, and how its control moves.

Pages and command line are generated from these. Torch-free.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


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
    beside: Mapping[float, str] = field(default_factory=dict)  # number out of range -> its meaning
    per_example: bool = False  # penalises D's gradient at each example
    moves_targets: bool = False  # changes what D is asked to say of its examples
    mid_run: bool = False  # may change while a run goes on
    form: str = ""  # of free text: what it must look like
    ticks: tuple[float, ...] = ()  # the positions of a slider that has neither scale

    def allowed(self) -> str:
        """The permitted values in words."""
        if self.form:
            return self.form
        if self.choices is not None:
            return "one of " + ", ".join(self.choices)
        if self.low is None or self.high is None:
            return "true or false"
        low, high = (f"{bound:g}" if abs(bound) < 1e6 else f"{bound:.0f}"
                     for bound in (self.low, self.high))
        beside = "".join(f", or {number:g} ({meaning})" for number, meaning in self.beside.items())
        return f"a number from {low} to {high}{beside}"


SECTIONS = {
    "balance": "Balance of the two networks",
    "regularisation": "What D sees",
    "limits": "Penalties and limits",
    "objective": "Objective and optimiser",
    "networks": "Networks and data",
    "session": "Session",
}


def setting(default: Any, label: str, help: str, section: str, **limits: Any) -> Any:
    """A dataclass field with this default that carries its `Knob` in `metadata["knob"]`."""
    return field(default=default, metadata={"knob": Knob(label, help, section, **limits)})
