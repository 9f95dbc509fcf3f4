"""Run, watch, stop, continue, pin and compare: the live part of a page.

Training happens in a worker; this module polls snapshots of it. `results` draws them into slots of
fixed size, `actions` does what the buttons say. Any widget may be moved while a run goes on.
"""

from __future__ import annotations

import streamlit as st

from gan_core.config.presets import CHALLENGES, Challenge
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.diagnose import Remedy
from gan_core.runs.store import RunSnapshot, StoreError
from pages.components import (
    actions,
    controls,
    prediction,
    results,
    server,
    try_remedies,
    verdict,
)
from pages.components.config_text import setting_text
from pages.components.markdown import plain
from pages.components.page_frame import device_badge
from pages.components.server import StoredRun
from pages.components.state import State, arrive, link, write_url

# Seconds between two refreshes of a live run. The browser often shares the cores with the training:
# drawing the page twice a second took half a core from it, once a second a quarter.
TICK = 1.0
CHART_TICK = 3.0
FIRST_TICK = 0.25  # until the first picture of a run is there
UNREADABLE = "This run's files cannot be read just now. If this persists, train it again."


def experiment(page: str, challenge: Challenge) -> State:
    """Everything of a challenge page but its words: controls, run, verdict, samples, charts.

    Returns the page's state, for parts that only this page has.
    """
    state = arrive(page, challenge)
    try:
        with st.sidebar:
            config = controls.controls(page, challenge, {"steps": server.settings().max_steps})
            st.divider()
            device_badge()
        if state.problems:
            with st.container(key="problems"):
                st.warning(verdict.listed(state.problems), icon=":material/link_off:")
        if state.refusal:
            st.warning(plain(state.refusal), icon=":material/block:")
        if config is not None:
            state.sliders = config
        write_url(state)
        tick = _watch(state)
        # Side by side, not nested: a nested fragment with a timer of its own goes stale.
        st.fragment(_view, run_every=tick)(state, config, tick)
        st.fragment(_charts, run_every=CHART_TICK if tick else None)(state)
    except StoreError:
        st.error(UNREADABLE)
    return state


def _watch(state: State) -> float | None:
    """Renew the leases of both runs on the page; seconds until the next refresh, None without a
    live run."""
    live = []
    for config in (state.shown, state.pinned):
        run = server.stored_run(config) if config is not None else None
        if run is not None and not run.recorded:
            server.queue().watch(run.snapshot.digest, server.viewer())
            live += [run.snapshot] if run.live else []
    return pace([*live, *try_remedies.watched(state)])


def pace(live: list[RunSnapshot]) -> float | None:
    """Seconds between two refreshes of these live runs; None without any."""
    if not live:
        return None
    return FIRST_TICK if any(map(_about_to_begin, live)) else TICK


def _about_to_begin(snapshot: RunSnapshot) -> bool:
    """Whether the first picture may come at any moment: not while a run queues or downloads."""
    status = snapshot.status
    return not snapshot.samples and status.state != "queued" and not status.reason


# --- the live part -------------------------------------------------------------------------------


def _view(state: State, config: RunConfig | None, last_tick: float | None) -> None:
    try:
        tick = _watch(state)
        shown, reference = state.shown_run(), state.reference_run()
        _buttons(state, config, shown)
        shown_verdict = verdict.verdict(shown.snapshot if shown else None)
        _progress(state, shown, shown_verdict)
        _verdict(state, shown, shown_verdict)
        try_remedies.table(state)
        results.show_samples(state, shown, reference)
        if tick != last_tick or state.moved:
            state.moved = False
            # The timer begins, ends or slows down; last, since a rerun swallows what was pressed.
            st.rerun()
    except StoreError:
        # A sheet may vanish between two refreshes: a run that is continued is first wound back.
        st.error(UNREADABLE)


def _charts(state: State) -> None:
    try:
        results.show_charts(state, state.shown_run(), state.reference_run())
    except StoreError:
        st.error(UNREADABLE)


def _buttons(state: State, config: RunConfig | None, shown: StoredRun | None) -> None:
    with st.container(key="buttons", horizontal=True, vertical_alignment="center", gap="small"):
        _presets(state, config)
        if st.button("Train", type="primary", icon=":material/play_arrow:", disabled=config is None,
                     help="Train with the settings on the left. The run shown now stops, unless "
                     "it is the reference.") and config is not None:
            prediction.take(state.challenge, config.digest())
            actions.train(state, config)
        _stop_or_continue(state, shown)
        _change(state, config, shown)
        _pin(state, shown)
        with st.popover("Link", icon=":material/link:"):
            st.caption("Opens these settings, with this run and its reference where they have been "
                       "trained; on another copy of this app Train makes them anew.")
            st.code(link(state), language=None, wrap_lines=True)


