"""Run, watch, stop, continue, pin and compare: the one live part of a page.

The sliders describe the next run; `State.shown` is the run on the page. So any widget may be moved
while a run goes on. Training happens in a worker; this module polls snapshots of it.
"""

from __future__ import annotations

import re
import urllib.parse
from dataclasses import dataclass, field

import streamlit as st

from gan_core.challenges import RECORDED, Challenge
from gan_core.config import ConfigError, RunConfig
from gan_core.diagnosis import Remedy
from gan_core.store import RunSnapshot, RunStore, StoreError
from pages.components import charts, controls, gallery, lab, verdict
from pages.components.frame import device_badge

TICK = 0.5  # seconds between two looks at a live run
LINK_VERSION = "1"
OWN_PARAMETERS = ("v", "run", "reference")
STREAMLIT_PARAMETERS = ("embed", "embed_options")


@dataclass
class State:
    """What one tab knows of one page, beyond the widgets."""

    page: str
    challenge: Challenge
    shown: RunConfig  # the run on the left
    pinned: RunConfig | None = None  # the run on the right, if the visitor chose one
    sliders: RunConfig | None = None  # where the sliders were last, for a return to the page
    pending: RunConfig | None = None  # where the sliders are to go in the next full run
    problems: list[str] = field(default_factory=list)  # of the URL, in words
    urls: list[dict[str, str]] = field(default_factory=list)  # that this tab wrote itself

    @property
    def start(self) -> RunConfig:
        return self.challenge.presets[self.challenge.start].config


def experiment(page: str, challenge: Challenge) -> None:
    """Everything of a challenge page but its words: controls, run, verdict, samples, charts."""
    state = _arrive(page, challenge)
    with st.sidebar:
        config = controls.controls(page, challenge, {"steps": lab.settings().max_steps})
        st.divider()
        device_badge()
    if state.problems:
        _complain(state.problems)
    if config is not None:
        state.sliders = config
    _write_url(state)
    try:
        snapshot, _ = lab.look(state.shown)
        live = snapshot is not None and snapshot.live
        st.fragment(_view, run_every=TICK if live else None)(state, config, live)
    except StoreError as error:
        st.error(str(error))


def _complain(problems: list[str]) -> None:
    """All problems in one box, word for word: a link's text must not become Markdown."""
    lines = [re.sub(r"([\\`*_{}\[\]()<>#+!|~$:&])", r"\\\1", problem) for problem in problems[:30]]
    opening = "Ignored in this link:" if len(lines) > 1 else ""
    st.warning("\n- ".join([opening, *lines]) if opening else lines[0], icon=":material/link_off:")


# --- the URL -------------------------------------------------------------------------------------


def _arrive(page: str, challenge: Challenge) -> State:
    """The page's state: from the session, or from a URL that this tab did not write itself."""
    name = f"{page}/state"
    query = {k: v for k, v in st.query_params.items() if k not in STREAMLIT_PARAMETERS}
    state: State | None = st.session_state.get(name)
    # A message of the browser may still carry the URL before the last one: that is no arrival.
    if state is None or (query and query not in state.urls):
        start = challenge.presets[challenge.start].config
        state = State(page, challenge, _first_shown(challenge, start))
        st.session_state[name] = state
        state.pending = start
        if query:
            _open_link(state, query)
            state.urls.append(query)
    if state.pending is None and controls.key(page, "seed") not in st.session_state:
        state.pending = state.sliders  # back from another page, where these widgets were not drawn
    if state.pending is not None:
        controls.put(page, state.pending)
        state.pending = None
    return state


def _first_shown(challenge: Challenge, start: RunConfig) -> RunConfig:
    """The starting preset's run if there is one, else the recorded one: never an empty page."""
    snapshot, _ = lab.look(start)
    if snapshot is not None or not challenge.recorded:
        return start
    return RECORDED[challenge.recorded[0]]


