"""RunConfig's knobs as widgets, and their values in the URL.

Every knob of RunConfig becomes a widget; its kind follows from the knob's type, scale and choices.
A widget's value lives in the session state under `page/field`; a page's URL carries what differs
from the page's starting preset.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import streamlit as st

from gan_core.config import schedule
from gan_core.config.choices import ARCHITECTURES, DATASETS, STDDEV_GROUP
from gan_core.config.presets import MAIN_KNOBS, Challenge
from gan_core.config.run_config import KNOBS, SECTIONS, ConfigError, Knob, RunConfig
from pages.components.frame import plain
from pages.components.words import number_words, ratio_words

DECADE = (1, 2, 3, 5)  # ticks of a logarithmic slider
FORMATS: dict[str, Callable[[Any], str]] = {
    "learning_rate_ratio": ratio_words,
    "training_examples": lambda count: number_words(count) if count else "all",
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
    high = min(knob.high, limits.get(name, knob.high)) if knob.high is not None else None
    default = RunConfig.__dataclass_fields__[name].default
    whole = isinstance(default, int)
    if isinstance(default, bool):
        st.toggle(knob.label, **common)
    elif knob.form:
        st.text_input(knob.label, max_chars=schedule.LONGEST, placeholder=schedule.EXAMPLE,
                      **common)
    elif knob.choices is not None:
        options = _fitting(page, name, knob)
        st.selectbox(knob.label, options, format_func=knob.choices.__getitem__, **common)
    elif knob.ticks or knob.scale != "linear":
        options = _ticks(page, name, knob, high, challenge)
        st.select_slider(knob.label, options, format_func=_format(name), **common)
    elif whole and high > 100:
        st.number_input(knob.label, int(knob.low), int(high), step=int(knob.step), **common)
    elif whole:
        st.slider(knob.label, int(knob.low), int(high), step=1, **common)
    else:
        # Three digits: 0.999 must not read as 1.00.
        st.slider(knob.label, knob.low, high, step=knob.step, format="%.3g", **common)


def _fitting(page: str, name: str, knob: Knob) -> list[str]:
    """A knob's choices; of the architectures only those that fit the chosen data set."""
    if name != "architecture":
        return list(knob.choices)
    kind = DATASETS[st.session_state[key(page, "dataset")]].kind
    options = [choice for choice, card in ARCHITECTURES.items() if kind in card.kinds]
    if st.session_state[key(page, name)] not in options:
        st.session_state[key(page, name)] = options[0]
    return options


def _ticks(page: str, name: str, knob: Knob, high: float, challenge: Challenge) -> list[Any]:
    """Slider positions: 1-2-3-5 a decade or doublings, the presets' values, and the present one."""
    if name == "batch_size" and st.session_state[key(page, name)] % _group(page):
        group = _group(page)  # packs are whole: the nearest batch that is
        st.session_state[key(page, name)] = max(
            round(st.session_state[key(page, name)] / group), math.ceil(knob.low / group)) * group
    special = {getattr(preset.config, name) for preset in challenge.offered.values()}
    special = {value for value in special if value <= high}
    if name == "batch_size":
        special = {value for value in special if value % _group(page) == 0}
    special.add(st.session_state[key(page, name)])
    cast = type(next(iter(special)))
    if knob.ticks:
        regular = iter(knob.ticks)
    elif knob.scale == "log2":
        group = _group(page) if name == "batch_size" else 0
        regular = (2.0**power for power in range(-8, 24))
        if group:
            regular = (max(round(tick / group), 1) * group for tick in regular)
    else:
        powers = range(math.floor(math.log10(knob.low)), math.ceil(math.log10(high)) + 1)
        regular = (float(f"{digit}e{power}") for power in powers for digit in DECADE)
    allowed = {cast(tick) for tick in regular if knob.low <= tick <= high}
    return sorted(allowed | special)


def _group(page: str) -> int:
    """How many examples D must be shown together under what the widgets say."""
    group = st.session_state[key(page, "packing")]
    return group * (STDDEV_GROUP if st.session_state[key(page, "minibatch_stddev")] else 1)


def _format(name: str) -> Callable[[Any], str]:
    return FORMATS.get(name, number_words)


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
