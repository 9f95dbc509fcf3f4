"""Try remedies: the first remedies of a failing run, trained side by side, and a table of them.

It is a part of the page's live part, with which it refreshes. Each row is a run like any other: it
can be shown on the left, with the run that fails as its reference.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

import streamlit as st

from gan_core.config.batching import batch_key
from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError
from gan_core.config.value_words import number_text
from gan_core.diagnosis.remedy_trials import Trial, Tried, advice, choice, effect, trials
from gan_core.diagnosis.verdict import verdict
from gan_core.runs.store import RunSnapshot, StoreError
from gan_core.serving.admission import MOST_OF_A_VIEWER, QueueFull
from gan_core.serving.queue import HIDDEN_SECONDS
from gan_core.serving.run_lists import TRAINED
from pages.components import own_runs, server
from pages.components.markdown import plain
from pages.components.server import StoredRun
from pages.components.state import State

AT_ONCE = MOST_OF_A_VIEWER - 1  # of runs that go one by one; Train keeps one place


@dataclass
class Comparison:
    """What this tab compares: the run that fails, as `trials[0]`, and what is to mend it; `broken`
    is that run as the visitor had it, `trials[0]` as long as the others."""

    trials: list[Trial]
    broken: RunConfig
    asked: set[str] = field(default_factory=set)  # digests; none is asked for twice
    refusal: str = ""

    @property
    def digests(self) -> set[str]:
        return {trial.config.digest() for trial in self.trials}


def offer(state: State) -> None:
    """The button, on a run that fails."""
    shown = state.shown_run()
    if shown is None or not _fails(shown):
        return
    if st.button("Try remedies", width="stretch", help="Trains the first three remedies side by "
                 "side, each for as long, and says which one to take."):
        _drop(state)
        st.session_state[_key(state)] = _planned(state.shown, shown)
        st.rerun()


def watched(state: State) -> list[RunSnapshot]:
    """Ask for what is missing, and renew the leases of what is compared; those that are live.

    For longer than a refresh, which a hidden tab may ask for but once a minute.
    """
    comparison = _comparison(state)
    if comparison is None:
        return []
    _ask(comparison, _live(_runs(comparison)))
    runs = _runs(comparison)
    for run in runs:
        if run is not None and run.own:
            server.queue().watch(run.snapshot.digest, server.viewer(), HIDDEN_SECONDS)
    return _live(runs)


def table(state: State) -> None:
    """What was changed, what became of it, and which to take."""
    comparison = _comparison(state)
    if comparison is None:
        return
    runs = _runs(comparison)
    with st.container(key="trials"):
        st.markdown(_markdown(comparison, runs))
        st.markdown(_words(comparison, runs))
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            _show_buttons(state, comparison)
            st.button("Close", icon=":material/close:", on_click=_drop, args=(state,),
                      help="What still trains stops, but for the runs on the page.")


# --- what is compared ----------------------------------------------------------------------------


def _key(state: State) -> str:
    return f"{state.page}/trials"


def _comparison(state: State) -> Comparison | None:
    """What is compared; given up when the visitor has turned to a run that is none of it."""
    comparison: Comparison | None = st.session_state.get(_key(state))
    if comparison is not None and state.shown.digest() not in comparison.digests:
        _drop(state)
        return None
    return comparison


def _fails(run: StoredRun) -> bool:
    snapshot = run.snapshot
    return verdict(snapshot.history, snapshot.config).state in ("failing", "diverged")


def _planned(config: RunConfig, run: StoredRun) -> Comparison:
    """The trials of a run, below the run itself: as it is, or as far as the trials go."""
    good_steps = () if not run.own else list(run.store.good_checkpoints(run.snapshot.digest))
    planned = trials(run.snapshot.history, config, good_steps,
                     longest=server.settings().max_steps)
    on = next((trial.config for trial in planned if trial.goes_on), config)
    remedies = [trial for trial in planned if not trial.goes_on]
    return Comparison([Trial("", {}, on), *remedies], config)


def _drop(state: State) -> None:
    """Give the comparison up; its runs stop, unless the page shows them or others watch."""
    comparison: Comparison | None = st.session_state.pop(_key(state), None)
    if comparison is None:
        return
    on_page = {config.digest() for config in (state.shown, state.pinned) if config is not None}
    for digest in comparison.asked - on_page:
        server.queue().stop(digest, server.viewer())


def _runs(comparison: Comparison) -> list[StoredRun | None]:
    return [server.stored_run(trial.config, recorded_first=True) for trial in comparison.trials]


def _live(runs: Iterable[StoredRun | None]) -> list[RunSnapshot]:
    return [run.snapshot for run in runs if run is not None and run.live]


def _ask(comparison: Comparison, live: Iterable[RunSnapshot]) -> None:
    """Ask the queue for as much as it takes just now: in one batch what can be trained so."""
    busy = {_group(snapshot.config) for snapshot in live}
    for group, configs in _missing(comparison).items():
        if len(busy | {group}) > AT_ONCE:
            return
        try:
            digests = server.queue().submit_together(configs, server.viewer())
            comparison.asked.update(digests)
            for digest in digests:
                own_runs.keep(digest, TRAINED)
            comparison.refusal = ""
            busy.add(group)
        except QueueFull as error:
            comparison.refusal = f"Waiting for a place. {error}"
            return
        except ConfigError as error:
            comparison.asked.update(config.digest() for config in configs)
            comparison.refusal = str(error)
        except StoreError as error:
            comparison.asked.update(config.digest() for config in configs)
            comparison.refusal = f"The runs cannot be stored: {error.cause}."


def _group(config: RunConfig) -> Hashable:
    return batch_key(config) or config.digest()


def _missing(comparison: Comparison) -> dict[Hashable, list[RunConfig]]:
    """What is still to be asked for, by what trains in one batch."""
    groups: dict[Hashable, list[RunConfig]] = {}
    for trial, run in zip(comparison.trials, _runs(comparison), strict=True):
        config = trial.config
        if config.digest() in comparison.asked or (run is not None and _holds(run, config)):
            continue
        groups.setdefault(_group(config), []).append(config)
    return groups


def _holds(run: StoredRun, config: RunConfig) -> bool:
    """Whether nothing needs to be asked for: it is there, or on its way."""
    return run.snapshot.holds(config.steps) or (run.live and run.snapshot.status.steps >=
                                                config.steps)


# --- what is drawn -------------------------------------------------------------------------------


def _tried(trial: Trial, run: StoredRun | None) -> Tried | None:
    return None if run is None else Tried(trial, run.snapshot.history)


def _markdown(comparison: Comparison, runs: list[StoredRun | None]) -> str:
    """The table; the row to take is bold once all have ended."""
    card = comparison.broken.card
    heads = ["", "What was changed", "What became of it", "Quality", f"{card.mode_noun.title()}s"]
    heads += ["Fréchet"] if card.kind == "image" else []
    rows = [_cells(index, trial, run, comparison, runs[0], card.kind == "image")
            for index, (trial, run) in enumerate(zip(comparison.trials, runs, strict=True))]
    best = _taken(comparison, runs)
    rows = [[f"**{cell}**" if cell and trial is best else cell for cell in row]
            for trial, row in zip(comparison.trials, rows, strict=True)]
    return "\n".join(f"| {' | '.join(row)} |" for row in [heads, ["---"] * len(heads), *rows])


def _cells(
    index: int, trial: Trial, run: StoredRun | None, comparison: Comparison,
    broken: StoredRun | None, images: bool,
) -> list[str]:
    tried, baseline = _tried(trial, run), _tried(comparison.trials[0], broken)
    cells = [str(index or ""), plain(trial.title), plain(_state(tried, run))]
    quality = tried.quality if tried else None
    if tried is None or quality is None:
        return cells + [""] * (3 if images else 2)
    if index and baseline is not None and run is not None and not run.live:
        cells[2] += f" {effect(baseline, tried).capitalize()}."
    cells += [f"{tried.score:.2f}", f"{quality.supported} of {quality.possible}"]
    if images:
        cells.append(f"{tried.distance:.0f}" if math.isfinite(tried.distance) else "")
    return cells


def _state(tried: Tried | None, run: StoredRun | None) -> str:
    """What became of a run, or how far it is."""
    if tried is None or run is None or run.snapshot.status.state == "queued":
        return "waits for a worker"
    status = run.snapshot.status
    if run.live:
        where = f"step {number_text(status.step)} of {number_text(status.steps)}"
        return f"{where}: {tried.verdict.headline}"
    stopped = "Stopped. " if status.state == "stopped" else ""
    return f"{stopped}{tried.verdict.headline}"


def _ended(runs: Iterable[StoredRun | None]) -> bool:
    return all(run is not None and not run.live for run in runs)


def _taken(comparison: Comparison, runs: list[StoredRun | None]) -> Trial | None:
    """The trial to take; None before all have ended, or if none of them helped."""
    broken, remedies = _all_tried(comparison, runs)
    if broken is None or not _ended(runs):
        return None
    taken = choice(broken, remedies)
    return taken.trial if taken is not None else None


def _all_tried(
    comparison: Comparison, runs: list[StoredRun | None]
) -> tuple[Tried | None, list[Tried]]:
    """The run that fails, and the remedies, as far as they are there."""
    tried = [_tried(trial, run) for trial, run in zip(comparison.trials, runs, strict=True)]
    return tried[0], [each for each in tried[1:] if each is not None]


def _words(comparison: Comparison, runs: list[StoredRun | None]) -> str:
    broken, remedies = _all_tried(comparison, runs)
    if broken is not None and _ended(runs):
        words = f"**{plain(advice(broken, remedies))}**"
    else:
        done = sum(run is not None and not run.live for run in runs)
        words = f"{done} of {len(runs)} trained. Which one to take is said when all have ended."
    return f"{words} {plain(comparison.refusal)}"


def _show_buttons(state: State, comparison: Comparison) -> None:
    """One for each row, to show its run on the left."""
    st.caption("Show on the left:", width="content")
    for index, trial in enumerate(comparison.trials):
        is_shown = trial.config.digest() == state.shown.digest()
        st.button(str(index or "as it is"), key=f"{_key(state)}/show/{index}", disabled=is_shown,
                  on_click=_show, args=(state, comparison, index),
                  help=f"{plain(trial.title)}; with the run that fails as reference.")


def _show(state: State, comparison: Comparison, index: int) -> None:
    state.shown = state.pending = comparison.trials[index].config
    state.as_trained_here(state.shown)
    state.pinned = comparison.broken if index else None
    state.fresh = False