def _open_link(state: State, query: dict[str, str]) -> None:
    """Take sliders, shown run and reference from a URL; what is wrong with it becomes words."""
    fields = {name: value for name, value in query.items() if name not in OWN_PARAMETERS}
    sliders, state.problems = RunConfig.from_query(fields, state.start)
    if sliders.steps > lab.settings().max_steps:
        limit = lab.settings().max_steps
        state.problems.append(f"steps must be a number from 1 to {limit} on this server.")
        sliders = sliders.replace(steps=limit)
    state.pending = sliders
    if "run" in query:
        state.shown, problems = controls.read(query["run"])
        state.problems += problems
    elif fields or lab.look(sliders)[0] is not None:
        state.shown = sliders
    if "reference" in query:
        state.pinned, problems = controls.read(query["reference"])
        state.problems += problems


def _write_url(state: State) -> None:
    """The address bar holds what a reload needs: sliders, shown run, pinned reference."""
    query = dict(state.sliders.to_query(base=state.start)) if state.sliders else {}
    if state.shown != state.sliders:
        query["run"] = controls.written(state.shown)
    if state.pinned is not None:
        query["reference"] = controls.written(state.pinned)
    current = {k: v for k, v in st.query_params.items() if k not in STREAMLIT_PARAMETERS}
    if query != current:
        kept = {k: v for k, v in st.query_params.items() if k in STREAMLIT_PARAMETERS}
        st.query_params.from_dict({**query, **kept})
    if query not in state.urls:
        state.urls = [*state.urls[-30:], query]


def link(state: State) -> str:
    """A link that opens the shown run and its reference, whatever defaults a later version has."""
    query = {"v": LINK_VERSION, **state.shown.to_query(full=True)}
    if state.pinned is not None:
        query["reference"] = controls.written(state.pinned)
    address = (st.context.url or "").partition("?")[0]
    return f"{address}?{urllib.parse.urlencode(query)}"


# --- what the buttons do -------------------------------------------------------------------------


def _train(state: State, config: RunConfig) -> None:
    """Show the run of `config` and see that it is trained; the run shown before is let go."""
    before = state.shown
    try:
        lab.queue().submit(config, lab.viewer())
    except ConfigError as error:
        state.problems = [str(error)]
        st.rerun()
    keep = {config.digest(), state.pinned.digest() if state.pinned else ""}
    if before.digest() not in keep:
        lab.queue().release(before.digest(), lab.viewer())
    state.shown, state.problems = config, []
    st.rerun()


def _apply(state: State, remedy: Remedy) -> None:
    """Pin the broken run, move the sliders to the remedy, and train it."""
    state.pinned = state.shown
    mended = state.shown.replace(**remedy.changes)
    state.pending = mended
    _train(state, mended)


def _continue(state: State, snapshot: RunSnapshot) -> None:
    _train(state, state.shown.replace(steps=_further(state, snapshot)))


def _further(state: State, snapshot: RunSnapshot) -> int:
    """Where Continue goes: to the run's own end, or as far again beyond it."""
    reached = snapshot.status.step
    if reached < snapshot.status.steps:
        return snapshot.status.steps
    wished = state.sliders.steps if state.sliders else state.shown.steps
    goal = wished if wished > reached else reached + wished
    return min(goal, lab.settings().max_steps)


# --- the live part -------------------------------------------------------------------------------


def _view(state: State, config: RunConfig | None, was_live: bool) -> None:
    snapshot, is_recorded = lab.look(state.shown)
    if snapshot is not None and snapshot.live:
        lab.queue().watch(snapshot.digest, lab.viewer())
    elif was_live:
        st.rerun()  # ends the timer; the page is drawn once more with the final state
    reference, reference_recorded = _reference(state)
    comparable = reference
    if reference is not None and reference.config.dataset != state.shown.dataset:
        comparable = None  # its modes are other things; its samples are shown all the same
    _buttons(state, config, snapshot, is_recorded)
    share, words = verdict.progress(snapshot, is_recorded)
    with st.container(key="progress"):
        st.progress(share, text=words)
    _verdict(state, snapshot)
    _samples(state, snapshot, is_recorded, reference, reference_recorded)
    _charts(snapshot, comparable)


