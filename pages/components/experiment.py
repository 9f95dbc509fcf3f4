"""Run, watch, stop, continue, pin and compare: the live part of a page.

Training happens in a worker. What is live is drawn by the `viewer` in the browser; this module
runs when somebody acts, when a run has ended or when other remedies are on offer. `actions` does
what the buttons say. Any widget may be moved while a run goes on.
"""

from __future__ import annotations

import streamlit as st

from gan_core.config.config_text import setting_text
from gan_core.config.presets import CHALLENGES, Challenge
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.diagnose import Remedy
from gan_core.runs.store import StoreError
from gan_core.serving.run_lists import SHARED
from gan_core.serving.run_words import spoken_verdict
from pages.components import (
    actions,
    controls,
    own_runs,
    prediction,
    server,
    take_home,
    try_remedies,
    verdict,
    viewer,
)
from pages.components.markdown import plain
from pages.components.page_frame import device_badge
from pages.components.server import StoredRun
from pages.components.state import OPENED, PROJECTOR, State, arrive, keep, link, write_url

DATA = {"": "Digits", "ring": "Ring", "grid": "Grid"}
TICK = 1.0  # seconds between two refreshes of a table of remedies that are tried
CONTINUE = "Train the run on the left further."
FROM_THE_START = (
    "Weights are not read from a file: this trains the run from its start, on this server. On the "
    "same kind of processor it comes to the same numbers."
)
UNREADABLE = "This run's files cannot be read just now. If this persists, train it again."


def experiment(page: str, challenge: Challenge) -> State:
    """Everything of a challenge page but its words: controls, run, verdict, samples, charts.

    Returns the page's state, for parts that only this page has.
    """
    state = arrive(page, challenge)
    state.follows = False  # until a part further down says that it does
    try:
        with st.sidebar:
            config = controls.controls(page, challenge, {"steps": server.settings().max_steps})
            _differing(state, config)
            change = st.container(key="change")
            st.divider()
            device_badge()
            st.button("Projector", icon=":material/present_to_all:", on_click=_project,
                      args=(state, "1"), help="Two large sheets, one chart and the verdict, and no "
                      "sidebar. Keys: space plays, arrows step, B, F and H show a preset, A "
                      "answers, Esc leaves.")
        if state.problems:
            with st.container(key="problems"):
                st.warning(verdict.listed(state.problems), icon=":material/link_off:")
        if state.refusal:
            st.warning(plain(state.refusal), icon=":material/block:")
        if config is not None:
            state.sliders = config
        write_url(state)
        tick = _watch(state)
        with change:
            _change(state, config, state.shown_run())
        st.fragment(_view, run_every=tick)(state, config, tick)
    except StoreError:
        st.error(UNREADABLE)
    if state.projected:
        st.stop()  # the rest of the page is not for a projector
    return state


def _differing(state: State, config: RunConfig | None) -> None:
    """Say that sliders and shown run are two things, where they are."""
    same = config is None or config == state.shown
    with st.container(key="differing"):
        st.caption("&nbsp;" if same else "These settings are not those of the run shown: press "
                   "**Train** to see what they do.")


def _project(state: State, value: str) -> None:
    """Lay the page out for a projector, "" to leave that; its frame is drawn by the URL."""
    keep(state, PROJECTOR, value)


def _watch(state: State) -> float | None:
    """Take the leases of both runs on the page, which the viewer then renews; seconds until the
    next refresh, None unless remedies are being tried."""
    for config in (state.shown, state.pinned):
        run = server.stored_run(config) if config is not None else None
        if run is not None and run.own:
            server.queue().watch(run.snapshot.digest, server.viewer())
    for run in (state.shown_run(), state.reference_run()) if state.linked else ():
        # What a page shows by itself, as of a preset, may be a stranger's.
        if run is not None and run.own and run.snapshot.digest in state.linked:
            own_runs.keep(run.snapshot.digest, SHARED)
    for key in state.opened.values():
        own_runs.keep(f"{OPENED}-{key}", SHARED)
    return TICK if try_remedies.watched(state) else None


# --- the live part -------------------------------------------------------------------------------


