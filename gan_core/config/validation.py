"""One setting's value: checked, read from text, and written as text; refusals are sentences.

What must hold between several settings is in `constraints`. Torch-free.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from numbers import Integral, Real
from typing import Any

from gan_core.config.fields import FIELD_TYPES, KNOBS
from gan_core.config.knobs import Knob


class ConfigError(ValueError):
    """A value that RunConfig refuses; the message is a sentence naming the field and the range."""

    def __init__(self, field_name: str, message: str):
        super().__init__(message)
        self.field_name = field_name


def _is_text(knob: Knob, value: Any) -> bool:
    # Looking an unhashable value up in the choices would raise TypeError.
    return isinstance(value, str) and (bool(knob.form) or value in (knob.choices or ()))


def _is_switch(knob: Knob, value: Any) -> bool:
    return isinstance(value, bool)


def _is_whole(knob: Knob, value: Any) -> bool:
    return isinstance(value, Integral) and _is_number(knob, value)


def _is_number(knob: Knob, value: Any) -> bool:
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not number:
        return False
    assert knob.low is not None and knob.high is not None, "numbers have bounds"
    # False for NaN as well.
    return bool(knob.low <= value <= knob.high) or value in knob.beside


_ACCEPTS: dict[type, Callable[[Knob, Any], bool]] = {
    str: _is_text, bool: _is_switch, int: _is_whole, float: _is_number,
}
_PLAIN: dict[type, Callable[[Any], Any]] = {
    str: str.strip,
    bool: bool,
    int: int,
    float: lambda value: float(value) + 0.0,  # turns −0.0, which prints differently, into 0.0
}
_SWITCH_WORDS = {"true": True, "false": False}


def checked(name: str, value: Any) -> Any:
    """`value` as the field's own plain type (int instead of np.int64, …). Raises ConfigError."""
    kind = FIELD_TYPES[name]
    if not _ACCEPTS[kind](KNOBS[name], value):
        raise ConfigError(name, _refusal(name, value))
    return _PLAIN[kind](value)


def parse_value(name: str, text: str) -> Any:
    """The value of field `name` written as `text`, of the field's type, its range unchecked.

    Raises ConfigError.
    """
    refuse_unknown([name])
    kind = FIELD_TYPES[name]
    try:
        # int() and float() accept underscores and other scripts' digits; a URL should not.
        if kind is not str and (not text.isascii() or "_" in text):
            raise ValueError
        return _SWITCH_WORDS[text.strip().lower()] if kind is bool else kind(text.strip())
    except (ValueError, KeyError):
        raise ConfigError(name, _refusal(name, text)) from None


def as_text(value: Any) -> str:
    """The inverse of `parse_value`: as a URL and a schedule write a value."""
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, float) else str(value)


def refuse_unknown(names: Iterable[Any]) -> None:
    """Raises ConfigError at the first name that is not a field's."""
    for name in names:
        if name not in KNOBS:
            shown = repr(name)[:60]
            raise ConfigError(str(name), f"{shown} is not a setting; known: {', '.join(KNOBS)}.")


def _refusal(name: str, value: Any) -> str:
    try:
        shown = repr(value)
    except ValueError:  # Python does not write out integers of thousands of digits
        shown = "a number of thousands of digits"
    shown = shown if len(shown) <= 40 else shown[:39] + "…"
    allowed = KNOBS[name].allowed()
    if FIELD_TYPES[name] is int:
        allowed = allowed.replace("a number", "a whole number")
    return f"{name} must be {allowed}, not {shown}."