def _reference(state: State) -> tuple[RunSnapshot | None, bool]:
    """The pinned run, else the recorded run that the shown one is best compared with."""
    if state.pinned is not None:
        found, is_recorded = lab.look(state.pinned)
        if found is not None:
            return found, is_recorded
    beside = [RECORDED[name] for name in reversed(state.challenge.recorded)]
    for candidate in beside:
        other = candidate.digest() != state.shown.digest()
        if other and candidate.dataset == state.shown.dataset:
            return lab.recorded().snapshot(candidate.digest()), True
    return None, False


def _buttons(
    state: State, config: RunConfig | None, snapshot: RunSnapshot | None, is_recorded: bool
) -> None:
    live = snapshot is not None and snapshot.live
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _presets(state, config)
        if st.button("Train", type="primary", icon=":material/play_arrow:", disabled=config is None,
                     help="Train with the settings on the left."):
            _train(state, config)
        if st.button("Stop", icon=":material/stop:", disabled=not live) and not lab.queue().stop(
            state.shown.digest(), lab.viewer()
        ):
            st.toast("Others are watching this run too, so it goes on.")
        can_continue = (
            snapshot is not None and not live and not is_recorded
            and snapshot.status.state != "diverged"
            and snapshot.status.step < lab.settings().max_steps
        )
        if st.button("Continue", icon=":material/fast_forward:", disabled=not can_continue,
                     help="Train the run on the left further."):
            _continue(state, snapshot)
        if st.button("Keep as reference", icon=":material/push_pin:", disabled=snapshot is None,
                     help="Put this run on the right, to compare the next one with it."):
            state.pinned = state.shown
            st.rerun()
        with st.popover("Link", icon=":material/link:"):
            st.caption("Opens this run and its reference on any copy of this app.")
            st.code(link(state), language=None, wrap_lines=True)


def _presets(state: State, config: RunConfig | None) -> None:
    presets = state.challenge.presets
    current = next((name for name, preset in presets.items() if preset.config == config), None)
    where = f"{state.page}/preset"
    if st.session_state.get(f"{where}/drawn") != (current, config):
        st.session_state[where] = current  # the sliders have moved since it was drawn
        st.session_state[f"{where}/drawn"] = (current, config)
    chosen = st.segmented_control(
        "Presets", list(presets), format_func=lambda name: presets[name].label, key=where,
        label_visibility="collapsed",
        help="\n".join(f"- **{p.label}**: {p.help}" for p in presets.values()),
    )
    if chosen is not None and chosen != current:
        state.pending = presets[chosen].config
        st.rerun()


def _verdict(state: State, snapshot: RunSnapshot | None) -> None:
    found = verdict.judge(snapshot)
    with st.container(key="verdict"):
        words, remedies = st.columns([4, 1.15], vertical_alignment="top")
        getattr(words, found.tone)(found.text)
        if found.remedies:
            with remedies:
                _remedies(state, found.remedies)


def _remedies(state: State, remedies: tuple[Remedy, ...]) -> None:
    first, *others = remedies
    if st.button("Apply remedy", type="primary", icon=":material/healing:", width="stretch",
                 help=f"{first.label}: {first.why}. The broken run stays beside it."):
        _apply(state, first)
    if not others:
        return
    with st.popover("Other remedies", width="stretch"):
        for remedy in others:
            if st.button(remedy.label, help=remedy.why, key=f"remedy/{remedy.label}"):
                _apply(state, remedy)


