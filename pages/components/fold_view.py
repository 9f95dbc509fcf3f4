"""A cross-validation as it is drawn in the browser: the table of folds, the verdict, the folds."""

from __future__ import annotations

import base64
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from gan_core.config.presets import CHALLENGES
from gan_core.config.run_config import RunConfig
from gan_core.config.value_words import number_text
from gan_core.exploration.cell_runs import MEASURES, CellRun
from gan_core.exploration.cross_validation import CrossValidation
from gan_core.exploration.fold_pictures import digits
from gan_core.exploration.fold_words import verdict_words
from gan_core.exploration.price import seconds
from gan_core.serving import fold_channel
from gan_core.serving.run_words import wait_text
from pages.components import server, viewer_code
from pages.components.fold_choice import FoldChoice
from pages.components.map_view import OPENS_ON, grid
from pages.components.markdown import plain
from pages.components.state import opening


def fold_view(choice: FoldChoice) -> None:
    """Buttons, the table, and what it comes to."""
    study, studies = choice.study, server.studies()
    results, filling = studies.results(study), studies.state(study)
    _buttons(study, results, filling.live)
    data: dict[str, Any] = {
        "part": "map", "code": viewer_code.ADDRESS, "viewer": server.ticket(),
        "address": f"studies/{study.digest()}", "colouring": "verdict",
        "first": fold_channel.state(study, results, filling),
        "x": "the fold that was held out; their mean ± standard deviation; the test set",
        "y": MEASURES[study.measure].label,
        "columns": [*(f"fold {fold}" for fold in range(study.folds)), "mean", "test set"],
        "rows": [candidate.label for candidate in reversed(study.candidates)],
        "chosen": [],
    }
    grid(key="folds/view", data=data, on_chosen_change=partial(_choose, study),
         on_ended_change=_nothing)
    _chosen(study)
    _verdict(study, results)


def _nothing() -> None:
    """What a trigger needs to be heard of; the page runs again all the same."""


def _buttons(study: CrossValidation, results: dict[str, CellRun], live: bool) -> None:
    studies, standing = server.studies(), study.standing(results)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if live:
            if st.button("Stop", icon=":material/stop:"):
                if not studies.stop(study, server.viewer()):
                    st.toast("Others are watching these folds too, so they go on.")
                st.rerun()
            return
        if not standing.wanted:
            return
        begun = any(standing.values)
        if st.button("Go on" if begun else "Train the folds", type="primary",
                     icon=":material/view_week:"):
            studies.fill(study, server.viewer())
            st.rerun()
        st.caption(_price(study, results))


def _price(study: CrossValidation, results: dict[str, CellRun]) -> str:
    left, workers = study.remaining(results), server.settings().workers
    each = study.standing(results).wanted
    some = seconds(each, workers) * left / max(len(each), 1)
    return (f"At most {left} runs of {each[0].steps} steps are left: {wait_text(some)}, {workers} "
            "at a time, on a machine like the one that this was measured on.")


# --- what it comes to ----------------------------------------------------------------------------


def _verdict(study: CrossValidation, results: dict[str, CellRun]) -> None:
    words = verdict_words(study, study.standing(results))
    st.header("Which is better?", anchor=False)
    if not words:
        st.markdown("That is said when all folds are there: before, chance decides.")
    for sentence in words:
        st.markdown(f"- {sentence}")


def _choose(study: CrossValidation) -> None:
    chosen = st.session_state["folds/view"]["chosen"]
    st.session_state["folds/cell"] = (study.digest(), chosen[-1] if chosen else None)


def _chosen(study: CrossValidation) -> None:
    """The run of the cell that was pressed last, with a link that opens it."""
    digest, cell = st.session_state.get("folds/cell", ("", None))
    if digest != study.digest() or cell is None:
        st.caption("Press a cell to open its run.")
        return
    column, candidate = int(cell[0]), len(study.candidates) - 1 - int(cell[1])
    config: RunConfig | None = None
    if column < study.folds:
        config = study.config(candidate, column)
    elif column == study.folds + 1:
        config = study.final(candidate)
    label = plain(study.candidates[candidate].label)
    if config is None:
        st.markdown(f"**{label}**, mean over the folds")
    else:
        of = f"without fold {column}" if column < study.folds else "on the whole training set"
        st.markdown(f"**{label}**, trained {of}: [open this run]({_path()}?{opening(config)})")


def _path() -> str:
    file = CHALLENGES[OPENS_ON].page
    return "./" if file == "streamlit_app.py" else Path(file).stem


# --- the folds -----------------------------------------------------------------------------------


def what_is_held_out(study: CrossValidation) -> None:
    """The folds as what they are."""
    st.header("What each fold holds out", anchor=False)
    card = study.candidates[0].config.card
    if study.candidates[0].config.dataset != "mnist":
        st.markdown(
            f"The {number_text(card.examples)} training examples are put into a fixed random order "
            f"and cut into {study.folds} equal parts. The run of a fold never sees that part.")
        return
    picture, counts = digits(study.folds)
    st.markdown(
        f"The {number_text(sum(counts))} training images are put into a fixed random order and cut "
        f"into {study.folds} parts of {number_text(counts[0])}. Row by row, the first images that "
        "each fold holds out: the run of that fold never sees them, and its samples are measured "
        "against them.")
    encoded = base64.b64encode(picture).decode()
    st.html(f'<img class="folds" alt="The first images that each fold holds out, a row for each '
            f'fold" src="data:image/png;base64,{encoded}">')
    st.caption(
        "The classifier on whose features Fréchet distances are measured was trained on all "
        "training images, those of each fold included; so was the network that recognises digits. "
        "That is the same for all candidates. The test set was seen by neither.")
