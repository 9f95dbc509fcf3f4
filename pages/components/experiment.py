"""Run, watch, stop, continue, pin and compare: the one live part of a page.

Training happens in a worker; this module polls snapshots of it and draws them into slots of fixed
size. Any widget may be moved while a run goes on.
"""

from __future__ import annotations

import streamlit as st

from gan_core.challenges import RECORDED, Challenge
from gan_core.config import ConfigError, RunConfig
from gan_core.diagnosis import Remedy
from gan_core.extractor import extractor
from gan_core.jobs import QueueFull
from gan_core.store import StoreError
from pages.components import charts, controls, gallery, lab, verdict
from pages.components.frame import device_badge, plain
from pages.components.lab import Look
from pages.components.state import State, arrive, link, write_url

# Seconds between two looks at a live run. The browser often shares the cores with the training:
# drawing the page twice a second took half a core from it, once a second a quarter.
TICK = 1.0
CHART_TICK = 3.0
UNREADABLE = "This run's files cannot be read just now. If it stays so, train it anew."


def experiment(page: str, challenge: Challenge) -> None:
    """Everything of a challenge page but its words: controls, run, verdict, samples, charts."""
    try:
        state = arrive(page, challenge)
        with st.sidebar:
            config = controls.controls(page, challenge, {"steps": lab.settings().max_steps})
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
        live = _watch(state)
        # Side by side, not nested: a nested fragment with a timer of its own goes stale.
        st.fragment(_view, run_every=TICK if live else None)(state, config, live)
        st.fragment(_charts, run_every=CHART_TICK if live else None)(state)
    except StoreError:
        st.error(UNREADABLE)


def _watch(state: State) -> bool:
    """Renew the leases of both runs on the page; whether one of them is live."""
    live = False
    for config in (state.shown, state.pinned):
        found = lab.look(config) if config is not None else None
        if found is not None and not found.recorded:
            lab.queue().watch(found.snapshot.digest, lab.viewer())
            live = live or found.live
    return live


# --- what the buttons do -------------------------------------------------------------------------


def _submit(state: State, config: RunConfig) -> bool:
    """Have `config` trained; whether it will be. What prevents it becomes words."""
    try:
        lab.queue().submit(config, lab.viewer())
    except (ConfigError, QueueFull) as error:
        state.refusal = str(error)
    except StoreError:
        state.refusal = "The run cannot be stored: the server's disk may be full."
    else:
        state.problems, state.refusal = [], ""
        return True
    return False


def _train(state: State, config: RunConfig) -> None:
    """Show the run of `config` and see that it is trained; the run shown before is let go."""
    before = state.shown
    if _submit(state, config):
        keep = {config.digest(), state.pinned.digest() if state.pinned else ""}
        if before.digest() not in keep:
            lab.queue().release(before.digest(), lab.viewer())
        state.shown, state.fresh = config, False
    st.rerun()


def _apply(state: State, remedy: Remedy) -> None:
    """Pin the broken run, move the sliders to the remedy, and train it."""
    mended = state.shown.replace(**remedy.changes)
    if _submit(state, mended):
        state.pinned, state.shown, state.pending = state.shown, mended, mended
        state.fresh = False
    st.rerun()


def _further(state: State, look: Look) -> int:
    """Where Continue goes: to the run's own end, or as far again beyond it."""
    reached, goal = look.snapshot.status.step, state.shown.steps
    if reached >= goal:
        goal = reached + (state.sliders or state.shown).steps
    return min(goal, lab.settings().max_steps)


def _choose(state: State, where: str) -> None:
    """A preset was pressed: the sliders go there in this very run."""
    name = st.session_state[where]
    if name is not None:
        state.pending = state.challenge.presets[name].config
        state.problems, state.refusal = [], ""


# --- the live part -------------------------------------------------------------------------------


