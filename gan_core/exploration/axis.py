"""One axis of a parameter map: a setting, and the values that it takes. Torch-free.

    axis("learning_rate_ratio=0.05..20:8")     eight values, spaced as the setting's slider is
    axis("loss=minimax,hinge,wasserstein")     these values
    axis("@500 dropout=0..0.4:5")              in force from step 500 on
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from gan_core.config.fields import FIELD_TYPES, KNOBS
from gan_core.config.validation import ConfigError, as_text, checked, parse_value

MOST_VALUES = 12
DIGITS = 2  # of a spaced value, at least: what a person would write
# How long, under which number, and with which changes in mid-run: that is the map's own to say.
NOT_AN_AXIS = ("steps", "seed", "schedule", "folds", "fold")
LONGEST = 400  # characters of an axis, which travels in a URL
FORM = ("FIELD=LOW..HIGH:N or FIELD=A,B,… with 2 to "
        f"{MOST_VALUES} values, such as learning_rate_ratio=0.05..20:8")

_AXIS = re.compile(r"(?:@([0-9]{1,6}) +)?([a-z0-9_]+) *= *(\S+)")
_RANGE = re.compile(r"(.+?)\.\.(.+):([0-9]{1,3})")


@dataclass(frozen=True)
class Axis:
    """A setting and its values, in order; with `since`, they are in force from that step on."""

    field: str
    values: tuple[Any, ...]
    since: int = 0

    @property
    def label(self) -> str:
        """What the axis varies, as a person reads it."""
        label = KNOBS[self.field].label
        return f"{label} from step {self.since} on" if self.since else label

    def __str__(self) -> str:
        """The inverse of `axis`."""
        since = f"@{self.since} " if self.since else ""
        return f"{since}{self.field}={','.join(map(as_text, self.values))}"


def axis(text: str, name: str = "axis") -> Axis:
    """Read an axis. Raises ConfigError, whose sentence calls it `name`."""
    match = _AXIS.fullmatch(text.strip()[: LONGEST + 1])
    if match is None or len(text) > LONGEST:
        raise ConfigError(name, f"{name} must be {FORM}, not {text[:40]!r}.")
    since, field, values = int(match[1] or 0), match[2], match[3]
    _refuse_unfit(field, since, name)
    spaced = _RANGE.fullmatch(values)
    chosen = (_spaced(field, *spaced.groups(), name=name) if spaced is not None
              else tuple(checked(field, parse_value(field, value)) for value in values.split(",")))
    chosen = tuple(dict.fromkeys(chosen))
    if not 2 <= len(chosen) <= MOST_VALUES:
        raise ConfigError(
            name, f"{name} must have 2 to {MOST_VALUES} different values of {field}, not "
            f"{len(chosen)}.")
    return Axis(field, chosen, since)


def _refuse_unfit(field: str, since: int, name: str) -> None:
    able = [known for known, knob in KNOBS.items()
            if known not in NOT_AN_AXIS and (knob.mid_run or not since)]
    if field not in able:
        when = " from a step on" if since else ""
        raise ConfigError(
            name, f"{name} cannot vary {field[:40]!r}{when}; it can vary {', '.join(able)}.")


def _spaced(field: str, low: str, high: str, count: str, *, name: str) -> tuple[Any, ...]:
    """So many values from one to another: evenly, or by equal factors where the slider has them."""
    knob, number = KNOBS[field], int(count)
    if knob.low is None:
        raise ConfigError(
            name, f"{name} needs the values of {field} one by one, such as "
            f"{field}={','.join(knob.choices or ('true', 'false'))}.")
    if not 2 <= number <= MOST_VALUES:
        raise ConfigError(name, f"{name} must have 2 to {MOST_VALUES} values, not {number}.")
    first, last = (float(checked(field, parse_value(field, end))) for end in (low, high))
    if knob.scale != "linear" and min(first, last) > 0:
        factor = (last / first) ** (1 / (number - 1))
        values = [first * factor**place for place in range(number)]
    else:
        values = [first + (last - first) * place / (number - 1) for place in range(number)]
    if FIELD_TYPES[field] is int:
        return tuple(checked(field, round(value)) for value in values)
    return tuple(checked(field, value) for value in _rounded(values, first, last))


def _rounded(values: list[float], first: float, last: float) -> list[float]:
    """With as few digits as keep them apart, in order and between both ends."""
    for digits in range(DIGITS, 18):
        short = [first, *(float(f"{value:.{digits}g}") for value in values[1:-1]), last]
        steps = [later - earlier for earlier, later in pairwise(short)]
        if all(step > 0 for step in steps) or all(step < 0 for step in steps):
            return short
    return values
