"""What one tab knows of one page: the shown run, its reference, the sliders; and their URL.

The sliders describe the next run; `shown` is the run on the page. The address bar holds what a
reload needs; a copied link holds every value, so that it keeps its meaning if a default changes.
A run that was opened from a file is named by its key as well: on the server that has the file a
link shows that run, elsewhere what the settings give there, and says so.
"""

from __future__ import annotations

import re
import urllib.parse
from dataclasses import dataclass, field

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from gan_core.config.presets import RECORDED, Challenge
from gan_core.config.run_config import RunConfig
from pages.components import controls, server

LINK_VERSION = "1"
PROJECTOR = "projector"  # "1": the page is laid out for one
# Of single parts of a page, which read and `keep` them.
PART_PARAMETERS = ("dirac", "hand", PROJECTOR)
OPENED = "opened"  # the keys of runs that were opened from files
RESERVED_PARAMETERS = ("v", "run", "reference", OPENED, *PART_PARAMETERS)
AS_RECORDED = "recorded"  # in place of a run: what the page shows before any click
# Streamlit's own, and what other sites and mail senders append to links; none is a setting.
FOREIGN_PARAMETERS = frozenset((
    "embed", "embed_options", "ref", "source", "si", "fbclid", "gclid", "gclsrc", "dclid", "gbraid",
    "wbraid", "gad_source", "gad_campaignid", "srsltid", "_gl", "_ga", "msclkid", "igshid", "igsh",
    "ttclid", "twclid", "yclid", "ysclid", "li_fat_id", "epik", "rdt_cid", "mc_cid", "mc_eid",
    "mkt_tok", "_hsenc", "_hsmi", "_kx", "_openstat", "oly_anon_id", "oly_enc_id", "vero_id",
    "wickedid", "s_cid", "ck_subscriber_id",
))
FOREIGN_BEGINNINGS = ("utm_", "mtm_", "pk_", "piwik_", "hsa_", "matomo_")
AMPERSAND = re.compile("^(?:amp;)+")  # left of "&amp;", as mail clients write the "&" of a link
KEYS = re.compile("[0-9a-f]{16}(?:,[0-9a-f]{16})?")  # of a run, and of its reference
NO_KEYS = "opened must be one or two names of sixteen hexadecimal digits, separated by a comma."
NOT_HERE = (
    "The file of run {key} is no longer here; the server keeps the last ones that were opened. "
    "Shown instead is {instead}. Open the file again to see it."
)
OF_ITS_SETTINGS, OF_THE_PAGE = "what this server has of its settings", "what this page begins with"
OF_OTHER_SETTINGS = "opened: run {key} has other settings than this address, so it is not shown."
REMEMBERED_URLS = 3  # of those that this tab wrote: a message may carry one before the last


@dataclass
class State:
    page: str
    challenge: Challenge
    shown: RunConfig  # the run on the left
    pinned: RunConfig | None = None  # the run on the right, if the visitor chose one
    sliders: RunConfig | None = None  # where they were last, if their values went together
    pending: RunConfig | None = None  # where the sliders are to go in the next full run
    problems: list[str] = field(default_factory=list)  # of the URL, in words
    urls: list[dict[str, str]] = field(default_factory=list)  # the last ones, read or written
    said: dict[str, str] | None = None  # what the address bar says, in our words; None on arrival
    returns: int = 0  # of the browser's history: the menu's addresses, which know no parameters
    part_parameters: dict[str, str] = field(default_factory=dict)  # the PART_PARAMETERS of the URL
    fresh: bool = True  # shown as recorded, before or instead of training: better than a stub
    asks: bool = False  # nothing was pressed since the page was opened without a link to a run
    refusal: str = ""  # why the last Train was refused
    opened: dict[str, str] = field(default_factory=dict)  # keys of opened runs, by config's digest
    linked: set[str] = field(default_factory=set)  # digests of the runs that a link named
    follows: bool = False  # a part outside the experiment shows the step that is looked back to
    moved: bool = False  # the slider of steps was, and such a part must follow

    @property
    def start(self) -> RunConfig:
        return self.challenge.presets[self.challenge.start].config

    def shown_run(self) -> server.StoredRun | None:
        return self._opened(self.shown) or server.stored_run(
            self.shown, recorded_first=self.fresh)

    def _opened(self, config: RunConfig) -> server.StoredRun | None:
        """The run of these settings that came out of a file, where the page shows that one."""
        key = self.opened.get(config.digest())
        return server.opened_run(key, config) if key is not None else None

    def as_trained_here(self, config: RunConfig) -> None:
        """Of these settings show this server's own run from now on, and none out of a file."""
        self.opened.pop(config.digest(), None)

    @property
    def compared_to(self) -> RunConfig | None:
        """The pinned run, unless it is the shown one."""
        same = self.pinned is not None and self.pinned.digest() == self.shown.digest()
        return None if same else self.pinned

    @property
    def projected(self) -> bool:
        """Whether the page is laid out for a projector."""
        return PROJECTOR in self.part_parameters

    def reference_run(self) -> server.StoredRun | None:
        """The pinned run, even if it is not there; else, or while the pinned run is itself the
        shown one, the recorded run to compare with: the remedy, or beside a run without failure
        the failure."""
        if (pinned := self.compared_to) is not None:
            return self._opened(pinned) or server.stored_run(pinned, recorded_first=True)
        healthy = self.challenge.presets.get("healthy")
        fine = healthy is not None and healthy.config.digest() == self.shown.digest()
        pair = self.challenge.side_by_side(self.shown.dataset)
        for config in pair if fine else reversed(pair):
            other = config.digest() != self.shown.digest()
            snapshot = server.recorded().snapshot(config.digest()) if other else None
            if snapshot is not None:
                until = snapshot.until(config.steps)
                return server.StoredRun(until, server.recorded(), True)
        return None


