"""What a GAN costs: measured live on this machine, remedies, growth, published models, quality.

A press of *Measure on this machine* is remembered in the session; while something of it is still
open, the fragment of that part reads the queue once a second and submits the next few. So a part
never has more than PENDING prices in the queue, and everybody else gets their turn.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import pandas as pd
import streamlit as st

from gan_core.config.choices import ARCHITECTURES, PRECISIONS
from gan_core.config.recipes import REMEDIES
from gan_core.cost.price_list import (
    BATCHES,
    GROWTH,
    IMAGE_NETWORKS,
    REMEDY_PRICES,
    Growth,
    day,
    network,
    recorded,
)
from gan_core.cost.prices import Price, PriceRequest
from gan_core.cost.published import MODELS, PROJECTS
from gan_core.cost.time_to_quality import ALL_MODES, FRECHET, time_to_quality
from gan_core.runs.snapshots import RunSnapshot
from gan_core.runs.store import StoreError
from gan_core.serving.admission import QueueFull
from gan_core.serving.price_requests import PriceState
from gan_core.serving.queue import HIDDEN_SECONDS
from pages.components import price_charts, server
from pages.components.chart_style import RUNS, table
from pages.components.draw_chart import draw_chart
from pages.components.markdown import plain

TICK = 1.0
QUALITY_TICK = 3.0
PENDING = 2  # prices that one part of the page has in the queue at a time
ROW = 35  # pixels of a table's row
FORMATS = {"G weights": "localized", "D weights": "localized", "GFLOP/step": "%.2f",
           "ms/step": "%.1f", "images/s": "%.0f", "MB": "%.1f"}
HERE, THERE = "this machine", "recorded"


# --- measuring ------------------------------------------------------------------------------------


def _part(name: str, draw: Callable[[bool], None]) -> None:
    """A part of the page that redraws itself while some of its prices are still open."""
    measuring = bool(_open_requests(name))
    st.fragment(draw, run_every=TICK if measuring else None)(measuring)


def _open_requests(name: str) -> list[PriceRequest]:
    """What was asked for in this part and is still open."""
    return st.session_state.setdefault(f"prices/{name}/wanted", [])


def _measure(name: str, requests: Sequence[PriceRequest], was_measuring: bool) -> None:
    """The button of a part and a line on how far its prices are; asks the queue for the next."""
    answers = {request: server.queue().price(request) for request in requests}
    missing = [request for request, answer in answers.items() if answer.price is None]
    refusal = _go_on(name)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        pressed = st.button(
            "Measure on this machine" if missing else "Measure again", key=f"prices/{name}/measure",
            icon=":material/speed:", disabled=bool(_open_requests(name)) or not requests,
            help="A worker takes a few seconds for each, in turn with the runs that wait.")
        if _open_requests(name) and st.button("Stop measuring", key=f"prices/{name}/stop",
                                               icon=":material/stop:"):
            _give_up(name)
        st.caption(refusal or _progress(name, answers))
    if pressed:
        _ask(name, missing or requests)
    if bool(_open_requests(name)) != was_measuring:
        st.rerun()  # the timer begins or ends


def _ask(name: str, requests: Iterable[PriceRequest]) -> None:
    for request in requests:
        server.queue().forget(request)
    _open_requests(name).extend(requests)


def _give_up(name: str) -> None:
    """What of this part is in the queue is dropped, unless others wait for it as well."""
    for request in _open_requests(name)[:PENDING]:
        server.queue().stop(request.name, server.viewer())
    _open_requests(name).clear()


def _go_on(name: str) -> str:
    """Renew the leases of this part's open prices and ask for the next; why that was refused.

    For longer than a refresh, which a hidden tab may ask for but once a minute.
    """
    still_open = _open_requests(name)
    answers = {request: server.queue().price(request) for request in still_open}
    still_open[:] = [request for request, answer in answers.items()
                 if answer.price is None and not answer.failure]
    try:
        for request in still_open[:PENDING]:
            server.queue().measure(request, server.viewer(), HIDDEN_SECONDS)
    except QueueFull as error:
        return plain(str(error))
    return ""


def _progress(name: str, answers: Mapping[PriceRequest, PriceState]) -> str:
    failures = [answer.failure for answer in answers.values() if answer.failure]
    if failures:
        return plain(failures[0])
    done = sum(answer.price is not None for answer in answers.values())
    device = server.queue().pool().device
    where = f"{plain(device)} · " if device else ""
    still = " …" if _open_requests(name) else ""
    return f"{where}{done} of {len(answers)} measured here{still}"


def _recorded_on(prices: Iterable[Price]) -> str:
    """Device and day of recorded prices, in words."""
    devices = dict.fromkeys(f"{price.device}, {day(price)}" for price in prices)
    return plain("; ".join(devices)) or "nothing"


Key = TypeVar("Key")


def _known(requests: Mapping[Key, PriceRequest]) -> tuple[dict[Key, Price], dict[Key, Price]]:
    """The prices measured here, and the recorded ones of the rest, by the same keys."""
    measured = {key: server.queue().price(request).price for key, request in requests.items()}
    here = {key: price for key, price in measured.items() if price is not None}
    there = {key: recorded()[request.name] for key, request in requests.items()
             if key not in here and request.name in recorded()}
    return here, there


# --- networks, batches, precisions ----------------------------------------------------------------


def measured() -> None:
    """A table of networks × batch × precision: parameters, FLOPs, time, memory, measured live."""
    networks, batches, precisions = st.columns([2, 1, 1])
    names = networks.multiselect("Networks", IMAGE_NETWORKS, IMAGE_NETWORKS,
                                 format_func=lambda name: ARCHITECTURES[name].label)
    sizes = batches.multiselect("Batch size", BATCHES, [64])
    formats = precisions.multiselect("Precision", list(PRECISIONS), ["auto"])
    chosen = [network(*choice) for choice in itertools.product(names, sizes, formats)]
    _part("networks", lambda measuring: _table(chosen, measuring))


def _table(requests: Sequence[PriceRequest], measuring: bool) -> None:
    _measure("networks", requests, measuring)
    here, there = _known(dict(enumerate(requests)))
    table = price_table(requests, {**there, **here}, set(here))
    st.dataframe(table, hide_index=True, height=ROW * (len(table) + 1) + 3, column_config={
        name: st.column_config.NumberColumn(format=form) for name, form in FORMATS.items()})
    note = f" Recorded rows: {_recorded_on(there.values())}." if there else ""
    st.caption("FLOPs are those of matrix products and convolutions, two for a multiplication and "
               "an addition. Images/s are the real ones that D learns from. Memory holds weights, "
               f"gradients, Adam's state and what is kept for backward passes, no data.{note}")


def price_table(
    requests: Sequence[PriceRequest], prices: Mapping[int, Price], here: set[int]
) -> pd.DataFrame:
    """One row per request; figures are missing where its place is not in `prices`."""
    return pd.DataFrame([_row(request, prices.get(place), HERE if place in here else THERE)
                         for place, request in enumerate(requests)])


def _row(request: PriceRequest, price: Price | None, where: str) -> dict[str, object]:
    row = {"networks": ARCHITECTURES[request.config.architecture].label,
           "batch": request.config.batch_size,
           "precision": request.config.precision if price is None else price.precision}
    if price is None:
        return {**row, "from": "not measured", **dict.fromkeys(FORMATS)}
    figures = (price.parameters["generator"], price.parameters["discriminator"],
               price.flops / 1e9, price.step_ms, price.images_per_second, price.memory / 1e6)
    return {**row, "from": where, **dict(zip(FORMATS, figures, strict=True))}


# --- remedies -------------------------------------------------------------------------------------


def remedies() -> None:
    """The price of each remedy ÷ the plain GAN's, as bars."""
    _part("remedies", _price_list)


