"""The sidebar of the page of maps: which map, what it varies, and around which run."""

from __future__ import annotations

import math

import streamlit as st

from gan_core.config.choices import DATASETS
from gan_core.config.config_text import caption
from gan_core.config.fields import KNOB_DEFAULTS, KNOBS, LONGEST_RUN
from gan_core.config.knobs import Knob
from gan_core.config.presets import CHALLENGES
from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError, as_text
from gan_core.config.value_words import tick_text
from gan_core.exploration.axis import LONGEST, NOT_AN_AXIS, Axis, axis
from gan_core.exploration.parameter_map import MOST_SEEDS, ParameterMap
from gan_core.exploration.shipped_maps import SHIPPED
from pages.components import server
from pages.components.map_choice import MapChoice
from pages.components.markdown import plain

OWN = "own"
AROUND = "around"  # a run that no preset names
FIELDS = [name for name in KNOBS if name not in NOT_AN_AXIS]
LATEST_CHANGE = LONGEST_RUN  # step at which a setting may change in mid-run
USUAL_VALUES = 6  # of an axis that was just chosen
PRESETS: dict[str, RunConfig] = {
    f"{challenge.title}: {preset.label}": preset.config
    for challenge in CHALLENGES.values() for preset in challenge.offered.values()
    if not preset.config.schedule
}
HELP = ("Values by commas, such as `0, 0.1, 0.3`, or a range with so many values, such as "
        "`0.1..10:8`. Up to twelve.")


def map_controls(choice: MapChoice) -> None:
    """Draw the controls; what they describe is put on the page when one of them is moved."""
    if choice.moved or "map/base" not in st.session_state:  # forgotten on another page
        _move(choice)
    st.session_state["map/which"] = choice.shipped or OWN
    names = [*SHIPPED] if choice.shipped else [OWN, *SHIPPED]
    st.selectbox("Map", names, key="map/which", on_change=_take_shipped, args=(choice,),
                 format_func=lambda name: SHIPPED[name].title if name in SHIPPED
                 else "A map of my own")
    _base(choice)
    _axis(choice, "x", "Across")
    _axis(choice, "y", "Up")
    st.slider("Seeds of each cell", 1, MOST_SEEDS, key="map/seeds", on_change=_take, args=(choice,),
              help="With several, a cell shows the state of most, or the median.")
    if choice.refusal:
        st.error(plain(choice.refusal))


def _take(choice: MapChoice) -> None:
    """Put the map that the controls describe on the page; where they describe none, say why."""
    choice.refusal, choice.problems = "", []
    try:
        x, y = (axis(_written(name), name) for name in ("x", "y"))
        choice.show(ParameterMap(_around(), x, y, st.session_state["map/seeds"]))
    except ConfigError as error:
        choice.refusal = str(error)


def _move(choice: MapChoice) -> None:
    """Move every control to the map on the page; only before they are drawn."""
    choice.moved, choice.refusal = False, ""
    drawn, keep = choice.drawn, st.session_state
    keep["map/around"] = drawn.base
    plain_base = drawn.base.replace(steps=KNOB_DEFAULTS["steps"])
    keep["map/base"] = next(
        (name for name, config in PRESETS.items()
         if config.replace(steps=KNOB_DEFAULTS["steps"]) == plain_base), AROUND)
    keep["map/steps"] = min(drawn.base.steps, server.settings().max_steps)
    keep["map/seeds"] = drawn.seeds
    for name, each in (("x", drawn.x), ("y", drawn.y)):
        keep[f"map/{name}/field"] = each.field
        keep[f"map/{name}/values"] = ", ".join(map(as_text, each.values))
        keep[f"map/{name}/since"] = each.since


def _take_shipped(choice: MapChoice) -> None:
    name = st.session_state["map/which"]
    if name in SHIPPED:
        choice.show(SHIPPED[name].drawn)
        choice.colouring, choice.moved = SHIPPED[name].colouring, True


def _around() -> RunConfig:
    """The run around which the map lies, as the controls say."""
    name = st.session_state["map/base"]
    base: RunConfig = PRESETS.get(name) or st.session_state["map/around"]
    return base.replace(steps=int(st.session_state["map/steps"]))


