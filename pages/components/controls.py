"""RunConfig's knobs as widgets, and their values in the URL.

Every knob of RunConfig becomes a widget; its kind follows from the knob's type, scale and choices.
A widget's value lives in the session state under `page/field`; a page's URL carries what differs
from the page's starting preset.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import streamlit as st

from gan_core.config import schedule
from gan_core.config.choices import ARCHITECTURES, DATASETS, STDDEV_GROUP
from gan_core.config.fields import KNOBS
from gan_core.config.knobs import SECTIONS, Knob
from gan_core.config.presets import MAIN_KNOBS, Challenge
from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError
from pages.components.config_text import number_text, ratio_text, value_text
from pages.components.markdown import plain

DECADE = (1, 2, 3, 5)  # ticks of a logarithmic slider
FORMATS: dict[str, Callable[[Any], str]] = {
    "learning_rate_ratio": ratio_text,
    "training_examples": lambda count: number_text(count) if count else "all",
}


def key(page: str, name: str) -> str:
    """The session-state key of the widget of field `name` on `page`."""
    return f"{page}/{name}"


def put(page: str, config: RunConfig) -> None:
    """Move every widget of `page`; only before the widgets are drawn."""
    for name, value in config.to_dict().items():
        st.session_state[key(page, name)] = value


def controls(page: str, challenge: Challenge, limits: dict[str, float]) -> RunConfig | None:
    """Draw all knobs in the sidebar: the three of every page, the page's own, the rest folded.

    `limits` lowers a knob's upper bound. Returns None, having said why, where the values do not
    go together.
    """
    first = (*MAIN_KNOBS, *challenge.knobs)
    for name in first:
        _widget(page, name, challenge, limits)
    with st.expander("More settings", icon=":material/tune:"):
        for section, title in SECTIONS.items():
            names = [n for n, knob in KNOBS.items() if knob.section == section and n not in first]
            if names:
                st.caption(title)
            for name in names:
                _widget(page, name, challenge, limits)
    try:
        return RunConfig(**{name: st.session_state[key(page, name)] for name in KNOBS})
    except ConfigError as error:
        st.error(plain(str(error)))
        return None


def _widget(page: str, name: str, challenge: Challenge, limits: dict[str, float]) -> None:
    knob, where = KNOBS[name], key(page, name)
    common: dict[str, Any] = {"key": where, "help": knob.help}
    if isinstance(_default(name), bool):
        st.toggle(knob.label, **common)
    elif knob.form:
        st.text_input(knob.label, max_chars=schedule.LONGEST, placeholder=schedule.EXAMPLE,
                      **common)
    elif knob.choices is not None:
        options = _fitting(page, name, knob.choices)
        st.selectbox(knob.label, options, format_func=knob.choices.__getitem__, **common)
    else:
        _number(page, name, challenge, limits.get(name, math.inf))


def _number(page: str, name: str, challenge: Challenge, limit: float) -> None:
    """The widget of a number; a short range is a slider, a long one a field to type in."""
    knob = KNOBS[name]
    common: dict[str, Any] = {"key": key(page, name), "help": knob.help}
    low, high = _range(knob)
    high = min(high, limit)
    whole = isinstance(_default(name), int)
    if knob.ticks or knob.scale != "linear":
        options = _ticks(page, name, (low, high), challenge)
        st.select_slider(knob.label, options, format_func=_format(name), **common)
    elif whole and high > 100:
        st.number_input(knob.label, int(low), int(high), step=int(knob.step or 1), **common)
    elif whole:
        st.slider(knob.label, int(low), int(high), step=1, **common)
    else:
        # Three digits: 0.999 must not read as 1.00.
        st.slider(knob.label, low, high, step=knob.step, format="%.3g", **common)


def _default(name: str) -> Any:
    return RunConfig.__dataclass_fields__[name].default


def _range(knob: Knob) -> tuple[float, float]:
    """Both bounds of a number's knob. Raises ValueError where it has none: it cannot be drawn."""
    if knob.low is None or knob.high is None:
        raise ValueError(f"The knob {knob.label!r} has no bounds.")
    return knob.low, knob.high


def _fitting(page: str, name: str, choices: Mapping[str, str]) -> list[str]:
    """The choices on offer; of the architectures only those that fit the chosen data set."""
    if name != "architecture":
        return list(choices)
    kind = DATASETS[st.session_state[key(page, "dataset")]].kind
    options = [choice for choice, card in ARCHITECTURES.items() if kind in card.kinds]
    if st.session_state[key(page, name)] not in options:
        st.session_state[key(page, name)] = options[0]
    return options


def _ticks(
    page: str, name: str, bounds: tuple[float, float], challenge: Challenge
) -> list[Any]:
    """Slider positions: 1-2-3-5 a decade or doublings, the presets' values, and the present one."""
    low, high = bounds
    group = _group(page) if name == "batch_size" else 0
    where = key(page, name)
    if group and st.session_state[where] % group:  # packs are whole: the nearest batch that is
        st.session_state[where] = max(
            round(st.session_state[where] / group), math.ceil(low / group)) * group
    presets = {getattr(preset.config, name) for preset in challenge.offered.values()}
    special = {value for value in presets
               if value <= high and not (group and value % group)}
    special.add(st.session_state[where])
    cast = type(_default(name))
    allowed = {cast(tick) for tick in _regular_ticks(KNOBS[name], bounds, group)
               if low <= tick <= high}
    return sorted(allowed | special | set(KNOBS[name].beside))


def _regular_ticks(knob: Knob, bounds: tuple[float, float], group: int) -> Iterable[float]:
    if knob.ticks:
        return knob.ticks
    if knob.scale == "log2":
        doublings = (2.0**power for power in range(-8, 24))
        if not group:
            return doublings
        return (max(round(tick / group), 1) * group for tick in doublings)
    powers = range(math.floor(math.log10(bounds[0])), math.ceil(math.log10(bounds[1])) + 1)
    return (float(f"{digit}e{power}") for power in powers for digit in DECADE)


def _group(page: str) -> int:
    """How many examples D must be shown together under what the widgets say."""
    group = st.session_state[key(page, "packing")]
    return group * (STDDEV_GROUP if st.session_state[key(page, "minibatch_stddev")] else 1)


def _format(name: str) -> Callable[[Any], str]:
    return FORMATS.get(name, functools.partial(value_text, name))


# --- configs in a URL ----------------------------------------------------------------------------


def written(config: RunConfig) -> str:
    """A config as one URL value: `learning_rate:0.001,steps:500`; "default" for a plain one."""
    return ",".join(f"{name}:{value}" for name, value in config.to_query().items()) or "default"


def read(text: str) -> tuple[RunConfig, list[str]]:
    """The inverse of `written`; problems in words, never an exception."""
    if text == "default":
        return RunConfig(), []
    pairs = dict(part.partition(":")[::2] for part in text.split(",") if part)
    return RunConfig.from_query(pairs)
