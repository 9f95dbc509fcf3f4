"""The viewer: what is live on a page, drawn in the browser from the live channel.

Progress and verdict of the shown run (`status`), both runs' samples at one moment with what the
page is about and the charts that matter most (`runs`), and all other charts (`measurements`). The
page says which runs these are and what only it knows; from then on the browser asks the channel,
and the page runs again when somebody acts, when a run has ended, or when other remedies are on
offer. Its HTML, CSS and JavaScript are in `viewer_files`;
`viewer_code` serves what all pages share of it.
"""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from gan_core.config.config_text import caption, marks
from gan_core.config.run_config import RunConfig
from gan_core.export.charts import table as chart_table
from gan_core.export.charts.table import Curve, Lines
from gan_core.serving import live_channel
from gan_core.serving.live_channel import Question
from gan_core.serving.run_words import SpokenVerdict, day, spoken_verdict
from pages.components import (
    actions,
    prediction,
    results,
    server,
    verdict,
    viewer_code,
)
from pages.components.folded import is_open
from pages.components.server import StoredRun
from pages.components.state import PROJECTOR, State, keep

LOOK_BACK = {
    "step": "Both runs at the same step",
    "time": "Both runs after the same time of training",
}
FROM_A_FILE = "opened from a file"
MEASUREMENTS = "measurements"  # the section of the page's other charts
NOTHING_YET = {
    "words": "Not trained yet.", "share": 0.0, "live": False,
    "verdict": {"tone": "info", "name": "Not trained yet", "headline": "Not trained yet.",
                "sentence": "Nobody has trained this yet: press Train, and the verdict will stand "
                "here.", "sentences": "", "chips": [], "warnings": [], "findings": []},
}


_status, _runs, _measurements = (
    st.components.v2.component(
        f"gan_lab_{part}", html=viewer_code.read(f"{part}.html"),
        css=viewer_code.read("viewer.css"), js=viewer_code.read("loader.js"))
    for part in ("status", "runs", "measurements"))


# --- its parts -----------------------------------------------------------------------------------


def status(state: State, shown: StoredRun | None, reference: StoredRun | None) -> bool:
    """Progress and verdict of the shown run; whether it has just ended."""
    answered = prediction.answered(state.challenge, shown.snapshot if shown else None)
    data = {
        **_data("status", state, shown, reference),
        "first": _first(shown),
        "offer": _offer(spoken_verdict(shown.snapshot)) if shown is not None else "[]",
        "prediction": answered,
        "projector": state.projected,
    }
    told = _status(key=f"{state.page}/status", data=data, on_ended_change=_nothing,
                   on_changed_change=_nothing)
    return bool(told.ended)


def runs(state: State, shown: StoredRun | None, reference: StoredRun | None) -> None:
    """Both runs' samples at one step, the difference in words, and the page's first charts."""
    key = f"{state.page}/runs"
    _runs(key=key, data=_data("runs", state, shown, reference),
          on_step_change=partial(_looked_back, state, key),
          on_key_change=partial(_pressed, state, key))


def measurements(state: State, shown: StoredRun | None, reference: StoredRun | None) -> None:
    """All other charts, and which modes G drew over time."""
    drawn = results.other_charts(state, (shown, reference))
    noun, total = state.shown.card.mode_noun, state.shown.card.modes
    title, note = chart_table.rotation_words(noun)
    data = {
        **_data("measurements", state, shown, reference),
        "charts": [_chart(chart, state) for chart in drawn.values()],
        "rotation": {
            "title": title, "modes": total, "noun": noun, "note": note,
            "across": _across(state), "marks": marks(state.shown), "origin": 0,
            "by_time": state.challenge.by_time,
            "words": f"Which {noun}s G draws, by step, this run"},
    }
    _measurements(key=f"{state.page}/measurements", data=data)


def _nothing() -> None:
    """What a trigger needs to be heard of; the page runs again all the same."""


def _looked_back(state: State, key: str) -> None:
    of, step = st.session_state[key]["step"]
    if of == look_back_key(state) and 0 <= step <= state.shown.steps:
        st.session_state[of] = step
        state.moved = state.follows


SIGNAL = ("score_fake", "grad_norm_g")  # what the strip of both networks shows
KEYS = {"b": "broken", "f": "fixed", "h": "healthy"}  # on a projector: presets


