"""RunConfig's knobs as widgets, and their values in the URL.

Every knob of RunConfig becomes a widget; its kind follows from the knob's type, scale and choices.
Most of them are folded away, and are built when a visitor unfolds them: forty widgets take as long
as the rest of a page. Streamlit forgets a widget that is not built, so what all knobs say is kept
in the session state under `page/settings`, and a widget's own value under `page/field` while it is
there. A page's URL carries what differs from the page's starting preset.
"""

from __future__ import annotations

import functools
import math
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import streamlit as st

from gan_core.config import schedule
from gan_core.config.choices import ARCHITECTURES, DATASETS, STDDEV_GROUP
from gan_core.config.config_text import setting_text
from gan_core.config.fields import KNOBS
from gan_core.config.knobs import SECTIONS, Knob
from gan_core.config.presets import MAIN_KNOBS, Challenge
from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError
from gan_core.config.value_words import number_text, ratio_text, value_text
from pages.components.markdown import plain

DECADE = (1, 2, 3, 5)  # ticks of a logarithmic slider
NAMED = 4  # changed settings that are named while they are folded away
LONGEST_WORDS = 60  # characters in which each of them is named: a schedule may have a thousand
FORMATS: dict[str, Callable[[Any], str]] = {
    "learning_rate_ratio": ratio_text,
    "training_examples": lambda count: number_text(count) if count else "all",
}


def key(page: str, name: str) -> str:
    """The session-state key of the widget of field `name` on `page`."""
    return f"{page}/{name}"


def settings(page: str) -> dict[str, Any]:
    """What every knob of `page` says, drawn or folded away; to be changed by `put` alone."""
    return st.session_state[f"{page}/settings"]


def put(page: str, config: RunConfig) -> None:
    """Move every widget of `page`; only before the widgets are drawn."""
    st.session_state[f"{page}/settings"] = config.to_dict()
    for name, value in config.to_dict().items():
        if key(page, name) in st.session_state:
            st.session_state[key(page, name)] = value


def controls(page: str, challenge: Challenge, limits: dict[str, float]) -> RunConfig | None:
    """Draw the knobs in the sidebar: the three of every page, the page's own, the rest folded.

    `limits` lowers a knob's upper bound. Returns None, having said why, where the values do not
    go together.
    """
    values = settings(page)
    values |= {name: st.session_state[key(page, name)] for name in KNOBS
               if key(page, name) in st.session_state}
    _fit(values)
    first = (*MAIN_KNOBS, *challenge.knobs)
    for name in first:
        _widget(page, name, challenge, limits)
    folded = [name for name in KNOBS if name not in first]
    more = st.expander("More settings", icon=":material/tune:", key=f"{page}/more",
                       on_change="rerun")
    if more.open:
        with more:
            _sections(page, folded, challenge, limits)
    elif words := changed_text(challenge, values, folded):
        st.caption(plain(words))
    try:
        return RunConfig(**values)
    except ConfigError as error:
        st.error(plain(str(error)))
        return None


def changed_text(challenge: Challenge, values: Mapping[str, Any], names: Iterable[str]) -> str:
    """Which of the settings `names` are not as the page starts with them; "" if all are."""
    start = challenge.presets[challenge.start].config
    words = [textwrap.shorten(setting_text(name, values[name]), LONGEST_WORDS, placeholder=" …")
             for name in names if values[name] != getattr(start, name)]
    if len(words) > NAMED:
        words[NAMED:] = [f"{len(words) - NAMED} more"]
    return f"Changed there: {' · '.join(words)}" if words else ""


def _sections(
    page: str, names: Sequence[str], challenge: Challenge, limits: dict[str, float]
) -> None:
    for section, title in SECTIONS.items():
        of_section = [name for name in names if KNOBS[name].section == section]
        if of_section:
            st.caption(title)
        for name in of_section:
            _widget(page, name, challenge, limits)


def _fit(values: dict[str, Any]) -> None:
    """Move what follows another setting, folded away or not: networks that do not fit the data, and
    a batch that is not made of whole packs, which goes to the nearest that is."""
    networks = _architectures(values)
    if values["architecture"] not in networks:
        values["architecture"] = networks[0]
    group, low = _group(values), _range(KNOBS["batch_size"])[0]
    if values["batch_size"] % group:
        values["batch_size"] = max(
            round(values["batch_size"] / group), math.ceil(low / group)) * group


def _architectures(values: Mapping[str, Any]) -> list[str]:
    """Those that fit the chosen data set."""
    kind = DATASETS[values["dataset"]].kind
    return [choice for choice, card in ARCHITECTURES.items() if kind in card.kinds]


def _group(values: Mapping[str, Any]) -> int:
    """How many examples D must be shown together."""
    return values["packing"] * (STDDEV_GROUP if values["minibatch_stddev"] else 1)


# --- one widget ----------------------------------------------------------------------------------


def _widget(page: str, name: str, challenge: Challenge, limits: dict[str, float]) -> None:
    knob, where, values = KNOBS[name], key(page, name), settings(page)
    if where not in st.session_state or st.session_state[where] != values[name]:
        st.session_state[where] = values[name]
    common: dict[str, Any] = {"key": where, "help": knob.help}
    if isinstance(_default(name), bool):
        st.toggle(knob.label, **common)
    elif knob.form:
        st.text_input(knob.label, max_chars=schedule.LONGEST, placeholder=schedule.EXAMPLE,
                      **common)
    elif knob.choices is not None:
        options = _architectures(values) if name == "architecture" else list(knob.choices)
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
        options = _ticks(name, (low, high), settings(page), challenge)
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


def _ticks(
    name: str, bounds: tuple[float, float], values: Mapping[str, Any], challenge: Challenge
) -> list[Any]:
    """Slider positions: 1-2-3-5 a decade or doublings, the presets' values, and the present one."""
    low, high = bounds
    group = _group(values) if name == "batch_size" else 1
    presets = {getattr(preset.config, name) for preset in challenge.offered.values()}
    special = {value for value in presets if value <= high and not (group > 1 and value % group)}
    special.add(values[name])
    cast = type(_default(name))
    allowed = {cast(tick) for tick in _regular_ticks(KNOBS[name], bounds, group)
               if low <= tick <= high}
    return sorted(allowed | special | set(KNOBS[name].beside))


def _regular_ticks(knob: Knob, bounds: tuple[float, float], group: int) -> Iterable[float]:
    if knob.ticks:
        return knob.ticks
    if knob.scale == "log2":
        doublings = (2.0**power for power in range(-8, 24))
        if group == 1:
            return doublings
        return (max(round(tick / group), 1) * group for tick in doublings)
    powers = range(math.floor(math.log10(bounds[0])), math.ceil(math.log10(bounds[1])) + 1)
    return (float(f"{digit}e{power}") for power in powers for digit in DECADE)


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