def _base(choice: MapChoice) -> None:
    """The controls of the run around which the map lies."""
    names = [*PRESETS] if st.session_state["map/base"] in PRESETS else [AROUND, *PRESETS]
    st.selectbox("Around", names, key="map/base", on_change=_take_base, args=(choice,),
                 format_func=lambda name: "the run of the link" if name == AROUND else name,
                 help="All settings but the two that vary are this run's.")
    st.number_input("Steps of each run", 1, server.settings().max_steps, step=100, key="map/steps",
                    on_change=_take, args=(choice,))
    base = choice.drawn.base
    label, words = DATASETS[base.dataset].label, caption(base)
    st.caption(plain(words if label in words else f"{label} · {words}"))


def _take_base(choice: MapChoice) -> None:
    name = st.session_state["map/base"]
    if name in PRESETS:
        st.session_state["map/steps"] = min(PRESETS[name].steps, server.settings().max_steps)
    _take(choice)


def _axis(choice: MapChoice, name: str, label: str) -> None:
    """The controls of an axis."""
    where = f"map/{name}"
    chosen = st.selectbox(label, FIELDS, key=f"{where}/field", on_change=_take_field,
                          args=(choice, where), format_func=lambda field: KNOBS[field].label)
    st.text_input(f"Values {label.lower()}", key=f"{where}/values", max_chars=LONGEST, help=HELP,
                  label_visibility="collapsed", on_change=_take, args=(choice,))
    if KNOBS[chosen].mid_run:
        st.number_input(
            "In force from step", 0, LATEST_CHANGE, step=100, key=f"{where}/since",
            on_change=_take, args=(choice,),
            help="0: from the beginning. Otherwise the runs change it while they are trained.")


def _written(name: str) -> str:
    """What the controls of an axis say, as `axis` reads it."""
    chosen = st.session_state[f"map/{name}/field"]
    values = (st.session_state[f"map/{name}/values"] or "").replace(" ", "")
    since = int(st.session_state.get(f"map/{name}/since", 0)) if KNOBS[chosen].mid_run else 0
    return f"@{since} {chosen}={values}" if since else f"{chosen}={values}"


def _take_field(choice: MapChoice, where: str) -> None:
    """Another setting has other values; it is in force from the beginning."""
    st.session_state[f"{where}/values"] = usual_values(st.session_state[f"{where}/field"])
    st.session_state[f"{where}/since"] = 0
    _take(choice)


def usual_values(name: str) -> str:
    """Values of a setting that are worth a first look."""
    knob, default = KNOBS[name], KNOB_DEFAULTS[name]
    if knob.choices is not None:
        return ", ".join(list(knob.choices)[:USUAL_VALUES])
    if knob.low is None or knob.high is None:
        return "false, true"
    return _usual_numbers(name, knob, default)


def _usual_numbers(name: str, knob: Knob, default: float) -> str:
    assert knob.low is not None and knob.high is not None, "a number has bounds"
    if knob.ticks:
        inside = [as_text(type(default)(tick)) for tick in knob.ticks]
        return ", ".join(inside[:: max(1, len(inside) // USUAL_VALUES)][:USUAL_VALUES])
    if knob.scale != "linear":
        low, high = max(knob.low, default / 10), min(knob.high, default * 10)
        whole = math.ceil if isinstance(default, int) else float
        return f"{whole(low):g}..{high:g}:{USUAL_VALUES}"
    if isinstance(default, int):
        high = min(knob.high, knob.low + USUAL_VALUES - 1)
        return f"{knob.low:g}..{high:g}:{int(high - knob.low) + 1}"
    if knob.high > 1:  # penalties: decades
        return "0, 0.01, 0.1, 1, 10"
    return f"{knob.low:g}..{knob.high:g}:{USUAL_VALUES}"


def axis_words(each: Axis) -> list[str]:
    """The values of an axis as they stand beside the map."""
    return [tick_text(each.field, value) for value in each.values]