def _price_list(measuring: bool) -> None:
    _measure("remedies", list(REMEDY_PRICES.values()), measuring)
    here, there = _known(REMEDY_PRICES)
    prices = {**there, **here}
    frame = price_charts.remedy_frame(
        prices, {name: recipe.label for name, recipe in REMEDIES.items()},
        {name: recorded()[request.name] for name, request in REMEDY_PRICES.items()
         if request.name in recorded()})
    draw_chart(
        table(frame), key="chart-remedies",
        spec=price_charts.remedy_spec(tuple(frame["remedy"].unique()), price_charts.most(frame)),
        height=price_charts.remedy_height(len(REMEDY_PRICES)),
        alt="A step's time, FLOPs and memory with each remedy, divided by the plain GAN's")
    if there:
        st.caption(f"{len(here)} of {len(prices)} measured on this machine; the others recorded on "
                   f"{_recorded_on(there.values())}. Steps of remedy and plain GAN alternate.")


# --- growth ---------------------------------------------------------------------------------------


def growth() -> None:
    """Cost against width, batch size and side of the images, on log scales, with slopes."""
    _part("growth", _growth)


def _growth(measuring: bool) -> None:
    _measure("growth", [r for curve in GROWTH.values() for r in curve.requests.values()], measuring)
    for column, (name, curve) in zip(st.columns(len(GROWTH)), GROWTH.items(), strict=True):
        with column:
            _growth_chart(name, curve)