def _samples(
    state: State,
    snapshot: RunSnapshot | None,
    is_recorded: bool,
    reference: RunSnapshot | None,
    reference_recorded: bool,
) -> None:
    total = max(snapshot.status.steps, snapshot.history.last_step) if snapshot is not None else 1
    where = f"{state.page}/at/{total}"
    at = st.session_state.get(where, total)
    # At the right end of the slider a live run shows its newest samples and a finished pair shows
    # each run's last ones; elsewhere both show the same step.
    newest = at >= total
    mine = snapshot.history.last_step if newest and snapshot is not None else at
    theirs = at
    if newest and reference is not None:
        theirs = mine if _live(snapshot) else reference.history.last_step
    left, right, beside = st.columns(3)
    with left:
        _caption("this", "This run", snapshot, is_recorded, mine)
        if snapshot is not None:
            gallery.show(_store(is_recorded), snapshot, mine, "this")
    with right:
        _caption("reference", "Reference", reference, reference_recorded, theirs)
        if reference is not None:
            gallery.show(_store(reference_recorded), reference, theirs, "reference")
    with beside:
        same = snapshot and reference and snapshot.config.dataset == reference.config.dataset
        _histogram((snapshot, mine), (reference if same or not snapshot else None, theirs))
    st.slider(
        "Look back: both runs at this step; at the right end, the newest samples", 0, max(total, 1),
        total, key=where, format="step %d", disabled=snapshot is None,
    )
    with st.container(key="difference"):
        if snapshot is not None and reference is not None:
            st.markdown(verdict.difference(snapshot, reference) or "&nbsp;")


def _live(snapshot: RunSnapshot | None) -> bool:
    return snapshot is not None and snapshot.live


def _store(is_recorded: bool) -> RunStore:
    return lab.recorded() if is_recorded else lab.queue().store


def _caption(
    slot: str, title: str, snapshot: RunSnapshot | None, is_recorded: bool, step: int
) -> None:
    with st.container(key=f"caption-{slot}"):
        if snapshot is None:
            how = "press Train" if slot == "this" else "none yet: press Keep as reference"
            st.markdown(f"**{title}** · {how}")
            return
        label = " · :orange-badge[recorded]" if is_recorded else ""
        taken = gallery.nearest_sample(snapshot, step)
        at = f" · step {taken}" if taken is not None else ""
        st.markdown(f"**{title}**{at}{label}  \n{controls.described(snapshot.config)}")


def _histogram(*looks: tuple[RunSnapshot | None, int]) -> None:
    evaluations = {
        run: evaluation
        for run, (snapshot, step) in zip(charts.RUNS, looks, strict=True)
        if snapshot is not None and (evaluation := snapshot.history.evaluation_at(step)) is not None
    }
    card = next((one.config.card for one, _ in looks if one is not None), RunConfig().card)
    st.vega_lite_chart(
        charts.histogram_frame(evaluations),
        charts.histogram_spec(card.modes, card.mode_noun),
        height=330, key="chart-histogram",
        alt=f"Share of generated samples per {card.mode_noun}, this run and the reference",
    )


def _charts(snapshot: RunSnapshot | None, reference: RunSnapshot | None) -> None:
    steps = max(snapshot.status.steps, snapshot.history.last_step) if snapshot else 1000
    histories = {
        run: one.history.until(steps)
        for run, one in ((charts.THIS, snapshot), (charts.REFERENCE, reference))
        if one is not None
    }
    card = snapshot.config.card if snapshot else RunConfig().card
    top, bottom = st.columns(2), st.columns(2)
    with top[0]:
        st.vega_lite_chart(
            charts.modes_frame(histories),
            charts.modes_spec(card.modes, card.mode_noun, steps),
            height=charts.HEIGHT, key="chart-modes",
            alt=f"Number of {card.mode_noun}s present at each evaluation",
        )
    for column, chart in zip((top[1], *bottom), (charts.LOSSES, charts.SCORES, charts.GRADIENTS),
                             strict=True):
        with column:
            st.vega_lite_chart(
                charts.lines_frame(chart, histories), charts.lines_spec(chart, steps),
                height=charts.HEIGHT, key=f"chart-{chart.title}",
                alt=f"{chart.title} by step: {', '.join(chart.series.values())}",
            )