def arrive(page: str, challenge: Challenge) -> State:
    """The page's state: from the session, or from a URL that this tab did not write itself."""
    name, query = f"{page}/state", _query()
    state: State | None = st.session_state.get(name)
    if state is None or _is_arrival(state, query):
        state = _opened(page, challenge, query, state)
        st.session_state[name] = state
    if state.pending is not None:
        controls.put(page, state.pending)
        state.pending = None
    _drop_what_is_gone(state)
    return state


def _drop_what_is_gone(state: State) -> None:
    """Files that are no longer kept: what is shown instead is another run, and the page says so."""
    for digest, key in list(state.opened.items()):
        if server.opened_run(key) is None:
            del state.opened[digest]
            state.problems.append(NOT_HERE.format(key=key, instead=OF_ITS_SETTINGS))


def _is_arrival(state: State, query: dict[str, str]) -> bool:
    """Whether the URL asks for something else than what the page shows."""
    if went_through_history():
        if not query and state.returns:
            state.returns -= 1  # it is written out now, in the same place of the history
            return False
        return query != state.urls[-1]
    # Another message of the browser may still carry the URL before the last one.
    return bool(query) and query not in state.urls


def went_through_history() -> bool:
    """Whether Back or Forward was pressed in the browser."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def _opened(
    page: str, challenge: Challenge, query: dict[str, str], before: State | None
) -> State:
    """The page as a URL opens it; `before` is what it was in this tab."""
    urls = before.urls if before is not None else []
    start = challenge.presets[challenge.start].config
    # A recorded run before any click: never an empty page.
    first = RECORDED[challenge.recorded[0]]
    state = State(page, challenge, first, pending=start,
                  urls=[*urls[1 - REMEMBERED_URLS :], query],
                  returns=before.returns if before is not None else 0,
                  asks=not query.keys() - {PROJECTOR})
    if query:
        _open_link(state, query)
    if before is not None and went_through_history():
        state.linked = before.linked  # what was looked at before was not sent by anybody
    return state


def _query() -> dict[str, str]:
    """The parameters of the URL that are ours."""
    return {AMPERSAND.sub("", name): value for name, value in st.query_params.items()
            if not _is_foreign(name)}


def _is_foreign(name: str) -> bool:
    name = AMPERSAND.sub("", name)
    return name in FOREIGN_PARAMETERS or name.startswith(FOREIGN_BEGINNINGS)


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
    if state.part_parameters.get(PROJECTOR, "1") != "1":
        state.problems.append("projector must be 1, or left out.")
        del state.part_parameters[PROJECTOR]
    state.pending = sliders
    untouched = query.get("run") == AS_RECORDED
    if not untouched and (sliders != state.start or "v" in query):
        state.shown, state.fresh = sliders, False
        state.linked.add(sliders.digest())
    for name, attribute in (("run", "shown"), ("reference", "pinned")):
        if name in query and query[name] != AS_RECORDED:
            config, problems = controls.read(query[name])
            state.problems += [f"{name}: {problem}" for problem in problems]
            if not problems:
                setattr(state, attribute, config)
                state.fresh = False
                state.linked.add(config.digest())
    if OPENED in query:
        _open_files(state, query[OPENED], without_settings=not fields and "run" not in query)


def _open_files(state: State, text: str, without_settings: bool) -> None:
    """Show runs that came out of files, by the keys in a URL: in place of those of the same
    settings, or, in a URL without settings, as the run and its reference."""
    if not KEYS.fullmatch(text):
        state.problems.append(NO_KEYS)
        return
    for attribute, key in zip(("shown", "pinned"), text.split(","), strict=False):
        run = server.opened_run(key)
        if run is None:
            instead = OF_THE_PAGE if without_settings else OF_ITS_SETTINGS
            state.problems.append(NOT_HERE.format(key=key, instead=instead))
            continue
        config = run.snapshot.config
        if without_settings:
            setattr(state, attribute, config)
            if attribute == "shown":
                state.pending = _within_limit(config)
        shown = [name for name, there in (("shown", state.shown), ("pinned", state.pinned))
                 if there is not None and there.digest() == config.digest()]
        if not shown:
            state.problems.append(OF_OTHER_SETTINGS.format(key=key))
            continue
        for name in shown:  # all of the file's steps, however far this server would train
            setattr(state, name, config)
        state.opened[config.digest()] = key
        state.fresh = False
        server.opened().touch(key)


def _within_limit(config: RunConfig) -> RunConfig:
    """Sliders that this server can train."""
    return config.replace(steps=min(config.steps, server.settings().max_steps))


def write_url(state: State) -> None:
    """The address bar holds what a reload needs: sliders, shown run, pinned reference, the kept.

    A URL that the visitor came by stays as it is until something changes. Each one that is written
    is a step of the browser's history, to which Back returns.
    """
    query = _in_url(state)
    if state.said is None:
        state.said = query
    came_back = bool(query) and not _query()  # from another page; its menu knows no parameters
    if query == state.said and not came_back:
        return
    if query == state.said and not went_through_history():
        state.returns += 1
    foreign = {name: st.query_params[name] for name in st.query_params if _is_foreign(name)}
    st.query_params.from_dict({**query, **foreign})
    state.said = query
    state.urls = [*state.urls[1 - REMEMBERED_URLS :], query]


def _in_url(state: State) -> dict[str, str]:
    """The parameters that open the state as it is."""
    query = dict(state.sliders.to_query(base=state.start)) if state.sliders else {}
    if state.fresh and state.shown == RECORDED[state.challenge.recorded[0]]:
        if query:
            query["run"] = AS_RECORDED  # the sliders were moved, and nothing trained yet
    elif state.shown != state.sliders or state.shown == state.start:
        query["run"] = controls.written(state.shown)
    if state.pinned is not None:
        query["reference"] = controls.written(state.pinned)
    return query | _opened_on_page(state) | state.part_parameters


def _opened_on_page(state: State) -> dict[str, str]:
    """The parameter that names which of the page's runs came out of files."""
    keys = [state.opened[config.digest()] for config in (state.shown, state.pinned)
            if config is not None and config.digest() in state.opened]
    return {OPENED: ",".join(dict.fromkeys(keys))} if keys else {}


def keep(state: State, name: str, value: str) -> None:
    """Write one of PART_PARAMETERS into the URL and all links from now on; "" takes it out."""
    state.part_parameters.pop(name, None)
    if value:
        state.part_parameters[name] = value
    write_url(state)


def link(state: State) -> str:
    """A link that opens the shown run and its reference, whatever defaults a later version has."""
    address = (st.context.url or "").partition("?")[0]
    parts = {name: value for name, value in state.part_parameters.items() if name != PROJECTOR}
    parts |= _opened_on_page(state)
    return f"{address}?{opening(state.shown, state.pinned, parts)}"


def opening(
    shown: RunConfig, reference: RunConfig | None = None,
    part_parameters: dict[str, str] | None = None,
) -> str:
    """The query part of an address that opens `shown`, with every value of it."""
    query = {"v": LINK_VERSION, **shown.to_query(full=True), **(part_parameters or {})}
    if reference is not None:
        query["reference"] = controls.written(reference)
    return urllib.parse.urlencode(query)
