"""What a visitor does to a run: train, continue, pin, apply a remedy, change a knob in mid-run.

A change in mid-run makes a run of its own, whose config says what changes at which step; the worker
goes on from the checkpoint of the run it was made on.
"""

from __future__ import annotations

import time
from typing import Any

import streamlit as st

from gan_core.config.fields import KNOBS
from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError
from gan_core.diagnosis.diagnose import Remedy
from gan_core.diagnosis.verdict_words import whole
from gan_core.runs.store import StoreError
from gan_core.serving.admission import QueueFull
from gan_core.serving.run_lists import TRAINED
from pages.components import own_runs, server
from pages.components.server import StoredRun
from pages.components.state import State

HALT_SECONDS = 3.0  # how long a click waits for a run to stop
BURST = 50  # steps that a run which others watch may be ahead of what the page knows


def submit(state: State, config: RunConfig) -> bool:
    """Have `config` trained; whether it will be. What prevents it becomes words."""
    try:
        own_runs.keep(server.queue().submit(config, server.viewer()), TRAINED)
    except (ConfigError, QueueFull) as error:
        state.refusal = str(error)
    except StoreError as error:
        state.refusal = f"The run cannot be stored: {error.cause}."
    else:
        state.problems, state.refusal = [], ""
        return True
    return False


def train(state: State, config: RunConfig) -> None:
    """Show the run of `config` and see that it is trained; the run shown before is let go."""
    before = state.shown
    if submit(state, config):
        keep = {config.digest(), state.pinned.digest() if state.pinned else ""}
        if before.digest() not in keep:
            server.queue().release(before.digest(), server.viewer())
        state.shown, state.fresh, state.asks = config, False, False
        state.as_trained_here(config)
    st.rerun()


def apply(state: State, remedy: Remedy, step: int) -> None:
    """Pin the broken run, move the sliders to the remedy, and train it from the start."""
    mended = state.shown.at(step).replace(**remedy.changes)
    if submit(state, mended):
        state.pinned, state.shown, state.pending = state.shown, mended, mended
        state.fresh = state.asks = False
        state.as_trained_here(mended)
    st.rerun()


def further(state: State, run: StoredRun) -> int:
    """Where Continue goes: to the run's own end, or as far again beyond it."""
    reached, goal = run.snapshot.status.step, state.shown.steps
    if reached >= goal:
        goal = reached + (state.sliders or state.shown).steps
    return min(goal, server.settings().max_steps)


def choose(state: State, where: str, dataset: str = "") -> None:
    """A preset was pressed, on points of `dataset` or on the page's own data."""
    name = st.session_state[where]
    if name is not None:
        show_preset(state, f"{dataset}-{name}" if dataset else name)


def choose_data(state: State, where: str, name: str) -> None:
    """Other data were chosen: the preset `name` of theirs, or their failure."""
    dataset = st.session_state[where]
    if dataset is None:
        return
    own = state.challenge.planes.get(dataset)
    if own is None:
        show_preset(state, name)
    else:
        show_preset(state, f"{dataset}-{name if name in own else 'broken'}")


def show_preset(state: State, name: str) -> None:
    """The sliders go to a preset in this very run, and the page shows its run: recorded, or as far
    as it was trained here; the run shown before is let go. A reference that somebody pinned stays,
    unless it is a preset too."""
    config, before = state.challenge.offered[name].config, state.shown
    state.pending = state.shown = config
    state.fresh, state.asks = True, False
    state.as_trained_here(config)
    if before.digest() not in {config.digest(), state.pinned.digest() if state.pinned else ""}:
        server.queue().release(before.digest(), server.viewer())
    digests = {preset.config.digest() for preset in state.challenge.offered.values()}
    if state.pinned is not None and state.pinned.digest() in digests:
        state.pinned = None
    state.problems, state.refusal = [], ""


# --- a change in mid-run -------------------------------------------------------------------------


def mid_run_changes(shown: RunConfig, sliders: RunConfig | None, step: int) -> dict[str, Any]:
    """What the sliders say of the settings that may change while a run goes on, where it differs
    from what is in force after `step` steps. Empty if nothing does, or if they do not go together.
    """
    if sliders is None or step < 1:
        return {}
    now = shown.at(step)
    # The same schedule on both sides: nothing was moved since it was set.
    intended = sliders.at(step) if sliders.schedule == shown.schedule else sliders
    changes = {name: getattr(intended, name) for name, knob in KNOBS.items()
               if knob.mid_run and getattr(intended, name) != getattr(now, name)}
    try:
        shown.changed(step, **changes)
    except ConfigError:  # they do not go together, or a schedule holds no more of them
        return {}
    return changes


def change(state: State, run: StoredRun, step: int | None) -> None:
    """From `step` of the shown run on, or from where it is, train with the sliders' settings.

    A live run is stopped, unless others watch it.
    """
    shown = state.shown
    if run.live:
        halted = _halted(run)
        step = halted if step is None else step
    elif step is None:
        step = run.snapshot.history.last_step
    sliders = state.sliders or shown
    changed = shown.changed(step, **mid_run_changes(shown, sliders, step))
    steps = max(shown.steps, sliders.steps)
    if step >= steps:
        steps = step + shown.steps
    changed = changed.replace(steps=min(steps, server.settings().max_steps))
    if submit(state, changed):
        st.toast(f"Changed at step {whole(step)}; the run goes on to step {whole(changed.steps)}.")
        state.pinned = state.pinned or shown
        state.shown, state.fresh = changed, False
        state.as_trained_here(changed)
    st.rerun()


def _halted(run: StoredRun) -> int:
    """Stop a live run; the step at which it can be changed."""
    digest = run.snapshot.digest
    if not server.queue().stop(digest, server.viewer()):
        return run.snapshot.status.step + BURST  # it goes on: a little after where it is
    deadline = time.monotonic() + HALT_SECONDS
    snapshot = run.snapshot
    while snapshot.live and time.monotonic() < deadline:
        time.sleep(0.05)
        snapshot = server.queue().snapshot(digest) or snapshot
    return max(snapshot.status.step, 1)