def _view(state: State, config: RunConfig | None, was_live: bool) -> None:
    try:
        live = _watch(state)
        shown, beside = state.look_at_shown(), reference(state)
        _buttons(state, config, shown)
        share, words = verdict.progress(shown.snapshot if shown else None, _is_recorded(shown))
        with st.container(key="progress"):
            st.progress(share, text=plain(words))
        _verdict(state, shown)
        _samples(state, shown, beside)
        if live != was_live:
            st.rerun()  # the timer begins or ends; last, since a rerun swallows what was pressed
    except StoreError:
        # A sheet may vanish between two looks: a run that is continued is first wound back.
        st.error(UNREADABLE)


def _is_recorded(look: Look | None) -> bool:
    return look is not None and look.recorded


def reference(state: State) -> Look | None:
    """The pinned run, even if it is not there; else the recorded run to compare with."""
    if state.pinned is not None:
        return lab.look(state.pinned, recorded_first=True)
    for name in reversed(state.challenge.recorded):
        other = RECORDED[name].digest() != state.shown.digest()
        snapshot = lab.recorded().snapshot(RECORDED[name].digest()) if other else None
        if snapshot is not None and snapshot.config.dataset == state.shown.dataset:
            return Look(snapshot, lab.recorded(), True)
    return None


def _buttons(state: State, config: RunConfig | None, shown: Look | None) -> None:
    live = shown is not None and shown.live
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _presets(state, config)
        if st.button("Train", type="primary", icon=":material/play_arrow:", disabled=config is None,
                     help="Train with the settings on the left. The run shown now stops, unless "
                     "it is the reference."):
            _train(state, config)
        if st.button("Stop", icon=":material/stop:", disabled=not live) and not lab.queue().stop(
            state.shown.digest(), lab.viewer()
        ):
            st.toast("Others are watching this run too, so it goes on.")
        can_continue = (
            shown is not None and not live and not shown.recorded
            and shown.snapshot.status.state != "diverged"
            and _further(state, shown) > shown.snapshot.status.step
        )
        if st.button("Continue", icon=":material/fast_forward:", disabled=not can_continue,
                     help="Train the run on the left further."):
            _train(state, state.shown.replace(steps=_further(state, shown)))
        _pin(state, shown)
        with st.popover("Link", icon=":material/link:"):
            st.caption("Opens these settings, with this run and its reference where they have been "
                       "trained; on another copy of this app Train makes them anew.")
            st.code(link(state), language=None, wrap_lines=True)


def _pin(state: State, shown: Look | None) -> None:
    if state.pinned is not None and state.pinned.digest() == state.shown.digest():
        if st.button("Unpin", icon=":material/keep_off:", help="Give the reference up."):
            state.pinned = None
            st.rerun()
    elif st.button("Keep as reference", icon=":material/keep:", disabled=shown is None,
                   help="Put this run on the right, to compare the next one with it."):
        state.pinned = state.shown
        st.rerun()


def _presets(state: State, config: RunConfig | None) -> None:
    presets, where = state.challenge.presets, f"{state.page}/preset"
    # The highlight follows the sliders, wherever they were moved from.
    st.session_state[where] = next(
        (name for name, preset in presets.items() if preset.config == config), None
    )
    st.segmented_control(
        "Presets", list(presets), format_func=lambda name: presets[name].label, key=where,
        label_visibility="collapsed", on_change=_choose, args=(state, where),
        help="\n".join(f"- **{p.label}**: {p.help}" for p in presets.values()),
    )
    if state.pending is not None:
        st.rerun()


def _verdict(state: State, shown: Look | None) -> None:
    found = verdict.judge(shown.snapshot if shown else None)
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


