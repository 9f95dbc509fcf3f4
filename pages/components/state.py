"""What one tab knows of one page: the shown run, its reference, the sliders; and their URL.

The sliders describe the next run; `shown` is the run on the page. The address bar holds what a
reload needs; a copied link holds every value, so that it keeps its meaning if a default changes.
"""

from __future__ import annotations

import urllib.parse
from dataclasses import dataclass, field

import streamlit as st

from gan_core.config.presets import RECORDED, Challenge
from gan_core.config.run_config import RunConfig
from pages.components import controls, server

LINK_VERSION = "1"
PART_PARAMETERS = ("dirac",)  # of single parts of a page, which read them and `keep` them
RESERVED_PARAMETERS = ("v", "run", "reference", *PART_PARAMETERS)
AS_RECORDED = "recorded"  # in place of a run: what the page shows before any click
# Streamlit's own, and what other sites append to links; neither is a setting.
FOREIGN_PARAMETERS = ("embed", "embed_options", "fbclid", "gclid", "msclkid", "ref", "source")


@dataclass
class State:
    page: str
    challenge: Challenge
    shown: RunConfig  # the run on the left
    pinned: RunConfig | None = None  # the run on the right, if the visitor chose one
    sliders: RunConfig | None = None  # where the sliders were last, for a return to the page
    pending: RunConfig | None = None  # where the sliders are to go in the next full run
    problems: list[str] = field(default_factory=list)  # of the URL, in words
    urls: list[dict[str, str]] = field(default_factory=list)  # the last ones this tab wrote
    part_parameters: dict[str, str] = field(default_factory=dict)  # the PART_PARAMETERS of the URL
    fresh: bool = True  # nothing trained or asked for yet: a recorded run is better than a stub
    refusal: str = ""  # why the last Train was refused
    follows: bool = False  # a part outside the experiment shows the step that is looked back to
    moved: bool = False  # the slider of steps was, and such a part must follow

    @property
    def start(self) -> RunConfig:
        return self.challenge.presets[self.challenge.start].config

    def shown_run(self) -> server.StoredRun | None:
        return server.stored_run(self.shown, recorded_first=self.fresh)

    def reference_run(self) -> server.StoredRun | None:
        """The pinned run, even if it is not there; else the recorded run to compare with."""
        if self.pinned is not None:
            return server.stored_run(self.pinned, recorded_first=True)
        for name in reversed(self.challenge.recorded):
            other = RECORDED[name].digest() != self.shown.digest()
            snapshot = server.recorded().snapshot(RECORDED[name].digest()) if other else None
            if snapshot is not None and snapshot.config.dataset == self.shown.dataset:
                return server.StoredRun(snapshot, server.recorded(), True)
        return None


def arrive(page: str, challenge: Challenge) -> State:
    """The page's state: from the session, or from a URL that this tab did not write itself."""
    name, query = f"{page}/state", _query()
    state: State | None = st.session_state.get(name)
    # A message of the browser may still carry the URL before the last one: that is no arrival.
    if state is None or (query and query not in state.urls):
        start = challenge.presets[challenge.start].config
        # A recorded run before any click: never an empty page.
        first = RECORDED[challenge.recorded[0]]
        state = State(page, challenge, first, pending=start)
        st.session_state[name] = state
        if query:
            _open_link(state, query)
            state.urls.append(query)
    if state.pending is None and controls.key(page, "seed") not in st.session_state:
        # Back from another page, where these widgets were not drawn.
        state.pending = state.sliders or state.start
    if state.pending is not None:
        controls.put(page, state.pending)
        state.pending = None
    return state


def _query() -> dict[str, str]:
    return {
        name: value
        for name, value in st.query_params.items()
        if name not in FOREIGN_PARAMETERS and not name.startswith("utm_")
    }


def _open_link(state: State, query: dict[str, str]) -> None:
    """Take sliders, shown run and reference from a URL; what is wrong with it becomes words."""
    fields = {name: value for name, value in query.items() if name not in RESERVED_PARAMETERS}
    if query.get("v", LINK_VERSION) != LINK_VERSION:
        state.problems.append(f"v must be {LINK_VERSION}: the link is of another version.")
    sliders, problems = RunConfig.from_query(fields, state.start)
    limit = server.settings().max_steps
    if sliders.steps > limit:
        problems.append(f"steps must be a number from 1 to {limit} on this server.")
        sliders = sliders.replace(steps=limit)
    state.problems += problems
    state.part_parameters = {name: query[name] for name in PART_PARAMETERS if name in query}
    state.pending = sliders
    untouched = query.get("run") == AS_RECORDED
    if not untouched and (sliders != state.start or "v" in query):
        state.shown, state.fresh = sliders, False
    for name, attribute in (("run", "shown"), ("reference", "pinned")):
        if name in query and query[name] != AS_RECORDED:
            config, problems = controls.read(query[name])
            state.problems += [f"{name}: {problem}" for problem in problems]
            if not problems:
                setattr(state, attribute, config)
                state.fresh = False


def write_url(state: State) -> None:
    """The address bar holds what a reload needs: sliders, shown run, pinned reference, the kept."""
    query = dict(state.sliders.to_query(base=state.start)) if state.sliders else {}
    if state.fresh:
        if query:
            query["run"] = AS_RECORDED  # the sliders were moved, and nothing trained yet
    elif state.shown != state.sliders or state.shown == state.start:
        query["run"] = controls.written(state.shown)
    if state.pinned is not None:
        query["reference"] = controls.written(state.pinned)
    query.update(state.part_parameters)
    if query != _query():
        foreign = {name: st.query_params[name] for name in st.query_params
                   if name in FOREIGN_PARAMETERS}
        st.query_params.from_dict({**query, **foreign})
    if query not in state.urls:
        state.urls = [*state.urls[-2:], query]


def keep(state: State, name: str, value: str) -> None:
    """Write one of PART_PARAMETERS into the URL and all links from now on; "" takes it out."""
    state.part_parameters.pop(name, None)
    if value:
        state.part_parameters[name] = value
    write_url(state)


def link(state: State) -> str:
    """A link that opens the shown run and its reference, whatever defaults a later version has."""
    address = (st.context.url or "").partition("?")[0]
    return f"{address}?{opening(state.shown, state.pinned, state.part_parameters)}"


def opening(
    shown: RunConfig, reference: RunConfig | None = None,
    part_parameters: dict[str, str] | None = None,
) -> str:
    """The query part of an address that opens `shown`, with every value of it."""
    query = {"v": LINK_VERSION, **shown.to_query(full=True), **(part_parameters or {})}
    if reference is not None:
        query["reference"] = controls.written(reference)
    return urllib.parse.urlencode(query)