def _view(state: State, config: RunConfig | None, last_tick: float | None) -> None:
    try:
        tick = _watch(state)
        shown, reference = state.shown_run(), state.reference_run()
        _projected_buttons(state, config, shown) if state.projected else _buttons(
            state, config, shown, reference)
        ended = _status(state, shown, reference)
        if not state.projected:
            try_remedies.table(state)
        _runs(state, shown, reference)
        if ended or tick != last_tick or state.moved:
            state.moved = False
            # The charts below, too; last, since a rerun swallows what was pressed.
            st.rerun()
    except StoreError:
        # A sheet may vanish between two refreshes: a run that is continued is first wound back.
        st.error(UNREADABLE)


def _buttons(
    state: State, config: RunConfig | None, shown: StoredRun | None, reference: StoredRun | None
) -> None:
    with st.container(key="buttons", horizontal=True, vertical_alignment="center", gap="small"):
        _presets(state, config)
        _train(state, config, shown)
        _stop_or_continue(state, shown)
        _pin(state, shown)
        with st.popover("Link"):
            st.caption("Opens these settings, with this run and its reference where they have been "
                       "trained; on another copy of this app Train makes them anew.")
            st.code(link(state), language=None, wrap_lines=True)
        take_home.take_home(state, shown, reference)


def _projected_buttons(
    state: State, config: RunConfig | None, shown: StoredRun | None
) -> None:
    with st.container(key="buttons", horizontal=True, vertical_alignment="center", gap="small"):
        _presets(state, config)
        _train(state, config, shown)
        _stop_or_continue(state, shown)
        st.button("Leave projector", icon=":material/close_fullscreen:", on_click=_leave_projector,
                  args=(state,), help="Also with Esc.")


def _leave_projector(state: State) -> None:
    _project(state, "")
    state.moved = True  # the whole page runs again


def _train(state: State, config: RunConfig | None, shown: StoredRun | None) -> None:
    ready_made = shown is not None and not shown.own and config == state.shown
    with st.container(key="train", width="content"):
        pressed = st.button(
            "Train it yourself" if ready_made else "Train", type="primary", width="stretch",
            icon=":material/model_training:", disabled=config is None, key=f"{state.page}/train",
            help="Train with the settings on the left. The run shown now stops, unless it is the "
            "reference.")
    if pressed and config is not None:
        prediction.take(state.challenge, config.digest())
        actions.train(state, config)


def _data(state: State, on: str, name: str) -> None:
    """The same failure on points of the plane, which train several times as fast."""
    where = f"{state.page}/data"
    st.session_state[where] = on
    st.segmented_control(
        "Data", ["", *state.challenge.planes], key=where, label_visibility="collapsed",
        format_func=lambda dataset: DATA.get(dataset, dataset.capitalize()),
        on_change=actions.choose_data, args=(state, where, name),
        help="The same failure on digits, or on points of the plane, where everything can be seen: "
        "D's score of each place, its slope at each sample, and what G makes of its latents.")


def _stop_or_continue(state: State, shown: StoredRun | None) -> None:
    if shown is not None and shown.live:
        if st.button("Stop", icon=":material/stop:") and not server.queue().stop(
            state.shown.digest(), server.viewer()
        ):
            st.toast("Others are watching this run too, so it goes on.")
        return
    goal = _goal(state, shown)
    words = FROM_THE_START if shown is not None and shown.opened else CONTINUE
    if st.button("Continue", disabled=goal is None, help=words) and goal is not None:
        actions.train(state, state.shown.replace(steps=goal))


def _goal(state: State, shown: StoredRun | None) -> int | None:
    """The step to which Continue would train; None where nothing can be trained further."""
    if shown is None or shown.recorded or shown.snapshot.status.state == "diverged":
        return None
    goal = actions.further(state, shown)
    return goal if goal > shown.snapshot.status.step else None


def _change(state: State, config: RunConfig | None, shown: StoredRun | None) -> None:
    """A knob moved in mid-run: where the slider of steps stands, or where a live run is."""
    changes, at = {}, viewer.step_looked_back_to(state)
    if shown is not None and shown.own:
        step = shown.snapshot.history.last_step if at is None else at
        changes = actions.mid_run_changes(state.shown, config, step)
    words = ", ".join(setting_text(name, value) for name, value in changes.items())
    if shown is not None and not shown.own:
        what = "run from a file" if shown.opened else "recorded run"
        why = f"Train this run first: a {what} has no weights to go on from."
    else:
        why = (f"From here on: {words}. " if changes else "First move a slider. ") + (
            "Keeps what was trained until then and goes on with the sliders' settings; look back "
            "to change an earlier step.")
    if st.button("Change now", icon=":material/build:", disabled=not changes, help=why,
                 width="stretch") and shown:
        actions.change(state, shown, at)