def _samples(state: State, shown: Look | None, reference: Look | None) -> None:
    total = max(state.shown.steps, 1)
    where = f"{state.page}/at/{state.shown.digest()}/{total}"
    at = st.session_state.get(where, total)
    # At the right end a live run shows its newest samples; the reference always shows the same
    # step, so that what differs is the settings and not the length of training.
    mine = shown.snapshot.history.last_step if shown is not None and at >= total else at
    theirs = mine
    averaged = st.session_state.get(f"{state.page}/averaged", False)
    left, right, beside = st.columns(3)
    with left:
        _caption("this", "This run", state.shown, shown, mine)
        gallery.show(shown, mine, "this", averaged)
    with right:
        _caption("reference", "Reference", state.pinned, reference, theirs)
        if reference is None and state.pinned is not None:
            if st.button("Train the reference", help="It has not been trained on this server."):
                _submit(state, state.pinned)
                st.rerun()
        else:
            gallery.show(reference, theirs, "reference", averaged)
    with beside:
        _histogram(state, (shown, mine), (reference, theirs))
    st.slider(
        "Look back: both runs at this step; at the right end, the newest samples", 0, total,
        total, key=where, format="step %d", disabled=shown is None,
    )
    if any(look is not None and look.snapshot.config.ema > 0 for look in (shown, reference)):
        st.toggle(
            "Samples of the averaged generator", key=f"{state.page}/averaged",
            help="Where a run averages G's weights over time. Verdict and charts tell of G itself.")
    with st.container(key="difference"):
        both = shown is not None and reference is not None
        words = verdict.difference(shown.snapshot, reference.snapshot) if both else ""
        st.markdown(words or "&nbsp;")


def _caption(
    slot: str, title: str, config: RunConfig | None, look: Look | None, step: int
) -> None:
    """Two lines: which run at which step, and its settings."""
    if look is not None:
        config = look.snapshot.config
    at, label = "", ""
    if look is not None and (taken := gallery.nearest_sample(look.snapshot, step)) is not None:
        at = f" · step {taken}"
    if look is not None and look.recorded:
        label = f" · :orange-badge[recorded {verdict.day(look.snapshot)}]"
    words = controls.described(config) if config is not None else "keep a run as reference"
    with st.container(key=f"caption-{slot}"):
        st.markdown(f"**{title}**{at}{label}  \n{words}")


def _histogram(state: State, *looks: tuple[Look | None, int]) -> None:
    card = state.shown.card
    evaluations = {
        run: evaluation
        for run, (look, step) in zip(charts.RUNS, looks, strict=True)
        if look is not None and look.snapshot.config.dataset == state.shown.dataset
        and (evaluation := look.snapshot.history.evaluation_at(step)) is not None
    }
    st.vega_lite_chart(
        charts.histogram_frame(evaluations),
        charts.histogram_spec(card.modes, card.mode_noun),
        height=330, key="chart-histogram",
        alt=f"Share of generated samples per {card.mode_noun}, this run and the reference",
    )


def _charts(state: State) -> None:
    try:
        _draw_charts(state, state.look_at_shown(), reference(state))
    except StoreError:
        st.error(UNREADABLE)


def _draw_charts(state: State, shown: Look | None, reference: Look | None) -> None:
    """Six charts over the shown run's steps; the reference as far as it can be compared."""
    steps, config = state.shown.steps, state.shown
    histories = {
        run: look.snapshot.history.until(steps)
        for run, look in ((charts.THIS, shown), (charts.REFERENCE, reference))
        if look is not None and look.snapshot.config.dataset == config.dataset
    }
    features = extractor(config.dataset, lab.settings().data)
    drawn = [
        *((charts.curve_frame(curve, histories), charts.curve_spec(curve, steps), curve)
          for curve in charts.curves(config.card, features)),
        *((charts.lines_frame(lines, histories), charts.lines_spec(lines, steps), lines)
          for lines in charts.lines(config.loss, config.discriminator_loss)),
    ]
    for first in range(0, len(drawn), 2):
        for column, (frame, spec, chart) in zip(
            st.columns(2), drawn[first : first + 2], strict=True
        ):
            with column:
                st.vega_lite_chart(frame, spec, height=charts.HEIGHT, alt=chart.described(),
                                   key=f"chart-{chart.title}")