def _growth_chart(name: str, growth: Growth) -> None:
    here, _ = _known(growth.requests)
    complete = len(here) == len(growth.requests)  # times of two machines make no slope
    prices = here if complete else {size: recorded()[request.name]
                                    for size, request in growth.requests.items()
                                    if request.name in recorded()}
    if len(prices) < len(growth.requests):
        st.info(f"{growth.label}: not measured yet.")
        return
    draw_chart(
        table(price_charts.growth_frame(growth, prices)),
        price_charts.growth_spec(growth.label, growth.networks,
                                 tuple(sorted({*prices, growth.default})), growth.default),
        height=price_charts.GROWTH_HEIGHT, key=f"chart-growth-{name}",
        alt=f"FLOPs and time of a step against {growth.label.lower()}, log scales")
    st.markdown(growth_words(growth, price_charts.growth_slopes(growth, prices)))
    recording = f"Recorded on {_recorded_on(prices.values())}."
    st.caption("Measured on this machine." if complete else recording)


def growth_words(growth: Growth, slopes: Mapping[str, float]) -> str:
    """What each slope means, one line each."""
    return "  \n".join(
        f"**{measure}**: slope {rise:.2f}: doubling the {growth.subject} costs {2**rise:.2g}×"
        for measure, rise in slopes.items())


# --- published models -----------------------------------------------------------------------------


def published() -> None:
    """What published models took to train, with their sources."""
    rows = [f"| {m.model} | {m.year} | {m.data} | {m.hardware} | {m.duration} | {m.gpu_days:.0f} | "
            f"[{m.source}]({m.link}) |" for m in MODELS]
    st.markdown("\n".join([
        "| model | year | images | hardware | time | GPU days | source |",
        "|---|---|---|---|---|---|---|", *rows]))
    projects = "; ".join(
        f"[{p.model}]({p.link}) {p.gpu_years} GPU years and {p.megawatt_hours} MWh"
        for p in PROJECTS)
    st.markdown(f"These are single trainings. With all experiments, the papers report: {projects}.")


# --- time to quality ------------------------------------------------------------------------------


def quality(page: str) -> None:
    """Seconds of training until a quality, for the run that the page shows and its reference."""
    state = st.session_state[f"{page}/state"]
    shown = state.shown_run()
    live = shown is not None and shown.live
    st.fragment(_quality, run_every=QUALITY_TICK if live else None)(page)


def _quality(page: str) -> None:
    state = st.session_state[f"{page}/state"]
    try:
        runs = dict(zip(RUNS, (state.shown_run(), state.reference_run()), strict=True))
    except StoreError:
        return  # the page says so above
    st.markdown(quality_table({
        name: run.snapshot for name, run in runs.items() if run is not None}))


def quality_table(runs: Mapping[str, RunSnapshot]) -> str:
    """A Markdown table: one row per goal, one column for each of RUNS; `runs` may lack some."""
    goals = {ALL_MODES: "all modes, and Fréchet distance ≤ 300", **{
        f"frechet {distance:g}": f"Fréchet distance ≤ {distance:g}" for distance in FRECHET}}
    times = {name: time_to_quality(runs[name].history) if name in runs else None for name in RUNS}
    rows = [[label, *(_seconds(reached, goal) for reached in times.values())]
            for goal, label in goals.items()]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([f"| time until | {' | '.join(RUNS)} |", "|---|" + "---|" * len(RUNS), *lines])


def _seconds(times: Mapping[str, float | None] | None, goal: str) -> str:
    if times is None:
        return "no run yet"
    if goal not in times:
        return "not for this data"
    return "not reached" if times[goal] is None else f"{times[goal]:.0f} s"