def _pressed(state: State, key: str) -> None:
    """A key of the projector's layout: a preset, or its end."""
    name = st.session_state[key]["key"]
    if name == "escape":
        keep(state, PROJECTOR, "")  # the page's frame is drawn by the URL
        state.moved = True  # the whole page
        return
    on_points = f"{state.shown.dataset}-{KEYS.get(name)}"
    for preset in (on_points, KEYS.get(name)):
        if preset in state.challenge.offered:
            actions.show_preset(state, preset)
            return


def look_back_key(state: State) -> str:
    """The name of the step looked back to: every run has its own, at first its right end."""
    return f"{state.page}/at/{state.shown.digest()}/{max(state.shown.steps, 1)}"


def step_looked_back_to(state: State) -> int | None:
    """The step that the visitor looks back to; None at the right end."""
    at = st.session_state.get(look_back_key(state), state.shown.steps)
    return at if at < state.shown.steps else None


# --- what it is told -----------------------------------------------------------------------------


def _data(
    part: str, state: State, shown: StoredRun | None, reference: StoredRun | None
) -> dict[str, Any]:
    """What the viewer's parts need to know: the same feeds for all."""
    data = {
        "part": part,
        "code": viewer_code.ADDRESS,
        "viewer": server.ticket(),
        "metrics": _asked_metrics(state, (shown, reference)),
        "runs": {"this": _run(shown), "reference": _run(reference)},
        "look_back": {
            "key": look_back_key(state), "steps": max(state.shown.steps, 1),
            "step": None if state.challenge.by_time else step_looked_back_to(state),
            "words": LOOK_BACK["time" if state.challenge.by_time else "step"]},
        "by_time": state.challenge.by_time,
        "comparable": reference is not None
        and reference.snapshot.config.dataset == state.shown.dataset,
    }
    if part != "runs":
        return data
    beside = results.evidence_chart(state)
    return {
        **data,
        "averaged": st.session_state.get(f"{state.page}/averaged", False),
        "captions": {
            "this": _caption("This run", state.shown, shown, reference),
            "reference": _caption("Reference", state.compared_to, reference, shown)},
        "charts": [_chart(chart, state) for chart in results.key_charts(state).values()],
        "evidence": {"kind": state.challenge.evidence,
                     "chart": _chart(beside, state) if beside is not None else None},
        "same_images": reference is not None
        and _images(state.shown) == _images(reference.snapshot.config),
        "asks": _asks(state, shown),
        "projector": state.projected,
        "histogram": _histogram(state.shown, {"this run": shown, "reference": reference}),
        "difference": _difference(state, shown, reference),
        "compare": _comparison(state, shown, reference),
        "film": _film(state, shown, reference),
    }


def _images(config: RunConfig) -> tuple[Any, ...]:
    """What says which images D was trained on, and which it never saw."""
    return config.dataset, config.training_examples, config.class_skew, config.seed


def _asked_metrics(state: State, runs: tuple[StoredRun | None, ...]) -> list[str]:
    """What all parts of the page draw, so that they share one feed of a run."""
    beside = results.evidence_chart(state)
    drawn = [*results.key_charts(state).values(), *([beside] if beside is not None else [])]
    more: tuple[str, ...] = ()
    if is_open(state.page, MEASUREMENTS):
        drawn += results.other_charts(state, runs).values()
        more = (live_channel.DRAWN,)
    return list(dict.fromkeys(
        [*(name for chart in drawn for name in _metrics(chart)), *SIGNAL, *more]))


def _asks(state: State, shown: StoredRun | None) -> dict[str, Any] | None:
    """The question that a first visit begins with, and what is told after each answer."""
    if not state.asks or shown is None or shown.live:
        return None
    asked = state.challenge.prediction
    return {"name": state.page, "question": asked.question, "answers": [
        {"answer": answer, "told": prediction.outcome(state.challenge, shown.snapshot, answer)}
        for answer, _ in asked.options]}


def _run(run: StoredRun | None) -> dict[str, Any] | None:
    """Where a run is told of, and how its samples are drawn."""
    if run is None:
        return None
    config = run.snapshot.config
    plane = None
    if config.card.kind == "points":
        plane = {"centres": [list(centre) for centre in config.card.centres],
                 "extent": config.card.extent, "sigma": config.card.sigma}
    return {"address": address(run), "steps": config.steps, "averaged": config.ema > 0,
            "plane": plane}


def address(run: StoredRun) -> str:
    """Of a run in the live channel, relative to every page: no base path need be known."""
    return f"{run.kind}/{run.snapshot.digest}"