def _pin(state: State, shown: StoredRun | None) -> None:
    if state.pinned is not None and state.pinned.digest() == state.shown.digest():
        if st.button("Unpin", icon=":material/keep_off:",
                     help="This run is kept as the reference of the next one; press to let it go."):
            state.pinned = None
            st.rerun()
    elif st.button("Pin", icon=":material/keep:", disabled=shown is None,
                   help="Keep this run: the next one that is shown has it as its reference on the "
                   "right."):
        state.pinned = state.shown
        st.rerun()


def _presets(state: State, config: RunConfig | None) -> None:
    challenge = state.challenge
    # The highlight follows the sliders, wherever they were moved from.
    now = next(
        (name for name, preset in challenge.offered.items() if preset.config == config), None)
    dataset = (config or state.shown).dataset
    on = dataset if dataset in challenge.planes else ""
    presets = challenge.planes[on] if on else challenge.presets
    chosen = now.removeprefix(f"{on}-") if now is not None else None
    where, more = f"{state.page}/preset/{on}", f"{state.page}/experiment"
    st.session_state[where] = chosen if chosen in presets else None
    st.session_state[more] = now if now in challenge.experiments else None
    st.segmented_control(
        "Presets", list(presets), key=where,
        format_func=lambda name: presets[name].label.partition(",")[0],  # the data stand beside it
        label_visibility="collapsed", on_change=actions.choose, args=(state, where, on),
        help="\n".join([
            *(f"- **{p.label}**: {p.help}" for p in presets.values()),
            "\nA run that trains stops when another is shown, unless it is the reference."]),
    )
    if challenge.planes:
        _data(state, on, chosen or "broken")
    if challenge.experiments:
        with st.popover("More", icon=":material/science:"):
            st.radio(
                "More experiments", list(challenge.experiments), key=more, index=None,
                format_func=lambda name: challenge.experiments[name].label,
                captions=[preset.help for preset in challenge.experiments.values()],
                on_change=actions.choose, args=(state, more))
    if state.pending is not None:
        st.rerun()


# --- what became of it ---------------------------------------------------------------------------


def _status(state: State, shown: StoredRun | None, reference: StoredRun | None) -> bool:
    """Progress and verdict; beside them the page that explains the failure, and what helps. Whether
    the run has just ended."""
    said = spoken_verdict(shown.snapshot) if shown is not None else None
    words, help_ = st.columns([4, 1.15], vertical_alignment="top")
    with words:
        ended = viewer.status(state, shown, reference)
    with help_:
        with st.container(key="explained"):
            others = [CHALLENGES[name] for name in said.pages if name != state.page] if said else []
            if others:
                st.page_link(others[0].page, label=others[0].title, icon=others[0].icon,
                             help="The page that explains this failure.")
            else:  # an empty container would be dropped, and the remedies would move
                st.markdown("&nbsp;")
        if said is not None and said.remedies and shown is not None:
            _remedies(state, said.remedies, shown.snapshot.history.last_step)
    return ended


def _runs(state: State, shown: StoredRun | None, reference: StoredRun | None) -> None:
    if any(run is not None and run.snapshot.config.ema > 0 for run in (shown, reference)):
        st.toggle(
            "Samples of the averaged generator", key=f"{state.page}/averaged",
            help="Where a run averages G's weights over time. Verdict and charts tell of G itself.")
    if reference is None and state.compared_to is not None and st.button(
        "Train the reference", help="It has not been trained on this server."
    ):
        actions.submit(state, state.compared_to)
        st.rerun()
    viewer.runs(state, shown, reference)


def _remedies(state: State, remedies: tuple[Remedy, ...], step: int) -> None:
    first, *others = remedies
    if st.button("Apply remedy", type="primary", icon=":material/healing:", width="stretch",
                 help=f"{first.label}: {first.why}. The broken run stays beside it."):
        actions.apply(state, first, step)
    with st.container(key="remedies", horizontal=True, gap="small"):
        try_remedies.offer(state)
        if not others:
            return
        with st.popover("Others", width="stretch"):
            for remedy in others:
                if st.button(remedy.label, help=remedy.why, key=f"remedy/{remedy.label}"):
                    actions.apply(state, remedy, step)