def _stop_or_continue(state: State, shown: StoredRun | None) -> None:
    if shown is not None and shown.live:
        if st.button("Stop", icon=":material/stop:") and not server.queue().stop(
            state.shown.digest(), server.viewer()
        ):
            st.toast("Others are watching this run too, so it goes on.")
        return
    goal = _goal(state, shown)
    if st.button("Continue", icon=":material/fast_forward:", disabled=goal is None,
                 help="Train the run on the left further.") and goal is not None:
        actions.train(state, state.shown.replace(steps=goal))


def _goal(state: State, shown: StoredRun | None) -> int | None:
    """The step to which Continue would train; None where nothing can be trained further."""
    if shown is None or shown.recorded or shown.snapshot.status.state == "diverged":
        return None
    goal = actions.further(state, shown)
    return goal if goal > shown.snapshot.status.step else None


def _change(state: State, config: RunConfig | None, shown: StoredRun | None) -> None:
    """A knob moved in mid-run: where the slider of steps stands, or where a live run is."""
    changes, at = {}, results.step_looked_back_to(state)
    if shown is not None and not shown.recorded:
        step = shown.snapshot.history.last_step if at is None else at
        changes = actions.mid_run_changes(state.shown, config, step)
    words = ", ".join(setting_text(name, value) for name, value in changes.items())
    if shown is not None and shown.recorded:
        why = "Train this run first: of a recorded one there is nothing to go on from."
    else:
        why = (f"From here on: {words}. " if changes else "First move a slider. ") + (
            "Keeps what was trained until then and goes on with the sliders' settings; look back "
            "to change an earlier step.")
    if st.button("Change now", icon=":material/build:", disabled=not changes, help=why) and shown:
        actions.change(state, shown, at)


def _pin(state: State, shown: StoredRun | None) -> None:
    if state.pinned is not None and state.pinned.digest() == state.shown.digest():
        if st.button("Unpin", icon=":material/keep_off:", help="Give the reference up."):
            state.pinned = None
            st.rerun()
    elif st.button("Pin", icon=":material/keep:", disabled=shown is None,
                   help="Keep this run as reference on the right, to compare the next one with."):
        state.pinned = state.shown
        st.rerun()


def _presets(state: State, config: RunConfig | None) -> None:
    challenge = state.challenge
    # The highlight follows the sliders, wherever they were moved from.
    now = next(
        (name for name, preset in challenge.offered.items() if preset.config == config), None)
    where, more = f"{state.page}/preset", f"{state.page}/experiment"
    st.session_state[where] = now if now in challenge.presets else None
    st.session_state[more] = now if now in challenge.experiments else None
    st.segmented_control(
        "Presets", list(challenge.presets),
        format_func=lambda name: challenge.presets[name].label, key=where,
        label_visibility="collapsed", on_change=actions.choose, args=(state, where),
        help="\n".join(f"- **{p.label}**: {p.help}" for p in challenge.presets.values()),
    )
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


def _progress(state: State, shown: StoredRun | None, shown_verdict: verdict.Verdict) -> None:
    """How far the run is, and the pages that explain what is wrong with it."""
    recorded = shown is not None and shown.recorded
    share, words = verdict.progress(shown.snapshot if shown else None, recorded)
    others = [CHALLENGES[name] for name in shown_verdict.pages if name != state.page]
    with st.container(key="progress"):
        bar, links = st.columns([4, 1.15], vertical_alignment="top")
        bar.progress(share, text=plain(words))
        if others:
            links.page_link(others[0].page, label=others[0].title, icon=others[0].icon,
                            help="The page that explains this failure.")


def _verdict(state: State, shown: StoredRun | None, shown_verdict: verdict.Verdict) -> None:
    answer = prediction.answered(state.challenge, shown.snapshot if shown else None)
    with st.container(key="verdict"):
        words, remedies = st.columns([4, 1.15], vertical_alignment="top")
        getattr(words, shown_verdict.tone)("  \n".join(filter(None, (shown_verdict.text, answer))))
        if shown_verdict.remedies and shown is not None:
            with remedies:
                _remedies(state, shown_verdict.remedies, shown.snapshot.history.last_step)


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