def _first(run: StoredRun | None) -> dict[str, Any]:
    """What there is to be said before the channel has answered."""
    if run is None:
        return NOTHING_YET
    told = live_channel.state(run.snapshot, Question(), run.recorded)
    return {name: told[name] for name in ("words", "share", "live", "verdict")}


def _offer(said: SpokenVerdict) -> str:
    """The remedies that the page offers, as the viewer writes those that it is told of."""
    labels = [remedy.label for remedy in said.remedies]
    return json.dumps(labels, ensure_ascii=False, separators=(",", ":"))


def _caption(
    title: str, config: RunConfig | None, run: StoredRun | None, other: StoredRun | None
) -> dict[str, str]:
    """Which run it is, and its settings, what sets it apart from the other run first."""
    if run is not None:
        config = run.snapshot.config
    beside = other.snapshot.config if other is not None else None
    return {
        "title": title,
        "settings": caption(config, beside) if config else "pin a run to keep it here",
        "recorded": day(run.snapshot) if run is not None and run.recorded else "",
        "opened": FROM_A_FILE if run is not None and run.opened else "",
    }


def _difference(state: State, shown: StoredRun | None, reference: StoredRun | None) -> str:
    if shown is None or reference is None:
        return ""
    return verdict.difference(shown.snapshot, reference.snapshot, state.challenge.headline,
                              state.challenge.by_time)


def _comparison(state: State, shown: StoredRun | None, reference: StoredRun | None) -> str:
    """The question by which a live run's difference from its reference is asked for."""
    if shown is None or reference is None:
        return ""
    return urllib.parse.urlencode({
        "page": state.page, "steps": shown.snapshot.config.steps, "reference": address(reference),
        "reference_steps": reference.snapshot.config.steps})


def _film(state: State, shown: StoredRun | None, reference: StoredRun | None) -> str:
    """What the address of the film of both runs says after its question mark."""
    if shown is None:
        return ""
    words: dict[str, object] = {"page": state.page, "steps": shown.snapshot.config.steps}
    if reference is not None:
        words |= {"reference": address(reference),
                  "reference_steps": reference.snapshot.config.steps}
    return urllib.parse.urlencode(words)


# --- charts --------------------------------------------------------------------------------------


def _metrics(chart: Lines | Curve) -> list[str]:
    return [chart.metric] if isinstance(chart, Curve) else [metric for metric, _ in chart.series]


def _chart(chart: Lines | Curve, state: State) -> dict[str, Any]:
    """A chart as the viewer draws it; `words` say what it shows to those who do not see it."""
    config, by_time, across = state.shown, state.challenge.by_time, _across(state)
    drawn: dict[str, Any] = {
        "by_time": by_time,
        "title": chart.title, "note": chart.note, "axis": chart.axis, "domain": chart.domain,
        "log": chart.log, "rules": chart.rules, "steps": config.steps, "marks": marks(config),
        "words": chart.described(),
    }
    if isinstance(chart, Curve):
        series = [{"metric": chart.metric, "label": chart.title, "colour": ""}]
        return {**drawn, "series": series, "by_run": True, "dots": True, "source": "evaluations",
                "origin": 0, "across": across}
    series = [{"metric": metric, "label": label, "colour": colour}
              for (metric, label), colour in zip(chart.series, chart.colours, strict=False)]
    of_evaluations = chart.source == "evaluations"
    return {**drawn, "series": series, "by_run": False, "dots": of_evaluations,
            "source": "evaluations" if of_evaluations else "curves", "origin": chart.origin,
            "across": across if by_time else chart.across}


def _across(state: State) -> str:
    """What the charts' common axis is called."""
    return "seconds of training" if state.challenge.by_time else "step"


def _histogram(config: RunConfig, shown: Mapping[str, StoredRun | None]) -> dict[str, Any]:
    """The share of samples of each mode; older recordings know only the nearest mode of each."""
    evaluated = {name: run.snapshot.history.evaluations for name, run in shown.items()
                 if run is not None and run.snapshot.config.dataset == config.dataset}
    old = [name for name, records in evaluated.items() if records and records[-1].version == 1]
    total, noun = config.card.modes, config.card.mode_noun
    title, note = chart_table.histogram_words(total, noun, old, len(old) < len(evaluated))
    return {"title": title, "note": note, "modes": total, "noun": noun,
            "words": f"Share of generated samples per {noun}, this run and the reference"}
