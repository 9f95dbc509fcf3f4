"""A cross-validation as it is drawn in the browser: the table of folds, the verdict, the folds."""

from __future__ import annotations

import base64
from functools import partial
from typing import Any

import streamlit as st

from gan_core.config.value_words import number_text
from gan_core.exploration.cell_runs import MEASURES, CellRun
from gan_core.exploration.cross_validation import CrossValidation
from gan_core.exploration.fold_pictures import digits
from gan_core.exploration.fold_words import verdict_words
from gan_core.exploration.study import name_of
from gan_core.serving import fold_channel
from pages.components import server, viewer_code
from pages.components.fold_choice import FoldChoice
from pages.components.map_view import grid, nothing, path_of_runs, price_words
from pages.components.markdown import plain
from pages.components.state import opening


def fold_view(choice: FoldChoice) -> None:
    """Buttons, the table, and what it comes to."""
    study, studies = choice.study, server.studies()
    results, filling = studies.results(study), studies.state(study)
    _buttons(study, results, filling.live)
    data: dict[str, Any] = {
        "part": "map", "code": viewer_code.ADDRESS, "viewer": server.ticket(),
        "name": name_of(study), "address": f"studies/{name_of(study)}", "colouring": "verdict",
        "first": fold_channel.state(study, results, filling),
        "x": "the fold that was held out; their mean ± standard deviation; the test set",
        "y": MEASURES[study.measure].label,
        "columns": [*(f"fold {fold}" for fold in range(study.folds)), "mean", "test set"],
        "rows": [candidate.label for candidate in reversed(study.candidates)],
        "chosen": [cell] if (cell := _cell(study)) is not None else [],
    }
    grid(key="folds/view", data=data, on_chosen_change=partial(_choose, study),
         on_ended_change=nothing)
    _chosen(study)
    _verdict(study, results)


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
    left, each = study.remaining(results), study.standing(results).wanted
    runs = "One run" if left == 1 else f"At most {left} runs"
    are = "is" if left == 1 else "are"
    return (f"{runs} of {number_text(each[0].steps)} steps {are} still to be trained. "
            f"{price_words(each, left / len(each))}")


# --- what it comes to ----------------------------------------------------------------------------


def _verdict(study: CrossValidation, results: dict[str, CellRun]) -> None:
    words = verdict_words(study, study.standing(results))
    st.header("Which is better?", anchor=False)
    if not words:
        st.markdown("That is said when all folds are there: before, chance decides.")
    for sentence in words:
        st.markdown(f"- {sentence}")


def _choose(study: CrossValidation) -> None:
    told = st.session_state["folds/view"]["chosen"]
    if told and told[0] == name_of(study):  # else of folds that were there before
        st.session_state["folds/cell"] = (told[0], told[1][-1] if told[1] else None)


def _cell(study: CrossValidation) -> list[int] | None:
    """The cell that was pressed last: its column, and its row from the bottom."""
    name, cell = st.session_state.get("folds/cell", ("", None))
    inside = cell is not None and name == name_of(study)
    return [int(cell[0]), int(cell[1])] if inside else None


def _chosen(study: CrossValidation) -> None:
    """The run of that cell, with a link that opens it."""
    cell = _cell(study)
    if cell is None:
        st.caption("Press a cell to open its run.")
        return
    column, candidate = cell[0], len(study.candidates) - 1 - cell[1]
    label = plain(study.candidates[candidate].label)
    if column == study.folds:
        st.markdown(f"**{label}**, mean over the folds")
        return
    config = study.config(candidate, column) if column < study.folds else study.final(candidate)
    of = f"without fold {column}" if column < study.folds else "on the whole training set"
    st.markdown(f"**{label}**, trained {of}: [open this run]({path_of_runs()}?{opening(config)})")


# --- the folds -----------------------------------------------------------------------------------


def what_is_held_out(study: CrossValidation) -> None:
    """The folds as what they are."""
    st.header("What each fold holds out", anchor=False)
    card = study.candidates[0].config.card
    if study.candidates[0].config.dataset != "mnist":
        against = ("Samples of points are measured against the mixture that the data come from, so "
                   "a fold changes only what its run is trained on." if card.kind == "points"
                   else "Its samples are measured against it.")
        st.markdown(
            f"The {number_text(card.examples)} training examples are put into a fixed random order "
            f"and cut into {study.folds} equal parts. The run of a fold never sees that part. "
            f"{against}")
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
        "That is the same for all candidates. Neither saw the test set; but the verdicts "
        "of other pages rest on it.")
